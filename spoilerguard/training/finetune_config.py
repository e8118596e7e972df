"""How to fine-tune, as data: how often each source is read, and how much its labels are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PLAN", "Plan", "Source"]


@dataclass(frozen=True)
class Source:
    """One source of labels (a file's stem)."""

    passes: float  # over its documents
    weight: float = 1.0  # of its labels
    smoothing: float = 0.0  # labels are moved so far from 0 and 1: for noisy ones
    spoilers: float = 1.0  # a spoiler weighs so many times more: where they are rare
    alone: float = 0.2  # share of its documents that are read one sentence at a time


@dataclass(frozen=True)
class Plan:
    """How to fine-tune; `sources[""]` stands for every source not named."""

    sources: Mapping[str, Source] = field(default_factory=lambda: {"": Source(4.0)})
    pieces: int = 2048  # word pieces a batch
    learning_rate: float = 8e-5
    head_learning_rate: float = 1e-3
    warm_up: float = 0.06
    with_blurb: float = 0.15  # share of the documents, where the work is known
    with_synopsis: float = 0.5
    kinds: float = 0.15  # weight of the loss of the kinds
    seed: int = 0

    def source(self, name: str) -> Source:
        """The rules of a source, by its name."""
        return self.sources.get(name, self.sources.get("", Source(0.0)))


# Ours is clean and read most often; the others are noisy.
PLAN = Plan(
    {
        "reviews": Source(5.0),
        "tagged_reviews": Source(1.5, 0.8, 0.07),
        "tvtropes_train": Source(1.3, 0.8, 0.07),
        "goodreads_dev": Source(0.7, 0.7, 0.07, spoilers=5.0),
        "reddit_spans_dev": Source(2.0, 0.8, 0.07),
        "untagged_reviews": Source(0.15, 0.4, 0.07),
        "": Source(4.0),
    }
)
