"""The readers of labelled data: every row of the table, what is cleaned, and what is refused."""

from __future__ import annotations

import bz2
from collections.abc import Iterator
import contextlib
import gzip
from itertools import count
import json
import lzma
import os
from pathlib import Path
import re
import sys
import tempfile
import tracemalloc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest
from timing import assert_linear

from spoilerguard.datasets import (
    LOADERS,
    WEIGHTS,
    LabelledDocument,
    LabelledSentence,
    Options,
    load_labelled,
    normalise,
    read_works,
    sniff,
    split_of,
    to_frame,
    without_announcement,
    work_key,
    write_jsonl,
)
from spoilerguard.datasets.records import read_records
from spoilerguard.errors import DataError, InputError, MissingExtra
from spoilerguard.files.source import DataSource, Line

SAMPLES = Path(__file__).parent / "data" / "labelled"
# A text of brat's lies beside the file with its ranges.
GOOD = sorted(path for path in SAMPLES.glob("*/good*") if path.suffix != ".txt")
BAD = sorted(path for path in SAMPLES.glob("*/bad*") if path.suffix != ".txt")
NAMES = [loader.name for loader in LOADERS]


def relative(path: Path) -> str:
    return str(path.relative_to(SAMPLES))


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def labels(document: LabelledDocument) -> list[tuple[str, int, float]]:
    return [(sentence.text, sentence.label, sentence.weight) for sentence in document.sentences]


# --- the table ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_loader_owns_a_sample_that_passes_and_one_that_fails(name: str) -> None:
    assert list((SAMPLES / name).glob("good*"))
    assert list((SAMPLES / name).glob("bad*"))


def test_samples_belong_to_loaders() -> None:
    assert {path.parent.name for path in GOOD + BAD} == set(NAMES)


@pytest.mark.parametrize("path", GOOD, ids=relative)
def test_a_good_sample_is_recognised_and_has_both_labels(path: Path) -> None:
    assert sniff(path, Options()).name == path.parent.name
    found = [sentence.label for document in load_labelled(path) for sentence in document.sentences]
    assert set(found) == {0, 1}
    named = list(load_labelled(path, format=path.parent.name))
    assert named == list(load_labelled(path))


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("path", BAD, ids=relative)
def test_a_bad_sample_names_its_file_and_line(path: Path, named: bool) -> None:
    line = re.search(r"line-(\d+)", path.name)
    assert line
    with pytest.raises(DataError) as caught:
        list(load_labelled(path, format=path.parent.name if named else None))
    assert str(caught.value).startswith(f"{path}:{line[1]}: ")
    assert "expected" in str(caught.value)


# --- each format -------------------------------------------------------------------------------


def test_our_own_format() -> None:
    first, second = load_labelled(SAMPLES / "spoilerguard" / "good.jsonl")
    assert (first.id, first.work, first.kind, first.source) == ("a-1", "glass-harbour", "review", "good")
    assert first.medium == "book"  # from works.jsonl beside it
    assert (second.medium, second.source) == ("game", "mine")  # its own
    assert first.sentences[2] == LabelledSentence(
        "\n\nThe harbour master turns out to be her father.", 1, tag="identity"
    )
    assert second.sentences == (LabelledSentence("The orchard burns down in the last chapter.", 1, weight=0.5),)


def test_a_table_of_sentences_counts_lines_and_cleans_text() -> None:
    first, second = load_labelled(SAMPLES / "table" / "good-sentences.csv")
    assert labels(first) == [("The lamp keeper drowns, and nobody tells the village.", 1, 1.0)]
    assert labels(second) == [("A slow start, but worth it.", 0, 1.0)]
    assert (first.id, second.id, first.work) == ("good-sentences-2", "good-sentences-4", "Lamp Street")


def test_what_was_decided_in_a_report_is_a_label_and_nothing_else_is() -> None:
    (document,) = load_labelled(SAMPLES / "report" / "good.json")
    assert (document.work, document.source) == ("posts/salt-road.md", "good")
    assert labels(document) == [
        ("The captain is the thief.", 1, 1.0),
        ("He took the chest himself.", 1, 1.0),
        ("The mate kills time on deck.", 0, 1.0),
    ]


