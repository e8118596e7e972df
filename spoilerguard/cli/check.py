"""The command `check`: which sentences of drafts give the plot away. Arguments and printing; it decides nothing.

Exit status: 0 clean, 1 spoilers found, 2 usage, input or model error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
import math
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spoilerguard.cli.common import (
    FAILED,
    FOUND,
    AnyLanguageOption,
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
    fail,
    one_of,
    output,
    say,
    tell,
    work_of,
)
from spoilerguard.cli.configured import exclusion, options_for

if TYPE_CHECKING:
    from spoilerguard.drafts.baseline import Baseline
    from spoilerguard.drafts.changes import Changes
    from spoilerguard.guard import Guard
    from spoilerguard.printing import Outcome

__all__ = ["register"]

_CHECK = """\b
Examples:
  spoilerguard check draft.md
  spoilerguard check posts/ --format json
  spoilerguard check posts/ --exclude 'drafts/**' --exclude '*.old.md'
  cat draft.html | spoilerguard check - --stdin-filename draft.html
In a workflow, only what a branch has changed; and SARIF for the code host:
  spoilerguard check posts/ --diff origin/main --format github
  spoilerguard check posts/ --format sarif -o spoilers.sarif --exit-zero
Accept what an old site has, and hear of new spoilers only:
  spoilerguard check posts/ --write-baseline known.json
  spoilerguard check posts/ --baseline known.json --fail-on 0.9"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_CHECK)(check)


def check(
    ctx: typer.Context,
    paths: Annotated[
        list[str], typer.Argument(metavar="[PATH|-]...", help="Drafts, folders of drafts, or - for standard input.")
    ],
    format: Annotated[
        str,
        typer.Option(
            "--format",
            autocompletion=completing(key="format"),
            help="Output: text, line, json, jsonl, github (annotations) or sarif.",
        ),
    ] = "text",
    output_path: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write here, whole or not at all; else to standard output."
        ),
    ] = None,
    show_text: Annotated[
        bool, typer.Option("--show-text", help="Sentences in line, github and sarif too: logs will spoil.")
    ] = False,
    input_format: InputFormatOption = None,
    stdin_filename: StdinFilenameOption = "-",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
    model: ModelOption = "fast",
    title: TitleOption = "",
    blurb: BlurbOption = None,
    synopsis: SynopsisOption = None,
    quotations: QuotationsOption = True,
    any_language: AnyLanguageOption = False,
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
    diff: Annotated[
        str | None,
        typer.Option(
            metavar="BASE",
            help="Only findings on lines changed since the work left this git revision (its merge base with HEAD; "
            "HEAD itself: what is not committed). Whole drafts are read; unchanged ones are not.",
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="FILE", help="Leave out the spoilers that are known from this file.")
    ] = None,
    write_baseline: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Make all spoilers found known: hashes, no text. Exit status 0."),
    ] = None,
    report_unused: Annotated[
        bool, typer.Option("--report-unused", help="Tell of suppressions in drafts that suppress nothing.")
    ] = False,
    fail_on: Annotated[
        str | None,
        typer.Option(metavar="PROBABILITY|never", help="Exit 1 only for spoilers this sure; by default for any."),
    ] = None,
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
    enough = math.inf if exit_zero else _enough(fail_on)
    if diff is not None and (write_baseline or "-" in paths):
        fail(f"--diff does not go with {'--write-baseline' if write_baseline else 'standard input'}")
    with errors_explained():
        from spoilerguard.drafts.checking import check_each
        from spoilerguard.drafts.walking import iter_drafts
        from spoilerguard.guard import load
        from spoilerguard.text.reading import READERS

        one_of("--input-format", input_format or "auto", (*READERS, "auto"))
        guard = load(model)
        limit = guard.threshold(sensitivity, threshold)
        work_of(title, blurb, synopsis)  # what is wrong with these is said before any draft is read
        walked = iter_drafts(
            paths, exclude=exclusion(ctx), force_exclude=force_exclude, respect_gitignore=respect_gitignore
        )
        checked = check_each(
            guard,
            walked,
            _flagging(ctx, guard),
            stdin_filename=stdin_filename,
            changes=_changes_since(diff) if diff is not None else None,
            known=_known_from(baseline) if baseline and not write_baseline else None,
            accept=bool(write_baseline),
            report_unused=report_unused,
        )
    seen: list[Outcome] = []

    def outcomes() -> Iterator[Outcome]:
        for outcome in checked:
            seen.append(outcome)
            _complain_of(outcome, quiet)
            yield outcome

    model_used = {"name": guard.name, "version": guard.version}
    colour = colour_wanted(color, sys.stdout.isatty() and output_path is None)
    with errors_explained():
        _write(OUTPUTS[format](outcomes(), Look(colour, quiet, limit, model_used, show_text)), output_path)
    failed = any(outcome.error is not None for outcome in seen)
    if write_baseline:
        _write_baseline(write_baseline, seen, failed, quiet)
    elif baseline:
        hidden = sum(len(outcome.known) for outcome in seen)
        tell(f"spoilerguard: {hidden:,} known spoiler{'s' * (hidden != 1)} left out ({baseline})", quiet)
    if failed:
        raise typer.Exit(FAILED)
    if any(flag.score >= enough for outcome in seen for flag in outcome.report or ()):
        raise typer.Exit(FOUND)


