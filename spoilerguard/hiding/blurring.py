"""Hide ranges of a document: cut them into segments, write these in a style, parse the result and compare.

Nothing changes but the ranges: a style writes around them or in their place. The result is returned only if
its readers see exactly the text that was not to be hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
import re

from spoilerguard.errors import LeakError
from spoilerguard.hiding.block_edits import Edit, Target, applied
from spoilerguard.hiding.events import Event, Kind, Level, markup_events
from spoilerguard.hiding.removal import removable, without_hidden
from spoilerguard.hiding.repeats import refuse_repeats
from spoilerguard.hiding.segments import Segment, segment_text
from spoilerguard.hiding.styles import STYLES, Style, replaced, style_for
from spoilerguard.hiding.visible import visible_text
from spoilerguard.spans import MARKDOWN, Document, Format, Hidden, Span
from spoilerguard.text.ranges import mask_outside, subtract
from spoilerguard.text.reading import READERS, Layout, layout_of
from spoilerguard.text.scans import Element, Tag, without_collection

__all__ = ["edits_to_hide", "hide", "written"]


def hide(document: Document, ranges: Iterable[tuple[int, int]], style: str | None = None) -> str:
    """The source with ranges of it hidden.

    The visible text of a range is hidden. What the author has hidden stays as it is, so hiding twice
    changes nothing; a style that removes text removes that, too. A heading loses its text in any style,
    since tables of contents and slugs would repeat it. Linear time.

    Args:
        document: The document.
        ranges: Starts and ends (exclusive) in code points, in any order.
        style: The name of a row of `STYLES`; by default the one in `DEFAULTS` for the format.

    Returns:
        The new source.

    Raises:
        InputError: The style is unknown or cannot be written into this format.
        LeakError: The style cannot hide a range (Discord's bars in a table, say), or the source repeats
            hidden text where nothing can hide it, as in an attribute.
    """
    row, ranges = style_for(style, document.format), list(ranges)
    refuse_repeats(document, ranges, removed=bool(row.filler))
    return written(document, ranges, row)


def written(document: Document, ranges: Iterable[tuple[int, int]], style: Style) -> str:
    """The source with ranges of it hidden, whatever else in it repeats them.

    Args:
        document: The document.
        ranges: Starts and ends (exclusive) in code points, in any order.
        style: A row of `STYLES` for this format.

    Returns:
        The new source.

    Raises:
        LeakError: The style cannot hide a range.
    """
    edits, layout = _edits(document, ranges, style)
    return _finished(document, applied(document.source, edits), layout, style)


def _finished(document: Document, result: str, layout: Layout, style: Style) -> str:
    """The result, which has this layout, without what the author has hidden, if the style removes text."""
    if not style.filler or not removable(layout_of(document)):
        return result
    return without_hidden(result, document.format, style.filling(document.format), layout=layout)


def edits_to_hide(document: Document, ranges: Iterable[tuple[int, int]], style: str | None = None) -> list[Edit]:
    """The edits that turn the source into what `hide` returns.

    Args:
        document: The document.
        ranges: Starts and ends (exclusive) in code points, in any order.
        style: The name of a row of `STYLES`; by default the one in `DEFAULTS` for the format.

    Returns:
        The edits, in order and disjoint.

    Raises:
        InputError: The style is unknown or cannot be written into this format.
        LeakError: As in `hide`.
    """
    row, source, ranges = style_for(style, document.format), document.source, list(ranges)
    refuse_repeats(document, ranges, removed=bool(row.filler))
    edits, layout = _edits(document, ranges, row)
    plain = applied(source, edits)
    result = _finished(document, plain, layout, row)
    if result == plain:
        return edits
    start = _shared(source, result)
    tail = _shared(source[start:][::-1], result[start:][::-1])
    return [Edit(start, len(source) - tail, result[start : len(result) - tail])]


def _shared(one: str, other: str) -> int:
    """The length of the common prefix."""
    unlike = (k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(unlike, min(len(one), len(other)))


@without_collection
def _edits(document: Document, spoilers: Iterable[tuple[int, int]], style: Style) -> tuple[list[Edit], Layout]:
    """The edits that hide these ranges, and the layout of what they make."""
    source, format, layout = document.source, document.format, layout_of(document)
    if not (ranges := subtract([Span(*at) for at in spoilers], [])):
        return [], layout
    _check_number(len(ranges), source)
    # In plain text there is only white space between blocks; in other formats no text crosses their bounds.
    gaps = subtract([Span(0, len(source))], layout.blocks) if format == "text" else []
    events = markup_events(layout, format)
    if format in MARKDOWN and "~~~" in source:
        gaps = [Span(*found.span()) for found in _TILDES.finditer(mask_outside(source, layout.visible))]
        events = sorted([*events, *(Event(Kind.BOUNDARY, *gap) for gap in gaps)], key=lambda event: event.start)
    visible = subtract(layout.visible, gaps)
    first_error: LeakError | None = None
    tried: list[list[Edit]] = []
    for edges, whole in _WAYS[format]:
        found = segment_text(source, format, visible, events, ranges, edges=edges, headings=not style.keeps)
        if not found.segments:
            return [], layout
        _check_number(len(found.segments), source)
        chosen = found.chosen(style.least if whole or style.inline is None else None)
        lost = [segment for segment in chosen if _loses_text(segment, style)]
        kept = [segment for segment in chosen if not _loses_text(segment, style)]
        target = Target.of(document, kept, found.texts)
        try:
            edits = [*style.write(target, style), *replaced(Target.of(document, lost, found.texts), _PLAIN)]
            edits.sort(key=lambda edit: edit[:2])
            if edits not in tried:
                tried.append(edits)
                expected = visible_text(source, subtract(layout.visible, found.hidden))
                return edits, _verified(target, edits, events, expected, style.label)
        except LeakError as error:
            first_error = first_error or error
    raise LeakError(f"{first_error}: style {style.name!r} cannot hide what is here; choose another") from None


# So many marks in one text hide no sentences: more than these, and one for fewer characters than this. What they would
# make of the text is twenty times as long, and must be read again.
_MOST_MARKS, _SPARSE = 4000, 16
_PLAIN = STYLES["placeholder"]
_TILDES = re.compile("~{3,}")  # to one parser of Markdown they are text, to another they strike out what is around them


def _check_number(marks: int, source: str) -> None:
    """Raise LeakError for so many marks that they hide no sentences."""
    if marks > max(_MOST_MARKS, len(source) // _SPARSE):
        raise LeakError(f"{marks:,} marks would hide a few letters each; hide less at once")


def _loses_text(segment: Segment, style: Style) -> bool:
    """Whether only a plain placeholder can stand here: in a heading, or in a drawing, which a tag would end."""
    return (style.keeps and (segment.frame.heading or segment.frame.drawing)) or (
        segment.frame.drawing and style.filler.startswith("<")
    )


# What no segment may begin or end with, and whether consecutive blocks are hidden as one; tried in this order. In
# Markdown, a bar beside a mark may become a column of a table, and a literal star an emphasis. Some blocks, such as
# lists, cannot always be hidden as a whole.
_MARKDOWN_WAYS = (("|*_~", True), ("|", True), ("|*_~", False), ("|", False))
_WAYS: dict[Format, tuple[tuple[str, bool], ...]] = {
    "text": (("", True),),
    "markdown": _MARKDOWN_WAYS,
    "mdx": _MARKDOWN_WAYS,
    "html": (("", True), ("", False)),
}


def _verified(target: Target, edits: Sequence[Edit], events: Sequence[Event], expected: str, label: str) -> Layout:
    """The layout of the source with these edits. Raises LeakError unless its readers see what is expected."""
    for before, edit in pairwise(edits):
        if edit.start < before.end:  # an image whose description has tags of its own, say
            raise target.leak(edit.start, "a mark would stand in what is replaced")
    result = applied(target.source, edits)
    after = READERS[target.format](result)
    _check_visible(target, expected, _kept(target, edits, visible_text(result, after.visible), label))
    _check_hidden(target, edits, after.hidden)
    if target.format == "html":
        _check_tree(target, edits, after.scan.tags)
    if target.format in MARKDOWN:
        _check_nesting(target, edits, events, markup_events(after, target.format))
    return after


def _kept(target: Target, edits: Sequence[Edit], shown: str, label: str) -> str:
    """The visible text of the edited source, `shown`, at its place in the source before the edits.

    Text that replaces other text becomes `?` if it is visible: the marks around it may not have worked. Raises
    LeakError for a mark that is visible itself, but for its label.
    """
    parts: list[str] = []
    at = there = 0
    for start, end, new in edits:
        parts.append(shown[there : there + start - at])
        there += start - at
        seen = shown[there : there + len(new)]
        if start == end and _MARKS.sub("", seen).replace(label, "").strip():
            raise target.leak(start, "a mark would be seen")
        parts.append(("?" if seen and not seen.isspace() else " ") * (end - start))
        there += len(new)
        at = end
    return "".join([*parts, shown[there:]])


def _check_visible(target: Target, expected: str, shown: str) -> None:
    """Raise LeakError if hidden text would be visible or other text would not be.

    Only three differences are allowed: emphasis marks that begin or cease to work beside a spoiler, and
    bars and backslashes at its ends.
    """
    if expected == shown:
        return
    if (wanted := _MARKS.sub(" ", expected)) != (found := _MARKS.sub(" ", shown)):
        at = next(k for k, (a, b) in enumerate(zip(wanted, found, strict=True)) if a != b)
        raise target.leak(at, "text would still be seen" if wanted[at] == " " else "other text would be lost")


def _check_hidden(target: Target, edits: Sequence[Edit], hidden: Iterable[Hidden]) -> None:
    """Raise LeakError if text to hide is still there outside a spoiler: a mark may have become a code fence."""
    spoilers = subtract([Span(spoiler.start, spoiler.end) for spoiler in hidden], [])
    words = (found.start() for text in target.texts for found in _WORD.finditer(target.source, *text))
    shift = k = n = 0
    for start in words:
        while k < len(edits) and edits[k].start <= start:
            shift += len(edits[k].new) - (edits[k].end - edits[k].start)
            k += 1
        if k and edits[k - 1].end > start:  # it has been replaced
            continue
        while n < len(spoilers) and spoilers[n].end <= start + shift:
            n += 1
        if n == len(spoilers) or spoilers[n].start > start + shift:
            raise target.leak(start, "text would not be hidden")


def _check_nesting(target: Target, edits: Sequence[Edit], before: Iterable[Event], after: Iterable[Event]) -> None:
    """Raise LeakError if a tag of ours crosses other markup, such as an emphasis that only now works.

    A link of ours may end a link that the author left open.
    """
    boundaries = [
        event.start for event in after if event.kind is Kind.BOUNDARY and event.end > event.start and event.name != "a"
    ]
    shift = k = 0
    for start, end, new in edits:
        while k < len(boundaries) and boundaries[k] < start + shift:
            k += 1
        if "<" in new and k < len(boundaries) and boundaries[k] < start + shift + len(new):
            raise target.leak(start, "a tag would cross other markup")
        shift += len(new) - (end - start)
    if _crossed(after) > _crossed(before):
        raise target.leak(edits[0].start, "a tag would cross an emphasis or a link")


def _check_tree(target: Target, edits: Sequence[Edit], tags: Sequence[Tag]) -> None:
    """Raise LeakError if a browser would take a tag of ours away from its text.

    Right within a table, outside its cells, what is no part of one is moved before the table (WHATWG HTML,
    13.2.6.4.9); within a `<select>`, which only few tags end, most tags are dropped (13.2.6.4.16); a drawing or a
    formula is ended by most (13.2.6.5).
    """
    open_elements: list[Element] = []
    drawn: list[bool] = []  # whether each of them is in a drawing or a formula
    selecting = False
    k = shift = 0
    for start, end, new in edits:
        while k < len(tags) and tags[k].start < start + shift:
            tag, k = tags[k], k + 1
            while open_elements and not tag.closes and open_elements[-1].end <= tag.start:
                open_elements.pop()
                drawn.pop()
            if tag.name in _ENDS_SELECT or tag.name == "select":
                selecting = tag.name == "select" and not tag.closes and not selecting
            if tag.element is not None and not tag.closes:
                open_elements.append(tag.element)
                inside = bool(drawn) and drawn[-1] and tag.name != "foreignobject"
                drawn.append(tag.name in _DRAWINGS or inside)
        while open_elements and open_elements[-1].end <= start + shift:
            open_elements.pop()
            drawn.pop()
        if _START_TAG.search(new):
            if open_elements and open_elements[-1].name in _TABLE_ROOM:
                raise target.leak(start, "a browser would move the tag out of the table")
            if drawn and drawn[-1]:
                raise target.leak(start, "a browser would end the drawing before the tag")
            if selecting:
                raise target.leak(start, "a browser would drop the tag within <select>")
        shift += len(new) - (end - start)


def _crossed(events: Iterable[Event]) -> int:
    """The number of emphases and links of Markdown that a tag crosses; their events have no width."""
    return sum(
        event.kind is Kind.BOUNDARY and event.level is Level.INLINE and event.end == event.start for event in events
    )


_START_TAG = re.compile(r"<[a-z]")
_TABLE_ROOM = frozenset("colgroup table tbody tfoot thead tr".split())
_DRAWINGS = frozenset({"math", "svg"})
_ENDS_SELECT = frozenset("input keygen textarea".split())
_WORD = re.compile(r"\w+")
_MARKS = re.compile(r"[*_~`\\|]|[^\S ]")
