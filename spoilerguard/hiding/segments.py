"""Ranges of a source cut into pieces that can be hidden: what is between the marks around them.

One pass over the marks (`outline`) and the text between them, with a stack of what is open. Flagged text
grows a piece over all that opens and closes within it; whatever else comes ends the piece: text that is
not flagged, a tag without its other half, the bounds of a block. So no piece hides text that was not
flagged, and none breaks the tree. Whole blocks in a row make a piece of their own, which may stand for
the pieces in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
import re

from spoilerguard.hiding.events import Kind, Level, Mark
from spoilerguard.spans import Format, Span
from spoilerguard.text.ranges import minus

__all__ = ["BLANK", "Cut", "Frame", "Piece", "cut"]

# What separates and shows nothing, as characters or as entities of HTML.
BLANK = re.compile(
    r"(?:\s|&(?:nbsp|ensp|emsp|thinsp|zwnj|zwj|NoBreak|ZeroWidthSpace|#0{0,4}160|#[xX]0{0,4}[aA]0|#8203|#[xX]200[bB]);?)++"
)
_HOSTS = frozenset({"Link", "a", "label"})
_NAMED_BY_TEXT = _HOSTS | {"Heading", "h1", "h2", "h3", "h4", "h5", "h6"}
_TEXT_ONLY = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "p"})
_SEEN_WALLS = frozenset({"Rule", "hr"})
# What may hold only certain elements.
_HOLDERS = frozenset(
    {"colgroup", "dir", "dl", "menu", "ol", "optgroup", "select", "table", "tbody", "tfoot", "thead", "tr", "ul"}
)


@dataclass(slots=True, eq=False)
class Frame:
    """An open element, and what of it was gathered: `run`, and inline text yet growing (`first` to `last`)."""

    mark: Mark | None = None
    parent: Frame | None = None
    first: int = -1
    last: int = -1
    run: list[_Node] = field(default_factory=list)
    clean: bool = True  # all its text is flagged, and nothing but text is seen between its blocks
    walls: bool = False
    atoms: bool = False
    host: int = -1  # where the outermost link begins that it is in
    named: bool = False  # its text is somebody's name
    block: Frame = field(init=False)  # the innermost block: itself, or what it is in

    def __post_init__(self) -> None:
        self.block = self.parent.block if self.parent and self.level is Level.INLINE else self

    @property
    def name(self) -> str:
        return self.mark.name if self.mark else ""

    @property
    def level(self) -> Level:
        return self.mark.level if self.mark else Level.PART


@dataclass(slots=True, eq=False)
class Piece:
    """What is hidden as one: text within a block, or whole blocks in a row.

    Pieces of a `region` have nothing seen between them. `frame` is what the piece is in.
    """

    start: int
    end: int
    region: int
    frame: Frame
    blocks: bool = False
    first: int = 0  # of blocks: they stand in place of `pieces[first:last]`
    last: int = 0


@dataclass(slots=True)
class Cut:
    """How ranges are cut: each text lies in one of `pieces`; `blocks` may stand in place of some.

    `hidden` is the ranges, and what could not be cut of which they are a part.
    """

    pieces: list[Piece]
    blocks: list[Piece]
    texts: list[Span]
    hidden: list[Span]

    def chosen(self, least: int | None) -> list[Piece]:
        """The pieces, or the blocks in place of at least so many of them; None for no blocks."""
        chosen: list[Piece] = []
        at = 0
        for block in self.blocks if least is not None else ():
            if block.last - block.first >= (least or 0):
                chosen += [*self.pieces[at : block.first], block]
                at = block.last
        return chosen + self.pieces[at:]


@dataclass(slots=True, eq=False)
class _Node:
    """A whole element of a run, or a piece between such; the pieces in it, and the run it holds."""

    level: Level
    start: int
    end: int
    first: int
    last: int
    frame: Frame | None = None


def cut(
    source: str,
    format: Format,
    seen: Sequence[Span],
    marks: Iterable[Mark],
    ranges: Sequence[Span],
    *,
    edges: str = "",
) -> Cut:
    """Cut ordered, disjoint ranges of a source; `seen` is its visible text. Linear time.

    No piece begins or ends with text of `edges`, which is left out.
    """
    return _Cutter(source, format, edges).run(seen, marks, ranges)


class _Cutter:
    def __init__(self, source: str, format: Format, edges: str) -> None:
        self.source, self.format, self.edges = source, format, edges
        self.root = self.frame = Frame()
        self.cut = Cut([], [], [], [])
        self.region = 0
        self.growing: list[Frame] = []  # from the outside in

    def run(self, seen: Sequence[Span], marks: Iterable[Mark], ranges: Sequence[Span]) -> Cut:
        inks = _inks(self.source, self.format, seen, ranges)
        ink = next(inks, None)
        for mark in marks:
            while ink and ink[0].start < mark.start:
                self.text(*ink)
                ink = next(inks, None)
            if mark.kind is Kind.WHOLE:
                inside = []
                while ink and ink[0].start < mark.end:
                    inside.append(ink)
                    ink = next(inks, None)
                self.undivided(mark, inside)
            else:
                self.mark(mark)
        while ink:
            self.text(*ink)
            ink = next(inks, None)
        self.interrupt()
        self.cut.blocks.sort(key=lambda block: block.start)
        for block in self.cut.blocks:
            self.trim(block)
        self.cut.hidden = minus([*self.cut.hidden, *ranges], [])
        pieces = [Span(piece.start, piece.end) for piece in self.cut.pieces]
        self.cut.texts = minus(self.cut.texts, minus([Span(0, len(self.source))], pieces))
        return self.cut

    def trim(self, block: Piece) -> None:
        """Without the line end behind it; of Markdown, with the spaces before it, which tell how deep it is."""
        while self.source[block.end - 1].isspace():
            block.end -= 1
        while self.format == "markdown" and block.start and self.source[block.start - 1] in " \t":
            block.start -= 1

    # --- what comes -----------------------------------------------------------------------------

    def text(self, span: Span, flagged: bool) -> None:
        if not flagged:
            self.part()
            return
        self.cut.texts.append(span)
        start, end = self.bounds(span) if self.format == "markdown" or self.edges else span
        if start < span.end:
            self.grow(self.frame, start, end)

    def undivided(self, mark: Mark, inside: Sequence[tuple[Span, bool]]) -> None:
        """What holds text and cannot be cut: it is hidden if any of its text is."""
        if any(flagged for _, flagged in inside):
            self.cut.hidden.append(Span(mark.start, mark.end))
            self.cut.texts.append(Span(mark.start, mark.end))
            self.grow(self.frame, mark.start, mark.end)
        elif inside:
            self.text(inside[0][0], False)
        else:
            self.atom()

    def mark(self, mark: Mark) -> None:
        if mark.kind is Kind.OPEN:
            self.open(mark)
        elif mark.kind is Kind.CLOSE:
            self.close(mark)
        elif mark.kind is Kind.ATOM:
            self.atom()
        elif mark.kind is Kind.BREAK or mark.name in _SEEN_WALLS:
            self.part()
        else:
            self.frame.clean, self.frame.walls = False, True
            self.interrupt()

    def atom(self) -> None:
        """Something is seen that is no text: a sentence may hold it, but it is not hidden with blocks."""
        self.frame.atoms = True
        if self.frame.run and self.frame.first < 0:
            self.part()

    def part(self) -> None:
        """Here something is seen that parts what is before from what follows."""
        self.frame.clean = False
        self.interrupt()
        self.region += 1

    def open(self, mark: Mark) -> None:
        above = self.frame
        frame = self.frame = Frame(mark, above, atoms=mark.solid, host=above.host, named=above.named)
        frame.clean = not mark.fixed
        if frame.host < 0 and mark.name in _HOSTS and not mark.fixed:
            frame.host = mark.start
        frame.named = frame.named or mark.name in _NAMED_BY_TEXT

    def close(self, mark: Mark) -> None:
        frame, above = self.frame, self.frame.parent
        assert frame.mark is not None  # pairs nest
        assert above is not None
        start, end = frame.mark.start, mark.end
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
            self.part()

    # --- what is gathered -----------------------------------------------------------------------

    def grow(self, frame: Frame, start: int, end: int) -> None:
        """The inline text of a frame goes on."""
        if frame.first < 0:
            frame.first = start
            self.growing.append(frame)
        frame.last = end

    def settle(self) -> None:
        """What was growing is pieces, in order."""
        pieces = self.cut.pieces
        for frame in self.growing:
            if frame.first < frame.last:
                frame.run.append(_Node(Level.INLINE, frame.first, frame.last, len(pieces), len(pieces) + 1))
                pieces.append(Piece(frame.first, frame.last, self.region, frame))
            frame.first = -1
        self.growing.clear()

    def bounds(self, text: Span) -> tuple[int, int]:
        """Where a piece may begin and end that begins or ends with this text.

        In Markdown not with a backslash, which would take the first character of a mark.
        """
        start, end = text
        ends = self.edges + "\\" * (self.format == "markdown")
        while start < end and (self.source[start] in self.edges or self.source[start].isspace()):
            start += 1
        while start < end and (self.source[end - 1] in ends or self.source[end - 1].isspace()):
            end -= 1
        return start, end

    def interrupt(self) -> None:
        """Something ends the run of the frame."""
        self.settle()
        self.emit(self.frame)
        self.frame.run = []

    def emit(self, frame: Frame) -> None:
        """Blocks of what a frame gathered, and of what is in those of its elements that cannot be one."""
        waiting = [frame]
        while waiting:
            frame = waiting.pop()
            name = frame.name
            holder = name in _HOLDERS
            mixes = self.format == "html" and not (frame.walls or holder or name in _TEXT_ONLY or _level(frame) == 0)
            block: Piece | None = None
            for node in frame.run:
                if (node.level is Level.FLOW and not holder) or (node.level is Level.INLINE and mixes):
                    if block is None:
                        region = self.cut.pieces[node.first].region
                        block = Piece(node.start, node.end, region, frame, True, node.first, node.last)
                        self.cut.blocks.append(block)
                    block.end, block.last = node.end, node.last
                else:
                    block = None
                    if node.frame is not None:
                        waiting.append(node.frame)


def _level(frame: Frame) -> Level:
    """Inline elements are as what they hold."""
    return frame.level or max((node.level for node in frame.run), default=frame.level)


def _inks(source: str, format: Format, seen: Sequence[Span], ranges: Sequence[Span]) -> Iterator[tuple[Span, bool]]:
    """The visible text without white space around it, in order: flagged, and not."""
    k, before = 0, 0
    for start, end in seen:
        while k < len(ranges) and ranges[k].end <= start:
            k += 1
        at, j = start, k
        while at < end:
            flagged = j < len(ranges) and ranges[j].start <= at
            stop = min(end, ranges[j].end if flagged else ranges[j].start if j < len(ranges) else end)
            bare = _bare(source, at, stop)
            if bare is not None and (flagged or not BLANK.fullmatch(source, *bare)):
                escaped = format == "markdown" and bare.start == start > before and source[start - 1] == "\\"
                yield Span(bare.start - escaped, bare.end), flagged
            at, j = stop, j + flagged
        before = end


def _bare(source: str, start: int, end: int) -> Span | None:
    """The range without white space around it."""
    text = source[start:end]
    left = len(text) - len(text.lstrip())
    return Span(start + left, start + len(text.rstrip())) if left < len(text) else None
