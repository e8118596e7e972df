"""A classifier of sentences with the interface of scikit-learn (https://scikit-learn.org/stable/developers).

    from spoilerguard.sklearn import SpoilerClassifier

    model = SpoilerClassifier().fit(sentences, labels)
    model.predict_proba(["The butler did it."])
    cross_val_score(SpoilerClassifier(), sentences, labels, groups=works, cv=GroupKFold(), scoring="average_precision")

It learns what `spoilerguard train` learns from sentences read alone. Split by work, as above: what was learned of a
plot in training must not help in the test.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length, check_is_fitted, check_random_state, column_or_1d

from spoilerguard.errors import InputError
from spoilerguard.spans import Sensitivity
from spoilerguard.training.config import Recipe
from spoilerguard.training.pipeline import train

__all__ = ["SpoilerClassifier", "WrongInput"]


class WrongInput(InputError, ValueError):  # noqa: N818 - as MissingExtra, it names what is the matter
    """An argument that cannot be used: an InputError that scikit-learn, which counts on ValueError, understands."""


class SpoilerClassifier(ClassifierMixin, BaseEstimator):
    """Tells spoilers from harmless sentences; works in Pipeline, GridSearchCV, CalibratedClassifierCV and the like.

    Args:
        C: The inverse strength of regularisation.
        folds: The folds of the cross-validation within `fit`, which gives the probabilities to calibrate on.
        networks: How many context networks are averaged.
        sensitivity: `"low"` for few false alarms, `"high"` for few misses: the threshold of `predict`, chosen in `fit`.
        threshold: The probability, from 0 to 1, from which `predict` says spoiler. It overrides `sensitivity`.
        random_state: The seed of everything random, a `RandomState`, or None.

    Attributes:
        classes_: The two labels. The one that sorts last is that of spoilers: 1 of 0 and 1, True, "spoiler" of
            "harmless" and "spoiler".
        guard_: The trained model, a `Guard`: `guard_.save(folder)` makes it one for `load` and the command line.
    """

    def __init__(
        self,
        *,
        C: float = 0.03,
        folds: int = 5,
        networks: int = 3,
        sensitivity: Sensitivity = "medium",
        threshold: float | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.C = C
        self.folds = folds
        self.networks = networks
        self.sensitivity = sensitivity
        self.threshold = threshold
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn from labelled sentences.

        Args:
            X: The sentences: a sequence, or a frame or an array of one column.
            y: The label of each; two different ones.
            sample_weight: The weight of each; 1 by default.
            groups: The work of each, so that no work is on both sides in the cross-validation within; by default,
                each sentence counts as a work of its own.

        Returns:
            The classifier.

        Raises:
            WrongInput: An argument is invalid, or there are fewer than 5 sentences of a label.
        """
        import pandas as pd

        texts, labels = _texts(X), _labels(y)
        try:
            check_consistent_length(texts, labels)
        except ValueError as error:
            raise WrongInput(str(error)) from None
        classes, encoded = np.unique(labels, return_inverse=True)
        if len(classes) > 2:
            raise WrongInput(
                f"Only binary classification is supported. The type of the target is {type_of_target(labels)}."
            )
        frame = pd.DataFrame({"text": texts, "label": encoded, "weight": _weights(sample_weight, len(texts))})
        if groups is not None:
            frame["work"] = [str(group) for group in column_or_1d(groups)]
        frame = frame[frame["weight"] > 0].reset_index(drop=True)
        if not len(frame):
            raise WrongInput("sample_weight is zero for each of the texts")
        if frame["label"].nunique() < 2:
            raise WrongInput(f"only one class, {classes[frame['label'].iloc[0]]!r}, in y: training needs both labels")
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31 - 1)
        recipe = Recipe(C=self.C, folds=self.folds, networks=self.networks)
        try:
            # Nothing is held out: probabilities of the cross-validation calibrate the model.
            guard = train(frame, validation=frame.iloc[:0], name="sklearn", recipe=recipe, seed=int(seed))
            guard.threshold(self.sensitivity, self.threshold)
        except InputError as error:
            raise WrongInput(str(error)) from None
        self.classes_, self.guard_ = classes, guard
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """The calibrated probabilities of the two classes.

        Args:
            X: Sentences, as in `fit`.

        Returns:
            An array of shape (n, 2), its columns in the order of `classes_`.

        Raises:
            WrongInput: `X` does not hold texts.
            NotFittedError: `fit` was not called; it is scikit-learn's.
        """
        check_is_fitted(self)
        return self.guard_.predict_proba(_texts(X))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The label of each sentence, by the threshold of the sensitivity.

        Args:
            X: Sentences, as in `fit`.

        Returns:
            An array of shape (n,) with values of `classes_`.

        Raises:
            WrongInput: `X` does not hold texts, or `sensitivity` or `threshold` is invalid.
            NotFittedError: `fit` was not called; it is scikit-learn's.
        """
        probability = self.predict_proba(X)[:, 1]
        try:
            limit = self.guard_.threshold(self.sensitivity, self.threshold)
        except InputError as error:
            raise WrongInput(str(error)) from None
        return np.asarray(self.classes_[(probability >= limit).astype(int)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_class = False
        return tags


def _texts(X: Any) -> list[str]:
    """The texts of a sequence, or of a table with one column."""
    if isinstance(X, str):
        raise WrongInput("X must be a sequence of sentences, not one string")
    array = np.asarray(X, dtype=object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise WrongInput(
            f"X must hold one text a row, but its shape is {array.shape}. Reshape your data: choose the column"
        )
    if not len(array):
        raise WrongInput("Found array with 0 sample(s): X is empty")
    for row, text in enumerate(array):
        if not isinstance(text, str):
            raise WrongInput(f"X must hold texts, but row {row} is a {type(text).__name__}")
    return [str(text) for text in array]


def _labels(y: Any) -> npt.NDArray[Any]:
    """The labels, each of them something that a label can be."""
    import pandas as pd

    if y is None:
        raise WrongInput("SpoilerClassifier requires y to be passed, but the target y is None")
    try:
        labels = column_or_1d(y, warn=True)
        missing = np.flatnonzero(pd.isna(labels))
        if len(missing):
            raise WrongInput(f"Input y contains NaN: row {missing[0]} has no label")
        kinds = sorted({type(label).__name__ for label in (y if isinstance(y, list | tuple) else labels.tolist())})
        if (len(kinds) > 1 and "str" in kinds) or (labels.dtype == object and kinds != ["str"]) or "bytes" in kinds:
            raise WrongInput(
                f"Unknown label type: {' and '.join(kinds)} as objects; make y an array of one type, such as int"
            )
        assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
    except (TypeError, ValueError) as error:
        raise WrongInput(str(error)) from None
    return np.asarray(labels)


def _weights(sample_weight: Any, rows: int) -> npt.NDArray[np.float64]:
    if sample_weight is None:
        return np.ones(rows)
    weights = np.asarray(sample_weight, np.float64)
    weights = weights if weights.ndim else np.full(rows, weights)
    if weights.shape != (rows,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise WrongInput(f"sample_weight must be {rows} numbers from 0, one for each text")
    return weights
