"""What has changed since a revision, in real repositories."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import subprocess

import pytest
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.drafts.changes import Changes, touching
from spoilerguard.drafts.gitignore import rules_for
from spoilerguard.errors import InputError
from spoilerguard.report import Report
from spoilerguard.spans import Notice
from spoilerguard.text.reading import read

Git = Callable[..., str]
WHOLE = ((0, float("inf")),)
TEN = "".join(f"Line {n} says something of its own.\n" for n in range(1, 11))


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Git in the current folder, a new repository with one commit on `main`; with settings that could disturb."""
    settings = {
        "user.name": "A", "user.email": "a@example.org", "init.defaultBranch": "main", "core.quotePath": "true",
        "diff.noprefix": "true", "diff.external": "false", "color.ui": "always", "diff.renames": "false",
        "diff.interHunkContext": "50", "diff.context": "9", "diff.relative": "true", "core.autocrlf": "false",
    }  # fmt: skip
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")

    def run(*arguments: str, folder: str = ".") -> str:
        ran = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, check=True, timeout=WAIT)
        return ran.stdout.decode().strip()

    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path / "site")
    run("init", "--quiet", "--initial-branch=main")
    with open(".git/config", "a", encoding="utf-8") as config:
        for name, value in settings.items():
            section, key = name.split(".")
            config.write(f"[{section}]\n{key} = {value}\n")
    write("old.md", TEN)
    write("still.md", TEN)
    commit(run)
    return run


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(text.encode())


def commit(git: Git, folder: str = ".") -> None:
    git("add", "--all", folder=folder)
    git("commit", "--quiet", "--message", "x", folder=folder)


def edited(*numbers: int) -> str:
    return "".join(f"{line[:-1]} Really.\n" if n in numbers else line for n, line in enumerate(TEN.splitlines(True), 1))


# --- which lines --------------------------------------------------------------------------------


def test_changed_added_and_deleted_lines(git: Git) -> None:
    write("old.md", "".join([*edited(2).splitlines(True)[:6], *TEN.splitlines(True)[7:], "New.\n", "New.\n"]))
    changes = Changes("HEAD")
    assert changes.changed("old.md")
    assert changes.lines("old.md") == ((2, 2), (6.5, 6.5), (10, 11))
    assert not changes.changed("still.md")
    assert changes.lines("still.md") == ()


@pytest.mark.parametrize("staged", [False, True])
def test_what_is_not_committed_counts_staged_or_not(git: Git, staged: bool) -> None:
    write("old.md", edited(4))
    if staged:
        git("add", "--all")
    assert Changes("HEAD").lines("old.md") == ((4, 4),)


def test_a_new_file_has_changed_wholly_whether_git_knows_it_or_not(git: Git) -> None:
    write(".gitignore", "ignored.md\n")
    for name in ("committed.md", "ignored.md", "staged.md", "intended.md", "untracked.md"):
        write(name, TEN)
        if name.startswith("c"):
            git("add", name)
            git("commit", "--quiet", "--message", "x")
    git("add", "staged.md")
    git("add", "--intent-to-add", "intended.md")
    changes = Changes("HEAD~1")
    for name in ("committed.md", "ignored.md", "staged.md", "intended.md", "untracked.md"):
        assert changes.changed(name)
        assert changes.lines(name) == WHOLE


def test_a_renamed_file_has_changed_where_it_is_not_as_it_was(git: Git) -> None:
    Path("posts").mkdir()
    git("mv", "old.md", "posts/new.md")
    write("posts/new.md", edited(7))
    git("add", "--all")
    changes = Changes("HEAD")
    assert changes.lines("posts/new.md") == ((7, 7),)
    assert not changes.changed("old.md")


def test_a_file_taken_away_has_not_changed(git: Git) -> None:
    git("rm", "--quiet", "old.md")
    Path("still.md").unlink()
    assert not Changes("HEAD").changed("old.md")
    assert not Changes("HEAD").changed("still.md")
    write("old.md", TEN)  # git no longer tracks it; it is there again
    assert Changes("HEAD").changed("old.md")
    assert Changes("HEAD").lines("old.md") == WHOLE