def test_kept_decisions_are_labels_where_the_text_was_kept(tmp_path: Path) -> None:
    found = list(load_labelled(SAMPLES / "decisions" / "good.jsonl"))
    assert [labels(document) for document in found] == [
        [("The captain is the thief.", 1, 1.0)],
        [("The mate kills time on deck.", 0, 1.0)],
    ]
    assert {document.work for document in found} == {"posts/salt-road.md"}
    line = {"sentence": "0" * 16, "before": "", "after": "", "decision": "hide", "file": "a.md"}
    path = write(tmp_path / "decisions.jsonl", line)
    with pytest.raises(DataError, match="hold no text; keep it with: spoilerguard decide --keep-text"):
        list(load_labelled(path))


def test_a_report_without_decisions_has_no_labels(tmp_path: Path) -> None:
    report = json.loads((SAMPLES / "report" / "good.json").read_text(encoding="utf-8"))
    del report["files"][0]
    path = tmp_path / "r.json"
    path.write_text(json.dumps(report), encoding="utf-8")
    with pytest.raises(DataError, match="no decisions; set"):
        list(load_labelled(path))


def test_long_texts_are_labelled_weakly() -> None:
    spoiler, clean = load_labelled(SAMPLES / "table" / "good-documents.tsv.gz")
    assert {(s.label, s.weight) for s in spoiler.sentences} == {(1, WEIGHTS["spoiler document"])}
    assert {(s.label, s.weight) for s in clean.sentences} == {(0, WEIGHTS["clean document"])}
    assert spoiler.sentences[-1].text == "In the end the twins swap places."


def test_the_level_can_be_given(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", {"text": "One. She wins.", "label": 1})
    assert [len(d.sentences) for d in load_labelled(path)] == [1]
    assert [len(d.sentences) for d in load_labelled(path, level="document")] == [2]
    with pytest.raises(InputError, match="no level 'page'"):
        load_labelled(path, level="page")  # type: ignore[arg-type]


def test_columns_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("gist,bad,of,text\nHe leaves.,Y,Ash,x\n", encoding="utf-8")
    (document,) = load_labelled(path, text_column="gist", label_column="bad", work_column="of")
    assert (document.work, labels(document)) == ("Ash", [("He leaves.", 1, 1.0)])


@pytest.mark.parametrize(
    ("value", "label"),
    [(1, 1), (0, 0), (True, 1), (False, 0), (1.0, 1), ("yes", 1), ("No", 0), (" TRUE ", 1), ("false", 0)],
)
def test_label_values(tmp_path: Path, value: object, label: int) -> None:
    (document,) = load_labelled(write(tmp_path / "t.jsonl", {"text": "He leaves.", "label": value}))
    assert document.sentences[0].label == label


@pytest.mark.parametrize("value", [None, "", 2, 0.5, "maybe", [1]])
def test_other_label_values_are_refused(tmp_path: Path, value: object) -> None:
    path = write(tmp_path / "t.jsonl", {"text": "He leaves.", "label": value})
    with pytest.raises(DataError, match=r"t\.jsonl:1: unknown label .* expected 0 or 1"):
        list(load_labelled(path))


def test_goodreads() -> None:
    (document,) = load_labelled(SAMPLES / "goodreads" / "good.json.gz")
    assert (document.id, document.work, document.medium) == ("r1", "771", "book")
    assert labels(document) == [
        ("A quiet book.", 0, 1.0),
        ("The aunt wrote every letter.", 1, 1.0),
        ("** spoiler alert **", 0, 1.0),
    ]


def test_imdb() -> None:
    spoiler, clean = load_labelled(SAMPLES / "imdb" / "good.json")
    assert (spoiler.work, spoiler.medium, len(spoiler.sentences)) == ("tt0000001", "film", 2)
    assert clean.sentences == (LabelledSentence("Bring popcorn.", 0, weight=WEIGHTS["clean document"]),)


def test_texts_without_spans_when_the_format_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "untagged.jsonl", {"id": "u", "work": "Ash", "text": "Fine. Very fine."})
    with pytest.raises(DataError, match="no labels recognised"):
        list(load_labelled(path))
    (document,) = load_labelled(path, format="spans")
    assert {(s.label, s.weight) for s in document.sentences} == {(0, WEIGHTS["nothing hidden"])}


