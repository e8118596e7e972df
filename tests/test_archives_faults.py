"""Comment archives that are broken, hostile or large: nothing is lost in silence, memory and time have bounds."""

from __future__ import annotations

import bz2
from collections.abc import Callable
import contextlib
from functools import partial
import gzip
import json
import lzma
import os
from pathlib import Path
import sqlite3
import sys
import tempfile
import tracemalloc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest
from timing import assert_linear

from spoilerguard.archives import FAMILIES, START, Archive, Cursor, Post, open_archive
from spoilerguard.archives.posts import iso_time
from spoilerguard.errors import InputError, MissingExtra
from spoilerguard.files.source import END

ROW = b'{"id": "a", "text": "Fine."}\n'


def read(path: Path, data: bytes, **options: Any) -> list[Post]:
    """The posts of a file with this content, having seen that any cursor gives exactly the rest."""
    path.write_bytes(data)
    return resumed(open_archive(path, **options))


def resumed(archive: Archive) -> list[Post]:
    pairs = list(archive.posts())
    step = max(1, len(pairs) // 4)
    for number in range(0, len(pairs), step):
        assert list(archive.posts(pairs[number][1])) == pairs[number + 1 :]
    if pairs:
        assert list(archive.posts(pairs[-1][1])) == []
    return [post for post, _ in pairs]


def texts(found: list[Post]) -> list[str | None]:
    """Of each post the text, or None where it has an error."""
    return [post.text if post.error is None else None for post in found]


# --- CSV ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ('1,"open\n2,fine\n3,fine\n', [None, "fine", "fine"]),
        ('1,"open\n2,"closed"\n3,fine\n', [None, "closed", "fine"]),
        ('1,"a\nb"\n\n\n2,fine\n', ["a\nb", "fine"]),
        ("1,a,b\n2,fine\n3\n", [None, "fine", None]),
        ('1,"stray" quote\n2,fine\n', [None, "fine"]),
        ("1,a\rb\r\n2,\rfine\n", ["a\rb", "\rfine"]),
        ('1,"a\r\nb\r"\r\n2,fine\r\r\n', ["a\r\nb\r", "fine"]),
        ("1,a\r\r\n2,a\rb", ["a", "a\rb"]),
        ("1,a\0b\n2,fine\n", ["a\0b", "fine"]),
        ("1,\r\n2,fine\r\n", ["", "fine"]),
        ('1,""\n2,fine', ["", "fine"]),
        ("", []),
    ],
)
def test_a_broken_row_costs_no_other(tmp_path: Path, rows: str, expected: list[str | None]) -> None:
    assert texts(read(tmp_path / "c.csv", f"id,text\n{rows}".encode(), delimiter=",")) == expected


def test_a_quote_that_is_never_closed_swallows_nothing(tmp_path: Path) -> None:
    rows = "".join(f"{number},fine\n" for number in range(20_000))
    found = read(tmp_path / "c.csv", f'id,text\n0,"open\n{rows}'.encode())
    assert texts(found) == [None, *["fine"] * 20_000]
    assert found[0].error == "a quote that is never closed; close it, and double the quotes inside"


def test_bytes_that_are_not_of_the_encoding_cost_one_row_and_not_its_id(tmp_path: Path) -> None:
    good = "é".encode() * 9
    found = read(tmp_path / "c.csv", b'id,text\n1,"a\nb\xff"\n2,' + good + b"\n3,\xc3\n")
    assert texts(found) == [None, "é" * 9, None]
    assert [post.id for post in found] == ["1", "2", "3"]
    assert found[0].error == "byte 0xff is not UTF-8; correct it, or name the encoding"


def test_quotes_escaped_by_backslashes_are_recognised(tmp_path: Path) -> None:
    data = b'id,text\n1,"He said \\"no\\", twice"\n2,"Fine, \\"she\\" said"\n3,fine\n'
    assert texts(read(tmp_path / "c.csv", data)) == ['He said "no", twice', 'Fine, "she" said', "fine"]
    assert open_archive(tmp_path / "c.csv").settled["quoting"] == "backslash"
    assert texts(read(tmp_path / "c.csv", data, quoting="double")) == [None, None, "fine"]


@pytest.mark.parametrize("delimiter", ["tab", "\\t", "\t"])
def test_a_tab_can_be_given_as_a_shell_lets_it_be_written(tmp_path: Path, delimiter: str) -> None:
    assert texts(read(tmp_path / "c", b"text\tid, sort\na, b\t1\n", delimiter=delimiter, format="csv")) == ["a, b"]


