"""Comment archives: every row of the table, what is guessed, and that reading goes on from any cursor."""

from __future__ import annotations

import bz2
from collections.abc import Callable, Sequence
import csv
import gzip
import io
import json
import lzma
from pathlib import Path
import pickle
import sqlite3
import tempfile
from typing import Any
from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from spoilerguard.archives import FAMILIES, START, Archive, Cursor, Post, open_archive
from spoilerguard.errors import InputError

SAMPLES = Path(__file__).parent / "archives"
NAMES = [family.name for family in FAMILIES]
GOOD = sorted(SAMPLES.glob("*/good*"))
BAD = sorted(SAMPLES.glob("*/bad*"))


def relative(path: Path) -> str:
    return str(path.relative_to(SAMPLES))


def posts(archive: Archive, start: Cursor = START) -> list[Post]:
    return [post for post, _ in archive.posts(start)]


def errors(found: Sequence[Post]) -> list[int]:
    return [post.number for post in found if post.error is not None]


def texts(path: Path, **options: Any) -> list[str]:
    return [post.text for post in posts(open_archive(path, **options))]


def assert_resumes(archive: Archive) -> list[Post]:
    """The posts of an archive, which are numbered and of which any cursor gives exactly the rest."""
    pairs = list(archive.posts())
    assert [post.number for post, _ in pairs] == list(range(len(pairs)))
    for number, (_, cursor) in enumerate(pairs, 1):
        again = Cursor(*json.loads(json.dumps(cursor)))
        assert list(archive.posts(again)) == pairs[number:]
    return [post for post, _ in pairs]


def opened(sample: Path, folder: Path, **options: Any) -> Archive:
    """The archive of a sample; SQL samples are a script, whose first line has the query."""
    if sample.suffix == ".parquet":
        pytest.importorskip("pyarrow")
    if sample.suffix != ".sql":
        return open_archive(sample, **options)
    pytest.importorskip("sqlalchemy")
    script = sample.read_text(encoding="utf-8")
    file = folder / "comments.db"
    with sqlite3.connect(file) as connection:
        connection.executescript(script)
    connection.close()
    return open_archive(f"sqlite:///{file}", query=script.partition("\n")[0].removeprefix("-- query: "), **options)


# --- the table ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_family_owns_a_sample_that_passes_and_one_that_fails(name: str) -> None:
    assert list((SAMPLES / name).glob("good*"))
    assert list((SAMPLES / name).glob("bad*"))


def test_samples_belong_to_families() -> None:
    assert {path.parent.name for path in GOOD + BAD} == set(NAMES)


@pytest.mark.parametrize("path", GOOD, ids=relative)
def test_a_good_sample_is_recognised_and_read_from_any_cursor(path: Path, tmp_path: Path) -> None:
    archive = opened(path, tmp_path)
    assert archive.kind == path.parent.name
    found = assert_resumes(archive)
    assert len(found) >= 2
    assert errors(found) == []
    assert any(post.text for post in found)
    assert len({post.id for post in found}) == len(found)


@pytest.mark.parametrize("path", GOOD, ids=relative)
def test_what_was_settled_opens_the_same_archive_without_guessing(path: Path, tmp_path: Path) -> None:
    archive = opened(path, tmp_path)
    settled = json.loads(json.dumps(archive.settled))
    again = open_archive(archive.source, **settled)
    assert again == archive
    assert again.described == archive.described
    travelled = pickle.loads(pickle.dumps(archive))  # to a worker
    assert travelled == archive
    assert posts(travelled) == posts(archive)


