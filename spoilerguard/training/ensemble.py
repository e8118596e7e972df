"""The accurate model: a linear model and a fine-tuned network, combined.

Everything chosen here (the weights of the two logits, the operating points, the band of the cascade) is
chosen on held-out works, with the network as it is shipped: in 8-bit integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.datasets import documents_of
from spoilerguard.model.manifest import NETWORK, Manifest
from spoilerguard.model.scoring import LinearScorer, logit
from spoilerguard.model.transformer import TransformerScorer
from spoilerguard.model.windows import Pieces, packed, windows
from spoilerguard.spans import Work
from spoilerguard.training.finetune_config import FinetuneConfig
from spoilerguard.training.steps import operating_points

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["combined", "cost"]

Doubles = npt.NDArray[np.float64]

PRECISION_MEDIUM = 0.88  # at medium sensitivity: higher than for n-grams, because a network can reach it
KEPT = 0.99  # the share of the average precision that a cascade must keep
EVERYTHING = np.array([-1.0, 2.0])  # a band that contains every score
DEFAULT_WEIGHTS = np.array([[0.7, 0.5, 0.0]] * 2)  # of the two logits, where no works are held out to fit them


def combined(
    linear: LinearScorer,
    manifest: Manifest,
    files: Mapping[str, bytes],
    config: FinetuneConfig,
    held: pd.DataFrame,
    works: Mapping[str, Work],
    archive: pd.DataFrame | None = None,
) -> tuple[TransformerScorer, Manifest]:
    """Combine a linear scorer and a network.

    Args:
        linear: The linear scorer.
        manifest: Its manifest.
        files: The files of the network.
        config: How the network was fine-tuned.
        held: Held-out sentences, on which the combination is fitted.
        works: What is known of their works.
        archive: Held-out sentences as archives have them, on which the band of the cascade is chosen; by
            default `held`.

    Returns:
        The scorer and its manifest.
    """
    arrays: dict[str, npt.NDArray[Any]] = {**linear.arrays, "mix": DEFAULT_WEIGHTS, "band": EVERYTHING}
    scorer = TransformerScorer.of(replace(linear, arrays=arrays), files)
    training = {**manifest.training, "network": asdict(config)}
    thresholds = manifest.thresholds
    training["unreached"] = ["too few works to hold any out: linear model and network have default weights"]
    if held["label"].nunique() == 2:
        own = _Held.of(held)
        probability = _fit_weights(scorer, arrays, own, works)
        thresholds, training["unreached"] = operating_points(own.truth, probability, precision_medium=PRECISION_MEDIUM)
        training["cascade"] = _band(scorer, arrays, own if archive is None else _Held.of(archive))
    parts = [np.ascontiguousarray(arrays[name]).tobytes() for name in sorted(arrays)]
    version = f"1-{hashlib.sha256(b''.join([files[NETWORK], *parts])).hexdigest()[:8]}"
    return scorer, replace(
        manifest, architecture="transformer", version=version, thresholds=thresholds, training=training
    )


@dataclass(frozen=True)
class _Held:
    """Held-out documents, the names of their works, and the labels of all their sentences in order."""

    documents: Sequence[Sequence[str]]
    names: Sequence[str]
    truth: npt.NDArray[np.int64]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> _Held:
        texts, works = frame["text"].tolist(), frame["work"].tolist()
        documents = documents_of(frame)
        return cls(
            [texts[document.start : document.stop] for document in documents],
            [works[document.start] for document in documents],
            frame["label"].to_numpy(int),
        )

    def without_works(self) -> list[Work | None]:
        return [None] * len(self.documents)


def _fit_weights(
    scorer: TransformerScorer, arrays: dict[str, npt.NDArray[Any]], held: _Held, works: Mapping[str, Work]
) -> Doubles:
    """Fit the weights of the logits, without works and with them, into `arrays`.

    Returns:
        The probabilities without works.
    """
    from sklearn.linear_model import LogisticRegression

    weights, found = DEFAULT_WEIGHTS.copy(), []
    whole = [np.ones(len(d), bool) for d in held.documents]
    for k, known in enumerate((held.without_works(), [works.get(name) for name in held.names])):
        deep = np.concatenate(scorer.logits(held.documents, known, whole))
        linear = np.concatenate(scorer.base.score_documents(held.documents, known))
        both = np.stack([deep, logit(linear)], axis=1)
        model = LogisticRegression(C=1e3).fit(both, held.truth)
        weights[k] = [*model.coef_[0], model.intercept_[0]]
        found.append(model.predict_proba(both)[:, 1])
    arrays["mix"] = weights
    return np.asarray(found[0])


def _band(scorer: TransformerScorer, arrays: dict[str, npt.NDArray[Any]], held: _Held) -> dict[str, float]:
    """Choose the cheapest band that keeps the average precision, and put it into `arrays`.

    Returns:
        The share of word pieces that the network reads, and the share of the average precision kept.
    """
    from sklearn.metrics import average_precision_score

    full = np.concatenate(scorer.score_documents(held.documents, held.without_works()))
    linear = np.concatenate(scorer.base.score_documents(held.documents, held.without_works()))
    pieces = [packed(scorer.tokenizer, sentences) for sentences in held.documents]
    best = average_precision_score(held.truth, full)
    promising = []
    for low in np.quantile(linear, np.arange(0.05, 0.95, 0.05)):
        for high in (1.0, *np.quantile(linear, (0.99, 0.97, 0.94))):
            asked = (linear > low) & (linear < high)
            # An estimate: with the band, the network reads less context and its scores differ a little.
            if average_precision_score(held.truth, np.where(asked, full, linear)) >= KEPT * best:
                promising.append((cost(pieces, asked), low, high))
    for share, low, high in sorted(promising):
        arrays["band"] = np.array([low, high])
        cascade = np.concatenate(replace(scorer, cascade=True).score_documents(held.documents, held.without_works()))
        kept = average_precision_score(held.truth, cascade) / best
        if kept >= KEPT:
            return {"reads": round(share, 3), "keeps": round(float(kept), 4)}
    arrays["band"] = EVERYTHING
    return {"reads": 1.0, "keeps": 1.0}


def cost(documents: Sequence[Sequence[Pieces]], asked: npt.NDArray[np.bool_]) -> float:
    """The share of word pieces that the network reads if it scores only some sentences.

    Args:
        documents: The word pieces of each sentence, by document.
        asked: Whether the network scores each sentence, over all documents.

    Returns:
        The share, from 0 to 1.
    """
    read = whole = start = 0
    for pieces in documents:
        wanted = asked[start : start + len(pieces)]
        start += len(pieces)
        whole += sum(len(w.ids) for w in windows(pieces))
        read += sum(len(w.ids) for w in windows(pieces, None, wanted))
    return read / max(whole, 1)
