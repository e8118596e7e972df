"""The command `tune`: a threshold for one's own texts. Arguments and printing; it decides nothing.

Results go to standard output, progress and errors to standard error. Exit status: 0, or 2 for any error.
"""

from __future__ import annotations

import json as json_format
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spoilerguard.cli.common import (
    ModelOption,
    QuietOption,
    TextColumnOption,
    complain,
    completing,
    counted,
    errors_explained,
    output,
    say,
)
from spoilerguard.cli.labelled import (
    DataArgument,
    LabelColumn,
    PositiveOption,
    Reading,
    SeedOption,
    WorkColumn,
    progress,
)

if TYPE_CHECKING:
    from spoilerguard.evaluation import Tuning

__all__ = ["register"]

_TUNE = """\b
Examples:
  spoilerguard tune labels.jsonl --want recall=0.6
  spoilerguard tune labels.jsonl --want precision=0.8 --write
  spoilerguard tune doccano.jsonl --positive SPOILER
The labels are of your own texts: what convert makes of your decisions, of Prodigy's, doccano's or
Label Studio's exports, or a table. Intervals are of texts that the threshold was not chosen on."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_TUNE)(tune)


def tune(
    data: DataArgument,
    want: Annotated[
        str,
        typer.Option(
            autocompletion=completing("recall=", "precision=", "f1"),
            help="recall=0.6, precision=0.8, or f1 for the best of both.",
        ),
    ] = "f1",
    write: Annotated[
        bool, typer.Option("--write", help="Write the threshold into the nearest settings file, or make one here.")
    ] = False,
    model: ModelOption = "fast",
    bootstrap: Annotated[int, typer.Option(min=1, help="Bootstrap samples for the intervals.")] = 1000,
    seed: SeedOption = 0,
    text_column: TextColumnOption = None,
    label_column: LabelColumn = None,
    work_column: WorkColumn = None,
    positive: PositiveOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Choose a threshold for your own texts, from labels that you gave."""
    with errors_explained():
        from spoilerguard.evaluation.tuning import tune as choose
        from spoilerguard.evaluation.tuning import wanted
        from spoilerguard.guard import load
        from spoilerguard.training.pipeline import works_beside

        wanted(want)  # an error in it comes before the data is read
        guard = load(model)
        frame = Reading(text_column, label_column, work_column, positive).frame(data, quiet=quiet)
        with progress(quiet) as shown:
            found = choose(
                guard, frame, want=want, bootstrap=bootstrap, seed=seed, works=works_beside(data), progress=shown
            )
    with output():
        for line in [json_format.dumps(found.to_dict(), indent=1)] if json else _lines(found):
            say(line)
    if write:
        _write(found, model)
    elif not json and not quiet:
        complain(f"give --threshold {found.threshold:.4f}, or put it into the settings with --write")


def _lines(found: Tuning) -> list[str]:
    data = found.data
    left = f"; {counted(data['left_out'], 'work')} left out, because the model was trained on them"
    about = f"{counted(data['sentences'], 'sentence')}, {counted(data['spoilers'], 'spoiler')}"
    rows = [
        ("", "threshold", "precision", "recall", "F1"),
        *(
            (name, f"{point['threshold']:.2f}", *map(_cell, (point["precision"], point["recall"], point["f1"])))
            for name, point in found.sensitivities.items()
        ),
        (
            found.want,
            f"{found.threshold:.2f}{_interval(found.interval)}",
            *(_cell(found.figures[name]) for name in ("precision", "recall", "f1")),
        ),
    ]
    wide = [max(len(row[k]) for row in rows) for k in range(5)]
    return [
        f"{found.model['name']} {found.model['version']}: {about}, {data['groups']} {data['grouped_by']}"
        f"{left if data['left_out'] else ''}",
        *("  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in rows),
    ]


def _cell(figure: dict[str, Any]) -> str:
    return "–" if figure["value"] is None else f"{figure['value']:.2f}{_interval(figure['interval'])}"


def _interval(bounds: list[float] | None) -> str:
    return "" if bounds is None else f" ({bounds[0]:.2f}–{bounds[1]:.2f})"


def _write(found: Tuning, model: str) -> None:
    from spoilerguard.settings.writing import write_setting

    with errors_explained():
        written = write_setting("threshold", found.threshold)
    before = "" if written.before is None else f" (it was {written.before})"
    complain(f"{written.origin}: threshold = {found.threshold}{before}, for the model {model}")
    for place in written.over:
        complain(f"{place}: wins over it for some drafts or commands")
