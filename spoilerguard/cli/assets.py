"""The command `assets`: the style sheet and the script for the style `html`."""

from __future__ import annotations

from pathlib import Path
import sys
from typing import Annotated

import typer

from spoilerguard.errors import InputError
from spoilerguard.files.atomic import atomic_write

__all__ = ["register"]

_ASSETS = """\b
Example:
  spoilerguard assets -o static/
Then, in the head of every page that shows a spoiler:
  <link rel="stylesheet" href="/static/spoilerguard.css">
  <script defer src="/static/spoilerguard.js"></script>"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_ASSETS)(assets)


def assets(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="The folder to write them to.")],
) -> None:
    """Write the style sheet and the script for the style html: 4 kB, no dependency."""
    from spoilerguard.hiding.accessible_html import ASSETS, asset
    from spoilerguard.printing import harmless

    for name in ASSETS:
        try:
            _write(output / name, asset(name).encode("utf-8"))
        except InputError as error:
            print(f"spoilerguard: {harmless(str(error))}", file=sys.stderr)
            raise typer.Exit(2) from None
        sys.stdout.buffer.write(f"{output / name}\n".encode("utf-8", "backslashreplace"))
        sys.stdout.flush()


def _write(target: Path, data: bytes) -> None:
    """Whole or not at all: what pages load now stays until the new file is complete."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target) as file:
            file.write(data)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}; check the path") from error
