"""Fine-tune the network on labelled documents, with checkpoints that survive an interruption.

Every document is read in windows of many sentences, each with its own label. Some documents are read one
sentence at a time, so that the network learns to work without context, and some with the blurb or synopsis
of their work. Each source of labels has its own intercept, dropped at inference, so that a site's habit
of tagging spoilers is not learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import copy
from dataclasses import asdict, dataclass
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from spoilerguard.datasets import documents_of
from spoilerguard.errors import InputError
from spoilerguard.files.atomic import atomic_write
from spoilerguard.model.scoring import KINDS
from spoilerguard.model.windows import Window, WorkPieces, packed, tokenizer_of, windows, work_pieces
from spoilerguard.spans import Work
from spoilerguard.training.finetune_config import FinetuneConfig
from spoilerguard.training.network import Network, minilm, minilm_folder
from spoilerguard.training.targets import kinds_of, targets_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Corpus", "fit", "in_half", "logits"]

Say = Callable[[str, float], None]
EVERY = 200  # steps between checkpoints
SHORT = 64  # word pieces of a document
GRAIN = 32  # windows are padded to a multiple of so many pieces
PART, LONGEST_PART = 8, 12  # sentences of a part of a document: up to 8, or up to 12 where a paragraph ends there
TOGETHER = 4  # parts of different documents that are read as one


@dataclass(frozen=True)
class Corpus:
    """Labelled documents in word pieces.

    Attributes:
        frame: The sentences.
        pieces: The word pieces of each sentence.
        documents: The sentences of each document.
        works: What is known of the work of each document.
    """

    frame: pd.DataFrame
    pieces: Sequence[Sequence[int]]
    documents: Sequence[range]
    works: Sequence[WorkPieces | None]

    @classmethod
    def of(cls, frame: pd.DataFrame, works: Mapping[str, Work] | None = None) -> Corpus:
        """Tokenize the documents of a frame, and the works that they are about."""
        tokenizer = tokenizer_of(minilm_folder() / "tokenizer.json")
        frame = frame.reset_index(drop=True)
        documents, names = documents_of(frame), frame["work"].tolist()
        known = {name: work_pieces(tokenizer, work) for name, work in (works or {}).items()}
        return cls(
            frame,
            packed(tokenizer, frame["text"].tolist()),
            documents,
            [known.get(names[document.start]) for document in documents],
        )


Reading = tuple[Window, Sequence[int]]  # a window and the sentences it was made from


def batches(
    readings: Sequence[Reading], pieces: int, rng: np.random.Generator | None = None
) -> Iterator[list[Reading]]:
    """Batch windows of similar length.

    Args:
        readings: The windows.
        pieces: The most word pieces in a batch.
        rng: Shuffles the batches; by default they stay in order.

    Yields:
        Each batch.
    """
    order = rng.permutation(len(readings)) if rng is not None else np.arange(len(readings))
    together = 40 * pieces if rng is not None else 10**9
    chunk: list[int] = []
    size = 0
    for k in [*order.tolist(), -1]:
        if k >= 0:
            chunk.append(k)
            size += len(readings[k][0].ids)
        if chunk and (k < 0 or size >= together):
            parts = list(_alike([readings[j] for j in chunk], pieces))
            yield from (parts[j] for j in (rng.permutation(len(parts)) if rng is not None else range(len(parts))))
            chunk, size = [], 0


def _alike(readings: list[Reading], pieces: int) -> Iterator[list[Reading]]:
    batch: list[Reading] = []
    for reading in sorted(readings, key=lambda r: len(r[0].ids)):
        if batch and (len(batch) + 1) * _padded(len(reading[0].ids)) > pieces:
            yield batch
            batch = []
        batch.append(reading)
    if batch:
        yield batch


def tensors(batch: Sequence[Reading]) -> tuple[tuple[torch.Tensor, ...], torch.Tensor, npt.NDArray[np.int64]]:
    """The network's inputs, which places of its output are sentences, and the numbers of these sentences."""
    length = _padded(max(len(w.ids) for w, _ in batch))
    most = max(len(w.places) for w, _ in batch)
    ids, segments = (torch.zeros(len(batch), length, dtype=torch.long) for _ in range(2))
    mask = torch.zeros(len(batch), length, dtype=torch.bool)
    pool = torch.zeros(len(batch), most, length)
    there = torch.zeros(len(batch), most, dtype=torch.bool)
    numbers: list[int] = []
    for k, (window, sentences) in enumerate(batch):
        size = len(window.ids)
        ids[k, :size] = torch.tensor(window.ids)
        segments[k, :size] = torch.tensor(window.segments)
        mask[k, :size] = True
        pool[k, : len(window.places), :size] = torch.from_numpy(window.pool())
        there[k, : len(window.places)] = True
        numbers += [sentences[n] for n, _, _ in window.places]
    return (ids, segments, mask, pool), there, np.array(numbers, np.int64)


