"""The word network: convolutions over the words of a sentence, then over the sentences of a document.

A small convolutional network (Kim 2014; hierarchical over sentences as in Yang et al. 2016), taught by the
transformer. Every weight and every activation is a small integer (quantisation-aware training, Jacob et al.
2018), kept in 32-bit floats so that BLAS multiplies them. Sums of integers below 2**24 are exact in such floats
whatever the order of addition, so a score depends neither on the batch it was computed in nor on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from spoilerguard.model import context
from spoilerguard.model.features import TABLE_SIZE, Ints, Tokens, tokens_of
from spoilerguard.model.scoring import Batch, LinearScorer, Reading, logit, one_by_one, sigmoid
from spoilerguard.spans import Reason, Work

__all__ = [
    "ATTRIBUTES",
    "EXTRAS",
    "LAYERS",
    "TAILS",
    "ConvolutionalScorer",
    "WordNetwork",
    "attributes_of",
    "network_of",
    "rows_of",
]


Floats = npt.NDArray[np.float32]
Array = npt.NDArray[Any]

TAILS = 512  # rows shared by the words that are not in the vocabulary, by their last three letters
CASES, MARKS = 4, 8
ATTRIBUTES = CASES * MARKS  # how a word is written, and the mark behind it
EXTRAS = ("announced", "announcement itself", "said to be free", "first", "last", "without words")
STEP = 16.0  # activations are multiples of 1/16, up to LARGEST
LARGEST = 127.0
MEAN_STEP, LARGEST_MEAN = 64.0, 255.0  # means are multiples of 1/64
PART = 4096  # words whose activations are held at a time

LAYERS = ("words1", "words2", "sentence", "document1", "document2", "out")
_CONVOLUTIONS = frozenset({"words1", "words2", "document1", "document2"})
_EXACT = 2.0**24  # whole numbers below it are exact in 32-bit floats

_MARKS = np.zeros(TABLE_SIZE, np.int64)
for _class, _characters in enumerate(("", ",;:", ".", "?", "!", "\"'", "()[]", "-/*_")):
    for _character in _characters:
        _MARKS[ord(_character)] = _class


def rows_of(tokens: Tokens, vocabulary: npt.NDArray[np.uint64]) -> Ints:
    """The row of each word in the table of words: its own, or one shared by unknown words that end alike.

    Args:
        tokens: The words of n sentences.
        vocabulary: Hashes of the known words, ascending.

    Returns:
        Shape (words,), from 0 to `len(vocabulary) + TAILS - 1`.
    """
    at = np.searchsorted(vocabulary, tokens.hash)
    at[at == len(vocabulary)] = 0
    codes, last = tokens.codes, tokens.end - 1
    tail = np.zeros(len(last), np.uint32)
    for back, factor in ((0, 1147), (1, 37), (2, 1)):
        tail += codes[np.maximum(last - back, tokens.start)] * np.uint32(factor)
    unknown = len(vocabulary) + (tail % np.uint32(TAILS)).astype(np.int64)
    return np.where(vocabulary[at] == tokens.hash, at, unknown)


def attributes_of(tokens: Tokens) -> Ints:
    """How each word is written (lower case, name, capitals, first) and the mark behind it: shape (words,)."""
    first = np.ones(len(tokens.start), np.bool_)
    first[1:] = tokens.sentence_of[1:] != tokens.sentence_of[:-1]
    case = np.where(tokens.shouted, 2, np.where(tokens.name, 1, np.where(first, 3, 0)))
    mark = _MARKS[np.minimum(tokens.codes[tokens.end], TABLE_SIZE - 1)]
    return np.asarray(case * MARKS + mark, np.int64)


def network_of(arrays: Mapping[str, Array], kinds: int) -> WordNetwork:
    """The word network of a model's arrays, if they fit each other. Raises ValueError.

    Args:
        arrays: As in `WordNetwork`, and `blend` (2, 3).
        kinds: The number of kinds of spoiler that the model names.
    """

    def refuse(name: str, why: str) -> ValueError:
        return ValueError(f"array {name!r} of the word network {why}")

    names = {"vocabulary", "words", "attributes", "blend"}
    names |= {f"{layer}{part}" for layer in LAYERS for part in ("", "_scale", "_bias")}
    if difference := names ^ set(arrays):
        raise refuse(sorted(difference)[0], "is missing or unknown")
    for name, array in arrays.items():
        kind = "u" if name == "vocabulary" else "i" if name in (*LAYERS, "words", "attributes") else "f"
        if array.dtype.kind != kind or array.ndim != (1 if kind == "u" or "_" in name else 2):
            raise refuse(name, f"has {array.ndim} dimensions of {array.dtype}")
        if kind == "f" and not np.isfinite(array).all():
            raise refuse(name, "holds values that are not finite")
    vocabulary, words = arrays["vocabulary"], arrays["words"]
    if len(words) != len(vocabulary) + TAILS + 1 or (vocabulary[1:] <= vocabulary[:-1]).any():
        raise refuse("vocabulary", "is not in order, or has no row of its own for each word")
    width, hidden = words.shape[1], arrays["words2"].shape[0]
    sentence, document = arrays["sentence"].shape[1], arrays["document2"].shape[0]
    shapes = {
        "attributes": (ATTRIBUTES, width),
        "words1": (width, 3 * hidden),
        "words2": (hidden, 3 * hidden),
        "sentence": (2 * hidden + len(EXTRAS), sentence),
        "document1": (sentence, 3 * document),
        "document2": (document, 3 * document),
        "out": (sentence + document, 1 + kinds),
        "blend": (2, 3),
    }
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise refuse(name, f"has shape {arrays[name].shape}, expected {shape}")
    for layer in LAYERS:
        outputs = shapes[layer][1] // (3 if layer in _CONVOLUTIONS else 1)
        if any(arrays[f"{layer}_{part}"].shape != (outputs,) for part in ("scale", "bias")):
            raise refuse(layer, "has another number of scales or biases than of outputs")
        if np.abs(arrays[layer].astype(np.int64)).sum(0).max() * LARGEST_MEAN >= _EXACT:
            raise refuse(layer, "has weights so large that sums would not be exact")
    return WordNetwork(arrays)


@dataclass(frozen=True)
class WordNetwork:
    """The network's integers.

    `arrays` holds `vocabulary` (V,) hashes; `words` (V + TAILS + 1, D), whose last row is the boundary between
    sentences, and `attributes` (ATTRIBUTES, D), added to a word's; `words1` and `words2`, convolutions of width
    three over words; `sentence`, a layer over each sentence's maximum, mean and EXTRAS; `document1` and
    `document2`, convolutions over sentences; `out`, the logit and then one output a kind. Each layer has
    `NAME` (inputs, outputs) of integers, `NAME_scale` and `NAME_bias` (outputs,).
    """

    arrays: Mapping[str, Array]

    @cached_property
    def _weights(self) -> dict[str, Floats]:
        """Layers as floats; of a convolution, the three parts side by side."""
        return {name: np.ascontiguousarray(self.arrays[name], np.float32) for name in (*LAYERS, "attributes")}

    def outputs(self, tokens: Tokens, lengths: Ints) -> Floats:
        """The logit and the kinds of each sentence.

        Args:
            tokens: The words of n sentences, documents one after the other.
            lengths: The number of sentences of each document.

        Returns:
            Shape (n, 1 + kinds).
        """
        sentences = self._sentences(tokens)
        counts = np.bincount(tokens.sentence_of, minlength=tokens.sentences)
        index = np.arange(len(sentences)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        announced, itself, free = context.announcements(tokens, lengths)
        extras = np.stack(
            [announced, itself > 0, free, index == 0, index == np.repeat(lengths, lengths) - 1, counts == 0], axis=1
        )
        vectors = self._layer("sentence", np.hstack([sentences, extras.astype(np.float32) * np.float32(STEP)]))
        return self._read_in_document(vectors, lengths)

    def _sentences(self, tokens: Tokens) -> Floats:
        """Of each sentence the maximum and the mean of its words' vectors, as integers: shape (n, 2 * H)."""
        rows, written = rows_of(tokens, self.arrays["vocabulary"]), attributes_of(tokens)
        width = self.arrays["words2"].shape[1] // 3
        out = np.zeros((tokens.sentences, 2 * width), np.float32)
        changes = np.append(True, tokens.sentence_of[1:] != tokens.sentence_of[:-1])
        starts = np.flatnonzero(changes[: len(rows)])
        bounds = np.append(starts, len(rows)).astype(np.int64)
        first = 0
        while first < len(starts):
            last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + PART)) - 1)
            here = slice(int(bounds[first]), int(bounds[last]))
            found = tokens.sentence_of[bounds[first:last]]
            out[found] = self._pooled(rows[here], written[here], bounds[first : last + 1] - bounds[first])
            first = last
        return out

    def _pooled(self, rows: Ints, written: Ints, bounds: Ints) -> Floats:
        """Words of some sentences to the maximum and the mean of each; `bounds` (k + 1,) are where they begin."""
        sizes = np.diff(bounds)
        gaps = np.repeat(np.arange(1, len(sizes) + 1), sizes)
        at = np.arange(len(rows)) + gaps  # a boundary before each sentence, and one after the last
        table = self.arrays["words"]
        full = np.full(len(rows) + len(sizes) + 1, len(table) - 1)
        full[at] = rows
        x = table.take(full, axis=0).astype(np.float32)
        x[at] += self._weights["attributes"].take(written, axis=0)
        np.clip(x, -LARGEST, LARGEST, out=x)
        boundary = bounds + np.arange(len(bounds))
        x = self._convolved("words1", x)
        x[boundary] = 0
        x = self._convolved("words2", x, skip=True)
        starts = bounds[:-1] + np.arange(1, len(bounds))
        x[boundary] = 0  # adds nothing, and no activation is below it
        mean = np.add.reduceat(x, starts, axis=0)
        mean *= (np.float32(MEAN_STEP / STEP) / sizes.astype(np.float32))[:, None]
        return np.hstack([np.maximum.reduceat(x, starts, axis=0), _whole(mean, LARGEST_MEAN)])

    def _read_in_document(self, vectors: Floats, lengths: Ints) -> Floats:
        """Each sentence's vector beside its neighbours': shape (n, outputs)."""
        document = np.repeat(np.arange(len(lengths)), lengths)
        at = np.arange(len(vectors)) + document + 1
        padded = np.zeros((len(vectors) + len(lengths) + 1, vectors.shape[1]), np.float32)
        padded[at] = vectors
        x = self._convolved("document1", padded)
        boundary = np.ones(len(x), np.bool_)
        boundary[at] = False
        x[boundary] = 0
        x = self._convolved("document2", x, skip=True)
        return self._scaled("out", np.hstack([vectors, x[at]]) @ self._weights["out"])

    def _convolved(self, name: str, x: Floats, *, skip: bool = False) -> Floats:
        """A convolution of width three; rows beyond the ends count as zero. With `skip`, the input is added."""
        parts = x @ self._weights[name]  # before, here, after, side by side
        width = parts.shape[1] // 3
        y = parts[:, width : 2 * width].copy()
        y[1:] += parts[:-1, :width]
        y[:-1] += parts[1:, 2 * width :]
        y = self._scaled(name, y)
        if skip:
            y += x
        return _whole(y, LARGEST)

    def _layer(self, name: str, x: Floats) -> Floats:
        return _whole(self._scaled(name, x @ self._weights[name]), LARGEST)

    def _scaled(self, name: str, sums: Floats) -> Floats:
        sums *= self.arrays[f"{name}_scale"]
        sums += self.arrays[f"{name}_bias"]
        return sums


