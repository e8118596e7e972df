"""SARIF 2.1.0 (an OASIS standard), which code hosts and editors show. The kinds of spoilers are its rules.

Lines, columns and offsets are in code points and do not count a byte order mark (section 3.30.2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from spoilerguard import __version__
from spoilerguard.drafts.baseline import fingerprint
from spoilerguard.drafts.outcomes import Look, Outcome, beneath, harmless, kind_name, why
from spoilerguard.printing.records import dumped
from spoilerguard.spans import Document

__all__ = ["as_sarif"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"  # what paths are relative to, by the name that GitHub and viewers know
_REMEDY = "Hide the sentence (spoilerguard blur), reword it, or ignore it: <!-- spoilerguard: ignore-next -->"
_MARK, _UNREAD = "mark", "unread"  # not spoilers: a mark without effect, and a file that was not checked


def as_sarif(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """One run. Known spoilers are results marked as suppressed; files that cannot be read are notifications."""
    results: list[dict[str, Any]] = []
    unread: list[dict[str, Any]] = []
    for outcome in outcomes:
        if outcome.error is not None:
            unread.append(_unread(outcome.path, outcome.error))
        results += _results(outcome, look)
    rules = _rules(results)
    numbers = {rule["id"]: number for number, rule in enumerate(rules)}
    driver = {
        "name": "spoilerguard",
        "version": __version__,
        "rules": rules,
        "notifications": [_descriptor(_UNREAD, "error", "A file that cannot be read", "Fix it or leave it out.")],
    }
    yield dumped(
        {
            "$schema": _SCHEMA,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": driver},
                    "invocations": [{"executionSuccessful": not unread, "toolExecutionNotifications": unread}],
                    "originalUriBaseIds": {_ROOT: {"uri": Path.cwd().as_uri().rstrip("/") + "/"}},
                    "columnKind": "unicodeCodePoints",
                    "newlineSequences": ["\r\n", "\n", "\r"],
                    "results": [result | {"ruleIndex": numbers[result["ruleId"]]} for result in results],
                    "properties": {"model": look.model, "threshold": look.threshold},
                }
            ],
        }
    )


# --- results ------------------------------------------------------------------------------------


def _results(outcome: Outcome, look: Look) -> Iterator[dict[str, Any]]:
    if outcome.report is None:
        return
    document = outcome.report.document
    accepted = set(outcome.known)
    seen: Counter[str] = Counter()
    for flag in sorted((*outcome.report, *outcome.known), key=lambda flag: flag.start):
        hashed = fingerprint(document.prose[flag.start : flag.end])
        seen[hashed] += 1
        region = _region(document, flag.start, flag.end) | ({"snippet": {"text": flag.text}} if look.show_text else {})
        yield {
            **_result(flag.reasons[0].kind if flag.reasons else "spoiler", "warning", why(flag), outcome.path, region),
            "partialFingerprints": {"sentence/v1": f"{hashed}:{seen[hashed]}"},
            "suppressions": [_IN_BASELINE] if flag in accepted else [],
            "rank": round(100 * flag.score, 2),
            "properties": {"score": round(flag.score, 4)},
        }
    for notice in outcome.report.notices:
        yield _result(_MARK, "note", notice.message, outcome.path, _region(document, notice.start, notice.end))


def _result(rule: str, level: str, message: str, path: str, region: dict[str, Any]) -> dict[str, Any]:
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": message},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(path), "region": region}}],
        "suppressions": [],  # section 3.27.23: if one result has them, all must
    }


_IN_BASELINE = {"kind": "external", "justification": "in the baseline"}


def _unread(path: str, error: str) -> dict[str, Any]:
    return {
        "level": "error",
        "descriptor": {"id": _UNREAD, "index": 0},
        "message": {"text": harmless(error)},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(path)}}],
    }


# --- places -------------------------------------------------------------------------------------


def _region(document: Document, start: int, end: int) -> dict[str, Any]:
    mark = 1 if document.source.startswith("\ufeff") else 0
    (line, column), (end_line, end_column) = document.position(start), document.position(end)
    return {
        "startLine": line,
        "startColumn": column - (mark if line == 1 else 0),
        "endLine": end_line,
        "endColumn": end_column - (mark if end_line == 1 else 0),
        "charOffset": start - mark,
        "charLength": end - start,
    }


def _artifact(path: str) -> dict[str, str]:
    """The URI of a file: relative to the current folder if it lies in it, else absolute."""
    inside = beneath(path, os.curdir)
    if inside is None:
        return {"uri": Path(os.path.abspath(path)).as_uri()}
    return {"uri": quote(os.fsencode(inside)), "uriBaseId": _ROOT}


# --- rules --------------------------------------------------------------------------------------


def _rules(results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules: every kind of the bundled models, and other kinds that a model of the user has found."""
    from spoilerguard.model.scoring import KINDS

    kinds = list(dict.fromkeys((*KINDS, *(result["ruleId"] for result in results if result["ruleId"] != _MARK))))
    spoilers = [_descriptor(kind, "warning", _summary(kind)) for kind in kinds]
    mark = "A mark around a spoiler that hides nothing, or a suppression that suppresses nothing"
    return [*spoilers, _descriptor(_MARK, "note", mark, "Complete the mark, or remove it.")]


def _summary(kind: str) -> str:
    from spoilerguard.model.scoring import UNNAMED

    return f"A sentence that may give away {'the plot' if kind == UNNAMED else kind_name(kind)}"


def _descriptor(name: str, level: str, summary: str, remedy: str = _REMEDY) -> dict[str, Any]:
    return {
        "id": name,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": f"{summary}. {remedy}"},
        "help": {"text": remedy},
        "defaultConfiguration": {"level": level},
    }
