"""For people: each finding in its line, then a summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import os
import re

from spoilerguard.drafts.outcomes import Look, Outcome, harmless, kind_name, plain
from spoilerguard.report import Report
from spoilerguard.spans import Document, Flag

__all__ = ["as_text", "colour_wanted"]


def colour_wanted(choice: str, terminal: bool) -> bool:
    """Whether to use colour.

    Args:
        choice: `--color`: `"always"`, `"never"`, or `"auto"` for NO_COLOR, then FORCE_COLOR, then `terminal`.
        terminal: Whether the output is a terminal.
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or terminal


def as_text(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """For people: place, the line with the flagged part marked, score and reason; then a summary."""
    files = found = sentences = failed = known = 0
    for outcome in outcomes:
        if outcome.report is None:
            failed += 1
            continue
        files += 1
        found += len(outcome.report)
        known += len(outcome.known)
        sentences += len(outcome.report.sentences)
        for flag in outcome.report:
            why = ", as you decided" if outcome.decisions.get(flag.start) == "hide" else ""
            yield from _shown(outcome.path, flag, outcome.report, why, look.colour)
    if not look.quiet and (files or not failed):
        yield _summary(files, found, sentences, known)


def _shown(path: str, flag: Flag, report: Report, why: str, colour: bool) -> Iterator[str]:
    bold, red, dim, off = ("\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m") if colour else ("", "", "", "")
    kinds = ", ".join(kind_name(reason.kind) for reason in flag.reasons)
    kinds += "".join(f": “{plain(reason.text)}”" for reason in flag.reasons[:1])
    yield f"{bold}{harmless(path)}:{flag.line}:{flag.column}{off}  {red}{flag.score:.0%}{off}  {kinds}{why}"
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
    """Up to `most` characters of the line before and after the flagged part, with an ellipsis where more follow."""
    source, line = document.source, flag.start - flag.column + 1
    # Look no farther than is shown: a line may be a megabyte long and full of flags.
    stop = _LINE_BREAK.search(source, flag.end, flag.end + most + 1)
    line_end = stop.start() if stop else len(source)
    start, end = max(line, flag.start - most), min(line_end, flag.end + most)
    # A character at the cut keeps `plain` from stripping the space there.
    before, after = plain(source[start : flag.start] + "|")[:-1], plain("|" + source[flag.end : end])[1:]
    return ("…" if start > line else "") + before.lstrip(), after.rstrip() + ("…" if end < line_end else "")


def _width(text: str) -> int:
    """The width in a terminal: wide letters and emoji take two columns, combining marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(0 if category(c) in ("Mn", "Me", "Cf") else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _summary(files: int, found: int, sentences: int, known: int) -> str:
    where = f"{sentences:,} sentence{'s' * (sentences != 1)} of {files:,} file{'s' * (files != 1)}"
    what = f"{'new ' if known else ''}spoiler{'s' * (found != 1)}"
    return f"{found:,} {what} in {where}" if found else f"No {what} in {where}"
