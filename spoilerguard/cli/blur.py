"""The command `blur`: a draft with its spoilers hidden. Arguments and printing; it decides nothing.

Exit status: 0 written, 2 usage, input or model error, or text that would leak: then nothing is written.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from spoilerguard.cli.common import (
    AnyLanguageOption,
    BlurbOption,
    ModelOption,
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
    work_of,
)
from spoilerguard.errors import InputError, LeakError
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
Look first, then hide what you left in the report:
  spoilerguard check draft.md --format json > report.json
  spoilerguard blur draft.md --from-json report.json -o post.md"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_BLUR)(blur)


def blur(
    path: Annotated[str, typer.Argument(metavar="[PATH|-]", help="A draft, or - for standard input.")],
    output_path: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write here; by default to standard output.")
    ] = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Change the draft itself, whole or not at all.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change, and write nothing.")] = False,
    style: Annotated[
        str | None,
        typer.Option(
            autocompletion=completing(key="style"),
            help="html, feed, details, reddit, discord, telegram, telegram-html, discourse, bbcode, lemmy, hugo, "
            "goodreads, goodreads-export, anilist, mediawiki, tvtropes, stackexchange, rot13, redact or placeholder; "
            "by default html, and redact in plain text.",
        ),
    ] = None,
    from_json: Annotated[
        str | None,
        typer.Option("--from-json", metavar="REPORT", help="Hide what this report of check says, perhaps edited."),
    ] = None,
    input_format: Annotated[
        str | None,
        typer.Option(
            "--input-format",
            "--format",
            autocompletion=completing(key="input-format"),
            help="text, markdown, html or auto; by default the file name tells.",
        ),
    ] = None,
    stdin_filename: StdinFilenameOption = "-",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
    model: ModelOption = "fast",
    title: TitleOption = "",
    blurb: BlurbOption = None,
    synopsis: SynopsisOption = None,
    quotations: QuotationsOption = True,
    any_language: AnyLanguageOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Write a draft with its spoilers hidden; every other character stays as it is."""
    if sum((output_path is not None, in_place, diff)) > 1:
        fail("--output, --in-place and --diff exclude each other")
    if in_place and path == "-":
        fail("--in-place needs a file, not standard input")
    with errors_explained():
        from spoilerguard.drafts import io as drafts
        from spoilerguard.hiding.blurring import hide
        from spoilerguard.hiding.styles import STYLES
        from spoilerguard.text.reading import READERS, format_of, read

        one_of("--style", style or "html", STYLES)
        one_of("--input-format", input_format or "auto", (*READERS, "auto"))
        name = stdin_filename if path == "-" else path
        report = None if from_json is None else _report(from_json, name)
        data = drafts.read_standard_bytes(name) if path == "-" else drafts.read_bytes(path)
        source = drafts.decode(data, name)
        if report is not None:
            document = read(source, input_format or report.format or format_of(name), quotations=quotations)
            ranges = report.ranges(source)
        else:
            from spoilerguard.guard import load

            found = load(model).flag(
                source,
                format=input_format or format_of(name),
                sensitivity=sensitivity,
                threshold=threshold,
                work=work_of(title, blurb, synopsis),
                quotations=quotations,
                any_language=any_language,
            )
            if not found.checked:
                complain(f"{name}: {found.notices[0].message}")
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
        complain(f"{name}: {len(ranges):,} sentence{'s' * (len(ranges) != 1)} {'to hide' if diff else 'hidden'}")


def _report(path: str, name: str) -> ReportFile:
    from spoilerguard.drafts.edited import read_report

    return read_report(path, name)


def _difference(old: str, new: str, name: str) -> bytes:
    """A unified diff, of lines as `patch` counts them."""
    from difflib import unified_diff

    lines = unified_diff(_lines(old), _lines(new), name, name)
    whole = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "".join(whole).encode("utf-8", "surrogatepass")


def _lines(text: str) -> list[str]:
    *lines, last = text.split("\n")
    return [*(f"{line}\n" for line in lines), *([last] if last else [])]
