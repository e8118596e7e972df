"""Figures of a binary classifier, each with a bootstrap interval that resamples works.

Sentences of one work are not independent: a model that misses a twist misses each retelling of it.
So works, not sentences, are drawn with replacement (cluster bootstrap; Efron & Tibshirani 1993, chapters 8
and 13), and an interval is the middle 95% of the values in these samples.

All samples are drawn at once: `draws` gives a matrix of how often each work is in each sample. Its first row is
all ones, which is the data itself, so that one computation gives both value and interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["LEVEL", "curves", "draws", "figure", "figures_of", "points", "ranking", "reliability", "share", "totals"]

Doubles = npt.NDArray[np.float64]
Figures = dict[str, Any]

LEVEL = 0.95  # of every interval
BINS = 10  # of equal width, as usual for the expected calibration error
_CELLS = 1 << 21  # of the matrix of sentences by samples that is in memory at a time


def draws(works: int, repeats: int, seed: int) -> Doubles:
    """Draw samples of works with replacement.

    Args:
        works: How many works there are.
        repeats: How many samples to draw.
        seed: The seed.

    Returns:
        How often each work is in each sample, shape (1 + repeats, works); the first row is ones.
    """
    drawn = np.random.default_rng(seed).multinomial(works, np.full(works, 1 / works), size=repeats)
    return np.vstack([np.ones((1, works)), drawn])


def figure(values: Doubles) -> Figures:
    """A figure with its interval.

    Args:
        values: The value in the data, then in each sample, shape (1 + repeats,).

    Returns:
        `value` and `interval`. The value is None where it is undefined. The interval is None without
        samples, and where the figure is undefined in most of them (no spoilers, or no flags).
    """
    value, rest = values[0], values[1:]
    rest = rest[np.isfinite(rest)]
    enough = len(rest) > (len(values) - 1) / 2
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    interval = [round(float(x), 6) for x in np.quantile(rest, tails)] if enough and np.isfinite(value) else None
    return {"value": round(float(value), 6) if np.isfinite(value) else None, "interval": interval}


def totals(columns: npt.NDArray[Any], works: npt.NDArray[Any], drawn: Doubles) -> Doubles:
    """Sum each column over the sentences of each sample: shape (n, k) to (1 + repeats, k)."""
    columns = np.asarray(columns, np.float64)
    sums = [np.bincount(works, column, drawn.shape[1]) for column in columns.T]
    return np.asarray(drawn @ np.stack(sums, axis=1), np.float64)


def share(part: Doubles, whole: Doubles) -> Doubles:
    """`part` / `whole`; NaN where `whole` is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0))


