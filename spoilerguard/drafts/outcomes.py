"""The outcome for each file, how to print it, and text made safe for terminals and logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import os
from typing import TYPE_CHECKING

from spoilerguard.report import Report
from spoilerguard.spans import Flag

if TYPE_CHECKING:
    from spoilerguard.drafts.decisions import Decision

__all__ = ["Look", "Outcome", "beneath", "harmless", "in_checkout", "kind_name", "plain", "why"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome for one file: a report or an error message.

    Attributes:
        path: The file.
        report: What was found.
        error: Why the file was not checked.
        known: The flags that a baseline took out of the report.
        gone: The number of entries in the baseline that match no flag.
        near: Sentences that were almost flagged, and flags that the author has decided to show.
        decisions: What the author has decided about sentences, by where they start.
    """

    path: str
    report: Report | None = None
    error: str | None = None
    known: tuple[Flag, ...] = ()
    gone: int = 0
    near: tuple[Flag, ...] = ()
    decisions: Mapping[int, Decision] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """How to print outcomes.

    Attributes:
        colour: Whether to use colour.
        quiet: Whether to leave out the summary.
        threshold: The probability from which a sentence was flagged.
        model: `name` and `version` of the model.
        show_text: Whether formats made for logs show sentences too.
    """

    colour: bool
    quiet: bool
    threshold: float
    model: dict[str, str]
    show_text: bool = False


def harmless(text: str) -> str:
    """Text that cannot control a terminal: control and direction characters become spaces."""
    return "".join(c if c.isprintable() or c in _JOINERS else " " for c in text)


_JOINERS = "\u200c\u200d"  # they shape letters and emoji


def plain(text: str) -> str:
    """Harmless text on one line, with its white space collapsed."""
    return " ".join(harmless(text).split())


def kind_name(kind: str) -> str:
    """The name of a kind of spoiler for readers."""
    from spoilerguard.model.scoring import KIND_NAMES  # only where there is a finding

    return KIND_NAMES.get(kind, kind)


def why(flag: Flag, show_text: bool = False) -> str:
    """The message for a flag in a log: its kinds, and the sentence only with `show_text`."""
    from spoilerguard.model.scoring import UNNAMED

    kinds = ", ".join(kind_name(reason.kind) for reason in flag.reasons if reason.kind != UNNAMED)
    return f"may give the plot away{f' ({kinds})' if kinds else ''}" + (f": “{plain(flag.text)}”" if show_text else "")


def beneath(path: str, folder: str) -> str | None:
    """A path relative to a folder, with slashes; None if it is not in the folder."""
    try:
        inside = os.path.relpath(path, folder)
    except ValueError:  # another drive
        return None
    parts = inside.split(os.sep)
    return None if parts[0] == os.pardir else "/".join(parts)


def in_checkout(path: str, variable: str = "") -> str:
    """A path as code hosts name files: relative to the checkout, with slashes; absolute if it is not in it.

    Args:
        path: The path.
        variable: The environment variable that names the checkout; where it is not set, that is the current folder.
    """
    return beneath(path, os.environ.get(variable) or os.curdir) or os.path.abspath(path)
