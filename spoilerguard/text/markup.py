"""Every spoiler syntax in one table: where authors have hidden text themselves.

A row of `SYNTAXES` is a style: what opens it, what closes it, and what ends it early. Matching is
one pass over the marks of the text, so time is linear whatever the text holds. An opener without
its closer hides nothing (that is how most platforms show it): where that is surely a slip, there is
a notice.

To add a syntax, add a row, passing and failing examples in `tests/test_markup.py`, and a row in
`styles`, which writes. HTML elements are recognised in `htmlscan`, which knows tags; here are the
character syntaxes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
import re
from typing import NamedTuple

from spoilerguard.spans import Hidden, Notice, Span
from spoilerguard.text.ranges import subtract

__all__ = [
    "NEVER_BEGINS", "NEVER_ENDS", "SYNTAXES", "Syntax",
    "find_hidden", "outermost", "reddit_line_starts", "strip_hidden",
]  # fmt: skip

NEVER_ENDS = "this spoiler mark has no end: readers may see what it is to hide"
NEVER_BEGINS = "this spoiler mark ends what never begins: readers may see what is before it"

# The start of a line, with the marks of quotations and lists before its text.
_LINE = r"(?m:^|(?<=\r)(?!\n))(?>(?:[ \t]{0,9}(?:>(?!!)|[-+*](?=[ \t])|\d{1,3}[.)](?=[ \t])))*[ \t]{0,9})"
# A blank line, whatever the line ends; the atomic group keeps one CR LF from being two of them.
_BLANK_LINE = r"(?>\r\n|\r|\n)[ \t]*+[\r\n]"


@dataclass(frozen=True)
class Syntax:
    """One way to hide text: the patterns of its marks, which hold no capturing group.

    `hints` are lower-case strings of which one is in every text that uses the syntax: searching
    for them first is what makes a text without spoilers cheap. `close` None means that `open`
    matches the whole, and `delimiters` what of it is mark. With `inline`, nothing is hidden across
    paragraphs. With `nests`, marks pair up as brackets do, `other` openers among them (whose
    closers look the same); without, the first opener counts.

    `lone` is what an opener without its closer looks like (or what follows the whole, with `close`
    None) where it can be nothing but a slip of its author; `stray`: a closer without its opener is
    one. `lost`: what was hidden is not there to be read.
    """

    name: str
    hints: tuple[str, ...]
    open: str
    close: str | None
    inline: bool = False
    nests: bool = False
    other: str | None = None
    delimiters: str = ""
    lone: str = r"(?!)"
    stray: bool = False
    lost: bool = False

    @cached_property
    def marks(self) -> re.Pattern[str]:
        """What may begin a spoiler; with `nests`, all marks. The name of the group that matched tells which it is."""
        close = self.close if self.nests or self.stray else None
        return _any(open=self.open, other=self.other, close=close)

    @cached_property
    def ends(self) -> re.Pattern[str]:
        """What may come within a spoiler."""
        blank = _BLANK_LINE if self.inline else None
        within = {"open": self.open, "other": self.other} if self.nests else {}
        return _any(**within, close=self.close, blank=blank)

    @cached_property
    def unpaired(self) -> re.Pattern[str]:
        """`lone`, compiled."""
        return re.compile(self.lone)


def _any(**kinds: str | None) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items() if pattern))


SYNTAXES: tuple[Syntax, ...] = (
    # Reddit's API and dumps escape the angle brackets. `!</b>` is an exclamation before a tag.
    Syntax(
        "reddit",
        (">!", "&gt;!"),
        r"(?<!\\)(?:>|&gt;)!",
        r"(?<!\\)!(?:<(?!/|(?:br|p|b|i|em|strong|div|span)\b)|&lt;(?!/))",
        inline=True,
        # At the start of a line it is a block spoiler, or a quotation.
        lone=r"(?:(?<=[^\s>*+-][ \t])|(?<=[(\[“\"]))(?:>|&gt;)!(?=[^\s!=<>&])",
    ),
    Syntax(
        "reddit-title",
        ("](/s", "](#s"),
        r"(?i:\[[^\[\]\n]{0,200}+\]\([#/]s(?:poilers?)?[ \t]{1,9}\"[^\"\n]{1,5000}\"\))",
        None,
        delimiters=r"^\[[^\]]*\]\([^\"]*\"|\"\)$",
    ),
    # `#spoiler` is left out: on blogs it is a link to a section.
    Syntax(
        "reddit-link",
        ("](/s", "](#s"),
        r"(?i:\[[^\[\]\n]{1,1000}+\]\((?:[#/]s|/spoiler)\))",
        None,
        delimiters=r"^\[|\]\([^)]*\)$",
    ),
    Syntax(
        "discord",
        ("||",),
        r"(?<![\\|])\|\|(?!\|)",
        r"(?<![\\|])\|\|(?!\|)",
        inline=True,
        lone=r"(?:(?<!.)|(?<=[\s(\[“\"]))\|\|(?=[^\s|=])",
    ),
    Syntax(
        "bbcode",
        ("[spoiler", "[/spoiler"),
        r"(?i:\[spoilers?(?! hidden\])(?:[= ][^\]\n]{0,200})?\])",
        r"(?i:\[/spoilers?\])",
        nests=True,
        # `[spoiler] ` with a space may be a word of warning, or the name of the tag.
        lone=r"(?i:\[spoiler(?:=[^\]\n]{0,200})?\](?=[\w\"'“*]))",
        stray=True,
    ),
    Syntax("goodreads", ("<spoiler>", "</spoiler>"), r"(?i:<spoiler>)", r"(?i:</spoiler>)", lone="", stray=True),
    Syntax(
        "goodreads-export",
        ("(view spoiler)", "(hide spoiler)"),
        r"(?i:\(view spoiler\)\s{0,9}\[)",
        r"(?i:\(hide spoiler\)\s{0,9}\])",
        lone="",
        stray=True,
    ),
    Syntax(
        "lemmy",
        (":::",),
        rf"(?i:{_LINE}:::+[ \t]{{0,9}}spoiler\b[^\r\n]*)",
        rf"(?:{_LINE}:::+[ \t]*+(?=[\r\n]|\Z))",
        nests=True,
        lone="",
    ),
    Syntax(
        "hugo",
        ("{{<", "{{%"),
        r"(?i:\{\{[<%]\s{0,9}(?:spoiler|details)\b[^\n}]{0,200}[>%]\}\})",
        r"(?i:\{\{[<%]\s{0,9}/\s{0,9}(?:spoiler|details)\s{0,9}[>%]\}\})",
        nests=True,
        # Of a theme's `spoiler` with arguments, who knows whether it has an end.
        lone=r"(?i:\{\{[<%]\s{0,9}(?:details\b[^\n}]{0,200}(?<!/)|spoiler\s{0,9})[>%]\}\})",
    ),
    Syntax("anilist", ("~!",), r"~!", r"!~", lone=r"(?:(?<!.)|(?<=[\s(“\"]))~!(?=\w)"),
    Syntax("mediawiki", ("{{spoiler|",), r"(?i:\{\{spoiler\|(?:1=)?)", r"\}\}", nests=True, other=r"\{\{", lone=""),
    Syntax(
        "tvtropes",
        ("[[spoiler:",),
        r"(?i:\[\[spoiler:)",
        r"\]\]",
        inline=True,
        nests=True,
        other=r"\[\[",
        lone="",
    ),
    Syntax(
        "stackexchange",
        (">! ",),
        rf"(?:{_LINE}>! (?![^\r\n]*!<)[^\r\n]*+(?:(?:\r\n?|\n){_LINE}>![^\r\n]*+)*+)",
        None,
        delimiters=rf"{_LINE}>! ?",
        lone=r"(?:\r\n?|\n) {0,3}>(?!!)[^\S\r\n]*+\S",  # a line that goes on as a mere quotation
    ),
    Syntax("rot13", ("[rot13:",), r"(?i:\[rot13: )", r"\]", nests=True, other=r"\[", lost=True),
    Syntax("redact", ("█",), r"█++(?:[ \t]++█++)*+", None, lost=True),
    Syntax("placeholder", ("[spoiler hidden]",), r"\[spoiler hidden\]", None, lost=True),
)


class _Found(NamedTuple):
    hidden: Hidden
    inner: Span  # without its marks


class _Opener(NamedTuple):
    start: int
    end: int
    other: bool  # not of a spoiler


def find_hidden(
    text: str, boundaries: Sequence[int] = (), notices: list[Notice] | None = None, inner: list[Span] | None = None
) -> list[Hidden]:
    """What the author hid, in order and disjoint; offsets in `text` (code points).

    `text` should have code blanked already: `||` in a code span hides nothing. `boundaries` are the
    sorted offsets at which paragraphs begin and end, where the reader of a format knows them. Marks
    that lack their other half are added to `notices`, and to `inner` the ranges that can be read once
    they are revealed.
    """
    inner_of = {found.hidden: found.inner for found in _search(text, boundaries, [] if notices is None else notices)}
    kept = outermost(inner_of)
    if inner is not None:
        inner += [span for hidden in kept for span in _readable(text, inner_of[hidden], hidden.style)]
    return kept


def _readable(text: str, inner: Span, style: str) -> list[Span]:
    """What of it is no mark, and not lost."""
    if style in _LOST or style not in _DELIMITERS:
        return [] if style in _LOST else [inner]
    marks = _DELIMITERS[style].finditer(text[slice(*inner)])
    return subtract([inner], [Span(inner.start + mark.start(), inner.start + mark.end()) for mark in marks])


def strip_hidden(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its spoiler marks, and the ranges that were hidden, in the new text.

    This is how marked-up text becomes labelled data: the marks would give the label away. What was
    hidden beyond reading (`redact`) labels nothing and stays as it is.
    """
    inner_of = {found.hidden: found.inner for found in _search(text, (), []) if found.hidden.style not in _LOST}
    pieces: list[str] = []
    ranges: list[tuple[int, int]] = []
    length = position = 0
    for hidden in outermost(inner_of):
        before, inner = text[position : hidden.start], text[slice(*inner_of[hidden])]
        if delimiters := _DELIMITERS.get(hidden.style):
            inner = delimiters.sub("", inner)
        pieces += [before, inner]
        start = length + len(before)
        length = start + len(inner)
        ranges.append((start, length))
        position = hidden.end
    pieces.append(text[position:])
    return "".join(pieces), ranges


