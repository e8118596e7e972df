"""Every spoiler syntax in one table, to find text that authors have hidden themselves.

A row of `SYNTAXES` says what opens a spoiler, what closes it, and what ends it early. Matching is one pass over
the marks of the text, so it takes linear time for any text. An opener without its closer hides nothing, as on most
platforms; where that is surely a mistake of the author, there is a notice.

To add a syntax, add a row here, passing and failing examples in `tests/test_markup.py`, and a row in `styles`,
which writes it. This table has the character syntaxes; `htmlscan`, which knows tags, recognises HTML elements.
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
    "HINTS", "NEVER_BEGINS", "NEVER_ENDS", "SYNTAXES", "Syntax",
    "find_hidden", "outermost", "reddit_line_starts", "strip_hidden",
]  # fmt: skip

NEVER_ENDS = "this spoiler mark has no end: readers may see what it is to hide"
NEVER_BEGINS = "this spoiler mark ends what never begins: readers may see what is before it"

# The start of a line, with the marks of quotations and lists before its text.
_LINE = r"(?m:^|(?<=\r)(?!\n))(?>(?:[ \t]{0,9}(?:>(?!!)|[-+*](?=[ \t])|\d{1,3}[.)](?=[ \t])))*[ \t]{0,9})"
# A blank line, whatever the line ends; the atomic group keeps one CR LF from being two of them.
_BLANK_LINE = r"(?>\r\n|\r|\n)[ \t]*+[\r\n]"

# Text after an opening mark of two bars, with no other in it, and the closing mark.
_BARRED = r"(?=[^\s|])(?>(?:[^|\\]|\\.|\\(?=[\r\n])|\|(?!\|))*)(?<=\S)\|\|(?!\|)"


@dataclass(frozen=True)
class Syntax:
    """One way to hide text. No pattern contains a capturing group.

    Attributes:
        name: Its name, which a row of `styles.STYLES` refers to.
        hints: Lower-case strings, one of which is in every text that uses the syntax. Searching for them
            first makes texts without spoilers cheap.
        open: The pattern of the opening mark.
        close: The pattern of the closing mark; None if `open` matches the whole spoiler.
        inline: Whether a spoiler ends with its paragraph.
        nests: Whether marks pair up like brackets; otherwise the first opener counts.
        other: Other opening marks whose closing mark looks the same; for syntaxes that nest.
        delimiters: What is markup in the match, if `open` matches the whole spoiler.
        lone: What an opening mark without its closing mark looks like if it can only be a mistake; if
            `open` matches the whole spoiler, what follows a broken one.
        stray: Whether a closing mark without its opening mark is a mistake.
        lost: Whether the hidden text can no longer be read.
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
        """What can begin a spoiler; with `nests`, all marks. The name of the matching group is the kind of mark."""
        close = self.close if self.nests or self.stray else None
        return _any(open=self.open, other=self.other, close=close)

    @cached_property
    def ends(self) -> re.Pattern[str]:
        """What to look for inside a spoiler."""
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
    # Reddit's API and dumps escape the angle brackets. `!</b>` is an exclamation mark before a tag.
    Syntax(
        "reddit",
        (">!", "&gt;!"),
        r"(?<!\\)(?:>|&gt;)!",
        r"(?<!\\)!(?:<(?!/|(?:br|p|b|i|em|strong|div|span)\b)|&lt;(?!/))",
        inline=True,
        # At the start of a line it is a block spoiler or a quotation.
        lone=r"(?:(?<=[^\s>*+-][ \t])|(?<=[(\[“\"]))(?:>|&gt;)!(?=[^\s!=<>&])",
    ),
    Syntax(
        "reddit-title",
        ("](/s", "](#s"),
        r"(?i:\[[^\[\]\n]{0,200}+\]\([#/]s(?:poilers?)?[ \t]{1,9}\"[^\"\n]{1,5000}\"\))",
        None,
        delimiters=r"^\[[^\]]*\]\([^\"]*\"|\"\)$",
    ),
    # `#spoiler` is missing on purpose: on blogs it is a link to a section.
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
    # Over several paragraphs, one mark is at the start of a line or at the end of one: within lines, bars are often no
    # marks at all.
    Syntax(
        "discord-paragraphs",
        ("||",),
        rf"(?:(?<![^\r\n])\|\|{_BARRED}(?=[\s.,;:!?)\]]|\Z)|(?<=[\s(])\|\|{_BARRED}(?=[ \t]*+(?:[\r\n]|\Z)))",
        None,
        delimiters=r"^\|\||\|\|$",
    ),
    Syntax(
        "reddit-paragraphs",
        (">!", "&gt;!"),
        r"(?:(?<![^\r\n])(?:>|&gt;)!(?=[^\s<])(?>(?:(?!(?:>|&gt;)!|!(?:<|&lt;))(?s:.))*)"
        r"!(?:<|&lt;)(?=[ \t]*+(?:[\r\n]|\Z)))",
        None,
        delimiters=r"^(?:>|&gt;)!|!(?:<|&lt;)$",
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
    Syntax(
        "xenforo",
        ("[ispoiler", "[/ispoiler"),
        r"(?i:\[ispoiler\])",
        r"(?i:\[/ispoiler\])",
        nests=True,
        lone="",
        stray=True,
    ),
    Syntax(
        "discourse-details",
        ("[details", "[/details"),
        r"(?i:\[details(?:=[^\]\r\n]{0,200})?\])",
        r"(?i:\[/details\])",
        nests=True,
        stray=True,
    ),
    Syntax(
        "shortcodes-ultimate",
        ("[su_spoiler", "[/su_spoiler"),
        r"(?i:\[su_spoiler\b[^\]]{0,400}\])",
        r"(?i:\[/su_spoiler\])",
        nests=True,
        lone="",
        stray=True,
    ),
    Syntax(
        "liquid",
        ("{%",),
        r"(?i:(?<!\{)\{%-?\s{0,9}(?:spoiler|details)\b[^%\r\n]{0,200}%\})",
        r"(?i:(?<!\{)\{%-?\s{0,9}end(?:spoiler|details)\s{0,9}-?%\})",
        nests=True,
        lone="",
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
        rf"(?i:{_LINE}:::+[ \t]{{0,9}}(?:spoiler|details)\b[^\r\n]*)",
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
        # A theme's `spoiler` with arguments may or may not have an end.
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
        rf"(?:{_LINE}>! (?![^\r\n]*!<)[^\r\n]*+(?>(?:(?:\r\n?|\n){_LINE}>![^\r\n]*+)*))",
        None,
        delimiters=rf"{_LINE}>! ?",
        lone=r"(?:\r\n?|\n) {0,3}>(?!!)[^\S\r\n]*+\S",  # the next line is an ordinary quotation
    ),
    Syntax("rot13", ("[rot13:",), r"(?i:\[rot13: )", r"\]", nests=True, other=r"\[", lost=True),
    Syntax("redact", ("█",), r"█++(?>(?:[ \t]++█++)*)", None, lost=True),
    Syntax("placeholder", ("[spoiler hidden]",), r"\[spoiler hidden\]", None, lost=True),
)


