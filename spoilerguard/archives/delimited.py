"""CSV and TSV (RFC 4180), in any encoding, whose broken rows cost no other row.

Strict: a quote that is never closed, or closed within a field, makes an error of the row that opened
it, and reading goes on with the next line. That is linear: a line that opens a quote ends every quote
that was open before, so no line is read more than twice.
"""

from __future__ import annotations

from collections import deque
import csv
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError
from spoilerguard.files.streams import DELIMITED_SUFFIXES, allow_long_fields, base_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from spoilerguard.archives.parts import Head, Line, Part
    from spoilerguard.archives.posts import Row

__all__ = ["DELIMITERS", "QUOTINGS", "guess_dialect", "looks_delimited", "names", "rows"]

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
QUOTINGS: Mapping[str, Mapping[str, Any]] = {  # how a quote within quotes is written
    "double": {},
    "backslash": {"escapechar": "\\"},
    "none": {"quoting": csv.QUOTE_NONE},  # there are no quotes: each is part of the text
}


# --- the dialect -------------------------------------------------------------------------------


def guess_dialect(text: str, delimiter: str | None = None) -> tuple[str, str, float, int]:
    """Delimiter, quoting, the share of rows that fits, and their width.

    Chosen is what cuts most rows of a file's head into as many cells as the first, and that more than one.
    """
    lines = text.split("\n")
    lines = [f"{line}\n" for line in lines[: max(1, len(lines) - 1)][:_LINES]]
    best, chosen = (False, 0.0, 0), (delimiter or ",", "double", 0.0, 0)
    for sign in [delimiter] if delimiter else DELIMITERS:
        for quoting in _quotings(text, sign):
            fit, width = _fit(lines, sign, quoting)
            if (rank := (width > 1 and fit >= 0.5, fit, width)) > best:
                best, chosen = rank, (sign, quoting, fit, width)
    return chosen


def _quotings(text: str, delimiter: str) -> Iterator[str]:
    yield "double"
    if '\\"' in text:
        yield "backslash"
    if delimiter == "\t" and '"' in text:  # many a TSV is written without (RFC 4180 is not about it)
        yield "none"


_LINES = 500  # by which a dialect is judged


def _fit(lines: list[str], delimiter: str, quoting: str) -> tuple[float, int]:
    """The share of rows with as many cells as the first, and how many."""
    reader = _reader(lines, delimiter, quoting)
    widths = []
    while True:
        try:
            widths.append(len(next(reader)))
        except csv.Error:
            widths.append(-1)
        except StopIteration:
            break
    widths = [width for width in widths if width]
    return (widths.count(widths[0]) / len(widths), widths[0]) if widths else (0.0, 0)


def _reader(lines: Iterable[str], delimiter: str, quoting: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, strict=True, **QUOTINGS[quoting])


def looks_delimited(head: Head) -> bool:
    """By its name, or by rows as wide as the first. Raises InputError where no line ends in a line feed."""
    _, _, fit, width = guess_dialect(head.text)
    if base_name(head.path)[1] not in DELIMITED_SUFFIXES and not (fit > 0.8 and width > 1):
        return False
    if "\r" in head.text and "\n" not in head.text:
        raise InputError(f"{head.path}: its lines end in CR alone; mend them: tr '\\r' '\\n' < FILE > comments.csv")
    return True


# --- rows --------------------------------------------------------------------------------------


def names(part: Part) -> tuple[str, ...]:
    """The header. Raises InputError for an empty file and for a header that is not one."""
    return _header(part)[0]


def _header(part: Part) -> tuple[tuple[str, ...], int]:
    for cells, error, place in _cells(part, part.lines()):
        if error is not None:
            raise InputError(f"{part.path}: the header cannot be read: {error}")
        return tuple(name.strip() or f"column {number}" for number, name in enumerate(cells or (), 1)), place
    raise InputError(f"{part.path}: the file is empty; expected a header and a row a comment")


_LARGE = 1 << 20  # bytes of a row after which a new reader begins: one keeps what its longest cell took
# The cells of a row, why they cannot be read, and the place after it.
_Cells = tuple[list[Any] | None, str | None, int]


class _BrokenError(Exception):
    """A row that is too long or cut off; passes through the csv module."""


def _cells(part: Part, lines: Iterator[Line]) -> Iterator[_Cells]:
    """Each row that is not blank, or why there is none; with cells that cannot be decoded, both."""
    encoding = part.text_encoding
    allow_long_fields(part.longest)
    row: list[Line] = []  # the lines of the row being read
    again: deque[Line] = deque()  # those after the first of a broken row
    fault: str | None = None
    held, returns = 0, False

    def decoded() -> Iterator[str]:
        nonlocal fault, held, returns
        while (line := again.popleft() if again else next(lines, None)) is not None:
            raw, _, trouble = line
            held = held + len(raw) if row else len(raw)
            row.append(line)
            if trouble is not None:
                raise _BrokenError(trouble if len(row) == 1 else _OPEN)
            if held > part.longest:
                raise _BrokenError(part.too_long())
            try:
                text = raw.decode(encoding)
            except UnicodeDecodeError as error:
                fault = f"0x{raw[error.start]:02x} is not {encoding.upper()}; mend it, or name the encoding"
                text = raw.decode(encoding, "replace")
            if "\r" in text and "\r" in (body := text.rstrip("\r\n")):
                returns = True
                text = body.replace("\r", _RETURN) + text[len(body) :]
            yield text

    while True:
        try:
            for cells in _reader(decoded(), part.delimiter, part.quoting):
                if returns:
                    cells, returns = [cell.replace(_RETURN, "\r") for cell in cells], False
                if cells:
                    yield cells, fault, row[-1][1]
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
            yield None, _explained(error), first[1]


# Stands for a carriage return within a line, which Python's csv module, and pandas with it, may write
# without quotes and will not read. No character, so in no text.
_RETURN = "\ufdd1"
_OPEN = "a quote that is never closed; close it, double those inside"


def _explained(error: Exception) -> str:
    message = str(error)
    if "unexpected end" in message:
        return _OPEN
    if isinstance(error, csv.Error):
        return f"not valid CSV ({message}); close its quotes, double those inside"
    return message


def rows(part: Part, place: int, wanted: Sequence[str | None]) -> Iterator[Row]:
    """The wanted columns of each row from a place on; the header is no row."""
    header, begin = _header(part)
    width = len(header)
    at = {name: number for number, name in reversed([*enumerate(header)])}
    pick = itemgetter(*(width if name is None else at[name] for name in wanted))
    for cells, error, after in _cells(part, part.lines(max(place, begin))):
        if cells is None:
            yield None, error, after
            continue
        if len(cells) != width:
            sign = DELIMITERS.get(part.delimiter, part.delimiter)
            message = f"{len(cells)} cells where the header has {width}; quote cells that hold a {sign} or line break"
            yield None, message, after
            continue
        cells.append(None)
        yield pick(cells), error, after
