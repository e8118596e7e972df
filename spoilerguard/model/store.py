"""Save a model; verify it, and only then load it.

A model is a folder: `manifest.json` (what it is, how it was made, a SHA-256 digest of every other
file), `CARD.md`, and the files of its architecture (`manifest.FILES`): arrays, never pickled, and a
transformer's graph and vocabulary. Nothing in it can execute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
import hashlib
import io
import json
import math
import os
from pathlib import Path
import shutil
import tempfile
from typing import Any
import zipfile

import numpy as np
import numpy.typing as npt

from spoilerguard.errors import ModelError
from spoilerguard.files.atomic import contains_only, make_like
from spoilerguard.files.bundled import models_folder
from spoilerguard.model import context, features
from spoilerguard.model.convolution import ConvolutionalScorer, network_of
from spoilerguard.model.manifest import (
    CARD,
    FILES,
    MANIFEST,
    MOST_BYTES,
    NETWORK,
    WEIGHTS,
    WORDS,
    Manifest,
    checked,
    manifest_bytes,
    parsed,
    plain_bytes,
)
from spoilerguard.model.scoring import KIND_BITS, LinearScorer, Scorer
from spoilerguard.model.transformer import TransformerScorer

__all__ = ["archived", "bundled", "bundled_models", "load", "replaceable", "resolve", "save"]

_FLOATS = frozenset({"<f2", "<f4", "<f8"})
_NUMBERS = _FLOATS | {"|i1", "<u8"}  # the word network is integers
_LARGEST = 1e6  # no weight is; sums of weights that are could be infinite, or no number
_SMALLEST_SCALE = 1e-6
_HALF = frozenset({"weights", "kinds"})  # saved as 16-bit floats: two megabytes a million


# What each array of a model must look like; None is any length.
def _shapes(manifest: Manifest) -> dict[str, tuple[int | None, ...]]:
    experts, width = len(manifest.experts), context.width(len(manifest.experts))
    of_transformer: dict[str, tuple[int | None, ...]] = {"mix": (2, 3), "band": (2,)}
    return {
        "weights": (2**features.BITS, experts),
        "cues": (len(features.CUES), experts),
        "intercept": (experts,),
        "context_mean": (width,),
        "context_scale": (width,),
        "context_hidden": (width, None),
        "context_hidden_bias": (None,),
        "context_out": (None,),
        "context_out_bias": (1,),
        "context_calibration": (2,),
        "kinds": (None, 2**KIND_BITS),
        "kind_bias": (None,),
        **(of_transformer if NETWORK in FILES[manifest.architecture] else {}),
    }


def bundled_models() -> dict[str, Path]:
    """The models that travel with the package: name to folder."""
    folder = models_folder()
    return {p.name: p for p in sorted(folder.iterdir()) if (p / MANIFEST).is_file()} if folder.is_dir() else {}


def bundled(name: str) -> Path:
    """The folder of a bundled model. Raises ModelError naming those there are."""
    models = bundled_models()
    if name not in models:
        raise ModelError(f"no model named {name!r}: there are {', '.join(models) or 'none'}; or give a model's folder")
    return models[name]


def resolve(name_or_path: str | os.PathLike[str]) -> Path:
    """The folder of a model given by name or by path; a bundled model's name is never a path."""
    path = Path(name_or_path)
    named = isinstance(name_or_path, str) and os.sep not in name_or_path
    if path.is_dir() and not (named and name_or_path in bundled_models()):
        return path
    if named:
        return bundled(str(name_or_path))
    raise ModelError(f"{path}: no such model folder")