def _padded(length: int) -> int:
    """The length with padding: few different ones, since kernels are compiled anew for each."""
    return -(-length // GRAIN) * GRAIN


def readings_of(corpus: Corpus, config: FinetuneConfig, rng: np.random.Generator) -> list[Reading]:
    """Every reading of a training run: each document as often as the passes of its source demand."""
    readings: list[Reading] = []
    parts: list[Sequence[int]] = []
    opens = corpus.frame["paragraph"].to_numpy(bool)
    sources = corpus.frame["source"].to_numpy()
    for sentences, work in zip(corpus.documents, corpus.works, strict=True):
        source = config.source(sources[sentences.start])
        times = int(source.passes) + (rng.random() < source.passes % 1)
        for _ in range(times):
            known = None
            if work is not None:
                # In a short comment, the work would be most of what is read: it is given less often.
                draw = rng.random() * max(1.0, SHORT / (1 + sum(len(corpus.pieces[k]) for k in sentences)))
                if draw < config.with_synopsis:
                    known = work
                elif draw < config.with_synopsis + config.with_blurb:
                    known = WorkPieces(work.blurb, [])
            draw = rng.random()
            if draw < source.alone:
                for k in sentences:
                    readings += _read(corpus, [k])
            elif draw < source.alone + source.cut:
                for part in _parts(sentences, opens, rng):
                    if rng.random() < 0.5:
                        parts.append(part)
                    else:
                        readings += _read(corpus, part)
            else:
                readings += _read(corpus, sentences, known)
    order = rng.permutation(len(parts)).tolist()
    while order:
        taken, order = order[:TOGETHER], order[TOGETHER:]
        readings += _read(corpus, [k for j in taken for k in parts[j]])
    return readings


def _read(corpus: Corpus, sentences: Sequence[int], known: WorkPieces | None = None) -> list[Reading]:
    """The windows of some sentences, read as one document."""
    return [(window, sentences) for window in windows([corpus.pieces[k] for k in sentences], known)]


def _parts(sentences: range, opens: npt.NDArray[np.bool_], rng: np.random.Generator) -> Iterator[range]:
    """A document in parts of a few sentences, cut between paragraphs where one ends soon."""
    start = sentences.start
    while start < sentences.stop:
        end = min(sentences.stop, start + int(rng.integers(2, PART + 1)))
        while end < sentences.stop and not opens[end] and end - start < LONGEST_PART:
            end += 1
        yield range(start, end)
        start = end


def fit(
    corpus: Corpus,
    config: FinetuneConfig,
    *,
    architecture: Callable[[int, int], Network] = Network,
    start: Mapping[str, Any] | None = None,
    checkpoint: Path | None = None,
    say: Say = lambda step, share: None,
) -> Network:
    """Fine-tune on all documents of a corpus.

    Args:
        corpus: The documents.
        config: The parameters.
        architecture: Makes a network of so many kinds and sources.
        start: The state of the network to start from; by default the encoder is all-MiniLM-L6-v2.
        checkpoint: A file to which the state is written every EVERY steps. Training with the same data and
            parameters resumes from it, and ends with the same weights.
        say: Called with the current step and the share done.

    Returns:
        The network. Its kinds are those of `scoring.KINDS`, in their order.

    Raises:
        InputError: The checkpoint is of other data or other parameters, or cannot be read or written.
    """
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    sources = sorted(corpus.frame["source"].unique())
    network = architecture(len(KINDS), len(sources))
    if start is None:
        network.encoder.load_state_dict(minilm())
    else:
        network.load_state_dict({k: v for k, v in start.items() if k != "source.weight"}, strict=False)
    lesson = Lesson.of(corpus, config, sources)
    todo = list(batches(readings_of(corpus, config, rng), config.pieces, rng))
    steps = len(todo)
    heads = [p for n, p in network.named_parameters() if not n.startswith("encoder")]
    optimiser = torch.optim.AdamW(
        [
            {"params": list(network.encoder.parameters()), "lr": config.learning_rate},
            {"params": heads, "lr": config.head_learning_rate},
        ],
        weight_decay=0.01,
        fused=True,
    )
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min(1, (k + 1) / (steps * config.warm_up)) * max(0.02, 1 - k / steps)
    )
    of = _fingerprint(corpus, config)
    parts = {"network": network, "optimiser": optimiser, "rate": rate}
    first = _resumed(checkpoint, of, parts)
    half = in_half(network).train()
    pairs = list(zip(network.parameters(), half.parameters(), strict=True))
    for step in range(first, steps):
        if checkpoint and step and step % EVERY == 0:
            _keep(checkpoint, of, parts, step)
        inputs, there, rows = tensors(todo[step])
        logit, tags = half(*inputs)
        loss = lesson.loss(logit[there].float() + network.source(lesson.source[rows])[:, 0], tags[there].float(), rows)
        optimiser.zero_grad()
        half.zero_grad()
        loss.backward()
        for exact, rough in pairs:
            exact.grad = exact.grad if rough.grad is None else rough.grad.float()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        rate.step()
        with torch.no_grad():
            for exact, rough in pairs:
                rough.copy_(exact)
        if step % 10 == 0:
            say(f"fine-tuning: step {step} of {steps}, loss {float(loss.detach()):.2f}", step / steps)
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    network.eval()
    return network


