"""Save a model; verify it, and only then load it.

A model is a folder: `manifest.json` (what it is, how it was made, a SHA-256 digest of every other
file), `weights.npz` (arrays, never pickled) and `CARD.md`. Nothing in it can execute. To change the
format, raise SCHEMA and keep a reader for the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
import hashlib
import io
import json
import os
from pathlib import Path
import shutil
import tempfile
from typing import Any
import zipfile

import numpy as np
import numpy.typing as npt

from spoilerguard import context, features
from spoilerguard.errors import ModelError
from spoilerguard.scoring import LinearScorer

__all__ = ["Manifest", "bundled", "bundled_models", "load", "plain_card", "read_manifest", "resolve", "save"]

SCHEMA = 1
MANIFEST, WEIGHTS, CARD = "manifest.json", "weights.npz", "CARD.md"
_MOST_BYTES = 256 * 1024 * 1024  # of weights once unpacked: more is no model of ours


@dataclass(frozen=True)
class Manifest:
    """What a model says of itself. `thresholds` are probabilities, one a sensitivity."""

    name: str
    version: str
    thresholds: dict[str, float]
    kinds: list[str] = field(default_factory=list)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    architecture: str = "linear"
    features: int = features.VERSION
    context: int = len(context.FEATURES)
    schema: int = SCHEMA
    digests: dict[str, str] = field(default_factory=dict)


_HALF = frozenset({"weights", "kinds"})  # saved as 16-bit floats: two megabytes a million
# What each array of a linear model must look like; None is any length.
_SHAPES: dict[str, tuple[int | None, ...]] = {
    "weights": (2**features.BITS,),
    "cues": (len(features.CUES),),
    "intercept": (1,),
    "alone": (2,),
    "context_mean": (len(context.FEATURES),),
    "context_scale": (len(context.FEATURES),),
    "context_hidden": (len(context.FEATURES), None),
    "context_hidden_bias": (None,),
    "context_out": (None,),
    "context_out_bias": (1,),
    "context_calibration": (2,),
    "kinds": (None, None),
    "kind_bias": (None,),
}


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
    """The folder of a model given by name or by path."""
    path = Path(name_or_path)
    if os.sep in str(name_or_path) or path.is_dir():
        if not path.is_dir():
            raise ModelError(f"{path}: no such model folder")
        return path
    return bundled(str(name_or_path))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a model folder, checked for schema and fields."""
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(raw, dict):
            raise ValueError("not an object")
        schema = raw.get("schema")
        if schema != SCHEMA:
            raise ModelError(f"{path}: schema {schema!r}, this spoilerguard reads {SCHEMA}; upgrade it or retrain the model")
        manifest = Manifest(**raw)
    except ModelError:
        raise
    except FileNotFoundError:
        raise ModelError(f"{folder}: no {MANIFEST}: not a spoilerguard model") from None
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: not a model manifest ({error})") from None
    if manifest.features != features.VERSION or manifest.context != len(context.FEATURES):
        raise ModelError(f"{folder}: made with other features than this version's; retrain it with `spoilerguard train`")
    values = manifest.thresholds.values() if isinstance(manifest.thresholds, dict) else ()
    if set(manifest.thresholds) != {"low", "medium", "high"} or not all(
        isinstance(v, int | float) and 0 <= v <= 1 for v in values
    ):
        raise ModelError(f"{path}: thresholds must be low, medium and high, each a probability")
    return manifest


def load(name_or_path: str | os.PathLike[str]) -> tuple[LinearScorer, Manifest]:
    """Verify a model's digests and arrays, then build its scorer. Raises ModelError."""
    folder = resolve(name_or_path)
    manifest = read_manifest(folder)
    _verify_files(folder, manifest)
    arrays = _read_arrays((folder / WEIGHTS).read_bytes(), manifest.digests[WEIGHTS], folder / WEIGHTS)
    return LinearScorer(arrays, tuple(manifest.kinds)), manifest


