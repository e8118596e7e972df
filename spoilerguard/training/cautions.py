"""What a user should know of their labels before they trust a model made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["equal_thresholds", "of_labels", "separable"]

SENTENCES, SPOILERS, WORKS = 500, 100, 10  # with fewer, a model is rough
RARE, COMMON = 0.01, 0.5  # shares of spoilers; in real reviews it is one sentence in ten


def of_labels(frame: pd.DataFrame) -> list[str]:
    """Cautions about labels: few, or one-sided.

    Args:
        frame: The sentences to learn from.

    Returns:
        A sentence about each.
    """
    sentences, spoilers, works = len(frame), int(frame["label"].sum()), int(frame["work"].nunique())
    out = []
    if sentences < SENTENCES or spoilers < SPOILERS or works < WORKS:
        out.append(
            f"few labels: {sentences:,} sentences, {spoilers:,} spoilers, {works:,} works; below {SENTENCES} "
            f"sentences, {SPOILERS} spoilers and {WORKS} works a model is rough"
        )
    share = spoilers / max(sentences, 1)
    if share > COMMON:
        out.append(
            f"one-sided labels: {share:.0%} are spoilers, in real reviews about 10%; label the harmless sentences of "
            "the same texts too, or the model flags too much"
        )
    elif share < RARE:
        out.append(f"one-sided labels: only {share:.1%} are spoilers; label more of them, or the model finds few")
    return out


def separable(truth: npt.NDArray[np.int_], probability: npt.NDArray[np.float64], where: str) -> list[str]:
    """A caution if the model makes no error at all: something else than spoilers may give the labels away.

    Args:
        truth: The labels.
        probability: The probabilities of the same sentences.
        where: What the sentences are.
    """
    if not 0 < truth.sum() < len(truth) or probability[truth == 1].min() <= probability[truth == 0].max():
        return []
    return [
        f"separable labels: every spoiler of the {where} scores above every harmless sentence; check that nothing else "
        "gives the labels away, such as where the sentences come from, and do not trust the figures"
    ]


def equal_thresholds(thresholds: Mapping[str, float]) -> list[str]:
    """A caution if sensitivities share a threshold: they flag the same sentences."""
    names = list(thresholds)
    same = [name for name in names if list(thresholds.values()).count(thresholds[name]) > 1]
    if not same:
        return []
    listed = f"{', '.join(same[:-1])} and {same[-1]}"
    return [f"{listed} sensitivity have the same threshold: they flag the same sentences; label more texts"]
