"""Models combined: a linear model, a word network and a fine-tuned transformer, weighed against each other.

Everything chosen here (the weights of the logits, the operating points, the band of the cascade) is chosen on
held-out works, with the networks as they are shipped: in integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.datasets import documents_of
from spoilerguard.model.convolution import ConvolutionalScorer, WordNetwork
from spoilerguard.model.manifest import NETWORK, WORDS, Manifest
from spoilerguard.model.scoring import Batch, LinearScorer, logit, sigmoid
from spoilerguard.model.store import archived
from spoilerguard.model.transformer import TransformerScorer, joined_kinds
from spoilerguard.model.windows import Pieces, packed, windows
from spoilerguard.spans import Work
from spoilerguard.training.config import Goals
from spoilerguard.training.finetune_config import FinetuneConfig
from spoilerguard.training.kinds import kind_thresholds
from spoilerguard.training.steps import operating_points

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cost", "with_transformer", "with_words"]

Doubles = npt.NDArray[np.float64]

KEPT = 0.99  # the share of the average precision that a cascade must keep
EVERYTHING = np.array([-1.0, 2.0])  # a band that contains every score
DEFAULT_WEIGHTS = np.array([[0.7, 0.5, 0.0]] * 2)  # of the two logits, where no works are held out to fit them
_TOO_FEW = "too few works to hold any out: the networks have default weights"


def with_words(
    linear: LinearScorer,
    manifest: Manifest,
    network: WordNetwork,
    goals: Goals,
    held: pd.DataFrame,
    works: Mapping[str, Work],
) -> tuple[ConvolutionalScorer, Manifest]:
    """Combine a linear model and a word network.

    Args:
        linear: The linear model.
        manifest: Its manifest.
        network: The word network.
        goals: What the sensitivities must reach.
        held: Held-out sentences, on which the combination is fitted.
        works: What is known of their works.

    Returns:
        The scorer and its manifest.
    """
    weights, thresholds, unmet = DEFAULT_WEIGHTS, manifest.thresholds, [_TOO_FEW]
    kinds = manifest.kind_thresholds
    if held["label"].nunique() == 2:
        own = _Held.of(held)
        batch = Batch.of(own.documents)
        found = network.outputs(batch.tokens, batch.lengths).astype(np.float64)
        kinds = kind_thresholds(kinds or (), held, linear.kinds_of(batch.tokens, sigmoid(found[:, 1:])))
        weights, probability = _weights(
            own, [(found[:, 0], np.concatenate(linear.score_documents(own.documents, w))) for w in own.works(works)]
        )
        thresholds, unmet = operating_points(own.truth, probability, goals)
    arrays = {**network.arrays, "blend": weights}
    files = {WORDS: archived(arrays)}
    said = replace(
        manifest,
        architecture="convolutional",
        version=_version(manifest.version, files[WORDS]),
        thresholds=thresholds,
        kind_thresholds=kinds,
        training={**manifest.training, "unreached": unmet},
    )
    return ConvolutionalScorer(replace(linear, named_from=said.named_from), WordNetwork(arrays), files), said


def with_transformer(
    base: LinearScorer | ConvolutionalScorer,
    manifest: Manifest,
    files: Mapping[str, bytes],
    config: FinetuneConfig,
    goals: Goals,
    held: pd.DataFrame,
    works: Mapping[str, Work],
    archive: pd.DataFrame | None = None,
) -> tuple[TransformerScorer, Manifest]:
    """Combine a fast model and a transformer.

    Args:
        base: The fast model.
        manifest: Its manifest.
        files: The files of the transformer.
        config: How it was fine-tuned.
        goals: What the sensitivities must reach.
        held: Held-out sentences, on which the combination is fitted.
        works: What is known of their works.
        archive: Held-out sentences as archives have them, on which the band of the cascade is chosen; by
            default `held`.

    Returns:
        The scorer and its manifest.
    """
    arrays: dict[str, npt.NDArray[Any]] = {**base.arrays, "mix": DEFAULT_WEIGHTS, "band": EVERYTHING}
    scorer = TransformerScorer.of(_holding(base, arrays), files)
    training = {**manifest.training, "network": asdict(config), "unreached": [_TOO_FEW]}
    thresholds, kinds = manifest.thresholds, manifest.kind_thresholds
    if held["label"].nunique() == 2:
        own = _Held.of(held)
        whole = [np.ones(len(d), bool) for d in own.documents]
        without, known = (
            [*zip(base.read(own.documents, w), scorer.outputs(own.documents, w, whole), strict=True)]
            for w in own.works(works)
        )
        arrays["mix"], probability = _weights(
            own,
            [
                (
                    np.concatenate([deep[:, 0] for _, deep in pairs]),
                    np.concatenate([reading.scores for reading, _ in pairs]),
                )
                for pairs in (without, known)
            ],
        )
        seen = [joined_kinds(r.kinds, deep[:, 1:], np.ones(len(deep), bool)) for r, deep in without]
        linear = base.linear if isinstance(base, ConvolutionalScorer) else base
        kinds = kind_thresholds(kinds or (), held, linear.kinds_of(Batch.of(own.documents).tokens, np.vstack(seen)))
        thresholds, training["unreached"] = operating_points(own.truth, probability, goals)
        training["cascade"] = _band(scorer, arrays, own if archive is None else _Held.of(archive))
    mixed = b"".join(np.ascontiguousarray(arrays[name]).tobytes() for name in ("mix", "band"))
    said = replace(
        manifest,
        architecture="ensemble" if WORDS in base.files else "transformer",
        version=_version(manifest.version, files[NETWORK] + mixed),
        thresholds=thresholds,
        kind_thresholds=kinds,
        training=training,
    )
    return replace(scorer, base=_holding(base, arrays, said.named_from)), said


def _holding(
    base: LinearScorer | ConvolutionalScorer,
    arrays: Mapping[str, npt.NDArray[Any]],
    named_from: tuple[float, ...] | None = None,
) -> LinearScorer | ConvolutionalScorer:
    """The fast model with these arrays, which are kept up to date, and these thresholds of kinds."""
    if isinstance(base, ConvolutionalScorer):
        return replace(base, linear=replace(base.linear, arrays=arrays, named_from=named_from))
    return replace(base, arrays=arrays, named_from=named_from)


def _version(before: str, more: bytes) -> str:
    return f"1-{hashlib.sha256(before.encode() + more).hexdigest()[:8]}"


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

    def works(self, known: Mapping[str, Work]) -> tuple[list[Work | None], list[Work | None]]:
        """What a model is given of the works: nothing, and what is known."""
        return self.without_works(), [known.get(name) for name in self.names]


def _weights(held: _Held, pairs: Sequence[tuple[Doubles, Doubles]]) -> tuple[Doubles, Doubles]:
    """Fit the weights of two models, without works and with them.

    Args:
        held: Held-out sentences.
        pairs: The logits of one and the probabilities of the other, without works and then with them.

    Returns:
        The weights, shape (2, 3), and the probabilities without works, shape (n,).
    """
    from sklearn.linear_model import LogisticRegression

    weights, found = DEFAULT_WEIGHTS.copy(), []
    for k, (logits, probability) in enumerate(pairs):
        both = np.stack([logits, logit(probability)], axis=1)
        model = LogisticRegression(C=1e3).fit(both, held.truth)
        weights[k] = [*model.coef_[0], model.intercept_[0]]
        found.append(model.predict_proba(both)[:, 1])
    return weights, np.asarray(found[0])


def _band(scorer: TransformerScorer, arrays: dict[str, npt.NDArray[Any]], held: _Held) -> dict[str, float]:
    """Choose the cheapest band that keeps the average precision, and put it into `arrays`.

    Returns:
        The share of word pieces that the network reads, and the share of the average precision kept.
    """
    from sklearn.metrics import average_precision_score

    full = np.concatenate(scorer.score_documents(held.documents, held.without_works()))
    base = np.concatenate(scorer.base.score_documents(held.documents, held.without_works()))
    pieces = [packed(scorer.tokenizer, sentences) for sentences in held.documents]
    best = average_precision_score(held.truth, full)
    promising = []
    for low in np.quantile(base, np.arange(0.05, 0.95, 0.05)):
        for high in (1.0, *np.quantile(base, (0.99, 0.97, 0.94))):
            asked = (base > low) & (base < high)
            # An estimate: with the band, the network reads less context and its scores differ a little.
            if average_precision_score(held.truth, np.where(asked, full, base)) >= KEPT * best:
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
