"""The commands `train`, `evaluate` and `convert`. Arguments and printing; it decides nothing.

Results go to standard output, progress and errors to standard error. Exit status: 0, or 2 for any error.
"""

from __future__ import annotations

from dataclasses import replace
import os
from pathlib import Path
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from spoilerguard.cli.common import (
    JobsOption,
    QuietOption,
    TextColumnOption,
    errors_explained,
    one_of,
    say,
    tell,
)
from spoilerguard.cli.labelled import (
    DataArgument,
    LabelColumn,
    PositiveOption,
    Reading,
    SeedOption,
    WorkColumn,
    files_of,
    progress,
)
from spoilerguard.errors import InputError
from spoilerguard.files.places import check_places

if TYPE_CHECKING:
    from spoilerguard.guard import Guard

__all__ = ["register"]


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
    positive: PositiveOption = None,
    quiet: QuietOption = False,
) -> None:
    """Train a model on labelled sentences, calibrate it, and choose its three thresholds."""
    with errors_explained():
        checkpoint = output.resolve().with_name(f"{output.resolve().name}.checkpoint")
        written = {"--output": output, "the checkpoint": checkpoint}
        check_places(files_of([*data, *([validation] if validation else [])]), {}, written)
        _refuse_taken(output)
        from spoilerguard import training
        from spoilerguard.training.pipeline import works_beside

        one_of("--recipe", recipe, training.RECIPES)
        reading = Reading(text_column, label_column, work_column, positive)
        frame = reading.frame(data, quiet=quiet)
        held = None if validation is None else reading.frame([validation], quiet=quiet)
        with progress(quiet) as shown:
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
                progress=shown,
            )
        guard.save(output)
    _tell_trained(guard, output, quiet)


def _refuse_taken(output: Path) -> None:
    """Fail before training rather than after it: a model replaces only a model or an empty folder."""
    from spoilerguard.model.store import replaceable

    if output.exists() and not replaceable(output):
        raise InputError(f"{output}: exists and is not a model; give another name")
    above = next(folder for folder in output.absolute().parents if os.path.lexists(folder))
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise InputError(f"{output}: cannot be written: {above} is not a folder that you may write to")


def _tell_trained(guard: Guard, output: Path, quiet: bool) -> None:
    training = guard.manifest.training
    sentences = training["sentences"]
    say(f"{output}: {guard.name} {guard.version}")
    say(f"trained on {sum(sentences.values()):,} sentences of {len(training['works']):,} works: {_counts(sentences)}")
    say(f"calibrated on {training['calibrated_on']}: {_counts(training['validation'])}")
    if aside := training["set_aside"]:
        say(f"set aside for the test: {sum(aside.values()):,} sentences ({_counts(aside)}); measure with evaluate")
    points = ", ".join(f"{point} {guard.manifest.thresholds[point]:.2f}" for point in ("low", "medium", "high"))
    say(f"thresholds: {points}")
    for what in training["unreached"]:
        say(f"target not reached: {what}")
    for caution in training["cautions"]:
        tell(f"spoilerguard: {caution}", quiet)
    if not guard.manifest.kind_thresholds:
        tell("spoilerguard: the labels name no kind of spoiler, so the model names none", quiet)


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
    positive: PositiveOption = None,
    quiet: QuietOption = False,
) -> None:
    """Measure a model on labelled works that it has not seen."""
    with errors_explained():
        from spoilerguard.model.store import resolve

        check_places([*files_of(data), *resolve(model).iterdir()], {"--report": report, "--json": json})
        if report is not None:
            from spoilerguard.evaluation.plots import require_matplotlib

            require_matplotlib()
        from spoilerguard import evaluation
        from spoilerguard.guard import load

        one_of("--split", split, evaluation.SPLITS)
        guard = load(model)
        frame = Reading(text_column, label_column, work_column, positive).frame(data, quiet=quiet)
        with progress(quiet) as shown:
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
                progress=shown,
            )
        options = {"split": split, "bootstrap": bootstrap, "errors": errors, "seed": seed}
        columns = {"text-column": text_column, "label-column": label_column, "work-column": work_column}
        switches = {"baselines": baselines, "learning-curve": learning_curve, "allow-leak": allow_leak}
        words = ["spoilerguard", "evaluate", model, *map(str, data)]
        for option, value in {**options, **{name: value for name, value in columns.items() if value}}.items():
            words += [f"--{option}", str(value)]
        words += [word for label in positive or () for word in ("--positive", label)]
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
  spoilerguard convert reviews.tsv --text-column body --label-column spoils --level document -o reviews.jsonl
  spoilerguard convert doccano.jsonl --positive SPOILER -o labels.jsonl
Exports of Prodigy, doccano, Label Studio (JSON, JSON-MIN) and brat are read too; what an annotator
rejected or skipped is no label."""


def convert(
    data: DataArgument,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.jsonl", help="The file to write.")],
    format: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="The format of DATA, if it is not recognised.")
    ] = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumn = None,
    work_column: WorkColumn = None,
    positive: PositiveOption = None,
    level: Annotated[
        str | None,
        typer.Option(help="What a label is about: sentence or document; by default, guessed from the texts."),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Convert labelled data in any known format to the project's own JSON Lines."""
    with errors_explained():
        from spoilerguard.datasets import LOADERS, write_jsonl

        if format is not None:
            one_of("--from", format, [loader.name for loader in LOADERS])
        if level is not None:
            one_of("--level", level, ("sentence", "document"))
        check_places(files_of(data), {"--output": output})
        reading = Reading(text_column, label_column, work_column, positive)
        documents = reading.documents(data, format, level, quiet=quiet)
        count = write_jsonl(documents, output)
    tell(f"{output}: {count:,} document{'s' * (count != 1)}", quiet)
