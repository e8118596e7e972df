"""What is measured: a row of `MEASURES` is a function of a `Bench` that yields rows of the table.

The goals are those of the project's plan. A ratio is of a figure to that of the row named in `to`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle, islice
import json
from pathlib import Path
import re
from statistics import median, quantiles
import subprocess
import sys
import tempfile
import time
from typing import Any

import contenders
from rows import Bench, Row, compared, with_goal
from workers import ROOT, Ran, Work, apart, in_turn, rates, worker

# --- commands -------------------------------------------------------------------------------------

BARE = "import spacy; spacy.blank"
NAIVE = """
import sys, joblib, spacy
nlp = spacy.blank("en"); nlp.add_pipe("sentencizer")
model = joblib.load(sys.argv[1])
sentences = [s.text for s in nlp(open(sys.argv[2], encoding="utf-8").read()).sents]
for sentence, p in zip(sentences, model.predict_proba(sentences)[:, 1]):
    if p >= 0.5:
        print(f"{p:.2f} {sentence}")
"""


def draft(texts: Iterable[str], words: int) -> str:
    """So many words of the texts as Markdown, a paragraph each."""
    paragraphs = ["# Some reviews"]
    for text in cycle(texts):
        paragraphs.append(" ".join(text.split()[:words]))
        words -= len(paragraphs[-1].split())
        if words <= 0:
            break
    return "\n\n".join(paragraphs)


def cold_start(bench: Bench) -> Iterator[Row]:
    """`check` in a fresh process against the bare import of spaCy and against a naive script.

    The draft is of our own reviews; in another there is text without punctuation, for which we need
    spaCy too.
    """
    path, hasty = bench.folder / "draft.md", bench.folder / "hasty.md"
    written = draft((text for text in contenders.own_texts() if len(text) > 500), 1_000)
    path.write_text(written, encoding="utf-8")
    hasty.write_text(written + re.sub(r"[^\w\s'’-]", "", written[-400:]), encoding="utf-8")
    check = ["-m", "spoilerguard", "check", "--exit-zero"]
    commands = {
        BARE: ["-c", "import spacy; spacy.blank('en')"],
        "naive script": ["-c", NAIVE, str(contenders.TFIDF), str(path)],
        "check": [*check, str(path)],
        "check, where punctuation is missing": [*check, str(hasty)],
        "check --model accurate": [*check, "--model", "accurate", str(path)],
    }
    for cores in bench.sets():
        ran = in_turn(commands, cores, bench.folder, 3 if bench.quick else 5)
        times = {who: 1000 * r.clock for who, r in ran.items()}
        for row in compared("cold start, 1,000 words", len(cores), "ms", times, BARE):
            yield with_goal(row, "check", "at most 0.7", lambda r: (r.ratio or 0) <= 0.7)


def imports(bench: Bench) -> Iterator[Row]:
    """What importing takes, beyond what Python does to start."""
    code = {
        "spaCy": "import spacy",
        "scikit-learn's TF-IDF": "import sklearn.feature_extraction.text, sklearn.linear_model",
        "spoilerguard": "import spoilerguard",
        "its command line": "import spoilerguard.cli",
    }
    commands = {"nothing": ["-c", "pass"]} | {who: ["-c", line] for who, line in code.items()}
    ran = in_turn(commands, bench.cores[:1], bench.folder, 3 if bench.quick else 7)
    times = {who: 1000 * (r.clock - ran["nothing"].clock) for who, r in ran.items() if who != "nothing"}
    yield from compared("import", 1, "ms", times, "spaCy")


SCAN, OBVIOUS = "scan", "obvious script"


def scans(bench: Bench) -> Iterator[Row]:
    """A scan of a Parquet file against the obvious script, and two jobs against one."""
    from scan import OBVIOUS as SCRIPT
    from scan import sentences_of

    small, large = bench.folder / "small.parquet", bench.folder / "large.parquet"
    for path, count in ((small, bench.some(2_500)), (large, bench.some(60_000))):
        apart(contenders.archive, bench.texts, count, path)
    commands = {
        OBVIOUS: ["-c", SCRIPT, str(contenders.TFIDF), str(small), str(bench.folder / "theirs.jsonl")],
        SCAN: scan_command(bench, small),
    }
    ran = in_turn(commands, bench.cores[:1], bench.folder, 1 if bench.quick else 2)
    rate = {who: sentences_of(r.stderr) / r.processor for who, r in ran.items()}
    for row in compared("scan, end to end in a fresh process", 1, "sentences/s", rate, OBVIOUS):
        yield with_goal(row, SCAN, "at least 2", lambda r: (r.ratio or 0) >= 2)
    if len(bench.cores) > 1:
        jobs = {f"scan --jobs {n}": scan_command(bench, large, n) for n in (1, 2)}
        ran = in_turn(jobs, bench.cores[:2], bench.folder, 1 if bench.quick else 2, warm=0)
        rate = {who: sentences_of(r.stderr) / r.clock for who, r in ran.items()}
        for row in compared("scan, by the clock", 2, "sentences/s", rate, "scan --jobs 1"):
            yield with_goal(row, "scan --jobs 2", "at least 1.7", lambda r: (r.ratio or 0) >= 1.7)


def scan_command(bench: Bench, source: Path, jobs: int = 1) -> list[str]:
    out = str(bench.folder / "out.jsonl")
    return ["-m", "spoilerguard", "scan", str(source), "-o", out, "--force", "--jobs", str(jobs)]


# --- warm -----------------------------------------------------------------------------------------


def latency(bench: Bench) -> Iterator[Row]:
    """One call of `flag` at a time, each on a text of its own."""
    sizes = (20, 200, 2_000)
    whole = draft(bench.read(), 60_000)
    path = bench.folder / "whole.txt"
    path.write_text(whole, encoding="utf-8")
    calls = {20: bench.some(400), 200: bench.some(200), 2_000: bench.some(50)}
    makers = {"obvious script": PLAIN} | {name: name for name in contenders.there() if name in contenders.OURS}
    found: dict[tuple[str, int], list[float]] = {(who, size): [] for who in makers for size in sizes}
    with ExitStack() as stack:
        workers = {
            who: stack.enter_context(worker(bench.cores[:1], calling, name, path)) for who, name in makers.items()
        }
        for part in range(4):
            for size in sizes:
                for who, one in workers.items():
                    calls_now = max(3, calls[size] // (4 if who == "fast" else 16))
                    one.start((size, part * calls_now, calls_now))
                    found[who, size] += one.lap().result
    for size in sizes:
        for figure, take in (("p50", median), ("p99", lambda times: quantiles(times, n=100, method="inclusive")[98])):
            times = {who: take(found[who, size]) for who in makers}
            for row in compared(f"flag, {size:,} words, warm, {figure}", 1, "ms", times, "obvious script"):
                wanted = size == 200 and figure == "p50"
                yield with_goal(row, "fast", "under 5 ms", lambda r: r.value < 5) if wanted else row


def calling(name: str, path: Path) -> Work:
    """The milliseconds of each call: of a size, from a number on, so many."""
    words = path.read_text(encoding="utf-8").split(" ")
    one: Callable[[str], Any]
    if name in contenders.OURS:
        one = contenders.loaded(name).flag
    else:
        reports = contenders.their_reports(name)

        def one(text: str) -> Any:
            return reports([text])

    def work(task: tuple[int, int, int]) -> list[float]:
        size, first, count = task
        times = []
        for number in range(first, first + count):
            begin = number * size % (len(words) - size)
            text = " ".join(words[begin : begin + size])
            began = time.perf_counter()
            one(text)
            times.append(1000 * (time.perf_counter() - began))
        return times

    one(" ".join(words[:2_000]))
    return work


PLAIN = "TF-IDF + logistic regression"


def scoring(bench: Bench) -> Iterator[Row]:
    """Sentences that are already split, scored."""
    yield from _throughput(
        bench, "scoring", contenders.scoring, bench.folder / "documents.json",
        "40,000 or 10 times", lambda r: r.value >= 40_000 * r.cores or (r.ratio or 0) >= 10,
    )  # fmt: skip


def reporting(bench: Bench) -> Iterator[Row]:
    """Texts split, scored and reported; the rivals behind spaCy's sentencizer."""
    yield from _throughput(
        bench, "texts to reports", contenders.reporting, bench.texts, "at least 2", lambda r: (r.ratio or 0) >= 2
    )


