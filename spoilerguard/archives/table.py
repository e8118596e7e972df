"""The interface (readers follow)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import os
from typing import Any

from spoilerguard.archives.posts import START, Cursor, Post

FAMILIES: tuple[Any, ...] = ()


class Archive:
    """An archive whose format and columns are settled; picklable, opens no file before `posts`."""

    kind: str  # the row of FAMILIES: csv, jsonl, parquet, wordpress, disqus, reddit, goodreads, letterboxd, sql
    described: str  # "CSV, UTF-8, ',': text from 'body', id from 'id'": for standard error
    settled: dict[str, Any]  # JSON-able options with which open_archive(source, **settled) guesses nothing
    columns: tuple[str, ...]  # all column names there are
    size: int | None  # bytes of the source (packed, where it is packed); None for a database
    position: int  # bytes of it that the newest `posts` has consumed
    resumable: bool  # False for a query without ORDER BY: starting elsewhere than at START is an InputError

    def posts(self, start: Cursor = START) -> Iterator[tuple[Post, Cursor]]:
        """Posts from a cursor on, each with the cursor after it. InputError where the source is gone."""
        raise NotImplementedError

    def fingerprint(self) -> dict[str, Any]:
        """JSON-able: what must be equal for a cursor to hold (per file: name, size, mtime_ns, sha256 of its ends)."""
        raise NotImplementedError


def open_archive(
    source: str | os.PathLike[str],
    *,
    format: str | None = None,  # a row of FAMILIES
    text_column: str | None = None,
    id_column: str | None = None,
    work_column: str | None = None,
    time_column: str | None = None,
    carry: Sequence[str] = (),  # columns to have in Post.record
    text_format: str | None = None,  # text, markdown or html
    encoding: str | None = None,
    delimiter: str | None = None,
    query: str | None = None,  # then source is a database URL
) -> Archive:
    """Raises InputError (naming file and remedy) for what cannot be opened; MissingExtra."""
    raise NotImplementedError
