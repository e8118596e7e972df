"""A report of `check --format json`, perhaps edited: which sentences of a draft to hide.

In version 2, each flag and near miss has a `decision`: `hide`, `show` or null. A flag is hidden unless it is to be
shown; a near miss is hidden only if it is to be. In version 1 every flag is hidden. A flag that was removed is not
hidden. A sentence whose text is no longer at its place is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import json
import os
from typing import Any, NamedTuple, cast

from spoilerguard.drafts.decisions import Decided, Decision, keys_of
from spoilerguard.drafts.io import read_draft
from spoilerguard.errors import InputError
from spoilerguard.spans import Document, Span

__all__ = ["ReportFile", "read_report", "read_reports"]

VERSIONS = (1, 2)


class _Entry(NamedTuple):
    """A flag or near miss whose text is in its place."""

    span: Span
    decision: Decision | None
    flagged: bool


class ReportFile:
    """The entry of one file in a report; `format` is the one that the file was read in."""

    def __init__(self, path: str, entry: dict[str, Any]) -> None:
        self._path, self._entry = path, entry
        self.name = str(entry.get("path"))
        self.format = entry.get("format")

    @property
    def decides(self) -> bool:
        """Whether there is a decision in it."""
        lists = (self._entry.get(name, ()) for name in ("flags", "near_misses"))
        return any(isinstance(one, dict) and one.get("decision") is not None for found in lists for one in found)

    def ranges(self, source: str) -> list[Span]:
        """The ranges to hide. Raises InputError where the source is not the one that was checked."""
        entries = self._entries(source)
        return sorted(e.span for e in entries if e.decision == "hide" or (e.flagged and e.decision is None))

    def decided(self, document: Document, *, keep_text: bool = False) -> list[Decided]:
        """The decisions about sentences of a document. Raises InputError where it is not the one that was checked.

        Args:
            document: The draft.
            keep_text: Whether each decision holds its sentence.
        """
        keys = keys_of(document)
        found: list[Decided] = []
        for span, decision, _ in self._entries(document.source):
            if decision is None:
                continue
            if span.start not in keys:
                line, _ = document.position(span.start)
                raise InputError(
                    f"{self._path}: no sentence of {self.name} starts where a decision of line {line} does"
                )
            text = " ".join(document.prose[slice(*span)].split()) if keep_text else ""
            found.append(Decided(keys[span.start], decision, self.name, text))
        return found

    def _entries(self, source: str) -> Iterator[_Entry]:
        for number, flag in enumerate(self._entry["flags"], 1):
            where = f"{self._path}: flag {number} of {self.name}"
            yield _Entry(_range(where, flag, source), _decision(where, flag), True)
        for number, flag in enumerate(self._entry.get("near_misses", ()), 1):
            where = f"{self._path}: near miss {number} of {self.name}"
            if (decision := _decision(where, flag)) is not None:
                yield _Entry(_range(where, flag, source), decision, False)


def _range(where: str, flag: object, source: str) -> Span:
    match flag:
        case {"start": int(start), "end": int(end), "text": str(text)} if 0 <= start < end:
            if source[start:end] == text:
                return Span(start, end)
            raise InputError(f"{where}: the text at {start} to {end} has changed; run check again")
    raise InputError(f"{where}: no start, end and text; remove the whole flag, or run check again")


def _decision(where: str, flag: object) -> Decision | None:
    value = flag.get("decision") if isinstance(flag, dict) else None
    if value not in ("hide", "show", None):
        raise InputError(f'{where}: decision {value!r}; write "hide", "show" or null')
    return cast("Decision | None", value)


def read_reports(path: str) -> list[ReportFile]:
    """Read the entries of all files in the report at `path`. Raises InputError naming file and remedy."""
    return [ReportFile(path, entry) for entry in _files(path)]


def read_report(path: str, name: str) -> ReportFile:
    """Read the entry of the file `name` in the report at `path`. Raises InputError naming file and remedy."""
    files = _files(path)
    entry = _entry_of(files, name)
    if entry is None:
        known = ", ".join(str(file["path"]) for file in files[:5]) or "no file"
        raise InputError(f"{path}: no entry for {name}; it has {known}")
    if entry.get("error"):
        raise InputError(f"{path}: {name} was not checked: {entry['error']}")
    return ReportFile(path, entry)


def _files(path: str) -> list[dict[str, Any]]:
    try:
        report = json.loads(read_draft(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); make it with: spoilerguard check --format json") from None
    match report:
        case {"version": 1 | 2, "files": [*files]} if all(_is_entry(entry) for entry in files):
            return files
        case {"version": int(version)} if version not in VERSIONS:
            raise InputError(f"{path}: version {version}; this version of spoilerguard reads versions 1 and 2")
    raise InputError(f"{path}: not a report; make one with: spoilerguard check --format json")


def _is_entry(entry: object) -> bool:
    if not (isinstance(entry, dict) and isinstance(entry.get("path"), str)):
        return False
    return isinstance(entry.get("flags"), list) and isinstance(entry.get("near_misses", []), list)


def _entry_of(files: Sequence[Any], name: str) -> Any:
    """The entry of a file; for standard input, the only one."""
    for file in files:
        if os.path.normpath(file["path"]) == os.path.normpath(name):
            return file
    return files[0] if name == "-" and len(files) == 1 else None
