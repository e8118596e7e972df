"""The command line: arguments, printing, exit status. It decides nothing.

Exit status: 0 clean, 1 spoilers found, 2 usage, input or model error. Findings go to standard
output, everything else to standard error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

import spoilerguard
from spoilerguard import cli_assets, cli_learning
from spoilerguard.errors import InputError, SpoilerguardError

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

FOUND, FAILED = 1, 2  # and 0, clean

ModelOption = Annotated[
    str, typer.Option("--model", metavar="NAME|FOLDER", help="A bundled model, or a model's folder.")
]
SensitivityOption = Annotated[str, typer.Option(help="low (few false alarms), medium or high (few misses).")]
ThresholdOption = Annotated[float | None, typer.Option(help="Flag from this probability (0 to 1) instead.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print findings and errors, no summary.")]


def fail(message: str) -> NoReturn:
    _complain(message)
    raise typer.Exit(FAILED)


def _complain(message: str) -> None:
    from spoilerguard.printing import harmless

    print(f"spoilerguard: {harmless(message)}", file=sys.stderr)


def _one_of(option: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        fail(f"unknown {option} {value!r}: choose from {', '.join(choices)}")


@contextmanager
def _errors_explained() -> Iterator[None]:
    try:
        yield
    except SpoilerguardError as error:
        fail(str(error))


@contextmanager
def _output() -> Iterator[None]:
    """While findings are printed: a reader that leaves early (`| head`) ends them without a word."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # What is still buffered goes nowhere, or Python would try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            fail(f"cannot write to standard output ({error.strerror})")


def _version(wanted: bool) -> None:
    if wanted:
        from spoilerguard.store import bundled_models, read_manifest

        with _errors_explained():
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
    input_format: Annotated[
        str | None, typer.Option(help="text, markdown, html or auto; by default the file name tells.")
    ] = None,
    stdin_filename: Annotated[str, typer.Option(help="The name that stands for standard input.")] = "-",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
    model: ModelOption = "fast",
    title: Annotated[str, typer.Option(help="Title of the work reviewed.")] = "",
    blurb: Annotated[
        str | None, typer.Option(metavar="FILE", help="What is publicly known of the work: safe to tell.")
    ] = None,
    synopsis: Annotated[
        str | None, typer.Option(metavar="FILE", help="The work's plot with its ending: not to be told.")
    ] = None,
    quotations: Annotated[bool, typer.Option(help="Check block quotations too.")] = True,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit 0 even when spoilers are found.")] = False,
    color: Annotated[str, typer.Option("--color", help="auto, always or never.")] = "auto",
    quiet: QuietOption = False,
) -> None:
    """Check drafts before publishing: which sentence, how sure, why."""
    from spoilerguard.printing import OUTPUTS, Look, colour_wanted

    _one_of("--format", format, OUTPUTS)
    _one_of("--color", color, ("auto", "always", "never"))
    with _errors_explained():
        from spoilerguard.guard import load
        from spoilerguard.reading import READERS

        _one_of("--input-format", input_format or "auto", (*READERS, "auto"))
        guard = load(model)
        limit = guard.threshold(sensitivity, threshold)
        work = _work(title, blurb, synopsis)
    seen: list[Outcome] = []

    def outcomes() -> Iterator[Outcome]:
        for outcome in _check_each(guard, paths, input_format, stdin_filename, limit, work, quotations):
            seen.append(outcome)
            if outcome.error is not None:
                _complain(outcome.error)
            yield outcome

    model_used = {"name": guard.name, "version": guard.version}
    look = Look(colour_wanted(color, sys.stdout.isatty()), quiet, limit, model_used)
    with _output():
        for line in OUTPUTS[format](outcomes(), look):
            _print(line)
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


def _work(title: str, blurb: str | None, synopsis: str | None) -> Work | None:
    from spoilerguard.drafts import read_draft
    from spoilerguard.spans import Work

    if not (title or blurb or synopsis):
        return None
    return Work(title, read_draft(blurb) if blurb else "", read_draft(synopsis) if synopsis else "")


def _print(line: str) -> None:
    """A line to standard output, whatever its encoding: what it cannot show is escaped."""
    sys.stdout.buffer.write((line + "\n").encode("utf-8", "backslashreplace"))


@app.command(epilog='Example:  spoilerguard explain "He did it himself."')
def explain(
    sentence: Annotated[str, typer.Argument(help="One sentence, or - for standard input.")],
    model: ModelOption = "fast",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
) -> None:
    """Tell how a sentence scores, alone, and which words weighed."""
    with _errors_explained():
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
    with _output():
        _print(f"{score:.0%}  {'a spoiler' if score >= limit else 'not a spoiler'} {at} (from {limit:.0%})")
        for reason in guard.scorer.reasons([text])[0]:
            kind, words = KINDS.get(reason.kind, reason.kind), plain(reason.text)
            _print(f"looks most like {kind}; the words that weigh most: “{words}”")
        for word, weight in guard.scorer.word_weights(text):
            _print(f"  {weight:+.2f}  {plain(word)}")


@app.command(epilog="Example:  spoilerguard models")
def models() -> None:
    """List the bundled models with their thresholds and origin."""
    from spoilerguard.guard import SENSITIVITIES
    from spoilerguard.store import bundled_models, read_manifest

    with _errors_explained(), _output():
        for name, folder in bundled_models().items():
            manifest = read_manifest(folder)
            points = ", ".join(f"{k} {manifest.thresholds[k]:.2f}" for k in SENSITIVITIES)
            size = sum(p.stat().st_size for p in Path(folder).iterdir()) / 2**20
            _print(f"{name}  {manifest.version}  {manifest.architecture}  {size:.1f} MB  thresholds: {points}")
            _print(f"    {folder}")


cli_assets.register(app)
cli_learning.register(app)
