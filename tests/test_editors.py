"""The set-ups on the page for editors: each is run by its editor against the real server, where that is installed."""

from __future__ import annotations

import json
import os
from pathlib import Path
import re
import subprocess
import tomllib

from offline import ROOT, command
import pytest
from texts import HARMLESS, SPOILERS
from tools import program
from waiting import WAIT

import spoilerguard as sg

PAGE = (ROOT / "spoilerguard" / "assets" / "editors.md").read_text(encoding="utf-8")
DRAFT = f"# A review\n\n{HARMLESS[1]}\n\n{SPOILERS[0]}\n"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture
def line(tmp_path: Path) -> int:
    """The line of the one spoiler in draft.md, counted from 0."""
    (tmp_path / "draft.md").write_text(DRAFT, encoding="utf-8")
    (flag,) = sg.flag(DRAFT, format="markdown")
    return flag.line - 1


def run(folder: Path, *words: str) -> str:
    """What an editor prints that is started in a folder, with our program on its path and no settings of the user."""
    path = os.pathsep.join((str(command(folder / "bin")), os.environ["PATH"]))
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "PATH": path, "LANG": "C.UTF-8"}
    ran = subprocess.run(words, cwd=folder, env=os.environ | home, capture_output=True, text=True, timeout=WAIT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_neovim_underlines_the_spoiler(tmp_path: Path, line: int) -> None:
    nvim = program("nvim")
    version = re.search(r"v(\d+)\.(\d+)", run(tmp_path, nvim, "--version"))
    assert version is not None
    new, old = blocks("lua")
    (tmp_path / "setup.lua").write_text(new if (int(version[1]), int(version[2])) >= (0, 11) else old, encoding="utf-8")
    (tmp_path / "ask.lua").write_text(
        f"""
        vim.bo.filetype = "markdown"
        vim.wait({WAIT * 1000}, function() return #vim.diagnostic.get(0) > 0 end, 50)
        for _, found in ipairs(vim.diagnostic.get(0)) do io.write("found ", found.lnum, "\\n") end
        vim.cmd("qall!")
        """,
        encoding="utf-8",
    )
    shown = run(tmp_path, nvim, "--headless", "-u", "setup.lua", "draft.md", "-c", "luafile ask.lua")
    assert re.findall(r"found (\d+)", shown) == [str(line)]


def test_emacs_underlines_the_spoiler(tmp_path: Path, line: int) -> None:
    emacs = program("emacs")
    (setup,) = blocks("elisp")
    (tmp_path / "setup.el").write_text(f"(package-initialize)\n{setup}", encoding="utf-8")
    (tmp_path / "ask.el").write_text(
        """
        (find-file "draft.md")
        (text-mode)
        (run-hooks 'post-command-hook)
        (while (not (and (fboundp 'flymake-diagnostics) (flymake-diagnostics)))
          (accept-process-output nil 0.1)
          (flymake-start))
        (dolist (found (flymake-diagnostics))
          (message "found %d" (1- (line-number-at-pos (flymake-diagnostic-beg found)))))
        """,
        encoding="utf-8",
    )
    shown = run(tmp_path, emacs, "--batch", "-l", "setup.el", "-l", "ask.el")
    assert re.findall(r"found (\d+)", shown) == [str(line)]


def test_what_no_editor_reads_here_is_well_formed() -> None:
    (helix,), (sublime,) = blocks("toml"), blocks("json")
    server = tomllib.loads(helix)["language-server"]["spoilerguard"]
    assert [server["command"], *server["args"]] == ["spoilerguard", "lsp"]
    assert json.loads(sublime)["clients"]["spoilerguard"]["command"] == ["spoilerguard", "lsp"]
    assert set(re.findall(r"^```(\w+)$", PAGE, re.M)) == {"lua", "elisp", "toml", "json"}