def test_marked_markdown() -> None:
    (document,) = load_labelled(SAMPLES / "marked" / "good.md")
    assert document.kind == "blog-post"
    assert ("\n\nThe lighthouse was never lit.", 1, 1.0) in labels(document)
    assert ("What a cover, though.", 0, 1.0) in labels(document)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('I cried. [the end](/s "Tarn dies. Mira lives.") Fine.', ["I cried.", "Tarn dies.", "Mira lives.", "Fine."]),
        ("I cried. [Tarn dies. Mira lives.](#s) Fine.", ["I cried.", "Tarn dies.", "Mira lives.", "Fine."]),
        (">!Tarn [dies](/spoiler) there.!<\n\nFine.", ["Tarn dies there.", "Fine."]),
        ("I cried.\n\n>! Tarn dies.\n>! Mira lives.\n\nFine.", ["I cried.", "Tarn dies.", "Mira lives.", "Fine."]),
        ('He said (in a "low voice") hello. [This](http://a.example/s) too.', ...),
    ],
)
def test_no_mark_is_left_whatever_the_labels_come_from(tmp_path: Path, text: str, expected: Any) -> None:
    """Of the syntaxes that match as a whole too: a mark that stays would give the label away."""
    if expected is ...:
        expected = text.replace("hello. ", "hello.\n").split("\n")
    whole = write(tmp_path / "whole.jsonl", {"text": text, "label": 1})
    (document,) = load_labelled(whole, level="document")
    assert [sentence.text.strip() for sentence in document.sentences] == expected
    single = write(tmp_path / "single.jsonl", {"text": text, "label": 1})
    (document,) = load_labelled(single, level="sentence")
    assert " ".join(sentence.text for sentence in document.sentences) == " ".join(expected)
    if len(expected) > 2:
        (tmp_path / "marked.md").write_text(text, encoding="utf-8")
        (document,) = load_labelled(tmp_path / "marked.md", format="marked")
        assert [(s.text.strip(), s.label) for s in document.sentences] == [(t, t[0] in "TM") for t in expected]


def test_a_text_with_line_break_tags(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", {"text": "I sat.<br /><br />He leaves.", "spans": [[18, 28]]})
    (document,) = load_labelled(path)
    assert labels(document) == [("I sat.", 0, 1.0), ("\n\nHe leaves.", 1, 1.0)]


# --- matching ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([[0, 8]], (1, 1.0)),
        ([[0, 4]], (1, 1.0)),  # 3 of 6 characters, not counting spaces
        ([[0, 3]], (0, WEIGHTS["partly hidden"])),
        ([[4, 8], [0, 1]], (1, 1.0)),
        ([[0, 2], [1, 2], [0, 2]], (0, WEIGHTS["partly hidden"])),  # what is hidden twice counts once
        ([[2, 3]], (0, 1.0)),  # a space only
    ],
)
def test_half_of_the_ink_decides(tmp_path: Path, spans: list[list[int]], expected: tuple[int, float]) -> None:
    (document,) = load_labelled(write(tmp_path / "t.jsonl", {"text": "ab cd ef", "spans": spans}))
    assert [(s.label, s.weight) for s in document.sentences] == [expected]


# --- cleaning ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("SPOILERS: he dies.", "He dies."),
        ("SPOILER He dies.", "He dies."),
        ("(spoiler alert!) He dies.", "He dies."),
        ("He dies (spoiler alert!).", "He dies."),
        ("He dies. SPOILERS", "He dies."),
        ("He dies - spoiler alert!", "He dies"),
        ("Spoiler alert, he dies.", "He dies."),
        ("Warning, major spoilers ahead: he dies.", "He dies."),
        ("(Spoiler: he dies)", "(He dies)"),
        ("Somehow (SPOILER) he dies.", "Somehow he dies."),
        ("[/Spoilers] I liked it.", "I liked it."),
        ("Spoilers for season two: he dies.", "He dies."),
        ("Salt Road spoilers: he dies.", "He dies."),
        ("In the end (minor Salt Road spoilers) he dies.", "In the end he dies."),
        ("Spoilers ahead.", ""),
        ("This review contains spoilers.", ""),
        ("** spoiler alert **", ""),
        ("*SPOILER!!! SPOILER ALERT!! SPOILER!!*", ""),
        ("End of spoilers.", ""),
        ("WARNING: POSSIBLE SPOILERS", ""),
        # About spoilers, and no announcement:
        ("No spoilers, please.", "No spoilers, please."),
        ("I liked it (no spoilers).", "I liked it (no spoilers)."),
        ("Salt Road has no spoilers: he lives.", "Salt Road has no spoilers: he lives."),
        ("A spoiler-free review.", "A spoiler-free review."),
        ("Spoiler-free review.", "Spoiler-free review."),
        ("SPOILERS are rude.", "SPOILERS are rude."),
        ("It is no spoiler to say he dies.", "It is no spoiler to say he dies."),
        ("She spoils her dog.", "She spoils her dog."),
        ("My brother told me every spoiler.", "My brother told me every spoiler."),
    ],
)
def test_announcements(text: str, bare: str) -> None:
    assert without_announcement(text) == bare


