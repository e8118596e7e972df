"""The command `scan`: a comment archive. Arguments, progress, signals and printing; it decides nothing.

Exit status: 0 every record of the archive was read and is in the output; 2 any error; 3 records have errors, or a
part of the archive could not be read; 130 interrupted, also by a reader of standard output that stops early. The
records that were scanned are kept in every case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
import os
from pathlib import Path
import sys
import time
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from spoilerguard.cli.common import (
    AnyLanguageOption,
    JobsOption,
    ModelOption,
    QuietOption,
    QuotationsOption,
    SensitivityOption,
    TextColumnOption,
    ThresholdOption,
    completing,
    counted,
    errors_explained,
    one_of,
    project_files,
    tell,
)
from spoilerguard.cli.common import (
    output as printing,
)
from spoilerguard.cli.progress import duration, shown
from spoilerguard.cli.scan_parts import in_parts
from spoilerguard.cli.stopping import StoppedError, stop_requested
from spoilerguard.errors import InputError
from spoilerguard.files.places import check_folder, check_places
from spoilerguard.files.storage import is_url

if TYPE_CHECKING:
    from spoilerguard.scan.summary import Summary
    from spoilerguard.spans import Work

__all__ = ["register"]

INCOMPLETE, INTERRUPTED = 3, 130

_SCAN = """\b
Examples:
  spoilerguard scan comments.csv -o scanned.jsonl
  spoilerguard scan export.xml -o scanned.csv --report report.html --only-flagged
  spoilerguard scan comments.csv -o with-text.csv --keep text --keep film
  spoilerguard scan comments.jsonl.zst -o scanned.parquet --jobs 8
  spoilerguard scan comments.jsonl.zst -o scanned.parquet --jobs 8 --resume
  curl https://blog.example/feed | spoilerguard scan - -o - | jq -c 'select(.spoiler)'
  spoilerguard scan 's3://bucket/comments/*.parquet' -o s3://bucket/out/ --engine dask --scheduler tcp://host:8786
  spoilerguard scan --sql sqlite:///blog.db --query "select id, body from comments order by id" -o blog.jsonl"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_SCAN)(scan)