def in_half(network: Network) -> Network:
    """A copy in 16-bit floats, which processors multiply several times as fast.

    It reads, forwards and backwards; what is trained are the 32-bit floats of the network itself (Micikevicius et al.
    2018). As a whole, since a cast of each operator's inputs, as autocast does it, takes longer than the operators.
    """
    half: Network = copy.deepcopy(network).to(torch.bfloat16)
    return half


@dataclass(frozen=True)
class Lesson:
    """The targets of each sentence: probability and weight, kinds (NaN where unknown), source."""

    target: torch.Tensor
    weight: torch.Tensor
    kinds: torch.Tensor
    source: torch.Tensor
    kinds_weigh: float

    @classmethod
    def of(cls, corpus: Corpus, config: FinetuneConfig, sources: Sequence[str]) -> Lesson:
        frame = corpus.frame
        source = frame["source"].map(sources.index).to_numpy()
        rules = [config.source(name) for name in sources]
        smoothing, worth, more = (np.array([getattr(r, f) for r in rules])[source] for f in _FIELDS)
        label, weight = targets_of(frame)
        return cls(
            torch.tensor(label * (1 - 2 * smoothing) + smoothing, dtype=torch.float32),
            torch.tensor(worth * (1 + (more - 1) * label) * weight, dtype=torch.float32),
            torch.from_numpy(kinds_of(frame)),
            torch.tensor(source),
            config.kinds,
        )

    def loss(self, logit: torch.Tensor, tags: torch.Tensor, rows: npt.NDArray[np.int64]) -> torch.Tensor:
        each = functional.binary_cross_entropy_with_logits(logit, self.target[rows], reduction="none")
        weight = self.weight[rows]
        loss = (each * weight).sum() / weight.sum().clamp(min=1e-6)
        kinds = self.kinds[rows]
        known = ~kinds.isnan().any(1)
        if bool(known.any()):
            named = functional.binary_cross_entropy_with_logits(tags[known], kinds[known] * 0.9 + 0.05)
            loss = loss + self.kinds_weigh * named
        return loss


_FIELDS = ("smoothing", "weight", "spoilers")


def _fingerprint(corpus: Corpus, config: FinetuneConfig) -> str:
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode())
    for text, label in zip(corpus.frame["text"], corpus.frame["label"], strict=True):
        digest.update(f"{label}{text}".encode(errors="replace"))
    return digest.hexdigest()


def _keep(checkpoint: Path, of: str, parts: Mapping[str, Any], step: int) -> None:
    """Replace the checkpoint."""
    state = {name: part.state_dict() for name, part in parts.items()}
    try:
        with atomic_write(checkpoint) as file:
            torch.save({"of": of, "step": step, "random": torch.get_rng_state(), **state}, file)
    except OSError as error:
        raise InputError(f"{checkpoint}: cannot be written ({error.strerror or error}); check the path") from error


def _resumed(checkpoint: Path | None, of: str, parts: Mapping[str, Any]) -> int:
    """Load a checkpoint of the same training, if there is one. Returns the step to start from."""
    if checkpoint is None or not checkpoint.exists():
        return 0
    try:
        kept = torch.load(checkpoint, weights_only=True)
    except Exception as error:  # of many types: a truncated file, or some other file
        raise InputError(f"{checkpoint}: not a checkpoint ({error}); remove it to start again") from None
    if kept.get("of") != of:
        raise InputError(f"{checkpoint}: a checkpoint of other data or parameters; remove it to start again")
    for name, part in parts.items():
        part.load_state_dict(kept[name])
    torch.set_rng_state(kept["random"])
    return int(kept["step"])


def logits(
    network: Network, corpus: Corpus, *, with_works: bool = False, alone: bool = False
) -> npt.NDArray[np.float64]:
    """Score every sentence of a corpus.

    Args:
        network: The network.
        corpus: The documents.
        with_works: Whether the network reads what is known of the work.
        alone: Whether it reads each sentence without its document.

    Returns:
        The logits, shape (n,).
    """
    readings: list[Reading] = []
    for sentences, work in zip(corpus.documents, corpus.works, strict=True):
        known = work if with_works else None
        if alone:
            readings += [(w, range(k, k + 1)) for k in sentences for w in windows([corpus.pieces[k]], known)]
        else:
            readings += [(w, sentences) for w in windows([corpus.pieces[k] for k in sentences], known)]
    out = np.full(len(corpus.frame), -np.inf)
    half = in_half(network).eval()
    with torch.inference_mode():
        for batch in batches(readings, 4096):
            inputs, there, rows = tensors(batch)
            np.maximum.at(out, rows, half(*inputs)[0][there].float().numpy())
    return out
