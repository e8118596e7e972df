"""Train the models that name the kind of a spoiler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.model.features import BITS, clean, hashed, tokens_of
from spoilerguard.model.scoring import KIND_BITS, KIND_BLOCKS, KINDS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["fit_kinds"]


def fit_kinds(frame: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """Fit one linear model for each kind, on the sentences tagged with it."""
    import scipy.sparse as sp
    from sklearn.linear_model import LogisticRegression

    tagged = frame[(frame["label"] == 1) & frame["tag"].isin(list(KINDS))]
    table = np.zeros((len(KINDS), 2**KIND_BITS), np.float32)
    bias = np.zeros(len(KINDS), np.float32)
    if tagged["tag"].nunique() > 1:
        tokens = tokens_of([clean(t) for t in tagged["text"]])
        parts = []
        for block in hashed(tokens, characters=(0, 0)):
            if block.name in KIND_BLOCKS:
                count = np.sqrt(np.maximum(np.bincount(block.rows, minlength=tokens.sentences), 1))
                column = (block.buckets >> (BITS - KIND_BITS)).astype(np.int32)
                parts.append(
                    sp.csr_matrix((1 / count[block.rows], (block.rows, column)), shape=(len(tagged), 2**KIND_BITS))
                )
        model = LogisticRegression(C=3.0, max_iter=300, tol=1e-7).fit(sum(parts), tagged["tag"])
        known = {name: k for k, name in enumerate(KINDS)}
        bias[:] = -10
        for row, name in enumerate(model.classes_):
            table[known[name]] = model.coef_[row] if len(model.coef_) > 1 else model.coef_[0] * (1 if row else -1)
            bias[known[name]] = model.intercept_[row] if len(model.coef_) > 1 else 0
    return {"kinds": table, "kind_bias": bias}
