"""Drafts on disk: read and decoded, encoded and written."""

from __future__ import annotations

import os
import re
import sys

from spoilerguard.errors import InputError
from spoilerguard.files.atomic import atomic_write
from spoilerguard.files.streams import BYTE_ORDER_MARKS
from spoilerguard.spans import Work

__all__ = [
    "MOST_BYTES", "decode", "encode", "is_address", "no_such_file", "read_bytes", "read_draft", "read_standard_bytes",
    "read_standard_input", "read_work", "write_draft",
]  # fmt: skip

# How files begin that writers have but that hold no text, and what makes a draft of them.
_NOT_TEXT = {
    b"PK\x03\x04": ("a Word, OpenDocument, e-book or zip file", "pandoc FILE -o draft.md"),
    b"\xd0\xcf\x11\xe0": ("an old Word file", "libreoffice --convert-to txt FILE"),
    b"%PDF-": ("a PDF", "pdftotext FILE draft.txt"),
    b"{\\rtf": ("a rich text file", "pandoc FILE -o draft.md"),
}

MOST_BYTES = 16 * 1024 * 1024  # the largest draft: longer than any book; `scan` is for archives


def read_draft(path: str) -> str:
    """The decoded text of a draft. Raises InputError naming the file and the remedy."""
    return decode(read_bytes(path), path)


def read_work(title: str | None, blurb: str | None, synopsis: str | None) -> Work | None:
    """The work that a draft is about, as options and settings give it.

    Args:
        title: Its title.
        blurb: The path of a file with its blurb.
        synopsis: The path of a file with its synopsis.

    Returns:
        The work; None where nothing is given.

    Raises:
        InputError: A file cannot be read.
    """
    return Work.of({"title": title, "blurb": _text_of("blurb", blurb), "synopsis": _text_of("synopsis", synopsis)})


def _text_of(name: str, path: str | None) -> str | None:
    """The text in the file that an option names; a text in place of a file is an error that says so."""
    if path and not os.path.exists(path) and len(path.split()) > 2:
        raise InputError(f"--{name} takes a file, not the text itself; save the text and give its name: {path[:40]!r}")
    return read_draft(path) if path else path


def read_bytes(path: str) -> bytes:
    """The bytes of a draft, up to one more than a draft may have. Raises InputError."""
    try:
        if os.path.isdir(path):
            raise InputError(f"{path}: a folder; name one draft")
        if not os.path.isfile(path) and os.path.exists(path):
            raise InputError(f"{path}: not a file")
        with open(path, "rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InputError(no_such_file(path)) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None


def is_address(path: str) -> bool:
    """Whether a path is an address on the web."""
    return re.match(r"(?i)(?:https?|ftp|file)://", path) is not None


def no_such_file(path: str) -> str:
    """The message for a path that is not there."""
    if is_address(path):
        return f"{path}: an address, and spoilerguard reads nothing from the web; save the page and give the file"
    return f"{path}: no such file"


def read_standard_input(name: str) -> str:
    """The decoded text of standard input, which messages call `name`."""
    return decode(read_standard_bytes(name), name)


def read_standard_bytes(name: str) -> bytes:
    """The bytes of standard input, up to one more than a draft may have. Raises InputError."""
    if sys.stdin is None:
        raise InputError(f"{name}: standard input is closed")
    return sys.stdin.buffer.read(MOST_BYTES + 1)


def decode(data: bytes, path: str) -> str:
    """The text of a draft in UTF-8, or in the encoding that its byte order mark names.

    Nothing is converted: line breaks and a UTF-8 byte order mark stay in the text.

    Raises:
        InputError: The data is too long, binary, or not in its encoding; the message says what to do.
    """
    if len(data) > MOST_BYTES:
        raise InputError(
            f"{path}: larger than a draft may be ({MOST_BYTES // 2**20} MB); split it, or scan it as an archive"
        )
    for start, (what, convert) in _NOT_TEXT.items():
        if data.startswith(start):
            raise InputError(f"{path}: {what}, not a draft; convert it to text first, for example with {convert}")
    encoding = _encoding(data)
    if encoding == "utf-8" and _looks_binary(data):
        raise InputError(f"{path}: a binary file, not a draft")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}:{line}: not {encoding.upper()} (byte 0x{data[error.start]:02x}); save the file as UTF-8"
        ) from None


def encode(text: str, like: bytes) -> bytes:
    """Text as bytes, in the encoding of the bytes `like` and with their byte order mark."""
    encoding = _encoding(like)
    if encoding == "utf-8":
        return text.encode(encoding)
    mark = next(mark for mark, _ in BYTE_ORDER_MARKS if like.startswith(mark))
    return mark + text.encode(f"{encoding}-{'le' if mark[0] == 0xFF else 'be'}")


def _encoding(data: bytes) -> str:
    return next((name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")


def write_draft(path: str, data: bytes, *, instead_of: bytes | None = None) -> None:
    """Write a file atomically. A file that is replaced keeps its mode and owner; its hard links keep the old content.

    Args:
        path: The file. Symbolic links and read-only files are not replaced.
        data: The new content.
        instead_of: The content that the file must still have; by default, it may have any.

    Raises:
        InputError: The file cannot be written, or has changed.
    """
    if os.path.islink(path):
        raise InputError(f"{path}: a symbolic link; name the file that it points to, {os.path.realpath(path)}")
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError(f"{path}: not a file")
    if os.path.exists(path) and not (os.stat(path).st_mode & 0o222 and os.access(path, os.W_OK)):
        raise InputError(f"{path}: read-only; make it writable, or write another file")
    if instead_of is not None and read_bytes(path) != instead_of:
        raise InputError(f"{path}: changed in the meantime; run the command again")
    try:
        with atomic_write(path) as file:
            file.write(data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); check the folder") from None


def _looks_binary(data: bytes) -> bool:
    """Whether more than one byte in a hundred at the start is a control character, as in no text."""
    head = data[:8192]
    control = sum(1 for byte in head if byte < 9 or 13 < byte < 27 or 27 < byte < 32)
    return control * 100 > len(head)
