"""The command `check`: which sentences of drafts give the plot away. Arguments and printing; it decides nothing.

Exit status: 0 clean, 1 spoilers found, 2 usage, input or model error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
import math
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
    fail,
    one_of,
    output,
    say,
    tell,
    work_of,
)
from spoilerguard.errors import InputError

if TYPE_CHECKING:
    from spoilerguard.baseline import Baseline
    from spoilerguard.changes import Changes
    from spoilerguard.guard import Guard
    from spoilerguard.printing import Outcome
    from spoilerguard.spans import Work

__all__ = ["register"]

_CHECK = """\b
Examples:
  spoilerguard check draft.md
  spoilerguard check posts/ --format json
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
    paths: Annotated[
        list[str], typer.Argument(metavar="[PATH|-]...", help="Drafts, folders of drafts, or - for standard input.")
    ],
    format: Annotated[
        str, typer.Option("--format", help="Output: text, line, json, jsonl, github (annotations) or sarif.")
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
    color: Annotated[str, typer.Option("--color", help="auto, always or never.")] = "auto",
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
        from spoilerguard.baseline import read_baseline
        from spoilerguard.guard import load
        from spoilerguard.reading import READERS

        one_of("--input-format", input_format or "auto", (*READERS, "auto"))
        guard = load(model)
        limit = guard.threshold(sensitivity, threshold)
        work = work_of(title, blurb, synopsis)
        known = read_baseline(baseline) if baseline and not write_baseline else None
        changes = _changes_since(diff) if diff is not None else None
    seen: list[Outcome] = []

    def outcomes() -> Iterator[Outcome]:
        for outcome in _check_each(
            guard, paths, input_format, stdin_filename, limit, work, quotations, report_unused, changes
        ):
            told = _all_known(outcome) if write_baseline else outcome
            if known is not None:
                told = _without_known(told, known, quiet)
            if changes is not None:
                told = _only_changed(told, changes)
            seen.append(told)
            _complain_of(told)
            yield told

    model_used = {"name": guard.name, "version": guard.version}
    colour = colour_wanted(color, sys.stdout.isatty() and output_path is None)
    with errors_explained():
        _write(OUTPUTS[format](outcomes(), Look(colour, quiet, limit, model_used, show_text)), output_path)
    failed = any(outcome.error is not None for outcome in seen)
    if write_baseline:
        _write_baseline(write_baseline, seen, failed, quiet)
    elif known is not None:
        hidden = sum(len(outcome.known) for outcome in seen)
        tell(f"spoilerguard: {hidden:,} known spoiler{'s' * (hidden != 1)} left out ({baseline})", quiet)
    if failed:
        raise typer.Exit(FAILED)
    if any(flag.score >= enough for outcome in seen for flag in outcome.report or ()):
        raise typer.Exit(FOUND)


def _check_each(
    guard: Guard,
    paths: list[str],
    input_format: str | None,
    stdin_filename: str,
    limit: float,
    work: Work | None,
    quotations: bool,
    report_unused: bool,
    changes: Changes | None,
) -> Iterator[Outcome]:
    from spoilerguard.drafts import iter_drafts, read_draft, read_standard_input
    from spoilerguard.printing import Outcome
    from spoilerguard.reading import format_of

    for path, trouble in iter_drafts(paths):
        if changes is not None and trouble is None and not changes.changed(path):
            continue
        name = stdin_filename if path == "-" else path
        try:
            if trouble is not None:
                raise trouble
            text = read_standard_input(name) if path == "-" else read_draft(path)
            chosen = input_format or format_of(name)
            report = guard.flag(text, format=chosen, threshold=limit, work=work, quotations=quotations)
            if report_unused:
                from spoilerguard.suppressions import with_unused

                report = with_unused(report, guard, work, quotations=quotations)
            yield Outcome(name, report)
        except InputError as error:
            yield Outcome(name, error=str(error))


# --- what of it is told -------------------------------------------------------------------------


def _changes_since(revision: str) -> Changes:
    from spoilerguard.changes import Changes  # and subprocess: most runs do without

    return Changes(revision)


def _without_known(outcome: Outcome, known: Baseline, quiet: bool) -> Outcome:
    if outcome.report is None:
        return outcome
    split = known.split(outcome.path, outcome.report)
    if split.unused:
        entries = f"{split.unused:,} known spoiler{'s' * (split.unused != 1)}"
        tell(f"spoilerguard: {outcome.path}: {entries} no longer found; --write-baseline forgets what is gone", quiet)
    return replace(outcome, report=replace(outcome.report, flags=split.new), known=split.known)


def _all_known(outcome: Outcome) -> Outcome:
    report = outcome.report
    return outcome if report is None else replace(outcome, report=replace(report, flags=()), known=report.flags)


def _only_changed(outcome: Outcome, changes: Changes) -> Outcome:
    from spoilerguard.changes import touching

    if outcome.report is None or not (outcome.report.flags or outcome.report.notices):
        return outcome
    return replace(outcome, report=touching(outcome.report, changes.lines(outcome.path)))


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


def _complain_of(outcome: Outcome) -> None:
    if outcome.error is not None:
        complain(outcome.error)
    if outcome.report is not None:
        for notice in outcome.report.notices:
            line, column = outcome.report.document.position(notice.start)
            complain(f"{outcome.path}:{line}:{column}: {notice.message}")


def _write(lines: Iterable[str], path: str | None) -> None:
    if path is not None:
        from spoilerguard.drafts import write_draft

        write_draft(path, "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
        return
    with output():
        for line in lines:
            say(line)


def _write_baseline(path: str, outcomes: list[Outcome], failed: bool, quiet: bool) -> None:
    from spoilerguard.baseline import write_baseline

    if failed:
        fail(f"{path}: not written, for not all drafts could be read")
    found = [(o.path, replace(o.report, flags=o.known)) for o in outcomes if o.report is not None]
    with errors_explained():
        count = write_baseline(path, found)
    tell(f"spoilerguard: {count:,} known spoiler{'s' * (count != 1)} written to {path}", quiet)
