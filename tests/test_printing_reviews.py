"""The formats that code review and CI read: rdjson, GitLab's code quality, JUnit."""

from __future__ import annotations

import json
import os
from pathlib import Path
import shutil
import subprocess
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
import pytest
from test_printing import DATA, DRAFT, EXAMPLE, OLD, printed, report
from texts import HARMLESS, SPOILERS
import xmlschema

from spoilerguard.drafts.outcomes import Outcome

UNREAD = EXAMPLE[2:]


def schema(name: str) -> Draft7Validator:
    return Draft7Validator(json.loads((DATA / f"{name}.schema.json").read_text(encoding="utf-8")))


SCHEMAS = {name: schema(name) for name in ("rdjson", "gitlab")}
XSD = xmlschema.XMLSchema(str(DATA / "junit.xsd"))


def parsed(format: str, *outcomes: Outcome, show_text: bool = False) -> Any:
    """What a format prints, in which its schema has found nothing wrong."""
    value = json.loads(printed(format, *outcomes, show_text=show_text))
    assert [error.message for error in SCHEMAS[format].iter_errors(value)] == []
    return value


def suites(*outcomes: Outcome, show_text: bool = False) -> ElementTree.Element:
    text = printed("junit", *outcomes, show_text=show_text)
    XSD.validate(text)
    return ElementTree.fromstring(text)


