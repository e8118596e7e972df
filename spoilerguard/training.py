"""Fit a linear model on labelled sentences, calibrate it, choose its operating points.

`train` reads from top to bottom: split by work, weigh n-grams, cross-validate by work so that the
context network sees honest logits, fit that network, calibrate on works not trained on, choose the
three sensitivities there, learn the kinds of spoiler. Everything is scikit-learn but the features,
which are the ones that inference uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard import context
from spoilerguard.datasets import load_labelled
from spoilerguard.labelled import to_frame
from spoilerguard.errors import InputError
from spoilerguard.features import BITS, CUES, clean, cues, hashed, tokens_of
from spoilerguard.guard import Guard
from spoilerguard.scoring import KIND_BITS, KIND_BLOCKS, KINDS, LinearScorer
from spoilerguard.store import Manifest
from spoilerguard.spans import Work
from spoilerguard.works import read_works, split_of, work_key

if TYPE_CHECKING:
    import pandas as pd
    import scipy.sparse as sp

__all__ = ["RECIPES", "Recipe", "operating_points", "train"]

Progress = Callable[[str, float], None]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """How to train: regularisation, and what each source of labels is worth.

    `sources` maps a source's name (a file's stem) to its weight and how its spoilers count beside
    its harmless sentences; `""` stands for every source not named.
    """

    C: float = 0.01
    folds: int = 5
    hidden: int = 12
    context_alpha: float = 3.0
    sources: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"": (1.0, 1.0)})
    soft_weight: float = 0.5  # of a sentence that a teacher labelled
    calibrate_on: tuple[str, ...] = ()  # sources; none: all of them

    def weights(self, frame: pd.DataFrame) -> Doubles:
        pairs = [self.sources.get(s, self.sources.get("", (1.0, 1.0))) for s in frame["source"]]
        spoiler = frame["label"].to_numpy(float)
        return np.array([w * (1 + (p - 1) * y) for (w, p), y in zip(pairs, spoiler, strict=True)]) * frame["weight"].to_numpy()


RECIPES: dict[str, Recipe] = {
    "plain": Recipe(),
    # data/ beside the noisy sources of ../shared/datasets: ours is clean and must not be drowned.
    "fast": Recipe(
        sources={
            "reviews": (1.0, 1.0),
            "tagged_reviews": (0.4, 1.0),
            "tvtropes_train": (0.6, 1.0),
            "goodreads_dev": (0.4, 5.0),
            "reddit_spans_dev": (0.6, 1.0),
            "untagged_reviews": (0.3, 1.0),
            "": (0.5, 1.0),
        },
        calibrate_on=("reviews",),
    ),
}

# What each sensitivity must reach on validation data; see operating_points.
PRECISION_LOW, PRECISION_MEDIUM, RECALL_HIGH = 0.95, 0.82, 0.90


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
    progress: Progress | None = None,
) -> Guard:
    """Train a model on labelled data: a frame as `datasets.to_frame` makes it, or paths.

    Without `validation`, works are split by `datasets.split_of`: the validation part calibrates,
    the test part is left out. With it, every work of `data` is trained on. `soft` are sentences that
    a teacher scored (columns `text` and `target`, a probability; Hinton et al. 2015), `works` blurbs
    and synopses by work (read from `works.jsonl` beside the data where it is there). Deterministic
    for a seed, whatever `jobs`. Raises InputError for data that cannot be learned from, and for a work
    that stands on both sides.
    """
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
    weights = plan.weights(fitted)

    say("counting n-grams", 0.05)
    tokens = tokens_of([clean(t) for t in fitted["text"]])
    labels = fitted["label"].to_numpy(int)
    examples = _Examples(_matrix(tokens), labels, weights, _source_columns(fitted), _soft_rows(soft, plan))
    say("cross-validating by work", 0.15)
    logits = _cross_validated(examples, fitted["work"].map(work_key).to_numpy(), plan, jobs)
    say("weighing n-grams", 0.6)
    coefficients, intercept = examples.fit(np.arange(len(labels)), plan.C)
    arrays: dict[str, npt.NDArray[Any]] = {
        "weights": coefficients[: 2**BITS].astype(np.float32),
        "cues": coefficients[2**BITS :] * CUE_SCALE,
        "intercept": np.array([intercept]),
    }

    say("learning from context", 0.75)
    inner = _context_rows(logits, tokens, fitted, {})
    with_works = _context_rows(logits, tokens, fitted, known)
    arrays |= _fit_context(np.vstack([inner, with_works]), np.tile(labels, 2), np.tile(weights, 2), plan, seed)
    say("calibrating", 0.9)
    if plan.calibrate_on:
        held = held[held["source"].isin(plan.calibrate_on)]
    if held["label"].nunique() == 2:
        held = held.reset_index(drop=True)
        held_tokens = tokens_of([clean(t) for t in held["text"]])
        alone = LinearScorer(arrays)._logits(held_tokens)
        together, truth, groups = _context_rows(alone, held_tokens, held, {}), held["label"].to_numpy(int), held
    else:
        alone, together, truth, groups = logits, inner, labels, fitted
    importance = plan.weights(groups)
    arrays["alone"] = _platt(alone, truth, importance)
    arrays["context_calibration"] = np.array([1.0, 0.0])
    arrays["context_calibration"] = _platt(context.forward(arrays, together), truth, importance)
    probability = 1 / (1 + np.exp(-context.forward(arrays, together)))
    thresholds, unreached = operating_points(truth, probability)
    arrays |= _fit_kinds(fitted, seed)
    say("done", 1.0)

    manifest = Manifest(
        name=name,
        version=_version(arrays),
        thresholds=thresholds,
        kinds=list(KINDS),
        training={
            "recipe": asdict(plan) | {"sources": dict(plan.sources)},
            "seed": seed,
            "soft": 0 if soft is None else len(soft),
            "sentences": {s: int(n) for s, n in sorted(fitted["source"].value_counts().items())},
            "validation": {s: int(n) for s, n in sorted(groups["source"].value_counts().items())},
            "calibrated_on": "held-out works" if groups is held else "cross-validation",
            "unreached": unreached,
            "works": sorted({work_digest(w) for w in fitted["work"].unique()}),
        },
    )
    return Guard(LinearScorer(_as_stored(arrays), tuple(KINDS)), manifest)


def work_digest(work: str) -> str:
    """A short digest of a work's key, by which `evaluate` knows what a model was trained on."""
    return hashlib.sha256(work_key(work).encode()).hexdigest()[:10]


