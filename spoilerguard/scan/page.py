"""What a scan found as one self-contained page; sentences that may spoil stay folded away until opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from spoilerguard.files.pages import bar, document, facts, section, table, tiles
from spoilerguard.model.scoring import KINDS
from spoilerguard.scan.plan import Plan
from spoilerguard.scan.summary import BINS, OTHERS, Tally

__all__ = ["page"]

_MOST_ROWS = 15  # of a table of works
_ENOUGH = 20  # records of a work before its rate says something


def page(tally: Tally, plan: Plan, *, source: str, described: str, output: str) -> str:
    """The report of a scan. `source` and `output` are names, `described` how the archive was read."""
    return document(
        f"{source}: scan",
        [
            _summary(tally, plan, source),
            _scores(tally, plan),
            _months(tally),
            _works(tally),
            _kinds(tally),
            _examples(tally),
            _faults(tally),
            _again(tally, plan, described, output),
        ],
    )


def _summary(tally: Tally, plan: Plan, source: str) -> str:
    read = tally.records - tally.errors
    figures = [
        ("records", f"{tally.records:,}", f"{tally.sentences:,} sentences"),
        ("with a spoiler", _percent(tally.flagged, read), f"{tally.flagged:,} records"),
        ("sentences flagged", _percent(tally.flags, tally.sentences), f"{tally.flags:,}"),
        ("could not be read", f"{tally.errors:,}", "see below" if tally.errors else ""),
    ]
    figures += [(escape(state), f"{count:,}", "says the archive") for state, count in sorted(tally.states.items())]
    return (
        f"<header>\n<p>spoilerguard scan</p>\n<h1>{escape(source)}</h1>\n</header>\n"
        f'<section id="summary">\n{tiles(figures)}\n'
        f'<p class="note">A sentence is flagged from a probability of {plan.threshold:.0%}; a record has a spoiler '
        "where one of its sentences is flagged.</p>\n</section>"
    )


def _percent(part: int, whole: int) -> str:
    if not whole:
        return "–"
    return f"{100 * part / whole:.1f}%"


def _scores(tally: Tally, plan: Plan) -> str:
    most = max(tally.scores)
    if not most:
        return ""
    rows = []
    for k, count in enumerate(tally.scores):
        low, high = k / BINS, (k + 1) / BINS
        colour = "spoiler" if high > plan.threshold else "harmless"
        rows.append([f"{low:.2f}–{high:.2f}", bar(f"{count:,}", count / most, colour=colour)])
    return section(
        "Scores",
        table(("highest score of a record", "records"), rows, kind="dense"),
        note="Records by their highest sentence score; red where some or all are at or above the threshold.",
    )


def _rates(title: str, pairs: Iterable[tuple[str, list[int]]]) -> str:
    rows = [
        [escape(name), f"{records:,}", f"{flagged:,}", bar(_percent(flagged, records), flagged / records)]
        for name, (records, flagged) in pairs
    ]
    return table((title, "records", "with a spoiler", "rate"), rows, kind="dense")


def _months(tally: Tally) -> str:
    return section("By month", _rates("month", sorted(tally.months.items()))) if tally.months else ""


def _works(tally: Tally) -> str:
    named = {name: pair for name, pair in tally.works.items() if name != OTHERS}
    if not named:
        return ""
    most = sorted(named.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))[:_MOST_ROWS]
    often = [(name, pair) for name, pair in named.items() if pair[0] >= _ENOUGH]
    often.sort(key=lambda item: (-item[1][1] / item[1][0], -item[1][0], item[0]))
    highest = _rates("work or thread", often[:_MOST_ROWS])
    note = f"{len(named):,} works or threads."
    if OTHERS in tally.works:
        records, flagged = tally.works[OTHERS]
        others = f"{records:,} records ({flagged:,} with a spoiler) are of others"
        note = f"The first {len(named):,} works or threads; {others}."
    return section(
        "By work",
        "<h3>Most records with a spoiler</h3>\n" + _rates("work or thread", most),
        f"<h3>Highest rate, of {_ENOUGH} records or more</h3>\n{highest}" if often else "",
        note=note,
    )


def _kinds(tally: Tally) -> str:
    if not tally.kinds:
        return ""
    most = max(tally.kinds.values())
    rows = [
        [escape(KINDS.get(kind, kind)), bar(f"{count:,}", count / most)]
        for kind, count in sorted(tally.kinds.items(), key=lambda item: (-item[1], item[0]))
    ]
    return section("What they look like", table(("kind", "sentences"), rows, kind="dense"), note="A hint, no more.")


def _examples(tally: Tally) -> str:
    parts = [
        f"<h3>{title}</h3>\n" + "\n".join(map(_example, examples))
        for title, examples in (("The surest", tally.surest), ("The nearest to the threshold", tally.nearest))
        if examples
    ]
    return section("Examples", *parts, note="Open one to read it: these may give real plots away.") if parts else ""


def _example(example: Mapping[str, Any]) -> str:
    work = f" · {escape(example['work'])}" if example["work"] else ""
    return (
        f'<details class="error"><summary><span class="score">{example["score"]:.0%}</span> '
        f'<span class="about">record {escape(example["id"])}{work}</span></summary>\n'
        f"<p><mark>{escape(example['text'])}</mark></p>\n</details>"
    )


def _faults(tally: Tally) -> str:
    if not tally.faults:
        return ""
    rows = [[escape(fault["id"]), f"{fault['number'] + 1:,}", escape(fault["error"])] for fault in tally.faults]
    note = f"The first {len(rows):,} of {tally.errors:,}; each is a record of the output with its error."
    return section("Could not be read", table(("id", "record", "why"), rows, kind="faults"), note=note)


def _again(tally: Tally, plan: Plan, described: str, output: str) -> str:
    rows = [
        ("model", f"{escape(plan.model)} {escape(plan.model_version)}"),
        ("threshold", f"{plan.threshold:.4g}"),
        ("read as", escape(described)),
        ("written to", f"<code>{escape(output)}</code>"),
        ("spoilerguard", escape(plan.spoilerguard)),
    ]
    return section("How it was made", facts(rows))
