"""Decisions of a project: where they hold, how they are kept, and that every command obeys them."""

from __future__ import annotations

import json
import os
from pathlib import Path
import tempfile

from commands import Cli
from hypothesis import given
from hypothesis import strategies as st
import pytest
from texts import HARMLESS, REVIEW, SPOILERS

import spoilerguard as sg
from spoilerguard.drafts.decisions import (
    FILE,
    Decided,
    Decisions,
    Key,
    keys_of,
    obey,
    read_decisions,
    record,
    store_for,
)
from spoilerguard.drafts.edited import ReportFile
from spoilerguard.errors import InputError
from spoilerguard.printing import Outcome, results
from spoilerguard.text.reading import read

WORDS = st.sampled_from("He She Tom leaves stays knows the secret at last".split())
SENTENCES = st.lists(st.lists(WORDS, min_size=3, max_size=6).map(" ".join), min_size=1, max_size=6)


def keys(source: str, format: str = "markdown") -> list[Key]:
    return list(keys_of(read(source, format)).values())


def decided(key: Key, decision: str | None, file: str = "draft.md", text: str = "") -> Decided:
    return Decided(key, decision, file, text)  # type: ignore[arg-type]


# --- where a decision holds ---------------------------------------------------------------------

DRAFT = "The harbour is cold. He dies. The maps are fine."


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        (DRAFT, True),
        ("*The harbour* is cold.\n\nHe dies!\n\nThe maps are fine.", True),
        ("Fog. The harbour is cold. He dies. Something new.", True),
        ("A new start. He dies. The maps are fine.", True),
        ("A new start. He dies. Something new.", False),
        ("The harbour is cold. He lives. The maps are fine.", False),
        ("He dies.", False),
    ],
)
def test_a_decision_holds_beside_a_neighbour_and_nowhere_else(source: str, holds: bool) -> None:
    decisions = Decisions("d", (decided(keys(DRAFT)[1], "show"),))
    found = [decisions.find(key) for key in keys(source)]
    assert found.count("show") == holds
    assert len(found) - found.count(None) == holds


def test_the_edge_of_a_text_is_no_neighbour() -> None:
    decisions = Decisions("d", (decided(keys("He dies. Fog.")[0], "show"),))
    assert decisions.find(keys("He dies. Rain.")[0]) is None
    alone = Decisions("d", (decided(keys("He dies.")[0], "show"),))
    assert alone.find(keys("He dies.")[0]) == "show"


@given(SENTENCES, st.data())
def test_hiding_a_sentence_changes_no_other_key(words: list[str], data: st.DataObject) -> None:
    source = "\n\n".join(f"{text.capitalize()}." for text in words)
    before = keys(source)
    hidden = data.draw(st.integers(0, len(words) - 1))
    parts = source.split("\n\n")
    parts[hidden] = f">!{parts[hidden]}!<"
    assert keys("\n\n".join(parts)) == [*before[:hidden], *before[hidden + 1 :]]


def test_the_closest_and_then_the_last_decision_counts() -> None:
    key = keys(DRAFT)[1]
    near = key._replace(after="0" * 16)
    assert Decisions("d", (decided(key, "show"), decided(near, "hide"))).find(key) == "show"
    assert Decisions("d", (decided(key, "show"), decided(key, "hide"))).find(key) == "hide"


# --- the file -----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["hide", "show", None])), max_size=12))
def test_what_is_recorded_is_read_and_the_last_decision_stays(made: list[tuple[int, str | None]]) -> None:
    names = [Key(f"{n:016x}", "", f"{n + 1:016x}") for n in range(5)]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, FILE)
        for number, decision in made:
            record(path, [decided(names[number], decision, os.path.join(folder, "a.md"))])
        expected = {names[number]: decision for number, decision in made}
        lines = read_decisions(path).lines if os.path.exists(path) else ()
        assert {line.key: line.decision for line in lines} == {k: v for k, v in expected.items() if v}
        assert {line.file for line in lines} <= {"a.md"}


def test_recording_the_same_again_changes_no_byte_and_keeps_the_text(tmp_path: Path) -> None:
    path, key = str(tmp_path / FILE), Key("1" * 16, "", "2" * 16)
    draft = str(tmp_path / "posts" / "a.md")
    assert record(path, [decided(key, "hide", draft, "He dies.")]) == 1
    before = Path(path).read_bytes()
    assert record(path, [decided(key, "hide", draft)]) == 0
    assert Path(path).read_bytes() == before
    assert json.loads(before) == {
        "sentence": "1" * 16, "before": "", "after": "2" * 16, "decision": "hide", "file": "posts/a.md",
        "text": "He dies.",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line", ["{", "[]", "{}", '{"sentence": "He dies.", "before": "", "after": "", "decision": "hide", "file": "a"}',
             '{"sentence": "0123456789abcdef", "before": "", "after": "", "decision": null, "file": "a"}'],
)  # fmt: skip
def test_a_line_that_is_no_decision_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"decisions\.jsonl:2: not a decision; remove the line"):
        read_decisions(str(path))


