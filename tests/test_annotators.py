"""Exports of annotation tools: what each answer means, other names of labels, and what is an error and no label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from commands import invoke
from hypothesis import given
from hypothesis import strategies as st
import pytest

from spoilerguard.datasets import load_labelled
from spoilerguard.datasets.annotators import span_of
from spoilerguard.datasets.records import Record
from spoilerguard.errors import DataError

SAMPLES = Path(__file__).parent / "data" / "labelled"
SPOILER, PRAISE = "The ferryman is her brother.", "The prose is a delight."


def labels(path: Path, **options: Any) -> list[tuple[str, int]]:
    return [(s.text.strip(), s.label) for document in load_labelled(path, **options) for s in document.sentences]


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def fault(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        list(load_labelled(path, **options))
    return str(caught.value)


# --- Prodigy -----------------------------------------------------------------------------------


def test_a_rejected_label_is_the_other_one_and_an_ignored_text_is_left_out() -> None:
    assert labels(SAMPLES / "prodigy" / "good-textcat.jsonl") == [(SPOILER, 1), (PRAISE, 0)]


def test_an_option_is_a_label_and_no_option_is_none() -> None:
    assert labels(SAMPLES / "prodigy" / "good-choice.jsonl") == [(SPOILER, 1), (PRAISE, 0)]


def test_rejected_spans_say_nothing_and_accepted_ones_without_a_range_are_harmless() -> None:
    found = labels(SAMPLES / "prodigy" / "good-spans.jsonl")
    assert [label for _, label in found] == [0, 1, 0, 0]
    assert found[-1] == ("A lovely map comes with it.", 0)


def test_a_rejected_harmless_label_does_not_make_a_spoiler(tmp_path: Path) -> None:
    rows = [{"text": PRAISE, "label": name, "answer": answer} for name, answer in (("ok", "reject"), ("bad", "accept"))]
    assert labels(written(tmp_path / "p.jsonl", *rows), positive=["bad"]) == [(PRAISE, 1)]


@pytest.mark.parametrize("answer", ["accepted", "", None, True])
def test_an_unknown_answer_is_an_error(answer: Any, tmp_path: Path) -> None:
    rows = [{"text": PRAISE, "label": "SPOILER", "answer": a} for a in ("accept", answer)]
    path = written(tmp_path / "p.jsonl", *rows)
    assert fault(path).startswith(f"{path}:2: unknown answer {answer!r}; expected accept, reject, ignore")


# --- doccano and Label Studio --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["good-sequence", "good-relations"])
def test_ranges_of_doccano(name: str) -> None:
    found = labels(SAMPLES / "doccano" / f"{name}.jsonl")
    assert found[:3] == [("I adored the prologue.", 0), ("The captain is the thief.", 1), ("Go and read it.", 0)]


def test_a_text_that_nobody_classified_has_no_label() -> None:
    assert labels(SAMPLES / "doccano" / "good-classification.jsonl") == [(SPOILER, 1), (PRAISE, 0)]
    assert labels(SAMPLES / "label-studio" / "good-choices.json") == [(SPOILER, 1), (PRAISE, 0)]


def test_offsets_of_a_browser_count_an_emoji_twice() -> None:
    found = labels(SAMPLES / "label-studio" / "good-spans.json")
    assert [text for text, label in found if label] == ["The captain is the thief."] * 2
    assert ("Nothing to hide here.", 0) in found
    assert not any("Left out" in text for text, _ in found)


def test_the_works_and_weights_of_label_studio() -> None:
    first, *_ = load_labelled(SAMPLES / "label-studio" / "good-spans.json")
    assert (first.work, first.id) == ("Salt Road", "1")
    assert {sentence.weight for sentence in first.sentences} == {1.0}


def test_json_min_has_the_same_labels() -> None:
    assert labels(SAMPLES / "label-studio-min" / "good-choices.json") == [(SPOILER, 1), (PRAISE, 0)]
    found = labels(SAMPLES / "label-studio-min" / "good-spans.json")
    assert [label for _, label in found] == [0, 1, 0, 0]


@given(st.text(max_size=30), st.text(min_size=1, max_size=10), st.text(max_size=5))
def test_a_span_is_found_whether_it_counts_code_points_or_utf16(before: str, inside: str, after: str) -> None:
    record, text = Record(Path("t.json"), 1, {}), before + inside + after
    span = (len(before), len(before) + len(inside))
    units = tuple(len(text[:at].encode("utf-16-le", "surrogatepass")) // 2 for at in span)
    for start, end in (span, units):
        (first, last), names = span_of(record, {"start": start, "end": end, "text": inside, "labels": ["X"]}, text)
        assert text[first:last] == inside
        assert names == ["X"]


def test_a_span_that_does_not_hold_its_text_is_an_error() -> None:
    with pytest.raises(DataError, match=r"t\.json:3: span .* does not hold the text that it names"):
        span_of(Record(Path("t.json"), 3, {}), {"start": 0, "end": 3, "text": "fox"}, "The cat.")


# --- what the tools themselves wrote ---------------------------------------------------------------

# Texts imported into doccano 1.8.4 and Label Studio 1.23.2, annotated through their interfaces and exported: with
# the labels `spoiler` and `ok` or `character`, and Label Studio's offsets as a browser counts them.
EXPORTED = sorted(SAMPLES.glob("*/exported-*"))
CAPTAIN = "The captain is the thief."


def test_every_tool_that_was_run_has_its_exports() -> None:
    assert {path.parent.name for path in EXPORTED} == {"doccano", "label-studio", "label-studio-min"}


@pytest.mark.parametrize("path", EXPORTED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_export_has_the_labels_that_were_given(path: Path) -> None:
    found = labels(path, positive=["spoiler"])
    if path.stem.startswith(("exported-choices", "exported-classes")):
        assert [label for _, label in found] == [1, 1, 0]
        assert all(CAPTAIN in text for text, _ in found[:2])
    else:
        assert [text for text, label in found if label] == [CAPTAIN] * 2
        assert [text for text, label in found if not label][:4] == [
            "I adored the prologue.", "Go and read it.", "Ghosts \U0001f47b and all!", "A lovely map.",
        ]  # fmt: skip
    assert not any("Left out" in text for text, _ in found)


@pytest.mark.parametrize("path", [path for path in EXPORTED if "min" in path.parent.name and "choices" in path.name])
def test_an_answer_that_is_not_recognised_is_asked_for(path: Path) -> None:
    assert "no field is recognised as the answer; expected one: name it with --label-column" in fault(path)
    assert "unknown label 'ok'" in fault(path, label_column="spoils")
    assert len(labels(path, label_column="spoils", positive=["spoiler"])) == 3


def test_ranges_without_their_text_may_count_as_a_browser_does(tmp_path: Path) -> None:
    ghosts = 29 * "\U0001f47b"
    text = f"{ghosts} Oh. {CAPTAIN} {PRAISE} It is a very short book, with a map."
    start = text.index(CAPTAIN)
    spans = [[start, start + len(CAPTAIN), "spoiler"], [start + 29, start + 29 + len(CAPTAIN), "spoiler"]]
    for span in spans:
        found = labels(written(tmp_path / "d.jsonl", {"id": 1, "text": text, "label": [span]}))
        assert [text for text, label in found if label] == [CAPTAIN]


def test_doccano_does_not_tell_what_is_harmless_from_what_nobody_has_read() -> None:
    told: list[str] = []
    list(load_labelled(SAMPLES / "doccano" / "exported-ranges.jsonl", positive=["spoiler"], notice=told.append))
    list(load_labelled(SAMPLES / "doccano" / "exported-classes.jsonl", positive=["spoiler"], notice=told.append))
    assert ["export only approved ones" in line for line in told] == [True, False]


def test_a_file_without_a_label_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "p.jsonl", {"text": PRAISE, "label": "SPOILER", "answer": "ignore"})
    assert fault(path) == f"{path}:1: no labelled text (read as prodigy); expected one at least"


# --- brat --------------------------------------------------------------------------------------


def test_brat_needs_its_text(tmp_path: Path) -> None:
    path = tmp_path / "post.ann"
    path.write_text("T1\tSPOILER 0 3\tThe\n", encoding="utf-8")
    assert "the text in post.txt cannot be read" in fault(path)
    (tmp_path / "post.txt").write_text("The end. A map.", encoding="utf-8")
    assert labels(tmp_path) == [("The end.", 0), ("A map.", 0)]  # less than half of the sentence


# --- names of labels -----------------------------------------------------------------------------


def test_other_names_are_given_with_positive(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(f"text,label\n{SPOILER},Gives_away\n{PRAISE},ok\n", encoding="utf-8")
    assert fault(table).startswith(f"{table}:2: unknown label 'Gives_away'; expected 0 or 1")
    assert labels(table, positive=["gives_away"]) == [(SPOILER, 1), (PRAISE, 0)]
    assert fault(table, positive=["givesaway"]).startswith(
        f"{table}:3: no label 'givesaway' in the whole file; there are:"
    )


def test_convert_takes_positive(tmp_path: Path) -> None:
    rows = [{"id": k, "text": t, "label": [name]} for k, (t, name) in enumerate([(SPOILER, "spoils"), (PRAISE, "ok")])]
    path, out = written(tmp_path / "d.jsonl", *rows), tmp_path / "out.jsonl"
    refused = invoke("convert", path, "-o", out)
    assert refused.exit_code == 2
    assert f"{path}:1: unknown label 'spoils'" in refused.stderr
    assert "--positive" in refused.stderr
    assert invoke("convert", path, "-o", out, "--positive", "spoils").exit_code == 0
    assert labels(out) == [(SPOILER, 1), (PRAISE, 0)]


def test_a_file_with_two_answers_asks_which_one_counts(tmp_path: Path) -> None:
    row = {"text": PRAISE, "annotator": 1, "annotation_id": 2, "a": {"choices": ["spoiler"]}, "b": {"choices": ["0"]}}
    path = written(tmp_path / "m.jsonl", row)
    assert "several fields may be the answer; expected one: name it with --label-column" in fault(path)
    assert labels(path, label_column="b") == [(PRAISE, 0)]
