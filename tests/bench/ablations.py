"""What each part of the accurate model brings, on the validation works of our corpus: a table for its card.

    python tests/bench/ablations.py

What a sentence is read with (alone, its document, blurb, synopsis), the two parts alone and joined,
the cascade with its cost, and, where `make models` has left it in cache/, the network in 32-bit floats.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from spoilerguard import Work, load
from spoilerguard.datasets import documents_of, load_labelled, read_works, split_of, to_frame
from spoilerguard.guard import Guard
from spoilerguard.model.manifest import NETWORK
from spoilerguard.model.scoring import Scorer
from spoilerguard.model.transformer import TransformerScorer
from spoilerguard.model.windows import packed
from spoilerguard.training.ensemble import cost

ROOT = Path(__file__).resolve().parents[2]
Doubles = npt.NDArray[np.float64]
Works = Sequence[Work | None]


def validation() -> pd.DataFrame:
    frame = to_frame(load_labelled([ROOT / "data" / "reviews.jsonl"]))
    return frame[frame["work"].map(split_of) == "validation"].reset_index(drop=True)


def told(work: Work | None, *, blurb: bool, synopsis: bool) -> Work | None:
    return work and Work(work.title, work.blurb if blurb else "", work.synopsis if synopsis else "")


def row(name: str, truth: npt.NDArray[np.int64], score: Doubles, threshold: float | None) -> str:
    figures = f"{roc_auc_score(truth, score):.3f} | {average_precision_score(truth, score):.3f}"
    if threshold is None:
        return f"| {name} | {figures} | | |"
    flagged = score >= threshold
    hits = (flagged & (truth == 1)).sum()
    return f"| {name} | {figures} | {hits / max(flagged.sum(), 1):.3f} | {hits / truth.sum():.3f} |"


def table(guard: Guard, floats: Path) -> str:
    """The figures in Markdown; `floats` is the network's graph in 32-bit floats, if there is such a file."""
    frame = validation()
    truth = frame["label"].to_numpy(int)
    known = read_works(ROOT / "data" / "works.jsonl")
    texts, names, rows = frame["text"].tolist(), frame["work"].tolist(), documents_of(frame)
    documents = [texts[document.start : document.stop] for document in rows]
    works = [known.get(names[document.start]) for document in rows]
    none: Works = [None] * len(documents)
    scorer = guard.scorer
    assert isinstance(scorer, TransformerScorer)
    medium = guard.manifest.thresholds["medium"]
    linear = scorer.base

    def scores(of: Scorer, works: Works = none) -> Doubles:
        return np.concatenate(of.score_documents(documents, works))

    full = scores(scorer)
    low, high = scorer.arrays["band"]
    first = scores(linear)
    asked = (first > low) & (first < high)
    cascade = scores(replace(scorer, cascade=True))
    share = cost([packed(scorer.tokenizer, d) for d in documents], asked)
    kept = average_precision_score(truth, cascade) / average_precision_score(truth, full)
    whole = [np.ones(len(d), bool) for d in documents]
    rows = [
        row("each sentence alone", truth, scorer.score(frame["text"].tolist()), medium),
        row("in its document", truth, full, medium),
        *(
            row(f"in its document, with {name}", truth, scores(scorer, [told(w, **parts) for w in works]), medium)
            for name, parts in {
                "blurb": {"blurb": True, "synopsis": False},
                "synopsis": {"blurb": False, "synopsis": True},
                "blurb and synopsis": {"blurb": True, "synopsis": True},
            }.items()
        ),
        row("the network alone", truth, np.concatenate(scorer.logits(documents, none, whole)), None),
        row("the linear part alone", truth, first, load("fast").manifest.thresholds["medium"]),
        row("the linear part alone, with blurb and synopsis", truth, scores(linear, works), None),
        row(f"as a cascade (the network reads {share:.0%} of the word pieces; {kept:.1%} of the average precision)",
            truth, cascade, medium),
    ]  # fmt: skip
    if floats.exists():
        files = {**scorer.files, NETWORK: floats.read_bytes()}
        exact = TransformerScorer.of(linear, files)
        rows.append(row("in its document, network in 32-bit floats", truth, scores(exact), medium))
    head = [
        "| validation works of ours | AUC | average precision | precision at medium | recall at medium |",
        "|---|---|---|---|---|",
    ]
    return "\n".join(head + rows)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(table(load("accurate"), ROOT / "cache" / "network" / "floats.onnx"))


if __name__ == "__main__":
    main()
