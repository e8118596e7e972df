"""Places in a text as the Language Server Protocol counts them, and ours: offsets in code points.

There, a line ends with LF, CR LF or CR and nothing else (not U+2028, where `str.splitlines` ends one), and a
column counts code units of the encoding that client and server agreed on: LSP 3.17, "Position" and
"PositionEncodingKind". Both count from 0.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from itertools import pairwise
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ENCODINGS", "EditedText", "Place", "Positions"]

# From which code points on a character takes one more code unit.
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
    """The places of a text. Making it takes linear time, each question logarithmic time."""

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self._text, self._encoding = text, encoding
        ends = [found.span() for found in _LINE_END.finditer(text)]
        self._starts = [0, *(end for _, end in ends)]
        self._stops = [*(start for start, _ in ends), len(text)]  # before what ends the line

    @cached_property
    def _units(self) -> npt.NDArray[np.int64] | None:
        return _units(self._text, self._encoding)

    def place(self, offset: int) -> Place:
        """Where this offset is; between CR and LF there is no place, so it is before both."""
        line = bisect_right(self._starts, offset) - 1
        start, offset = self._starts[line], min(offset, self._stops[line])
        units = self._units
        return Place(line, offset - start if units is None else int(units[offset] - units[start]))

    def offset(self, line: int, character: int) -> int:
        """The offset of a place. As the protocol has it, beyond the end of a line is its end.

        Within a character is before it, and beyond the last line is the end of the text.
        """
        if line >= len(self._starts):
            return len(self._text)
        start, stop, units = self._starts[line], self._stops[line], self._units
        if units is None:
            return min(start + character, stop)
        return min(int(np.searchsorted(units, units[start] + character, side="right")) - 1, stop)


class EditedText:
    """A text that an editor changes: a change takes the time of the lines it touches, not of the text."""

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self._lines, self._encoding = _lines(text), encoding

    def __str__(self) -> str:
        return "".join(self._lines)

    def change(self, start: Place, end: Place, new: str) -> None:
        """Put a text in place of a range; places that are not there count as in `Positions.offset`."""
        first, before = self._find(start)
        last, after = max(self._find(end), (first, before))
        changed = self._lines[first][:before] + new + self._lines[last][after:]
        if first and changed.startswith("\n") and self._lines[first - 1].endswith("\r"):
            first -= 1  # CR and LF have come together
            changed = self._lines[first] + changed
        lines = _lines(changed)
        if last + 1 < len(self._lines):
            lines.pop()  # empty: what was changed ends with the end of a line
        self._lines[first : last + 1] = lines

    def _find(self, place: Place) -> tuple[int, int]:
        if place.line >= len(self._lines):
            return len(self._lines) - 1, len(self._lines[-1])
        line = self._lines[place.line][: place.character + 2]  # no character takes less than one unit
        return place.line, Positions(line, self._encoding).offset(0, place.character)


def _lines(text: str) -> list[str]:
    """The lines with their ends; the last one has none, and may be empty."""
    ends = [0, *(found.end() for found in _LINE_END.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]


def _units(text: str, encoding: str) -> npt.NDArray[np.int64] | None:
    """How many code units stand before each offset, shape (length + 1,); None where each character takes one."""
    steps = ENCODINGS[encoding]
    if not steps or text.isascii():
        return None
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    units = np.zeros(len(points) + 1, np.int64)
    np.cumsum(1 + sum((points >= step).astype(np.int64) for step in steps), out=units[1:])
    return units
