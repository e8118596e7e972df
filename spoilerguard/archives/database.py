"""Comments in a database, by a query: whatever SQLAlchemy has a driver for. Rows are streamed."""

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

    from spoilerguard.archives.parts import Part
    from spoilerguard.archives.posts import Row

__all__ = ["is_ordered", "names", "rows", "shown"]

_ROWS = 1000  # fetched at a time


def is_ordered(query: str) -> bool:
    """Whether the query says in which order its rows come: without, no number tells a row."""
    return re.search(r"(?i)\border\s+by\b", query) is not None


def shown(url: str) -> str:
    """The URL without its password. Raises InputError where it is none, MissingExtra without SQLAlchemy."""
    return str(_parsed(url).render_as_string(hide_password=True))


def _parsed(url: str) -> Any:
    alchemy = optional("sqlalchemy", "sql")
    try:
        parsed = alchemy.make_url(url)
    except alchemy.exc.ArgumentError:
        raise InputError("not the URL of a database; for example sqlite:///comments.db") from None
    file = parsed.database if parsed.get_backend_name() == "sqlite" else None
    if file and file != ":memory:" and not file.startswith("file:") and not os.path.exists(file):
        raise InputError(f"{file}: no such database")  # SQLite would make an empty one
    return parsed


@contextmanager
def _result(part: Part) -> Iterator[Any]:
    """The result of the part's query, which the server streams. Raises InputError where there is none."""
    alchemy = optional("sqlalchemy", "sql")
    url = _parsed(part.path)
    try:
        engine = alchemy.create_engine(url, poolclass=alchemy.pool.NullPool)
        if engine.dialect.name == "sqlite":
            alchemy.event.listen(engine, "connect", _decode_what_can_be)
        with engine.connect() as connection:
            # Colons are literal here: a query has no parameters.
            query = alchemy.text(part.query.replace(":", r"\:"))
            result = connection.execution_options(stream_results=True, max_row_buffer=_ROWS).execute(query)
            if not result.returns_rows:
                raise InputError("the query returns no rows; it must be a SELECT")
            yield result
    except ModuleNotFoundError as error:
        driver = str(error.name)
        raise InputError(f"{shown(part.path)}: the driver {driver!r} is missing: pip install {driver}") from None
    except UnicodeEncodeError as error:  # a shell lets any byte be given
        raise InputError(f"{shown(part.path)}: the query is no text ({error.reason}); write it in UTF-8") from None
    except alchemy.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise InputError(f"{shown(part.path)}: {reason}") from None


def _decode_what_can_be(connection: Any, record: object) -> None:
    def decoded(data: bytes) -> str | bytes:
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data

    connection.text_factory = decoded


def names(part: Part) -> tuple[str, ...]:
    """The columns of the query."""
    with _result(part) as result:
        return tuple(result.keys())


def rows(part: Part, place: int, wanted: Sequence[str | None]) -> Iterator[Row]:
    """The wanted columns of each row, from the place-th on. Raises InputError where the database fails."""
    with _result(part) as result:
        at = {name: number for number, name in reversed([*enumerate(result.keys())])}
        picked = [None if name is None else at[name] for name in wanted]
        for number, row in enumerate(islice(result, place, None), place + 1):
            yield [None if column is None else row[column] for column in picked], None, number
