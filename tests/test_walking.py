"""Which drafts of a folder are checked: hidden, excluded, ignored by git, linked."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import shutil
import subprocess
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec
import pytest

from spoilerguard.drafts.patterns import Patterns
from spoilerguard.drafts.walking import iter_drafts

ALL = ["a.md", "b/c.md", "b/c.txt", "b/old/d.md", "drafts/new.md", "drafts/old/e.md"]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with drafts; a git repository."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.md", "b/c.md", "b/c.txt", "b/old/d.md", "drafts/old/e.md", "drafts/new.md"):
        put(name)
    for name in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", os.devnull)
    subprocess.run(["git", "init", "-q"], check=True)
    return tmp_path


@pytest.fixture(params=["git", "pathspec"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What reads the `.gitignore` files: git, or pathspec where there is no git."""
    if request.param == "pathspec":
        monkeypatch.setenv("PATH", os.path.abspath("empty"))
    return str(request.param)


def put(name: str | Path, text: str = "") -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8", newline="")


def walk(*paths: str, exclude: Sequence[str] = (), **options: Any) -> list[str]:
    found = list(iter_drafts(paths or (".",), exclude=Patterns(".", exclude, "here"), **options))
    assert [trouble for _, trouble in found if trouble] == []
    return [os.path.normpath(path) for path, _ in found]


