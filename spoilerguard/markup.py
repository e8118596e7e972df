"""Every spoiler syntax in one table: where authors have hidden text themselves.

A row of `SYNTAXES` is a style: what opens it, what closes it, and what ends it early. Matching is
one pass over the marks of the text, so time is linear whatever the text holds. An opener without
its closer hides nothing (that is how most platforms show it).

To add a syntax, add a row, and a passing and a failing example in `tests/test_markup.py`.
HTML elements are recognised in `htmlscan`, which knows tags; here are the character syntaxes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
import re
from typing import NamedTuple

from spoilerguard.spans import Hidden, Span

__all__ = ["SYNTAXES", "Syntax", "find_hidden", "outermost", "strip_hidden"]

# A blank line, whatever the line ends; the atomic group keeps one CR LF from being two of them.
_BLANK_LINE = r"(?>\r\n|\r|\n)[ \t]*+[\r\n]"


@dataclass(frozen=True)
class Syntax:
    """One way to hide text: the patterns of its marks, which hold no capturing group.

    `hints` are lower-case strings of which one is in every text that uses the syntax: searching
    for them first is what makes a text without spoilers cheap. `close` None means that `open`
    matches the whole, and `shell` what of it is mark. With `inline`, nothing is hidden across
    paragraphs. With `nests`, marks pair up as brackets do, `other` openers among them (whose
    closers look the same); without, the first opener counts.
    """

    name: str
    hints: tuple[str, ...]
    open: str
    close: str | None
    inline: bool = False
    nests: bool = False
    other: str | None = None
    shell: str = ""

    @cached_property
    def marks(self) -> re.Pattern[str]:
        """All marks in one pattern; the name of the group that matched tells which it is."""
        kinds = {
            "open": self.open,
            "other": self.other,
            "close": None if self.close == self.open else self.close,
            "blank": _BLANK_LINE if self.inline else None,
        }
        return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items() if pattern))


SYNTAXES: tuple[Syntax, ...] = (
    # Reddit's API and dumps escape the angle brackets. `!</b>` is an exclamation before a tag.
    Syntax(
        "reddit",
        (">!", "&gt;!"),
        r"(?<!\\)(?:>|&gt;)!",
        r"(?<!\\)!(?:<(?!/|(?:br|p|b|i|em|strong|div|span)\b)|&lt;(?!/))",
        inline=True,
    ),
    Syntax(
        "reddit-title",
        ("](/s", "](#s"),
        r"(?i:\[[^\[\]\n]{0,200}+\]\([#/]s(?:poilers?)?[ \t]{1,9}\"[^\"\n]{1,5000}\"\))",
        None,
        shell=r"^\[[^\]]*\]\([^\"]*\"|\"\)$",
    ),
    # `#spoiler` is left out: on blogs it is a link to a section.
    Syntax(
        "reddit-link",
        ("](/s", "](#s"),
        r"(?i:\[[^\[\]\n]{1,1000}+\]\((?:[#/]s|/spoiler)\))",
        None,
        shell=r"^\[|\]\([^)]*\)$",
    ),
    Syntax("discord", ("||",), r"(?<![\\|])\|\|(?!\|)", r"(?<![\\|])\|\|(?!\|)", inline=True),
    Syntax("bbcode", ("[spoiler",), r"(?i:\[spoilers?(?:[= ][^\]\n]{0,200})?\])", r"(?i:\[/spoilers?\])", nests=True),
    Syntax("goodreads", ("<spoiler>",), r"(?i:<spoiler>)", r"(?i:</spoiler>)"),
    Syntax(
        "goodreads-export",
        ("(view spoiler)",),
        r"(?i:\(view spoiler\)\s{0,9}\[)",
        r"(?i:\(hide spoiler\)\s{0,9}\])",
    ),
    Syntax(
        "lemmy",
        (":::",),
        r"(?mi:^ {0,3}:::+[ \t]{0,9}spoiler\b[^\r\n]*)",
        r"(?m:^ {0,3}:::+[ \t]*+(?=[\r\n]|\Z))",
        nests=True,
    ),
    Syntax(
        "hugo",
        ("{{<", "{{%"),
        r"(?i:\{\{[<%]\s{0,9}(?:spoiler|details)\b[^\n}]{0,200}[>%]\}\})",
        r"(?i:\{\{[<%]\s{0,9}/\s{0,9}(?:spoiler|details)\s{0,9}[>%]\}\})",
        nests=True,
    ),
    Syntax("anilist", ("~!",), r"~!", r"!~"),
    Syntax("mediawiki", ("{{spoiler|",), r"(?i:\{\{spoiler\|)", r"\}\}", nests=True, other=r"\{\{"),
    Syntax("tvtropes", ("[[spoiler:",), r"(?i:\[\[spoiler:)", r"\]\]", inline=True, nests=True, other=r"\[\["),
    Syntax(
        "stackexchange",
        (">! ",),
        r"(?m:^ {0,3}>! (?![^\n]*!<)[^\n]*+(?:\n {0,3}>![^\n]*+)*+)",
        None,
        shell=r"(?m)^ {0,3}>! ?",
    ),
)


class _Found(NamedTuple):
    hidden: Hidden
    inner: Span  # without its marks


def find_hidden(text: str, walls: Sequence[int] = ()) -> list[Hidden]:
    """What the author hid, in order and disjoint; offsets in `text` (code points).

    `text` should have code blanked already: `||` in a code span hides nothing. `walls` are the
    sorted offsets at which paragraphs begin and end, where the reader of a format knows them.
    """
    return outermost(found.hidden for found in _search(text, walls))


def strip_hidden(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its spoiler marks, and the ranges that were hidden, in the new text.

    This is how marked-up text becomes labelled data: the marks would give the label away.
    """
    inner_of = {found.hidden: found.inner for found in _search(text, ())}
    pieces: list[str] = []
    ranges: list[tuple[int, int]] = []
    length = position = 0
    for hidden in outermost(inner_of):
        before, inner = text[position : hidden.start], text[slice(*inner_of[hidden])]
        if shell := _SHELLS.get(hidden.style):
            inner = shell.sub("", inner)
        pieces += [before, inner]
        start = length + len(before)
        length = start + len(inner)
        ranges.append((start, length))
        position = hidden.end
    pieces.append(text[position:])
    return "".join(pieces), ranges