NAMES = [
    "with space.md",
    'quo"te.md',
    "tab\there.md",
    "new\nline.md",
    "ünï 電影.md",
    "-dash.md",
    "*.md",
    ":(top)x.md",
    "a\\b.md",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_what_they_are(git: Git, name: str) -> None:
    write(name, TEN)
    write("plain.md", TEN)
    commit(git)
    write(name, edited(3))
    write("plain.md", edited(8))
    assert Changes("HEAD").lines(name) == ((3, 3),)
    os.rename(name, f"{name}.moved.md")
    git("add", "--all")
    assert Changes("HEAD").lines(f"{name}.moved.md") == ((3, 3),)


@pytest.mark.parametrize(
    ("text", "encoding"), [(TEN.replace("\n", "\r\n"), "utf-8"), (TEN, "utf-16"), (TEN.replace("L", "\0L"), "utf-8")]
)
def test_line_ends_and_what_git_takes_for_binary(git: Git, text: str, encoding: str) -> None:
    Path("odd.md").write_bytes(text.encode(encoding))
    Path(".gitattributes").write_bytes(b"old.md binary\n")
    commit(git)
    Path("odd.md").write_bytes(text.replace("Line 5", "Line five").encode(encoding))
    write("old.md", edited(5))
    assert Changes("HEAD").lines("odd.md") == ((5, 5),)
    assert Changes("HEAD").lines("old.md") == ((5, 5),)


def test_text_that_looks_like_a_diff(git: Git) -> None:
    write("patch.md", TEN)
    commit(git)
    write("patch.md", TEN.replace("Line 2", "@@ -1 +9,9 @@").replace("Line 6", "+++ b/old.md\n@@ -5,0 +1 @@"))
    assert Changes("HEAD").lines("patch.md") == ((2, 2), (6, 7))


# --- since when ---------------------------------------------------------------------------------


def test_changes_count_from_where_the_branch_left(git: Git) -> None:
    git("checkout", "--quiet", "-b", "post")
    write("old.md", edited(3))
    commit(git)
    git("checkout", "--quiet", "main")
    write("old.md", edited(9))
    write("still.md", edited(1))
    commit(git)
    git("checkout", "--quiet", "post")
    write("old.md", edited(3, 5))
    changes = Changes("main")
    assert changes.lines("old.md") == ((3, 3), (5, 5))
    assert not changes.changed("still.md")
    assert Changes("HEAD").lines("old.md") == ((5, 5),)


def test_each_file_is_asked_of_its_own_repository(git: Git) -> None:
    Path("theme").mkdir()
    git("init", "--quiet", "--initial-branch=main", folder="theme")
    for key in ("name", "email"):
        git("config", f"user.{key}", "a@example.org", folder="theme")
    write("theme/page.md", TEN)
    commit(git, folder="theme")
    write("theme/page.md", edited(6))
    write("old.md", edited(2))
    changes = Changes("HEAD")
    assert (changes.lines("theme/page.md"), changes.lines("old.md")) == (((6, 6),), ((2, 2),))


def test_from_a_folder_within_through_a_link_and_in_a_hook(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    write("posts/a.md", TEN)
    commit(git)
    write("posts/a.md", edited(6))
    write("old.md", edited(2))
    Path("link.md").symlink_to("old.md")
    Path("linked").symlink_to("posts")
    assert Changes("HEAD").lines("link.md") == ((2, 2),)
    assert Changes("HEAD").lines("linked/a.md") == ((6, 6),)
    monkeypatch.setenv("GIT_DIR", os.path.abspath(".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", os.path.abspath("nowhere"))
    monkeypatch.chdir("posts")
    assert Changes("HEAD").lines("a.md") == ((6, 6),)
    assert Changes("HEAD").lines("../old.md") == ((2, 2),)


def test_nothing_is_written_into_the_repository(git: Git) -> None:
    os.utime("old.md")  # now the index is stale, which `git diff` would refresh
    before = Path(".git/index").read_bytes()
    assert Changes("HEAD").lines("old.md") == ()
    assert Path(".git/index").read_bytes() == before


# --- what cannot be -----------------------------------------------------------------------------


@pytest.mark.parametrize("revision", ["nope", "HEAD~9", "main..HEAD", "HEAD:old.md", "--output=x", "-p", "", "a b"])
def test_what_is_no_revision(git: Git, revision: str) -> None:
    with pytest.raises(InputError, match=r"revision|merge-base"):
        Changes(revision).changed("old.md")
    assert sorted(os.listdir(".")) == [".git", "old.md", "still.md"]


def test_histories_without_a_common_commit(git: Git) -> None:
    git("checkout", "--quiet", "--orphan", "other")
    write("old.md", edited(1))
    commit(git)
    with pytest.raises(InputError, match="--diff main: no commit in common with HEAD; fetch the whole history"):
        Changes("main").changed("old.md")


def test_a_repository_without_a_commit(tmp_path: Path, git: Git) -> None:
    git("init", "--quiet", str(tmp_path / "new"))
    with pytest.raises(InputError, match="HEAD"):
        Changes("HEAD").changed(str(tmp_path / "new" / "a.md"))


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"draft\.md: not in a git repository"):
        Changes("HEAD").changed(str(tmp_path / "draft.md"))


@pytest.mark.parametrize("driver", ["evil", "evil=x", "evil.y"])
def test_no_program_that_a_repository_names_is_run(git: Git, driver: str) -> None:
    ran, program = Path("ran").absolute(), Path("program").absolute()
    program.write_text(f"#!/bin/sh\necho ran >> '{ran}'\n", encoding="utf-8")
    program.chmod(0o755)
    write(".gitattributes", "*.md filter=evil diff=evil\n*.txt filter=evil=x\n*.html filter=evil.y\n")
    for name in ("a.txt", "b.html"):
        write(name, TEN)
    commit(git)
    with open(".git/config", "a", encoding="utf-8") as config:
        config.write(f"""[core]\nfsmonitor = {program}\nhooksPath = {program.parent}\npager = {program}
[filter "{driver}"]\nclean = {program}\nsmudge = {program}\nprocess = {program}\nrequired = true
[diff]\nexternal = {program}\n[diff "evil"]\ncommand = {program}\ntextconv = {program}\n""")
    for name in ("old.md", "a.txt", "b.html"):
        write(name, edited(4))
        assert Changes("HEAD").lines(name) == ((4, 4),)
    rules_for(".")
    assert not ran.exists()


def test_no_git(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.path.abspath("empty"))
    with pytest.raises(InputError, match="needs git"):
        Changes("HEAD").changed("old.md")


# --- what of a report touches them --------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ((), ""),
        (WHOLE, "abc"),
        (((1, 1),), "a"),
        (((2, 2),), ""),
        (((3, 3),), "b"),
        (((5, 5),), "b"),
        (((4, 4), (6, 9)), "bc"),
        (((3.5, 3.5),), "b"),  # a line taken out of it
        (((2.5, 2.5),), ""),
        (((5.5, 5.5), (8, 8)), ""),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_finding_is_reported_if_one_of_its_lines_has_changed(
    lines: tuple[tuple[float, float], ...], kept: str, end: str
) -> None:
    source = end.join(["He dies.", "", "She", "also", "dies.", "", "All\rdie.", ""])
    starts = {"a": "He dies.", "b": end.join(["She", "also", "dies."]), "c": "All\rdie."}
    document = read(source)
    flags = [
        sg.Flag(at, at + len(text), *document.position(at), name, 0.9)
        for name, text in starts.items()
        for at in [source.index(text)]
    ]
    report = touching(Report(document, (), tuple(flags), 0.5), lines)
    assert "".join(flag.text for flag in report) == kept


def test_a_notice_too() -> None:
    document = read("One [spoiler]two.\n\nThree ||four.\n")
    assert [document.position(n.start)[0] for n in document.notices] == [1, 3]
    report = touching(Report(document, (), (), 0.5), ((3, 3),))
    assert report.notices == (Notice(*document.notices[1]),)
