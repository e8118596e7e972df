"""Reddit dumps: JSON Lines of comments and submissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spoilerguard.files.jsonlines import JsonObject, names, objects, picked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spoilerguard.files.source import DataSource, RawRow

__all__ = ["reddit_names", "reddit_rows"]

_OWN = ("text", "thread", "state")  # computed from the fields of the dump, and added to them
_REMOVED = {"[deleted]": "deleted", "[removed]": "removed", "[ removed by reddit ]": "removed"}


def reddit_names(source: DataSource) -> tuple[str, ...]:
    """The computed columns, then the fields of the dump."""
    return (*_OWN, *(name for name in names(source) if name not in _OWN))


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
    return picked(map(_with_computed, objects(source, place)), wanted)


def _with_computed(record: JsonObject) -> JsonObject:
    if (fields := record[0]) is not None:
        text = fields.get("body", fields.get("selftext"))
        state = _REMOVED.get(text.lower()) if isinstance(text, str) and len(text) < 30 else None
        thread = fields.get("link_id") or (f"t3_{fields['id']}" if "id" in fields else None)
        fields.update(text="" if state else text, thread=thread, state=state)
    return record
