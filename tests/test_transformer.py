"""The accurate model at work: what it needs, what its scores depend on, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import json
from pathlib import Path
import pickle
import shutil
import sys

import numpy as np
import pytest
from test_store import edit_manifest, files, pickled, put_file
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


def test_a_pickled_guard_is_loaded_as_it_was() -> None:
    guard = sg.load("accurate", cascade=True, threads=2)
    assert len(pickle.dumps(guard)) < 10_000
    assert pickle.loads(pickle.dumps(guard)) is guard
    unsaved = sg.Guard(guard.scorer, guard.manifest)  # whole, and with a session of its own
    assert scores([pickle.loads(pickle.dumps(unsaved)).flag(REVIEW)]) == scores([guard.flag(REVIEW)])


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
        linear = cascade.scorer.base.score_documents([[s.text for s in full]], [None])[0]
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


def network(value: float = 0.5, *, op: str = "Mul", domain: str = "", elsewhere: str = "", axis: int = 1) -> bytes:
    """A network with the inputs and the output of ours: what it says is `value`, a sentence."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    held = helper.make_tensor("value", TensorProto.FLOAT, [1], np.float32(value).tobytes(), raw=True)
    if elsewhere:
        onnx.external_data_helper.set_external_data(held, elsewhere, length=4)
        held.ClearField("raw_data")
    nodes = [
        helper.make_node("Slice", ["pool", "zero", "one", "axis"], ["column"]),
        helper.make_node("Squeeze", ["column", "axis"], ["flat"]),
        helper.make_node(op, ["flat", "value"], ["logits"], domain=domain),
    ]
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "length"]),
        helper.make_tensor_value_info("segments", TensorProto.INT64, [1, "length"]),
        helper.make_tensor_value_info("pool", TensorProto.FLOAT, ["sentences", "length"]),
    ]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)
    places = {"zero": 0, "one": 1, "axis": axis}
    fixed = [numpy_helper.from_array(np.array([place]), name) for name, place in places.items()]
    graph = helper.make_graph(nodes, "spoilers", inputs, [logits], [held, *fixed])
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 8
    return bytes(model.SerializeToString())


def vocabulary(accurate: sg.Guard, **changes: object) -> bytes:
    return json.dumps(json.loads(accurate.scorer.files["tokenizer.json"]) | changes).encode()


def words(accurate: sg.Guard, **ids: int | None) -> bytes:
    """The vocabulary with other ids of some word pieces; none: without them."""
    model = json.loads(accurate.scorer.files["tokenizer.json"])["model"]
    changed = {**model["vocab"], **ids}
    return vocabulary(accurate, model={**model, "vocab": {k: v for k, v in changed.items() if v is not None}})


@pytest.fixture
def copy(accurate: sg.Guard, tmp_path: Path) -> Path:
    """A copy of the accurate model, to be damaged."""
    accurate.save(tmp_path / "model")
    return tmp_path / "model"


REGEX = {"type": "Replace", "pattern": {"Regex": "((a+)+)+$"}, "content": ""}
NOT_LOADED = "network.onnx is not loaded: "
NO_NETWORK = f"{NOT_LOADED}.*not a protocol buffer, or cut off|{NOT_LOADED}field .* is none that our networks have"
NO_NUMBER = "network.onnx does not give each sentence a finite number; install the model again"

REFUSED: dict[str, tuple[str, Callable[[sg.Guard, Path], bytes | None], str]] = {
    "no network": ("network.onnx", lambda g, m: b"no network", NO_NETWORK),
    "no file": ("network.onnx", lambda g, m: None, "it must name network.onnx and tokenizer.json and weights.npz"),
    "a pickle as network": ("network.onnx", lambda g, m: pickled(m), NO_NETWORK),
    "the runtime's own format": ("network.onnx", lambda g, m: b"\x18\0\0\0ORTM" + bytes(64), NO_NETWORK),
    "an operator of others": (
        "network.onnx",
        lambda g, m: network(op="Hook", domain="com.example"),
        "operator 'Hook' is none",
    ),
    "an operator that there is not": ("network.onnx", lambda g, m: network(op="PyOp"), "operator 'PyOp' is none"),
    "data elsewhere": (
        "network.onnx",
        lambda g, m: network(elsewhere="../../secret"),
        "network.onnx is not loaded: .* refers to data in other files; install the model again",
    ),
    "data of the system": ("network.onnx", lambda g, m: network(elsewhere="/etc/hostname"), "refers to data in other"),
    "another network": (
        "network.onnx",
        lambda g, m: network().replace(b"segments", b"segmente"),
        "it is a network, but not that of a spoilerguard model",
    ),
    "NaN": ("network.onnx", lambda g, m: network(float("nan")), NO_NUMBER),
    "infinity": ("network.onnx", lambda g, m: network(float("inf")), NO_NUMBER),
    "numbers of others": ("network.onnx", lambda g, m: network(axis=0), NO_NUMBER),
    "no vocabulary": ("tokenizer.json", lambda g, m: b"{}", "tokenizer.json is no vocabulary"),
    "a pickle as vocabulary": ("tokenizer.json", lambda g, m: pickled(m), "tokenizer.json is no vocabulary"),
    "a deep vocabulary": ("tokenizer.json", lambda g, m: b"[" * 10**5, "tokenizer.json is no vocabulary"),
    "a regular expression": (
        "tokenizer.json",
        lambda g, m: vocabulary(g, normalizer=REGEX),
        "tokenizer.json is not of the kind that BERT has: BertNormalizer, BertPreTokenizer, WordPiece",
    ),
    "no words": ("tokenizer.json", lambda g, m: vocabulary(g, pre_tokenizer=None), "tokenizer.json is not of the kind"),
    "a vocabulary without the unknown": ("tokenizer.json", lambda g, m: words(g, **{"[UNK]": None}), "fails on a text"),
    "words that the network has not": (
        "tokenizer.json",
        lambda g, m: words(g, dies=2**31),
        "network.onnx fails on what tokenizer.json makes of a text",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_touched_model_is_refused(accurate: sg.Guard, copy: Path, name: str) -> None:
    file, data, message = REFUSED[name]
    put_file(copy, file, data(accurate, copy))
    with pytest.raises(ModelError, match=message) as caught:
        sg.load(copy)
    assert str(copy) in str(caught.value)
    assert not (copy.parent / "tripped").exists()


def test_a_small_network_is_a_network(copy: Path) -> None:
    """What the tests above damage is otherwise good."""
    put_file(copy, "network.onnx", network())
    assert 0 < sg.load(copy).flag("She dies.").sentences[0].score < 1


def test_no_number_is_no_score(accurate: sg.Guard) -> None:
    """A network that fails later, on a longer text, says so: a NaN would pass for harmless."""

    class Broken:
        def run(self, *_: object) -> list[np.ndarray]:
            return [np.array([np.nan], np.float32)]

        def get_outputs(self) -> list[object]:
            return []

    broken = replace(accurate.scorer, session=Broken())
    with pytest.raises(ModelError, match="does not give each sentence a finite number"):
        broken.score_documents([["She dies."]], [None])


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
    with pytest.raises(ModelError, match="architecture 'onnx', this spoilerguard reads linear"):
        sg.load(model)