@pytest.mark.clock
@pytest.mark.parametrize("unit", [" -a", " - end of", ". the ", "*", "(a ", "spoiler below ", ". spoiler", "a' "])
def test_cleaning_takes_linear_time(unit: str) -> None:
    assert_linear(lambda text: without_announcement(f"{text} spoiler x"), unit, 16_000)


def test_an_announcement_keeps_its_place_but_no_label(tmp_path: Path) -> None:
    text = "Spoilers below! He dies."
    path = write(tmp_path / "t.jsonl", {"text": text, "spans": [[0, len(text)]]})
    (document,) = load_labelled(path)
    assert labels(document) == [("Spoilers below!", 0, 1.0), ("He dies.", 1, 1.0)]


def test_normalise() -> None:
    assert normalise("  A  b\t, c !\n(d ) ; e") == "A b, c! (d); e"


PIECES = st.sampled_from(["spoiler", "SPOILERS", " ", " ", "alert", "!", "(", ")", "*", ":", "He", "dies", ".", "the"])


@given(st.lists(PIECES, max_size=24).map("".join))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = without_announcement(normalise(text))
    assert without_announcement(once) == once
    assert normalise(once) == once


@pytest.mark.parametrize("sign", ["*", "(", "- ", "~", "the ", "a b ", "SPOILER: ", "(spoiler", "for "])
def test_cleaning_takes_no_quadratic_time(sign: str) -> None:
    without_announcement(sign * 20_000 + "spoiler x")  # minutes, if it did


# --- works -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    [
        "The Long Rain",
        "long-rain",
        "The Long Rain (Storm, #2) by Ann Bell",
        "  the LONG   rain! ",
        "Long Rain [Director's Cut]",
        "Lóng Rain (1998)",
        "A Long Rain",
    ],
)
def test_one_work_has_one_key(title: str) -> None:
    assert work_key(title) == "long rain"


def test_keys_of_odd_titles() -> None:
    assert work_key("[REC]") == "rec"
    assert work_key("Marl & Me") == work_key("marl-and-me") == "marl and me"
    assert work_key("Don't Look Up") == work_key("Don\u2019t Look Up") == "dont look up"
    assert work_key("A") == "a"
    assert work_key("...") == "..."
    assert work_key("Hand by Hand") == work_key("hand-by-hand")


@given(st.text(max_size=40))
def test_every_title_has_a_split(title: str) -> None:
    assert split_of(title) == split_of(f" {title} ")
    assert split_of(title) in {"train", "validation", "test"}


def test_the_split_never_changes() -> None:
    train = ["long-rain", "glass-harbour", "Salt Road", "tt0000001", "tt0000002", "771"]
    assert {split_of(work) for work in train} == {"train"}
    assert {split_of(work) for work in ["tin-orchard", "Ash", "work 4"]} == {"validation"}
    assert {split_of(work) for work in ["work 5", "Work-9 (1998)"]} == {"test"}
    shares = [split_of(f"work {number}") for number in range(2_000)]
    assert 0.09 < shares.count("test") / 2_000 < 0.15
    assert 0.09 < shares.count("validation") / 2_000 < 0.15


