"""The word network in PyTorch, as it is trained: `model.convolution` without the integers.

Weights and activations are rounded in the forward pass to what the integers can hold, and the gradient passes
through the rounding unchanged (straight-through estimator, Bengio et al. 2013; quantisation-aware training, Jacob
et al. 2018). `integers_of` then gives the arrays that inference multiplies.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from spoilerguard.model.convolution import (
    ATTRIBUTES,
    EXTRAS,
    LARGEST,
    LARGEST_MEAN,
    MEAN_STEP,
    STEP,
    TAILS,
)
from spoilerguard.training.config import WordConfig

__all__ = ["WordModule", "integers_of"]

EMBEDDING_STEP = 32.0  # embeddings are multiples of 1/32


class _Rounded(torch.autograd.Function):
    """Multiples of a step within bounds; the gradient passes where the bounds do not cut."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, steps: float, low: float, high: float) -> torch.Tensor:
        scaled = x * steps
        ctx.save_for_backward((scaled >= low) & (scaled <= high))
        return torch.clamp(torch.round(scaled), low, high) / steps

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, None, None, None]:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None, None, None


def _activation(x: torch.Tensor) -> torch.Tensor:
    rounded: torch.Tensor = _Rounded.apply(functional.relu(x), STEP, 0.0, LARGEST)
    return rounded


