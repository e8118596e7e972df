"""Conversion between our offsets (code points) and the positions of the Language Server Protocol.

A line of the protocol ends with LF, CR LF or CR and nothing else (`str.splitlines` also ends one at U+2028), and
a column counts code units of the encoding that client and server agreed on: LSP 3.17, "Position" and
"PositionEncodingKind". Both count from 0.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ENCODINGS", "Place", "Positions"]

# The code points from which on a character takes one more code unit.
ENCODINGS: dict[str, tuple[int, ...]] = {
    "utf-8": (0x80, 0x800, 0x10000),
    "utf-16": (0x10000,),
    "utf-32": (),
}
_LINE_END = re.compile(r"\r\n|\r|\n")


class Place(NamedTuple):
    """A line and a column in code units, both from 0."""

    line: int
    character: int


class Positions:
    """The positions in one text. Creating it takes linear time, each conversion logarithmic time.

    Args:
        text: The text, as the editor has it.
        encoding: A key of `ENCODINGS`, the unit of columns.
    """

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self._text, self._encoding = text, encoding
        ends = [found.span() for found in _LINE_END.finditer(text)]
        self._starts = [0, *(end for _, end in ends)]
        self._stops = [*(start for start, _ in ends), len(text)]  # before what ends the line

    @cached_property
    def _units(self) -> npt.NDArray[np.int64] | None:
        return _units(self._text, self._encoding)

    def place(self, offset: int) -> Place:
        """The position of an offset. There is none between CR and LF; such an offset counts as before both."""
        line = bisect_right(self._starts, offset) - 1
        start, offset = self._starts[line], min(offset, self._stops[line])
        units = self._units
        return Place(line, offset - start if units is None else int(units[offset] - units[start]))

    def offset(self, line: int, character: int) -> int:
        """The offset of a position.

        As the protocol requires, a column beyond the end of a line means its end. A column within a
        character means the offset before it, and a line beyond the last means the end of the text.
        """
        if line >= len(self._starts):
            return len(self._text)
        start, stop, units = self._starts[line], self._stops[line], self._units
        if units is None:
            return min(start + character, stop)
        return min(int(np.searchsorted(units, units[start] + character, side="right")) - 1, stop)


def _units(text: str, encoding: str) -> npt.NDArray[np.int64] | None:
    """The number of code units before each offset, shape (length + 1,); None if each character takes one."""
    steps = ENCODINGS[encoding]
    if not steps or text.isascii():
        return None
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    units = np.zeros(len(points) + 1, np.int64)
    np.cumsum(1 + sum((points >= step).astype(np.int64) for step in steps), out=units[1:])
    return units
