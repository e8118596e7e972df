"""Sentences to probabilities: the transformer, with a fast model beside it.

The network (MiniLM, fine-tuned, 8-bit integers, ONNX Runtime) reads a window of the document at a time
(`windows`) and gives each sentence a logit; the fast model gives another, and a weighted sum of both is the
answer. Windows are never padded nor batched, so a score does not depend on what else is scored. As a cascade,
the network reads only the sentences that the fast model is unsure of, and what is near them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from spoilerguard.errors import MissingExtra, ModelError
from spoilerguard.model.graph import check_graph
from spoilerguard.model.manifest import NETWORK, VOCABULARY
from spoilerguard.model.scoring import Reading, Scorer, logit, one_by_one, sigmoid
from spoilerguard.model.windows import packed, tells, tokenizer_of, windows, work_pieces
from spoilerguard.spans import Reason, Work

__all__ = ["NETWORK", "VOCABULARY", "TransformerScorer", "joined_kinds"]

_LONGEST = 512  # word pieces: the places that the encoder knows
_INPUTS = {"ids": (1, _LONGEST), "segments": (1, _LONGEST), "pool": (_LONGEST, _LONGEST)}  # the largest shapes
_BERT = ["BertNormalizer", "BertPreTokenizer", "WordPiece"]  # others may hold regular expressions
_PROBE = "She dies ☃."  # also of a word that no vocabulary has
PART = 512  # documents whose word pieces are held at a time

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TransformerScorer:
    """The network, its tokenizer and a fast model (`base`), weighed by `arrays["mix"]` of the latter.

    `mix` (2, 3) holds the weights of the network's logit and of the fast model's, and the intercept: its first
    row where nothing is known of the work, its second where a blurb or a synopsis is. `band` (2,) are the fast
    model's probabilities between which, as a cascade, the network is asked.
    """

    base: Scorer
    session: Any
    tokenizer: Any
    files: Mapping[str, bytes]
    cascade: bool = False

    @classmethod
    def of(
        cls, base: Scorer, files: Mapping[str, bytes], *, cascade: bool = False, threads: int = 1
    ) -> TransformerScorer:
        """The scorer of a model's verified files.

        Raises MissingExtra; ValueError for what is no network; ModelError for one that cannot score a sentence.
        """
        try:
            import onnxruntime
        except ImportError:
            raise MissingExtra("onnxruntime", "accurate") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            check_graph(files[NETWORK], _INPUTS)
        except ValueError as error:
            raise ValueError(f"{NETWORK} is not loaded: {error}") from None
        try:
            session = onnxruntime.InferenceSession(files[NETWORK], options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's errors share no base of their own
            raise ValueError(f"{NETWORK} is no network that ONNX Runtime reads ({error})") from None
        if {o.name for o in session.get_outputs()} not in ({"logits"}, {"logits", "kinds"}):
            raise ValueError(f"{NETWORK} is a network, but none of a spoilerguard model")
        try:
            tokenizer = tokenizer_of(files[VOCABULARY])
        except ValueError as error:
            raise ValueError(f"{VOCABULARY} is no vocabulary ({error})") from None
        if [type(part).__name__ for part in (tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.model)] != _BERT:
            raise ValueError(f"{VOCABULARY} is not of the kind that BERT has: {', '.join(_BERT)}")
        kept = {**base.files, **{name: files[name] for name in (NETWORK, VOCABULARY)}}
        scorer = cls(base, session, tokenizer, kept, cascade)
        scorer.outputs([[_PROBE]], [None], [np.ones(1, bool)])
        return scorer

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(TransformerScorer.of, cascade=self.cascade), (self.base, self.files)  # sessions are not pickled

    @property
    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return self.base.arrays

    def score(self, sentences: Sequence[str]) -> Doubles:
        """A sentence alone is a document of one."""
        return one_by_one(self, sentences)

    def score_documents(
        self, documents: Sequence[Sequence[str]], works: Sequence[Work | None]
    ) -> list[npt.NDArray[np.float64]]:
        return [reading.scores for reading in self.read(documents, works)]

    def read(self, documents: Sequence[Sequence[str]], works: Sequence[Work | None]) -> list[Reading]:
        out: list[Reading] = []
        for start in range(0, len(documents), PART):
            part = slice(start, start + PART)
            out += self._read(documents[part], works[part])
        return out

    def _read(self, documents: Sequence[Sequence[str]], works: Sequence[Work | None]) -> list[Reading]:
        base = self.base.read(documents, works)
        asked = [self._asked(p) for p, _ in base]
        out = []
        for work, (p, kinds), found, wanted in zip(
            works, base, self.outputs(documents, works, asked), asked, strict=True
        ):
            own, beside, offset = self.arrays["mix"][int(tells(work))]
            deep = np.where(wanted, found[:, 0], 0)
            scores = np.where(wanted, sigmoid(own * deep + beside * logit(p) + offset), p)
            out.append(Reading(scores, joined_kinds(kinds, found[:, 1:], wanted)))
        return out

    def _asked(self, base: Doubles) -> npt.NDArray[np.bool_]:
        low, high = self.arrays["band"] if self.cascade else (-1, 2)
        return np.asarray((base > low) & (base < high), bool)

    def outputs(
        self,
        documents: Sequence[Sequence[str]],
        works: Sequence[Work | None],
        asked: Sequence[npt.NDArray[np.bool_]],
    ) -> list[Doubles]:
        """What the network gives each sentence that is asked for; -inf for the others.

        Args:
            documents: Documents, each a list of sentences.
            works: What is known of the work of each.
            asked: Of each document, the sentences that are wanted.

        Returns:
            One array for each document, shape (sentences, 1 + kinds): the logit, then one of each kind where the
            network names kinds.
        """
        texts = [s for sentences, wanted in zip(documents, asked, strict=True) if wanted.any() for s in sentences]
        try:
            pieces = iter(packed(self.tokenizer, texts))
        except Exception as error:  # a bare Exception is what the tokenizer raises
            raise ModelError(f"{VOCABULARY} fails on a text ({error})") from None
        known: dict[int, Any] = {}
        out = []
        for sentences, work, wanted in zip(documents, works, asked, strict=True):
            found = np.full((len(sentences), self._width), -np.inf)
            if wanted.any():
                if id(work) not in known:
                    known[id(work)] = work_pieces(self.tokenizer, work)
                for window in windows([next(pieces) for _ in sentences], known[id(work)], wanted):
                    inputs = {
                        "ids": np.array([window.ids], np.int64),
                        "segments": np.array([window.segments], np.int64),
                        "pool": window.pool(),
                    }
                    numbers = [number for number, _, _ in window.places]
                    np.maximum.at(found, numbers, self._run(inputs, len(numbers)))
            out.append(found)
        return out

    @cached_property
    def _width(self) -> int:
        kinds = [o.shape[-1] for o in self.session.get_outputs() if o.name == "kinds"]
        return 1 + int(kinds[0]) if kinds else 1

    def _run(self, inputs: Mapping[str, object], count: int) -> npt.NDArray[Any]:
        """The outputs of the `count` sentences of a window: shape (count, 1 + kinds)."""
        try:
            found = self.session.run(["logits", "kinds"] if self._width > 1 else ["logits"], inputs)
            outputs = np.hstack([np.asarray(found[0])[:, None], *found[1:]])
        except Exception as error:  # the runtime's errors share no base of their own
            raise ModelError(f"{NETWORK} fails on what {VOCABULARY} makes of a text ({error})") from None
        if outputs.shape != (count, self._width) or outputs.dtype.kind != "f" or not np.isfinite(outputs).all():
            raise ModelError(f"{NETWORK} does not give each sentence a finite number")
        return outputs

    def reasons(self, sentences: Sequence[str], kinds: Doubles | None = None) -> list[tuple[Reason, ...]]:
        """The words are those of the fast model: the network gives none."""
        return self.base.reasons(sentences, kinds)

    def word_weights(self, sentence: str) -> list[tuple[str, float]]:
        return self.base.word_weights(sentence)


def joined_kinds(base: Doubles, found: Doubles, asked: npt.NDArray[np.bool_]) -> Doubles:
    """The probabilities of the kinds: of the transformer where it was asked, else of what stands beside it."""
    if not found.shape[1]:
        return base
    wanted = asked[:, None]
    return np.where(wanted, sigmoid(np.where(wanted, found, 0)), base if base.shape == found.shape else np.nan)
