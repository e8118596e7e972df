"""What a scan has seen so far: totals, rates by work and month, and a few examples.

A tally is small whatever the size of the archive, and tallies of shards added up in their order are
the tally of the whole: a scan keeps it beside its cursor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from spoilerguard.archives import Post
from spoilerguard.report import Report

__all__ = ["BINS", "OTHERS", "Tally"]

BINS = 20  # of the histogram of scores, from 0 to 1
OTHERS = ""  # the name that stands for all works beyond the first _MOST_WORKS

_MOST_WORKS = 10_000
_MOST_MONTHS = 1_200
_MOST_EXAMPLES = 20
_LONGEST = 300  # characters of a sentence quoted


@dataclass(slots=True)
class Tally:
    """Counts of records but for `sentences`, `flags` and `kinds` (the first reason of each flag).

    `works` and `months` have pairs: records read, and those with a spoiler. `surest` are the flags
    with the highest scores, one a record, `nearest` those closest to the threshold, both best first.
    """

    records: int = 0
    errors: int = 0
    flagged: int = 0
    sentences: int = 0
    flags: int = 0
    scores: list[int] = field(default_factory=lambda: [0] * BINS)
    states: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    works: dict[str, list[int]] = field(default_factory=dict)
    months: dict[str, list[int]] = field(default_factory=dict)
    surest: list[dict[str, Any]] = field(default_factory=list)
    nearest: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, posts: Iterable[Post], outcomes: Iterable[Report | str]) -> Tally:
        """Of these posts, each with its report, or why there is none."""
        tally = cls()
        for post, outcome in zip(posts, outcomes, strict=True):
            tally._see(post, outcome)
        tally._keep_best()
        return tally

    def _see(self, post: Post, outcome: Report | str) -> None:
        self.records += 1
        if post.state:
            self.states[post.state] = self.states.get(post.state, 0) + 1
        if isinstance(outcome, str):
            self.errors += 1
            self.faults.append({"number": post.number, "id": post.id, "error": outcome[:_LONGEST]})
            return
        self.flagged += outcome.has_spoilers
        self.sentences += len(outcome.sentences)
        self.flags += len(outcome)
        if outcome.sentences:
            highest = max(sentence.score for sentence in outcome.sentences)
            self.scores[min(int(highest * BINS), BINS - 1)] += 1
        for table, name in ((self.works, post.work), (self.months, (post.time or "")[:7])):
            if name:
                pair = table.setdefault(name, [0, 0])
                pair[0] += 1
                pair[1] += outcome.has_spoilers
        self._quote(post, outcome)

    def _quote(self, post: Post, report: Report) -> None:
        for flag in report:
            for reason in flag.reasons[:1]:
                self.kinds[reason.kind] = self.kinds.get(reason.kind, 0) + 1
        if report.has_spoilers:
            for examples, flag in (
                (self.surest, max(report, key=lambda flag: flag.score)),
                (self.nearest, min(report, key=lambda flag: flag.score)),
            ):
                text = flag.text if len(flag.text) <= _LONGEST else f"{flag.text[: _LONGEST - 1]}…"
                about = {"number": post.number, "id": post.id, "work": post.work}
                examples.append(about | {"score": round(flag.score, 4), "text": text})

    def add(self, later: Tally) -> None:
        """Take in the tally of what comes next."""
        for name in ("records", "errors", "flagged", "sentences", "flags"):
            setattr(self, name, getattr(self, name) + getattr(later, name))
        self.scores = [a + b for a, b in zip(self.scores, later.scores, strict=True)]
        self.states = dict(Counter(self.states) + Counter(later.states))
        self.kinds = dict(Counter(self.kinds) + Counter(later.kinds))
        _add_pairs(self.works, later.works, _MOST_WORKS)
        _add_pairs(self.months, later.months, _MOST_MONTHS)
        self.surest += later.surest
        self.nearest += later.nearest
        self.faults += later.faults
        self._keep_best()

    def _keep_best(self) -> None:
        self.surest = sorted(self.surest, key=lambda e: (-e["score"], e["number"]))[:_MOST_EXAMPLES]
        self.nearest = sorted(self.nearest, key=lambda e: (e["score"], e["number"]))[:_MOST_EXAMPLES]
        self.faults = self.faults[:_MOST_EXAMPLES]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; `Tally(**tally.to_dict())` is the same again."""
        return asdict(self)


def _add_pairs(table: dict[str, list[int]], later: dict[str, list[int]], most: int) -> None:
    for name, (records, flagged) in later.items():
        if name not in table and len(table) >= most:
            name = OTHERS
        pair = table.setdefault(name, [0, 0])
        pair[0] += records
        pair[1] += flagged
