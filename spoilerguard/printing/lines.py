"""One line a finding, without the sentence, so that logs hold no spoilers: for editors and GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spoilerguard.drafts.outcomes import Look, Outcome, harmless, in_checkout, why
from spoilerguard.spans import Document

__all__ = ["as_github", "as_lines", "command"]


def as_lines(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """For editors: `path:line:column: score message`."""
    for outcome in outcomes:
        for flag in outcome.report or ():
            place = f"{harmless(outcome.path)}:{flag.line}:{flag.column}"
            yield f"{place}: {flag.score:.2f} {why(flag, look.show_text)}"


def as_github(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """Workflow commands, which GitHub Actions shows beside the lines of a pull request.

    Their form is `::warning file=,line=,col=,endLine=,endColumn=,title=::message`. Files that were not checked
    become an `error`, broken spoiler marks a `notice`.
    """
    for outcome in outcomes:
        place = {"file": in_checkout(outcome.path, "GITHUB_WORKSPACE")}
        if outcome.error is not None:
            yield command("error", place | {"title": "Not checked"}, outcome.error)
        if outcome.report is None:
            continue
        document = outcome.report.document
        for flag in outcome.report:
            title = {"title": f"Spoiler? {flag.score:.0%}"}
            yield command("warning", place | _range(document, flag.start, flag.end) | title, why(flag, look.show_text))
        for notice in outcome.report.notices:
            title = {"title": "Spoiler mark"}
            yield command("notice", place | _range(document, notice.start, notice.end) | title, notice.message)


def _range(document: Document, start: int, end: int) -> dict[str, str]:
    """The range; columns only if it is within one line, because GitHub accepts no others."""
    (line, column), (end_line, end_column) = document.position(start), document.position(end)
    lines = {"line": str(line), "endLine": str(end_line)}
    return lines | ({"col": str(column), "endColumn": str(end_column)} if line == end_line else {})


def command(name: str, properties: dict[str, str], message: str) -> str:
    """A workflow command of GitHub Actions."""
    written = ",".join(f"{key}={_escaped(value, _PROPERTY)}" for key, value in properties.items())
    return f"::{name} {written}::{_escaped(message, _MESSAGE)}"


# Escaped as in GitHub's own toolkit (@actions/core, escapeData and escapeProperty).
_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})


def _escaped(text: str, table: dict[int, str]) -> str:
    return harmless(text.translate(table))
