"""`blur` on the command line: what is written where, what is refused, and what stays as it was."""

from __future__ import annotations

from functools import partial
import json
import os
from pathlib import Path
import re
import subprocess
import sys
from typing import Any

from commands import PACKAGE_AT, Cli, Ran
import pytest
from texts import CLEAN, REVIEW, SPOILERS
from timing import seconds
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.drafts import io as drafts

DRAFT = f"Lovely prose. {SPOILERS[1]} The pacing is slow.\n"
HIDDEN = f"Lovely prose. >!{SPOILERS[1]}!< The pacing is slow.\n"


@pytest.fixture
def cli(cli: Cli) -> Cli:
    """The command `blur`."""
    return partial(cli, "blur")


@pytest.fixture
def draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A draft with one spoiler in it; its folder is the current one."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "draft.md"
    path.write_bytes(DRAFT.encode())
    return path


# --- where it is written ------------------------------------------------------------------------


def test_standard_output_gets_the_text_and_nothing_else(cli: Cli, draft: Path) -> None:
    ran = cli(draft.name, "--style", "reddit")
    assert ran == Ran(0, HIDDEN, "spoilerguard: draft.md: 1 sentence hidden\n")
    assert cli(draft.name, "--style", "reddit", "--quiet").err == ""
    assert draft.read_bytes() == DRAFT.encode()


def test_standard_input_is_read(cli: Cli, draft: Path) -> None:
    assert cli("-", "--style", "reddit", stdin=DRAFT.encode()).raw == HIDDEN.encode()
    blurred = cli("-", "--stdin-filename", "a.html", stdin=DRAFT.encode()).raw
    assert b'<span class="sg1"' in blurred
    assert cli("-", "--format", "html", stdin=DRAFT.encode()).raw == blurred


def test_plain_text_is_redacted_by_default(cli: Cli, draft: Path) -> None:
    ran = cli("-", "--input-format", "text", stdin=DRAFT.encode())
    assert ran.out == f"Lovely prose. {' '.join('█████' for _ in SPOILERS[1].split())} The pacing is slow.\n"


def test_a_file_is_written_whole_or_not_at_all(
    cli: Cli, draft: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert cli(draft.name, "--style", "reddit", "-o", "post.md").raw == b""
    post = tmp_path / "post.md"
    assert post.read_bytes() == HIDDEN.encode()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ran = cli(draft.name, "--style", "discord", "-o", "post.md")
    assert (ran.status, ran.err) == (
        2,
        "spoilerguard: post.md: cannot be written (No space left on device); check the folder\n",
    )
    assert post.read_bytes() == HIDDEN.encode()
    assert sorted(os.listdir(tmp_path)) == ["draft.md", "post.md"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o750])
def test_in_place_keeps_the_mode(cli: Cli, draft: Path, mode: int) -> None:
    draft.chmod(mode)
    assert cli(draft.name, "--style", "reddit", "--in-place") == Ran(
        0, "", "spoilerguard: draft.md: 1 sentence hidden\n"
    )
    assert draft.read_bytes() == HIDDEN.encode()
    assert draft.stat().st_mode & 0o777 == mode


def test_in_place_leaves_alone_what_has_no_spoilers(cli: Cli, draft: Path) -> None:
    draft.write_text(CLEAN, encoding="utf-8")
    before = draft.stat()
    assert cli(draft.name, "--in-place").status == 0
    after = draft.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encoding_and_line_ends_stay(cli: Cli, draft: Path, encoding: str, newline: str) -> None:
    draft.write_bytes(DRAFT.replace("\n", newline).encode(encoding))
    assert cli(draft.name, "--style", "reddit", "--in-place").status == 0
    assert draft.read_bytes() == HIDDEN.replace("\n", newline).encode(encoding)


def test_big_endian_stays_big_endian() -> None:
    data = b"\xfe\xff" + DRAFT.encode("utf-16-be")
    assert drafts.encode(drafts.decode(data, "a"), data) == data


