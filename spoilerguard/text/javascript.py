"""Where JavaScript ends that stands within a text, by its brackets: the expressions and exports of MDX.

Strings, templates and comments are skipped. Nothing is evaluated or checked: a text whose code is broken does not
build anyway.
"""

from __future__ import annotations

import re

__all__ = ["Code"]

_TOKEN = re.compile(
    r"""(?x)
      "(?>(?:[^"\\\r\n]|\\(?s:.))*)" | '(?>(?:[^'\\\r\n]|\\(?s:.))*)' | //[^\r\n]*+ | /\*(?s:(?:.*?\*/|.*+))
    | (?P<opens>[{(\[]) | (?P<closes>[})\]]) | (?P<template>`) | (?P<blank>(?>\r\n|\r|\n)[ \t]*+(?=[\r\n]|\Z))"""
)
_IN_TEMPLATE = re.compile(r"(?>(?:[^`\\$]|\\(?s:.)|\$(?!\{))*)(?:(?P<template>`)|(?P<opens>\$\{)|\Z)")


class Code:
    """The code in a source. Linear time, however often it is asked: every bracket is passed once or twice.

    Args:
        source: The source.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._ends: dict[int, int] = {}  # of the braces passed: where each is closed
        self._passed = len(source)  # every brace from here on has been passed
        self._broken = False

    def closing(self, brace: int) -> int:
        """The offset behind the brace that closes the one at this offset; -1 if none does."""
        if brace not in self._ends and brace < self._passed:
            self._walk(brace, blank=False)
        return self._ends.get(brace, -1)

    def end_of_statements(self, start: int) -> int:
        """Where a block of statements ends: before the first blank line at which no bracket is open."""
        end = -1 if self._broken else self._walk(start, blank=True)
        if end < 0:
            self._broken = True
            found = re.compile(r"(?>\r\n|\r|\n)[ \t]*+(?=[\r\n]|\Z)").search(self.source, start)
            end = found.start() if found else len(self.source)
        return end

    def _walk(self, start: int, *, blank: bool) -> int:
        """Read on until the first bracket is closed or, if asked, a blank line is outside of all; -1 if none is."""
        source, at = self.source, start
        waiting: list[int] = []  # where open brackets and templates begin
        while at < len(source):
            in_template = bool(waiting) and source[waiting[-1]] == "`"
            token = _IN_TEMPLATE.match(source, at) if in_template else _TOKEN.search(source, at)
            if token is None:
                break
            at, kind = token.end(), token.lastgroup
            if kind == "opens":
                waiting.append(at - 1)
            elif kind == "template":
                if in_template:
                    waiting.pop()
                else:
                    waiting.append(at - 1)
            elif kind == "closes" and waiting:
                self._ends[waiting.pop()] = at
                if not waiting and not blank:
                    return at
            elif kind == "blank" and blank and not waiting:
                return token.start()
        if not waiting:
            return len(source)
        self._passed = min(self._passed, start)
        return -1
