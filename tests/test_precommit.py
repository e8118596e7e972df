"""The hook for pre-commit, run by pre-commit itself: commits in scratch repositories that it lets pass or stops."""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import subprocess
import sys

from offline import ROOT, checkout, command, environment
import pytest
from texts import HARMLESS, SPOILERS
from waiting import WAIT

CLEAN = f"# A review\n\n{HARMLESS[1]} {HARMLESS[2]}\n"
SPOILING = f"# A review\n\n{HARMLESS[1]}\n\n{SPOILERS[0]}\n"


class Blog:
    """A repository of posts whose commits go through our hook."""

    def __init__(self, folder: Path, hooks: Path, config: str, variables: dict[str, str]) -> None:
        self.folder = folder
        # Its caches and settings are its own, whatever the machine has.
        self.variables = variables | {
            "PATH": os.pathsep.join((str(command(folder.with_name("bin"))), os.environ["PATH"])),
            "PRE_COMMIT_HOME": str(folder.with_name("cache")),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        self.commit_all(hooks)
        revision = self.run("git", "rev-parse", "HEAD", folder=hooks).stdout.strip()
        folder.mkdir()
        self.run("git", "init", "--quiet")
        (folder / ".pre-commit-config.yaml").write_text(
            f"repos: [{{repo: {hooks}, rev: {revision}, hooks: [{{id: spoilerguard, {config}}}]}}]\n", encoding="utf-8"
        )
        self.run(sys.executable, "-m", "pre_commit", "install")

    def run(self, *words: str, folder: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            words, cwd=folder or self.folder, env=self.variables, capture_output=True, text=True, timeout=WAIT
        )
        assert ran.returncode == 0 or not check, ran.stdout + ran.stderr
        return ran

    def commit_all(self, folder: Path) -> None:
        for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", "hooks")):
            self.run("git", *words, folder=folder)

    def commit(self, **posts: str) -> tuple[bool, str]:
        """Whether a commit of these posts went through, and its output."""
        for name, text in posts.items():
            path = self.folder / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            self.run("git", "add", str(path))
        ran = self.run("git", "commit", "-m", "posts", check=False)
        return ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture
def hooks(tmp_path: Path) -> Path:
    """The repository that holds the hook: our file alone, for where nothing is installed from it."""
    folder = tmp_path / "spoilerguard"
    folder.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", folder)
    return folder


@pytest.fixture
def blog(hooks: Path, tmp_path: Path) -> Blog:
    """Its hook runs the spoilerguard of the tests, in place of one that pre-commit installs: `language` says so."""
    config = r"language: system, exclude: ^synopses/"
    return Blog(tmp_path / "blog", hooks, config, dict(os.environ))


def test_a_draft_with_a_spoiler_is_not_committed_and_the_message_does_not_tell_it(blog: Blog) -> None:
    went, output = blog.commit(posts__a_md=SPOILING)
    assert not went
    assert "posts/a.md:5:1: 0." in output
    assert "may give the plot away" in output
    assert SPOILERS[0] not in output
    assert not any(word in output for word in ("Mira", "brother", "killed"))


def test_a_clean_draft_is_committed(blog: Blog) -> None:
    went, output = blog.commit(a_md=CLEAN, b_html=f"<p>{HARMLESS[3]}</p>", c_txt=HARMLESS[1])
    assert went, output
    assert "Passed" in output


def test_what_the_author_hid_is_committed(blog: Blog) -> None:
    assert blog.commit(a_md=f"{CLEAN}\n>!{SPOILERS[0]}!<\n")[0]


def test_only_what_is_staged_is_checked_and_only_text(blog: Blog) -> None:
    (blog.folder / "draft.md").write_text(SPOILING, encoding="utf-8")
    went, output = blog.commit(a_py=f"# {SPOILERS[0]}\n", b_md=CLEAN)
    assert went, output


def test_excluded_files_are_skipped(blog: Blog) -> None:
    went, output = blog.commit(synopses__a_md=SPOILING)
    assert went, output
    assert "Skipped" in output


@pytest.mark.parametrize("more", ["", ", args: [--fail-on, never]"])
def test_the_name_of_a_draft_is_no_option(hooks: Path, tmp_path: Path, more: str) -> None:
    blog = Blog(tmp_path / "blog", hooks, f"language: system{more}", dict(os.environ))
    went, said = blog.commit(**{"--write-baseline=known_md": SPOILING})
    assert not went
    assert ("an option, and also a file" if more else "--write-baseline=known.md:5:1: 0.") in said
    assert not (blog.folder / "known.md").exists()


def test_arguments_of_the_blog_are_added_to_ours(hooks: Path, tmp_path: Path) -> None:
    blog = Blog(tmp_path / "blog", hooks, "language: system, args: [--threshold, '1']", dict(os.environ))
    assert blog.commit(a_md=SPOILING)[0]


def test_a_file_that_cannot_be_read_stops_the_commit(blog: Blog) -> None:
    (blog.folder / "a.md").write_bytes(b"Caf\xe9 noir\n")
    blog.run("git", "add", "a.md")
    went, output = blog.commit()
    assert not went
    assert "a.md:1: not UTF-8" in output


def test_pre_commit_installs_the_hook_from_our_repository(hooks: Path, tmp_path: Path) -> None:
    checkout(hooks)
    blog = Blog(tmp_path / "blog", hooks, "stages: [pre-commit]", environment(tmp_path / "libraries"))
    went, output = blog.commit(a_md=SPOILING)
    assert not went
    assert "a.md:5:1: 0." in output, output
    assert (tmp_path / "cache").is_dir()
    assert blog.commit(a_md=CLEAN)[0]
