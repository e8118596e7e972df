"""The formats that tools read: GitHub's annotations, SARIF, a JSON line a file."""

from __future__ import annotations

from collections.abc import Sequence
import json
import os
from pathlib import Path
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator
import pytest

import spoilerguard as sg
from spoilerguard.printing import PRINTERS, Look, Outcome
from spoilerguard.report import Report
from spoilerguard.text.reading import read

DATA = Path(__file__).parent / "data" / "outputs"
SCHEMA = json.loads((DATA / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
MODEL = {"name": "fast", "version": "7"}


def report(source: str, *spoilers: str, score: float = 0.914, format: str = "markdown") -> Report:
    """A report in which these sentences are flagged, at each place where they are."""
    document = read(source, format)
    places = sorted({m.span() for text in spoilers for m in re.finditer(re.escape(text), source)})
    flags = [
        sg.Flag(start, end, *document.position(start), source[start:end], score, (sg.Reason("death", "dies"),))
        for start, end in places
    ]
    return Report(document, (), tuple(flags), 0.6, MODEL)


def printed(format: str, *outcomes: Outcome, show_text: bool = False) -> str:
    return "\n".join(PRINTERS[format](outcomes, Look(False, False, 0.6, MODEL, show_text)))


def run_of(*outcomes: Outcome, show_text: bool = False) -> dict[str, Any]:
    """The one run of the SARIF log, which the schema has found nothing wrong with."""
    log = json.loads(printed("sarif", *outcomes, show_text=show_text))
    assert [error.message for error in Draft4Validator(SCHEMA).iter_errors(log)] == []
    [run] = log["runs"]
    assert isinstance(run, dict)
    return run


def cut(source: str, region: dict[str, int]) -> str:
    """What a viewer finds at lines and columns, counting as the log says it counts."""
    ends = [0, *(m.end() for m in re.finditer(r"\r\n|\n|\r", source))]
    start = ends[region["startLine"] - 1] + region["startColumn"] - 1
    return source[start : ends[region["endLine"] - 1] + region["endColumn"] - 1]


DRAFT = "# A review\n\nFine prose. At last he\ndies, 100%: so sad. She weeps.\n\nUnclosed [spoiler]here.\n"
OLD = "He lives. Then the dog dies. The end.\n"
EXAMPLE = (
    Outcome("posts/one.md", report(DRAFT, "At last he\ndies, 100%: so sad.", "She weeps.")),
    Outcome("posts/50% off, really: ünïcode.md", report(OLD), known=report(OLD, "Then the dog dies.").flags),
    Outcome("cover.png", error="cover.png: a binary file, not a draft"),
)


def make_golden() -> dict[str, str]:
    """What `golden.github` and `golden.sarif` hold; machine and version are taken out."""
    here = Path.cwd().as_uri().rstrip("/") + "/"
    log = printed("sarif", *EXAMPLE).replace(json.dumps(here), '"file:///HERE/"')
    return {
        "golden.github": printed("github", *EXAMPLE) + "\n",
        "golden.sarif": log.replace(f'"version": "{sg.__version__}"', '"version": "VERSION"') + "\n",
    }


@pytest.fixture(autouse=True)
def nowhere_special(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)


@pytest.mark.parametrize("name", ["golden.github", "golden.sarif"])
def test_golden(name: str) -> None:
    assert make_golden()[name] == (DATA / name).read_text(encoding="utf-8")


# --- without the sentence -----------------------------------------------------------------------


@pytest.mark.parametrize("format", ["line", "github", "sarif"])
def test_what_ends_in_logs_does_not_spoil_unless_it_is_asked_to(format: str) -> None:
    assert "weeps" not in printed(format, *EXAMPLE)
    assert "dies" not in printed(format, *EXAMPLE)
    assert "She weeps." in printed(format, *EXAMPLE, show_text=True)


@pytest.mark.parametrize("format", ["text", "json", "jsonl"])
def test_what_is_read_by_the_author_shows_it_always(format: str) -> None:
    assert printed(format, *EXAMPLE) == printed(format, *EXAMPLE, show_text=True)
    assert "She weeps." in printed(format, *EXAMPLE)


def test_a_json_line_is_an_entry_of_the_document() -> None:
    lines = [json.loads(line) for line in printed("jsonl", *EXAMPLE).splitlines()]
    assert lines == json.loads(printed("json", *EXAMPLE))["files"]
    assert [len(line["flags"]) for line in lines] == [2, 0, 0]


# --- GitHub -------------------------------------------------------------------------------------

# As the runner reads a line (ActionCommand.TryParseV2): up to the next `::`, then at commas and the first `=`.
_COMMAND = re.compile(r"::(?P<name>[a-z]+) (?P<properties>.*?)::(?P<message>.*)", re.DOTALL)
_CODES = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}


def commands(lines: Sequence[str]) -> list[tuple[str, dict[str, str], str]]:
    found = []
    for line in lines:
        command = _COMMAND.fullmatch(line)
        assert command is not None
        pairs = (pair.split("=", 1) for pair in command["properties"].split(","))
        found.append((command["name"], {k: unescaped(v) for k, v in pairs}, unescaped(command["message"])))
    return found


def unescaped(text: str) -> str:
    return re.sub("%0D|%0A|%3A|%2C|%25", lambda m: _CODES[m[0]], text)


# Of what no terminal obeys: other characters become spaces.
printable = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp")) | st.sampled_from(
    " %:,=\r\n"
)


