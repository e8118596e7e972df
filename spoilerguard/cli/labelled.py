"""What the commands share that read labelled data: options, reading, and progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from spoilerguard.cli.common import tell

if TYPE_CHECKING:
    from spoilerguard.datasets import LabelledDocument

Progress = Callable[[str, float], None]

DataArgument = Annotated[
    list[Path], typer.Argument(metavar="DATA", help="Labelled files or folders, in any format that convert reads.")
]
LabelColumn = Annotated[str | None, typer.Option(help="The column with the label: 0 or 1, true or false, yes or no.")]
WorkColumn = Annotated[
    str | None, typer.Option(help="The column that names the work; without one, each text is a work of its own.")
]
PositiveOption = Annotated[
    list[str] | None,
    typer.Option(metavar="LABEL", help="A label that means a spoiler; every other one does not. May be repeated."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="The random seed; the same seed gives the same result.")]


class Reading(NamedTuple):
    """How labelled data is read: what is not guessed."""

    text_column: str | None = None
    label_column: str | None = None
    work_column: str | None = None
    positive: Iterable[str] | None = None

    def documents(
        self, data: list[Path], format: str | None = None, level: Any = None, *, quiet: bool
    ) -> Iterator[LabelledDocument]:
        """The documents; what is guessed about each file is printed."""
        from spoilerguard.datasets import load_labelled

        def notice(line: str) -> None:
            tell(line, quiet)

        return load_labelled(data, format=format, level=level, notice=notice, **self._asdict())

    def frame(self, data: list[Path], *, quiet: bool) -> Any:
        """The same as a frame."""
        from spoilerguard.datasets import to_frame

        return to_frame(self.documents(data, quiet=quiet))


def files_of(data: list[Path]) -> Iterator[Path]:
    """The files of labelled data, and of the works beside them."""
    from spoilerguard.files.streams import DATA_SUFFIXES, TEXT_SUFFIXES, base_name

    for path in data:
        if path.is_dir():
            yield from (file for file in path.rglob("*") if base_name(file)[1] in DATA_SUFFIXES | TEXT_SUFFIXES)
        else:
            yield from (path, path.with_name("works.jsonl"))


@contextmanager
def progress(quiet: bool) -> Iterator[Progress | None]:
    """A bar on a terminal, a plain line for each step elsewhere, nothing if quiet."""
    if quiet:
        yield None
    elif not sys.stderr.isatty():
        last = ""

        def line(step: str, share: float) -> None:
            nonlocal last
            if step != last:
                tell(f"{share:4.0%}  {step}", quiet=False)
            last = step

        yield line
    else:
        from rich import progress as rich
        from rich.console import Console

        columns = rich.TextColumn("{task.description:32}"), rich.BarColumn(), rich.TimeElapsedColumn()
        with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda step, share: bar.update(task, description=step, completed=share)
