"""The extension for VS Code: its client against the real server, in Node; and its manifest."""

from __future__ import annotations

import json
from pathlib import Path
import re
import subprocess
import sys
from typing import Any

from offline import ROOT
from texts import HARMLESS, SPOILERS
from tools import NODE, program, script
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.guard import SENSITIVITIES
from spoilerguard.lsp.editor import OPTIONS

FOLDER = ROOT / "spoilerguard" / "assets" / "vscode"
MANIFEST = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
DRAFT = f"# A review\n\n{HARMLESS[1]}\n\n{SPOILERS[0]}\n"


def opened(text: str, wanted: int | None = None, **settings: Any) -> dict[str, Any]:
    """What the editor shows of a Markdown draft, once there are findings, or as many as wanted."""
    script("vscode-languageclient")
    given = {
        "command": [sys.executable, "-m", "spoilerguard", "lsp"],
        "model": "",
        "sensitivity": "",
        "threshold": None,
    }
    draft = {
        "extension": str(FOLDER / "src" / "extension.js"),
        "uri": "file:///nowhere/draft.md",
        "language": "markdown",
        "text": text,
        "wanted": wanted,
        "settings": {"spoilerguard": given | settings},
    }
    ran = subprocess.run(
        [program("node"), str(Path(__file__).parent / "node" / "extension.js"), json.dumps(draft)],
        env={"NODE_PATH": str(NODE / "node_modules"), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert isinstance(answer, dict)
    return answer


def edited(text: str, edits: list[Any]) -> str:
    """The text after edits of an editor; it holds nothing that UTF-16 counts otherwise."""
    starts = [0, *(end.end() for end in re.finditer("\n", text))]
    for edit in reversed(edits):
        first, last = (starts[at["line"]] + at["character"] for at in (edit["range"]["start"], edit["range"]["end"]))
        text = text[:first] + edit["newText"] + text[last:]
    return text


def test_a_draft_is_underlined_and_a_code_action_hides_the_sentence() -> None:
    shown = opened(DRAFT)
    (flag,) = sg.flag(DRAFT, format="markdown")
    [found] = shown["diagnostics"]
    assert found["range"]["start"] == {"line": flag.line - 1, "character": flag.column - 1}
    assert shown["titles"][0] == "Hide as html"
    assert sorted(shown["commands"]) == ["spoilerguard.decide", "spoilerguard.restart"]
    assert shown["messages"] == []
    assert edited(DRAFT, shown["edits"]) == sg.blur(DRAFT, format="markdown")


def test_the_settings_of_the_editor_reach_the_server() -> None:
    low, high = (len(sg.flag(DRAFT, format="markdown", threshold=threshold).flags) for threshold in (0.0, 0.5))
    assert low > high > 0
    for threshold, wanted in ((0.0, low), (0.5, high)):
        assert len(opened(DRAFT, wanted, threshold=threshold)["diagnostics"]) == wanted


def test_a_program_that_is_missing_is_named_with_the_remedy() -> None:
    [message] = opened(DRAFT, command=["no-such-program", "lsp"])["messages"][-1:]
    assert "no-such-program lsp" in message
    assert "pip install 'spoilerguard[lsp]'" in message


def test_the_manifest_agrees_with_the_server_and_the_tests() -> None:
    settings = MANIFEST["contributes"]["configuration"]["properties"]
    assert settings.keys() == {"spoilerguard.command", *(f"spoilerguard.{name}" for name in OPTIONS)}
    assert settings["spoilerguard.sensitivity"]["enum"] == ["", *SENSITIVITIES]
    tested = json.loads((ROOT / "tests" / "node" / "package.json").read_text(encoding="utf-8"))["dependencies"]
    client = "vscode-languageclient"
    assert MANIFEST["devDependencies"][client] == tested[client]
    assert MANIFEST["version"] == sg.__version__
    assert (FOLDER / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
