"""Settings where users have them: as the defaults of options, in `config show`, and what a shell completes."""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tomllib
from typing import Any

from commands import PACKAGE_AT, Cli, Ran
import pytest
from test_settings import put
from texts import CLEAN, HARMLESS, REVIEW, SPOILERS
import typer.main
from waiting import WAIT

from spoilerguard.cli import app
from spoilerguard.hiding.styles import STYLES
from spoilerguard.model.store import bundled_models
from spoilerguard.printing import PRINTERS
from spoilerguard.settings.keys import KEYS


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Drafts with and without spoilers; the current folder."""
    monkeypatch.chdir(tmp_path)
    put("clean.md", CLEAN)
    put("spoiled.md", REVIEW)
    put("reviews/spoiled.md", REVIEW)
    return tmp_path


def checked(ran: Ran) -> dict[str, int]:
    """The flags of each file."""
    return {f["path"]: len(f["flags"]) for f in json.loads(ran.out)["files"]}


# --- defaults of options ------------------------------------------------------------------------------


def test_every_key_names_options_that_there_are() -> None:
    commands = typer.main.get_group(app).commands
    missing = {
        (name, key.name)
        for key in KEYS.values()
        for name in key.commands
        if name in commands and key.option not in {param.name for param in commands[name].params}
    }
    assert missing == set()


def test_settings_are_the_defaults_and_the_command_line_wins(project: Path, cli: Cli) -> None:
    put(".spoilerguard.toml", 'format = "json"\nthreshold = 1')
    assert checked(cli("check", "spoiled.md")) == {"spoiled.md": 0}
    assert checked(cli("check", "spoiled.md", "--threshold", "0"))["spoiled.md"] > len(SPOILERS)
    assert checked(cli("check", "spoiled.md", "--sensitivity", "medium")) == {"spoiled.md": len(SPOILERS)}
    assert "{" not in cli("check", "spoiled.md", "--format", "line").out


def test_settings_are_those_of_the_first_draft(project: Path, cli: Cli) -> None:
    put("reviews/.spoilerguard.toml", 'format = "line"')
    assert cli("check", "reviews/spoiled.md", "spoiled.md").out.count("may give the plot away") == 2 * len(SPOILERS)
    assert "may give" not in cli("check", "spoiled.md", "reviews/spoiled.md").out
    assert "may give" in cli("check", "-", "--stdin-filename", "reviews/new.md", stdin=REVIEW).out
    assert "may give" not in cli("check", "-", stdin=REVIEW).out


def test_an_override_is_for_the_files_it_names(project: Path, cli: Cli) -> None:
    put(".spoilerguard.toml", 'format = "json"\n[[overrides]]\npaths = ["reviews/**"]\nthreshold = 1')
    assert checked(cli("check", ".")) == {"./clean.md": 0, "./reviews/spoiled.md": 0, "./spoiled.md": len(SPOILERS)}
    for option in (("--threshold", "0.5"), ("--sensitivity", "medium")):
        assert checked(cli("check", ".", *option))["./reviews/spoiled.md"] > 0
    assert checked(cli("check", "-", "--stdin-filename", "reviews/a.md", stdin=REVIEW)) == {"reviews/a.md": 0}
    assert cli("blur", "reviews/spoiled.md").out == REVIEW
    assert cli("blur", "spoiled.md").out != REVIEW


def test_an_override_may_be_more_sensitive_than_the_threshold_of_all(project: Path, cli: Cli) -> None:
    put(".spoilerguard.toml", 'format = "json"\nthreshold = 1\n[[overrides]]\npaths = ["a.md"]\nsensitivity = "high"')
    put("a.md", REVIEW)
    assert checked(cli("check", "a.md", "spoiled.md")) == {"a.md": len(SPOILERS), "spoiled.md": 0}


def test_an_override_may_set_markup_and_work(project: Path, cli: Cli) -> None:
    put("page", f"<p>{CLEAN}</p>")
    put(
        ".spoilerguard.toml",
        '[[overrides]]\npaths = ["page"]\ninput-format = "html"\ntitle = "Up"\n'
        '[[overrides]]\npaths = ["spoiled.md"]\nquotations = false\nblurb = "missing.txt"',
    )
    ran = cli("check", "page", "spoiled.md", "--format", "json")
    page, spoiled = json.loads(ran.out)["files"]
    assert page["format"] == "html"
    assert spoiled["error"] == f"{project}/missing.txt: no such file"
    assert ran.status == 2


def test_files_of_the_work_lie_beside_the_settings(project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    put(".spoilerguard.toml", 'blurb = "missing.txt"')
    monkeypatch.chdir("reviews")
    assert cli("check", "spoiled.md").err == f"spoilerguard: {project}/missing.txt: no such file\n"
    put(project / "missing.txt", HARMLESS[0])
    assert cli("check", "spoiled.md").status == 1


def test_a_command_has_settings_of_its_own(project: Path, cli: Cli) -> None:
    put(
        "pyproject.toml",
        '[tool.spoilerguard]\nstyle = "discord"\nthreshold = 1\n[tool.spoilerguard.blur]\nthreshold = 0.5',
    )
    assert cli("check", "spoiled.md").status == 0
    assert "||" in cli("blur", "spoiled.md").out
    assert ">!" in cli("blur", "spoiled.md", "--style", "reddit").out


def test_other_commands_have_settings_too(project: Path, cli: Cli) -> None:
    put(".spoilerguard.toml", "threshold = 0.99")
    assert "at this threshold (from 99%)" in cli("explain", SPOILERS[0]).out
    assert "at low sensitivity" in cli("explain", SPOILERS[0], "--sensitivity", "low").out


@pytest.mark.parametrize("command", ["check", "blur", "preview", "explain"])
def test_a_fault_in_the_settings_ends_a_command(project: Path, cli: Cli, command: str) -> None:
    put(".spoilerguard.toml", "threshhold = 0.5")
    message = "spoilerguard: .spoilerguard.toml:1: unknown setting 'threshhold'; did you mean 'threshold'?\n"
    assert cli(command, "spoiled.md") == (2, "", message)
    assert cli(command, "--help").status == 0


# --- what is left out -----------------------------------------------------------------------------


def test_exclude_is_of_the_settings_folder_and_the_option_of_the_current_one(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(".spoilerguard.toml", 'exclude = ["/reviews", "clean.md"]\nformat = "json"')
    assert list(checked(cli("check", "."))) == ["./spoiled.md"]
    assert list(checked(cli("check", ".", "--exclude", "*oile*"))) == ["./clean.md"]
    put("reviews/clean.md", CLEAN)
    monkeypatch.chdir("reviews")
    assert list(checked(cli("check", "..", "--exclude", "/clean.md"))) == [
        f"../{name}" for name in ("clean.md", "reviews/spoiled.md", "spoiled.md")
    ]


def test_excluded_drafts_are_checked_where_they_are_named_unless_forced(project: Path, cli: Cli) -> None:
    put(".spoilerguard.toml", 'exclude = ["reviews"]')
    assert cli("check", "reviews/spoiled.md").status == 1
    assert cli("check", "reviews/spoiled.md", "--force-exclude") == (0, "No spoilers in 0 sentences of 0 files\n", "")
    put(".spoilerguard.toml", 'exclude = ["reviews"]\nforce-exclude = true')
    assert cli("check", "reviews/spoiled.md").status == 0


def test_what_git_ignores_is_left_out_of_folders(project: Path, cli: Cli) -> None:
    put(".gitignore", "reviews/\n")
    assert list(checked(cli("check", ".", "--format", "json"))) == ["./clean.md", "./spoiled.md"]
    assert len(checked(cli("check", ".", "--format", "json", "--no-gitignore"))) == 3
    put(".spoilerguard.toml", "respect-gitignore = false")
    assert len(checked(cli("check", ".", "--format", "json"))) == 3
    assert len(checked(cli("check", ".", "--format", "json", "--gitignore"))) == 2


def test_an_invalid_pattern_is_reported(project: Path, cli: Cli) -> None:
    ran = cli("check", ".", "--exclude", "!")
    assert (ran.status, ran.err) == (
        2,
        "spoilerguard: --exclude: invalid path pattern '!'; write it as in .gitignore\n",
    )


# --- colour ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "settings", "options", "coloured"),
    [
        ({"NO_COLOR": "", "FORCE_COLOR": "1"}, "", [], True),  # empty is as if it were not there
        ({"FORCE_COLOR": ""}, "", [], False),
        ({"NO_COLOR": "0", "FORCE_COLOR": "1"}, "", [], False),  # any other value counts, as no-color.org has it
        ({"NO_COLOR": "1"}, 'color = "always"', [], True),
        ({"FORCE_COLOR": "1"}, 'color = "always"', ["--color", "never"], False),
        ({"NO_COLOR": "1"}, 'color = "always"', ["--color", "auto"], False),
    ],
)
def test_colour_by_environment_settings_and_option(
    project: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    settings: str,
    options: list[str],
    coloured: bool,
) -> None:
    put(".spoilerguard.toml", settings)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in cli("check", "spoiled.md", *options).out) == coloured


# --- config show ------------------------------------------------------------------------------------


def shown(ran: Ran) -> dict[str, tuple[Any, str]]:
    return {row["key"]: (row["value"], row["origin"]) for row in json.loads(ran.out)["settings"]}


def test_config_show_tells_every_value_and_its_origin(project: Path, cli: Cli) -> None:
    put(
        "pyproject.toml",
        '[tool.spoilerguard]\nsensitivity = "low"\nexclude = ["a", "b"]\n[tool.spoilerguard.blur]\nstyle = "rot13"\n'
        '[[tool.spoilerguard.overrides]]\npaths = ["*.html"]\ntitle = "Über"\nsensitivity = "high"\n',
    )
    draft, page = (cli("config", "show", name) for name in ("draft.md", "x/page.html"))
    assert (draft.status, draft.err) == (0, "")
    head, *lines = draft.out.splitlines()
    assert head == str(project / "pyproject.toml")
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
    assert list(rows) == [*KEYS, "blur.style"]
    assert rows["sensitivity"].split() == ['"low"', "pyproject.toml:2"]
    assert rows["exclude"].split() == ['["a",', '"b"]', "pyproject.toml:3"]
    assert rows["quotations"].split() == ["true", "default"]
    assert rows["title"].split() == ["not", "set", "default"]
    assert rows["blur.style"].split() == ['"rot13"', "pyproject.toml:5"]
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in page.out.splitlines()[1:]}
    assert rows["sensitivity"].split() == ['"high"', "pyproject.toml:9"]
    assert rows["title"].split() == ['"Über"', "pyproject.toml:8"]


def test_config_show_for_programs(project: Path, cli: Cli) -> None:
    put(".spoilerguard.toml", "threshold = 0.5\n[preview]\nsensitivity = 'high'")
    ran = cli("config", "show", "--format", "json")
    assert json.loads(ran.out)["version"] == 1
    assert json.loads(ran.out)["file"] == str(project / ".spoilerguard.toml")
    assert list(shown(ran)) == [*KEYS, "preview.sensitivity", "preview.threshold"]
    assert shown(ran)["threshold"] == (0.5, ".spoilerguard.toml:1")
    assert shown(ran)["model"] == ("fast", "default")
    assert shown(ran)["preview.sensitivity"] == ("high", ".spoilerguard.toml:3")
    assert shown(ran)["preview.threshold"] == (None, "default")


def test_config_show_without_a_file(project: Path, cli: Cli) -> None:
    ran = cli("config", "show")
    assert ran.out.startswith("No settings file: neither .spoilerguard.toml nor pyproject.toml, here or above\n")
    assert all(line.endswith("  default") for line in ran.out.splitlines()[1:])


def test_what_config_show_shows_is_toml(project: Path, cli: Cli) -> None:
    put(
        ".spoilerguard.toml",
        'title = "“Up” \\\\ \\"down\\""\nexclude = ["a\\tb"]\nthreshold = 0.25\nquotations = false',
    )
    ran = cli("config", "show")
    lines = [line.rpartition("  ")[0] for line in ran.out.splitlines() if line.endswith(tuple("1234"))]
    settings = tomllib.loads("\n".join(line.strip().replace(" ", " = ", 1) for line in lines))
    assert settings == tomllib.loads(Path(".spoilerguard.toml").read_text(encoding="utf-8"))


def test_config_show_tells_a_fault(project: Path, cli: Cli) -> None:
    put(".spoilerguard.toml", "[[overrides]]\npaths = ['!']\ntitle = 'x'")
    assert cli("config", "show").status == 0
    assert cli("config", "show", "x.md").err.startswith("spoilerguard: .spoilerguard.toml:2: invalid path pattern")
    put(".spoilerguard.toml", "sensitivity = 'hi'")
    assert cli("config", "show").status == 2
    assert cli("config", "show", "--format", "yaml").err.startswith("spoilerguard: unknown --format 'yaml'")


@pytest.mark.parametrize("command", [["config"], ["config", "show"]])
def test_help_holds_an_example(cli: Cli, command: list[str]) -> None:
    ran = cli(*command, "--help")
    assert ran.status == 0
    assert "spoilerguard config show" in ran.out.partition("Example")[2]


# --- shells ---------------------------------------------------------------------------------------


@pytest.fixture
def bash(project: Path) -> Callable[[str], list[str]]:
    """Runs a script in a real bash that has the command on its path; its lines."""
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("bash is not installed")
    put("bin/spoilerguard", f'#!/bin/sh\nexec "{sys.executable}" -m spoilerguard "$@"\n')
    Path("bin/spoilerguard").chmod(0o755)
    environment = {**os.environ, "PATH": f"{project}/bin{os.pathsep}{os.environ['PATH']}", "HOME": str(project)}
    environment |= {"PYTHONPATH": PACKAGE_AT}

    def run(script: str) -> list[str]:
        command = [shell, "--norc", "-c", f"{script}\ntrue"]
        ran = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=WAIT)
        assert ran.stderr == b""
        return ran.stdout.decode().splitlines()

    return run


TABBED = """
_tab() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  "$(complete -p spoilerguard | sed 's/.*-F \\([^ ]*\\).*/\\1/')" spoilerguard
  echo "${COMPREPLY[@]}"
}
"""


def test_bash_completes_what_may_be_chosen(bash: Callable[[str], list[str]]) -> None:
    put(".spoilerguard.toml", "a fault = no matter")
    typed = {
        "blur --style re": [name for name in STYLES if name.startswith("re")],
        "check --format ''": list(PRINTERS),
        "check --sensitivity ''": ["low", "medium", "high"],
        "scan --model ''": list(bundled_models()),
        "preview x.md --input-format m": ["markdown", "mdx"],
        "check --color n": ["never"],
        "check --force": ["--force-exclude"],
        "config show --format j": ["json"],
        "conf": ["config"],
    }
    tabs = "\n".join(f"_tab spoilerguard {words}" for words in typed)
    lines = bash(f"source <(spoilerguard --show-completion bash)\n{TABBED}\n{tabs}")
    assert {words: sorted(line.split()) for words, line in zip(typed, lines, strict=True)} == {
        words: sorted(choices) for words, choices in typed.items()
    }


def test_completion_is_installed(project: Path, bash: Callable[[str], list[str]]) -> None:
    bash("spoilerguard --install-completion bash")
    assert bash(f"source ~/.bashrc\n{TABBED}\n_tab spoilerguard config sh") == ["show"]
