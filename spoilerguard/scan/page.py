"""The result of a scan as one self-contained page; sentences that may spoil stay folded away until opened.

The template `scan.html` has the text and the order of the sections; here their tables are computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from spoilerguard.archives import UNREAD
from spoilerguard.files.pages import Cell, render
from spoilerguard.model.scoring import KIND_NAMES
from spoilerguard.scan.plan import Plan
from spoilerguard.scan.summary import BINS, OTHERS, Summary

__all__ = ["page"]

Row = list[str | Cell]

_MOST_ROWS = 15  # in a table of works
_ENOUGH = 20  # records of a work from which its rate means something


def page(summary: Summary, plan: Plan, *, source: str, described: str, output: str) -> str:
    """The report of a scan.

    Args:
        summary: What the scan found.
        plan: The plan of the scan.
        source: The name of the archive.
        described: How the archive was read, in words.
        output: The name of the output.

    Returns:
        The page.
    """
    return render(
        "scan.html",
        title=f"{source}: scan",
        source=source,
        described=described,
        output=output,
        plan=plan,
        found=summary,
        summary=_summary(summary),
        scores=list(_scores(summary, plan)),
        months=list(_rates(sorted(summary.months.items()))),
        works=_works(summary),
        kinds=list(_kinds(summary)),
        faults=[[fault["id"] or "", f"{fault['number'] + 1:,}", fault["error"]] for fault in summary.faults],
    )


def _summary(summary: Summary) -> list[tuple[str, str, str]]:
    read = summary.records - summary.errors
    return [
        ("records", f"{summary.records:,}", f"{summary.sentences:,} sentence{'s' * (summary.sentences != 1)}"),
        (
            "with a spoiler",
            _percent(summary.flagged, read),
            f"{summary.flagged:,} record{'s' * (summary.flagged != 1)}",
        ),
        ("sentences flagged", _percent(summary.flags, summary.sentences), f"{summary.flags:,}"),
        ("with an error", f"{summary.errors:,}", "see below" if summary.errors else ""),
        *([("not in English", f"{summary.unchecked:,}", "not checked")] if summary.unchecked else ()),
        *((state, f"{count:,}", _state(state)) for state, count in sorted(summary.states.items())),
    ]


def _state(state: str) -> str:
    return "the rest of a file, from here on" if state == UNREAD else "according to the archive"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "–"


def _scores(summary: Summary, plan: Plan) -> Iterator[Row]:
    """A histogram; nothing if no record has a score."""
    most = max(summary.scores)
    for k, count in enumerate(summary.scores if most else ()):
        low, high = k / BINS, (k + 1) / BINS
        colour = "spoiler" if high > plan.threshold else "harmless"
        yield [f"{low:.2f}–{high:.2f}", Cell(f"{count:,}", share=count / most, colour=colour)]


def _rates(pairs: Iterable[tuple[str, list[int]]]) -> Iterator[Row]:
    for name, (records, flagged) in pairs:
        yield [name, f"{records:,}", f"{flagged:,}", Cell(_percent(flagged, records), share=flagged / records)]


def _works(summary: Summary) -> dict[str, Any]:
    named = {name: pair for name, pair in summary.works.items() if name != OTHERS}
    most = sorted(named.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
    often = [(name, pair) for name, pair in named.items() if pair[0] >= _ENOUGH]
    often.sort(key=lambda item: (-item[1][1] / item[1][0], -item[1][0], item[0]))
    note = f"{len(named):,} works or threads."
    if OTHERS in summary.works:
        records, flagged = summary.works[OTHERS]
        others = f"{records:,} records ({flagged:,} with a spoiler) belong to others"
        note = f"The first {len(named):,} works or threads; {others}."
    return {
        "most": list(_rates(most[:_MOST_ROWS])),
        "highest": list(_rates(often[:_MOST_ROWS])),
        "enough": _ENOUGH,
        "note": note,
    }


def _kinds(summary: Summary) -> Iterator[Row]:
    most = max(summary.kinds.values(), default=0)
    for kind, count in sorted(summary.kinds.items(), key=lambda item: (-item[1], item[0])):
        yield [KIND_NAMES.get(kind, kind), Cell(f"{count:,}", share=count / most)]
