"""The table of archive formats. Read this file first.

A row of `FAMILIES` has a function that recognises a file by its head, one for its column names and one for
its rows. To add a format, write these functions, add the row, and put a sample that passes and one that
fails into `tests/archives/NAME/`. Every format yields the same: `Post`s, each with the `Cursor` after it.
"""

from __future__ import annotations

from typing import Any

from spoilerguard.archives import database, exports, platforms, reddit
from spoilerguard.archives.archive import Family
from spoilerguard.archives.columns import Columns
from spoilerguard.files import delimited, dialects, jsonlines, jsonvalues, parquet
from spoilerguard.files.source import Head

__all__ = ["FAMILIES"]


def _xml(head: Head, delimiter: str | None) -> dict[str, Any]:
    return {"encoding": exports.xml_encoding(head)}


def _json(head: Head, delimiter: str | None) -> dict[str, Any]:
    return {"encoding": jsonlines.encoding_of(head)}


def _delimited(head: Head, delimiter: str | None) -> dict[str, Any]:
    return {"encoding": head.encoding, **dialects.guess_layout(head.text, delimiter)}


def _never(head: Head) -> bool:
    return False


FAMILIES: tuple[Family, ...] = (  # the first row that recognises a source reads it
    Family("parquet", "Parquet", parquet.looks_like_parquet, parquet.names, parquet.rows),
    Family(
        "wordpress",
        "WordPress export (WXR)",
        exports.looks_like_wordpress,
        exports.wordpress_names,
        exports.wordpress_rows,
        _xml,
        details=("encoding",),
        columns=Columns("text", "id", "post", "time", "state"),
        text_format="html",
    ),
    Family(
        "disqus",
        "Disqus export",
        exports.looks_like_disqus,
        exports.disqus_names,
        exports.disqus_rows,
        _xml,
        details=("encoding",),
        columns=Columns("text", "id", "thread", "time", "state"),
        text_format="html",
    ),
    Family(
        "feed",
        "RSS or Atom feed",
        exports.looks_like_feed,
        exports.feed_names,
        exports.feed_rows,
        _xml,
        details=("encoding",),
        columns=Columns("text", "id", "title", "time"),
        text_format="html",
    ),
    Family(
        "ghost",
        "Ghost export",
        platforms.looks_like_ghost,
        platforms.ghost_names,
        platforms.ghost_rows,
        _json,
        columns=Columns("text", "id", "title", "time"),
        text_format="html",
    ),
    Family(
        "mastodon",
        "Mastodon outbox",
        platforms.looks_like_mastodon,
        platforms.mastodon_names,
        platforms.mastodon_rows,
        _json,
        columns=Columns("text", "id", "", "published"),
        text_format="html",
    ),
    Family(
        "reddit",
        "Reddit dump",
        reddit.looks_like_reddit,
        reddit.reddit_names,
        reddit.reddit_rows,
        _json,
        details=("encoding",),
        signs=({"body", "subreddit"}, {"body", "link_id"}, {"selftext", "subreddit"}),
        columns=Columns("text", "id", "thread", "created_utc", "state"),
        text_format="markdown",
    ),
    Family("json", "JSON", jsonvalues.looks_like_json_value, jsonvalues.names, jsonvalues.rows, _json, ("encoding",)),
    Family("jsonl", "JSON Lines", jsonlines.looks_like_json, jsonlines.names, jsonlines.rows, _json, ("encoding",)),
    Family(
        "goodreads",
        "Goodreads library export",
        delimited.looks_delimited,
        delimited.names,
        delimited.rows,
        _delimited,
        details=("encoding", "delimiter"),
        signs=({"Book Id", "My Review"},),
        columns=Columns("My Review", "Book Id", "Title", "Date Added"),
        text_format="html",
    ),
    Family(
        "letterboxd",
        "Letterboxd export",
        delimited.looks_delimited,
        delimited.names,
        delimited.rows,
        _delimited,
        details=("encoding", "delimiter"),
        signs=({"Letterboxd URI", "Review"},),
        columns=Columns("Review", "Letterboxd URI", "Name", "Date"),
        text_format="html",
    ),
    Family(
        "csv", "CSV", delimited.looks_delimited, delimited.names, delimited.rows, _delimited, ("encoding", "delimiter")
    ),
    Family("sql", "database", _never, database.names, database.rows),
)
