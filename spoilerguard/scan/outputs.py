"""The output formats of a scan: one table, by suffix.

While a scan runs, the rows of each shard are appended to a file, as bytes made where the shard was scored; the
file can be truncated after any shard. `finish` turns that file into the output, where it is not the output
already. To add a format, add its functions and a row in `FILE_FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import csv
from dataclasses import dataclass
import gzip
import importlib
import io
import json
from pathlib import Path
from typing import Any, BinaryIO, cast

from spoilerguard.errors import InputError, MissingExtra

__all__ = [
    "FILE_FORMATS",
    "STDOUT",
    "FileFormat",
    "OutputRow",
    "columns",
    "count",
    "encode",
    "finish",
    "head",
    "kind_of",
]

OutputRow = dict[str, Any]  # a value for each of `columns`, in that order

STDOUT = Path("-")  # the output that stands for standard output

_GROUP = 65_536  # rows of a Parquet row group
_as_json = json.JSONEncoder(ensure_ascii=False).encode


def columns(*, blurred: bool, kept: Sequence[str] = ()) -> tuple[str, ...]:
    """The columns of the output, in order.

    Args:
        blurred: Whether there is one for the text with its spoilers hidden.
        kept: The columns of the archive that are kept; the id has its column in any case.

    Returns:
        Their names.

    Raises:
        InputError: A column that is kept has the name of another.
    """
    own = ("id", "spoiler_score", "spoiler", "flags", *(("blurred",) if blurred else ()), "error")
    for name in kept:
        if name in own:
            raise InputError(f"--keep {name}: the output has a column of this name; rename it in the archive")
    return (*own, *kept)


def kind_of(path: Path) -> str:
    """The format of an output file, by its suffix.

    Args:
        path: The output; STDOUT is JSON Lines.

    Returns:
        The suffix, such as ".jsonl.gz".

    Raises:
        InputError: There is no such format.
        MissingExtra: A library that the format needs is not installed.
    """
    if path == STDOUT:
        return ".jsonl"
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    packer = suffixes.pop() if suffixes and suffixes[-1] in PACKERS else ""
    name = suffixes[-1] if suffixes else ""
    if name not in FILE_FORMATS or (packer and not FILE_FORMATS[name].packable):
        packed = [f"{known}{end}" for known, output in FILE_FORMATS.items() if output.packable for end in PACKERS]
        ends = ", ".join([*FILE_FORMATS, *packed])
        raise InputError(f"{path}: unknown output format; end the name in one of {ends}, or give - for standard output")
    if name == ".parquet":
        _optional("pyarrow")
    if packer == ".zst":
        _optional("zstandard")
    return name + packer


def head(kind: str, names: Sequence[str], *, formulas: bool = False) -> bytes:
    """The bytes before the first row; arguments are those of `encode`."""
    output, packer = _split(kind)
    start = output.head([_inert(name) for name in names] if output.runs_formulas and not formulas else names)
    return PACKERS[packer].pack(start) if packer and start else start


def encode(kind: str, rows: Sequence[OutputRow], names: Sequence[str], *, formulas: bool = False) -> bytes:
    """The rows of a shard as bytes to append.

    Args:
        kind: The format.
        rows: The rows.
        names: The columns. Of those that are kept, Parquet and CSV have numbers, lists and objects as JSON.
        formulas: Leave text that a spreadsheet would run as a formula as it is.

    Returns:
        The bytes; empty where there are no rows.
    """
    if not rows:
        return b""
    output, packer = _split(kind)
    if output.runs_formulas and not formulas:
        rows = [{name: _inert(value) for name, value in row.items()} for row in rows]
    data = output.encode(rows, names)
    return PACKERS[packer].pack(data) if packer else data


def finish(kind: str, rows: Path, beside: Path, names: Sequence[str]) -> Path:
    """Make the finished file.

    Args:
        kind: The format.
        rows: The file of appended rows.
        beside: Where to write the finished file, if the format needs another one.
        names: The columns.

    Returns:
        The finished file: `rows` or `beside`.
    """
    output, _ = _split(kind)
    if output.finish is None:
        return rows
    output.finish(rows, beside, names)
    return beside


def count(kind: str, path: Path) -> int:
    """Count the rows of a finished file by reading it."""
    output, packer = _split(kind)
    with PACKERS[packer].open(path) if packer else path.open("rb") as stream:
        return output.count(stream)


def _split(kind: str) -> tuple[FileFormat, str]:
    packer = next((end for end in PACKERS if kind.endswith(end)), "")
    return FILE_FORMATS[kind.removesuffix(packer)], packer


def _optional(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(module.partition(".")[0], "scan") from error


# --- JSON Lines ----------------------------------------------------------------------------------


def _json_lines(rows: Sequence[OutputRow], names: Sequence[str]) -> bytes:
    return b"".join(_json_line(row) for row in rows)


def _json_line(row: OutputRow) -> bytes:
    try:
        return (_as_json(row) + "\n").encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can spell it, UTF-8 cannot
        return (json.dumps(row) + "\n").encode()


def _count_lines(stream: BinaryIO) -> int:
    return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))


# --- CSV -----------------------------------------------------------------------------------------


def _csv(rows: Sequence[OutputRow], names: Sequence[str]) -> bytes:
    return _csv_lines([_cell(row[name]) for name in names] for row in rows)


def _csv_head(names: Sequence[str]) -> bytes:
    return _csv_lines([names])


def _csv_lines(lines: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)  # RFC 4180; cells with either character are quoted
    return text.getvalue().encode("utf-8", "replace")


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what a cell begins with


def _inert(value: Any) -> Any:
    """Text that no spreadsheet runs: an apostrophe before what would be a formula, as spreadsheets themselves do.

    See https://owasp.org/www-community/attacks/CSV_Injection.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _cell(value: Any) -> Any:
    """Text as it is, other values as JSON; None becomes an empty cell."""
    return value if value is None or isinstance(value, str) else _as_json(value)


