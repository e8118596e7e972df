"""Places as the protocol counts them, against a slow reading of its text."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from lspclient import CODEC, WIDTH
import pytest
from timing import assert_linear

from spoilerguard.lsp.positions import ENCODINGS, Place, Positions

# What ends lines and what only seems to; characters of one to four bytes, and halves of surrogate pairs.
TEXTS = st.text(st.sampled_from("ab\r\n\r\n\u2028\x0b\x0c\x85éа日😀\U0010ffff\ud83d\ude00\u0301"), max_size=40)
ENCODING = st.sampled_from(sorted(ENCODINGS))
PLACES = st.builds(Place, st.integers(0, 12), st.integers(0, 25))


def units(text: str, encoding: str) -> int:
    """One character at a time: two halves of a pair side by side stay two."""
    return sum(len(c.encode(CODEC[encoding], "surrogatepass")) for c in text) // WIDTH[encoding]


def slow_offset(text: str, place: Place, encoding: str) -> int:
    """The last offset whose column is not beyond the one asked for."""
    starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text))]
    if place.line >= len(starts):
        return len(text)
    start = offset = starts[place.line]
    while offset < len(text) and text[offset] not in "\r\n":
        if units(text[start : offset + 1], encoding) > place.character:
            break
        offset += 1
    return offset


@given(TEXTS, ENCODING)
def test_an_offset_is_a_place_and_the_place_is_that_offset(text: str, encoding: str) -> None:
    positions = Positions(text, encoding)
    for offset in range(len(text) + 1):
        place = positions.place(offset)
        inside = text[offset - 1 : offset + 1] == "\r\n" and offset > 0  # there is no place between the two
        assert positions.offset(*place) == offset - inside
        before = re.split(r"\r\n|\r|\n", text[: offset - inside])
        assert place == (len(before) - 1, units(before[-1], encoding))


@given(TEXTS, ENCODING, PLACES)
def test_any_place_counts_as_the_protocol_says(text: str, encoding: str, place: Place) -> None:
    assert Positions(text, encoding).offset(*place) == slow_offset(text, place, encoding)


def test_only_lf_crlf_and_cr_end_a_line() -> None:
    positions = Positions("a\u2028b\x0cc\x85d\re\r\nf\ng")
    assert [positions.place(offset).line for offset in (2, 4, 6, 8, 11, 13)] == [0, 0, 0, 1, 2, 3]


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 7), ("utf-16", 4), ("utf-32", 3)])
def test_a_column_counts_code_units(encoding: str, column: int) -> None:
    assert Positions("😀 é!", encoding).place(3) == (0, column)


@pytest.mark.parametrize("unit", ["word é😀 ", "word é\n", "\r\n"])
def test_places_take_linear_time(unit: str) -> None:
    def all_places(text: str) -> None:
        positions = Positions(text)
        for offset in range(0, len(text), 10):
            positions.offset(*positions.place(offset))

    assert_linear(all_places, unit, 400_000)
