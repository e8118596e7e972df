"""Why a sentence of a draft has its score: alone, among its neighbours, in its section, knowing the work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import os
import re
from typing import NamedTuple

from spoilerguard.flagging import passages
from spoilerguard.guard import Guard
from spoilerguard.report import Report
from spoilerguard.spans import Reason, Sentence, Work
from spoilerguard.text.reading import SUFFIXES

__all__ = ["NEIGHBOURS", "Explained", "Step", "explained", "place_of"]

NEIGHBOURS = 2  # sentences before and after

_PLACE = re.compile(r"(.+):(\d+)(?::\d+)?", re.DOTALL)


class Step(NamedTuple):
    """A score with a part of what is known: what it is read with, and the score."""

    read_with: str
    score: float


@dataclass(frozen=True, slots=True)
class Explained:
    """A sentence and how it comes to its score.

    Attributes:
        sentence: The sentence, with the score that `check` gives it.
        line: Its line.
        column: Its column.
        flagged: Whether `check` flags it.
        steps: The scores on the way, from the sentence alone to all that is known; the last is that of `check`.
        reasons: Its kinds and the words that weigh most, as in a flag.
        words: Each word with what it adds to the logit of the sentence alone.
    """

    sentence: Sentence
    line: int
    column: int
    flagged: bool
    steps: tuple[Step, ...]
    reasons: tuple[Reason, ...]
    words: list[tuple[str, float]]


def place_of(argument: str) -> tuple[str, int] | None:
    """The file and the line that an argument such as `draft.md:16` names; None if it is a sentence.

    A single word with the suffix of a draft is meant as a file, even if there is none of that name.
    """
    match = _PLACE.fullmatch(argument)
    if match is None or os.path.isfile(argument):
        return None
    word = not re.search(r"\s", argument) and os.path.splitext(match[1])[1].lower() in SUFFIXES
    return (match[1], int(match[2])) if word or os.path.isfile(match[1]) else None


def explained(guard: Guard, report: Report, work: Work | None, line: int | None = None) -> Iterator[Explained]:
    """Explain the sentences of a report.

    Args:
        guard: The model that made it.
        report: The report.
        work: The work that it was made with.
        line: The line whose sentences to explain; by default, every sentence is.

    Yields:
        Each sentence that stands on the line.
    """
    document, flags = report.document, {flag.start: flag for flag in report.flags}
    prose = [document.prose[s.start : s.end] for s in report.sentences]
    found = passages(document, [(s.start, s.end) for s in report.sentences], prose)
    places = [(passage.sentences, k) for passage in found for k, seen in enumerate(passage.reported) if seen]
    for sentence, (around, at) in zip(report.sentences, places, strict=True):
        first, column = document.position(sentence.start)
        last, _ = document.position(max(sentence.start, sentence.end - 1))
        if line is not None and not first <= line <= last:
            continue
        flag = flags.get(sentence.start)
        before = max(0, at - NEIGHBOURS)
        near = around[before : at + NEIGHBOURS + 1]
        readings = [("alone", around[at : at + 1], 0)]
        if len(near) > 1:
            readings.append(("with its neighbours", near, at - before))
        if len(around) > len(near):
            readings.append(("in its section" if len(found) > 1 else "in the whole text", around, at))
        scored = guard.scorer.read([texts for _, texts, _ in readings], [None] * len(readings))
        steps = [Step(name, float(r.scores[k])) for (name, _, k), r in zip(readings, scored, strict=True)]
        if work is not None:
            steps.append(Step("knowing the work", sentence.score))
        kinds = scored[-1].kinds[readings[-1][2]]
        reasons = flag.reasons if flag else guard.scorer.reasons([around[at]], kinds[None])[0]
        yield Explained(
            sentence,
            first,
            column,
            flag is not None,
            (*steps[:-1], steps[-1]._replace(score=sentence.score)),
            reasons,
            guard.scorer.word_weights(around[at]),
        )