def load(
    name_or_path: str | os.PathLike[str], *, cascade: bool = False, threads: int = 1, manifest: bytes | None = None
) -> tuple[Scorer, Manifest]:
    """Verify a model's digests and arrays, then build its scorer. Raises ModelError, MissingExtra.

    Each file is read once, and what was verified is what is used; `manifest` is the manifest where it has been
    read already. `cascade` and `threads` are for transformers: see `transformer.TransformerScorer`.
    """
    folder = resolve(name_or_path)
    said = parsed(manifest_bytes(folder) if manifest is None else manifest, folder)
    _verify_files(folder, said)
    files = {name: _read_verified(folder / name, digest) for name, digest in said.digests.items()}
    arrays = _fitting(_read_arrays(files[WEIGHTS], folder / WEIGHTS), folder / WEIGHTS, said)
    scorer: Scorer
    scorer = linear = LinearScorer(arrays, tuple(said.kinds), said.named_from)
    try:
        if WORDS in files:
            network = network_of(_read_arrays(files[WORDS], folder / WORDS, _NUMBERS), len(said.kinds))
            scorer = ConvolutionalScorer(linear, network, {WORDS: files[WORDS]})
        if NETWORK in files:
            scorer = TransformerScorer.of(scorer, files, cascade=cascade, threads=threads)
        return scorer, said
    except (ModelError, ValueError) as error:
        raise ModelError(f"{folder}: {error}; install the model again") from None


def _verify_files(folder: Path, manifest: Manifest) -> None:
    needed = FILES[manifest.architecture]
    if set(manifest.digests) - {CARD} != needed:
        named = " and ".join(sorted(needed))
        raise ModelError(
            f"{folder / MANIFEST}: it must name {named} and may name {CARD}, nothing else; retrain the model"
        )
    try:
        present = {p.name for p in folder.iterdir()}
    except OSError as error:
        raise ModelError(f"{folder}: cannot be read ({error.strerror}); check its permissions") from None
    if extra := present - {MANIFEST, *manifest.digests}:
        raise ModelError(f"{folder}: file not named in the manifest: {sorted(extra)[0]!r}; remove it")


def _read_verified(path: Path, digest: str) -> bytes:
    data = plain_bytes(path)
    if hashlib.sha256(data).hexdigest() != digest:
        raise ModelError(
            f"{path}: digest differs from the manifest's: damaged or tampered with; install the model again"
        )
    return data


def _read_arrays(data: bytes, path: Path, kinds: frozenset[str] = _FLOATS) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a .npz: bytes seen as numbers, so that what a header declares allocates nothing."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise ModelError(f"{path}: unpacks to more than a model's size; install the model again")
            for entry in entries:
                name = entry.filename.removesuffix(".npy")
                if name in arrays:
                    raise ValueError(f"two arrays are named {name!r}")
                arrays[name] = _array(archive.read(entry), name, kinds)
    except ModelError:
        raise
    except Exception as error:  # zipfile, its decompressors, tokenize and numpy each have their own
        raise ModelError(f"{path}: not arrays ({error}); models are never unpickled: install it again") from None
    return arrays


