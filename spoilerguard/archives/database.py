"""Comments from a database query, streamed, from any database that SQLAlchemy has a driver for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import hashlib
import logging
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from spoilerguard.errors import InputError
from spoilerguard.files.streams import optional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spoilerguard.files.source import DataSource, RawRow

__all__ = ["file_of", "is_ordered", "names", "rows", "shown"]

_ROWS = 1000  # fetched at a time


_DIALECTS = {"postgresql": "postgres", "mariadb": "mysql", "mssql": "tsql"}  # sqlglot's names, where they differ


def is_ordered(url: str, query: str) -> bool:
    """Whether the outermost statement of a query has an ORDER BY clause: without one, its rows have no order.

    Args:
        url: The URL of the database, which decides how the query is parsed.
        query: The query.

    Returns:
        Whether it is ordered; False for a query that cannot be parsed.

    Raises:
        MissingExtra: sqlglot is not installed.
    """
    sqlglot = optional("sqlglot", "sql")
    backend = _parsed(url).get_backend_name()
    try:
        with _quiet():
            known = sqlglot.Dialect.get(_DIALECTS.get(backend, backend)) is not None
            statement = sqlglot.parse_one(query, read=_DIALECTS.get(backend, backend) if known else None)
    except (sqlglot.errors.SqlglotError, RecursionError, ValueError):
        return False
    return statement.args.get("order") is not None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without sqlglot's warnings, which would reach the terminal."""
    logger = logging.getLogger("sqlglot")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


def shown(url: str) -> str:
    """The URL without its password.

    Raises:
        InputError: It is not the URL of a database.
        MissingExtra: SQLAlchemy is not installed.
    """
    return str(_parsed(url).render_as_string(hide_password=True))


def _parsed(url: str) -> Any:
    alchemy = optional("sqlalchemy", "sql")
    try:
        parsed = alchemy.make_url(url)
    except alchemy.exc.ArgumentError:
        raise InputError("not a database URL; expected one such as sqlite:///comments.db") from None
    if (file := _file(parsed)) and not os.path.exists(file):
        raise InputError(f"{file}: no such database; check the path")  # SQLite would create an empty one
    return parsed


def file_of(url: str) -> tuple[str, ...]:
    """The files of a database that is a file: its own, and those that SQLite keeps beside it."""
    file = _file(_parsed(url))
    return () if file is None else (file, *(f"{file}{end}" for end in ("-wal", "-shm", "-journal")))


def _file(url: Any) -> str | None:
    """The file of a database that is one; SQLite's may be a URI (https://sqlite.org/uri.html)."""
    file = url.database if url.get_backend_name() in ("sqlite", "duckdb") else None
    if file and file.startswith("file:") and "uri" in url.query:
        place = urlsplit(file)
        file = None if url.query.get("mode") == "memory" else unquote(place.path)
    return None if file == ":memory:" else file or None


@contextmanager
def _result(source: DataSource) -> Iterator[Any]:
    """The streamed result of the query."""
    alchemy = optional("sqlalchemy", "sql")
    url = _parsed(source.path)
    try:
        engine = alchemy.create_engine(url, poolclass=alchemy.pool.NullPool)
        if engine.dialect.name == "sqlite":
            alchemy.event.listen(engine, "connect", _decode_if_possible)
        with engine.connect() as connection:
            # Colons are literal: the query has no parameters.
            query = alchemy.text(source.query.replace(":", r"\:"))
            result = connection.execution_options(stream_results=True, max_row_buffer=_ROWS).execute(query)
            if not result.returns_rows:
                raise InputError("the query returns no rows; it must be a SELECT")
            yield result
    except ModuleNotFoundError as error:
        driver = str(error.name)
        message = f"the driver {driver!r} is not installed; install it with: pip install {driver}"
        raise InputError(f"{shown(source.path)}: {message}") from None
    except UnicodeEncodeError as error:  # a shell passes any bytes
        message = f"the query is not valid text ({error.reason}); write it in UTF-8"
        raise InputError(f"{shown(source.path)}: {message}") from None
    except alchemy.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise InputError(f"{shown(source.path)}: {reason}") from None


def _decode_if_possible(connection: Any, record: object) -> None:
    def decoded(data: bytes) -> str | bytes:
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data

    connection.text_factory = decoded


def names(source: DataSource) -> tuple[str, ...]:
    """The column names of the query.

    Raises:
        InputError: The query fails.
    """
    with _result(source) as result:
        return tuple(result.keys())


# The bits of a place that count the rows, and those of a digest of the rows counted; the rest is one of the last row.
_COUNT, _DIGEST = 40, 64


def rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read the wanted columns of each row from a place on.

    Args:
        source: The database and its query.
        place: 0, or the place of the last row to skip. The rows up to there must be those that were read before:
            the same ids, works and times in the same order. Their texts may have changed, unless only they tell
            rows apart.
        wanted: Column names, those of text, id, work and time first; None gives None.

    Yields:
        Each row, and its place.

    Raises:
        InputError: The query fails, or the rows to skip have changed.
    """
    skip, digest = place & ((1 << _COUNT) - 1), 0
    last = 0  # the place at which the rows to skip end now
    before: list[Any] | None = None
    with _result(source) as result:
        at = {name: number for number, name in reversed([*enumerate(result.keys())])}
        picked = [None if name is None else at[name] for name in wanted]
        identity = slice(1, 4) if wanted[1] is not None else slice(None)
        number = 0
        for number, row in enumerate(result, 1):
            values = [None if column is None else row[column] for column in picked]
            alike, before = values[identity] == before, values[identity]  # the order of such rows may change
            digest = _digest(digest, values if alike else before)
            if number < skip:
                continue
            here = (_digest(0, values) << _DIGEST | digest) << _COUNT | number
            if number == skip:
                last = here
                if (here ^ place) & ((1 << _COUNT + _DIGEST) - 1):
                    raise _changed(source, skip)
                continue
            if number == skip + 1 and alike and last != place:
                raise _changed(source, skip)
            yield values, None, here
        if number < skip:
            raise _changed(source, skip)


def _digest(before: int, values: Sequence[Any]) -> int:
    """A number of 64 bits that stands for a row and for all rows before it."""
    data = repr((before, values)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest())


def _changed(source: DataSource, count: int) -> InputError:
    return InputError(
        f"{shown(source.path)}: the first {count:,} rows of the query are not those that were read before: rows were "
        "inserted, removed or moved, so that going on would miss some or read them twice; start again with --force"
    )
