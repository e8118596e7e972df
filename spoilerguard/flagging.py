"""From documents to reports: split into sentences, score each among its neighbours, flag those over the threshold.

The models know only English, so documents in other languages are not scored.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import compress, groupby, islice
from typing import NamedTuple

import numpy as np

from spoilerguard.model.context import announcement
from spoilerguard.model.features import clean
from spoilerguard.model.scoring import Reading, Scorer
from spoilerguard.report import Report
from spoilerguard.spans import Document, Flag, Reason, Sentence, Span, Work
from spoilerguard.text.language import guess
from spoilerguard.text.ranges import intersect
from spoilerguard.text.reading import words_of
from spoilerguard.text.scans import without_collection
from spoilerguard.text.sentences import split

__all__ = ["Passage", "flag_documents", "passages"]

Ranges = Sequence[tuple[int, int]]


class Passage(NamedTuple):
    """Sentences that are scored together: those of a section, and those that are only read as their context.

    Attributes:
        sentences: The sentences.
        reported: Whether each of them gets a score: not hidden ones, nor announcements from above.
    """

    sentences: list[str]
    reported: list[bool]


@without_collection
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
        _readings(
            scorer,
            list(compress(documents, checked)),
            list(compress(ranges, checked)),
            list(compress(prose, checked)),
            list(compress(works, checked)),
        )
    )
    readings = [
        next(scored) if check else Reading(np.zeros(len(r)), np.zeros((len(r), 0)))
        for check, r in zip(checked, ranges, strict=True)
    ]
    sentences = [
        tuple(Sentence(*at, d.source[slice(*at)], float(p)) for at, p in zip(r, reading.scores, strict=True))
        for d, r, reading in zip(documents, ranges, readings, strict=True)
    ]
    over = [
        [k for k, s in enumerate(found) if check and s.score >= threshold]
        for check, found in zip(checked, sentences, strict=True)
    ]
    reasons = iter(_reasons(scorer, prose, readings, over))
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


def _reasons(
    scorer: Scorer, prose: Sequence[Sequence[str]], readings: Sequence[Reading], over: Sequence[Sequence[int]]
) -> list[tuple[Reason, ...]]:
    """The reasons for the flagged sentences, of all documents in their order."""
    texts = [sentences[k] for sentences, ks in zip(prose, over, strict=True) for k in ks]
    if not texts:
        return []
    return scorer.reasons(
        texts, np.vstack([reading.kinds[list(ks)] for reading, ks in zip(readings, over, strict=True) if ks])
    )


def _readings(
    scorer: Scorer,
    documents: Sequence[Document],
    ranges: Sequence[Ranges],
    prose: Sequence[Sequence[str]],
    works: Sequence[Work | None],
) -> list[Reading]:
    """What is read in the visible sentences of each document: what one section says changes no score in another."""
    found_in = [passages(*parts) for parts in zip(documents, ranges, prose, strict=True)]
    counts = [len(found) for found in found_in]
    flat = [passage for found in found_in for passage in found]
    topics = [work for work, count in zip(works, counts, strict=True) for _ in range(count)]
    found = scorer.read([passage.sentences for passage in flat], topics)
    reported = [np.array(passage.reported, bool) for passage in flat]
    kept = iter([Reading(r.scores[seen], r.kinds[seen]) for r, seen in zip(found, reported, strict=True)])
    return [_joined(list(islice(kept, count))) for count in counts]


def _joined(parts: Sequence[Reading]) -> Reading:
    """The readings of a document's passages as one."""
    if not parts:
        return Reading(np.zeros(0), np.zeros((0, 0)))
    scores, kinds = zip(*parts, strict=True)
    return Reading(np.concatenate(scores), np.vstack(kinds))


def passages(document: Document, ranges: Ranges, prose: Sequence[str]) -> list[Passage]:
    """A passage for each section. Hidden sentences are read as neighbours too, so hiding changes no score.

    Args:
        document: The document.
        ranges: Where its sentences stand.
        prose: Their text.
    """
    sentences = [(at, text, True) for at, text in zip(ranges, prose, strict=True)]
    if document.concealed:
        secret = words_of(document.source, document.concealed)
        hidden = split(secret, intersect(document.blocks, (Span(h.start, h.end) for h in document.hidden)))
        sentences = sorted([*sentences, *((at, secret[slice(*at)], False) for at in hidden)])
    if len(document.sections) < 2:
        return [Passage([text for _, text, _ in sentences], [seen for *_, seen in sentences])]
    starts = [section.start for section in document.sections]
    groups = {
        number: list(group)
        for number, group in groupby(sentences, lambda sentence: bisect_right(starts, sentence[0][0]) - 1)
    }
    found: list[Passage] = []
    standing: list[list[str]] = []  # for each section, the announcement that holds for the sections in it
    for number, section in enumerate(document.sections):
        above = standing[section.parent] if section.parent >= 0 else []
        group = groups.get(number, [])
        texts = [text for _, text, _ in group]
        if group:
            found.append(Passage([*above, *texts], [False] * len(above) + [seen for *_, seen in group]))
        standing.append(_standing(above, texts))
    return found


def _standing(above: list[str], sentences: Sequence[str]) -> list[str]:
    """The announcement, if any, that holds after these sentences, given the one that held before them."""
    announced = bool(above) and _sense(above[0]) > 0
    for sentence in sentences:
        if sense := _sense(sentence):
            above = [] if announced and sense < 0 else [sentence]
            announced = sense > 0
    return above


def _sense(sentence: str) -> int:
    """What a sentence announces, as in `announcement`."""
    return announcement(clean(sentence).lower()) if "spoil" in sentence.lower() else 0