def ranking(
    truth: npt.NDArray[Any], probability: Doubles, works: npt.NDArray[Any], drawn: Doubles
) -> tuple[Doubles, Doubles]:
    """Area under the ROC curve and average precision in each sample, each of shape (1 + repeats,).

    They are defined as in scikit-learn, ties included; NaN where a sample has only one class.
    """
    order = np.argsort(-probability, kind="stable")
    scores, spoiler, works = probability[order], truth[order].astype(np.float64), works[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))  # the last sentence of each tie
    auc, precision = np.full(len(drawn), np.nan), np.full(len(drawn), np.nan)
    step = max(1, _CELLS // max(len(truth), 1))
    for start in range(0, len(drawn), step):
        part = slice(start, start + step)
        weight = drawn[part][:, works]
        found = np.cumsum(weight * spoiler, axis=1)[:, ends]
        flagged = np.cumsum(weight, axis=1)[:, ends]
        alarms = flagged - found
        spoilers, harmless = found[:, -1], alarms[:, -1]
        gained = np.diff(found, axis=1, prepend=0)
        # A tie of a spoiler with a harmless sentence counts half: the trapezoid rule.
        above = (gained * (harmless[:, None] - alarms + np.diff(alarms, axis=1, prepend=0) / 2)).sum(axis=1)
        auc[part] = share(above, spoilers * harmless)
        mean = (gained * np.divide(found, flagged, out=np.zeros_like(found), where=flagged > 0)).sum(axis=1)
        precision[part] = np.where(harmless > 0, share(mean, spoilers), np.nan)
    return auc, precision


def points(
    truth: npt.NDArray[Any],
    probability: Doubles,
    works: npt.NDArray[Any],
    thresholds: Mapping[str, float],
    drawn: Doubles,
) -> Figures:
    """Precision, recall, F1, false-alarm rate and share flagged, at each operating point.

    The false-alarm rate is the share of harmless sentences that are flagged.
    """
    out: Figures = {}
    for name, threshold in thresholds.items():
        flags = probability >= threshold
        flagged, hits, spoilers, all_ = totals(
            np.stack([flags, flags & (truth == 1), truth == 1, np.ones_like(flags)], axis=1), works, drawn
        ).T
        out[name] = {
            "threshold": float(threshold),
            "precision": figure(share(hits, flagged)),
            "recall": figure(share(hits, spoilers)),
            "f1": figure(share(2 * hits, flagged + spoilers)),
            "false_alarm_rate": figure(share(flagged - hits, all_ - spoilers)),
            "flagged": figure(share(flagged, all_)),
        }
    return out


def reliability(
    truth: npt.NDArray[Any], probability: Doubles, works: npt.NDArray[Any], drawn: Doubles
) -> tuple[Doubles, Doubles, list[Figures]]:
    """Brier score and expected calibration error, each (1 + repeats,), and the bins of the diagram.

    Brier 1950; Naeini, Cooper & Hauskrecht 2015: the mean distance between the probability and the
    share of spoilers in ten bins of equal width, weighted by their sizes.
    """
    error, all_ = totals(np.stack([(probability - truth) ** 2, np.ones(len(truth))], axis=1), works, drawn).T
    brier = error / all_
    at = np.minimum((probability * BINS).astype(int), BINS - 1)
    inside = at[:, None] == np.arange(BINS)
    size = totals(inside, works, drawn)
    predicted = totals(inside * probability[:, None], works, drawn)
    observed = totals(inside * (truth == 1)[:, None], works, drawn)
    error = np.abs(predicted - observed).sum(axis=1) / size.sum(axis=1)
    mean, frequency = share(predicted, size), share(observed, size)
    bins = [
        {
            "from": k / BINS,
            "to": (k + 1) / BINS,
            "sentences": int(size[0, k]),
            "predicted": figure(mean[:1, k])["value"],
            "observed": figure(frequency[:, k]),
        }
        for k in range(BINS)
    ]
    return brier, error, bins


def figures_of(
    truth: npt.NDArray[Any],
    probability: Doubles,
    works: npt.NDArray[Any],
    thresholds: Mapping[str, float],
    *,
    repeats: int = 1000,
    seed: int = 0,
) -> Figures:
    """Compute every figure for one set of sentences.

    Args:
        truth: The label of each sentence, 0 or 1, shape (n,).
        probability: The probability of each sentence, shape (n,).
        works: The work of each sentence, of any type, shape (n,).
        thresholds: The operating points.
        repeats: How many samples of works to draw.
        seed: The seed of the samples.

    Returns:
        The figures; those that need both classes are None where there is only one.
    """
    names, codes = np.unique(works, return_inverse=True)
    drawn = draws(len(names), repeats if len(names) > 1 else 0, seed)
    auc, precision = ranking(truth, probability, codes, drawn)
    brier, error, bins = reliability(truth, probability, codes, drawn)
    return {
        "sentences": len(truth),
        "spoilers": int(truth.sum()),
        "works": len(names),
        "auc": figure(auc),
        "average_precision": figure(precision),
        "brier": figure(brier),
        "calibration_error": figure(error),
        "points": points(truth, probability, codes, thresholds, drawn),
        "reliability": bins,
    }


def curves(truth: npt.NDArray[Any], probability: Doubles, most: int = 200) -> Figures:
    """ROC and precision-recall curves, and a histogram of each class.

    Args:
        truth: The label of each sentence, 0 or 1.
        probability: The probability of each sentence.
        most: The most points in a curve.

    Returns:
        The curves and the histograms.
    """
    order = np.argsort(-probability, kind="stable")
    scores = probability[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    found, flagged = np.cumsum(truth[order])[ends], ends + 1
    spoilers, harmless = max(int(truth.sum()), 1), max(int(len(truth) - truth.sum()), 1)
    keep = np.unique(np.linspace(0, len(ends) - 1, min(most, len(ends))).round().astype(int))
    edges = np.linspace(0, 1, 21)

    def rows(*columns: npt.NDArray[Any]) -> list[list[float]]:
        return [[round(float(x), 5) for x in row] for row in zip(*(c[keep] for c in columns), strict=True)]

    return {
        "roc": [[0.0, 0.0], *rows((flagged - found) / harmless, found / spoilers)],
        "precision_recall": rows(found / spoilers, found / flagged),
        "histogram": {
            "edges": [round(float(e), 3) for e in edges],
            "harmless": np.histogram(probability[truth == 0], edges)[0].tolist(),
            "spoilers": np.histogram(probability[truth == 1], edges)[0].tolist(),
        },
    }