def test_the_nearest_file_is_used_and_a_new_one_is_at_the_top_of_the_project(tmp_path: Path) -> None:
    draft = tmp_path / "blog" / "posts" / "a.md"
    draft.parent.mkdir(parents=True)
    assert store_for(str(draft)) == str(draft.parent / FILE)
    assert store_for(str(draft), str(tmp_path / "blog")) == str(tmp_path / "blog" / FILE)
    (tmp_path / ".git").mkdir()
    assert store_for(str(draft)) == str(tmp_path / FILE)
    record(str(tmp_path / "blog" / FILE), [decided(Key("1" * 16, "", ""), "show", str(draft))])
    assert store_for(str(draft)) == str(tmp_path / "blog" / FILE)


# --- what is decided about a draft --------------------------------------------------------------


def test_decisions_take_flags_away_and_add_others(fast: sg.Guard) -> None:
    report = fast.flag(REVIEW, format="markdown")
    of = dict(zip((s.start for s in report.sentences), keys(REVIEW), strict=True))
    flag = report.flags[0]
    other = next(s for s in report.sentences if s.text == HARMLESS[1])
    lines = (decided(of[flag.start], "show"), decided(of[other.start], "hide"))
    obeyed = obey(report, fast, Decisions("d", lines))
    assert [f.text for f in obeyed.report] == [HARMLESS[1], *(f.text for f in report.flags[1:])]
    assert flag in obeyed.near
    assert obeyed.decisions == {flag.start: "show", other.start: "hide"}
    assert obeyed.report.flags[0].reasons
    assert obey(report, fast, None).report is report


def test_near_misses_have_half_the_threshold(fast: sg.Guard) -> None:
    report = fast.flag(REVIEW, format="markdown", threshold=0.9)
    near = obey(report, fast, None).near
    assert [f.start for f in near] == [s.start for s in report.sentences if 0.45 <= s.score < 0.9]


@pytest.mark.parametrize("decision", ["hide", "show", None])
@pytest.mark.parametrize("where", ["flags", "near_misses"])
def test_a_saved_report_hides_what_was_decided(fast: sg.Guard, where: str, decision: str | None) -> None:
    scores = sorted(sentence.score for sentence in fast.flag(REVIEW, format="markdown").sentences)
    report = fast.flag(REVIEW, format="markdown", threshold=scores[-1])  # one flag, and some near misses
    near = obey(report, fast, None).near
    assert near
    entry = results([Outcome("a.md", report, near=near)], report.threshold, report.model)["files"][0]
    entry[where][0]["decision"] = decision
    hidden = {flag["start"] for flag in entry["flags"]}
    changed = {entry[where][0]["start"]} if decision else set()
    expected = hidden | changed if decision == "hide" else hidden - changed
    assert {span.start for span in ReportFile("r.json", entry).ranges(REVIEW)} == expected


# --- the commands -------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "a.md").write_text(REVIEW, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def decide(cli: Cli, *options: str, **decisions: str) -> None:
    """Decide about sentences of posts/a.md, by a word in each, as one does in an edited report."""
    made = json.loads(cli("check", "posts/a.md", "--format", "json", "--exit-zero", "--no-decisions", "-q").out)
    (file,) = made["files"]
    for word, decision in decisions.items():
        found = [entry for entry in (*file["flags"], *file["near_misses"]) if word in entry["text"]]
        if not found:
            start = REVIEW.index(next(text for text in HARMLESS if word in text))
            text = next(text for text in HARMLESS if word in text)
            found = [{"start": start, "end": start + len(text), "text": text}]
            file["near_misses"] += found
        found[0]["decision"] = decision
    Path("decisions.json").write_text(json.dumps(made), encoding="utf-8")
    ran = cli("decide", "decisions.json", *options)
    assert (ran.status, ran.err) == (0, f"spoilerguard: {len(decisions)} decisions kept in {FILE}\n")


