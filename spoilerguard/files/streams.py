"""Files as streams of bytes: unpacked and, where the encoding hides line breaks, converted to UTF-8.

The first bytes of a file, never its name, decide how it is unpacked. Memory use is a few buffers, whatever the
size of the content. Damage raises one of `damage()`, after everything before it has been read.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import importlib
import io
import lzma
import os
from pathlib import Path
import re
import sys
from typing import TYPE_CHECKING, Any, Protocol, cast
import zlib

from spoilerguard.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

__all__ = [
    "BYTE_ORDER_MARKS",
    "DATA_SUFFIXES",
    "DELIMITED_SUFFIXES",
    "JSON_SUFFIXES",
    "PACKED_SUFFIXES",
    "TEXT_SUFFIXES",
    "allow_long_fields",
    "base_name",
    "damage",
    "encoding_named",
    "guess_encoding",
    "has_plain_lines",
    "optional",
    "packing",
    "transcoded",
    "unpacked",
]

JSON_SUFFIXES = frozenset({".jsonl", ".ndjson", ".json"})
DELIMITED_SUFFIXES = frozenset({".csv", ".tsv"})
TEXT_SUFFIXES = frozenset({".txt", ".md", ".markdown"})
PACKED_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".zst"})
DATA_SUFFIXES = JSON_SUFFIXES | DELIMITED_SUFFIXES | {".parquet"}

_BUFFER = 1 << 16


def optional(module: str, extra: str) -> Any:
    """Import a module of an optional library.

    Args:
        module: The module.
        extra: The extra that installs the library.

    Raises:
        MissingExtra: The library is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(module.partition(".")[0], extra) from error


def base_name(path: str | os.PathLike[str]) -> tuple[str, str]:
    """The name of a file without its suffixes, and its data suffix in lower case: "x", ".csv" for x.CSV.gz."""
    name = Path(Path(path).name)
    if name.suffix.lower() in PACKED_SUFFIXES:
        name = name.with_suffix("")
    suffix = name.suffix.lower()
    known = suffix in DATA_SUFFIXES or suffix in TEXT_SUFFIXES
    return (name.stem, suffix) if known else (name.name, "")


def allow_long_fields(longest: int) -> None:
    """Raise the limit of the csv module: its default is shorter than some reviews.

    The limit applies to the whole process, so every reader sets it before it starts.

    Args:
        longest: The most characters of a field; never less than the default.
    """
    csv.field_size_limit(max(longest, 1 << 17))


# --- unpacking ---------------------------------------------------------------------------------


