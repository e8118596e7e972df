"""What a model says of itself: `manifest.json`, checked field by field before anything else is read.

To change the format, raise SCHEMA and keep a reader for the last one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import json
from pathlib import Path
from typing import Any

from spoilerguard import context, features
from spoilerguard.errors import ModelError

__all__ = ["CARD", "FILES", "MANIFEST", "WEIGHTS", "Manifest", "plain_card", "read_manifest"]

SCHEMA = 1
MANIFEST, WEIGHTS, CARD = "manifest.json", "weights.npz", "CARD.md"

# The files of each architecture; a card may lie beside them.
FILES: dict[str, frozenset[str]] = {
    "linear": frozenset({WEIGHTS}),
    "transformer": frozenset({WEIGHTS, "network.onnx", "tokenizer.json"}),
}


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
    experts: list[str] = field(default_factory=lambda: ["spoiler"])
    context: int = context.width(1)
    schema: int = SCHEMA
    digests: dict[str, str] = field(default_factory=dict)


_FIELDS: dict[str, type] = {
    **dict.fromkeys(("name", "version", "architecture"), str),
    **dict.fromkeys(("thresholds", "training", "metrics", "digests"), dict),
    **dict.fromkeys(("kinds", "experts"), list),
}
_JSON: dict[type, str] = {str: "string", dict: "object", list: "array"}


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a model folder, checked for schema and fields."""
    path = folder / MANIFEST
    try:
        if path.is_symlink():
            raise ModelError(f"{path}: not a plain file; install the model again")
        raw = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(raw, dict):
            raise ValueError("not an object")
        schema = raw.get("schema")
        if schema != SCHEMA:
            raise ModelError(
                f"{path}: schema {schema!r}, this spoilerguard reads {SCHEMA}; upgrade it or retrain the model"
            )
        manifest = Manifest(**raw)
    except ModelError:
        raise
    except FileNotFoundError:
        raise ModelError(f"{folder}: no {MANIFEST}: not a spoilerguard model") from None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: not a model manifest ({error})") from None
    for field_name, kind in _FIELDS.items():
        if not isinstance(getattr(manifest, field_name), kind):
            raise ModelError(f"{path}: not a model manifest ({field_name!r} must be a JSON {_JSON[kind]})")
    if manifest.architecture not in FILES:
        raise ModelError(
            f"{path}: architecture {manifest.architecture!r}, this spoilerguard reads {' and '.join(FILES)}; upgrade it"
        )
    if manifest.features != features.VERSION or manifest.context != context.width(1):
        raise ModelError(
            f"{folder}: made with other features than this version's; retrain it with `spoilerguard train`"
        )
    if not manifest.experts:
        raise ModelError(f"{path}: not a model manifest (it names no expert)")
    if set(manifest.thresholds) != {"low", "medium", "high"} or not all(
        isinstance(v, int | float) and 0 <= v <= 1 for v in manifest.thresholds.values()
    ):
        raise ModelError(f"{path}: thresholds must be low, medium and high, each a probability")
    return manifest


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
