"""The command `preview`: a draft as readers will see it, on one page. Arguments; it decides nothing.

Exit status: 0 written, 2 usage, input or model error: then nothing is written.
"""

from __future__ import annotations

from pathlib import PurePath
import sys
from typing import Annotated

import typer

from spoilerguard.cli.common import (
    AnyLanguageOption,
    BlurbOption,
    InputFormatOption,
    ModelOption,
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
    work_of,
)  # fmt: skip

__all__ = ["register"]

_PREVIEW = """\b
Examples:
  spoilerguard preview draft.md -o page.html
  spoilerguard preview draft.md -o page.html --title "The Glass Orchard" --blurb cover.txt
The page needs nothing but a browser: move the threshold, see what is hidden and why, and
copy the text with its spoilers hidden as Reddit, Discord or others want it."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_PREVIEW)(preview)


def preview(
    path: Annotated[str, typer.Argument(metavar="[PATH|-]", help="A draft, or - for standard input.")],
    output_path: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write here; by default to standard output.")
    ] = None,
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Write a page with the draft as readers will see it, beside what was found in it."""
    with errors_explained():
        from spoilerguard.drafts import io as drafts
        from spoilerguard.guard import load
        from spoilerguard.preview.page import preview
        from spoilerguard.text.reading import READERS, format_of

        one_of("--input-format", input_format or "auto", (*READERS, "auto"))
        name = stdin_filename if path == "-" else path
        given = {"--input-format": input_format, "--model": model if model != "fast" else None, "--title": title}
        given |= {"--blurb": blurb, "--synopsis": synopsis}
        command = [path, *(word for option, value in given.items() if value for word in (option, value))]
        page = preview(
            load(model),
            drafts.read_standard_input(name) if path == "-" else drafts.read_draft(path),
            name="standard input" if name == "-" else PurePath(name).name,
            command=command + ["--no-quotations"] * (not quotations) + ["--any-language"] * any_language,
            format=input_format or format_of(name),
            sensitivity=sensitivity,
            threshold=threshold,
            work=work_of(title, blurb, synopsis),
            quotations=quotations,
            any_language=any_language,
        ).encode("utf-8", "replace")
        if output_path is not None:
            drafts.write_draft(output_path, page)
        else:
            with output():
                sys.stdout.buffer.write(page)
    if output_path is not None and not quiet:
        complain(f"{output_path}: written; open it in a browser")