class _Reads(Protocol):
    def read1(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class _Frames:
    """The content of consecutive zstd frames.

    The reader of the library mistakes a truncated file for a complete one; these objects do not. A frame may
    unpack to 32,768 times its size, so it is fed in small pieces.
    """

    _PIECE = 256

    def __init__(self, file: io.BufferedReader) -> None:
        # Some dumps use windows of up to 2 GiB.
        self._library = optional("zstandard", "scan").ZstdDecompressor(max_window_size=1 << 31)
        self._file = file
        self._frame: Any = None  # the unfinished one
        self._ready, self._at = b"", 0

    def read1(self, size: int, /) -> bytes:
        while self._at == len(self._ready):
            piece = self._file.read(self._PIECE)
            if not piece:
                if self._frame is not None:
                    raise EOFError("Compressed file ended before the end of a frame was reached")
                return b""
            self._ready, self._at = self._unpack(piece), 0
        data = self._ready[self._at : self._at + size]
        self._at += len(data)
        return data

    def _unpack(self, piece: bytes) -> bytes:
        found = []
        while piece:
            self._frame = self._frame or self._library.decompressobj()
            found.append(self._frame.decompress(piece))
            piece = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        return b"".join(found)

    def close(self) -> None:
        self._ready = b""


class _Unpacking(io.RawIOBase):
    """Reads only what the inner reader has ready, so that an error loses nothing before it."""

    def __init__(self, inner: _Reads, file: io.BufferedReader) -> None:
        self._inner, self._file = inner, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._inner.read1(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
            self._file.close()
        super().close()


_PACKINGS: tuple[tuple[bytes, str, Callable[[io.BufferedReader], _Reads]], ...] = (
    (b"\x1f\x8b", "gzip", lambda file: cast("_Reads", gzip.GzipFile(fileobj=file, mode="rb"))),
    (b"BZh", "bzip2", bz2.BZ2File),
    (b"\xfd7zXZ\x00", "xz", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", "zstd", _Frames),
)


def packing(head: bytes) -> str | None:
    """The compression of a file with these first bytes: "gzip", "bzip2", "xz", "zstd" or None."""
    return next((name for magic, name, _ in _PACKINGS if head.startswith(magic)), None)


def unpacked(file: io.BufferedReader) -> io.BufferedReader:
    """Unpack an open file.

    Args:
        file: The file; closed with the result, and on an error.

    Returns:
        The content: the file itself where it is not packed.

    Raises:
        MissingExtra: It is packed with zstd, and that library is not installed.
    """
    try:
        head = file.read(6)
        file.seek(0)
        for magic, _, reader in _PACKINGS:
            if head.startswith(magic):
                return io.BufferedReader(_Unpacking(reader(file), file), _BUFFER)
    except (OSError, MissingExtra):
        file.close()
        raise
    return file


def damage() -> tuple[type[Exception], ...]:
    """The exceptions of reading a damaged or missing file, whatever unpacks it; OSError covers both."""
    zstandard = sys.modules.get("zstandard")
    more = (zstandard.ZstdError,) if zstandard else ()
    return (OSError, EOFError, zlib.error, lzma.LZMAError, *more)


# --- encodings ---------------------------------------------------------------------------------


def encoding_named(name: str) -> str:
    """The normal name of an encoding.

    Args:
        name: Any of its names.

    Returns:
        The name; "utf-8" for "utf-8-sig".

    Raises:
        InputError: There is no such encoding for files.
    """
    try:
        "".encode(name)  # fails for codecs that are not for text
        found = codecs.lookup(name).name.replace("_", "-")
    except (LookupError, ValueError):
        found = "undefined"
    if found in _NOT_OF_FILES:
        raise InputError(f"unknown encoding {name!r}; for example, utf-8, utf-16 or cp1252")
    return "utf-8" if found == "utf-8-sig" else found


_NOT_OF_FILES = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}


def has_plain_lines(encoding: str) -> bool:
    """Whether line breaks, commas and quotes are their ASCII bytes, so that lines can be found before decoding."""
    return '\n,"'.encode(encoding) == b'\n,"'


class _Transcoding:
    """A stream in any encoding, as UTF-8; undecodable bytes become U+FFFD."""

    def __init__(self, stream: io.BufferedReader, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ready, self._at, self._ended = b"", 0, False

    def read1(self, size: int, /) -> bytes:
        while self._at == len(self._ready) and not self._ended:
            data = self._stream.read1(_BUFFER)
            self._ended = not data
            self._ready, self._at = self._decoder.decode(data, self._ended).encode("utf-8", "replace"), 0
        data = self._ready[self._at : self._at + size]
        self._at += len(data)
        return data

    def close(self) -> None:
        self._ready = b""


def transcoded(stream: io.BufferedReader, encoding: str) -> io.BufferedReader:
    """The text of a stream in UTF-8; closing it closes both."""
    return io.BufferedReader(_Unpacking(_Transcoding(stream, encoding), stream), _BUFFER)


BYTE_ORDER_MARKS = (  # the longer ones first: UTF-32 begins like UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


_BROKEN = re.compile("[\udc80-\udcff]")  # how `surrogateescape` decodes a byte that is not UTF-8
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def guess_encoding(sample: bytes) -> str:
    """Guess the encoding of a text.

    A byte order mark decides. Without one, zeros in every second byte mean UTF-16. Otherwise it is UTF-8, unless
    invalid bytes outweigh valid characters of two bytes or more.

    Args:
        sample: Part of a file, from the start of the file or of a line.

    Returns:
        "utf-8", "utf-16" (also "-le", "-be"), "utf-32" or "cp1252".
    """
    for mark, name in BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return name
    half = len(sample) // 2
    for first, name in ((0, "utf-16-be"), (1, "utf-16-le")):
        if half and sample[first::2].count(0) > 0.4 * half and sample[1 - first :: 2].count(0) < 0.1 * half:
            return name
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(sample)  # the end may be half a character
    broken, beyond = len(_BROKEN.findall(text)), len(_BEYOND_ASCII.findall(text))
    return "utf-8" if beyond > 2 * broken or not broken else "cp1252"