def outermost(hidden: Iterable[Hidden]) -> list[Hidden]:
    """In order, without those that lie in or overlap one that begins before them."""
    kept: list[Hidden] = []
    for candidate in sorted(hidden, key=lambda h: (h.start, -h.end)):
        if not kept or candidate.start >= kept[-1].end:
            kept.append(candidate)
    return kept


_SHELLS = {syntax.name: re.compile(syntax.shell) for syntax in SYNTAXES if syntax.shell}


def _search(text: str, walls: Sequence[int]) -> Iterator[_Found]:
    lower = text.lower()
    for syntax in SYNTAXES:
        if any(hint in lower for hint in syntax.hints):
            yield from _whole(text, syntax) if syntax.close is None else _pairs(text, syntax, walls)


def _whole(text: str, syntax: Syntax) -> Iterator[_Found]:
    for mark in syntax.marks.finditer(text):
        yield _Found(Hidden(*mark.span(), syntax.name), Span(*mark.span()))


def _pairs(text: str, syntax: Syntax, walls: Sequence[int]) -> Iterator[_Found]:
    openers: list[Span | None] = []  # None for another opener
    for mark in syntax.marks.finditer(text):
        kind, (start, end) = mark.lastgroup, mark.span()
        if syntax.inline and openers and _apart(openers[-1] or Span(start, start), start, walls):
            openers.clear()
        if kind == "blank":
            openers.clear()
        elif kind == "other":
            openers.append(None)
        elif kind == "open" and (syntax.nests or not openers):
            openers.append(Span(start, end))
        elif openers and (kind == "close" or syntax.close == syntax.open):
            opener = openers.pop()
            if opener is not None:
                yield _Found(Hidden(opener.start, end, syntax.name), Span(opener.end, start))


def _apart(opener: Span, start: int, walls: Sequence[int]) -> bool:
    """Whether a paragraph begins or ends between the opener and the mark at `start`."""
    return bisect_left(walls, opener.end) < bisect_right(walls, start)
