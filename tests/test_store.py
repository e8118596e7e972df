"""Models are data: what is saved is what is loaded, and a folder that was touched is refused, saying why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
import hashlib
import io
import json
import os
from pathlib import Path
import pickle
import shutil
import subprocess
import sys
from typing import Any
import zipfile

import numpy as np
import pytest

import spoilerguard as sg
from spoilerguard.errors import ModelError
from spoilerguard.model import store
from spoilerguard.model.features import CUES

SENTENCES = ["He dies at the end.", "The prose is lovely.", "Ça va? 👩‍👩‍👧‍👦", ""]


@pytest.fixture
def model(small_folder: Path, tmp_path: Path) -> Path:
    """A copy of a good model, to be damaged."""
    return Path(shutil.copytree(small_folder, tmp_path / "model"))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def edit_manifest(model: Path, **changes: Any) -> None:
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    (model / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")


def put_weights(model: Path, data: bytes) -> None:
    """Other weights, with a manifest that vouches for them: only what is in them can be wrong."""
    put_file(model, "weights.npz", data)


def put_file(model: Path, name: str, data: bytes | None) -> None:
    """Another file (none: without it), with a manifest that vouches for all there are."""
    (model / name).unlink(missing_ok=True)
    if data is not None:
        (model / name).write_bytes(data)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files(model).items() if name != "manifest.json"}
    edit_manifest(model, digests=digests)


def put_arrays(model: Path, **changes: Any) -> None:
    with np.load(model / "weights.npz") as archive:
        arrays = {name: archive[name] for name in archive.files} | changes
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: array for name, array in arrays.items() if array is not None})
    put_weights(model, buffer.getvalue())


# --- save and load ---------------------------------------------------------------------------


def test_a_saved_model_scores_the_same(trained: sg.Guard, small: sg.Guard) -> None:
    assert small.score(SENTENCES).tolist() == trained.score(SENTENCES).tolist()
    text = " ".join(SENTENCES)
    assert small.flag(text, threshold=0) == trained.flag(text, threshold=0)
    assert small.manifest == trained.manifest


def test_the_same_model_is_saved_as_the_same_bytes(small: sg.Guard, small_folder: Path, tmp_path: Path) -> None:
    small.save(tmp_path / "once")
    assert files(tmp_path / "once") == files(small_folder)


def test_a_folder_tells_what_it_holds(model: Path) -> None:
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    assert set(files(model)) == {"manifest.json", "weights.npz", "CARD.md"}
    assert set(manifest["digests"]) == {"weights.npz", "CARD.md"}
    assert 0 <= manifest["thresholds"]["high"] <= manifest["thresholds"]["medium"] <= manifest["thresholds"]["low"] <= 1
    assert f"# small {manifest['version']}" in (model / "CARD.md").read_text(encoding="utf-8")


def test_nothing_is_unpickled(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    assert sg.load(model).score(SENTENCES).shape == (4,)


# --- what is refused -------------------------------------------------------------------------


class Tripwire:
    """Whoever unpickles this leaves a file."""

    def __init__(self, model: Path) -> None:
        self.trace = str(model.parent / "tripped")

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return (open, (self.trace, "w"))


def pickled(model: Path) -> bytes:
    return pickle.dumps(Tripwire(model))


def zip_of(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def flip_a_bit(model: Path) -> None:
    data = bytearray((model / "weights.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (model / "weights.npz").write_bytes(data)


def link(model: Path, name: str) -> None:
    (model / name).rename(model.parent / "elsewhere")
    (model / name).symlink_to(model.parent / "elsewhere")


def named(model: Path, **others: Any) -> None:
    """A manifest that names other files too."""
    digests = json.loads((model / "manifest.json").read_text(encoding="utf-8"))["digests"]
    edit_manifest(model, digests=digests | others)


def instead(model: Path, name: str, put: Callable[[Path], Any]) -> None:
    (model / name).unlink()
    put(model / name)


def sparse(path: Path) -> None:
    """A file of a terabyte that takes no room."""
    with path.open("r+b") as file:
        file.truncate(1 << 40)


def npy(shape: tuple[int, ...] = (1,), descr: Any = "<f8", data: bytes = bytes(8)) -> bytes:
    """A .npy with any header."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": shape})
    return header.getvalue() + data


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def object_array(model: Path) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Tripwire(model)], object), allow_pickle=True)
    return buffer.getvalue()


def twice(model: Path) -> bytes:
    """An archive with two arrays of one name: which is used?"""
    buffer = io.BytesIO((model / "weights.npz").read_bytes())
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("cues.npy", npy())
    return buffer.getvalue()


