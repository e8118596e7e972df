"""Settings files: which one holds, what it may say, and what wins."""

from __future__ import annotations

from contextlib import suppress
import os
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from spoilerguard.drafts.patterns import Patterns
from spoilerguard.errors import InputError
from spoilerguard.settings.keys import COMMANDS, KEYS
from spoilerguard.settings.layers import Settings, Value, find, over


def for_path(path: str) -> dict[str, Any]:
    """The options that the settings give `check` for a file."""
    return find(path).options("check", path)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: str | Path, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(text.encode())


def fault(text: str) -> str:
    put(".spoilerguard.toml", text)
    with pytest.raises(InputError) as caught:
        find()
    return str(caught.value)


# --- which file ----------------------------------------------------------------------------------


def test_without_a_file_nothing_is_set(project: Path) -> None:
    assert find("draft.md") == Settings()
    assert for_path("draft.md") == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [(".spoilerguard.toml", 'title = "Up"'), ("pyproject.toml", '[tool.spoilerguard]\ntitle = "Up"')],
)
@pytest.mark.parametrize("path", [None, "draft.md", "a/b/draft.md", "a/b", "a/b/not/there.md", "a/../a/x.md"])
def test_a_file_is_found_upward(project: Path, name: str, text: str, path: str | None) -> None:
    Path("a/b").mkdir(parents=True)
    put(name, text)
    assert find(path).file == str(project / name)
    assert find(path).options("check") == {"title": "Up"}


def test_the_nearest_file_alone_holds(project: Path) -> None:
    put("pyproject.toml", '[tool.spoilerguard]\ntitle = "Above"\nsensitivity = "low"')
    put("a/.spoilerguard.toml", 'title = "Near"')
    assert for_path("a/draft.md") == {"title": "Near"}
    assert for_path("draft.md") == {"title": "Above", "sensitivity": "low"}


def test_in_one_folder_our_own_file_wins(project: Path) -> None:
    put("pyproject.toml", '[tool.spoilerguard]\ntitle = "Project"')
    put(".spoilerguard.toml", "")
    assert for_path("draft.md") == {}


@pytest.mark.parametrize(
    "passed",
    [
        "",
        "[project]\nname = 'spoilerguard'",
        "not TOML at all",
        "[tool.spoilerguards]\nx = 1",
        "tool = 1\n#spoilerguard",
    ],
)
def test_a_project_file_that_is_not_about_us_is_passed_over(project: Path, passed: str) -> None:
    put("pyproject.toml", '[tool.spoilerguard]\ntitle = "Above"')
    put("a/pyproject.toml", passed)
    (project / "a/.spoilerguard.toml").mkdir()
    assert for_path("a/draft.md") == {"title": "Above"}


def test_an_empty_table_is_about_us(project: Path) -> None:
    put("pyproject.toml", '[tool.spoilerguard]\ntitle = "Above"')
    put("a/pyproject.toml", "[tool.spoilerguard]")
    assert for_path("a/draft.md") == {}


def test_a_current_folder_that_is_gone_has_no_settings(project: Path) -> None:
    Path("gone").mkdir()
    os.chdir("gone")
    (project / "gone").rmdir()
    assert find() == Settings()
    put(project / ".spoilerguard.toml", "quotations = false")
    assert for_path(str(project / "draft.md")) == {"quotations": False}


# --- what it may say ------------------------------------------------------------------------------

