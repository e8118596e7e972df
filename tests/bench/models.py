"""Make the bundled models as they are shipped: network, soft labels, `fast`, `accurate`, figures, cards.

    python tests/bench/models.py ../shared/datasets            # all of it: two hours on two cores
    python tests/bench/models.py ../shared/datasets --figures  # only measure the shipped models again

The network (cache/network) and what it says of unlabelled reviews (cache/soft.parquet) are kept and
used again. Research text goes in, weights and figures come out: no sentence of it is written
anywhere but to cache/, which git ignores.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
import re
import sys

from ablations import table as ablations
import numpy as np
import pandas as pd

from spoilerguard import load
from spoilerguard.datasets import load_labelled, read_works, split_of, splits_of, to_frame
from spoilerguard.evaluation import Evaluation, evaluate
from spoilerguard.guard import Guard
from spoilerguard.model.manifest import NETWORK, VOCABULARY
from spoilerguard.model.scoring import LinearScorer, sigmoid
from spoilerguard.model.transformer import TransformerScorer
from spoilerguard.training.ensemble import combined
from spoilerguard.training.finetune_config import FINETUNE
from spoilerguard.training.pipeline import fine_tuned, train

HERE, ROOT = Path(__file__).parent, Path(__file__).resolve().parents[2]
CACHE = ROOT / "cache"
FLOATS = CACHE / "network" / "floats.onnx"
LABELLED = ("tagged_reviews.jsonl", "tvtropes_train.csv", "goodreads_dev.csv", "reddit_spans_dev.csv")
UNTAGGED, MARKED, POOL = "untagged_reviews.jsonl", "imdb_marked.jsonl", "imdb_reviews.parquet"
EVERY = 9  # of the reviews without labels, the share that the network scores

Evaluations = dict[str, Evaluation]


def say(step: str, share: float) -> None:
    print(f"{share:4.0%} {step}", file=sys.stderr, flush=True)


def frame_of(folder: Path) -> pd.DataFrame:
    """Everything that is trained on: our corpus, the labelled sets, reviews in which nothing is hidden."""
    frames = [to_frame(load_labelled([ROOT / "data" / "reviews.jsonl"]))]
    frames += [to_frame(load_labelled([folder / name])) for name in LABELLED]
    frames.append(to_frame(load_labelled([folder / UNTAGGED], format="spans")))
    return pd.concat(frames, ignore_index=True)


def of_split(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    split = splits_of(frame)
    return frame[split == name].reset_index(drop=True)


def network(frame: pd.DataFrame, works: Mapping[str, object]) -> dict[str, bytes]:
    """The files of the fine-tuned network; made where they are missing, going on from a checkpoint."""
    kept = [CACHE / "network" / name for name in (NETWORK, VOCABULARY)]
    if not all(path.exists() for path in kept):
        kept[0].parent.mkdir(parents=True, exist_ok=True)
        graphs = fine_tuned(of_split(frame, "train"), works, FINETUNE, CACHE / "network.checkpoint", say)
        for path in kept:
            path.write_bytes(graphs.files[path.name])
        FLOATS.write_bytes(graphs.floats)
    return {path.name: path.read_bytes() for path in kept}


def soft_labels(folder: Path, files: Mapping[str, bytes]) -> pd.DataFrame:
    """What the network says of unlabelled reviews, but of works that are held out; made where it is missing."""
    scores = CACHE / "soft.parquet"
    if not scores.exists():
        held = {d.work for d in load_labelled([folder / MARKED])}
        documents = [
            document
            for name in (POOL, UNTAGGED)
            for document in islice(load_labelled([folder / name], format="spans"), 0, None, EVERY)
            if document.work not in held and split_of(document.work) == "train"
        ]
        texts = [[s.text.lstrip() for s in d.sentences] for d in documents]
        scorer = TransformerScorer.of(LinearScorer({}), files)
        found = scorer.logits(texts, [None] * len(texts), [np.ones(len(t), bool) for t in texts])
        frame = to_frame(documents)
        frame["target"] = sigmoid(np.concatenate(found))
        frame[["source", "document", "work", "index", "count", "text", "target"]].to_parquet(scores)
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


def summary(found: Mapping[str, Evaluations]) -> str:
    """The figures of all models side by side, without intervals: for the README."""

    def row(*cells: object) -> str:
        return f"| {' | '.join(map(str, cells))} |"

    def both(figures: Mapping[str, Mapping[str, object]], first: str, second: str) -> str:
        return " / ".join("-" if figures[k]["value"] is None else f"{figures[k]['value']:.3f}" for k in (first, second))

    models, one = list(found), next(iter(found.values()))
    lines = [row("held-out works of", "sentences", "spoilers", *(f"`{name}`: AUC / AP" for name in models))]
    lines.append("|---" * (3 + len(models)) + "|")
    for name, e in one.items():
        if name == "ours, validation":  # on which operating points were chosen: in the cards
            continue
        figures = [both(found[model][name].overall, "auc", "average_precision") for model in models]
        lines.append(row(name, f"{e.overall['sentences']:,}", f"{e.overall['spoilers']:,}", *figures))
    lines += ["", row("sensitivity (ours, test)", *(f"`{name}`: precision / recall" for name in models))]
    lines.append("|---" * (1 + len(models)) + "|")
    points = {model: found[model]["ours, test"].overall["points"] for model in models}
    lines += [row(name, *(both(points[m][name], "precision", "recall") for m in models)) for name in points[models[0]]]
    return "\n".join(lines)


def card(guard: Guard, figures: str, kinds: str) -> str:
    training = guard.manifest.training
    text = (HERE / f"card-{guard.name}.md").read_text(encoding="utf-8")
    deep = isinstance(guard.scorer, TransformerScorer)
    return text.format(
        version=guard.version,
        figures=figures,
        kinds=kinds,
        soft=f"{training['soft']:,}",
        unreached="; ".join(training["unreached"]) or "all three were reached",
        ablations=ablations(guard, FLOATS) if deep else "",
        cascade=training.get("cascade", {}),
        **{f"n_{k}": f"{v:,}" for k, v in training["sentences"].items()},
    )


def into(path: Path, mark: str, figures: str) -> None:
    """Put a table between its marks in a Markdown file."""
    text = path.read_text(encoding="utf-8")
    marked = f"<!-- {mark} -->\n{figures}\n<!-- /{mark} -->"
    path.write_text(re.sub(rf"<!-- {mark} -->.*<!-- /{mark} -->", lambda _: marked, text, flags=re.S), encoding="utf-8")


def made(folder: Path, jobs: int) -> list[Guard]:
    """Both models, trained: the network, what it teaches the fast model, and the two of them joined."""
    frame, works = frame_of(folder), read_works(ROOT / "data" / "works.jsonl")
    files = network(frame, works)
    soft = soft_labels(folder, files)
    fast = train(frame, soft=soft, works=works, recipe="fast", name="fast", jobs=jobs, progress=say)
    assert isinstance(fast.scorer, LinearScorer)
    held = of_split(frame, "validation")
    manifest = replace(fast.manifest, name="accurate")
    ours = held[held["source"] == "reviews"]
    archive = held[held["source"].isin(["reviews", "untagged_reviews"])]
    return [fast, Guard(*combined(fast.scorer, manifest, files, FINETUNE, ours, works, archive))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path)
    parser.add_argument("--figures", action="store_true", help="only measure the shipped models and write their cards")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    guards = [load("fast"), load("accurate")] if given.figures else made(given.datasets, given.jobs)
    every: dict[str, Evaluations] = {}
    for guard in guards:
        found = every[guard.name] = measure(guard, given.datasets)
        figures = table(found)
        print(f"{guard.name}\n{figures}\n")
        kinds = found["ours, test"].kinds
        guard.save(ROOT / "models" / guard.name, card=card(guard, figures, f"{kinds['accuracy']['value']:.2f}"))
    into(ROOT / "README.md", "figures", summary(every))


if __name__ == "__main__":
    main()
