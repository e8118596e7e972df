"""Comment archives of every format as one stream of posts, from the start or from a cursor.

    archive = open_archive("comments.jsonl.zst")
    for post, cursor in archive.posts():
        ...                                   # later: archive.posts(cursor) gives exactly the rest

`table` has the formats and is the file to read first; `opening` chooses among them.
"""

from __future__ import annotations

from spoilerguard.archives.archive import Archive, Family
from spoilerguard.archives.opening import open_archive
from spoilerguard.archives.posts import START, Cursor, Post
from spoilerguard.archives.table import FAMILIES

__all__ = ["FAMILIES", "START", "Archive", "Cursor", "Family", "Post", "open_archive"]
