"""Drafts to outcomes: each is read and judged, and of what is found, what is to be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spoilerguard.drafts.io import read_draft, read_standard_input
from spoilerguard.drafts.outcomes import Outcome
from spoilerguard.errors import InputError
from spoilerguard.guard import Guard

if TYPE_CHECKING:
    from spoilerguard.drafts.baseline import Baseline
    from spoilerguard.drafts.changes import Changes

__all__ = ["check_each"]


def check_each(
    guard: Guard,
    drafts: Iterable[tuple[str, InputError | None]],
    options: Callable[[str], dict[str, Any]],
    *,
    stdin_filename: str = "-",
    changes: Changes | None = None,
    known: Baseline | None = None,
    accept: bool = False,
    report_unused: bool = False,
) -> Iterator[Outcome]:
    """What became of each draft, in order; `-` is standard input, which goes by the name given.

    `options` gives those of `Guard.flag` for a path. With `changes`, only what touches changed lines is
    found, and unchanged drafts are left out; what is `known`, and with `accept` everything, is not
    flagged but kept apart. With `report_unused`, suppressions that do nothing are notices.
    """
    for path, trouble in drafts:
        if changes is not None and trouble is None and not changes.changed(path):
            continue
        name = stdin_filename if path == "-" else path
        try:
            if trouble is not None:
                raise trouble
            text = read_standard_input(name) if path == "-" else read_draft(path)
            outcome = _judged(guard, name, text, options(name), report_unused)
        except InputError as error:
            yield Outcome(name, error=str(error))
            continue
        if known is not None or accept:
            outcome = _without_known(outcome, known)
        if changes is not None:
            outcome = _only_changed(outcome, changes)
        yield outcome


def _judged(guard: Guard, name: str, text: str, options: dict[str, Any], report_unused: bool) -> Outcome:
    report = guard.flag(text, **options)
    if report_unused:
        from spoilerguard.drafts.suppressions import with_unused

        report = with_unused(report, guard, options.get("work"), quotations=options.get("quotations", True))
    return Outcome(name, report)


def _without_known(outcome: Outcome, known: Baseline | None) -> Outcome:
    """Known flags kept apart; all of them where there is no baseline yet."""
    report = outcome.report
    if report is None:
        return outcome
    if known is None:
        return replace(outcome, report=replace(report, flags=()), known=report.flags)
    split = known.split(outcome.path, report)
    return replace(outcome, report=replace(report, flags=split.new), known=split.known, gone=split.unused)


def _only_changed(outcome: Outcome, changes: Changes) -> Outcome:
    from spoilerguard.drafts.changes import touching

    if outcome.report is None or not (outcome.report.flags or outcome.report.notices):
        return outcome
    return replace(outcome, report=touching(outcome.report, changes.lines(outcome.path)))