@pytest.mark.parametrize("path", [path for path in GOOD if path.suffix != ".sql"], ids=relative)
def test_content_and_not_the_name_tells_the_format(path: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "download"
    renamed.write_bytes(path.read_bytes())
    archive = open_archive(renamed)
    assert archive.kind == path.parent.name
    assert posts(archive) == posts(open_archive(path))


BAD_POSTS = {  # the number of the post, and what its error says
    "csv/bad.csv": {
        0: "not valid CSV .* close its quotes",
        2: "3 cells, but the header has 2; quote cells that contain a comma",
        3: "not valid CSV",
    },
    "disqus/bad.xml": {1: "line 4, column 34: not valid XML from here on .*; correct it"},
    "goodreads/bad.csv": {1: "7 cells, but the header has 6"},
    "jsonl/bad.jsonl": {
        1: r"not valid JSON \(Invalid control character, column 27\)",
        2: "a JSON list; expected one object per line",
        3: "the text is a dict; expected a string",
    },
    "letterboxd/bad.csv": {0: "a quote that is never closed"},
    "reddit/bad.jsonl": {1: "the text is a list", 2: "not valid JSON"},
    "sql/bad.sql": {0: r"byte 4 of the text \(0xe9\) is not UTF-8"},
    "wordpress/bad.xml": {
        0: "its text, from line 4 on, contains a character that XML does not allow",
        2: "line 6, column 77: not valid XML from here on",
    },
}
BAD_FILES = {
    "csv/bad-no-text.csv": "no text column recognised; name it with text_column; there are: id, stars",
    "disqus/bad-outside.xml": "declares the entity 'secret'",
    "jsonl/bad-array.json": r"one JSON array; convert it to JSON Lines: jq -c '\.\[\]' bad-array.json",
    "jsonl/bad-pretty.json": "not valid JSON .*; if a record spans lines, convert the file to JSON Lines: jq",
    "parquet/bad.parquet": "not a readable Parquet file",
    "sql/bad-query.sql": "no such table: nowhere",
    "wordpress/bad-bomb.xml": "declares the entity 'a'",
}


def test_every_bad_sample_has_its_expectation() -> None:
    assert {relative(path) for path in BAD} == {*BAD_POSTS, *BAD_FILES}


@pytest.mark.parametrize("name", BAD_POSTS)
def test_a_broken_record_is_a_post_with_an_error_and_reading_goes_on(name: str, tmp_path: Path) -> None:
    archive = opened(SAMPLES / name, tmp_path)
    assert archive.kind == name.partition("/")[0]
    found = assert_resumes(archive)
    assert errors(found) == list(BAD_POSTS[name])
    for number, message in BAD_POSTS[name].items():
        with pytest.raises(InputError, match=message):
            raise InputError(found[number].error)
        assert found[number].text == ""


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_cannot_be_opened_is_refused_with_file_and_remedy(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=BAD_FILES[name]) as caught:
        opened(SAMPLES / name, tmp_path)
    assert str(SAMPLES / name) in str(caught.value) or "comments.db" in str(caught.value)


# --- each format -------------------------------------------------------------------------------


def known(path: str) -> list[tuple[str, str, str | None, str | None]]:
    return [(post.id, post.text, post.work, post.time) for post in posts(open_archive(SAMPLES / path))]


def test_csv() -> None:
    archive = open_archive(SAMPLES / "csv" / "good.csv", carry=["Author"])
    assert archive.described == (
        "CSV (UTF-8, comma): text from 'Comment' (as text), id from 'Comment ID', work from 'Thread', time from 'Date'"
    )
    first, second, third = posts(archive)
    text = "The lamp goes out in chapter nine, and\nnobody lights it again."
    assert first == Post(0, "c1", text, "lamp-street", "text", "2021-03-04", None, None, {"Author": "Ana"})
    assert second.text == 'She said "never", twice.'
    assert (third.text, third.error) == ("", None)


def test_csv_in_other_encodings_and_with_other_delimiters() -> None:
    assert known("csv/good-cp1252.txt") == [
        ("1", "Ein schöner Film", "Salt Road", None),
        ("2", "Café – closed", "Salt Road", None),
    ]
    assert known("csv/good-utf16.tsv") == [
        ("7", "The tide took the house.", None, None),
        ("8", "“Fine”, he said.", None, None),
    ]


def test_json_lines() -> None:
    assert known("jsonl/good.jsonl") == [
        ("12", "He was the keeper all along.", "m1", "2021-03-04T10:00:00Z"),
        ("13", "", "m2", "2021-03-05T10:00:00Z"),
        ("x", "Café 😀 \ufffd", None, None),  # half a character cannot be written out again
    ]


def test_parquet() -> None:
    assert known("parquet/good.parquet") == [
        ("101", "The tide took the house.", "glass-harbour", "2021-03-04T10:00:00"),
        ("102", "", "glass-harbour", None),
        ("103", "Nobody “left”.", None, "2021-04-04T00:00:00"),
    ]


def test_wordpress() -> None:
    archive = open_archive(SAMPLES / "wordpress" / "good.xml", carry=["title", "kind"])
    found = posts(archive)
    assert {post.format for post in found} == {"html"}
    assert [(post.id, post.work, post.state) for post in found] == [
        ("comment-31", "5", None),
        ("comment-32", "5", "spam"),
        ("comment-33", "5", "deleted"),
        ("post-5", "5", None),
        ("post-6", "6", None),
    ]
    assert [post.text for post in found] == [
        "And then it is lit again ]]> at the end.",
        'Cheap lamps <a href="http://shop.example">here</a>',
        "",
        "<!-- wp:paragraph -->\n<p>The lamp goes out in <em>chapter nine</em>.</p>\n<!-- /wp:paragraph -->",
        "",
    ]
    assert found[0].time == "2021-03-05 08:00:00"
    assert found[1].time is None  # WordPress writes zeros
    assert found[0].record == {"title": "Lamp Street,\xa0reviewed", "kind": "comment"}
    assert found[4].record == {"title": "A picture", "kind": "attachment"}


def test_disqus() -> None:
    found = posts(open_archive(SAMPLES / "disqus" / "good.xml"))
    assert [(post.id, post.text, post.work, post.state) for post in found] == [
        ("5001", "<p>The keeper <b>drowns</b>.</p>", "900", None),
        ("5002", "", "900", "deleted"),
        ("5003", "<p>Cheap lamps</p>", "901", "spam"),  # its thread is not there
        ("5004", "<p>Where am I?</p>", None, None),
    ]
    assert found[0].time == "2012-02-10T10:00:00Z"


def test_reddit() -> None:
    found = posts(open_archive(SAMPLES / "reddit" / "good.jsonl"))
    assert [(post.id, post.text, post.work, post.state) for post in found] == [
        ("dbumnq8", "I liked it. &gt;!The ferry never left.!&lt;", "t3_5l954r", None),
        ("dbumnq9", "", "t3_5l954r", "deleted"),
        ("dbumnr0", "", "t3_5l954s", "removed"),
        ("5l954r", "Episode **nine**: who else cried?", "t3_5l954r", None),  # a submission is of its own thread
        ("5l954z", "", "t3_5l954z", None),
    ]
    assert {post.format for post in found} == {"markdown"}
    assert {post.time[:7] for post in found if post.time} == {"2017-01"}


def test_goodreads_and_letterboxd() -> None:
    review = "A slow book.<br/><br/><spoiler>The aunt wrote every letter.</spoiler>"
    assert known("goodreads/good.csv") == [
        ("771", review, "The Glass Harbour (Harbour, #1)", "2019-03-04"),
        ("772", "", "Salt Road", "2020-11-30"),
    ]
    assert known("letterboxd/good.csv") == [
        (
            "https://boxd.it/aaaa1",
            "It rains for two hours.\n\n<i>Nobody</i> leaves the house.",
            "Lamp Street",
            "2022-08-14",
        ),
        ("https://boxd.it/aaaa2", "The twins swap places & that is that.", "Salt Road", "2022-09-01"),
    ]


def test_an_unpacked_letterboxd_export_is_its_reviews(tmp_path: Path) -> None:
    for name in ("profile.csv", "diary.csv"):
        (tmp_path / name).write_text("Date,Name\n2022-01-01,x\n", encoding="utf-8")
    (tmp_path / "reviews.csv").write_bytes((SAMPLES / "letterboxd" / "good.csv").read_bytes())
    archive = open_archive(tmp_path)
    assert archive.kind == "letterboxd"
    assert len(posts(archive)) == 2


def test_sql(tmp_path: Path) -> None:
    archive = opened(SAMPLES / "sql" / "good.sql", tmp_path)
    assert archive.size is None
    assert archive.resumable
    assert [(post.id, post.text, post.work, post.time) for post in posts(archive)] == [
        ("1", "At 12:30 the lamp goes out.", "lamp-street", "2021-03-04 12:30:00"),
        ("2", "", "lamp-street", "2021-03-05 10:00:00"),
        ("3", "Nobody lights it.", None, None),
    ]


# --- going on, whatever is written ----------------------------------------------------------------

PLAIN = st.text(st.characters(codec="utf-8"), max_size=30)
# What XML can hold, but for the line ends that every parser of it translates.
XML = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\ufffe\uffff"), max_size=30
)
Record = tuple[str, str, str]