GOOD: dict[str, tuple[str, Any]] = {
    "model": ('"accurate"', "accurate"),
    "sensitivity": ('"high"', "high"),
    "threshold": ("1", 1.0),
    "quotations": ("false", False),
    "any-language": ("true", True),
    "title": ('"The Glass Orchard"', "The Glass Orchard"),
    "blurb": ('"texts/../blurb.txt"', "{}/blurb.txt"),
    "synopsis": ('""', ""),
    "works": ('""', ""),
    "input-format": ('"markdown"', "markdown"),
    "format": ('"json"', "json"),
    "color": ('"always"', "always"),
    "exclude": ('[\n  "old/**",\n]', ["old/**"]),
    "force-exclude": ("true", True),
    "respect-gitignore": ("false", False),
    "fail-on": ("0.9", "0.9"),
    "show-text": ("true", True),
    "keep-text": ("true", True),
    "report-unused": ("true", True),
    "baseline": ('"/known.json"', "/known.json"),
    "style": ('"reddit"', "reddit"),
}
BAD = {
    "model": ("3", "a string, not 3"),
    "sensitivity": ('"hihg"', "one of low, medium, high, not 'hihg'; did you mean 'high'?"),
    "threshold": ("1.5", "a probability from 0 to 1, not 1.5"),
    "quotations": ("0", "true or false, not 0"),
    "any-language": ('"fr"', "true or false, not 'fr'"),
    "title": ("['a']", "a string, not ['a']"),
    "blurb": ("false", "a string, not False"),
    "synopsis": ("1979-05-27", "a string"),
    "works": ("true", "a string"),
    "input-format": ('"docx"', "one of text, markdown, mdx, html, auto, not"),
    "format": ('"JSON"', "did you mean 'json'?"),
    "color": ('"alway"', "did you mean 'always'?"),
    "exclude": ('"old/**"', "a list of patterns of paths"),
    "force-exclude": ('"yes"', "true or false, not 'yes'"),
    "respect-gitignore": ("[]", "true or false"),
    "fail-on": ('"sometimes"', "a probability from 0 to 1, or \"never\", not 'sometimes'"),
    "show-text": ("nan", "true or false"),
    "keep-text": ("1", "true or false"),
    "report-unused": ("{}", "true or false"),
    "baseline": ("[1]", "a string, not [1]"),
    "style": ('"redit"', "did you mean 'reddit'?"),
}


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_read(project: Path, key: str) -> None:
    text, value = GOOD[key]
    put(".spoilerguard.toml", f"# mine\n{key} = {text}\n")
    expected = value.format(project) if isinstance(value, str) else value
    assert find().values == {key: Value(expected, ".spoilerguard.toml:2")}
    assert all(find().options(command) == {KEYS[key].option: expected} for command in KEYS[key].commands)
    assert all(find().options(command) == {} for command in COMMANDS - set(KEYS[key].commands))


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_checked(project: Path, key: str) -> None:
    text, message = BAD[key]
    found = fault(f"\n\n{key} = {text}\n")
    assert found.startswith(f".spoilerguard.toml:3: {key} ")
    assert message in found


@pytest.mark.parametrize("value", ["nan", "inf", "-0.1", "true", '"0.5"'])
def test_a_threshold_is_a_probability(project: Path, value: str) -> None:
    assert "threshold must be a probability from 0 to 1" in fault(f"threshold = {value}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('sensitivty = "low"', ":1: unknown setting 'sensitivty'; did you mean 'sensitivity'?"),
        ('\n"input_format" = "text"', ":2: unknown setting 'input_format'; did you mean 'input-format'?"),
        ("[blurr]\n", ":1: unknown setting 'blurr'; did you mean 'blur'?"),
        ("zzz = 1", ":1: unknown setting 'zzz'; choose from model, sensitivity,"),
        ("[blur]\nformat = 'json'", ":2: format cannot be set in [blur]"),
        ("[blur]\nstyel = 'html'", ":2: unknown setting 'styel'; did you mean 'style'?"),
        ("blur = 'html'", ":1: write the settings of blur as a table: [blur]"),
        ("overrides = 3", ":1: write each override as a table: [[overrides]]"),
        ("[[overrides]]\ntitle = 'x'", ":1: an override needs paths, as in paths = "),
        ("[[overrides]]\npaths = 'x'", ":2: paths must be a list of patterns"),
        ("[[overrides]]\npaths = ['x']\n[[overrides]]\npaths = ['y']\nmodel = 'fast'", ":5: model cannot be set in an"),
        ("[[overrides]]\npaths = ['x']\ntitel = 'fast'", ":3: unknown setting 'titel'; did you mean 'title'?"),
        ("title = 'a'\ntitle = 'b'", ":2: not TOML: "),
        ("title = ", ":1: not TOML: "),
        ("title = [\n\n", ":3: not TOML: "),
        ("threshold = 1" + "0" * 5000, ": not TOML: "),
        ("title = " + "[" * 100_000, ": not TOML: "),
    ],
)  # fmt: skip
def test_a_fault_is_reported_with_its_place_and_remedy(project: Path, text: str, message: str) -> None:
    assert fault(text).startswith(f".spoilerguard.toml{message}")


def test_a_fault_in_a_project_file_names_our_tables(project: Path) -> None:
    put("a/pyproject.toml", "[tool.other]\nformat = 1\n[ tool . 'spoilerguard' . preview ] # ours\nformat = 'json'")
    with pytest.raises(InputError, match=r"^a/pyproject.toml:4: format cannot be set in \[tool.spoilerguard.preview"):
        find("a/draft.md")
    put("a/pyproject.toml", "tool.spoilerguard = 'yes'")
    with pytest.raises(InputError, match=r"^a/pyproject.toml: write the settings as a table: \[tool.spoilerguard\]$"):
        find("a/draft.md")


