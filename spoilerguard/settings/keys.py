"""The settings, in one table.

A row sets the default of the option with the same name, in each command that it lists. To add a setting, add the
option to the command and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import os
import re
from typing import Any

__all__ = ["COMMANDS", "KEYS", "LIMIT", "Key", "globs"]


# --- readers: they take a value and the folder of its file; a ValueError says what the value must be --


def word(value: Any, folder: str) -> str:
    if not isinstance(value, str):
        raise ValueError("a string")
    return value


def switch(value: Any, folder: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def probability(value: Any, folder: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("a probability from 0 to 1")
    return float(value)


def probability_or_never(value: Any, folder: str) -> str:
    if isinstance(value, str) and LIMIT.fullmatch(value):
        return value
    try:
        return str(probability(value, folder))
    except ValueError:
        raise ValueError('a probability from 0 to 1, or "never"') from None


# A probability in quotation marks, or never: JSON Schema can say as much.
LIMIT = re.compile(r"never|0?\.[0-9]+|0\.?|1(\.0*)?")


def globs(value: Any, folder: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('a list of patterns of paths, as in ["drafts/old/**"]')
    return value


def file(value: Any, folder: str) -> str:
    """A path relative to the settings; an empty string means none, as in an override that removes one."""
    return os.path.normpath(os.path.join(folder, value)) if word(value, folder) else ""


def model(value: Any, folder: str) -> str:
    """A folder, or the name of a bundled model, which is never taken for a path."""
    path = file(value, folder)
    if os.sep not in value and (not os.path.isdir(path) or value in _models()):
        return str(value)
    return path


def _models() -> Iterable[str]:
    from spoilerguard.model.store import bundled_models

    return bundled_models()


def _sensitivities() -> Iterable[str]:
    from spoilerguard.guard import SENSITIVITIES

    return SENSITIVITIES


def _output_formats() -> Iterable[str]:
    from spoilerguard.printing import PRINTERS

    return PRINTERS


def _input_formats() -> Iterable[str]:
    from spoilerguard.guard import FORMATS

    return FORMATS


def _styles() -> Iterable[str]:
    from spoilerguard.hiding.styles import STYLES

    return STYLES


@dataclass(frozen=True, slots=True)
class Key:
    """One setting.

    Attributes:
        name: Its name in the settings file.
        read: Reads and checks its value.
        commands: The commands that have its option.
        help: What it is for.
        choices: Values to suggest. They are the only ones for a `word`; a model may also be a folder.
        per_path: Whether an override may set it.
        needs_consent: Which values count only if the command line gives them: the settings may be a stranger's.
    """

    name: str
    read: Callable[[Any, str], Any]
    commands: tuple[str, ...]
    help: str
    choices: Callable[[], Iterable[str]] | None = None
    per_path: bool = False
    needs_consent: Callable[[Any], bool] | None = None

    @property
    def option(self) -> str:
        """The name of the parameter for its option."""
        return self.name.replace("-", "_")

    def allowed(self) -> tuple[str, ...] | None:
        """The only valid values; None where there are others."""
        return tuple(self.choices()) if self.choices is not None and self.read is word else None


_DRAFT = ("check", "blur", "preview", "explain")
_SCORED = (*_DRAFT, "scan")

KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key(
            "model",
            model,
            (*_SCORED, "serve", "tune"),
            "a bundled model; the folder of another one only on the command line",
            _models,
            needs_consent=lambda value: value not in _models(),
        ),
        Key("sensitivity", word, _SCORED, "low, medium or high", _sensitivities, per_path=True),
        Key("threshold", probability, _SCORED, "flag from this probability, whatever the sensitivity", per_path=True),
        Key("quotations", switch, (*_DRAFT, "scan"), "check block quotations too", per_path=True),
        Key("any-language", switch, (*_DRAFT, "scan"), "check texts in other languages too", per_path=True),
        Key("title", word, _DRAFT, "the title of the work reviewed", per_path=True),
        Key("blurb", file, _DRAFT, "a file with what is publicly known about the work", per_path=True),
        Key("synopsis", file, _DRAFT, "a file with the plot of the work and its ending", per_path=True),
        Key("works", file, _DRAFT, "a file with what is known of works: work, title, blurb, synopsis", per_path=True),
        Key("input-format", word, _DRAFT, "text, markdown, html or auto", _input_formats, per_path=True),
        Key("format", word, ("check",), "how findings are printed", _output_formats),
        Key("color", word, ("check",), "auto, always or never", lambda: ("auto", "always", "never")),
        Key("exclude", globs, ("check",), "paths that are not checked, as in .gitignore"),
        Key("force-exclude", switch, ("check",), "leave excluded paths out even if they are named"),
        Key("respect-gitignore", switch, ("check",), "leave what git ignores out of folders"),
        Key("fail-on", probability_or_never, ("check",), "exit 1 only for spoilers this likely, or never"),
        Key(
            "show-text",
            switch,
            ("check",),
            "show sentences in formats made for logs; true only on the command line",
            needs_consent=bool,
        ),
        Key("report-unused", switch, ("check",), "report suppressions that suppress nothing"),
        Key("baseline", file, ("check",), "a file with known spoilers"),
        Key("keep-text", switch, ("decide",), "keep the sentences of decisions, so that train can use them"),
        Key("style", word, ("blur",), "how spoilers are hidden", _styles),
    )
}
COMMANDS = frozenset(command for key in KEYS.values() for command in key.commands)