def _array(data: bytes, name: str, kinds: frozenset[str]) -> npt.NDArray[Any]:
    """A .npy of version 1.0, as `save` writes them (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"{name!r} is a .npy of another version than 1.0")
    shape, by_column, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.str not in kinds:
        raise ValueError(f"{name!r} holds {dtype}, not numbers of a model")
    numbers = np.frombuffer(data, dtype, offset=stream.tell())
    if math.prod(shape) != len(numbers):
        raise ValueError(f"{name!r} holds {len(numbers)} numbers, its shape {shape} has others")
    return numbers.reshape(shape, order="F" if by_column else "C")


def _fitting(arrays: dict[str, npt.NDArray[Any]], path: Path, manifest: Manifest) -> dict[str, npt.NDArray[Any]]:
    """The arrays, if they are those of this manifest's model. Raises ModelError."""

    def refuse(why: str) -> ModelError:
        return ModelError(f"{path}: {why}; retrain the model")

    shapes, kinds = _shapes(manifest), manifest.kinds
    if unknown := set(arrays) - set(shapes):
        raise refuse(f"array {sorted(unknown)[0]!r} is none of this model's")
    for name, shape in shapes.items():
        if name not in arrays:
            raise refuse(f"array {name!r} is missing")
        array = arrays[name]
        if array.ndim != len(shape) or any(w not in (None, h) for w, h in zip(shape, array.shape, strict=True)):
            raise refuse(f"array {name!r} has shape {array.shape}, expected {shape}")
        if name == "weights":
            with np.errstate(over="ignore"):  # what does not fit is infinite, and refused
                array = arrays[name] = array.astype(np.float32)
        largest = _largest(array)
        if not math.isfinite(largest):
            raise refuse(f"array {name!r} holds values that are not finite")
        if largest > _LARGEST:
            raise refuse(f"array {name!r} holds values beyond {_LARGEST:,.0f}")
    if len({len(arrays["context_out"]), len(arrays["context_hidden_bias"]), arrays["context_hidden"].shape[1]}) != 1:
        raise refuse("the layers of the context network do not fit each other")
    if not len(kinds) == len(arrays["kinds"]) == len(arrays["kind_bias"]):
        raise refuse(f"arrays of {len(arrays['kinds'])} kinds, the manifest names {len(kinds)}")
    if (arrays["context_scale"] < _SMALLEST_SCALE).any():
        raise refuse("array 'context_scale' must be positive")
    return arrays


def _largest(array: npt.NDArray[Any]) -> float:
    """The largest magnitude; NaN where there is one."""
    wide = array.astype(np.float32) if array.dtype == np.float16 else array  # numpy compares these ten times as fast
    return max(float(wide.max(initial=0)), -float(wide.min(initial=0)))


def save(
    folder: str | os.PathLike[str],
    arrays: Mapping[str, npt.NDArray[Any]],
    manifest: Manifest,
    card: str,
    others: Mapping[str, bytes] | None = None,
) -> Manifest:
    """Write a model beside its place, then move it there. Returns the manifest with its digests.

    `others` are the files of a transformer beside its weights. The same arrays give the same bytes:
    entries of the archive carry no time.
    """
    target = Path(folder)
    checked(manifest, target / MANIFEST)  # what is saved can be loaded
    stored = {name: a.astype(np.float16) if name in _HALF else np.asarray(a) for name, a in arrays.items()}
    files = {WEIGHTS: archived(stored), CARD: card.encode(), **(others or {})}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    text = json.dumps(asdict(manifest) | {"digests": digests}, indent=1, ensure_ascii=False) + "\n"
    files[MANIFEST] = text.encode()
    if os.path.lexists(target) and not replaceable(target):
        raise ModelError(f"{target}: exists and is not a model; give another name")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            for name, data in files.items():
                (beside / name).write_bytes(data)
            beside.chmod(0o755)
            make_like(beside, target)
            if target.exists():
                old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
                target.rename(old / "model")
                try:
                    beside.rename(target)
                except OSError:
                    (old / "model").rename(target)
                    old.rmdir()
                    raise
                shutil.rmtree(old)
            else:
                beside.rename(target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise ModelError(f"{target}: cannot be written ({error.strerror})") from None
    return Manifest(**json.loads(text))


def replaceable(target: Path) -> bool:
    """Whether nothing is lost by replacing a path: an empty folder, or a model and no other file."""
    own = {MANIFEST, CARD}.union(*FILES.values())
    if target.is_symlink() or not contains_only(target, own.__contains__):
        return False
    return not any(target.iterdir()) or _is_model(target)


def _is_model(folder: Path) -> bool:
    """Whether a folder has the manifest of a model, of whatever version, and the weights that it names."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        return (
            {"schema", "thresholds"} <= set(manifest)
            and WEIGHTS in manifest["digests"]
            and (folder / WEIGHTS).is_file()
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False


def archived(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Arrays as the bytes of a .npz: the same arrays give the same bytes, for entries carry no time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            data = io.BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), data.getvalue(), zipfile.ZIP_DEFLATED
            )
    return buffer.getvalue()