def _flagging(ctx: typer.Context, guard: Guard) -> Callable[[str], dict[str, Any]]:
    """The options of `Guard.flag` for a path: the command line, then what the settings say of it."""
    from spoilerguard.text.reading import format_of

    work = cache(work_of)

    def options(name: str) -> dict[str, Any]:
        given = options_for(ctx, name)
        return {
            "format": given["input_format"] or format_of(name),
            "threshold": guard.threshold(given["sensitivity"], given["threshold"]),
            "work": work(given["title"], given["blurb"], given["synopsis"]),
            "quotations": given["quotations"],
            "any_language": given["any_language"],
        }

    return options


def _changes_since(revision: str) -> Changes:
    from spoilerguard.drafts.changes import Changes  # and subprocess: most runs do without

    return Changes(revision)


def _known_from(path: str) -> Baseline:
    from spoilerguard.drafts.baseline import read_baseline

    return read_baseline(path)


def _enough(fail_on: str | None) -> float:
    """From which probability a spoiler fails the run."""
    if fail_on is None or fail_on == "never":
        return 0 if fail_on is None else math.inf
    try:
        enough = float(fail_on)
    except ValueError:
        enough = math.nan
    if not 0 <= enough <= 1:
        fail(f"--fail-on must be a probability from 0 to 1, or never, not {fail_on!r}")
    return enough


# --- where it goes ------------------------------------------------------------------------------


def _complain_of(outcome: Outcome, quiet: bool) -> None:
    if outcome.gone:
        entries = f"{outcome.gone:,} known spoiler{'s' * (outcome.gone != 1)}"
        tell(f"spoilerguard: {outcome.path}: {entries} no longer found; --write-baseline forgets what is gone", quiet)
    if outcome.error is not None:
        complain(outcome.error)
    if outcome.report is not None:
        for notice in outcome.report.notices:
            line, column = outcome.report.document.position(notice.start)
            complain(f"{outcome.path}:{line}:{column}: {notice.message}")


def _write(lines: Iterable[str], path: str | None) -> None:
    if path is not None:
        from spoilerguard.drafts.io import write_draft

        write_draft(path, "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
        return
    with output():
        for line in lines:
            say(line)


def _write_baseline(path: str, outcomes: list[Outcome], failed: bool, quiet: bool) -> None:
    from spoilerguard.drafts.baseline import write_baseline

    if failed:
        fail(f"{path}: not written, for not all drafts could be read")
    found = [(o.path, replace(o.report, flags=o.known)) for o in outcomes if o.report is not None]
    with errors_explained():
        count = write_baseline(path, found)
    tell(f"spoilerguard: {count:,} known spoiler{'s' * (count != 1)} written to {path}", quiet)