def _quantised(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Whole numbers from -127 to 127 and a scale for each output, the first axis."""
    largest = weight.detach().abs().flatten(1).amax(1).clamp(min=1e-8)
    scale = (largest / LARGEST).view(-1, *[1] * (weight.dim() - 1))
    return torch.round(weight.detach() / scale), scale


def _rounded(weight: torch.Tensor) -> torch.Tensor:
    whole, scale = _quantised(weight)
    return weight + (whole * scale - weight).detach()


class WordModule(nn.Module):
    """The network. Words of all sentences stand in one row, a boundary behind each sentence.

    Args:
        config: The sizes of the layers.
        vocabulary: The number of known words.
        kinds: The number of kinds of spoiler.
    """

    def __init__(self, config: WordConfig, vocabulary: int, kinds: int) -> None:
        super().__init__()
        hidden, sentence, document = config.hidden, config.sentence, config.document
        self.known = vocabulary
        self.boundary = vocabulary + TAILS
        self.words = nn.Embedding(vocabulary + TAILS + 1, config.width)
        self.attributes = nn.Embedding(ATTRIBUTES, config.width)
        nn.init.normal_(self.words.weight, std=0.3)
        nn.init.normal_(self.attributes.weight, std=0.1)
        self.words1 = nn.Conv1d(config.width, hidden, 3, padding=1)
        self.words2 = nn.Conv1d(hidden, hidden, 3, padding=1)
        self.sentence = nn.Linear(2 * hidden + len(EXTRAS), sentence)
        self.document1 = nn.Conv1d(sentence, document, 3, padding=1)
        self.document2 = nn.Conv1d(document, document, 3, padding=1)
        self.out = nn.Linear(sentence + document, 1 + kinds)
        self.dropout = nn.Dropout(config.dropout)
        self.word_dropout = config.word_dropout

    def forward(
        self,
        rows: torch.Tensor,
        written: torch.Tensor,
        sizes: torch.Tensor,
        extras: torch.Tensor,
        lengths: torch.Tensor,
    ) -> torch.Tensor:
        """The logit and the kinds of each sentence.

        Args:
            rows: The row of each word in the table of words, shape (words,).
            written: Its attributes, shape (words,).
            sizes: The words of each sentence, at least one, shape (n,).
            extras: EXTRAS of each sentence, shape (n, 6).
            lengths: The sentences of each document, shape (documents,).

        Returns:
            Shape (n, 1 + kinds).
        """
        if self.training:  # now and then a word is unknown
            unknown = self.known + torch.randint(0, TAILS, rows.shape)
            rows = torch.where(torch.rand(rows.shape) < self.word_dropout, unknown, rows)
        n, at = len(sizes), _with_boundaries(sizes)
        full = torch.full((len(rows) + n,), self.boundary).index_copy(0, at, rows)
        here = torch.zeros(len(full), 1).index_fill(0, at, 1.0)
        x = _Rounded.apply(self.words(full), EMBEDDING_STEP, -LARGEST, LARGEST)
        added = _Rounded.apply(self.attributes(written), EMBEDDING_STEP, -LARGEST, LARGEST)
        x = x.index_add(0, at, added).clamp(-LARGEST / EMBEDDING_STEP, LARGEST / EMBEDDING_STEP)
        x = self.dropout(_activation(_convolved(self.words1, x)) * here)
        x = _activation(_convolved(self.words2, x) + x)[at]
        highest = torch.segment_reduce(x, "max", lengths=sizes, unsafe=True)
        mean = _Rounded.apply(torch.segment_reduce(x, "mean", lengths=sizes, unsafe=True), MEAN_STEP, 0.0, LARGEST_MEAN)
        worded = 1 - extras[:, -1:]
        both = torch.cat([highest * worded, mean * (MEAN_STEP / STEP) * worded, extras], 1)
        vectors = self.dropout(_activation(functional.linear(both, _rounded(self.sentence.weight), self.sentence.bias)))
        at = _with_boundaries(lengths)
        z = torch.zeros(n + len(lengths), vectors.shape[1]).index_copy(0, at, vectors)
        here = torch.zeros(len(z), 1).index_fill(0, at, 1.0)
        z = _activation(_convolved(self.document1, z)) * here
        z = self.dropout(_activation(_convolved(self.document2, z) + z)[at])
        return functional.linear(torch.cat([vectors, z], 1), _rounded(self.out.weight), self.out.bias)


def _with_boundaries(sizes: torch.Tensor) -> torch.Tensor:
    """Where items stand once a boundary follows each group of so many."""
    group = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
    return torch.arange(int(sizes.sum())) + group


def _convolved(layer: nn.Conv1d, x: torch.Tensor) -> torch.Tensor:
    return functional.conv1d(x.T[None], _rounded(layer.weight), layer.bias, padding=1)[0].T


def integers_of(module: WordModule, vocabulary: npt.NDArray[np.uint64]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of `model.convolution.WordNetwork` except `blend`.

    Args:
        module: The trained network.
        vocabulary: Hashes of the known words, ascending.

    Returns:
        The arrays by name.
    """

    def embedding(layer: nn.Embedding) -> npt.NDArray[np.int8]:
        whole = torch.clamp(torch.round(layer.weight.detach() * EMBEDDING_STEP), -LARGEST, LARGEST)
        return np.asarray(whole.numpy().astype(np.int8))

    arrays: dict[str, npt.NDArray[Any]] = {
        "vocabulary": vocabulary,
        "words": embedding(module.words),
        "attributes": embedding(module.attributes),
    }
    for name, step in (("words1", EMBEDDING_STEP), *((n, STEP) for n in ("words2", "document1", "document2"))):
        layer = getattr(module, name)
        whole, scale = _quantised(layer.weight)  # (outputs, inputs, 3)
        arrays[name] = whole.permute(1, 2, 0).reshape(whole.shape[1], -1).numpy().astype(np.int8)
        arrays[f"{name}_scale"] = scale.flatten().numpy() * np.float32(STEP / step)
        arrays[f"{name}_bias"] = layer.bias.detach().numpy() * np.float32(STEP)
    for name, unit in (("sentence", STEP), ("out", 1.0)):
        layer = getattr(module, name)
        whole, scale = _quantised(layer.weight)
        arrays[name] = whole.T.numpy().astype(np.int8)
        arrays[f"{name}_scale"] = scale.flatten().numpy() * np.float32(unit / STEP)
        arrays[f"{name}_bias"] = layer.bias.detach().numpy() * np.float32(unit)
    return {name: np.ascontiguousarray(a) for name, a in arrays.items()}
