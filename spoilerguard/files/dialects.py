"""How a delimited file is written: its delimiter, its quoting, and where its header is."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

from spoilerguard.files.columns import known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["DELIMITERS", "QUOTINGS", "cells", "describe_dialect", "fits", "guess_dialect", "guess_layout"]

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
QUOTINGS: Mapping[str, Mapping[str, Any]] = {  # how a quote inside quotes is written
    "double": {},
    "backslash": {"escapechar": "\\"},
    "spaced": {"skipinitialspace": True},  # as "double", with spaces around the cells
    "none": {"quoting": csv.QUOTE_NONE},  # quotes have no meaning: they are part of the text
}


def guess_dialect(text: str, delimiter: str | None = None) -> tuple[str, str, float, int]:
    """Guess how the head of a delimited file is written.

    The best dialect is the one that gives the most rows as many cells as the header, and more than one. Where none
    does, a header of known names tells the delimiter: that its rows are broken does not make the file one column.

    Args:
        text: The beginning of the file.
        delimiter: The delimiter, where it is known.

    Returns:
        The delimiter, the quoting, the share of rows that fit, and their number of cells.
    """
    if said := _SAID.match(text):
        delimiter, text = delimiter or said[1], text[said.end() :]
    lines = _lines(text)
    best, chosen = (False, 0.0, 0), (delimiter or ",", "double", 0.0, 0)
    for sign in [delimiter] if delimiter else DELIMITERS:
        for quoting in _quotings(lines, sign):
            fit, width = _fit(_rows(lines, sign, quoting))
            if (rank := (width > 1 and fit >= 0.5, fit, width)) > best:
                best, chosen = rank, (sign, quoting, fit, width)
    if chosen[3] > 1 or delimiter:
        return chosen
    by_header = _of_header(lines)
    return (by_header, "double", *_fit(_rows(lines, by_header, "double"))) if by_header else chosen


_SAID = re.compile(r'\A\ufeff?"?sep=(.)"?[ \t]*\r?\n', re.IGNORECASE)  # how spreadsheets say which delimiter they use
_MOST_BEFORE = 10
_LINES = 500  # lines that decide the dialect


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[: max(1, len(lines) - 1)][:_LINES]]


def _of_header(lines: list[str]) -> str | None:
    """The sign that parts known names on the first line, and parts most other lines too."""
    first, *rest = [line for line in lines if line.strip()] or [""]
    unusual: list[str] = re.findall(r"[^\w\s\"'.-]", first)
    for sign in dict.fromkeys([*DELIMITERS, *unusual]):
        names = sum(known(cell) for cell in first.split(sign))
        parted = sum(sign in line for line in rest)
        if sign in first and names >= (1 if sign in DELIMITERS else 2) and 2 * parted >= max(1, len(rest)):
            return sign
    return None


def guess_layout(text: str, delimiter: str | None = None) -> dict[str, Any]:
    """Guess everything that a `DataSource` needs to read a delimited file.

    Args:
        text: The beginning of the file.
        delimiter: The delimiter, where it is known.

    Returns:
        `delimiter`, `quoting`, `before`, `header` and `extra` of the source.
    """
    delimiter, quoting, *_ = guess_dialect(text, delimiter)
    before, header, extra = _guess_header(text, delimiter, quoting)
    return {"delimiter": delimiter, "quoting": quoting, "before": before, "header": header, "extra": extra}


def _guess_header(text: str, delimiter: str, quoting: str) -> tuple[int, bool, int]:
    """Guess where the header of a delimited file is.

    Args:
        text: The beginning of the file.
        delimiter: The delimiter.
        quoting: The quoting.

    Returns:
        How many rows come before the header, whether there is a header, and how many empty cells the rows have
        after those of the header, if it is the same number in all.
    """
    said = bool(_SAID.match(text))
    rows = _rows(_lines(text), delimiter, quoting)[: 2 * _MOST_BEFORE]
    before = said + _before(rows[said:])
    first = [cell.strip() for cell in rows[before]] if before < len(rows) else []
    excess = {len(row) - len(first) for row in rows[before + 1 :] if fits(row, len(first))}
    is_data = len(rows) > before + 1 and _is_data(first, rows[before + 1 :])
    return before, not is_data, excess.pop() if len(excess) == 1 else 0


# A number, a date or an address: no column is named like this.
_VALUE = re.compile(r"[-+]?\d[\d.,:/+-]*(?:[T ]\d[\d:.]*)?(?:Z|[+-]\d\d:?\d\d)?\Z|https?://|\S+@\S+\.\w+\Z")


def _is_data(first: list[str], below: list[list[str]]) -> bool:
    """Whether a row has values and names nothing that is known; a value weighs more than a name among others."""
    cells = [cell for cell in first if cell]
    names = sum(map(known, cells))
    if any(map(_VALUE.match, cells)):
        return 2 * names <= len(cells)
    return not names and (any(len(cell.split()) > 7 for cell in cells) or _is_like(first, below))


def _is_like(first: list[str], below: list[list[str]]) -> bool:
    """Whether a cell below one of these is the same, or most have as many letters and digits in the same order."""
    for column, cell in enumerate(first):
        others = [row[column].strip() for row in below if column < len(row)]
        shape = _shape(cell)
        same = sum(_shape(other) == shape for other in others) if "9" in shape else 0
        if cell and (cell in others or (others and 2 * same > len(others))):
            return True
    return False


def _shape(cell: str) -> str:
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", cell))


def fits(row: list[Any], width: int) -> bool:
    """Whether a row has so many cells, but for empty ones at its end."""
    return len(row) == width or (len(row) > width > 1 and not any(row[width:]))


def describe_dialect(delimiter: str, quoting: str) -> list[str]:
    """Delimiter and quoting for people; the usual quoting is not mentioned."""
    return [
        DELIMITERS.get(delimiter, repr(delimiter)),
        *([] if quoting in ("double", "spaced") else [f"quoting: {quoting}"]),
    ]


def _quotings(lines: list[str], delimiter: str) -> Iterator[str]:
    text = "".join(lines)
    if delimiter != "\t" and '"' in text:
        spaced = f'" {delimiter}' in text or f'{delimiter} "' in text
        if spaced and any(_SPACED.match(cell) for row in _rows(lines, delimiter, "double") for cell in row):
            yield "spaced"
    yield "double"
    if '\\"' in text:
        yield "backslash"
    if delimiter == "\t" and '"' in text:  # many TSV files have no quoting; RFC 4180 does not cover them
        yield "none"


_BROKEN_ROW = "\ufdd2"  # stands for a row that cannot be read
_SPACED = re.compile(rf'\s+"|{_BROKEN_ROW}')


def _rows(lines: list[str], delimiter: str, quoting: str) -> list[list[str]]:
    """The rows that are not blank."""
    reader = cells(lines, delimiter, quoting)
    rows: list[list[str]] = []
    while True:
        try:
            row = next(reader)
            rows += [row] if row else []
        except csv.Error:
            rows.append([_BROKEN_ROW])
        except StopIteration:
            return rows


def _fit(rows: list[list[str]]) -> tuple[float, int]:
    """The share of rows with as many cells as the header, and that number."""
    return _share(rows[_before(rows) :])


def _share(rows: list[list[str]]) -> tuple[float, int]:
    width = len(rows[0]) if rows and rows[0] != [_BROKEN_ROW] else -1
    fitting = sum(row != [_BROKEN_ROW] and fits(row, width) for row in rows)
    return (fitting / len(rows), width) if rows else (0.0, 0)


def _before(rows: list[list[str]]) -> int:
    """How many rows are a title: the first row below that most others are like is the header.

    A title has one cell that is not empty, and takes no more than half of the rows; or the header has known names,
    and the title has none, nor as many cells unless there are two known names.
    """
    if not rows or any(map(known, rows[0])):
        return 0
    for before, row in enumerate(rows[:_MOST_BEFORE]):
        if sum(map(known, row)) > 1 and _share(rows[before:])[0] > 0.9:
            return before
    for before, row in enumerate(rows[:_MOST_BEFORE]):
        above, below = rows[:before], rows[before:]
        if _filled(row) < 2 or (above and len(below) < 2) or _share(below)[0] <= 0.9:
            continue
        one_cell = all(_filled(title) < 2 for title in above)
        others = all(len(title) != len(row) and not any(map(known, title)) for title in above)
        if (one_cell and len(below) >= len(above)) or (others and any(map(known, row))):
            return before
    return 0


def _filled(row: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def cells(lines: Iterable[str], delimiter: str, quoting: str) -> Iterator[list[str]]:
    """The cells of each row, as the csv module reads them; raises csv.Error for a row that is broken."""
    if quoting != "spaced":
        return csv.reader(lines, delimiter=delimiter, strict=True, **QUOTINGS[quoting])
    # Spaces after a closing quote, which the csv module refuses: an odd number of quotes that no cell begins with.
    after = re.compile(rf'(?<![{re.escape(delimiter)}\s"])("(?:"")*)[ \t]+(?={re.escape(delimiter)}|[\r\n]|\Z)')
    closed = (after.sub(r"\1", line) for line in lines)
    reader = csv.reader(closed, delimiter=delimiter, strict=True, **QUOTINGS[quoting])
    return map(_stripped, reader)  # unlike a generator, it goes on after an error


def _stripped(row: list[str]) -> list[str]:
    return [cell.rstrip(" ") for cell in row]
