"""Cut ranges of a source into segments that can be hidden without breaking its markup.

This is one pass over the events of the source and the text between them, with a stack of open elements. Flagged
text grows a segment over everything that opens and closes within it. Anything else ends the segment: text that
is not flagged, a tag without its counterpart, the bounds of a block. So no segment hides text that was not
flagged, and none breaks the tree. Consecutive whole blocks make a segment of their own, which can replace the
segments in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from spoilerguard.hiding.events import Event, Kind, Level
from spoilerguard.hiding.visible import visible_parts
from spoilerguard.spans import MARKDOWN, Format, Span
from spoilerguard.text.ranges import subtract

__all__ = ["Frame", "Segment", "Segmentation", "segment_text"]

_HOSTS = frozenset({"Link", "a", "button", "label"})
_HEADINGS = frozenset({"Heading", "h1", "h2", "h3", "h4", "h5", "h6"})
_NAMED_BY_TEXT = _HOSTS | _HEADINGS
_TEXT_ONLY = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "p"})
_VISIBLE_BOUNDARIES = frozenset({"Rule", "hr"})
# Elements that may contain only certain other elements.
_HOLDERS = frozenset(
    {"colgroup", "dir", "dl", "menu", "ol", "optgroup", "select", "table", "tbody", "tfoot", "thead", "tr", "ul"}
)


@dataclass(slots=True, eq=False)
class Frame:
    """An open element with the nodes gathered so far (`run`) and inline text still growing (`first` to `last`)."""

    event: Event | None = None
    parent: Frame | None = None
    first: int = -1
    last: int = -1
    run: list[_Node] = field(default_factory=list)
    clean: bool = True  # all its text is flagged, and nothing else is visible between its blocks
    boundaries: bool = False
    atoms: bool = False
    host: int = -1  # where the outermost link around it begins
    named: bool = False  # its text is the name of a link or a heading
    heading: bool = False  # it is in a heading
    drawing: bool = False  # it is in a drawing, which a tag of ours would end
    headings: bool = False  # there are headings in it
    block: Frame = field(init=False)  # the innermost block: itself or one around it

    def __post_init__(self) -> None:
        self.block = self.parent.block if self.parent and self.level is Level.INLINE else self

    @property
    def name(self) -> str:
        return self.event.name if self.event else ""

    @property
    def level(self) -> Level:
        return self.event.level if self.event else Level.PART


@dataclass(slots=True, eq=False)
class Segment:
    """A range that is hidden as one: text within a block, or consecutive whole blocks.

    Attributes:
        start: Where it starts.
        end: Where it ends (exclusive).
        region: A number; nothing is visible between segments with the same one.
        frame: The element that contains it.
        blocks: Whether it consists of whole blocks.
        first: For blocks: they can replace `segments[first:last]`.
        last: See `first`.
    """

    start: int
    end: int
    region: int
    frame: Frame
    blocks: bool = False
    first: int = 0
    last: int = 0


@dataclass(slots=True)
class Segmentation:
    """The result of `segment_text`.

    Attributes:
        segments: The segments in order.
        blocks: Segments of whole blocks, each of which can replace some of `segments`.
        texts: The ranges of text in the segments.
        hidden: The ranges to hide, extended over markup that cannot be cut.
    """

    segments: list[Segment]
    blocks: list[Segment]
    texts: list[Span]
    hidden: list[Span]

    def chosen(self, least: int | None) -> list[Segment]:
        """The segments to hide.

        Args:
            least: The number of segments from which on blocks replace them; None for no blocks.
        """
        chosen: list[Segment] = []
        at = 0
        for block in self.blocks if least is not None else ():
            if block.last - block.first >= (least or 0):
                chosen += [*self.segments[at : block.first], block]
                at = block.last
        return chosen + self.segments[at:]


@dataclass(slots=True, eq=False)
class _Node:
    """A whole element in a run, or a segment between elements; `first` to `last` number the segments in it."""

    level: Level
    start: int
    end: int
    first: int
    last: int
    frame: Frame | None = None


def segment_text(
    source: str,
    format: Format,
    visible: Sequence[Span],
    events: Iterable[Event],
    ranges: Sequence[Span],
    *,
    edges: str = "",
    headings: bool = True,
) -> Segmentation:
    """Cut ranges of a source into segments. Linear time.

    Args:
        source: The source.
        format: Its format.
        visible: The ranges of its visible text.
        events: Its markup, from `markup_events`.
        ranges: The ranges to hide, ordered and disjoint.
        edges: Characters that no segment may begin or end with; they stay visible there.
        headings: Whether a segment of whole blocks may contain headings.

    Returns:
        The segments.
    """
    return _Segmenter(source, format, edges, divide=not headings).run(visible, events, ranges)


class _Segmenter:
    def __init__(self, source: str, format: Format, edges: str, *, divide: bool) -> None:
        self.source, self.format, self.edges, self.divide = source, format, edges, divide
        self.root = self.frame = Frame()
        self.result = Segmentation([], [], [], [])
        self.region = 0
        self.growing: list[Frame] = []  # from the outermost in

    def run(self, visible: Sequence[Span], events: Iterable[Event], ranges: Sequence[Span]) -> Segmentation:
        parts = visible_parts(self.source, self.format, visible, ranges)
        part = next(parts, None)
        for event in events:
            while part and part[0].start < event.start:
                self.text(*part)
                part = next(parts, None)
            if event.kind is Kind.WHOLE:
                inside = []
                while part and part[0].start < event.end:
                    inside.append(part)
                    part = next(parts, None)
                self.undivided(event, inside)
            else:
                self.handle(event)
        while part:
            self.text(*part)
            part = next(parts, None)
        self.interrupt()
        self.result.blocks.sort(key=lambda block: block.start)
        for block in self.result.blocks:
            self.trim(block)
        self.result.hidden = subtract([*self.result.hidden, *ranges], [])
        segments = [Span(segment.start, segment.end) for segment in self.result.segments]
        self.result.texts = subtract(self.result.texts, subtract([Span(0, len(self.source))], segments))
        return self.result

    def trim(self, block: Segment) -> None:
        """Drop the line end behind a block; in Markdown, include the indentation before it, which is its depth."""
        while self.source[block.end - 1].isspace():
            block.end -= 1
        while self.format in MARKDOWN and block.start and self.source[block.start - 1] in " \t":
            block.start -= 1

    # --- input ----------------------------------------------------------------------------------

    def text(self, span: Span, flagged: bool) -> None:
        if not flagged:
            self.separate()
            return
        self.result.texts.append(span)
        start, end = self.bounds(span) if self.format in MARKDOWN or self.edges else span
        if start < span.end:
            self.grow(self.frame, start, end)

    def undivided(self, event: Event, inside: Sequence[tuple[Span, bool]]) -> None:
        """Handle markup that contains text and cannot be cut: it is hidden if any of its text is."""
        if any(flagged for _, flagged in inside):
            self.result.hidden.append(Span(event.start, event.end))
            self.result.texts.append(Span(event.start, event.end))
            self.grow(self.frame, event.start, event.end)
        elif inside:
            self.text(inside[0][0], False)
        else:
            self.atom()

    def handle(self, event: Event) -> None:
        if event.kind is Kind.OPEN:
            self.open(event)
        elif event.kind is Kind.CLOSE:
            self.close(event)
        elif event.kind is Kind.ATOM:
            self.atom()
        elif event.kind is Kind.BREAK or event.name in _VISIBLE_BOUNDARIES:
            self.separate()
        else:
            self.frame.clean, self.frame.boundaries = False, True
            self.interrupt()

    def atom(self) -> None:
        """Handle something visible that is not text: a sentence may contain it, but blocks do not hide it."""
        self.frame.atoms = True
        if self.frame.run and self.frame.first < 0:
            self.separate()

    def separate(self) -> None:
        """Something visible separates the text before from the text that follows."""
        self.frame.clean = False
        self.interrupt()
        self.region += 1

    def open(self, event: Event) -> None:
        above = self.frame
        frame = self.frame = Frame(event, above, atoms=event.solid, host=above.host, named=above.named)
        frame.clean = not event.fixed
        if frame.host < 0 and event.name in _HOSTS and not event.fixed:
            frame.host = event.start
        frame.named = frame.named or event.name in _NAMED_BY_TEXT
        frame.heading = above.heading or event.name in _HEADINGS
        frame.drawing = event.name == "svg" or (above.drawing and event.name != "foreignobject")

    def close(self, event: Event) -> None:
        frame, above = self.frame, self.frame.parent
        assert frame.event is not None  # pairs nest
        assert above is not None
        above.headings = above.headings or frame.headings or frame.heading
        start, end = frame.event.start, event.end
        text_only = frame.first >= 0 and not frame.run
        if frame.clean and text_only and frame.level is Level.INLINE:
            self.growing.pop()
            self.grow(above, start, end)
            self.frame = above
            return
        self.settle()
        self.frame = above
        if frame.run and frame.clean and (text_only or not frame.atoms):
            above.run.append(_Node(_level(frame), start, end, frame.run[0].first, frame.run[-1].last, frame))
        elif frame.run or not frame.clean:
            self.emit(frame)
            above.clean = False
            self.interrupt()
        elif frame.atoms and frame.level is Level.INLINE:
            self.atom()
        elif frame.atoms:
            self.separate()

    # --- output ---------------------------------------------------------------------------------

    def grow(self, frame: Frame, start: int, end: int) -> None:
        """Extend the inline text of a frame."""
        if frame.first < 0:
            frame.first = start
            self.growing.append(frame)
        frame.last = end

    def settle(self) -> None:
        """Turn growing text into segments, in order."""
        segments = self.result.segments
        for frame in self.growing:
            if frame.first < frame.last:
                frame.run.append(_Node(Level.INLINE, frame.first, frame.last, len(segments), len(segments) + 1))
                segments.append(Segment(frame.first, frame.last, self.region, frame))
            frame.first = -1
        self.growing.clear()

    def bounds(self, text: Span) -> tuple[int, int]:
        """Where a segment that begins or ends with this text may begin and end.

        In Markdown it may not end with a backslash, which would escape the mark behind it.
        """
        start, end = text
        ends = self.edges + "\\" * (self.format in MARKDOWN)
        while start < end and (self.source[start] in self.edges or self.source[start].isspace()):
            start += 1
        while start < end and (self.source[end - 1] in ends or self.source[end - 1].isspace()):
            end -= 1
        return start, end

    def interrupt(self) -> None:
        """End the run of the frame."""
        self.settle()
        self.emit(self.frame)
        self.frame.run = []

    def emit(self, frame: Frame) -> None:
        """Make blocks of the run of a frame, and of the runs of those of its elements that cannot be one."""
        waiting = [frame]
        while waiting:
            frame = waiting.pop()
            name = frame.name
            holder = name in _HOLDERS
            mixes = self.format == "html" and not (
                frame.boundaries or holder or name in _TEXT_ONLY or _level(frame) == 0
            )
            block: Segment | None = None
            for node in frame.run:
                divided = self.divide and node.frame is not None and (node.frame.headings or node.frame.heading)
                fits = (node.level is Level.FLOW and not holder) or (node.level is Level.INLINE and mixes)
                if fits and not divided:
                    if block is None:
                        region = self.result.segments[node.first].region
                        block = Segment(node.start, node.end, region, frame, True, node.first, node.last)
                        self.result.blocks.append(block)
                    block.end, block.last = node.end, node.last
                else:
                    block = None
                    if node.frame is not None:
                        waiting.append(node.frame)


def _level(frame: Frame) -> Level:
    """The level of a frame; an inline element has that of its content."""
    return frame.level or max((node.level for node in frame.run), default=frame.level)
