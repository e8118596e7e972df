"""Measure the bundled models on works that they were not trained on, and write cards and README.

Real text comes first: validation and test works of `../shared/datasets/real` and of the labels in
`data/real-labels.jsonl`, by kind, with intervals by work. Our own corpus is a stress test: a third of its sentences
are spoilers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
import re

import numpy as np
import pandas as pd

from spoilerguard.datasets import documents_of, load_labelled, read_works, splits_of, to_frame
from spoilerguard.datasets.real import by_work, read_labels
from spoilerguard.evaluation import Evaluation, evaluate
from spoilerguard.guard import Guard
from spoilerguard.model.context import announcements
from spoilerguard.model.features import clean, tokens_of
from spoilerguard.model.manifest import WORDS

ROOT = Path(__file__).resolve().parents[1]
Evaluations = dict[str, Evaluation]
Comments = dict[str, tuple[int, int]]  # how many there are, and how many are flagged

# The kinds of real text, grouped as the held-out sets are that others measure on.
GROUPS: dict[str, tuple[str, ...]] = {
    "film reviews": ("film-hot", "film-unsure", "film-plain", "film-marked", "film"),
    "book reviews": ("book-tagged", "book-plain", "goodreads"),
    "threads": (
        *("web-thread", "film-thread", "reddit_rational_chapter", "reddit_rational_discussion"),
        *("reddit_rational_open", "reddit_rational_rec"),
    ),
    "blogs": ("blog", "blog-plain"),
    "short reviews": ("review",),
    "posts on many works": ("list-post",),
}


def write_figures(guards: Sequence[Guard], datasets: Path) -> None:
    """Measure, and write models/NAME/CARD.md and the README's table."""
    real = real_text(datasets)
    every = {guard.name: measured(guard, real) for guard in guards}
    flagged = {guard.name: comments(guard, real, datasets) for guard in guards}
    for guard in guards:
        text = card(guard, every[guard.name], flagged[guard.name])
        guard.save(ROOT / "models" / guard.name, card=text)
    into(ROOT / "README.md", "figures", summary(every, flagged))


def measured(guard: Guard, real: pd.DataFrame) -> Evaluations:
    """Real text by kind, then our own."""
    found: Evaluations = {"real text, test": evaluate(guard, real, errors=0)}
    for name, kinds in GROUPS.items():
        part = real[real["kind"].isin(kinds)].reset_index(drop=True)
        found[name] = evaluate(guard, part, errors=0)
    found["real text, validation"] = evaluate(guard, real, split="validation", errors=0)
    ours = ROOT / "data" / "reviews.jsonl"
    found["our own, test"] = evaluate(guard, ours, errors=0)
    found["our own, test, works given"] = evaluate(
        guard, ours, works=read_works(ROOT / "data" / "works.jsonl"), errors=0
    )
    return found


def comments(guard: Guard, real: pd.DataFrame, datasets: Path) -> Comments:
    """Comments and posts of test works, and in how many of them a sentence is flagged at medium sensitivity."""
    natural = to_frame(load_labelled([ROOT / "data" / "natural.jsonl"]))
    frames = {
        "off-topic comments": to_frame(load_labelled([datasets / "real" / "off_topic.jsonl"])),
        "our own harmless comments": natural[natural["kind"] == "harmless-comment"],
        "posts that announce spoilers, and have them": real[real["document"].isin(_announcing(real))],
    }
    return {name: _flagged(guard, frame[splits_of(frame) == "test"]) for name, frame in frames.items()}


def real_text(datasets: Path) -> pd.DataFrame:
    """All labelled real text that is about stories."""
    first = to_frame(by_work(load_labelled([datasets / "real" / "real.jsonl"])))
    more = to_frame(read_labels(ROOT / "data" / "real-labels.jsonl", datasets))
    return pd.concat([first, more], ignore_index=True)


def _announcing(frame: pd.DataFrame) -> set[str]:
    """The documents that announce spoilers, and have one after that."""
    documents = documents_of(frame.reset_index(drop=True))
    lengths = np.array([len(d) for d in documents])
    announced, _, _ = announcements(tokens_of([clean(text) for text in frame["text"]]), lengths)
    return set(frame["document"][np.asarray(announced > 0) & (frame["label"] > 0).to_numpy()])


