"""Save a model; verify it, and only then load it.

A model is a folder: `manifest.json` (what it is, how it was made, a SHA-256 digest of every other
file), `weights.npz` (arrays, never pickled), of a transformer its network and its vocabulary, and
`CARD.md`. Nothing in it can execute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
import hashlib
import io
import json
import os
from pathlib import Path
import shutil
import tempfile
from typing import Any
import zipfile
import zlib

import numpy as np
import numpy.typing as npt

from spoilerguard import context, features
from spoilerguard.errors import ModelError
from spoilerguard.manifest import CARD, FILES, MANIFEST, WEIGHTS, Manifest, read_manifest
from spoilerguard.scoring import KIND_BITS, LinearScorer, Scorer
from spoilerguard.transformer import TransformerScorer

__all__ = ["bundled", "bundled_models", "load", "resolve", "save"]

_MOST_BYTES = 256 * 1024 * 1024  # of weights once unpacked: more is no model of ours


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
        **(of_transformer if manifest.architecture == "transformer" else {}),
    }


# What a damaged or hostile archive makes zipfile and numpy raise.
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


def bundled_models() -> dict[str, Path]:
    """The models that travel with the package: name to folder."""
    here = Path(__file__).resolve().parent
    for folder in (here / "models", here.parent / "models"):  # an installed wheel; a checkout
        if folder.is_dir():
            return {p.name: p for p in sorted(folder.iterdir()) if (p / MANIFEST).is_file()}
    return {}


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


def load(name_or_path: str | os.PathLike[str], *, cascade: bool = False, threads: int = 1) -> tuple[Scorer, Manifest]:
    """Verify a model's digests and arrays, then build its scorer. Raises ModelError, MissingExtra.

    `cascade` and `threads` are for transformers: see `transformer.TransformerScorer`.
    """
    folder = resolve(name_or_path)
    manifest = read_manifest(folder)
    _verify_files(folder, manifest)
    files = {name: _read_verified(folder / name, digest) for name, digest in manifest.digests.items()}
    arrays = _read_arrays(files[WEIGHTS], folder / WEIGHTS, manifest)
    linear = LinearScorer(arrays, tuple(manifest.kinds))
    if manifest.architecture == "linear":
        return linear, manifest
    try:
        return TransformerScorer.of(linear, files, cascade=cascade, threads=threads), manifest
    except ValueError as error:
        raise ModelError(f"{folder}: {error}") from None


def _verify_files(folder: Path, manifest: Manifest) -> None:
    present = {p.name for p in folder.iterdir()}
    if extra := present - {MANIFEST, *manifest.digests}:
        raise ModelError(f"{folder}: file not named in the manifest: {sorted(extra)[0]}; remove it")
    needed = FILES[manifest.architecture]
    if set(manifest.digests) - {CARD} != needed:
        named = " and ".join(sorted(needed))
        raise ModelError(f"{folder}: the manifest must name {named} and may name {CARD}, nothing else")


def _read_verified(path: Path, digest: str) -> bytes:
    """A file, read once: what is used is what was verified."""
    if not path.is_file() or path.is_symlink():
        raise ModelError(f"{path}: missing or not a plain file; install the model again")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ModelError(f"{path}: digest differs from the manifest's: damaged or tampered with")
    return data


def _read_arrays(data: bytes, path: Path, manifest: Manifest) -> dict[str, npt.NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                raise ModelError(f"{path}: unpacks to more than a model's size")
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _UNREADABLE as error:
        raise ModelError(f"{path}: not arrays ({error}); models are never unpickled") from None
    shapes, kinds = _shapes(manifest), manifest.kinds
    if unknown := set(arrays) - set(shapes):
        raise ModelError(f"{path}: array {sorted(unknown)[0]!r} is none of this model's")
    for name, shape in shapes.items():
        array = arrays.get(name)
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.ndim != len(shape):
            raise ModelError(f"{path}: array {name!r} is missing or of the wrong type")
        if any(want is not None and want != have for want, have in zip(shape, array.shape, strict=True)):
            raise ModelError(f"{path}: array {name!r} has shape {array.shape}, expected {shape}")
        if not np.isfinite(array).all():
            raise ModelError(f"{path}: array {name!r} holds values that are not finite")
    if len({len(arrays["context_out"]), len(arrays["context_hidden_bias"]), arrays["context_hidden"].shape[1]}) != 1:
        raise ModelError(f"{path}: the layers of the context network do not fit each other")
    if not len(kinds) == len(arrays["kinds"]) == len(arrays["kind_bias"]):
        raise ModelError(f"{path}: arrays of {len(arrays['kinds'])} kinds, the manifest names {len(kinds)}")
    if (arrays["context_scale"] <= 0).any():
        raise ModelError(f"{path}: array 'context_scale' must be positive")
    arrays["weights"] = arrays["weights"].astype(np.float32)
    return arrays


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
    stored = {name: a.astype(np.float16) if name in _HALF else np.asarray(a) for name, a in arrays.items()}
    files = {WEIGHTS: _archive(stored), CARD: card.encode(), **(others or {})}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    text = json.dumps(asdict(manifest) | {"digests": digests}, indent=1, ensure_ascii=False) + "\n"
    files[MANIFEST] = text.encode()
    if target.exists() and not _replaceable(target):
        raise ModelError(f"{target}: exists and is not a model; give another name")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            for name, data in files.items():
                (beside / name).write_bytes(data)
            beside.chmod(0o755)
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


def _replaceable(target: Path) -> bool:
    """Whether nothing is lost by replacing a path: an empty folder, or a model and no other file."""
    if not target.is_dir():
        return False
    present = {p.name for p in target.iterdir()}
    return not present or (MANIFEST in present and present <= {MANIFEST, CARD}.union(*FILES.values()))


def _archive(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            data = io.BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), data.getvalue(), zipfile.ZIP_DEFLATED
            )
    return buffer.getvalue()
