"""JSON Lines (https://jsonlines.org)."""

from __future__ import annotations

from itertools import islice
import json
import re
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError
from spoilerguard.files.streams import JSON_SUFFIXES, base_name
from spoilerguard.files.values import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spoilerguard.files.source import DataSource, Head, RawRow

__all__ = ["JsonObject", "decoded", "encoding_of", "keys_of", "looks_like_json", "names", "objects", "picked", "rows"]

_SAMPLE, _MOST = 1000, 1 << 23  # records and bytes from which column names are collected
_decode = json.JSONDecoder().decode

# The object on a line, why it cannot be read, the place after it, the number of the line, and whether the
# object may contain surrogates.
JsonObject = tuple[dict[Any, Any] | None, str | None, int, int, bool]


def objects(source: DataSource, place: int = 0) -> Iterator[JsonObject]:
    """Read the object on each line that is not blank.

    Args:
        source: The file.
        place: The byte of the content to start at.

    Yields:
        Each object, or why it cannot be read.
    """
    encoding = source.text_encoding
    for raw, after, number, error in source.lines(place):
        fields = None
        if error is None:
            fields, error = decoded(raw, encoding)
            if error is not None and not raw.strip():
                continue
        yield fields, error, after, number, b"\\ud" in raw or b"\\uD" in raw


def decoded(
    raw: bytes, encoding: str, expected: str = "one object per line"
) -> tuple[dict[Any, Any] | None, str | None]:
    """Decode a record.

    Args:
        raw: The record.
        encoding: Its encoding.
        expected: What is expected, for the message.

    Returns:
        The object, or None and why it cannot be read.
    """
    try:
        fields = _decode(raw.decode(encoding))
    except (ValueError, RecursionError) as error:
        return None, _explained(error, expected)
    if fields.__class__ is not dict:
        return None, f"a JSON {type(fields).__name__}; expected {expected}"
    return fields, None


def _explained(error: ValueError | RecursionError, expected: str) -> str:
    if isinstance(error, json.JSONDecodeError):
        message = error.msg.removesuffix(" at")
        return f"not valid JSON ({message}, column {error.colno}); expected {expected}"
    if isinstance(error, UnicodeDecodeError):
        byte = f"byte {error.start + 1} of the line (0x{error.object[error.start]:02x})"
        return f"{byte} is not {error.encoding.upper()}; convert the file, for example with iconv"
    return f"JSON that cannot be read ({error}); correct or remove the line"


def encoding_of(head: Head) -> str:
    """The encoding of a JSON file: Unicode only (RFC 8259)."""
    return head.encoding if head.encoding.startswith("utf") else "utf-8"


def looks_like_json(head: Head) -> bool:
    """Whether a file is JSON Lines, by its name or because it begins with an object."""
    start = head.text.lstrip()
    return base_name(head.path)[1] in JSON_SUFFIXES or re.match(r'\{\s*(?:"|\}\s*\n)', start) is not None


def names(source: DataSource) -> tuple[str, ...]:
    """The column names in the first records.

    Raises:
        InputError: None of these records can be read.
    """
    return keys_of(source, objects(source), "if a record spans lines, convert the file with jq -c . FILE")


def keys_of(source: DataSource, records: Iterable[JsonObject], remedy: str) -> tuple[str, ...]:
    """The keys in the first records.

    Args:
        source: The file.
        records: Its records.
        remedy: What to do where none of them can be read.

    Raises:
        InputError: None of these records can be read.
    """
    found: dict[str, None] = {}
    broken = None
    for fields, error, place, _, _ in islice(records, _SAMPLE):
        found.update(dict.fromkeys(fields or ()))
        broken = broken or error
        if place > _MOST:
            break
    if broken and not found:
        raise InputError(f"{source.path}: {broken}; {remedy}")
    return tuple(found)


def rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read the wanted columns of each record from a place on.

    Args:
        source: The file.
        place: The byte of the content to start at.
        wanted: Column names; None, and a name that a record lacks, give None.

    Yields:
        Each record.
    """
    return picked(objects(source, place), wanted)


def picked(records: Iterable[JsonObject], wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """The wanted columns of objects; half a character becomes U+FFFD."""
    for fields, error, place, _, halves in records:
        if fields is None:
            yield None, error, place
            continue
        get = fields.get
        values = [get(name) for name in wanted]
        if halves:
            values = [without_surrogates(value) if isinstance(value, str) else value for value in values]
        yield values, error, place