def operating_points(truth: npt.NDArray[Any], probability: Doubles) -> tuple[dict[str, float], list[str]]:
    """The thresholds of the three sensitivities, and what each could not reach, in words.

    low: the lowest threshold with precision 0.95; medium: best F1 with precision at least 0.82;
    high: the highest with recall 0.9. One that cannot be reached takes the nearest there is.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, at = precision_recall_curve(truth, probability)
    precision, recall = precision[:-1], recall[:-1]
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    enough = np.cumsum(truth[np.argsort(-probability)]).max() >= 20
    said: list[str] = []

    def first_with(floor: float, sensitivity: str) -> float:
        reached = np.flatnonzero((precision >= floor) & (recall > 0.02))
        if len(reached):
            return float(at[reached[0]])
        said.append(f"{sensitivity}: precision {floor} not reached, best is {precision[recall > 0.02].max():.2f}")
        return float(at[np.flatnonzero(recall > 0.02)[np.argmax(precision[recall > 0.02])]])

    low = first_with(PRECISION_LOW, "low")
    allowed = np.flatnonzero(precision >= PRECISION_MEDIUM)
    medium = float(at[allowed[np.argmax(f1[allowed])]]) if len(allowed) else first_with(PRECISION_MEDIUM, "medium")
    high = float(at[np.flatnonzero(recall >= RECALL_HIGH)[-1]])
    if not enough:
        said.append("fewer than 20 spoilers to choose on: the operating points are rough")
    low, high = max(low, medium), min(high, medium)
    return {"low": round(low, 4), "medium": round(medium, 4), "high": round(high, 4)}, said


# --- the steps -----------------------------------------------------------------------------------


def _frame(data: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        if missing := {"text", "label"} - set(data.columns):
            raise InputError(f"the frame has no column {sorted(missing)[0]!r}: there are {', '.join(map(str, data.columns))}")
        n = len(data)
        alone = {
            "source": "frame", "work": [f"row {k}" for k in range(n)], "document": range(n), "index": 0, "count": 1,
            "kind": "", "medium": "", "tag": None, "weight": 1.0, "paragraph": False,
        }  # fmt: skip
        return data.assign(**{k: v for k, v in alone.items() if k not in data.columns})
    paths = [data] if isinstance(data, str | os.PathLike) else list(data)
    return to_frame(load_labelled(paths))


def _works_beside(data: Any) -> dict[str, Work]:
    """Blurbs and synopses from the works.jsonl that lies beside the data, where one does."""
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return {}
    paths = [data] if isinstance(data, str | os.PathLike) else list(data)
    folders = {Path(p) if Path(p).is_dir() else Path(p).parent for p in paths}
    return {w: work for f in sorted(folders) if (f / "works.jsonl").is_file() for w, work in read_works(f / "works.jsonl").items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without scikit-learn's remarks that a solver was stopped: the rounds are limited on purpose."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _refuse_leak(fitted: pd.DataFrame, held: pd.DataFrame) -> None:
    here = {work_key(w) for w in fitted["work"].unique()}
    for work in held["work"].unique():
        if work_key(work) in here:
            raise InputError(f"work {work!r} stands in both training and validation data: a model must not be judged by it")


def _refuse_one_class(frame: pd.DataFrame) -> None:
    counts = frame["label"].value_counts()
    if len(counts) < 2:
        only = "spoilers" if len(counts) and int(counts.index[0]) else "harmless sentences"
        raise InputError(f"all {len(frame)} sentences are {only}: training needs both labels")
    if counts.min() < 5:
        raise InputError(f"only {counts.min()} sentences of one label: training needs at least 5 of each")


def _matrix(tokens: Any) -> sp.csr_matrix:
    """Sentences by buckets, as the scorer sees them: each family of n-grams divided by sqrt(its count)."""
    import scipy.sparse as sp

    n = tokens.sentences
    parts = []
    for block in hashed(tokens):
        count = np.sqrt(np.maximum(np.bincount(block.rows, minlength=n), 1)).astype(np.float32)
        parts.append(sp.coo_matrix((1 / count[block.rows], (block.rows, block.buckets.astype(np.int32))), shape=(n, 2**BITS)))
    whole = sp.hstack([sum(part.tocsr() for part in parts), sp.csr_matrix(cues(tokens) * CUE_SCALE)])
    return whole.tocsr().astype(np.float32)


CUE_SCALE = np.float32(0.2)  # cues are few and dense: let them start small beside the n-grams


def _source_columns(frame: pd.DataFrame) -> sp.csr_matrix:
    """An intercept for each source but the first, dropped at inference: label habits stay out."""
    import scipy.sparse as sp

    names = sorted(frame["source"].unique())
    codes = frame["source"].map({s: k for k, s in enumerate(names)}).to_numpy()
    one_hot = sp.csr_matrix((np.ones(len(frame), np.float32), (np.arange(len(frame)), codes)), shape=(len(frame), len(names)))
    return one_hot[:, 1:]


def _soft_rows(soft: pd.DataFrame | None, plan: Recipe) -> tuple[sp.csr_matrix, Any, Doubles] | None:
    """A teacher's sentences as examples of both labels, each weighed by the probability of its label."""
    if soft is None:
        return None
    rows, target = _matrix(tokens_of([clean(t) for t in soft["text"]])), soft["target"].to_numpy(float)
    yes, no = np.flatnonzero(target > 0.03), np.flatnonzero(target < 0.97)
    labels = np.concatenate([np.ones(len(yes), int), np.zeros(len(no), int)])
    return rows[np.concatenate([yes, no])], labels, np.concatenate([target[yes], 1 - target[no]]) * plan.soft_weight