def reddit_line_starts(text: str) -> list[int]:
    """Where lines begin with a spoiler of Reddit's: the offsets of their `>`, which quote nothing there.

    As Reddit's parser has it (snudown, `prefix_quote` and `prefix_blockspoiler`), in lists and
    quotations too.
    """
    if "!<" not in text or ">!" not in text:
        return []
    starts = [found.hidden.start for found in _pairs(text, SYNTAXES[0], (), [])]
    return [start for start in starts if text[start] == ">" and _begins_block(text, start)]


def _begins_block(text: str, offset: int) -> bool:
    while offset and text[offset - 1] in " \t>*+-.)0123456789":
        offset -= 1
    return offset == 0 or text[offset - 1] in "\r\n"


def outermost(hidden: Iterable[Hidden]) -> list[Hidden]:
    """In order, without those that lie in or overlap one that begins before them."""
    kept: list[Hidden] = []
    for candidate in sorted(hidden, key=lambda h: (h.start, -h.end)):
        if not kept or candidate.start >= kept[-1].end:
            kept.append(candidate)
    return kept


_DELIMITERS = {syntax.name: re.compile(syntax.delimiters) for syntax in SYNTAXES if syntax.delimiters}
_HINTS = frozenset(hint for syntax in SYNTAXES for hint in syntax.hints)
_LOST = {syntax.name for syntax in SYNTAXES if syntax.lost}


