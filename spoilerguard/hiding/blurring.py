"""Ranges of a document hidden: cut into pieces, written in a style, read again and compared.

Nothing is changed but the ranges: what is written stands around them or in their place. The result
is an output only if a reader of it sees just what was left to see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import re

from spoilerguard.errors import LeakError
from spoilerguard.hiding.block_edits import Edit, Target
from spoilerguard.hiding.events import Kind, Level, Mark, outline
from spoilerguard.hiding.segments import BLANK, cut
from spoilerguard.hiding.styles import Style, style_for
from spoilerguard.spans import Document, Format, Hidden, Span
from spoilerguard.text.ranges import keep, minus
from spoilerguard.text.reading import READERS, layout_of

__all__ = ["applied", "edits_to_hide", "hide", "written"]


def hide(document: Document, ranges: Iterable[tuple[int, int]], style: str | None = None) -> str:
    """The source with these ranges of it hidden in a style, or in the one that suits its format.

    Of a range, what can be seen is hidden; what its author has hidden stays as it is, so hiding twice
    changes nothing. Takes linear time. Raises InputError for a style unknown or not of this format,
    and LeakError where the style cannot hide a range (Discord's bars in a table): nothing is written.
    """
    row = style_for(style, document.format)
    return row.finish(written(document, ranges, row))


def written(document: Document, ranges: Iterable[tuple[int, int]], style: Style) -> str:
    """As `hide`, but before the style's `finish`."""
    return applied(document.source, _edits(document, ranges, style))


def edits_to_hide(document: Document, ranges: Iterable[tuple[int, int]], style: str | None = None) -> list[Edit]:
    """The edits, in order and disjoint, that make of the source what `hide` gives; it raises what `hide` raises."""
    row, source = style_for(style, document.format), document.source
    edits = _edits(document, ranges, row)
    plain = applied(source, edits)
    result = row.finish(plain)
    if result == plain:
        return edits
    start = _shared(source, result)
    tail = _shared(source[start:][::-1], result[start:][::-1])
    return [Edit(start, len(source) - tail, result[start : len(result) - tail])]


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    unlike = (k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(unlike, min(len(one), len(other)))


def _edits(document: Document, spoilers: Iterable[tuple[int, int]], style: Style) -> list[Edit]:
    source, format = document.source, document.format
    ranges = minus([Span(*at) for at in spoilers], [])
    layout = layout_of(document)
    # In plain text, only white space is between blocks; elsewhere, no text goes over their bounds.
    gaps = minus([Span(0, len(source))], layout.blocks) if format == "text" else []
    seen, marks = minus(layout.seen, gaps), outline(layout, format)
    trouble: LeakError | None = None
    tried: list[list[Edit]] = []
    for edges, whole in _WAYS[format]:
        found = cut(source, format, seen, marks, ranges, edges=edges)
        if not found.pieces:
            return []
        target = Target.of(document, found.chosen(style.least if whole or style.inline is None else None), found.texts)
        try:
            edits = sorted(style.write(target, style), key=lambda edit: edit[:2])
            if edits not in tried:
                tried.append(edits)
                _verify(target, edits, marks, _visible(source, minus(layout.seen, found.hidden)))
                return edits
        except LeakError as error:
            trouble = trouble or error
    raise LeakError(f"{trouble}: style {style.name!r} cannot hide what is here; choose another") from None


# What no piece may begin or end with, and whether blocks in a row are hidden as one. In Markdown, a bar beside
# a mark may become a column of a table, and a star that was none, an emphasis. A list, say, may resist as a whole.
_WAYS: dict[Format, tuple[tuple[str, bool], ...]] = {
    "text": (("", True),),
    "markdown": (("|*_~", True), ("|", True), ("|*_~", False), ("|", False)),
    "html": (("", True),),
}


def _verify(target: Target, edits: Sequence[Edit], marks: Sequence[Mark], expected: str) -> None:
    """Parse the source with these edits made; raise LeakError unless a reader of it sees what is expected."""
    result = applied(target.source, edits)
    after = READERS[target.format](result)
    _compare(target, expected, _kept(target.source, edits, _visible(result, after.seen)))
    _held(target, edits, after.hidden)
    if target.format == "markdown":
        _nests(target, edits, marks, outline(after, target.format))


def applied(source: str, edits: Iterable[Edit]) -> str:
    """The source with these edits made, which are in order and disjoint."""
    pieces: list[str] = []
    at = 0
    for start, end, new in edits:
        pieces += [source[at:start], new]
        at = end
    return "".join([*pieces, source[at:]])


def _visible(source: str, seen: Sequence[Span]) -> str:
    """What is seen at its place, all else blank."""
    return BLANK.sub(lambda found: " " * len(found[0]), keep(source, seen))


def _kept(source: str, edits: Sequence[Edit], shown: str) -> str:
    """What is shown of the source, at its place there; `shown` is what is shown of the source edited.

    What stands in place of text is shown there as `?`, if it is: the marks around may not have held.
    """
    pieces: list[str] = []
    at = there = 0
    for start, end, new in edits:
        pieces.append(shown[there : there + start - at])
        there += start - at
        seen = end > start and not shown[there : there + len(new)].isspace() and new
        pieces.append(("?" if seen else " ") * (end - start))
        there += len(new)
        at = end
    return "".join([*pieces, shown[there:]])


def _compare(target: Target, expected: str, shown: str) -> None:
    """Raise LeakError where something is shown that is hidden, or something not that should be.

    Only marks of emphasis may differ, which were broken and have become whole beside a spoiler, or the
    reverse; and bars and backslashes at its ends.
    """
    if expected == shown:
        return
    if (wanted := _MARKS.sub(" ", expected)) != (found := _MARKS.sub(" ", shown)):
        at = next(k for k, (a, b) in enumerate(zip(wanted, found, strict=True)) if a != b)
        raise target.trouble(at, "text would still be seen" if wanted[at] == " " else "other text would be lost")


def _held(target: Target, edits: Sequence[Edit], hidden: Iterable[Hidden]) -> None:
    """Raise LeakError where text to be hidden is still there and no spoiler: a mark may have become a fence of code."""
    spoilers = minus([Span(mark.start, mark.end) for mark in hidden], [])
    words = (found.start() for text in target.texts for found in _WORD.finditer(target.source, *text))
    shift = k = n = 0
    for start in words:
        while k < len(edits) and edits[k].start <= start:
            shift += len(edits[k].new) - (edits[k].end - edits[k].start)
            k += 1
        if k and edits[k - 1].end > start:  # something else stands there
            continue
        while n < len(spoilers) and spoilers[n].end <= start + shift:
            n += 1
        if n == len(spoilers) or spoilers[n].start > start + shift:
            raise target.trouble(start, "text would not be hidden")


def _nests(target: Target, edits: Sequence[Edit], before: Iterable[Mark], after: Iterable[Mark]) -> None:
    """Raise LeakError where a tag that was put in crosses an emphasis, say, which thereby came into being.

    A link of ours may end one that its author did not.
    """
    walls = [mark.start for mark in after if mark.kind is Kind.WALL and mark.end > mark.start and mark.name != "a"]
    shift = k = 0
    for start, end, new in edits:
        while k < len(walls) and walls[k] < start + shift:
            k += 1
        if "<" in new and k < len(walls) and walls[k] < start + shift + len(new):
            raise target.trouble(start, "a tag would cross other markup")
        shift += len(new) - (end - start)
    if _crossed(after) > _crossed(before):
        raise target.trouble(edits[0].start, "a tag would cross an emphasis or a link")


def _crossed(marks: Iterable[Mark]) -> int:
    """How many emphases and links of Markdown are crossed by a tag: marks without a width."""
    return sum(mark.kind is Kind.WALL and mark.level is Level.INLINE and mark.end == mark.start for mark in marks)


_WORD = re.compile(r"\w+")
_MARKS = re.compile(r"[*_~`\\|]|[^\S ]")
