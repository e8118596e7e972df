"""A part of an archive: one file, how it is written, and its lines from any place on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
import os
from pathlib import Path
from typing import TYPE_CHECKING

from spoilerguard.archives.posts import END
from spoilerguard.errors import InputError
from spoilerguard.files.streams import damage, guess_encoding, has_plain_lines, packing, transcoded, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedReader

__all__ = ["LONGEST", "Head", "Line", "Meter", "Part", "head_of", "unreadable"]

LONGEST = 1 << 26  # bytes of a record; a longer one becomes an error, so that memory has a bound
_HEAD = 1 << 18  # bytes by which a format is told
_SKIP = 1 << 20


class Meter:
    """How many bytes of a part have been read, packed as they are."""

    def __init__(self) -> None:
        self.tell: Callable[[], int] = int

    def __reduce__(self) -> tuple[type[Meter], tuple[()]]:
        return Meter, ()


# A line with its end, the place after it, and what stands in for a line that cannot be had.
Line = tuple[bytes, int, str | None]


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an archive (or a database), and what is settled about how it is written."""

    path: str
    encoding: str = "utf-8"
    delimiter: str = ","
    quoting: str = "double"  # how a quote within quotes is written; a key of QUOTINGS
    query: str = ""  # to a database
    longest: int = LONGEST
    meter: Meter = field(default_factory=Meter, compare=False)

    @contextmanager
    def open(self, place: int = 0) -> Iterator[BufferedReader]:
        """The unpacked content from a place on, in the part's encoding or, where lines demand it, UTF-8.

        Raises InputError for a file that is not there, MissingExtra for one that cannot be unpacked.
        """
        with ExitStack() as stack:
            try:
                raw = stack.enter_context(Path(self.path).open("rb"))
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
        """The lines from a place on, none of which is longer than `longest`; what stands in for one says why.

        Where the file is damaged the last line says so, at the place END. Raises InputError where it
        cannot be read at all.
        """
        limit, first = self.longest + 1, place == 0
        try:
            with self.open(place) as stream:
                while raw := stream.readline(limit):
                    place += len(raw)
                    if len(raw) == limit and not raw.endswith(b"\n"):
                        while (more := stream.readline(_SKIP)) and not more.endswith(b"\n"):
                            place += len(more)
                        place += len(more)
                        yield b"", place, self.too_long()
                        continue
                    if first:
                        first, raw = False, self._unmarked(raw)
                    yield raw, place, None
        except damage() as error:
            yield b"", END, self.damaged(error)

    def _unmarked(self, raw: bytes) -> bytes:
        """The first line without its byte order mark."""
        return raw.removeprefix(b"\xef\xbb\xbf") if self.text_encoding == "utf-8" else raw

    @property
    def text_encoding(self) -> str:
        """That of the lines."""
        return self.encoding if has_plain_lines(self.encoding) else "utf-8"

    def damaged(self, error: Exception) -> str:
        """What to say of damage in the middle. Raises InputError where it is not the file's content."""
        if isinstance(error, OSError) and error.errno is not None:
            raise self.fault(error) from error
        return f"the compressed data is damaged or cut off here ({error}); fetch the file again"

    def fault(self, error: OSError) -> InputError:
        return unreadable(self.path, error)

    def too_long(self) -> str:
        return f"a record of more than {self.longest:,} bytes; split it"


def unreadable(path: str | os.PathLike[str], error: OSError) -> InputError:
    return InputError(f"{path}: cannot be read ({error.strerror or error}); check the path")


# --- what it is --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file, unpacked and decoded, by which its format is told."""

    path: Path
    packed: str | None
    encoding: str
    raw: bytes
    text: str


def head_of(path: Path, encoding: str | None = None) -> Head:
    """The head of a file. Raises InputError where it cannot be read, MissingExtra where not unpacked."""
    part = Part(str(path), "latin-1")
    try:
        with path.open("rb") as file:
            packed = packing(file.read(6))
    except OSError as error:
        raise unreadable(path, error) from error
    raw = b""
    try:
        with part.open() as stream:
            while len(raw) < _HEAD and (more := stream.read1(_HEAD - len(raw))):
                raw += more
    except damage() as error:
        if not raw:
            raise InputError(f"{path}: {part.damaged(error)}") from error
        part.damaged(error)  # what is there is read; the damage is met again, and told
    encoding = encoding or guess_encoding(b"".join([_whole_lines(raw), *([] if packed else _samples(path))]))
    return Head(path, packed, encoding, raw, raw.decode(encoding, "replace").removeprefix("\ufeff"))


def _samples(path: Path) -> Iterator[bytes]:
    """Lines from the middle of a file: the head of many is ASCII alone."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for quarter in (1, 2, 3) if size > 4 * _HEAD else ():
            file.seek(size * quarter // 4)
            yield _whole_lines(file.read(_HEAD).partition(b"\n")[2])


def _whole_lines(raw: bytes) -> bytes:
    return raw[: raw.rfind(b"\n") + 1] or raw
