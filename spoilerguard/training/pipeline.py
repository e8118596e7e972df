"""Fit a linear model on labelled sentences, calibrate it, choose its operating points.

`train` reads from top to bottom: split by work, weigh n-grams, cross-validate by work so that the
context network sees honest logits, fit that network, calibrate on works not trained on, choose the
three sensitivities there, learn the kinds of spoiler. Everything is scikit-learn but the features,
which are the ones that inference uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
import hashlib
from importlib import import_module
from importlib.util import find_spec
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.datasets import completed, load_labelled, read_works, split_of, to_frame, work_key
from spoilerguard.errors import InputError, MissingExtra
from spoilerguard.guard import Guard
from spoilerguard.model import context
from spoilerguard.model.features import BITS, clean, tokens_of
from spoilerguard.model.manifest import NOT_NAMEABLE, Manifest, nameable
from spoilerguard.model.scoring import KINDS, LinearScorer
from spoilerguard.spans import Work
from spoilerguard.training.config import RECIPES, Expert, Recipe, example_weights
from spoilerguard.training.ensemble import joined
from spoilerguard.training.finetune_config import Plan
from spoilerguard.training.steps import (
    CUE_SCALE,
    Examples,
    context_rows,
    cross_validated,
    fit_context,
    fit_kinds,
    matrix,
    operating_points,
    platt,
    searched,
    soft_rows,
    source_columns,
)

if TYPE_CHECKING:
    import pandas as pd

    from spoilerguard.training.export import Graphs

__all__ = ["RECIPES", "Expert", "Recipe", "fine_tuned", "operating_points", "train"]

Progress = Callable[[str, float], None]
Doubles = npt.NDArray[np.float64]


def train(
    data: pd.DataFrame | str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    validation: pd.DataFrame | str | os.PathLike[str] | None = None,
    soft: pd.DataFrame | None = None,
    works: Mapping[str, Work] | None = None,
    name: str = "custom",
    recipe: str | Recipe = "plain",
    seed: int = 0,
    jobs: int = 1,
    search: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Guard:
    """Train a model on labelled data: a frame as `datasets.to_frame` makes it, or paths.

    Without `validation`, works are split by `datasets.split_of`: the validation part calibrates,
    the test part is left out. With it, every work of `data` is trained on. `soft` are sentences that
    a teacher scored (columns `text` and `target`, a probability; Hinton et al. 2015), `works` blurbs
    and synopses by work (read from `works.jsonl` beside the data where it is there). With `search`, the strength
    of regularisation is searched by cross-validation (`fitting.GRID`) instead of the recipe's.
    A recipe with a network ("accurate") then fine-tunes it (extra `train`), and keeps its state in the
    file `checkpoint`, from which an interrupted training goes on.
    Deterministic for a seed, whatever `jobs`. Raises InputError for data that cannot be learned from,
    and for a work that stands on both sides.
    """
    if not nameable(name):
        raise InputError(f"name {name!r} is {NOT_NAMEABLE}; give another")
    say = progress or (lambda step, share: None)
    say("reading", 0.0)
    frame = _frame(data)
    known = works if works is not None else _works_beside(data)
    plan = RECIPES.get(recipe) if isinstance(recipe, str) else recipe
    if plan is None:
        raise InputError(f"unknown recipe {recipe!r}: choose from {', '.join(RECIPES)}")
    if validation is None:
        split = frame["work"].map({w: split_of(w) for w in frame["work"].unique()})
        fitted, held = frame[split == "train"], frame[split == "validation"]
    else:
        fitted, held = frame, _frame(validation)
        _refuse_leak(fitted, held)
    if fitted["label"].nunique() < 2:
        fitted, held = frame, frame.iloc[:0]  # too few works to hold any out
    _refuse_one_class(fitted)
    fitted = fitted.reset_index(drop=True)
    # What is to be limited must be loaded by then: each library brings threads of its own.
    for library in ("sklearn.linear_model", "sklearn.neural_network"):
        import_module(library)
    from threadpoolctl import threadpool_limits

    # BLAS threads would only wait for each other, and the last digits would depend on their number.
    with threadpool_limits(1):
        guard = _train(fitted, held, soft, known, plan, name, seed, jobs, search, say)
    if plan.network is None:
        return guard
    assert isinstance(guard.scorer, LinearScorer)
    network = replace(plan.network, seed=seed)
    graphs = fine_tuned(fitted, known, network, None if checkpoint is None else Path(checkpoint), say)
    return Guard(*joined(guard.scorer, guard.manifest, graphs.files, network, held, known))


def _train(
    fitted: pd.DataFrame,
    held: pd.DataFrame,
    soft: pd.DataFrame | None,
    known: Mapping[str, Work],
    plan: Recipe,
    name: str,
    seed: int,
    jobs: int,
    search: bool,
    say: Progress,
) -> Guard:
    labels = fitted["label"].to_numpy(int)

    say("counting n-grams", 0.05)
    tokens = tokens_of([clean(t) for t in fitted["text"]])
    examples = Examples(matrix(tokens), source_columns(fitted), soft_rows(soft))
    groups = fitted["work"].map(work_key).to_numpy()
    if search:
        say("searching", 0.06)
        first = plan.experts[0]
        heard = example_weights(fitted, first.sources)
        plan = replace(plan, C=searched(examples, first, first.labels(fitted), heard, groups, plan, jobs))
    logits, experts = [], []
    for k, expert in enumerate(plan.experts):
        say(f"weighing n-grams: {expert.name}", 0.1 + 0.6 * k / len(plan.experts))
        weights = example_weights(fitted, expert.sources)
        if len(set(expert.labels(fitted)[weights > 0])) < 2:
            raise InputError(f"expert {expert.name!r} hears one label only in these sources; use another recipe")
        logits.append(cross_validated(examples, expert, expert.labels(fitted), weights, groups, plan, jobs))
        experts.append(examples.fit(expert, np.arange(len(labels)), expert.labels(fitted), weights, plan.C))
    coefficients, intercepts = np.stack([c for c, _ in experts], axis=1), np.array([i for _, i in experts])
    arrays: dict[str, npt.NDArray[Any]] = {
        "weights": coefficients[: 2**BITS].astype(np.float16).astype(np.float32),  # as they will be stored
        "cues": coefficients[2**BITS :] * CUE_SCALE,
        "intercept": intercepts,
    }

    say("learning from context", 0.75)
    crossed = np.stack(logits, axis=1)
    inner = context_rows(crossed, tokens, fitted, {})
    weights = example_weights(fitted, plan.sources)
    copies = [inner, context_rows(crossed, tokens, fitted, known), context.no_context(inner, len(plan.experts))]
    arrays |= fit_context(
        np.vstack(copies), np.tile(labels, 3), np.concatenate([weights, weights, weights / 2]), plan, seed
    )
    say("calibrating", 0.9)
    if plan.calibrate_on:
        held = held[held["source"].isin(plan.calibrate_on)]
    if held["label"].nunique() == 2:
        judged = held.reset_index(drop=True)
        held_tokens = tokens_of([clean(t) for t in judged["text"]])
        together = context_rows(LinearScorer(arrays).logits(held_tokens), held_tokens, judged, {})
    else:
        judged, together = fitted, inner
    truth = judged["label"].to_numpy(int)
    arrays["context_calibration"] = np.array([1.0, 0.0])
    arrays["context_calibration"] = platt(
        context.forward(arrays, together), truth, example_weights(judged, plan.sources)
    )
    probability = 1 / (1 + np.exp(-context.forward(arrays, together)))
    thresholds, unreached = operating_points(truth, probability)
    arrays |= fit_kinds(fitted)
    say("done", 1.0)

    manifest = Manifest(
        name=name,
        version=_version(arrays),
        thresholds=thresholds,
        kinds=list(KINDS),
        experts=[expert.name for expert in plan.experts],
        training={
            "recipe": asdict(plan),
            "seed": seed,
            "soft": 0 if soft is None else len(soft),
            "sentences": {s: int(n) for s, n in sorted(fitted["source"].value_counts().items())},
            "validation": {s: int(n) for s, n in sorted(judged["source"].value_counts().items())},
            "calibrated_on": "cross-validation" if judged is fitted else "held-out works",
            "unreached": unreached,
            "works": sorted({work_digest(w) for w in _named_works(fitted)}),
        },
    )
    return Guard(LinearScorer(_as_stored(arrays), tuple(KINDS)), manifest)


def _named_works(frame: pd.DataFrame) -> list[str]:
    """The works that have a name; a document of an unknown one is called `source:line`."""
    pairs = frame[["source", "work"]].drop_duplicates().itertuples(index=False)
    return [w for s, w in pairs if not (w.startswith(f"{s}:") and w[len(s) + 1 :].isdigit())]


def work_digest(work: str) -> str:
    """A short digest of a work's key, by which `evaluate` knows what a model was trained on."""
    return hashlib.sha256(work_key(work).encode()).hexdigest()[:10]


