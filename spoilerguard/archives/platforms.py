"""The JSON exports of platforms: Ghost's posts, and the posts of a Mastodon account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from spoilerguard.files.jsonlines import JsonObject, picked
from spoilerguard.files.jsonvalues import objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spoilerguard.files.source import DataSource, Head, RawRow

__all__ = [
    "ghost_names", "ghost_rows", "looks_like_ghost", "looks_like_mastodon", "mastodon_names", "mastodon_rows",
]  # fmt: skip


# --- Ghost -------------------------------------------------------------------------------------


def looks_like_ghost(head: Head) -> bool:
    """Whether a file is the JSON export of a Ghost site."""
    return re.match(r'\s*\{\s*"(?:db"\s*:\s*\[\s*\{|meta"\s*:\s*\{[^{}]*"exported_on")', head.text) is not None


def ghost_names(source: DataSource) -> tuple[str, ...]:
    """The column names of every Ghost export."""
    return ("text", "id", "title", "time", "slug", "status", "type")


def ghost_rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read posts and pages from a place on; the text is the HTML that Ghost has made of a post."""
    with source.open() as stream:
        path = "db[].data.posts[]" if re.match(rb'\s*\{\s*"db"', stream.peek(64)) else "data.posts[]"
    return picked(map(_of_ghost, objects(source, place, path)), wanted)


def _of_ghost(record: JsonObject) -> JsonObject:
    fields, error, place, number, halves = record
    if fields is not None:
        text = fields.get("html")
        if not text and (fields.get("lexical") or fields.get("mobiledoc")):
            error = "the post has no HTML, only the format of Ghost's editor; publish it, or export it again"
        computed = {"text": text, "time": fields.get("published_at") or fields.get("created_at")}
        fields.update(computed, type=fields.get("type") or ("page" if fields.get("page") else "post"))
    return fields, error, place, number, halves


# --- Mastodon ----------------------------------------------------------------------------------


def looks_like_mastodon(head: Head) -> bool:
    """Whether a file is the outbox of an account, in ActivityStreams."""
    return head.text.lstrip().startswith("{") and re.search(r'"orderedItems"\s*:\s*\[', head.text) is not None


def mastodon_names(source: DataSource) -> tuple[str, ...]:
    """The column names of every outbox."""
    return ("text", "id", "published", "warning", "url", "reply_to", "type")


def mastodon_rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read posts from a place on. A boost has no text of its own."""
    return picked(map(_of_mastodon, objects(source, place, "orderedItems[]")), wanted)


def _of_mastodon(record: JsonObject) -> JsonObject:
    fields, error, place, number, halves = record
    if fields is not None:
        inner = fields.get("object")
        note: dict[str, Any] = inner if isinstance(inner, dict) else {}
        fields = {
            "text": note.get("content"),
            "id": note.get("id") or fields.get("id"),
            "published": note.get("published") or fields.get("published"),
            "warning": note.get("summary"),
            "url": note.get("url"),
            "reply_to": note.get("inReplyTo"),
            "type": fields.get("type"),
        }
    return fields, error, place, number, halves
