"""Records of a data file, one at a time; the first that cannot be read raises an error with file and line.

A file is JSON Lines, delimited text (CSV, TSV), Parquet or plain text, and may be packed with gzip, bzip2,
xz or zstd. Its content decides which of them it is; its suffix decides only where the content does not.
Encoding, delimiter and quoting are guessed. The readers are those of comment archives, in `files`.
Parquet has no lines: there the line is the number of the row, from 1.
"""

from __future__ import annotations

from io import StringIO
import os
from pathlib import Path
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from spoilerguard.errors import DataError, InputError
from spoilerguard.files import delimited, dialects, jsonlines, jsonvalues, parquet
from spoilerguard.files.columns import ROLES, guess_column
from spoilerguard.files.source import END, MAX_RECORD_BYTES, DataSource, Head, read_head
from spoilerguard.files.streams import DELIMITED_SUFFIXES, TEXT_SUFFIXES, base_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Record", "RecordFile", "fault", "open_records", "read_records"]


class Record(NamedTuple):
    """One record of a file: where it is, and its fields by name."""

    path: Path
    line: int
    fields: dict[str, Any]

    def fault(self, message: str) -> DataError:
        """The error for this record."""
        return fault(self.path, self.line, message)


class RecordFile(NamedTuple):
    """A file and how it is read."""

    path: Path
    shape: str
    source: DataSource
    described: str  # the format, for people: "CSV (CP1252, semicolon)"

    def records(self) -> Iterator[Record]:
        """Read the records, one at a time.

        Yields:
            Each record.

        Raises:
            DataError: A record cannot be read, or there is none.
        """
        empty = True
        try:
            for record in _SHAPES[self.shape](self.path, self.source):
                empty = False
                yield record
        except DataError:
            raise
        except InputError as error:
            raise _of_file(self.path, error) from error
        if empty:
            raise fault(self.path, 1, "the file is empty; expected at least one record")


def fault(path: Path, line: int, message: str) -> DataError:
    """The error for a line of a file.

    Args:
        path: The file.
        line: The line, from 1; 1 for an error that concerns the whole file.
        message: What is wrong, and what to do.
    """
    return DataError(f"{path}:{line}: {message}")


def _of_file(path: Path, error: InputError) -> DataError:
    return fault(path, 1, str(error).removeprefix(f"{path}: "))


def read_records(path: Path) -> Iterator[Record]:
    """Open a file and read its records; see `open_records` and `RecordFile.records`."""
    yield from open_records(path).records()


def open_records(path: Path) -> RecordFile:
    """Find out how a file is written.

    Args:
        path: The file.

    Returns:
        The file, ready to be read.

    Raises:
        DataError: The file cannot be read, or is one JSON array.
        MissingExtra: A library that the file needs is not installed.
    """
    if path.exists() and not path.is_file():
        raise fault(path, 1, "not a regular file; save the stream to a file, because it is read twice")
    try:
        head = read_head(path)
        shape = _shape(head)
    except InputError as error:
        raise _of_file(path, error) from error
    encoding = head.encoding
    layout: dict[str, Any] = {}
    details = [encoding.upper()]
    if shape == "JSON Lines":
        encoding = jsonlines.encoding_of(head)
        details = [encoding.upper()]
    elif shape == "CSV":
        layout = dialects.guess_layout(head.text)
        details += dialects.describe_dialect(layout["delimiter"], layout["quoting"])
    elif shape == "Parquet":
        details = []
    details += [head.packed] if head.packed else []
    described = f"{shape} ({', '.join(details)})" if details else shape
    return RecordFile(path, shape, DataSource(str(path), encoding, **layout, longest=MAX_RECORD_BYTES), described)


_REPORT = re.compile(r'\{\s*"version":\s*\d+,\s*"model":\s*\{')  # of `check --format json`


def _shape(head: Head) -> str:
    suffix = base_name(head.path)[1]
    if parquet.looks_like_parquet(head) or suffix == ".parquet":
        return "Parquet"
    if _REPORT.match(head.text.lstrip()):
        return "report of check"
    if re.match(r"\[\s*[\[{]", head.text.lstrip()):
        name = os.path.basename(head.path)
        raise InputError(f"{head.path}: one JSON array; convert it to JSON Lines: jq -c '.[]' {name} > records.jsonl")
    if jsonlines.looks_like_json(head):
        return "JSON Lines"
    if suffix in DELIMITED_SUFFIXES or (suffix not in TEXT_SUFFIXES - {".txt"} and _has_known_columns(head)):
        return "CSV"
    return "text"


def _has_known_columns(head: Head) -> bool:
    """Whether a file without a telling suffix is delimited: its rows are alike, and its header has a known name."""
    if not delimited.looks_delimited(head):
        return False
    delimiter, *_ = dialects.guess_dialect(head.text)
    names = [name.strip(' "\r') for name in head.text.partition("\n")[0].split(delimiter)]
    return any(guess_column(role, names, {}) for role in ROLES)


# --- one reader for each shape -----------------------------------------------------------------


def _json(path: Path, source: DataSource) -> Iterator[Record]:
    for fields, error, _, line, _ in jsonlines.objects(source):
        if fields is None:
            raise fault(path, line, error or "")
        yield Record(path, line, fields)


def _report(path: Path, source: DataSource) -> Iterator[Record]:
    for fields, error, _, number, _ in jsonvalues.objects(source, path="files[]"):
        if fields is None:
            raise fault(path, number, error or "")
        yield Record(path, number, fields)


def _delimited(path: Path, source: DataSource) -> Iterator[Record]:
    for fields, error, line in delimited.records(source):
        if fields is None or error is not None:
            raise fault(path, line, error or "")
        yield Record(path, line, fields)


def _parquet(path: Path, source: DataSource) -> Iterator[Record]:
    names, line = parquet.names(source), 0
    for values, error, place in parquet.rows(source, 0, names):
        line = line + 1 if place == END else place
        if values is None:
            raise fault(path, line, error or "")
        yield Record(path, line, dict(zip(names, values, strict=True)))


def _text(path: Path, source: DataSource) -> Iterator[Record]:
    whole = StringIO(newline="")
    for raw, _, line, error in source.lines():
        if error is not None:
            raise fault(path, line, error)
        try:
            whole.write(raw.decode(source.text_encoding))
        except UnicodeDecodeError as bad:
            byte = f"byte {bad.start + 1} (0x{raw[bad.start]:02x})"
            remedy = "convert the file, for example with iconv"
            raise fault(path, line, f"{byte} is not {bad.encoding.upper()}; {remedy}") from bad
        if whole.tell() > source.longest:
            raise fault(path, line, f"a text of more than {source.longest:,} characters; split it")
    text = whole.getvalue()
    if text.strip():
        yield Record(path, 1, {"id": base_name(path)[0], "kind": "blog-post", "text": text})


_SHAPES: dict[str, Callable[[Path, DataSource], Iterator[Record]]] = {
    "JSON Lines": _json,
    "report of check": _report,
    "CSV": _delimited,
    "Parquet": _parquet,
    "text": _text,
}
