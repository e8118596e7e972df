"""How a delimited file is written: its delimiter, its quoting, and where its header is."""

from __future__ import annotations

import csv
from itertools import islice
import re
from typing import TYPE_CHECKING, Any

from spoilerguard.files.columns import is_number, known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["DELIMITERS", "QUOTINGS", "cells", "describe_dialect", "fits", "guess_dialect", "guess_layout"]

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
QUOTINGS: Mapping[str, Mapping[str, Any]] = {  # how a quote inside quotes is written
    "double": {},
    "backslash": {"escapechar": "\\"},
    "spaced": {"skipinitialspace": True},  # as "double", with spaces before the cells
    "none": {"quoting": csv.QUOTE_NONE},  # quotes have no meaning: they are part of the text
}


def guess_dialect(text: str, delimiter: str | None = None) -> tuple[str, str, float, int]:
    """Guess how the head of a delimited file is written.

    The best dialect is the one that gives the most rows as many cells as the first row, and more than one.

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
        for quoting in _quotings(text, sign):
            fit, width = _fit(lines, sign, quoting)
            if (rank := (width > 1 and fit >= 0.5, fit, width)) > best:
                best, chosen = rank, (sign, quoting, fit, width)
    return chosen


_SAID = re.compile(r'\A\ufeff?"?sep=(.)"?[ \t]*\r?\n')  # how spreadsheets say which delimiter they use
_MOST_BEFORE = 10


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[: max(1, len(lines) - 1)][:_LINES]]


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
        after those of the header, if it is the same number in all. Rows before it have one cell that is not
        empty. A header is missing where the first row names nothing that is known and has a number or a long text.
    """
    said = bool(_SAID.match(text))
    rows = _some_rows(_lines(text), delimiter, quoting)
    before = said + _before(rows[said:])
    if before > said and not _alike(rows[before:]):
        before = int(said)
    first = rows[before] if before < len(rows) else []
    is_data = len(rows) > before + 1 and any(is_number(cell) or len(cell.split()) > 7 for cell in first if cell)
    excess = {len(row) - len(first) for row in rows[before + 1 :] if fits(row, len(first))}
    return before, any(map(known, first)) or not is_data, excess.pop() if len(excess) == 1 else 0


def _some_rows(lines: list[str], delimiter: str, quoting: str) -> list[list[str]]:
    rows = []
    try:
        for row in islice(cells(lines, delimiter, quoting), _MOST_BEFORE + 10):
            if row:
                rows.append([cell.strip() for cell in row])
    except csv.Error:
        pass
    return rows[: _MOST_BEFORE + 9]


def _alike(rows: list[list[str]]) -> bool:
    """Whether there are several rows, all with as many cells as the first."""
    return len(rows) > 1 and all(fits(row, len(rows[0])) for row in rows)


def fits(row: list[Any], width: int) -> bool:
    """Whether a row has so many cells, but for empty ones at its end."""
    return len(row) == width or (len(row) > width > 1 and not any(row[width:]))


def describe_dialect(delimiter: str, quoting: str) -> list[str]:
    """Delimiter and quoting for people; the usual quoting is not mentioned."""
    return [
        DELIMITERS.get(delimiter, repr(delimiter)),
        *([] if quoting in ("double", "spaced") else [f"quoting: {quoting}"]),
    ]


def _quotings(text: str, delimiter: str) -> Iterator[str]:
    if delimiter != "\t" and f'{delimiter} "' in text:
        yield "spaced"
    yield "double"
    if '\\"' in text:
        yield "backslash"
    if delimiter == "\t" and '"' in text:  # many TSV files have no quoting; RFC 4180 does not cover them
        yield "none"


_LINES = 500  # lines that decide the dialect


def _fit(lines: list[str], delimiter: str, quoting: str) -> tuple[float, int]:
    """The share of rows with as many cells as the first row, or as the first below a title, and that number."""
    reader = cells(lines, delimiter, quoting)
    rows: list[list[str]] = []
    while True:
        try:
            row = next(reader)
            rows += [row] if row else []
        except csv.Error:
            rows.append([_BROKEN_ROW])
        except StopIteration:
            break
    below = rows[_before(rows) :]
    titled = _share(below)
    return titled if titled[0] > 0.9 and 2 * len(below) > len(rows) and len(below) > 1 else _share(rows)


_BROKEN_ROW = "\ufdd2"  # stands for a row that cannot be read


def _share(rows: list[list[str]]) -> tuple[float, int]:
    width = len(rows[0]) if rows and rows[0] != [_BROKEN_ROW] else -1
    fitting = sum(row != [_BROKEN_ROW] and fits(row, width) for row in rows)
    return (fitting / len(rows), width) if rows else (0.0, 0)


def _before(rows: list[list[str]]) -> int:
    """How many rows look like a title: they have one cell that is not empty, which is no known name."""
    first = next((k for k, row in enumerate(rows[:_MOST_BEFORE]) if sum(map(bool, row)) > 1), 0)
    return 0 if first and any(map(known, rows[0])) else first


def cells(lines: Iterable[str], delimiter: str, quoting: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, strict=True, **QUOTINGS[quoting])
