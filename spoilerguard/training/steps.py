"""The steps of training: n-grams to a matrix, experts, cross-validation, context network, thresholds.

All of it is scikit-learn except the features, which are those of inference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spoilerguard.datasets import documents_of
from spoilerguard.errors import InputError
from spoilerguard.model import context
from spoilerguard.model.features import BITS, clean, cues, hashed, tokens_of
from spoilerguard.spans import Work
from spoilerguard.training.config import DEFAULT_GOALS, Expert, Goals, Recipe

if TYPE_CHECKING:
    import pandas as pd
    import scipy.sparse as sp

__all__ = [
    "CUE_SCALE",
    "GRID",
    "Examples",
    "context_rows",
    "cross_validated",
    "fit_context",
    "matrix",
    "operating_points",
    "platt",
    "searched",
    "soft_rows",
    "source_columns",
]

Doubles = npt.NDArray[np.float64]


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the warnings of scikit-learn that a solver stopped early: its iterations are limited on purpose."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def matrix(tokens: Any) -> sp.csr_matrix:
    """Sentences by buckets, as the scorer sees them: each block of n-grams divided by the root of its count."""
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


CUE_SCALE = np.float32(0.2)  # cues are few and dense: this keeps them small beside the n-grams


def source_columns(frame: pd.DataFrame) -> sp.csr_matrix:
    """An intercept for each source except the first, dropped at inference: labelling habits are not learned."""
    import scipy.sparse as sp

    names = sorted(frame["source"].unique())
    codes = frame["source"].map({s: k for k, s in enumerate(names)}).to_numpy()
    one_hot = sp.csr_matrix(
        (np.ones(len(frame), np.float32), (np.arange(len(frame)), codes)), shape=(len(frame), len(names))
    )
    return one_hot[:, 1:]


def soft_rows(soft: pd.DataFrame | None, most: int) -> tuple[sp.csr_matrix, Any, Doubles] | None:
    """The first `most` sentences that a teacher scored, as examples of both labels, weighted by their probability."""
    if soft is None:
        return None
    soft = soft.iloc[:most]
    rows, target = matrix(tokens_of([clean(t) for t in soft["text"]])), soft["target"].to_numpy(float)
    yes, no = np.flatnonzero(target > 0.03), np.flatnonzero(target < 0.97)
    labels = np.concatenate([np.ones(len(yes), int), np.zeros(len(no), int)])
    return rows[np.concatenate([yes, no])], labels, np.concatenate([target[yes], 1 - target[no]])


@dataclass(frozen=True)
class Examples:
    """Training examples: n-grams, intercepts of sources (dropped afterwards), and sentences of a teacher."""

    rows: sp.csr_matrix
    sources: sp.csr_matrix
    soft: tuple[sp.csr_matrix, Any, Doubles] | None

    def fit(
        self, expert: Expert, at: npt.NDArray[Any], labels: npt.NDArray[Any], weights: Doubles, regularisation: float
    ) -> tuple[Doubles, float]:
        """Fit one expert.

        Args:
            expert: The expert.
            at: The numbers of the examples to learn from; those without weight are left out.
            labels: The label of every example.
            weights: The weight of every example.
            regularisation: The inverse strength of regularisation (C).

        Returns:
            The coefficients of the columns of `rows`, and the intercept.
        """
        import scipy.sparse as sp
        from sklearn.linear_model import LogisticRegression

        at = at[weights[at] > 0]
        labels, weights = labels[at], weights[at]
        idf = _idf(self.rows[at])
        used = np.flatnonzero(idf)  # most buckets are empty: leaving them out halves the time
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
        # A tight tolerance: the default applies to the mean gradient, and stops far too early here.
        model = LogisticRegression(C=regularisation, max_iter=50, tol=1e-7)
        with quiet():
            model.fit(rows.tocsr(), labels, sample_weight=weights / mean)
        coefficients = np.zeros(self.rows.shape[1])
        coefficients[used] = model.coef_[0][: len(used)] * idf[used]
        return coefficients, float(model.intercept_[0])


def _idf(rows: sp.csr_matrix) -> npt.NDArray[np.float32]:
    seen = np.bincount(rows.indices, minlength=rows.shape[1])
    weight = np.log((1 + rows.shape[0]) / (1 + seen)) + 1
    weight[seen < 2] = 0  # a bucket seen once describes a single sentence
    weight[2**BITS :] = 1  # cues are not terms
    return np.asarray(weight, np.float32)


def cross_validated(
    examples: Examples, expert: Expert, labels: Any, weights: Doubles, works: Any, recipe: Recipe, jobs: int
) -> Doubles:
    """Score every sentence with a model that was not trained on its work.

    Args:
        examples: The examples.
        expert: The expert.
        labels: The label of every example.
        weights: The weight of every example.
        works: The work of every example.
        recipe: The number of folds, and C.
        jobs: How many threads to use.

    Returns:
        The logits, shape (n,).

    Raises:
        InputError: There is only one work.
    """
    from joblib import Parallel, delayed
    from sklearn.model_selection import GroupKFold

    folds = min(recipe.folds, len(set(works)))
    if folds < 2:
        raise InputError("all sentences are about one work; training needs at least two works")

    def fold(train: Any, test: Any) -> tuple[Any, Doubles]:
        if len(set(labels[train][weights[train] > 0])) < 2:
            return test, np.zeros(len(test))
        coefficients, intercept = examples.fit(expert, train, labels, weights, recipe.C)
        return test, examples.rows[test] @ coefficients + intercept

    parts = Parallel(n_jobs=jobs, prefer="threads")(
        delayed(fold)(train, test) for train, test in GroupKFold(folds).split(labels, groups=works)
    )
    out = np.zeros(len(labels))
    for test, values in parts:
        out[test] = values
    return out


GRID = (0.01, 0.03, 0.1, 0.3)  # values of C to search


def searched(
    examples: Examples, expert: Expert, labels: Any, weights: Doubles, works: Any, recipe: Recipe, jobs: int
) -> float:
    """The value of GRID with the best average precision in cross-validation by work."""
    from sklearn.metrics import average_precision_score

    def worth(value: float) -> float:
        logits = cross_validated(examples, expert, labels, weights, works, replace(recipe, C=value), jobs)
        return float(average_precision_score(labels, logits, sample_weight=weights))

    return max(GRID, key=worth)


def context_rows(logits: Doubles, tokens: Any, frame: pd.DataFrame, works: Mapping[str, Work]) -> Doubles:
    """The context features of each sentence.

    Args:
        logits: The logits of the experts, a row per sentence.
        tokens: The tokens of the sentences.
        frame: The sentences.
        works: What is known of their works.

    Returns:
        A row per sentence.
    """
    documents, names = documents_of(frame), frame["work"].tolist()
    lengths = np.array([len(document) for document in documents])
    return context.features(logits, tokens, lengths, [works.get(names[document.start]) for document in documents])


def fit_context(rows: Doubles, labels: Any, weights: Doubles, recipe: Recipe, seed: int) -> dict[str, npt.NDArray[Any]]:
    """Fit the mean of several networks with one hidden layer, each on its own sample of the sentences.

    Sentences are drawn in proportion to their weights (bagging; Breiman 1996). Side by side, the hidden
    layers form a single one, so the mean needs no code at inference.

    Args:
        rows: The context features, a row per sentence.
        labels: The label of each sentence.
        weights: The weight of each sentence.
        recipe: The number and the size of the networks.
        seed: The seed of samples and networks.

    Returns:
        The arrays of the context network.
    """
    from sklearn.neural_network import MLPClassifier

    mean, scale = _moments(rows, weights)
    networks = []
    for k in range(recipe.networks):
        rng = np.random.default_rng([seed, k])
        drawn = rng.choice(len(labels), size=min(len(labels), DRAWN), p=weights / weights.sum())
        network = MLPClassifier(
            (recipe.hidden,),
            activation="tanh",
            alpha=recipe.context_alpha,
            max_iter=60,
            random_state=seed + k,
            learning_rate_init=3e-3,
        )
        with quiet():  # 60 iterations are enough: more would fit the noise
            networks.append(network.fit((rows[drawn] - mean) / scale, labels[drawn]))
    return {
        "context_mean": mean,
        "context_scale": scale,
        "context_hidden": np.hstack([n.coefs_[0] for n in networks]),
        "context_hidden_bias": np.concatenate([n.intercepts_[0] for n in networks]),
        "context_out": np.concatenate([n.coefs_[1][:, 0] for n in networks]) / len(networks),
        "context_out_bias": np.mean([n.intercepts_[1] for n in networks], axis=0),
    }


DRAWN = 60_000  # sentences in the sample of each network


def _moments(rows: Doubles, weights: Doubles) -> tuple[Doubles, Doubles]:
    """Weighted mean and standard deviation of each column; 1 for a constant column."""
    mean = np.average(rows, axis=0, weights=weights)
    scale = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weights))
    return mean, np.where(scale < 1e-6, 1.0, scale)


def operating_points(
    truth: npt.NDArray[Any], probability: Doubles, goals: Goals = DEFAULT_GOALS
) -> tuple[dict[str, float], list[str]]:
    """Choose the thresholds of the three sensitivities.

    low is the lowest threshold with the precision asked of it, medium the one with the best F1 among those with
    the precision asked, high the highest threshold with the recall asked. Where none qualifies, the nearest is taken.
    Each lies midway between the sentences that it parts: new spoilers may score a little lower than those known.

    Args:
        truth: The label of each sentence.
        probability: The probability of each sentence.
        goals: What each sensitivity must reach.

    Returns:
        The thresholds, and a sentence about each requirement that was not met.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, at = precision_recall_curve(truth, probability)
    precision, recall = precision[:-1], recall[:-1]
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    enough = np.cumsum(truth[np.argsort(-probability)]).max() >= 20
    unmet: list[str] = []

    def first_with(floor: float, sensitivity: str) -> float:
        reached = np.flatnonzero((precision >= floor) & (recall > 0.02))
        if len(reached):
            return float(at[reached[0]])
        unmet.append(f"{sensitivity}: precision {floor} not reached, best is {precision[recall > 0.02].max():.2f}")
        return float(at[np.flatnonzero(recall > 0.02)[np.argmax(precision[recall > 0.02])]])

    low = first_with(goals.precision_low, "low")
    allowed = np.flatnonzero(precision >= goals.precision_medium)
    if len(allowed):
        medium = float(at[allowed[np.argmax(f1[allowed])]])
    else:
        medium = first_with(goals.precision_medium, "medium")
    high = float(at[np.flatnonzero(recall >= goals.recall_high)[-1]])
    if not enough:
        unmet.append("fewer than 20 spoilers to choose thresholds on: they are rough")
    low, high = max(low, medium), min(high, medium)
    scores = np.unique(probability)

    def midway(threshold: float) -> float:
        below = np.searchsorted(scores, threshold) - 1
        return round(float(threshold + scores[below]) / 2 if below >= 0 else threshold, 4)

    return {"low": midway(low), "medium": midway(medium), "high": midway(high)}, unmet


def platt(logits: Doubles, truth: Any, weights: Doubles) -> Doubles:
    """Slope and intercept that turn logits into calibrated ones (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e3).fit(logits[:, None], truth, sample_weight=weights)
    return np.array([model.coef_[0, 0], model.intercept_[0]])
