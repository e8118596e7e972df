"""How to train, as data: which experts hear which sources, and how much each source is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spoilerguard.training.finetune_config import PLAN, Plan

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RECIPES", "Expert", "Recipe", "example_weights"]

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Expert:
    """One linear model: of spoilers, or (with `tells`) of whether a text is from these sources.

    `sources` maps a source's name (a file's stem) to its weight and to how much more its spoilers
    count; `""` stands for every source not named, a source without weight is left out.
    """

    name: str
    sources: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"": (1.0, 1.0)})
    soft: float = 0.0  # weight of a sentence that a teacher scored
    tells: tuple[str, ...] = ()

    def labels(self, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
        return np.asarray(frame["source"].isin(self.tells) if self.tells else frame["label"], np.int64)


@dataclass(frozen=True)
class Recipe:
    """How to train: the experts, and what each source is worth to the network that joins them."""

    experts: tuple[Expert, ...] = (Expert("spoiler"),)
    sources: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"": (1.0, 1.0)})
    C: float = 0.03
    folds: int = 5
    networks: int = 3
    hidden: int = 24
    context_alpha: float = 0.3
    calibrate_on: tuple[str, ...] = ()  # sources; none: all of them
    network: Plan | None = None  # fine-tuned beside the experts


def example_weights(frame: pd.DataFrame, sources: Mapping[str, tuple[float, float]]) -> Doubles:
    pairs = [sources.get(s, sources.get("", (0.0, 1.0))) for s in frame["source"]]
    spoiler = frame["label"].to_numpy(float)
    each = [w * (1 + (more - 1) * y) for (w, more), y in zip(pairs, spoiler, strict=True)]
    return np.asarray(np.array(each) * frame["weight"].to_numpy(float), np.float64)


# Which expert hears what: ours is clean, the others noisy, and each kind of text has its own
# habits. One model for all lost 0.02 AUC on ours and 0.01 to 0.03 on TV Tropes.
_ALIKE = {"reviews": (1.0, 1.0), "tagged_reviews": (0.5, 1.0), "untagged_reviews": (0.5, 1.0), "": (1.0, 1.0)}
RECIPES: dict[str, Recipe] = {
    "plain": Recipe(),
    "accurate": Recipe(network=PLAN),
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