def records(text: st.SearchStrategy[str]) -> st.SearchStrategy[list[Record]]:
    return st.lists(st.tuples(st.text("abc123", min_size=1, max_size=5), text, text), min_size=1, max_size=8)


def as_csv(encoding: str, delimiter: str, rows: list[Record]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(("id", "text", "work"))
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def as_jsonl(ascii: bool, rows: list[Record]) -> bytes:
    lines = (json.dumps({"id": i, "text": t, "work": w}, ensure_ascii=ascii) + "\n" for i, t, w in rows)
    return "".join(lines).encode()


def as_parquet(rows: list[Record]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    out = io.BytesIO()
    table = pa.table({"id": [r[0] for r in rows], "text": [r[1] for r in rows], "work": [r[2] for r in rows]})
    parquet.write_table(table, out, row_group_size=3)
    return out.getvalue()


def as_wordpress(rows: list[Record]) -> bytes:
    items = "".join(
        f"<item><wp:comment><wp:comment_id>{i}</wp:comment_id><wp:comment_content>{escape(t)}</wp:comment_content>"
        f"</wp:comment><wp:post_id>{i}</wp:post_id><content:encoded><![CDATA[{w.replace(']]>', ']]]]><![CDATA[>')}]]>"
        "</content:encoded></item>"
        for i, t, w in rows
    )
    head = '<rss xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wp="http://wordpress.org/export/1.2/">'
    return f"{head}<channel>{items}</channel></rss>".encode()


def assert_reads_back(data: bytes, rows: list[tuple[str, str, str | None]], **options: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archive"
        path.write_bytes(data)
        archive = open_archive(path, text_format="text", **options)
        found = assert_resumes(archive)
        assert errors(found) == []
        assert [(post.id, post.text, post.work) for post in found] == rows
        assert archive.position == archive.size


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-be"])
@given(records(PLAIN), st.sampled_from(",;\t|"))
@settings(max_examples=25)
def test_csv_reads_back(encoding: str, rows: list[Record], delimiter: str) -> None:
    data = as_csv(encoding, delimiter, rows)
    options = {"format": "csv", "encoding": encoding, "delimiter": delimiter, "quoting": "double"}
    assert_reads_back(data, [(i, t, w or None) for i, t, w in rows], **options)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@given(records(PLAIN), st.booleans())
@settings(max_examples=25)
def test_json_lines_read_back(pack: Callable[[bytes], bytes], rows: list[Record], ascii: bool) -> None:
    assert_reads_back(pack(as_jsonl(ascii, rows)), [(i, t, w or None) for i, t, w in rows])


@given(records(PLAIN))
@settings(max_examples=25)
def test_parquet_reads_back(rows: list[Record]) -> None:
    pytest.importorskip("pyarrow")
    assert_reads_back(as_parquet(rows), [(i, t, w or None) for i, t, w in rows], time_column="")


@given(records(XML))
@settings(max_examples=25)
def test_wordpress_reads_back(rows: list[Record]) -> None:
    expected = [pair for i, t, w in rows for pair in ((f"comment-{i}", t, None), (f"post-{i}", w, i))]
    assert_reads_back(as_wordpress(rows), expected)


@given(records(PLAIN.filter(lambda text: "\0" not in text)))
@settings(max_examples=25)
def test_databases_read_back(rows: list[Record]) -> None:
    pytest.importorskip("sqlalchemy")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.db"
        connection = sqlite3.connect(file)
        with connection:
            connection.execute("CREATE TABLE c (n INTEGER PRIMARY KEY, id TEXT, text TEXT, work TEXT)")
            connection.executemany("INSERT INTO c (id, text, work) VALUES (?, ?, ?)", rows)
        connection.close()
        query = "SELECT id, text, work FROM c WHERE '%:x' <> ':)' ORDER BY n"  # nothing in it is a parameter
        found = assert_resumes(open_archive(f"sqlite:///{file}", query=query, text_format="text"))
        assert [(post.id, post.text, post.work) for post in found] == [(i, t, w or None) for i, t, w in rows]