class _Found(NamedTuple):
    hidden: Hidden
    inner: Span  # without its marks


class _Opener(NamedTuple):
    start: int
    end: int
    other: bool  # it does not open a spoiler


def find_hidden(
    text: str, boundaries: Sequence[int] = (), notices: list[Notice] | None = None, inner: list[Span] | None = None
) -> list[Hidden]:
    """Find the spoilers that an author hid.

    Args:
        text: The text, in which code should be masked: `||` in a code span hides nothing.
        boundaries: Sorted offsets at which paragraphs begin and end, if the format has such.
        notices: A list that receives a notice for each mark without its counterpart.
        inner: A list that receives the ranges that readers can read once they reveal the spoilers.

    Returns:
        The spoilers, in order and disjoint, with offsets in code points.
    """
    inner_of = {found.hidden: found.inner for found in _search(text, boundaries, [] if notices is None else notices)}
    kept = outermost(inner_of)
    if notices:  # one syntax may give up where another has found the end
        starts = {hidden.start for hidden in kept}
        notices[:] = [notice for notice in notices if notice.start not in starts]
    if inner is not None:
        inner += [span for hidden in kept for span in _readable(text, inner_of[hidden], hidden.style)]
    return kept


def _readable(text: str, inner: Span, style: str) -> list[Span]:
    """The ranges of a spoiler that are not delimiters and can be read."""
    if style in _LOST or style not in _DELIMITERS:
        return [] if style in _LOST else [inner]
    marks = _DELIMITERS[style].finditer(text[slice(*inner)])
    return subtract([inner], [Span(inner.start + mark.start(), inner.start + mark.end()) for mark in marks])


