"""From documents to reports: split into sentences, score each among its neighbours, flag those over the threshold.

The models know only English, so documents in other languages are not scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from spoilerguard.model.scoring import Scorer
from spoilerguard.report import Report
from spoilerguard.spans import Document, Flag, Sentence, Span, Work
from spoilerguard.text.language import guess
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
    *,
    any_language: bool = False,
) -> list[Report]:
    """Reports on documents of any formats, scored in one batch.

    Args:
        scorer: What scores the sentences.
        documents: The documents.
        works: The work that each document is about, or None.
        threshold: The probability from which a sentence is flagged.
        model: Name and version of the model, for the reports.
        any_language: Whether documents that are not in English are checked too.
    """
    languages = [guess(document.prose) for document in documents]
    checked = [any_language or language in (None, "en") for language in languages]
    ranges = [split(document.prose, document.blocks) for document in documents]
    prose = [[d.prose[start:end] for start, end in r] for d, r in zip(documents, ranges, strict=True)]
    scored = iter(
        _scores(
            scorer,
            list(compress(documents, checked)),
            list(compress(ranges, checked)),
            list(compress(prose, checked)),
            list(compress(works, checked)),
        )
    )
    scores = [next(scored) if check else np.zeros(len(r)) for check, r in zip(checked, ranges, strict=True)]
    sentences = [
        tuple(Sentence(*at, d.source[slice(*at)], float(p)) for at, p in zip(r, ps, strict=True))
        for d, r, ps in zip(documents, ranges, scores, strict=True)
    ]
    over = [
        [k for k, s in enumerate(found) if check and s.score >= threshold]
        for check, found in zip(checked, sentences, strict=True)
    ]
    reasons = iter(scorer.reasons([texts[k] for texts, ks in zip(prose, over, strict=True) for k in ks]))
    flags = [
        tuple(
            Flag(s.start, s.end, *document.position(s.start), s.text, s.score, next(reasons))
            for s in (found[k] for k in ks)
        )
        for document, found, ks in zip(documents, sentences, over, strict=True)
    ]
    return [
        Report(document, found, flagged, threshold, model, language, check)
        for document, found, flagged, language, check in zip(
            documents, sentences, flags, languages, checked, strict=True
        )
    ]


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
