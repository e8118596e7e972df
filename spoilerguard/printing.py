"""How reports are shown: one table of output formats for `check`.

A row takes the outcomes of all files and yields lines. To add a format, add a function and a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
import json
import os
from typing import Any

from spoilerguard.spans import Flag, Report

__all__ = ["OUTPUTS", "Outcome", "colour_wanted", "plain"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: a report, or an error in words."""

    path: str
    report: Report | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """How to print: colour, and the threshold and model for the machine formats."""

    colour: bool
    threshold: float
    model: dict[str, str]


def colour_wanted(choice: str, terminal: bool) -> bool:
    """Whether to colour: `--color` first, then NO_COLOR, FORCE_COLOR, then whether it is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or terminal


def plain(text: str) -> str:
    """Text on one line that no terminal takes for a command: control characters are shown as spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


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
    if files or not failed:
        yield _summary(files, found, sentences)


def _shown(path: str, flag: Flag, report: Report, colour: bool) -> Iterator[str]:
    bold, red, dim, off = ("\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m") if colour else ("", "", "", "")
    kinds = ", ".join(f"{_kind_name(r.kind)}: “{plain(r.text)}”" for r in flag.reasons)
    yield f"{bold}{plain(path)}:{flag.line}:{flag.column}{off}  {red}{flag.score:.0%}{off}  {kinds}"
    before, after = _around(report.document.source, flag)
    text = plain(flag.text)
    if colour:
        yield f"    {dim}{before}{off}{red}\x1b[4m{text}{off}{dim}{after}{off}"
    else:
        line = f"{before}{text}{after}"
        yield f"    {line}"
        yield "    " + " " * len(before) + "~" * len(text)
    yield ""


def _around(source: str, flag: Flag, most: int = 40) -> tuple[str, str]:
    """A little of the line before and after the flagged part."""
    start = max(source.rfind("\n", 0, flag.start) + 1, flag.start - most)
    stop = source.find("\n", flag.end)
    end = min(stop if stop >= 0 else len(source), flag.end + most)
    before, after = plain(source[start : flag.start]), plain(source[flag.end : end])
    return (before + " " if before else "", " " + after if after else "")


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
            yield f"{plain(outcome.path)}:{flag.line}:{flag.column}: {flag.score:.2f} may give the plot away ({kinds})"


def as_json(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """For programs: version 1, documented in the README."""
    yield json.dumps(
        {
            "version": 1,
            "model": look.model,
            "threshold": look.threshold,
            "files": [_file(outcome) for outcome in outcomes],
        },
        ensure_ascii=False,
        indent=2,
    )


def _file(outcome: Outcome) -> dict[str, Any]:
    if outcome.report is None:
        return {"path": outcome.path, "format": None, "sentences": 0, "hidden": 0, "error": outcome.error, "flags": []}
    return {"path": outcome.path, **outcome.report.to_dict()}


OUTPUTS: dict[str, Callable[[Iterable[Outcome], Look], Iterator[str]]] = {
    "text": as_text,
    "line": as_lines,
    "json": as_json,
}
