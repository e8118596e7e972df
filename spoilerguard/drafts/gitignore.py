"""What git ignores: git itself decides in a work tree; pathspec reads the `.gitignore` files elsewhere.

The two differ where a `!` pattern makes an exception in an ignored folder, which pathspec allows.
"""

from __future__ import annotations

from collections.abc import Sequence
import os
from typing import Protocol

from spoilerguard.drafts import git
from spoilerguard.drafts.patterns import Patterns
from spoilerguard.errors import InputError

__all__ = ["Rules", "rules_for"]


class Rules(Protocol):
    """What is ignored in one folder of a walk."""

    def ignore(self, path: str, *, folder: bool) -> bool:
        """Whether a file in this folder, or a folder with all that lies in it, is ignored."""

    def within(self, folder: str) -> Rules:
        """The rules in a folder in this folder."""


def rules_for(folder: str) -> Rules:
    """The rules in a folder that was named. Rules that would ignore the folder itself do not apply in it.

    Where git cannot answer (it is not installed, or does not trust the owner of the repository), the
    `.gitignore` files alone count.

    Raises:
        InputError: A `.gitignore` cannot be read.
    """
    top = git.work_tree_above(os.path.realpath(folder))
    if top is not None:
        try:
            if not _is_ignored(top, os.path.realpath(folder)):
                return _Listed(folder)
        except git.GitError:
            pass
    above = _gitignores_above(folder)
    return _Gitignores(folder, [] if any(rule.matches(folder, folder=True) for rule in above) else above)


def _is_ignored(top: str, folder: str) -> bool:
    if os.path.samefile(top, folder):
        return False
    return bool(git.run(top, "check-ignore", "--no-index", "--", folder, statuses=(0, 1)))


class _Listed:
    """What git lists under a folder of a work tree: files that it tracks, or would if they were added."""

    def __init__(self, folder: str) -> None:
        listed = git.run(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--")
        self._folder = folder
        self._kept: set[str] = set()
        for name in git.names(listed):
            parts = name.rstrip("/").split("/")  # a repository in this one is listed as a folder
            self._kept.update("/".join(parts[:count]) for count in range(1, len(parts) + 1))

    def ignore(self, path: str, *, folder: bool) -> bool:
        return os.path.relpath(path, self._folder).replace(os.sep, "/") not in self._kept

    def within(self, folder: str) -> Rules:
        return rules_for(folder) if os.path.exists(os.path.join(folder, ".git")) else self


class _Gitignores:
    """The `.gitignore` files of a folder and of those above it; the last pattern about a path decides."""

    def __init__(self, folder: str, above: Sequence[Patterns]) -> None:
        lines = _gitignore(folder)
        self._rules = [*above, Patterns(folder, lines)] if lines else [*above]

    def ignore(self, path: str, *, folder: bool) -> bool:
        decisions = (rule.matches(path, folder=folder) for rule in reversed(self._rules))
        ignored = next((decision for decision in decisions if decision is not None), False)
        return ignored and not (folder and any(rule.has_exceptions for rule in self._rules))

    def within(self, folder: str) -> Rules:
        return _Gitignores(folder, self._rules)


def _gitignores_above(folder: str) -> list[Patterns]:
    """The rules above a folder, from the root of its git repository down; none outside of a repository."""
    folder = os.path.abspath(folder)
    top = git.work_tree_above(folder)
    found: list[Patterns] = []
    while top is not None and folder != top:
        folder = os.path.dirname(folder)
        if lines := _gitignore(folder):
            found.insert(0, Patterns(folder, lines))
    return found


def _gitignore(folder: str) -> list[str]:
    """The lines of the `.gitignore` of a folder; none where there is no such file."""
    path = os.path.join(folder, ".gitignore")
    if not os.path.isfile(path):
        return []
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().split("\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); or check with --no-gitignore") from None
