"""For programs: JSON, one document or a line a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import json
import re
from typing import Any

from spoilerguard.drafts.outcomes import Look, Outcome

__all__ = ["as_json", "as_jsonl", "dumped", "results"]


def as_json(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """Version 1, documented in the README."""
    yield dumped(results(outcomes, look.threshold, look.model))


def results(outcomes: Iterable[Outcome], threshold: float, model: dict[str, str]) -> dict[str, Any]:
    """The object of version 1."""
    return {"version": 1, "model": model, "threshold": threshold, "files": [_file(outcome) for outcome in outcomes]}


def as_jsonl(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """A line a file as soon as it is checked: an entry of `files` of the JSON document."""
    for outcome in outcomes:
        yield dumped(_file(outcome), indent=None)


def dumped(value: Any, indent: int | None = 2) -> str:
    """JSON in which a terminal finds nothing to obey."""
    return _UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(value, ensure_ascii=False, indent=indent))


# What JSON leaves as it is and a terminal may obey; outside of strings there is none of it.
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
            "notices": [],
        }
    return {"path": outcome.path, **outcome.report.to_dict()}