def _whole(x: Floats, largest: float) -> Floats:
    """Rounded to whole numbers from 0 to `largest`, in place."""
    np.rint(x, out=x)
    return np.clip(x, 0, largest, out=x)


@dataclass(frozen=True)
class ConvolutionalScorer:
    """The word network beside the linear model.

    `network.arrays["blend"]` (2, 3) weighs the network's logit, the linear model's logit and adds an intercept:
    its first row where nothing is known of the work, its second where a blurb or a synopsis is.
    """

    linear: LinearScorer
    network: WordNetwork
    files: Mapping[str, bytes]

    @property
    def arrays(self) -> Mapping[str, Array]:
        return self.linear.arrays

    def score(self, sentences: Sequence[str]) -> npt.NDArray[np.float64]:
        """A sentence alone is a document of one."""
        return one_by_one(self, sentences)

    def score_documents(
        self, documents: Sequence[Sequence[str]], works: Sequence[Work | None]
    ) -> list[npt.NDArray[np.float64]]:
        return [reading.scores for reading in self.read(documents, works)]

    def read(self, documents: Sequence[Sequence[str]], works: Sequence[Work | None]) -> list[Reading]:
        batch = Batch.of(documents)
        if not batch.sentences:
            return batch.split(np.zeros(0), np.zeros((0, len(self.linear.kinds))))
        known = np.array([work is not None and bool(work.blurb or work.synopsis) for work in works], np.int64)
        blend = self.network.arrays["blend"][np.repeat(known, batch.lengths)]
        found = self.network.outputs(batch.tokens, batch.lengths).astype(np.float64)
        linear = logit(self.linear.probabilities(batch, works))
        scores = sigmoid(blend[:, 0] * found[:, 0] + blend[:, 1] * linear + blend[:, 2])
        return batch.split(scores, sigmoid(found[:, 1:]))

    def reasons(
        self, sentences: Sequence[str], kinds: npt.NDArray[np.float64] | None = None
    ) -> list[tuple[Reason, ...]]:
        return self.linear.reasons(sentences, kinds, self._alone)

    def _alone(self, sentences: Sequence[str]) -> npt.NDArray[np.float64]:
        """The network's logit of each cleaned sentence, read alone: shape (n,)."""
        outputs = self.network.outputs(tokens_of(sentences), np.ones(len(sentences), np.int64))
        return np.asarray(outputs[:, 0], np.float64)

    def word_weights(self, sentence: str) -> list[tuple[str, float]]:
        return self.linear.word_weights(sentence)
