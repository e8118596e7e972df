"""An evaluation as one self-contained HTML page: no scripts, no requests, light and dark, made for phones first.

`page` reads from top to bottom as the page does; each section is one function.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
import shlex
from typing import Any

from spoilerguard.evaluation.plots import plots
from spoilerguard.evaluation.words import in_words, number, percent, span
from spoilerguard.files.pages import bar, document, facts, section, table, tiles
from spoilerguard.model.scoring import KINDS

__all__ = ["page"]

Figures = Mapping[str, Any]


def page(evaluation: Figures) -> str:
    """The report as HTML.

    Args:
        evaluation: The result of `Evaluation.to_dict`.

    Returns:
        The page.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    model = evaluation["model"]
    title = f"{model['name']} {model['version']}: evaluation"
    sections = [
        _summary(evaluation),
        _points(evaluation),
        _curves(evaluation),
        _compared(evaluation),
        _parts(evaluation),
        _tags(evaluation),
        _kinds(evaluation),
        _errors(evaluation),
        _again(evaluation),
    ]
    return document(title, sections)


# --- pieces --------------------------------------------------------------------------------------


def _cell(figure: Figures | None, *, share: bool = False) -> str:
    """A figure with its interval beneath."""
    value = percent(figure) if share else number(figure)
    return f"{value}<small>{_between(figure, share)}</small>"


def _between(figure: Figures | None, share: bool) -> str:
    if share and figure and figure["interval"]:
        low, high = figure["interval"]
        digits = 1 if high < 0.02 else 0
        return f"{100 * low:.{digits}f}–{100 * high:.{digits}f}"
    return span(figure, 3)


def _bar(figure: Figures | None, *, share: bool = False, start: float = 0.0, colour: str = "spoiler") -> str:
    """A figure as a bar from `start` to 1, with its interval drawn over it."""
    if figure is None or figure["value"] is None:
        return _cell(figure, share=share)

    def at(value: float) -> float:
        return (value - start) / (1 - start)

    interval = figure["interval"] and (at(figure["interval"][0]), at(figure["interval"][1]))
    text = percent(figure) if share else number(figure)
    return bar(text, at(figure["value"]), colour=colour, interval=interval)


# --- the sections --------------------------------------------------------------------------------


def _summary(evaluation: Figures) -> str:
    model, overall = evaluation["model"], evaluation["overall"]
    medium, sentences = overall["points"]["medium"], in_words(evaluation)
    figures = [
        ("AUC", number(overall["auc"]), span(overall["auc"])),
        ("average precision", number(overall["average_precision"]), span(overall["average_precision"])),
        ("precision, medium", percent(medium["precision"]), _between(medium["precision"], True)),
        ("recall, medium", percent(medium["recall"]), _between(medium["recall"], True)),
        ("false alarms, medium", percent(medium["false_alarm_rate"]), _between(medium["false_alarm_rate"], True)),
    ]
    repeats = evaluation["settings"]["bootstrap"]
    drawn = f"works, not sentences, drawn with replacement {repeats:,} times"
    note = f'<p class="note">Small figures are 95% intervals: {drawn}.</p>\n' if repeats else ""
    warning = ""
    if leaks := model["leaked_works"]:
        warning = (
            f'<p class="warning">The model was trained on {len(leaks):,} of these works '
            f"({escape(', '.join(leaks[:3]))}{' …' if len(leaks) > 3 else ''}). These figures are too good.</p>\n"
        )
    return (
        "<header>\n<p>spoilerguard evaluation</p>\n"
        f"<h1>{escape(model['name'])} <span>{escape(model['version'])}</span></h1>\n</header>\n"
        f'<section id="summary">\n{warning}<p class="lead">{escape(" ".join(sentences[:3]))}</p>\n'
        f"<p>{escape(' '.join(sentences[3:]))}</p>\n"
        f"{tiles(figures)}\n{note}</section>"
    )


_OF_TEXTS = ("harmless texts flagged", "spoiler texts hit")


