"""What a recipe makes of labelled sentences: experts, a teacher's soft labels, works, operating points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import spoilerguard as sg
from spoilerguard.datasets import split_of
from spoilerguard.errors import InputError
from spoilerguard.model.features import tokens_of
from spoilerguard.model.scoring import UNNAMED, LinearScorer
from spoilerguard.training import cautions, steps
from spoilerguard.training.pipeline import RECIPES, Expert, Recipe, operating_points, train

FILLER = "a house river garden slow long prose page scene light winter".split()
GIVEN_AWAY, HARMLESS = ("dies", "betrays", "murdered"), ("lovely", "superb", "boring")
OPENING = {"a": "thee", "b": "yonder"}  # by which a sentence's source is known
STRANGE = "zyx"  # a word that says nothing of the label


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Sentences of 20 works from two sources: one word tells the label, another one the source."""
    rng = np.random.default_rng(0)
    rows = []
    for k in range(400):
        label, source = k % 2, "ab"[k // 2 % 2]
        words = [OPENING[source], *rng.choice(FILLER, 3), rng.choice(GIVEN_AWAY if label else HARMLESS)]
        words += [STRANGE if rng.random() < 0.3 else "cat", *rng.choice(FILLER, 3)]
        rows.append({"text": " ".join(words) + ".", "label": label, "source": source, "work": f"w{k // 4 % 20}"})
    return pd.DataFrame(rows)


def fitted(frame: pd.DataFrame, *experts: Expert, **options: Any) -> sg.Guard:
    return train(frame, recipe=replace(RECIPES["plain"], experts=experts, folds=2, networks=1), **options)


def logits(guard: sg.Guard, *sentences: str) -> np.ndarray:
    assert isinstance(guard.scorer, LinearScorer)
    return guard.scorer.logits(tokens_of(sentences))


# --- experts -------------------------------------------------------------------------------------


def test_a_gate_learns_the_source_and_not_the_label(frame: pd.DataFrame) -> None:
    guard = fitted(frame, Expert("spoiler"), Expert("like a", tells=("a",)))
    assert guard.manifest.experts == ["spoiler", "like a"]
    found = logits(guard, "thee dies.", "yonder dies.", "thee lovely.", "yonder lovely.")
    assert found.shape == (4, 2)
    assert (found[[0, 1], 0] > found[[2, 3], 0] + 1).all()
    assert (found[[0, 2], 1] > found[[1, 3], 1] + 1).all()
    assert np.ptp(found[[0, 2], 1]) < np.ptp(found[[0, 1], 1]) / 2


def test_an_expert_learns_from_its_sources_only(frame: pd.DataFrame) -> None:
    """What was turned round in a source without weight is not believed."""
    turned = frame.assign(label=np.where(frame["source"] == "b", 1 - frame["label"], frame["label"]))
    right, wrong = Expert("a", {"a": (1.0, 1.0)}), Expert("b", {"b": (1.0, 1.0)})
    found = logits(fitted(turned, right, wrong), "dies.", "lovely.")
    assert found[0, 0] > found[1, 0] + 1
    assert found[0, 1] < found[1, 1] - 1


def test_a_source_can_weigh_its_spoilers_more(frame: pd.DataFrame) -> None:
    even, more = (fitted(frame, Expert("x", {"": (1.0, factor)})) for factor in (1.0, 5.0))
    assert logits(more, "the house.")[0, 0] > logits(even, "the house.")[0, 0] + 0.5


@pytest.mark.parametrize(
    ("expert", "name"),
    [
        (Expert("far", {"elsewhere": (1.0, 1.0)}), "far"),
        (Expert("deaf", {"a": (0.0, 1.0), "b": (0.0, 1.0)}), "deaf"),
        (Expert("gate", tells=("elsewhere",)), "gate"),
        (Expert("gate", {"a": (1.0, 1.0)}, tells=("a",)), "gate"),
    ],
)
def test_an_expert_with_one_label_is_named(frame: pd.DataFrame, expert: Expert, name: str) -> None:
    with pytest.raises(InputError, match=f"expert '{name}' finds only one label in its sources"):
        fitted(frame, Expert("spoiler"), expert)


def test_a_recipe_that_needs_other_sources_is_refused(frame: pd.DataFrame) -> None:
    recipe = replace(RECIPES["plain"], experts=(Expert("elsewhere", {"elsewhere": (1.0, 1.0)}),))
    with pytest.raises(InputError, match="use another recipe"):
        train(frame, recipe=recipe)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_each_expert_once_and_begins_with_one_of_spoilers(name: str) -> None:
    experts = RECIPES[name].experts
    assert len({expert.name for expert in experts}) == len(experts)
    assert not experts[0].tells, "its weights explain a sentence"


def test_networks_side_by_side_are_one(frame: pd.DataFrame) -> None:
    plan = Recipe(folds=2, hidden=4, networks=3)
    scorer = train(frame, recipe=plan).scorer
    assert isinstance(scorer, LinearScorer)
    arrays = scorer.arrays
    assert arrays["context_hidden"].shape[1] == len(arrays["context_out"]) == 12


# --- a teacher -----------------------------------------------------------------------------------


def taught(frame: pd.DataFrame, target: float | None, weight: float = 1.0) -> float:
    """The strange word's share in the logit of a model whose teacher says so of sentences with it."""
    sentences = [f"{STRANGE} {word} in the house." for word in FILLER] * 4
    soft = None if target is None else pd.DataFrame({"text": sentences, "target": target})
    guard = fitted(frame, Expert("spoiler", soft=weight), soft=soft)
    assert guard.manifest.training["soft"] == (0 if soft is None else len(soft))
    with_it, without = logits(guard, f"{STRANGE} house.", "cat house.")[:, 0]
    return float(with_it - without)


def test_a_teacher_changes_the_model_by_what_it_says(frame: pd.DataFrame) -> None:
    untaught, harmless, unsure, spoiler = (taught(frame, target) for target in (None, 0.05, 0.5, 0.95))
    assert harmless < min(untaught, unsure)
    assert max(untaught, unsure) < spoiler
    assert abs(unsure) < 0.5 * min(abs(harmless), abs(spoiler))


def test_an_expert_without_weight_for_a_teacher_does_not_learn_from_it(frame: pd.DataFrame) -> None:
    assert taught(frame, 0.95, weight=0.0) == taught(frame, None)


def test_a_teacher_that_is_unsure_adds_nothing_on_either_side(frame: pd.DataFrame) -> None:
    """As much for as against: of sentences with no other word, a logit of nought."""
    soft = pd.DataFrame({"text": [f"{STRANGE}."] * 2000, "target": 0.5})
    guard = fitted(frame, Expert("spoiler", soft=1.0), soft=soft)
    untaught = fitted(frame, Expert("spoiler", soft=1.0))
    assert abs(logits(guard, f"{STRANGE}.")[0, 0]) < 0.2
    for words in (GIVEN_AWAY, HARMLESS):
        with_it, without = (logits(g, *(f"{word}." for word in words)).mean() for g in (guard, untaught))
        assert np.sign(with_it) == np.sign(without)


def test_a_sure_teacher_gives_one_label_and_an_unsure_one_both() -> None:
    from spoilerguard.training.steps import soft_rows

    found = soft_rows(pd.DataFrame({"text": ["One.", "Two.", "Three."], "target": [0.99, 0.5, 0.01]}), 3)
    assert found is not None
    rows, labels, weights = found
    assert rows.shape[0] == 4
    assert labels.tolist() == [1, 1, 0, 0]
    assert weights.tolist() == [0.99, 0.5, 0.5, 0.99]
    assert (rows[1] != rows[2]).nnz == 0


# --- works ---------------------------------------------------------------------------------------


def test_works_are_learned_from(frame: pd.DataFrame) -> None:
    """Where harmless words stand in the blurb and those of spoilers do not, what a blurb tells is harmless."""
    documents = frame.assign(document=frame["work"])
    works = {w: sg.Work(w, "A lovely, superb, boring tale.", "") for w in frame["work"].unique()}
    without, given = (fitted(documents, Expert("spoiler"), works=w) for w in ({}, works))

    def gain(guard: sg.Guard) -> float:
        """What it makes of a new word in a document that the blurb has the word."""
        blurbs = (sg.Work("w", "A zither."), sg.Work("w", "A trumpet."))
        known, new = (guard.scorer.score_documents([["zither cat zither."]], [w])[0][0] for w in blurbs)
        return float(known - new)

    assert gain(given) < -0.05
    assert abs(gain(without)) < 0.01


def test_the_manifest_names_works_by_digest_only(frame: pd.DataFrame) -> None:
    guard = fitted(frame, Expert("spoiler"))
    assert len(guard.manifest.training["works"]) == len(set(guard.manifest.training["works"])) > 5
    assert all(len(digest) == 10 for digest in guard.manifest.training["works"])


def test_a_work_on_both_sides_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="work 'w0' is in both training and validation data"):
        train(frame, validation=frame[frame["work"] == "w0"])


