"""Models are data: what is saved is what is loaded, and a folder that was touched is refused, saying why."""

from __future__ import annotations

from collections.abc import Callable
import hashlib
import io
import json
from pathlib import Path
import pickle
import shutil
from typing import Any
import zipfile

import numpy as np
import pytest

import spoilerguard as sg
from spoilerguard import store
from spoilerguard.errors import ModelError
from spoilerguard.features import CUES

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


class Bomb:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (pytest.fail, ("unpickled",))


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


def link_weights(model: Path) -> None:
    (model / "weights.npz").rename(model.parent / "elsewhere.npz")
    (model / "weights.npz").symlink_to(model.parent / "elsewhere.npz")


def link_manifest(model: Path) -> None:
    (model / "manifest.json").rename(model.parent / "elsewhere.json")
    (model / "manifest.json").symlink_to(model.parent / "elsewhere.json")


def name_a_file_outside(model: Path) -> None:
    digests = json.loads((model / "manifest.json").read_text(encoding="utf-8"))["digests"]
    edit_manifest(model, digests=digests | {"../elsewhere": "0" * 64})


def array_of_a_terabyte() -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**17,)})
    return zip_of(weights=header.getvalue())


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "tampered weights": (flip_a_bit, r"weights.npz: digest differs from the manifest's: damaged or tampered with"),
    "tampered card": (lambda m: (m / "CARD.md").write_text("Mine."), r"CARD.md: digest differs"),
    "wrong digest": (
        lambda m: edit_manifest(m, digests={"weights.npz": "0" * 64, "CARD.md": "0" * 64}),
        r"digest differs",
    ),
    "extra file": (lambda m: (m / "hook.py").write_text(""), r"file not named in the manifest: hook.py; remove it"),
    "no weights": (lambda m: (m / "weights.npz").unlink(), r"weights.npz: missing or not a plain file"),
    "no manifest": (lambda m: (m / "manifest.json").unlink(), r"no manifest.json: not a spoilerguard model"),
    "linked weights": (link_weights, r"weights.npz: missing or not a plain file"),
    "linked manifest": (link_manifest, r"manifest.json: not a plain file"),
    "a path in the manifest": (name_a_file_outside, r"must name weights.npz and may name CARD.md, nothing else"),
    "a pickle as weights": (lambda m: put_weights(m, pickle.dumps(Bomb())), r"not arrays .* never unpickled"),
    "a pickle as an array": (lambda m: put_weights(m, zip_of(weights=pickle.dumps(Bomb()))), r"not arrays|wrong type"),
    "object array": (lambda m: put_arrays(m, weights=np.array([Bomb()], object)), r"not arrays .* never unpickled"),
    "no zip": (lambda m: put_weights(m, b"PK\x03\x04 but no archive"), r"not arrays"),
    "a bomb": (lambda m: put_weights(m, zip_of(weights=bytes(257 << 20))), r"unpacks to more than a model's size"),
    "an array too long": (lambda m: put_weights(m, array_of_a_terabyte()), r"not arrays"),
    "NaN": (
        lambda m: put_arrays(m, context_calibration=np.array([1, np.nan])),
        r"array 'context_calibration' holds values that are not finite",
    ),
    "infinity": (
        lambda m: put_arrays(m, intercept=np.array([np.inf])),
        r"'intercept' holds values that are not finite",
    ),
    "wrong shape": (
        lambda m: put_arrays(m, cues=np.zeros((len(CUES), 2))),
        rf"array 'cues' has shape \({len(CUES)}, 2\), expected \({len(CUES)}, 1\)",
    ),
    "too few dimensions": (lambda m: put_arrays(m, cues=np.zeros(len(CUES))), r"array 'cues' is missing or of the wr"),
    "wrong type": (
        lambda m: put_arrays(m, intercept=np.zeros(1, int)),
        r"array 'intercept' is missing or of the wrong type",
    ),
    "an array missing": (lambda m: put_arrays(m, cues=None), r"array 'cues' is missing"),
    "an expert too many": (
        lambda m: edit_manifest(m, experts=["spoiler", "gate"]),
        r"array 'weights' has shape \(1048576, 1\), expected \(1048576, 2\)",
    ),
    "no expert": (lambda m: edit_manifest(m, experts=[]), r"not a model manifest \(it names no expert\)"),
    "a number of experts": (lambda m: edit_manifest(m, experts=1), r"'experts' must be a JSON array"),
    "an array too many": (lambda m: put_arrays(m, hook=np.zeros(1)), r"array 'hook' is none of this model's"),
    "layers that do not fit": (lambda m: put_arrays(m, context_out=np.zeros(1)), r"layers .* do not fit"),
    "kinds without a name": (lambda m: edit_manifest(m, kinds=["death"]), r"of 7 kinds, the manifest names 1"),
    "division by nothing": (
        lambda m: put_arrays(m, context_scale=np.zeros(store.context.width(1))),
        r"'context_scale' must be positive",
    ),
    "a future schema": (lambda m: edit_manifest(m, schema=2), r"schema 2, this spoilerguard reads 1; upgrade it"),
    "another architecture": (lambda m: edit_manifest(m, architecture="x"), r"architecture 'x'.* linear and transf"),
    "other features": (lambda m: edit_manifest(m, features=0), r"made with other features .*retrain it"),
    "another context": (lambda m: edit_manifest(m, context=22), r"made with other features .*retrain it"),
    "not JSON": (lambda m: (m / "manifest.json").write_text("{"), r"manifest.json: not a model manifest"),
    "not UTF-8": (lambda m: (m / "manifest.json").write_bytes(b"\xff"), r"manifest.json: not a model manifest"),
    "not an object": (lambda m: (m / "manifest.json").write_text("[]"), r"not a model manifest \(not an object\)"),
    "a deep manifest": (lambda m: (m / "manifest.json").write_text("[" * 10**5), r"not a model manifest"),
    "an unknown field": (lambda m: edit_manifest(m, hook="x"), r"not a model manifest .*hook"),
    "a field of another type": (lambda m: edit_manifest(m, digests=[]), r"'digests' must be a JSON object"),
    "thresholds out of range": (
        lambda m: edit_manifest(m, thresholds={"low": 1.2, "medium": 0.5, "high": 0.1}),
        r"thresholds must be low, medium and high, each a probability",
    ),
    "thresholds that are no numbers": (
        lambda m: edit_manifest(m, thresholds={"low": "1", "medium": 0.5, "high": float("nan")}),
        r"thresholds must be",
    ),
    "a threshold missing": (lambda m: edit_manifest(m, thresholds={"low": 0.5}), r"thresholds must be"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_touched_model_is_refused_and_the_message_says_why(model: Path, name: str) -> None:
    touch, message = REFUSED[name]
    touch(model)
    with pytest.raises(ModelError, match=message) as caught:
        sg.load(model)
    assert str(model) in str(caught.value)


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