NEVER = r"weights.npz: not arrays \(.*\); models are never unpickled: install it again"
AGAIN = "install the model again"
NAMES = r"must name weights.npz and may name CARD.md, nothing else; retrain the model"
FEATURES = r"made with other features than this version's; retrain it with `spoilerguard train`"
PROBABILITIES = "thresholds must be low, medium and high, each a probability"

REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    # Files.
    "tampered weights": (flip_a_bit, rf"weights.npz: digest differs .*: damaged or tampered with; {AGAIN}"),
    "tampered card": (lambda m: (m / "CARD.md").write_text("Mine."), r"CARD.md: digest differs"),
    "wrong digest": (lambda m: named(m, **{"weights.npz": "0" * 64}), r"weights.npz: digest differs"),
    "a digest that is none": (lambda m: named(m, **{"weights.npz": 1}), r"weights.npz: digest differs"),
    "extra file": (lambda m: (m / "hook.py").write_text(""), r"file not named in the manifest: 'hook.py'; remove it"),
    "extra folder": (lambda m: (m / "__pycache__").mkdir(), r"file not named in the manifest: '__pycache__'; remove"),
    "extra file, named": (lambda m: put_file(m, "hook.py", b""), rf"manifest.json: it {NAMES}"),
    "no weights": (lambda m: (m / "weights.npz").unlink(), rf"weights.npz: missing or not a plain file; {AGAIN}"),
    "no manifest": (lambda m: (m / "manifest.json").unlink(), r"no manifest.json: not a spoilerguard model"),
    "linked weights": (lambda m: link(m, "weights.npz"), r"weights.npz: missing or not a plain file"),
    "linked manifest": (lambda m: link(m, "manifest.json"), r"manifest.json: missing or not a plain file"),
    "linked card": (lambda m: link(m, "CARD.md"), r"CARD.md: missing or not a plain file"),
    "a dangling link": (lambda m: instead(m, "manifest.json", lambda p: p.symlink_to("x")), r"not a plain file"),
    "a pipe": (lambda m: instead(m, "weights.npz", os.mkfifo), r"weights.npz: missing or not a plain file"),
    "a folder as a file": (lambda m: instead(m, "manifest.json", Path.mkdir), r"missing or not a plain file"),
    "a path upwards": (lambda m: named(m, **{"../elsewhere": "0" * 64}), NAMES),
    "an absolute path": (lambda m: named(m, **{"/etc/passwd": "0" * 64}), NAMES),
    "a path to itself": (lambda m: named(m, **{"./weights.npz": "0" * 64}), NAMES),
    "a name with a null": (lambda m: named(m, **{"weights.npz\0": "0" * 64}), NAMES),
    "absurd weights": (
        lambda m: sparse(m / "weights.npz"),
        rf"weights.npz: larger than any file .* \(256 MB\); {AGAIN}",
    ),
    "an absurd manifest": (lambda m: sparse(m / "manifest.json"), r"manifest.json: larger than any file of a model"),
    # Weights.
    "a pickle as weights": (lambda m: put_weights(m, pickled(m)), NEVER),
    "a pickle before an archive": (
        lambda m: put_weights(m, pickled(m) + zip_of(cues=npy())),
        "array 'weights' is missing",
    ),
    "a pickle as an array": (lambda m: put_weights(m, zip_of(weights=pickled(m))), NEVER),
    "a .npy as weights": (lambda m: put_weights(m, npy()), NEVER),
    "a .npy of objects as weights": (lambda m: put_weights(m, object_array(m)), NEVER),
    "object array": (
        lambda m: put_weights(m, zip_of(weights=object_array(m))),
        r"'weights' holds object, not numbers",
    ),
    "no zip": (lambda m: put_weights(m, b"PK\x03\x04 but no archive"), NEVER),
    "a damaged archive": (lambda m: put_weights(m, (m / "weights.npz").read_bytes()[:-9]), NEVER),
    "a bomb": (
        lambda m: put_weights(m, zip_of(weights=bytes(257 << 20))),
        rf"unpacks to more than a model's size; {AGAIN}",
    ),
    "a terabyte declared": (
        lambda m: put_weights(m, zip_of(weights=npy((10**12,)))),
        r"'weights' holds 1 numbers, its shape \(1000000000000,\) has others",
    ),
    "more than memory declared": (lambda m: put_weights(m, zip_of(weights=npy((10**9, 10**9)))), r"has others"),
    "less than nothing declared": (lambda m: put_weights(m, zip_of(weights=npy((-1,)))), r"shape \(-1,\) has others"),
    "half a number": (lambda m: put_weights(m, zip_of(weights=npy(data=bytes(7)))), NEVER),
    "the other byte order": (lambda m: put_weights(m, zip_of(weights=npy(descr=">f8"))), r"'weights' holds >f8, not"),
    "a record": (lambda m: put_weights(m, zip_of(weights=npy(descr=[("a", "<f8")]))), r"not numbers of a model"),
    "no header": (lambda m: put_weights(m, zip_of(weights=header("(")[:9])), NEVER),
    "a header that is no literal": (lambda m: put_weights(m, zip_of(weights=header('"' * 3))), NEVER),
    "a header with an empty type": (
        lambda m: put_weights(m, zip_of(weights=header("{'descr': (), 'fortran_order': False, 'shape': ()}"))),
        NEVER,
    ),
    "a header too deep": (lambda m: put_weights(m, zip_of(weights=header("(" * 9999))), NEVER),
    "a header that calls": (
        lambda m: put_weights(m, zip_of(weights=header(f"open({str(m.parent / 'tripped')!r}, 'w')"))),
        NEVER,
    ),
    "two arrays of one name": (lambda m: put_weights(m, twice(m)), r"two arrays are named 'cues'"),
    "NaN": (
        lambda m: put_arrays(m, context_calibration=np.array([1, np.nan])),
        r"weights.npz: array 'context_calibration' holds values that are not finite; retrain the model",
    ),
    "infinity": (
        lambda m: put_arrays(m, intercept=np.array([np.inf])),
        r"'intercept' holds values that are not finite",
    ),
    "infinity in short": (
        lambda m: put_arrays(m, weights=np.full((2**20, 1), -np.inf, np.float16)),
        r"'weights' holds values that are not finite",
    ),
    "infinity in use": (
        lambda m: put_arrays(m, weights=np.full((2**20, 1), 1e300)),
        r"'weights' holds values that are not finite",
    ),
    "sums without bounds": (lambda m: put_arrays(m, cues=np.full((len(CUES), 1), -1e308)), r"values beyond 1,000,000"),
    "wrong shape": (
        lambda m: put_arrays(m, cues=np.zeros((len(CUES), 2))),
        rf"array 'cues' has shape \({len(CUES)}, 2\), expected \({len(CUES)}, 1\); retrain the model",
    ),
    "too few dimensions": (
        lambda m: put_arrays(m, cues=np.zeros(len(CUES))),
        rf"array 'cues' has shape \({len(CUES)},\)",
    ),
    "wrong type": (lambda m: put_arrays(m, intercept=np.zeros(1, int)), r"'intercept' holds int64, not numbers"),
    "an array missing": (lambda m: put_arrays(m, cues=None), r"array 'cues' is missing"),
    "an expert too many": (
        lambda m: edit_manifest(m, experts=["spoiler", "gate"]),
        r"array 'weights' has shape \(1048576, 1\), expected \(1048576, 2\)",
    ),
    "an array too many": (lambda m: put_arrays(m, hook=np.zeros(1)), r"array 'hook' is none of this model's"),
    "layers that do not fit": (lambda m: put_arrays(m, context_out=np.zeros(1)), r"layers .* do not fit"),
    "kinds without a name": (
        lambda m: edit_manifest(m, kinds=["death"], kind_thresholds=None),
        r"of 7 kinds, the manifest names 1",
    ),
    "division by nothing": (
        lambda m: put_arrays(m, context_scale=np.zeros(store.context.width(1))),
        r"'context_scale' must be positive",
    ),
    "division by hardly anything": (
        lambda m: put_arrays(m, context_scale=np.full(store.context.width(1), 1e-300)),
        r"'context_scale' must be positive",
    ),
    # The manifest.
    "a future schema": (
        lambda m: edit_manifest(m, schema=3),
        r"manifest.json: schema 3, this spoilerguard reads 1 to 2; upgrade it or retrain the model",
    ),
    "no schema": (lambda m: edit_manifest(m, schema=None), r"schema None, this spoilerguard reads 1"),
    "a schema that equals one": (lambda m: edit_manifest(m, schema=True), r"schema True, this spoilerguard reads 1"),
    "another architecture": (lambda m: edit_manifest(m, architecture="x"), r"architecture 'x'.* linear, conv"),
    "other features": (lambda m: edit_manifest(m, features=0), FEATURES),
    "another context": (lambda m: edit_manifest(m, context=22), FEATURES),
    "not JSON": (lambda m: (m / "manifest.json").write_text("{"), rf"manifest.json: not a model manifest .*; {AGAIN}"),
    "not UTF-8": (lambda m: (m / "manifest.json").write_bytes(b"\xff"), r"manifest.json: not a model manifest"),
    "a pickle as manifest": (
        lambda m: (m / "manifest.json").write_bytes(pickled(m)),
        r"not a model manifest \('utf-8'",
    ),
    "not an object": (lambda m: (m / "manifest.json").write_text("[]"), r"not a model manifest \(not an object\)"),
    "a deep manifest": (lambda m: (m / "manifest.json").write_text("[" * 10**5), r"not a model manifest"),
    "a long number": (lambda m: (m / "manifest.json").write_text("9" * 10**5), r"not a model manifest"),
    "an unknown field": (lambda m: edit_manifest(m, hook="x"), r"not a model manifest .*hook"),
    "a field of another type": (lambda m: edit_manifest(m, digests=[]), r"'digests' must be a JSON object"),
    "no expert": (lambda m: edit_manifest(m, experts=[]), r"not a model manifest \(it names no expert\)"),
    "a number of experts": (lambda m: edit_manifest(m, experts=1), r"'experts' must be a JSON array"),
    "kinds that are numbers": (lambda m: edit_manifest(m, kinds=[1] * 7), r"'kinds' must hold strings only"),
    "works that are a number": (
        lambda m: edit_manifest(m, training={"works": 5}),
        r"'training.works' must be a JSON ar",
    ),
    "works that are lists": (
        lambda m: edit_manifest(m, training={"works": [[]]}),
        r"'training.works' must hold strings",
    ),
    "counts that are words": (
        lambda m: edit_manifest(m, training={"sentences": {"ours": "many"}}),
        r"'training.sentences' must hold numbers only",
    ),
    "a name that commands the terminal": (
        lambda m: edit_manifest(m, name="\x1b[2J"),
        r"name '\\x1b\[2J' is not 1 to 100 printable characters",
    ),
    "a version that turns the line": (
        lambda m: edit_manifest(m, version="1\u202e"),
        r"version '1\\u202e' is not 1 to 100",
    ),
    "a kind of two lines": (lambda m: edit_manifest(m, kinds=["a\nb"] * 7), r"kinds 'a\\nb' is not 1 to 100 printable"),
    "no name": (lambda m: edit_manifest(m, name=""), r"name '' is not 1 to 100 printable characters"),
    "a novel as a name": (lambda m: edit_manifest(m, name="x" * 101), r"is not 1 to 100 printable characters"),
    "a threshold of a kind that it does not have": (
        lambda m: edit_manifest(m, kind_thresholds={"wedding": 0.5}),
        r"kind_thresholds must be a probability for each of its kinds",
    ),
    "a threshold of a kind that is no probability": (
        lambda m: edit_manifest(m, kind_thresholds={"death": "high"}),
        r"kind_thresholds must be a probability for each of its kinds",
    ),
    "thresholds out of range": (
        lambda m: edit_manifest(m, thresholds={"low": 1.2, "medium": 0.5, "high": 0.1}),
        PROBABILITIES,
    ),
    "thresholds that are no numbers": (
        lambda m: edit_manifest(m, thresholds={"low": "1", "medium": 0.5, "high": 0.1}),
        PROBABILITIES,
    ),
    "a threshold that is NaN": (
        lambda m: edit_manifest(m, thresholds={"low": 0.9, "medium": 0.5, "high": float("nan")}),
        PROBABILITIES,
    ),
    "a threshold that is a truth": (
        lambda m: edit_manifest(m, thresholds={"low": True, "medium": 0.5, "high": 0.1}),
        PROBABILITIES,
    ),
    "a threshold missing": (lambda m: edit_manifest(m, thresholds={"low": 0.5}), PROBABILITIES),
    "a threshold too many": (
        lambda m: edit_manifest(m, thresholds={"low": 0.9, "medium": 0.5, "high": 0.1, "top": 0}),
        PROBABILITIES,
    ),
    "thresholds out of order": (
        lambda m: edit_manifest(m, thresholds={"low": 0.1, "medium": 0.5, "high": 0.9}),
        rf"thresholds out of order: low flags least, high flags most; {AGAIN}",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_touched_model_is_refused_and_the_message_says_why(model: Path, name: str) -> None:
    touch, message = REFUSED[name]
    touch(model)
    with pytest.raises(ModelError, match=message) as caught:
        sg.load(model)
    assert str(model) in str(caught.value)
    assert not (model.parent / "tripped").exists()


def test_the_tripwire_trips(tmp_path: Path) -> None:
    pickle.loads(pickled(tmp_path / "model")).close()
    assert (tmp_path / "tripped").exists()


@pytest.mark.parametrize("lzma", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_packed_otherwise_and_damaged(model: Path, lzma: int) -> None:
    """Each decompressor has errors of its own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", lzma) as archive:
        archive.writestr("cues.npy", npy(data=bytes(1000)))
    data = bytearray(buffer.getvalue())
    data[60:70] = bytes(10)
    put_weights(model, bytes(data))
    with pytest.raises(ModelError, match=NEVER):
        sg.load(model)


@pytest.mark.parametrize("name", ["a\x1b[31m", "", "two\nlines"])
def test_what_could_not_be_loaded_is_not_saved(small: sg.Guard, few: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="is not 1 to 100 printable characters"):
        store.save(tmp_path / "model", small.scorer.arrays, replace(small.manifest, name=name), "Mine.")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(sg.InputError, match="is not 1 to 100 printable characters; give another"):
        sg.train(few, name=name)  # before an hour of training, not after it


OPENED = """
import sys
opened = []
sys.addaudithook(lambda event, about: opened.append(str(about[0])) if event == "open" else None)
import spoilerguard as sg
sg.load(sys.argv[1])
print("\\n".join(opened))
"""


@pytest.mark.parametrize("name", ["fast", "accurate"])
def test_each_file_is_read_once(name: str) -> None:
    """What was verified is what is used: between two readings a file could change."""
    folder = store.bundled(name)
    environment = os.environ | {"PYTHONPATH": str(Path(sg.__file__).parent.parent)}
    ran = subprocess.run(
        [sys.executable, "-c", OPENED, name], env=environment, capture_output=True, text=True, check=True
    )
    opened = Counter(path for path in ran.stdout.splitlines() if Path(path).parent == folder)
    assert opened == {str(path): 1 for path in folder.iterdir()}


def test_a_manifest_that_changes_while_it_is_loaded_is_not_used(
    model: Path, small: sg.Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = store._read_verified

    def then_change(path: Path, digest: str) -> bytes:
        edit_manifest(model, name="other")
        return read(path, digest)

    monkeypatch.setattr(store, "_read_verified", then_change)
    assert sg.load(model).name == small.name
    assert sg.load(model).name == "other"


def test_a_model_is_found_by_name_or_folder_only(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model named 'nope': there are accurate, fast"):
        store.load("nope")
    with pytest.raises(ModelError, match="no such model folder"):
        store.load(tmp_path / "nope")
    with pytest.raises(ModelError, match=r"no manifest.json: not a spoilerguard model"):
        store.load(tmp_path)


# --- where a model may be written --------------------------------------------------------------


def test_a_model_replaces_a_model(model: Path, fast: sg.Guard, small: sg.Guard) -> None:
    fast.save(model)
    assert sg.load(model).score(SENTENCES).tolist() == fast.score(SENTENCES).tolist()
    assert [path.name for path in model.parent.iterdir()] == ["model"]


def test_a_model_is_written_into_an_empty_or_a_new_folder(small: sg.Guard, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "new" / "folder"):
        small.save(place)
        assert sg.load(place).version == small.version


def a_file(place: Path) -> Path:
    place.write_text("Mine.", encoding="utf-8")
    return place


def a_folder(place: Path) -> Path:
    place.mkdir()
    return a_file(place / "diary.txt")


def a_web_app(place: Path) -> Path:
    place.mkdir()
    (place / "manifest.json").write_text("{}", encoding="utf-8")
    return a_file(place / "index.html")


@pytest.mark.parametrize("something", [a_file, a_folder, a_web_app])
def test_what_is_no_model_is_never_replaced(small: sg.Guard, tmp_path: Path, something: Callable[[Path], Path]) -> None:
    kept = something(tmp_path / "place")
    with pytest.raises(ModelError, match="exists and is not a model; give another name"):
        small.save(tmp_path / "place")
    assert kept.read_text(encoding="utf-8") == "Mine."


def test_a_place_that_cannot_be_written_is_named(small: sg.Guard, tmp_path: Path) -> None:
    a_file(tmp_path / "file")
    with pytest.raises(ModelError, match="cannot be written"):
        small.save(tmp_path / "file" / "model")


def test_the_old_model_survives_a_failed_replacement(
    model: Path, fast: sg.Guard, small: sg.Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail_for_the_new_one(self: Path, target: Path) -> Path:
        if target == model and self.name != "model":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new_one)
    with pytest.raises(ModelError, match="No space left on device"):
        fast.save(model)
    assert sg.load(model).version == small.version
    assert [path.name for path in model.parent.iterdir()] == ["model"]