def _throughput(
    bench: Bench, what: str, make: Callable[..., Work], text: Path, goal: str, met: Callable[[Row], bool]
) -> Iterator[Row]:
    makers = {name: (make, name, text) for name in contenders.there()}
    for cores in bench.sets():
        rounds, least = (2, 0.25) if bench.quick else (5, 0.4)
        rate = rates(makers, cores, rounds, least)
        for row in compared(what, len(cores), "sentences/s", rate, PLAIN):
            yield with_goal(row, "fast", goal, met)


def jobs(bench: Bench) -> Iterator[Row]:
    """`flag_many` in two processes against one, by the clock."""
    if len(bench.cores) < 2:
        return
    count = bench.some(20_000)
    with ExitStack() as stack:
        workers = {
            n: stack.enter_context(worker(bench.cores[:2], flag_many, n, bench.texts)) for n in (1, 2)
        }  # the processes of the second start with its first task
        times: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(3):
            for n, one in workers.items():
                one.start(count if turn else count // 10)
                if turn:
                    times[n].append(count / one.lap().clock)
                else:
                    one.lap()
    rate = {f"flag_many(jobs={n})": max(found) for n, found in times.items()}
    yield from compared("flag_many, by the clock", 2, "texts/s", rate, "flag_many(jobs=1)")


def flag_many(jobs: int, texts: Path) -> Work:
    every = json.loads(texts.read_text(encoding="utf-8"))

    from spoilerguard import load

    guard = load("fast")
    return lambda count: sum(len(r.flags) for r in guard.flag_many(islice(cycle(every), count), jobs=jobs))


# --- size -----------------------------------------------------------------------------------------


def memory(bench: Bench) -> Iterator[Row]:
    """What a process is at most that loads a contender and reports 500 texts."""
    peaks = {}
    for name in contenders.there():
        make = (contenders.reporting, name, bench.texts)
        with worker(bench.cores[:1], *make, torch="PyTorch" in name) as one:
            one.start(bench.some(500))
            one.lap()
            peaks[name] = one.peak()
    yield from compared("peak memory, 500 texts", 1, "MB", peaks, PLAIN)


def growth(bench: Bench) -> Iterator[Row]:
    """Time and memory with 1, 10 and 100 times the input, as ratios to the first."""
    sizes = [bench.some(5_000) * times for times in (1, 10, 100)]  # words
    paths = [bench.folder / f"{size}.html" for size in sizes]
    for path, size in zip(paths, sizes, strict=True):
        paragraphs = draft(bench.read(), size).split("\n\n")
        path.write_text("".join(f"<p>{p}</p>\n" for p in paragraphs), encoding="utf-8")
    for name in ("flag", "blur"):
        measured = []
        for path in paths:
            with worker(bench.cores[:1], growing, name, path) as one:
                laps = []
                for _ in range(2):
                    one.start(None)
                    laps.append(one.lap())
                measured.append((min(lap.processor for lap in laps), one.peak()))
        yield from _grown(f"{name}, HTML of {sizes[0]:,} words", measured)
    counts = [bench.some(200) * times for times in (1, 10, 100)]
    ran: list[Ran] = []
    for count in counts:
        source = bench.folder / "growing.parquet"
        apart(contenders.archive, bench.texts, count, source)
        ran.append(in_turn({SCAN: scan_command(bench, source)}, bench.cores[:1], bench.folder, 1, warm=0)[SCAN])
    yield from _grown(f"scan, {counts[0]:,} records", [(r.processor, r.peak) for r in ran])


def growing(name: str, path: Path) -> Work:
    from spoilerguard import load

    guard, text = load("fast"), path.read_text(encoding="utf-8")
    guard.blur("<p>She dies at the end. He did it.</p>")
    call = guard.flag if name == "flag" else guard.blur

    def work(_: None) -> None:
        call(text, format="html")

    return work


def _grown(what: str, measured: Sequence[tuple[float, float]]) -> Iterator[Row]:
    names = ("1", "10 times", "100 times")
    for kind, unit, column in (("time", "s", 0), ("memory", "MB", 1)):
        values = {name: figures[column] for name, figures in zip(names, measured, strict=True)}
        yield from compared(f"growth: {what}, {kind}", 1, unit, values, "1")


def wheel(bench: Bench) -> Iterator[Row]:
    """The size of what is installed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(ROOT)]
        done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            print(f"no wheel: {done.stderr}", file=sys.stderr)
            return
        size = max(path.stat().st_size for path in Path(folder).glob("*.whl")) / 1e6
    row = Row("wheel", "spoilerguard", 1, size, "MB")
    yield with_goal(row, "spoilerguard", "under 40 MB", lambda r: r.value < 40)


MEASURES: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "start": cold_start,
    "imports": imports,
    "latency": latency,
    "scoring": scoring,
    "reports": reporting,
    "scan": scans,
    "jobs": jobs,
    "memory": memory,
    "growth": growth,
    "wheel": wheel,
}
