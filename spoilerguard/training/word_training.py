"""Train the word network on labelled sentences and on what a teacher says of others.

The vocabulary is counted in the training text, and each word starts from the transformer's own embedding of it,
reduced by principal components. Labels and a teacher's probabilities are learned together (distillation, Hinton et
al. 2015). Documents are read whole, in batches of so many words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from spoilerguard.datasets import documents_of
from spoilerguard.errors import InputError
from spoilerguard.model import context
from spoilerguard.model.convolution import EXTRAS, WordNetwork, attributes_of, rows_of
from spoilerguard.model.features import clean, tokens_of
from spoilerguard.model.scoring import KINDS
from spoilerguard.model.windows import packed, tokenizer_of
from spoilerguard.training.config import WordConfig
from spoilerguard.training.network import minilm, minilm_folder
from spoilerguard.training.targets import kinds_of, targets_of
from spoilerguard.training.word_network import WordModule, integers_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Example", "fit_words", "outputs_of"]

Progress = Callable[[str, float], None]
UInts = npt.NDArray[np.uint64]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_TOGETHER = 400  # documents whose words are found at a time
_FEW = 4  # documents in which a word must be, to have a row of its own


@dataclass(frozen=True)
class Example:
    """A document as the network reads it, and what it is to learn of each of its n sentences."""

    rows: npt.NDArray[np.int64]
    written: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    extras: npt.NDArray[np.float32]
    target: npt.NDArray[np.float32]  # (n,) probability
    weight: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.float32]  # (n, kinds); NaN where nothing is known of them
    passes: float


def fit_words(frame: pd.DataFrame, config: WordConfig, seed: int, say: Progress) -> WordNetwork:
    """Train a word network.

    Args:
        frame: The sentences, as `datasets.to_frame` makes them; `target`, a teacher's probability, counts where it
            is given.
        config: The sizes of the network and how it is trained.
        seed: The seed of everything random.
        say: Called with the current step and the share done.

    Returns:
        The network, with a `blend` that takes its logit alone.

    Raises:
        InputError: No word occurs in enough documents.
        MissingExtra: A library of the extra `train` is not installed.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    say("counting words", 0.0)
    vocabulary, start = _vocabulary(frame, config)
    module = WordModule(config, len(vocabulary), len(KINDS))
    with torch.no_grad():
        module.words.weight[: len(vocabulary)] = torch.from_numpy(start)
    examples = _examples(frame, vocabulary, config)
    batches = list(_batches(examples, config, rng))
    optimiser = torch.optim.AdamW(
        [
            {"params": [module.words.weight], "weight_decay": 0.0},
            {"params": [p for name, p in module.named_parameters() if name != "words.weight"], "weight_decay": 0.01},
        ],
        lr=config.learning_rate,
        fused=True,
    )
    warm_up = min(100, max(1, len(batches) // 10))
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min(1, (k + 1) / warm_up) * max(0.02, 1 - k / len(batches))
    )
    module.train()
    for step, batch in enumerate(batches):
        loss = _loss(module, batch, config)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()
        rate.step()
        if step % 20 == 0:
            say(f"word network: step {step} of {len(batches)}, loss {float(loss.detach()):.3f}", step / len(batches))
    blend = np.array([[1.0, 0.0, 0.0]] * 2)
    return WordNetwork(integers_of(module.eval(), vocabulary) | {"blend": blend})


# --- the steps -----------------------------------------------------------------------------------


def _vocabulary(frame: pd.DataFrame, config: WordConfig) -> tuple[UInts, npt.NDArray[np.float32]]:
    """Hashes of the commonest words, ascending, and the embedding from which each starts."""
    documents = Counter[str]()
    texts = frame["text"].tolist()
    for document in documents_of(frame):
        words: set[str] = set()
        for k in document:
            words.update(_WORD.findall(clean(texts[k]).lower()))
        documents.update(words)
    common = [w for w, n in documents.most_common(config.vocabulary) if n >= _FEW and not w[0].isdigit()]
    tokens = tokens_of(common)
    whole = np.bincount(tokens.sentence_of, minlength=len(common)) == 1  # our splitter takes it for one word
    common = [w for w, one in zip(common, whole, strict=True) if one]
    hashes, first = np.unique(tokens_of(common).hash, return_index=True)
    if not len(hashes):
        raise InputError(f"no word occurs in {_FEW} documents: too little text to train the word network on")
    words_here = [common[k] for k in first]
    tokenizer = tokenizer_of(minilm_folder() / "tokenizer.json")
    table = np.asarray(minilm()["words.weight"].numpy(), np.float32)
    vectors = np.stack([table[p].mean(0) if p else np.zeros(table.shape[1]) for p in packed(tokenizer, words_here)])
    vectors = vectors - vectors.mean(0)
    often = np.array([documents[w] for w in words_here], float) ** 0.25
    _, _, axes = np.linalg.svd(vectors * often[:, None] / often.sum(), full_matrices=False)
    reduced = np.zeros((len(vectors), config.width), np.float32)
    parts = vectors @ axes[: config.width].T
    reduced[:, : parts.shape[1]] = 0.5 * parts / max(float(parts[:, :64].std()), 1e-6)
    return hashes, reduced


def _examples(frame: pd.DataFrame, vocabulary: UInts, config: WordConfig) -> list[Example]:
    texts = [clean(t) for t in frame["text"]]
    target, weight = targets_of(frame)
    kinds = kinds_of(frame)
    passes = [config.passes_of(source) for source in frame["source"]]
    examples = []
    documents = documents_of(frame)
    for start in range(0, len(documents), _TOGETHER):
        part = documents[start : start + _TOGETHER]
        tokens = tokens_of(texts[part[0].start : part[-1].stop])
        rows, written = rows_of(tokens, vocabulary), attributes_of(tokens)
        sizes = np.bincount(tokens.sentence_of, minlength=tokens.sentences)
        bounds = np.concatenate([[0], np.cumsum(sizes)])
        lengths = np.array([len(d) for d in part])
        announced, itself, free = context.announcements(tokens, lengths)
        for document in part:
            first, last = document.start - part[0].start, document.stop - part[0].start
            here = slice(document.start, document.stop)
            own = sizes[first:last]
            extras = np.zeros((len(own), len(EXTRAS)), np.float32)
            extras[:, 0], extras[:, 1] = announced[first:last], itself[first:last] > 0
            extras[:, 2], extras[:, 5] = free[first:last], own == 0
            extras[0, 3] = extras[-1, 4] = 1
            # A sentence without words is one boundary.
            found = np.insert(rows[bounds[first] : bounds[last]], bounds[first:last][own == 0] - bounds[first], -1)
            marks = np.insert(written[bounds[first] : bounds[last]], bounds[first:last][own == 0] - bounds[first], 0)
            examples.append(
                Example(
                    found, marks, np.maximum(own, 1), extras,
                    target[here], weight[here], kinds[here], passes[document.start],
                )
            )  # fmt: skip
    return examples


def _batches(examples: Sequence[Example], config: WordConfig, rng: np.random.Generator) -> Iterator[list[Example]]:
    """Every document as often as its source is read, in random order, so many words at a time."""
    most = max((e.passes for e in examples), default=0.0)
    for k in range(int(np.ceil(most))):
        read = [e for e in examples if e.passes >= k + 1 or (e.passes > k and rng.random() < e.passes - k)]
        batch: list[Example] = []
        size = 0
        for j in rng.permutation(len(read)).tolist():
            batch.append(read[j])
            size += len(read[j].rows)
            if size >= config.batch:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch


def outputs_of(module: WordModule, batch: Sequence[Example]) -> torch.Tensor:
    """The logit and the kinds of each sentence of some documents: shape (n, 1 + kinds)."""
    rows = _joined(batch, "rows")
    found: torch.Tensor = module(
        torch.where(rows < 0, module.boundary, rows),
        _joined(batch, "written"),
        _joined(batch, "sizes"),
        _joined(batch, "extras"),
        torch.tensor([len(e.sizes) for e in batch]),
    )
    return found


def _joined(batch: Sequence[Example], name: str) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([getattr(e, name) for e in batch]))


def _loss(module: WordModule, batch: Sequence[Example], config: WordConfig) -> torch.Tensor:
    out = outputs_of(module, batch)
    weight, kinds = _joined(batch, "weight"), _joined(batch, "kinds")
    each = functional.binary_cross_entropy_with_logits(out[:, 0], _joined(batch, "target"), reduction="none")
    loss = (each * weight).sum() / weight.sum().clamp(min=1e-6)
    known = ~kinds.isnan().any(1)
    if bool(known.any()):
        named = functional.binary_cross_entropy_with_logits(out[known, 1:], kinds[known])
        loss = loss + config.kinds * named
    return loss
