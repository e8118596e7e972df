"""The output formats of a checked site: each is a function from the report to lines.

To add a format, add a function and a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import os

from spoilerguard.drafts.outcomes import harmless, in_checkout
from spoilerguard.printing.lines import command
from spoilerguard.printing.records import dumped
from spoilerguard.site.checking import Leak, SiteReport

__all__ = ["SITE_PRINTERS"]


def _why(leak: Leak, show_text: bool) -> str:
    words = f": {harmless(leak.text)}" if show_text else ""
    return f"{leak.where}: shows what {harmless(leak.page)}:{leak.page_line} hides{words}"


def _as_text(report: SiteReport, show_text: bool) -> Iterator[str]:
    """One line a leak: `path:line: where: shows what page:line hides`."""
    for leak in report.leaks:
        place = harmless(leak.path) if leak.line is None else f"{harmless(leak.path)}:{leak.line}"
        yield f"{place}: {_why(leak, show_text)}"


def _as_json(report: SiteReport, show_text: bool) -> Iterator[str]:
    """One object. Like the JSON of drafts, it holds the words."""
    leaks = [
        {
            "path": leak.path,
            "line": leak.line,
            "where": leak.where,
            "page": leak.page,
            "page_line": leak.page_line,
            "text": leak.text,
        }
        for leak in report.leaks
    ]
    yield dumped(
        {
            "version": 1,
            "site": report.site,
            "files": report.files,
            "pages": report.pages,
            "hidden": report.hidden,
            "leaks": leaks,
            "errors": report.unread,
        }
    )


def _as_github(report: SiteReport, show_text: bool) -> Iterator[str]:
    """Annotations of GitHub Actions."""
    for error in report.unread:
        yield command("error", {"title": "Not checked"}, error)
    for leak in report.leaks:
        place = {"file": in_checkout(os.path.join(report.site, leak.path), "GITHUB_WORKSPACE")}
        if leak.line is not None:
            place["line"] = str(leak.line)
        yield command("warning", place | {"title": "Hidden text in the clear"}, _why(leak, show_text))


SITE_PRINTERS: dict[str, Callable[[SiteReport, bool], Iterator[str]]] = {
    "text": _as_text,
    "json": _as_json,
    "github": _as_github,
}
