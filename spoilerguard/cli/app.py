"""The command line: arguments, printing, exit status. It decides nothing.

Exit status: 0 clean, 1 spoilers found, 2 usage, input or model error. Findings go to standard
output, everything else to standard error.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import spoilerguard
from spoilerguard.cli import assets, blur, check, config, decide, explain, learn, lsp, preview, scan, serve, tune
from spoilerguard.cli.common import FAILED, errors_explained
from spoilerguard.cli.configured import Configured
from spoilerguard.text.runons import without_torch

app = typer.Typer(
    name="spoilerguard",
    cls=Configured,
    help="Find the sentences in reviews and comments that give the plot away.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from spoilerguard.model.manifest import read_manifest
        from spoilerguard.model.store import bundled_models

        with errors_explained():
            models = ", ".join(f"{name} {read_manifest(folder).version}" for name, folder in bundled_models().items())
        print(f"spoilerguard {spoilerguard.__version__} (models: {models or 'none'})")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and the models'.")
    ] = False,
) -> None:
    """Find the sentences in reviews and comments that give the plot away."""


for command in (check, blur, preview, decide, scan, serve, lsp, explain, learn, tune, assets, config):
    command.register(app)


def run() -> None:
    """The command line as a program: the process is ours alone."""
    for library in ("OPENBLAS", "MKL"):  # the word network's products are small: more threads would only wait
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    without_torch()
    if sys.stdout is None:  # closed by the caller
        if sys.stderr is not None:
            print("spoilerguard: standard output is closed; give it a place, such as >/dev/null", file=sys.stderr)
        sys.exit(FAILED)
    app(prog_name="spoilerguard")
