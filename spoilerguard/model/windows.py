"""Documents to windows of word pieces: what the transformer reads at a time.

A window is `[CLS] sentence [SEP] sentence [SEP] ...` and, where a work is given, its blurb and its
synopsis behind it as a second segment. A document of up to ROOM pieces is one window. A longer one is
cut between sentences into cores of up to CORE pieces, each read with MARGIN pieces before and after,
and each sentence is scored in the window whose core it is in. A sentence of more than LONGEST pieces
is scored in overlapping parts. Every sentence is in some core: none is cut off. Where only some
sentences are wanted, less is read around them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import os
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from spoilerguard.errors import MissingExtra
from spoilerguard.model.features import clean
from spoilerguard.spans import Work

__all__ = [
    "CORE",
    "LONGEST",
    "MARGIN",
    "NEAR",
    "ROOM",
    "Pieces",
    "Window",
    "WorkPieces",
    "packed",
    "tokenizer_of",
    "windows",
]

ROOM, CORE, MARGIN, NEAR = 256, 200, 32, 48  # word pieces
LONGEST, OVERLAP = 127, 32
BLURB, SYNOPSIS = 60, 160
CLS, SEP = 101, 102

Pieces = Sequence[int]  # ids of word pieces


@dataclass(frozen=True, slots=True)
class WorkPieces:
    """A work in word pieces; the synopsis by sentences, so that those about a window can be chosen."""

    blurb: Pieces
    synopsis: Sequence[Pieces]


@dataclass(frozen=True, slots=True)
class Window:
    """Ids and segments of equal length, and where each scored sentence stands: (number, start, end)."""

    ids: list[int]
    segments: list[int]
    places: list[tuple[int, int, int]]

    def pool(self) -> npt.NDArray[np.float32]:
        """The matrix that averages the pieces of each scored sentence: shape (places, length)."""
        out = np.zeros((len(self.places), len(self.ids)), np.float32)
        for row, (_, start, end) in enumerate(self.places):
            out[row, start:end] = 1 / (end - start)
        return out


def tokenizer_of(file: str | os.PathLike[str] | bytes) -> Any:
    """The tokenizer of a model, without padding and truncation. Raises MissingExtra."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtra("tokenizers", "accurate") from None
    tokenizer = Tokenizer.from_buffer(file) if isinstance(file, bytes) else Tokenizer.from_file(os.fspath(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def packed(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The word pieces of each text."""
    return [e.ids for e in tokenizer.encode_batch([clean(t) for t in texts], add_special_tokens=False)]


def tells(work: Work | None) -> bool:
    """Whether a work has anything to tell but its title."""
    return work is not None and bool(work.blurb or work.synopsis)


def work_pieces(tokenizer: Any, work: Work | None) -> WorkPieces | None:
    """A work as windows take it; None where there is neither blurb nor synopsis."""
    if work is None or not tells(work):
        return None
    blurb = packed(tokenizer, [f"{work.title}: {work.blurb}"])[0][:BLURB] if work.blurb else []
    return WorkPieces(blurb, packed(tokenizer, re.split(r"(?<=[.!?])\s+", work.synopsis)) if work.synopsis else [])


def windows(
    sentences: Sequence[Pieces], work: WorkPieces | None = None, wanted: npt.NDArray[np.bool_] | None = None
) -> Iterator[Window]:
    """The windows of a document.

    With `wanted`, only these sentences are scored: those near each other are read together, with NEAR
    pieces around them.
    """
    parts = list(_parts(sentences))
    if not parts:
        return
    keep = np.array([wanted is None or wanted[number] for number, _ in parts], bool)
    sizes = np.array([len(pieces) + 1 for _, pieces in parts], np.int64)
    cores, margin = (_cores(sizes), MARGIN) if keep.all() else (_runs(sizes, keep), NEAR)
    for first, last in cores:
        yield _window(parts, first, last, keep, margin, work)


def _parts(sentences: Sequence[Pieces]) -> Iterator[tuple[int, Pieces]]:
    """Sentences with their numbers, long ones in overlapping parts."""
    for number, pieces in enumerate(sentences):
        start = 0
        while len(pieces) - start > LONGEST:
            yield number, pieces[start : start + LONGEST]
            start += LONGEST - OVERLAP
        yield number, pieces[start:]


def _cores(sizes: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """All parts in cores of up to CORE pieces; what fits ROOM is one."""
    ends = np.cumsum(sizes)
    if ends[-1] <= ROOM - 1:
        yield 0, len(sizes)
        return
    # Cores of even size: a last one of three words would be read with little around it.
    count = int(-(-ends[-1] // CORE))
    even = max(int(-(-ends[-1] // count)), 1)
    first = 0
    while first < len(sizes):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, min(done + CORE, max(done + even, 1)), side="right")))
        yield first, last
        first = last


def _runs(sizes: npt.NDArray[np.int64], keep: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Cores from one part wanted to the last that is near: so little between them, and all in CORE pieces."""
    first = last = -1
    before = np.concatenate([[0], np.cumsum(sizes)])
    for k in np.flatnonzero(keep).tolist():
        if first >= 0 and before[k] - before[last] <= NEAR and before[k + 1] - before[first] <= CORE:
            last = k + 1
            continue
        if first >= 0:
            yield first, last
        first, last = k, k + 1
    if first >= 0:
        yield first, last


def _window(
    parts: Sequence[tuple[int, Pieces]],
    first: int,
    last: int,
    keep: npt.NDArray[np.bool_],
    margin: int,
    work: WorkPieces | None,
) -> Window:
    ids = [CLS, *_before(parts, first, margin)]
    places = []
    for k in range(first, last):
        number, pieces = parts[k]
        start = len(ids)
        ids += [*pieces, SEP]
        if keep[k]:
            places.append((number, start, len(ids)))
    ids += _after(parts, last, margin)
    segments = [0] * len(ids)
    if work is not None:
        told = [*work.blurb, SEP, *_about(work.synopsis, set(ids))]
        ids += told
        segments += [1] * len(told)
    return Window(ids, segments, places)


def _before(parts: Sequence[tuple[int, Pieces]], first: int, margin: int) -> list[int]:
    out: list[int] = []
    while first > 0 and len(out) < margin:
        first -= 1
        out = [*parts[first][1], SEP, *out]
    return out[-margin:]


def _after(parts: Sequence[tuple[int, Pieces]], last: int, margin: int) -> list[int]:
    out: list[int] = []
    while last < len(parts) and len(out) < margin:
        out += [*parts[last][1], SEP]
        last += 1
    return out[:margin]


def _about(synopsis: Sequence[Pieces], window: set[int]) -> list[int]:
    """The synopsis, or of a long one the sentences that share most with the window, in order."""
    if not synopsis:
        return []
    if sum(map(len, synopsis)) > SYNOPSIS:
        order = sorted(
            range(len(synopsis)), key=lambda k: -len(window.intersection(synopsis[k])) / (len(synopsis[k]) + 8)
        )
        room, chosen = SYNOPSIS, []
        for k in order:
            if len(synopsis[k]) <= room:
                chosen.append(k)
                room -= len(synopsis[k])
        synopsis = [synopsis[k] for k in sorted(chosen)] or [synopsis[order[0]][:SYNOPSIS]]
    return [*(piece for sentence in synopsis for piece in sentence), SEP]
