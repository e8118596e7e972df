"""Parquet (https://parquet.apache.org): single files, and the files of a partitioned folder.

A file says little about the memory that it takes: a text that is stored once may stand in every row, and a page may
unpack to gigabytes. So the headers of the pages are read before Arrow reads the pages.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, nullcontext
import io
from itertools import repeat
import mmap
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote

from spoilerguard.errors import InputError
from spoilerguard.files.pagesizes import DELTA_BYTE_ARRAY, DICTIONARY, Page, pages_of
from spoilerguard.files.source import END
from spoilerguard.files.storage import is_url, opened
from spoilerguard.files.streams import optional

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spoilerguard.files.source import DataSource, Head, RawRow

__all__ = ["looks_like_parquet", "names", "rows"]

_MOST_LOST = 1 << 24  # rows of a damaged row group that become one error each
_ROWS, _BYTES = 1024, 1 << 22  # of a batch at most: large enough to be fast, small enough for long texts
_EXPANDED = 1 << 26  # bytes that a batch may take at most, if more than one row does not
_DENSE = 20  # times the size at which it is stored that a page larger than this may have
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
    with _open(source) as (file, _):
        own = tuple(file.schema_arrow.names)
    return (*own, *(name for name in _of_folders(source.path) if name not in own))


def _of_folders(path: str) -> dict[str, str]:
    pairs = (name.partition("=") for name in Path(path).parent.parts)
    return {name: unquote(value) for name, sign, value in pairs if sign}


@contextmanager
def _open(source: DataSource) -> Iterator[tuple[Any, BinaryIO | None]]:
    """The reader of a file, and the file itself where it is not on disk."""
    parquet, arrow = optional("pyarrow.parquet", "scan"), optional("pyarrow", "scan")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(opened(source.path, places=True)) if is_url(source.path) else source.path
            reader = stack.enter_context(parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False))
        except (arrow.ArrowException, OSError, ValueError) as error:
            if is_url(source.path) and isinstance(error, OSError) and error.errno is not None:
                raise source.fault(error) from error
            message = f"not a readable Parquet file ({error}); fetch or write it again"
            raise InputError(f"{source.path}: {message}") from error
        yield reader, None if isinstance(file, str) else file


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
    with _open(source) as (file, far):
        size = os.stat(source.path).st_size if far is None else far.seek(0, os.SEEK_END)
        at, total = place, max(1, file.metadata.num_rows)
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
                most = _batch(source, file, far, group, columns)
                for batch in file.iter_batches(most, row_groups=[group], columns=columns, use_threads=False):
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


def _batch(source: DataSource, file: Any, far: BinaryIO | None, group: int, columns: Sequence[str | None]) -> int:
    """How many rows of a row group to read at a time.

    Raises:
        InputError: A page would unpack to far more than it is stored in.
    """
    about = file.metadata.row_group(group)
    usual = min(_ROWS, _BYTES * int(about.num_rows) // max(1, int(about.total_byte_size)))
    _check_footer(file, group, columns)
    read = [n for n in range(about.num_columns) if file.schema.column(n).path.partition(".")[0] in columns]
    sizes = [usual]
    with nullcontext(_Bytes(far)) if far else _mapped(source.path) as data:
        for chunk in map(about.column, read):
            pages = list(pages_of(data, chunk))
            for page in pages:
                if page.size > max(_EXPANDED, _DENSE * page.stored):
                    raise InputError(
                        f"{source.path}: a page of {page.size:,} bytes is stored in {page.stored:,}, which no text "
                        "needs; write the file again with smaller pages"
                    )
            sizes.append(_fitting(pages, usual))
    return max(1, min(sizes))


class _NoPages(io.RawIOBase):
    """The content of a file of which nothing can be read, and whether somebody tried."""

    tried = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = os.SEEK_SET, /) -> int:
        return place

    def tell(self) -> int:
        return 1 << 62

    def read(self, size: int = -1, /) -> bytes:
        self.tried = True  # an exception of ours would be kept for ever by Arrow, with all that its frames hold
        return b""


def _check_footer(file: Any, group: int, columns: Sequence[str | None]) -> None:
    """Have Arrow check what the footer says of the columns of a row group.

    `RowGroupMetaData.column` checks it too, but ends the process where it is wrong (seen with pyarrow 26). A reader
    raises, before it reads a page; this one has no pages to read.

    Raises:
        OSError: It is wrong.
    """
    arrow, parquet = optional("pyarrow", "scan"), optional("pyarrow.parquet", "scan")
    pages = _NoPages()
    reader = parquet.ParquetFile(arrow.PythonFile(pages, mode="r"), metadata=file.metadata)
    try:
        next(reader.iter_batches(1, row_groups=[group], columns=columns, use_threads=False), None)
    except (arrow.ArrowException, OSError):
        if not pages.tried:
            raise


@contextmanager
def _mapped(path: str) -> Iterator[mmap.mmap]:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


class _Bytes:
    """The bytes of a file that is not on disk, by their places; the file keeps the blocks that it has read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._start, self._window = file, 0, b""

    def __getitem__(self, at: int, /) -> int:
        if not 0 <= at - self._start < len(self._window):
            self._start = self._file.seek(at)
            self._window = self._file.read(1 << 12)
        return self._window[at - self._start]


def _fitting(pages: Sequence[Page], most: int) -> int:
    """How many rows of a column fit into a batch, whatever their texts are."""
    shared = sum(page.size for page in pages if page.kind == DICTIONARY or page.encoding == DELTA_BYTE_ARRAY)
    most = min(most, _EXPANDED // max(1, shared))  # each row may have the longest text that is stored once
    data = [page for page in pages if page.kind != DICTIONARY]
    while most > 1 and _heaviest(data, most) > _EXPANDED:
        most //= 4
    return most


def _heaviest(pages: Sequence[Page], rows: int) -> int:
    """The most bytes of the pages in which so many consecutive rows can stand."""
    most = held = between = first = 0
    for k, page in enumerate(pages):
        held += page.size
        between += pages[k - 1].values if k - 1 > first else 0
        while first < k and between + 2 > rows:  # from the last row of the first page to the first of this one
            held -= pages[first].size
            first += 1
            between -= pages[first].values if first < k else 0
        most = max(most, held)
    return most


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
