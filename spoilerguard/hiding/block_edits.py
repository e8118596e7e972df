"""Edits that write a spoiler as a block: around whole blocks, or in the middle of a paragraph, which is split.

In text and Markdown a block has lines of its own between blank lines; within a list or a quotation its lines
get the same prefix as those around them. In HTML, the elements of a paragraph are closed before the block and
opened again after it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
import re
from typing import NamedTuple

from spoilerguard.errors import LeakError
from spoilerguard.hiding.events import Event, Level
from spoilerguard.hiding.segments import Segment
from spoilerguard.spans import MARKDOWN, Document, Format, Span

__all__ = ["Edit", "Target", "applied", "block_edits"]


class Edit(NamedTuple):
    """A range of the source and the text that replaces it."""

    start: int
    end: int
    new: str


def applied(source: str, edits: Iterable[Edit]) -> str:
    """The source with edits applied.

    Args:
        source: The source.
        edits: The edits, in order and disjoint.

    Returns:
        The new source.
    """
    parts: list[str] = []
    at = 0
    for start, end, new in edits:
        parts += [source[at:start], new]
        at = end
    return "".join([*parts, source[at:]])


@dataclass(frozen=True, slots=True)
class Target:
    """What to hide in a document.

    Attributes:
        document: The document.
        segments: The segments to hide, in order.
        texts: The ranges of text in them, in order.
        newline: The line ending of the source.
    """

    document: Document
    segments: Sequence[Segment]
    texts: Sequence[Span]
    newline: str

    @classmethod
    def of(cls, document: Document, segments: Sequence[Segment], texts: Sequence[Span]) -> Target:
        """The target with the line ending of its document."""
        first = _LINE_END.search(document.source)
        return cls(document, segments, texts, first[0] if first else "\n")

    @property
    def source(self) -> str:
        return self.document.source

    @property
    def format(self) -> Format:
        return self.document.format

    def text_at(self, offset: int) -> bool:
        """Whether there is text at this offset rather than markup, code or a URL."""
        k = bisect_right(self.texts, offset, key=lambda span: span.start) - 1
        return k >= 0 and offset < self.texts[k].end

    def leak(self, offset: int, why: str) -> LeakError:
        """The error to raise if the text at this offset cannot be hidden."""
        line, column = self.document.position(offset)
        return LeakError(f"line {line}, column {column}: {why}")


# The markers of quotations, lists and footnotes before the text of a line.
_CONTAINERS = re.compile(r"(?>(?:[ \t]*+(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t])|\[\^[^\]\s]{1,99}\]:))*)[ \t]*+")
_NOT_KEPT = re.compile(r"[^>\t]")
_SPACE = re.compile(r"[ \t]*+")
_BLANK = re.compile(r"\s*+")
_BLANK_LINE = re.compile(r"[> \t]*+(?:[\r\n]|\Z)")
_LINE_END = re.compile(r"\r\n|\r|\n")
_UNDIVIDED = frozenset({"Heading", "TableCell"})
_DIVIDED = frozenset({"Item", "Paragraph"})
_ID = re.compile(r"""(?i)\sid\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)""")
_FAR = 1000  # characters to look back at most, so that all segments of a line take linear time
_DEEPEST = 30  # elements to close and open again at most


def block_edits(target: Target, segment: Segment, marks: tuple[str, str], lines: str = "") -> Iterator[Edit]:
    """The edits that put a segment into a block.

    Args:
        target: What to hide.
        segment: The segment; it may be a part of a paragraph, which is then split.
        marks: What to write before and after the segment.
        lines: What to write at the start of each line of the segment.

    Yields:
        The edits, in order.

    Raises:
        LeakError: The segment is part of something that cannot be split: in text and Markdown a heading,
            emphasis, a link or a table.
    """
    if target.format != "html":
        yield from _on_lines(target, segment, marks, lines)
    elif segment.blocks:
        yield Edit(segment.start, segment.start, marks[0])
        yield Edit(segment.end, segment.end, marks[1])
    else:
        yield from _splitting(target.source, segment, marks)


# --- text and Markdown: a block on lines of its own ---------------------------------------------


def _on_lines(target: Target, segment: Segment, marks: tuple[str, str], lines: str) -> Iterator[Edit]:
    source, prefix = target.source, ""
    if target.format in MARKDOWN and not segment.blocks:
        name = segment.frame.name
        within_jsx = target.format == "mdx" and name not in _DIVIDED
        if segment.frame.level is Level.INLINE or name in _UNDIVIDED or within_jsx:
            raise target.leak(segment.start, "a block cannot stand within a heading, emphasis, link or table")
        prefix = _prefix(source, segment)
    end = segment.end
    line = _line_start(source, segment.start)
    before = source[line : segment.start]
    if not before.strip(" \t"):  # at the start of a line
        start, lead = (line if not prefix else segment.start), "" if _blank_above(source, line) else "\n"
    elif prefix and _CONTAINERS.fullmatch(before):
        begins = before.strip("> \t") != ""  # a list item, not a line of a quotation
        start, lead = segment.start, "" if begins or _blank_above(source, line) else "\n"
    else:
        start, lead = segment.start, "\n\n"
    stop = _SPACE.match(source, end)
    after = stop.end() if stop else end
    rest = _LINE_END.match(source, after)
    if rest:
        tail = "" if _BLANK_LINE.match(source, rest.end()) else "\n"
    else:
        tail = "" if after == len(source) else "\n\n"
        end = after
    yield Edit(start, start, _lines(lead + marks[0], target.newline, prefix, prefix))
    if lines:
        for found in _LINE_END.finditer(source, start, end):
            at = found.end()
            if prefix and (inside := _CONTAINERS.match(source, at)):
                at = inside.end()
            yield Edit(at, at, lines)
    yield Edit(end, end, _lines(marks[1] + tail, target.newline, prefix, "" if rest else prefix))


def _lines(text: str, newline: str, prefix: str, last: str) -> str:
    """The text with a prefix before each line but the first; `last` is the prefix of an empty last line."""
    first, *others = text.split("\n")
    bare = prefix.rstrip(" \t")
    filled = [(prefix if line else bare) + line for line in others[:-1]]
    filled += [(prefix if line else last) + line for line in others[-1:]]
    return newline.join([first, *filled])


def _prefix(source: str, segment: Segment) -> str:
    """The prefix of a line that continues the block around the segment."""
    event = segment.frame.block.event
    if event is None or event.level is Level.FLOW:  # not in a list or a quotation
        return ""
    line = _line_start(source, event.start)
    found = _CONTAINERS.match(source, line)
    end = found.end() if found else event.start
    return _NOT_KEPT.sub(" ", source[line : end if event.name == "Item" else min(end, event.start)])


def _line_start(source: str, offset: int) -> int:
    """The start of the line, or a point far before the offset if there is more than markers on the line."""
    least = max(0, offset - _FAR)
    return max(source.rfind("\n", least, offset), source.rfind("\r", least, offset), least - 1) + 1


def _blank_above(source: str, line: int) -> bool:
    """Whether the line above the one that starts here is blank, or there is none."""
    above = line - 1
    if above > 0 and source[above - 1 : line] == "\r\n":
        above -= 1
    return above < 0 or _BLANK_LINE.match(source, _line_start(source, above)) is not None


# --- HTML: a block in the middle of a paragraph -------------------------------------------------


def _splitting(source: str, segment: Segment, marks: tuple[str, str]) -> Iterator[Edit]:
    around = _within_paragraph(segment)
    start, end, opening, closing = segment.start, segment.end, *marks
    if around:
        ends = "".join(f"</{event.name}>" for event in reversed(around))
        again = "".join(_ID.sub("", source[event.start : event.end]) for event in around)
        first, last = _first_in(source, segment, around), _last_in(source, segment, around)
        if first and last:
            start, end = around[0].start, _after(around[0])
        elif first:
            start, closing = around[0].start, ends + closing + again
        elif last:
            end, opening = _after(around[0]), ends + opening + again
        else:
            opening, closing = ends + opening + again, ends + closing + again
    yield Edit(start, start, opening)
    yield Edit(end, end, closing)


def _within_paragraph(segment: Segment) -> list[Event]:
    """The start tags of the `<p>` around the segment and of the elements in between; empty if there is no `<p>`."""
    inner: list[Event] = []
    frame = segment.frame
    while frame.event and frame.level is Level.INLINE and frame.parent and len(inner) < _DEEPEST:
        inner.append(frame.event)
        frame = frame.parent
    return [frame.event, *reversed(inner)] if frame.event and frame.name == "p" else []


def _after(event: Event) -> int:
    return event.closing.end if event.closing else event.end


def _first_in(source: str, segment: Segment, around: list[Event]) -> bool:
    """Whether nothing precedes the segment in these nested elements."""
    starts = [*(event.start for event in around[1:]), segment.start]
    return all(_only_space(source, event.end, start) for event, start in zip(around, starts, strict=True))


def _last_in(source: str, segment: Segment, around: list[Event]) -> bool:
    """Whether nothing follows the segment in these nested elements."""
    ends = [event.closing.start if event.closing else event.end for event in around]
    starts = [*(_after(event) for event in around[1:]), segment.end]
    return all(_only_space(source, start, end) for start, end in zip(starts, ends, strict=True))


def _only_space(source: str, start: int, end: int) -> bool:
    found = _BLANK.match(source, start, max(start, end))
    return found is not None and found.end() >= end