def _count_csv(stream: BinaryIO) -> int:
    limit = csv.field_size_limit(1 << 30)  # of the whole process, so it is restored: our own rows may be long
    try:
        text = io.TextIOWrapper(stream, "utf-8", newline="")
        rows = sum(1 for _ in csv.reader(text))
        text.detach()
        return rows - 1
    finally:
        csv.field_size_limit(limit)


# --- Parquet -------------------------------------------------------------------------------------

# Each shard is one Arrow stream; at the end their rows are collected into row groups.


def _schema(names: Sequence[str]) -> Any:
    arrow = _optional("pyarrow")
    reason = arrow.struct([("kind", arrow.string()), ("text", arrow.string())])
    places = [(name, arrow.int64()) for name in ("start", "end")]
    flag = arrow.struct(
        [*places, ("text", arrow.string()), ("score", arrow.float64()), ("reasons", arrow.list_(reason))]
    )
    types = {"spoiler_score": arrow.float64(), "spoiler": arrow.bool_(), "flags": arrow.list_(flag)}
    return arrow.schema([(name, types.get(name, arrow.string())) for name in names])


def _arrow_stream(rows: Sequence[OutputRow], names: Sequence[str]) -> bytes:
    arrow, schema = _optional("pyarrow"), _schema(names)
    texts = [name for name in schema.names if schema.field(name).type == arrow.string()]
    cells = [{**row, **{name: _cell(row[name]) for name in texts}} for row in rows]
    try:
        batch = arrow.RecordBatch.from_pylist(cells, schema=schema)
    except UnicodeEncodeError:
        batch = arrow.RecordBatch.from_pylist([_encodable(row) for row in cells], schema=schema)
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _encodable(value: Any) -> Any:
    """The value with a question mark for each half of a surrogate pair, so that offsets stay right."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {name: _encodable(inner) for name, inner in value.items()}
    return [_encodable(inner) for inner in value] if isinstance(value, list) else value


def _to_parquet(rows: Path, output: Path, names: Sequence[str]) -> None:
    arrow, parquet = _optional("pyarrow"), _optional("pyarrow.parquet")
    schema = _schema(names)
    with rows.open("rb") as stream, parquet.ParquetWriter(output, schema, compression="zstd") as writer:
        waiting: list[Any] = []
        for batch in _batches(arrow, stream):
            waiting.append(batch)
            if sum(len(batch) for batch in waiting) >= _GROUP:
                writer.write_table(arrow.Table.from_batches(waiting, schema), row_group_size=2 * _GROUP)
                waiting = []
        writer.write_table(arrow.Table.from_batches(waiting, schema), row_group_size=2 * _GROUP)


def _batches(arrow: Any, stream: io.BufferedReader) -> Iterator[Any]:
    while stream.peek(1):
        yield from arrow.ipc.open_stream(stream)


def _count_parquet(stream: BinaryIO) -> int:
    return int(_optional("pyarrow.parquet").read_metadata(stream).num_rows)


# --- the tables ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileFormat:
    """An output format.

    Attributes:
        encode: Rows to bytes.
        count: The number of rows in a finished file.
        head: The bytes before the first row.
        finish: Makes the finished file from the appended rows, where they are not that file already.
        packable: Whether the file can be compressed as a whole.
        runs_formulas: Whether a program that opens the file may run text in it.
    """

    encode: Callable[[Sequence[OutputRow], Sequence[str]], bytes]
    count: Callable[[BinaryIO], int]
    head: Callable[[Sequence[str]], bytes] = lambda names: b""
    finish: Callable[[Path, Path, Sequence[str]], None] | None = None
    packable: bool = True
    runs_formulas: bool = False


FILE_FORMATS: dict[str, FileFormat] = {
    ".jsonl": FileFormat(_json_lines, _count_lines),
    ".csv": FileFormat(_csv, _count_csv, head=_csv_head, runs_formulas=True),
    ".parquet": FileFormat(_arrow_stream, _count_parquet, finish=_to_parquet, packable=False),
}


@dataclass(frozen=True, slots=True)
class Packer:
    """A compression whose outputs can be concatenated."""

    pack: Callable[[bytes], bytes]
    open: Callable[[Path], BinaryIO]


def _zstd(data: bytes) -> bytes:
    packed: bytes = _optional("zstandard").ZstdCompressor().compress(data)
    return packed


def _open_gzip(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.GzipFile(path))


def _open_zstd(path: Path) -> BinaryIO:
    unpack = _optional("zstandard").ZstdDecompressor()
    return io.BufferedReader(unpack.stream_reader(path.open("rb"), read_across_frames=True))


PACKERS: dict[str, Packer] = {
    ".gz": Packer(lambda data: gzip.compress(data, 6, mtime=0), _open_gzip),
    ".zst": Packer(_zstd, _open_zstd),
}