def scan(
    ctx: typer.Context,
    out: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT|-",
            help="The file to write: .jsonl, .csv (both also .gz, .zst) or .parquet; - prints JSON Lines. A folder "
            "(FOLDER/ or a URL, s3://bucket/folder/) gets a file for each file of SOURCE, read and written by workers.",
        ),
    ],
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE|-",
            help="The archive: a file, a folder, the URL of a database or of shared storage, or - for standard input.",
        ),
    ] = None,
    sql: Annotated[
        str | None, typer.Option(metavar="URL", help="A database instead of SOURCE, as a URL of SQLAlchemy.")
    ] = None,
    format: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="The format of the archive, if it is not recognised.")
    ] = None,
    text_column: TextColumnOption = None,
    id_column: Annotated[str | None, typer.Option(help="The column with the id.")] = None,
    work_column: Annotated[str | None, typer.Option(help="The column that names the work or thread.")] = None,
    time_column: Annotated[str | None, typer.Option(help="The column with the date.")] = None,
    input_format: Annotated[
        str | None,
        typer.Option(help="The format of the texts: text, markdown or html; by default, that of the archive."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Add a column of the archive to the output, such as the text; may be repeated."
        ),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="The encoding of the archive, if it is not recognised.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="The character between the fields of a CSV.")] = None,
    query: Annotated[str | None, typer.Option(help="The query that selects the comments of a database.")] = None,
    works: Annotated[
        Path | None,
        typer.Option(metavar="WORKS.jsonl", help="Blurbs and synopses: {work, title, blurb, synopsis} on each line."),
    ] = None,
    model: ModelOption = "fast",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
    cascade: Annotated[
        bool, typer.Option(help="Use a transformer only where its linear part is unsure: three times as fast.")
    ] = True,
    quotations: QuotationsOption = True,
    any_language: AnyLanguageOption = False,
    suppressions: Annotated[
        bool, typer.Option("--suppressions", help="Obey suppression comments in the texts, which strangers can write.")
    ] = False,
    blur: Annotated[
        str | None,
        typer.Option(
            metavar="STYLE",
            autocompletion=completing(key="style"),
            help="Add each text with its spoilers hidden, as `blurred`.",
        ),
    ] = None,
    only_flagged: Annotated[
        bool,
        typer.Option("--only-flagged", help="Leave out records without a spoiler, but not those that cannot be read."),
    ] = False,
    csv_formulas: Annotated[
        bool,
        typer.Option(
            "--csv-formulas",
            help="In CSV, leave text as it is that a spreadsheet would run as a formula; by default, ' goes before it.",
        ),
    ] = False,
    partition: Annotated[
        int | None,
        typer.Option(min=1, metavar="RECORDS", help="Make OUT a folder of files with about this many records each."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="HTML", help="Write a report: one self-contained page.")
    ] = None,
    jobs: JobsOption = 1,
    engine: Annotated[str, typer.Option(help="local, or dask (a cluster).")] = "local",
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The Dask scheduler; without one, a local cluster with --jobs workers."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue an interrupted scan of the same source; one that is complete stays."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Start again, and replace OUT.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Scan a comment archive: one output record for each of its records, in order."""
    with _errors_explained(), stop_requested() as stop, ExitStack() as stack:
        from spoilerguard.archives import FAMILIES, open_archive
        from spoilerguard.files.spool import spooled
        from spoilerguard.hiding.styles import STYLES
        from spoilerguard.scan import parts, run
        from spoilerguard.scan.engines import ENGINES
        from spoilerguard.scan.folder import done_of, finished, part_of
        from spoilerguard.scan.outputs import STDOUT

        if (source is None) == (sql is None):
            raise InputError("give the archive as SOURCE, or a database as --sql URL with --query")
        source = source or sql or ""
        if resume and force:
            raise InputError("--resume continues and --force starts again: give one of them")
        one_of("--engine", engine, ENGINES)
        if format is not None:
            one_of("--from", format, [family.name for family in FAMILIES])
        if blur is not None:
            one_of("--blur", blur, STYLES)
        if scheduler is not None and engine != "dask":
            raise InputError("--scheduler needs --engine dask")
        opening = partial(
            open_archive,
            format=format,
            text_column=text_column,
            id_column=id_column,
            work_column=work_column,
            time_column=time_column,
            carry=keep or (),
            text_format=input_format,
            encoding=encoding,
            delimiter=delimiter,
            query=query,
        )
        known = _works(works)
        planning = partial(
            run.plan_of,
            model=model,
            sensitivity=sensitivity,
            threshold=threshold,
            cascade=cascade,
            quotations=quotations,
            any_language=any_language,
            suppressions=suppressions,
            blur=blur,
            only_flagged=only_flagged,
            csv_formulas=csv_formulas,
            partition=partition,
            works=known,
        )
        name, output, others = _name(source), Path(out), [works, *project_files(ctx, model)]
        running: Callable[..., Summary | None]
        done = None
        if parts.wants_parts(out) and (partition is None or is_url(out)):
            archive, plan, scanning = in_parts(source, out, opening, planning, report=report, reads=others, quiet=quiet)
            running, kept = partial(scanning, resume=resume, force=force), f"the parts that are done are in {out}"
        else:
            written = {"--output": output, "the partial output": part_of(output), "its record": done_of(output)}
            if out in ("-", "/dev/stdout"):
                output, written = STDOUT, {}
                _check_stream(resume=resume, partition=partition)
            check_places([source, works], {"--report": report}, written)
            check_folder(output)
            place = name if sql or source == "-" else source
            if source == "-":
                source = os.fspath(stack.enter_context(spooled(sys.stdin.buffer if sys.stdin else None)))
            archive = opening(source)
            check_places([*archive.files, *others], {"--report": report}, written)
            tell(f"{place}: {archive.described}", quiet)
            if known and not archive.columns.work:
                tell(f"spoilerguard: {works} is not used: no column names the works; name it with --work-column", quiet)
            if not archive.resumable:
                tell("spoilerguard: a query without ORDER BY cannot be resumed; an interruption loses all", quiet)
            plan = planning(archive, output)
            if output == STDOUT:
                running, kept = partial(run.stream, archive, _standard_output(), plan, stop=stop), ""
            else:
                done = finished(output, plan.to_dict()) if resume else None
                running = partial(run.scan, archive, output, plan, resume=resume, force=force, stop=stop)
                kept = f"what was done is in {part_of(output)}"

        def finishing(summary: Summary) -> None:
            if report is not None:
                from spoilerguard.files.pages import write
                from spoilerguard.scan.page import page

                write(report, page(summary, plan, source=name, described=archive.described, output=_shown(out)))

        began = time.monotonic()
        summary = done
        if done is not None:
            finishing(done)
            tell(f"{out}: complete already; nothing was scanned again", quiet)
        else:
            stop.at_once = False
            with shown(quiet) as progress, suppress(StoppedError), printing() if output == STDOUT else nullcontext():
                summary = running(
                    jobs=jobs,
                    engine=engine,
                    address=scheduler,
                    works=known,
                    finishing=finishing,
                    progress=progress,
                    reading=stop.reading,
                )
    if summary is None:
        rest = f"{kept}: continue with --resume" if kept else "what was done is on standard output"
        tell(f"spoilerguard: interrupted; {rest}", quiet=False)
        raise typer.Exit(INTERRUPTED)
    _summarise(summary, out, report, time.monotonic() - began, quiet)
    if summary.errors:
        _tell_errors(summary)
        raise typer.Exit(INCOMPLETE)


def _check_stream(*, resume: bool, partition: int | None) -> None:
    """Raise InputError for what standard output cannot do."""
    if resume:
        raise InputError("--resume cannot continue what went to standard output; name a file with -o")
    if partition is not None:
        raise InputError("--partition makes a folder of files; name it with -o")


def _standard_output() -> BinaryIO:
    if sys.stdout is None:
        raise InputError("standard output is closed; name a file with -o")
    return sys.stdout.buffer


def _shown(output: str) -> str:
    return "standard output" if output in ("-", "/dev/stdout") else output


def _name(source: str) -> str:
    """The name of a source in reports: never its URL, which may hold a password."""
    if source == "-":
        return "standard input"
    return "database" if "://" in source and not is_url(source) else os.path.basename(source.rstrip(os.sep)) or source


def _works(path: Path | None) -> dict[str, Work] | None:
    if path is None:
        return None
    from spoilerguard.datasets import read_works

    return read_works(path)


def _summarise(summary: Summary, output: str, report: Path | None, seconds: float, quiet: bool) -> None:
    others = f", {summary.errors:,} with an error" if summary.errors else ""
    others += f", {summary.unchecked:,} not in English and not checked" if summary.unchecked else ""
    tell(
        f"{_shown(output)}: {counted(summary.records, 'record')}, {summary.flagged:,} with a spoiler{others}; "
        f"{counted(summary.sentences, 'sentence')}, {summary.flags:,} flagged ({duration(seconds)})",
        quiet,
    )
    if report is not None:
        tell(f"written: {report}", quiet)


def _tell_errors(summary: Summary) -> None:
    """How many records have errors, whether more of the archive was not read, and the first error."""
    first, unread = summary.faults[0], summary.states.get("unread", 0)
    have = "has an error" if summary.errors == 1 else "have errors"
    rest = {0: "", 1: ", and the rest of a file was not read"}.get(
        unread, f", and the rest of {unread:,} files was not read"
    )
    tell(
        f"spoilerguard: {summary.errors:,} of {summary.records:,} records {have}{rest}; "
        f"the first is record {first['number'] + 1:,}: {first['error']}",
        quiet=False,
    )


# --- errors --------------------------------------------------------------------------------------


@contextmanager
def _errors_explained() -> Iterator[None]:
    try:
        with errors_explained():
            yield
    except StoppedError:
        tell("spoilerguard: interrupted before the scan began", quiet=False)
        raise typer.Exit(INTERRUPTED) from None
    except KeyboardInterrupt:
        tell("spoilerguard: stopped at once; continue with --resume", quiet=False)
        raise typer.Exit(INTERRUPTED) from None
