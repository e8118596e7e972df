"""Patterns of paths, as a `.gitignore` writes them (https://git-scm.com/docs/gitignore)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
import os
import re
from typing import Any

from spoilerguard.errors import InputError

__all__ = ["Patterns", "gitignore"]


class Patterns:
    """Patterns that hold for what lies under a folder.

    `origin` names where they stand, for messages; without one, a pattern that is none is passed over, as git does.
    """

    def __init__(self, folder: str, lines: Sequence[str], origin: str | None = None) -> None:
        self.lines, self.origin = tuple(lines), origin
        self._under = os.path.join(os.path.abspath(folder), "")

    def decide(self, path: str, *, folder: bool = False) -> bool | None:
        """True where a path is taken in, or a folder that it lies in; False where a `!` pattern is the last
        that fits, None where none fits. Raises InputError for a pattern that is none.
        """
        if any(self._last(above) for above in _folders(self._inside(path))):
            return True
        return self.decide_alone(path, folder=folder)

    def cover(self, path: str) -> bool:
        """Whether the last pattern that fits a file, or a folder that it lies in, is no `!` one.

        So `!` patterns can name exceptions in a folder, which git has not. Raises InputError as `decide` does.
        """
        inside = self._inside(path)
        places = [*_folders(inside), inside]
        fitting = (kept for regex, kept in reversed(self._compiled) if any(map(regex.fullmatch, places)))
        return bool(inside) and next(fitting, False)

    def decide_alone(self, path: str, *, folder: bool = False) -> bool | None:
        """The same for who has asked of the folders above it."""
        inside = self._inside(path)
        return self._last(inside + "/" * folder) if inside else None

    def _inside(self, path: str) -> str:
        if not self.lines or not (full := os.path.abspath(path)).startswith(self._under):
            return ""
        return full[len(self._under) :].replace(os.sep, "/")

    def _last(self, inside: str) -> bool | None:
        """What the last pattern that fits says. Of git's rules, this one is ours: in pathspec's, a pattern
        that fits a folder fits all that is in it, also where another has let the folder in.
        """
        return next((kept for regex, kept in reversed(self._compiled) if regex.fullmatch(inside)), None)

    @cached_property
    def _compiled(self) -> list[tuple[re.Pattern[str], bool]]:
        from pathspec import GitIgnoreSpec  # only where there is a pattern to match

        compiled: list[tuple[re.Pattern[str], bool]] = []
        for line in self.lines:
            try:
                found: Sequence[Any] = GitIgnoreSpec.from_lines([_ending(line)]).patterns
            except (ValueError, re.error):
                if self.origin is not None:
                    raise InputError(
                        f"{self.origin}: no pattern of paths: {line!r}; write it as in .gitignore"
                    ) from None
                continue
            compiled += [(pattern.regex, pattern.include) for pattern in found if pattern.regex is not None]
        return compiled


def _folders(inside: str) -> Iterator[str]:
    """The folders that a path lies in: of `a/b/c`, `a/` and `a/b/`."""
    return (inside[: slash.end()] for slash in re.finditer("/", inside))


def _ending(line: str) -> str:
    """The same pattern so that its expression fits whole names: pathspec cuts what ends in a lone `*` or `**` short."""
    *names, last = line.rstrip("\r").removesuffix("/").split("/")
    kept = "!" if not names and last.startswith("!") else ""
    ending = {"*": "?*", "**": "**/?*"}.get(last.removeprefix(kept).strip(" "), last.removeprefix(kept))
    return "/".join([*names, kept + ending]) + "/" * line.rstrip("\r").endswith("/")


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
