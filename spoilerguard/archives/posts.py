"""What comes out of every archive: posts, and the places from which reading can go on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

__all__ = ["END", "START", "Cursor", "Post", "Row", "iso_time", "to_posts"]


class Post(NamedTuple):
    """One record of an archive. Every record comes out once, whatever is wrong with it."""

    number: int  # from 0, over the whole source
    id: str  # the input's own, else the number as text
    text: str  # the body as stored; "" where there is none, it was deleted, or it cannot be read
    work: str | None  # work, thread or post it is about, where the archive tells
    format: str  # what the body is written in: "text", "markdown" or "html"
    time: str | None  # ISO 8601 date or time; its first 7 characters are the month
    state: str | None  # "deleted", "removed", "spam" or "pending", where the archive says so; spam keeps its text
    error: str | None  # why it cannot be read
    record: Mapping[str, Any] | None  # the columns to carry along that were asked for


class Cursor(NamedTuple):
    """Where to go on after a post: JSON writes it as a list, `Cursor(*numbers)` takes it back.

    `place` is what the format counts: bytes of the unpacked text of CSV and JSON Lines, records
    otherwise; END: nothing more can be read of this part.
    """

    number: int  # of the next post
    part: int  # number of the file in a folder, 0 in a single file
    place: int


START = Cursor(0, 0, 0)
END = -1


# What a reader makes of a record: the wanted values (text, id, work, time, state, what is carried), why
# it cannot be read, and the place after it. Beside an error there may be values; the text is not used.
# A bare tuple, as all that is made for every record between the bytes and the post: they are millions.
Row = tuple["Sequence[Any] | None", str | None, int]


def to_posts(
    rows: Iterable[Row], number: int, part: int, text_format: str, carry: Sequence[str]
) -> Generator[tuple[Post, Cursor], None, int]:
    """The posts of a part's rows, numbered from `number`, each with the cursor after it; returns the next number."""
    for values, error, place in rows:
        if values is None:
            post = Post(number, str(number), "", None, text_format, None, None, error, None)
        else:
            text, name, work, time, state, *carried = values
            if error is not None:
                text = ""
            elif text.__class__ is not str:
                text, error = _as_text(text)
            post = Post(
                number,
                (name if name.__class__ is str else _as_name(name)) or str(number),
                text,
                (work if work.__class__ is str else _as_name(work)) or None,
                text_format,
                None if time is None else iso_time(time),
                state,
                error,
                dict(zip(carry, carried, strict=True)) if carry else None,
            )
        number += 1
        yield post, Cursor(number, part, place)
    return number


def _as_text(value: Any) -> tuple[str, str | None]:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "", None
    if isinstance(value, bytes):
        try:
            return value.decode(), None
        except UnicodeDecodeError as error:
            return "", f"byte {error.start + 1} of the text (0x{value[error.start]:02x}) is not UTF-8"
    if isinstance(value, str | int | float):
        return str(value), None
    return "", f"the text is a {type(value).__name__}; expected a string"


def _as_name(value: Any) -> str:
    """An id or work as text; "" for what is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():  # a column of numbers with gaps becomes one of floats
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


# --- time --------------------------------------------------------------------------------------

_WRITTEN = ("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%B %d %Y")


def iso_time(value: Any) -> str | None:
    """A date or time as ISO 8601 writes it, from what archives hold; None for what is none or unclear.

    Seconds or milliseconds since 1970, ISO (also with slashes), the dates of mail (RFC 5322), and
    dates with the month in words. 3/5/2020 is unclear.
    """
    if isinstance(value, str):
        if value[4:5] == value[7:8] == "-" and value[:4].isdecimal() and "01" <= value[5:7] <= "12":
            return value
        return _iso_time(value.strip()) if len(value) < 64 else None
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    return None


@lru_cache(4096)
def _iso_time(text: str) -> str | None:
    year, _, rest = text.replace("/", "-").partition("-")
    month = rest.partition("-")[0]
    if len(year) == 4 and year.isdecimal() and month.isdecimal() and 1 <= int(month) <= 12:
        return f"{year}-{int(month):02}{rest[len(month) :]}"
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        return _since_1970(number) if number > 3000 else None  # else a year, if anything
    for form in _WRITTEN:
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _since_1970(seconds: float) -> str | None:
    try:
        when = datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return when.isoformat().replace("+00:00", "Z")
