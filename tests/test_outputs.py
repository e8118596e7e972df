"""The formats that a scan writes: what stands in them, piece by piece, and how they are counted."""

from __future__ import annotations

from collections.abc import Sequence
import csv
from datetime import date
from decimal import Decimal
import gzip
import io
import json
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
import pytest

from spoilerguard.errors import InputError
from spoilerguard.files.values import plain_value
from spoilerguard.scan.outputs import FILE_FORMATS, OutputRow, columns, count, encode, finish, head, kind_of

FLAG = {
    "start": 3,
    "end": 9,
    "text": 'He "dies",\nalone.',
    "score": 0.93,
    "reasons": [{"kind": "death", "text": "dies"}],
}
ROWS: list[OutputRow] = [
    {"id": "7", "spoiler_score": 0.93, "spoiler": True, "flags": [FLAG], "blurred": ">!x!<\n", "error": None},
    {"id": "a,b", "spoiler_score": 0.0, "spoiler": False, "flags": [], "blurred": "", "error": None},
    {"id": "é\u2028", "spoiler_score": None, "spoiler": None, "flags": [], "blurred": None, "error": "not JSON"},
]
KINDS = [".jsonl", ".csv", ".parquet", ".jsonl.gz", ".jsonl.zst", ".csv.gz", ".csv.zst"]


def written(
    kind: str, pieces: list[list[OutputRow]], folder: Path, *, blurred: bool = True, kept: Sequence[str] = ()
) -> Path:
    """An output made of these pieces, as a scan makes it."""
    rows, names = folder / "rows", columns(blurred=blurred, kept=kept)
    rows.write_bytes(head(kind, names) + b"".join(encode(kind, piece, names) for piece in pieces))
    whole = finish(kind, rows, folder / "beside", names)
    return whole.rename(folder / f"out{kind}")


def unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        zstandard = pytest.importorskip("zstandard")
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as stream:
            return bytes(stream.read())
    return data


def read_back(path: Path) -> list[dict[str, Any]]:
    """The rows as another program would read them."""
    if path.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
        return rows
    text = unpacked(path).decode()
    if ".jsonl" in path.suffixes:
        return [json.loads(line) for line in text.split("\n")[:-1]]
    cells = list(csv.DictReader(io.StringIO(text, newline="")))
    decode = {"spoiler_score": json.loads, "spoiler": json.loads, "flags": json.loads}
    return [{name: decode.get(name, str)(cell) if cell else None for name, cell in row.items()} for row in cells]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read_back(kind: str, tmp_path: Path) -> None:
    path = written(kind, [ROWS[:2], [], ROWS[2:]], tmp_path)
    expected = ROWS
    if ".csv" in kind:  # which cannot tell an empty text from none
        expected = [row | {"blurred": row["blurred"] or None} for row in ROWS]
    assert read_back(path) == expected
    assert count(kind, path) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_without_rows_is_whole(kind: str, tmp_path: Path) -> None:
    path = written(kind, [[]], tmp_path, blurred=False)
    assert count(kind, path) == 0
    assert read_back(path) == []


def test_every_format_has_its_row_in_these_tests() -> None:
    assert {kind.removesuffix(".gz").removesuffix(".zst") for kind in KINDS} == set(FILE_FORMATS)


def test_the_bytes_of_json_lines_and_csv(tmp_path: Path) -> None:
    names = columns(blurred=False)
    plain = [{name: row[name] for name in names} for row in ROWS[:2]]
    assert encode(".jsonl", plain, names).decode().splitlines() == [
        '{"id": "7", "spoiler_score": 0.93, "spoiler": true, "flags": [{"start": 3, "end": 9, "text": '
        '"He \\"dies\\",\\nalone.", "score": 0.93, "reasons": [{"kind": "death", "text": "dies"}]}], "error": null}',
        '{"id": "a,b", "spoiler_score": 0.0, "spoiler": false, "flags": [], "error": null}',
    ]
    assert head(".csv", names) == b"id,spoiler_score,spoiler,flags,error\r\n"
    assert encode(".csv", plain[1:], names) == b'"a,b",0.0,false,[],\r\n'


@pytest.mark.parametrize("kind", [".jsonl", ".csv", ".parquet"])
def test_columns_that_are_kept_come_last(kind: str, tmp_path: Path) -> None:
    rows = [
        ROWS[0] | {"body": "=1+1", "likes": 7, "=tags": ["a", None]},
        ROWS[2] | dict.fromkeys(("body", "likes", "=tags")),
    ]
    first, last = read_back(written(kind, [rows], tmp_path, kept=("body", "likes", "=tags")))
    as_they_are, as_text = ["=1+1", 7, ["a", None]], ["=1+1", "7", '["a", null]']
    expected = {".jsonl": as_they_are, ".csv": ["'=1+1", *as_text[1:]], ".parquet": as_text}[kind]
    assert list(first)[-4:] == ["error", "body", "likes", "'=tags" if kind == ".csv" else "=tags"]
    assert list(first.values())[-3:] == expected
    assert list(last.values())[-3:] == [None] * 3


@pytest.mark.parametrize("name", ["id", "flags", "blurred"])
def test_a_column_that_is_kept_has_a_name_of_its_own(name: str) -> None:
    with pytest.raises(InputError, match=f"^--keep {name}: the output has a column of this name; rename it"):
        columns(blurred=True, kept=["body", name])


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": [1, None, True]}, {"a": [1, None, True]}),
        (float("nan"), None),
        (b"caf\xc3\xa9", "caf\u00e9"),
        (date(2021, 3, 4), "2021-03-04"),
        (Decimal("1.50"), "1.50"),
        ([float("inf"), (2, b"x")], [None, [2, "x"]]),
    ],
)
def test_any_value_of_an_archive_can_be_kept(value: object, plain: object) -> None:
    assert plain_value(value) == plain
    deep: object = 1
    for _ in range(5_000):
        deep = [deep]
    assert json.dumps(plain_value(deep))


_TEXT = st.text(st.characters(codec=None, exclude_categories=[]), max_size=12)


@settings(max_examples=40)
@example(["\r"], ".csv")
@given(st.lists(_TEXT, min_size=1, max_size=5), st.sampled_from([".jsonl", ".csv", ".parquet"]))
def test_any_text_can_be_written_and_counts_once(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], kind: str
) -> None:
    rows = [
        {
            "id": text,
            "spoiler_score": 1.0,
            "spoiler": True,
            "flags": [FLAG | {"text": text}],
            "error": text,
        }
        for text in texts
    ]
    path = written(kind, [rows], tmp_path_factory.mktemp("any"), blurred=False)
    assert count(kind, path) == len(rows)
    back = [row["flags"][0]["text"] for row in read_back(path)]
    if kind == ".jsonl":
        assert back == texts
    else:  # half of a pair of surrogates has no place there
        assert back == [text.encode("utf-8", "replace").decode() for text in texts]


def test_the_suffix_tells_the_format() -> None:
    assert kind_of(Path("my.comments.2020.JSONL")) == ".jsonl"
    assert kind_of(Path("a/scanned.csv.gz")) == ".csv.gz"
    assert kind_of(Path("scanned.parquet")) == ".parquet"


@pytest.mark.parametrize("name", ["scanned", "scanned.txt", "scanned.gz", "scanned.parquet.gz", "scanned.jsonl.bz2"])
def test_another_suffix_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: unknown output format; end the name in one of .jsonl, .csv, "):
        kind_of(Path(name))
