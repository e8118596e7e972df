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
from spoilerguard.datasets import load_labelled, read_works, split_of, to_frame, work_key
from spoilerguard.errors import InputError
from spoilerguard.features import BITS, clean, cues, hashed, tokens_of
from spoilerguard.guard import Guard
from spoilerguard.scoring import KIND_BITS, KIND_BLOCKS, KINDS, LinearScorer
from spoilerguard.spans import Work
from spoilerguard.store import Manifest

if TYPE_CHECKING:
    import pandas as pd
    import scipy.sparse as sp

__all__ = ["RECIPES", "Expert", "Recipe", "operating_points", "train"]

Progress = Callable[[str, float], None]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Expert:
    """One linear model: of spoilers, or (with `tells`) of whether a text is from these sources.

    `sources` maps a source's name (a file's stem) to its weight and to how much more its spoilers
    count; `""` stands for every source not named, a source without weight is left out.
    """

    name: str
    sources: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"": (1.0, 1.0)})
    soft: float = 0.0  # weight of a sentence that a teacher scored
    tells: tuple[str, ...] = ()

    def labels(self, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
        return np.asarray(frame["source"].isin(self.tells) if self.tells else frame["label"], np.int64)


@dataclass(frozen=True)
class Recipe:
    """How to train: the experts, and what each source is worth to the network that joins them."""

    experts: tuple[Expert, ...] = (Expert("spoiler"),)
    sources: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"": (1.0, 1.0)})
    C: float = 0.03
    folds: int = 5
    networks: int = 3
    hidden: int = 24
    context_alpha: float = 0.3
    calibrate_on: tuple[str, ...] = ()  # sources; none: all of them


def _weights(frame: pd.DataFrame, sources: Mapping[str, tuple[float, float]]) -> Doubles:
    pairs = [sources.get(s, sources.get("", (0.0, 1.0))) for s in frame["source"]]
    spoiler = frame["label"].to_numpy(float)
    each = [w * (1 + (more - 1) * y) for (w, more), y in zip(pairs, spoiler, strict=True)]
    return np.asarray(np.array(each) * frame["weight"].to_numpy(float), np.float64)


