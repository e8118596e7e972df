"""Throughput of every route over the same sentences, in one run: spaCy, frames, Dask and scan.

    python tests/bench/routes.py --sentences 1000000

The texts are comments of one to twelve sentences of our own corpus, drawn at random. Each route runs in a fresh
process that is timed from the first text to the last, without the start of Python but with the start of worker
processes; models are loaded before. By the clock, figures mean something on idle cores only; the processor time of all
processes together means something on a busy machine too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import json
from multiprocessing import get_context
import os
from pathlib import Path
import random
import subprocess
import sys
import tempfile
import time

ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def write(path: Path, wanted: int) -> int:
    """The comments as Parquet; returns the number of sentences, as they were drawn."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        sentences = [s["text"].strip() for line in lines for s in json.loads(line)["sentences"]]
    draw, texts, count = random.Random(0), [], 0
    while count < wanted:
        chosen = draw.choices(sentences, k=draw.choice((1, 2, 3, 12)))
        count += len(chosen)
        texts.append(" ".join(chosen))
    ids = [str(number) for number in range(len(texts))]
    parquet.write_table(pa.table({"id": ids, "body": texts}), path, row_group_size=10_000)
    return count


def spacy_pipe(path: Path) -> Callable[[], None]:
    import pyarrow.parquet as parquet

    sys.modules["torch"] = None  # type: ignore[assignment] # a second to import, and not needed
    import spacy

    import spoilerguard.spacy

    assert spoilerguard.spacy
    nlp = spacy.blank("en")
    nlp.add_pipe("spoilerguard")
    texts = parquet.read_table(path)["body"].to_pylist()
    return lambda: [None for _ in nlp.pipe(texts)].clear()


def frame(path: Path, jobs: int) -> Callable[[], None]:
    import pandas as pd

    import spoilerguard as sg

    guard, table = sg.load(), pd.read_parquet(path)

    def run() -> None:
        assert len(guard.flag_frame(table, jobs=jobs)) == len(table)
        if jobs > 1:
            from joblib.externals.loky import get_reusable_executor

            get_reusable_executor().shutdown(wait=True)  # whose processor time is known when they have ended

    return run


def dask(path: Path) -> Callable[[], None]:
    import dask
    import dask.dataframe as dd

    import spoilerguard as sg

    guard = sg.load()
    parts = dd.read_parquet(path).repartition(npartitions=8)

    def run() -> None:
        with dask.config.set(scheduler="processes", num_workers=2):
            parts.map_partitions(guard.flag_frame).to_parquet(path.parent / "flagged")

    return run


def scan(path: Path, jobs: int) -> Callable[[], None]:
    command = [sys.executable, "-m", "spoilerguard", "scan", str(path), "-o", str(path.parent / "out.jsonl")]
    return lambda: subprocess.run(
        [*command, "--force", "--jobs", str(jobs)], check=True, capture_output=True
    ).check_returncode()


ROUTES: dict[str, Callable[[Path], Callable[[], None]]] = {
    "nlp.pipe": spacy_pipe,
    "flag_frame, jobs=1": lambda path: frame(path, 1),
    "flag_frame, jobs=2": lambda path: frame(path, 2),
    "Dask, 2 processes": dask,
    "scan, jobs 1": lambda path: scan(path, 1),
    "scan, jobs 2": lambda path: scan(path, 2),
}


def measure(name: str, path: Path, sentences: int) -> None:
    run = ROUTES[name](path)
    began, spent = time.perf_counter(), sum(os.times()[:4])
    run()
    seconds, spent = time.perf_counter() - began, sum(os.times()[:4]) - spent
    print(
        f"{name:20} {sentences / seconds:10,.0f} sentences/s  {seconds:8.1f} s"
        f"  {sentences / spent:10,.0f} sentences per core-second",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=1_000_000)
    parser.add_argument("--only", choices=ROUTES, help="one route")
    options = parser.parse_args()
    os.environ |= ONE_THREAD | {"PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory(prefix="routes.") as folder:
        path = Path(folder) / "comments.parquet"
        sentences = write(path, options.sentences)
        print(f"{sentences:,} sentences", flush=True)
        for name in [options.only] if options.only else ROUTES:
            process = get_context("spawn").Process(target=measure, args=(name, path, sentences))
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(f"{name} failed")


if __name__ == "__main__":
    main()