def test_a_difference_is_shown_and_nothing_written(cli: Cli, draft: Path) -> None:
    ran = cli(draft.name, "--style", "reddit", "--diff")
    assert ran.out == f"--- draft.md\n+++ draft.md\n@@ -1 +1 @@\n-{DRAFT}+{HIDDEN}"
    assert ran.err == "spoilerguard: draft.md: 1 sentence to hide\n"
    assert draft.read_bytes() == DRAFT.encode()


def test_patch_takes_the_difference(cli: Cli, draft: Path) -> None:
    draft.write_bytes(f"a\u2028b\x0c\r{DRAFT}c".encode())
    ran = cli(draft.name, "--style", "lemmy", "--diff")
    whole = cli(draft.name, "--style", "lemmy").raw
    subprocess.run(["git", "apply", "-p0", "-"], input=ran.raw, cwd=draft.parent, check=True, timeout=WAIT)
    assert draft.read_bytes() == whole


def test_a_shell_sees_the_same(draft: Path) -> None:
    command = [sys.executable, "-m", "spoilerguard", "blur", "-", "--style", "reddit"]
    env = os.environ | {"PYTHONPATH": PACKAGE_AT}
    ran = subprocess.run(command, input=DRAFT.encode(), capture_output=True, env=env, check=True, timeout=WAIT)
    assert ran.stdout == HIDDEN.encode()


# --- what is refused ----------------------------------------------------------------------------


def test_a_symbolic_link_is_not_written_through(cli: Cli, draft: Path) -> None:
    (draft.parent / "link.md").symlink_to(draft)
    target = f"a symbolic link; name the file that it points to, {draft.resolve()}"
    for arguments, message in (
        (["link.md", "--in-place"], target),
        (["draft.md", "-o", "link.md"], "is the draft itself; give --in-place to change it"),
    ):
        ran = cli(*arguments)
        assert (ran.status, ran.err) == (2, f"spoilerguard: link.md: {message}\n")
    assert draft.read_bytes() == DRAFT.encode()


def test_a_file_with_two_names_is_changed_under_one(cli: Cli, draft: Path) -> None:
    os.link(draft, draft.parent / "other.md")
    assert cli("draft.md", "--style", "reddit", "--in-place").status == 0
    assert draft.read_bytes() == HIDDEN.encode()
    assert (draft.parent / "other.md").read_bytes() == DRAFT.encode()


def test_a_read_only_file_is_not_replaced(cli: Cli, draft: Path) -> None:
    draft.chmod(0o444)
    ran = cli("draft.md", "--in-place")
    assert (ran.status, ran.err) == (
        2,
        "spoilerguard: draft.md: read-only; make it writable, or write another file\n",
    )
    assert draft.read_bytes() == DRAFT.encode()


def test_the_source_is_the_output_in_place_only_and_the_way_to_it_may_have_dots(cli: Cli, draft: Path) -> None:
    (draft.parent / "sub").mkdir()
    assert cli("draft.md", "--style", "reddit", "-o", "sub/../draft.md").status == 2
    assert draft.read_bytes() == DRAFT.encode()
    assert cli("sub/../draft.md", "--style", "reddit", "--in-place").status == 0
    assert draft.read_bytes() == HIDDEN.encode()


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="no /dev/stdout here")
def test_a_device_is_no_output_but_standard_output_is(draft: Path) -> None:
    def blurred(output: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "spoilerguard", "blur", str(draft), "-o", output],
            capture_output=True,
            check=False,
            env=os.environ | {"PYTHONPATH": PACKAGE_AT},
        )

    ran = blurred("/dev/null")
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.startswith(b"spoilerguard: /dev/null: ")
    ran = blurred("/dev/stdout")
    assert (ran.returncode, ran.stdout) == (0, blurred("-").stdout)
    assert ran.stdout


