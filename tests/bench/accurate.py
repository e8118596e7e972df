"""The accurate model's speed and memory on one core, in one run: PyTorch, ours, and the cascade.

    python tests/bench/accurate.py                                          # the corpus' test documents
    python tests/bench/accurate.py ../shared/datasets/imdb_reviews.parquet  # 300 reviews as they come

PyTorch runs the same network in 32-bit floats, in batches of windows alike in length. Every figure is
of scoring alone: texts are split beforehand.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
import json
import os
import subprocess
import sys
import time

from contenders import minilm
import numpy as np

from spoilerguard import load
from spoilerguard.datasets import load_labelled, split_of
from spoilerguard.model.transformer import TransformerScorer

Documents = list[list[str]]


def documents_of(path: str | None) -> Documents:
    if path is None:
        found = (d for d in load_labelled(["data/reviews.jsonl"]) if split_of(d.work) == "test")
        return [[s.text for s in d.sentences] for d in found]
    import pandas as pd

    from spoilerguard.text.reading import read
    from spoilerguard.text.sentences import split

    texts = pd.read_parquet(path, columns=["text"])["text"].iloc[:: 84_947 // 300][:300]
    return [[d.prose[a:b] for a, b in split(d.prose, d.blocks)] for d in map(read, texts)]


def seconds(run: Callable[[], object], times: int = 2) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return min(taken)


def peak(model: str, documents: Documents) -> float:
    """MiB that a process takes which loads a model and scores: its peak resident size (Linux)."""
    program = (
        "import json, re, sys, spoilerguard\n"
        f"guard = spoilerguard.load({model!r})\n"
        "documents = json.load(sys.stdin)\n"
        "guard.scorer.score_documents(documents, [None] * len(documents))\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(documents), text=True, capture_output=True, check=True
    )
    return float(done.stdout)


def spread(scorer: TransformerScorer, documents: Documents) -> float:
    """The largest difference that the size of a batch makes to a score."""
    none: Sequence[None] = [None] * len(documents)
    whole = np.concatenate(scorer.score_documents(documents, none))
    single = np.concatenate([scorer.score_documents([d], [None])[0] for d in documents])
    return float(np.abs(whole - single).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="?", help="a Parquet file with a column text")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one core
    documents = documents_of(parser.parse_args().texts)
    none: Sequence[None] = [None] * len(documents)
    full, cascade, fast = load("accurate").scorer, load("accurate", cascade=True).scorer, load("fast").scorer
    assert isinstance(full, TransformerScorer)
    count = sum(map(len, documents))
    pytorch = minilm()
    runs = {
        "PyTorch, 32-bit floats": lambda: pytorch(documents),
        "accurate": lambda: full.score_documents(documents, none),
        "accurate, as a cascade": lambda: cascade.score_documents(documents, none),
        "fast": lambda: fast.score_documents(documents, none),
    }
    print(f"{len(documents)} documents, {count:,} sentences, one core")
    print("| | sentences a second | against PyTorch |\n|---|---|---|")
    first = 0.0
    for name, run in runs.items():
        rate = count / seconds(run)
        first = first or rate
        print(f"| {name} | {rate:,.0f} | {rate / first:.1f} |", flush=True)
    print(f"peak memory: accurate {peak('accurate', documents):.0f} MiB, fast {peak('fast', documents):.0f} MiB")
    print(f"largest difference that batches make to a score: {spread(full, documents[:100]):.1e}")


if __name__ == "__main__":
    main()
