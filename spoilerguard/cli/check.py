"""The command `check`: which sentences of drafts give the plot away. Arguments and printing; it decides nothing.

Exit status: 0 clean, 1 spoilers found, 2 usage, input or model error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
import sys
from typing import TYPE_CHECKING, Annotated, Any

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
    completing,
    errors_explained,
    one_of,
    output,
    say,
    work_of,
)
from spoilerguard.cli.configured import exclusion, options_for
from spoilerguard.errors import InputError

if TYPE_CHECKING:
    from spoilerguard.guard import Guard
    from spoilerguard.printing import Outcome

__all__ = ["register"]

_CHECK = """\b
Examples:
  spoilerguard check draft.md
  spoilerguard check posts/ --format json
  spoilerguard check posts/ --exclude 'drafts/**' --exclude '*.old.md'
  cat draft.html | spoilerguard check - --stdin-filename draft.html"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_CHECK)(check)


def check(
    ctx: typer.Context,
    paths: Annotated[
        list[str], typer.Argument(metavar="[PATH|-]...", help="Drafts, folders of drafts, or - for standard input.")
    ],
    format: Annotated[
        str, typer.Option("--format", autocompletion=completing(key="format"), help="Output: text, line or json.")
    ] = "text",
    input_format: InputFormatOption = None,
    stdin_filename: StdinFilenameOption = "-",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
    model: ModelOption = "fast",
    title: TitleOption = "",
    blurb: BlurbOption = None,
    synopsis: SynopsisOption = None,
    quotations: QuotationsOption = True,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Leave these paths out of folders, as in .gitignore; may be repeated."),
    ] = None,
    force_exclude: Annotated[
        bool, typer.Option("--force-exclude", help="Leave them out even where they are named, as by pre-commit.")
    ] = False,
    respect_gitignore: Annotated[
        bool, typer.Option("--gitignore/--no-gitignore", help="Leave out of folders what git ignores.")
    ] = True,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit 0 even when spoilers are found.")] = False,
    color: Annotated[
        str, typer.Option("--color", autocompletion=completing(key="color"), help="auto, always or never.")
    ] = "auto",
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
        work_of(title, blurb, synopsis)  # said before any draft is read
        from spoilerguard.walking import iter_drafts

        drafts = iter_drafts(
            paths, exclude=exclusion(ctx), force_exclude=force_exclude, respect_gitignore=respect_gitignore
        )
    seen: list[Outcome] = []

    def outcomes() -> Iterator[Outcome]:
        for outcome in _check_each(guard, drafts, stdin_filename, partial(options_for, ctx)):
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
    drafts: Iterable[tuple[str, InputError | None]],
    stdin_filename: str,
    options: Callable[[str], dict[str, Any]],
) -> Iterator[Outcome]:
    from spoilerguard.drafts import read_draft, read_standard_input
    from spoilerguard.printing import Outcome
    from spoilerguard.reading import format_of

    work = cache(work_of)
    for path, trouble in drafts:
        name = stdin_filename if path == "-" else path
        try:
            if trouble is not None:
                raise trouble
            text = read_standard_input(name) if path == "-" else read_draft(path)
            given = options(name)
            report = guard.flag(
                text,
                format=given["input_format"] or format_of(name),
                threshold=guard.threshold(given["sensitivity"], given["threshold"]),
                work=work(given["title"], given["blurb"], given["synopsis"]),
                quotations=given["quotations"],
            )
            yield Outcome(name, report)
        except InputError as error:
            yield Outcome(name, error=str(error))
