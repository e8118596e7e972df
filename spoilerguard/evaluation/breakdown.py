"""Where a model does well and where it fails: by part of the data, document, kind of spoiler and error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.datasets import documents_of
from spoilerguard.evaluation import metrics
from spoilerguard.guard import Guard
from spoilerguard.model.scoring import KINDS, UNNAMED

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ScoredFrame", "by_document", "by_kind", "by_part", "by_tag", "worst"]

LENGTHS = ((1, 5), (6, 10), (11, 20), (21, 40), (41, None))  # words of a sentence, both ends included
AROUND = (2, 1)  # sentences shown before and after an error

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScoredFrame:
    """Labelled sentences with the probabilities that a model gives them.

    Attributes:
        frame: The sentences, a row each.
        probability: The probability of each sentence, shape (n,).
        works: The key of each sentence's work, shape (n,).
        thresholds: The operating points of the model.
        repeats: How many samples of works are drawn for the intervals.
        seed: The seed of these samples.
    """

    frame: pd.DataFrame
    probability: Doubles
    works: npt.NDArray[np.str_]
    thresholds: Mapping[str, float]
    repeats: int
    seed: int

    @cached_property
    def truth(self) -> npt.NDArray[np.int_]:
        return self.frame["label"].to_numpy(int)

    @cached_property
    def tags(self) -> npt.NDArray[np.str_]:
        return self.frame["tag"].fillna("").to_numpy(str)

    @cached_property
    def flags(self) -> dict[str, npt.NDArray[np.bool_]]:
        return {name: self.probability >= at for name, at in self.thresholds.items()}

    @cached_property
    def documents(self) -> list[range]:
        """The rows of each document."""
        return documents_of(self.frame)

    @cached_property
    def codes(self) -> npt.NDArray[np.intp]:
        return np.unique(self.works, return_inverse=True)[1]

    @cached_property
    def drawn(self) -> Doubles:
        works = int(self.codes.max()) + 1
        return metrics.draws(works, self.repeats if works > 1 else 0, self.seed)

    def shares(self, part: npt.NDArray[Any], whole: npt.NDArray[Any], rows: Any = slice(None)) -> dict[str, Any]:
        """The share of `whole` that is in `part` (both bool, over the sentences `rows`), as a figure."""
        sums = metrics.totals(np.stack([part & whole, whole], axis=1), self.codes[rows], self.drawn)
        return metrics.figure(metrics.share(sums[:, 0], sums[:, 1]))

    def figures(self, rows: Any = slice(None), probability: Doubles | None = None) -> dict[str, Any]:
        """The figures of some of the sentences, or of other probabilities; see `metrics.figures_of`."""
        scores = self.probability if probability is None else probability
        return metrics.figures_of(
            self.truth[rows], scores[rows], self.works[rows], self.thresholds, repeats=self.repeats, seed=self.seed
        )


def by_part(scored: ScoredFrame) -> dict[str, dict[str, Any]]:
    """Every figure, by source, kind, medium and length of sentence."""
    out: dict[str, dict[str, Any]] = {}
    for name in ("source", "kind", "medium"):
        column = scored.frame[name].fillna("").astype(str).replace("", "not given").to_numpy(str)
        out[name] = {str(value): scored.figures(column == value) for value in np.unique(column)}
    words = np.array([len(text.split()) for text in scored.frame["text"]])
    out["length"] = {}
    for low, high in LENGTHS:
        rows = (words >= low) & (words <= (high or words.max()))
        if rows.any():
            out["length"][f"{low} to {high} words" if high else f"{low} words or more"] = scored.figures(rows)
    for figures in (figures for parts in out.values() for figures in parts.values()):
        del figures["reliability"]  # too few sentences
    return out


def by_tag(scored: ScoredFrame) -> dict[str, Any]:
    """For each tag: its sentences, how many are spoilers, and the share flagged at each operating point."""
    out: dict[str, Any] = {}
    for tag in sorted(set(scored.tags) - {""}):
        mine = scored.tags == tag
        out[str(tag)] = {
            "sentences": int(mine.sum()),
            "spoilers": int(scored.truth[mine].sum()),
            "flagged": {name: scored.shares(flags, mine) for name, flags in scored.flags.items()},
        }
    return out


def by_document(scored: ScoredFrame) -> dict[str, Any]:
    """The share of harmless documents with a flag, and of documents with spoilers where one is flagged."""
    starts = np.array([document.start for document in scored.documents])
    guilty = np.maximum.reduceat(scored.truth, starts) == 1
    points: dict[str, Any] = {}
    for name, flags in scored.flags.items():
        alarmed = np.logical_or.reduceat(flags, starts)
        hit = np.logical_or.reduceat(flags & (scored.truth == 1), starts)
        points[name] = {
            "harmless_flagged": scored.shares(alarmed, ~guilty, starts),
            "spoilers_hit": scored.shares(hit, guilty, starts),
        }
    return {"harmless": int((~guilty).sum()), "with_spoilers": int(guilty.sum()), "points": points}


def by_kind(scored: ScoredFrame, guard: Guard, kinds: Doubles) -> dict[str, Any]:
    """Compare the kinds that reasons name with the tags, for spoilers whose tag is one of KINDS.

    `confusion[tag][kind]` counts sentences by their first tag and the first kind named, UNNAMED where none is;
    `most_frequent` is the accuracy of always naming one kind. `micro_f1` counts every kind named and every tag.
    """
    rows = np.flatnonzero((scored.truth == 1) & np.isin(scored.tags, list(KINDS)))
    if not len(rows):
        return {
            "sentences": 0,
            "accuracy": None,
            "accuracy_flagged": None,
            "most_frequent": None,
            "micro_f1": None,
            "named": None,
            "confusion": {},
        }
    reasons = guard.scorer.reasons(scored.frame["text"].iloc[rows].tolist(), kinds[rows])
    named = np.array([found[0].kind for found in reasons])
    tags, flags = scored.tags[rows], scored.flags["medium"][rows]
    given = [{reason.kind for reason in found} - {UNNAMED} for found in reasons]
    right = [set(every) & set(KINDS) for every in scored.frame["tags"].iloc[rows]]
    hits = sum(len(mine & theirs) for mine, theirs in zip(given, right, strict=True))
    return {
        "sentences": len(rows),
        "accuracy": scored.shares(named == tags, np.ones_like(flags), rows),
        "accuracy_flagged": scored.shares(named == tags, flags, rows),
        "most_frequent": round(max(float((tags == kind).mean()) for kind in KINDS), 6),
        "micro_f1": round(2 * hits / max(sum(map(len, given)) + sum(map(len, right)), 1), 6),
        "named": scored.shares(named != UNNAMED, np.ones_like(flags), rows),
        "confusion": {
            tag: {kind: int(((tags == tag) & (named == kind)).sum()) for kind in (*KINDS, UNNAMED)} for tag in KINDS
        },
    }


def worst(scored: ScoredFrame, alone: Doubles, most: int) -> dict[str, list[dict[str, Any]]]:
    """The most confident false alarms and misses at medium sensitivity, with the sentences around them."""
    frame, texts = scored.frame, scored.frame["text"].tolist()
    around = [document for document in scored.documents for _ in document]

    def shown(row: int) -> dict[str, Any]:
        document = around[row]
        return {
            **{name: str(frame[name].iloc[row] or "") for name in ("source", "work", "document", "kind", "medium")},
            "tag": str(scored.tags[row]) or None,
            "probability": round(float(scored.probability[row]), 4),
            "alone": round(float(alone[row]), 4),
            "before": texts[max(document.start, row - AROUND[0]) : row],
            "text": texts[row],
            "after": texts[row + 1 : min(document.stop, row + 1 + AROUND[1])],
        }

    flags = scored.flags["medium"]
    alarms = np.flatnonzero((scored.truth == 0) & flags)
    misses = np.flatnonzero((scored.truth == 1) & ~flags)
    return {
        "false_alarms": [shown(int(k)) for k in alarms[np.argsort(-scored.probability[alarms], kind="stable")][:most]],
        "misses": [shown(int(k)) for k in misses[np.argsort(scored.probability[misses], kind="stable")][:most]],
    }
