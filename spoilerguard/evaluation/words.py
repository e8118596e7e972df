"""An evaluation in words and as a plain table; both take the result of `Evaluation.to_dict`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["in_words", "number", "percent", "plain_table", "span"]

Figures = Mapping[str, Any]
NONE = "–"  # an undefined figure


def number(figure: Figures | None, digits: int = 3) -> str:
    """The value of a figure, or a dash where it is undefined."""
    return NONE if figure is None or figure["value"] is None else f"{figure['value']:.{digits}f}"


def percent(figure: Figures | None) -> str:
    """The value of a share in percent, with a decimal below 2%."""
    if figure is None or figure["value"] is None:
        return NONE
    value = 100 * figure["value"]
    return f"{value:.1f}%" if 0 < value < 2 else f"{value:.0f}%"


def span(figure: Figures | None, digits: int = 2) -> str:
    """The interval of a figure as low–high, or an empty string."""
    interval = figure and figure["interval"]
    return f"{interval[0]:.{digits}f}–{interval[1]:.{digits}f}" if interval else ""


def _of_100(figure: Figures) -> str:
    return NONE if figure["value"] is None else f"{100 * figure['value']:.0f}"


def in_words(evaluation: Figures) -> list[str]:
    """The most important figures, one sentence each, for readers who know no statistics."""
    overall, data, documents = evaluation["overall"], evaluation["data"], evaluation["documents"]
    medium, per_document = overall["points"]["medium"], documents["points"]["medium"]
    leaked = evaluation["model"]["leaked_works"]
    seen = f"{len(leaked)} of which it was trained on" if leaked else "none of which it was trained on"
    sentences = [
        f"The model was measured on {data['sentences']:,} sentences about {data['works']:,} works, {seen}; "
        f"{data['spoilers']:,} of the sentences are spoilers.",
        f"Given a spoiler and a harmless sentence, it gives the spoiler the higher score {_of_100(overall['auc'])} "
        f"times in 100 (AUC {number(overall['auc'])}).",
    ]
    if medium["precision"]["value"] is None:
        sentences.append("At medium sensitivity it flags nothing.")
    else:
        sentences.append(
            f"At medium sensitivity {_of_100(medium['precision'])} of 100 flags are right, "
            f"{_of_100(medium['recall'])} of 100 spoilers are found, and {percent(medium['false_alarm_rate'])} of "
            "the harmless sentences are flagged."
        )
    if documents["with_spoilers"]:
        sentences.append(
            f"In {percent(per_document['spoilers_hit'])} of the texts with spoilers it finds at least one."
        )
    if documents["harmless"]:
        sentences.append(f"{percent(per_document['harmless_flagged'])} of the texts without spoilers get a flag.")
    sentences.append(
        f"Its probabilities are off by {percent(overall['calibration_error'])} on average (expected calibration error)."
    )
    if beaten := _best_baseline(evaluation):
        sentences.append(beaten)
    return sentences


def _best_baseline(evaluation: Figures) -> str:
    rows = [row for row in evaluation["baselines"].values() if row["average_precision"]["value"] is not None]
    if not rows:
        return ""
    best = max(rows, key=lambda row: row["average_precision"]["value"])
    ours = evaluation["overall"]["average_precision"]
    return (
        f"The best of the simple baselines on the same sentences, {best['title']}, has average precision "
        f"{number(best['average_precision'])}; the model has {number(ours)}."
    )


def plain_table(evaluation: Figures) -> str:
    """The figures as a table of fixed width, for a terminal."""
    return "\n".join(_lines(evaluation))


def _lines(evaluation: Figures) -> Iterator[str]:
    model, data, overall = evaluation["model"], evaluation["data"], evaluation["overall"]
    yield (
        f"{model['name']} {model['version']}: {data['sentences']:,} sentences ({data['spoilers']:,} spoilers) "
        f"about {data['works']:,} works, split {evaluation['settings']['split']}"
    )
    if model["leaked_works"]:
        yield f"LEAK: the model was trained on {len(model['leaked_works'])} of these works; the figures are too good"
    yield ""
    yield f"{'':20}{'in documents':21}alone"
    for name, title in _HEADLINES.items():
        yield f"{title:20}{_both(overall[name]):21}{_both(evaluation['alone'][name])}"
    yield ""
    yield f"{'sensitivity':13}{'from':6}{'precision':18}{'recall':18}{'F1':6}false alarms"
    for name, point in overall["points"].items():
        yield (
            f"{name:13}{point['threshold']:<6.2f}{_both(point['precision'], 2):18}{_both(point['recall'], 2):18}"
            f"{number(point['f1'], 2):6}{percent(point['false_alarm_rate'])}"
        )
    texts = evaluation["documents"]
    at = texts["points"]["medium"]
    yield ""
    yield (
        f"texts at medium: {percent(at['harmless_flagged'])} of {texts['harmless']:,} harmless flagged, "
        f"a spoiler found in {percent(at['spoilers_hit'])} of {texts['with_spoilers']:,}"
    )
    for name, parts in evaluation["breakdown"].items():
        if len(parts) > 1:
            yield ""
            yield from _rows(name, parts)
    if evaluation["baselines"]:
        yield ""
        yield from _rows("baseline", {row["title"]: row for row in evaluation["baselines"].values()})
    if evaluation["learning_curve"]:
        yield ""
        curve = {
            f"{row['share']:.0%}: {row['training_sentences']:,} sentences": row for row in evaluation["learning_curve"]
        }
        yield from _rows("learning curve", curve)


_HEADLINES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}


def _both(figure: Figures, digits: int = 3) -> str:
    return f"{number(figure, digits)} {span(figure)}".rstrip()


def _rows(title: str, parts: Mapping[str, Figures]) -> Iterator[str]:
    yield f"{title:31}{'sentences':>9}{'AUC':>7}{'AP':>7}{'prec.':>7}{'recall':>7}{'alarms':>7}"
    for name, row in parts.items():
        at = row["points"]["medium"]
        figures = (
            number(row["auc"]),
            number(row["average_precision"]),
            number(at["precision"], 2),
            number(at["recall"], 2),
        )
        cells = "".join(f"{cell:>7}" for cell in (*figures, percent(at["false_alarm_rate"])))
        yield f"{name[:30]:31}{row['sentences']:>9,}{cells}"
