"""Recipes of training: which sources each expert learns from, and how much each source counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spoilerguard.training.finetune_config import FINETUNE, FinetuneConfig

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DEFAULT_GOALS", "REAL_GOALS", "RECIPES", "Expert", "Goals", "Recipe", "WordConfig", "example_weights"]

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
class Goals:
    """What the three sensitivities must reach on validation works.

    Attributes:
        precision_low: The precision at low sensitivity.
        precision_medium: The least precision at medium sensitivity, which has the best F1.
        recall_high: The recall at high sensitivity.
    """

    precision_low: float = 0.95
    precision_medium: float = 0.82
    recall_high: float = 0.90


DEFAULT_GOALS = Goals()


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
        soft_sentences: How many sentences that a teacher scored the experts learn from; a word network learns
            from all of them.
        C: The inverse strength of regularisation of the experts.
        folds: Folds of cross-validation.
        networks: How many context networks are averaged.
        hidden: Units in the hidden layer of each.
        context_alpha: Their L2 penalty.
        calibrate_on: Sources to calibrate on; if none is named, all of them.
        goals: What the three sensitivities must reach.
        words: How to train a word network beside the experts; None to do without.
        network: How to fine-tune a transformer beside them; None to do without.
    """

    experts: tuple[Expert, ...] = (Expert("spoiler"),)
    sources: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"": (1.0, 1.0)})
    soft_sentences: int = 150_000
    C: float = 0.03
    folds: int = 5
    networks: int = 3
    hidden: int = 24
    context_alpha: float = 0.3
    calibrate_on: tuple[str, ...] = ()
    goals: Goals = DEFAULT_GOALS
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


# Real text, labelled sentence by sentence, leads; our own is cleaner than real text ever is, and counts less. The
# second expert learns from our own alone: it knows kinds of spoiler that the real labels have few of.
_LEFT_OUT = dict.fromkeys(("real", "real-labels", "off_topic"), (0.0, 1.0))
_REAL = {"real": (1.0, 1.0), "real-labels": (1.0, 1.0), "off_topic": (1.0, 1.0), "natural": (0.7, 1.0)}
REAL_GOALS = Goals(0.85, 0.70, 0.85)  # at the rates in which spoilers occur there
RECIPES: dict[str, Recipe] = {
    "plain": Recipe(),
    "accurate": Recipe(network=FINETUNE, goals=replace(DEFAULT_GOALS, precision_medium=0.88)),
    "fast": Recipe(
        experts=(
            Expert("real", {**_REAL, "reviews": (0.3, 1.0), "": (1.0, 1.0)}, soft=0.3),
            Expert("ours", {"reviews": (1.0, 1.0), "natural": (1.0, 1.0), "": (1.0, 1.0), **_LEFT_OUT}),
        ),
        sources={**_REAL, "reviews": (0.3, 1.0), "": (1.0, 1.0)},
        folds=3,
        calibrate_on=("real", "real-labels", "off_topic"),
        goals=REAL_GOALS,
        words=WordConfig(
            {"real": 2.5, "real-labels": 2.5, "off_topic": 2.0, "natural": 2.5, "reviews": 1.0, "soft": 1.4, "": 4.0}
        ),
    ),
}
