"""What comes out of every archive: posts, and the places from which reading can go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["START", "Cursor", "Post"]


class Post(NamedTuple):
    """One record of an archive. Every record comes out once, whatever is wrong with it."""

    number: int  # from 0, over the whole source
    id: str  # the input's own, else the number as text
    text: str  # the body as stored; "" where there is none, it was deleted, or it cannot be read
    work: str | None  # work, thread or post it is about, where the archive tells
    format: str  # what the body is written in: "text", "markdown" or "html"
    time: str | None  # ISO 8601 date or time; its first 7 characters are the month
    state: str | None  # "deleted", "removed" or "spam", where the archive says so; spam keeps its text
    error: str | None  # why it cannot be read
    record: Mapping[str, Any] | None  # the columns to carry along that were asked for


class Cursor(NamedTuple):
    """Where to go on after a post: JSON writes it as a list, `Cursor(*numbers)` takes it back.

    `place` is what the format counts: bytes of the unpacked text of CSV and JSON Lines, records
    otherwise; -1: nothing more can be read of this part.
    """

    number: int  # of the next post
    part: int  # number of the file in a folder, 0 in a single file
    place: int


START = Cursor(0, 0, 0)
