"""The table of archive formats. Read this file first.

A row of `FAMILIES` tells a file by its head, and its columns and rows by two functions. To add a
format, write these, add the row, and put a sample that passes and one that fails into
`tests/archives/NAME/`. What comes out is the same of all: `Post`s, each with the `Cursor` after it.
"""

from __future__ import annotations

from typing import Any

from spoilerguard.archives import columnar, database, delimited, exports, jsonlines
from spoilerguard.archives.archive import Family
from spoilerguard.archives.columns import Columns
from spoilerguard.archives.parts import Head

__all__ = ["FAMILIES"]


def _xml(head: Head, delimiter: str | None) -> dict[str, Any]:
    return {"encoding": exports.xml_encoding(head)}


def _json(head: Head, delimiter: str | None) -> dict[str, Any]:
    return {"encoding": head.encoding if head.encoding.startswith("utf") else "utf-8"}  # RFC 8259: it has no other


def _delimited(head: Head, delimiter: str | None) -> dict[str, Any]:
    delimiter, quoting, *_ = delimited.guess_dialect(head.text, delimiter)
    return {"encoding": head.encoding, "delimiter": delimiter, "quoting": quoting}


def _never(head: Head) -> bool:
    return False


FAMILIES: tuple[Family, ...] = (  # the first that recognises a source reads it
    Family("parquet", "Parquet", columnar.looks_like_parquet, columnar.names, columnar.rows),
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
        "reddit",
        "Reddit dump",
        jsonlines.looks_like_json,
        jsonlines.reddit_names,
        jsonlines.reddit_rows,
        _json,
        details=("encoding",),
        signs=({"body", "subreddit"}, {"body", "link_id"}, {"selftext", "subreddit"}),
        columns=Columns("text", "id", "thread", "created_utc", "state"),
        text_format="markdown",
    ),
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
    Family("jsonl", "JSON Lines", jsonlines.looks_like_json, jsonlines.names, jsonlines.rows, _json, ("encoding",)),
    Family(
        "csv", "CSV", delimited.looks_delimited, delimited.names, delimited.rows, _delimited, ("encoding", "delimiter")
    ),
    Family("sql", "database", _never, database.names, database.rows),
)
