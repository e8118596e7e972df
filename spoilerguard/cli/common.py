"""What the commands share: options, and how results and errors are printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
import os
from pathlib import PurePath
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer

from spoilerguard.errors import SpoilerguardError

if TYPE_CHECKING:
    from spoilerguard.spans import FormatName

FOUND, FAILED = 1, 2  # exit statuses; 0 is clean


# --- options --------------------------------------------------------------------------------------


def completing(*choices: str, key: str | None = None) -> Callable[[str], list[str]]:
    """Shell completion for an option: these choices, or those of a setting in `settings.keys`."""

    def offer(incomplete: str) -> list[str]:
        from spoilerguard.settings.keys import KEYS

        offered = choices if key is None else (KEYS[key].choices or tuple)()
        return [value for value in offered if value.startswith(incomplete)]

    return offer


def input_format_option(*names: str) -> Any:
    """The option for the format of a draft, under these names; by default, under that of its parameter."""
    return typer.Option(
        *names,
        autocompletion=completing(key="input-format"),
        help="text, markdown, mdx, html or auto; by default, from the file name.",
    )


DraftArgument = Annotated[str, typer.Argument(metavar="[PATH|-]", help="A draft, or - for standard input.")]


def _unless_standard(path: str | None) -> str | None:
    """The path of an output; None if it names standard output."""
    return None if path in ("-", "/dev/stdout") else path


OutputOption = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        callback=_unless_standard,
        help="Write to this file; by default, or with -, to standard output.",
    ),
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME|FOLDER",
        autocompletion=completing(key="model"),
        help="A bundled model, or the folder of a model.",
    ),
]


def _sensitivity(value: str) -> str:
    from spoilerguard.settings.keys import KEYS

    one_of("--sensitivity", value, (KEYS["sensitivity"].choices or tuple)())
    return value


SensitivityOption = Annotated[
    str,
    typer.Option(
        autocompletion=completing(key="sensitivity"),
        callback=_sensitivity,
        help="low (few false alarms), medium or high (few misses).",
    ),
]


def _probability(value: str | float) -> float:
    """A probability as typed; ends with an error that says what to type."""
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        percent = str(value).strip().removesuffix("%")
        hint = f"; for {percent}% give {float(percent) / 100:g}" if percent.replace(".", "", 1).isdigit() else ""
        fail(f"--threshold must be a probability from 0 to 1, not {str(value)!r}{hint}")
    return number


ThresholdOption = Annotated[
    float | None,
    typer.Option(
        parser=_probability,
        metavar="PROBABILITY",
        help="Flag from this probability (0 to 1), whatever the sensitivity.",
    ),
]
InputFormatOption = Annotated[str | None, input_format_option()]
StdinFilenameOption = Annotated[str, typer.Option(help="The file name to use for standard input.")]
TitleOption = Annotated[str, typer.Option(help="The title of the work reviewed.")]
BlurbOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="What is publicly known about the work: no spoiler.")
]
SynopsisOption = Annotated[str | None, typer.Option(metavar="FILE", help="The plot of the work, with its ending.")]
WorksOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="What is known of works: work, title, blurb, synopsis a line. A draft names its work in its front matter.",
    ),
]
QuotationsOption = Annotated[bool, typer.Option(help="Check block quotations too.")]
AnyLanguageOption = Annotated[
    bool, typer.Option("--any-language", help="Check texts in other languages too; the models know only English.")
]
DecisionsOption = Annotated[
    bool,
    typer.Option("--decisions/--no-decisions", help="Obey the project's decisions, .spoilerguard/decisions.jsonl."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors on standard error.")]
JobsOption = Annotated[int, typer.Option(min=1, help="The number of cores to use; the result is the same.")]
TextColumnOption = Annotated[str | None, typer.Option(help="The column with the text, if it is not recognised.")]


# --- what options mean ----------------------------------------------------------------------------


def check_input_format(value: str | None) -> None:
    """End with an error unless this is a format of drafts, or None."""
    from spoilerguard.guard import FORMATS

    one_of("--input-format", value or "auto", FORMATS)


def format_for(chosen: str | None, name: str) -> FormatName:
    """The format of a draft: the one chosen, or else the one that its file name suggests.

    Raises:
        InputError: The name suggests a markup that is not read.
    """
    from spoilerguard.errors import InputError
    from spoilerguard.text.reading import FEEDS, OTHER_MARKUP, format_of

    suffix = PurePath(name).suffix.lower()
    if suffix in FEEDS and chosen in (None, "auto"):
        raise InputError(
            f"{name}: a feed or an export is no draft; read it with spoilerguard scan, or check it as a page with "
            "--input-format html"
        )
    other = OTHER_MARKUP.get(suffix)
    if other is not None and chosen in (None, "auto"):
        raise InputError(
            f"{name}: {other} is not read; convert it to Markdown or HTML first, or check it as plain text with "
            "--input-format text"
        )
    return cast("FormatName", chosen or format_of(name))


def one_of(option: str, value: str, choices: Iterable[str]) -> None:
    """End with an error unless the value of an option is one of the choices."""
    if value not in choices:
        fail(f"unknown {option} {value!r}: choose from {', '.join(choices)}")


def project_files(ctx: typer.Context, model: str) -> Iterator[str]:
    """The files of a project that a command reads: its settings and its model."""
    from spoilerguard.model.store import resolve
    from spoilerguard.settings.layers import Settings

    if isinstance(ctx.obj, Settings) and ctx.obj.file is not None:
        yield ctx.obj.file
    yield from map(str, resolve(model).iterdir())


# --- printing -------------------------------------------------------------------------------------


def say(line: str) -> None:
    """Print a line to standard output; characters that its encoding lacks are escaped."""
    sys.stdout.buffer.write((line + "\n").encode("utf-8", "backslashreplace"))


def tell(text: str, quiet: bool) -> None:
    """Print a line to standard error, unless `quiet`."""
    from spoilerguard.printing import harmless

    if not quiet:
        print(harmless(text), file=sys.stderr, flush=True)


def complain(message: str) -> None:
    """Print a message to standard error."""
    tell(f"spoilerguard: {message}", quiet=False)


def fail(message: str) -> NoReturn:
    """Print a message and end with exit status 2."""
    complain(message)
    raise typer.Exit(FAILED)


def counted(number: int, noun: str) -> str:
    """A number and its noun: `1 spoiler`, `2,000 spoilers`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


@contextmanager
def errors_explained() -> Iterator[None]:
    """Errors of this package, and what an installation without all it needs lacks, end the command with status 2."""
    try:
        yield
    except SpoilerguardError as error:
        fail(str(error))
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in ("", "spoilerguard"):
            raise
        fail(f"this needs {library}, which is not installed; pip install spoilerguard brings all that it needs")


@contextmanager
def output() -> Iterator[None]:
    """While findings are printed: a reader that stops early (`| head`) ends the command silently."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # What is still buffered is dropped, or Python would try to write it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            fail(f"cannot write to standard output ({error.strerror})")
