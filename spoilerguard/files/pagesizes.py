"""The headers of the pages of a Parquet file, which say how large each page becomes; Arrow tells nothing of them.

They are structs of Thrift's compact protocol, of which a few numbers are wanted (`parquet.thrift`, `PageHeader`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

__all__ = ["DELTA_BYTE_ARRAY", "DICTIONARY", "Page", "pages_of"]

DICTIONARY = 2  # the kind of a page
DELTA_BYTE_ARRAY = 7  # an encoding: the beginnings of values are stored once
_DATA, _DATA_2 = 5, 8  # the fields of a header that describe a page of data


class Bytes(Protocol):
    """The bytes of a file by their places; IndexError after the last."""

    def __getitem__(self, at: int, /) -> int: ...


class Page(NamedTuple):
    """A page of a column: its kind, its size unpacked and as it is stored, and for data its values and encoding."""

    kind: int
    size: int
    stored: int
    values: int
    encoding: int


def pages_of(data: Bytes, chunk: Any) -> Iterator[Page]:
    """The pages of a column in a row group, as Arrow will read them.

    Args:
        data: The file.
        chunk: The metadata of the column.

    Raises:
        ValueError: A page has no header.
    """
    offsets = [offset for offset in (chunk.dictionary_page_offset, chunk.data_page_offset) if offset]
    at = min(offsets, default=0)
    if at <= 0:
        raise ValueError("a column begins nowhere")
    end, missing = at + chunk.total_compressed_size, chunk.num_values
    while at < end and missing > 0:
        found, at = _header(data, at)
        described = _DATA_2 if (_DATA_2, 1) in found else _DATA
        values, encoding = found.get((described, 1), 0), found.get((described, 4 if described == _DATA_2 else 2), 0)
        yield Page(found.get((0, 1), -1), found.get((0, 2), 0), stored := found.get((0, 3), 0), values, encoding)
        if stored < 0 or values < 0:
            raise ValueError("a page of negative size")
        at, missing = at + stored, missing - values


def _header(data: Bytes, at: int) -> tuple[dict[tuple[int, int], int], int]:
    """The numbers of a header by the fields around them and their own, and where it ends."""
    found: dict[tuple[int, int], int] = {}
    fields = [0]  # the last field of each struct that is open
    try:
        while fields:
            head = data[at]
            at += 1
            if head == 0:
                fields.pop()
                continue
            if head >> 4:
                fields[-1] += head >> 4
            else:
                fields[-1], at = _number(data, at)
            kind = head & 15
            if kind in (4, 5, 6):
                value, at = _number(data, at)
                if len(fields) < 3:
                    found[fields[-2] if len(fields) == 2 else 0, fields[-1]] = value
            elif kind == 8:
                length, at = _varint(data, at)
                at += length
            elif kind == 12:
                fields.append(0)
            elif kind in (3, 7):
                at += 1 if kind == 3 else 8
            elif kind not in (1, 2):
                raise ValueError("the header of a page has a field of an unknown type")
    except IndexError:
        raise ValueError("the header of a page is cut off") from None
    return found, at


def _number(data: Bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(data: Bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("the header of a page has a number of more than 64 bits")
