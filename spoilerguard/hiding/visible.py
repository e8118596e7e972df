"""The text of a source that its readers see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import re

from spoilerguard.spans import MARKDOWN, Format, Span
from spoilerguard.text.ranges import mask_outside

__all__ = ["visible_parts", "visible_text"]

# White space and other invisible separators, as characters or as HTML entities.
_BLANK = re.compile(
    r"(?>(?:\s|&(?:nbsp|ensp|emsp|thinsp|zwnj|zwj|NoBreak|ZeroWidthSpace|#0{0,4}160|#[xX]0{0,4}[aA]0|#8203|#[xX]200[bB]);?)+)"
)


def visible_text(source: str, visible: Sequence[Span]) -> str:
    """The visible text of a source at its place, with spaces for everything else.

    Args:
        source: The source.
        visible: The ranges of its visible text.

    Returns:
        A text as long as the source.
    """
    return _BLANK.sub(lambda found: " " * len(found[0]), mask_outside(source, visible))


def visible_parts(
    source: str, format: Format, visible: Sequence[Span], ranges: Sequence[Span]
) -> Iterator[tuple[Span, bool]]:
    """Split the visible text of a source at the bounds of ranges.

    Args:
        source: The source.
        format: Its format.
        visible: The ranges of its visible text.
        ranges: Ordered, disjoint ranges.

    Yields:
        The parts in order, without white space around them, each with whether it is in one of the ranges.
    """
    k, before = 0, 0
    for start, end in visible:
        while k < len(ranges) and ranges[k].end <= start:
            k += 1
        at, j = start, k
        while at < end:
            flagged = j < len(ranges) and ranges[j].start <= at
            stop = min(end, ranges[j].end if flagged else ranges[j].start if j < len(ranges) else end)
            bare = _bare(source, at, stop)
            if bare is not None and (flagged or not _BLANK.fullmatch(source, *bare)):
                escaped = format in MARKDOWN and bare.start == start > before and source[start - 1] == "\\"
                yield Span(bare.start - escaped, bare.end), flagged
            at, j = stop, j + flagged
        before = end


def _bare(source: str, start: int, end: int) -> Span | None:
    """The range without white space around it."""
    text = source[start:end]
    left = len(text) - len(text.lstrip())
    return Span(start + left, start + len(text.rstrip())) if left < len(text) else None
