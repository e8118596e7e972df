"""Reddit dumps: JSON Lines of comments and submissions, an array of them, or a listing of Reddit's API."""

from __future__ import annotations

from itertools import islice
import re
from typing import TYPE_CHECKING

from spoilerguard.errors import InputError
from spoilerguard.files import jsonlines, jsonvalues
from spoilerguard.files.jsonlines import JsonObject, keys_of, picked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spoilerguard.files.source import DataSource, Head, RawRow

__all__ = ["looks_like_reddit", "reddit_names", "reddit_rows"]

_SAMPLE = 1000  # records in which replies are looked for
_OWN = ("text", "thread", "state")  # computed from the fields of the dump, and added to them
_REMOVED = {"[deleted]": "deleted", "[removed]": "removed", "[ removed by reddit ]": "removed"}


_ARRAY = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\[|\{\s*"kind"\s*:\s*"Listing")')
_FLAT = "jq -c '.. | objects | select(has(\"body\"))' FILE > comments.jsonl"


def looks_like_reddit(head: Head) -> bool:
    """Whether a file may be of Reddit; its columns tell whether it is."""
    lines = jsonlines.looks_like_json(head) and not jsonvalues.looks_like_json_value(head)
    return lines or _ARRAY.match(head.text[:1024].encode()) is not None


def _objects(source: DataSource, place: int) -> Iterator[JsonObject]:
    with source.open() as stream:
        array = _ARRAY.match(stream.peek(1024)[:1024])
    return jsonvalues.objects(source, place) if array else jsonlines.objects(source, place)


def reddit_names(source: DataSource) -> tuple[str, ...]:
    """The computed columns, then the fields of the dump.

    Raises:
        InputError: None of the first records can be read, or there are replies within them.
    """
    names = keys_of(source, _objects(source, 0), "if a record spans lines, convert the file with jq -c . FILE")
    if {"body", "replies"} <= {*names}:
        for fields, *_ in islice(_objects(source, 0), _SAMPLE):
            if fields and isinstance(fields.get("replies"), dict):
                raise InputError(f"{source.path}: comments have replies within them; make one list of all: {_FLAT}")
    return (*_OWN, *(name for name in names if name not in _OWN))


def reddit_rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read comments and submissions, mixed or not.

    The text is `body` or `selftext`, in Markdown with escaped angle brackets. The thread of a comment is
    its submission; the thread of a submission is the submission itself.

    Args:
        source: The dump.
        place: The byte of the content to start at.
        wanted: Column names; None, and a name that a record lacks, give None.

    Yields:
        Each record.
    """
    return picked(map(_with_computed, _objects(source, place)), wanted)


def _with_computed(record: JsonObject) -> JsonObject:
    fields, error, place, number, halves = record
    if fields is not None:
        text = fields.get("body", fields.get("selftext"))
        state = _REMOVED.get(text.lower()) if isinstance(text, str) and len(text) < 30 else None
        thread = fields.get("link_id") or (f"t3_{fields['id']}" if "id" in fields else None)
        fields.update(text="" if state else text, thread=thread, state=state)
        if isinstance(fields.get("replies"), dict):
            error = f"it has replies within it, which are not read; make one list of all: {_FLAT}"
        elif fields.get("kind") == "more":
            error = "the listing leaves out more comments here; fetch them too"
    return fields, error, place, number, halves
