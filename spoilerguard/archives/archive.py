"""An archive whose format and columns are settled: its posts from any cursor on, and what identifies it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import hashlib
import os
from pathlib import Path
from typing import Any

from spoilerguard.archives.columns import Columns
from spoilerguard.archives.database import is_ordered, shown
from spoilerguard.archives.parts import Head, Part, unreadable
from spoilerguard.archives.posts import END, START, Cursor, Post, Row, to_posts
from spoilerguard.errors import InputError

__all__ = ["Archive", "Family"]


def _unsettled(head: Head, delimiter: str | None) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Family:
    """A format: how it is recognised, what it says of its columns, and how its rows are read.

    `looks` judges a file's head; of the formats that look alike, one with `signs` has one of these
    sets of columns. `settle` gives the settings of a `Part` from its head, of which `details` are told.
    `rows` yields the values of wanted columns (None: no column) for each record from a place on.
    `columns` are the known roles, else they are guessed; `text_format` likewise.
    """

    name: str
    title: str
    looks: Callable[[Head], bool]
    names: Callable[[Part], tuple[str, ...]]
    rows: Callable[[Part, int, Sequence[str | None]], Iterator[Row]]
    settle: Callable[[Head, str | None], dict[str, Any]] = _unsettled
    details: tuple[str, ...] = ()
    signs: tuple[set[str], ...] = ()
    columns: Columns | None = None
    text_format: str | None = None


@dataclass(frozen=True)
class Archive:
    """Posts in a file, a folder or a database; `open_archive` makes one. Picklable; holds no file open."""

    source: str
    family: Family
    parts: tuple[Part, ...]
    names: tuple[str, ...]  # all columns there are
    columns: Columns
    carry: tuple[str, ...]
    text_format: str
    described: str  # the format and the columns, for people
    settled: Mapping[str, Any]  # with open_archive(source, **settled) nothing is guessed; JSON-able
    sizes: tuple[int, ...]  # bytes of the parts
    _reading: list[int] = field(default_factory=lambda: [0], compare=False, repr=False)

    @property
    def kind(self) -> str:
        """The name of its row in FAMILIES."""
        return self.family.name

    def posts(self, start: Cursor = START) -> Iterator[tuple[Post, Cursor]]:
        """The posts from a cursor on, each with the cursor after it; from the start, all of them.

        A record that cannot be read is a post with an error; where a file is damaged, the last says so.
        Raises InputError where the source as such cannot be read, and for a cursor into a query
        whose rows come in no order.
        """
        if start != START and not self.resumable:
            raise InputError("rows of a query come in any order: add ORDER BY, and a cursor tells where to go on")
        return self._posts(start)

    def _posts(self, start: Cursor) -> Iterator[tuple[Post, Cursor]]:
        number, first, place = start
        wanted = [name or None for name in (*self.columns, *self.carry)]
        for part in range(first, len(self.parts)):
            self._reading[0] = part
            if place != END:
                rows = self.family.rows(self.parts[part], place, wanted)
                number = yield from to_posts(rows, number, part, self.text_format, self.carry)
            place = 0

    @property
    def resumable(self) -> bool:
        """Whether a cursor holds: not for a query without ORDER BY."""
        return all(not part.query or is_ordered(part.query) for part in self.parts)

    @property
    def size(self) -> int | None:
        """Bytes of the source, packed as they are; None for a database."""
        return sum(self.sizes) if self.sizes else None

    @property
    def position(self) -> int:
        """How many of these bytes the newest `posts` has read."""
        part = self._reading[0]
        return sum(self.sizes[:part]) + (self.parts[part].meter.tell() if self.sizes else 0)

    def fingerprint(self) -> dict[str, Any]:
        """What must not have changed for a cursor to hold, JSON-able.

        Of each file its name, size, time of change (nanoseconds) and SHA-256 of its first and last MiB;
        of a database only where it is and the query. Raises InputError for a file that is gone.
        """
        if not self.sizes:
            return {"database": shown(self.source), "query": self.parts[0].query}
        root = Path(self.source)
        return {"files": [_of_file(Path(part.path), root) for part in self.parts]}


_END_BYTES = 1 << 20


def _of_file(path: Path, root: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            digest = hashlib.sha256(file.read(_END_BYTES))
            file.seek(max(0, status.st_size - _END_BYTES))
            digest.update(file.read(_END_BYTES))
    except OSError as error:
        raise unreadable(path, error) from error
    name = path.relative_to(root).as_posix() if path != root else path.name
    return {"name": name, "size": status.st_size, "mtime_ns": status.st_mtime_ns, "ends": digest.hexdigest()}
