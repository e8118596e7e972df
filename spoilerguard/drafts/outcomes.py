"""What became of each file, how it is to be printed, and text made fit for terminals and logs."""

from __future__ import annotations

from dataclasses import dataclass
import os

from spoilerguard.report import Report
from spoilerguard.spans import Flag

__all__ = ["Look", "Outcome", "beneath", "harmless", "kind_name", "plain", "why"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: a report, or an error in words.

    `known` are flags that a baseline took out of the report, `gone` how many of its entries match none.
    """

    path: str
    report: Report | None = None
    error: str | None = None
    known: tuple[Flag, ...] = ()
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """How to print: colour, without a summary; for the machine formats, threshold and model.

    With `show_text`, the formats that end in logs (line, github, sarif) hold the sentences too.
    """

    colour: bool
    quiet: bool
    threshold: float
    model: dict[str, str]
    show_text: bool = False


def harmless(text: str) -> str:
    """Text that no terminal takes for a command: control and direction characters become spaces."""
    return "".join(c if c.isprintable() or c in _JOINERS else " " for c in text)


_JOINERS = "\u200c\u200d"  # they shape letters and emoji


def plain(text: str) -> str:
    """Harmless text on one line, its white space collapsed."""
    return " ".join(harmless(text).split())


def kind_name(kind: str) -> str:
    """What a kind of spoiler is called to a reader."""
    from spoilerguard.model.scoring import KINDS  # who prints no finding does without

    return KINDS.get(kind, kind)


def why(flag: Flag, show_text: bool = False) -> str:
    """What a log says of a flag: the kinds, and the sentence only where it is asked for."""
    kinds = ", ".join(kind_name(reason.kind) for reason in flag.reasons)
    return f"may give the plot away ({kinds})" + (f": “{plain(flag.text)}”" if show_text else "")


def beneath(path: str, folder: str) -> str | None:
    """The path as seen from a folder, with slashes; None if it is not in it."""
    try:
        inside = os.path.relpath(path, folder)
    except ValueError:  # another drive
        return None
    parts = inside.split(os.sep)
    return None if parts[0] == os.pardir else "/".join(parts)
