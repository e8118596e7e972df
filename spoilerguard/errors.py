"""Everything that can go wrong, in one tree, and the checks of arguments that every function shares.

    SpoilerguardError
    ├── InputError      a file or an argument that cannot be used (names it and the remedy)
    │   └── DataError   labelled data that breaks its format (names file and line)
    ├── LeakError       a text whose spoilers cannot be hidden in the chosen style; nothing is written
    ├── ModelError      a model that is missing, damaged or of another version
    └── MissingExtra    an optional library is not installed (names the extra to install)

Errors of other libraries are translated where they occur; none of them leaves the package.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

__all__ = [
    "DataError", "InputError", "LeakError", "MissingExtra", "ModelError", "SpoilerguardError",
    "broken", "check_choice", "check_count", "check_text", "suggestion",
]  # fmt: skip


class SpoilerguardError(Exception):
    """The base of every error that this package raises on purpose."""


class InputError(SpoilerguardError):
    """A text, file or argument that cannot be used; the message names it and the remedy."""


class DataError(InputError):
    """Labelled data that breaks its format; the message starts with `file:line:`."""


class LeakError(SpoilerguardError):
    """Hidden text would be visible, or other text would not; the message names the line and the remedy."""


class ModelError(SpoilerguardError):
    """A model that is missing, damaged, tampered with or made for another version."""


class MissingExtra(SpoilerguardError):  # noqa: N818 - a name of the public contract
    """An optional library is not installed; the message names the extra that brings it, or the command that does."""

    def __init__(self, library: str, extra: str, command: str = "") -> None:
        command = command or f"pip install 'spoilerguard[{extra}]'"
        super().__init__(f"{library} is not installed; install it with: {command}")
        self.library, self.extra, self.command = library, extra, command

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str, str]]:
        return type(self), (self.library, self.extra, self.command)  # by default, unpickling would pass the message


def broken(pool: Exception) -> str:
    """Why the processes that work for this one are gone, in a few words, from the error of their pool."""
    raised = str(pool.__cause__ or "").strip('"\n').splitlines()  # what a worker raised when it read what it was sent
    if raised:
        return f"a worker process cannot work ({raised[-1]})"
    return "a worker process was killed, perhaps for lack of memory, or could not start (then its error is above)"


# --- checks of arguments --------------------------------------------------------------------------


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raise InputError unless the argument of this name is one of the choices."""
    if value not in choices:
        raise InputError(f"unknown {name} {value!r}: choose from {', '.join(choices)}")


def check_count(name: str, value: object) -> None:
    """Raise InputError unless the argument of this name is a whole number from 1."""
    if not isinstance(value, int) or value < 1:
        raise InputError(f"{name} must be a whole number from 1, not {value!r}")


def check_text(value: object) -> str:
    """The value itself. Raises InputError unless it is a string."""
    if not isinstance(value, str):
        raise InputError(f"a text must be a string, not {type(value).__name__}")
    return value


def suggestion(word: str, known: Iterable[str]) -> str:
    """The known word that is most like one that is not, as a part of a message; empty where none is like it."""
    from difflib import get_close_matches

    plain = {_plain(name): name for name in known}
    near = get_close_matches(_plain(word), plain, n=1)
    return f"; did you mean {plain[near[0]]!r}?" if near else ""


def _plain(word: str) -> str:
    return word.replace("_", "-").lower()
