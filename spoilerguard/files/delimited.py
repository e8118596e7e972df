"""CSV and TSV (RFC 4180) in any encoding, where a broken row costs no other row.

Reading is strict: a quote that is never closed, or closed inside a field, makes an error of the row that
opened it, and reading resumes on the next line. This takes linear time: a line that opens a quote also
ends every quote still open, so no line is read more than twice.
"""

from __future__ import annotations

from collections import deque
import csv
from itertools import islice
from operator import itemgetter
import re
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError
from spoilerguard.files.columns import is_number, known
from spoilerguard.files.streams import DELIMITED_SUFFIXES, allow_long_fields, base_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from spoilerguard.files.source import DataSource, Head, Line, RawRow

__all__ = [
    "QUOTINGS",
    "describe_dialect",
    "guess_dialect",
    "guess_header",
    "looks_delimited",
    "names",
    "records",
    "rows",
]

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
QUOTINGS: Mapping[str, Mapping[str, Any]] = {  # how a quote inside quotes is written
    "double": {},
    "backslash": {"escapechar": "\\"},
    "spaced": {"skipinitialspace": True},  # as "double", with spaces before the cells
    "none": {"quoting": csv.QUOTE_NONE},  # quotes have no meaning: they are part of the text
}


# --- dialect -----------------------------------------------------------------------------------


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


def guess_header(text: str, delimiter: str, quoting: str) -> tuple[int, bool, int]:
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
    excess = {len(row) - len(first) for row in rows[before + 1 :] if _fits(row, len(first))}
    return before, any(map(known, first)) or not is_data, excess.pop() if len(excess) == 1 else 0


def _some_rows(lines: list[str], delimiter: str, quoting: str) -> list[list[str]]:
    rows = []
    try:
        for row in islice(_reader(lines, delimiter, quoting), _MOST_BEFORE + 10):
            if row:
                rows.append([cell.strip() for cell in row])
    except csv.Error:
        pass
    return rows[: _MOST_BEFORE + 9]


def _alike(rows: list[list[str]]) -> bool:
    """Whether there are several rows, all with as many cells as the first."""
    return len(rows) > 1 and all(_fits(row, len(rows[0])) for row in rows)


def _fits(row: list[Any], width: int) -> bool:
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
    reader = _reader(lines, delimiter, quoting)
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
    fitting = sum(row != [_BROKEN_ROW] and _fits(row, width) for row in rows)
    return (fitting / len(rows), width) if rows else (0.0, 0)


def _before(rows: list[list[str]]) -> int:
    """How many rows look like a title: they have one cell that is not empty, which is no known name."""
    first = next((k for k, row in enumerate(rows[:_MOST_BEFORE]) if sum(map(bool, row)) > 1), 0)
    return 0 if first and any(map(known, rows[0])) else first


def _reader(lines: Iterable[str], delimiter: str, quoting: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, strict=True, **QUOTINGS[quoting])


def looks_delimited(head: Head) -> bool:
    """Whether a file is delimited, by its name or because its rows have the same number of cells.

    Raises:
        InputError: Its lines end in carriage returns alone.
    """
    _, _, fit, width = guess_dialect(head.text)
    if base_name(head.path)[1] not in DELIMITED_SUFFIXES and not (fit > 0.8 and width > 1):
        return False
    if "\r" in head.text and "\n" not in head.text:
        raise InputError(
            f"{head.path}: its lines end in carriage returns alone; convert them: tr '\\r' '\\n' < FILE > comments.csv"
        )
    return True


# --- rows --------------------------------------------------------------------------------------


def names(source: DataSource) -> tuple[str, ...]:
    """The column names.

    Raises:
        InputError: The file is empty, or its header is broken.
    """
    return _header(source, _rows_of_cells(source, source.lines()))[0]


def _header(source: DataSource, found: Iterator[Cells]) -> tuple[tuple[str, ...], int]:
    """The column names, and the place after the header."""
    place = 0
    for _ in range(source.before):
        place = next(found, (None, None, place, 0))[2]
    for row, error, after, _ in found:
        if error is None and not source.header:
            return tuple(str(number) for number in range(1, len(row or ()) + 1)), place
        place = after
        if error is not None:
            raise InputError(f"{source.path}: the header cannot be read: {error}")
        return tuple(name.strip() or f"column {number}" for number, name in enumerate(row or (), 1)), place
    raise InputError(f"{source.path}: the file is empty; expected a header and one row per record")


_LARGE = 1 << 20  # bytes of a row after which a new reader starts: a reader keeps the memory of its longest cell
# The cells of a row, why they cannot be read, the place after it, and the number of its first line.
Cells = tuple[list[Any] | None, str | None, int, int]


