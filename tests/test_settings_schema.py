"""The JSON Schema of the settings accepts what a run accepts, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
import pytest
from test_settings import BAD, GOOD

from spoilerguard.errors import InputError
from spoilerguard.settings.keys import COMMANDS, KEYS
from spoilerguard.settings.layers import Settings, check_consent, find
from spoilerguard.settings.schema import schema

SCHEMA = Draft7Validator(schema())


def toml(value: Any) -> str:
    """A value of JSON in TOML, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def accepts(folder: Path, table: dict[str, Any]) -> bool:
    """Whether the program runs with these settings."""
    file = folder / ".spoilerguard.toml"
    file.write_text("".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in table.items()), encoding="utf-8")
    try:
        found: Settings = find(str(file))
        for values in (found.values, *found.sections.values(), *(override.values for override in found.overrides)):
            check_consent(values)
    except InputError:
        return False
    return True


# Values that suit some key, and values that suit none.
text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=5)
words = sorted({word for key in KEYS.values() if key.choices for word in key.choices()})
numbers = st.integers(-2, 2) | st.floats(-0.5, 1.5, allow_nan=False)
limits = numbers.map(str) | st.sampled_from(
    ["never", "Never", "1e-3", " 0.5", "0_1", "nan", "", ".5", "1.", "1.00", "01"]
)
values = st.sampled_from(words) | st.booleans() | numbers | limits | text | st.lists(text | numbers, max_size=2)
keys = st.sampled_from([*KEYS, "overrides", "paths", "blurr", "input_format"])
tables = st.dictionaries(keys, values, max_size=3)
overrides = st.lists(
    st.builds(lambda table, paths: table | paths, tables, st.fixed_dictionaries({}, optional={"paths": values})),
    max_size=2,
)
files = st.builds(
    lambda table, sections, more: table | sections | more,
    tables,
    st.dictionaries(st.sampled_from([*sorted(COMMANDS), "config"]), tables | values, max_size=2),
    st.fixed_dictionaries({}, optional={"overrides": overrides | values}),
)


@given(files)
@example({"show-text": True})
@example({"model": "./fast"})
@example({"blur": {"format": "json"}})
@example({"overrides": [{"paths": ["a"], "model": "fast"}]})
def test_schema_and_program_agree(tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any]) -> None:
    folder = tmp_path_factory.getbasetemp() / "agreed"
    folder.mkdir(exist_ok=True)
    assert SCHEMA.is_valid(table) == accepts(folder, table)


@pytest.mark.parametrize("name", KEYS)
@given(value=values)
def test_they_agree_on_each_key(tmp_path_factory: pytest.TempPathFactory, name: str, value: Any) -> None:
    folder = tmp_path_factory.getbasetemp() / "agreed"
    folder.mkdir(exist_ok=True)
    assert SCHEMA.is_valid({name: value}) == accepts(folder, {name: value})


@pytest.mark.parametrize("name", KEYS)
def test_each_key_has_an_example_on_both_sides(name: str) -> None:
    import tomllib

    good = tomllib.loads(f"x = {GOOD[name][0]}")["x"]
    bad = tomllib.loads(f"x = {BAD[name][0]}")["x"]
    assert SCHEMA.is_valid({name: good}) == (name != "show-text")  # which needs consent
    assert not SCHEMA.is_valid({name: bad})
    assert SCHEMA.schema["properties"][name]["description"] == KEYS[name].help


def test_it_is_a_schema_and_the_command_prints_it(cli: Any) -> None:
    Draft7Validator.check_schema(schema())
    ran = cli("config", "schema")
    assert (ran.status, json.loads(ran.out)) == (0, schema())
