"""JSON Lines (https://jsonlines.org), and the dumps of Reddit in them."""

from __future__ import annotations

from itertools import islice
import json
import re
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError
from spoilerguard.files.streams import JSON_SUFFIXES, base_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spoilerguard.archives.parts import Head, Part
    from spoilerguard.archives.posts import Row

__all__ = ["looks_like_json", "names", "reddit_names", "reddit_rows", "rows"]

_SAMPLE, _MOST = 1000, 1 << 23  # records, bytes: where the names of columns are gathered
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which JSON can spell and UTF-8 cannot
_decode = json.JSONDecoder().decode


# The object of a line, why there is none, the place after it, and whether it may hold surrogates.
_Fields = tuple[dict[Any, Any] | None, str | None, int, bool]


def _records(part: Part, place: int = 0) -> Iterator[_Fields]:
    """The object of each line that is not blank, or why there is none."""
    encoding = part.text_encoding
    for raw, after, error in part.lines(place):
        fields = None
        if error is None:
            try:
                fields = _decode(raw.decode(encoding))
            except (ValueError, RecursionError) as fault:
                if not raw.strip():
                    continue
                error = _explained(fault)
            else:
                if fields.__class__ is not dict:
                    fields, error = None, f"a JSON {type(fields).__name__}; expected one object a line"
        yield fields, error, after, b"\\ud" in raw or b"\\uD" in raw


def _explained(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON ({error.msg.removesuffix(' at')}, column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} of the line (0x{error.object[error.start]:02x}) is not {error.encoding.upper()}"
    return f"JSON that cannot be read ({error})"


def looks_like_json(head: Head) -> bool:
    """By its name, or by an object where it begins. Raises InputError for JSON that has no lines."""
    start = head.text.lstrip()
    if re.match(r"\[\s*[\[{]", start):
        raise InputError(
            f"{head.path}: one JSON array; make it JSON Lines: jq -c '.[]' {head.path.name} > comments.jsonl"
        )
    return base_name(head.path)[1] in JSON_SUFFIXES or re.match(r'\{\s*(?:"|\}\s*\n)', start) is not None


def names(part: Part) -> tuple[str, ...]:
    """The columns of the first records. Raises InputError where none of them can be read."""
    found: dict[str, None] = {}
    broken = None
    for fields, error, place, _ in islice(_records(part), _SAMPLE):
        found.update(dict.fromkeys(fields or ()))
        broken = broken or error
        if place > _MOST:
            break
    if broken and not found:
        remedy = "if a record spans lines, make it JSON Lines: jq -c . FILE > comments.jsonl"
        raise InputError(f"{part.path}: {broken}; {remedy}")
    return tuple(found)


def rows(part: Part, place: int, wanted: Sequence[str | None]) -> Iterator[Row]:
    """The wanted columns of each record from a place on."""
    return _picked(_records(part, place), wanted)


def _picked(records: Iterable[_Fields], wanted: Sequence[str | None]) -> Iterator[Row]:
    for fields, error, place, halves in records:
        if fields is None:
            yield None, error, place
            continue
        get = fields.get
        values = [get(name) for name in wanted]
        if halves:
            values = [_SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value for value in values]
        yield values, None, place


# --- Reddit ------------------------------------------------------------------------------------

_OWN = ("text", "thread", "state")  # what is made of the fields of the dumps, and stands beside them
_REMOVED = {"[deleted]": "deleted", "[removed]": "removed", "[ removed by reddit ]": "removed"}


def reddit_names(part: Part) -> tuple[str, ...]:
    """Reddit's own fields, and what is made of them."""
    return (*_OWN, *(name for name in names(part) if name not in _OWN))


def reddit_rows(part: Part, place: int, wanted: Sequence[str | None]) -> Iterator[Row]:
    """Comments and submissions, mixed or not: `body` or `selftext`, in Markdown, angle brackets escaped.

    The thread of a comment is the submission it hangs from, that of a submission itself.
    """
    return _picked(map(_of_reddit, _records(part, place)), wanted)


def _of_reddit(record: _Fields) -> _Fields:
    if (fields := record[0]) is not None:
        text = fields.get("body", fields.get("selftext"))
        state = _REMOVED.get(text.lower()) if isinstance(text, str) and len(text) < 30 else None
        thread = fields.get("link_id") or (f"t3_{fields['id']}" if "id" in fields else None)
        fields.update(text="" if state else text, thread=thread, state=state)
    return record
