"""Hidden text that the source repeats where no style can hide it: titles, descriptions, slugs, comments, data.

Both sides are compared as words without case and accents, so that `in-the-end-she-dies` in an address is found. Six
words in a row are enough, since descriptions are cut off; fewer than three are not, since anybody may use them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
import re
from typing import NamedTuple
from unicodedata import combining, normalize
from urllib.parse import unquote

from spoilerguard.errors import LeakError
from spoilerguard.hiding.removal import removable
from spoilerguard.spans import Document, Notice, Span
from spoilerguard.text.attributes import ATTRIBUTE
from spoilerguard.text.frontmatter import front_matter
from spoilerguard.text.ranges import mask_outside, subtract
from spoilerguard.text.reading import Layout, addresses, layout_of

__all__ = ["Repeat", "refuse_repeats", "repeats", "repeats_noticed"]

_FEWEST, _ENOUGH = 3, 6  # words
_SHOWN, _MOST = 5, 20  # places in a message; places to look for
# A word, with the ways in which HTML, JSON, scripts and URLs write characters, and with what has no width.
_TOKEN = re.compile(
    r"(?:[\w'’\u00ad\u200b-\u200f\u2060-\u2064\ufeff]|&(?:#\w{1,8}|[a-zA-Z]\w{1,30});|%[0-9a-fA-F]{2}"
    r"|\\(?:u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,5}\}|x[0-9a-fA-F]{2}|[nrt\"/\\]))+"
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,5})\}|x([0-9a-fA-F]{2})|[nrt\"/\\])")
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile(r"['’ʼ]")


class Repeat(NamedTuple):
    """A place that repeats hidden text: its range and what it is."""

    span: Span
    where: str


def refuse_repeats(document: Document, ranges: Sequence[tuple[int, int]], *, removed: bool) -> None:
    """Raise LeakError if the source repeats what is hidden, by these ranges or by its author, out of reach.

    Args:
        document: The document.
        ranges: The ranges to hide.
        removed: Whether everything that is hidden will be removed, with its attributes.
    """
    found = list(repeats(document, ranges, removed=removed))
    if found:
        places = [f"line {document.position(at.start)[0]} ({where})" for at, where in found[:_SHOWN]]
        more = f" and {len(found) - _SHOWN} more places" if len(found) > _SHOWN else ""
        raise LeakError(f"{', '.join(places)}{more}: hidden text is repeated here; change it first")


def repeats_noticed(document: Document, ranges: Sequence[tuple[int, int]]) -> list[Notice]:
    """A notice for each place that repeats what these ranges, or the author, hide."""
    return [Notice(*at, f"{where} repeats hidden text, or text to hide") for at, where in repeats(document, ranges)]


def repeats(document: Document, ranges: Sequence[tuple[int, int]], *, removed: bool = False) -> Iterator[Repeat]:
    """Find where a document repeats hidden text outside its prose. Linear time.

    Args:
        document: The document.
        ranges: The ranges to hide, besides what the author has hidden.
        removed: As in `refuse_repeats`.

    Yields:
        The places, in order.
    """
    if not ranges and not document.hidden:
        return
    source, layout = document.source, layout_of(document)
    asked = subtract([Span(*at) for at in ranges], [])
    hidden = [Span(h.start, h.end) for h in document.hidden]
    texts = [*_texts(source, layout.visible, asked), *_texts(source, layout.concealed, hidden)]
    if not (wanted := _runs(map(_words, texts))):
        return
    prose = subtract(layout.prose, [*layout.scan.attributes, *addresses(mask_outside(source, layout.prose))])
    rest = subtract([Span(0, len(source))], [*prose, *asked, *(removable(layout) if removed else _inside(layout))])
    found = [
        (word, Span(*token.span()))
        for token in _TOKEN.finditer(mask_outside(source, rest))
        for word in _words(token[0])
    ]
    words = [word for word, _ in found]
    at = reported = 0
    while at < len(words) and reported < _MOST:
        size = next((n for n, runs in wanted.items() if tuple(words[at : at + n]) in runs), 0)
        if size:
            span = Span(found[at][1].start, found[at + size - 1][1].end)
            yield Repeat(span, _where(document, layout, span.start))
            reported += 1
            while at < len(words) and tuple(words[at : at + size]) in wanted[size]:  # the rest of this repeat
                at += 1
        at += size or 1


def _texts(source: str, text: Sequence[Span], ranges: Sequence[Span]) -> Iterator[str]:
    """The text in each range; a tag within a word does not divide it."""
    k = 0
    for start, end in ranges:
        parts: list[str] = []
        while k < len(text) and text[k].end <= start:
            k += 1
        j, last = k, start
        while j < len(text) and text[j].start < end:
            gap = source[last : text[j].start]
            parts += [" " if _DIVIDES.search(gap) else "", source[max(start, text[j].start) : min(end, text[j].end)]]
            last = text[j].end
            j += 1
        yield "".join(parts)


_DIVIDES = re.compile(r"(?i)\s|<(?:br|p|li|td|div)\b")


def _words(text: str) -> list[str]:
    """The words of a text, or of a token, without case, accents, apostrophes and escapes."""
    if "\\" in text:
        text = _ESCAPE.sub(_unescaped, text)
    if "&" in text:
        text = unescape(text)
    if "%" in text:  # twice, as in an address within an address
        text = unquote(unquote(text, errors="replace"), errors="replace")
    if not text.isascii():
        from spoilerguard.model.features import clean  # with numpy, which most texts here do not need

        text = "".join(letter for letter in normalize("NFKD", clean(text)) if not combining(letter))
    return _WORD.findall(_APOSTROPHE.sub("", text).casefold())


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[escape.lastindex], 16)) if escape.lastindex else " "


def _runs(texts: Iterable[list[str]]) -> dict[int, set[tuple[str, ...]]]:
    """The runs of words to look for, by their number of words; the longest first."""
    runs: dict[int, set[tuple[str, ...]]] = {size: set() for size in range(_ENOUGH, _FEWEST - 1, -1)}
    for words in texts:
        if (size := min(len(words), _ENOUGH)) >= _FEWEST:
            runs[size].update(tuple(words[k : k + size]) for k in range(len(words) - size + 1))
    return {size: found for size, found in runs.items() if found}


def _inside(layout: Layout) -> list[Span]:
    """What stands in the spoilers of the author, without their start tags and their labels, which can be seen."""
    ends = {tag.start: tag.end for tag in layout.scan.tags if tag.end > tag.start}
    texts = sorted(span.start for span in layout.concealed)
    inside = []
    for start, end, _ in layout.hidden:
        k = bisect_left(texts, start)
        first = texts[k] if k < len(texts) and texts[k] < end else start
        inside.append(Span(ends.get(start, first), end))
    return inside


def _where(document: Document, layout: Layout, offset: int) -> str:
    """What stands at an offset outside the prose, in words."""
    source, tags = document.source, layout.scan.tags
    if offset < front_matter(source, int(source.startswith("\ufeff"))):
        return "the front matter"
    if any(span.start <= offset < span.end for span, _ in layout.comments):
        return "a comment"
    k = bisect_right(tags, offset, key=lambda tag: tag.start) - 1
    if k < 0 or source[tags[k].start] != "<":
        return "an address, a definition or code"
    if offset >= tags[k].end:
        return f"<{tags[k].name}>"
    tag = source[tags[k].start : tags[k].end]
    names = [found[1].lower() for found in ATTRIBUTE.finditer(tag) if found.start() <= offset - tags[k].start]
    return f"the attribute {names[-1]} of <{tags[k].name}>"
