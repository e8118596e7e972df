"""The language server in a process of its own, talked to as an editor does."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import re
import statistics
import subprocess
import sys
import time
from typing import Any

from lspclient import RICH, Editor, Json, at, edited, editor, offset_of
import pytest
from texts import CLEAN, HARMLESS, REVIEW, SPOILERS
from typer.testing import CliRunner
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.cli import app
from spoilerguard.drafts.decisions import FILE, read_decisions
from spoilerguard.hiding.blurring import hide
from spoilerguard.hiding.styles import STYLES
from spoilerguard.lsp.editor import Moment, check, format_for
from spoilerguard.lsp.server import PAUSE

# What makes places hard: characters beyond the basic plane, CR LF, a separator that ends no line, a tab.
MARKDOWN = (
    "# A \U0001f600 review\r\n\r\nI \U0001f4da\u2028read\tit. "
    f"{SPOILERS[1]} {HARMLESS[1]}\r\n\r\n- \U0001f52a {SPOILERS[2]}\r\n- {HARMLESS[2]}\r\n\r\n{SPOILERS[4]}\r\n"
)
HTML = (
    f"<h1>\U0001f600</h1>\n<p>\U0001f4da <em>Hm.</em> {SPOILERS[1]} {HARMLESS[1]}</p>\r<p>{SPOILERS[2]}</p>\n"
    f"<p>{HARMLESS[2]}</p>"
)
TEXT = f"\U0001f600 {HARMLESS[1]} {SPOILERS[1]}\n\n\n{SPOILERS[4]} \U0001f4da\r{HARMLESS[2]}"
DRAFTS = {"markdown": MARKDOWN, "html": HTML, "text": TEXT}
LANGUAGE = {"markdown": "markdown", "html": "html", "text": "plaintext"}
EVERYWHERE = {"start": {"line": 0, "character": 0}, "end": {"line": 999, "character": 0}}
URI = "file:///nowhere/draft.md"


@pytest.fixture(scope="module")
def ed() -> Iterator[Editor]:
    """An editor that many tests share; each opens documents of its own."""
    with editor() as found:
        found.start()
        yield found
        assert found.stop() == 0
        assert found.rubbish == b""
        assert b"Traceback" not in found.errors


@pytest.fixture(scope="module")
def bare() -> Iterator[Editor]:
    """An editor that can do nothing beyond what every editor can."""
    with editor() as found:
        found.start({})
        yield found
        assert found.stop() == 0


@pytest.fixture
def uri(request: pytest.FixtureRequest) -> str:
    return f"file:///nowhere/{request.node.name}.md"


def flagged(text: str, format: str) -> sg.Report:
    report = sg.flag(text, format=format)
    assert len(report) >= 2, "the test needs spoilers"
    return report


def named(actions: list[Json], title: str) -> Json:
    (action,) = [action for action in actions if action["title"] == title]
    return action


# --- a session ------------------------------------------------------------------------------------


def test_a_session_from_the_first_word_to_the_last() -> None:
    with editor() as ed:
        can = ed.start()
        assert can["positionEncoding"] == "utf-16"
        assert can["textDocumentSync"]["openClose"] is True
        assert can["textDocumentSync"]["change"] == 1  # full
        assert ed.open(URI, CLEAN) == []

        text = f"{CLEAN}\n\n{SPOILERS[0]}\n"
        ed.change(URI, 2, text)
        (found,) = ed.diagnostics(URI, 2)
        assert at(text, found["range"]) == SPOILERS[0]

        hover = ed.ask("textDocument/hover", textDocument={"uri": URI}, position=found["range"]["start"])
        assert at(text, hover["range"]) == SPOILERS[0]

        action = named(ed.actions(URI, found["range"]), "Hide as details")
        text = edited(text, ed.edits(action))
        assert text == sg.blur(f"{CLEAN}\n\n{SPOILERS[0]}\n", format="markdown", style="details")
        ed.change(URI, 3, text)
        assert ed.diagnostics(URI, 3) == []

        ed.tell("textDocument/didClose", textDocument={"uri": URI})
        assert ed.stop() == 0
    assert ed.rubbish == ed.errors == b""
    assert ed.messages == []


@pytest.mark.parametrize("format", DRAFTS)
def test_diagnostics_are_what_check_finds(ed: Editor, uri: str, format: str) -> None:
    text = DRAFTS[format]
    report = flagged(text, format)
    found = ed.open(uri.replace(".md", ""), text, LANGUAGE[format])
    assert [at(text, d["range"]) for d in found] == [flag.text for flag in report]
    assert [offset_of(text, d["range"]["start"]) for d in found] == [flag.start for flag in report]
    assert [d["code"] for d in found] == [flag.reasons[0].kind for flag in report]
    assert {(d["source"], d["severity"]) for d in found} == {("spoilerguard", 2)}
    assert all(f"({flag.score:.0%})" in d["message"] for flag, d in zip(report, found, strict=True))
    words = {word for flag in report for word in flag.text.lower().split() if len(word) > 5}
    assert not words & {word for d in found for word in d["message"].lower().split()}, "a list of problems spoils"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-32"])
def test_places_are_in_the_encoding_that_the_editor_prefers(encoding: str) -> None:
    with editor() as ed:
        can = ed.start({**RICH, "general": {"positionEncodings": [encoding, "utf-16"]}})
        assert can["positionEncoding"] == encoding
        found = ed.open(URI, MARKDOWN)
        assert [at(MARKDOWN, d["range"], encoding) for d in found] == [f.text for f in flagged(MARKDOWN, "markdown")]
        action = named(ed.actions(URI, found[1]["range"]), "Hide as reddit")
        hidden = hide(sg.flag(MARKDOWN, format="markdown").document, [_span(found[1], encoding)], "reddit")
        assert edited(MARKDOWN, ed.edits(action), encoding) == hidden


def _span(found: Json, encoding: str = "utf-16", text: str = MARKDOWN) -> tuple[int, int]:
    start, end = (offset_of(text, found["range"][end], encoding) for end in ("start", "end"))
    return start, end


def test_broken_spoiler_marks_are_reported(ed: Editor, uri: str) -> None:
    text = "I liked it.\n\n[spoiler]It is long, and the music is good.\n"
    (found,) = [d for d in ed.open(uri, text) if d["code"] == "broken-mark"]
    assert at(text, found["range"]) == "[spoiler]"
    assert "no end" in found["message"]


@pytest.mark.parametrize(
    ("language", "name", "format"),
    [
        ("markdown", "untitled:Untitled-1", "markdown"),
        ("html", "file:///a/b.md", "html"),
        ("plaintext", "file:///a/b.txt", "text"),
        ("plaintext", "file:///a/b.md", "markdown"),
        ("plaintext", "untitled:Untitled-1", "text"),
        ("", "file:///a/b%20c.HTML", "html"),
        ("python", "file:///a/b.py", None),
        ("json", "untitled:Untitled-1", None),
    ],
)
def test_the_language_or_else_the_name_tells_the_format(language: str, name: str, format: str | None) -> None:
    assert format_for(language, name) == format


def test_what_is_no_draft_is_left_alone(ed: Editor) -> None:
    ed.tell(
        "textDocument/didOpen",
        textDocument={"uri": "file:///a/b.py", "languageId": "python", "version": 1, "text": SPOILERS[0]},
    )
    ed.change("file:///a/b.py", 2, SPOILERS[1])
    assert ed.actions("file:///a/b.py", EVERYWHERE) == []
    assert ed.published.empty()


# --- while typing ---------------------------------------------------------------------------------


def test_only_the_last_of_quick_changes_is_checked(ed: Editor, uri: str) -> None:
    ed.open(uri, "")
    typed = SPOILERS[0]
    for number in range(len(typed)):
        ed.change(uri, number + 2, typed[: number + 1])
    last = len(typed) + 1
    published = [ed.published.get(timeout=WAIT)]
    while published[-1]["version"] != last:  # either process may have had to wait for longer than the pause
        published.append(ed.published.get(timeout=WAIT))
    assert [at(typed, d["range"]) for d in published[-1]["diagnostics"]] == [typed]
    assert len(published) < len(typed)


def test_of_several_texts_in_one_change_the_last_counts(ed: Editor, uri: str) -> None:
    ed.open(uri, REVIEW)
    text = f"\U0001f600\u2028\U0001f4da\n\n{SPOILERS[1]}x"
    ed.change(uri, 2, CLEAN, text)
    assert [at(text, d["range"]) for d in ed.diagnostics(uri, 2)] == [f.text for f in sg.flag(text, format="markdown")]


def test_an_editor_that_sends_a_part_of_a_text_gets_a_message_and_no_diagnostics(ed: Editor, uri: str) -> None:
    assert ed.open(uri, REVIEW) != []
    part = {"range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}, "text": "x"}
    ed.tell("textDocument/didChange", textDocument={"uri": uri, "version": 2}, contentChanges=[part])
    assert ed.diagnostics(uri) == []
    assert ed.actions(uri, EVERYWHERE) == []
    assert "update its LSP client" in ed.messages.pop()


def test_closing_takes_the_diagnostics_away_and_drops_what_is_under_way(ed: Editor, uri: str) -> None:
    assert ed.open(uri, REVIEW) != []
    ed.change(uri, 2, f"x{REVIEW}")
    ed.tell("textDocument/didClose", textDocument={"uri": uri})
    assert ed.diagnostics(uri) == []
    ed.open(f"{uri}2", CLEAN)
    ed.change(f"{uri}2", 2, REVIEW)  # waits for as long as the dropped change would have, and began later
    assert ed.published.get(timeout=WAIT)["uri"] == f"{uri}2"
    assert ed.published.empty()
    assert ed.open(uri, REVIEW, version=1) != []  # and it can be opened again


def test_a_long_draft_does_not_keep_the_editor_waiting(ed: Editor, uri: str) -> None:
    ed.open(uri, REVIEW)
    (first, *_) = [f.start for f in flagged(REVIEW, "markdown")]
    line = REVIEW.count("\n", 0, first)
    long = f"{REVIEW}\n\n" * 3000
    ed.tell(
        "textDocument/didOpen",
        textDocument={"uri": f"{uri}2", "languageId": "markdown", "version": 1, "text": long},
    )
    hover = ed.ask("textDocument/hover", textDocument={"uri": uri}, position={"line": line, "character": 3})
    assert hover is not None
    assert ed.published_before_answer == 0, "the editor waited for the long draft"
    ed.change(f"{uri}2", 2, "Nothing.")  # overtakes what is under way
    assert ed.diagnostics(f"{uri}2") == []


@pytest.mark.clock
def test_diagnostics_follow_a_key_at_once(ed: Editor, uri: str) -> None:
    words = " ".join([REVIEW, *HARMLESS, *HARMLESS]).split()
    text = " ".join([*words, *words][:200])
    ed.open(uri, text)
    waits = []
    for version in range(2, 9):
        began = time.monotonic()
        text = f"x{text}"
        ed.change(uri, version, text)
        ed.diagnostics(uri, version)
        waits.append(time.monotonic() - began - PAUSE)
    print(f"from key to diagnostics, less the pause: median {statistics.median(waits):.3f} s, all {waits}")
    assert min(waits) < 0.3


# --- why, and what to do --------------------------------------------------------------------------


def test_hovering_tells_score_kind_and_words(ed: Editor, uri: str) -> None:
    text = f"{CLEAN}\n\nIn the finale *she* kills the <b>host</b>, and the_killer dies_in the end.\n"
    (flag,) = sg.flag(text, format="markdown")
    (found,) = ed.open(uri, text)
    hover = ed.ask("textDocument/hover", textDocument={"uri": uri}, position=found["range"]["end"])
    assert hover["range"] == found["range"]
    assert hover["contents"]["kind"] == "markdown"
    shown = hover["contents"]["value"]
    assert shown.startswith("**May give the plot away**: ")
    assert f"{flag.score:.0%} (flagged from " in shown
    assert f"Most telling: “{flag.reasons[0].text}”" in shown.replace("\\", "")
    assert re.search(r"Words that weigh: \w+ \+\d\.\d", shown)
    nothing = ed.ask("textDocument/hover", textDocument={"uri": uri}, position={"line": 0, "character": 3})
    assert nothing is None


def test_an_editor_without_markdown_gets_plain_words(bare: Editor, uri: str) -> None:
    found = bare.open(uri, REVIEW)
    hover = bare.ask("textDocument/hover", textDocument={"uri": uri}, position=found[0]["range"]["start"])
    assert hover["contents"]["kind"] == "plaintext"
    assert "\\" not in hover["contents"]["value"]
    assert "**" not in hover["contents"]["value"]


@pytest.mark.parametrize("format", DRAFTS)
def test_every_style_hides_one_sentence_as_blur_does(ed: Editor, uri: str, format: str) -> None:
    text, uri = DRAFTS[format], uri.replace(".md", "")
    report = flagged(text, format)
    found = ed.open(uri, text, LANGUAGE[format])
    for flag, diagnostic in zip(report, found, strict=True):
        actions = ed.actions(uri, diagnostic["range"], only=["quickfix"])
        titles = {f"Hide as {name}": name for name, style in STYLES.items() if format in style.formats}
        assert {action["title"] for action in actions} == titles.keys() | (
            {"Not a spoiler", "Ignore this sentence"} if format != "text" else {"Not a spoiler"}
        )
        assert [a["title"] for a in actions if a.get("isPreferred")] == [actions[0]["title"]]
        for action in actions:
            assert action["diagnostics"] == [diagnostic]
            if style := titles.get(action["title"]):
                result = edited(text, ed.edits(action))
                assert result == hide(report.document, [(flag.start, flag.end)], style)
                assert result != text


@pytest.mark.parametrize("format", DRAFTS)
def test_all_spoilers_are_hidden_at_once_as_blur_does(ed: Editor, uri: str, format: str) -> None:
    text, uri = DRAFTS[format], uri.replace(".md", "")
    report = flagged(text, format)
    ed.open(uri, text, LANGUAGE[format])
    for style in [name for name, style in STYLES.items() if format in style.formats]:
        (action,) = ed.actions(uri, EVERYWHERE, only=[f"source.hideSpoilers.{style}"])
        assert action["title"] == f"Hide all {len(report)} spoilers as {style}"
        assert edited(text, ed.edits(action)) == report.blur(style)
    assert len(ed.actions(uri, EVERYWHERE, only=["source"])) > 4
    assert ed.actions(uri, EVERYWHERE, only=["source.fixAll"]) == [], "saving must not hide unasked"


@pytest.mark.parametrize("format", ["markdown", "html"])
@pytest.mark.parametrize("what", ["Ignore this sentence", "Hide as html", "Hide as details"])
def test_what_is_hidden_or_ignored_is_not_flagged_again_and_all_else_is(
    ed: Editor, uri: str, format: str, what: str
) -> None:
    text = DRAFTS[format]
    before = flagged(text, format)
    found = ed.open(uri, text, LANGUAGE[format])
    action = named(ed.actions(uri, found[0]["range"]), what)
    result = edited(text, ed.edits(action))
    ed.change(uri, 2, result)
    left = [at(result, d["range"]) for d in ed.diagnostics(uri, 2)]
    assert left == [flag.text for flag in before][1:]


def test_an_editor_that_cannot_ask_later_gets_all_edits_at_once(bare: Editor, uri: str) -> None:
    found = bare.open(uri, MARKDOWN)
    actions = bare.actions(uri, found[0]["range"])
    edits = [action for action in actions if action["title"] != "Not a spoiler"]  # that is a command
    assert len(edits) == len(actions) - 1
    assert all(list(action["edit"]["changes"]) == [uri] for action in edits)
    flag = flagged(MARKDOWN, "markdown").flags[0]
    hidden = hide(sg.flag(MARKDOWN, format="markdown").document, [(flag.start, flag.end)], "html")
    assert edited(MARKDOWN, bare.edits(named(actions, "Hide as html"))) == hidden


def test_a_style_that_cannot_hide_what_is_here_says_so(ed: Editor, uri: str) -> None:
    text = f"| Work | Verdict |\n|---|---|\n| It | {SPOILERS[1]} |\n"
    found = ed.open(uri, text)
    action = named(ed.actions(uri, found[0]["range"]), "Hide as discord")
    assert ed.edits(action) == []
    assert "choose another" in ed.messages.pop()


def test_an_action_on_a_text_that_has_changed_does_nothing(ed: Editor, uri: str) -> None:
    found = ed.open(uri, REVIEW)
    action = named(ed.actions(uri, found[0]["range"]), "Hide as html")
    ed.change(uri, 2, f"x{REVIEW}")
    assert ed.edits(action) == []
    assert "has changed" in ed.messages.pop()


# --- decisions ------------------------------------------------------------------------------------


def run(ed: Editor, action: dict[str, Any]) -> None:
    command = action["command"]
    ed.ask("workspace/executeCommand", command=command["command"], arguments=command["arguments"])


def test_what_is_not_a_spoiler_is_kept_for_the_project_and_flagged_no_more(tmp_path: Path) -> None:
    (tmp_path / ".spoilerguard.toml").write_text("keep-text = true\n")
    (tmp_path / "posts").mkdir()
    uri = (tmp_path / "posts" / "draft.md").as_uri()
    with editor() as ed:
        ed.start(root=tmp_path)
        found = ed.open(uri, REVIEW)
        first, second = (at(REVIEW, d["range"]) for d in found[:2])
        hiding = named(ed.actions(uri, found[0]["range"]), "Hide as html")
        assert "command" not in hiding  # the project keeps no decisions yet
        run(ed, named(ed.actions(uri, found[0]["range"]), "Not a spoiler"))
        left = ed.diagnostics(uri)
        assert [at(REVIEW, d["range"]) for d in left] == [at(REVIEW, d["range"]) for d in found[1:]]
        run(ed, named(ed.actions(uri, left[0]["range"]), "Hide as html"))
        ed.diagnostics(uri)
        lines = read_decisions(str(tmp_path / FILE)).lines
        assert [(line.decision, line.text, line.file) for line in lines] == [
            ("show", first, "posts/draft.md"),
            ("hide", second, "posts/draft.md"),
        ]
        (tmp_path / FILE).unlink()
        ed.tell("workspace/didChangeWatchedFiles", changes=[{"uri": (tmp_path / FILE).as_uri(), "type": 3}])
        assert len(ed.diagnostics(uri)) == len(found)
        assert ed.stop() == 0


def test_a_sentence_that_was_almost_flagged_can_be_hidden(tmp_path: Path) -> None:
    uri = (tmp_path / "draft.md").as_uri()
    near = max(sg.flag(REVIEW, format="markdown").sentences, key=lambda sentence: sentence.score)
    with editor("--threshold", str(min(1.0, near.score + 0.01))) as ed:
        ed.start(root=tmp_path)
        assert ed.open(uri, REVIEW) == []
        line = REVIEW.count("\n", 0, near.start)
        place = {"line": line, "character": near.start - REVIEW.rfind("\n", 0, near.start) - 1}
        action = named(ed.actions(uri, {"start": place, "end": place}), "Hide as discord")
        assert edited(REVIEW, ed.edits(action)) == REVIEW.replace(near.text, f"||{near.text}||")


def test_a_command_that_is_no_decision_is_refused(ed: Editor, uri: str) -> None:
    ed.open(uri, REVIEW)
    ed.ask("workspace/executeCommand", command="spoilerguard.decide", arguments=[uri, "perhaps", "", "", "", ""])
    assert "not a decision" in ed.messages.pop()


# --- settings -------------------------------------------------------------------------------------


def test_the_settings_of_the_project_count_and_are_read_again(tmp_path: Path) -> None:
    uri = (tmp_path / "draft.md").as_uri()
    file = tmp_path / ".spoilerguard.toml"
    file.write_text("threshold = 1.0\n")
    with editor() as ed:
        ed.start(root=tmp_path)
        assert ed.open(uri, REVIEW) == []
        assert "workspace/didChangeWatchedFiles" in ed.registered
        file.write_text('[[overrides]]\npaths = ["draft.md"]\nthreshold = 0.0\n')
        ed.tell("workspace/didChangeWatchedFiles", changes=[{"uri": file.as_uri(), "type": 2}])
        assert len(ed.diagnostics(uri)) == len(sg.flag(REVIEW, format="markdown").sentences)
        file.write_text('exclude = ["draft.md"]\n')
        ed.change(uri, 2, f"x{REVIEW}")
        assert ed.diagnostics(uri, 2) == []
        assert ed.actions(uri, EVERYWHERE) == []
        file.write_text("threshhold = 0.5\n")
        ed.change(uri, 3, f"xx{REVIEW}")
        assert ed.diagnostics(uri, 3) == []
        assert "did you mean 'threshold'" in ed.messages.pop()
        assert ed.stop() == 0


def test_quotations_and_the_work_are_those_of_the_project(tmp_path: Path) -> None:
    moment = Moment((tmp_path / "draft.md").as_uri(), 1, 1)
    quoted = f"> {SPOILERS[0]}\n"
    assert check(moment, quoted, "markdown", "utf-16", ()).report.has_spoilers
    (tmp_path / ".spoilerguard.toml").write_text('quotations = false\ntitle = "It"\nsynopsis = "plot.txt"\n')
    (tmp_path / "plot.txt").write_text(SPOILERS[1])
    assert not check(moment, quoted, "markdown", "utf-16", ()).report.has_spoilers
    known = sg.flag(REVIEW, format="markdown", work={"title": "It", "synopsis": SPOILERS[1]})
    assert check(moment, REVIEW, "markdown", "utf-16", ()).report.sentences == known.sentences
    (tmp_path / "plot.txt").unlink()
    with pytest.raises(sg.InputError, match=r"plot\.txt: no such file"):
        check(moment, quoted, "markdown", "utf-16", ())


def test_a_text_longer_than_a_draft_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spoilerguard.lsp.editor.MOST_BYTES", 1000)
    with pytest.raises(sg.InputError, match="longer than a draft may be"):
        check(Moment(URI, 1, 1), "x" * 1001, "markdown", "utf-16", ())


def test_the_style_of_the_project_is_offered_first(tmp_path: Path) -> None:
    (tmp_path / ".spoilerguard.toml").write_text('[blur]\nstyle = "bbcode"\n')
    uri = (tmp_path / "draft.md").as_uri()
    with editor() as ed:
        ed.start(root=tmp_path)
        found = ed.open(uri, REVIEW)
        first = ed.actions(uri, found[0]["range"])[0]
        assert first["title"] == "Hide as bbcode"
        assert first["isPreferred"] is True


def test_the_editors_settings_win(tmp_path: Path) -> None:
    (tmp_path / ".spoilerguard.toml").write_text("threshold = 1.0\n")
    uri = (tmp_path / "draft.md").as_uri()
    expected = [flag.text for flag in sg.flag(REVIEW, format="markdown")]
    with editor("--sensitivity", "medium") as ed:  # over the file's threshold
        ed.start({"textDocument": RICH["textDocument"]}, root=tmp_path)  # tells its settings, and is not asked
        assert [at(REVIEW, d["range"]) for d in ed.open(uri, REVIEW)] == expected
        ed.tell("workspace/didChangeConfiguration", settings={"spoilerguard": {"threshold": 1}})
        assert ed.diagnostics(uri) == []
        ed.tell("workspace/didChangeConfiguration", settings={"spoilerguard": {"threshold": None}})
        assert len(ed.diagnostics(uri)) == len(expected)
        ed.tell("workspace/didChangeConfiguration", settings={"spoilerguard": {"sensitivity": "hihg"}})
        assert ed.diagnostics(uri) == []
        assert "choose from low, medium, high" in ed.messages.pop()
        ed.tell("workspace/didChangeConfiguration", settings={"spoilerguard": {"threshold": "0.5"}})
        assert ed.diagnostics(uri) == []
        assert "must be a number" in ed.messages.pop()
        ed.tell("workspace/didChangeConfiguration", settings={"spoilerguard": {"model": "no-such"}})
        assert ed.diagnostics(uri) == []
        assert "no-such" in ed.messages.pop()


def test_settings_are_asked_for_and_given_at_the_start() -> None:
    with editor() as ed:
        ed.settings = {"threshold": 1.0}
        ed.start(options={"spoilerguard": {"threshold": 0.0}})
        ed.tell(
            "textDocument/didOpen",
            textDocument={"uri": URI, "languageId": "markdown", "version": 1, "text": REVIEW},
        )
        while ed.diagnostics(URI):
            pass  # those of the options given at the start, before the answer has come
        ed.settings = None
        ed.tell("workspace/didChangeConfiguration", settings=None)
        assert len(ed.diagnostics(URI)) == len(sg.flag(REVIEW, format="markdown").sentences)


# --- editors that ask -----------------------------------------------------------------------------


def test_an_editor_that_asks_for_diagnostics_gets_them_once() -> None:
    with editor() as ed:
        ed.late = []
        can = ed.start({**RICH, "textDocument": {**RICH["textDocument"], "diagnostic": {}}})
        assert can["diagnosticProvider"]["interFileDependencies"] is False
        ed.tell(
            "textDocument/didOpen", textDocument={"uri": URI, "languageId": "markdown", "version": 1, "text": REVIEW}
        )
        first = ed.ask("textDocument/diagnostic", textDocument={"uri": URI})
        assert first["kind"] == "full"
        texts = [at(REVIEW, d["range"]) for d in first["items"]]
        assert texts == [flag.text for flag in sg.flag(REVIEW, format="markdown")]
        assert len(ed.late) == 1
        ed.answer(ed.late.pop())  # no settings, which is as it was
        ed.ask("textDocument/hover", textDocument={"uri": URI}, position={"line": 0, "character": 0})
        again = ed.ask("textDocument/diagnostic", textDocument={"uri": URI}, previousResultId=first["resultId"])
        assert again == {"kind": "unchanged", "resultId": first["resultId"]}
        ed.change(URI, 2, CLEAN)
        changed = ed.ask("textDocument/diagnostic", textDocument={"uri": URI}, previousResultId=first["resultId"])
        assert changed["items"] == []
        assert ed.ask("textDocument/diagnostic", textDocument={"uri": "file:///other.md"})["items"] == []
        ed.tell("textDocument/didClose", textDocument={"uri": URI})
        assert ed.stop() == 0
    assert ed.published.empty()


# --- when things go wrong -------------------------------------------------------------------------


KILLED = """
import pathlib, sys, time
import lspclient
ed = lspclient.Editor(stderr=open(sys.argv[1], "wb"))
ed.start()
ed.open("file:///a.md", "Hello.")
print(ed.server.pid, flush=True)
time.sleep(600)
"""


def test_the_server_ends_when_the_editor_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(log)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
    ) as dying:
        assert dying.stdout is not None
        server = int(dying.stdout.readline())
        dying.kill()
    end = time.monotonic() + WAIT
    while _alive(server):
        assert time.monotonic() < end, "the server is still there"
        time.sleep(0.05)
    assert log.read_bytes() == b""


def _alive(process: int) -> bool:
    """Whether it runs; one that has ended and that nobody waits for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_editor_that_leaves_at_once_is_no_fault() -> None:
    with editor() as ed:
        ed.start({})
        assert ed.server.stdin is not None
        ed.server.stdin.close()
        assert ed.wait() == 1
    assert ed.errors == b""