@given(
    st.text(printable.filter(lambda c: c != "/"), min_size=1).filter(lambda s: s not in (".", "..")),
    st.text(printable),
)
def test_a_path_and_a_message_come_back_whatever_they_hold(name: str, message: str) -> None:
    [line] = PRINTERS["github"]([Outcome(f"posts/{name}", error=message)], Look(False, False, 0.6, MODEL))
    assert len(line.splitlines()) == 1 or not set(line) & set("\r\n")
    [(command, properties, text)] = commands([line])
    assert (command, properties["file"], text) == ("error", f"posts/{name}", message)


def test_columns_are_shown_within_one_line_only() -> None:
    first, second, notice, error = commands(printed("github", *EXAMPLE).splitlines())
    assert first[1].keys() == {"file", "line", "endLine", "title"}
    assert (first[1]["line"], first[1]["endLine"]) == ("3", "4")
    assert (second[1]["line"], second[1]["col"], second[1]["endColumn"]) == ("4", "21", "31")
    assert DRAFT.splitlines()[3][20:30] == "She weeps."
    assert [command for command, *_ in (first, second, notice, error)] == ["warning", "warning", "notice", "error"]


def test_paths_are_from_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path / "site")

    def file(path: str) -> str:
        return commands([printed("github", Outcome(path, error="no"))])[0][1]["file"]

    assert [file("./a.md"), file("../b.md")] == ["a.md", str(tmp_path / "b.md")]
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert [file("./a.md"), file("../b.md")] == ["site/a.md", "b.md"]


# --- SARIF --------------------------------------------------------------------------------------


def test_the_schema_would_find_a_fault() -> None:
    log = json.loads(printed("sarif", *EXAMPLE))
    log["runs"][0]["results"][0]["level"] = "grave"
    assert not Draft4Validator(SCHEMA).is_valid(log)


@pytest.mark.parametrize("outcomes", [(), EXAMPLE[:1], EXAMPLE[2:], EXAMPLE])
def test_every_log_follows_the_schema(outcomes: tuple[Outcome, ...]) -> None:
    run = run_of(*outcomes, show_text=True)
    assert run["invocations"][0]["executionSuccessful"] == (EXAMPLE[2] not in outcomes)
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_the_rules_are_the_kinds_and_those_that_a_model_adds() -> None:
    from spoilerguard.model.scoring import KINDS

    flag = sg.Flag(0, 4, 1, 1, "Boo.", 0.9, (sg.Reason("prophecy", "Boo"),))
    run = run_of(Outcome("a.md", Report(read("Boo."), (), (flag,), 0.6)))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [*KINDS, "prophecy", "mark"]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_both_ways_to_tell_a_place_lead_there_with_and_without_a_byte_order_mark(mark: str, end: str) -> None:
    text = f"😀 Tom dies. Fine.{end}{end}Then her{end}dog dies. 電影"
    flagged = report(mark + text, "Tom dies.", f"Then her{end}dog dies.", format="text")
    results = run_of(Outcome("a.txt", flagged), show_text=True)["results"]
    assert [r["locations"][0]["physicalLocation"]["region"]["snippet"]["text"] for r in results] == [
        "Tom dies.",
        f"Then her{end}dog dies.",
    ]
    for result in results:
        region = result["locations"][0]["physicalLocation"]["region"]
        at = slice(region["charOffset"], region["charOffset"] + region["charLength"])
        assert text[at] == cut(text, region) == region["snippet"]["text"]


def test_addresses_lead_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site here").mkdir()
    monkeypatch.chdir(tmp_path / "site here")
    names = ["a b.md", "./50%#?.md", "posts/ü:x.md", "../up.md", str(tmp_path / "site here" / "whole.md")]
    run = run_of(*(Outcome(name, report("He dies.", "He dies.")) for name in names))
    base = run["originalUriBaseIds"]["%SRCROOT%"]["uri"]
    for name, result in zip(names, run["results"], strict=True):
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert re.fullmatch(r"[\w.~/:%-]+", place["uri"], re.ASCII)
        whole = base + place["uri"] if "uriBaseId" in place else place["uri"]
        assert unquote(urlsplit(whole).path) == os.path.abspath(name)
        assert ("uriBaseId" in place) == (name != "../up.md")


def test_a_first_segment_with_a_colon_is_no_scheme() -> None:
    [result] = run_of(Outcome("notes: one.md", report("He dies.", "He dies.")))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "notes%3A%20one.md"


def test_a_fingerprint_stays_where_the_sentence_is_moved_and_tells_repetitions_apart() -> None:
    def prints(source: str) -> list[str]:
        outcome = Outcome("a.md", report(source, "He dies.", "*He*\ndies."))
        return [result["partialFingerprints"]["sentence/v1"] for result in run_of(outcome)["results"]]

    [alone] = prints("He dies.")
    assert prints("Well.\n\nThen: *He*\ndies.") == [alone]
    assert prints("He dies. Later: He dies.") == [alone, alone.replace(":1", ":2")]


def test_what_the_baseline_knows_is_suppressed() -> None:
    results = run_of(*EXAMPLE)["results"]
    assert [[s["kind"] for s in result["suppressions"]] for result in results] == [[], [], [], ["external"]]


def test_the_score_is_the_rank() -> None:
    [result] = run_of(Outcome("a.md", report("He dies.", "He dies.", score=0.87654)))["results"]
    assert (result["rank"], result["properties"]["score"]) == (87.65, 0.8765)