# Which expert hears what: ours is clean, the others noisy, and each kind of text has its own
# habits. One model for all lost 0.02 AUC on ours and 0.01 to 0.03 on TV Tropes.
_ALIKE = {"reviews": (1.0, 1.0), "tagged_reviews": (0.5, 1.0), "untagged_reviews": (0.5, 1.0), "": (1.0, 1.0)}
RECIPES: dict[str, Recipe] = {
    "plain": Recipe(),
    "fast": Recipe(
        experts=(
            Expert("ours", {"reviews": (1.0, 1.0), "reddit_spans_dev": (0.2, 1.0)}, soft=0.4),
            Expert("tagged", {"tagged_reviews": (0.7, 1.0), "reddit_spans_dev": (1.0, 1.0), "goodreads_dev": (0.5, 5.0),
                              "untagged_reviews": (0.3, 1.0), "reviews": (0.4, 1.0), "tvtropes_train": (0.15, 1.0)},
                   soft=0.3),
            Expert("tropes", {"tvtropes_train": (1.0, 1.0), "reviews": (0.15, 1.0)}, soft=0.1),
            Expert("like tropes", _ALIKE, tells=("tvtropes_train",)),
            Expert("like ours", _ALIKE, tells=("reviews",)),
        ),
        sources={"reviews": (1.0, 1.0), "tagged_reviews": (0.35, 1.0), "reddit_spans_dev": (0.5, 1.0),
                 "untagged_reviews": (0.1, 1.0), "tvtropes_train": (1.0, 1.0), "goodreads_dev": (0.15, 5.0),
                 "": (0.3, 1.0)},
        folds=3,
        calibrate_on=("reviews",),
    ),
}  # fmt: skip

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
    labels = fitted["label"].to_numpy(int)

    say("counting n-grams", 0.05)
    tokens = tokens_of([clean(t) for t in fitted["text"]])
    examples = _Examples(_matrix(tokens), _source_columns(fitted), _soft_rows(soft))
    groups = fitted["work"].map(work_key).to_numpy()
    logits, experts = [], []
    for k, expert in enumerate(plan.experts):
        say(f"weighing n-grams: {expert.name}", 0.1 + 0.6 * k / len(plan.experts))
        weights = _weights(fitted, expert.sources)
        if len(set(expert.labels(fitted)[weights > 0])) < 2:
            raise InputError(f"expert {expert.name!r} hears one label only in these sources; use another recipe")
        logits.append(_cross_validated(examples, expert, expert.labels(fitted), weights, groups, plan, jobs))
        experts.append(examples.fit(expert, np.arange(len(labels)), expert.labels(fitted), weights, plan.C))
    coefficients, intercepts = np.stack([c for c, _ in experts], axis=1), np.array([i for _, i in experts])
    arrays: dict[str, npt.NDArray[Any]] = {
        "weights": coefficients[: 2**BITS].astype(np.float16).astype(np.float32),  # as they will be stored
        "cues": coefficients[2**BITS :] * CUE_SCALE,
        "intercept": intercepts,
    }

    say("learning from context", 0.75)
    crossed = np.stack(logits, axis=1)
    inner = _context_rows(crossed, tokens, fitted, {})
    weights = _weights(fitted, plan.sources)
    copies = [inner, _context_rows(crossed, tokens, fitted, known), context.no_context(inner, len(plan.experts))]
    arrays |= _fit_context(
        np.vstack(copies), np.tile(labels, 3), np.concatenate([weights, weights, weights / 2]), plan, seed
    )
    say("calibrating", 0.9)
    if plan.calibrate_on:
        held = held[held["source"].isin(plan.calibrate_on)]
    if held["label"].nunique() == 2:
        judged = held.reset_index(drop=True)
        held_tokens = tokens_of([clean(t) for t in judged["text"]])
        together = _context_rows(LinearScorer(arrays).logits(held_tokens), held_tokens, judged, {})
    else:
        judged, together = fitted, inner
    truth = judged["label"].to_numpy(int)
    arrays["context_calibration"] = np.array([1.0, 0.0])
    arrays["context_calibration"] = _platt(context.forward(arrays, together), truth, _weights(judged, plan.sources))
    probability = 1 / (1 + np.exp(-context.forward(arrays, together)))
    thresholds, unreached = operating_points(truth, probability)
    arrays |= _fit_kinds(fitted, seed)
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
            raise InputError(
                f"the frame has no column {sorted(missing)[0]!r}: there are {', '.join(map(str, data.columns))}"
            )
        n = len(data)
        alone: dict[str, Any] = {
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
    return {
        w: work
        for f in sorted(folders)
        if (f / "works.jsonl").is_file()
        for w, work in read_works(f / "works.jsonl").items()
    }


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


def _matrix(tokens: Any) -> sp.csr_matrix:
    """Sentences by buckets, as the scorer sees them: each family of n-grams divided by sqrt(its count)."""
    import scipy.sparse as sp

    n = tokens.sentences
    parts = []
    for block in hashed(tokens):
        count = np.sqrt(np.maximum(np.bincount(block.rows, minlength=n), 1)).astype(np.float32)
        parts.append(
            sp.coo_matrix((1 / count[block.rows], (block.rows, block.buckets.astype(np.int32))), shape=(n, 2**BITS))
        )
    whole = sp.hstack([sum(part.tocsr() for part in parts), sp.csr_matrix(cues(tokens) * CUE_SCALE)])
    return whole.tocsr().astype(np.float32)


CUE_SCALE = np.float32(0.2)  # cues are few and dense: let them start small beside the n-grams


def _source_columns(frame: pd.DataFrame) -> sp.csr_matrix:
    """An intercept for each source but the first, dropped at inference: label habits stay out."""
    import scipy.sparse as sp

    names = sorted(frame["source"].unique())
    codes = frame["source"].map({s: k for k, s in enumerate(names)}).to_numpy()
    one_hot = sp.csr_matrix(
        (np.ones(len(frame), np.float32), (np.arange(len(frame)), codes)), shape=(len(frame), len(names))
    )
    return one_hot[:, 1:]


def _soft_rows(soft: pd.DataFrame | None) -> tuple[sp.csr_matrix, Any, Doubles] | None:
    """A teacher's sentences as examples of both labels, each weighed by the probability of its label."""
    if soft is None:
        return None
    rows, target = _matrix(tokens_of([clean(t) for t in soft["text"]])), soft["target"].to_numpy(float)
    yes, no = np.flatnonzero(target > 0.03), np.flatnonzero(target < 0.97)
    labels = np.concatenate([np.ones(len(yes), int), np.zeros(len(no), int)])
    return rows[np.concatenate([yes, no])], labels, np.concatenate([target[yes], 1 - target[no]])


@dataclass(frozen=True)
class _Examples:
    """Rows of n-grams; source intercepts that are dropped afterwards; a teacher's rows."""

    rows: sp.csr_matrix
    sources: sp.csr_matrix
    soft: tuple[sp.csr_matrix, Any, Doubles] | None

    def fit(
        self, expert: Expert, at: npt.NDArray[Any], labels: npt.NDArray[Any], weights: Doubles, regularisation: float
    ) -> tuple[Doubles, float]:
        """Coefficients of the columns of `rows`, and the intercept, from the examples `at` that have weight."""
        import scipy.sparse as sp
        from sklearn.linear_model import LogisticRegression

        at = at[weights[at] > 0]
        labels, weights = labels[at], weights[at]
        idf = _idf(self.rows[at])
        used = np.flatnonzero(idf)  # most buckets are empty: fitting only the others halves the time
        scale = sp.diags(idf[used])
        rows = sp.hstack([self.rows[at][:, used] @ scale, self.sources[at] * (0 if expert.tells else 1)])
        mean = weights.mean()
        if self.soft is not None and expert.soft:
            more, more_labels, more_weights = self.soft
            of_no_source = sp.csr_matrix((more.shape[0], self.sources.shape[1]))
            rows = sp.vstack([rows, sp.hstack([more[:, used] @ scale, of_no_source])])
            labels, weights = (
                np.concatenate([labels, more_labels]),
                np.concatenate([weights, more_weights * expert.soft]),
            )
        # A tight tolerance: scikit-learn's is on the mean gradient, and stops far too early here.
        model = LogisticRegression(C=regularisation, max_iter=50, tol=1e-7)
        with _quiet():
            model.fit(rows.tocsr(), labels, sample_weight=weights / mean)
        coefficients = np.zeros(self.rows.shape[1])
        coefficients[used] = model.coef_[0][: len(used)] * idf[used]
        return coefficients, float(model.intercept_[0])


def _idf(rows: sp.csr_matrix) -> npt.NDArray[np.float32]:
    seen = np.bincount(rows.indices, minlength=rows.shape[1])
    weight = np.log((1 + rows.shape[0]) / (1 + seen)) + 1
    weight[seen < 2] = 0  # a bucket seen once tells of one sentence
    weight[2**BITS :] = 1  # cues are no terms
    return np.asarray(weight, np.float32)


def _cross_validated(
    examples: _Examples, expert: Expert, labels: Any, weights: Doubles, works: Any, plan: Recipe, jobs: int
) -> Doubles:
    """Logits of every sentence from a model that saw nothing of its work."""
    from joblib import Parallel, delayed
    from sklearn.model_selection import GroupKFold

    folds = min(plan.folds, len(set(works)))
    if folds < 2:
        raise InputError("all sentences are of one work: training needs at least two")

    def fold(train: Any, test: Any) -> tuple[Any, Doubles]:
        if len(set(labels[train][weights[train] > 0])) < 2:
            return test, np.zeros(len(test))
        coefficients, intercept = examples.fit(expert, train, labels, weights, plan.C)
        return test, examples.rows[test] @ coefficients + intercept

    parts = Parallel(n_jobs=jobs, prefer="threads")(
        delayed(fold)(train, test) for train, test in GroupKFold(folds).split(labels, groups=works)
    )
    out = np.zeros(len(labels))
    for test, values in parts:
        out[test] = values
    return out


def _context_rows(logits: Doubles, tokens: Any, frame: pd.DataFrame, works: Mapping[str, Work]) -> Doubles:
    keys = (frame["source"].astype(str) + "\0" + frame["document"].astype(str)).to_numpy()
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    lengths = np.diff(np.append(starts, len(keys)))
    names = frame["work"].to_numpy()[starts]
    return context.features(logits, tokens, lengths, [works.get(w) for w in names])


def _fit_context(rows: Doubles, labels: Any, weights: Doubles, plan: Recipe, seed: int) -> dict[str, npt.NDArray[Any]]:
    """The mean of a few networks with one hidden layer, each on its own draw of the sentences.

    A sentence is drawn as often as it weighs (bagging, Breiman 1996). Side by side their hidden
    layers are one, so the mean costs no code at inference.
    """
    from sklearn.neural_network import MLPClassifier

    mean, scale = _moments(rows, weights)
    networks = []
    for k in range(plan.networks):
        rng = np.random.default_rng([seed, k])
        drawn = rng.choice(len(labels), size=min(len(labels), DRAWN), p=weights / weights.sum())
        network = MLPClassifier(
            (plan.hidden,),
            activation="tanh",
            alpha=plan.context_alpha,
            max_iter=60,
            random_state=seed + k,
            learning_rate_init=3e-3,
        )
        with _quiet():  # 60 rounds are enough: more of them learn the noise
            networks.append(network.fit((rows[drawn] - mean) / scale, labels[drawn]))
    return {
        "context_mean": mean,
        "context_scale": scale,
        "context_hidden": np.hstack([n.coefs_[0] for n in networks]),
        "context_hidden_bias": np.concatenate([n.intercepts_[0] for n in networks]),
        "context_out": np.concatenate([n.coefs_[1][:, 0] for n in networks]) / len(networks),
        "context_out_bias": np.mean([n.intercepts_[1] for n in networks], axis=0),
    }


DRAWN = 60_000  # sentences drawn for each network


def _moments(rows: Doubles, weights: Doubles) -> tuple[Doubles, Doubles]:
    """Weighted mean and standard deviation of each column; 1 for a column that never changes."""
    mean = np.average(rows, axis=0, weights=weights)
    scale = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weights))
    return mean, np.where(scale < 1e-6, 1.0, scale)


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
                parts.append(
                    sp.csr_matrix((1 / count[block.rows], (block.rows, column)), shape=(len(tagged), 2**KIND_BITS))
                )
        model = LogisticRegression(C=3.0, max_iter=300, tol=1e-7).fit(sum(parts), tagged["tag"])
        known = {name: k for k, name in enumerate(KINDS)}
        bias[:] = -10
        for row, name in enumerate(model.classes_):
            table[known[name]] = model.coef_[row] if len(model.coef_) > 1 else model.coef_[0] * (1 if row else -1)
            bias[known[name]] = model.intercept_[row] if len(model.coef_) > 1 else 0
    return {"kinds": table, "kind_bias": bias}


def _as_stored(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Arrays as `store` writes and reads them, so that a trained and a loaded model give the same bytes."""
    single = {"weights": arrays["weights"], "kinds": arrays["kinds"].astype(np.float16)}
    return {**{name: np.asarray(a, np.float64) for name, a in arrays.items()}, **single}


def _version(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return f"1-{digest.hexdigest()[:8]}"
