"""What stands around the text of a source: its tags and marks in order, properly nested.

`outline` makes one list of marks from what a reader saw, the same for text, Markdown and HTML, so that
text can be cut into pieces (`pieces`) without knowing a format. Only what opens and closes as it should
is a pair; all else is a wall, which no piece may cross. For HTML that is stricter than its authors are:
a tag that makes a browser close another one (WHATWG HTML, 13.2.6) is a wall even if it has its end tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum

from spoilerguard.spans import Format
from spoilerguard.text.htmlscan import BLOCK, CLOSES_P, Tag
from spoilerguard.text.reading import Layout

__all__ = ["Kind", "Level", "Mark", "outline"]


class Kind(Enum):
    OPEN = 1
    CLOSE = 2
    WALL = 3  # no piece crosses it
    ATOM = 4  # is seen, and is no text: an image
    WHOLE = 5  # holds text, and cannot be cut: an image of Markdown with its description
    BREAK = 6  # here begins what its author hid


class Level(IntEnum):
    INLINE = 0
    FLOW = 1  # a block, which may stand in a `<div>`
    PART = 2  # of a list or table, say: may not


@dataclass(slots=True)
class Mark:
    """One mark; `end` is where a tag ends, `solid` what is seen though it holds no text (code)."""

    kind: Kind
    start: int
    end: int
    name: str = ""
    level: Level = Level.INLINE
    solid: bool = False
    fixed: bool = False
    closing: Mark | None = None  # of an opening one


_NOT_FLOW = frozenset({"dd", "dt", "figcaption", "li", "summary"})
_MARKDOWN_FLOW = frozenset({"BlockQuote", "CodeBlock", "Heading", "List", "Paragraph", "Table"})
_MARKDOWN_PARTS = frozenset({"FootnoteDefinition", "Item", "TableCell", "TableHead", "TableRow"})
# Elements without content that show nothing. What else is void, or closes itself, is an atom.
_NOTHING = frozenset({"area", "base", "br", "link", "meta", "param", "source", "track", "wbr"})
_VOID_BLOCKS = frozenset({"Rule", "col", "hr"})
# The start tag of one closes the one before, even across blocks: formatting is opened again there.
_DANGLE = frozenset({"a", "nobr"})


def outline(layout: Layout, format: Format) -> list[Mark]:
    """The marks of a source in order; the pairs among them nest. Linear time."""
    marks = list(_blocks(layout)) if format == "text" else _paired(layout.scan.tags, format)
    marks += [Mark(Kind.BREAK, hidden.start, hidden.end) for hidden in layout.hidden]
    marks.sort(key=lambda mark: mark.start)  # stable, and nearly sorted
    return marks


def _blocks(layout: Layout) -> Iterator[Mark]:
    for start, end in layout.blocks:
        closing = Mark(Kind.CLOSE, end, end)
        yield Mark(Kind.OPEN, start, start, "block", Level.FLOW, closing=closing)
        yield closing


def _paired(tags: Iterable[Tag], format: Format) -> list[Mark]:
    marks: list[Mark] = []
    openers: dict[int, Mark] = {}  # by element
    stack: list[Mark] = []
    depth = 0  # open blocks of Markdown
    dangling: set[str] = set()
    for tag in tags:
        mark = Mark(Kind.WALL, tag.start, tag.end, tag.name, fixed=tag.fixed)
        block = tag.name in _MARKDOWN_FLOW or tag.name in _MARKDOWN_PARTS
        depth -= block and tag.closes
        if tag.closes:
            _close(mark, openers.pop(id(tag.element), None), stack)
            dangling.discard(tag.name)
        elif tag.name in _NOTHING and not tag.forces:
            continue
        elif tag.element is None:
            if tag.name == "Whole":
                mark.kind = Kind.WHOLE
            elif tag.name not in _VOID_BLOCKS and not tag.forces:
                mark.kind = Kind.ATOM
        else:
            mark.level = _level(tag.name, format, depth)
            mark.solid = tag.element.skipped or tag.name == "CodeBlock"
            if not (tag.forces or tag.name in dangling):
                mark.kind = Kind.OPEN
                stack.append(mark)
                openers[id(tag.element)] = mark
            if tag.name in _DANGLE:
                dangling.add(tag.name)  # until its end tag
        depth += block and not tag.closes
        marks.append(mark)
    for mark in stack:
        mark.kind = Kind.WALL
    return marks


def _close(mark: Mark, opener: Mark | None, stack: list[Mark]) -> None:
    """Make this mark the end of its opener; what was opened in between has no end there."""
    if opener is None or opener.kind is not Kind.OPEN:
        return
    while stack[-1] is not opener:
        stack.pop().kind = Kind.WALL
    stack.pop()
    mark.kind, mark.level = Kind.CLOSE, opener.level
    opener.closing = mark


def _level(name: str, format: Format, depth: int) -> Level:
    if name in _MARKDOWN_FLOW:
        return Level.PART if depth else Level.FLOW
    if name in _MARKDOWN_PARTS:
        return Level.PART
    if name not in BLOCK:
        return Level.INLINE
    flow = name in CLOSES_P or name == "table"
    return Level.FLOW if format == "html" and flow and name not in _NOT_FLOW else Level.PART
