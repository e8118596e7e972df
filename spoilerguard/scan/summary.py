"""A summary of what a scan has found so far: totals, rates by work and month, and a few examples.

A summary is small whatever the size of the archive, and the summaries of all shards, added in order, are the
summary of the archive. A scan stores it beside its cursor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from spoilerguard.archives import Post
from spoilerguard.report import Report

__all__ = ["BINS", "OTHERS", "Summary"]

BINS = 20  # in the histogram of scores, from 0 to 1
OTHERS = ""  # stands for every work after the first _MOST_WORKS

_MOST_WORKS = 10_000
_MOST_MONTHS = 1_200
_MOST_EXAMPLES = 20
_MAX_QUOTE = 300  # characters of a quoted sentence or error


def _are_counts(values: Any, number: int) -> bool:
    return isinstance(values, list) and len(values) == number and all(type(value) is int for value in values)


@dataclass(slots=True)
class Summary:
    """What was found in the records so far.

    Attributes:
        records: Records read.
        errors: Records with an error: they could not be read, scored or hidden.
        unchecked: Records that are not in English and were not checked.
        flagged: Records with a spoiler.
        sentences: Sentences scored.
        flags: Sentences flagged.
        scores: A histogram of the highest score of each record.
        states: Records by their state in the archive, such as "deleted".
        kinds: Flags by the kind of their first reason.
        works: Records read and records with a spoiler, by work.
        months: The same by month.
        surest: The flags with the highest scores, at most one per record, highest first.
        nearest: The flags closest to the threshold, at most one per record, closest first.
        faults: The first records with an error.
    """

    records: int = 0
    errors: int = 0
    unchecked: int = 0
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
    def from_dict(cls, fields: Mapping[str, Any]) -> Summary:
        """What `to_dict` returned, perhaps damaged since. Raises ValueError or TypeError if it is."""
        summary, pairs = cls(**fields), {"works", "months"}
        for name, like in asdict(cls()).items():
            value = getattr(summary, name)
            if type(value) is not type(like):
                raise ValueError(f"{name} is no {type(like).__name__}")
            for inner in value.values() if isinstance(value, dict) else ():
                if not (_are_counts(inner, 2) if name in pairs else type(inner) is int):
                    raise ValueError(f"{name} holds something else than counts")
        for row in (*summary.surest, *summary.nearest, *({"score": 0, **fault} for fault in summary.faults)):
            if not (type(row["number"]) is int and isinstance(row["score"], int | float)):
                raise ValueError("an example is none")
        if not _are_counts(summary.scores, BINS):
            raise ValueError("scores holds something else than counts")
        return summary

    @classmethod
    def of(
        cls, posts: Sequence[Post], outcomes: Sequence[Report | str], errors: Sequence[str | None] | None = None
    ) -> Summary:
        """The summary of posts.

        Args:
            posts: The posts.
            outcomes: The report of each, or the reason why there is none.
            errors: The error in the row of each; by default, that reason.

        Returns:
            The summary.
        """
        summary = cls()
        if errors is None:
            errors = [outcome if isinstance(outcome, str) else None for outcome in outcomes]
        for post, outcome, error in zip(posts, outcomes, errors, strict=True):
            summary._count(post, outcome, error)
        summary._keep_best()
        return summary

    def _count(self, post: Post, outcome: Report | str, error: str | None) -> None:
        self.records += 1
        if post.state:
            self.states[post.state] = self.states.get(post.state, 0) + 1
        if error is not None:
            self.errors += 1
            self.faults.append({"number": post.number, "id": post.id, "error": error[:_MAX_QUOTE]})
        if isinstance(outcome, str):
            return
        self.flagged += outcome.has_spoilers
        self.flags += len(outcome)
        self.unchecked += not outcome.checked
        if outcome.checked and outcome.sentences:
            self.sentences += len(outcome.sentences)
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
                text = flag.text if len(flag.text) <= _MAX_QUOTE else f"{flag.text[: _MAX_QUOTE - 1]}…"
                about = {"number": post.number, "id": post.id, "work": post.work}
                examples.append(about | {"score": round(flag.score, 4), "text": text})

    def add(self, later: Summary) -> None:
        """Add the summary of the records that follow."""
        for name in ("records", "errors", "unchecked", "flagged", "sentences", "flags"):
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
        """JSON-serialisable; `Summary.from_dict` restores it."""
        return asdict(self)


def _add_pairs(table: dict[str, list[int]], later: dict[str, list[int]], most: int) -> None:
    for name, (records, flagged) in later.items():
        if name not in table and len(table) >= most:
            name = OTHERS
        pair = table.setdefault(name, [0, 0])
        pair[0] += records
        pair[1] += flagged
