"""Comments from a database query, streamed, from any database that SQLAlchemy has a driver for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
import os
import re
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError
from spoilerguard.files.streams import optional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spoilerguard.files.source import DataSource, RawRow

__all__ = ["file_of", "is_ordered", "names", "rows", "shown"]

_ROWS = 1000  # fetched at a time


def is_ordered(query: str) -> bool:
    """Whether the query has an ORDER BY clause: without one, a row number identifies no row."""
    return re.search(r"(?i)\border\s+by\b", query) is not None


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
    """The file of an SQLite database, if the URL is of one."""
    return tuple(filter(None, [_file(_parsed(url))]))


def _file(url: Any) -> str | None:
    file = url.database if url.get_backend_name() == "sqlite" else None
    return file if file and file != ":memory:" and not file.startswith("file:") else None


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


def rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read the wanted columns of each row from a place on.

    Args:
        source: The database and its query.
        place: The number of rows to skip.
        wanted: Column names; None gives None.

    Yields:
        Each row; its place is its number, from 1.

    Raises:
        InputError: The query fails.
    """
    with _result(source) as result:
        at = {name: number for number, name in reversed([*enumerate(result.keys())])}
        picked = [None if name is None else at[name] for name in wanted]
        for number, row in enumerate(islice(result, place, None), place + 1):
            yield [None if column is None else row[column] for column in picked], None, number