def fine_tuned(
    fitted: pd.DataFrame, works: Mapping[str, Work], plan: Plan, checkpoint: Path | None, say: Progress
) -> Graphs:
    """A network fine-tuned on these sentences, as graphs. Raises MissingExtra without the extra `train`."""
    for library in ("torch", "onnx", "onnxruntime", "safetensors"):
        if find_spec(library) is None:
            raise MissingExtra(library, "train")
    from spoilerguard.training.export import graphs_of
    from spoilerguard.training.finetune import Corpus, fit

    network, _ = fit(Corpus.of(fitted, works), plan, checkpoint=checkpoint, say=say)
    return graphs_of(network.state_dict())


# --- the steps -----------------------------------------------------------------------------------


def _frame(data: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return completed(data)
    paths = [data] if isinstance(data, str | os.PathLike) else list(data)
    return to_frame(load_labelled(paths))


def _works_beside(data: Any) -> dict[str, Work]:
    """Blurbs and synopses from the works.jsonl that lies beside the data, where one does."""
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return {}
    paths = [data] if isinstance(data, str | os.PathLike) else list(data)
    folders = {Path(p) if Path(p).is_dir() else Path(p).parent for p in paths}
    return {
        w: work
        for f in sorted(folders)
        if (f / "works.jsonl").is_file()
        for w, work in read_works(f / "works.jsonl").items()
    }


def _refuse_leak(fitted: pd.DataFrame, held: pd.DataFrame) -> None:
    here = {work_key(w) for w in fitted["work"].unique()}
    for work in held["work"].unique():
        if work_key(work) in here:
            raise InputError(
                f"work {work!r} stands in both training and validation data: a model must not be judged by it"
            )


def _refuse_one_class(frame: pd.DataFrame) -> None:
    counts = frame["label"].value_counts()
    if len(counts) < 2:
        only = "spoilers" if len(counts) and int(counts.index[0]) else "harmless sentences"
        raise InputError(f"all {len(frame)} sentences are {only}: training needs both labels")
    if counts.min() < 5:
        raise InputError(f"only {counts.min()} sentences of one label: training needs at least 5 of each")


def _as_stored(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Arrays as `store` writes and reads them, so that a trained and a loaded model give the same bytes."""
    single = {"weights": arrays["weights"], "kinds": arrays["kinds"].astype(np.float16)}
    return {**{name: np.asarray(a, np.float64) for name, a in arrays.items()}, **single}


def _version(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return f"1-{digest.hexdigest()[:8]}"