def test_read_works(tmp_path: Path) -> None:
    works = read_works(SAMPLES / "spoilerguard" / "works.jsonl")
    assert list(works) == ["glass-harbour", "tin-orchard"]
    assert works["glass-harbour"].title == "The Glass Harbour"
    assert works["tin-orchard"].synopsis == "It burns."
    twice = write(tmp_path / "works.jsonl", {"work": "a"}, {"work": "a"})
    with pytest.raises(DataError, match=r"works\.jsonl:2: .*second time"):
        read_works(twice)
    with pytest.raises(DataError, match=r"works\.jsonl:1: no 'work'"):
        read_works(write(tmp_path / "works.jsonl", {"title": "a"}))


# --- files -------------------------------------------------------------------------------------

ROW = b'{"text": "He leaves.", "label": 1}\n'


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_packed_files_whatever_their_name(tmp_path: Path, pack: Any) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(pack(b"\xef\xbb\xbf" + ROW))
    assert [d.source for d in load_labelled(path)] == ["data"]


def test_zstd_without_its_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    path = tmp_path / "data.jsonl.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    with pytest.raises(MissingExtra, match=r"spoilerguard\[scan\]"):
        list(load_labelled(path))


def test_zstd(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    path = tmp_path / "data.jsonl.zst"
    frames = zstandard.ZstdCompressor().compress(ROW) * 2
    path.write_bytes(frames)
    assert len(list(load_labelled(path))) == 2
    path.write_bytes(frames[: len(frames) // 2] + b"\xff" * 40)
    with pytest.raises(DataError, match=r"data\.jsonl\.zst:\d+: "):
        list(load_labelled(path))


def test_parquet(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = tmp_path / "data.parquet"
    pandas.DataFrame({"body": ["He leaves.", None, "Fine."], "spoiler": [True, False, False]}).to_parquet(path)
    assert [labels(d) for d in load_labelled(path)] == [[("He leaves.", 1, 1.0)], [("Fine.", 0, 1.0)]]
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"data\.parquet:1: not a readable Parquet file"):
        list(load_labelled(path))


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    write(tmp_path / "works.jsonl", {"work": "a"})
    (tmp_path / "README.md").write_text("not data", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / "b.jsonl", {"text": "He leaves.", "label": 1})
    write(tmp_path / "a.jsonl", {"text": "Fine.", "label": 0})
    assert [d.source for d in load_labelled(tmp_path)] == ["a", "b"]
    assert [d.source for d in load_labelled([tmp_path / "sub", str(tmp_path / "a.jsonl")])] == ["b", "a"]
    assert {d.source for d in load_labelled(tmp_path, source="mine")} == {"mine"}
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no data file in this folder"):
        list(load_labelled(tmp_path / "empty"))


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_is_read_as_json_lines_are(tmp_path: Path, indent: int | None) -> None:
    rows = [{"text": f"He leaves {name}.", "label": 1, "film": name} for name in ("Ann", "Bo")]
    (tmp_path / "l.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "l.json").write_text(json.dumps(rows, indent=indent), encoding="utf-8")
    assert list(load_labelled(tmp_path / "l.json")) == list(load_labelled(tmp_path / "l.jsonl"))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("e.jsonl", b"", r"e\.jsonl:1: the file is empty"),
        ("e.csv", b"text,label\n", r"e\.csv:1: the file is empty"),
        ("e.jsonl", ROW * 16 + b'{"text": "He\n' + ROW, r"e\.jsonl:17: not valid JSON"),
        ("e.jsonl", ROW + b"[1]\n", r"e\.jsonl:2: a JSON list"),
        (
            "e.json",
            b'[{"text": "He leaves.", "label": 1}, {"text": 5',
            r"e\.json:2: the JSON is cut off or damaged",
        ),
        ("e.json", b'[{"text": "He leaves.", "label": 1}, 7]', r"e\.json:2: a JSON int; expected an object"),
        ("e.json", b"[]", r"e\.json:1: the file is empty"),
        ("e.json", b"[1, 2]", r"e\.json:1: a JSON array without objects"),
        ("e.jsonl", b'[{"text": "a"}, 7]', r"e\.jsonl:2: a JSON int"),
        ("e.jsonl", ROW + b'{"a":' * 100_000, r"e\.jsonl:2: "),
        ("e.jsonl", ROW + b'{"text": "Caf\xe9"}\n', r"e\.jsonl:2: byte 14 of the line \(0xe9\) is not UTF-8"),
        ("e.jsonl", ROW + b'{"label": 1, "gist": "x"}\n', r"e\.jsonl:2: no text column.*label, gist"),
        (
            "e.csv",
            b"txt,label\nHe leaves.,1\n",
            r"e\.csv:2: no text column; name it with --text-column \(text_column\); .*txt, label",
        ),
        ("e.csv", b"text,lab\nHe leaves.,1\n", r"e\.csv:2: no labels recognised.*text, lab"),
        ("e.csv", b'text,label\n"a\nb",1\nfine,0,0\n', r"e\.csv:4: 3 cells, but the header has 2"),
        ("e.csv", b'text,label\n"a\nb",1\n"never closed,0\nx,1\n', r"e\.csv:4: a quote that is never closed"),
        ("e.jsonl.gz", gzip.compress(ROW * 9)[:-12], r"e\.jsonl\.gz:\d+: the compressed data is damaged"),
        ("e.jsonl.gz", gzip.compress(ROW * 9)[:-8] + bytes(8), r"e\.jsonl\.gz:\d+: the compressed data is damaged"),
        ("e.jsonl.bz2", bz2.compress(ROW)[:-9], r"e\.jsonl\.bz2:\d+: the compressed data is damaged"),
        ("e.jsonl.xz", lzma.compress(ROW)[:-9], r"e\.jsonl\.xz:\d+: the compressed data is damaged"),
        ("e.jsonl", b'{"text": {"a": 1}, "label": 1}', r"e\.jsonl:1: no text column; name it with --text-column"),
        ("e.jsonl", ROW * 2 + b'{"text": {"a": 1}, "label": 1}', r"e\.jsonl:3: text is a dict; expected a string"),
        ("e.jsonl", b'{"text": "a", "spans": [[0, 1], "x"]}', r"e\.jsonl:1: span 'x'; expected"),
    ],
    ids=count(),
)
def test_faults_name_file_line_and_remedy(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        list(load_labelled(path))
    assert str(caught.value).startswith(f"{path}:")


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    path = SAMPLES / "table" / "good-sentences.csv"
    for option in ("text_column", "label_column", "work_column"):
        with pytest.raises(
            DataError, match=rf"no column 'nope'; name it with \S+ \({option}\); there are: text, label, work"
        ):
            list(load_labelled(path, **{option: "nope"}))  # type: ignore[arg-type]


def test_files_and_formats_that_do_not_exist(tmp_path: Path) -> None:
    for name in ("none.jsonl", "none.csv", "none.parquet", "none"):
        with pytest.raises(DataError, match=rf"{name}:1: "):
            list(load_labelled(tmp_path / name))
    with pytest.raises(InputError, match="no format 'nope'; there are: spoilerguard, "):
        load_labelled(tmp_path, format="nope")


@given(st.binary(max_size=300))
def test_only_our_own_errors_leave_the_module(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".jsonl", ".csv", ".md", ""):
            path = Path(folder) / f"x{suffix}"
            path.write_bytes(data)
            for name in [None, *NAMES]:
                with contextlib.suppress(InputError, MissingExtra):
                    list(load_labelled(path, format=name))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "label", "weight"]), inner),
    max_leaves=6,
)
FIELDS = ["text", "label", "spans", "sentences", "review_sentences", "is_spoiler", "review_text", "book_id", "work"]


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1))
def test_only_our_own_errors_leave_the_module_whatever_the_record(fields: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "x.jsonl", fields)
        for name in [None, *NAMES]:
            with contextlib.suppress(DataError):
                list(load_labelled(path, format=name))


