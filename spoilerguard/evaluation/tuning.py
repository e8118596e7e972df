"""Choose a threshold for one's own texts.

`tune` scores labelled sentences in their documents and takes the threshold that gives what is wanted. How well it
will do on other texts is estimated by the bootstrap: in each sample of works a threshold is chosen anew, and
measured on the works that the sample left out, so no interval is flattered by the texts it was chosen on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
import os
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from spoilerguard.datasets import WEIGHTS, documents_of, frame_of, work_key
from spoilerguard.errors import InputError
from spoilerguard.evaluation import metrics
from spoilerguard.evaluation.measure import read_in_documents
from spoilerguard.guard import SENSITIVITIES, Guard
from spoilerguard.spans import Work
from spoilerguard.training.pipeline import work_digest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEAST_GROUPS", "LEAST_SENTENCES", "LEAST_SPOILERS", "Tuning", "Want", "tune", "wanted"]

LEAST_SPOILERS, LEAST_SENTENCES, LEAST_GROUPS = 20, 100, 5  # with fewer, an interval says nothing
_LEAST_FLAGS = 5  # a precision of fewer flags is luck
_CELLS = 1 << 21  # of the matrix of sentences by samples that is in memory at a time

Doubles = npt.NDArray[np.float64]
Figure = dict[str, Any]


class Want(NamedTuple):
    """What a threshold must give: a recall, a precision, or the best F1.

    Attributes:
        figure: Which figure.
        least: The least value of it, from 0 to 1; None for the best F1.
    """

    figure: Literal["recall", "precision", "f1"]
    least: float | None = None

    def __str__(self) -> str:
        return "best F1" if self.least is None else f"{self.figure} {self.least:g}"


_WANT = re.compile(r"\s*(?:(recall|precision)\s*=\s*(0?\.\d+|[01]\.?0*|\d{1,2}%)|(f1))\s*", re.IGNORECASE)


def wanted(text: str) -> Want:
    """Read what is wanted.

    Args:
        text: `recall=0.6`, `precision=0.8` or `f1`. A percentage, as in `recall=60%`, is read too.

    Returns:
        What is wanted.

    Raises:
        InputError: It is something else.
    """
    match = _WANT.fullmatch(text)
    if match is None:
        raise InputError(f"unknown --want (want) {text!r}: give recall=0.6, precision=0.8 or f1")
    if match[3]:
        return Want("f1")
    number = match[2]
    least = float(number[:-1]) / 100 if number.endswith("%") else float(number)
    if not 0 < least <= 1:
        raise InputError(f"{match[1].lower()} must be above 0 and at most 1, not {number}")
    return Want(cast("Literal['recall', 'precision']", match[1].lower()), least)


@dataclass(frozen=True, slots=True)
class Tuning:
    """A threshold for one's own texts. Every figure is `{"value": float | None, "interval": [low, high] | None}`.

    Attributes:
        model: Name and version of the model that the threshold belongs to.
        want: What was wanted, in words.
        threshold: The threshold.
        interval: The middle 95% of the thresholds chosen in the samples.
        figures: `precision`, `recall` and `f1` at the threshold; the intervals are of texts that it was not chosen on.
        sensitivities: For `low`, `medium` and `high`: `threshold`, `precision`, `recall`, `f1` on the same texts.
        data: Numbers of `sentences`, `spoilers`, `groups` that were sampled (`grouped_by` works or documents), and
            of works `left_out`, because the model was trained on them.
    """

    model: dict[str, str]
    want: str
    threshold: float
    interval: list[float] | None
    figures: dict[str, Figure]
    sensitivities: dict[str, dict[str, Any]]
    data: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """All of it, JSON-serialisable."""
        return {"version": 1, **asdict(self)}


def tune(
    guard: Guard,
    data: pd.DataFrame | str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    want: str = "f1",
    bootstrap: int = 1000,
    seed: int = 0,
    works: Mapping[str, Work] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Tuning:
    """Choose a threshold for one's own texts.

    Works that the model was trained on are left out, and so are sentences that only have the label of their document.

    Args:
        guard: The model.
        data: A frame as `datasets.to_frame` makes it, or files and folders of labelled data.
        want: `"recall=0.6"` for the highest threshold with this recall, `"precision=0.8"` for the lowest with this
            precision, `"f1"` for the one with the best F1.
        bootstrap: The number of samples for the intervals.
        seed: The seed of the samples.
        works: Blurbs and synopses by work; by default sentences are scored without them.
        progress: Called with the current step and the share done.

    Returns:
        The threshold, what it gives, and what the three sensitivities give.

    Raises:
        InputError: There are too few labels (the message says how many are needed), no threshold gives what is
            wanted, or an argument is invalid.
    """
    aim, say = wanted(want), progress or (lambda step, share: None)
    if bootstrap < 1:
        raise InputError(f"bootstrap must be a whole number from 1, not {bootstrap!r}")
    whole = frame_of(data)
    frame, left_out = _usable(guard, whole)
    codes, grouped_by = _groups(frame)
    _refuse_too_few(frame, len(np.unique(codes)), grouped_by, len(left_out), len(whole))
    say("scoring", 0.0)
    probability = read_in_documents(guard, frame, works or {}, say).scores
    truth = frame["label"].to_numpy(int)
    say("choosing", 0.9)
    drawn = metrics.draws(int(codes.max()) + 1, bootstrap, seed)
    thresholds = _chosen(aim, truth, probability, codes, drawn)
    if not np.isfinite(thresholds[0]):
        best, at = _best_precision(truth, probability)
        raise InputError(
            f"no threshold gives precision {aim.least:g} on these labels; the highest is {best:.2f}, from {at:.2f}"
        )
    threshold = _rounded(aim, float(thresholds[0]))
    steady = thresholds[1:][np.isfinite(thresholds[1:])]
    tails = [(1 - metrics.LEVEL) / 2, (1 + metrics.LEVEL) / 2]
    kept = ("threshold", "precision", "recall", "f1")
    limits: dict[str, float] = {name: guard.manifest.thresholds[name] for name in SENSITIVITIES}
    compared = metrics.points(truth, probability, codes, limits, drawn)
    return Tuning(
        model={"name": guard.name, "version": guard.version},
        want=str(aim),
        threshold=threshold,
        interval=[round(float(x), 4) for x in np.quantile(steady, tails)] if 2 * len(steady) > bootstrap else None,
        figures=_figures(truth, probability, codes, threshold, thresholds, drawn),
        sensitivities={name: {k: found[k] for k in kept} for name, found in compared.items()},
        data={
            "sentences": len(frame),
            "spoilers": int(truth.sum()),
            "groups": int(codes.max()) + 1,
            "grouped_by": grouped_by,
            "left_out": len(left_out),
        },
    )


# --- the data ------------------------------------------------------------------------------------


def _usable(guard: Guard, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The sentences with labels of their own, of works that the model has not seen; and the works left out."""
    trained = set(guard.manifest.training.get("works", ()))
    seen = [work for work in frame["work"].unique() if work_digest(work) in trained]
    own = frame["weight"] > WEIGHTS["spoiler document"]
    return frame[own & ~frame["work"].isin(seen)].reset_index(drop=True), seen


