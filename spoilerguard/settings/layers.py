"""The settings of a project: `.spoilerguard.toml`, or `[tool.spoilerguard]` in `pyproject.toml`, found upward.

A `.spoilerguard.toml` may also hold the settings as a `pyproject.toml` does.

In order of precedence, lowest first: the default of the option, the table, the table of the command
(`[tool.spoilerguard.blur]`), the overrides whose paths match, in their order, and the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
import os
import re
import shlex
from typing import Any, NamedTuple, TypeVar

from spoilerguard.drafts.patterns import Patterns
from spoilerguard.errors import InputError, suggestion
from spoilerguard.settings.keys import COMMANDS, KEYS, Key, globs

__all__ = ["FILES", "Settings", "Value", "as_options", "check_consent", "find", "over", "table_of"]

FILES = (".spoilerguard.toml", "pyproject.toml")  # in one folder, the first wins
_PROJECT = ("tool", "spoilerguard")  # the table in pyproject.toml

V = TypeVar("V")


# --- settings ------------------------------------------------------------------------------------


class Value(NamedTuple):
    """A value, and the `file:line` it comes from."""

    value: Any
    origin: str


class Override(NamedTuple):
    """Values for the drafts whose paths match."""

    paths: Patterns
    values: Mapping[str, Value]


def over(low: Mapping[str, V], high: Mapping[str, V]) -> dict[str, V]:
    """Both mappings, where `high` wins. Its sensitivity also drops the threshold of `low`, which would override it."""
    dropped = "threshold" if "sensitivity" in high else None
    return {**{name: value for name, value in low.items() if name != dropped}, **high}


@dataclass(frozen=True)
class Settings:
    """The content of one settings file; empty where there is none."""

    file: str | None = None
    folder: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    sections: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()

    def values_for(self, command: str | None, path: str | None = None) -> dict[str, Value]:
        """The values that are set, with their origins.

        Args:
            command: The command. Without one, all keys, and no table of a command.
            path: A draft, whose overrides apply. Without one, no override applies.
        """
        ours = {name: v for name, v in self.values.items() if command is None or command in KEYS[name].commands}
        return over(over(ours, self.sections.get(command or "", {})), self.overridden(path) if path else {})

    def overridden(self, path: str) -> dict[str, Value]:
        """The values that the overrides set for one file."""
        values: dict[str, Value] = {}
        for override in self.overrides:
            if override.paths.matches(path):
                values = over(values, override.values)
        return values

    def options(self, command: str, path: str | None = None) -> dict[str, Any]:
        """The values of `values_for`, by the names of parameters: `input_format`."""
        return as_options(self.values_for(command, path))


def check_consent(values: Mapping[str, Value], given: Collection[str] = ()) -> None:
    """Check that the settings, which may be those of a stranger's checkout, set nothing that only the user may set.

    Args:
        values: Values of settings.
        given: The names of parameters that the command line sets: it wins.

    Raises:
        InputError: They do; the message names file, line and the option to give.
    """
    for name, (value, origin) in values.items():
        key = KEYS[name]
        if key.needs_consent is not None and key.option not in given and key.needs_consent(value):
            option = f"--{name}" if value is True else f"--{name} {shlex.quote(str(value))}"
            raise InputError(f"{origin}: {name} is not taken from a settings file without your consent; give {option}")


def as_options(values: Mapping[str, Value]) -> dict[str, Any]:
    """The bare values, by the names of parameters."""
    return {KEYS[name].option: value.value for name, value in values.items()}


# --- finding and reading -------------------------------------------------------------------------


def find(path: str | None = None) -> Settings:
    """The nearest settings, from a folder up to the root.

    Args:
        path: A draft or folder, which need not exist; by default, the current folder.

    Raises:
        InputError: The settings are invalid; the message names file, line and remedy.
    """
    try:
        start = os.path.abspath(path or ".")
    except OSError:  # the current folder no longer exists
        return Settings()
    for folder in _upward(start if path is None or os.path.isdir(start) else os.path.dirname(start)):
        for name in FILES:
            file = os.path.join(folder, name)
            if os.path.isfile(file) and (found := _read(file)) is not None:
                return found
    return Settings()


def _upward(folder: str) -> Iterator[str]:
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _read(file: str) -> Settings | None:
    """The settings in a file; None for a pyproject.toml without any."""
    shown, project = _shown(file), os.path.basename(file) == "pyproject.toml"
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise InputError(f"{shown}: cannot be read ({error.strerror}); make this settings file readable") from None
    if project and b"spoilerguard" not in data:
        return None  # not even parsed: its errors do not concern us
    text, table = _parse(data, shown)
    names = table_of(file, table)
    if not project and names and (beside := table.keys() - {_PROJECT[0]}):
        top = ".".join(_PROJECT)
        raise InputError(f"{shown}: {sorted(beside)[0]!r} stands beside the table [{top}]; move it into that table")
    for name in names:
        table = table.get(name) if isinstance(table, dict) else None
    if table is None:
        return None
    return _Reader(file, shown, _lines(text), ".".join(names)).read(table)


def table_of(file: str, content: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the settings stand in a settings file: the names of tables, from the top.

    In `.spoilerguard.toml` they are at the top, or, where they were pasted from a `pyproject.toml`, in its table.
    """
    pasted = isinstance(tool := content.get(_PROJECT[0]), Mapping) and _PROJECT[1] in tool
    return _PROJECT if pasted or os.path.basename(file) == "pyproject.toml" else ()