# --- operating points ----------------------------------------------------------------------------


def test_operating_points_reach_what_they_promise() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random(4000) < 0.3).astype(int)
    probability = 1 / (1 + np.exp(-rng.normal(4 * truth - 2, 1.2)))
    points, unreached = operating_points(truth, probability)
    assert unreached == []
    flagged = {name: probability >= at for name, at in points.items()}
    precision = {name: truth[at].mean() for name, at in flagged.items()}
    assert precision["low"] >= 0.945
    assert precision["medium"] >= 0.815
    assert truth[probability >= points["high"]].sum() >= 0.895 * truth.sum()
    assert points["low"] >= points["medium"] >= points["high"]


@pytest.mark.parametrize(("spoilers", "harmless"), [(0.9999, 0.0001), (0.99999, 0.9), (0.3, 0.1)])
def test_thresholds_lie_between_classes_that_are_apart(spoilers: float, harmless: float) -> None:
    truth = np.array([0] * 50 + [1] * 50)
    points, unreached = operating_points(truth, np.where(truth, spoilers, harmless))
    assert unreached == []
    assert all(at == pytest.approx((spoilers + harmless) / 2, abs=1e-4) for at in points.values())


def test_an_unreachable_goal_is_reported() -> None:
    rng = np.random.default_rng(0)
    truth, noise = (rng.random(400) < 0.2).astype(int), rng.random(400)
    points, unreached = operating_points(truth, noise)
    assert any("precision 0.95 not reached" in what for what in unreached)
    assert points["low"] >= points["medium"] >= points["high"]
    _, few = operating_points(truth[:20], noise[:20])
    assert any("fewer than 20 spoilers" in what for what in few)