def _groups(frame: pd.DataFrame) -> tuple[npt.NDArray[np.int64], str]:
    """The group of each sentence: its work; where there are few works, its document."""
    works = frame["work"].map(work_key).to_numpy(str)
    names, codes = np.unique(works, return_inverse=True)
    if len(names) >= LEAST_GROUPS:
        return np.asarray(codes, np.int64), "works"
    documents = [number for number, rows in enumerate(documents_of(frame)) for _ in rows]
    return np.array(documents, np.int64), "documents"


def _refuse_too_few(frame: pd.DataFrame, groups: int, grouped_by: str, left_out: int, whole: int) -> None:
    spoilers = int(frame["label"].sum())
    few = [
        f"{have} of at least {least} {noun}"
        for have, least, noun in (
            (len(frame), LEAST_SENTENCES, "sentences"),
            (spoilers, LEAST_SPOILERS, "spoilers"),
            (groups, LEAST_GROUPS, grouped_by),
        )
        if have < least
    ]
    if few:
        why = f" ({left_out} works were left out, because the model was trained on them)" if left_out else ""
        weak = "; labels of whole documents do not count" if whole > len(frame) and not left_out else ""
        raise InputError(f"too few labels to choose a threshold: {', '.join(few)}{why}{weak}; label more texts")
    if spoilers == len(frame):
        raise InputError("every sentence is labelled a spoiler: choosing a threshold needs harmless sentences too")