def test_an_editor_that_refuses_what_is_asked_goes_without() -> None:
    with editor() as ed:
        ed.refuses = True
        ed.start()
        assert ed.open(URI, REVIEW) != []
        assert ed.stop() == 0
    assert b"Traceback" not in ed.errors


def test_leaving_without_a_word_before_is_status_1() -> None:
    with editor() as ed:
        ed.start()
        ed.tell("exit")
        assert ed.wait() == 1


def test_nonsense_does_not_end_the_server() -> None:
    with editor() as ed:
        ed.start()
        ed.send_bytes(b"Content-Length: 9\r\n\r\n{nonsense")
        ed.send({"method": "textDocument/didChange", "params": {"textDocument": 5}})
        ed.change("file:///never-opened.md", 2, "x")
        ed.tell("textDocument/didClose", textDocument={"uri": "file:///never-opened.md"})
        ed.tell("no/such/method")
        assert ed.ask("codeAction/resolve", title="Other", data="no data of ours").get("edit") is None
        assert ed.open(URI, REVIEW) != []
        assert ed.stop() == 0


def test_only_the_protocol_goes_to_standard_output() -> None:
    noisy = (
        "import os, sys, spoilerguard.lsp.server as s; check = s.check; "
        "s.check = lambda *a, **k: (print('noise'), os.write(1, b'more noise\\n'), check(*a, **k))[2]; "
        "sys.exit(s.serve({}))"
    )
    with editor(command=[sys.executable, "-c", noisy]) as ed:
        ed.start()
        assert ed.open(URI, REVIEW) != []
        assert ed.stop() == 0
    assert ed.rubbish == b""
    assert b"noise" in ed.errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "no-such"], "no-such"),
        (["--sensitivity", "hihg"], "choose from low, medium, high"),
        (["--threshold", "2"], "probability from 0 to 1"),
    ],
)
def test_a_wrong_option_is_reported_at_once(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["lsp", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygls", None)
    result = CliRunner().invoke(app, ["lsp"])
    assert result.exit_code == 2
    assert "pip install 'spoilerguard[lsp]'" in result.stderr