def test_the_order_is_that_of_the_names(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert walk() == ALL
    real = os.scandir

    class Backwards(list[os.DirEntry[str]]):
        def __enter__(self) -> Backwards:
            return self

        def __exit__(self, *_: object) -> None: ...

        def __next__(self) -> os.DirEntry[str]:
            if not self:
                raise StopIteration
            return self.pop()

    monkeypatch.setattr(os, "scandir", lambda path: Backwards(sorted(real(path), key=lambda entry: entry.name)))
    assert walk() == ALL


@pytest.mark.parametrize(
    ("exclude", "left_out"),
    [
        (["drafts/old/**"], {"drafts/old/e.md"}),
        (["old"], {"drafts/old/e.md", "b/old/d.md"}),
        (["/old", "new"], set()),
        (["*.md", "!c.md"], {"a.md", "b/old/d.md", "drafts/new.md", "drafts/old/e.md"}),
        (["b/", "!b/c.md"], {"b/c.txt", "b/old/d.md"}),
        (["# old", ""], set()),
        (["*", "!*/", "!c.*"], {*ALL} - {"b/c.md", "b/c.txt"}),
    ],
)
def test_what_is_excluded_is_left_out_of_folders(tree: Path, exclude: list[str], left_out: set[str]) -> None:
    assert walk(exclude=exclude) == [name for name in ALL if name not in left_out]


def test_what_is_named_is_checked_all_the_same_unless_forced(tree: Path) -> None:
    assert walk("b/old/d.md", exclude=["old"]) == ["b/old/d.md"]
    assert walk("b/old/d.md", "a.md", exclude=["old"], force_exclude=True) == ["a.md"]
    assert walk("b/old", exclude=["old"]) == ["b/old/d.md"]
    assert walk("b/old", "b", exclude=["old"], force_exclude=True) == ["b/c.md", "b/c.txt"]
    assert walk("-", exclude=["*"], force_exclude=True) == ["-"]


def test_the_gitignores_of_a_repository_hold(tree: Path, reader: str) -> None:
    put(".gitignore", "# comment\n\nold/\n/c.md\n[z-a]\n!\n")
    put("b/.gitignore", "*.txt\r\n!old/\n")
    assert walk() == ["a.md", "b/c.md", "b/old/d.md", "drafts/new.md"]
    assert walk("b") == ["b/c.md", "b/old/d.md"]
    assert walk("drafts") == ["drafts/new.md"]
    assert walk("drafts/old", "b/c.txt") == ["drafts/old/e.md", "b/c.txt"]  # named
    assert walk(respect_gitignore=False) == ALL


def test_a_gitignore_above_holds_only_within_a_repository(tree: Path, reader: str) -> None:
    put(".gitignore", "old/\n")
    shutil.copytree(".git", "drafts/.git")
    assert walk("drafts") == ["drafts/new.md", "drafts/old/e.md"]
    assert walk("b") == ["b/c.md", "b/c.txt"]
    shutil.rmtree(".git")
    assert walk("b") == ["b/c.md", "b/c.txt", "b/old/d.md"]


def test_gitignores_in_a_folder_hold_outside_of_a_repository_too(tree: Path) -> None:
    shutil.rmtree(".git")
    put(".gitignore", "old/\n")
    assert walk() == ["a.md", "b/c.md", "b/c.txt", "drafts/new.md"]


def test_a_repository_in_another_has_its_own_rules(tree: Path) -> None:
    put(".gitignore", "old/\n")
    subprocess.run(["git", "init", "-q", "drafts"], check=True)
    put("drafts/.gitignore", "new.md\n")
    assert walk() == ["a.md", "b/c.md", "b/c.txt", "drafts/old/e.md"]


def test_git_decides_in_a_work_tree(tree: Path) -> None:
    put(".git/info/exclude", "c.txt\n")
    put(".gitignore", "a.md\nb/c.md\n")
    subprocess.run(["git", "add", "--force", "a.md"], check=True)  # what is tracked is not ignored
    put("gone.md")
    subprocess.run(["git", "add", "gone.md"], check=True)
    Path("gone.md").unlink()
    assert walk() == ["a.md", "b/old/d.md", "drafts/new.md", "drafts/old/e.md"]
    assert walk("b", "a.md") == ["b/old/d.md", "a.md"]


@pytest.mark.parametrize("name", ["-dash", "with space", 'quo"te', "new\nline", "ünï", "[a]", ":(top)"])
def test_odd_names_are_what_they_are(tree: Path, name: str) -> None:
    put(f"{name}/{name}.md")
    put(f"{name}/.gitignore", "ignored.md")
    put(f"{name}/ignored.md")
    assert walk(name) == [f"{name}/{name}.md"]
    put(".gitignore", "*\n")
    assert walk(name) == [f"{name}/{name}.md"]  # named
    assert walk(f"./{name}") == [f"{name}/{name}.md"]


def test_git_is_asked_about_folders_only(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("git was run")

    monkeypatch.setattr(subprocess, "run", refused)
    assert walk("a.md", "b/c.md") == ["a.md", "b/c.md"]
    assert walk("b", respect_gitignore=False) == ["b/c.md", "b/c.txt", "b/old/d.md"]


def test_a_folder_whose_drafts_are_all_left_out_says_so(tree: Path) -> None:
    ((path, trouble),) = iter_drafts(["drafts"], exclude=Patterns(".", ["*.md"], "here"))
    assert path == "drafts"
    assert str(trouble).endswith("; some are left out by exclude or .gitignore")


def test_links_to_folders_are_not_followed(tree: Path) -> None:
    os.symlink(tree, tree / "b" / "loop")
    os.symlink(tree / "a.md", tree / "b" / "linked.md")
    assert walk() == sorted([*ALL, "b/linked.md"])
    os.symlink(tree / "b" / "old", tree / "named")
    assert walk("named") == ["named/d.md"]


def test_a_folder_that_cannot_be_read_is_reported_and_the_rest_is_walked(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def scandir(path: str) -> Any:
        if path.endswith("drafts"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    *found, (path, trouble) = iter_drafts(["."])
    assert [os.path.normpath(path) for path, _ in found] == ALL[:4]
    assert (path, str(trouble)) == ("./drafts", "./drafts: cannot be read (Permission denied)")


def test_a_gitignore_that_cannot_be_read_is_reported(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(".git")
    put("b/.gitignore", "x")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refused)
    ((path, trouble),) = iter_drafts(["b"])
    assert path == "b"
    assert str(trouble) == "b/.gitignore: cannot be read (Permission denied); or check with --no-gitignore"


# --- patterns ------------------------------------------------------------------------------

NAMES = ("a", "b", "ab", "a.md", "b.md", "ab.txt")
PIECES = ("a", "b", "ab", "*", "?", "**", "*.md", "a*", "*a*b", "a**b", "[ab]", "[!a]", "a.md", "ab.txt")


@st.composite
def _pattern(draw: st.DrawFn) -> str:
    inside = "/".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3)))
    return "".join(draw(st.sampled_from(p)) for p in (("", "/"), (inside,), ("", "/")))


# To git, `a/**/` is any folder in `a`; to pathspec, it is `a` itself.
_plain = _pattern().filter(lambda pattern: not pattern.endswith("**/"))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders deep, every name a draft or a folder."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    for folder in (root, root / "a", root / "b", root / "a" / "ab", root / "b" / "a"):
        folder.mkdir(exist_ok=True)
        for name in ("a.md", "b.md", "ab.txt"):
            (folder / name).touch()
    return root


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_plain, max_size=4), st.lists(_plain, max_size=3))
def test_without_exceptions_pathspec_and_git_ignore_the_same(
    repository: Path, above: list[str], below: list[str]
) -> None:
    (repository / ".gitignore").write_text("\n".join(above) + "\n", encoding="utf-8")
    (repository / "a" / ".gitignore").write_text("\n".join(below) + "\n", encoding="utf-8")
    listed = ["git", "ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"]
    git = subprocess.run(listed, cwd=repository, check=True, capture_output=True).stdout.decode().split("\0")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", "")
        found = [path for path, trouble in iter_drafts([str(repository)]) if trouble is None]
    assert [os.path.relpath(path, repository) for path in found] == sorted(
        name for name in git if name and not name.endswith(".gitignore")
    )


@given(
    st.lists(st.builds(str.__add__, st.sampled_from(["", "!"]), _pattern()), max_size=4),
    st.lists(st.sampled_from([*NAMES, "aab"]), min_size=1, max_size=5),
)
def test_patterns_mean_what_pathspec_makes_of_them(lines: list[str], names: list[str]) -> None:
    path = "/".join(names)
    assert Patterns(".", lines).matches(path) == GitIgnoreSpec.from_lines(lines).check_file(path).include


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 30 + "b", "a" * 250),
        ("**/a/" * 30 + "b", "a/" * 500 + "x"),
        ("*a*b/" * 30 + "c", "ababab/" * 30 + "x"),
        ("**/*a*a/" * 30 + "b", "aaaa/" * 300 + "x"),
    ],
)
def test_no_pattern_hangs(pattern: str, path: str) -> None:
    """Each of these would backtrack for longer than the tests may run."""
    assert Patterns(".", [pattern]).matches(path) is None