# --- choosing and measuring ----------------------------------------------------------------------


def _chosen(
    want: Want, truth: npt.NDArray[Any], probability: Doubles, codes: npt.NDArray[Any], drawn: Doubles
) -> Doubles:
    """The threshold that gives what is wanted in each sample, NaN where none does: shape (1 + repeats,)."""
    order = np.argsort(-probability, kind="stable")
    scores, spoiler, groups = probability[order], truth[order].astype(np.float64), codes[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))  # the last sentence of each tie
    out = np.full(len(drawn), np.nan)
    step = max(1, _CELLS // len(truth))
    for start in range(0, len(drawn), step):
        weight = drawn[start : start + step][:, groups]
        found = np.cumsum(weight * spoiler, axis=1)[:, ends]
        flagged = np.cumsum(weight, axis=1)[:, ends]
        spoilers = found[:, -1:]
        if want.figure == "recall":
            good = (found >= (want.least or 0) * spoilers - 1e-9) & (spoilers > 0)
            at = good.argmax(axis=1)
        elif want.figure == "precision":
            drawn_here = np.diff(flagged, axis=1, prepend=0) > 0  # not the score of a sentence that was not drawn
            good = (found >= (want.least or 0) * flagged - 1e-9) & (flagged >= _LEAST_FLAGS) & drawn_here
            at = good.shape[1] - 1 - good[:, ::-1].argmax(axis=1)
        else:
            f1 = metrics.share(2 * found, flagged + spoilers)
            good = np.isfinite(f1) & (spoilers > 0)
            at = np.where(good, f1, -1).argmax(axis=1)
        rows = np.arange(len(at))
        out[start : start + step] = np.where(good[rows, at], scores[ends][at], np.nan)
    return out


def _rounded(want: Want, threshold: float) -> float:
    """A threshold with two decimals more than are shown, on the side that keeps what is wanted."""
    up = want.figure == "precision"
    return float((np.ceil if up else np.floor)(threshold * 1e4) / 1e4)


def _best_precision(truth: npt.NDArray[Any], probability: Doubles) -> tuple[float, float]:
    """The highest precision of enough flags, and the threshold that gives it."""
    order = np.argsort(-probability, kind="stable")
    precision = np.cumsum(truth[order]) / np.arange(1, len(order) + 1)
    at = _LEAST_FLAGS - 1 + int(precision[_LEAST_FLAGS - 1 :].argmax())
    return float(precision[at]), float(probability[order][at])


def _figures(
    truth: npt.NDArray[Any],
    probability: Doubles,
    codes: npt.NDArray[Any],
    threshold: float,
    thresholds: Doubles,
    drawn: Doubles,
) -> dict[str, Figure]:
    """Precision, recall and F1 of all sentences; in each sample, of those that it left out, at its own threshold."""
    limits = np.append(threshold, thresholds[1:])
    counts = np.empty((len(drawn), 3))
    step = max(1, _CELLS // len(truth))
    for start in range(0, len(drawn), step):
        part = slice(start, start + step)
        out = drawn[part][:, codes] == 0
        if start == 0:
            out[0] = True
        flags = (probability >= limits[part, None]) & out
        counts[part] = np.stack([(flags & (truth == 1)).sum(1), flags.sum(1), (out & (truth == 1)).sum(1)], axis=1)
    counts[~np.isfinite(limits)] = np.nan
    hits, flagged, spoilers = counts.T
    return {
        "precision": metrics.figure(metrics.share(hits, flagged)),
        "recall": metrics.figure(metrics.share(hits, spoilers)),
        "f1": metrics.figure(metrics.share(2 * hits, flagged + spoilers)),
    }
