"""The command `decide`: keeps decisions about sentences for a project. Arguments; it decides nothing.

Exit status: 0 recorded; 2 usage or input error, and then nothing is written.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from spoilerguard.cli.common import QuietOption, counted, errors_explained, tell
from spoilerguard.errors import InputError

__all__ = ["register"]

_DECIDE = """\b
Examples:
  spoilerguard decide decisions.json
  spoilerguard decide decisions.json --keep-text
The first saves hashes, no text, in .spoilerguard/decisions.jsonl of the project; check, blur, preview and
the language server obey them from then on. With the text kept, they are labels too:
  spoilerguard train .spoilerguard/decisions.jsonl data/reviews.jsonl -o my-model"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_DECIDE)(decide)


def decide(
    reports: Annotated[
        list[str],
        typer.Argument(metavar="REPORT...", help="Saved decisions of preview, or edited reports of check in JSON."),
    ],
    keep_text: Annotated[
        bool, typer.Option("--keep-text/--no-keep-text", help="Keep the sentences too, so that train can use them.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Keep decisions about sentences for the project, so that every command obeys them."""
    with errors_explained():
        from spoilerguard.cli.common import format_for
        from spoilerguard.drafts.decisions import Decided, record, store_for
        from spoilerguard.drafts.edited import read_reports
        from spoilerguard.drafts.io import read_draft
        from spoilerguard.drafts.outcomes import beneath
        from spoilerguard.settings.layers import find
        from spoilerguard.text.reading import read

        found: dict[str, list[Decided]] = {}
        for report in reports:
            files = [file for file in read_reports(report) if file.decides]
            if not files:
                raise InputError(
                    f'{report}: no decisions; set "decision" to "hide" or "show", or save them in a preview'
                )
            for file in files:
                document = read(read_draft(file.name), format_for(file.format, file.name))
                store = store_for(file.name, find(file.name).folder)
                found.setdefault(store, []).extend(file.decided(document, keep_text=keep_text))
        for store, decided in found.items():
            record(store, decided)
            shown = beneath(store, os.curdir) or store
            tell(f"spoilerguard: {counted(len(decided), 'decision')} kept in {shown}", quiet)