@pytest.fixture(autouse=True)
def nowhere_special(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI_PROJECT_DIR", raising=False)


# --- all three ----------------------------------------------------------------------------------


@pytest.mark.parametrize("outcomes", [(), EXAMPLE[:1], EXAMPLE[1:2], UNREAD, EXAMPLE])
@pytest.mark.parametrize("show_text", [False, True])
def test_every_report_follows_its_schema(outcomes: tuple[Outcome, ...], show_text: bool) -> None:
    parsed("rdjson", *outcomes, show_text=show_text)
    parsed("gitlab", *outcomes, show_text=show_text)
    suites(*outcomes, show_text=show_text)


def test_the_schemas_would_find_a_fault() -> None:
    rdjson, gitlab = parsed("rdjson", *EXAMPLE), parsed("gitlab", *EXAMPLE)
    rdjson["diagnostics"][0]["severity"] = "GRAVE"
    gitlab[0]["severity"] = "grave"
    assert not SCHEMAS["rdjson"].is_valid(rdjson)
    assert not SCHEMAS["gitlab"].is_valid(gitlab)
    assert not XSD.is_valid(printed("junit", *EXAMPLE).replace(" failures=", " faults="))


@pytest.mark.parametrize("format", ["rdjson", "gitlab", "junit"])
def test_what_ends_in_logs_does_not_spoil_unless_it_is_asked_to(format: str) -> None:
    assert "weeps" not in printed(format, *EXAMPLE)
    assert "dies" not in printed(format, *EXAMPLE)
    assert "She weeps." in printed(format, *EXAMPLE, show_text=True)


# --- rdjson -------------------------------------------------------------------------------------


def at(source: str, position: dict[str, int]) -> int:
    """The byte that reviewdog takes a position for."""
    lines = source.encode().split(b"\n")
    return sum(len(line) + 1 for line in lines[: position["line"] - 1]) + position["column"] - 1


def changed(source: str, suggestion: dict[str, Any]) -> str:
    """The source after a suggestion was accepted."""
    start, end = (at(source, suggestion["range"][edge]) for edge in ("start", "end"))
    data = source.encode()
    return (data[:start] + suggestion["text"].encode() + data[end:]).decode()


@given(st.text("a𐐀é \n\r\ufeff", max_size=30), st.sampled_from(["text", "markdown"]))
def test_places_are_bytes_in_lines_that_end_at_a_line_feed(before: str, format: str) -> None:
    source = f"{before}\n\n𐐀é He dies. 電影\n"
    [found] = parsed("rdjson", Outcome("a.md", report(source, "He dies.", format=format)))["diagnostics"]
    places = found["location"]["range"]
    assert source.encode()[at(source, places["start"]) : at(source, places["end"])] == b"He dies."


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_suggestion_hides_one_sentence_as_blur_does(end: str, mark: str) -> None:
    source = f"{mark}# A 電影 review\n\nFine 😀. At last he\ndies: so sad. *She* weeps.\n".replace("\n", end)
    whole = report(source, f"At last he{end}dies: so sad.", "*She* weeps.")
    found = parsed("rdjson", Outcome("a.md", whole), show_text=True)["diagnostics"]
    for flag, diagnostic in zip(whole, found, strict=True):
        [suggestion] = diagnostic["suggestions"]
        assert changed(source, suggestion) == report(source, flag.text).blur()


def test_what_cannot_be_hidden_by_itself_has_no_suggestion() -> None:
    told = "In the end the gardener dies in the fire."
    whole = report(f"---\ndescription: {told}\n---\n\n{told}\n", told)
    found = parsed("rdjson", Outcome("a.md", whole), show_text=True)["diagnostics"]
    assert [diagnostic["suggestions"] for diagnostic in found if diagnostic["severity"] == "WARNING"] == [[], []]


def test_severities_say_what_is_a_spoiler() -> None:
    found = parsed("rdjson", *EXAMPLE)["diagnostics"]
    assert [d["severity"] for d in found] == ["WARNING", "WARNING", "INFO", "ERROR"]
    assert [d.get("code", {}).get("value") for d in found] == ["death", "death", "mark", None]


@pytest.mark.skipif(shutil.which("reviewdog") is None, reason="reviewdog is not installed")
def test_reviewdog_reads_it(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text(DRAFT, encoding="utf-8")
    text = printed("rdjson", Outcome("one.md", EXAMPLE[0].report), show_text=True)
    command = ["reviewdog", "-f=rdjson", "-reporter=local", "-filter-mode=nofilter", "-diff=true"]
    ran = subprocess.run(command, input=text, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "one.md:3" in ran.stdout
    assert "one.md:4:21" in ran.stdout


# --- GitLab -------------------------------------------------------------------------------------


def test_gitlab_tells_findings_apart_and_knows_them_again() -> None:
    def prints(source: str, path: str = "a.md") -> list[str]:
        return [issue["fingerprint"] for issue in parsed("gitlab", Outcome(path, report(source, "He dies.")))]

    [alone] = prints("He dies.")
    assert prints("Well.\n\nThen: He dies.") == [alone]
    assert prints("He dies.", "b.md") != [alone]
    twice = prints("He dies. Later: He dies.")
    assert twice[0] == alone
    assert len(set(twice)) == 2


def test_gitlab_shows_lines_from_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path / "site")
    monkeypatch.setenv("CI_PROJECT_DIR", str(tmp_path))
    issues = parsed("gitlab", Outcome("./one.md", EXAMPLE[0].report), *UNREAD)
    assert [issue["location"]["path"] for issue in issues] == ["site/one.md"] * 3 + ["site/cover.png"]
    assert [issue["location"]["lines"] for issue in issues[:2]] == [{"begin": 3, "end": 4}, {"begin": 4, "end": 4}]
    assert [issue["severity"] for issue in issues] == ["major", "major", "info", "critical"]


# --- JUnit --------------------------------------------------------------------------------------


def test_a_suite_a_file_and_a_test_a_finding() -> None:
    root = suites(*EXAMPLE, Outcome("clean.md", report(OLD)))
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "2",
        "errors": "1",
        "skipped": "1",
    }
    results = [[test[0].tag if len(test) else "passed" for test in suite] for suite in root]
    assert results == [["failure", "failure"], ["skipped"], ["error"], ["passed"]]
    assert [test.get("line") for test in root[0]] == ["3", "4"]


@given(st.text(), st.text())
def test_whatever_a_path_and_a_message_hold_it_is_xml(path: str, message: str) -> None:
    [suite] = suites(Outcome(f"posts/{path}".replace("\0", ""), error=message))
    [[error]] = suite
    assert error.get("type") == "unread"


# --- the command --------------------------------------------------------------------------------


def test_the_command_prints_them(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("draft.md").write_text(f"{HARMLESS[1]}\n\n{SPOILERS[0]}\n", encoding="utf-8")
    ran = cli("check", "draft.md", "--format", "rdjson", "--show-text")
    assert ran.status == 1
    [found] = json.loads(ran.out)["diagnostics"]
    hidden = cli("blur", "draft.md", "--quiet")
    assert changed(Path("draft.md").read_text(encoding="utf-8"), found["suggestions"][0]) == hidden.out
    assert json.loads(cli("check", "draft.md", "--format", "gitlab").out)[0]["location"]["lines"]["begin"] == 3
    assert os.fspath("draft.md") in cli("check", "draft.md", "--format", "junit").out
