"""A line a finding, without the sentence, so that a log does not spoil: for editors, and for GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import os

from spoilerguard.drafts.outcomes import Look, Outcome, beneath, harmless, why
from spoilerguard.spans import Document

__all__ = ["as_github", "as_lines"]


def as_lines(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """For editors: `path:line:column: score message`."""
    for outcome in outcomes:
        for flag in outcome.report or ():
            place = f"{harmless(outcome.path)}:{flag.line}:{flag.column}"
            yield f"{place}: {flag.score:.2f} {why(flag, look.show_text)}"


def as_github(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """Workflow commands, which GitHub Actions shows at the line of the file in a pull request.

    `::warning file=,line=,col=,endLine=,endColumn=,title=::message`, as its documentation of workflow
    commands has them: errors of files as `error`, broken marks as `notice`.
    """
    for outcome in outcomes:
        place = {"file": _in_repository(outcome.path)}
        if outcome.error is not None:
            yield _command("error", place | {"title": "Not checked"}, outcome.error)
        if outcome.report is None:
            continue
        document = outcome.report.document
        for flag in outcome.report:
            title = {"title": f"Spoiler? {flag.score:.0%}"}
            yield _command("warning", place | _range(document, flag.start, flag.end) | title, why(flag, look.show_text))
        for notice in outcome.report.notices:
            title = {"title": "Spoiler mark"}
            yield _command("notice", place | _range(document, notice.start, notice.end) | title, notice.message)


def _in_repository(path: str) -> str:
    """The path from the checkout (or, outside of Actions, from here), which is what GitHub knows files by."""
    return beneath(path, os.environ.get("GITHUB_WORKSPACE") or os.curdir) or os.path.abspath(path)


def _range(document: Document, start: int, end: int) -> dict[str, str]:
    """Columns only within one line: GitHub takes none for several."""
    (line, column), (end_line, end_column) = document.position(start), document.position(end)
    lines = {"line": str(line), "endLine": str(end_line)}
    return lines | ({"col": str(column), "endColumn": str(end_column)} if line == end_line else {})


def _command(name: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(f"{key}={_escaped(value, _PROPERTY)}" for key, value in properties.items())
    return f"::{name} {told}::{_escaped(message, _MESSAGE)}"


# As GitHub's own toolkit escapes them (@actions/core, escapeData and escapeProperty).
_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})


def _escaped(text: str, table: dict[int, str]) -> str:
    return harmless(text.translate(table))
