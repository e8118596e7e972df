"""The classifier as scikit-learn uses it, and that it learns what `train` learns."""

from __future__ import annotations

import json
from pathlib import Path
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data
from texts import HARMLESS, SPOILERS

import spoilerguard as sg
from spoilerguard.errors import InputError
from spoilerguard.sklearn import SpoilerClassifier, WrongInput
from spoilerguard.training.config import Recipe
from spoilerguard.training.pipeline import train

QUICK = {"folds": 2, "networks": 1}


@pytest.fixture(scope="module")
def labelled(few: Path) -> tuple[list[str], list[int], list[str]]:
    """Sentences, their labels and their works."""
    documents = [json.loads(line) for line in few.read_text(encoding="utf-8").splitlines()]
    rows = [(s["text"].strip(), s["label"], d["work"]) for d in documents for s in d["sentences"]]
    return tuple(map(list, zip(*rows[::3], strict=True)))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def fitted(labelled: tuple[list[str], list[int], list[str]]) -> SpoilerClassifier:
    texts, labels, works = labelled
    return SpoilerClassifier(**QUICK).fit(texts, labels, groups=works)


def test_it_learns_what_train_learns(
    fitted: SpoilerClassifier, labelled: tuple[list[str], list[int], list[str]]
) -> None:
    texts, labels, works = labelled
    frame = pd.DataFrame({"text": texts, "label": labels, "work": works})
    guard = train(frame, validation=frame.iloc[:0], recipe=Recipe(folds=2, networks=1))
    np.testing.assert_array_equal(fitted.predict_proba(texts), guard.predict_proba(texts))
    limit = guard.threshold("medium")
    np.testing.assert_array_equal(fitted.predict(texts), (guard.score(texts) >= limit).astype(int))
    assert fitted.score(texts, labels) > max(np.mean(labels), 1 - np.mean(labels))


def test_sentences_come_in_any_sequence(fitted: SpoilerClassifier) -> None:
    texts = [*SPOILERS, *HARMLESS]
    expected = fitted.predict_proba(texts).tolist()
    for same in (tuple(texts), np.array(texts), pd.Series(texts, index=texts), pd.DataFrame({"body": texts})):
        assert fitted.predict_proba(same).tolist() == expected


def test_any_two_labels_do_and_the_last_is_the_spoiler(fitted: SpoilerClassifier, labelled: Any) -> None:
    texts, labels, works = labelled
    named = SpoilerClassifier(**QUICK).fit(texts, np.array(["fine", "spoiler"])[labels], groups=works)
    assert named.classes_.tolist() == ["fine", "spoiler"]
    assert named.predict_proba(texts).tolist() == fitted.predict_proba(texts).tolist()
    assert (named.predict(texts) == "spoiler").tolist() == (fitted.predict(texts) == 1).tolist()


def test_the_threshold_can_be_set_afterwards(fitted: SpoilerClassifier, labelled: Any) -> None:
    texts = labelled[0]
    other = pickle.loads(pickle.dumps(fitted))
    counts = [int(other.set_params(sensitivity=name).predict(texts).sum()) for name in ("low", "medium", "high")]
    assert counts == sorted(counts)
    assert other.set_params(threshold=0.0).predict(texts).all()
    for wrong in ({"threshold": 7.0}, {"threshold": None, "sensitivity": "extreme"}):
        with pytest.raises(WrongInput):
            other.set_params(**wrong).predict(texts)


def test_what_was_learned_can_be_saved(fitted: SpoilerClassifier, tmp_path: Path) -> None:
    fitted.guard_.save(tmp_path / "model")
    assert sg.load(tmp_path / "model").score(SPOILERS).tolist() == fitted.predict_proba(SPOILERS)[:, 1].tolist()


# --- in scikit-learn ---------------------------------------------------------------------------


def test_it_works_in_what_scikit_learn_is_made_of(labelled: Any) -> None:
    texts, labels, works = labelled
    pipe = make_pipeline(FunctionTransformer(lambda X: [text.lower() for text in X]), SpoilerClassifier(**QUICK))
    search = GridSearchCV(pipe, {"spoilerclassifier__C": [1e-4, 0.03]}, cv=GroupKFold(2), scoring="average_precision")
    search.fit(texts, labels, groups=works)
    assert search.best_params_["spoilerclassifier__C"] in (1e-4, 0.03)
    assert search.predict_proba(texts).shape == (len(texts), 2)
    scores = cross_val_score(
        SpoilerClassifier(**QUICK), texts, labels, groups=works, cv=GroupKFold(2), scoring="average_precision"
    )
    assert scores.shape == (2,)
    assert scores.min() > np.mean(labels)  # better than chance, on works it has not seen
    calibrated = CalibratedClassifierCV(SpoilerClassifier(**QUICK), cv=2).fit(texts, labels)
    np.testing.assert_allclose(calibrated.predict_proba(texts).sum(axis=1), 1)


