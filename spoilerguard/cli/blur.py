"""The command `blur`: a draft with its spoilers hidden. Arguments and printing; it decides nothing.

Exit status: 0 written; 2 usage, input or model error, or text that would leak, and then nothing is written.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from spoilerguard.cli.common import (
    AnyLanguageOption,
    BlurbOption,
    DecisionsOption,
    DraftArgument,
    ModelOption,
    OutputOption,
    QuietOption,
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
    input_format_option,
    one_of,
    output,
    project_files,
)
from spoilerguard.cli.configured import typed
from spoilerguard.errors import InputError, LeakError
from spoilerguard.files.places import check_places
from spoilerguard.spans import Span

if TYPE_CHECKING:
    from spoilerguard.drafts.edited import ReportFile

__all__ = ["register"]

_BLUR = """\b
Examples:
  spoilerguard blur draft.md -o post.md
  spoilerguard blur draft.md --style reddit --diff
  spoilerguard blur page.html --in-place --sensitivity high
  cat comment.txt | spoilerguard blur - --style discord
Look first, then hide what you leave in the report:
  spoilerguard check draft.md --format json > report.json
  spoilerguard blur draft.md --from-json report.json -o post.md
The preview's "Save decisions" makes such a report:
  spoilerguard blur draft.md --from-json decisions.json -o post.md"""

_FILES = (
    "this style needs two files in the page: run spoilerguard assets -o static, and link both in the page's head "
    '(--style details needs none; --style html, or style = "html" in the settings, ends this message)'
)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_BLUR)(blur)


def blur(
    ctx: typer.Context,
    path: DraftArgument,
    output_path: OutputOption = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Change the draft itself.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print what would change, and write nothing.")] = False,
    style: Annotated[
        str | None,
        typer.Option(
            autocompletion=completing(key="style"),
            help="html, feed, details, reddit, discord, telegram, telegram-html, discourse, bbcode, lemmy, hugo, "
            "goodreads, goodreads-export, anilist, mediawiki, tvtropes, stackexchange, rot13, redact or placeholder; "
            "by default, html, and redact in plain text.",
        ),
    ] = None,
    from_json: Annotated[
        str | None,
        typer.Option(
            "--from-json",
            metavar="REPORT",
            help="Hide what was decided in this report of check or preview, which you may edit first.",
        ),
    ] = None,
    input_format: Annotated[str | None, input_format_option("--input-format", "--format")] = None,
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
    decisions: DecisionsOption = True,
    quiet: QuietOption = False,
) -> None:
    """Write a draft with its spoilers hidden; every other character stays as it is."""
    if sum((output_path is not None, in_place, diff)) > 1:
        fail("--output, --in-place and --diff cannot be combined; give one of them")
    if in_place and path == "-":
        fail("--in-place needs a file, not standard input")
    with errors_explained():
        from spoilerguard.drafts import io as drafts
        from spoilerguard.drafts.decisions import decisions_by_path, obey
        from spoilerguard.hiding.blurring import hide
        from spoilerguard.hiding.styles import DEFAULTS, STYLES
        from spoilerguard.text.reading import read

        one_of("--style", style or "html", STYLES)
        check_input_format(input_format)
        name = stdin_filename if path == "-" else path
        decided = decisions_by_path()
        if output_path is not None:
            if path != "-" and os.path.exists(output_path) and os.path.samefile(path, output_path):
                raise InputError(f"{output_path}: is the draft itself; give --in-place to change it")
            store = decided(name)
            reads = [path, from_json, store.path if store else None, blurb, synopsis, works, *project_files(ctx, model)]
            check_places(reads, {"--output": output_path})
        report = None if from_json is None else _report(from_json, name)
        data = drafts.read_standard_bytes(name) if path == "-" else drafts.read_bytes(path)
        source = drafts.decode(data, name)
        if report is not None:
            document = read(source, format_for(input_format or report.format, name), quotations=quotations)
            ranges = report.ranges(source)
        else:
            from spoilerguard.drafts.about import about
            from spoilerguard.guard import load

            guard = load(model)
            known = about(
                source, name, title=title, blurb=blurb, synopsis=synopsis, works=works, sensitivity=sensitivity,
                threshold=threshold, typed=typed(ctx),
            )  # fmt: skip
            found = guard.flag(
                source,
                format=format_for(input_format, name),
                threshold=guard.threshold(known.sensitivity, known.threshold),
                work=known.work,
                quotations=quotations,
                any_language=any_language,
            )
            if not found.checked:
                complain(f"{name}: {found.notices[0].message}")
            found = obey(found, guard, decided(name) if decisions else None).report
            document, ranges = found.document, [Span(flag.start, flag.end) for flag in found]
        try:
            result = hide(document, ranges, style)
        except (InputError, LeakError) as error:
            raise type(error)(f"{name}: {error}") from None
        if in_place or output_path is not None:
            if not in_place or result != source:
                drafts.write_draft(
                    output_path or path, drafts.encode(result, data), instead_of=data if in_place else None
                )
        else:
            written = _difference(source, result, name) if diff else drafts.encode(result, data)
            with output():
                sys.stdout.buffer.write(written)
    if not quiet:
        complain(f"{name}: {counted(len(ranges), 'sentence')} {'to hide' if diff else 'hidden'}")
        if style is None and ranges and not diff and DEFAULTS[document.format] == "html":
            complain(_FILES)


def _report(path: str, name: str) -> ReportFile:
    from spoilerguard.drafts.edited import read_report

    return read_report(path, name)


def _difference(old: str, new: str, name: str) -> bytes:
    """A unified diff, with lines as `patch` counts them."""
    from difflib import unified_diff

    lines = unified_diff(_lines(old), _lines(new), name, name)
    whole = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "".join(whole).encode("utf-8", "surrogatepass")


def _lines(text: str) -> list[str]:
    *lines, last = text.split("\n")
    return [*(f"{line}\n" for line in lines), *([last] if last else [])]
