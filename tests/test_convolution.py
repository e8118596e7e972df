"""The word network: what its scores depend on, that its integers are those that were trained, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
import shutil

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import numpy.typing as npt
import pytest
from texts import REVIEW

import spoilerguard as sg
from spoilerguard.errors import ModelError
from spoilerguard.model import convolution
from spoilerguard.model.convolution import (
    ATTRIBUTES,
    EXTRAS,
    LAYERS,
    TAILS,
    ConvolutionalScorer,
    WordNetwork,
    attributes_of,
    network_of,
    rows_of,
)
from spoilerguard.model.features import tokens_of
from spoilerguard.model.scoring import KINDS, Batch, LinearScorer
from spoilerguard.model.store import archived

WORDS = ["he", "dies", "the", "end", "butler", "she", "loves", "him"]
Arrays = dict[str, npt.NDArray[np.generic]]


def small_arrays() -> Arrays:
    """A network of eight words and random weights."""
    rng = np.random.default_rng(0)
    vocabulary = np.unique(tokens_of(WORDS).hash)
    width, hidden, sentence, document = 8, 6, 10, 4
    shapes = {
        "words": (len(vocabulary) + TAILS + 1, width),
        "attributes": (ATTRIBUTES, width),
        "words1": (width, 3 * hidden),
        "words2": (hidden, 3 * hidden),
        "sentence": (2 * hidden + len(EXTRAS), sentence),
        "document1": (sentence, 3 * document),
        "document2": (document, 3 * document),
        "out": (sentence + document, 1 + len(KINDS)),
    }
    arrays: Arrays = {name: rng.integers(-127, 128, shape).astype(np.int8) for name, shape in shapes.items()}
    for name in LAYERS:
        outputs = shapes[name][1] // (3 if name[-1] in "12" else 1)
        arrays[f"{name}_scale"] = rng.uniform(0.001, 0.02, outputs).astype(np.float32)
        arrays[f"{name}_bias"] = rng.normal(0, 1, outputs).astype(np.float32)
    return {**arrays, "vocabulary": vocabulary, "blend": np.array([[1.0, 0.0, 0.0], [0.8, 0.2, -0.1]])}


NETWORK = network_of(small_arrays(), len(KINDS))


def outputs(documents: list[list[str]]) -> npt.NDArray[np.float32]:
    batch = Batch.of(documents)
    return NETWORK.outputs(batch.tokens, batch.lengths)


sentences = st.lists(st.sampled_from([*WORDS, "Unknown", "ÉTÉ", "42", "?!", ""]), max_size=9).map(" ".join)
texts = st.lists(st.lists(sentences, min_size=1, max_size=5), min_size=1, max_size=5)


@given(texts)
def test_a_document_scores_the_same_alone_and_in_any_batch(documents: list[list[str]]) -> None:
    alone = np.vstack([outputs([document]) for document in documents])
    assert np.array_equal(outputs(documents), alone)
    turned = np.vstack([outputs([document]) for document in documents[::-1]])
    assert np.array_equal(outputs(documents[::-1]), turned)


@pytest.mark.parametrize("part", [1, 7, 100])
def test_how_many_words_are_held_at_a_time_does_not_show(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [["He dies.", "The end?", "She loves him, the butler."] * 4, [""], ["Nobody dies!"]]
    whole = outputs(documents)
    monkeypatch.setattr(convolution, "PART", part)
    assert np.array_equal(outputs(documents), whole)


def test_the_order_of_addition_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """What BLAS multiplies are whole numbers small enough that every sum is exact: any order gives the same."""
    documents = [["He dies.", "The end?"], ["She loves him."]]
    seen = []
    monkeypatch.setattr(
        convolution, "_whole", lambda x, largest: seen.append(x.copy()) or np.clip(np.rint(x), 0, largest)
    )
    found = outputs(documents)
    turned = small_arrays()
    order = np.arange(turned["words2"].shape[0])[::-1]  # the hidden units the other way round
    three = np.concatenate([order + k * len(order) for k in range(3)])
    turned["words1"] = turned["words1"][:, three]
    turned["words2"] = turned["words2"][order][:, three]
    for name in ("words1", "words2"):
        for kind in ("scale", "bias"):
            turned[f"{name}_{kind}"] = turned[f"{name}_{kind}"][order]
    pooled = np.concatenate([order, order + len(order), np.arange(len(EXTRAS)) + 2 * len(order)])
    turned["sentence"] = turned["sentence"][pooled]
    batch = Batch.of(documents)
    again = network_of(turned, len(KINDS)).outputs(batch.tokens, batch.lengths)
    assert seen
    assert np.array_equal(found, again)


def test_neighbours_count_within_a_document_only() -> None:
    alone, together = outputs([["He dies."]]), outputs([["The end.", "He dies."]])
    assert not np.array_equal(alone[0], together[1])
    assert np.array_equal(outputs([["The end."], ["He dies."]])[1], alone[0])


def test_what_a_word_looks_like_counts() -> None:
    tokens = tokens_of(["He dies, Ned DIES! dies"])
    assert len(set(attributes_of(tokens).tolist())) == 5
    known = rows_of(tokens, NETWORK.arrays["vocabulary"])
    assert (known < len(WORDS)).sum() == 4  # all but the name
    endings = rows_of(tokens_of(["running sunning zebra"]), NETWORK.arrays["vocabulary"])
    assert endings[0] == endings[1] != endings[2]
    assert (endings >= len(WORDS)).all()


def put(name: str, value: npt.NDArray[np.generic]) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = value

    return change


REFUSED: dict[str, tuple[Callable[[Arrays], object], str]] = {
    "missing": (lambda a: a.pop("words1_bias"), "'words1_bias' of the word network is missing"),
    "unknown": (put("more", np.zeros(1, np.float32)), "'more' of the word network is missing or unknown"),
    "not finite": (put("blend", np.full((2, 3), np.nan)), "'blend' of the word network holds values"),
    "of floats": (put("words", np.zeros((3, 8), np.float32)), "'words' of the word network has 2 dimensions"),
    "unordered": (lambda a: a.update(vocabulary=a["vocabulary"][::-1]), "'vocabulary' of the word network is not in"),
    "of another shape": (put("blend", np.zeros((1, 3))), "'blend' of the word network has shape"),
    "without a bias": (put("out_bias", np.zeros(2, np.float32)), "another number of scales or biases"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arrays_that_do_not_fit_are_refused(name: str) -> None:
    change, message = REFUSED[name]
    arrays = small_arrays()
    change(arrays)
    with pytest.raises(ValueError, match=message):
        network_of(arrays, len(KINDS))


def test_weights_whose_sums_would_not_be_exact_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "_EXACT", 1000.0)
    with pytest.raises(ValueError, match="sums would not be exact"):
        network_of(small_arrays(), len(KINDS))


def test_a_model_with_a_word_network_is_saved_and_loaded(small: sg.Guard, tmp_path: Path) -> None:
    assert isinstance(small.scorer, LinearScorer)
    arrays = small_arrays()
    scorer = ConvolutionalScorer(small.scorer, WordNetwork(arrays), {"words.npz": archived(arrays)})
    manifest = replace(small.manifest, architecture="convolutional")
    sg.Guard(scorer, manifest).save(tmp_path / "model")
    loaded = sg.load(tmp_path / "model")
    made = scorer.score_documents([["He dies.", "The end."], []], [None, None])
    read = loaded.scorer.score_documents([["He dies.", "The end."], []], [None, None])
    assert [s.tolist() for s in made] == [s.tolist() for s in read]
    assert loaded.flag(REVIEW, threshold=0.0).flags
    other = shutil.copytree(tmp_path / "model", tmp_path / "other")
    (other / "words.npz").write_bytes(archived(arrays | {"words": arrays["words"][::-1]}))
    with pytest.raises(ModelError, match="digest differs"):
        sg.load(other)


def test_the_works_given_choose_the_weights_of_the_two_models(small: sg.Guard) -> None:
    assert isinstance(small.scorer, LinearScorer)
    scorer = ConvolutionalScorer(small.scorer, NETWORK, {})
    documents = [["He dies."], ["He dies."]]
    work = sg.Work("The Butler", blurb="A butler falls in love.")
    without, with_work = scorer.score_documents(documents, [None, work])
    assert without[0] != with_work[0]