class OfNumbers(SpoilerClassifier):  # type: ignore[misc]
    """The same, of rows of numbers: scikit-learn's own checks have no texts."""

    def __init__(
        self,
        *,
        C: float = 0.03,
        folds: int = 2,
        networks: int = 1,
        sensitivity: Any = "medium",
        threshold: float | None = 0.5,  # which is what the checks take for granted
        random_state: Any = 0,
    ) -> None:
        super().__init__(
            C=C, folds=folds, networks=networks, sensitivity=sensitivity, threshold=threshold, random_state=random_state
        )

    def _texts_of(self, X: Any, *, reset: bool) -> list[str]:
        rows = validate_data(self, X, reset=reset)
        return [" ".join(f"c{k}{'p' if v > 0 else 'n'}{min(abs(int(v)), 9)}" for k, v in enumerate(r)) for r in rows]

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> OfNumbers:
        return super().fit(self._texts_of(X, reset=True), y, sample_weight, groups)

    def predict_proba(self, X: Any) -> Any:
        super_of = super().predict_proba
        if not hasattr(self, "guard_"):
            return super_of(X)
        return super_of(self._texts_of(X, reset=False))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False
        return tags


TOO_FEW = "it trains on three rows of one label; at least five sentences of each are needed"
EXPECTED_FAILURES = {"check_fit2d_1feature": TOO_FEW, "check_sample_weight_equivalence_on_dense_data": TOO_FEW}
if sklearn.__version__ < "1.7":  # whose check draws ten labels
    EXPECTED_FAILURES["check_n_features_in_after_fitting"] = TOO_FEW


def test_it_passes_the_checks_of_scikit_learn() -> None:
    with pytest.warns(SkipTestWarning, match="Can't test estimator SpoilerClassifier which requires input"):
        check_estimator(SpoilerClassifier())


def test_but_for_its_texts_it_passes_the_checks_of_numbers_too() -> None:
    results = check_estimator(OfNumbers(), expected_failed_checks=EXPECTED_FAILURES, on_skip=None, on_fail=None)
    failed = {result["check_name"] for result in results if result["status"] in ("failed", "xfail")}
    assert failed == set(EXPECTED_FAILURES)
    assert sum(result["status"] == "passed" for result in results) > 30


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ("One text.", [1], "a sequence of sentences, not one string"),
        ([], [], r"0 sample\(s\)"),
        ([["a", "b"]], [1], r"one text a row, but its shape is \(1, 2\)"),
        (["a", None], [0, 1], "row 1 is a NoneType"),
        (["a", "b"], [0], "inconsistent numbers of samples"),
        (["a", "b", "c"], [0, 1, 2], "Only binary classification is supported"),
        (["a", "b"], [1, 1], "only one class, .*1.*, in y: training needs both labels"),
        (["a", "b"], [0, 1], "training needs at least 5 of each"),
        (["a", "b"], None, "requires y to be passed, but the target y is None"),
        (["a", "b"], [0, None], "y contains NaN: row 1 has no label"),
        (["a", "b"], [0, float("nan")], "y contains NaN"),
        (["a", "b"], pd.Series([pd.NA, "x"], dtype=object), "y contains NaN: row 0 has no label"),
        (["a", "b"], pd.Series(["x", None], dtype="string"), "NaN|NA"),
        (["a", "b"], pd.to_datetime(pd.Series(["2024-01-01", None])), "y contains NaN: row 1 has no label"),
        (["a", "b"], [0.2, 0.7], "Unknown label type: continuous"),
        (["a", "b"], ["no", 1], "Unknown label type: int and str as objects; make y an array of one type"),
        (["a", "b"], np.array([0, 1], dtype=object), "Unknown label type: int as objects; make y"),
        (["a", "b"], [b"a", b"b"], "Unknown label type: bytes as objects; make y"),
    ],
)
def test_what_cannot_be_learned_from_is_a_value_error_of_ours(X: Any, y: Any, message: str) -> None:
    with pytest.raises(WrongInput, match=message):
        SpoilerClassifier().fit(X, y)


@pytest.mark.parametrize("weights", [[1.0], [-1.0] * 4, [float("nan")] * 4])
def test_weights_are_numbers_from_zero(weights: list[float]) -> None:
    with pytest.raises(InputError, match="sample_weight must be 4 numbers from 0"):
        SpoilerClassifier().fit(["a", "b", "c", "d"], [0, 1, 0, 1], sample_weight=weights)


def test_what_has_not_learned_predicts_nothing() -> None:
    with pytest.raises(NotFittedError):
        clone(SpoilerClassifier()).predict(["a"])
