"""Patterns of paths, written as in a `.gitignore` (https://git-scm.com/docs/gitignore) and matched by pathspec."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
import os
import re
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError

if TYPE_CHECKING:
    from pathspec import PathSpec

__all__ = ["Patterns"]


class Patterns:
    """Patterns that apply to the paths in a folder.

    Args:
        folder: The folder that the patterns are relative to.
        lines: The patterns, one a line.
        origin: Where the patterns were written, for messages. Without it, invalid patterns are ignored, as git
            does in a `.gitignore`.
        last_wins: The last pattern about a path decides, also where it is about a folder above it. By default,
            as in git, a pattern about the path itself comes before one about a folder.
    """

    def __init__(
        self, folder: str, lines: Sequence[str], origin: str | None = None, *, last_wins: bool = False
    ) -> None:
        self.lines, self.origin, self._last_wins = tuple(lines), origin, last_wins
        self._prefix = os.path.join(os.path.abspath(folder), "")

    def matches(self, path: str, *, folder: bool = False) -> bool | None:
        """Whether a path, or a folder above it, matches.

        Args:
            path: The path of a file or folder.
            folder: Whether the path is that of a folder.

        Returns:
            True if it matches, False if a later `!` pattern makes an exception of it, None if no pattern is about
            it or it does not lie in the folder of the patterns. Unlike git, an exception may lie in a folder that
            matches.

        Raises:
            InputError: A pattern is invalid.
        """
        inside = self._inside(path)
        return self._spec.check_file(inside + "/" * folder).include if inside else None

    @property
    def has_exceptions(self) -> bool:
        """Whether there is a `!` pattern, so that a folder that matches may hold a file that does not."""
        return any(pattern.include is False for pattern in self._spec.patterns)

    def _inside(self, path: str) -> str:
        """The path relative to the folder, with slashes; empty where it is not in the folder."""
        if not self.lines or not (full := os.path.abspath(path)).startswith(self._prefix):
            return ""
        return full[len(self._prefix) :].replace(os.sep, "/")

    @cached_property
    def _spec(self) -> PathSpec[Any]:
        from pathspec import GitIgnoreSpec, PathSpec  # slow to import, and only needed where there is a pattern
        from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

        compiled = []
        for line in self.lines:
            try:
                regex, include = GitIgnoreSpecPattern.pattern_to_regex(line)
                compiled.append(GitIgnoreSpecPattern(regex and re.compile(_linear(regex)), include))
            except (ValueError, re.error):
                if self.origin is not None:
                    raise InputError(
                        f"{self.origin}: invalid path pattern {line!r}; write it as in .gitignore"
                    ) from None
        spec = PathSpec if self._last_wins else GitIgnoreSpec
        return spec(compiled, backend="simple")  # the other backends do not know atomic groups


_STARS = re.compile(r"(?:\[\^/\]\*)+")
_DOUBLE_STARS = re.compile(r"(\(\?:\.\+/\)\?|\(\?:/\.\+\)\?)")


def _linear(regex: str) -> str:
    """The expression that pathspec makes of a pattern, without the backtracking that can make it run for years.

    After a wildcard, the first place that fits is as good as any other, so it is final (an atomic group). Only
    the last `**` still takes the last place, which decides whether a pattern is about a file or its folder.
    """
    head, *rest = _DOUBLE_STARS.split(regex)
    built = ""
    for number in range(len(rest) - 2, -1, -2):
        wildcard, names = rest[number], _linear_names(rest[number + 1], number + 2 < len(rest))
        built = f"(?>{wildcard.replace('+', '+?')}?{names}){built}" if built else wildcard + names
    return _linear_names(head, head != "^" and built != "") + built


def _linear_names(regex: str, whole: bool) -> str:
    """The names between two `**`; with `whole`, the last of them ends where a slash follows."""
    head, *rest = _STARS.split(regex + "(?=/)" * whole)
    return head + "".join(f"(?>[^/]*?{literal})" for literal in rest)
