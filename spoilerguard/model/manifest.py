"""What a model says of itself: `manifest.json`, checked field by field before anything else is read.

To change the format, raise SCHEMA and keep a reader for the last one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import json
import os
from pathlib import Path
from typing import Any

from spoilerguard.errors import ModelError
from spoilerguard.model import context, features

__all__ = [
    "CARD",
    "FILES",
    "MANIFEST",
    "MOST_BYTES",
    "NETWORK",
    "NOT_NAMEABLE",
    "VOCABULARY",
    "WEIGHTS",
    "WORDS",
    "Manifest",
    "checked",
    "manifest_bytes",
    "nameable",
    "parsed",
    "plain_bytes",
    "plain_card",
    "read_manifest",
]

SCHEMA = 2
_READS = (1, SCHEMA)  # 1 had no `kind_thresholds`
MANIFEST, CARD = "manifest.json", "CARD.md"
WEIGHTS, WORDS = "weights.npz", "words.npz"  # the linear model; the word network
NETWORK, VOCABULARY = "network.onnx", "tokenizer.json"  # the transformer
MOST_OF_NAME = 100
NOT_NAMEABLE = f"not 1 to {MOST_OF_NAME} printable characters"
MOST_BYTES = 256 * 1024 * 1024  # of a file, and of weights once unpacked: more is no model of ours

# The files of each architecture; a card may lie beside them.
FILES: dict[str, frozenset[str]] = {
    "linear": frozenset({WEIGHTS}),
    "convolutional": frozenset({WEIGHTS, WORDS}),
    "transformer": frozenset({WEIGHTS, NETWORK, VOCABULARY}),
    "ensemble": frozenset({WEIGHTS, WORDS, NETWORK, VOCABULARY}),
}


@dataclass(frozen=True)
class Manifest:
    """What a model says of itself.

    `thresholds` are probabilities, one a sensitivity. `kind_thresholds` are those from which a kind is named; a kind
    without one never is, and None, as in models made before there were any, leaves it to `scoring.NAMED_FROM`.
    """

    name: str
    version: str
    thresholds: dict[str, float]
    kinds: list[str] = field(default_factory=list)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    architecture: str = "linear"
    features: int = features.VERSION
    experts: list[str] = field(default_factory=lambda: ["spoiler"])
    context: int = context.width(1)
    schema: int = SCHEMA
    digests: dict[str, str] = field(default_factory=dict)
    kind_thresholds: dict[str, float] | None = None

    @property
    def named_from(self) -> tuple[float, ...] | None:
        """The probability from which each of `kinds` is named."""
        if self.kind_thresholds is None:
            return None
        return tuple(float(self.kind_thresholds.get(kind, _NEVER)) for kind in self.kinds)


_NEVER = 2.0  # no probability
_FIELDS: dict[str, type] = {
    **dict.fromkeys(("name", "version", "architecture"), str),
    **dict.fromkeys(("thresholds", "training", "metrics", "digests"), dict),
    **dict.fromkeys(("kinds", "experts"), list),
}
_OF_TRAINING: dict[str, type] = {
    "sentences": dict, "set_aside": dict, "works": list, "unreached": list, "cautions": list,
}  # fmt: skip
_JSON: dict[type, str] = {str: "string", dict: "object", list: "array"}
_AGAIN = "install the model again"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a model folder, checked field by field. Raises ModelError."""
    return parsed(manifest_bytes(folder), folder)


def manifest_bytes(folder: Path) -> bytes:
    """The manifest as it lies in a model folder, not yet checked. Raises ModelError."""
    path = folder / MANIFEST
    if not path.exists() and not path.is_symlink():
        raise ModelError(f"{folder}: no {MANIFEST}: not a spoilerguard model")
    return plain_bytes(path)


def plain_bytes(path: Path) -> bytes:
    """A file of a model, read once: what is checked is what is used. Raises ModelError."""
    if path.is_symlink() or not path.is_file():
        raise ModelError(f"{path}: missing or not a plain file; {_AGAIN}")
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MOST_BYTES:
                raise ModelError(f"{path}: larger than any file of a model ({MOST_BYTES >> 20} MB); {_AGAIN}")
            return file.read()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None


