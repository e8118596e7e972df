"""Parameters of fine-tuning: how often each source is read, and how much its labels count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["FINETUNE", "FINETUNE_REAL", "FinetuneConfig", "Source"]


@dataclass(frozen=True)
class Source:
    """How one source of labels (a file's stem) is used.

    Attributes:
        passes: How often its documents are read.
        weight: How much its labels count.
        smoothing: How far its labels are moved from 0 and 1; for noisy labels.
        spoilers: How many times more a spoiler counts; for sources where spoilers are rare.
        alone: The share of its documents that are read one sentence at a time.
        cut: The share that is cut at paragraphs. Half of these parts are read alone, the others behind parts of
            other documents: what surrounds a sentence may be about another work.
    """

    passes: float
    weight: float = 1.0
    smoothing: float = 0.0
    spoilers: float = 1.0
    alone: float = 0.2
    cut: float = 0.0


@dataclass(frozen=True)
class FinetuneConfig:
    """Parameters of fine-tuning.

    Attributes:
        sources: How each source is used; "" stands for every source that is not named.
        pieces: Word pieces in a batch.
        learning_rate: The highest learning rate of the encoder.
        head_learning_rate: The highest learning rate of the heads.
        warm_up: The share of the steps in which the learning rate rises.
        with_blurb: The share of documents that are read with the blurb of their work, where it is known.
        with_synopsis: The share of documents that are read with its synopsis.
        kinds: The weight of the loss of the kinds.
        seed: The seed of everything random.
    """

    sources: Mapping[str, Source] = field(default_factory=lambda: {"": Source(4.0)})
    pieces: int = 2048
    learning_rate: float = 8e-5
    head_learning_rate: float = 1e-3
    warm_up: float = 0.06
    with_blurb: float = 0.15
    with_synopsis: float = 0.5
    kinds: float = 0.15
    seed: int = 0

    def source(self, name: str) -> Source:
        """How the source of this name is used."""
        return self.sources.get(name, self.sources.get("", Source(0.0)))


# Our own data is clean and read most often; the other sources are noisy.
FINETUNE = FinetuneConfig(
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

# The second stage, from the weights of the first: real text first.
FINETUNE_REAL = FinetuneConfig(
    {
        "real": Source(2.5, alone=0.06, cut=0.14),
        "real-labels": Source(1.7, alone=0.06, cut=0.14),
        "natural": Source(1.5, alone=0.06, cut=0.14),
        "off_topic": Source(1.4, alone=0.06, cut=0.14),
        "reviews": Source(0.7, alone=0.06, cut=0.14),
        "": Source(0.0),
    },
    learning_rate=6e-5,
    with_blurb=0.15,
    with_synopsis=0.35,
)