def _shown(file: str) -> str:
    """The path of a file for messages: relative if it lies in the current folder."""
    with suppress(OSError):  # the current folder may be gone
        return file.removeprefix(os.path.join(os.getcwd(), ""))
    return file


def _parse(data: bytes, shown: str) -> tuple[str, Any]:
    import tomllib  # only where there is a file

    try:
        text = data.decode("utf-8-sig")
        return text, tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{shown}:{line}: not UTF-8; save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:  # also for a number of too many digits, and for deep nesting
        place = re.search(r"at line (\d+)", str(error))
        last = data.count(b"\n") + 1 if "at end of document" in str(error) else None
        at = f"{shown}:{place[1] if place else last}" if place or last else shown
        raise InputError(f"{at}: not TOML: {error}") from None


_HEADER = re.compile(r"""\s*(\[\[?)([\w\s."'-]+)\]\]?\s*(?:#.*)?$""")
_KEY = re.compile(r"""\s*(["']?)([\w-]+)\1\s*=""")


def _lines(text: str) -> dict[tuple[str, str], int]:
    """The line of each table, as ("tool.x", ""), and of each key; in an array, the third table is "tool.x.2"."""
    table, counts, lines = "", dict[str, int](), dict[tuple[str, str], int]()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            table = re.sub(r"""[\s"']""", "", header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}.{counts[table]}"
            lines.setdefault((table, ""), number)
        elif key := _KEY.match(line):
            lines.setdefault((table, key[2]), number)
    return lines


@dataclass(frozen=True)
class _Reader:
    """Reads the tables of one file; an error names its line where that is known."""

    file: str
    shown: str  # the same, in messages
    lines: Mapping[tuple[str, str], int]
    top: str  # the name of the table that is read

    @property
    def folder(self) -> str:
        return os.path.dirname(self.file)

    def read(self, table: Any) -> Settings:
        if not isinstance(table, dict):
            raise self._error("", "", f"write the settings as a table: [{self.top}]")
        values, sections, overrides = dict[str, Value](), dict[str, Mapping[str, Value]](), list[Override]()
        for name, value in table.items():
            if name == "overrides":
                overrides = self._overrides(value)
            elif name in COMMANDS and isinstance(value, dict):
                sections[name] = self._values(value, name, {k: key for k, key in KEYS.items() if name in key.commands})
            else:
                values.update(self._values({name: value}, "", KEYS))
        return Settings(self.file, self.folder, values, sections, tuple(overrides))

    def _overrides(self, tables: Any) -> list[Override]:
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self._error("", "overrides", f"write each override as a table: [[{self._name('overrides')}]]")
        known, found = {name: key for name, key in KEYS.items() if key.per_path}, []
        for number, table in enumerate(tables):
            under = f"overrides.{number}"
            if not (paths := table.get("paths")):
                raise self._error(under, "", 'an override needs paths, as in paths = ["reviews/**"]')
            lines = self._value(under, "paths", paths, globs)
            rest = {name: value for name, value in table.items() if name != "paths"}
            patterns = Patterns(self.folder, lines, self._at(under, "paths"), last_wins=True)
            found.append(Override(patterns, self._values(rest, under, known)))
        return found

    def _values(self, table: Mapping[str, Any], under: str, known: Mapping[str, Key]) -> dict[str, Value]:
        values = {}
        for name, value in table.items():
            if name not in known:
                raise self._unknown(under, name, known)
            key = known[name]
            read = self._value(under, name, value, key.read)
            if (choices := key.allowed()) is not None and read not in choices:
                message = f"{name} must be one of {', '.join(choices)}, not {read!r}"
                raise self._error(under, name, message + suggestion(read, choices))
            values[name] = Value(read, self._at(under, name))
        return values

    def _value(self, under: str, name: str, value: Any, read: Callable[[Any, str], V]) -> V:
        try:
            return read(value, self.folder)
        except ValueError as error:
            raise self._error(under, name, f"{name} must be {error}, not {value!r}") from None

    def _unknown(self, under: str, name: str, known: Mapping[str, Key]) -> InputError:
        if not under and name in COMMANDS:
            return self._error(under, name, f"write the settings of {name} as a table: [{self._name(name)}]")
        if name in KEYS:
            where = (
                "an override: it is not about one draft" if under.startswith("overrides") else f"[{self._name(under)}]"
            )
            return self._error(under, name, f"{name} cannot be set in {where}")
        near = suggestion(name, [*known, *(() if under else ("overrides", *COMMANDS))])
        return self._error(under, name, f"unknown setting {name!r}" + (near or f"; choose from {', '.join(known)}"))

    def _error(self, under: str, name: str, message: str) -> InputError:
        return InputError(f"{self._at(under, name)}: {message}")

    def _at(self, under: str, name: str) -> str:
        table = self._name(under)
        places = (table, name), (self._name(f"{under}.{name}".strip(".")), ""), (table, "")
        line = next((self.lines[place] for place in places if place in self.lines), None)
        return f"{self.shown}:{line}" if line else self.shown

    def _name(self, under: str) -> str:
        return ".".join(filter(None, (self.top, under)))
