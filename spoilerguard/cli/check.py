"""The command `check`: which sentences of drafts give the plot away. Arguments and printing; it decides nothing.

Exit status: 0 clean; 1 spoilers found, or with --site hidden text in the clear; 2 usage, input or model error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
import math
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spoilerguard.cli.common import (
    FAILED,
    FOUND,
    AnyLanguageOption,
    BlurbOption,
    DecisionsOption,
    InputFormatOption,
    ModelOption,
    OutputOption,
    QuotationsOption,
    SensitivityOption,
    StdinFilenameOption,
    SynopsisOption,
    ThresholdOption,
    TitleOption,
    WorksOption,
    check_input_format,
    complain,
    completing,
    counted,
    errors_explained,
    fail,
    format_for,
    one_of,
    output,
    project_files,
    say,
    tell,
)
from spoilerguard.cli.configured import exclusion, options_for, typed
from spoilerguard.files.places import check_places

if TYPE_CHECKING:
    from spoilerguard.drafts.baseline import Baseline
    from spoilerguard.drafts.changes import Changes
    from spoilerguard.errors import InputError
    from spoilerguard.guard import Guard
    from spoilerguard.printing import Outcome
    from spoilerguard.report import Report

__all__ = ["register"]

_CHECK = """\b
Examples:
  spoilerguard check draft.md
  spoilerguard check posts/ --format json
  spoilerguard check posts/ --exclude 'drafts/**' --exclude '*.old.md'
  cat draft.html | spoilerguard check - --stdin-filename draft.html
In a workflow, check only what a branch has changed; or write SARIF for the code host:
  spoilerguard check posts/ --diff origin/main --format github
  spoilerguard check posts/ --format sarif -o spoilers.sarif --exit-zero
Or what reviewdog reads, with suggestions that hide what is found:
  spoilerguard check posts/ --format rdjson --show-text --exit-zero
Accept the spoilers of an old site, and report only new ones:
  spoilerguard check posts/ --write-baseline known.json
  spoilerguard check posts/ --baseline known.json --fail-on 0.9
Check that nothing that a page of the built site hides stands in a feed, a search index or elsewhere:
  spoilerguard check --site public/
  spoilerguard check --site public/ --format json -o leaks.json"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_CHECK)(check)


