"""A scan end to end (read, mask, split, score, write) against the obvious script, and two jobs against one.

    python tests/bench/scan.py ../shared/datasets/imdb_reviews.parquet --records 5000

The obvious script: spaCy's sentencizer, then scikit-learn (TF-IDF of words 1-2 and characters 2-5,
logistic regression) loaded with joblib. Both read the same Parquet file and write JSON Lines with the
score of every record, in fresh processes of one thread, in turn; what counts is processor time, so
that a busy machine matters less. Goals: at least 2 times the sentences per core-second; two jobs at
least 1.7 times as fast as one (by the clock: only on two idle cores does that figure mean anything).
With --growth, memory and time of the whole file against its first tenth (goals: 1.15 and 10.5 times).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import islice
import json
from multiprocessing import get_context
import os
from pathlib import Path
import pickle
import subprocess
import sys
import tempfile
import time

ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

OBVIOUS = """
import json, sys
import joblib, pyarrow.parquet as parquet, spacy
nlp = spacy.blank("en"); nlp.add_pipe("sentencizer"); nlp.max_length = 10**8
model = joblib.load(sys.argv[1])
count = 0
with open(sys.argv[3], "w") as out:
    for batch in parquet.ParquetFile(sys.argv[2]).iter_batches(batch_size=256):
        rows = batch.to_pylist()
        documents = [[s.text for s in doc.sents] for doc in nlp.pipe(row["text"] for row in rows)]
        count += sum(map(len, documents))
        scores = iter(model.predict_proba([s for sentences in documents for s in sentences])[:, 1])
        for row, sentences in zip(rows, documents):
            mine = [next(scores) for _ in sentences]
            flags = [{"text": s, "score": p} for s, p in zip(sentences, mine) if p >= 0.5]
            out.write(json.dumps({"id": row["id"], "spoiler_score": max(mine, default=0), "flags": flags}) + "\\n")
