"""Comment archives of any format, as one stream of posts, from the start or from a cursor.

    archive = open_archive("comments.jsonl.zst")
    for post, cursor in archive.posts():
        ...                                   # later: archive.posts(cursor) gives exactly the rest

`table` lists the formats: read it first. `opening` chooses among them. The readers of CSV, JSON Lines and
Parquet are in `files`, which labelled data uses as well.
"""

from __future__ import annotations

from spoilerguard.archives.archive import Archive, Family
from spoilerguard.archives.opening import PART_SUFFIXES, is_part, open_archive
from spoilerguard.archives.posts import START, UNREAD, Cursor, Post
from spoilerguard.archives.table import FAMILIES

__all__ = [
    "FAMILIES", "PART_SUFFIXES", "START", "UNREAD", "Archive", "Cursor", "Family", "Post", "is_part", "open_archive",
]  # fmt: skip
