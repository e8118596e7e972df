"""The report of a scan as one self-contained page; sentences that may be spoilers are folded until opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from spoilerguard.files.pages import bar, document, facts, section, table, tiles
from spoilerguard.model.scoring import KINDS
from spoilerguard.scan.plan import Plan
from spoilerguard.scan.summary import BINS, OTHERS, Summary

__all__ = ["page"]

_MOST_ROWS = 15  # in a table of works
_ENOUGH = 20  # records that make the rate of a work meaningful


def page(summary: Summary, plan: Plan, *, source: str, described: str, output: str) -> str:
    """The report of a scan as HTML.

    Args:
        summary: What was found.
        plan: The plan of the scan.
        source: The name of the archive.
        described: How the archive was read.
        output: The name of the output.

    Returns:
        The page.
    """
    return document(
        f"{source}: scan",
        [
            _summary(summary, plan, source),
            _scores(summary, plan),
            _months(summary),
            _works(summary),
            _kinds(summary),
            _examples(summary),
            _faults(summary),
            _again(summary, plan, described, output),
        ],
    )


def _summary(summary: Summary, plan: Plan, source: str) -> str:
    read = summary.records - summary.errors
    figures = [
        ("records", f"{summary.records:,}", f"{summary.sentences:,} sentences"),
        ("with a spoiler", _percent(summary.flagged, read), f"{summary.flagged:,} records"),
        ("sentences flagged", _percent(summary.flags, summary.sentences), f"{summary.flags:,}"),
        ("could not be read", f"{summary.errors:,}", "see below" if summary.errors else ""),
    ]
    figures += [(escape(state), f"{count:,}", "in the archive") for state, count in sorted(summary.states.items())]
    return (
        f"<header>\n<p>spoilerguard scan</p>\n<h1>{escape(source)}</h1>\n</header>\n"
        f'<section id="summary">\n{tiles(figures)}\n'
        f'<p class="note">Sentences with a probability of at least {plan.threshold:.0%} are flagged; a record has a '
        "spoiler if one of its sentences is flagged.</p>\n</section>"
    )


def _percent(part: int, whole: int) -> str:
    if not whole:
        return "–"
    return f"{100 * part / whole:.1f}%"


def _scores(summary: Summary, plan: Plan) -> str:
    most = max(summary.scores)
    if not most:
        return ""
    rows = []
    for k, count in enumerate(summary.scores):
        low, high = k / BINS, (k + 1) / BINS
        colour = "spoiler" if high > plan.threshold else "harmless"
        rows.append([f"{low:.2f}–{high:.2f}", bar(f"{count:,}", count / most, colour=colour)])
    return section(
        "Scores",
        table(("highest score of a record", "records"), rows, kind="dense"),
        note="Records by the highest score of their sentences; red bars reach the threshold.",
    )


def _rates(title: str, pairs: Iterable[tuple[str, list[int]]]) -> str:
    rows = [
        [escape(name), f"{records:,}", f"{flagged:,}", bar(_percent(flagged, records), flagged / records)]
        for name, (records, flagged) in pairs
    ]
    return table((title, "records", "with a spoiler", "rate"), rows, kind="dense")


def _months(summary: Summary) -> str:
    return section("By month", _rates("month", sorted(summary.months.items()))) if summary.months else ""


def _works(summary: Summary) -> str:
    named = {name: pair for name, pair in summary.works.items() if name != OTHERS}
    if not named:
        return ""
    most = sorted(named.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))[:_MOST_ROWS]
    often = [(name, pair) for name, pair in named.items() if pair[0] >= _ENOUGH]
    often.sort(key=lambda item: (-item[1][1] / item[1][0], -item[1][0], item[0]))
    highest = _rates("work or thread", often[:_MOST_ROWS])
    note = f"{len(named):,} work{'s' * (len(named) != 1)} or thread{'s' * (len(named) != 1)}."
    if OTHERS in summary.works:
        records, flagged = summary.works[OTHERS]
        others = f"{records:,} records ({flagged:,} with a spoiler) are about others"
        note = f"The first {len(named):,} works or threads; {others}."
    return section(
        "By work",
        "<h3>Most records with a spoiler</h3>\n" + _rates("work or thread", most),
        f"<h3>Highest rate, among those with {_ENOUGH} records or more</h3>\n{highest}" if often else "",
        note=note,
    )


def _kinds(summary: Summary) -> str:
    if not summary.kinds:
        return ""
    most = max(summary.kinds.values())
    rows = [
        [escape(KINDS.get(kind, kind)), bar(f"{count:,}", count / most)]
        for kind, count in sorted(summary.kinds.items(), key=lambda item: (-item[1], item[0]))
    ]
    return section(
        "Kinds of spoilers", table(("kind", "sentences"), rows, kind="dense"), note="The kinds are rough guesses."
    )


def _examples(summary: Summary) -> str:
    parts = [
        f"<h3>{title}</h3>\n" + "\n".join(map(_example, examples))
        for title, examples in (("Highest scores", summary.surest), ("Closest to the threshold", summary.nearest))
        if examples
    ]
    return (
        section("Examples", *parts, note="Open one to read it: these sentences may give away real plots.")
        if parts
        else ""
    )


def _example(example: Mapping[str, Any]) -> str:
    work = f" · {escape(example['work'])}" if example["work"] else ""
    return (
        f'<details class="error"><summary><span class="score">{example["score"]:.0%}</span> '
        f'<span class="about">record {escape(example["id"])}{work}</span></summary>\n'
        f"<p><mark>{escape(example['text'])}</mark></p>\n</details>"
    )


def _faults(summary: Summary) -> str:
    if not summary.faults:
        return ""
    rows = [[escape(fault["id"]), f"{fault['number'] + 1:,}", escape(fault["error"])] for fault in summary.faults]
    note = f"The first {len(rows):,} of {summary.errors:,}. Each has a row with its error in the output."
    return section("Could not be read", table(("id", "record", "why"), rows, kind="faults"), note=note)


def _again(summary: Summary, plan: Plan, described: str, output: str) -> str:
    rows = [
        ("model", f"{escape(plan.model)} {escape(plan.model_version)}"),
        ("threshold", f"{plan.threshold:.4g}"),
        ("read as", escape(described)),
        ("written to", f"<code>{escape(output)}</code>"),
        ("spoilerguard", escape(plan.spoilerguard)),
    ]
    return section("How to reproduce", facts(rows))
