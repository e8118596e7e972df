"""Measure a model on labelled data that it was not trained on.

`evaluate` reads from top to bottom: take the part of the data that is asked for, refuse it where
the model was trained on its works, score its sentences in their documents and alone, and judge:
as a whole, part by part, document by document, the kinds named, the worst errors, and (on request)
baselines and a learning curve on the very same sentences. Labels count alike, weak ones too.
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

from spoilerguard.datasets import completed, load_labelled, split_of, to_frame, work_key
from spoilerguard.errors import InputError
from spoilerguard.evaluation import metrics
from spoilerguard.evaluation.baselines import BASELINES
from spoilerguard.evaluation.breakdown import Scored, by_document, by_kind, by_part, by_tag, openings, worst
from spoilerguard.files.pages import write
from spoilerguard.guard import SENSITIVITIES, Guard
from spoilerguard.spans import Work
from spoilerguard.training.pipeline import Recipe, operating_points, train, work_digest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SPLITS", "Evaluation", "evaluate"]

SPLITS = ("test", "validation", "train", "all")
CURVE = (0.1, 0.25, 0.5, 1.0)  # shares of the training works in a learning curve
_CHUNK = 256  # documents scored at a time

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured, as plain dictionaries, lists, strings and numbers.

    A figure is `{"value": float | None, "interval": [low, high] | None}`; None is undefined.
    `overall` and `alone` (each sentence without its document) hold what `metrics.judge` gives;
    `breakdown` the same by source, kind, medium and length; `tags` the share flagged of each tag.
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
        """Everything, ready for JSON: the JSON twin holds exactly this."""
        return {"version": 1, **asdict(self)}

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write `to_dict` as JSON, whole or not at all. Raises InputError where it cannot."""
        write(path, json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n")

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write the report, one self-contained page. Raises InputError, MissingExtra (matplotlib)."""
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
    """Judge a model by labelled data: a frame as `datasets.to_frame` makes it, or paths.

    `split` is the part of the data (by work, see `datasets.split_of`) that is judged. `baselines`
    names rows of `baselines.BASELINES` (True: all), trained on the train split of the same data;
    `learning_curve` retrains by `recipe` on shares of its works. `bootstrap` is the number of samples
    of works drawn for the intervals (0: none), `errors` the number of false alarms and of misses to
    keep, `works` what is known of the works (without it, sentences are scored as if nothing were).
    Deterministic for a seed. Raises InputError for a work that the model was trained on (unless
    `allow_leak`), for one class, no data or an unknown name.
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
    parts = whole["work"].map({w: split_of(w) for w in whole["work"].unique()}).to_numpy()
    frame = whole if split == "all" else whole[parts == split].reset_index(drop=True)
    _refuse_unusable(frame, whole, split)
    leaks = _leaks(guard, frame) if known_works else []
    if leaks and not allow_leak:
        more = f" (and {len(leaks) - 1} more)" if len(leaks) > 1 else ""
        raise InputError(
            f"work {leaks[0]!r}{more} is among the works this model was trained on, its figures would flatter: "
            "evaluate the part left out (split='test', --split test) or say so (allow_leak=True, --allow-leak)"
        )
    rest = _apart(whole, frame, parts, split) if chosen or learning_curve else frame

    say("scoring", 0.05)
    together = _score_in_documents(guard, frame, works or {}, say)
    alone = np.asarray(guard.score(frame["text"].tolist()), np.float64)
    say("judging", 0.4)
    works_of = frame["work"].map(work_key).to_numpy(str)
    scored = Scored(
        frame, together, works_of, {name: guard.manifest.thresholds[name] for name in SENSITIVITIES}, bootstrap, seed
    )
    return Evaluation(
        model=_about(guard, leaks),
        data=_describe(given if isinstance(given, list) else [], whole, frame),
        settings={"split": split, "bootstrap": bootstrap, "seed": seed, "interval": metrics.LEVEL},
        overall=scored.judge(),
        alone=scored.judge(probability=alone),
        curves=metrics.curves(scored.truth, together),
        breakdown=by_part(scored),
        tags=by_tag(scored),
        documents=by_document(scored),
        kinds=by_kind(scored, guard),
        errors=worst(scored, alone, errors),
        baselines=_compare(chosen, rest, scored, say),
        learning_curve=_learning_curve(rest, scored, recipe, jobs, say) if learning_curve else [],
        command=f"spoilerguard.evaluate(guard, data, split={split!r}, bootstrap={bootstrap}, seed={seed})",
    )


# --- the data ------------------------------------------------------------------------------------


def _frame(data: Any) -> tuple[pd.DataFrame, bool]:
    """The frame with every column, and whether it names works (a row without one is its own)."""
    import pandas as pd

    if not isinstance(data, pd.DataFrame):
        return to_frame(load_labelled(data)), True
    return completed(data), "work" in data.columns


def _refuse_unusable(frame: pd.DataFrame, whole: pd.DataFrame, split: str) -> None:
    if whole.empty:
        raise InputError("no labelled sentence in the data: there is nothing to evaluate")
    if frame.empty:
        raise InputError(
            f"no work of the data is in the {split} split (of {whole['work'].nunique()} works): "
            "evaluate all of it (split='all', --split all)"
        )
    if frame["label"].nunique() < 2:
        only = "spoilers" if frame["label"].iloc[0] else "harmless sentences"
        raise InputError(f"all {len(frame)} sentences to evaluate are {only}: figures need both labels")


def _leaks(guard: Guard, frame: pd.DataFrame) -> list[str]:
    """Works of the frame that the model was trained on."""
    trained = set(guard.manifest.training.get("works", ()))
    return [work for work in frame["work"].unique() if work_digest(work) in trained]


def _apart(whole: pd.DataFrame, frame: pd.DataFrame, parts: npt.NDArray[Any], split: str) -> pd.DataFrame:
    """What baselines and learning curve may learn from: works of the train and validation splits not judged."""
    judged = whole["work"].map(work_key).isin(set(frame["work"].map(work_key))).to_numpy()
    rest: pd.DataFrame = whole[(parts != "test") & ~judged]
    if rest["label"].nunique() < 2:
        raise InputError(
            f"baselines and learning curve learn from the works that are not judged, and split {split!r} "
            "leaves none with both labels: use split='test' (--split test)"
        )
    return rest.reset_index(drop=True)


def _describe(paths: Sequence[Any], whole: pd.DataFrame, frame: pd.DataFrame) -> dict[str, Any]:
    rows = "".join(f"{w}\t{t}\t{y}\n" for w, t, y in zip(frame["work"], frame["text"], frame["label"], strict=True))
    return {
        "paths": [os.fspath(path) for path in paths],
        "sources": {str(name): int(n) for name, n in frame["source"].value_counts(sort=False).items()},
        "works": int(frame["work"].nunique()),
        "documents": int(openings(frame).sum()),
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


def _score_in_documents(
    guard: Guard, frame: pd.DataFrame, works: Mapping[str, Work], say: Progress
) -> npt.NDArray[np.float64]:
    starts = np.flatnonzero(openings(frame))
    ends = np.append(starts[1:], len(frame))
    texts, names = frame["text"].tolist(), frame["work"].tolist()
    documents = [texts[start:end] for start, end in zip(starts, ends, strict=True)]
    topics = [works.get(names[start]) for start in starts]
    scores: list[npt.NDArray[np.float64]] = []
    for at in range(0, len(documents), _CHUNK):
        scores += guard.scorer.score_documents(documents[at : at + _CHUNK], topics[at : at + _CHUNK])
        say("scoring", 0.05 + 0.3 * at / len(documents))
    return np.concatenate(scores)


# --- what it is compared with --------------------------------------------------------------------


def _compare(names: list[str], rest: pd.DataFrame, scored: Scored, say: Progress) -> dict[str, Any]:
    """Each baseline on the same sentences, at an operating point chosen by the rule for medium sensitivity."""
    part = rest["work"].map({w: split_of(w) for w in rest["work"].unique()}).to_numpy()
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
        at = 0.5  # for a constant, which tells nothing apart
        if np.ptp(probability) > 0:
            at = operating_points(held["label"].to_numpy(int), probability)[0]["medium"]
        judged = replace(scored, probability=score(scored.frame["text"].tolist()), thresholds={"medium": at}).judge()
        del judged["reliability"]
        out[name] = {"title": BASELINES[name].title, "trained_on": len(fitted), **judged}
    return out


def _learning_curve(
    rest: pd.DataFrame, scored: Scored, recipe: str | Recipe, jobs: int, say: Progress
) -> list[dict[str, Any]]:
    """The figures of models trained on growing shares of the training works, each share within the next."""
    part = rest["work"].map({w: split_of(w) for w in rest["work"].unique()}).to_numpy()
    keys = rest["work"].map(work_key).to_numpy(str)
    order = np.random.default_rng(scored.seed).permutation(np.unique(keys[part == "train"]))
    out = []
    for k, of_all in enumerate(CURVE):
        say(f"learning curve: {of_all:.0%} of the works", 0.75 + 0.25 * k / len(CURVE))
        chosen = order[: max(2, round(of_all * len(order)))]
        frame = rest[(part == "validation") | np.isin(keys, chosen)]
        try:
            guard = train(frame, recipe=recipe, seed=scored.seed, jobs=jobs)
        except InputError:  # a share with too little to learn from is no point of the curve
            continue
        probability = _score_in_documents(guard, scored.frame, {}, lambda step, share: None)
        judged = replace(scored, probability=probability, thresholds=guard.manifest.thresholds).judge()
        del judged["reliability"]
        sentences = int(np.isin(keys, chosen).sum())
        out.append({"share": of_all, "training_works": len(chosen), "training_sentences": sentences, **judged})
    return out


# --- files ---------------------------------------------------------------------------------------
