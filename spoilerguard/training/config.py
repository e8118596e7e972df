"""Recipes of training: which sources each expert learns from, and how much each source counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spoilerguard.training.finetune_config import FINETUNE, FinetuneConfig

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RECIPES", "Expert", "Recipe", "WordConfig", "example_weights"]

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Expert:
    """One linear model, of spoilers or (with `tells`) of the source of a text.

    Attributes:
        name: Its name.
        sources: The weight of each source (a file's stem), and how many times more its spoilers count.
            "" stands for every source that is not named; a source with weight 0 is left out.
        soft: The weight of sentences that a teacher model scored.
        tells: Sources that it tells from the others; if there are none, it learns spoilers.
    """

    name: str
    sources: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"": (1.0, 1.0)})
    soft: float = 0.0
    tells: tuple[str, ...] = ()

    def labels(self, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
        """What it learns: 0 or 1 for each sentence of a frame."""
        return np.asarray(frame["source"].isin(self.tells) if self.tells else frame["label"], np.int64)


@dataclass(frozen=True)
class WordConfig:
    """The word network: its sizes, and how it is trained.

    Attributes:
        passes: How often the documents of each source are read; "" stands for every source that is not named.
        vocabulary: The most words with a row of their own.
        width: Numbers in a word's row.
        hidden: Outputs of the convolutions over words.
        sentence: Numbers in a sentence's vector.
        document: Outputs of the convolutions over sentences.
        dropout: The share of activations left out in training.
        word_dropout: The share of words that are unknown in training.
        batch: Words in a batch.
        learning_rate: The highest learning rate.
        kinds: The weight of the loss of the kinds.
    """

    passes: Mapping[str, float] = field(default_factory=lambda: {"": 4.0})
    vocabulary: int = 48_000
    width: int = 96
    hidden: int = 64
    sentence: int = 96
    document: int = 64
    dropout: float = 0.15
    word_dropout: float = 0.1
    batch: int = 12_000
    learning_rate: float = 2e-3
    kinds: float = 0.1

    def passes_of(self, source: str) -> float:
        """How often the documents of this source are read."""
        return self.passes.get(source, self.passes.get("", 0.0))


@dataclass(frozen=True)
class Recipe:
    """How to train a model.

    Attributes:
        experts: The linear models.
        sources: The weights of the sources for the context network, as in `Expert`.
        C: The inverse strength of regularisation of the experts.
        folds: Folds of cross-validation.
        networks: How many context networks are averaged.
        hidden: Units in the hidden layer of each.
        context_alpha: Their L2 penalty.
        calibrate_on: Sources to calibrate on; if none is named, all of them.
        words: How to train a word network beside the experts; None to do without.
        network: How to fine-tune a transformer beside them; None to do without.
    """

    experts: tuple[Expert, ...] = (Expert("spoiler"),)
    sources: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"": (1.0, 1.0)})
    C: float = 0.03
    folds: int = 5
    networks: int = 3
    hidden: int = 24
    context_alpha: float = 0.3
    calibrate_on: tuple[str, ...] = ()
    words: WordConfig | None = None
    network: FinetuneConfig | None = None


def example_weights(frame: pd.DataFrame, sources: Mapping[str, tuple[float, float]]) -> Doubles:
    """The weight of each sentence.

    Args:
        frame: The sentences.
        sources: The weight of each source and of its spoilers, as in `Expert`.

    Returns:
        The weights, shape (n,).
    """
    pairs = [sources.get(s, sources.get("", (0.0, 1.0))) for s in frame["source"]]
    spoiler = frame["label"].to_numpy(float)
    each = [w * (1 + (more - 1) * y) for (w, more), y in zip(pairs, spoiler, strict=True)]
    return np.asarray(np.array(each) * frame["weight"].to_numpy(float), np.float64)


# Our own data is clean and the other sources are noisy, and each kind of text has its own style. A single
# model for all sources lost 0.02 AUC on our data and 0.01 to 0.03 on TV Tropes.
_ALIKE = {"reviews": (1.0, 1.0), "tagged_reviews": (0.5, 1.0), "untagged_reviews": (0.5, 1.0), "": (1.0, 1.0)}
RECIPES: dict[str, Recipe] = {
    "plain": Recipe(),
    "accurate": Recipe(network=FINETUNE),
    "fast": Recipe(
        experts=(
            Expert("ours", {"reviews": (1.0, 1.0), "reddit_spans_dev": (0.2, 1.0)}, soft=0.4),
            Expert("tagged", {"tagged_reviews": (0.7, 1.0), "reddit_spans_dev": (1.0, 1.0), "goodreads_dev": (0.5, 5.0),
                              "untagged_reviews": (0.3, 1.0), "reviews": (0.4, 1.0), "tvtropes_train": (0.15, 1.0)},
                   soft=0.3),
            Expert("tropes", {"tvtropes_train": (1.0, 1.0), "reviews": (0.15, 1.0)}, soft=0.1),
            Expert("like tropes", _ALIKE, tells=("tvtropes_train",)),
            Expert("like ours", _ALIKE, tells=("reviews",)),
        ),
        sources={"reviews": (1.0, 1.0), "tagged_reviews": (0.35, 1.0), "reddit_spans_dev": (0.5, 1.0),
                 "untagged_reviews": (0.1, 1.0), "tvtropes_train": (1.0, 1.0), "goodreads_dev": (0.15, 5.0),
                 "": (0.3, 1.0)},
        folds=3,
        calibrate_on=("reviews",),
    ),
}  # fmt: skip