@dataclass(frozen=True)
class _Examples:
    """Rows, labels and weights; source intercepts that are dropped afterwards; a teacher's rows."""

    rows: sp.csr_matrix
    labels: npt.NDArray[Any]
    weights: Doubles
    sources: sp.csr_matrix
    soft: tuple[sp.csr_matrix, Any, Doubles] | None

    def fit(self, at: npt.NDArray[Any], regularisation: float) -> tuple[Doubles, float]:
        """Coefficients of the columns of `rows`, and the intercept, from the examples `at`."""
        import scipy.sparse as sp
        from sklearn.linear_model import LogisticRegression

        idf = _idf(self.rows[at])
        rows = sp.hstack([self.rows[at] @ sp.diags(idf), self.sources[at]]).tocsr()
        labels, weights = self.labels[at], self.weights[at]
        if self.soft is not None:
            more, more_labels, more_weights = self.soft
            rows = sp.vstack([rows, sp.hstack([more @ sp.diags(idf), sp.csr_matrix((more.shape[0], self.sources.shape[1]))])])
            labels, weights = np.concatenate([labels, more_labels]), np.concatenate([weights, more_weights])
        # A tight tolerance: scikit-learn's is on the mean gradient, and stops far too early here.
        model = LogisticRegression(C=regularisation, max_iter=100, tol=1e-7)
        with _quiet():
            model.fit(rows.tocsr(), labels, sample_weight=weights / self.weights[at].mean())
        return model.coef_[0][: self.rows.shape[1]] * idf, float(model.intercept_[0])


def _idf(rows: sp.csr_matrix) -> npt.NDArray[np.float32]:
    seen = np.bincount(rows.indices, minlength=rows.shape[1])
    weight = np.log((1 + rows.shape[0]) / (1 + seen)) + 1
    weight[seen < 2] = 0  # a bucket seen once tells of one sentence
    weight[2**BITS :] = 1  # cues are no terms
    return np.asarray(weight, np.float32)


