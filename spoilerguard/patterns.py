"""Patterns of paths, as a `.gitignore` writes them (https://git-scm.com/docs/gitignore)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
import os
import re
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["Patterns", "gitignore"]


class Patterns:
    """Patterns that hold for what lies under a folder.

    `origin` names where they stand, for messages; without one, a pattern that is none is passed over, as git does.
    """

    def __init__(self, folder: str, lines: Sequence[str], origin: str | None = None) -> None:
        self.folder, self.lines, self.origin = os.path.abspath(folder), tuple(lines), origin
        self._under = os.path.join(self.folder, "")

    def decide(self, path: str, *, folder: bool = False) -> bool | None:
        """True where the last pattern that fits takes the path in, False where it is a `!` one, None where none fits.

        Raises InputError for a pattern that is none.
        """
        if not self.lines or not (full := os.path.abspath(path)).startswith(self._under):
            return None
        inside = full[len(self._under) :].replace(os.sep, "/")
        return self._spec.check_file(inside + "/" * folder).include

    def joined(self, folder: str, lines: Sequence[str]) -> Patterns:
        """These, and after them those of a folder below.

        One list rather than two: which of them wins depends on more than which comes last.
        """
        inside = os.path.abspath(folder)[len(self._under) :].replace(os.sep, "/")
        return Patterns(self.folder, (*self.lines, *(_beneath(inside, line) for line in lines)), self.origin)

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        from pathspec import GitIgnoreSpec  # only where there is a pattern to match

        patterns: list[Any] = []
        for line in self.lines:
            compiled = _compiled(line)
            if compiled is None and self.origin is not None:
                raise InputError(f"{self.origin}: no pattern of paths: {line!r}; write it as in .gitignore")
            patterns += compiled or ()
        return GitIgnoreSpec(patterns)


@lru_cache(maxsize=4096)  # the lines of a repository's root hold in each of its folders
def _compiled(line: str) -> tuple[Any, ...] | None:
    """None for a line that is no pattern."""
    from pathspec import GitIgnoreSpec

    try:
        return tuple(GitIgnoreSpec.from_lines([line]).patterns)
    except (ValueError, re.error):
        return None


def _beneath(folder: str, line: str) -> str:
    """A line of a folder's `.gitignore` as the one above it would have it; both end with the same name."""
    kept, pattern = ("!", line[1:]) if line.startswith("!") else ("", line)
    prefix = "".join(f"/{re.sub(_SPECIAL, _ESCAPED, name)}" for name in folder.split("/") if name)
    anywhere = "" if "/" in pattern.rstrip()[:-1] else "**/"  # a slash at its end only says: folders
    return f"{kept}{prefix}/{anywhere}{pattern.removeprefix('/')}"


_SPECIAL, _ESCAPED = r"([\\*?\[\]!# ])", r"\\\1"


def gitignore(folder: str) -> list[str]:
    """The lines of the `.gitignore` of a folder, if there is one. Raises InputError if it cannot be read."""
    path = os.path.join(folder, ".gitignore")
    if not os.path.isfile(path):
        return []
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return [line for line in file.read().split("\n") if line.strip("!/ \t\r") and not line.startswith("#")]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); or check with --no-gitignore") from None
