"""For programs: JSON, as one document or as one line a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import json
import re
from typing import Any

from spoilerguard.drafts.outcomes import Look, Outcome
from spoilerguard.spans import Flag

__all__ = ["as_json", "as_jsonl", "dumped", "results"]


_ENCODED = json.JSONEncoder(ensure_ascii=False).encode


def as_json(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """For programs: one JSON document, version 2, documented in the README."""
    yield dumped(results(outcomes, look.threshold, look.model))


def results(outcomes: Iterable[Outcome], threshold: float, model: dict[str, str]) -> dict[str, Any]:
    """The document of version 2, as an object.

    Args:
        outcomes: The outcomes of all files.
        threshold: The probability from which a sentence was flagged.
        model: `name` and `version` of the model.
    """
    return {"version": 2, "model": model, "threshold": threshold, "files": [_file(outcome) for outcome in outcomes]}


def as_jsonl(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """For programs: one line a file, as soon as it is checked. Each is an entry of `files` in the JSON document."""
    for outcome in outcomes:
        yield dumped(_file(outcome), levels=0)


def dumped(value: Any, levels: int = 4) -> str:
    """JSON that cannot control a terminal.

    Args:
        value: An object.
        levels: How many levels of it are written a line an entry; what lies deeper stands on one line, which is also
            several times as fast: the standard library's quick encoder does not indent.
    """
    return _UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", "".join(_written(value, levels, "\n")))


def _written(value: Any, levels: int, newline: str) -> Iterator[str]:
    if not levels or not value or not isinstance(value, dict | list):
        yield _ENCODED(value)
        return
    named = isinstance(value, dict)
    before = f"{newline}  "
    yield "{" if named else "["
    for number, entry in enumerate(value):
        yield f"{',' if number else ''}{before}"
        if named:
            yield f"{_ENCODED(entry)}: "
        yield from _written(value[entry] if named else entry, levels - 1, before)
    yield newline
    yield "}" if named else "]"


# Characters that JSON does not escape and that may control a terminal. They occur only in strings.
_UNSAFE = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def _file(outcome: Outcome) -> dict[str, Any]:
    if outcome.report is None:
        return {
            "path": outcome.path,
            "format": None,
            "language": None,
            "sentences": 0,
            "hidden": 0,
            "error": outcome.error,
            "flags": [],
            "near_misses": [],
            "notices": [],
        }
    flags = [_decided(flag, outcome) for flag in outcome.report]
    near = [_decided(flag, outcome) for flag in outcome.near]
    return {"path": outcome.path, **outcome.report.described(flags, near_misses=near)}


def _decided(flag: Flag, outcome: Outcome) -> dict[str, Any]:
    return {**flag.to_dict(), "decision": outcome.decisions.get(flag.start)}
