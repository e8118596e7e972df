"""The suppressions of a draft that suppress nothing."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from itertools import accumulate

from spoilerguard.guard import Guard
from spoilerguard.report import Report
from spoilerguard.spans import Notice, Work
from spoilerguard.text.reading import read, suppressions

__all__ = ["UNUSED", "with_unused"]

UNUSED = "this suppression suppresses nothing; remove it"


def with_unused(report: Report, guard: Guard, work: Work | None, *, quotations: bool = True) -> Report:
    """The report with a notice for each suppression that suppresses nothing.

    The draft is checked a second time without its suppressions. The scores of the report do not change.

    Args:
        report: The report of the draft.
        guard: The model that made it.
        work: The work that the draft is about.
        quotations: Whether block quotations are checked too.
    """
    document = report.document
    every = suppressions(document.source, document.format)
    if not every or not report.checked:
        return report
    bare = read(document.source, document.format, quotations=quotations, suppress=False)
    [unsuppressed] = guard.flag_read([bare], [work], report.threshold, any_language=True)
    places = sorted(
        [*((flag.start, flag.end) for flag in unsuppressed.flags), *((n.start, n.end) for n in unsuppressed.notices)]
    )
    reach = list(accumulate((end for _, end in places), max, initial=0))
    unused = [
        Notice(*comment, UNUSED)
        for comment, region in every
        if region.start == region.end or reach[bisect_left(places, (region.end, 0))] <= region.start
    ]
    return replace(report, document=replace(document, notices=tuple(sorted([*document.notices, *unused]))))
