"""The JSON Schema of the settings, made of the table of keys: editors complete and check a settings file by it.

It accepts what a run accepts without consent from the command line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spoilerguard.settings import keys
from spoilerguard.settings.keys import COMMANDS, KEYS, Key

__all__ = ["schema"]

_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
_GLOBS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
# What each reader of values accepts.
_TYPES: dict[Any, dict[str, Any]] = {
    keys.word: {"type": "string"},
    keys.switch: {"type": "boolean"},
    keys.probability: _PROBABILITY,
    keys.probability_or_never: {"anyOf": [_PROBABILITY, {"type": "string", "pattern": f"^({keys.LIMIT.pattern})$"}]},
    keys.globs: _GLOBS,
    keys.file: {"type": "string"},
    keys.model: {"type": "string"},
}


def schema() -> dict[str, Any]:
    """The schema (draft 7) of `.spoilerguard.toml`, which is also that of `[tool.spoilerguard]` in pyproject.toml."""
    override = _table((key for key in KEYS.values() if key.per_path), "Settings for drafts whose paths match.")
    override["properties"]["paths"] = {
        **_GLOBS,
        "minItems": 1,
        "description": "patterns of paths, as in .gitignore",
    }
    override["required"] = ["paths"]
    top = _table(KEYS.values(), "Settings of spoilerguard.")
    for command in sorted(COMMANDS):
        ours = (key for key in KEYS.values() if command in key.commands)
        top["properties"][command] = _table(ours, f"Settings of spoilerguard {command} alone.")
    top["properties"]["overrides"] = {"type": "array", "items": override}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "spoilerguard", **top}


def _table(keys: Iterable[Key], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": {key.name: {**_value(key), "description": key.help} for key in keys},
    }


def _value(key: Key) -> dict[str, Any]:
    """What a key may be; values that need consent do not count."""
    type = _TYPES[key.read]
    values = key.choices() if key.choices is not None else (False, True) if key.read is keys.switch else None
    if values is None or (key.read is keys.switch and key.needs_consent is None):
        return type
    return {**type, "enum": [value for value in values if key.needs_consent is None or not key.needs_consent(value)]}
