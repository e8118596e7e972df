"""The language of a text: which languages are recognised, which texts are left alone, and what the report says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

import spoilerguard as sg
from spoilerguard.text.language import NAMES, SCRIPTS, guess, table

LINES = (Path(__file__).parent / "data" / "languages.jsonl").read_text(encoding="utf-8").splitlines()
ROWS = [json.loads(line) for line in LINES]
FOREIGN = [row for row in ROWS if row["language"] != "en"]
ENGLISH = [row["text"] for row in ROWS if row["language"] == "en"]
FRENCH = "J'ai adoré ce film du début à la fin. Le héros meurt à la dernière page, tué par son propre frère."
SPOILER = "The twist is that the butler was the killer all along, and she dies in the end of the book."

# --- the guess --------------------------------------------------------------------------------


def test_other_languages_are_recognised() -> None:
    wrong = [(row["language"], guess(row["text"])) for row in FOREIGN if guess(row["text"]) != row["language"]]
    assert len(wrong) <= 0.03 * len(FOREIGN), wrong
    unnoticed = [language for language, guessed in wrong if guessed in (None, "en")]
    assert len(unnoticed) <= 0.02 * len(FOREIGN), unnoticed


@pytest.mark.parametrize("text", ENGLISH, ids=lambda text: text[:30])
def test_english_stays_english(text: str) -> None:
    """Among these are lists of foreign titles, foreign quotations, capitals, leetspeak, slang, names and code."""
    assert guess(text) in ("en", None)


@pytest.mark.parametrize("text", ["", "Ja.", "C'est la vie!", "Muy buena la película", "Отлично!", "好看", " " * 500])
def test_short_texts_are_not_guessed(text: str) -> None:
    assert guess(text) is None


def test_plain_english_is_recognised() -> None:
    assert guess(SPOILER) == "en"
    assert guess(SPOILER.upper()) == "en"


def test_capitals_change_nothing() -> None:
    assert guess(FRENCH.upper()) == "fr"


def test_blanks_do_not_count() -> None:
    assert guess(FRENCH.replace(" ", " " * 40)) == "fr"


def test_every_language_has_a_name_and_every_script_its_languages_in_the_table() -> None:
    assert set(table().languages) <= set(NAMES)
    for codes in SCRIPTS.values():
        assert set(codes) <= set(NAMES)
        assert len(codes) == 1 or set(codes) <= set(table().languages)


@settings(max_examples=200)
@given(st.text(max_size=200) | st.lists(st.sampled_from([r["text"] for r in ROWS]), max_size=3).map("\n".join))
def test_any_text_has_one_guess(text: str) -> None:
    code = guess(text)
    assert code is None or code in NAMES
    assert guess(text) == code


# --- the report -------------------------------------------------------------------------------


def test_a_text_in_another_language_has_no_flags_and_a_notice(small: sg.Guard) -> None:
    report = small.flag(FRENCH, threshold=0)
    assert (report.language, report.checked, report.flags) == ("fr", False, ())
    assert [sentence.score for sentence in report.sentences] == [0.0, 0.0]
    [notice] = report.to_dict()["notices"]
    assert notice["message"].startswith("this text looks like French (fr) and was not checked")
    assert "--any-language" in notice["message"]
    assert report.blur("redact") == FRENCH


def test_any_language_checks_it_anyway(small: sg.Guard) -> None:
    report = small.flag(FRENCH, threshold=0, any_language=True)
    assert (report.language, report.checked, report.notices) == ("fr", True, ())
    assert len(report.flags) == 2
    assert small.blur(FRENCH, format="text", threshold=0, any_language=True) != FRENCH


def test_the_other_texts_of_a_batch_are_scored_as_usual(small: sg.Guard) -> None:
    mixed = list(small.flag_many([SPOILER, FRENCH, "Short.", FRENCH, SPOILER], threshold=0))
    assert [report.language for report in mixed] == ["en", "fr", None, "fr", "en"]
    assert mixed[0].flags == mixed[4].flags == small.flag(SPOILER, threshold=0).flags != ()
    assert [len(report) for report in mixed[1:4]] == [0, 1, 0]
    every = list(small.flag_many([FRENCH, FRENCH], threshold=0, any_language=True))
    assert [len(report) for report in every] == [2, 2]


def test_a_frame_too(small: sg.Guard) -> None:
    import pandas as pd

    frame = pd.DataFrame({"body": [FRENCH, SPOILER]})
    found = small.flag_frame(frame, threshold=0)
    assert (found.spoiler.tolist(), found.spoiler_score[0]) == ([False, True], 0.0)
    assert small.flag_frame(frame, threshold=0, any_language=True).spoiler.tolist() == [True, True]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([row["text"] for row in ROWS]), min_size=1, max_size=3).map("\n\n".join))
def test_the_language_changes_no_offset_and_no_other_field(small: sg.Guard, text: str) -> None:
    asked, forced = small.flag(text, threshold=0.5), small.flag(text, threshold=0.5, any_language=True)
    assert asked.document == forced.document
    assert asked.language == forced.language
    assert [s[:3] for s in asked.sentences] == [s[:3] for s in forced.sentences]
    if asked.checked:
        assert asked == forced


def test_flags_in_other_languages_have_the_right_offsets(small: sg.Guard) -> None:
    for row in FOREIGN[::12]:
        for flag in small.flag(row["text"], threshold=0, any_language=True):
            assert row["text"][flag.start : flag.end] == flag.text


# --- the commands -----------------------------------------------------------------------------


def test_check_prints_the_notice_and_gives_the_language_in_json(cli: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "avis.md"
    path.write_text(FRENCH, encoding="utf-8")
    ran = cli("check", str(path), "--threshold", "0", "--format", "json")
    [file] = json.loads(ran.out)["files"]
    assert (ran.status, file["language"], file["flags"]) == (0, "fr", [])
    assert "avis.md:1:1: this text looks like French (fr)" in ran.err
    ran = cli("check", str(path), "--threshold", "0", "--format", "json", "--any-language")
    [file] = json.loads(ran.out)["files"]
    assert (ran.status, file["language"], len(file["flags"]), file["notices"]) == (1, "fr", 2, [])


def test_blur_and_preview_show_the_notice(cli: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "avis.txt"
    path.write_text(FRENCH, encoding="utf-8")
    ran = cli("blur", str(path), "--threshold", "0")
    assert ran.out == FRENCH
    assert "this text looks like French (fr)" in ran.err
    assert cli("blur", str(path), "--threshold", "0", "--any-language").out != FRENCH
    assert "this text looks like French (fr)" in cli("preview", str(path)).out
    assert "this text looks like French (fr)" not in cli("preview", str(path), "--any-language").out


def test_scan_records_in_other_languages_have_no_flags(cli: Callable[..., Any], tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"id": "1", "text": FRENCH}, {"id": "2", "text": SPOILER}]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found: dict[bool, list[dict[str, Any]]] = defaultdict(list)
    for forced in (False, True):
        options = ["--any-language"] * forced
        assert cli("scan", str(source), "-o", str(out), "--threshold", "0", "--force", *options).status == 0
        found[forced] = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert (found[False][0]["spoiler_score"], found[False][0]["spoiler"], found[False][0]["flags"]) == (0, False, [])
    assert found[True][0]["flags"]
    assert found[False][1] == found[True][1]