def _flagged(guard: Guard, frame: pd.DataFrame) -> tuple[int, int]:
    frame = frame.reset_index(drop=True)
    texts = frame["text"].tolist()
    documents = [[texts[k] for k in d] for d in documents_of(frame)]
    scores = guard.scorer.score_documents(documents, [None] * len(documents))
    limit = guard.threshold("medium")
    return len(documents), int(sum(bool((s >= limit).any()) for s in scores))


# --- in words -------------------------------------------------------------------------------------


def cell(figure: Mapping[str, object]) -> str:
    value, interval = figure["value"], figure["interval"]
    if value is None:
        return "-"
    if not isinstance(interval, list | tuple):
        return f"{value:.2f}"
    return f"{value:.2f} ({interval[0]:.2f}–{interval[1]:.2f})"


def table(found: Evaluations) -> str:
    """The figures of a model in Markdown, with intervals."""
    lines = [
        "| works never trained on | sentences | spoilers | AUC | AP | precision, medium | recall, medium |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, e in found.items():
        o, at = e.overall, e.overall["points"]["medium"]
        figures = (o["auc"], o["average_precision"], at["precision"], at["recall"])
        lines.append(f"| {name} | {o['sentences']:,} | {o['spoilers']:,} | {' | '.join(map(cell, figures))} |")
    lines += ["", "| sensitivity (real text, test) | threshold | precision | recall | F1 |", "|---|---|---|---|---|"]
    for name, point in found["real text, test"].overall["points"].items():
        figures = (point["precision"], point["recall"], point["f1"])
        lines.append(f"| {name} | {point['threshold']:.2f} | {' | '.join(map(cell, figures))} |")
    error = found["real text, test"].overall["calibration_error"]["value"]
    return "\n".join([*lines, "", f"Expected calibration error on real test works: {error:.3f}."])


def summary(every: Mapping[str, Evaluations], flagged: Mapping[str, Comments]) -> str:
    """The models side by side, for the README."""
    models = list(every)
    head = " | ".join(f"`{m}`: AP | precision / recall" for m in models)
    lines = [f"| works never trained on | sentences / spoilers | {head} |", "|---|---|" + "---|---|" * len(models)]
    for name, one in every[models[0]].items():
        if name == "real text, validation":  # on which thresholds were chosen: in the cards
            continue
        cells = []
        for m in models:
            o = every[m][name].overall
            point = o["points"]["medium"]
            precision, recall = point["precision"]["value"] or 0.0, point["recall"]["value"] or 0.0
            cells += [cell(o["average_precision"]), f"{precision:.2f} / {recall:.2f}"]
        lines.append(f"| {name} | {one.overall['sentences']:,} / {one.overall['spoilers']:,} | {' | '.join(cells)} |")
    for name, (count, _) in flagged[models[0]].items():
        cells = [f" | {flagged[m][name][1]} flagged" for m in models]
        lines.append(f"| {name} | {count:,} |{' |'.join(cells)} |")
    return "\n".join(lines)


def card(guard: Guard, found: Evaluations, flagged: Comments) -> str:
    training = guard.manifest.training
    text = (ROOT / "models" / "cards" / f"{guard.name}.md").read_text(encoding="utf-8")
    kinds = found["real text, test"].kinds
    return text.format(
        version=guard.version,
        figures=table(found),
        comments=", ".join(f"{name} {n} of {count:,}" for name, (count, n) in flagged.items()),
        kinds=f"{kinds['accuracy_flagged']['value']:.2f}",
        micro_f1=f"{kinds['micro_f1']:.2f}",
        soft=f"{training['soft']:,}",
        unmet="; ".join(training["unreached"]) or "all three were reached",
        cascade=training.get("cascade", {}),
        size=f"{len(guard.scorer.files.get(WORDS, b'')) / 1e6:.1f}",
        **{f"n_{k.replace('-', '_')}": f"{v:,}" for k, v in training["sentences"].items()},
    )


def into(path: Path, mark: str, figures: str) -> None:
    """Put a table between its marks in a Markdown file."""
    text = path.read_text(encoding="utf-8")
    marked = f"<!-- {mark} -->\n{figures}\n<!-- /{mark} -->"
    path.write_text(re.sub(rf"<!-- {mark} -->.*<!-- /{mark} -->", lambda _: marked, text, flags=re.S), encoding="utf-8")
