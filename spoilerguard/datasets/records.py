"""Rows of any data file, streamed; a fault in one is a DataError that starts `path:line:`.

A file is JSON Lines, delimited text (CSV, TSV), Parquet or plain text, and may be packed with gzip,
bzip2, xz or zstd. Which of them it is, its first bytes say; the suffix decides only where they
leave it open. Parquet has no lines: there the number is that of the row, from 1.
"""

from __future__ import annotations

import csv
from io import StringIO
import json
from pathlib import Path
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from spoilerguard.errors import DataError
from spoilerguard.files.streams import (
    DATA_SUFFIXES,
    DELIMITED_SUFFIXES,
    JSON_SUFFIXES,
    TEXT_SUFFIXES,
    allow_long_fields,
    base_name,
    damage,
    optional,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader

__all__ = ["DATA_SUFFIXES", "TEXT_SUFFIXES", "Row", "base_name", "fault", "read_rows"]

_LONGEST_FIELD = 1 << 24  # characters; the csv module's own limit is shorter than some reviews
_LONGEST_LINE = 1 << 26  # bytes, so that memory has a bound whatever a packed file unpacks to
_HEAD = 65_536  # bytes by which a file's shape is judged
_NAMES = re.compile(r"\"?[\w.-]{1,40}\"?(?:[,;\t|]\"?[\w.-]{1,40}\"?)+\r?\n")


class Row(NamedTuple):
    """One record of a file: where it stands, and its fields by name."""

    path: Path
    line: int
    fields: dict[str, Any]

    def fault(self, message: str) -> DataError:
        return fault(self.path, self.line, message)


def fault(path: Path, line: int, message: str) -> DataError:
    """The error for a 1-based line (1 where the file as a whole is meant)."""
    return DataError(f"{path}:{line}: {message}")


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file, one at a time; a file without any is a DataError."""
    if path.exists() and not path.is_file():
        raise fault(path, 1, "not a file; save the stream as one, for it is read twice")
    empty = True
    for row in _SHAPES[_shape(path)](path):
        empty = False
        yield row
    if empty:
        raise fault(path, 1, "the file is empty; expected at least one record")


# --- bytes and lines ---------------------------------------------------------------------------


def _open(path: Path) -> BufferedReader:
    return unpacked(path.open("rb"))


def _cannot_read(path: Path, line: int, error: Exception) -> DataError:
    if isinstance(error, OSError) and error.strerror:
        return fault(path, 1, f"cannot be read: {error.strerror}; check the path")
    return fault(path, line, f"the compressed data is damaged or cut off here ({error}); fetch the file again")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 text, each with its 1-based number and its line break."""
    number = 0
    try:
        with _open(path) as stream:
            while raw := stream.readline(_LONGEST_LINE + 1):
                number += 1
                if len(raw) > _LONGEST_LINE:
                    raise fault(path, number, f"a line of more than {_LONGEST_LINE:,} bytes; split it")
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        message = f"byte {error.start + 1} (0x{byte:02x}) is not UTF-8; convert the file, for example with iconv"
        raise fault(path, number, message) from error
    except damage() as error:
        raise _cannot_read(path, number + 1, error) from error


def _shape(path: Path) -> str:
    try:
        with _open(path) as stream:
            head = stream.read(_HEAD)
    except damage():  # reading on will find the line
        head = b""
    start = head.decode("utf-8-sig", errors="replace").lstrip()
    suffix = base_name(path)[1]
    if head.startswith(b"PAR1") or suffix == ".parquet":
        return "parquet"
    if re.match(r"\[\s*\{", start):
        raise fault(path, 1, "one JSON array; expected JSON Lines, one object a line (jq -c '.[]' FILE makes it so)")
    if re.match(r'\{\s*"', start) or suffix in JSON_SUFFIXES:
        return "json"
    if suffix in DELIMITED_SUFFIXES or (suffix not in TEXT_SUFFIXES and _NAMES.match(start)):
        return "delimited"
    return "text"


# --- one reader for each shape -----------------------------------------------------------------


def _json_rows(path: Path) -> Iterator[Row]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except json.JSONDecodeError as error:
            message = f"not valid JSON ({error.msg}, column {error.colno}); expected one JSON object a line"
            raise fault(path, number, message) from error
        except (ValueError, RecursionError) as error:
            raise fault(path, number, f"JSON that cannot be read ({error}); remove or mend the line") from error
        if not isinstance(fields, dict):
            raise fault(path, number, f"a JSON {type(fields).__name__}; expected one JSON object a line")
        yield Row(path, number, fields)


def _delimited_rows(path: Path) -> Iterator[Row]:
    allow_long_fields(_LONGEST_FIELD)
    first = next((line for _, line in _lines(path)), "")
    delimiter = max(",\t;|", key=first.count)
    # Strict: an unclosed quote must not swallow the rest of the file without a word.
    reader = csv.reader((line for _, line in _lines(path)), delimiter=delimiter, strict=True)
    header: list[str] = []
    while True:
        line = reader.line_num + 1  # where the row begins: a quoted field may span several lines
        try:
            cells = next(reader, None)
        except csv.Error as error:
            message = f"the row that begins here is not valid CSV ({error}); close its quotes, double those inside"
            raise fault(path, line, message) from error
        if cells is None:
            return
        if not cells:
            continue
        if not header:
            header = [name.strip() for name in cells]
            continue
        if len(cells) != len(header):
            message = f"{len(cells)} fields where the header has {len(header)}; quote fields that contain {delimiter!r}"
            raise fault(path, line, message)
        yield Row(path, line, dict(zip(header, cells, strict=True)))


def _parquet_rows(path: Path) -> Iterator[Row]:
    parquet, arrow = optional("pyarrow.parquet", "scan"), optional("pyarrow", "scan")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=512):
                for fields in batch.to_pylist():
                    number += 1
                    yield Row(path, number, fields)
    except (arrow.ArrowException, OSError) as error:
        raise fault(path, number + 1, f"not a readable Parquet file ({error}); fetch or write it again") from error


def _text_rows(path: Path) -> Iterator[Row]:
    whole = StringIO(newline="")
    for number, line in _lines(path):
        whole.write(line)
        if whole.tell() > _LONGEST_LINE:
            raise fault(path, number, f"a text of more than {_LONGEST_LINE:,} characters; split it")
    text = whole.getvalue()
    if text.strip():
        yield Row(path, 1, {"id": base_name(path)[0], "kind": "blog-post", "text": text})


_SHAPES: dict[str, Callable[[Path], Iterator[Row]]] = {
    "json": _json_rows,
    "delimited": _delimited_rows,
    "parquet": _parquet_rows,
    "text": _text_rows,
}
