"""The command `preview`: a draft as readers will see it, on one page. Arguments; it decides nothing.

Exit status: 0 written; 2 usage, input or model error, and then nothing is written.
"""

from __future__ import annotations

from pathlib import PurePath
import sys

import typer

from spoilerguard.cli.common import (
    AnyLanguageOption,
    BlurbOption,
    DecisionsOption,
    DraftArgument,
    InputFormatOption,
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
    errors_explained,
    format_for,
    output,
    project_files,
)  # fmt: skip
from spoilerguard.cli.configured import typed
from spoilerguard.files.places import check_places

__all__ = ["register"]

_PREVIEW = """\b
Examples:
  spoilerguard preview draft.md -o page.html
  spoilerguard preview draft.md -o page.html --title "The Glass Orchard" --blurb cover.txt
The page needs only a browser. Move the threshold, see what is hidden and why, hide and show sentences by
hand, and copy the text with its spoilers hidden for Reddit, Discord and others. What you decided by hand:
  spoilerguard blur draft.md --from-json decisions.json -o post.md
  spoilerguard decide decisions.json"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_PREVIEW)(preview)


def preview(
    ctx: typer.Context,
    path: DraftArgument,
    output_path: OutputOption = None,
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
    decisions: DecisionsOption = True,
    quiet: QuietOption = False,
) -> None:
    """Write a page that shows the draft as readers will see it, beside the findings."""
    with errors_explained():
        from spoilerguard.drafts import io as drafts
        from spoilerguard.drafts.about import about
        from spoilerguard.drafts.decisions import decisions_by_path
        from spoilerguard.guard import load
        from spoilerguard.preview.page import preview

        check_input_format(input_format)
        name = stdin_filename if path == "-" else path
        store = decisions_by_path()(name)
        if output_path is not None:
            reads = [path, store.path if store else None, blurb, synopsis, works, *project_files(ctx, model)]
            check_places(reads, {"--output": output_path})
        given = {"--input-format": input_format, "--model": model if model != "fast" else None, "--title": title}
        given |= {"--blurb": blurb, "--synopsis": synopsis, "--works": works}
        command = [path, *(word for option, value in given.items() if value for word in (option, value))]
        source = drafts.read_standard_input(name) if path == "-" else drafts.read_draft(path)
        known = about(
            source, name, title=title, blurb=blurb, synopsis=synopsis, works=works, sensitivity=sensitivity,
            threshold=threshold, typed=typed(ctx),
        )  # fmt: skip
        page = preview(
            load(model),
            source,
            name="standard input" if name == "-" else PurePath(name).name,
            path=name,
            decisions=store if decisions else None,
            command=command + ["--no-quotations"] * (not quotations) + ["--any-language"] * any_language,
            format=format_for(input_format, name),
            sensitivity=known.sensitivity,
            threshold=known.threshold,
            work=known.work,
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