def test_a_file_that_changed_meanwhile_is_not_overwritten(draft: Path) -> None:
    with pytest.raises(sg.InputError, match=r"draft.md: changed in the meantime; run the command again"):
        drafts.write_draft(str(draft), b"new", instead_of=b"what it was")
    assert draft.read_bytes() == DRAFT.encode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["draft.md", "--in-place", "--diff"], "--output, --in-place and --diff cannot be combined; give one of them"),
        (["-", "--in-place"], "--in-place needs a file, not standard input"),
        (["draft.md", "--style", "nope"], "unknown --style 'nope': choose from html, feed, "),
        (["draft.md", "--style", "mediawiki"], "draft.md: style 'mediawiki' cannot be written into markdown: choose"),
        (["draft.md", "--format", "rtf"], "unknown --input-format 'rtf': choose from text, markdown, mdx, html, auto"),
        (["none.md"], "none.md: no such file"),
        (["draft.md", "-o", "none/post.md"], "none/post.md: its folder does not exist; create it first"),
        (["draft.md", "-o", "."], ".: is a folder; name a file"),
        (["draft.md", "--threshold", "2"], "--threshold must be a probability from 0 to 1, not '2'"),
    ],
)
def test_an_impossible_request_is_reported_in_one_line(
    cli: Cli, draft: Path, arguments: list[str], message: str
) -> None:
    ran = cli(*arguments)
    assert (ran.status, ran.raw) == (2, b"")
    assert ran.err.startswith(f"spoilerguard: {message}")
    assert ran.err.count("\n") == 1


def test_what_would_leak_is_not_written(cli: Cli, draft: Path) -> None:
    draft.write_text(f"| {SPOILERS[1]} | b |\n|---|---|\n", encoding="utf-8")
    ran = cli(draft.name, "--style", "discord", "--in-place")
    assert ran.status == 2
    assert ran.err.startswith("spoilerguard: draft.md: line 1, column 3: a bar would end the cell of the table: style")
    assert "||" not in draft.read_text(encoding="utf-8")


def test_who_has_not_chosen_the_style_is_told_of_its_files(cli: Cli, draft: Path) -> None:
    told = "this style needs two files in the page: run spoilerguard assets -o static"
    assert told in cli(draft.name, "-o", "post.md").err
    for quiet in (["--style", "html"], ["--quiet"], ["--diff"], ["--style", "details"]):
        assert told not in cli(draft.name, *quiet).err
    Path(".spoilerguard.toml").write_text('[blur]\nstyle = "html"\n', encoding="utf-8")
    assert told not in cli(draft.name).err
    draft.write_text(CLEAN, encoding="utf-8")
    Path(".spoilerguard.toml").unlink()
    assert told not in cli(draft.name).err


# --- an edited report ---------------------------------------------------------------------------


@pytest.fixture
def report(draft: Path) -> dict[str, Any]:
    found = sg.flag(REVIEW, format="markdown")
    assert len(found) > 1
    draft.write_bytes(REVIEW.encode())
    return {"version": 1, "files": [{"path": "draft.md", **found.to_dict()}]}


def test_only_what_an_edited_report_says_is_hidden(cli: Cli, draft: Path, report: dict[str, Any]) -> None:
    flags = report["files"][0]["flags"]
    first = flags[0]["text"]
    del flags[1:]
    Path("report.json").write_text(json.dumps(report), encoding="utf-8")
    ran = cli("./draft.md", "--from-json", "report.json", "--style", "reddit", "--model", "none")
    assert ran.out == REVIEW.replace(first, f">!{first}!<")
    assert cli("-", "--from-json", "report.json", "--style", "reddit", stdin=REVIEW.encode()).raw == ran.raw


