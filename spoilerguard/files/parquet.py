"""Parquet (https://parquet.apache.org): single files, and the files of a partitioned folder."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from spoilerguard.errors import InputError
from spoilerguard.files.source import END
from spoilerguard.files.streams import optional

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spoilerguard.files.source import DataSource, Head, RawRow

__all__ = ["looks_like_parquet", "names", "rows"]

_MOST_LOST = 1 << 24  # rows of a damaged row group that become one error each
_ROWS, _BYTES = 1024, 1 << 22  # of a batch at most: large enough to be fast, small enough for long texts
_EXPANDED = 1 << 26  # bytes of a batch whose rows all have the longest text that is stored once for many rows
_BUFFER = 1 << 20  # bytes of a column read ahead; without it, a whole row group is read


def looks_like_parquet(head: Head) -> bool:
    """Whether a file has Parquet's magic number."""
    return head.raw.startswith(b"PAR1")


def names(source: DataSource) -> tuple[str, ...]:
    """The column names; those from folder names (`year=2024/`) come last.

    Raises:
        InputError: The file cannot be read.
        MissingExtra: pyarrow is not installed.
    """
    with _open(source) as file:
        own = tuple(file.schema_arrow.names)
    return (*own, *(name for name in _of_folders(source.path) if name not in own))


def _of_folders(path: str) -> dict[str, str]:
    pairs = (name.partition("=") for name in Path(path).parent.parts)
    return {name: unquote(value) for name, sign, value in pairs if sign}


def _open(source: DataSource) -> Any:
    parquet, arrow = optional("pyarrow.parquet", "scan"), optional("pyarrow", "scan")
    try:
        return parquet.ParquetFile(source.path, buffer_size=_BUFFER, pre_buffer=False)
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{source.path}: not a readable Parquet file ({error}); fetch or write it again") from error


def rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read the wanted columns of each row from a place on.

    Where a row group is damaged, each row that it should still contain is an error.

    Args:
        source: The file.
        place: The number of rows to skip.
        wanted: Column names; None gives None.

    Yields:
        Each row; its place is its number, from 1.

    Raises:
        InputError: The file cannot be read.
        MissingExtra: pyarrow is not installed.
    """
    arrow = optional("pyarrow", "scan")
    with _open(source) as file:
        size, total = Path(source.path).stat().st_size, max(1, file.metadata.num_rows)
        at = place
        source.meter.tell = lambda: size * at // total
        own = set(file.schema_arrow.names)
        columns = [name for name in dict.fromkeys(wanted) if name in own]
        fixed = _of_folders(source.path)
        begin = end = 0
        for group in range(file.num_row_groups):
            begin, end = end, end + file.metadata.row_group(group).num_rows
            if end <= place:
                continue
            try:
                for batch in file.iter_batches(
                    _batch(source, file, group, columns), row_groups=[group], columns=columns, use_threads=False
                ):
                    begin, skip = begin + len(batch), max(place - begin, 0)
                    cells = {name: _values(batch.column(name)[skip:]) for name in columns}
                    every = [cells[name] if name in cells else repeat(fixed.get(name or "")) for name in wanted]
                    for values in zip(range(begin - len(batch) + skip + 1, begin + 1), *every, strict=False):
                        at = values[0]
                        yield values[1:], None, at
            except (arrow.ArrowException, OSError, ValueError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise source.fault(error) from error
                message = f"this part of the Parquet file is damaged ({error}); fetch or write it again"
                if end > file.metadata.num_rows or end - at > max(_MOST_LOST, size):  # no writer made this many rows
                    yield None, message, END
                    return
                while at < end:
                    at += 1
                    yield None, message, at


def _batch(source: DataSource, file: Any, group: int, columns: Sequence[str | None]) -> int:
    """How many rows of a row group to read at a time.

    A long text that is stored once may stand in every row, so that kilobytes of a file become gigabytes in memory.
    """
    about = file.metadata.row_group(group)
    usual = min(_ROWS, _BYTES * int(about.num_rows) // max(1, int(about.total_byte_size)))
    chunks = map(about.column, range(about.num_columns))
    longest = max((_shared(source, chunk) for chunk in chunks if chunk.path_in_schema in columns), default=0)
    return max(1, min(usual, _EXPANDED // max(1, longest)))


def _shared(source: DataSource, chunk: Any) -> int:
    """The most bytes that a value of a column may have that is stored once for many rows."""
    if "DELTA_BYTE_ARRAY" in chunk.encodings:  # beginnings of values are stored once
        return int(chunk.total_uncompressed_size)
    start = min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset)), default=0)
    with open(source.path, "rb") as file:
        file.seek(start)
        kind, size = _page(file.read(12))
    return size if kind == _DICTIONARY else 0


_DICTIONARY = 2  # the type of a page


def _page(head: bytes) -> tuple[int, int]:
    """The type and the unpacked size of a page, from the first two fields of its header (Thrift's compact protocol)."""
    found, at = [], 0
    for _ in range(2):
        if head[at : at + 1] != b"\x15":  # the next field, a number of 32 bits
            return 0, 0  # not a header: Arrow will say so
        value = shift = 0
        while True:
            at += 1
            byte = head[at] if at < len(head) else 0
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append(value >> 1)  # zigzag, and never negative
        at += 1
    return found[0], found[1]


def _values(column: Any) -> list[Any]:
    """The column as Python objects; converted one by one where that fails for the whole."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> Any:
    """The value; bytes for a string that is not UTF-8, None for a date that does not exist."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes()
    except (ValueError, OverflowError):
        return None
