"""The accurate model: a linear one, the fine-tuned network beside it, and how the two are joined.

Everything that is chosen here (the weights of the two logits, the operating points, the band of the
cascade) is chosen on held-out works, with the network as it will be shipped: in 8-bit integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.model.manifest import NETWORK, Manifest
from spoilerguard.model.scoring import LinearScorer, logit
from spoilerguard.model.transformer import TransformerScorer
from spoilerguard.model.windows import Pieces, packed, windows
from spoilerguard.spans import Work
from spoilerguard.training.finetune_config import Plan
from spoilerguard.training.steps import operating_points

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
    archive: pd.DataFrame | None = None,
) -> tuple[TransformerScorer, Manifest]:
    """The linear scorer and a network's files, joined on held-out works: a scorer and its manifest.

    `archive` are held-out sentences as archives have them, on which the cascade's band is chosen; by
    default it is `held`.
    """
    arrays: dict[str, npt.NDArray[Any]] = {**linear.arrays, "mix": UNFITTED, "band": EVERYTHING}
    scorer = TransformerScorer.of(replace(linear, arrays=arrays), files)
    training = {**manifest.training, "network": asdict(plan)}
    thresholds = manifest.thresholds
    training["unreached"] = ["too few works to hold any out: the two parts are joined by rote"]
    if held["label"].nunique() == 2:
        own = _Held.of(held)
        probability = _mix(scorer, arrays, own, works)
        thresholds, training["unreached"] = operating_points(own.truth, probability, precision_medium=PRECISION_MEDIUM)
        training["cascade"] = _band(scorer, arrays, own if archive is None else _Held.of(archive))
    parts = [np.ascontiguousarray(arrays[name]).tobytes() for name in sorted(arrays)]
    version = f"1-{hashlib.sha256(b''.join([files[NETWORK], *parts])).hexdigest()[:8]}"
    return scorer, replace(
        manifest, architecture="transformer", version=version, thresholds=thresholds, training=training
    )


@dataclass(frozen=True)
class _Held:
    """Held-out documents, the names of their works, and the labels of their sentences one after the other."""

    documents: Sequence[Sequence[str]]
    names: Sequence[str]
    truth: npt.NDArray[np.int64]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> _Held:
        groups = [part for _, part in frame.groupby(["source", "document"], sort=False)]
        return cls(
            [part["text"].tolist() for part in groups],
            [part["work"].iloc[0] for part in groups],
            np.concatenate([part["label"].to_numpy(int) for part in groups]),
        )

    def untold(self) -> list[Work | None]:
        return [None] * len(self.documents)


def _mix(
    scorer: TransformerScorer, arrays: dict[str, npt.NDArray[Any]], held: _Held, works: Mapping[str, Work]
) -> Doubles:
    """Fit the mix into `arrays`, without works and with them; returns the probabilities without."""
    from sklearn.linear_model import LogisticRegression

    mix, found = UNFITTED.copy(), []
    whole = [np.ones(len(d), bool) for d in held.documents]
    for k, told in enumerate((held.untold(), [works.get(name) for name in held.names])):
        deep = np.concatenate(scorer.logits(held.documents, told, whole))
        linear = np.concatenate(scorer.base.score_documents(held.documents, told))
        both = np.stack([deep, logit(linear)], axis=1)
        model = LogisticRegression(C=1e3).fit(both, held.truth)
        mix[k] = [*model.coef_[0], model.intercept_[0]]
        found.append(model.predict_proba(both)[:, 1])
    arrays["mix"] = mix
    return np.asarray(found[0])


def _band(scorer: TransformerScorer, arrays: dict[str, npt.NDArray[Any]], held: _Held) -> dict[str, float]:
    """Put the cheapest band into `arrays` that keeps the average precision; returns what it costs and keeps."""
    from sklearn.metrics import average_precision_score

    full = np.concatenate(scorer.score_documents(held.documents, held.untold()))
    linear = np.concatenate(scorer.base.score_documents(held.documents, held.untold()))
    pieces = [packed(scorer.tokenizer, sentences) for sentences in held.documents]
    best = average_precision_score(held.truth, full)
    promising = []
    for low in np.quantile(linear, np.arange(0.05, 0.95, 0.05)):
        for high in (1.0, *np.quantile(linear, (0.99, 0.97, 0.94))):
            asked = (linear > low) & (linear < high)
            # If the network gave the full score: it does not quite, for it reads less around a sentence.
            if average_precision_score(held.truth, np.where(asked, full, linear)) >= KEPT * best:
                promising.append((cost(pieces, asked), low, high))
    for share, low, high in sorted(promising):
        arrays["band"] = np.array([low, high])
        cascade = np.concatenate(replace(scorer, cascade=True).score_documents(held.documents, held.untold()))
        kept = average_precision_score(held.truth, cascade) / best
        if kept >= KEPT:
            return {"reads": round(share, 3), "keeps": round(float(kept), 4)}
    arrays["band"] = EVERYTHING
    return {"reads": 1.0, "keeps": 1.0}


def cost(documents: Sequence[Sequence[Pieces]], asked: npt.NDArray[np.bool_]) -> float:
    """The share of word pieces that the network reads when only these sentences are asked for."""
    read = whole = start = 0
    for pieces in documents:
        wanted = asked[start : start + len(pieces)]
        start += len(pieces)
        whole += sum(len(w.ids) for w in windows(pieces))
        read += sum(len(w.ids) for w in windows(pieces, None, wanted))
    return read / max(whole, 1)
