"""The accurate model: a linear one, the fine-tuned network beside it, and how the two are joined.

Everything that is chosen here (the weights of the two logits, the operating points, the band of the
cascade) is chosen on held-out works, with the network as it will be shipped: in 8-bit integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.fitting import operating_points
from spoilerguard.manifest import Manifest
from spoilerguard.neural.plan import Plan
from spoilerguard.scoring import LinearScorer, logit
from spoilerguard.spans import Work
from spoilerguard.transformer import NETWORK, TransformerScorer
from spoilerguard.windows import Pieces, packed, windows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cost", "joined"]

Doubles = npt.NDArray[np.float64]

PRECISION_MEDIUM = 0.88  # of a network more is to be asked than of n-grams
KEPT = 0.99  # of the average precision, by a cascade
EVERYTHING = np.array([-1.0, 2.0])  # a band that leaves nothing out
UNFITTED = np.array([[0.7, 0.5, 0.0]] * 2)  # the mix, where no work could be held out to fit it on


def joined(
    linear: LinearScorer,
    manifest: Manifest,
    files: Mapping[str, bytes],
    plan: Plan,
    held: pd.DataFrame,
    works: Mapping[str, Work],
) -> tuple[TransformerScorer, Manifest]:
    """The linear scorer and a network's files, joined on held-out works: a scorer and its manifest."""
    arrays: dict[str, npt.NDArray[Any]] = {**linear.arrays, "mix": UNFITTED, "band": EVERYTHING}
    scorer = TransformerScorer.of(replace(linear, arrays=arrays), files)
    thresholds, unreached = manifest.thresholds, ["too few works to hold any out: the two parts are joined by rote"]
    if held["label"].nunique() == 2:
        thresholds, unreached = _choose(scorer, arrays, held.reset_index(drop=True), works)
    digest = hashlib.sha256(
        files[NETWORK] + b"".join(np.ascontiguousarray(arrays[n]).tobytes() for n in sorted(arrays))
    )
    training = {**manifest.training, "network": asdict(plan), "unreached": unreached}
    return scorer, replace(
        manifest,
        architecture="transformer",
        version=f"1-{digest.hexdigest()[:8]}",
        thresholds=thresholds,
        training=training,
    )


def _choose(
    scorer: TransformerScorer, arrays: dict[str, npt.NDArray[Any]], held: pd.DataFrame, works: Mapping[str, Work]
) -> tuple[dict[str, float], list[str]]:
    """Fit the mix and the band into `arrays`; returns the operating points and what was not reached."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score

    documents = [part["text"].tolist() for _, part in held.groupby(["source", "document"], sort=False)]
    names = held.drop_duplicates(["source", "document"])["work"]
    truth = held["label"].to_numpy(int)
    whole = [np.ones(len(d), bool) for d in documents]
    arrays["mix"] = UNFITTED.copy()
    rows = []
    untold: list[Work | None] = [None] * len(documents)
    for k, told in enumerate((untold, [works.get(name) for name in names])):
        deep = np.concatenate(scorer.logits(documents, told, whole))
        linear = np.concatenate(scorer.linear.score_documents(documents, told))
        both = np.stack([deep, logit(linear)], axis=1)
        model = LogisticRegression(C=1e3).fit(both, truth)
        arrays["mix"][k] = [*model.coef_[0], model.intercept_[0]]
        rows.append((model.predict_proba(both)[:, 1], linear))
    full, linear = rows[0]
    wanted = KEPT * average_precision_score(truth, full)
    for arrays["band"] in _bands(scorer, documents, truth, full, linear, wanted):
        cascade = np.concatenate(replace(scorer, cascade=True).score_documents(documents, untold))
        if average_precision_score(truth, cascade) >= wanted:
            break
    else:
        arrays["band"] = EVERYTHING
    return operating_points(truth, full, precision_medium=PRECISION_MEDIUM)


def _bands(
    scorer: TransformerScorer,
    documents: Sequence[Sequence[str]],
    truth: npt.NDArray[np.int64],
    full: Doubles,
    linear: Doubles,
    wanted: float,
) -> list[Doubles]:
    """Bands that would keep the average precision if a cascade gave the full score, the cheapest first."""
    from sklearn.metrics import average_precision_score

    pieces = [packed(scorer.tokenizer, sentences) for sentences in documents]
    found = []
    for low in np.quantile(linear, np.arange(0.05, 0.9, 0.05)):
        for high in (1.0, *np.quantile(linear, (0.97, 0.94, 0.9))):
            asked = (linear > low) & (linear < high)
            if average_precision_score(truth, np.where(asked, full, linear)) >= wanted:
                found.append((cost(pieces, asked), low, high))
    return [np.array(band) for _, *band in sorted(found)]


def cost(documents: Sequence[Sequence[Pieces]], asked: npt.NDArray[np.bool_]) -> float:
    """The share of word pieces that the network reads when only these sentences are asked for."""
    read = whole = start = 0
    for pieces in documents:
        wanted = asked[start : start + len(pieces)]
        start += len(pieces)
        whole += sum(len(w.ids) for w in windows(pieces))
        read += sum(len(w.ids) for w in windows(pieces, None, wanted))
    return read / max(whole, 1)
