"""The XML exports of WordPress and Disqus, and feeds (RSS 0.9 to 2.0, Atom)."""

from __future__ import annotations

from html import escape
from pathlib import PurePath
import re
from typing import TYPE_CHECKING

from spoilerguard.archives.elements import Schema, element_rows
from spoilerguard.archives.repair import ROOT
from spoilerguard.errors import InputError
from spoilerguard.files.streams import encoding_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spoilerguard.archives.elements import Element
    from spoilerguard.files.source import DataSource, Head, RawRow

__all__ = [
    "disqus_names",
    "disqus_rows",
    "feed_names",
    "feed_rows",
    "looks_like_disqus",
    "looks_like_feed",
    "looks_like_wordpress",
    "wordpress_names",
    "wordpress_rows",
    "xml_encoding",
]


def xml_encoding(head: Head) -> str:
    """The encoding of an XML file: by its byte order mark, else as it declares, else UTF-8.

    Raises:
        InputError: It declares an unknown encoding.
    """
    if head.encoding.startswith(("utf-16", "utf-32")):
        return head.encoding
    declared = re.search(r"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.-]+)", _top(head))
    try:
        return encoding_named(declared[1]) if declared else "utf-8"
    except InputError as error:
        raise InputError(f"{head.path}: {error}") from None


_BEFORE = re.compile(  # what PHP and editors leave before the document
    r"(?>(?:\s++|\ufeff|<br\s*/?>|(?:<b>\s*)?(?:PHP )?"
    r"(?:Warning|Notice|Deprecated|Strict Standards|Fatal error)\b[^\n]*+(?:\n|\Z))*)"
)


def _top(head: Head) -> str:
    """The beginning of an XML document, up to its root with its attributes; "" for another file."""
    start = _BEFORE.match(head.text)
    at = start.end() if start else 0
    if ".xml" in (suffix.lower() for suffix in PurePath(head.path).suffixes):  # then anything may stand before it
        at = max(at, head.text.find("<?xml", at, 1 << 16))
    root = ROOT.search(head.text, at) if head.text[at : at + 1] == "<" else None
    return head.text[at : head.text.find(">", root.end()) + 1 or None] if root else ""


# --- WordPress ---------------------------------------------------------------------------------


def looks_like_wordpress(head: Head) -> bool:
    """Whether a file is a WordPress export."""
    return bool(_top(head)) and "//wordpress.org/export/" in head.text


def _of_wordpress(record: Element) -> dict[str, str | None]:
    """WXR (WordPress eXtended RSS, 1.0 to 1.2): posts, pages and other items, and their comments.

    A post comes after its comments, because its element ends there. Whatever is in the trash is deleted.
    """
    get = record.fields.get
    if record.kind == "item":
        state = "deleted" if get("status") == "trash" else None
        return {
            "text": "" if state else get("encoded"),
            "id": f"post-{get('post_id')}" if get("post_id") else None,
            "post": get("post_id"),
            "time": _time(get("post_date_gmt"), get("post_date"), get("pubDate")),
            "state": state,
            "kind": get("post_type") or "post",
            "author": get("creator"),
            "title": get("title"),
            "link": get("link"),
            "parent": get("post_parent"),
        }
    state = _APPROVED.get(get("comment_approved", ""))
    return {
        "text": "" if state == "deleted" else get("comment_content"),
        "id": f"comment-{get('comment_id')}" if get("comment_id") else None,
        "post": record.around.get("post_id"),
        "time": _time(get("comment_date_gmt"), get("comment_date")),
        "state": state,
        "kind": get("comment_type") or "comment",
        "author": get("comment_author"),
        "title": record.around.get("title"),
        "link": record.around.get("link"),
        "parent": get("comment_parent"),
    }


_APPROVED = {"0": "pending", "spam": "spam", "trash": "deleted", "post-trashed": "deleted"}


def _time(*times: str | None) -> str | None:
    return next((time for time in times if time and not time.startswith("0000")), None)


def wordpress_names(source: DataSource) -> tuple[str, ...]:
    """The column names of every WordPress export."""
    return ("text", "id", "post", "time", "state", "kind", "author", "title", "link", "parent")


def wordpress_rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read posts and comments from a place on; see `element_rows`."""
    return element_rows(source, place, wanted, _WORDPRESS)


_WORDPRESS = Schema(frozenset({"item", "comment"}), _of_wordpress, frozenset({"encoded", "comment_content"}))


# --- Disqus ------------------------------------------------------------------------------------


def looks_like_disqus(head: Head) -> bool:
    """Whether a file is a Disqus export."""
    return "<disqus" in _top(head)


def _of_disqus(record: Element) -> dict[str, str | None]:
    """A `post` element, which is a comment; a thread is a page of the blog.

    A comment whose thread is missing keeps the id of that thread, if it has one.
    """
    get = record.fields.get
    deleted, spam = ((get(name) or "").strip().lower() == "true" for name in ("isDeleted", "isSpam"))
    return {
        "text": "" if deleted else get("message"),
        "id": get("@id"),
        "thread": get("thread@id"),
        "time": get("createdAt"),
        "state": "deleted" if deleted else "spam" if spam else None,
        "parent": get("parent@id"),
    }


def disqus_names(source: DataSource) -> tuple[str, ...]:
    """The column names of every Disqus export."""
    return ("text", "id", "thread", "time", "state", "parent")


def disqus_rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read comments from a place on; see `element_rows`."""
    return element_rows(source, place, wanted, _DISQUS)


_DISQUS = Schema(frozenset({"post"}), _of_disqus, frozenset({"message"}))


# --- feeds -------------------------------------------------------------------------------------


def looks_like_feed(head: Head) -> bool:
    """Whether a file is an RSS or Atom feed."""
    return bool(_top(head))


_MARKED_UP = ("html", "xhtml", "text/html", "application/xhtml+xml")


def _of_feed(record: Element) -> dict[str, str | None]:
    """An `item` of RSS or an `entry` of Atom; its text is the whole content where there is one, else the summary."""
    get = record.fields.get
    if record.kind == "item":
        text = get("encoded") or get("description") or get("title")  # an item may be nothing but a title
    else:
        name = next((name for name in ("content", "summary") if get(name)), "title")
        text = get(name)
        if text and get(f"{name}@type", "text") not in _MARKED_UP:
            text = escape(text, quote=False)
    return {
        "text": text,
        "id": get("guid") or get("id") or get("@about") or get("link") or get("link@href"),
        "title": get("title"),
        "time": get("pubDate") or get("published") or get("date") or get("issued") or get("updated"),
        "link": get("link") or get("link@href"),
        "author": get("creator") or get("author"),
    }


def feed_names(source: DataSource) -> tuple[str, ...]:
    """The column names of every feed."""
    return ("text", "id", "title", "time", "link", "author")


def feed_rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read entries from a place on; see `element_rows`."""
    return element_rows(source, place, wanted, _FEED)


_FEED = Schema(frozenset({"item", "entry"}), _of_feed, frozenset({"content", "description", "encoded", "summary"}))
