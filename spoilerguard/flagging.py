"""From documents to reports: split into sentences, score each among its neighbours, flag those over the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spoilerguard.model.scoring import Scorer
from spoilerguard.report import Report
from spoilerguard.spans import Document, Flag, Sentence, Span, Work
from spoilerguard.text.ranges import intersect
from spoilerguard.text.reading import words_of
from spoilerguard.text.sentences import split

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["flag_documents"]

Ranges = Sequence[tuple[int, int]]


def flag_documents(
    scorer: Scorer,
    documents: Sequence[Document],
    works: Sequence[Work | None],
    threshold: float,
    model: dict[str, str],
) -> list[Report]:
    """Reports on documents of any formats, scored in one batch.

    Args:
        scorer: What scores the sentences.
        documents: The documents.
        works: The work that each document is about, or None.
        threshold: The probability from which a sentence is flagged.
        model: Name and version of the model, for the reports.
    """
    ranges = [split(document.prose, document.blocks) for document in documents]
    prose = [[d.prose[start:end] for start, end in r] for d, r in zip(documents, ranges, strict=True)]
    scores = _scores(scorer, documents, ranges, prose, works)
    sentences = [
        tuple(Sentence(*at, d.source[slice(*at)], float(p)) for at, p in zip(r, ps, strict=True))
        for d, r, ps in zip(documents, ranges, scores, strict=True)
    ]
    over = [[k for k, s in enumerate(found) if s.score >= threshold] for found in sentences]
    reasons = iter(scorer.reasons([texts[k] for texts, ks in zip(prose, over, strict=True) for k in ks]))
    flags = [
        tuple(
            Flag(s.start, s.end, *document.position(s.start), s.text, s.score, next(reasons))
            for s in (found[k] for k in ks)
        )
        for document, found, ks in zip(documents, sentences, over, strict=True)
    ]
    return [Report(*parts, threshold, model) for parts in zip(documents, sentences, flags, strict=True)]


def _scores(
    scorer: Scorer,
    documents: Sequence[Document],
    ranges: Sequence[Ranges],
    prose: Sequence[Sequence[str]],
    works: Sequence[Work | None],
) -> list[npt.NDArray[np.float64]]:
    """The score of each visible sentence. Hidden sentences are its neighbours too, so hiding changes no score."""
    neighbours, visible = list(prose), {}
    for k, document in enumerate(documents):
        if document.concealed:
            secret = words_of(document.source, document.concealed)
            hidden = split(secret, intersect(document.blocks, (Span(h.start, h.end) for h in document.hidden)))
            order = sorted([*((at, True) for at in ranges[k]), *((at, False) for at in hidden)])
            neighbours[k] = [(document.prose if seen else secret)[slice(*at)] for at, seen in order]
            visible[k] = np.array([seen for _, seen in order], bool)
    scores = scorer.score_documents(neighbours, works)
    return [score[visible[k]] if k in visible else score for k, score in enumerate(scores)]
