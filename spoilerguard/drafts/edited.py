"""A report of `check --format json`, perhaps edited: which sentences of a draft to hide.

A flag that was removed is not hidden. A flag whose text is no longer at its place is an error.
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
    """The entry of one file in a report; `format` is the one that the file was read in."""

    def __init__(self, path: str, entry: dict[str, Any]) -> None:
        self._path, self._entry = path, entry
        self.name = str(entry.get("path"))
        self.format = entry.get("format")

    def ranges(self, source: str) -> list[Span]:
        """The ranges of the flags. Raises InputError where the source is not the one that was checked."""
        return [self._range(number, flag, source) for number, flag in enumerate(self._entry["flags"], 1)]

    def _range(self, number: int, flag: object, source: str) -> Span:
        where = f"{self._path}: flag {number} of {self.name}"
        match flag:
            case {"start": int(start), "end": int(end), "text": str(text)} if 0 <= start < end:
                if source[start:end] == text:
                    return Span(start, end)
                raise InputError(f"{where}: the text at {start} to {end} has changed; run check again")
        raise InputError(f"{where}: no start, end and text; remove the whole flag, or run check again")


def read_report(path: str, name: str) -> ReportFile:
    """Read the entry of the file `name` in the report at `path`. Raises InputError naming file and remedy."""
    try:
        report = json.loads(read_draft(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); make it with: spoilerguard check --format json") from None
    match report:
        case {"version": 1, "files": [*files]} if all(_is_entry(entry) for entry in files):
            entry = _entry_of(files, name)
        case {"version": int(version)} if version != 1:
            raise InputError(f"{path}: version {version}; this version of spoilerguard reads version 1")
        case _:
            raise InputError(f"{path}: not a report; make one with: spoilerguard check --format json")
    if entry is None:
        known = ", ".join(str(file["path"]) for file in files[:5]) or "no file"
        raise InputError(f"{path}: no entry for {name}; it has {known}")
    if entry.get("error"):
        raise InputError(f"{path}: {name} was not checked: {entry['error']}")
    return ReportFile(path, entry)


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("path"), str) and isinstance(entry.get("flags"), list)


def _entry_of(files: Sequence[Any], name: str) -> Any:
    """The entry of a file; for standard input, the only one."""
    for file in files:
        if os.path.normpath(file["path"]) == os.path.normpath(name):
            return file
    return files[0] if name == "-" and len(files) == 1 else None
