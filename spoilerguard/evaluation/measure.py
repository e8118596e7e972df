"""Measure a model on labelled data that it was not trained on.

`evaluate` reads from top to bottom: take the part of the data that is asked for, refuse it if the model was
trained on its works, score its sentences in their documents and alone, and measure: the whole, each part, each
document, the kinds named, the worst errors, and (on request) baselines and a learning curve on the same
sentences. All labels count the same, weak ones too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.datasets import documents_of, frame_of, splits_of, work_key
from spoilerguard.errors import InputError
from spoilerguard.evaluation import metrics
from spoilerguard.evaluation.baselines import BASELINES
from spoilerguard.evaluation.breakdown import ScoredFrame, by_document, by_kind, by_part, by_tag, worst
from spoilerguard.files.pages import write
from spoilerguard.guard import SENSITIVITIES, Guard
from spoilerguard.model.scoring import Reading
from spoilerguard.spans import Work
from spoilerguard.training.pipeline import Recipe, operating_points, train, work_digest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SPLITS", "Evaluation", "evaluate", "read_in_documents"]

SPLITS = ("test", "validation", "train", "all")
CURVE = (0.1, 0.25, 0.5, 1.0)  # shares of the training works in a learning curve
_CHUNK = 256  # documents scored at a time

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of `evaluate`, as plain dictionaries, lists, strings and numbers.

    A figure is `{"value": float | None, "interval": [low, high] | None}`; None means undefined.

    Attributes:
        model: The model.
        data: The data, and how much of it was measured.
        settings: The split, the number of samples for the intervals, the seed, and the level.
        overall: The figures of `metrics.figures_of`, each sentence scored in its document.
        alone: The same, each sentence scored without its document.
        curves: ROC and precision-recall curves, and histograms.
        breakdown: The figures by source, kind, medium and length of sentence.
        tags: The share flagged for each tag.
        documents: The share of harmless documents flagged, and of documents with spoilers found.
        kinds: How well the kinds are named.
        errors: The worst false alarms and misses.
        baselines: The figures of each baseline.
        learning_curve: The figures of models trained on growing shares of the works.
        command: The command that repeats the evaluation.
    """

    model: dict[str, Any]
    data: dict[str, Any]
    settings: dict[str, Any]
    overall: dict[str, Any]
    alone: dict[str, Any]
    curves: dict[str, Any]
    breakdown: dict[str, dict[str, Any]]
    tags: dict[str, Any]
    documents: dict[str, Any]
    kinds: dict[str, Any]
    errors: dict[str, list[dict[str, Any]]]
    baselines: dict[str, Any]
    learning_curve: list[dict[str, Any]]
    command: str = ""

    def to_dict(self) -> dict[str, Any]:
        """All of it, JSON-serialisable; `to_json` writes exactly this."""
        return {"version": 1, **asdict(self)}

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the evaluation as JSON, completely or not at all.

        Args:
            path: The file.

        Raises:
            InputError: The file cannot be written.
        """
        write(path, json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n")

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write the report as one self-contained page.

        Args:
            path: The file.

        Raises:
            InputError: The file cannot be written.
            MissingExtra: matplotlib is not installed.
        """
        from spoilerguard.evaluation.page import page

        write(path, page(self.to_dict()))

    def __str__(self) -> str:
        from spoilerguard.evaluation.words import plain_table

        return plain_table(self.to_dict())


