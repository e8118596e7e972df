"""Arithmetic of ranges: what is left of some less others, and a text with some of it blanked.

All of it takes time linear in the text and n log n in the ranges; results are ordered and disjoint.
"""

from __future__ import annotations

from collections.abc import Iterable
import re

from spoilerguard.spans import Span

__all__ = ["intersect", "mask", "mask_outside", "subtract"]

_NOT_LINE_END = re.compile(r"[^\r\n]")


def mask_outside(source: str, spans: Iterable[Span]) -> str:
    """The source with all but these ordered, disjoint ranges blanked."""
    pieces: list[str] = []
    position = 0
    for start, end in spans:
        pieces += [" " * (start - position), source[start:end]]
        position = end
    pieces.append(" " * (len(source) - position))
    return "".join(pieces)


def mask(source: str, spans: Iterable[Span]) -> str:
    """The source with these ordered, disjoint ranges written over with NUL, but for their line ends.

    NUL is no white space: a mark broken over two lines leaves no blank line.
    """
    pieces: list[str] = []
    position = 0
    for start, end in spans:
        pieces += [source[position:start], _NOT_LINE_END.sub("\0", source[start:end])]
        position = end
    pieces.append(source[position:])
    return "".join(pieces)


def _union(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            if span.end > merged[-1].end:
                merged[-1] = Span(merged[-1].start, span.end)
        elif span.end > span.start:
            merged.append(span)
    return merged


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Ranges less the holes; ordered and disjoint."""
    gaps = _union(holes)
    kept: list[Span] = []
    k = 0
    for start, end in _union(spans):
        while k < len(gaps) and gaps[k].end <= start:
            k += 1
        j = k
        while j < len(gaps) and gaps[j].start < end:
            if gaps[j].start > start:
                kept.append(Span(start, gaps[j].start))
            start = gaps[j].end
            j += 1
        if start < end:
            kept.append(Span(start, end))
    return kept


def intersect(spans: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """What is in both; ordered and disjoint."""
    spans = _union(spans)
    return subtract(spans, subtract([Span(spans[0].start, spans[-1].end)], others)) if spans else []
