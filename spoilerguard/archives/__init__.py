"""Comment archives of every format as one stream of posts, from the start or from a cursor.

    archive = open_archive("comments.jsonl.zst")
    for post, cursor in archive.posts():
        ...                                   # later: archive.posts(cursor) gives exactly the rest

`table` has the formats and is the file to read first.
"""

from __future__ import annotations

from spoilerguard.archives.posts import START, Cursor, Post
from spoilerguard.archives.table import FAMILIES, Archive, open_archive

__all__ = ["FAMILIES", "START", "Archive", "Cursor", "Post", "open_archive"]
