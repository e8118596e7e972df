"""Learn to name the kinds of a spoiler, and from which probability on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.model.features import BITS, clean, hashed, tokens_of
from spoilerguard.model.scoring import KIND_BITS, KIND_BLOCKS, KINDS, NAMED_FROM
from spoilerguard.training.targets import kinds_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["fit_kinds", "kind_thresholds", "learned_kinds"]

FEW = 15  # spoilers of a kind: with fewer, its threshold is not chosen but NAMED_FROM
_NEVER = -10.0  # the logit of a kind that the labels do not have


def learned_kinds(frame: pd.DataFrame) -> list[str]:
    """The kinds that the labels of a frame have."""
    found = {tag for label, tags in zip(frame["label"], frame["tags"], strict=True) if label > 0 for tag in tags}
    return [kind for kind in KINDS if kind in found]


def fit_kinds(frame: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """Fit one linear model for each kind, on all spoilers with tags: several kinds may hold for one."""
    import scipy.sparse as sp
    from sklearn.linear_model import LogisticRegression

    truth = kinds_of(frame)
    known = ~np.isnan(truth).any(axis=1)
    truth, texts = truth[known], frame["text"].to_numpy()[known].tolist()
    table = np.zeros((len(KINDS), 2**KIND_BITS), np.float32)
    bias = np.full(len(KINDS), _NEVER, np.float32)
    several = [k for k in range(len(KINDS)) if 0 < (truth[:, k] > 0.5).sum() < len(truth)]
    if several:
        tokens = tokens_of([clean(t) for t in texts])
        parts = []
        for block in hashed(tokens, characters=(0, 0)):
            if block.name in KIND_BLOCKS:
                count = np.sqrt(np.maximum(np.bincount(block.rows, minlength=tokens.sentences), 1))
                column = (block.buckets >> (BITS - KIND_BITS)).astype(np.int32)
                parts.append(
                    sp.csr_matrix((1 / count[block.rows], (block.rows, column)), shape=(len(texts), 2**KIND_BITS))
                )
        rows = sum(parts)
        for k in several:
            model = LogisticRegression(C=3.0, max_iter=2000, tol=1e-7).fit(rows, truth[:, k] > 0.5)
            table[k], bias[k] = model.coef_[0], model.intercept_[0]
    return {"kinds": table, "kind_bias": bias}


def kind_thresholds(kinds: Iterable[str], held: pd.DataFrame, probability: npt.NDArray[Any]) -> dict[str, float]:
    """Choose the probability from which each kind is named: that with the best F1 on held-out spoilers.

    Args:
        kinds: The kinds that the model has learned; no other one is ever named.
        held: Held-out sentences.
        probability: The probability of each of KINDS for each of them, shape (n, kinds).

    Returns:
        A threshold for each kind, not below NAMED_FROM; NAMED_FROM itself for those of which there are few.
    """
    truth = kinds_of(held)
    known = ~np.isnan(truth).any(axis=1)
    has, probability = truth[known] > 0.5, probability[known]
    names = list(KINDS)
    return {kind: _best(has[:, names.index(kind)], probability[:, names.index(kind)]) for kind in kinds}


def _best(truth: npt.NDArray[np.bool_], probability: npt.NDArray[Any]) -> float:
    if truth.sum() < FEW:
        return NAMED_FROM
    order = np.argsort(-probability, kind="stable")
    found = np.cumsum(truth[order])
    f1 = 2 * found / (np.arange(1, len(order) + 1) + truth.sum())
    return round(max(NAMED_FROM, float(probability[order][int(f1.argmax())])), 4)
