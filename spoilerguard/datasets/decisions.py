"""Labels from decisions: saved by the preview as a report of `check`, or kept for a project with their text.

What was to be hidden is a spoiler, and what was to be shown is none. Sentences without a decision are left out. Each
draft counts as a work of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from spoilerguard.datasets.fields import LabelledFile, string_of
from spoilerguard.datasets.labelled import LabelledDocument, LabelledSentence
from spoilerguard.datasets.matching import clean_sentence
from spoilerguard.datasets.records import Record, fault
from spoilerguard.files.streams import base_name

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_kept", "is_report", "kept", "report"]

_LABELS = {"hide": 1, "show": 0}


def is_report(data: LabelledFile) -> bool:
    """Whether the records are the `files` of a report of `check`."""
    return all({"path", "flags", "notices"} <= record.fields.keys() for record in data.head)


def report(data: LabelledFile) -> Iterator[LabelledDocument]:
    """A report of `check` or `preview`, version 2: a document for each draft with decisions."""
    found = False
    for record in data.records():
        entries = [*(record.fields.get("flags") or ()), *(record.fields.get("near_misses") or ())]
        if not all(isinstance(entry, dict) and isinstance(entry.get("start"), int) for entry in entries):
            raise record.fault("not a report of check: a flag without start; make one with check --format json")
        entries.sort(key=lambda entry: entry["start"])
        sentences = [_sentence(record, entry) for entry in entries if entry.get("decision") is not None]
        for document in _document(data, record, "path", sentences):
            found = True
            yield document
    if not found:
        raise fault(data.file.path, 1, 'no decisions; set "decision" to "hide" or "show", or save them in a preview')


def is_kept(data: LabelledFile) -> bool:
    """Whether the records are the decisions of a project."""
    return all({"sentence", "before", "after", "decision", "file"} <= record.fields.keys() for record in data.head)


def kept(data: LabelledFile) -> Iterator[LabelledDocument]:
    """`.spoilerguard/decisions.jsonl`: a document for each decision whose text was kept."""
    found = False
    for record in data.records():
        if record.fields.get("text") is not None:
            found = True
            yield from _document(data, record, "file", [_sentence(record, record.fields)])
    if not found:
        raise fault(data.file.path, 1, "these decisions hold no text; keep it with: spoilerguard decide --keep-text")


def _sentence(record: Record, entry: dict[str, Any]) -> LabelledSentence | None:
    label = _LABELS.get(str(entry.get("decision")))
    if label is None:
        raise record.fault(f'decision {entry.get("decision")!r}; expected "hide" or "show"')
    return clean_sentence(string_of(record, entry.get("text"), "text"), label, 1.0, opens=False)


def _document(
    data: LabelledFile, record: Record, name: str, sentences: Iterable[LabelledSentence | None]
) -> Iterator[LabelledDocument]:
    clean = tuple(sentence for sentence in sentences if sentence is not None)
    if not clean:
        return
    stem = base_name(record.path)[0]
    work = string_of(record, record.fields.get(name), name)
    yield LabelledDocument(f"{stem}-{record.line}", work, "blog-post", clean, data.options.source or stem, medium="")
