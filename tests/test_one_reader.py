"""`scan` and `train` read the same files alike: encoding, dialect, columns, values and places of faults."""

from __future__ import annotations

import gzip
from pathlib import Path

from commands import invoke
import pytest

from spoilerguard.archives import open_archive
from spoilerguard.datasets import completed, documents_of, load_labelled, splits_of
from spoilerguard.errors import DataError, InputError
from spoilerguard.files.columns import guess_column

TABLE = 'Review Text;Spoiler;Movie\n"Café; a quiet film.";no;Ash\nHe dies in the café.;yes;Elm\nÀ la fin, no.;no;Elm\n'
TEXTS = ["Café; a quiet film.", "He dies in the café.", "À la fin, no."]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-32"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_encoding_dialect_and_columns(tmp_path: Path, encoding: str, pack: type[bytes]) -> None:
    path = tmp_path / "reviews.csv"
    path.write_bytes(pack(TABLE.encode(encoding)))
    posts = [post for post, _ in open_archive(path).posts()]
    documents = list(load_labelled(path))
    assert [post.text for post in posts] == TEXTS
    assert [document.text for document in documents] == TEXTS
    assert [post.work for post in posts] == [document.work for document in documents] == ["Ash", "Elm", "Elm"]
    assert [document.sentences[0].label for document in documents] == [0, 1, 0]
    assert [document.id for document in documents] == ["reviews-2", "reviews-3", "reviews-4"]


def test_quotes_escaped_by_backslashes(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text('body,spoiler\n"She said \\"no\\", twice.",0\n"Fine, \\"he\\" said.",1\n', encoding="utf-8")
    expected = ['She said "no", twice.', 'Fine, "he" said.']
    assert [post.text for post, _ in open_archive(path).posts()] == expected
    assert [document.text for document in load_labelled(path)] == expected


def test_a_column_of_numbers_is_not_the_text(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("comment,review,spoiler\n17,Fine.,0\n18,He dies.,1\n", encoding="utf-8")
    assert [post.text for post, _ in open_archive(path).posts()] == ["Fine.", "He dies."]
    assert [document.text for document in load_labelled(path)] == ["Fine.", "He dies."]


def test_a_file_without_a_suffix(tmp_path: Path) -> None:
    path = tmp_path / "download"
    path.write_text(TABLE, encoding="cp1252")
    assert [post.text for post, _ in open_archive(path).posts()] == [d.text for d in load_labelled(path)] == TEXTS


def test_lines_are_counted_through_quoted_and_blank_ones(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text('text,"la\nbel"\n"One\ntwo.",0\n\nThree.,1\nFour.,0,0\n', encoding="utf-8")
    found = load_labelled(path, label_column="la\nbel")
    with pytest.raises(DataError, match=r"reviews\.csv:7: 3 cells, but the header has 2"):
        list(found)


def test_bytes_that_are_not_of_the_encoding_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_bytes(b"text,label\n" + "é,0\n".encode() * 9 + b"\xff,1\n")
    with pytest.raises(DataError, match=r"reviews\.csv:11: byte 0xff is not UTF-8; correct it, or name the encoding"):
        list(load_labelled(path))


@pytest.mark.parametrize(
    ("role", "names", "column"),
    [
        ("text", ["Review Text", "Review Summary"], "Review Text"),
        ("text", ["review", "review_text"], "review_text"),
        ("text", ["anything"], "anything"),
        ("text", ["a", "b"], None),
        ("label", ["Contains Spoilers?"], "Contains Spoilers?"),
        ("id", ["Comment-ID"], "Comment-ID"),
        ("work", ["title", "movie_id"], "movie_id"),
        ("time", ["created_utc"], "created_utc"),
    ],
)
def test_columns_are_guessed_by_name(role: str, names: list[str], column: str | None) -> None:
    assert guess_column(role, names, {}) == column


def test_guesses_are_printed(tmp_path: Path) -> None:
    path, out = tmp_path / "reviews.csv", tmp_path / "out.jsonl"
    path.write_bytes(TABLE.encode("cp1252"))
    result = invoke("convert", path, "-o", out)
    assert (result.exit_code, result.stdout) == (0, "")
    guessed = "text from 'Review Text', label from 'Spoiler', work from 'Movie', one label per sentence"
    assert result.stderr.splitlines()[0] == f"{path}: CSV (CP1252, semicolon), format table, {guessed}"
    assert invoke("convert", path, "-o", out, "--quiet").stderr == ""


# --- frames --------------------------------------------------------------------------------------


def test_documents_of_a_frame_of_ones_own() -> None:
    pandas = pytest.importorskip("pandas")
    frame = completed(pandas.DataFrame({"text": list("abcd"), "label": [0, 1, 0, 1], "document": ["x", "x", "y", "x"]}))
    assert documents_of(frame) == [range(2), range(2, 3), range(3, 4)]
    assert frame["index"].tolist() == [0, 1, 0, 0]
    assert frame["count"].tolist() == [2, 2, 1, 1]
    assert documents_of(completed(frame[["text", "label"]])) == [range(k, k + 1) for k in range(4)]
    assert documents_of(frame.iloc[:0]) == []


def test_documents_with_one_name_are_distinguished_by_their_sentences() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"source": "s", "document": "d", "index": [0, 1, 0, 2]})
    assert documents_of(frame) == [range(2), range(2, 4)]


def test_splits_of_a_frame() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"work": ["long-rain", "tin-orchard", "work 5", "The Long Rain"]})
    assert splits_of(frame).tolist() == ["train", "validation", "test", "train"]
    assert splits_of(frame.iloc[:0]).tolist() == []


def test_an_archive_without_a_text_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("gist,stars\nFine.,3\n", encoding="utf-8")
    with pytest.raises(InputError, match="no text column recognised"):
        open_archive(path)