def test_a_report_of_check_needs_no_change(cli: Cli, draft: Path) -> None:
    command = [sys.executable, "-m", "spoilerguard", "check", "draft.md", "--format", "json", "--exit-zero"]
    env = os.environ | {"PYTHONPATH": PACKAGE_AT}
    made = subprocess.run(command, capture_output=True, env=env, check=True, timeout=WAIT)
    Path("report.json").write_bytes(made.stdout)
    assert cli("draft.md", "--from-json", "report.json", "--style", "reddit").raw == HIDDEN.encode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": "another"}, r"flag 2 of draft.md: the text at \d+ to \d+ has changed; run check again"),
        ({"start": -1}, r"flag 2 of draft.md: no start, end and text; remove the whole flag, or run check again"),
        ({"end": "7"}, r"flag 2 of draft.md: no start, end and text"),
    ],
)
def test_a_flag_that_does_not_fit_is_refused(
    cli: Cli, draft: Path, report: dict[str, Any], change: dict[str, object], message: str
) -> None:
    report["files"][0]["flags"][1].update(change)
    Path("report.json").write_text(json.dumps(report), encoding="utf-8")
    ran = cli("draft.md", "--from-json", "report.json", "--in-place")
    assert ran.status == 2
    assert re.match(rf"spoilerguard: report.json: {message}", ran.err)
    assert draft.read_bytes() == REVIEW.encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "report.json: not JSON (Expecting property name"),
        ("[" * 100_000, "report.json: not JSON ("),
        ("[]", "report.json: not a report; make one with: spoilerguard check --format json"),
        ('{"version": 1, "files": [{"path": 1, "flags": []}]}', "report.json: not a report; make one with"),
        ('{"version": 3}', "report.json: version 3; this version of spoilerguard reads versions 1 and 2"),
        ('{"version": 2, "files": [{"path": "a", "flags": [], "near_misses": 1}]}', "report.json: not a report; make"),
        ('{"version": 1, "files": []}', "report.json: no entry for draft.md; it has no file"),
        (
            '{"version": 1, "files": [{"path": "a.md", "flags": []}]}',
            "report.json: no entry for draft.md; it has a.md",
        ),
        (
            '{"version": 1, "files": [{"path": "draft.md", "flags": [], "error": "draft.md: gone"}]}',
            "report.json: draft.md was not checked: draft.md: gone",
        ),
    ],
)
def test_what_is_no_report_is_refused(cli: Cli, draft: Path, content: str, message: str) -> None:
    Path("report.json").write_text(content, encoding="utf-8")
    ran = cli("draft.md", "--from-json", "report.json")
    assert (ran.status, ran.raw) == (2, b"")
    assert ran.err.startswith(f"spoilerguard: {message}")


# --- in Python ----------------------------------------------------------------------------------


def test_the_functions_and_the_report_agree(fast: sg.Guard) -> None:
    page = f"<p>{DRAFT}"
    blurred = sg.blur(page)
    assert blurred == sg.blur_html(page) == fast.blur(page, style="html") == fast.flag(page, format="html").blur()
    assert f"hidden>{SPOILERS[1]}</span>" in blurred
    assert sg.blur(DRAFT, format="markdown", style="reddit", sensitivity="high") == HIDDEN
    assert sg.blur(blurred) == blurred
    assert sg.blur(CLEAN) == CLEAN


def test_broken_marks_are_in_the_report(fast: sg.Guard) -> None:
    report = fast.flag("Lovely.\n\nSo >!it is slow.", format="markdown")
    assert [(n.start, n.end) for n in report.notices] == [(12, 14)]
    assert report.to_dict()["notices"] == [
        {"start": 12, "end": 14, "line": 3, "column": 4, "message": report.notices[0].message}
    ]


@pytest.mark.clock
def test_a_page_of_2000_words_takes_a_render_hook_less_than_50_ms(fast: sg.Guard) -> None:
    words = f"{CLEAN} {SPOILERS[0]} <em>{SPOILERS[1]}</em> {SPOILERS[2]}"
    page = "<article>" + f"<p>{words}</p>\n" * (2000 // len(words.split()) + 1) + "</article>"
    assert fast.blur(page) != page
    assert min(seconds(fast.blur, page) for _ in range(5)) < 0.05
