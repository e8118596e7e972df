"""What each sentence of a frame is to teach a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spoilerguard.model.scoring import KINDS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DOUBT", "kinds_of", "targets_of"]

Floats = npt.NDArray[np.float32]

DOUBT = 0.25  # a label that a careful reader could give otherwise is moved so far towards the other
_NAMED = 0.3  # a teacher's kinds count where it gives a spoiler this probability or more


def targets_of(frame: pd.DataFrame) -> tuple[Floats, Floats]:
    """The probability that each sentence is to be given, and how much it counts.

    A label in doubt is softened and counts in full. Where `target` holds a teacher's probability, it counts
    alone for a sentence without a reader (`label` negative), and half beside a label.

    Args:
        frame: Sentences as `datasets.to_frame` makes them, perhaps with a column `target`.

    Returns:
        Probabilities and weights, each of shape (n,).
    """
    label = frame["label"].to_numpy(float)
    doubt = frame["doubt"].to_numpy(bool) if "doubt" in frame else np.zeros(len(frame), bool)
    probability = np.where(doubt, np.where(label > 0, 1 - DOUBT, DOUBT), label)
    weight = np.where(doubt, 1.0, frame["weight"].to_numpy(float))
    if "target" in frame:
        taught = frame["target"].to_numpy(float)
        both = np.where(label < 0, taught, (probability + taught) / 2)
        probability = np.where(np.isnan(taught), probability, both)
    return probability.astype(np.float32), weight.astype(np.float32)


def kinds_of(frame: pd.DataFrame) -> Floats:
    """Which kinds each spoiler has: 0 or 1 from its tags, a probability from a teacher (columns named like kinds).

    Args:
        frame: Sentences as `datasets.to_frame` makes them.

    Returns:
        Shape (n, kinds); NaN where nothing is known: of harmless sentences, and of spoilers without a tag.
    """
    names = list(KINDS)
    out = np.full((len(frame), len(names)), np.nan, np.float32)
    for row, (label, tags) in enumerate(zip(frame["label"], frame["tags"], strict=True)):
        if label > 0 and any(tag in KINDS for tag in tags):
            out[row] = [name in tags for name in names]
    if all(name in frame for name in names):
        taught = (frame["label"].to_numpy(int) < 0) & (frame["target"].to_numpy(float) >= _NAMED)
        out[taught] = frame.loc[taught, names].to_numpy(np.float32)
    return out