# --- the search ----------------------------------------------------------------------------------


def test_the_search_replaces_the_recipes_regularisation_by_one_that_ranks_best(frame: pd.DataFrame) -> None:
    given = replace(RECIPES["plain"], C=7.0, folds=2, networks=1)
    assert train(frame, recipe=given).manifest.training["recipe"]["C"] == 7.0
    worth = dict.fromkeys(steps.GRID, 0.0) | {0.1: 1.0}
    with pytest.MonkeyPatch.context() as patched:
        real = steps.cross_validated

        def ranked(examples: Any, expert: Any, labels: Any, weights: Any, works: Any, plan: Any, jobs: int) -> Any:
            if plan.C not in worth:
                return real(examples, expert, labels, weights, works, plan, jobs)
            return labels * worth[plan.C]  # only 0.1 tells spoilers from the rest

        patched.setattr(steps, "cross_validated", ranked)
        assert train(frame, recipe=given, search=True).manifest.training["recipe"]["C"] == 0.1


def test_where_the_other_works_are_held_out_it_says_so(frame: pd.DataFrame) -> None:
    trained_on = next(work for work in frame["work"] if split_of(work) == "train")
    held_out = next(work for work in frame["work"] if split_of(work) == "test")
    two = frame[frame["work"].isin([trained_on, held_out])]
    with pytest.raises(InputError, match="one of 2 works is left to train on, the others are held out"):
        train(two)


