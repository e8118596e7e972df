"""A labelled file before it is read, and the fields of its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from spoilerguard.datasets.columns import Columns, Level, Options
from spoilerguard.datasets.labelled import LabelledDocument, LabelledSentence
from spoilerguard.datasets.names import LabelNames
from spoilerguard.datasets.records import Record, RecordFile, open_records
from spoilerguard.files.streams import base_name
from spoilerguard.files.values import as_name, as_text, without_surrogates

__all__ = ["LabelledFile", "document_of", "label_of", "level_of", "name_of", "string_of"]


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A file about to be read.

    Attributes:
        file: The file, and how it is written.
        head: Its first records, by which format and columns are recognised.
        options: What the caller asked for.
        columns: The column of each role.
        names: What the names of labels mean.
        view: How a record is seen.
    """

    file: RecordFile
    head: Sequence[Record]
    options: Options
    columns: Columns
    names: LabelNames = field(default_factory=LabelNames)
    view: Callable[[Record], Record] | None = None

    @classmethod
    def of(cls, path: Path, options: Options) -> LabelledFile:
        """Open a file and read its first records."""
        file = open_records(path)
        head = list(islice(file.records(), _HEAD_RECORDS))
        return cls(file, head, options, Columns.of(head, options), LabelNames.of(options.positive))

    def asking(self, **options: Any) -> LabelledFile:
        """The same file with other options."""
        changed = replace(self.options, **options)
        return replace(self, options=changed, columns=Columns.of(self.head, changed))

    def seen_as(self, view: Callable[[Record], Record]) -> LabelledFile:
        """The same file, with each record seen in another way."""
        head = list(map(view, self.head))
        return replace(self, head=head, view=view, columns=Columns.of(head, self.options))

    def records(self) -> Iterator[Record]:
        """Read all records."""
        records = self.file.records()
        return records if self.view is None else map(self.view, records)


_HEAD_RECORDS = 200  # by which format and columns are recognised


# --- fields ------------------------------------------------------------------------------------


def string_of(record: Record, value: Any, what: str) -> str:
    """A value as text; raises DataError, naming it as `what`, if it is not text."""
    text, error = as_text(value, what)
    if error is not None:
        raise record.fault(error)
    return without_surrogates(text)


def name_of(record: Record, value: Any, what: str) -> str:
    """The value of an id or work column as text; raises DataError if it is not text."""
    return string_of(record, as_name(value) if isinstance(value, float) else value, what)


def label_of(record: Record, value: Any) -> int:
    """A value as a label, 0 or 1; raises DataError if it is not a label."""
    return LabelNames().label(record, value)


_LONG_TEXT = 300  # characters: labelled sentences have a median length of about 100, whole reviews of 1,000


def level_of(data: LabelledFile) -> Level:
    """What one label applies to: as asked, else by the length of the texts."""
    if data.options.level is not None:
        return data.options.level
    texts = (str(data.columns.value(record, "text")) for record in data.head)
    return "document" if median(map(len, texts)) > _LONG_TEXT else "sentence"


def document_of(
    data: LabelledFile, record: Record, sentences: Iterable[LabelledSentence | None], medium: str = ""
) -> Iterator[LabelledDocument]:
    """The document of a record, unless it has no sentence: an empty text teaches nothing."""
    kept = tuple(sentence for sentence in sentences if sentence is not None)
    if not kept:
        return
    fields, stem = record.fields, base_name(record.path)[0]
    source = data.options.source or string_of(record, fields.get("source"), "source") or stem
    value = data.columns.value
    yield LabelledDocument(
        id=name_of(record, value(record, "id", required=False), "id") or f"{stem}-{record.line}",
        work=name_of(record, value(record, "work", required=False), "work") or f"{source}:{record.line}",
        kind=string_of(record, fields.get("kind"), "kind") or "review",
        sentences=kept,
        source=source,
        medium=string_of(record, fields.get("medium"), "medium") or medium,
    )