def test_rows_after_a_large_one_are_read(tmp_path: Path) -> None:
    large = "a, b\n" * 300_000
    found = read(tmp_path / "c.csv", f'id,text\n1,"{large}"\n2,fine\n3,"{large}"\n4,fine\n'.encode())
    assert texts(found) == [large, "fine", large, "fine"]


def test_a_tsv_without_quoting_is_recognised(tmp_path: Path) -> None:
    data = b'id\ttext\n1\t"Fine" is what he said\n2\t"\n3\tfine\n'
    assert texts(read(tmp_path / "c.tsv", data)) == ['"Fine" is what he said', '"', "fine"]
    assert open_archive(tmp_path / "c.tsv").described.startswith("CSV (UTF-8, tab, quoting: none)")
    quoted = b'id\ttext\n1\t"a\tb ""c"""\n2\tfine\n'
    assert texts(read(tmp_path / "c.tsv", quoted)) == ['a\tb "c"', "fine"]


@pytest.mark.parametrize("row", ['1,"' + "a" * 500 + '"', '1,"' + "a\n" * 250 + '"'])
def test_a_row_that_is_too_long_is_an_error(tmp_path: Path, row: str) -> None:
    found = read(tmp_path / "c.csv", f"id,text\n{row}\n2,fine\n".encode(), longest_record=300)
    assert found[0].error == "a record of more than 300 bytes; split it"
    assert (found[-1].id, found[-1].text) == ("2", "fine")


def test_the_header(tmp_path: Path) -> None:
    (post,) = read(tmp_path / "c.csv", b"\xef\xbb\xbfid,,text,n,n\nx,1,first,2,3\n", carry=["column 2"])
    assert (post.id, post.text, post.record) == ("x", "first", {"column 2": "1"})
    with pytest.raises(InputError, match=r"c\.csv: 2 columns are named 'text'; give each its own name"):
        read(tmp_path / "c.csv", b"id,text,text\nx,first,second\n")
    with pytest.raises(InputError, match=r"c\.csv: the file is empty"):
        read(tmp_path / "c.csv", b"")
    with pytest.raises(InputError, match=r"c\.csv: the header cannot be read: a quote that is never closed"):
        read(tmp_path / "c.csv", b'id,"text\n1,fine\n', delimiter=",")
    with pytest.raises(InputError, match=r"c\.csv: its lines end in carriage returns alone; convert them: tr"):
        read(tmp_path / "c.csv", b"id,text\r1,fine\r")


@pytest.mark.parametrize("unit", ['1,"open\n', "1,fine\n", '"\n', '1,""""\n', '1,"a""\n', "\n", ',""', "xy\x00\r\n"])
def test_csv_takes_linear_time(tmp_path: Path, unit: str) -> None:
    def run(text: str) -> None:
        (tmp_path / "c.csv").write_text("id,text\n" + text, encoding="utf-8", newline="")
        for _ in open_archive(tmp_path / "c.csv", delimiter=",", quoting="double", longest_record=1 << 20).posts():
            pass

    assert_linear(run, unit, 1_000_000)


# --- JSON Lines --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"text": "cut', "not valid JSON"),
        (b"null", "a JSON NoneType; expected one object per line"),
        (b'{"a":' * 100_000, "cannot be read"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "cannot be read"),
        (b'{"text": "Caf\xe9"}', r"byte 14 of the line \(0xe9\) is not UTF-8"),
        (b'{"text": 1e999, "id": [}', "not valid JSON"),
        (b'{"text": ["a"]}', "the text is a list; expected a string"),
        (b'{"text": "' + b"a" * 1_000_000 + b'"}', "a record of more than 900,000 bytes; split it"),
    ],
)
def test_a_broken_line_costs_no_other(tmp_path: Path, line: bytes, error: str) -> None:
    found = read(tmp_path / "c.jsonl", ROW + line + b"\n\n" + ROW, longest_record=900_000)
    assert texts(found) == ["Fine.", None, "Fine."]
    with pytest.raises(InputError, match=error):
        raise InputError(found[1].error)


def test_the_name_tells_where_the_first_line_is_broken(tmp_path: Path) -> None:
    assert texts(read(tmp_path / "c.jsonl.gz", gzip.compress(b"oops\n" + ROW))) == [None, "Fine."]


