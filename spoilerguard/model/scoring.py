"""Sentences to calibrated probabilities and reasons: the linear scorer.

Two steps. Each expert (a kind of text has its own) gives a sentence a logit: the sum of the weights
of its n-grams and cues. Then a small network looks at these logits among the neighbours': spoilers
come in runs, and what a document says of itself ("spoilers ahead") counts.
Arrays and numpy are all it takes, so a model works under every version of scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from spoilerguard.model import context
from spoilerguard.model.features import BITS, Block, Ints, Tokens, clean, cues, hashed, summed, tokens_of
from spoilerguard.model.phrases import Phrase, phrases
from spoilerguard.spans import Reason, Work

__all__ = [
    "KINDS",
    "KIND_BITS",
    "KIND_BLOCKS",
    "KIND_NAMES",
    "NAMED_FROM",
    "UNNAMED",
    "Batch",
    "LinearScorer",
    "Reading",
    "Scorer",
    "logit",
    "one_by_one",
    "sigmoid",
]

PART = 200_000  # characters whose n-grams are held at a time
KIND_BITS = 16  # the kinds' tables are smaller: only a flagged sentence is asked for its kind
KIND_BLOCKS = frozenset({"word", "pair"})
NAMED_FROM = 0.35  # no kind is named that is less likely; two in three named from here on are right
CLEAR = 0.3  # a phrase that is worth so much more than the others is shown
LOSS = 0.3  # what a logit is worth, beside the worth of a phrase
WEIGHED = 512  # sentences that a network weighs at a time, to find the words to show

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
UNNAMED = "spoiler"  # where no kind is likely enough to be named
KIND_NAMES = {**KINDS, UNNAMED: "gives the plot away"}


class Reading(NamedTuple):
    """What a model reads in a document.

    Attributes:
        scores: The probability that each sentence is a spoiler: shape (n,).
        kinds: The probability that each, if it is one, is of each kind: shape (n, kinds). Without columns where
            the model has no network, and NaN where it was not asked.
    """

    scores: npt.NDArray[np.float64]
    kinds: npt.NDArray[np.float64]


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

    def read(self, documents: Sequence[Sequence[str]], works: Sequence[Work | None]) -> list[Reading]:
        """What the model reads in each document."""

    def score_documents(
        self, documents: Sequence[Sequence[str]], works: Sequence[Work | None]
    ) -> list[npt.NDArray[np.float64]]:
        """The scores of `read`: one array a document."""

    def reasons(
        self, sentences: Sequence[str], kinds: npt.NDArray[np.float64] | None = None
    ) -> list[tuple[Reason, ...]]:
        """Why each of these sentences looks like a spoiler: its kinds, and the words that weigh most.

        `kinds` are the rows of `Reading.kinds` of these sentences; without them, only the linear model names kinds.
        """

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

    def split(self, scores: npt.NDArray[np.float64], kinds: npt.NDArray[np.float64]) -> list[Reading]:
        """Scores (n,) and kinds (n, k) of all sentences, document by document."""
        at = np.cumsum(self.lengths)[:-1]
        parts = zip(np.split(scores, at), np.split(kinds, at), strict=True) if len(self.lengths) else ()
        return [Reading(*part) for part in parts]


def one_by_one(scorer: Scorer, sentences: Sequence[str]) -> npt.NDArray[np.float64]:
    """The probability of each sentence read alone, as a document of one: shape (n,)."""
    scores = scorer.score_documents([[s] for s in sentences], [None] * len(sentences))
    return np.concatenate(scores) if scores else np.zeros(0)


@dataclass(frozen=True, slots=True)
class LinearScorer:
    """Experts (weights of hashed n-grams and cues), the context network, kinds of spoiler.

    A kind is named from its probability in `named_from` on; without those, from NAMED_FROM on.

    `arrays` holds: `weights` (2**BITS, E), `cues` (len(CUES), E) and `intercept` (E,) of the E experts,
    `context_*` the layers of the context network, `kinds` (K, 2**KIND_BITS) and `kind_bias` (K,).
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    kinds: tuple[str, ...] = ()
    named_from: tuple[float, ...] | None = None

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

    def read(self, documents: Sequence[Sequence[str]], works: Sequence[Work | None]) -> list[Reading]:
        batch = Batch.of(documents)
        return batch.split(self.probabilities(batch, works), np.empty((len(batch.sentences), 0)))

    def score_documents(
        self, documents: Sequence[Sequence[str]], works: Sequence[Work | None]
    ) -> list[npt.NDArray[np.float64]]:
        return [reading.scores for reading in self.read(documents, works)]

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

    def reasons(
        self,
        sentences: Sequence[str],
        kinds: npt.NDArray[np.float64] | None = None,
        weigh: Callable[[Sequence[str]], npt.NDArray[np.float64]] | None = None,
    ) -> list[tuple[Reason, ...]]:
        """As in `Scorer`; `weigh`, where a network has one, gives the logit of each cleaned sentence, read alone.

        The words shown are those whose loss costs the sentence most (occlusion; Zeiler & Fergus 2014): of a few
        phrases that weigh most in this model, the network chooses one.
        """
        if not sentences:
            return []
        at: dict[str, int] = {}
        place = [at.setdefault(clean(s), len(at)) for s in sentences]
        texts = list(at)  # what stands there twice is looked at once
        tokens = tokens_of(texts)
        blocks = list(hashed(tokens, characters=(0, 0)))
        gains = self._gains(tokens, blocks)
        bounds = list(_bounds_of_words(tokens))
        parts = [gains[first : first + len(words)] for first, words in bounds]
        found = phrases(texts, [words for _, words in bounds], parts)
        phrase_of = [part[0] for part in found] if weigh is None else _costliest(texts, found, weigh)
        shown = [text[phrase.start : phrase.end] for text, phrase in zip(texts, phrase_of, strict=True)]
        own = self._kinds(tokens, blocks)[place]
        named = self._named(self._likely(own, np.empty((len(place), 0)) if kinds is None else kinds))
        return [tuple(Reason(kind, shown[k]) for kind in names) for k, names in zip(place, named, strict=True)]

    def kinds_of(self, tokens: Tokens, seen: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The probability that each sentence, if it is a spoiler, is of each kind: shape (n, kinds).

        Args:
            tokens: Their words.
            seen: What a network says of them, as in `Reading`: the mean of both counts.
        """
        return self._likely(self._kinds(tokens, list(hashed(tokens, characters=(0, 0)))), seen)

    def _likely(self, logits: npt.NDArray[np.float64], seen: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        # Before kinds had thresholds, they were fitted as one choice among all.
        own = sigmoid(logits) if self.named_from is not None else _softmax(logits)
        return np.where(np.isnan(seen), own, (own + seen) / 2) if seen.shape[1] else own

    def _named(self, probabilities: npt.NDArray[np.float64]) -> list[list[str]]:
        """Of each sentence the kinds that are likely enough to be named, the likeliest first; UNNAMED where none is."""
        likely = probabilities >= (NAMED_FROM if self.named_from is None else np.array(self.named_from))
        named = [[UNNAMED] for _ in probabilities]
        for row in np.flatnonzero(likely.any(axis=1)).tolist():
            found = np.flatnonzero(likely[row]).tolist()
            named[row] = [self.kinds[k] for k in sorted(found, key=lambda k: -float(probabilities[row, k]))]
        return named

    def word_weights(self, sentence: str) -> list[tuple[str, float]]:
        """Each word of a sentence with what it adds to the logit, in order."""
        text = clean(sentence)
        tokens = tokens_of([text])
        ((_, words),) = _bounds_of_words(tokens)
        blocks = list(hashed(tokens, characters=(0, 0)))
        return [(text[s:e], float(g)) for (s, e), g in zip(words, self._gains(tokens, blocks), strict=True)]

    def _gains(self, tokens: Tokens, blocks: Sequence[Block]) -> npt.NDArray[np.float64]:
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

    def _kinds(self, tokens: Tokens, blocks: Sequence[Block]) -> npt.NDArray[np.float64]:
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


def _costliest(
    texts: Sequence[str],
    found: Sequence[Sequence[Phrase]],
    weigh: Callable[[Sequence[str]], npt.NDArray[np.float64]],
) -> list[Phrase]:
    """Of each text's phrases the one to show: what it is worth as a phrase, and what the text loses without it."""
    rivals = [[p for p in part if p.worth > part[0].worth - CLEAR] for part in found]
    variants = [
        text[: p.start] + text[p.end :] for text, part in zip(texts, rivals, strict=True) for p in part if len(part) > 1
    ]
    parts = [weigh(variants[k : k + WEIGHED]) for k in range(0, len(variants), WEIGHED)]
    left = iter(np.concatenate(parts) if parts else ())
    return [max(part, key=lambda p: p.worth - LOSS * next(left)) if len(part) > 1 else part[0] for part in rivals]


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares = np.exp(logits - logits.max(axis=1, initial=0, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
