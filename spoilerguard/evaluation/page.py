"""An evaluation as one self-contained HTML page: no script, nothing fetched, light and dark, phone first.

The template `evaluation.html` has the text and the order of the sections; here their tables are computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import shlex
from typing import Any

from spoilerguard.evaluation.plots import plots
from spoilerguard.evaluation.words import in_words, number, percent, span
from spoilerguard.files.pages import Cell, render
from spoilerguard.model.scoring import KIND_NAMES

__all__ = ["page"]

Figures = Mapping[str, Any]
Row = list[str | Cell]

_COLUMNS = ["AUC", "average precision", "precision", "recall", "false alarms", "sentences", "spoilers"]
_CAPTIONS = {
    "Precision and recall": "Circles are the operating points; the dashed line is guessing.",
    "ROC": "Closer to the upper left is better; the dashed line is guessing.",
    "Reliability": "On the dashed line, probabilities match frequencies. Strokes are 95% intervals.",
    "Scores": "The distribution of the scores of each class; dotted lines are the thresholds.",
    "Learning curve": "The same sentences scored by models trained on growing shares of the works.",
}


def page(evaluation: Figures) -> str:
    """The report of an evaluation.

    Args:
        evaluation: What `Evaluation.to_dict` returns.

    Returns:
        The page.

    Raises:
        MissingExtra: Matplotlib is not installed.
    """
    model = evaluation["model"]
    return render(
        "evaluation.html",
        **{name: evaluation[name] for name in ("alone", "command", "data", "errors", "kinds", "overall", "settings")},
        title=f"{model['name']} {model['version']}: evaluation",
        model=model,
        words=in_words(evaluation),
        summary=_summary(evaluation["overall"]),
        points=list(_points(evaluation)),
        plots=plots(evaluation),
        captions=_CAPTIONS,
        columns=_COLUMNS,
        baselines=_baselines(evaluation),
        learning_curve=[_row(f"{row['training_sentences']:,}", row) for row in evaluation["learning_curve"]],
        breakdown=[
            (by, [_row(name, row) for name, row in parts.items()]) for by, parts in evaluation["breakdown"].items()
        ],
        tags=list(_tags(evaluation["tags"])),
        sensitivities=list(evaluation["overall"]["points"]),
        paths=shlex.join(evaluation["data"]["paths"]),
        KINDS=KIND_NAMES,
        counts=_counts,
        number=number,
        percent=percent,
        ranking=_ranking,
        share_and_span=_share_and_span,
        span=span,
    )


# --- the tables ----------------------------------------------------------------------------------


def _summary(overall: Figures) -> list[tuple[str, str, str]]:
    medium = overall["points"]["medium"]
    return [
        ("AUC", number(overall["auc"]), span(overall["auc"])),
        ("average precision", number(overall["average_precision"]), span(overall["average_precision"])),
        ("precision, medium", percent(medium["precision"]), _between(medium["precision"])),
        ("recall, medium", percent(medium["recall"]), _between(medium["recall"])),
        ("false alarms, medium", percent(medium["false_alarm_rate"]), _between(medium["false_alarm_rate"])),
    ]


def _points(evaluation: Figures) -> Iterator[Row]:
    for name, point in evaluation["overall"]["points"].items():
        texts = evaluation["documents"]["points"][name]
        yield [
            name,
            f"{point['threshold']:.2f}",
            _share(point["precision"]),
            _share(point["recall"]),
            Cell(number(point["f1"]), span(point["f1"], 3)),
            _share(point["false_alarm_rate"]),
            _share(point["flagged"]),
            _share(texts["harmless_flagged"]),
            _share(texts["spoilers_hit"]),
        ]


def _baselines(evaluation: Figures) -> list[Row]:
    """The model first; none at all if there is nothing to compare it with."""
    rows = [_row(row["title"], row, colour="harmless") for row in evaluation["baselines"].values()]
    return [_row(Cell(evaluation["model"]["name"], strong=True), evaluation["overall"]), *rows] if rows else []


def _tags(tags: Figures) -> Iterator[tuple[str, list[Row]]]:
    """Tables of the tags of spoilers and of those of harmless sentences, each with its title."""
    for title, spoilers in (
        ("Spoilers: the share found", True),
        ("Harmless sentences: the share flagged", False),
    ):
        chosen = {tag: row for tag, row in tags.items() if (2 * row["spoilers"] >= row["sentences"]) == spoilers}
        ordered = sorted(chosen.items(), key=lambda item: -(item[1]["flagged"]["medium"]["value"] or 0))
        colour = "spoiler" if spoilers else "harmless"
        if ordered:
            yield (
                title,
                [
                    [
                        tag,
                        *(_bar(figure, share=True, colour=colour) for figure in row["flagged"].values()),
                        f"{row['sentences']:,}",
                    ]
                    for tag, row in ordered
                ],
            )


def _row(name: str | Cell, row: Figures, *, colour: str = "spoiler") -> Row:
    """The cells under a name and `_COLUMNS`."""
    medium = row["points"]["medium"]
    return [
        name,
        _bar(row["auc"], start=0.5, colour=colour),
        _bar(row["average_precision"], colour=colour),
        *(_share(medium[key]) for key in ("precision", "recall", "false_alarm_rate")),
        f"{row['sentences']:,}",
        percent({"value": row["spoilers"] / row["sentences"]}),
    ]


# --- the cells -----------------------------------------------------------------------------------


def _share(figure: Figures | None) -> Cell:
    """A share in percent with its interval below it."""
    return Cell(percent(figure), _between(figure))


def _between(figure: Figures | None) -> str:
    """The interval of a share in percent, as low–high."""
    if not figure or not figure["interval"]:
        return ""
    low, high = figure["interval"]
    digits = 1 if high < 0.02 else 0
    return f"{100 * low:.{digits}f}–{100 * high:.{digits}f}"


def _bar(figure: Figures | None, *, share: bool = False, start: float = 0.0, colour: str = "spoiler") -> Cell:
    """A figure with a bar that runs from `start` to 1, its interval drawn over it."""
    text = percent(figure) if share else number(figure)
    if figure is None or figure["value"] is None:
        return Cell(text, _between(figure) if share else span(figure, 3))

    def at(value: float) -> float:
        return (value - start) / (1 - start)

    interval = (at(figure["interval"][0]), at(figure["interval"][1])) if figure["interval"] else None
    return Cell(text, share=at(figure["value"]), colour=colour, interval=interval)


def _ranking(row: Figures) -> str:
    return f"AUC {number(row['auc'])} and average precision {number(row['average_precision'])}"


def _share_and_span(figure: Figures | None) -> str:
    between = _between(figure)
    return f"{percent(figure)} ({between})" if between else percent(figure)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count:,} sentences)" for name, count in counts.items()) or "not recorded"
