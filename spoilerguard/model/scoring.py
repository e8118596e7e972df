"""Sentences to calibrated probabilities and reasons: the linear scorer.

Two steps. Each expert (a kind of text has its own) gives a sentence a logit: the sum of the weights
of its n-grams and cues. Then a small network looks at these logits among the neighbours': spoilers
come in runs, and what a document says of itself ("spoilers ahead") counts.
Arrays and numpy are all it takes, so a model works under every version of scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from spoilerguard.model import context
from spoilerguard.model.features import BITS, Block, Ints, Tokens, clean, cues, hashed, summed, tokens_of
from spoilerguard.spans import Reason, Work

__all__ = [
    "KINDS",
    "KIND_BITS",
    "KIND_BLOCKS",
    "Batch",
    "LinearScorer",
    "Scorer",
    "logit",
    "one_by_one",
    "sigmoid",
]

PART = 200_000  # characters whose n-grams are held at a time
KIND_BITS = 16  # the kinds' tables are smaller: only a flagged sentence is asked for its kind
KIND_BLOCKS = frozenset({"word", "pair"})

# The kinds a flag may name, and what each is called to a reader.
KINDS = {
    "death": "a death",
    "twist": "a twist",
    "identity": "an identity",
    "ending": "the ending",
    "betrayal": "a betrayal",
    "relationship": "a relationship",
    "late-event": "a late event",
}


class Scorer(Protocol):
    """What a Guard needs of a model."""

    @property
    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """The weights, as `store` writes them."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """What else the model consists of: name of a file to its content."""

    def score(self, sentences: Sequence[str]) -> npt.NDArray[np.float64]:
        """Probability that each sentence, alone, is a spoiler: shape (n,)."""

    def score_documents(
        self, documents: Sequence[Sequence[str]], works: Sequence[Work | None]
    ) -> list[npt.NDArray[np.float64]]:
        """Probability of each sentence read in its document: one array a document."""

    def reasons(self, sentences: Sequence[str]) -> list[tuple[Reason, ...]]:
        """Why each of these sentences looks like a spoiler."""

    def word_weights(self, sentence: str) -> list[tuple[str, float]]:
        """Each word of a sentence with what it adds to the logit, in order."""


def sigmoid(logit: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(np.asarray(logit, np.float64), -30, 30))))


def logit(probability: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The inverse of `sigmoid`, within its bounds."""
    p = np.clip(np.asarray(probability, np.float64), 1e-13, 1 - 1e-13)
    return np.asarray(np.log(p / (1 - p)))


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents to score together: their sentences as a model reads them, one after the other."""

    sentences: Sequence[str]
    lengths: Ints  # (documents,) sentences of each
    tokens: Tokens

    @classmethod
    def of(cls, documents: Sequence[Sequence[str]]) -> Batch:
        """Documents, each a list of sentences."""
        sentences = [clean(s) for document in documents for s in document]
        return cls(sentences, np.array([len(d) for d in documents], np.int64), tokens_of(sentences))

    def split(self, scores: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
        """Scores of all sentences (n,) to one array a document."""
        return np.split(scores, np.cumsum(self.lengths)[:-1]) if len(self.lengths) else []


def one_by_one(scorer: Scorer, sentences: Sequence[str]) -> npt.NDArray[np.float64]:
    """The probability of each sentence read alone, as a document of one: shape (n,)."""
    scores = scorer.score_documents([[s] for s in sentences], [None] * len(sentences))
    return np.concatenate(scores) if scores else np.zeros(0)


@dataclass(frozen=True, slots=True)
class LinearScorer:
    """Experts (weights of hashed n-grams and cues), the context network, kinds of spoiler.

    `arrays` holds: `weights` (2**BITS, E), `cues` (len(CUES), E) and `intercept` (E,) of the E experts,
    `context_*` the layers of the context network, `kinds` (K, 2**KIND_BITS) and `kind_bias` (K,).
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    kinds: tuple[str, ...] = ()

    @property
    def files(self) -> Mapping[str, bytes]:
        return {}

    def logits(self, tokens: Tokens) -> npt.NDArray[np.float64]:
        """What each expert makes of each sentence alone: shape (n, E)."""
        arrays = self.arrays
        total: npt.NDArray[np.float64] = context.weighed(cues(tokens), arrays["cues"]) + arrays["intercept"]
        for block in hashed(tokens):
            # `take` gathers rows in a third of the time that indexing needs.
            total += summed(block, arrays["weights"].take(block.buckets, axis=0), tokens.sentences)
        return total

    def score(self, sentences: Sequence[str]) -> npt.NDArray[np.float64]:
        """A sentence alone is a document of one."""
        return one_by_one(self, sentences)

    def score_documents(
        self, documents: Sequence[Sequence[str]], works: Sequence[Work | None]
    ) -> list[npt.NDArray[np.float64]]:
        batch = Batch.of(documents)
        return batch.split(self.probabilities(batch, works))

    def probabilities(self, batch: Batch, works: Sequence[Work | None]) -> npt.NDArray[np.float64]:
        """The probability of each sentence of a batch: shape (n,)."""
        if not batch.sentences:
            return np.zeros(0)
        rows = context.features(self._in_parts(batch.sentences, batch.tokens), batch.tokens, batch.lengths, works)
        return sigmoid(context.forward(self.arrays, rows))

    def _in_parts(self, sentences: Sequence[str], tokens: Tokens) -> npt.NDArray[np.float64]:
        """The logits, of so many sentences at a time that memory stays small."""
        if len(tokens.codes) <= PART:
            return self.logits(tokens)
        parts, start = [], 0
        while start < len(sentences):
            end = max(start + 1, int(np.searchsorted(tokens.bounds, tokens.bounds[start] + PART)) - 1)
            parts.append(self.logits(tokens_of(sentences[start:end])))
            start = end
        return np.vstack(parts)

    def reasons(self, sentences: Sequence[str]) -> list[tuple[Reason, ...]]:
        """The kind of spoiler each sentence looks like, and the words that weighed most.

        The run of up to four words with the highest sum of gains is named, bar common words at its ends.
        """
        texts = [clean(s) for s in sentences]
        tokens = tokens_of(texts)
        blocks = list(hashed(tokens, characters=(0, 0)))
        gain = self._gains(tokens, blocks).tolist()
        kinds = np.argmax(self._kinds(tokens, blocks), axis=1).tolist() if self.kinds else []
        out: list[tuple[Reason, ...]] = []
        for row, (text, (first, words)) in enumerate(zip(texts, _bounds_of_words(tokens), strict=True)):
            common = [text[start:end].lower() in context.COMMON for start, end in words]
            run = _weightiest(gain[first : first + len(words)], common)
            named = text[words[run[0]][0] : words[run[1] - 1][1]] if run else text[:40]
            out.append((Reason(self.kinds[kinds[row]] if kinds else "spoiler", named),))
        return out

    def word_weights(self, sentence: str) -> list[tuple[str, float]]:
        """Each word of a sentence with what it adds to the logit, in order."""
        text = clean(sentence)
        tokens = tokens_of([text])
        ((_, words),) = _bounds_of_words(tokens)
        gains = self._gains(tokens, hashed(tokens, characters=(0, 0)))
        return [(text[s:e], float(g)) for (s, e), g in zip(words, gains, strict=True)]

    def _gains(self, tokens: Tokens, blocks: Iterable[Block]) -> npt.NDArray[np.float64]:
        """What each word adds to the first expert's logit: an n-gram's weight is shared out among its words."""
        gain = np.zeros(len(tokens.start))
        for block in blocks:
            assert block.token is not None
            count = np.sqrt(np.maximum(np.bincount(block.rows, minlength=tokens.sentences), 1))
            share = self.arrays["weights"][block.buckets, 0] / count[block.rows] / len(block.back)
            for back in block.back:
                at = block.token - back
                whole = (at >= 0) & (tokens.sentence_of[at] == block.rows)  # the first word has none before it
                np.add.at(gain, at[whole], share[whole])
        return gain

    def _kinds(self, tokens: Tokens, blocks: Iterable[Block]) -> npt.NDArray[np.float64]:
        """Logit of each kind of spoiler: shape (n, number of kinds)."""
        kinds = np.tile(self.arrays["kind_bias"].astype(np.float64), (tokens.sentences, 1))
        for block in blocks:
            if block.name in KIND_BLOCKS:
                weights = self.arrays["kinds"][:, block.buckets >> (BITS - KIND_BITS)].T
                kinds += summed(block, weights.astype(np.float64), tokens.sentences)
        return kinds


def _bounds_of_words(tokens: Tokens) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """For each sentence, the number of its first word, and where its words stand in its cleaned text."""
    firsts = np.searchsorted(tokens.sentence_of, np.arange(tokens.sentences + 1)).tolist()
    offsets = tokens.bounds[tokens.sentence_of] + 1
    words = list(zip((tokens.start - offsets).tolist(), (tokens.end - offsets).tolist(), strict=True))
    return ((first, words[first:last]) for first, last in pairwise(firsts))


def _weightiest(gain: Sequence[float], common: Sequence[bool], most: int = 4) -> tuple[int, int] | None:
    """The run of up to `most` words whose gains add up highest: start and end (exclusive).

    It starts and ends with a word that says something ("he is dead" is named as "dead"), where the
    sentence has one.
    """
    telling = not all(common)
    best: tuple[float, int, int] | None = None
    for start in range(len(gain)):
        total = 0.0
        for end in range(start + 1, min(start + most, len(gain)) + 1):
            total += gain[end - 1]
            if (best is None or total > best[0]) and not (telling and (common[start] or common[end - 1])):
                best = (total, start, end)
    return best[1:] if best else None