def parsed(data: bytes, folder: Path) -> Manifest:
    """The manifest that these bytes are, of this folder. Raises ModelError."""
    path = folder / MANIFEST
    try:
        raw = json.loads(data.decode("utf-8"))
        if not isinstance(raw, dict):
            raise ValueError("not an object")
        schema = raw.get("schema")
        if type(schema) is not int or schema not in _READS:
            raise ModelError(
                f"{path}: schema {schema!r}, this spoilerguard reads {_READS[0]} to {SCHEMA}; "
                "upgrade it or retrain the model"
            )
        manifest = Manifest(**raw)
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: not a model manifest ({error}); {_AGAIN}") from None
    return checked(manifest, path)


def checked(manifest: Manifest, path: Path) -> Manifest:
    """The manifest, if each field is what others count on. Raises ModelError naming `path`."""
    _check_fields(manifest, path)
    if manifest.architecture not in FILES:
        raise ModelError(
            f"{path}: architecture {manifest.architecture!r}, this spoilerguard reads {', '.join(FILES)}; upgrade it"
        )
    if manifest.features != features.VERSION or manifest.context != context.width(1):
        raise ModelError(f"{path}: made with other features than this version's; retrain it with `spoilerguard train`")
    if not manifest.experts:
        raise ModelError(f"{path}: not a model manifest (it names no expert); {_AGAIN}")
    for kind, limit in (manifest.kind_thresholds or {}).items():
        if kind not in manifest.kinds or type(limit) not in (int, float) or not 0 <= limit <= 1:
            raise ModelError(f"{path}: kind_thresholds must be a probability for each of its kinds; {_AGAIN}")
    points = [manifest.thresholds.get(name, -1) for name in ("low", "medium", "high")]
    if len(manifest.thresholds) != 3 or not all(type(p) in (int, float) and 0 <= p <= 1 for p in points):
        raise ModelError(f"{path}: thresholds must be low, medium and high, each a probability; {_AGAIN}")
    if points != sorted(points, reverse=True):
        raise ModelError(f"{path}: thresholds out of order: low flags least, high flags most; {_AGAIN}")
    return manifest


def _check_fields(manifest: Manifest, path: Path) -> None:
    fields = [(name, getattr(manifest, name), kind) for name, kind in _FIELDS.items()]
    if isinstance(manifest.training, dict):
        inside = ((name, kind) for name, kind in _OF_TRAINING.items() if name in manifest.training)
        fields += [(f"training.{name}", manifest.training[name], kind) for name, kind in inside]
    if manifest.kind_thresholds is not None:
        fields.append(("kind_thresholds", manifest.kind_thresholds, dict))
    for name, value, kind in fields:
        if not isinstance(value, kind):
            raise ModelError(f"{path}: not a model manifest ({name!r} must be a JSON {_JSON[kind]}); {_AGAIN}")
        if isinstance(value, list) and not all(isinstance(one, str) for one in value):
            raise ModelError(f"{path}: not a model manifest ({name!r} must hold strings only); {_AGAIN}")
    for name in ("sentences", "set_aside"):
        if not all(type(count) is int for count in manifest.training.get(name, {}).values()):
            raise ModelError(f"{path}: not a model manifest ('training.{name}' must hold numbers only); {_AGAIN}")
    for name, words in {"name": [manifest.name], "version": [manifest.version], "kinds": manifest.kinds}.items():
        for word in words:
            if not nameable(word):
                raise ModelError(f"{path}: {name} {word[:MOST_OF_NAME]!r} is {NOT_NAMEABLE}; {_AGAIN}")


def nameable(word: str) -> bool:
    """Whether this can name something on terminals and pages, and commands nothing there."""
    return 0 < len(word) <= MOST_OF_NAME and word.isprintable()


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
