"""The command `check`: which sentences of drafts give the plot away. Arguments and printing; it decides nothing.

Exit status: 0 clean, 1 spoilers found, 2 usage, input or model error.
"""

from __future__ import annotations

from collections.abc import Iterator
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from spoilerguard.cli.common import (
    FAILED,
    FOUND,
    BlurbOption,
    InputFormatOption,
    ModelOption,
    QuietOption,
    QuotationsOption,
    SensitivityOption,
    StdinFilenameOption,
    SynopsisOption,
    ThresholdOption,
    TitleOption,
    complain,
    errors_explained,
    one_of,
    output,
    say,
    work_of,
)
from spoilerguard.errors import InputError

if TYPE_CHECKING:
    from spoilerguard.guard import Guard
    from spoilerguard.printing import Outcome
    from spoilerguard.spans import Work

__all__ = ["register"]

_CHECK = """\b
Examples:
  spoilerguard check draft.md
  spoilerguard check posts/ --format json
  cat draft.html | spoilerguard check - --stdin-filename draft.html"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_CHECK)(check)


def check(
    paths: Annotated[
        list[str], typer.Argument(metavar="[PATH|-]...", help="Drafts, folders of drafts, or - for standard input.")
    ],
    format: Annotated[str, typer.Option("--format", help="Output: text, line or json.")] = "text",
    input_format: InputFormatOption = None,
    stdin_filename: StdinFilenameOption = "-",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
    model: ModelOption = "fast",
    title: TitleOption = "",
    blurb: BlurbOption = None,
    synopsis: SynopsisOption = None,
    quotations: QuotationsOption = True,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit 0 even when spoilers are found.")] = False,
    color: Annotated[str, typer.Option("--color", help="auto, always or never.")] = "auto",
    quiet: QuietOption = False,
) -> None:
    """Check drafts before publishing: which sentence, how sure, why."""
    from spoilerguard.printing import OUTPUTS, Look, colour_wanted

    one_of("--format", format, OUTPUTS)
    one_of("--color", color, ("auto", "always", "never"))
    with errors_explained():
        from spoilerguard.guard import load
        from spoilerguard.reading import READERS

        one_of("--input-format", input_format or "auto", (*READERS, "auto"))
        guard = load(model)
        limit = guard.threshold(sensitivity, threshold)
        work = work_of(title, blurb, synopsis)
    seen: list[Outcome] = []

    def outcomes() -> Iterator[Outcome]:
        for outcome in _check_each(guard, paths, input_format, stdin_filename, limit, work, quotations):
            seen.append(outcome)
            if outcome.error is not None:
                complain(outcome.error)
            if outcome.report is not None:
                for notice in outcome.report.notices:
                    line, column = outcome.report.document.position(notice.start)
                    complain(f"{outcome.path}:{line}:{column}: {notice.message}")
            yield outcome

    model_used = {"name": guard.name, "version": guard.version}
    look = Look(colour_wanted(color, sys.stdout.isatty()), quiet, limit, model_used)
    with output():
        for line in OUTPUTS[format](outcomes(), look):
            say(line)
    if any(o.error is not None for o in seen):
        raise typer.Exit(FAILED)
    if not exit_zero and any(o.report is not None and o.report.has_spoilers for o in seen):
        raise typer.Exit(FOUND)


def _check_each(
    guard: Guard,
    paths: list[str],
    input_format: str | None,
    stdin_filename: str,
    limit: float,
    work: Work | None,
    quotations: bool,
) -> Iterator[Outcome]:
    from spoilerguard.drafts import iter_drafts, read_draft, read_standard_input
    from spoilerguard.printing import Outcome
    from spoilerguard.reading import format_of

    for path, trouble in iter_drafts(paths):
        name = stdin_filename if path == "-" else path
        try:
            if trouble is not None:
                raise trouble
            text = read_standard_input(name) if path == "-" else read_draft(path)
            chosen = input_format or format_of(name)
            report = guard.flag(text, format=chosen, threshold=limit, work=work, quotations=quotations)
            yield Outcome(name, report)
        except InputError as error:
            yield Outcome(name, error=str(error))
