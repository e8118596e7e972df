"""Comments that suppress: `off` and `on` around a region, `ignore-next` before a block; and those that do not.

<!-- spoilerguard off -->...<!-- spoilerguard on -->    {/* spoilerguard: ignore-next */}
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
import re
from typing import TYPE_CHECKING

from spoilerguard.spans import Notice, Span
from spoilerguard.text.not_prose import OURS

if TYPE_CHECKING:
    from spoilerguard.text.reading import Layout

__all__ = ["NEVER_ON", "UNKNOWN_COMMENT", "suppressed_regions", "without_effect"]

UNKNOWN_COMMENT = (
    "this comment suppresses nothing: write spoilerguard off, spoilerguard on or spoilerguard: ignore-next in it"
)
NEVER_ON = "nothing below this is checked: write spoilerguard on where the checked text begins again"

_OURS = re.compile(rf"(?i){OURS}")
_DIRECTIVE = re.compile(r"(?i)spoilerguard\s*:?\s*(off|on|ignore-next)\b")


def suppressed_regions(source: str, layout: Layout) -> Iterator[tuple[Span, Span]]:
    """Regions between `off` and `on`, and the block after (or rest of the block around) `ignore-next`."""
    off: Span | None = None
    prose: list[Span] | None = None
    for span, comment in layout.comments:
        directive = _DIRECTIVE.match(comment)
        word = directive[1].lower() if directive else ""
        if word == "ignore-next":
            prose = _not_blank(source, layout.prose) if prose is None else prose
            yield span, Span(span.start, max(span.end, _end_of_block(source, layout, prose, span.end)))
        elif word == "off" and off is None:
            off = span
        elif word == "on" and off is not None:
            yield off, Span(off.start, span.end)
            off = None
        elif word:
            yield span, Span(span.start, span.start)  # an `on` without `off`, or a second `off`
    if off is not None:
        yield off, Span(off.start, len(source))


def without_effect(layout: Layout) -> Iterator[Notice]:
    """Notices for comments that are meant for us and say nothing, and for an `off` that is never taken back."""
    off: Span | None = None
    for span, comment in layout.comments:
        directive = _DIRECTIVE.match(comment)
        word = directive[1].lower() if directive else ""
        if word == "off":
            off = off or span
        elif word == "on":
            off = None
        elif not word and _OURS.match(comment):
            yield Notice(*span, UNKNOWN_COMMENT)
    if off is not None:
        yield Notice(*off, NEVER_ON)


_WORDS = re.compile(r"\S")


def _not_blank(source: str, prose: list[Span]) -> list[Span]:
    """The ranges that contain more than white space."""
    return [span for span in prose if not source[span.start : span.end].isspace()]


def _end_of_block(source: str, layout: Layout, prose: list[Span], offset: int) -> int:
    """The end of the block that contains the first words after the offset."""
    k = bisect_right(prose, offset, key=lambda span: span.end)
    if k == len(prose):
        return offset
    words = _WORDS.search(source, max(offset, prose[k].start))
    if words is None:
        return offset
    block = bisect_right(layout.blocks, words.start(), key=lambda span: span.end)
    return layout.blocks[block].end if block < len(layout.blocks) else offset
