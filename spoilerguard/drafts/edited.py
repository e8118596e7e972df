"""A report of `check --format json` that somebody has edited: what of a draft it says to hide.

Flags that were removed stay visible; a flag whose place does not hold its text any more is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
import json
import os
from typing import Any

from spoilerguard.drafts.io import read_draft
from spoilerguard.errors import InputError
from spoilerguard.spans import Span

__all__ = ["ReportFile", "read_report"]


class ReportFile:
    """What a report says of one file; `format` is how the file was read."""

    def __init__(self, path: str, entry: dict[str, Any]) -> None:
        self._path, self._entry = path, entry
        self.name = str(entry.get("path"))
        self.format = entry.get("format")

    def ranges(self, source: str) -> list[Span]:
        """Where the flags are. Raises InputError where the source is not what was checked."""
        return [self._range(number, flag, source) for number, flag in enumerate(self._entry["flags"], 1)]

    def _range(self, number: int, flag: object, source: str) -> Span:
        where = f"{self._path}: flag {number} of {self.name}"
        match flag:
            case {"start": int(start), "end": int(end), "text": str(text)} if 0 <= start < end:
                if source[start:end] == text:
                    return Span(start, end)
                raise InputError(f"{where}: at {start} to {end} is another text now; run check again")
        raise InputError(f"{where}: no start, end and text; remove the whole flag, or run check again")


def read_report(path: str, name: str) -> ReportFile:
    """What the report at `path` says of the file called `name`. Raises InputError."""
    try:
        report = json.loads(read_draft(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); make it with: spoilerguard check --format json") from None
    match report:
        case {"version": 1, "files": [*files]} if all(_is_entry(entry) for entry in files):
            entry = _of(files, name)
        case {"version": int(version)} if version != 1:
            raise InputError(f"{path}: version {version}; this version of spoilerguard reads version 1")
        case _:
            raise InputError(f"{path}: not a report; make one with: spoilerguard check --format json")
    if entry is None:
        known = ", ".join(str(file["path"]) for file in files[:5]) or "no file"
        raise InputError(f"{path}: says nothing of {name}; it is about {known}")
    if entry.get("error"):
        raise InputError(f"{path}: {name} was not checked: {entry['error']}")
    return ReportFile(path, entry)


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("path"), str) and isinstance(entry.get("flags"), list)


def _of(files: Sequence[Any], name: str) -> Any:
    """The entry of this file; the only one, for standard input."""
    for file in files:
        if os.path.normpath(file["path"]) == os.path.normpath(name):
            return file
    return files[0] if name == "-" and len(files) == 1 else None