def _points(evaluation: Figures) -> str:
    rows = [
        [
            name,
            f"{point['threshold']:.2f}",
            *(_cell(point[key], share=True) for key in ("precision", "recall")),
            _cell(point["f1"]),
            *(_cell(point[key], share=True) for key in ("false_alarm_rate", "flagged")),
            *(_cell(texts[key], share=True) for key in ("harmless_flagged", "spoilers_hit")),
        ]
        for name, point in evaluation["overall"]["points"].items()
        for texts in [evaluation["documents"]["points"][name]]
    ]
    heads = ("sensitivity", "from", "precision", "recall", "F1", "false alarms", "flagged", *_OF_TEXTS)
    return section(
        "Operating points",
        table(heads, rows),
        f"<p>Read alone, without the sentences around them, the same sentences give {_ranks(evaluation['alone'])}; "
        f"in their texts, {_ranks(evaluation['overall'])}.</p>",
        note="False alarms: the share of harmless sentences that are flagged. A harmless text counts as flagged "
        "where any sentence is; a text with spoilers is hit where one of them is.",
    )


def _ranks(row: Figures) -> str:
    return f"AUC {number(row['auc'])} and average precision {number(row['average_precision'])}"


def _curves(evaluation: Figures) -> str:
    captions = {
        "Precision and recall": "Circles are the operating points; the dashed line is guessing.",
        "ROC": "The closer to the upper left, the better; the dashed line is guessing.",
        "Reliability": "On the dashed line, probabilities match the observed shares. Vertical lines are 95% intervals.",
        "Scores": "The distribution of the scores of each class; dotted lines are the thresholds.",
        "Learning curve": "The same sentences scored by models trained on growing shares of the works.",
    }
    figures = "\n".join(
        f"<figure><h3>{title}</h3>\n{svg}\n<figcaption>{captions[title]}</figcaption></figure>"
        for title, svg in plots(evaluation).items()
    )
    overall = evaluation["overall"]
    return section(
        "Curves",
        f'<div class="plots">{figures}</div>',
        f"<p>Brier score {number(overall['brier'])} ({span(overall['brier'], 3)}), expected calibration error "
        f"{number(overall['calibration_error'])} ({span(overall['calibration_error'], 3)}).</p>",
    )


_HEADS = ("AUC", "average precision", "precision", "recall", "false alarms", "sentences", "spoilers")


def _row(name: str, row: Figures, *, kind: str = "spoiler") -> list[str]:
    at = row["points"]["medium"]
    return [
        name,
        _bar(row["auc"], start=0.5, colour=kind),
        _bar(row["average_precision"], colour=kind),
        *(_cell(at[key], share=True) for key in ("precision", "recall", "false_alarm_rate")),
        f"{row['sentences']:,}",
        percent({"value": row["spoilers"] / row["sentences"]}),
    ]


def _compared(evaluation: Figures) -> str:
    body = []
    if evaluation["baselines"]:
        model = evaluation["model"]
        rows = [_row(f"<strong>{escape(model['name'])}</strong>", evaluation["overall"])]
        rows += [_row(escape(row["title"]), row, kind="harmless") for row in evaluation["baselines"].values()]
        body.append(table(("", *_HEADS), rows))
    if evaluation["learning_curve"]:
        rows = [_row(f"{row['training_sentences']:,}", row) for row in evaluation["learning_curve"]]
        body.append("<h3>Learning curve</h3>\n" + table(("training sentences", *_HEADS), rows))
    note = (
        "Measured on the same sentences, each alone; trained on the other works of the same data, where the threshold "
        "is chosen by the rule for medium sensitivity. AUC bars start at 0.5, which is guessing."
    )
    return section("Baselines", *body, note=note) if body else ""


def _parts(evaluation: Figures) -> str:
    tables = [
        f"<h3>By {escape(name)}</h3>\n" + table(("", *_HEADS), [_row(escape(part), row) for part, row in parts.items()])
        for name, parts in evaluation["breakdown"].items()
    ]
    return section(
        "Part by part",
        *tables,
        note="Precision, recall and false alarms are at medium sensitivity. Small parts have wide intervals.",
    )


def _tags(evaluation: Figures) -> str:
    tags = evaluation["tags"]
    if not tags:
        return ""
    tables = []
    for title, guilty in (("Share of spoilers found", True), ("Share of harmless sentences flagged", False)):
        chosen = {tag: row for tag, row in tags.items() if (2 * row["spoilers"] >= row["sentences"]) == guilty}
        ordered = sorted(chosen.items(), key=lambda item: -(item[1]["flagged"]["medium"]["value"] or 0))
        rows = [
            [
                escape(tag),
                *(
                    _bar(flagged, share=True, colour="spoiler" if guilty else "harmless")
                    for flagged in row["flagged"].values()
                ),
                f"{row['sentences']:,}",
            ]
            for tag, row in ordered
        ]
        if rows:
            tables.append(f"<h3>{title}</h3>\n" + table(("tag", *_points_of(evaluation), "sentences"), rows))
    return section("By tag", *tables)


