"""Opening an archive: its files, format and columns. Whatever is not given is guessed, and printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
import os
from pathlib import Path, PurePosixPath
from typing import Any

from spoilerguard.archives import database
from spoilerguard.archives.archive import Archive, Family, check_column
from spoilerguard.archives.columns import Columns, by_number, choose_columns, guess_text_format
from spoilerguard.archives.table import FAMILIES
from spoilerguard.errors import InputError
from spoilerguard.files.dialects import QUOTINGS, describe_dialect
from spoilerguard.files.jsonvalues import lists_within
from spoilerguard.files.source import MAX_RECORD_BYTES, DataSource, Head, read_head, unreadable
from spoilerguard.files.storage import is_url, stored
from spoilerguard.files.streams import DATA_SUFFIXES, PACKED_SUFFIXES, encoding_named
from spoilerguard.text.reading import READERS

__all__ = ["PART_SUFFIXES", "is_part", "open_archive"]

_NAMES = tuple(family.name for family in FAMILIES)


def open_archive(
    source: str | os.PathLike[str],
    *,
    format: str | None = None,
    text_column: str | None = None,
    id_column: str | None = None,
    work_column: str | None = None,
    time_column: str | None = None,
    carry: Sequence[str] = (),
    text_format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    quoting: str | None = None,
    query: str | None = None,
    longest_record: int = MAX_RECORD_BYTES,
) -> Archive:
    """Open an archive of comments. Whatever is not given is guessed from the first records.

    Args:
        source: A file or its URL on shared storage, a folder of files of one format, or (with `query`) the URL of a
            database.
        format: The name of a row of FAMILIES.
        text_column: The column with the text.
        id_column: The column with the id; "" for none.
        work_column: The column that names the work or thread; "" for none.
        time_column: The column with the date or time; "" for none.
        carry: Columns to keep in `Post.record`, by their names or numbers.
        text_format: The format of the texts: "text", "markdown" or "html".
        encoding: The encoding of the files.
        delimiter: The character between the cells of a CSV file; "tab" for a tab.
        quoting: How CSV writes a quote inside quotes: "double", "backslash", or "none" for no quoting.
        query: The query to a database.
        longest_record: The most bytes of a record in JSON Lines, CSV or XML; a longer one is an error.

    Returns:
        The archive; its attribute `described` reports what was guessed.

    Raises:
        InputError: The archive cannot be read, or an option is wrong; names the file and the remedy.
        MissingExtra: A library that the archive needs is not installed.
    """
    if delimiter in ("\\t", "tab"):  # as written in a shell
        delimiter = "\t"
    _check(format, text_format, delimiter, quoting)
    encoding = encoding and encoding_named(encoding)
    given = {"encoding": encoding, "delimiter": delimiter, "quoting": quoting, "longest": longest_record}
    given = {name: value for name, value in given.items() if value is not None}
    path = os.fspath(source)
    files: Sequence[str | Path] = []
    packed = None
    if query is not None or ("://" in path and not is_url(path)):
        family, parts = _database(path, query, given)
    else:
        files = [path] if is_url(path) else _files(Path(path))
        head = read_head(files[0], encoding)
        packed = head.packed
        family, settings = _family(head, format, given)
        parts = tuple(DataSource(str(file), **settings) for file in files)

    names = family.names(parts[0])
    carry = tuple(dict.fromkeys(by_number(name, names) for name in carry))
    sample = _sample(family, parts[0], names)
    asked = {"text": text_column, "id": id_column, "work": work_column, "time": time_column}
    shown = str(files[0]) if files else database.shown(path)
    columns = choose_columns(shown, names, asked, family.columns, sample, carry)
    if text_column is None and family.columns is None:
        _check_nested(shown, columns, sample)
    _check_others(family, parts, columns)
    text_format = text_format or family.text_format or guess_text_format(sample.get(columns.text, ()))

    settled: dict[str, Any] = {f"{role}_column": getattr(columns, role) for role in asked}
    settled |= {name: getattr(parts[0], name) for name in ("encoding", "delimiter", "quoting")}
    settled |= {"format": family.name, "carry": list(carry), "text_format": text_format, "query": query}
    settled["longest_record"] = longest_record
    described = _described(family, parts, packed, columns, text_format)
    sizes = tuple(_size(file) for file in files)
    return Archive(path, family, parts, names, columns, carry, text_format, described, settled, sizes)


def _check(format: str | None, text_format: str | None, delimiter: str | None, quoting: str | None) -> None:
    choices = (("format", format, _NAMES), ("text format", text_format, READERS), ("quoting", quoting, QUOTINGS))
    for option, value, known in choices:
        if value is not None and value not in known:
            raise InputError(f"no {option} {value!r}; there are: {', '.join(known)}")
    if delimiter is not None and (len(delimiter) != 1 or delimiter in ' \r\n"\\'):
        raise InputError(f"{delimiter!r} cannot be a delimiter; expected one character, such as a comma or a tab")


def _database(url: str, query: str | None, given: Mapping[str, Any]) -> tuple[Family, tuple[DataSource, ...]]:
    if not query:
        raise InputError(f"{database.shown(url)}: a database needs a query, such as SELECT id, text FROM comments")
    family = next(family for family in FAMILIES if family.name == "sql")
    return family, (DataSource(url, query=query, **given),)


def _check_nested(shown: str, columns: Columns, sample: Mapping[str, Sequence[Any]]) -> None:
    """Raise InputError if records hold others, such as replies: they would be passed over."""
    for name, values in sample.items():
        for value in values:
            if any({columns.text, columns.id} <= one.keys() for inner in lists_within(value) for one in inner):
                remedy = f"jq -c '.. | objects | select(has(\"{columns.text}\"))' FILE > records.jsonl"
                raise InputError(
                    f"{shown}: the records have others within {name!r}, which would not be read; make one list of all: "
                    f"{remedy}; --text-column {columns.text} (text_column) reads the outer ones alone"
                )


def _check_others(family: Family, parts: Sequence[DataSource], columns: Columns) -> None:
    """Raise InputError unless every file of a folder has the text column."""
    for part in parts[1:]:
        check_column(family, part, columns.text, like=parts[0])


# --- files -------------------------------------------------------------------------------------


def _files(path: Path) -> list[Path]:
    """The files of a source, in order."""
    if not path.is_dir():
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: not a regular file; save the stream to a file, from which a scan can resume")
        return [path]
    if (path / "profile.csv").is_file() and (path / "reviews.csv").is_file():  # an unpacked Letterboxd export
        return [path / "reviews.csv"]
    found = [
        file
        for file in sorted(path.rglob("*"))
        if is_part(file.relative_to(path).as_posix()) and file.is_file() and _size(file) > 0
    ]
    if not found:
        raise InputError(f"{path}: no archive in this folder; expected files that end in {', '.join(PART_SUFFIXES)}")
    return found


PART_SUFFIXES = tuple(sorted(DATA_SUFFIXES | PACKED_SUFFIXES | {".xml"}))


def is_part(name: str) -> bool:
    """Whether a file of a folder is data, by its name: Spark and Dask put others, which begin with _, beside it.

    Args:
        name: The path of the file below the folder, with slashes.
    """
    path = PurePosixPath(name)
    beside = any(part.startswith((".", "_")) for part in path.parts) or path.name == "works.jsonl"
    return not beside and path.suffix.lower() in PART_SUFFIXES


def _size(file: str | Path) -> int:
    try:
        return stored(file).size
    except OSError as error:
        raise unreadable(file, error) from error


# --- choosing ----------------------------------------------------------------------------------

_REMEDIES = (  # offset, magic number, and what to do
    (0, b"PK\x03\x04", "a ZIP archive or a spreadsheet; unpack it, or save it as CSV"),
    (0, b"SQLite format 3\x00", "an SQLite database; give its URL, sqlite:///FILE, and a query"),
    (257, b"ustar", "a tar archive; unpack it"),
)


def _family(head: Head, format: str | None, given: dict[str, Any]) -> tuple[Family, dict[str, Any]]:
    """The format of a file, and the settings of its sources."""
    if not head.raw:
        raise InputError(f"{head.path}: the file is empty")
    names: dict[object, tuple[str, ...]] = {}
    for family in FAMILIES:
        if not (family.looks(head) if format is None else family.name == format):
            continue
        settings = family.settle(head, given.get("delimiter")) | given
        if format is not None or not family.signs:
            return family, settings
        if family.names not in names:
            names[family.names] = family.names(DataSource(head.path, **settings))
        if any(signs <= {*names[family.names]} for signs in family.signs):
            return family, settings
    for at, magic, remedy in _REMEDIES:
        if head.raw.startswith(magic, at):
            raise InputError(f"{head.path}: {remedy}")
    raise InputError(f"{head.path}: format not recognised; name the format: {', '.join(_NAMES)}")


_SAMPLE, _MOST = 200, 1 << 23  # records and bytes on which guesses are based


def _sample(family: Family, part: DataSource, names: Sequence[str]) -> Mapping[str, Sequence[Any]]:
    """The values of the first records, by column; not of columns that share a name."""
    rows, names = [], [name for name in names if names.count(name) == 1]
    held = 0
    for values, error, _ in islice(family.rows(part, 0, [*names, None, None]), _SAMPLE):
        if values is not None and error is None:
            rows.append(values)
            held += sum(len(value) for value in values if isinstance(value, str | bytes))
        if max(held, part.meter.tell()) > _MOST:
            break
    return {name: [row[column] for row in rows] for column, name in enumerate(names)}


def _described(
    family: Family, parts: Sequence[DataSource], packed: str | None, columns: Columns, text_format: str
) -> str:
    """The format and the columns, on one line, for people."""
    part, details = parts[0], []
    if "encoding" in family.details:
        details.append(part.encoding.upper())
    if "delimiter" in family.details:
        details += describe_dialect(part.delimiter, part.quoting)
    details += [packed] if packed else []
    details += [f"{len(parts):,} files"] if len(parts) > 1 else []
    found = [f"text from {columns.text!r} (as {text_format})"]
    found += [f"{role} from {name!r}" for role in ("id", "work", "time") if (name := getattr(columns, role))]
    return f"{family.title}{' (' + ', '.join(details) + ')' if details else ''}: {', '.join(found)}"
