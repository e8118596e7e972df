"""The lines of drafts that have changed since a git revision, so that only findings on them are reported.

Changes count from the merge base of the revision and HEAD, where the work branched off: with `main`, later
commits of others on `main` do not count; with `HEAD`, only what is not committed counts. Uncommitted work always
counts, and a file that git does not track is new from end to end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
import os
import re
from typing import NamedTuple, TypeAlias

from spoilerguard.drafts import git
from spoilerguard.errors import InputError
from spoilerguard.report import Report

__all__ = ["Changes", "Lines", "touching"]

# The first and last line of each changed range, in order; where lines were removed, between two lines: 7.5 to 7.5.
Lines: TypeAlias = tuple[tuple[float, float], ...]

_WHOLE: Lines = ((0, float("inf")),)
_HUNK = re.compile(rb"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.M)


def touching(report: Report, lines: Lines) -> Report:
    """The report with only those flags and notices that have a changed line.

    Args:
        report: The report of a draft.
        lines: The changed lines, numbered as git does: a lone carriage return does not end a line.
    """
    lasts = [last for _, last in lines]
    ends = [match.start() for match in re.finditer("\n", report.document.source)]

    def touched(start: int, end: int) -> bool:
        first, last = bisect_left(ends, start) + 1.0, bisect_left(ends, end - 1) + 1.0
        k = bisect_left(lasts, first)
        return k < len(lines) and lines[k][0] <= last

    return replace(
        report,
        flags=tuple(flag for flag in report.flags if touched(flag.start, flag.end)),
        document=replace(report.document, notices=tuple(n for n in report.document.notices if touched(n.start, n.end))),
    )


class Changes:
    """What has changed since a revision, in whichever repository a file lies. Each repository is read once.

    Args:
        revision: A branch, tag or commit.
    """

    def __init__(self, revision: str) -> None:
        self.revision = revision
        self._opened = cache(self._open)
        self._top_above = cache(git.work_tree_above)

    def lines(self, path: str) -> Lines:
        """The lines of a file that are new or changed. Raises InputError where git fails."""
        repository, name = self._find(path)
        before = repository.before.get(name, name)
        if before is None or name not in repository.tracked:
            return _WHOLE
        names = [f":(top,literal){name}" for name in {before, name}]
        diff = git.run(repository.top, *_DIFF, repository.base, "--", *names, config=repository.config)
        return tuple(_changed_lines(diff))

    def changed(self, path: str) -> bool:
        """Whether a file is new or changed; a deleted file is not. Raises InputError as `lines` does."""
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
        """The state of the repository at `top`: a few git commands, however many drafts there are."""
        if self.revision.startswith("-") or not self.revision:
            raise InputError(f"{self.revision!r} is not a revision; name a branch, a tag or a commit")
        top = os.path.realpath(_line(git.run(top, "rev-parse", "--show-toplevel")))
        fetch = "fetch the whole history (in a workflow: fetch-depth: 0)"
        try:
            base = _line(git.run(top, "merge-base", self.revision, "HEAD", statuses=(0, 1)))
        except git.GitError as error:
            raise InputError(f"--diff {self.revision}: {error}; {fetch}") from None
        if not base:
            raise InputError(f"--diff {self.revision}: no commit in common with HEAD; {fetch}")
        config = git.without_filters(top)
        fields = iter(git.names(git.run(top, *_STATUS, base, "--", config=config)))
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
        tracked = frozenset(git.names(git.run(top, "ls-files", "-z")))
        return _Repository(top, base, before, gone, tracked, config)


class _Repository(NamedTuple):
    """A work tree and how it differs from its `base`. Names are git's: relative to the top, with slashes.

    `before` maps each changed file to its former name, or to None if it is new; `gone` has names no longer in use.
    """

    top: str
    base: str
    before: dict[str, str | None]
    gone: set[str]
    tracked: frozenset[str]
    config: Mapping[str, str]  # turns off the repository's filters


# The plain output, whatever settings and attributes say: every file as text, no program run, names as they are.
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--find-renames", "--ignore-submodules")
_STATUS = ("diff", *_PLAIN, "--name-status", "-z")
_DIFF = ("diff", *_PLAIN, "--unified=0", "--inter-hunk-context=0", "--text")


def _line(output: bytes) -> str:
    return os.fsdecode(output.removesuffix(b"\n"))


def _changed_lines(diff: bytes) -> Iterator[tuple[float, float]]:
    """The ranges of lines in the new file that the hunks of a diff without context cover."""
    for hunk in _HUNK.finditer(diff):
        first, count = int(hunk[1]), int(hunk[2] or 1)
        yield (first, first + count - 1) if count else (first + 0.5, first + 0.5)
