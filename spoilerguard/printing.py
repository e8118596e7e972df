"""How reports are shown: one table of output formats for `check`.

A row takes the outcomes of all files and yields lines. To add a format, add a function and a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
import json
import os
import re
from typing import Any

from spoilerguard.report import Report
from spoilerguard.spans import Document, Flag

__all__ = ["OUTPUTS", "Outcome", "colour_wanted", "plain"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: a report, or an error in words."""

    path: str
    report: Report | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """How to print: colour, without a summary, and the threshold and model for the machine formats."""

    colour: bool
    quiet: bool
    threshold: float
    model: dict[str, str]


def colour_wanted(choice: str, terminal: bool) -> bool:
    """Whether to colour: `--color` first, then NO_COLOR, FORCE_COLOR, then whether it is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or terminal


def harmless(text: str) -> str:
    """Text that no terminal takes for a command: control and direction characters become spaces."""
    return "".join(c if c.isprintable() or c in _JOINERS else " " for c in text)


_JOINERS = "\u200c\u200d"  # they shape letters and emoji


def plain(text: str) -> str:
    """Harmless text on one line, its white space collapsed."""
    return " ".join(harmless(text).split())


def as_text(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """For people: place, the line with the flagged part marked, score and reason; then a summary."""
    files = found = sentences = failed = 0
    for outcome in outcomes:
        if outcome.report is None:
            failed += 1
            continue
        files += 1
        found += len(outcome.report)
        sentences += len(outcome.report.sentences)
        for flag in outcome.report:
            yield from _shown(outcome.path, flag, outcome.report, look.colour)
    if not look.quiet and (files or not failed):
        yield _summary(files, found, sentences)


def _shown(path: str, flag: Flag, report: Report, colour: bool) -> Iterator[str]:
    bold, red, dim, off = ("\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m") if colour else ("", "", "", "")
    kinds = ", ".join(f"{_kind_name(r.kind)}: “{plain(r.text)}”" for r in flag.reasons)
    yield f"{bold}{harmless(path)}:{flag.line}:{flag.column}{off}  {red}{flag.score:.0%}{off}  {kinds}"
    before, after = _around(report.document, flag)
    text = plain(flag.text)
    if colour:
        yield f"    {dim}{before}{off}{red}\x1b[4m{text}{off}{dim}{after}{off}"
    else:
        line = f"{before}{text}{after}"
        yield f"    {line}"
        yield "    " + " " * _width(before) + "~" * _width(text)
    yield ""


_LINE_BREAK = re.compile(r"[\r\n]")


def _around(document: Document, flag: Flag, most: int = 40) -> tuple[str, str]:
    """A little of the line before and after the flagged part, with an ellipsis where it is cut."""
    source, line = document.source, flag.start - flag.column + 1
    # No farther than is shown: a line may be a megabyte long, with flags all over it.
    stop = _LINE_BREAK.search(source, flag.end, flag.end + most + 1)
    line_end = stop.start() if stop else len(source)
    start, end = max(line, flag.start - most), min(line_end, flag.end + most)
    # With the neighbouring character within the brackets, the space between them stays.
    before, after = plain(source[start : flag.start] + "|")[:-1], plain("|" + source[flag.end : end])[1:]
    return ("…" if start > line else "") + before.lstrip(), after.rstrip() + ("…" if end < line_end else "")


def _width(text: str) -> int:
    """Columns of a terminal: wide letters and pictures take two, marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(0 if category(c) in ("Mn", "Me", "Cf") else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _kind_name(kind: str) -> str:
    from spoilerguard.scoring import KINDS

    return KINDS.get(kind, kind)


def _summary(files: int, found: int, sentences: int) -> str:
    where = f"{sentences:,} sentence{'s' * (sentences != 1)} of {files:,} file{'s' * (files != 1)}"
    return f"{found:,} spoiler{'s' * (found != 1)} in {where}" if found else f"No spoilers in {where}"


def as_lines(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """For editors: `path:line:column: score message`, without the sentence, so that a log does not spoil."""
    for outcome in outcomes:
        for flag in outcome.report or ():
            kinds = ", ".join(_kind_name(r.kind) for r in flag.reasons)
            place = f"{harmless(outcome.path)}:{flag.line}:{flag.column}"
            yield f"{place}: {flag.score:.2f} may give the plot away ({kinds})"


def as_json(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """For programs: version 1, documented in the README."""
    text = json.dumps(
        {
            "version": 1,
            "model": look.model,
            "threshold": look.threshold,
            "files": [_file(outcome) for outcome in outcomes],
        },
        ensure_ascii=False,
        indent=2,
    )
    yield _UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


# What JSON leaves as it is and a terminal may obey; outside of strings there is none of it.
_UNSAFE = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def _file(outcome: Outcome) -> dict[str, Any]:
    if outcome.report is None:
        return {
            "path": outcome.path,
            "format": None,
            "sentences": 0,
            "hidden": 0,
            "error": outcome.error,
            "flags": [],
            "notices": [],
        }
    return {"path": outcome.path, **outcome.report.to_dict()}


OUTPUTS: dict[str, Callable[[Iterable[Outcome], Look], Iterator[str]]] = {
    "text": as_text,
    "line": as_lines,
    "json": as_json,
}
