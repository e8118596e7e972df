"""A source of records: one file (or a query to a database), how it is written, and its lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
import os
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError
from spoilerguard.files.storage import opened, stored
from spoilerguard.files.streams import damage, guess_encoding, has_plain_lines, packing, transcoded, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedReader

__all__ = ["END", "MAX_RECORD_BYTES", "DataSource", "Head", "Line", "Meter", "RawRow", "read_head", "unreadable"]

MAX_RECORD_BYTES = 1 << 26  # a longer record becomes an error, so memory stays bounded
END = -1  # the place after damage: nothing more can be read

_HEAD = 1 << 18  # bytes used to recognise a format
_SKIP = 1 << 20

# A line with its line break, the place after it, its number (from 1, counted from where reading began),
# and why it could not be read. Bare tuples: there are millions of them.
Line = tuple[bytes, int, int, str | None]

# One record: the values of the columns asked for, why it could not be read, and the place after it. A
# record with an error may still have values, but its text is not used.
RawRow = tuple[Sequence[Any] | None, str | None, int]


class Meter:
    """How many bytes of a source have been read, before unpacking."""

    def __init__(self) -> None:
        self.tell: Callable[[], int] = int

    def __reduce__(self) -> tuple[type[Meter], tuple[()]]:
        return Meter, ()


@dataclass(frozen=True, slots=True)
class DataSource:
    """One file or database, and how it is written.

    Attributes:
        path: The file, its URL on shared storage, or the URL of the database.
        encoding: The encoding of the text.
        delimiter: The character between the cells of a delimited file.
        quoting: How a quote inside quotes is written; a key of `dialects.QUOTINGS`.
        before: The rows before the header of a delimited file: a title, or `sep=;`.
        header: Whether a delimited file has a header; without one, its columns are numbered.
        extra: The empty cells that rows of a delimited file have after those of the header.
        query: The query, for a database.
        longest: The most bytes that one record may have.
        meter: How far the newest reader has come.
    """

    path: str
    encoding: str = "utf-8"
    delimiter: str = ","
    quoting: str = "double"
    before: int = 0
    header: bool = True
    extra: int = 0
    query: str = ""
    longest: int = MAX_RECORD_BYTES
    meter: Meter = field(default_factory=Meter, compare=False)

    @contextmanager
    def open(self, place: int = 0) -> Iterator[BufferedReader]:
        """Open the unpacked content.

        Args:
            place: The byte of the content to start at.

        Yields:
            The content in the source's encoding, or in UTF-8 where lines cannot be found otherwise.

        Raises:
            InputError: The file does not exist or cannot be read.
            MissingExtra: The library that unpacks the file is not installed.
        """
        with ExitStack() as stack:
            try:
                raw = stack.enter_context(opened(self.path))
                stream = stack.enter_context(unpacked(raw))
            except OSError as error:
                raise self.fault(error) from error
            if not has_plain_lines(self.encoding):
                stream = stack.enter_context(transcoded(stream, self.encoding))
            self.meter.tell = raw.tell
            try:
                if stream is raw:
                    raw.seek(place)
                while place and stream is not raw and (skipped := stream.read(min(place, _SKIP))):
                    place -= len(skipped)
                yield stream
            finally:
                read = raw.tell()
                self.meter.tell = lambda: read

    def lines(self, place: int = 0) -> Iterator[Line]:
        """Read the lines from a place on, none of them longer than `longest`.

        A line that is too long comes out empty, with an error. Where the file is damaged, the last line
        carries the error, and its place is END.

        Args:
            place: The byte of the content to start at.

        Yields:
            Each line.

        Raises:
            InputError: The file cannot be read at all.
        """
        limit, first, number = self.longest + 1, place == 0, 0
        try:
            with self.open(place) as stream:
                while raw := stream.readline(limit):
                    number += 1
                    place += len(raw)
                    if len(raw) == limit and not raw.endswith(b"\n"):
                        while (more := stream.readline(_SKIP)) and not more.endswith(b"\n"):
                            place += len(more)
                        place += len(more)
                        yield b"", place, number, self.too_long()
                        continue
                    if first:
                        first, raw = False, self._unmarked(raw)
                    yield raw, place, number, None
        except damage() as error:
            yield b"", END, number + 1, self.damaged(error)

    def _unmarked(self, raw: bytes) -> bytes:
        """The first line without its byte order mark."""
        return raw.removeprefix(b"\xef\xbb\xbf") if self.text_encoding == "utf-8" else raw

    @property
    def text_encoding(self) -> str:
        """The encoding of the lines that `lines` yields."""
        return self.encoding if has_plain_lines(self.encoding) else "utf-8"

    def damaged(self, error: Exception) -> str:
        """The message for damaged content.

        Raises:
            InputError: The error is not about the content: the file cannot be read.
        """
        if isinstance(error, OSError) and error.errno is not None:
            raise self.fault(error) from error
        return f"the compressed data is damaged or cut off here ({error}); fetch the file again"

    def fault(self, error: OSError) -> InputError:
        """The error for a file that cannot be read."""
        return unreadable(self.path, error)

    def too_long(self) -> str:
        """The message for a record of too many bytes."""
        return f"a record of more than {self.longest:,} bytes; split it"


def unreadable(path: str | os.PathLike[str], error: OSError) -> InputError:
    """The error for a file that cannot be read."""
    return InputError(f"{path}: cannot be read ({error.strerror or error}); check the path")


# --- recognition -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file, unpacked and decoded: enough to recognise its format."""

    path: str
    packed: str | None
    encoding: str
    raw: bytes
    text: str


def read_head(path: str | os.PathLike[str], encoding: str | None = None) -> Head:
    """Read the beginning of a file.

    Args:
        path: The file, or its URL.
        encoding: Its encoding; by default guessed from its beginning and three places further on.

    Returns:
        The head.

    Raises:
        InputError: The file cannot be read.
        MissingExtra: The library that unpacks the file is not installed.
    """
    path = os.fspath(path)
    source = DataSource(path, "latin-1")
    try:
        with opened(path, places=True) as file:
            packed = packing(file.read(6))
    except OSError as error:
        raise unreadable(path, error) from error
    raw = b""
    try:
        with source.open() as stream:
            while len(raw) < _HEAD and (more := stream.read1(_HEAD - len(raw))):
                raw += more
    except damage() as error:
        if not raw:
            raise InputError(f"{path}: {source.damaged(error)}") from error
        source.damaged(error)  # the readers meet the damage again, and report it there
    encoding = encoding or guess_encoding(b"".join([_whole_lines(raw), *([] if packed else _samples(path))]))
    return Head(path, packed, encoding, raw, raw.decode(encoding, "replace").removeprefix("\ufeff"))


def _samples(path: str) -> Iterator[bytes]:
    """Lines from the middle of a file: the beginning of many files is pure ASCII."""
    size = stored(path).size
    with opened(path, places=True) as file:
        for quarter in (1, 2, 3) if size > 4 * _HEAD else ():
            file.seek(size * quarter // 4)
            yield _whole_lines(file.read(_HEAD).partition(b"\n")[2])


def _whole_lines(raw: bytes) -> bytes:
    return raw[: raw.rfind(b"\n") + 1] or raw
