"""Each draft knows its work: front matter, a works file, and what wins over what."""

from __future__ import annotations

import json
from pathlib import Path

from commands import Cli
from hypothesis import given
from hypothesis import strategies as st
import pytest
from texts import CLEAN, SPOILERS

from spoilerguard.drafts.about import about, read_front_matter, read_library
from spoilerguard.errors import InputError
from spoilerguard.spans import Work

DIABOLIQUES = Work("Les Diaboliques", "A wife and a mistress plan a murder.", "The husband is alive.")
ORCHARD = Work("The Glass Orchard", "Nora finds letters.", "The insurance man is his son.")


@pytest.fixture
def works(tmp_path: Path) -> str:
    path = tmp_path / "works.jsonl"
    rows = [
        {"work": name, "title": w.title, "blurb": w.blurb, "synopsis": w.synopsis}
        for name, w in (("les-diaboliques", DIABOLIQUES), ("orchard", ORCHARD))
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


FORMS = {
    "yaml": '---\ntitle: "A night out"\nspoilerguard: {work: les-diaboliques, sensitivity: high}\n---\n\nText.',
    "yaml block": "---\nspoilerguard:\n  work: les-diaboliques\n  sensitivity: high\n---\nText.",
    "toml": '+++\ntitle = "A night out"\n[spoilerguard]\nwork = "les-diaboliques"\nsensitivity = "high"\n+++\nText.',
    "json": '{\n"title": "A",\n"spoilerguard": {"work": "les-diaboliques", "sensitivity": "high"}\n}\n\nText.',
    "json on a line": '{"title": "A", "spoilerguard": {"work": "les-diaboliques", "sensitivity": "high"}}\nText.',
    "json in fences": '---json\n{"spoilerguard": {"work": "les-diaboliques", "sensitivity": "high"}}\n---\nText.',
    "hexo": "title: A\nspoilerguard: {work: les-diaboliques, sensitivity: high}\n---\nText.",
    "hexo json": '"title": "A",\n"spoilerguard": {"work": "les-diaboliques", "sensitivity": "high"}\n;;;\nText.',
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_front_matter_names_work_and_sensitivity(text: str, works: str) -> None:
    found = about(text, "d.md", works=works)
    assert found == (DIABOLIQUES, "high", None)
    assert about("\ufeff" + text, "d.md", works=works) == found


@pytest.mark.parametrize(
    "title",
    [
        "Les Diaboliques",
        "Review: Les Diaboliques (1955)",
        "Les diaboliques — a film review",
        "My thoughts on Les Diaboliques",
    ],
)
def test_a_title_that_the_works_file_knows(title: str, works: str) -> None:
    assert about(f'---\ntitle: "{title}"\n---\nText.', "d.md", works=works).work == DIABOLIQUES
    assert about("Text.", "d.md", works=works, title=title).work == DIABOLIQUES


@pytest.mark.parametrize("title", ["Les Diaboliques and me", "Something else", ""])
def test_another_title_is_no_work(title: str, works: str) -> None:
    assert about(f'---\ntitle: "{title}"\n---\nText.', "d.md", works=works).work is None


def test_a_title_of_two_works_is_neither(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("work,title,blurb\na,Dune,one\nb,Dune,two\n", encoding="utf-8")
    assert about("---\ntitle: Dune\n---\nText.", "d.md", works=str(path)).work is None
    assert about("---\nspoilerguard: {work: b}\n---\nText.", "d.md", works=str(path)).work == Work("Dune", "two")


def test_the_command_line_wins_over_the_draft_and_the_draft_over_the_settings(works: str) -> None:
    text = FORMS["yaml"]
    assert about(text, "d", works=works, title="Up", sensitivity="low", threshold=0.9) == (DIABOLIQUES, "high", None)
    typed = {"title", "threshold"}
    assert about(text, "d", works=works, title="Up", threshold=0.9, typed=typed) == (Work("Up"), "medium", 0.9)


def test_without_a_works_file_the_work_is_a_title() -> None:
    assert about(FORMS["yaml"], "d.md").work == Work("les-diaboliques")


@pytest.mark.parametrize(
    ("matter", "message"),
    [
        ("spoilerguard: {model: ./evil}", "cannot set 'model'; it can set work and sensitivity"),
        ("spoilerguard: {blurb: /etc/passwd}", "cannot set 'blurb'"),
        ("spoilerguard: {threshold: 0.9}", "cannot set 'threshold'"),
        ("spoilerguard: {sensitivity: huge}", "has sensitivity 'huge'; choose from low, medium, high"),
        ("spoilerguard: high", "must be a table"),
        ("spoilerguard: {work: [a]}", "needs a name for work"),
        ("spoilerguard: {work: !!python/object:os.system x}", "cannot be read"),
        ("spoilerguard: {work: les-diabolique}", "is not in .*works.jsonl; did you mean 'les-diaboliques'"),
    ],
)
def test_front_matter_may_be_a_strangers(matter: str, message: str, works: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        about(f"---\ntitle: x\n{matter}\n---\nText.", "posts/d.md", works=works)
    assert str(caught.value).startswith("posts/d.md:")


def test_front_matter_that_is_not_ours_is_left_alone(works: str) -> None:
    broken = "---\ntitle: {{ page.title }\n  bad: [\n---\nText."
    assert about(broken, "d.md", works=works).work is None
    assert read_front_matter("Just text, spoilerguard: {work: x}.", "d.md") == ("", "", "")


@given(st.text(max_size=200))
def test_any_front_matter_is_read_or_refused(text: str) -> None:
    for matter in (f"---\na: 1\n{text}\n---\n", f'---\nspoilerguard: {{work: "{text}"}}\n---\nText.'):
        try:
            found = read_front_matter(matter, "d.md", with_title=True)
        except InputError:
            continue
        assert all(isinstance(value, str) for value in found)


def test_a_works_file_is_read_again_after_it_has_changed(works: str) -> None:
    first = read_library(works)
    assert read_library(works) is first
    Path(works).write_text('{"work": "new", "title": "New"}\n', encoding="utf-8")
    assert read_library(works).named("new") == Work("New")
    with pytest.raises(InputError, match=r"absent.jsonl: cannot be read .*check --works"):
        read_library("absent.jsonl")


# --- in the commands -----------------------------------------------------------------------------


def test_a_post_knows_its_work_in_check_blur_preview_and_explain(
    works: str, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"---\nspoilerguard: {{work: orchard, sensitivity: high}}\n---\n\n{CLEAN}\n\nThe insurance man is his son.\n"
    (tmp_path / "d.md").write_text(text, encoding="utf-8")
    check = json.loads(cli("check", "d.md", "--works", "works.jsonl", "--format", "json").out)
    typed = json.loads(cli("check", "d.md", "--title", "x", "--sensitivity", "high", "--format", "json").out)
    scores = [{f["text"]: f["score"] for f in report["files"][0]["flags"]} for report in (check, typed)]
    assert scores[0]["The insurance man is his son."] > scores[1].get("The insurance man is his son.", 0)
    assert "1 sentence" in cli("blur", "d.md", "--works", "works.jsonl", "-o", "out.md").err
    assert cli("preview", "d.md", "--works", "works.jsonl", "-o", "page.html").status == 0
    said = cli("explain", "d.md:7", "--works", "works.jsonl").out
    assert f"{scores[0]['The insurance man is his son.']:.0%}" in said
    assert "knowing the work" in said


def test_works_can_stand_in_the_settings(works: str, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.md").write_text("---\nspoilerguard: {work: orchardd}\n---\nText.\n", encoding="utf-8")
    (tmp_path / ".spoilerguard.toml").write_text('works = "works.jsonl"\n', encoding="utf-8")
    for command in ("check", "blur", "preview"):
        ran = cli(command, "d.md")
        assert ran.status == 2
        assert "d.md: work 'orchardd' is not in" in ran.err


# --- explain -------------------------------------------------------------------------------------


def test_explain_never_contradicts_check(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"# One\n\n{CLEAN}\n\n# Two\n\nSpoilers ahead.\n\n" + "\n\n".join(SPOILERS) + "\n"
    (tmp_path / "d.md").write_text(text, encoding="utf-8")
    flags = json.loads(cli("check", "d.md", "--format", "json").out)["files"][0]["flags"]
    flagged = {flag["line"] for flag in flags}
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line]
    for line in lines:
        ran = cli("explain", f"d.md:{line}")
        assert ran.status == 0
        assert (f"d.md:{line}:" in ran.out) is True
        assert ("  a spoiler at medium" in ran.out) == (line in flagged)
    for flag in flags:
        said = cli("explain", f"d.md:{flag['line']}").out
        assert f"d.md:{flag['line']}:{flag['column']}  {flag['score']:.0%}  a spoiler" in said
        assert f"“{flag['reasons'][0]['text']}”" in said
        assert "  alone" in said
        assert "  in its section" in said


def test_explain_of_a_line_without_a_sentence(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.md").write_text(f"{CLEAN}\n\n||{SPOILERS[0]}||\n", encoding="utf-8")
    assert cli("explain", "d.md:99")[::2] == (2, "spoilerguard: d.md:99: the draft has 3 lines\n")
    assert cli("explain", "c.md:3")[::2] == (2, "spoilerguard: c.md: no such file\n")
    for line in (2, 3):
        assert cli("explain", f"d.md:{line}")[::2] == (
            2,
            f"spoilerguard: d.md:{line}: no sentence is checked on this line; "
            "it may be blank, code, hidden or suppressed\n",
        )


def test_explain_obeys_decisions_as_check_does(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.md").write_text(f"{CLEAN}\n\n{SPOILERS[1]}\n", encoding="utf-8")
    report = json.loads(cli("check", "d.md", "--format", "json").out)
    for flag in report["files"][0]["flags"]:
        flag["decision"] = "show"
    (tmp_path / "decisions.json").write_text(json.dumps(report), encoding="utf-8")
    assert cli("decide", "decisions.json").status == 0
    assert cli("check", "d.md").status == 0
    said = cli("explain", "d.md:3").out
    assert "  not a spoiler at medium sensitivity" in said
    assert "as you decided" in said
    assert "  a spoiler at medium sensitivity" in cli("explain", "d.md:3", "--no-decisions").out
