"""`check` where writers work: findings since a revision, findings that are not known yet, and the exit status."""

from __future__ import annotations

from functools import partial
import json
import os
from pathlib import Path
import subprocess
import sys

from commands import PACKAGE_AT, Cli
import pytest
from texts import CLEAN, REVIEW, SPOILERS
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.drafts import io as drafts

POST = "\n\n".join([*CLEAN.split(". "), *SPOILERS]) + "\n"


@pytest.fixture
def cli(cli: Cli) -> Cli:
    """The command `check`."""
    return partial(cli, "check")


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A draft with a spoiler on each of five lines; its folder is the current one."""
    monkeypatch.chdir(tmp_path)
    path = Path("post.md")
    path.write_text(POST, encoding="utf-8")
    return path


def line_of(sentence: str) -> int:
    return POST[: POST.index(sentence)].count("\n") + 1


ALL = [line_of(sentence) for sentence in SPOILERS]


# --- --fail-on ----------------------------------------------------------------------------------


def test_only_what_is_sure_enough_fails(post: Path, cli: Cli, fast: sg.Guard) -> None:
    top = max(flag.score for flag in fast.flag(POST, format="markdown"))
    for limit, status in [("0", 1), (top, 1), (top + 1e-9, 0), ("never", 0)]:
        ran = cli(post, "--fail-on", str(limit), "--format", "line")
        assert (ran.status, ran.lines) == (status, ALL)
    assert cli(post, "missing.md", "--fail-on", "never").status == 2
    assert cli(post, "--fail-on", "0", "--exit-zero").status == 0


@pytest.mark.parametrize("limit", ["1.5", "-1", "nan", "often", ""])
def test_what_is_no_probability(post: Path, cli: Cli, limit: str) -> None:
    message = f"spoilerguard: --fail-on must be a probability from 0 to 1, or never, not {limit!r}\n"
    assert cli(post, f"--fail-on={limit}") == (2, "", message)


# --- --output -----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["text", "line", "json", "jsonl", "github", "sarif"])
def test_what_is_written_to_a_file_is_what_would_be_printed(post: Path, cli: Cli, format: str) -> None:
    printed = cli(post, "--format", format)
    ran = cli(post, "--format", format, "-o", "out.txt")
    assert (ran.status, ran.out, ran.err) == (1, "", printed.err)
    assert Path("out.txt").read_text(encoding="utf-8") == printed.out


def test_a_file_is_written_whole_or_not_at_all(post: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("out.sarif").write_text("before", encoding="utf-8")

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drafts.os, "fsync", broken)
    ran = cli(post, "--format", "sarif", "-o", "out.sarif")
    assert ran.status == 2
    assert ran.err.startswith("spoilerguard: out.sarif: cannot be written (No space left on device)")
    assert Path("out.sarif").read_text(encoding="utf-8") == "before"
    assert sorted(os.listdir(".")) == ["out.sarif", "post.md"]


# --- --diff -------------------------------------------------------------------------------------


@pytest.fixture
def committed(post: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The draft and another one, committed on `main`."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    Path("other.md").write_text(REVIEW, encoding="utf-8")
    git("init", "--quiet", "--initial-branch=main")
    commit()
    return post


def git(*arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True, timeout=WAIT)


def commit() -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", "x")


def test_only_findings_on_changed_lines_are_reported_with_the_scores_of_the_whole(committed: Path, cli: Cli) -> None:
    before = cli(".", "--format", "line").out.splitlines()
    committed.write_text(POST.replace(SPOILERS[2], SPOILERS[2] + " "), encoding="utf-8")
    ran = cli(".", "--format", "line", "--diff", "HEAD")
    assert (ran.status, ran.lines) == (1, [line_of(SPOILERS[2])])
    assert ran.out.splitlines()[0] in before
    git("checkout", "--quiet", "-b", "mine")
    commit()
    assert cli(".", "--diff", "main", "--format", "line").lines == [line_of(SPOILERS[2])]
    assert cli(".", "--diff", "HEAD", "--format", "line") == (0, "", "")


def test_unchanged_drafts_are_not_read_and_those_taken_away_are_no_error(committed: Path, cli: Cli) -> None:
    Path("broken.md").write_bytes(b"\xff\xff")
    commit()
    Path("other.md").unlink()
    Path("new.md").write_text(SPOILERS[0], encoding="utf-8")
    ran = cli("broken.md", "other.md", "post.md", "new.md", "--diff", "HEAD", "--format", "json")
    assert [file["path"] for file in json.loads(ran.out)["files"]] == ["new.md"]
    assert (ran.status, ran.err) == (1, "")
    assert cli("never.md", "--diff", "HEAD").err == "spoilerguard: never.md: no such file\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["post.md", "--diff", "nope"], "--diff nope: git merge-base: fatal: Not a valid object name nope"),
        (["-", "--diff", "HEAD"], "--diff cannot be combined with standard input"),
        (
            ["post.md", "--diff", "HEAD", "--write-baseline", "b.json"],
            "--diff cannot be combined with --write-baseline",
        ),
    ],
)
def test_what_cannot_be_compared(committed: Path, cli: Cli, arguments: list[str], message: str) -> None:
    ran = cli(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"spoilerguard: {message}")
    assert ran.err.count("\n") == 1


def test_outside_of_a_repository(post: Path, cli: Cli) -> None:
    ran = cli(post, "--diff", "HEAD")
    assert ran == (2, "", "spoilerguard: post.md: not in a git repository; --diff needs one\n")


def test_a_workflow_as_a_process(committed: Path) -> None:
    committed.write_text(POST + "\nIn the end the dog dies, and his wife killed it.\n", encoding="utf-8")
    command = [sys.executable, "-m", "spoilerguard", "check", ".", "--diff", "main", "--format", "github"]
    environment = os.environ | {"PYTHONPATH": PACKAGE_AT}
    ran = subprocess.run(command, capture_output=True, check=False, timeout=WAIT, env=environment)
    assert (ran.returncode, ran.stderr) == (1, b"")
    last = POST.count("\n") + 2
    assert ran.stdout.startswith(b"::warning file=post.md,line=%d,endLine=%d,col=1," % (last, last))
    assert ran.stdout.count(b"\n") == 1


# --- the baseline -------------------------------------------------------------------------------


def test_known_findings_are_not_reported_again(post: Path, cli: Cli) -> None:
    Path("clean.md").write_text(CLEAN, encoding="utf-8")
    ran = cli(".", "--write-baseline", "known.json")
    assert (ran.status, ran.err) == (0, "spoilerguard: 5 known spoilers written to known.json\n")
    assert ran.out.startswith("No new spoilers in ")
    assert not any(word in Path("known.json").read_text(encoding="utf-8") for word in ("Mira", "killer", "dies"))
    ran = cli(".", "--baseline", "known.json", "--format", "line")
    assert ran == (0, "", "spoilerguard: 5 known spoilers left out (known.json)\n")
    assert cli(".", "--baseline", "known.json", "--format", "line", "--quiet") == (0, "", "")

    post.write_text(POST.replace(SPOILERS[1], "At the end he kills her husband and dies in the sea."), encoding="utf-8")
    ran = cli(".", "--baseline", "known.json", "--format", "line")
    assert (ran.status, ran.lines) == (1, [line_of(SPOILERS[1])])
    assert ran.err == (
        "spoilerguard: ./post.md: 1 known spoiler no longer found; update the file with --write-baseline\n"
        "spoilerguard: 4 known spoilers left out (known.json)\n"
    )
    assert cli("clean.md", "--baseline", "known.json").err == "spoilerguard: 0 known spoilers left out (known.json)\n"


def test_sarif_has_the_known_ones_suppressed(post: Path, cli: Cli) -> None:
    cli(post, "--write-baseline", "known.json")
    ran = cli(post, "--baseline", "known.json", "--format", "sarif")
    results = json.loads(ran.out)["runs"][0]["results"]
    assert [[s["kind"] for s in result["suppressions"]] for result in results] == [["external"]] * 5
    assert ran.status == 0


def test_a_baseline_with_what_has_changed_only(committed: Path, cli: Cli) -> None:
    cli(".", "--write-baseline", "known.json")
    committed.write_text(POST + "\n" + SPOILERS[0] + "\n", encoding="utf-8")
    ran = cli(committed, "--baseline", "known.json", "--diff", "HEAD", "--format", "line")
    assert (ran.status, ran.lines) == (1, [POST.count("\n") + 2])


def test_a_baseline_of_half_the_drafts_is_not_written(post: Path, cli: Cli) -> None:
    ran = cli(post, "missing.md", "--write-baseline", "known.json")
    assert ran.status == 2
    assert ran.err.endswith("spoilerguard: known.json: not written, because not all drafts could be read\n")
    assert not Path("known.json").exists()


def test_a_baseline_that_cannot_be_read_ends_it_before_anything_is_checked(post: Path, cli: Cli) -> None:
    message = "spoilerguard: known.json: no such file; create it with --write-baseline known.json\n"
    assert cli(post, "--baseline", "known.json") == (2, "", message)
    ran = cli(post, "--baseline", "known.json", "--write-baseline", "known.json")  # as settings may have it
    assert ran.status == 0
    assert Path("known.json").exists()


# --- unused suppressions ------------------------------------------------------------------------

NEXT, OFF, ON = (f"<!-- spoilerguard: {word} -->" for word in ("ignore-next", "off", "on"))
SUPPRESSED = [
    *(ON, "The pacing is slow.", ""),  # line 1: ends what never began
    *(NEXT, SPOILERS[2], ""),
    *(NEXT, "The prose is lovely.", ""),  # line 7
    *(OFF, "The music is fine.", SPOILERS[1], ON, ""),
    *(OFF, "It is one of [spoiler] and ||so.", ON, ""),  # a notice is suppressed there
    *(OFF, "I like winters.", ON, ""),  # line 19
    *(SPOILERS[2], ""),
    *(NEXT, "Nice."),  # line 25
]


@pytest.mark.parametrize("name", ["post.md", "post.txt"])
def test_suppressions_that_suppress_nothing_are_reported_on_request(post: Path, cli: Cli, name: str) -> None:
    Path(name).write_text("\n".join(SUPPRESSED), encoding="utf-8")
    plain = cli(name, "--format", "json", "--threshold", "0.1")
    ran = cli(name, "--format", "json", "--threshold", "0.1", "--report-unused")
    message = "this suppression suppresses nothing; remove it"
    assert plain.err == ""
    assert ran.err == "".join(f"spoilerguard: {name}:{line}:1: {message}\n" for line in (1, 7, 19, 25))
    before, after = (json.loads(r.out)["files"][0] for r in (plain, ran))
    assert [notice["line"] for notice in after.pop("notices")] == [1, 7, 19, 25]
    assert before.pop("notices") == []
    assert before == after  # scores and all else
    assert ran.status == plain.status == 1


def test_neighbouring_suppressions_are_checked_separately(post: Path, cli: Cli) -> None:
    post.write_text(f"{NEXT}\n{SPOILERS[0]}\n\n{NEXT}\nNice.\n\n{NEXT}\n{SPOILERS[1]}\n", encoding="utf-8")
    ran = cli(post, "--report-unused", "--format", "line")
    assert (ran.status, ran.out) == (0, "")
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("spoilerguard: post.md:4:1: ")


def test_the_threshold_decides_what_is_unused(post: Path, cli: Cli) -> None:
    post.write_text(f"{NEXT}\n{SPOILERS[0]}\n", encoding="utf-8")
    assert cli(post, "--report-unused").err == ""
    assert cli(post, "--report-unused", "--threshold", "1").err.startswith("spoilerguard: post.md:1:1: ")
