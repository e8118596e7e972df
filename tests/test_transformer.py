"""The accurate model at work: what it needs, what its scores depend on, and what it refuses."""

from __future__ import annotations

from pathlib import Path
import shutil
import sys

import numpy as np
import pytest
from test_store import edit_manifest, files, put_file
from texts import REVIEW

import spoilerguard as sg
from spoilerguard.errors import MissingExtra, ModelError

TEXTS = [
    REVIEW,
    "He dies. Then she marries his brother, who did it.",
    "Lovely prose.",
    "",
    "One long sentence about the weather " * 60 + "in which the butler did it.",
    "The acting is fine. " * 40,
]
WORK = {"title": "The Orchard", "blurb": "A girl inherits an orchard.", "synopsis": "Her uncle poisoned the well."}


@pytest.fixture(scope="session")
def accurate() -> sg.Guard:
    return sg.load("accurate")


def scores(reports: list[sg.Report]) -> list[list[float]]:
    return [[s.score for s in report.sentences] for report in reports]


@pytest.mark.parametrize("cascade", [False, True])
def test_scores_do_not_depend_on_batch_order_or_jobs(cascade: bool) -> None:
    guard = sg.load("accurate", cascade=cascade)
    alone = scores([guard.flag(text) for text in TEXTS])
    assert scores(list(guard.flag_many(TEXTS, batch_size=2))) == alone
    assert scores(list(guard.flag_many(TEXTS[::-1])))[::-1] == alone
    assert scores(list(guard.flag_many(TEXTS, jobs=2, batch_size=3))) == alone


def test_threads_do_not_change_the_scores(accurate: sg.Guard) -> None:
    two = sg.load("accurate", threads=2)
    np.testing.assert_allclose(scores([two.flag(REVIEW)])[0], scores([accurate.flag(REVIEW)])[0], atol=1e-3)


def test_a_sentence_alone_is_a_document_of_one(accurate: sg.Guard) -> None:
    assert accurate.score(["He dies.", ""]).tolist()[0] == accurate.flag("He dies.").sentences[0].score
    assert accurate.score([]).shape == (0,)


@pytest.mark.parametrize(
    ("harmless", "telling", "sentence"),
    [
        (
            "The premise is simple, a widow moves to an island.",
            "The finale goes where I feared.",
            "She finds a letter from her husband.",
        ),
        (
            "My sister called from the hospital while I watched.",
            "At the very end the nurse walks in.",
            "She is gone.",
        ),
    ],
)
def test_what_stands_before_a_sentence_counts(accurate: sg.Guard, harmless: str, telling: str, sentence: str) -> None:
    before, after = (accurate.flag(f"{first} {sentence}").sentences[-1].score for first in (harmless, telling))
    assert after > before + 0.2


def test_the_work_counts(accurate: sg.Guard) -> None:
    text = "The well was poisoned by her uncle."
    assert accurate.flag(text, work=WORK).sentences[0].score != accurate.flag(text).sentences[0].score


def test_a_cascade_asks_the_network_where_the_linear_part_is_unsure(accurate: sg.Guard) -> None:
    cascade = sg.load("accurate", cascade=True)
    low, high = cascade.scorer.arrays["band"]
    asked, moved = 0, []
    for text in TEXTS:
        full, part = accurate.flag(text).sentences, cascade.flag(text).sentences
        linear = cascade.scorer.linear.score_documents([[s.text for s in full]], [None])[0]
        for f, p, fast in zip(full, part, linear, strict=True):
            asked += low < fast < high
            if low < fast < high:
                moved.append(abs(p.score - f.score))  # what it reads is cut otherwise
            else:
                assert p.score == fast
    assert 0 < asked < sum(len(accurate.flag(text).sentences) for text in TEXTS)
    assert np.mean(moved) < 0.1


def test_without_the_extra_it_says_which_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = shutil.copytree(sg.load("accurate")._source, tmp_path / "model")
    for library in ("onnxruntime", "tokenizers"):
        with monkeypatch.context() as without:
            without.setitem(sys.modules, library, None)
            with pytest.raises(MissingExtra, match=rf"{library} is not installed.*spoilerguard\[accurate\]"):
                sg.load(folder)


def test_it_is_saved_as_it_was(accurate: sg.Guard, tmp_path: Path) -> None:
    accurate.save(tmp_path / "copy", card="Mine.")
    assert sg.load(tmp_path / "copy").score(["He dies."]).tolist() == accurate.score(["He dies."]).tolist()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("network.onnx", b"no network", "network.onnx is no network that ONNX Runtime reads"),
        ("tokenizer.json", b"{}", "tokenizer.json is no vocabulary"),
        ("network.onnx", None, "the manifest must name network.onnx and tokenizer.json and weights.npz"),
    ],
)
def test_a_touched_model_is_refused(
    accurate: sg.Guard, tmp_path: Path, name: str, data: bytes | None, message: str
) -> None:
    model = tmp_path / "model"
    accurate.save(model)
    put_file(model, name, data)
    with pytest.raises(ModelError, match=message):
        sg.load(model)


def test_a_linear_model_takes_no_network(small_folder: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(small_folder, tmp_path / "model"))
    put_file(model, "network.onnx", b"x")
    with pytest.raises(ModelError, match="must name weights"):
        sg.load(model)
    assert "network.onnx" in files(model)


def test_threads_are_at_least_one() -> None:
    with pytest.raises(sg.InputError, match="threads"):
        sg.load("accurate", threads=0)


def test_an_architecture_that_is_not_known_is_refused(small_folder: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(small_folder, tmp_path / "model"))
    edit_manifest(model, architecture="onnx")
    with pytest.raises(ModelError, match="architecture 'onnx', this spoilerguard reads linear and transformer"):
        sg.load(model)