def _cross_validated(examples: _Examples, works: Any, plan: Recipe, jobs: int) -> Doubles:
    """Logits of every sentence from a model that saw nothing of its work."""
    from joblib import Parallel, delayed
    from sklearn.model_selection import GroupKFold

    folds = min(plan.folds, len(set(works)))
    if folds < 2:
        raise InputError("all sentences are of one work: training needs at least two")

    def fold(train: Any, test: Any) -> tuple[Any, Doubles]:
        if len(set(examples.labels[train])) < 2:
            return test, np.zeros(len(test))
        coefficients, intercept = examples.fit(train, plan.C)
        return test, examples.rows[test] @ coefficients + intercept

    parts = Parallel(n_jobs=jobs, prefer="threads")(
        delayed(fold)(train, test) for train, test in GroupKFold(folds).split(examples.labels, groups=works)
    )
    out = np.zeros(len(examples.labels))
    for test, values in parts:
        out[test] = values
    return out


def _context_rows(logits: Doubles, tokens: Any, frame: pd.DataFrame, works: Mapping[str, Work]) -> Doubles:
    keys = (frame["source"].astype(str) + "\0" + frame["document"].astype(str)).to_numpy()
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    lengths = np.diff(np.append(starts, len(keys)))
    names = frame["work"].to_numpy()[starts]
    return context.features(logits, tokens, lengths, [works.get(w) for w in names])


def _fit_context(
    rows: Doubles, labels: Any, weights: Doubles, plan: Recipe, seed: int
) -> dict[str, npt.NDArray[Any]]:
    """A network with one hidden layer on sentences of documents, drawn as often as they weigh."""
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(labels), size=min(len(labels), 60_000), p=weights / weights.sum())
    mean, scale = rows[drawn].mean(axis=0), rows[drawn].std(axis=0)
    scale[scale < 1e-6] = 1.0
    network = MLPClassifier(
        (plan.hidden,), activation="tanh", alpha=plan.context_alpha, max_iter=60, random_state=seed, learning_rate_init=3e-3
    )
    with _quiet():  # 60 rounds are enough: more of them learn the noise
        network.fit((rows[drawn] - mean) / scale, labels[drawn])
    return {
        "context_mean": mean, "context_scale": scale,
        "context_hidden": network.coefs_[0], "context_hidden_bias": network.intercepts_[0],
        "context_out": network.coefs_[1][:, 0], "context_out_bias": network.intercepts_[1],
    }  # fmt: skip


def _platt(logits: Doubles, truth: Any, weights: Doubles) -> Doubles:
    """Slope and offset that make logits probabilities (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e3).fit(logits[:, None], truth, sample_weight=weights)
    return np.array([model.coef_[0, 0], model.intercept_[0]])


def _fit_kinds(frame: pd.DataFrame, seed: int) -> dict[str, npt.NDArray[Any]]:
    """One weak linear model a kind, on the sentences whose tag names it."""
    import scipy.sparse as sp
    from sklearn.linear_model import LogisticRegression

    tagged = frame[(frame["label"] == 1) & frame["tag"].isin(list(KINDS))]
    table = np.zeros((len(KINDS), 2**KIND_BITS), np.float32)
    bias = np.zeros(len(KINDS), np.float32)
    if tagged["tag"].nunique() > 1:
        tokens = tokens_of([clean(t) for t in tagged["text"]])
        parts = []
        for block in hashed(tokens, characters=(0, 0)):
            if block.name in KIND_BLOCKS:
                count = np.sqrt(np.maximum(np.bincount(block.rows, minlength=tokens.sentences), 1))
                column = (block.buckets >> (BITS - KIND_BITS)).astype(np.int32)
                parts.append(sp.csr_matrix((1 / count[block.rows], (block.rows, column)), shape=(len(tagged), 2**KIND_BITS)))
        model = LogisticRegression(C=3.0, max_iter=300, tol=1e-7).fit(sum(parts), tagged["tag"])
        known = {name: k for k, name in enumerate(KINDS)}
        bias[:] = -10
        for row, name in enumerate(model.classes_):
            table[known[name]] = model.coef_[row] if len(model.coef_) > 1 else model.coef_[0] * (1 if row else -1)
            bias[known[name]] = model.intercept_[row] if len(model.coef_) > 1 else 0
    return {"kinds": table, "kind_bias": bias}


def _as_stored(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Arrays as `store` writes and reads them, so that a trained and a loaded model give the same bytes."""
    half = {name: arrays[name].astype(np.float16) for name in ("weights", "kinds")}
    rest = {name: np.asarray(a, np.float64) for name, a in arrays.items() if name not in half}
    return {"weights": half["weights"].astype(np.float32), "kinds": half["kinds"], **rest}


def _version(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return f"1-{digest.hexdigest()[:8]}"
