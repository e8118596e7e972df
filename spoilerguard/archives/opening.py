"""Opening an archive: which files, which format, which columns. What is not given is guessed, and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
import os
from pathlib import Path
from typing import Any

from spoilerguard.archives import database
from spoilerguard.archives.archive import Archive, Family
from spoilerguard.archives.columns import Columns, choose, guess_text_format
from spoilerguard.archives.delimited import DELIMITERS, QUOTINGS
from spoilerguard.archives.parts import LONGEST, Head, Part, head_of, unreadable
from spoilerguard.archives.table import FAMILIES
from spoilerguard.errors import InputError
from spoilerguard.files.streams import DATA_SUFFIXES, PACKED_SUFFIXES, encoding_named
from spoilerguard.text.reading import READERS

__all__ = ["open_archive"]

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
    longest_record: int = LONGEST,
) -> Archive:
    """An archive of comments: a file, a folder of files alike or, with a `query`, the URL of a database.

    `format` is the name of a row of FAMILIES; a column named "" is none; `carry` are columns to have in
    `Post.record`; `text_format` is text, markdown or html; `quoting` says how CSV writes a quote within
    quotes (double, backslash) or that nothing is quoted (none); a record of a file of lines or of XML
    that has more than `longest_record` bytes becomes an error. What is not given is guessed from the
    first records, and `described`.

    Raises InputError, which names the file and the remedy, and MissingExtra.
    """
    if delimiter in ("\\t", "tab"):  # as a shell lets it be written
        delimiter = "\t"
    _check(format, text_format, delimiter, quoting)
    encoding = encoding and encoding_named(encoding)
    given = {"encoding": encoding, "delimiter": delimiter, "quoting": quoting, "longest": longest_record}
    given = {name: value for name, value in given.items() if value is not None}
    path = os.fspath(source)
    if query is not None or "://" in path:
        files, packed = [], None
        family, parts = _database(path, query, given)
    else:
        files = _files(Path(path))
        head = head_of(files[0], encoding)
        packed = head.packed
        family, settings = _family(head, format, given)
        parts = tuple(Part(str(file), **settings) for file in files)

    names = family.names(parts[0])
    sample = _sample(family, parts[0], names)
    asked = {"text": text_column, "id": id_column, "work": work_column, "time": time_column}
    columns = choose(str(files[0]) if files else database.shown(path), names, asked, family.columns, sample, carry)
    _check_others(family, parts, columns)
    text_format = text_format or family.text_format or guess_text_format(sample.get(columns.text, ()))

    settled: dict[str, Any] = {f"{role}_column": getattr(columns, role) for role in asked}
    settled |= {name: getattr(parts[0], name) for name in ("encoding", "delimiter", "quoting")}
    settled |= {"format": family.name, "carry": list(carry), "text_format": text_format, "query": query}
    settled["longest_record"] = longest_record
    described = _described(family, parts, packed, columns, text_format)
    sizes = tuple(_size(file) for file in files)
    return Archive(path, family, parts, names, columns, tuple(carry), text_format, described, settled, sizes)


def _check(format: str | None, text_format: str | None, delimiter: str | None, quoting: str | None) -> None:
    choices = (("format", format, _NAMES), ("text format", text_format, READERS), ("quoting", quoting, QUOTINGS))
    for option, value, known in choices:
        if value is not None and value not in known:
            raise InputError(f"no {option} {value!r}; there are: {', '.join(known)}")
    if delimiter is not None and (len(delimiter) != 1 or delimiter in ' \r\n"\\'):
        raise InputError(f"{delimiter!r} cannot be a delimiter; it is one character, such as a comma or a tab")


def _database(url: str, query: str | None, given: Mapping[str, Any]) -> tuple[Family, tuple[Part, ...]]:
    if not query:
        raise InputError(f"{database.shown(url)}: a database needs a query, such as SELECT id, text FROM comments")
    family = next(family for family in FAMILIES if family.name == "sql")
    return family, (Part(url, query=query, **given),)


def _check_others(family: Family, parts: Sequence[Part], columns: Columns) -> None:
    """The files of a folder are alike."""
    for part in parts[1:]:
        if columns.text not in (names := family.names(part)):
            there = f"{parts[0].path} has; there are: {', '.join(names[:50])}"
            raise InputError(f"{part.path}: no column {columns.text!r}, which {there}")


# --- files -------------------------------------------------------------------------------------


def _files(path: Path) -> list[Path]:
    """The files of a source, in order. Raises InputError for a folder without any."""
    if not path.is_dir():
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: not a file; save the stream as one, from which a scan can go on")
        return [path]
    if (path / "profile.csv").is_file() and (path / "reviews.csv").is_file():  # Letterboxd's, unpacked
        return [path / "reviews.csv"]
    suffixes = DATA_SUFFIXES | PACKED_SUFFIXES | {".xml"}
    found = [file for file in sorted(path.rglob("*")) if _is_part(file, path, suffixes)]
    if not found:
        raise InputError(f"{path}: no archive in this folder; its files end in {', '.join(sorted(suffixes))}")
    return found


def _is_part(file: Path, root: Path, suffixes: frozenset[str]) -> bool:
    """What Spark and Dask write beside the data begins with _; `works.jsonl` tells of the works."""
    beside = any(name.startswith((".", "_")) for name in file.relative_to(root).parts) or file.name == "works.jsonl"
    return not beside and file.suffix.lower() in suffixes and file.is_file() and _size(file) > 0


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise unreadable(file, error) from error


# --- choosing ----------------------------------------------------------------------------------

_REMEDIES = (  # for what is no archive yet
    (0, b"PK\x03\x04", "a ZIP archive or a spreadsheet; unpack it, or save it as CSV"),
    (0, b"SQLite format 3\x00", "an SQLite database; give its URL, sqlite:///FILE, and a query"),
    (257, b"ustar", "a tar archive; unpack it"),
)


def _family(head: Head, format: str | None, given: dict[str, Any]) -> tuple[Family, dict[str, Any]]:
    """The row that reads a file, and the settings of its parts."""
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
            names[family.names] = family.names(Part(str(head.path), **settings))
        if any(signs <= {*names[family.names]} for signs in family.signs):
            return family, settings
    for at, magic, remedy in _REMEDIES:
        if head.raw.startswith(magic, at):
            raise InputError(f"{head.path}: {remedy}")
    raise InputError(f"{head.path}: format not recognised; name the format: {', '.join(_NAMES)}")


_SAMPLE, _MOST = 200, 1 << 23  # records, bytes: where guesses come from


def _sample(family: Family, part: Part, names: Sequence[str]) -> Mapping[str, Sequence[Any]]:
    """Values of the first records, by column."""
    rows = []
    for values, error, _ in islice(family.rows(part, 0, [*names, None, None]), _SAMPLE):
        if values is not None and error is None:
            rows.append(values)
        if part.meter.tell() > _MOST:
            break
    return {name: [row[column] for row in rows] for column, name in enumerate(names)}


def _described(family: Family, parts: Sequence[Part], packed: str | None, columns: Columns, text_format: str) -> str:
    """For people, on one line."""
    part, details = parts[0], []
    if "encoding" in family.details:
        details.append(part.encoding.upper())
    if "delimiter" in family.details:
        details.append(DELIMITERS.get(part.delimiter, repr(part.delimiter)))
        details += [] if part.quoting == "double" else [f"quoting: {part.quoting}"]
    details += [packed] if packed else []
    details += [f"{len(parts):,} files"] if len(parts) > 1 else []
    found = [f"text from {columns.text!r} (as {text_format})"]
    found += [f"{role} from {name!r}" for role in ("id", "work", "time") if (name := getattr(columns, role))]
    return f"{family.title}{' (' + ', '.join(details) + ')' if details else ''}: {', '.join(found)}"
