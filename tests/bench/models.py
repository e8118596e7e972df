"""Make `models/fast` as it is shipped: teacher, its scores, the fast model, its figures, its card.

    python tests/bench/models.py ../shared/datasets            # all of it: an hour or more on two cores
    python tests/bench/models.py ../shared/datasets --figures  # only measure the shipped model again

The teacher and its scores are kept in cache/ and used again. Research text goes in, weights and
figures come out: no sentence of it is written anywhere but to cache/, which git ignores.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import re
import subprocess
import sys

import pandas as pd

from spoilerguard import load
from spoilerguard.datasets import load_labelled, read_works, to_frame
from spoilerguard.evaluation import Evaluation, evaluate
from spoilerguard.guard import Guard
from spoilerguard.training import train

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "cache"
LABELLED = ("tagged_reviews.jsonl", "tvtropes_train.csv", "goodreads_dev.csv", "reddit_spans_dev.csv")
UNTAGGED, MARKED, POOL = "untagged_reviews.jsonl", "imdb_marked.jsonl", "imdb_reviews.parquet"
EVERY = 9  # of the reviews without labels, the share that the teacher scores

Evaluations = dict[str, Evaluation]


def frame_of(folder: Path) -> pd.DataFrame:
    """Everything that is trained on: our corpus, the labelled sets, reviews in which nothing is hidden."""
    frames = [to_frame(load_labelled([ROOT / "data" / "reviews.jsonl"]))]
    frames += [to_frame(load_labelled([folder / name])) for name in LABELLED]
    frames.append(to_frame(load_labelled([folder / UNTAGGED], format="spans")))
    return pd.concat(frames, ignore_index=True)


def soft_labels(folder: Path) -> pd.DataFrame:
    """What the teacher says of unlabelled reviews; teacher and scores are made where they are missing."""
    teacher, scores = CACHE / "teacher.safetensors", CACHE / "soft.parquet"
    module = [sys.executable, "-m", "spoilerguard.teacher"]
    if not scores.exists() and not teacher.exists():
        sources = [ROOT / "data" / "reviews.jsonl", *(folder / name for name in (*LABELLED, UNTAGGED))]
        subprocess.run([*module, "train", *map(str, sources), "-o", str(teacher)], check=True)
    if not scores.exists():
        options = ["--every", str(EVERY), "--without", str(folder / MARKED), "-o", str(scores)]
        texts = [str(folder / POOL), str(folder / UNTAGGED)]
        subprocess.run([*module, "score", str(teacher), *texts, *options], check=True)
    return pd.read_parquet(scores)


def measure(guard: Guard, folder: Path) -> Evaluations:
    """The works held out of each source; of the author-marked reviews all, since none is trained on."""
    ours = ROOT / "data" / "reviews.jsonl"
    works = read_works(ROOT / "data" / "works.jsonl")
    found = {
        "ours, test": evaluate(guard, ours, errors=0),
        "ours, test, works given": evaluate(guard, ours, works=works, errors=0),
        "ours, validation": evaluate(guard, ours, split="validation", errors=0),
    }
    tagged = to_frame(load_labelled([folder / "tagged_reviews.jsonl"]))
    books = tagged["kind"].isin(["goodreads", "blog"])
    parts = {"tagged book reviews": tagged[books], "tagged comment threads": tagged[~books]}
    for name, file in (("TV Tropes", LABELLED[1]), ("Goodreads sentences", LABELLED[2]), ("Reddit spans", LABELLED[3])):
        parts[name] = to_frame(load_labelled([folder / file]))
    for name, part in parts.items():
        found[name] = evaluate(guard, part.reset_index(drop=True), errors=0)
    found["author-marked IMDb"] = evaluate(guard, folder / MARKED, split="all", errors=0)
    return found


def table(found: Evaluations) -> str:
    """The figures in Markdown."""

    def cell(figure: dict[str, object]) -> str:
        value, interval = figure["value"], figure["interval"]
        if value is None:
            return "-"
        low, high = interval if isinstance(interval, list | tuple) else (value, value)
        return f"{value:.3f} ({low:.2f}–{high:.2f})"

    lines = [
        "| held-out works of | sentences | spoilers | AUC | average precision | each sentence alone, AUC |",
        "|---|---|---|---|---|---|",
    ]
    for name, e in found.items():
        o = e.overall
        lines.append(
            f"| {name} | {o['sentences']:,} | {o['spoilers']:,} | {cell(o['auc'])} | {cell(o['average_precision'])} "
            f"| {cell(e.alone['auc'])} |"
        )
    ours = found["ours, test"].overall["points"]
    lines += [
        "",
        "| sensitivity (ours, test) | threshold | precision | recall | false alarms |",
        "|---|---|---|---|---|",
    ]
    for name, point in ours.items():
        lines.append(
            f"| {name} | {point['threshold']:.2f} | {cell(point['precision'])} | {cell(point['recall'])} "
            f"| {cell(point['false_alarm_rate'])} |"
        )
    return "\n".join(lines)


def card(guard: Guard, figures: str, kinds: str) -> str:
    return CARD.format(version=guard.version, figures=figures, kinds=kinds, **_counts(guard))


def _counts(guard: Guard) -> dict[str, object]:
    training = guard.manifest.training
    unreached = "; ".join(training["unreached"]) or "all three were reached"
    return {
        "soft": f"{training['soft']:,}",
        "unreached": unreached,
        **{f"n_{k}": f"{v:,}" for k, v in training["sentences"].items()},
    }


CARD = (Path(__file__).parent / "card.md").read_text(encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path)
    parser.add_argument("--figures", action="store_true", help="only measure the shipped model and write its card")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    if given.figures:
        guard = load("fast")
    else:
        works = read_works(ROOT / "data" / "works.jsonl")
        soft = soft_labels(given.datasets)
        guard = train(
            frame_of(given.datasets), soft=soft, works=works, recipe="fast", name="fast", jobs=given.jobs,
            progress=lambda step, share: print(f"{share:4.0%} {step}", file=sys.stderr),
        )  # fmt: skip
    found = measure(guard, given.datasets)
    figures = table(found)
    print(figures)
    kinds = found["ours, test"].kinds
    guard.save(ROOT / "models" / "fast", card=card(guard, figures, f"{kinds['accuracy']['value']:.2f}"))
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    marked = f"<!-- figures -->\n{figures}\n<!-- /figures -->"
    readme.write_text(
        re.sub(r"<!-- figures -->.*<!-- /figures -->", lambda _: marked, text, flags=re.S), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
