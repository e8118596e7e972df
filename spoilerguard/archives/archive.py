"""An open archive, whose format and columns are known: its posts from any cursor on, and its fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
import hashlib
import os
from pathlib import Path
from typing import Any

from spoilerguard.archives.columns import Columns
from spoilerguard.archives.database import file_of, is_ordered, shown
from spoilerguard.archives.posts import START, Cursor, Post, to_posts
from spoilerguard.errors import InputError
from spoilerguard.files.columns import listed
from spoilerguard.files.source import END, DataSource, Head, Meter, RawRow, unreadable
from spoilerguard.files.storage import Stored, is_url, stored

__all__ = ["Archive", "Family", "check_column"]


def _unsettled(head: Head, delimiter: str | None) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Family:
    """An archive format.

    Attributes:
        name: Its name in options.
        title: Its name in messages.
        looks: Whether the head of a file looks like it.
        names: The column names of a source.
        rows: The values of the wanted columns (None: no column) of each record from a place on.
        settle: The settings of a `DataSource`, from a file's head and the delimiter asked for.
        details: The settings that are printed.
        signs: Sets of columns, one of which a file must have: they distinguish formats that look alike.
        columns: The columns that the format defines; others are guessed.
        text_format: The format of its texts; None if it is guessed.
    """

    name: str
    title: str
    looks: Callable[[Head], bool]
    names: Callable[[DataSource], tuple[str, ...]]
    rows: Callable[[DataSource, int, Sequence[str | None]], Iterator[RawRow]]
    settle: Callable[[Head, str | None], dict[str, Any]] = _unsettled
    details: tuple[str, ...] = ()
    signs: tuple[set[str], ...] = ()
    columns: Columns | None = None
    text_format: str | None = None


@dataclass(frozen=True)
class Archive:
    """Posts in a file, a folder or a database; made by `open_archive`. Picklable; keeps no file open.

    Attributes:
        source: The path or URL, as given.
        family: The format.
        parts: The files, or the database.
        names: All column names.
        columns: The column of each role.
        carry: The columns carried along with each post.
        text_format: The format of the texts.
        described: The format and the columns, for people.
        settled: Options with which `open_archive(source, **settled)` guesses nothing; JSON-serialisable.
        sizes: The size of each file in bytes; empty for a database.
    """

    source: str
    family: Family
    parts: tuple[DataSource, ...]
    names: tuple[str, ...]
    columns: Columns
    carry: tuple[str, ...]
    text_format: str
    described: str
    settled: Mapping[str, Any]
    sizes: tuple[int, ...]
    _reading: list[int] = field(default_factory=lambda: [0], compare=False, repr=False)

    @property
    def kind(self) -> str:
        """The name of the format: a row of FAMILIES."""
        return self.family.name

    def posts(self, start: Cursor = START) -> Iterator[tuple[Post, Cursor]]:
        """Read the posts. A record that cannot be read is a post with an error; so is damage to a file.

        Args:
            start: The cursor to start from; by default the first post.

        Yields:
            Each post, and the cursor after it.

        Raises:
            InputError: The source cannot be read, or the rows of its query have no order and `start`
                is not the first post.
        """
        if start != START and not self.resumable:
            raise InputError("a query without ORDER BY cannot be resumed; add ORDER BY to the query")
        return self._posts(start)

    def _posts(self, start: Cursor) -> Iterator[tuple[Post, Cursor]]:
        number, first, place = start
        wanted = [name or None for name in (*self.columns, *self.carry)]
        for part in range(first, len(self.parts)):
            self._reading[0] = part
            if place != END:
                rows = self.family.rows(self.parts[part], place, wanted)
                has_ids = bool(self.columns.id)
                number = yield from to_posts(rows, number, part, self.text_format, self.carry, has_ids=has_ids)
            place = 0

    @property
    def resumable(self) -> bool:
        """Whether reading can resume from a cursor: not for a query whose outermost statement has no ORDER BY."""
        return all(not part.query or is_ordered(part.path, part.query) for part in self.parts)

    @property
    def size(self) -> int | None:
        """The size of the source in bytes, before unpacking; None for a database."""
        return sum(self.sizes) if self.sizes else None

    @property
    def position(self) -> int:
        """How many of these bytes the newest `posts` iterator has read."""
        part = self._reading[0]
        return sum(self.sizes[:part]) + (self.parts[part].meter.tell() if self.sizes else 0)

    def part(self, file: Stored) -> Archive:
        """The archive of another file, which is read like the first file of this one.

        Args:
            file: The file.

        Returns:
            The archive.

        Raises:
            InputError: The file cannot be read, or lacks the text column.
        """
        source = replace(self.parts[0], path=file.path, meter=Meter())
        check_column(self.family, source, self.columns.text, like=self.parts[0])
        return replace(self, source=file.path, parts=(source,), sizes=(file.size,), _reading=[0])

    @property
    def files(self) -> tuple[str, ...]:
        """The files that are read, among them that of an SQLite database; none for a database on a server."""
        return tuple(part.path for part in self.parts) if self.sizes else file_of(self.source)

    def fingerprint(self) -> dict[str, Any]:
        """What must not change for a cursor to stay valid.

        Returns:
            The name, size, modification time (nanoseconds) and SHA-256 of the first and last MiB of each
            file, or the URL and query of a database; JSON-serialisable.

        Raises:
            InputError: A file no longer exists.
        """
        if not self.sizes:
            return {"database": shown(self.source), "query": self.parts[0].query}
        root = Path(self.source)
        return {"files": [_of_file(part.path, root) for part in self.parts]}


def check_column(family: Family, part: DataSource, column: str, *, like: DataSource) -> None:
    """Raise InputError unless a file has the text column that another one has."""
    if column not in (names := family.names(part)):
        raise InputError(f"{part.path}: no column {column!r}, which {like.path} has; there are: {listed(names)}")


_END_BYTES = 1 << 20


def _of_file(given: str, root: Path) -> dict[str, Any]:
    path = Path(given)
    try:
        if is_url(given):
            return dict(zip(("name", "size", "version"), stored(given)[1:], strict=True))
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            digest = hashlib.sha256(file.read(_END_BYTES))
            file.seek(max(0, status.st_size - _END_BYTES))
            digest.update(file.read(_END_BYTES))
    except OSError as error:
        raise unreadable(given, error) from error
    name = path.relative_to(root).as_posix() if path != root else path.name
    return {"name": name, "size": status.st_size, "mtime_ns": status.st_mtime_ns, "ends": digest.hexdigest()}
