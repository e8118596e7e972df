"""Posts, which every archive yields, and cursors, from which reading resumes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from spoilerguard.files.source import END
from spoilerguard.files.values import as_name, as_text

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from spoilerguard.files.source import RawRow

__all__ = ["START", "UNREAD", "Cursor", "Post", "iso_time", "to_posts"]


class Post(NamedTuple):
    """One record of an archive. Every record yields exactly one post, even if it cannot be read.

    Attributes:
        number: Its position in the whole source, from 0.
        id: The archive's own id; None where it is missing. In an archive without ids, the number as text.
        text: The text as stored; "" if there is none, it was deleted, or it cannot be read.
        work: The work, thread or article it is about, where the archive names one.
        format: The format of the text: "text", "markdown" or "html".
        time: An ISO 8601 date or time; its first 7 characters are the month.
        state: "deleted", "removed", "spam" or "pending", where the archive records it (spam keeps its text); UNREAD
            where nothing more of the file can be read.
        error: Why the record cannot be read.
        record: The columns carried along on request.
    """

    number: int
    id: str | None
    text: str
    work: str | None
    format: str
    time: str | None
    state: str | None
    error: str | None
    record: Mapping[str, Any] | None


class Cursor(NamedTuple):
    """Where to resume after a post. JSON writes it as a list; `Cursor(*numbers)` reads it back.

    Attributes:
        number: The number of the next post.
        part: The number of the file in a folder; 0 for a single file.
        place: Bytes of unpacked text for CSV and JSON Lines, records for other formats (for a database also
            a digest of them); END where no more of this file can be read.
    """

    number: int
    part: int
    place: int


START = Cursor(0, 0, 0)
UNREAD = "unread"  # the state of a post that stands for the rest of a file


def to_posts(
    rows: Iterable[RawRow], number: int, part: int, text_format: str, carry: Sequence[str], *, has_ids: bool
) -> Generator[tuple[Post, Cursor], None, int]:
    """Turn the rows of one file into posts.

    Args:
        rows: Values of text, id, work, time, state, and the columns of `carry`.
        number: The number of the first post.
        part: The number of the file.
        text_format: The format of the texts.
        carry: The names of the columns that are carried along.
        has_ids: Whether there is a column with ids.

    Yields:
        Each post, and the cursor after it.

    Returns:
        The number of the next post.
    """
    for values, error, place in rows:
        missing = None if has_ids else str(number)
        if values is None:
            unread = UNREAD if place == END else None
            post = Post(number, missing, "", None, text_format, None, unread, error, None)
        else:
            text, name, work, time, state, *carried = values
            if error is not None:
                text = ""
            elif text.__class__ is not str:
                text, error = as_text(text)
            post = Post(
                number,
                (name if name.__class__ is str else as_name(name)) or missing,
                text,
                (work if work.__class__ is str else as_name(work)) or None,
                text_format,
                None if time is None else iso_time(time),
                state,
                error,
                dict(zip(carry, carried, strict=True)) if carry else None,
            )
        number += 1
        yield post, Cursor(number, part, place)
    return number


# --- time --------------------------------------------------------------------------------------

_WRITTEN = ("%d.%m.%Y", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%B %d %Y")


def iso_time(value: Any) -> str | None:
    """Convert a date or time to ISO 8601.

    Args:
        value: A date or datetime, seconds or milliseconds since 1970, 20201231, or a string: ISO 8601 (also with
            slashes), 31.12.2020, a mail date (RFC 5322), or a date that spells out the month.

    Returns:
        The date or time; None where there is none, or it is ambiguous, such as 3/5/2020.
    """
    if isinstance(value, str):
        if value[4:5] == value[7:8] == "-" and value[:4].isdecimal() and "01" <= value[5:7] <= "12":
            return value
        return _iso_time(value.strip()) if len(value) < 64 else None
    if isinstance(value, date):  # includes datetime
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_number(str(value).removesuffix(".0"), value)
    return None


_ONE_DIGIT = re.compile(r"\A-(?=\d(?:\D|\Z))")  # of a day


@lru_cache(4096)
def _iso_time(text: str) -> str | None:
    year, _, rest = text.replace("/", "-").partition("-")
    month = rest.partition("-")[0]
    if len(year) == 4 and year.isdecimal() and month.isdecimal() and 1 <= int(month) <= 12:
        return f"{year}-{int(month):02}{_ONE_DIGIT.sub('-0', rest[len(month) :])}"
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        return _of_number(text, number) if number > 3000 else None  # otherwise at most a year
    for form in _WRITTEN:
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


_DIGITS = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}


def _of_number(text: str, number: float) -> str | None:
    """The date of 20201231 or the time of 20201231235959, from 1900 to 2100; else the time so long after 1970."""
    form = _DIGITS.get(len(text)) if text.isascii() and text.isdigit() and "1900" <= text[:4] <= "2100" else None
    if form is None:
        return _since_1970(number)
    try:
        when = datetime.strptime(text, form)
    except ValueError:  # 20200230 is no date, and as seconds it means nothing
        return None
    return (when.date() if len(text) == 8 else when).isoformat()


def _since_1970(seconds: float) -> str | None:
    try:
        when = datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return when.isoformat().replace("+00:00", "Z")