def strip_hidden(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Remove spoiler marks, to make labelled data of text with spoilers: the marks would reveal the label.

    Args:
        text: The text. Spoilers that can no longer be read (`redact`) label nothing and stay.

    Returns:
        The text without marks, and the ranges in it that were hidden.
    """
    inner_of = {found.hidden: found.inner for found in _search(text, (), []) if found.hidden.style not in _LOST}
    parts: list[str] = []
    ranges: list[tuple[int, int]] = []
    length = position = 0
    for hidden in outermost(inner_of):
        before, inner = text[position : hidden.start], text[slice(*inner_of[hidden])]
        if delimiters := _DELIMITERS.get(hidden.style):
            inner = delimiters.sub("", inner)
        parts += [before, inner]
        start = length + len(before)
        length = start + len(inner)
        ranges.append((start, length))
        position = hidden.end
    parts.append(text[position:])
    return "".join(parts), ranges


def reddit_line_starts(text: str) -> list[int]:
    """Find lines that begin with a Reddit spoiler, whose `>` does not mark a quotation.

    This follows Reddit's parser (snudown, `prefix_quote` and `prefix_blockspoiler`), also in lists and
    quotations.

    Args:
        text: The text.

    Returns:
        The offsets of these `>`.
    """
    if "!<" not in text or ">!" not in text:
        return []
    starts = [found.hidden.start for found in _pairs(text, SYNTAXES[0], (), [])]
    starts += [found.hidden.start for found in _whole(text, _REDDIT_PARAGRAPHS, (), [])]
    return [start for start in starts if text[start] == ">" and _begins_block(text, start)]


def _begins_block(text: str, offset: int) -> bool:
    while offset and text[offset - 1] in " \t>*+-.)0123456789":
        offset -= 1
    return offset == 0 or text[offset - 1] in "\r\n"


def outermost(hidden: Iterable[Hidden]) -> list[Hidden]:
    """Drop spoilers that overlap one that begins before them.

    Args:
        hidden: The spoilers, in any order.

    Returns:
        The others, in order.
    """
    kept: list[Hidden] = []
    for candidate in sorted(hidden, key=lambda h: (h.start, -h.end)):
        if not kept or candidate.start >= kept[-1].end:
            kept.append(candidate)
    return kept


_DELIMITERS = {syntax.name: re.compile(syntax.delimiters) for syntax in SYNTAXES if syntax.delimiters}
_REDDIT_PARAGRAPHS = next(syntax for syntax in SYNTAXES if syntax.name == "reddit-paragraphs")
HINTS = frozenset(hint for syntax in SYNTAXES for hint in syntax.hints)
_LOST = {syntax.name for syntax in SYNTAXES if syntax.lost}


def _search(text: str, boundaries: Sequence[int], notices: list[Notice]) -> Iterator[_Found]:
    lower = text.lower()
    if not (present := {hint for hint in HINTS if hint in lower}):
        return
    for syntax in SYNTAXES:
        if not present.isdisjoint(syntax.hints):
            yield from (_whole if syntax.close is None else _pairs)(text, syntax, boundaries, notices)


def _whole(text: str, syntax: Syntax, boundaries: Sequence[int], notices: list[Notice]) -> Iterator[_Found]:
    for mark in syntax.marks.finditer(text):
        yield _Found(Hidden(*mark.span(), syntax.name), Span(*mark.span()))
        if lone := syntax.unpaired.match(text, mark.end()):
            notices.append(Notice(lone.end() - 1, lone.end(), NEVER_ENDS))


def _pairs(text: str, syntax: Syntax, boundaries: Sequence[int], notices: list[Notice]) -> Iterator[_Found]:
    openers: list[_Opener] = []
    end = 0
    while True:
        # An inline spoiler is not searched for beyond the end of its paragraph.
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
    """Add notices for openers without an end, and forget them."""
    lone = [opener for opener in openers if not opener.other and syntax.unpaired.match(text, opener.start)]
    notices += [Notice(opener.start, opener.end, NEVER_ENDS) for opener in lone]
    openers.clear()
