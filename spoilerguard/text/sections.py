"""The sections of a document, so that a post on many works is read as many small texts.

A section begins at a heading, at an item of a list of works, at an `article` or `section` element, and at a title
that stands on a line of its own or leads a paragraph. Sections follow one another without gaps; each knows the
section that it is part of, as what is below a heading of a lower level is part of the one above it.

A heading such as "Plot" or "Acting" names an aspect of a work. Below the heading of the work, or without one, it
begins no section: cut into its aspects, a review of one work would lose the context that scores need.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
import re
from typing import NamedTuple

from spoilerguard.spans import Section, Span
from spoilerguard.text.scans import Element, Tag

__all__ = ["find_sections"]

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BELOW_HEADINGS, _DEEPEST = 7, 12  # the level of sections without a heading, and of those in many units
_UNITS = {"article", "section"}
_LISTS = {"menu", "ol", "ul"}
_BOLD = {"Strong", "b", "strong"}
_SET_OFF = _BOLD | {"Emphasis", "Link", "a", "cite", "em", "i"}

_GROUPS = {
    **dict.fromkeys((*_HEADINGS, "Heading"), "heading"),
    **dict.fromkeys(_UNITS, "unit"),
    **dict.fromkeys((*_LISTS, "li", "List", "Item"), "list"),
    **dict.fromkeys(_SET_OFF, "set off"),
}  # what an element may begin, by its name or that of its tag

_LONGEST_TITLE, _MOST_WORDS, _LONGEST_RUN = 80, 10, 3  # characters; words; titles in a row
_MARK = re.compile(r"(?:(?P<number>\(?#?\d{1,3}[.):]|#\d{1,3})|(?P<bullet>[-*+•‣◦●▪·–—]))\s+")
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_SENTENCE = re.compile(r"(?i:spoil)|[.…,;:]\W*$|[.!?]\s+[A-Z]")
_LEAD = re.compile(r"([^\r\n]{1,80}?)(?::|\s+[-–—]|[\r\n])\s+\S")
_AFTER_LEAD = re.compile(r"[^\S\r\n]*(?:[:(|–—\r\n]|-\s)|[.,!?]")
_ASPECT = re.compile(
    r"""(?ix)[\W\d_]*(?:(?:the|my|our|its|final|overall|general|closing|first)\s+)*(?:acting|analysis|atmosphere|background
    |bad|cast(?:ing)?|characters?|characteri[sz]ation|cinematography|conclusions?|cons|direct(?:ion|ing)|dislikes|effects
    |ending|good|highlights|impressions|intro(?:duction)?|likes|lows?|highs?|music|negatives?|overall|pacing
    |performances?|plot|positives?|premise|pros|prose|rating|recap|recommendation|review|score|setting|sound(?:track)?
    |stor(?:y|yline)|strengths|style|summary|synopsis|take|themes?|thoughts|tl;?dr|ugly|verdict|visuals?|weaknesses
    |world-?building|writing|what\ i\ (?:(?:did\ ?n[o'’]?t|really|also)\ )*(?:liked?|loved?|disliked|hated|thought))
    (?:\s*(?:&|and|/|,)\s*(?:the\s+)?[a-z]+|\s+(?:summary|synopsis|thoughts|verdict))?[\W\d_]*"""
)
_NOT_SPACE = re.compile(r"\S")
_MARKS = frozenset("(#-*+•‣◦●▪·–—")  # what a match of `_MARK` may begin with, besides a digit
_BLANK_LINE = re.compile(r"(?:\r\n?|\n)[ \t>]*(?:\r\n?|\n)|<")  # a tag separates blocks too


class _Kind(IntEnum):
    """What a mark does, in the order in which marks at the same place take effect."""

    CLOSE = 0
    OPEN = 1
    START = 2


class _Mark(NamedTuple):
    at: int
    kind: _Kind
    level: int = 0  # of a heading
    aspect: bool = False  # of a heading
    end: int = 0  # of a heading


def find_sections(
    source: str, blocks: Sequence[Span], text: Sequence[Span], tags: Sequence[Tag] = ()
) -> tuple[Section, ...]:
    """Find the sections of a source. Takes time linear in the source and n log n in the ranges.

    Args:
        source: The source.
        blocks: The ranges that no sentence crosses, ordered and disjoint.
        text: The ranges of its text, hidden or not, ordered and disjoint.
        tags: The tags and marks of the source.

    Returns:
        The sections: at least one, in order, from the start of the source to its end.
    """
    if not tags and len(blocks) < 2:
        return (Section(0, len(source)),)
    words = _Words(source, text)
    groups: dict[str, list[Element]] = {"heading": [], "unit": [], "list": [], "set off": []}
    for tag in tags:
        element = tag.element if tag.name in _GROUPS and not tag.closes else None
        if element is not None and element.end > element.start and element.name in _GROUPS:
            groups[_GROUPS[element.name]].append(element)
    headings = [e for e in groups["heading"] if words.first(e.start, e.end) is not None]
    titles = _Titles(words, groups["set off"])
    marks = [_Mark(h.start, _Kind.START, _HEADINGS[h.name], titles.is_aspect(h), h.end) for h in headings]
    for element in (*groups["unit"], *_items(titles, groups["list"])):
        marks += [_Mark(element.start, _Kind.OPEN), _Mark(element.end, _Kind.CLOSE)]
    marks += [_Mark(at, _Kind.START) for at in _title_blocks(titles, blocks, headings, not tags)]
    return _partition(words, sorted(marks))


class _Words:
    """The text of a source, to look up what stands in a range."""

    def __init__(self, source: str, text: Sequence[Span]) -> None:
        self.source = source
        self.spans = [span for span in text if not source[span.start : span.end].isspace()]
        self.ends = [span.end for span in self.spans]

    def parts(self, start: int, end: int) -> Iterator[Span]:
        """The ranges of text in a range."""
        for k in range(bisect_right(self.ends, start), len(self.spans)):
            if self.spans[k].start >= end:
                return
            yield Span(max(start, self.spans[k].start), min(end, self.spans[k].end))

    def first(self, start: int, end: int) -> int | None:
        """Where the first word in a range begins; None if there is none."""
        spans, k = self.spans, bisect_right(self.ends, start)
        while k < len(spans):
            low, high = spans[k]
            if low >= end:
                break
            if found := _NOT_SPACE.search(self.source, start if start > low else low, high if high < end else end):
                return found.start()
            k += 1
        return None

    def longer(self, first: int, end: int, size: int) -> bool:
        """Whether there is surely more text in a range than so many characters, by a look at its first part."""
        high = self.spans[bisect_right(self.ends, first)].end
        high = high if high < end else end
        return high > first + size and _NOT_SPACE.search(self.source, first + size, high) is not None

    def text(self, start: int, end: int, limit: int) -> str:
        """The text in a range, trimmed; at most about `limit` characters of it."""
        spans, k = self.spans, bisect_right(self.ends, start)
        found = ""
        while k < len(spans) and len(found) <= limit:
            low, high = spans[k]
            if low >= end:
                break
            low = start if start > low else low
            high = high if high < end else end
            found = (found + self.source[low : high if high < low + limit else low + limit]).lstrip()
            k += 1
        return found.rstrip()


class _Titles:
    """Recognises titles by their words, their marks and the inline elements that set them off."""

    def __init__(self, words: _Words, elements: Iterable[Element]) -> None:
        self.words = words
        self.inline = sorted(elements, key=lambda element: element.start)
        self.starts = [element.start for element in self.inline]

    def kind(self, start: int, end: int, first: int) -> str | None:
        """The kind of title that a block is, or begins with if its name ends in "lead"; None if there is none.

        Its first word is at `first`.
        """
        begins = self.words.source[first]
        marked = begins in _MARKS or begins.isdecimal()
        element = self.element(start, first) if self.inline else None
        bold = element is not None and element.name in _BOLD
        if not marked and not bold and self.words.longer(first, end, _LONGEST_TITLE):
            return None
        text = self.words.text(first, end, 2 * _LONGEST_TITLE)
        if marked and (mark := _MARK.match(text)):
            bare = text[mark.end() :]
            lead = _LEAD.match(bare)
            kind = f"{mark.lastgroup} lead" if lead and _is_title(lead[1]) else None
            return mark.lastgroup if _is_title(bare) else kind
        if element is not None and bold:
            if self.words.first(element.end, end) is not None:
                return "bold lead" if self.leads(element, end) else None
            return "bold" if _is_title(text) else None
        return ("capitals" if text.isupper() else "title") if _is_title(text) else None

    def leads_item(self, start: int, end: int) -> bool:
        """Whether an item of a list begins with a title, and more follows."""
        first = self.words.first(start, end)
        if first is not None and (element := self.element(start, first)) and self.leads(element, end):
            return True
        lead = _LEAD.match(self.words.text(start, end, 2 * _LONGEST_TITLE))
        return lead is not None and _is_title(lead[1])

    def leads(self, element: Element, end: int) -> bool:
        """Whether an element is a title, and set off from the words after it, as "Marek" is not in `**Marek** is`."""
        rest = self.words.parts(element.end, min(end, element.end + 40))
        after = "".join(self.words.source[slice(*part)] for part in rest)
        title = self.words.text(element.start, element.end, _LONGEST_TITLE)
        more = self.words.first(element.end, end) is not None
        return more and _is_title(title.rstrip(".:")) and (title[-1:] in ".:" or bool(_AFTER_LEAD.match(after)))

    def is_aspect(self, heading: Element) -> bool:
        """Whether a heading names an aspect of a work."""
        return _ASPECT.fullmatch(self.words.text(heading.start, heading.end, _LONGEST_TITLE)) is not None

    def element(self, start: int, first: int) -> Element | None:
        """The inline element with which the text of a range begins, whose first word is at `first`."""
        k = bisect_left(self.starts, start)
        return self.inline[k] if k < len(self.starts) and self.starts[k] <= first < self.inline[k].end else None


def _is_title(text: str) -> bool:
    """Whether a text looks like the title of a work: short, with capitals, and no sentence."""
    if len(text) > _LONGEST_TITLE or (first := _WORD.search(text)) is None or not first[0][0].isupper():
        return False
    if _SENTENCE.search(text) or _ASPECT.fullmatch(text):
        return False
    words = _WORD.findall(text)
    capitals = [word[0].isupper() for word in words]
    long = [word[0].isupper() for word in words if len(word) > 4]
    return 1 <= len(words) <= _MOST_WORDS and capitals[0] and all(long) and 2 * sum(capitals) >= len(words)


def _items(titles: _Titles, elements: Iterable[Element]) -> Iterator[Element]:
    """The items of lists in which at least two items, and more than half of them, begin with a title."""
    lists: list[list[Element]] = []
    around: list[tuple[int, list[Element]]] = []  # the open lists: where each ends, and its items
    for element in elements:
        while around and around[-1][0] <= element.start:
            around.pop()
        if element.name in _LISTS:
            around.append((element.end, []))
            lists.append(around[-1][1])
        elif element.name == "li" and around:
            around[-1][1].append(element)
    for items in lists:
        led = sum(titles.leads_item(item.start, item.end) for item in items)
        if led > 1 and 2 * led > len(items):
            yield from items


def _title_blocks(titles: _Titles, blocks: Iterable[Span], headings: Iterable[Element], plain: bool) -> Iterator[int]:
    """Where blocks begin that are a title above prose, or begin with one, if there are at least two of a kind."""
    words = titles.words
    starts = {words.first(heading.start, heading.end) for heading in headings}
    found: list[tuple[int, str]] = []
    run: list[tuple[int, str]] = []  # titles with no prose below them so far
    above = -1  # where the text above ends
    for block in blocks:
        if (first := words.first(*block)) is None:
            continue
        kind = "heading" if first in starts else titles.kind(*block, first)
        apart = above < 0 or not plain or _BLANK_LINE.search(words.source, above, first) is not None
        if not apart:  # a numbered title may have its prose on the next line
            run = [title for title in run if title[1] == "number"]
        above = block.end
        if kind and not kind.endswith("lead") and apart:
            run.append((block.start, kind))
            continue
        found += run[:1] if len(run) <= _LONGEST_RUN else []
        run = []
        if kind and kind.endswith("lead"):
            found.append((block.start, kind))
    if not found:
        return
    count = Counter(kind for _, kind in found)
    yield from (at for at, kind in found if kind != "heading" and count[kind] > 1)


def _partition(words: _Words, marks: Iterable[_Mark]) -> tuple[Section, ...]:
    """The sections that begin at marks in order.

    A section without words becomes the start of the next one, and so does one with no more than its heading, unless
    what follows is part of it.
    """
    size = len(words.source)
    sections: list[Section] = []
    start, begun, heading = 0, 0, 0  # of the last section, its level, and where its heading ends
    stack: list[tuple[int, int]] = []  # the levels and numbers of the sections around the last one
    around: list[list[tuple[int, int]]] = []  # the stacks outside of the open units

    def close(at: int) -> None:
        nonlocal start
        if words.first(start, at) is not None:
            while stack and stack[-1][0] >= begun:
                stack.pop()
            sections.append(Section(start, at, stack[-1][1] if stack else -1))
            stack.append((begun, len(sections) - 1))
            start = at

    for mark in marks:
        if mark.aspect and mark.level > begun:
            continue
        bare = 0 < mark.level <= begun and heading and words.first(heading, mark.at) is None
        if not bare:
            close(mark.at)
        if mark.kind == _Kind.OPEN:
            around.append(stack.copy())
        elif mark.kind == _Kind.CLOSE and around:
            stack[:] = around.pop()
        begun, heading = mark.level or min(_BELOW_HEADINGS + len(around), _DEEPEST), mark.end
    close(size)
    if not sections:
        return (Section(0, size),)
    return (*sections[:-1], sections[-1]._replace(end=size))