def test_check_blur_and_preview_obey_what_was_decided(cli: Cli, project: Path) -> None:
    decide(cli, doctor="show", superb="hide")
    assert "doctor" not in Path(FILE).read_text(encoding="utf-8")
    ran = cli("check", "posts/a.md", "--format", "json")
    (file,) = json.loads(ran.out)["files"]
    by_text = {entry["text"]: entry["decision"] for entry in (*file["flags"], *file["near_misses"])}
    assert by_text[SPOILERS[2]] == "show"
    assert by_text[HARMLESS[2]] == "hide"
    assert SPOILERS[2] not in [flag["text"] for flag in file["flags"]]
    assert HARMLESS[2] in [flag["text"] for flag in file["flags"]]
    assert "1 sentence left out, because you decided to show it" in ran.err
    found = [line for line in cli("check", "posts/a.md").out.splitlines() if line.startswith("posts/a.md")]
    assert sum(line.endswith(", as you decided") for line in found) == 1 < len(found)
    blurred = cli("blur", "posts/a.md", "--style", "reddit").out
    assert f">!{HARMLESS[2]}!<" in blurred
    assert f" {SPOILERS[2]} " in blurred
    assert cli("blur", "posts/a.md", "--style", "reddit", "--from-json", "decisions.json").out == blurred
    page = cli("preview", "posts/a.md").out
    assert sorted(json.loads(page.split('id="data">')[1].split("</script>")[0])["decisions"].values()) == [
        "hide",
        "show",
    ]
    bare = cli("check", "posts/a.md", "--format", "json", "--no-decisions")
    assert SPOILERS[2] in [flag["text"] for flag in json.loads(bare.out)["files"][0]["flags"]]


def test_what_was_decided_to_be_hidden_fails_a_run_however_unlikely_it_is(cli: Cli, project: Path) -> None:
    Path("posts/a.md").write_text(" ".join(HARMLESS), encoding="utf-8")
    assert cli("check", "posts/a.md", "--fail-on", "0.99").status == 0
    made = json.loads(cli("check", "posts/a.md", "--format", "json").out)
    text = HARMLESS[2]
    start = " ".join(HARMLESS).index(text)
    made["files"][0]["near_misses"] = [{"start": start, "end": start + len(text), "text": text, "decision": "hide"}]
    Path("decisions.json").write_text(json.dumps(made), encoding="utf-8")
    assert cli("decide", "decisions.json").status == 0
    assert cli("check", "posts/a.md", "--fail-on", "0.99").status == 1
    assert cli("check", "posts/a.md", "--exit-zero").status == 0


def test_the_text_is_kept_only_on_request(cli: Cli, project: Path) -> None:
    decide(cli, "--keep-text", doctor="show", superb="hide")
    assert {line.text for line in read_decisions(FILE).lines} == {SPOILERS[2], HARMLESS[2]}
    Path(FILE).unlink()
    Path(".spoilerguard.toml").write_text("keep-text = true\n", encoding="utf-8")
    decide(cli, doctor="show", superb="hide")
    assert {line.text for line in read_decisions(FILE).lines} == {SPOILERS[2], HARMLESS[2]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, 'decisions.json: no decisions; set "decision" to "hide"'),
        ({"decision": "maybe"}, "decisions.json: flag 1 of posts/a.md: decision 'maybe'; write"),
        ({"decision": "hide", "text": "other"}, "decisions.json: flag 1 of posts/a.md: the text at"),
    ],
)
def test_what_cannot_be_kept_is_refused(cli: Cli, project: Path, change: dict[str, str], message: str) -> None:
    made = json.loads(cli("check", "posts/a.md", "--format", "json").out)
    made["files"][0]["flags"][0].update(change)
    Path("decisions.json").write_text(json.dumps(made), encoding="utf-8")
    ran = cli("decide", "decisions.json")
    assert ran.status == 2
    assert ran.err.startswith(f"spoilerguard: {message}")
    assert not Path(FILE).exists()


def test_decisions_that_cannot_be_read_are_an_error_of_every_command(cli: Cli, project: Path) -> None:
    Path(FILE).parent.mkdir()
    Path(FILE).write_text("no\n", encoding="utf-8")
    for command in ("check", "blur", "preview"):
        ran = cli(command, "posts/a.md")
        assert ran.status == 2
        assert "decisions.jsonl:1: not a decision" in ran.err


def test_no_output_replaces_the_decisions(cli: Cli, project: Path) -> None:
    decide(cli, doctor="show", superb="hide")
    before = Path(FILE).read_bytes()
    for command in ("check", "blur", "preview"):
        assert cli(command, "posts/a.md", "-o", FILE).status == 2
    assert Path(FILE).read_bytes() == before
