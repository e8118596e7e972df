"""The keys of the settings, one table.

A row is the default of the option of the same name, for each command it names. To add a setting, add its
option to the command and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import os
from typing import Any

__all__ = ["COMMANDS", "KEYS", "Key", "globs"]


# --- readers: the value and its file's folder to the value used; ValueError says what it must be -----


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


def sure(value: Any, folder: str) -> str:
    if value != "never":
        try:
            probability(float(value) if isinstance(value, str) else value, folder)
        except ValueError:
            raise ValueError('a probability from 0 to 1, or "never"') from None
    return str(value)


def globs(value: Any, folder: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('a list of patterns of paths, as in ["drafts/old/**"]')
    return value


def file(value: Any, folder: str) -> str:
    """Relative to the settings; an empty string means none, as where an override takes one away."""
    return os.path.normpath(os.path.join(folder, value)) if word(value, folder) else ""


def model(value: Any, folder: str) -> str:
    """The name of a bundled model, which is never a path, or a folder."""
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


def _outputs() -> Iterable[str]:
    from spoilerguard.printing import OUTPUTS

    return OUTPUTS


def _markups() -> Iterable[str]:
    from spoilerguard.text.reading import READERS

    return (*READERS, "auto")


def _styles() -> Iterable[str]:
    from spoilerguard.hiding.styles import STYLES

    return STYLES


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its name in the file, its reader, the commands that have its option, what it is for."""

    name: str
    read: Callable[[Any, str], Any]
    commands: tuple[str, ...]
    help: str
    choices: Callable[[], Iterable[str]] | None = None  # a model may also be a folder
    per_path: bool = False  # whether it may stand in an override

    @property
    def option(self) -> str:
        """The name of the option's parameter."""
        return self.name.replace("-", "_")

    def allowed(self) -> tuple[str, ...] | None:
        """The only values there are; None where there are others."""
        return tuple(self.choices()) if self.choices is not None and self.read is word else None


_DRAFT = ("check", "blur", "preview")
_JUDGED = (*_DRAFT, "scan", "explain")

KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("model", model, (*_JUDGED, "serve"), "a bundled model, or a model's folder", _models),
        Key("sensitivity", word, _JUDGED, "low, medium or high", _sensitivities, per_path=True),
        Key("threshold", probability, _JUDGED, "flag from this probability instead", per_path=True),
        Key("quotations", switch, (*_DRAFT, "scan"), "check block quotations too", per_path=True),
        Key("any-language", switch, (*_DRAFT, "scan"), "check texts in other languages too", per_path=True),
        Key("title", word, _DRAFT, "title of the work reviewed", per_path=True),
        Key("blurb", file, _DRAFT, "file: what is publicly known of the work", per_path=True),
        Key("synopsis", file, _DRAFT, "file: the work's plot with its ending", per_path=True),
        Key("input-format", word, _DRAFT, "text, markdown, html or auto", _markups, per_path=True),
        Key("format", word, ("check",), "how findings are printed", _outputs),
        Key("color", word, ("check",), "auto, always or never", lambda: ("auto", "always", "never")),
        Key("exclude", globs, ("check",), "paths that are not checked, as in .gitignore"),
        Key("force-exclude", switch, ("check",), "leave them out even where they are named"),
        Key("respect-gitignore", switch, ("check",), "leave out what git ignores"),
        Key("fail-on", sure, ("check",), "exit 1 only for spoilers this sure, or never"),
        Key("show-text", switch, ("check",), "show sentences in formats made for logs"),
        Key("report-unused", switch, ("check",), "tell of suppressions that suppress nothing"),
        Key("baseline", file, ("check",), "file: findings that are known"),
        Key("style", word, ("blur",), "how spoilers are hidden", _styles),
    )
}
COMMANDS = frozenset(command for key in KEYS.values() for command in key.commands)
