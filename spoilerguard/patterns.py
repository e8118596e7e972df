"""Patterns of paths, as a `.gitignore` writes them (https://git-scm.com/docs/gitignore)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
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

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        from pathspec import GitIgnoreSpec  # only where there is a pattern to match

        patterns: list[Any] = []
        for line in self.lines:
            try:
                patterns += GitIgnoreSpec.from_lines([line]).patterns
            except (ValueError, re.error):
                if self.origin is not None:
                    raise InputError(
                        f"{self.origin}: no pattern of paths: {line!r}; write it as in .gitignore"
                    ) from None
        return GitIgnoreSpec(patterns)


def gitignore(folder: str) -> Patterns | None:
    """What the `.gitignore` of a folder says; None where there is none. Raises InputError if it cannot be read."""
    path = os.path.join(folder, ".gitignore")
    if not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = [line for line in file.read().split("\n") if line.strip() and not line.startswith("#")]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); or check with --no-gitignore") from None
    return Patterns(folder, lines) if lines else None
