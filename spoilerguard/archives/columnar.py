"""Parquet (https://parquet.apache.org), files and the parts of a partitioned folder."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from spoilerguard.archives.posts import END
from spoilerguard.errors import InputError
from spoilerguard.files.streams import optional

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spoilerguard.archives.parts import Head, Part
    from spoilerguard.archives.posts import Row

__all__ = ["looks_like_parquet", "names", "rows"]

_MOST_LOST = 1 << 24  # rows of a damaged group that are each an error
_ROWS, _BYTES = 1024, 1 << 22  # of a batch, at most: the library's cost is shared, and long texts fit
_BUFFER = 1 << 20  # bytes of a column read ahead; without it a whole row group is


def looks_like_parquet(head: Head) -> bool:
    return head.raw.startswith(b"PAR1")


def names(part: Part) -> tuple[str, ...]:
    """The columns, those that the names of folders hold (`year=2024/`) last."""
    with _open(part) as file:
        own = tuple(file.schema_arrow.names)
    return (*own, *(name for name in _of_folders(part.path) if name not in own))


def _of_folders(path: str) -> dict[str, str]:
    pairs = (name.partition("=") for name in Path(path).parent.parts)
    return {name: unquote(value) for name, sign, value in pairs if sign}


def _open(part: Part) -> Any:
    parquet, arrow = optional("pyarrow.parquet", "scan"), optional("pyarrow", "scan")
    try:
        return parquet.ParquetFile(part.path, buffer_size=_BUFFER, pre_buffer=False)
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{part.path}: not a readable Parquet file ({error}); fetch or write it again") from error


def rows(part: Part, place: int, wanted: Sequence[str | None]) -> Iterator[Row]:
    """The wanted columns of each row from a place, the number of a row, on.

    Where a group of rows is damaged, each row that it should still have is an error.
    """
    arrow = optional("pyarrow", "scan")
    with _open(part) as file:
        size, total = Path(part.path).stat().st_size, max(1, file.metadata.num_rows)
        at = place
        part.meter.tell = lambda: size * at // total
        own = set(file.schema_arrow.names)
        columns = [name for name in dict.fromkeys(wanted) if name in own]
        fixed = _of_folders(part.path)
        begin = end = 0
        for group in range(file.num_row_groups):
            begin, end = end, end + file.metadata.row_group(group).num_rows
            if end <= place:
                continue
            try:
                for batch in file.iter_batches(
                    _batch(file, group), row_groups=[group], columns=columns, use_threads=False
                ):
                    begin, skip = begin + len(batch), max(place - begin, 0)
                    cells = {name: _values(batch.column(name)[skip:]) for name in columns}
                    every = [cells[name] if name in cells else repeat(fixed.get(name or "")) for name in wanted]
                    for values in zip(range(begin - len(batch) + skip + 1, begin + 1), *every, strict=False):
                        at = values[0]
                        yield values[1:], None, at
            except (arrow.ArrowException, OSError, ValueError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise part.fault(error) from error
                message = f"this part of the Parquet file is damaged ({error}); fetch or write it again"
                if end > file.metadata.num_rows or end - at > max(_MOST_LOST, size):  # none has written these rows
                    yield None, message, END
                    return
                while at < end:
                    at += 1
                    yield None, message, at


def _batch(file: Any, group: int) -> int:
    """How many rows of a group to read at a time."""
    about = file.metadata.row_group(group)
    return max(1, min(_ROWS, _BYTES * int(about.num_rows) // max(1, int(about.total_byte_size))))


def _values(column: Any) -> list[Any]:
    """As Python objects; where one cannot be had, each on its own."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> Any:
    """A string that is not UTF-8 as bytes; None for a date that no calendar has."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes()
    except (ValueError, OverflowError):
        return None
