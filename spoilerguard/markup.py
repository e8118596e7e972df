"""Every spoiler syntax in one table: where authors have hidden text themselves.

A row of `SYNTAXES` is a style: what opens it, what closes it, and what ends it early. Matching is
one pass over the marks of the text, so time is linear whatever the text holds. An opener without
its closer hides nothing (that is how the platforms show it).

To add a syntax, add a row, and a passing and a failing example in `tests/test_markup.py`.
HTML elements are recognised in `reading`, which knows tags; here are the character syntaxes.
"""

from __future__ import annotations

from dataclasses import dataclass
import re
from typing import TYPE_CHECKING

from spoilerguard.spans import Hidden

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SYNTAXES", "Syntax", "find_hidden", "strip_hidden"]


@dataclass(frozen=True, slots=True)
class Syntax:
    """One way to hide text: the patterns of its marks.

    `close` None means that the opening pattern matches the whole. With `inline`, a blank line ends
    the search for the closer: the platform hides nothing across paragraphs.
    """

    name: str
    open: str
    close: str | None
    inline: bool = True


_SPOILER_WORD = r"spoilers?"

SYNTAXES: tuple[Syntax, ...] = (
    Syntax("reddit", r"(?<!\\)>!", r"(?<!\\)!<"),
    Syntax("discord", r"(?<![\\|])\|\|(?!\|)", r"(?<![\\|])\|\|(?!\|)"),
    Syntax("bbcode", rf"(?i:\[{_SPOILER_WORD}(?:[= ][^\]\n]{{0,200}})?\])", rf"(?i:\[/{_SPOILER_WORD}\])", inline=False),
    Syntax("goodreads", r"(?i:<spoiler>)", r"(?i:</spoiler>)", inline=False),
    Syntax("goodreads-export", r"(?i:\(view spoiler\)\s{0,9}\[)", r"(?i:\(hide spoiler\)\s{0,9}\])", inline=False),
    Syntax("lemmy", r"(?mi:^ {0,3}:::+[ \t]{0,9}spoiler\b[^\n]*)", r"(?m:^ {0,3}:::+[ \t]*$)", inline=False),
    Syntax(
        "hugo",
        r"(?i:\{\{[<%]\s{0,9}(?:spoiler|details)\b[^\n}]{0,200}[>%]\}\})",
        r"(?i:\{\{[<%]\s{0,9}/\s{0,9}(?:spoiler|details)\s{0,9}[>%]\}\})",
        inline=False,
    ),
    Syntax("anilist", r"~!", r"!~", inline=False),
    Syntax("mediawiki", r"(?i:\{\{spoiler\|)", r"\}\}", inline=False),
    Syntax("tvtropes", r"(?i:\[\[spoiler:)", r"\]\]"),
    Syntax("stackexchange", r"(?m:^ {0,3}>! (?![^\n]*!<)[^\n]*(?:\n {0,3}>! ?[^\n]*)*)", None),
)

_BREAK = r"\n[ \t\r]*\n"


def _scanner(syntax: Syntax) -> re.Pattern[str]:
    parts = [f"(?P<open>{syntax.open})"]
    if syntax.close is not None and syntax.close != syntax.open:
        parts.append(f"(?P<close>{syntax.close})")
    if syntax.inline and syntax.close is not None:
        parts.append(f"(?P<brk>{_BREAK})")
    return re.compile("|".join(parts))


_SCANNERS = {syntax.name: (syntax, _scanner(syntax)) for syntax in SYNTAXES}


def _find(text: str, syntax: Syntax, scanner: re.Pattern[str]) -> Iterator[Hidden]:
    opened: int | None = None
    for mark in scanner.finditer(text):
        kind = mark.lastgroup
        if syntax.close is None:
            yield Hidden(mark.start(), mark.end(), syntax.name)
        elif kind == "brk":
            opened = None
        elif kind == "open" and (opened is None or syntax.close != syntax.open):
            # A second opener inside an open spoiler is text: the first one counts.
            opened = mark.start() if opened is None else opened
        elif opened is not None:
            yield Hidden(opened, mark.end(), syntax.name)
            opened = None


def find_hidden(text: str) -> list[Hidden]:
    """What the author hid, in order and disjoint; offsets in `text` (code points).

    `text` should have code blanked already: `||` in a code span hides nothing.
    """
    found: list[Hidden] = []
    for syntax, scanner in _SCANNERS.values():
        found.extend(_find(text, syntax, scanner))
    found.sort(key=lambda h: (h.start, -h.end))
    outer: list[Hidden] = []
    for hidden in found:
        if not outer or hidden.start >= outer[-1].end:
            outer.append(hidden)
    return outer


def strip_hidden(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its spoiler marks, and the ranges that were hidden, in the new text.

    This is how marked-up text becomes labelled data: the marks would give the label away.
    """
    pieces: list[str] = []
    ranges: list[tuple[int, int]] = []
    length = position = 0
    for hidden in find_hidden(text):
        before, inner = text[position : hidden.start], _inner(text[hidden.start : hidden.end], hidden.style)
        pieces += [before, inner]
        length += len(before)
        ranges.append((length, length + len(inner)))
        length += len(inner)
        position = hidden.end
    pieces.append(text[position:])
    return "".join(pieces), ranges


def _inner(marked: str, style: str) -> str:
    syntax, scanner = _SCANNERS[style]
    if syntax.close is None:
        return re.sub(r"(?m)^ {0,3}>! ?", "", marked)
    opener = scanner.match(marked)
    start = opener.end() if opener else 0
    closer = re.search(f"(?:{syntax.close})\\Z", marked[start:])
    return marked[start : start + closer.start() if closer else len(marked)]
