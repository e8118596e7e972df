"""The markup around the text of a source: a list of properly nested events.

`markup_events` makes the same kind of list from the layout of text, Markdown and HTML, so that `segments` can
cut text without knowing its format. Only markup that opens and closes correctly is a pair; everything else is a
boundary, which no segment may cross. HTML authors are less strict: a tag that makes a browser close another one
(WHATWG HTML, 13.2.6) is a boundary here even if it has its end tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum

from spoilerguard.spans import Format
from spoilerguard.text.htmltags import BLOCK, CLOSES_P
from spoilerguard.text.reading import Layout
from spoilerguard.text.scans import Tag

__all__ = ["Event", "Kind", "Level", "markup_events"]


class Kind(Enum):
    OPEN = 1
    CLOSE = 2
    BOUNDARY = 3  # no segment crosses it
    ATOM = 4  # visible, but not text: an image
    WHOLE = 5  # contains text, but cannot be cut: an image with its description
    BREAK = 6  # the start of a spoiler that the author hid


class Level(IntEnum):
    INLINE = 0
    FLOW = 1  # a block that a `<div>` may contain
    PART = 2  # a part of a list or a table, say, which a `<div>` may not contain


@dataclass(slots=True)
class Event:
    """A tag, or another mark that opens, closes or separates.

    Attributes:
        kind: What the event does.
        start: Where its tag starts.
        end: Where its tag ends.
        name: The name of the element or Markdown block.
        level: Where the element may stand.
        solid: Whether the element is visible though it contains no prose, like code.
        fixed: Whether nothing may be inserted right before it.
        closing: The closing event of an opening one.
    """

    kind: Kind
    start: int
    end: int
    name: str = ""
    level: Level = Level.INLINE
    solid: bool = False
    fixed: bool = False
    closing: Event | None = None


_NOT_FLOW = frozenset({"dd", "dt", "figcaption", "li", "summary"})
_MARKDOWN_FLOW = frozenset({"BlockQuote", "CodeBlock", "Heading", "List", "Paragraph", "Table"})
_MARKDOWN_PARTS = frozenset({"FootnoteDefinition", "Item", "TableCell", "TableHead", "TableRow"})
_DRAWN = frozenset({"foreignobject", "text"})  # in a drawing, which shows no text around them
# Empty elements that show nothing. Other void and self-closing elements are atoms.
_NOTHING = frozenset({"area", "base", "br", "link", "meta", "param", "source", "track", "wbr"})
_VOID_BLOCKS = frozenset({"Rule", "Template", "col", "hr"})
# The start tag of one closes an open one, even across blocks, where browsers open formatting again.
_DANGLE = frozenset({"a", "nobr"})


def markup_events(layout: Layout, format: Format) -> list[Event]:
    """The markup of a source.

    Args:
        layout: The layout of the source.
        format: Its format.

    Returns:
        The events in order; the pairs among them nest. Linear time.
    """
    events = list(_blocks(layout)) if format == "text" else _paired(layout.scan.tags, format)
    events += [Event(Kind.BREAK, hidden.start, hidden.end) for hidden in layout.hidden]
    events.sort(key=lambda event: event.start)  # stable, and nearly sorted
    return events


def _blocks(layout: Layout) -> Iterator[Event]:
    for start, end in layout.blocks:
        closing = Event(Kind.CLOSE, end, end)
        yield Event(Kind.OPEN, start, start, "block", Level.FLOW, closing=closing)
        yield closing


def _paired(tags: Iterable[Tag], format: Format) -> list[Event]:
    events: list[Event] = []
    openers: dict[int, Event] = {}  # by id of the element
    stack: list[Event] = []
    depth = 0  # of open Markdown blocks
    dangling: set[str] = set()
    for tag in tags:
        event = Event(Kind.BOUNDARY, tag.start, tag.end, tag.name, fixed=tag.fixed)
        block = tag.name in _MARKDOWN_FLOW or tag.name in _MARKDOWN_PARTS
        depth -= block and tag.closes
        if tag.closes:
            _close(event, openers.pop(id(tag.element), None), stack)
            dangling.discard(tag.name)
        elif tag.whole:
            event.kind = Kind.WHOLE
        elif tag.name in _NOTHING and not tag.forces:
            continue
        elif tag.element is None:
            if tag.name not in _VOID_BLOCKS and not tag.forces:
                event.kind = Kind.ATOM
        else:
            event.level = _level(tag.name, format, depth)
            event.solid = tag.element.skipped > 0 or tag.name == "CodeBlock"
            if not (tag.forces or tag.name in dangling):
                event.kind = Kind.OPEN
                stack.append(event)
                openers[id(tag.element)] = event
            if tag.name in _DANGLE:
                dangling.add(tag.name)  # until its end tag
        depth += block and not tag.closes
        events.append(event)
    for event in stack:
        event.kind = Kind.BOUNDARY
    return events


def _close(event: Event, opener: Event | None, stack: list[Event]) -> None:
    """Make this event the end of its opener; events opened in between then have no end."""
    if opener is None or opener.kind is not Kind.OPEN:
        return
    while stack[-1] is not opener:
        stack.pop().kind = Kind.BOUNDARY
    stack.pop()
    event.kind, event.level = Kind.CLOSE, opener.level
    opener.closing = event


def _level(name: str, format: Format, depth: int) -> Level:
    if name in _MARKDOWN_FLOW:
        return Level.PART if depth else Level.FLOW
    if name in _MARKDOWN_PARTS:
        return Level.PART
    if name in _DRAWN:
        return Level.PART
    if name not in BLOCK:
        return Level.INLINE
    flow = name in CLOSES_P or name == "table"
    return Level.FLOW if format == "html" and flow and name not in _NOT_FLOW else Level.PART
