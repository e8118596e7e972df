"""The command `lsp`: a language server for editors. Arguments and exit status; it decides nothing.

Exit status: 0 stopped by the editor; 1 the editor closed the connection; 2 usage or model error.
"""

from __future__ import annotations

from importlib.util import find_spec
import logging
import os
import sys
from typing import Annotated

import typer

from spoilerguard.cli.common import ThresholdOption, complain, errors_explained
from spoilerguard.errors import MissingExtra

__all__ = ["register"]

_LSP = """\b
Examples:
  spoilerguard lsp --sensitivity high
Your editor starts it. For Helix, in languages.toml:
  [language-server.spoilerguard]
  command = "spoilerguard"
  args = ["lsp"]
Neovim, Emacs, VS Code, Sublime Text:
  python -c "import spoilerguard.lsp.server as s; print(s.__doc__)\""""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_LSP)(lsp)


def lsp(
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME|FOLDER", help="A bundled model, or the folder of a model.")
    ] = None,
    sensitivity: Annotated[
        str | None, typer.Option(help="low (few false alarms), medium or high (few misses).")
    ] = None,
    threshold: ThresholdOption = None,
    stdio: Annotated[bool, typer.Option("--stdio", help="Has no effect: some editors pass it.")] = False,
) -> None:
    """Check drafts while they are written: a language server for editors, whose settings win."""
    with errors_explained():
        if find_spec("pygls") is None:
            raise MissingExtra("pygls", "lsp")
        from spoilerguard.guard import load
        from spoilerguard.lsp.server import serve

        load(model or "fast").threshold(sensitivity or "medium", threshold)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="spoilerguard: %(message)s")
    if sys.stdin.isatty():
        complain("this is for editors: it reads the Language Server Protocol from standard input")
    given = {"model": model, "sensitivity": sensitivity, "threshold": threshold}
    status = serve({name: value for name, value in given.items() if value is not None})
    os._exit(status)  # at once: nobody waits for the draft that is being checked
