"""Arithmetic of ranges, and texts with some ranges masked.

Everything takes time linear in the text and n log n in the ranges; results are ordered and disjoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
import re

from spoilerguard.spans import Span

__all__ = ["intersect", "mask", "mask_outside", "subtract"]

_NOT_LINE_END = re.compile(r"[^\r\n]")


def mask_outside(source: str, spans: Iterable[Span]) -> str:
    """Mask everything outside these ranges with spaces.

    Args:
        source: The source.
        spans: The ranges to keep, ordered and disjoint.

    Returns:
        A text as long as the source.
    """
    return _rewritten(source, spans, inside=str, outside=lambda text: " " * len(text))


def mask(source: str, spans: Iterable[Span]) -> str:
    """Mask these ranges with NUL, except for their line endings.

    NUL is not white space, so a tag that spans two lines does not leave a blank line.

    Args:
        source: The source.
        spans: The ranges to mask, ordered and disjoint.

    Returns:
        A text as long as the source.
    """
    return _rewritten(source, spans, inside=lambda text: _NOT_LINE_END.sub("\0", text), outside=str)


def _rewritten(
    source: str, spans: Iterable[Span], *, inside: Callable[[str], str], outside: Callable[[str], str]
) -> str:
    parts: list[str] = []
    position = 0
    for start, end in spans:
        parts += [outside(source[position:start]), inside(source[start:end])]
        position = end
    return "".join([*parts, outside(source[position:])])


def _union(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    reach = -1
    for span in sorted(spans):
        start, end = span
        if start > reach:
            if end > start:
                merged.append(span)
                reach = end
        elif end > reach:
            merged[-1] = Span(merged[-1].start, end)
            reach = end
    return merged


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """The ranges without their overlap with `holes`, ordered and disjoint."""
    whole, gaps = _union(spans), _union(holes)
    if not gaps:
        return whole
    kept: list[Span] = []
    k, count = 0, len(gaps)
    for span in whole:
        start, end = span
        while k < count and gaps[k].end <= start:
            k += 1
        if k == count or gaps[k].start >= end:
            kept.append(span)
            continue
        j = k
        while j < count and gaps[j].start < end:
            if gaps[j].start > start:
                kept.append(Span(start, gaps[j].start))
            start = gaps[j].end
            j += 1
        if start < end:
            kept.append(Span(start, end))
    return kept


def intersect(spans: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """The overlap of two lists of ranges, ordered and disjoint."""
    spans = _union(spans)
    return subtract(spans, subtract([Span(spans[0].start, spans[-1].end)], others)) if spans else []
