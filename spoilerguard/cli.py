"""The command line: arguments, printing, exit status. It decides nothing.

Exit status: 0 clean, 1 spoilers found, 2 usage, input or model error. Findings go to standard
output, everything else to standard error.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Annotated

import typer

import spoilerguard
from spoilerguard import cli_assets, cli_hiding, cli_learning, cli_preview, cli_scan
from spoilerguard.cli_common import (
    FAILED,
    FOUND,
    BlurbOption,
    InputFormatOption,
    ModelOption,
    QuietOption,
    QuotationsOption,
    SensitivityOption,
    StdinFilenameOption,
    SynopsisOption,
    ThresholdOption,
    TitleOption,
    complain,
    errors_explained,
    fail,
    one_of,
    output,
    say,
    work_of,
)
from spoilerguard.errors import InputError

if TYPE_CHECKING:
    from spoilerguard.guard import Guard
    from spoilerguard.printing import Outcome
    from spoilerguard.spans import Work

app = typer.Typer(
    name="spoilerguard",
    help="Find the sentences in reviews and comments that give the plot away.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from spoilerguard.manifest import read_manifest
        from spoilerguard.store import bundled_models

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


@app.command(
    epilog="Examples:  spoilerguard check draft.md   |   spoilerguard check posts/ --format json   |   "
    "cat draft.html | spoilerguard check - --stdin-filename draft.html"
)
def check(
    paths: Annotated[
        list[str], typer.Argument(metavar="[PATH|-]...", help="Drafts, folders of drafts, or - for standard input.")
    ],
    format: Annotated[str, typer.Option("--format", help="Output: text, line or json.")] = "text",
    input_format: InputFormatOption = None,
    stdin_filename: StdinFilenameOption = "-",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
    model: ModelOption = "fast",
    title: TitleOption = "",
    blurb: BlurbOption = None,
    synopsis: SynopsisOption = None,
    quotations: QuotationsOption = True,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit 0 even when spoilers are found.")] = False,
    color: Annotated[str, typer.Option("--color", help="auto, always or never.")] = "auto",
    quiet: QuietOption = False,
) -> None:
    """Check drafts before publishing: which sentence, how sure, why."""
    from spoilerguard.printing import OUTPUTS, Look, colour_wanted

    one_of("--format", format, OUTPUTS)
    one_of("--color", color, ("auto", "always", "never"))
    with errors_explained():
        from spoilerguard.guard import load
        from spoilerguard.reading import READERS

        one_of("--input-format", input_format or "auto", (*READERS, "auto"))
        guard = load(model)
        limit = guard.threshold(sensitivity, threshold)
        work = work_of(title, blurb, synopsis)
    seen: list[Outcome] = []

    def outcomes() -> Iterator[Outcome]:
        for outcome in _check_each(guard, paths, input_format, stdin_filename, limit, work, quotations):
            seen.append(outcome)
            if outcome.error is not None:
                complain(outcome.error)
            if outcome.report is not None:
                for notice in outcome.report.notices:
                    line, column = outcome.report.document.position(notice.start)
                    complain(f"{outcome.path}:{line}:{column}: {notice.message}")
            yield outcome

    model_used = {"name": guard.name, "version": guard.version}
    look = Look(colour_wanted(color, sys.stdout.isatty()), quiet, limit, model_used)
    with output():
        for line in OUTPUTS[format](outcomes(), look):
            say(line)
    if any(o.error is not None for o in seen):
        raise typer.Exit(FAILED)
    if not exit_zero and any(o.report is not None and o.report.has_spoilers for o in seen):
        raise typer.Exit(FOUND)


def _check_each(
    guard: Guard,
    paths: list[str],
    input_format: str | None,
    stdin_filename: str,
    limit: float,
    work: Work | None,
    quotations: bool,
) -> Iterator[Outcome]:
    from spoilerguard.drafts import iter_drafts, read_draft, read_standard_input
    from spoilerguard.printing import Outcome
    from spoilerguard.reading import format_of

    for path, trouble in iter_drafts(paths):
        name = stdin_filename if path == "-" else path
        try:
            if trouble is not None:
                raise trouble
            text = read_standard_input(name) if path == "-" else read_draft(path)
            chosen = input_format or format_of(name)
            report = guard.flag(text, format=chosen, threshold=limit, work=work, quotations=quotations)
            yield Outcome(name, report)
        except InputError as error:
            yield Outcome(name, error=str(error))


@app.command(epilog='Example:  spoilerguard explain "He did it himself."')
def explain(
    sentence: Annotated[str, typer.Argument(help="One sentence, or - for standard input.")],
    model: ModelOption = "fast",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
) -> None:
    """Tell how a sentence scores, alone, and which words weighed."""
    with errors_explained():
        from spoilerguard.drafts import read_standard_input
        from spoilerguard.guard import load

        guard = load(model)
        limit = guard.threshold(sensitivity, threshold)
        text = read_standard_input("-") if sentence == "-" else sentence
    if not text.strip():
        fail("nothing to explain: the sentence is empty")
    from spoilerguard.printing import plain
    from spoilerguard.scoring import KINDS

    score = float(guard.score([text])[0])
    at = f"at {sensitivity} sensitivity" if threshold is None else "at the threshold given"
    with output():
        say(f"{score:.0%}  {'a spoiler' if score >= limit else 'not a spoiler'} {at} (from {limit:.0%})")
        for reason in guard.scorer.reasons([text])[0]:
            kind, words = KINDS.get(reason.kind, reason.kind), plain(reason.text)
            say(f"looks most like {kind}; the words that weigh most: “{words}”")
        for word, weight in guard.scorer.word_weights(text):
            say(f"  {weight:+.2f}  {plain(word)}")


@app.command(epilog="Example:  spoilerguard models")
def models() -> None:
    """List the bundled models with their thresholds and origin."""
    from spoilerguard.guard import SENSITIVITIES
    from spoilerguard.manifest import read_manifest
    from spoilerguard.store import bundled_models

    with errors_explained(), output():
        for name, folder in bundled_models().items():
            manifest = read_manifest(folder)
            points = ", ".join(f"{k} {manifest.thresholds[k]:.2f}" for k in SENSITIVITIES)
            size = sum(p.stat().st_size for p in Path(folder).iterdir()) / 2**20
            say(f"{name}  {manifest.version}  {manifest.architecture}  {size:.1f} MB  thresholds: {points}")
            say(f"    {folder}")


cli_assets.register(app)
cli_hiding.register(app)
cli_learning.register(app)
cli_preview.register(app)
cli_scan.register(app)