def _search(text: str, boundaries: Sequence[int], notices: list[Notice]) -> Iterator[_Found]:
    lower = text.lower()
    if not (present := {hint for hint in _HINTS if hint in lower}):
        return
    for syntax in SYNTAXES:
        if not present.isdisjoint(syntax.hints):
            yield from (_whole if syntax.close is None else _pairs)(text, syntax, boundaries, notices)


def _whole(text: str, syntax: Syntax, boundaries: Sequence[int], notices: list[Notice]) -> Iterator[_Found]:
    for mark in syntax.marks.finditer(text):
        yield _Found(Hidden(*mark.span(), syntax.name), Span(*mark.span()))
        if slip := syntax.unpaired.match(text, mark.end()):
            notices.append(Notice(slip.end() - 1, slip.end(), NEVER_ENDS))


def _pairs(text: str, syntax: Syntax, boundaries: Sequence[int], notices: list[Notice]) -> Iterator[_Found]:
    openers: list[_Opener] = []
    end = 0
    while True:
        # Within a paragraph, its end is as far as is looked.
        k = bisect_left(boundaries, openers[-1].end) if syntax.inline and openers else len(boundaries)
        stop = boundaries[k] if k < len(boundaries) else len(text)
        mark = (syntax.ends if openers else syntax.marks).search(text, end, stop)
        if mark is None and stop == len(text):
            break
        if mark is None or mark.lastgroup == "blank":
            _give_up(text, syntax, openers, notices)
            end = mark.end() if mark else stop
            continue
        start, end = mark.span()
        if mark.lastgroup != "close":
            openers.append(_Opener(start, end, mark.lastgroup == "other"))
        elif openers:
            opener = openers.pop()
            if not opener.other:
                yield _Found(Hidden(opener.start, end, syntax.name), Span(opener.end, start))
        elif syntax.stray:
            notices.append(Notice(start, end, NEVER_BEGINS))
    _give_up(text, syntax, openers, notices)


def _give_up(text: str, syntax: Syntax, openers: list[_Opener], notices: list[Notice]) -> None:
    """These openers have no end."""
    lone = [opener for opener in openers if not opener.other and syntax.unpaired.match(text, opener.start)]
    notices += [Notice(opener.start, opener.end, NEVER_ENDS) for opener in lone]
    openers.clear()