def _verify_files(folder: Path, manifest: Manifest) -> None:
    present = {p.name for p in folder.iterdir()}
    if extra := present - {MANIFEST, *manifest.digests}:
        raise ModelError(f"{folder}: file not named in the manifest: {sorted(extra)[0]}; remove it")
    if set(manifest.digests) - {WEIGHTS, CARD} or WEIGHTS not in manifest.digests:
        raise ModelError(f"{folder}: the manifest must name {WEIGHTS} and may name {CARD}, nothing else")
    for name, digest in manifest.digests.items():
        path = folder / name
        if not path.is_file() or path.is_symlink():
            raise ModelError(f"{path}: missing or not a plain file; install the model again")
        # The weights are hashed where they are read, so that what is used is what was verified.
        if name != WEIGHTS and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise ModelError(f"{path}: digest differs from the manifest's: damaged or tampered with")


def _read_arrays(data: bytes, digest: str, path: Path) -> dict[str, npt.NDArray[Any]]:
    if hashlib.sha256(data).hexdigest() != digest:
        raise ModelError(f"{path}: digest differs from the manifest's: damaged or tampered with")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                raise ModelError(f"{path}: unpacks to more than a model's size")
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise ModelError(f"{path}: not arrays ({error}); models are never unpickled") from None
    for name, shape in _SHAPES.items():
        array = arrays.get(name)
        if array is None or array.dtype.kind != "f" or array.ndim != len(shape):
            raise ModelError(f"{path}: array {name!r} is missing or of the wrong type")
        if any(want is not None and want != have for want, have in zip(shape, array.shape, strict=True)):
            raise ModelError(f"{path}: array {name!r} has shape {array.shape}, expected {shape}")
        if not np.isfinite(array).all():
            raise ModelError(f"{path}: array {name!r} holds values that are not finite")
    if len({len(arrays["context_out"]), len(arrays["context_hidden_bias"]), arrays["context_hidden"].shape[1]}) != 1:
        raise ModelError(f"{path}: the layers of the context network do not fit each other")
    arrays["weights"] = arrays["weights"].astype(np.float32)
    return arrays


def save(
    folder: str | os.PathLike[str], arrays: Mapping[str, npt.NDArray[Any]], manifest: Manifest, card: str
) -> Manifest:
    """Write a model beside its place, then move it there. Returns the manifest with its digests.

    The same arrays give the same bytes: entries of the archive carry no time.
    """
    target = Path(folder)
    stored = {name: a.astype(np.float16) if name in _HALF else np.asarray(a) for name, a in arrays.items()}
    files = {WEIGHTS: _archive(stored), CARD: card.encode()}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    written = Manifest(**{**asdict(manifest), "digests": digests})
    files[MANIFEST] = (json.dumps(asdict(written), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    if target.exists() and not (target / MANIFEST).is_file() and (not target.is_dir() or any(target.iterdir())):
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
                beside.rename(target)
                shutil.rmtree(old)
            else:
                beside.rename(target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise ModelError(f"{target}: cannot be written ({error.strerror})") from None
    return written


def _archive(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            data = io.BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), data.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def plain_card(manifest: Manifest) -> str:
    """A model card with what the manifest knows: for models trained by users."""
    sentences = manifest.training.get("sentences", {})
    points = "\n".join(f"| {name} | {value} |" for name, value in manifest.thresholds.items())
    unreached = "".join(f"\n- {what}" for what in manifest.training.get("unreached", []))
    return (
        f"# {manifest.name} {manifest.version}\n\nA spoilerguard model ({manifest.architecture}).\n\n"
        f"Trained on {sum(sentences.values())} sentences: {', '.join(f'{s} ({n})' for s, n in sentences.items())}.\n\n"
        f"| sensitivity | threshold |\n|---|---|\n{points}\n"
        + (f"\nNot reached on validation data:\n{unreached}\n" if unreached else "")
    )