print(count, "sentences", file=sys.stderr)
"""


def train(path: Path) -> None:
    """The model of the obvious script, on our own corpus."""
    import joblib
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        sentences = [s for line in lines for s in json.loads(line)["sentences"]]
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True)
    model = make_pipeline(make_union(words, characters), LogisticRegression(C=4, max_iter=300))
    joblib.dump(model.fit([s["text"] for s in sentences], [s["label"] for s in sentences]), path)


def first(source: Path, records: int | None, target: Path) -> None:
    """The first records of a Parquet file, by default a tenth of them."""
    import pyarrow.parquet as parquet

    records = records or parquet.read_metadata(source).num_rows // 10
    parquet.write_table(parquet.read_table(source).slice(0, records), target, row_group_size=5_000)


def run(command: list[str]) -> tuple[float, float, int, str]:
    """Processor and clock seconds, peak memory (MB) and standard error of a command."""
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    clock = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(errors)
    return usage.ru_utime + usage.ru_stime, clock, usage.ru_maxrss // 1024, errors


def scan(source: Path, folder: Path, jobs: int = 1) -> list[str]:
    out = str(folder / "out.jsonl")
    return ["-m", "spoilerguard", "scan", str(source), "-o", out, "--force", "--jobs", str(jobs)]


def sentences_of(errors: str) -> int:
    words = errors.replace(",", "").split()
    return int(words[words.index("sentences") - 1])


def apart(function: Callable[..., None], *arguments: object) -> None:
    """In a process of its own: the peak memory of a process starts at that of the one that began it."""
    process = get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{function.__name__} failed")


def compare(source: Path, folder: Path, runs: int) -> None:
    apart(train, folder / "model.joblib")
    (folder / "obvious.py").write_text(OBVIOUS, encoding="utf-8")
    commands = {
        "the obvious script": [str(folder / name) for name in ("obvious.py", "model.joblib")]
        + [str(source), str(folder / "theirs.jsonl")],
        "scan": scan(source, folder),
    }
    best: dict[str, float] = {}
    for _ in range(runs):
        for name, command in commands.items():
            processor, clock, _, errors = run(command)
            rate = sentences_of(errors) / processor
            best[name] = max(best.get(name, 0), rate)
            print(f"{name:20} {rate:8,.0f} sentences per core-second, {clock:.1f} s", flush=True)
    theirs, ours = best.values()
    print(f"ratio {ours / theirs:.2f}   (goal: at least 2)")


def two_jobs(source: Path, folder: Path, runs: int) -> None:
    clocks = {jobs: min(run(scan(source, folder, jobs))[1] for _ in range(runs)) for jobs in (1, 2)}
    print(
        f"1 job {clocks[1]:.1f} s, 2 jobs {clocks[2]:.1f} s, ratio {clocks[1] / clocks[2]:.2f}   (goal: at least 1.7)"
    )


def growth(source: Path, folder: Path) -> None:
    apart(first, source, None, folder / "tenth.parquet")
    small, whole = (run(scan(path, folder)) for path in (folder / "tenth.parquet", source))
    print(f"memory {small[2]} to {whole[2]} MB, ratio {whole[2] / small[2]:.2f}   (goal: at most 1.15)")
    print(f"processor time {small[0]:.1f} to {whole[0]:.1f} s, ratio {whole[0] / small[0]:.2f}   (goal: at most 10.5)")


def costs(sources: Sequence[Path]) -> None:
    """What a cluster is planned by: what one reader reads, what travels, what a core scores; then a million records."""
    sys.path.insert(0, str(ROOT))
    from spoilerguard.archives import open_archive
    from spoilerguard.scan import run as jobs
    from spoilerguard.scan.shards import score, shards_of

    rows = []
    for source in sources:
        archive = open_archive(source)
        began = time.process_time()
        shards = list(islice(shards_of(archive.posts(), lambda name: None), 80))
        sent = [pickle.dumps(shard) for shard in shards]
        records = sum(len(shard.posts) for shard in shards)
        reading = (time.process_time() - began) / records
        size = sum(map(len, sent)) / records
        print(f"{source.name}: {1 / reading:,.0f} records read a second, {size:,.0f} bytes each sent")
        for model, some in (("fast", shards[:20]), ("accurate", shards[:2])):
            plan = jobs.plan_of(archive, Path("out.jsonl"), model=model)
            score(plan, shards[-1])  # what a first call alone costs
            began = time.process_time()
            scored = [score(plan, shard) for shard in some]
            count = sum(len(shard.posts) for shard in some)
            scoring = (time.process_time() - began) / count
            print(
                f"  {model}: {1 / scoring:,.0f} records scored per core-second, "
                f"{sum(len(pickle.dumps(result)) for result in scored) / count:,.0f} bytes each sent back; "
                f"one reader keeps {scoring / reading:.0f} cores busy"
            )
            cells = [_duration(1e6 * max((scoring + reading) / cores, reading)) for cores in (1, 8, 100)]
            rows.append(f"| {source.stem} | `{model}` | {' | '.join(cells)} |")
    print("| a million of | model | one core | a laptop, 8 cores | a cluster, 100 cores, one reader |", *rows, sep="\n")


def _duration(seconds: float) -> str:
    value, unit = (
        (seconds, "s") if seconds < 120 else (seconds / 60, "min") if seconds < 7200 else (seconds / 3600, "h")
    )
    return f"{value:,.0f} {unit}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, nargs="+", help="Parquet with id and text; with --costs, any archives")
    parser.add_argument("--records", type=int, default=5_000, help="how many of them to compare by")
    parser.add_argument("--runs", type=int, default=2, help="the best counts")
    parser.add_argument("--no-clock", action="store_true", help="leave out the comparison by the clock")
    parser.add_argument("--growth", action="store_true", help="the whole file against its first tenth, too: minutes")
    parser.add_argument("--costs", action="store_true", help="only what a cluster is planned by")
    options = parser.parse_args()
    if options.costs:
        costs(options.source)
        return
    source = options.source[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apart(first, source, options.records, folder / "some.parquet")
        compare(folder / "some.parquet", folder, options.runs)
        if not options.no_clock:
            # More of them, or what is measured is how long workers take to start.
            apart(first, source, 12 * options.records, folder / "more.parquet")
            two_jobs(folder / "more.parquet", folder, options.runs)
        if options.growth:
            growth(source, folder)


if __name__ == "__main__":
    main()
