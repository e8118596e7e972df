"""What has changed in the drafts since a revision of git: so that only what touches it is told.

Changes count from where the work branched off: the merge base of the revision and HEAD. With `main`,
what others have put there since does not count; with `HEAD`, what counts is not committed yet. Work
not committed always counts, and a file that git does not know is new from end to end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
import os
from pathlib import Path
import re
import subprocess
from typing import NamedTuple, TypeAlias

from spoilerguard.errors import InputError
from spoilerguard.report import Report

__all__ = ["Changes", "Lines", "touching"]

# First and last line of each piece, in order; where lines are gone it lies between two: 7.5 to 7.5.
Lines: TypeAlias = tuple[tuple[float, float], ...]

_WHOLE: Lines = ((0, float("inf")),)
_HUNK = re.compile(rb"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.M)
# In a hook git tells where its repository is: not to be believed of files that lie in another.
_OF_A_HOOK = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}


def touching(report: Report, lines: Lines) -> Report:
    """The report with only those flags and notices of which a line has changed.

    Lines are git's here: a lone carriage return ends none.
    """
    upto = [piece[1] for piece in lines]
    ends = [match.start() for match in re.finditer("\n", report.document.source)]

    def touched(start: int, end: int) -> bool:
        first, last = bisect_left(ends, start) + 1.0, bisect_left(ends, end - 1) + 1.0
        k = bisect_left(upto, first)
        return k < len(lines) and lines[k][0] <= last

    return replace(
        report,
        flags=tuple(flag for flag in report.flags if touched(flag.start, flag.end)),
        document=replace(report.document, notices=tuple(n for n in report.document.notices if touched(n.start, n.end))),
    )


class Changes:
    """What has changed since a revision, in whichever repository a file lies; each is asked once."""

    def __init__(self, revision: str) -> None:
        self.revision = revision
        self._opened = cache(self._open)
        self._top_above = cache(_top_above)

    def lines(self, path: str) -> Lines:
        """The lines of a file that are new or changed. Raises InputError where git cannot tell."""
        repository, name = self._find(path)
        before = repository.before.get(name, name)
        if before is None or name not in repository.tracked:
            return _WHOLE
        return tuple(_pieces(_git(repository.top, *_DIFF, repository.base, "--", *{before, name})))

    def changed(self, path: str) -> bool:
        """Whether a file is new or changed; one that has been taken away is not. Raises InputError, as `lines`."""
        repository, name = self._find(path)
        if name in repository.gone and not os.path.lexists(path):
            return False
        return name in repository.before or name not in repository.tracked

    def _find(self, path: str) -> tuple[_Repository, str]:
        real = os.path.realpath(path)
        top = self._top_above(os.path.dirname(real))
        if top is None:
            raise InputError(f"{path}: not in a git repository; --diff needs one")
        repository = self._opened(top)
        return repository, os.path.relpath(real, repository.top).replace(os.sep, "/")

    def _open(self, top: str) -> _Repository:
        """What git says of the repository at `top`: three questions, whatever the number of drafts."""
        if self.revision.startswith("-") or not self.revision:
            raise InputError(f"{self.revision!r} is not a revision; name a branch, a tag or a commit")
        top = os.path.realpath(_line(_git(top, "rev-parse", "--show-toplevel")))
        try:
            base = _line(_git(top, "merge-base", self.revision, "HEAD"))
        except InputError as error:
            raise InputError(f"{error}; is the history here (in a workflow: fetch-depth: 0)?") from None
        fields = iter(_names(_git(top, *_STATUS, base, "--")))
        before: dict[str, str | None] = {}
        gone: set[str] = set()
        for status in fields:
            name = next(fields)
            if status[0] in "RC":
                old, name = name, next(fields)
                before[name] = old
                gone |= {old} if status[0] == "R" else set()
            elif status[0] == "D":
                gone.add(name)
            else:
                before[name] = name if status[0] == "M" else None
        tracked = frozenset(_names(_git(top, "ls-files", "-z")))
        return _Repository(top, base, before, gone, tracked)


class _Repository(NamedTuple):
    """A work tree, and how it differs from its `base`; names are as git has them, from the top.

    `before` has the changed files: what each was called, None if it is new. `gone` are names no longer used.
    """

    top: str
    base: str
    before: dict[str, str | None]
    gone: set[str]
    tracked: frozenset[str]


# Whatever the user's own settings and attributes say, the plain output: text of every file, names as they are.
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--find-renames", "--ignore-submodules")
_STATUS = ("diff", *_PLAIN, "--name-status", "-z")
_DIFF = ("diff", *_PLAIN, "--unified=0", "--inter-hunk-context=0", "--text")


def _git(folder: str, *arguments: str) -> bytes:
    """What git prints. Raises InputError in git's own words."""
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    command = ["git", "-C", folder, "--literal-pathspecs", *arguments]
    try:
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
    except FileNotFoundError:
        raise InputError("--diff needs git, and there is none here; install it") from None
    if ran.returncode:
        words = ran.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InputError(f"--diff: git {arguments[0]}: {words[0] if words else 'nothing in common with HEAD'}")
    return ran.stdout


def _names(output: bytes) -> list[str]:
    """The fields that NULs end."""
    return [os.fsdecode(name) for name in output.split(b"\0")[:-1]]


def _line(output: bytes) -> str:
    return os.fsdecode(output.removesuffix(b"\n"))


def _pieces(diff: bytes) -> Iterator[tuple[float, float]]:
    """What the hunks of a diff without context have put into the new file."""
    for hunk in _HUNK.finditer(diff):
        first, count = int(hunk[1]), int(hunk[2] or 1)
        yield (first, first + count - 1) if count else (first + 0.5, first + 0.5)


def _top_above(folder: str) -> str | None:
    """The nearest folder upward with a `.git`: asked of the disk, for git would take its time over each of many."""
    above = (Path(folder), *Path(folder).parents)
    return next((str(place) for place in above if (place / ".git").exists()), None)