# --- streaming ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["data.jsonl", "data.csv"])
def test_the_first_document_comes_before_the_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    total, read = 5_000, 0
    lines = [ROW] * total if name.endswith("jsonl") else [b"text,label\n", *[b"He leaves.,1\n"] * total]
    (tmp_path / name).write_bytes(b"".join(lines))
    original = DataSource.lines

    def counted(source: DataSource, place: int = 0) -> Iterator[Line]:
        nonlocal read
        for line in original(source, place):
            read += 1
            yield line

    monkeypatch.setattr(DataSource, "lines", counted)
    documents = load_labelled(tmp_path / name)
    assert read == 0
    next(documents)
    assert 0 < read < total / 4
    assert sum(1 for _ in documents) == total - 1


# --- out ---------------------------------------------------------------------------------------


def test_to_frame() -> None:
    pytest.importorskip("pandas")
    frame = to_frame(load_labelled(SAMPLES / "spoilerguard" / "good.jsonl"))
    assert list(frame.columns) == [
        *("source", "document", "work", "kind", "medium", "index", "count"),
        *("text", "label", "tag", "tags", "doubt", "weight", "paragraph"),
    ]
    assert frame["paragraph"].tolist() == [True, False, True, False, True]
    assert frame["index"].tolist() == [0, 1, 2, 3, 0]
    assert frame["count"].tolist() == [4, 4, 4, 4, 1]
    assert not frame["text"].str.startswith("\n").any()
    assert frame["label"].tolist() == [0, 0, 1, 0, 1]
    empty = to_frame([])
    assert list(empty.columns) == list(frame.columns)
    assert (empty.dtypes["label"], empty.dtypes["weight"]) == (frame.dtypes["label"], frame.dtypes["weight"])


