"""Small things that cost trust: files that are no drafts, and options that are mistyped."""

from __future__ import annotations

from pathlib import Path

from commands import Cli
import pytest
from texts import CLEAN

import spoilerguard as sg

# --- files that are no drafts --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "d.docx",
            b"PK\x03\x04\x14\x00word/document.xml",
            "a Word, OpenDocument, e-book or zip file, not a draft; convert it",
        ),
        ("d.pdf", b"%PDF-1.7\n%\xe2\xe3", "a PDF, not a draft; convert it to text first, for example with pdftotext"),
        ("d.rtf", b"{\\rtf1\\ansi He dies.}", "a rich text file, not a draft"),
        ("d.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word file, not a draft"),
    ],
)
def test_a_file_of_another_kind_says_what_to_do(name: str, data: bytes, message: str, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / name).write_bytes(data)
    for command in ("check", "blur", "preview"):
        ran = cli(command, tmp_path / name)
        assert ran.status == 2
        assert f"{tmp_path / name}: {message}" in ran.err


def test_an_address_is_no_file(cli: Cli) -> None:
    for command in ("check", "blur", "preview"):
        ran = cli(command, "https://example.com/post")
        assert ran.status == 2
        assert "https://example.com/post: an address, and spoilerguard reads nothing from the web" in ran.err


@pytest.mark.parametrize("text", ["", "\n\n", "---\ntitle: x\n---\n"])
def test_an_empty_draft_is_said_to_be_empty(text: str, tmp_path: Path, cli: Cli) -> None:
    draft = tmp_path / "d.md"
    draft.write_text(text, encoding="utf-8")
    ran = cli("check", draft)
    assert ran.status == 0
    assert "nothing was checked: there is no prose in it" in ran.err


# --- options -------------------------------------------------------------------------------------


def test_a_text_where_a_file_is_wanted(tmp_path: Path, cli: Cli) -> None:
    draft = tmp_path / "d.md"
    draft.write_text(CLEAN, encoding="utf-8")
    for option in ("--blurb", "--synopsis"):
        ran = cli("check", draft, option, "A banker is found dead.")
        assert ran.status == 2
        assert f"{option} takes a file, not the text itself" in ran.err
    assert "absent.txt: no such file" in cli("check", draft, "--blurb", "absent.txt").err


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("70%", "for 70% give 0.7"),
        ("high", "--threshold must be a probability from 0 to 1, not 'high'"),
        ("70", "for 70% give 0.7"),
    ],
)
def test_a_threshold_in_percent(value: str, hint: str, tmp_path: Path, cli: Cli) -> None:
    draft = tmp_path / "d.md"
    draft.write_text(CLEAN, encoding="utf-8")
    ran = cli("check", draft, "--threshold", value)
    assert ran.status == 2
    assert hint in " ".join(ran.err.replace("│", " ").split())


@pytest.mark.parametrize("word", ["draft.md", "posts/", "https://example.com/x"])
def test_a_draft_in_place_of_a_command(word: str, cli: Cli) -> None:
    ran = cli(word)
    assert ran.status == 2
    assert ran.err == f"spoilerguard: {word} is no command; to check a draft: spoilerguard check {word}\n"


def test_a_work_with_a_mistyped_key_and_a_text_that_is_none() -> None:
    with pytest.raises(sg.InputError, match="unknown key 'titel' in work"):
        sg.flag("He dies.", work={"titel": "x"})
    with pytest.raises(sg.InputError, match="a text must be a string, not NoneType"):
        sg.flag(None)  # type: ignore[arg-type]


def test_settings_pasted_from_a_project_hold(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pasted = (
        '[tool.spoilerguard]\nsensitivity = "high"\n\n[[tool.spoilerguard.overrides]]\npaths = ["x"]\ntitle = "Up"\n'
    )
    (tmp_path / ".spoilerguard.toml").write_text(pasted, encoding="utf-8")
    assert ".spoilerguard.toml:2" in cli("config", "show").out
    (tmp_path / ".spoilerguard.toml").write_text('title = "Up"\n' + pasted, encoding="utf-8")
    ran = cli("config", "show")
    assert ran.status == 2
    assert "'title' stands beside the table [tool.spoilerguard]; move it into that table" in ran.err
    (tmp_path / ".spoilerguard.toml").write_text('[tool.spoilerguard]\nsensitivty = "high"\n', encoding="utf-8")
    assert ".spoilerguard.toml:2: unknown setting 'sensitivty'; did you mean 'sensitivity'" in cli("config", "show").err