def test_a_file_that_is_not_utf8_names_the_line(project: Path) -> None:
    Path(".spoilerguard.toml").write_bytes(b"# \n# caf\xe9\n")
    with pytest.raises(InputError, match=r"^.spoilerguard.toml:2: not UTF-8"):
        find()


def test_a_byte_order_mark_is_no_fault(project: Path) -> None:
    Path(".spoilerguard.toml").write_bytes(b"\xef\xbb\xbfquotations = false\r\n")
    assert for_path("x.md") == {"quotations": False}


def test_an_unreadable_file_is_reported(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(".spoilerguard.toml", "")
    monkeypatch.setattr(
        "builtins.open", lambda *a, **k: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
    )
    with pytest.raises(InputError, match=r"^.spoilerguard.toml: cannot be read \(Permission denied\)"):
        find()


@given(st.text(max_size=200) | st.from_regex(r"(\[{0,3}[\w. ]+\]{0,3}\n?|\w+ ?= ?[\w'\"\[\]]*\n?){0,8}"))
def test_no_text_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any" / ".spoilerguard.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(InputError):
        assert find(str(file)).file == str(file)


def test_a_model_is_a_name_or_a_folder_beside_the_settings(project: Path) -> None:
    for name in ("fast", "mine"):
        Path("a", name).mkdir(parents=True)
    models = {"fast": "fast", "./fast": "{}/a/fast", "mine": "{}/a/mine", "other": "other", "../b": "{}/b"}
    for model, meant in models.items():
        put("a/.spoilerguard.toml", f'model = "{model}"')
        assert for_path("a/x.md") == {"model": meant.format(project)}


# --- what wins -----------------------------------------------------------------------------------

LAYERS = """
sensitivity = "low"
title = "All"
[blur]
title = "Blurred"
[[overrides]]
paths = ["reviews/**", "!reviews/old/"]
title = "Reviews"
blurb = "blurb.txt"
[[overrides]]
paths = ["*.html"]
title = "Page"
"""


@pytest.mark.parametrize(
    ("path", "command", "title"),
    [
        ("x.md", "check", "All"),
        ("x.md", "blur", "Blurred"),
        ("reviews/x.md", "check", "Reviews"),
        ("./reviews/../reviews/a/x.md", "blur", "Reviews"),
        ("reviews/old/x.md", "check", "All"),
        ("reviews/x.html", "check", "Page"),
        ("posts/x.html", "blur", "Page"),
        ("reviews/older.md", "check", "Reviews"),
        ("../reviews/x.md", "check", "All"),
    ],
)
def test_the_more_special_wins(project: Path, path: str, command: str, title: str) -> None:
    put(".spoilerguard.toml", LAYERS)
    found = find()
    assert found.options(command, path)["title"] == title
    assert found.options(command, path)["sensitivity"] == "low"
    assert ("blurb" in found.options(command, path)) == (title == "Reviews" or path == "reviews/x.html")


def test_overrides_are_of_paths_below_the_settings_wherever_one_stands(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(".spoilerguard.toml", LAYERS)
    Path("reviews").mkdir()
    monkeypatch.chdir("reviews")
    assert for_path("x.md")["title"] == for_path(str(project / "reviews" / "x.md"))["title"] == "Reviews"
    assert find().values["title"].origin == f"{project}/.spoilerguard.toml:3"


def test_an_invalid_pattern_is_reported(project: Path) -> None:
    put(".spoilerguard.toml", "[[overrides]]\ntitle = 'x'\npaths = ['ok', '!']")
    with pytest.raises(InputError, match=r"^.spoilerguard.toml:3: invalid path pattern '!'"):
        for_path("draft.md")
    with pytest.raises(InputError, match=r"^x: invalid path pattern '\[z-a\]'"):
        Patterns(".", ["[z-a]"], "x").matches("draft.md")


def test_a_sensitivity_beats_a_threshold_that_is_more_general() -> None:
    assert over({"threshold": 0.9, "title": "x"}, {"sensitivity": "low"}) == {"title": "x", "sensitivity": "low"}
    assert over({"sensitivity": "low"}, {"threshold": 0.9}) == {"sensitivity": "low", "threshold": 0.9}
    both = {"sensitivity": "low", "threshold": 0.9}
    assert over({"threshold": 0.1}, both) == over(both, {}) == both
