"""What the commands share: options, and how results and errors are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
import os
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from spoilerguard.errors import SpoilerguardError

if TYPE_CHECKING:
    from spoilerguard.spans import Work

FOUND, FAILED = 1, 2  # and 0, clean


def completing(*choices: str, key: str | None = None) -> Callable[[str], list[str]]:
    """What a shell offers for an option: these choices, or those of a setting (see `keys`)."""

    def offer(incomplete: str) -> list[str]:
        from spoilerguard.settings.keys import KEYS

        offered = choices if key is None else (KEYS[key].choices or tuple)()
        return [value for value in offered if value.startswith(incomplete)]

    return offer


ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME|FOLDER",
        autocompletion=completing(key="model"),
        help="A bundled model, or a model's folder.",
    ),
]
SensitivityOption = Annotated[
    str,
    typer.Option(
        autocompletion=completing(key="sensitivity"), help="low (few false alarms), medium or high (few misses)."
    ),
]
ThresholdOption = Annotated[float | None, typer.Option(help="Flag from this probability (0 to 1) instead.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print findings and errors, no summary.")]
InputFormatOption = Annotated[
    str | None,
    typer.Option(
        autocompletion=completing(key="input-format"),
        help="text, markdown, html or auto; by default the file name tells.",
    ),
]
StdinFilenameOption = Annotated[str, typer.Option(help="The name that stands for standard input.")]
TitleOption = Annotated[str, typer.Option(help="Title of the work reviewed.")]
BlurbOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="What is publicly known of the work: safe to tell.")
]
SynopsisOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="The work's plot with its ending: not to be told.")
]
QuotationsOption = Annotated[bool, typer.Option(help="Check block quotations too.")]
AnyLanguageOption = Annotated[
    bool, typer.Option("--any-language", help="Check texts in other languages too; the models know only English.")
]


def tell(text: str, quiet: bool) -> None:
    """A line to standard error, unless it is to be quiet."""
    from spoilerguard.printing import harmless

    if not quiet:
        print(harmless(text), file=sys.stderr, flush=True)


def fail(message: str) -> NoReturn:
    complain(message)
    raise typer.Exit(FAILED)


def complain(message: str) -> None:
    tell(f"spoilerguard: {message}", quiet=False)


def one_of(option: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        fail(f"unknown {option} {value!r}: choose from {', '.join(choices)}")


@contextmanager
def errors_explained() -> Iterator[None]:
    try:
        yield
    except SpoilerguardError as error:
        fail(str(error))


@contextmanager
def output() -> Iterator[None]:
    """While findings are printed: a reader that leaves early (`| head`) ends them without a word."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # What is still buffered goes nowhere, or Python would try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            fail(f"cannot write to standard output ({error.strerror})")


def work_of(title: str, blurb: str | None, synopsis: str | None) -> Work | None:
    from spoilerguard.drafts.io import read_draft
    from spoilerguard.spans import Work

    if not (title or blurb or synopsis):
        return None
    return Work(title, read_draft(blurb) if blurb else "", read_draft(synopsis) if synopsis else "")


def say(line: str) -> None:
    """A line to standard output, whatever its encoding: what it cannot show is escaped."""
    sys.stdout.buffer.write((line + "\n").encode("utf-8", "backslashreplace"))