def check(
    ctx: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH|-]...", help="Drafts, folders of drafts, or - for standard input."),
    ] = None,
    site: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Check a built site instead: what pages hide must not stand in the clear.",
        ),
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            autocompletion=completing(key="format"),
            help="Output: text, line, json, jsonl, github (annotations), sarif, rdjson (reviewdog), gitlab (code "
            "quality) or junit.",
        ),
    ] = "text",
    output_path: OutputOption = None,
    show_text: Annotated[
        bool,
        typer.Option(
            "--show-text",
            help="Show sentences in the formats made for logs too, and in rdjson suggest how to hide them: logs will "
            "hold spoilers.",
        ),
    ] = False,
    input_format: InputFormatOption = None,
    stdin_filename: StdinFilenameOption = "-",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
    model: ModelOption = "fast",
    title: TitleOption = "",
    blurb: BlurbOption = None,
    synopsis: SynopsisOption = None,
    works: WorksOption = None,
    quotations: QuotationsOption = True,
    any_language: AnyLanguageOption = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Leave these paths out of folders, as in .gitignore; may be repeated."),
    ] = None,
    force_exclude: Annotated[
        bool,
        typer.Option("--force-exclude", help="Leave excluded paths out even if they are named."),
    ] = False,
    respect_gitignore: Annotated[
        bool, typer.Option("--gitignore/--no-gitignore", help="Leave what git ignores out of folders.")
    ] = True,
    diff: Annotated[
        str | None,
        typer.Option(
            metavar="BASE",
            help="Report only findings on lines changed since the merge base of this git revision and HEAD; with HEAD, "
            "on lines not committed. Changed drafts are read whole; others are skipped.",
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="FILE", help="Leave out the known spoilers in this file.")
    ] = None,
    write_baseline: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Record all spoilers found as known: hashes, no text. Exit status 0."),
    ] = None,
    decisions: DecisionsOption = True,
    report_unused: Annotated[
        bool, typer.Option("--report-unused", help="Report suppressions in drafts that suppress nothing.")
    ] = False,
    fail_on: Annotated[
        str | None,
        typer.Option(metavar="PROBABILITY|never", help="Exit 1 only for spoilers this likely; by default, for any."),
    ] = None,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit 0 even if spoilers are found.")] = False,
    color: Annotated[
        str, typer.Option("--color", autocompletion=completing(key="color"), help="auto, always or never.")
    ] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print findings and errors, but no summary.")] = False,
) -> None:
    """Check drafts before publishing: which sentences give the plot away, how likely, and why."""
    if site is not None:
        if paths:
            fail("--site cannot be combined with drafts; run check twice")
        _check_site(site, format, output_path, show_text, quiet, exit_zero)
        return
    if not paths:
        fail("name drafts to check, or a built site as --site FOLDER")
    from spoilerguard.printing import PRINTERS, Look, colour_wanted

    one_of("--format", format, PRINTERS)
    one_of("--color", color, ("auto", "always", "never"))
    enough = math.inf if exit_zero else _enough(fail_on)
    if diff is not None and (write_baseline or "-" in paths):
        fail(f"--diff cannot be combined with {'--write-baseline' if write_baseline else 'standard input'}")
    with errors_explained():
        from spoilerguard.drafts.about import read_library
        from spoilerguard.drafts.checking import check_each
        from spoilerguard.drafts.decisions import decisions_by_path
        from spoilerguard.drafts.io import read_work
        from spoilerguard.drafts.walking import iter_drafts
        from spoilerguard.guard import load

        check_input_format(input_format)
        guard = load(model)
        limit = guard.threshold(sensitivity, threshold)
        read_work(title, blurb, synopsis)  # so that an error in these comes before the drafts are read
        if works:
            read_library(works)
        walked: Iterable[tuple[str, InputError | None]] = iter_drafts(
            paths, exclude=exclusion(ctx), force_exclude=force_exclude, respect_gitignore=respect_gitignore
        )
        decided = decisions_by_path() if decisions else None
        if output_path is not None or write_baseline:
            walked = list(walked)
            names = [stdin_filename if path == "-" else path for path, _ in walked]
            about = [options_for(ctx, name)[option] for name in names for option in ("blurb", "synopsis", "works")]
            stores = {found.path for name in names if decided and (found := decided(name))}
            reads = [*(path for path, _ in walked), *about, *sorted(stores), *project_files(ctx, model)]
            check_places(
                reads if write_baseline else [*reads, baseline],
                {"--output": output_path, "--write-baseline": write_baseline},
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
            decisions=decided,
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
        _write(PRINTERS[format](outcomes(), Look(colour, quiet, limit, model_used, show_text)), output_path)
    failed = any(outcome.error is not None for outcome in seen)
    if seen and not failed and not any(outcome.report is None or _has_text(outcome.report) for outcome in seen):
        of = "it" if len(seen) == 1 else f"{counted(len(seen), 'file')}"
        tell(f"spoilerguard: nothing was checked: there is no prose in {of}", quiet)
    if write_baseline:
        _write_baseline(write_baseline, seen, failed, quiet)
    elif baseline:
        known = sum(len(outcome.known) for outcome in seen)
        tell(f"spoilerguard: {counted(known, 'known spoiler')} left out ({baseline})", quiet)
    shown = sum(outcome.decisions.get(near.start) == "show" for outcome in seen for near in outcome.near)
    if shown:
        them = "it" if shown == 1 else "them"
        tell(f"spoilerguard: {counted(shown, 'sentence')} left out, because you decided to show {them}", quiet)
    if failed:
        raise typer.Exit(FAILED)
    if any(
        flag.score >= enough or (enough <= 1 and outcome.decisions.get(flag.start) == "hide")
        for outcome in seen
        for flag in outcome.report or ()
    ):
        raise typer.Exit(FOUND)


def _has_text(report: Report) -> bool:
    """Whether a draft has a sentence, or a place where one could be that is hidden or suppressed."""
    return bool(report.sentences or report.hidden or report.document.suppressed)


def _check_site(
    folder: str, format: str, output_path: str | None, show_text: bool, quiet: bool, exit_zero: bool
) -> None:
    """Check a built site; the words that stand in the clear are printed only if asked for, or in JSON."""
    from spoilerguard.site import SITE_PRINTERS, check_site, files_in

    one_of("--format for --site", format, SITE_PRINTERS)
    with errors_explained():
        check_places(files_in(folder), {"--output": output_path})
        found = check_site(folder)
        _write(SITE_PRINTERS[format](found, show_text), output_path)
    for fault in found.unread:
        complain(fault)
    looked = f"{counted(found.files, 'file')}, {counted(found.pages, 'page')} with hidden text"
    tell(f"spoilerguard: {counted(len(found.leaks), 'leak')} in {folder} ({looked})", quiet)
    if found.unread:
        raise typer.Exit(FAILED)
    if found.leaks and not exit_zero:
        raise typer.Exit(FOUND)


def _flagging(ctx: typer.Context, guard: Guard) -> Callable[[str, str], dict[str, Any]]:
    """The arguments of `Guard.flag` for a path and its text: of the command line, the front matter, the settings."""
    from spoilerguard.drafts.about import OPTIONS, about

    def options(name: str, text: str) -> dict[str, Any]:
        given = options_for(ctx, name)
        known = about(text, name, **{option: given[option] for option in OPTIONS}, typed=typed(ctx))
        return {
            "format": format_for(given["input_format"], name),
            "threshold": guard.threshold(known.sensitivity, known.threshold),
            "work": known.work,
            "quotations": given["quotations"],
            "any_language": given["any_language"],
        }

    return options


def _changes_since(revision: str) -> Changes:
    from spoilerguard.drafts.changes import Changes  # most runs do without

    return Changes(revision)


def _known_from(path: str) -> Baseline:
    from spoilerguard.drafts.baseline import read_baseline

    return read_baseline(path)


def _enough(fail_on: str | None) -> float:
    """The probability from which a spoiler fails the run."""
    if fail_on is None or fail_on == "never":
        return 0 if fail_on is None else math.inf
    try:
        enough = float(fail_on)
    except ValueError:
        enough = math.nan
    if not 0 <= enough <= 1:
        fail(f"--fail-on must be a probability from 0 to 1, or never, not {fail_on!r}")
    return enough


# --- output --------------------------------------------------------------------------------------


def _complain_of(outcome: Outcome, quiet: bool) -> None:
    if outcome.gone:
        gone = counted(outcome.gone, "known spoiler")
        tell(f"spoilerguard: {outcome.path}: {gone} no longer found; update the file with --write-baseline", quiet)
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
        fail(f"{path}: not written, because not all drafts could be read")
    found = [(o.path, replace(o.report, flags=o.known)) for o in outcomes if o.report is not None]
    with errors_explained():
        count = write_baseline(path, found)
    tell(f"spoilerguard: {counted(count, 'known spoiler')} written to {path}", quiet)
