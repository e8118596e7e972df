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
from spoilerguard.reading import READERS
from spoilerguard.streams import DATA_SUFFIXES, PACKED_SUFFIXES, has_plain_lines

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
    choices = (("format", format, _NAMES), ("text format", text_format, READERS), ("quoting", quoting, QUOTINGS))
    for option, value, known in choices:
        if value is not None and value not in known:
            raise InputError(f"no {option} {value!r}; there are: {', '.join(known)}")
    if delimiter is not None and (len(delimiter) != 1 or delimiter in ' \r\n"\\'):
        raise InputError(f"{delimiter!r} cannot be a delimiter; it is one character, such as a comma or a tab")
    if encoding is not None:
        has_plain_lines(encoding)  # raises where there is none of the name
    path = os.fspath(source)
    files: list[Path] = []
    settings: dict[str, Any] = {"longest": longest_record}
    if query is not None or "://" in path:
        head, family = None, next(family for family in FAMILIES if family.name == "sql")
        settings["query"] = query or ""
        if not query:
            raise InputError(f"{database.shown(path)}: a database needs a query: SELECT id, text FROM comments ...")
    else:
        files = _files(Path(path))
        head = head_of(files[0], encoding)
        family = _family(head, format)
        settings |= family.settle(head, delimiter)
    given = {"encoding": encoding, "quoting": quoting}
    settings |= {name: value for name, value in given.items() if value is not None}
    parts = tuple(Part(file, **settings) for file in [str(file) for file in files] or [path])

    names = family.names(parts[0])
    sample = _sample(family, parts[0], names)
    asked = {"text": text_column, "id": id_column, "work": work_column, "time": time_column}
    columns = choose(str(files[0]) if files else database.shown(path), names, asked, family.columns, sample, carry)
    _check_others(family, parts, columns)
    text_format = text_format or family.text_format or guess_text_format(sample.get(columns.text, ()))
    settled: dict[str, Any] = {f"{role}_column": getattr(columns, role) for role in asked}
    settled |= {name: settings.get(name) for name in ("encoding", "delimiter", "quoting")}
    settled |= {"format": family.name, "carry": list(carry), "text_format": text_format, "query": query}
    settled["longest_record"] = longest_record
    described = _described(family, settings, head, len(parts), columns, text_format)
    sizes = tuple(_size(file) for file in files)
    return Archive(path, family, parts, names, columns, tuple(carry), text_format, described, settled, sizes)


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


def _family(head: Head, format: str | None) -> Family:
    """The row that reads a file."""
    if not head.raw:
        raise InputError(f"{head.path}: the file is empty")
    names: dict[object, tuple[str, ...]] = {}
    for family in FAMILIES:
        if format is not None or not family.looks(head):
            if family.name == format:
                return family
            continue
        if not family.signs:
            return family
        if family.names not in names:
            names[family.names] = family.names(Part(str(head.path), **family.settle(head, None)))
        if any(signs <= {*names[family.names]} for signs in family.signs):
            return family
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


def _described(
    family: Family, settings: Mapping[str, Any], head: Head | None, files: int, columns: Columns, text_format: str
) -> str:
    details = [settings["encoding"].upper()] if "encoding" in settings else []
    if "delimiter" in settings:
        details.append(DELIMITERS.get(settings["delimiter"], repr(settings["delimiter"])))
        details += [] if settings["quoting"] == "double" else [f"quoting: {settings['quoting']}"]
    if head is not None and head.packed:
        details.append(head.packed)
    if files > 1:
        details.append(f"{files:,} files")
    found = [f"text from {columns.text!r} (as {text_format})"]
    found += [f"{role} from {name!r}" for role in ("id", "work", "time") if (name := getattr(columns, role))]
    return f"{family.title}{' (' + ', '.join(details) + ')' if details else ''}: {', '.join(found)}"