class _BrokenError(Exception):
    """A row that is too long or cut off; passes through the csv module."""


def _rows_of_cells(source: DataSource, lines: Iterator[Line]) -> Iterator[Cells]:
    """Each row that is not blank, or why it cannot be read; both where some of its bytes cannot be decoded."""
    encoding = source.text_encoding
    allow_long_fields(source.longest)
    row: list[Line] = []  # the lines of the row being read
    again: deque[Line] = deque()  # the lines after the first of a broken row
    fault: str | None = None
    held, returns = 0, False

    def decoded() -> Iterator[str]:
        nonlocal fault, held, returns
        while (line := again.popleft() if again else next(lines, None)) is not None:
            raw, _, _, trouble = line
            held = held + len(raw) if row else len(raw)
            row.append(line)
            if trouble is not None:
                raise _BrokenError(trouble if len(row) == 1 else _OPEN)
            if held > source.longest:
                raise _BrokenError(source.too_long())
            try:
                text = raw.decode(encoding)
            except UnicodeDecodeError as error:
                fault = f"byte 0x{raw[error.start]:02x} is not {encoding.upper()}; correct it, or name the encoding"
                text = raw.decode(encoding, "replace")
            if "\r" in text and "\r" in (body := text.rstrip("\r\n")):
                returns = True
                text = body.replace("\r", _RETURN) + text[len(body) :]
            yield text

    while True:
        try:
            for found in _reader(decoded(), source.delimiter, source.quoting):
                if returns:
                    found, returns = [cell.replace(_RETURN, "\r") for cell in found], False
                if found:
                    yield found, fault, row[-1][1], row[0][2]
                fault = None
                row.clear()
                if held > _LARGE:
                    break
            else:
                return
        except (csv.Error, _BrokenError) as error:
            first, *rest = row
            again.extendleft(reversed(rest))
            row.clear()
            fault, returns = None, False
            yield None, _explained(error), first[1], first[2]


# Stands for a carriage return inside a line. Python's csv module, and pandas with it, may write one without
# quotes and will not read it. This is a noncharacter, so no text contains it.
_RETURN = "\ufdd1"
_OPEN = "a quote that is never closed; close it, and double the quotes inside"


def _explained(error: Exception) -> str:
    message = str(error)
    if "unexpected end" in message:
        return _OPEN
    if isinstance(error, csv.Error):
        return f"not valid CSV ({message}); close its quotes, and double the quotes inside"
    return message


def _wrong_width(source: DataSource, row: Sequence[str], width: int) -> str:
    sign = DELIMITERS.get(source.delimiter, source.delimiter)
    return f"{len(row)} cells, but the header has {width}; quote cells that contain a {sign} or a line break"


def records(source: DataSource) -> Iterator[tuple[dict[str, str] | None, str | None, int]]:
    """Read each row as fields by column name.

    Args:
        source: The file.

    Yields:
        The fields, why they cannot be read, and the number of the row's first line, from 1.

    Raises:
        InputError: The file is empty, or its header is broken.
    """
    found = _rows_of_cells(source, source.lines())
    columns, _ = _header(source, found)
    at = _first_of_each(columns)
    for row, error, _, line in found:
        if row is None:
            yield None, error, line
        elif len(row) != len(columns):
            yield None, _wrong_width(source, row, len(columns)), line
        else:
            yield {name: row[number] for name, number in at.items()}, error, line


def rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read the wanted columns of each row from a place on.

    Args:
        source: The file.
        place: The byte of the content to start at; 0 is the first row after the header.
        wanted: Column names; None gives None.

    Yields:
        Each row.

    Raises:
        InputError: The file is empty, or its header is broken.
    """
    columns, begin = _header(source, _rows_of_cells(source, source.lines()))
    width, at = len(columns), _first_of_each(columns)
    pick = itemgetter(*(width if name is None else at[name] for name in wanted))
    for row, error, after, _ in _rows_of_cells(source, source.lines(max(place, begin))):
        if row is None:
            yield None, error, after
            continue
        if len(row) != width:
            if len(row) != width + source.extra or not _fits(row, width):
                yield None, _wrong_width(source, row, width), after
                continue
            del row[width:]
        row.append(None)
        yield pick(row), error, after


def _first_of_each(columns: Sequence[str]) -> dict[str, int]:
    """The number of each column; the first counts where several have one name."""
    at: dict[str, int] = {}
    for number, name in enumerate(columns):
        at.setdefault(name, number)
    return at
