"""Spoilers that are blocks, and where they are put: around whole blocks, or amid a paragraph, which they part.

In text and Markdown a block stands on lines of its own, between blank lines, and within a list or a
quotation it is as its lines are. In HTML, what a paragraph opened is closed before and opened again after.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import re
from typing import NamedTuple

from spoilerguard.errors import LeakError
from spoilerguard.hiding.events import Level, Mark
from spoilerguard.hiding.segments import Piece
from spoilerguard.spans import Document, Format, Span

__all__ = ["Edit", "Target", "block_edits"]


class Edit(NamedTuple):
    """What stands in place of a range of the source."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be hidden of a document: the pieces in order, and the texts in them."""

    document: Document
    pieces: Sequence[Piece]
    texts: Sequence[Span]
    newline: str  # how its lines end

    @classmethod
    def of(cls, document: Document, pieces: Sequence[Piece], texts: Sequence[Span]) -> Target:
        first = _LINE_END.search(document.source)
        return cls(document, pieces, texts, first[0] if first else "\n")

    @property
    def source(self) -> str:
        return self.document.source

    @property
    def format(self) -> Format:
        return self.document.format

    def text_at(self, offset: int) -> bool:
        """Whether there is text at this offset, rather than a mark, code or an address."""
        k = bisect_right(self.texts, offset, key=lambda span: span.start) - 1
        return k >= 0 and offset < self.texts[k].end

    def trouble(self, offset: int, why: str) -> LeakError:
        """What to raise: nothing is written."""
        line, column = self.document.position(offset)
        return LeakError(f"line {line}, column {column}: {why}")


# The marks of quotations, lists and footnotes, before the text of a line.
_CONTAINERS = re.compile(r"(?:[ \t]*+(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t])|\[\^[^\]\s]{1,99}\]:))*+[ \t]*+")
_NOT_KEPT = re.compile(r"[^>\t]")
_SPACE = re.compile(r"[ \t]*+")
_BLANK = re.compile(r"\s*+")
_BLANK_LINE = re.compile(r"[> \t]*+(?:[\r\n]|\Z)")
_LINE_END = re.compile(r"\r\n|\r|\n")
_UNDIVIDED = frozenset({"Heading", "TableCell"})
_ID = re.compile(r"""(?i)\sid\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)""")
_FAR = 1000  # characters that are looked back, so that the time for all pieces of a line is linear
_DEEPEST = 30  # elements that are closed and opened again


def block_edits(target: Target, piece: Piece, marks: tuple[str, str], lines: str = "") -> Iterator[Edit]:
    """The marks of a block around a piece, which may be part of a paragraph; `lines` begins each line in it.

    Raises LeakError for part of what cannot be parted: in text and Markdown a heading, link or table.
    """
    if target.format != "html":
        yield from _on_lines(target, piece, marks, lines)
    elif piece.blocks:
        yield Edit(piece.start, piece.start, marks[0])
        yield Edit(piece.end, piece.end, marks[1])
    else:
        yield from _parting(target.source, piece, marks)


# --- on lines of its own ------------------------------------------------------------------------


def _on_lines(target: Target, piece: Piece, marks: tuple[str, str], lines: str) -> Iterator[Edit]:
    source, prefix = target.source, ""
    if target.format == "markdown" and not piece.blocks:
        if piece.frame.level is Level.INLINE or piece.frame.name in _UNDIVIDED:
            raise target.trouble(piece.start, "a block cannot stand within a heading, emphasis, link or table")
        prefix = _prefix(source, piece)
    end = piece.end
    line = _line_start(source, piece.start)
    before = source[line : piece.start]
    if not before.strip(" \t"):  # at the start of a line
        start, lead = (line if not prefix else piece.start), "" if _blank_above(source, line) else "\n"
    elif prefix and _CONTAINERS.fullmatch(before):
        begins = before.strip("> \t") != ""  # a list item, say, rather than a line of a quotation
        start, lead = piece.start, "" if begins or _blank_above(source, line) else "\n"
    else:
        start, lead = piece.start, "\n\n"
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
    """Each line but the first behind its prefix; `last` is that of the last line if it is empty."""
    first, *others = text.split("\n")
    bare = prefix.rstrip(" \t")
    filled = [(prefix if line else bare) + line for line in others[:-1]]
    filled += [(prefix if line else last) + line for line in others[-1:]]
    return newline.join([first, *filled])


def _prefix(source: str, piece: Piece) -> str:
    """What a line begins with that goes on with the block that the piece is in."""
    mark = piece.frame.block.mark
    if mark is None or mark.level is Level.FLOW:  # in no list, no quotation
        return ""
    line = _line_start(source, mark.start)
    found = _CONTAINERS.match(source, line)
    end = found.end() if found else mark.start
    return _NOT_KEPT.sub(" ", source[line : end if mark.name == "Item" else min(end, mark.start)])


def _line_start(source: str, offset: int) -> int:
    """Where the line begins, or a point far before: there is more than marks before the offset then."""
    least = max(0, offset - _FAR)
    return max(source.rfind("\n", least, offset), source.rfind("\r", least, offset), least - 1) + 1


def _blank_above(source: str, line: int) -> bool:
    """Whether a blank line is above the one that starts here, or nothing."""
    above = line - 1
    if above > 0 and source[above - 1 : line] == "\r\n":
        above -= 1
    return above < 0 or _BLANK_LINE.match(source, _line_start(source, above)) is not None


# --- amid a paragraph of HTML -------------------------------------------------------------------


def _parting(source: str, piece: Piece, marks: tuple[str, str]) -> Iterator[Edit]:
    around = _within_paragraph(piece)
    start, end, opening, closing = piece.start, piece.end, *marks
    if around:
        ends = "".join(f"</{mark.name}>" for mark in reversed(around))
        again = "".join(_ID.sub("", source[mark.start : mark.end]) for mark in around)
        first, last = _first_in(source, piece, around), _last_in(source, piece, around)
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


def _within_paragraph(piece: Piece) -> list[Mark]:
    """The marks of the `<p>` that the piece is in and of the elements in between; none if it is in none."""
    marks: list[Mark] = []
    frame = piece.frame
    while frame.mark and frame.level is Level.INLINE and frame.parent and len(marks) < _DEEPEST:
        marks.append(frame.mark)
        frame = frame.parent
    return [frame.mark, *reversed(marks)] if frame.mark and frame.name == "p" else []


def _after(mark: Mark) -> int:
    return mark.closing.end if mark.closing else mark.end


def _first_in(source: str, piece: Piece, around: list[Mark]) -> bool:
    """Whether there is nothing before it in these nested elements."""
    starts = [*(mark.start for mark in around[1:]), piece.start]
    return all(_only_space(source, mark.end, start) for mark, start in zip(around, starts, strict=True))


def _last_in(source: str, piece: Piece, around: list[Mark]) -> bool:
    ends = [mark.closing.start if mark.closing else mark.end for mark in around]
    starts = [*(_after(mark) for mark in around[1:]), piece.end]
    return all(_only_space(source, start, end) for start, end in zip(starts, ends, strict=True))


def _only_space(source: str, start: int, end: int) -> bool:
    found = _BLANK.match(source, start, max(start, end))
    return found is not None and found.end() >= end