def evaluate(
    guard: Guard,
    data: pd.DataFrame | str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    split: str = "test",
    baselines: bool | Iterable[str] = (),
    learning_curve: bool = False,
    bootstrap: int = 1000,
    seed: int = 0,
    jobs: int = 1,
    recipe: str | Recipe = "plain",
    errors: int = 20,
    works: Mapping[str, Work] | None = None,
    allow_leak: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a model on labelled data. The result depends on the seed, but not on `jobs`.

    Args:
        guard: The model.
        data: A frame as `datasets.to_frame` makes it, or files and folders.
        split: The part of the data to measure on, by work (see `datasets.split_of`): "test",
            "validation", "train" or "all".
        baselines: Names of rows of `baselines.BASELINES` to compare with, or True for all; they are
            trained on the train split of the same data.
        learning_curve: Whether to retrain on growing shares of the training works.
        bootstrap: How many samples of works to draw for the intervals; 0 for no intervals.
        seed: The seed of everything random.
        jobs: How many cores to use for the learning curve.
        recipe: How the learning curve trains.
        errors: How many false alarms and how many misses to keep.
        works: Blurbs and synopses by work; by default sentences are scored without them.
        allow_leak: Whether works that the model was trained on are allowed.
        progress: Called with the current step and the share done.

    Returns:
        The evaluation.

    Raises:
        InputError: The model was trained on a work of the data (unless `allow_leak`), the data is empty or
            has only one label, or an argument is wrong.
    """
    import pandas as pd

    say = progress or (lambda step, share: None)
    if split not in SPLITS:
        raise InputError(f"unknown split {split!r}: choose from {', '.join(SPLITS)}")
    if bootstrap < 0 or errors < 0:
        raise InputError("bootstrap and errors must not be negative")
    chosen = list(BASELINES) if baselines is True else list(baselines or ())
    if unknown := set(chosen) - set(BASELINES):
        raise InputError(f"no baseline {sorted(unknown)[0]!r}: there are {', '.join(BASELINES)}")
    say("reading", 0.0)
    given = data if isinstance(data, pd.DataFrame) else [data] if isinstance(data, str | os.PathLike) else list(data)
    whole, known_works = _frame(given)
    parts = splits_of(whole)
    frame = whole if split == "all" else whole[parts == split].reset_index(drop=True)
    _refuse_unusable(frame, whole, split)
    leaks = _leaks(guard, frame) if known_works else []
    if leaks and not allow_leak:
        more = f" (and {len(leaks) - 1} more)" if len(leaks) > 1 else ""
        raise InputError(
            f"work {leaks[0]!r}{more} is among the works this model was trained on, so its figures would be too good: "
            "evaluate the part left out (split='test', --split test) or allow it (allow_leak=True, --allow-leak)"
        )
    rest = _apart(whole, frame, parts, split) if chosen or learning_curve else frame

    say("scoring", 0.05)
    together, kinds = read_in_documents(guard, frame, works or {}, say)
    alone = np.asarray(guard.score(frame["text"].tolist()), np.float64)
    say("measuring", 0.4)
    works_of = frame["work"].map(work_key).to_numpy(str)
    scored = ScoredFrame(
        frame, together, works_of, {name: guard.manifest.thresholds[name] for name in SENSITIVITIES}, bootstrap, seed
    )
    return Evaluation(
        model=_about(guard, leaks),
        data=_describe(given if isinstance(given, list) else [], whole, frame),
        settings={"split": split, "bootstrap": bootstrap, "seed": seed, "interval": metrics.LEVEL},
        overall=scored.figures(),
        alone=scored.figures(probability=alone),
        curves=metrics.curves(scored.truth, together),
        breakdown=by_part(scored),
        tags=by_tag(scored),
        documents=by_document(scored),
        kinds=by_kind(scored, guard, kinds),
        errors=worst(scored, alone, errors),
        baselines=_compare(chosen, rest, scored, say),
        learning_curve=_learning_curve(rest, scored, recipe, jobs, say) if learning_curve else [],
        command=f"spoilerguard.evaluate(guard, data, split={split!r}, bootstrap={bootstrap}, seed={seed})",
    )


# --- the data ------------------------------------------------------------------------------------


def _frame(data: Any) -> tuple[pd.DataFrame, bool]:
    """The frame with every column, and whether it names works."""
    frame = frame_of(data)
    return frame, "work" in getattr(data, "columns", ("work",))


def _refuse_unusable(frame: pd.DataFrame, whole: pd.DataFrame, split: str) -> None:
    if whole.empty:
        raise InputError("no labelled sentences in the data: there is nothing to evaluate")
    if frame.empty:
        raise InputError(
            f"none of the {whole['work'].nunique()} works of the data is in the {split} split: "
            "evaluate all of it (split='all', --split all)"
        )
    if frame["label"].nunique() < 2:
        only = "spoilers" if frame["label"].iloc[0] else "harmless sentences"
        raise InputError(f"all {len(frame)} sentences to evaluate are {only}: evaluation needs both labels")


def _leaks(guard: Guard, frame: pd.DataFrame) -> list[str]:
    """Works of the frame that the model was trained on."""
    trained = set(guard.manifest.training.get("works", ()))
    return [work for work in frame["work"].unique() if work_digest(work) in trained]


def _apart(whole: pd.DataFrame, frame: pd.DataFrame, parts: npt.NDArray[Any], split: str) -> pd.DataFrame:
    """The works that baselines and learning curve may learn from: train and validation works not measured on."""
    measured = whole["work"].map(work_key).isin(set(frame["work"].map(work_key))).to_numpy()
    rest: pd.DataFrame = whole[(parts != "test") & ~measured]
    if rest["label"].nunique() < 2:
        raise InputError(
            f"baselines and learning curve learn from works that are not measured on, and split {split!r} leaves "
            "none with both labels: use split='test' (--split test)"
        )
    return rest.reset_index(drop=True)


def _describe(paths: Sequence[Any], whole: pd.DataFrame, frame: pd.DataFrame) -> dict[str, Any]:
    rows = "".join(f"{w}\t{t}\t{y}\n" for w, t, y in zip(frame["work"], frame["text"], frame["label"], strict=True))
    return {
        "paths": [os.fspath(path) for path in paths],
        "sources": {str(name): int(n) for name, n in frame["source"].value_counts(sort=False).items()},
        "works": int(frame["work"].nunique()),
        "documents": len(documents_of(frame)),
        "sentences": len(frame),
        "spoilers": int(frame["label"].sum()),
        "weak_labels": int((frame["weight"] < 1).sum()),
        "of_sentences": len(whole),
        "digest": hashlib.sha256(rows.encode(errors="replace")).hexdigest(),
    }


def _about(guard: Guard, leaks: Sequence[str]) -> dict[str, Any]:
    manifest = guard.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "architecture": manifest.architecture,
        "digest": manifest.digests.get("weights.npz") or next(iter(manifest.digests.values()), None),
        "thresholds": dict(manifest.thresholds),
        "trained_on": manifest.training.get("sentences", {}),
        "works_trained_on": len(manifest.training.get("works", ())),
        "leaked_works": list(leaks),
    }


def read_in_documents(guard: Guard, frame: pd.DataFrame, works: Mapping[str, Work], say: Progress) -> Reading:
    """What a model reads in the sentences of a frame, each in its document."""
    rows = documents_of(frame)
    texts, names = frame["text"].tolist(), frame["work"].tolist()
    documents = [texts[document.start : document.stop] for document in rows]
    topics = [works.get(names[document.start]) for document in rows]
    found: list[Reading] = []
    for at in range(0, len(documents), _CHUNK):
        found += guard.scorer.read(documents[at : at + _CHUNK], topics[at : at + _CHUNK])
        say("scoring", 0.05 + 0.3 * at / len(documents))
    return Reading(np.concatenate([r.scores for r in found]), np.vstack([r.kinds for r in found]))


# --- baselines and learning curve------------------------------------------------------------------


def _compare(names: list[str], rest: pd.DataFrame, scored: ScoredFrame, say: Progress) -> dict[str, Any]:
    """Measure each baseline on the same sentences, at the threshold chosen by the rule for medium sensitivity."""
    part = splits_of(rest)
    fitted, held = rest[part == "train"], rest[part == "validation"]
    if fitted["label"].nunique() < 2:
        fitted = rest
    if held["label"].nunique() < 2:
        held = fitted
    out: dict[str, Any] = {}
    for k, name in enumerate(names):
        say(f"baseline: {name}", 0.5 + 0.25 * k / len(names))
        score = BASELINES[name].learn(fitted["text"].tolist(), fitted["label"].to_numpy(int), scored.seed)
        probability = score(held["text"].tolist())
        at = 0.5  # for a constant probability
        if np.ptp(probability) > 0:
            at = operating_points(held["label"].to_numpy(int), probability)[0]["medium"]
        figures = replace(scored, probability=score(scored.frame["text"].tolist()), thresholds={"medium": at}).figures()
        del figures["reliability"]
        out[name] = {"title": BASELINES[name].title, "trained_on": len(fitted), **figures}
    return out


def _learning_curve(
    rest: pd.DataFrame, scored: ScoredFrame, recipe: str | Recipe, jobs: int, say: Progress
) -> list[dict[str, Any]]:
    """The figures of models trained on growing shares of the training works, each a subset of the next."""
    part = splits_of(rest)
    keys = rest["work"].map(work_key).to_numpy(str)
    order = np.random.default_rng(scored.seed).permutation(np.unique(keys[part == "train"]))
    out = []
    for k, of_all in enumerate(CURVE):
        say(f"learning curve: {of_all:.0%} of the works", 0.75 + 0.25 * k / len(CURVE))
        chosen = order[: max(2, round(of_all * len(order)))]
        frame = rest[(part == "validation") | np.isin(keys, chosen)]
        try:
            guard = train(frame, recipe=recipe, seed=scored.seed, jobs=jobs)
        except InputError:  # too small a share to train on: the curve has no point there
            continue
        probability = read_in_documents(guard, scored.frame, {}, lambda step, share: None).scores
        figures = replace(scored, probability=probability, thresholds=guard.manifest.thresholds).figures()
        del figures["reliability"]
        sentences = int(np.isin(keys, chosen).sum())
        out.append({"share": of_all, "training_works": len(chosen), "training_sentences": sentences, **figures})
    return out
