"""The commands `train`, `evaluate` and `convert`. Arguments and printing; it decides nothing.

Results go to standard output, progress and errors to standard error. Exit status: 0, or 2 for any error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
import os
from pathlib import Path
import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spoilerguard.cli.common import (
    JobsOption,
    QuietOption,
    TextColumnOption,
    errors_explained,
    say,
    tell,
)
from spoilerguard.errors import InputError
from spoilerguard.files.places import check_places

if TYPE_CHECKING:
    from spoilerguard.datasets import LabelledDocument
    from spoilerguard.guard import Guard

__all__ = ["register"]

Progress = Callable[[str, float], None]

DataArgument = Annotated[
    list[Path], typer.Argument(metavar="DATA", help="Labelled files or folders, in any format that convert reads.")
]
LabelColumn = Annotated[str | None, typer.Option(help="The column with the label: 0 or 1, true or false, yes or no.")]
WorkColumn = Annotated[
    str | None, typer.Option(help="The column that names the work; without one, each text is a work of its own.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="The random seed; the same seed gives the same result.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog=_TRAIN)(train)
    app.command(epilog=_EVALUATE)(evaluate)
    app.command(epilog=_CONVERT)(convert)


# --- train ---------------------------------------------------------------------------------------

_TRAIN = """\b
Examples:
  spoilerguard train data/ -o my-model
  spoilerguard train comments.csv --label-column hidden --work-column film -o my-model
  spoilerguard train data/ ours.jsonl --validation held-out.jsonl --seed 7 --jobs 2 -o my-model"""


def train(
    data: DataArgument,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MODEL", help="The folder to write the model to.")],
    validation: Annotated[
        Path | None,
        typer.Option(
            help="Data to calibrate on; by default, the validation works of DATA (its test works are left out)."
        ),
    ] = None,
    recipe: Annotated[str, typer.Option(help="How to train: the name of a recipe.")] = "plain",
    search: Annotated[bool, typer.Option("--search", help="Choose the regularisation by cross-validation.")] = False,
    name: Annotated[str | None, typer.Option(help="The name of the model; by default, that of its folder.")] = None,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    text_column: TextColumnOption = None,
    label_column: LabelColumn = None,
    work_column: WorkColumn = None,
    quiet: QuietOption = False,
) -> None:
    """Train a model on labelled sentences, calibrate it, and choose its three thresholds."""
    with errors_explained():
        checkpoint = output.resolve().with_name(f"{output.resolve().name}.checkpoint")
        written = {"--output": output, "the checkpoint": checkpoint}
        check_places(_files([*data, *([validation] if validation else [])]), {}, written)
        _refuse_taken(output)
        from spoilerguard import training
        from spoilerguard.training.pipeline import works_beside

        columns = (text_column, label_column, work_column)
        frame = _frame(data, *columns, quiet=quiet)
        held = None if validation is None else _frame([validation], *columns, quiet=quiet)
        with _progress(quiet) as progress:
            guard = training.train(
                frame,
                validation=held,
                works=works_beside(data),
                name=name or output.resolve().name,
                recipe=recipe,
                seed=seed,
                jobs=jobs,
                search=search,
                checkpoint=checkpoint,
                progress=progress,
            )
        guard.save(output)
    _tell_trained(guard, output)


def _refuse_taken(output: Path) -> None:
    """Fail before training rather than after it: a model replaces only a model or an empty folder."""
    from spoilerguard.model.store import replaceable

    if output.exists() and not replaceable(output):
        raise InputError(f"{output}: exists and is not a model; give another name")
    above = next(folder for folder in output.absolute().parents if os.path.lexists(folder))
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise InputError(f"{output}: cannot be written: {above} is not a folder that you may write to")


def _files(data: list[Path]) -> Iterator[Path]:
    """The files of labelled data, and of the works beside them."""
    from spoilerguard.files.streams import DATA_SUFFIXES, TEXT_SUFFIXES, base_name

    for path in data:
        if path.is_dir():
            yield from (file for file in path.rglob("*") if base_name(file)[1] in DATA_SUFFIXES | TEXT_SUFFIXES)
        else:
            yield from (path, path.with_name("works.jsonl"))


def _tell_trained(guard: Guard, output: Path) -> None:
    training = guard.manifest.training
    sentences = training["sentences"]
    say(f"{output}: {guard.name} {guard.version}")
    say(f"trained on {sum(sentences.values()):,} sentences of {len(training['works']):,} works: {_counts(sentences)}")
    say(f"calibrated on {training['calibrated_on']}: {_counts(training['validation'])}")
    points = ", ".join(f"{point} {guard.manifest.thresholds[point]:.2f}" for point in ("low", "medium", "high"))
    say(f"thresholds: {points}")
    for what in training["unreached"]:
        say(f"target not reached: {what}")


def _counts(sentences: dict[str, int]) -> str:
    return ", ".join(f"{source} ({count:,})" for source, count in sentences.items())


# --- evaluate ------------------------------------------------------------------------------------

_EVALUATE = """\b
Examples:
  spoilerguard evaluate fast data/
  spoilerguard evaluate my-model data/ --baselines --report report.html --json report.json
  spoilerguard evaluate my-model other.csv --split all --work-column film"""


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A bundled model, or the folder of a model.")],
    data: DataArgument,
    split: Annotated[
        str, typer.Option(help="The works of DATA to measure on: test, validation, train or all.")
    ] = "test",
    report: Annotated[
        Path | None, typer.Option(metavar="HTML", help="Write a report: one self-contained page.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="JSON", help="Write every figure, as JSON.")] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Compare with simple models trained on the rest of DATA.")
    ] = False,
    learning_curve: Annotated[
        bool, typer.Option("--learning-curve", help="Retrain on 10, 25, 50 and 100% of the training works.")
    ] = False,
    allow_leak: Annotated[
        bool, typer.Option("--allow-leak", help="Measure on works that the model was trained on; the report says so.")
    ] = False,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Bootstrap samples of works for the intervals; 0 for none.")
    ] = 1000,
    errors: Annotated[
        int, typer.Option(min=0, help="The number of false alarms and of misses to quote in the report and the JSON.")
    ] = 20,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    text_column: TextColumnOption = None,
    label_column: LabelColumn = None,
    work_column: WorkColumn = None,
    quiet: QuietOption = False,
) -> None:
    """Measure a model on labelled works that it has not seen."""
    with errors_explained():
        from spoilerguard.model.store import resolve

        check_places([*_files(data), *resolve(model).iterdir()], {"--report": report, "--json": json})
        if report is not None:
            from spoilerguard.evaluation.plots import require_matplotlib

            require_matplotlib()
        from spoilerguard import evaluation
        from spoilerguard.guard import load

        guard = load(model)
        frame = _frame(data, text_column, label_column, work_column, quiet=quiet)
        with _progress(quiet) as progress:
            found = evaluation.evaluate(
                guard,
                frame,
                split=split,
                baselines=baselines,
                learning_curve=learning_curve,
                bootstrap=bootstrap,
                errors=errors,
                seed=seed,
                jobs=jobs,
                allow_leak=allow_leak,
                progress=progress,
            )
        options = {"split": split, "bootstrap": bootstrap, "errors": errors, "seed": seed}
        columns = {"text-column": text_column, "label-column": label_column, "work-column": work_column}
        switches = {"baselines": baselines, "learning-curve": learning_curve, "allow-leak": allow_leak}
        words = ["spoilerguard", "evaluate", model, *map(str, data)]
        for option, value in {**options, **{name: value for name, value in columns.items() if value}}.items():
            words += [f"--{option}", str(value)]
        words += [f"--{switch}" for switch, on in switches.items() if on]
        found = replace(found, command=shlex.join(words), data={**found.data, "paths": list(map(str, data))})
        if report is not None:
            found.to_html(report)
        if json is not None:
            found.to_json(json)
    say(str(found))
    for path in filter(None, (report, json)):
        tell(f"written: {path}", quiet)


# --- convert -------------------------------------------------------------------------------------

_CONVERT = """\b
Examples:
  spoilerguard convert goodreads_reviews_spoiler.json.gz -o goodreads.jsonl
  spoilerguard convert posts/ --from marked -o posts.jsonl
  spoilerguard convert reviews.tsv --text-column body --label-column spoils --level document -o reviews.jsonl"""


def convert(
    data: DataArgument,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.jsonl", help="The file to write.")],
    format: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="The format of DATA, if it is not recognised.")
    ] = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumn = None,
    work_column: WorkColumn = None,
    level: Annotated[
        str | None,
        typer.Option(help="What a label is about: sentence or document; by default, guessed from the texts."),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Convert labelled data in any known format to the project's own JSON Lines."""
    with errors_explained():
        from spoilerguard.datasets import write_jsonl

        check_places(_files(data), {"--output": output})
        documents = _documents(data, text_column, label_column, work_column, format, level, quiet=quiet)
        count = write_jsonl(documents, output)
    tell(f"{output}: {count:,} document{'s' * (count != 1)}", quiet)


# --- data, progress, errors ----------------------------------------------------------------------


def _documents(
    data: list[Path],
    text: str | None,
    label: str | None,
    work: str | None,
    format: str | None = None,
    level: Any = None,
    *,
    quiet: bool,
) -> Iterator[LabelledDocument]:
    """The documents; what was guessed about each file is printed."""
    from spoilerguard.datasets import load_labelled

    def notice(line: str) -> None:
        tell(line, quiet)

    return load_labelled(
        data, format=format, text_column=text, label_column=label, work_column=work, level=level, notice=notice
    )


def _frame(data: list[Path], text: str | None, label: str | None, work: str | None, *, quiet: bool) -> Any:
    from spoilerguard.datasets import to_frame

    return to_frame(_documents(data, text, label, work, quiet=quiet))


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress | None]:
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