@pytest.mark.parametrize("path", GOOD, ids=relative)
def test_written_documents_read_back_the_same(tmp_path: Path, path: Path) -> None:
    documents = list(load_labelled(path))
    assert write_jsonl(documents, tmp_path / "out.jsonl") == len(documents)
    assert list(load_labelled(tmp_path / "out.jsonl")) == documents
    assert [file.name for file in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_failed_conversion_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(DataError):
        write_jsonl(load_labelled(SAMPLES / "table" / "bad-line-4.csv"), target)
    assert target.read_text(encoding="utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.jsonl"]
    with pytest.raises(InputError, match="cannot be written"):
        write_jsonl([], tmp_path / "no" / "out.jsonl")


def test_half_a_character_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"text": "He leaves \\ud83d.", "label": 1}\n')
    documents = list(load_labelled(path))
    assert documents[0].sentences[0].text == "He leaves \ufffd."
    write_jsonl(documents, tmp_path / "out.jsonl")


def test_the_text_of_a_document_is_its_sentences() -> None:
    first, _ = load_labelled(SAMPLES / "spoilerguard" / "good.jsonl")
    assert first.text.startswith("I read it on the ferry. SPOILERS AHEAD! \n\nThe harbour master")


# --- hostile files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "unit", "says"),
    [
        ("t.jsonl.gz", b" ", r"t\.jsonl\.gz:2: a record of more than 1,000,000 bytes; split it"),
        ("t.csv.gz", b"a", r"t\.csv\.gz:2: a record of more than 1,000,000 bytes; split it"),
        ("t.md.gz", b"a\n", r"t\.md\.gz:\d+: a text of more than 1,000,000 characters; split it"),
    ],
)
def test_a_bomb_is_refused_in_constant_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, unit: bytes, says: str
) -> None:
    monkeypatch.setattr("spoilerguard.datasets.records.MAX_RECORD_BYTES", 1_000_000)
    first = {"t.jsonl.gz": b'{"text": "Fine.", "label": 0}\n', "t.csv.gz": b"text,label\n", "t.md.gz": b""}[name]
    path = tmp_path / name
    path.write_bytes(gzip.compress(first + unit * (32 << 20)))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(DataError, match=says):
        list(load_labelled(path, format="marked" if name == "t.md.gz" else "table", level="sentence"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 << 20


def test_many_rows_stream_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "Fine.", "label": 0}\n' * 100_000))
    tracemalloc.start()
    assert sum(1 for _ in read_records(path)) == 100_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 21  # the head of the file, by which its format is recognised


def test_a_quote_that_is_never_closed_is_reported_where_it_opens(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('text,label\n"open,1\n' + "fine,0\n" * 30_000, encoding="utf-8")
    with pytest.raises(DataError, match=r"t\.csv:2: a quote that is never closed"):
        list(load_labelled(path, level="sentence"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.jsonl")
    for path in (tmp_path / "t.jsonl", Path(os.devnull)):
        with pytest.raises(DataError, match="not a regular file; save the stream to a file"):
            list(load_labelled(path))
