"""The Reviewdog Diagnostic Format (rdjson), which reviewdog brings to the reviews of any code host.

Lines end at a line feed, and columns count bytes in UTF-8 (reviewdog's `proto/rdf/reviewdog.proto`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
import re
from typing import Any

from spoilerguard.drafts.outcomes import Look, Outcome, harmless, in_checkout, why
from spoilerguard.errors import InputError, LeakError
from spoilerguard.printing.records import dumped
from spoilerguard.report import Report
from spoilerguard.spans import Document

__all__ = ["as_rdjson"]


def as_rdjson(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """One document. With `show_text`, each finding suggests an edit that hides it in the usual style of its format."""
    found = [diagnostic for outcome in outcomes for diagnostic in _diagnostics(outcome, look.show_text)]
    yield dumped({"source": {"name": "spoilerguard"}, "diagnostics": found})


def _diagnostics(outcome: Outcome, show_text: bool) -> Iterator[dict[str, Any]]:
    path = in_checkout(outcome.path)
    if outcome.error is not None:
        yield {"message": harmless(outcome.error), "location": {"path": path}, "severity": "ERROR"}
    if outcome.report is None:
        return
    places = _Places(outcome.report.document)
    for flag in outcome.report:
        yield {
            "message": why(flag, show_text),
            "location": {"path": path, "range": places.range(flag.start, flag.end)},
            "severity": "WARNING",
            "code": {"value": flag.reasons[0].kind if flag.reasons else "spoiler"},
            **({"suggestions": _suggestions(outcome.report, flag.start, flag.end, places)} if show_text else {}),
        }
    for notice in outcome.report.notices:
        yield {
            "message": notice.message,
            "location": {"path": path, "range": places.range(notice.start, notice.end)},
            "severity": "INFO",
            "code": {"value": "mark"},
        }


def _suggestions(report: Report, start: int, end: int, places: _Places) -> list[dict[str, Any]]:
    """The one edit that hides a sentence; none where it cannot be hidden by itself."""
    from spoilerguard.hiding.block_edits import applied
    from spoilerguard.hiding.blurring import edits_to_hide

    try:
        edits = edits_to_hide(report.document, [(start, end)])
    except (InputError, LeakError):
        return []
    if not edits:
        return []
    first, last = edits[0].start, edits[-1].end
    moved = [edit._replace(start=edit.start - first, end=edit.end - first) for edit in edits]
    return [{"range": places.range(first, last), "text": applied(report.document.source[first:last], moved)}]


class _Places:
    """Where the offsets of a document are, as reviewdog counts."""

    def __init__(self, document: Document) -> None:
        self.source = document.source
        self.starts = [0, *(end.end() for end in re.finditer("\n", document.source))]

    def range(self, start: int, end: int) -> dict[str, dict[str, int]]:
        return {"start": self._position(start), "end": self._position(end)}

    def _position(self, at: int) -> dict[str, int]:
        line = bisect_right(self.starts, at)
        before = self.source[self.starts[line - 1] : at]
        return {"line": line, "column": len(before.encode("utf-8", "surrogatepass")) + 1}