def test_a_frame_with_another_label_is_refused() -> None:
    with pytest.raises(InputError, match="labels must be 0 or 1"):
        train(pd.DataFrame({"text": ["a", "b", "c"], "label": [0, 1, 2]}))


# --- what a user should know ----------------------------------------------------------------------


def sentences(spoilers: int, harmless: int, works: int = 20) -> pd.DataFrame:
    n = spoilers + harmless
    label = [1] * spoilers + [0] * harmless
    return pd.DataFrame(
        {"text": [f"t{k}" for k in range(n)], "label": label, "work": [f"w{k % works}" for k in range(n)]}
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (sentences(100, 900), []),
        (sentences(20, 80), ["few labels: 100 sentences, 20 spoilers, 20 works"]),
        (sentences(100, 900, works=3), ["few labels: 1,000 sentences, 100 spoilers, 3 works"]),
        (sentences(900, 100), ["one-sided labels: 90% are spoilers"]),
        (sentences(150, 99_850), ["one-sided labels: only 0.1% are spoilers"]),
    ],
    ids=["enough", "few", "few works", "many spoilers", "hardly any"],
)
def test_labels_that_are_few_or_one_sided_are_said_to_be(data: pd.DataFrame, said: list[str]) -> None:
    found = cautions.of_labels(data)
    assert [caution.startswith(start) for caution, start in zip(found, said, strict=True)] == [True] * len(said)


def test_labels_without_an_error_are_doubted() -> None:
    truth = np.array([0, 0, 1, 1])
    assert (
        "every spoiler of the held-out works"
        in cautions.separable(truth, np.array([0.1, 0.2, 0.8, 0.9]), "held-out works")[0]
    )
    assert cautions.separable(truth, np.array([0.1, 0.8, 0.8, 0.9]), "held-out works") == []
    assert cautions.separable(np.ones(4, int), np.ones(4), "held-out works") == []


def test_equal_thresholds_are_never_without_a_word() -> None:
    equal = cautions.equal_thresholds({"low": 0.5, "medium": 0.5, "high": 0.5})
    assert equal[0].startswith("low, medium and high sensitivity have the same threshold")
    assert cautions.equal_thresholds({"low": 0.9, "medium": 0.5, "high": 0.5})[0].startswith("medium and high sens")
    assert cautions.equal_thresholds({"low": 0.9, "medium": 0.5, "high": 0.1}) == []


def test_a_model_says_what_it_set_aside_and_what_to_doubt(frame: pd.DataFrame) -> None:
    training = train(frame).manifest.training
    aside = frame[[sg.datasets.split_of(work) == "test" for work in frame["work"]]]
    assert sum(training["set_aside"].values()) == len(aside) > 0
    assert any(caution.startswith("separable labels") for caution in training["cautions"])


def test_a_model_of_labels_without_kinds_names_none(frame: pd.DataFrame) -> None:
    guard = train(frame)
    assert guard.manifest.kind_thresholds == {}
    [flag] = guard.flag("thee dies.", threshold=0.0)
    assert [reason.kind for reason in flag.reasons] == [UNNAMED]


def test_a_model_names_the_kinds_that_its_labels_have(frame: pd.DataFrame) -> None:
    tags = [("death", "ending") if "dies" in t else ("betrayal",) if "betrays" in t else () for t in frame["text"]]
    tagged = frame.assign(tags=tags, text=frame["text"].str.replace("murdered", "betrays"))
    guard = train(tagged)
    assert list(guard.manifest.kind_thresholds or ()) == ["death", "ending", "betrayal"]
    [flag] = guard.flag("yonder dies.", threshold=0.0)
    assert {reason.kind for reason in flag.reasons} == {"death", "ending"}