def test_values_of_any_type(tmp_path: Path) -> None:
    rows = [{"id": 7.0, "text": 12}, {"id": None, "text": None}, {"id": [1], "text": True}, {"id": "x"}, {}]
    found = read(tmp_path / "c.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    assert [(post.id, post.text) for post in found] == [("7", "12"), (None, ""), ("[1]", "True"), ("x", ""), (None, "")]


def zstd(data: bytes) -> bytes:
    return bytes(pytest.importorskip("zstandard").ZstdCompressor(write_checksum=True).compress(data))


PACKS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": partial(bz2.compress, compresslevel=1),  # small blocks: what comes before a fault is there
    "xz": partial(lzma.compress, preset=0),
    "zstd": zstd,
}


def lines(count: int) -> bytes:
    return b"".join(b'{"id": %d, "text": "%x"}\n' % (n, n * 0x9E3779B97F4A7C15 % 2**64) for n in range(count))


@pytest.mark.parametrize("name", PACKS)
def test_packed_files_that_are_cut_off_give_what_was_there_and_say_so(tmp_path: Path, name: str) -> None:
    packed = PACKS[name](lines(10_000))
    found = read(tmp_path / "c", packed[: len(packed) * 3 // 4])
    assert len(found) > 3_000
    assert [post.error for post in found[:-1]] == [None] * (len(found) - 1)
    assert [post.id for post in found[:-1]] == [str(number) for number in range(len(found) - 1)]
    assert str(found[-1].error).startswith("the compressed data is damaged or cut off here")
    assert open_archive(tmp_path / "c").described.startswith(f"JSON Lines (UTF-8, {name})")


@pytest.mark.parametrize("name", PACKS)
def test_damage_in_a_packed_file_is_reported(tmp_path: Path, name: str) -> None:
    packed = bytearray(PACKS[name](lines(10_000)))
    late = len(packed) * 3 // 4
    packed[late : late + 64] = bytes(64)
    found = read(tmp_path / "c", bytes(packed))
    assert found[0].text == "0"
    assert found[-1].error is not None
    packed[12:40] = bytes(28)
    with pytest.raises(InputError, match=r"c: the compressed data is damaged"):
        open_archive(write(tmp_path / "c", bytes(packed)))


@pytest.mark.parametrize("name", PACKS)
def test_several_packed_members_are_one_file(tmp_path: Path, name: str) -> None:
    assert len(read(tmp_path / "c", PACKS[name](ROW * 3) * 2)) == 6


@pytest.mark.parametrize("name", PACKS)
def test_a_bomb_streams_in_constant_memory(tmp_path: Path, name: str) -> None:
    bomb = ROW + b'{"text": "' + b" " * (48 << 20) + b'"}\n' + ROW
    path = tmp_path / "c"
    path.write_bytes(PACKS[name](bomb))
    assert path.stat().st_size < len(bomb) / 500
    del bomb
    archive = open_archive(path, longest_record=1 << 20)
    tracemalloc.start()
    found = [post for post, _ in archive.posts()]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert texts(found) == ["Fine.", None, "Fine."]
    assert peak < 24 << 20


def test_one_huge_comment_is_read(tmp_path: Path) -> None:
    text = "He dies. " * 5_600_000  # 50 MB
    path = tmp_path / "c.jsonl"
    path.write_bytes(ROW + json.dumps({"text": text}).encode() + b"\n" + ROW)
    found = [post for post, _ in open_archive(path).posts()]
    assert [len(post.text) for post in found] == [5, len(text), 5]


@pytest.mark.parametrize("row", [b'{"text": ""}\n', b'{"id": "same", "text": "a"}\n'])
def test_many_empty_or_equal_comments(tmp_path: Path, row: bytes) -> None:
    found = [post for post, _ in open_archive(write(tmp_path / "c.jsonl", row * 100_000)).posts()]
    assert len(found) == 100_000
    assert {post.text for post in found} == {json.loads(row)["text"]}
    assert [post.number for post in found] == list(range(100_000))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_the_first_post_comes_before_the_file_is_read(tmp_path: Path) -> None:
    archive = open_archive(write(tmp_path / "c.jsonl", ROW * 50_000))
    stream = archive.posts()
    next(stream)
    assert archive.size == 50_000 * len(ROW)
    assert 0 < archive.position < archive.size / 10
    assert sum(1 for _ in stream) == 49_999
    assert archive.position == archive.size


# --- XML ---------------------------------------------------------------------------------------

WXR = (
    '<rss xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:wp="http://wordpress.org/export/1.2/"><channel>'
)


def comment(text: str, number: int = 1) -> str:
    body = f"<wp:comment_id>{number}</wp:comment_id><wp:comment_content>{text}</wp:comment_content>"
    return f"<wp:comment>{body}</wp:comment>"


def wxr(*items: str, prolog: str = "") -> str:
    return f"{prolog}{WXR}\n<item><wp:post_id>5</wp:post_id>\n{''.join(items)}</item></channel></rss>"


def test_names_of_characters_mean_what_they_mean_in_html(tmp_path: Path) -> None:
    found = read(tmp_path / "w.xml", wxr(comment("a&nbsp;b &eacute; &amp; &nothing; &#233;")).encode())
    assert found[0].text == "a\xa0b é & &nothing; é"


@pytest.mark.parametrize("bad", ["\x0b", "\x00", "\x1f", "\ufffe", b"\xe9", b"\xf0\x9f"])
def test_what_xml_does_not_allow_costs_one_text(tmp_path: Path, bad: str | bytes) -> None:
    bad = bad.encode() if isinstance(bad, str) else bad
    data = wxr(comment("fine"), "\n", comment("a@b", 2), comment("fine", 3)).encode().replace(b"@", bad)
    found = read(tmp_path / "w.xml", data)
    assert texts(found) == ["fine", None, "fine", ""]
    assert found[1].error == "its text, from line 4 on, contains a character that XML does not allow; remove it"
    assert found[1].id == "comment-2"


def test_what_xml_does_not_allow_outside_the_text_costs_nothing(tmp_path: Path) -> None:
    author = "<wp:comment_author>A\x0bB</wp:comment_author>"
    data = wxr(comment("fine").replace("<wp:comment>", f"<wp:comment>{author}"))
    found = read(tmp_path / "w.xml", data.encode(), carry=["author"])
    assert found[0].record == {"author": "A\ufffdB"}
    assert found[0].error is None


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE rss [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>',
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://a.example/x.dtd"> %p;]>',
    ],
)
def test_declared_entities_are_refused(tmp_path: Path, prolog: str) -> None:
    with pytest.raises(InputError, match=r"w\.xml: it declares the entity"):
        read(tmp_path / "w.xml", wxr(comment("&lol2;&x;"), prolog=prolog).encode())


def test_a_document_type_elsewhere_is_not_read(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.dtd", b'<!ENTITY x "secret">')
    data = wxr(comment("a&x;b"), prolog=f'<!DOCTYPE rss SYSTEM "{secret.as_uri()}">')
    assert read(tmp_path / "w.xml", data.encode())[0].text == "a&x;b"


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-16"])
def test_xml_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    data = wxr(comment("Café"), prolog=f'<?xml version="1.0" encoding="{encoding}"?>')
    assert read(tmp_path / "w.xml", data.encode(encoding))[0].text == "Café"


@pytest.mark.parametrize("encoding", ["nonsense", "idna", "hex", "punycode"])
def test_encodings_that_are_none(tmp_path: Path, encoding: str) -> None:
    data = wxr(comment("Fine"), prolog=f'<?xml version="1.0" encoding="{encoding}"?>')
    with pytest.raises(InputError, match=rf"w\.xml: unknown encoding '{encoding}'"):
        read(tmp_path / "w.xml", data.encode())
    with pytest.raises(InputError, match=f"unknown encoding '{encoding}'"):
        read(tmp_path / "c.csv", b"id,text\n", encoding=encoding)


def test_xml_that_breaks_off_gives_what_was_there_and_says_so(tmp_path: Path) -> None:
    data = wxr(comment("fine"), comment("fine", 2)).encode()
    found = read(tmp_path / "w.xml", data[:-20])
    assert texts(found) == ["fine", "fine", None]
    found = read(tmp_path / "w.xml", gzip.compress(data)[:-12])
    assert str(found[-1].error).startswith("the compressed data is damaged")


def test_elements_that_are_too_long_are_errors(tmp_path: Path) -> None:
    data = wxr(
        comment("fine"), comment("a" * 5_000, 2), comment("<![CDATA[" + "b" * 5_000 + "]]>", 3), comment("fine", 4)
    )
    found = read(tmp_path / "w.xml", data.encode(), longest_record=4_000)
    assert texts(found) == ["fine", None, None, "fine", ""]
    assert found[1].error == "a record of more than 4,000 bytes; split it"
    endless = wxr(comment("fine"), "<!-- " + "c" * 3_000_000)
    found = read(tmp_path / "w.xml", endless.encode(), longest_record=1_000_000)
    assert texts(found) == ["fine", None]


@pytest.mark.parametrize(
    "unit",
    [
        "<a>",
        "<item>",
        "<item><wp:comment>",
        "<b/>",
        "&nbsp;",
        "\x0b",
        "<item></item>",
        "]]>",
        "<item></b></item>",
        "</b>",
        "<item></b>",
        "</item>",
        "<",
        "<item",
        "&",
        "<![CDATA[",
        "<!--",
    ],
)
def test_xml_takes_linear_time(tmp_path: Path, unit: str) -> None:
    def run(text: str) -> None:
        for _ in open_archive(write(tmp_path / "w.xml", (WXR + text).encode()), format="wordpress").posts():
            pass

    assert_linear(run, unit, 600_000)


@pytest.mark.parametrize("start", ["", "<item>"])
def test_xml_with_faults_below_many_elements_takes_linear_time(tmp_path: Path, start: str) -> None:
    def run(text: str) -> None:
        data = WXR + start + "<a>" * (len(text) // 10) + text
        for _ in open_archive(write(tmp_path / "w.xml", data.encode()), format="wordpress").posts():
            pass

    assert_linear(run, "<comment></b></comment>", 300_000)


def test_deep_nesting_and_markup_within_a_field(tmp_path: Path) -> None:
    deep = "<x>" * 50_000 + "deep" + "</x>" * 50_000
    author = f"<wp:comment_author>A {deep}B</wp:comment_author>"
    data = wxr(comment(f"before {deep}after").replace("<wp:comment>", f"<wp:comment>{author}"))
    found = read(tmp_path / "w.xml", data.encode(), carry=["author"])
    assert found[0].text == f"before {deep}after"
    assert found[0].record == {"author": "A B"}


# --- Parquet and folders -----------------------------------------------------------------------


def table(path: Path, rows: int, **columns: Any) -> Path:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"id": [f"r{n}" for n in range(rows)], "text": [f"text {n * 7919 % 1000:04}" for n in range(rows)]}
    layout: dict[str, Any] = {
        "row_group_size": 1_500,
        "write_batch_size": 4,
    }  # so that long texts have pages of their own
    parquet.write_table(pa.table(data | columns), path, compression="none", use_dictionary=False, **layout)
    return path


def test_parquet_goes_on_within_and_between_groups_of_rows(tmp_path: Path) -> None:
    archive = open_archive(table(tmp_path / "c.parquet", 5_000))
    pairs = list(archive.posts())
    for number in (1, 1_023, 1_024, 1_499, 1_500, 1_501, 3_000, 4_998, 4_999):
        assert list(archive.posts(pairs[number][1])) == pairs[number + 1 :]
    stream = archive.posts()
    next(stream)
    assert archive.size is not None
    assert archive.position < archive.size / 100
    assert len(list(stream)) == 4_999
    assert archive.position == archive.size


def test_each_row_of_a_damaged_group_is_an_error(tmp_path: Path) -> None:
    path = table(tmp_path / "c.parquet", 4_000)
    data = bytearray(path.read_bytes())
    at = data.index(b"text %04d" % (1_500 * 7919 % 1000), len(data) // 3) - 24  # the head of the second group's page
    data[at : at + 12] = b"\xff" * 12
    found = read(path, bytes(data))
    assert len(found) == 4_000
    broken = [post.number for post in found if post.error]
    assert broken == list(range(1_500, 3_000))
    assert "this part of the Parquet file is damaged" in str(found[1_500].error)


def test_bytes_in_a_column_of_strings_that_are_not_utf8(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    column = pa.array([b"fine", b"caf\xe9", None], pa.binary()).view(pa.string())
    found = resumed(open_archive(table(tmp_path / "c.parquet", 3, text=column)))
    assert texts(found) == ["fine", None, ""]
    assert found[1].error == "byte 4 of the text (0xe9) is not UTF-8"
    assert [post.id for post in found] == ["r0", "r1", "r2"]


def test_a_date_that_no_calendar_has_is_none(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    dates = pa.array([1_583_402_400, 10**12], pa.timestamp("s"))
    found = resumed(open_archive(table(tmp_path / "c.parquet", 2, date=dates)))
    assert [(post.time, post.error) for post in found] == [("2020-03-05T10:00:00", None), (None, None)]


def varint(number: int) -> bytes:
    """A positive number as Parquet's metadata has it (Thrift's compact protocol)."""
    number, out = 2 * number, b""
    while number > 127:
        number, out = number >> 7, out + bytes([number & 127 | 128])
    return out + bytes([number])


@pytest.mark.parametrize(("claimed", "total"), [(10**13, 4_000), (10**13, 10**13), (3_000_000, 4_000)])
def test_a_damaged_group_that_claims_rows_it_has_not_ends(tmp_path: Path, claimed: int, total: int) -> None:
    path = table(tmp_path / "c.parquet", 4_000)
    data = bytearray(path.read_bytes())
    at = data.index(b"text %04d" % (1_500 * 7919 % 1000), len(data) // 3) - 24  # the head of the second group's page
    data[at : at + 12] = b"\xff" * 12
    length = int.from_bytes(data[-8:-4], "little")
    footer = bytes(data[-8 - length : -8]).replace(varint(1_500), varint(claimed)).replace(varint(4_000), varint(total))
    path.write_bytes(bytes(data[: -8 - length]) + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    found = [post for post, _ in open_archive(path).posts()]
    assert len(found) < 4_000
    assert str(found[-1].error).startswith("this part of the Parquet file is damaged")


def test_long_texts_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    path = table(tmp_path / "c.parquet", 64, text=["He dies. " * 111_111] * 64)  # of a MB each
    stream = open_archive(path, text_format="text").posts()
    pa = pytest.importorskip("pyarrow")
    before = pa.total_allocated_bytes()
    next(stream)
    assert pa.total_allocated_bytes() - before < 16 << 20
    assert len(list(stream)) == 63


def test_a_partitioned_folder_in_order_with_the_columns_its_folders_name(tmp_path: Path) -> None:
    for number, name in enumerate(["work=b%20c/part-0", "work=a/part-1", "work=a/part-0", "_tmp/x", ".hidden/x"]):
        table(tmp_path / f"{name}.parquet", 2, n=[number] * 2)
    (tmp_path / "_SUCCESS").touch()
    archive = open_archive(tmp_path, carry=["n"])
    assert archive.described == "Parquet (3 files): text from 'text' (as text), id from 'id', work from 'work'"
    found = resumed(archive)
    assert [(post.work, post.record) for post in found[::2]] == [("a", {"n": 2}), ("a", {"n": 1}), ("b c", {"n": 0})]


def test_a_folder_of_lines_is_one_archive(tmp_path: Path) -> None:
    write(tmp_path / "2020.jsonl.gz", gzip.compress(ROW * 3)[:-9])
    write(tmp_path / "2021.jsonl", ROW * 2)
    write(tmp_path / "2022.jsonl", b"")
    write(tmp_path / "works.jsonl", b'{"work": "a"}\n')
    archive = open_archive(tmp_path)
    found = resumed(archive)
    assert texts(found)[-3:] == [None, "Fine.", "Fine."]
    assert [file["name"] for file in archive.fingerprint()["files"]] == ["2020.jsonl.gz", "2021.jsonl"]
    assert archive.position == archive.size


def test_the_files_of_a_folder_must_be_alike(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", b"id,text\n1,fine\n")
    write(tmp_path / "b.csv", b"id,body\n1,fine\n")
    with pytest.raises(InputError, match=r"b\.csv: no column 'text', which .*a\.csv has; there are: id, body"):
        open_archive(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no archive in this folder"):
        open_archive(tmp_path / "empty")


def test_a_file_of_a_folder_may_lack_all_columns_but_the_text(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", b"id,text,rating\n7,fine,4\n")
    write(tmp_path / "b.csv", b"text\nfine\n")
    found = [post for post, _ in open_archive(tmp_path, carry=["rating"]).posts()]
    assert [(post.id, post.text, post.record) for post in found] == [
        ("7", "fine", {"rating": "4"}),
        (None, "fine", {"rating": None}),
    ]


# --- databases ---------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Path:
    pytest.importorskip("sqlalchemy")
    connection = sqlite3.connect(tmp_path / "c.db")
    with connection:
        connection.execute("CREATE TABLE comments (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO comments (text) VALUES (?)", [(f"text {n}",) for n in range(5_000)])
    connection.close()
    return tmp_path / "c.db"


def test_a_query_goes_on_only_if_it_is_ordered(database: Path) -> None:
    ordered = open_archive(f"sqlite:///{database}", query="SELECT * FROM comments ORDER BY id")
    assert ordered.resumable
    assert len(resumed(ordered)) == 5_000
    assert ordered.fingerprint() == {"database": f"sqlite:///{database}", "query": "SELECT * FROM comments ORDER BY id"}
    unordered = open_archive(f"sqlite:///{database}", query="SELECT * FROM comments")
    assert len(list(unordered.posts())) == 5_000
    assert not unordered.resumable
    with pytest.raises(InputError, match="add ORDER BY"):
        unordered.posts(Cursor(1, 0, 1))


def test_databases_that_cannot_be_read(database: Path, tmp_path: Path) -> None:
    query = "SELECT * FROM comments ORDER BY id"
    for url, asked, message in (
        (f"sqlite:///{tmp_path}/none.db", query, r"none\.db: no such database"),
        (f"sqlite:///{database}", None, "a database needs a query"),
        (f"sqlite:///{database}", "DELETE FROM comments", "the query returns no rows"),
        ("nonsense://a:secret@b/c", query, r"nonsense://a:\*\*\*@b/c"),
        ("oracle://a:secret@b/c", query, "the driver '.*' is not installed; install it with: pip install"),
        ("://", query, "not a database URL"),
        (f"sqlite:///{database}", "SELECT '\udcff'", "the query is not valid text .*; write it in UTF-8"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            open_archive(url, query=asked)
        assert "secret" not in str(caught.value)
    assert not (tmp_path / "none.db").exists()
    assert len(list(open_archive(f"sqlite:///{database}", query=query).posts())) == 5_000
    with pytest.raises(InputError, match="an SQLite database; give its URL"):
        open_archive(database)


def test_libraries_that_are_missing_are_named_with_their_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"zstandard": b"\x28\xb5\x2f\xfd" + bytes(20), "pyarrow": b"PAR1" + bytes(20)}
    for library, data in files.items():
        monkeypatch.setitem(sys.modules, library, None)
        monkeypatch.setitem(sys.modules, f"{library}.parquet", None)
        with pytest.raises(MissingExtra, match=r"spoilerguard\[scan\]"):
            open_archive(write(tmp_path / "c", data))
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingExtra, match=r"spoilerguard\[sql\]"):
        open_archive("sqlite:///x.db", query="SELECT 1")


# --- what is guessed ---------------------------------------------------------------------------


def jsonl(tmp_path: Path, *rows: dict[str, Any], **options: Any) -> Archive:
    return open_archive(
        write(tmp_path / "g.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in rows)), **options
    )


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"Body": "a", "COMMENT_ID": 1}, ("Body", "COMMENT_ID", "", "")),
        ({"comment": 3, "review text": "a", "id": 1}, ("review text", "id", "", "")),
        ({"comment": "3", "content": "a"}, ("content", "", "", "")),
        ({"text": "a", "date": "2020-01-01", "movie_id": "m"}, ("text", "", "movie_id", "date")),
        ({"gist": "a"}, ("gist", "", "", "")),
        ({"selftext": "a", "id": "x", "thread": "t"}, ("selftext", "id", "thread", "")),
    ],
)
def test_columns_are_guessed(tmp_path: Path, row: dict[str, Any], columns: tuple[str, ...]) -> None:
    assert jsonl(tmp_path, row).columns[:4] == columns


def test_columns_can_be_given_and_denied(tmp_path: Path) -> None:
    row = {"id": "1", "text": "a", "gist": "b", "of": "Ash", "movie": "m", "said": "5 March 2020"}
    archive = jsonl(tmp_path, row, text_column="gist", id_column="", work_column="of", time_column="said", carry=["id"])
    (post,) = resumed(archive)
    assert post == Post(0, "0", "b", "Ash", "text", "2020-03-05", None, None, {"id": "1"})
    for option in ("text_column", "id_column", "work_column", "time_column"):
        with pytest.raises(InputError, match=r"no column 'nope'; there are: id, text, gist, of, movie, said"):
            jsonl(tmp_path, row, **{option: "nope"})
    with pytest.raises(InputError, match="no column 'nope'"):
        jsonl(tmp_path, row, carry=["nope"])
    with pytest.raises(InputError, match="no text column recognised"):
        jsonl(tmp_path, row, text_column="")


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("A <b>b</b> c.<br />D <i>e</i>", "html"),
        ("See [this](http://a.example) and **that**.", "markdown"),
        ("2 < 3 and *so* on", "text"),
    ],
)
def test_what_texts_are_written_in_is_guessed(tmp_path: Path, text: str, format: str) -> None:
    rows = [{"text": text}, {"text": "Fine."}, {"text": ""}]
    assert {post.format for post, _ in jsonl(tmp_path, *rows).posts()} == {format}
    assert {post.format for post, _ in jsonl(tmp_path, *rows, text_format="html").posts()} == {"html"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04" + bytes(60), "a ZIP archive or a spreadsheet; unpack it"),
        (bytes(257) + b"ustar" + bytes(90), "a tar archive; unpack it"),
        (b"Just some prose\nin two lines.\n", "format not recognised; name the format: parquet, wordpress"),
        (b"<html><body/></html>", "format not recognised"),
        (b"\x00\x01\x02", "format not recognised"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"x: {message}"):
        open_archive(write(tmp_path / "x", data))


def test_options_that_are_wrong(tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", ROW)
    options: tuple[tuple[dict[str, Any], str], ...] = (
        ({"format": "nope"}, "no format 'nope'; there are: parquet, wordpress"),
        ({"text_format": "bbcode"}, "no text format 'bbcode'; there are: text, markdown, mdx, html"),
        ({"delimiter": "||"}, "cannot be a delimiter"),
        ({"quoting": "single"}, "no quoting 'single'; there are: double, backslash, spaced, none"),
        ({"format": "parquet"}, "not a readable Parquet file"),
    )
    for wrong, message in options:
        with pytest.raises(InputError, match=message):
            open_archive(path, **wrong)
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read \(No such file or directory\)"):
        open_archive(tmp_path / "none.jsonl")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"pipe: not a regular file; save the stream to a file"):
        open_archive(tmp_path / "pipe")


def test_a_source_that_is_gone_is_an_error_with_its_name(tmp_path: Path) -> None:
    archive = open_archive(write(tmp_path / "c.jsonl", ROW))
    (tmp_path / "c.jsonl").unlink()
    with pytest.raises(InputError, match=r"c\.jsonl: cannot be read"):
        list(archive.posts())
    with pytest.raises(InputError, match=r"c\.jsonl: cannot be read"):
        archive.fingerprint()


def test_the_fingerprint_tells_a_changed_source(tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", ROW * 100_000)
    archive = open_archive(path)
    before = archive.fingerprint()
    assert before == archive.fingerprint() == json.loads(json.dumps(before))
    (file,) = before["files"]
    assert (file["name"], file["size"]) == ("c.jsonl", len(ROW) * 100_000)
    with path.open("r+b") as stream:
        stream.seek(-2, 2)
        stream.write(b" ")
    (changed,) = archive.fingerprint()["files"]
    assert changed["ends"] != file["ends"]


# --- whatever comes ----------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *(b'{"text": "', b'"}\n', b"id,text\n", b'1,"', b"\n", b'"', b",", b"\r", b"\\", b"a", b"&", b"PAR1"),
        *(WXR.encode(), b"<item>", b"</item>", b"<wp:comment>", b"<wp:comment_content>", b"</wp:comment_content>"),
        *(b"</wp:comment>", b"<disqus disqus.com>", b"\x00", b"\xff", b"\xfe", b"\xe9"),
        *(b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"),
    ]
)


@given(st.lists(PIECES | st.binary(max_size=4), max_size=14).map(b"".join))
def test_only_our_own_errors_leave_the_package_and_any_cursor_goes_on(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in (None, *(family.name for family in FAMILIES if family.name != "sql")):
            with contextlib.suppress(InputError, MissingExtra):
                found = read(Path(folder) / "x.csv", data, format=name)
                assert [post.number for post in found] == list(range(len(found)))


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2020-03-05", "2020-03-05"),
        ("2020-03-05T10:11:12Z", "2020-03-05T10:11:12Z"),
        ("2020/3/5", "2020-03-05"),
        ("2020-03", "2020-03"),
        (" 2020-03-05 ", "2020-03-05"),
        (1583402400, "2020-03-05T10:00:00Z"),
        (1583402400.0, "2020-03-05T10:00:00Z"),
        ("1583402400", "2020-03-05T10:00:00Z"),
        (1583402400000, "2020-03-05T10:00:00Z"),
        ("5 March 2020", "2020-03-05"),
        ("Mar 5, 2020", "2020-03-05"),
        ("Thu, 05 Mar 2020 10:00:00 +0000", "2020-03-05T10:00:00+00:00"),
        ("20201231", "2020-12-31"),
        (20210105, "2021-01-05"),
        ("20201231235959", "2020-12-31T23:59:59"),
        ("20201350", None),
        ("3/5/2020", None),
        ("2020", None),
        ("0000-00-00 00:00:00", None),
        ("yesterday", None),
        ("", None),
        (True, None),
        ([], None),
        (float("inf"), None),
        ("nan", None),
        ("1" * 400, None),
    ],
)
def test_times(value: Any, time: str | None) -> None:
    assert iso_time(value) == time


def test_the_end_of_a_damaged_part_is_a_place(tmp_path: Path) -> None:
    archive = open_archive(write(tmp_path / "c", gzip.compress(lines(9_000))[:-9]))
    *_, (post, cursor) = archive.posts()
    assert post.error is not None
    assert cursor == Cursor(post.number + 1, 0, END)
    assert Cursor(0, 0, 0) == START
