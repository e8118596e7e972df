"""CSV and TSV (RFC 4180) in any encoding, where a broken row costs no other row.

Reading is strict: a quote that is never closed, or closed inside a field, makes an error of the row that
opened it, and reading resumes on the next line. This takes linear time: a line that opens a quote also
ends every quote still open, so no line is read more than twice.
"""

from __future__ import annotations

from collections import deque
import csv
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError
from spoilerguard.files.dialects import DELIMITERS, cells, fits, guess_dialect
from spoilerguard.files.streams import DELIMITED_SUFFIXES, allow_long_fields, base_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spoilerguard.files.source import DataSource, Head, Line, RawRow

__all__ = ["looks_delimited", "names", "records", "rows"]


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
            for found in cells(decoded(), source.delimiter, source.quoting):
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


def _wrong_width(source: DataSource, row: list[Any], width: int) -> str | None:
    """Cut the empty cells that all rows have after the header's; says why a row of another width is broken."""
    if len(row) == width + source.extra and fits(row, width):
        del row[width:]
    if len(row) == width:
        return None
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
        elif wrong := _wrong_width(source, row, len(columns)):
            yield None, wrong, line
        else:
            yield {name: row[number] for name, number in at.items()}, error, line


def rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read the wanted columns of each row from a place on.

    Args:
        source: The file.
        place: The byte of the content to start at; 0 is the first row after the header.
        wanted: Column names, that of the text first; None, and a name that the file lacks, give None. Of a row with too
            many or too few cells, those before the text are read: as a rule a comma in the text is the fault.

    Yields:
        Each row.

    Raises:
        InputError: The file is empty, or its header is broken.
    """
    columns, begin = _header(source, _rows_of_cells(source, source.lines()))
    width, at = len(columns), _first_of_each(columns)
    pick = itemgetter(*(width if name is None else at.get(name, width) for name in wanted))
    before = 0 if wanted[0] is None else at.get(wanted[0], 0)  # the text
    for row, error, after, _ in _rows_of_cells(source, source.lines(max(place, begin))):
        if row is None:
            yield None, error, after
            continue
        if wrong := _wrong_width(source, row, width):
            kept = row[:before]
            yield pick([*kept, *[None] * (width + 1 - len(kept))]), wrong, after
            continue
        row.append(None)
        yield pick(row), error, after


def _first_of_each(columns: Sequence[str]) -> dict[str, int]:
    """The number of each column; the first counts where several have one name."""
    at: dict[str, int] = {}
    for number, name in enumerate(columns):
        at.setdefault(name, number)
    return at
