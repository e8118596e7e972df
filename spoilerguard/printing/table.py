"""The output formats of `check`: each is a function from the outcomes of all files to lines.

To add a format, add a function and a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from spoilerguard.drafts.outcomes import Look, Outcome
from spoilerguard.printing.gitlab import as_gitlab
from spoilerguard.printing.junit import as_junit
from spoilerguard.printing.lines import as_github, as_lines
from spoilerguard.printing.rdjson import as_rdjson
from spoilerguard.printing.records import as_json, as_jsonl
from spoilerguard.printing.sarif import as_sarif
from spoilerguard.printing.text import as_text

__all__ = ["PRINTERS"]

PRINTERS: dict[str, Callable[[Iterable[Outcome], Look], Iterator[str]]] = {
    "text": as_text,
    "line": as_lines,
    "json": as_json,
    "jsonl": as_jsonl,
    "github": as_github,
    "sarif": as_sarif,
    "rdjson": as_rdjson,
    "gitlab": as_gitlab,
    "junit": as_junit,
}
