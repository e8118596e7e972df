"""Where a model does well and where it fails: part by part, by document, by kind named, error by error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.evaluation import metrics
from spoilerguard.guard import Guard
from spoilerguard.model.scoring import KINDS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Scored", "by_document", "by_kind", "by_part", "by_tag", "openings", "worst"]

LENGTHS = ((1, 5), (6, 10), (11, 20), (21, 40), (41, None))  # words of a sentence, both ends included
AROUND = (2, 1)  # sentences shown before and after an error

Doubles = npt.NDArray[np.float64]


def openings(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether each row opens a document, shape (n,)."""
    keys = frame[["source", "document"]].astype(str)
    again = frame["index"].to_numpy() <= np.append(0, frame["index"].to_numpy()[:-1])
    return np.asarray((keys != keys.shift()).any(axis=1).to_numpy() | again)


@dataclass(frozen=True)
class Scored:
    """Labelled sentences with the model's probabilities: a row each, arrays of shape (n,).

    `works` is the key of each sentence's work; `thresholds` the model's operating points.
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
    def opens(self) -> npt.NDArray[np.bool_]:
        return openings(self.frame)

    @cached_property
    def codes(self) -> npt.NDArray[np.intp]:
        return np.unique(self.works, return_inverse=True)[1]

    @cached_property
    def drawn(self) -> Doubles:
        works = int(self.codes.max()) + 1
        return metrics.draws(works, self.repeats if works > 1 else 0, self.seed)

    def shares(self, part: npt.NDArray[Any], whole: npt.NDArray[Any], rows: Any = slice(None)) -> dict[str, Any]:
        """The share of `whole` that is in `part` (both bool), as a figure; `rows` are the sentences they speak of."""
        sums = metrics.totals(np.stack([part & whole, whole], axis=1), self.codes[rows], self.drawn)
        return metrics.figure(metrics.share(sums[:, 0], sums[:, 1]))

    def judge(self, rows: Any = slice(None), probability: Doubles | None = None) -> dict[str, Any]:
        """What `metrics.judge` says of some of the sentences (or of other probabilities)."""
        scores = self.probability if probability is None else probability
        return metrics.judge(
            self.truth[rows], scores[rows], self.works[rows], self.thresholds, repeats=self.repeats, seed=self.seed
        )


def by_part(scored: Scored) -> dict[str, dict[str, Any]]:
    """Every figure by source, kind, medium and length of sentence."""
    out: dict[str, dict[str, Any]] = {}
    for name in ("source", "kind", "medium"):
        column = scored.frame[name].fillna("").astype(str).replace("", "not given").to_numpy(str)
        out[name] = {str(value): scored.judge(column == value) for value in np.unique(column)}
    words = np.array([len(text.split()) for text in scored.frame["text"]])
    out["length"] = {}
    for low, high in LENGTHS:
        rows = (words >= low) & (words <= (high or words.max()))
        if rows.any():
            out["length"][f"{low} to {high} words" if high else f"{low} words or more"] = scored.judge(rows)
    for figures in (figures for parts in out.values() for figures in parts.values()):
        del figures["reliability"]  # too few sentences to say
    return out


def by_tag(scored: Scored) -> dict[str, Any]:
    """Of each tag: sentences, spoilers among them, and the share flagged at each operating point."""
    out: dict[str, Any] = {}
    for tag in sorted(set(scored.tags) - {""}):
        mine = scored.tags == tag
        out[str(tag)] = {
            "sentences": int(mine.sum()),
            "spoilers": int(scored.truth[mine].sum()),
            "flagged": {name: scored.shares(flags, mine) for name, flags in scored.flags.items()},
        }
    return out


def by_document(scored: Scored) -> dict[str, Any]:
    """The share of harmless documents with any flag, and of documents with spoilers in which one is flagged."""
    starts = np.flatnonzero(scored.opens)
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


def by_kind(scored: Scored, guard: Guard) -> dict[str, Any]:
    """The kind that a reason names against the tag, over spoilers whose tag is one of KINDS.

    `confusion[tag][kind]` counts sentences; `most_frequent` is what always naming one kind gives.
    """
    rows = np.flatnonzero((scored.truth == 1) & np.isin(scored.tags, list(KINDS)))
    if not len(rows):
        return {"sentences": 0, "accuracy": None, "accuracy_flagged": None, "most_frequent": None, "confusion": {}}
    reasons = guard.scorer.reasons(scored.frame["text"].iloc[rows].tolist())
    named = np.array([found[0].kind if found else "" for found in reasons])
    tags, flags = scored.tags[rows], scored.flags["medium"][rows]
    return {
        "sentences": len(rows),
        "accuracy": scored.shares(named == tags, np.ones_like(flags), rows),
        "accuracy_flagged": scored.shares(named == tags, flags, rows),
        "most_frequent": round(max(float((tags == kind).mean()) for kind in KINDS), 6),
        "confusion": {tag: {kind: int(((tags == tag) & (named == kind)).sum()) for kind in KINDS} for tag in KINDS},
    }


def worst(scored: Scored, alone: Doubles, most: int) -> dict[str, list[dict[str, Any]]]:
    """The most confident false alarms and misses at medium sensitivity, each with what stands around it."""
    frame, texts = scored.frame, scored.frame["text"].tolist()
    document = np.cumsum(scored.opens)

    def shown(row: int) -> dict[str, Any]:
        first, end = np.searchsorted(document, [document[row], document[row] + 1])
        return {
            **{name: str(frame[name].iloc[row] or "") for name in ("source", "work", "document", "kind", "medium")},
            "tag": str(scored.tags[row]) or None,
            "probability": round(float(scored.probability[row]), 4),
            "alone": round(float(alone[row]), 4),
            "before": texts[max(first, row - AROUND[0]) : row],
            "text": texts[row],
            "after": texts[row + 1 : min(end, row + 1 + AROUND[1])],
        }

    flags = scored.flags["medium"]
    alarms = np.flatnonzero((scored.truth == 0) & flags)
    misses = np.flatnonzero((scored.truth == 1) & ~flags)
    return {
        "false_alarms": [shown(int(k)) for k in alarms[np.argsort(-scored.probability[alarms], kind="stable")][:most]],
        "misses": [shown(int(k)) for k in misses[np.argsort(scored.probability[misses], kind="stable")][:most]],
    }
