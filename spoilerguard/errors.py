"""Everything that can go wrong, one tree.

    SpoilerguardError
    ├── InputError      a draft, archive or data file that cannot be read (names the file and the remedy)
    │   └── DataError   labelled data that is not as its format says (names file and line)
    ├── LeakError       a text whose spoilers cannot be hidden in the style chosen; nothing is written
    ├── ModelError      a model that is missing, damaged or of another version
    └── MissingExtra    an optional library is not installed (names the extra to install)

Errors of other libraries are translated where they enter; none of them leaves the package.
"""

from __future__ import annotations

__all__ = ["DataError", "InputError", "LeakError", "MissingExtra", "ModelError", "SpoilerguardError"]


class SpoilerguardError(Exception):
    """The base of every error this package raises on purpose."""


class InputError(SpoilerguardError):
    """A text, file or option that cannot be used; the message names it and the remedy."""


class DataError(InputError):
    """Labelled data that breaks its format; the message starts with `file:line:`."""


class LeakError(SpoilerguardError):
    """Hidden text would be visible, or other text would not; the message names the line and the remedy."""


class ModelError(SpoilerguardError):
    """A model that is missing, damaged, tampered with or made for another version."""


class MissingExtra(SpoilerguardError):  # noqa: N818 - a name of the public contract
    """An optional library is needed; the message names the extra that brings it."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed; install it with: pip install 'spoilerguard[{extra}]'")
        self.library, self.extra = library, extra

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str]]:
        return type(self), (self.library, self.extra)  # else unpickling (from a worker) would call with the message