def _points_of(evaluation: Figures) -> list[str]:
    return list(evaluation["overall"]["points"])


def _kinds(evaluation: Figures) -> str:
    kinds = evaluation["kinds"]
    if not kinds["sentences"]:
        return ""
    rows = []
    for tag, named in kinds["confusion"].items():
        total = sum(named.values())
        cells = [
            f'<span class="heat" style="--share:{100 * count / max(total, 1):.0f}%"'
            f"{' data-right' if kind == tag else ''}>{count:,}</span>"
            for kind, count in named.items()
        ]
        rows.append([escape(KINDS.get(tag, tag)), f"{total:,}", *cells])
    return section(
        "Kinds named",
        table(
            ("tag", "sentences", *(escape(KINDS.get(kind, kind)) for kind in kinds["confusion"])),
            rows,
            kind="confusion",
        ),
        note=f"The kind that the reason names is the tag of {_share_and_span(kinds['accuracy'])} of "
        f"{kinds['sentences']:,} spoilers ({percent(kinds['accuracy_flagged'])} of those flagged at medium); always "
        f"naming the most frequent kind gives {percent({'value': kinds['most_frequent']})}. "
        "Rows are tags, columns what was named.",
    )


def _share_and_span(figure: Figures | None) -> str:
    between = _between(figure, True)
    return f"{percent(figure)} ({between})" if between else percent(figure)


def _errors(evaluation: Figures) -> str:
    lists = []
    for key, title in (
        ("false_alarms", "False alarms: harmless sentences that score as spoilers"),
        ("misses", "Misses: spoilers that score as harmless"),
    ):
        rows = evaluation["errors"][key]
        if rows:
            lists.append(f"<h3>{title}</h3>\n" + "\n".join(map(_error, rows)))
    if not lists:
        return ""
    return section("Worst errors", *lists, note="Blurred until opened: these sentences may give away real plots.")


def _error(row: Figures) -> str:
    about = " · ".join(escape(row[name]) for name in ("tag", "work", "kind") if row[name])
    before, after = escape(" ".join(row["before"])), escape(" ".join(row["after"]))
    text = escape(row["text"])
    return (
        f'<details class="error"><summary><span class="score">{row["probability"]:.0%}</span> '
        f'<span class="about">{about}</span>'
        f'<span class="veil" aria-hidden="true">{text}</span></summary>\n'
        f"<p>{before} <mark>{text}</mark> {after}</p>\n"
        f'<p class="note">Alone it gets {row["alone"]:.0%}. {escape(row["source"])}, {escape(row["document"])}</p>\n'
        "</details>"
    )


def _again(evaluation: Figures) -> str:
    model, data, settings = evaluation["model"], evaluation["data"], evaluation["settings"]
    measured = f"{data['sentences']:,} of {data['of_sentences']:,} sentences, {data['documents']:,} texts"
    rows = [
        ("model", f"{escape(model['name'])} {escape(model['version'])} ({escape(model['architecture'])})"),
        ("weights", f"<code>sha256 {escape(model['digest'])}</code>" if model["digest"] else "not saved"),
        ("trained on", escape(_counts(model["trained_on"])) + f", {model['works_trained_on']:,} works"),
        ("data", f"{escape(shlex.join(data['paths']) or 'a frame')}: {escape(_counts(data['sources']))}"),
        ("measured on", f"split {escape(settings['split'])}: {measured}, {data['works']:,} works"),
        ("weak labels", f"{data['weak_labels']:,}, counted like the rest"),
        ("digest of the sentences", f"<code>sha256 {escape(data['digest'])}</code>"),
        ("intervals", f"{settings['interval']:.0%}, {settings['bootstrap']:,} draws of works, seed {settings['seed']} "
         "(percentile bootstrap, Efron and Tibshirani 1993)"),
    ]  # fmt: skip
    return section(
        "How to reproduce",
        f'<pre class="scroll" tabindex="0"><code>{escape(evaluation["command"])}</code></pre>',
        facts(rows),
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count:,} sentences)" for name, count in counts.items()) or "not recorded"
