"""GitLab's code quality report: a JSON array, which merge requests show beside the lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
import hashlib
from typing import Any

from spoilerguard.drafts.baseline import fingerprint
from spoilerguard.drafts.outcomes import Look, Outcome, harmless, in_checkout, why
from spoilerguard.printing.records import dumped

__all__ = ["as_gitlab"]


def as_gitlab(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """One document, without what a baseline knows. Files that cannot be read are critical, broken marks only info."""
    yield dumped([issue for outcome in outcomes for issue in _issues(outcome, look.show_text)])


def _issues(outcome: Outcome, show_text: bool) -> Iterator[dict[str, Any]]:
    path = in_checkout(outcome.path, "CI_PROJECT_DIR")
    if outcome.error is not None:
        yield _issue("unread", "critical", harmless(outcome.error), path, 1, 1, "unread")
    if outcome.report is None:
        return
    document = outcome.report.document
    seen: Counter[str] = Counter()
    for flag in outcome.report:
        hashed = fingerprint(document.prose[flag.start : flag.end])
        seen[hashed] += 1
        kind = flag.reasons[0].kind if flag.reasons else "spoiler"
        last, _ = document.position(flag.end)
        same = f"{hashed}:{seen[hashed]}"
        yield _issue(kind, "major", why(flag, show_text), path, flag.line, last, same)
    for notice in outcome.report.notices:
        (first, _), (last, _) = document.position(notice.start), document.position(notice.end)
        seen[notice.message] += 1
        yield _issue("mark", "info", notice.message, path, first, last, f"{notice.message}:{seen[notice.message]}")


def _issue(check: str, severity: str, text: str, path: str, first: int, last: int, same: str) -> dict[str, Any]:
    """An issue; GitLab takes it for the same one as before while path and `same` stay, wherever the line moves."""
    return {
        "description": text,
        "check_name": f"spoilerguard/{check}",
        "fingerprint": hashlib.sha256(f"{path}\0{same}".encode("utf-8", "surrogatepass")).hexdigest(),
        "severity": severity,
        "location": {"path": path, "lines": {"begin": first, "end": last}},
    }
