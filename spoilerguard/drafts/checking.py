"""From drafts to outcomes: each draft is read and checked, and what is known or unchanged is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spoilerguard.drafts.decisions import obey
from spoilerguard.drafts.io import read_draft, read_standard_input
from spoilerguard.drafts.outcomes import Outcome
from spoilerguard.errors import InputError
from spoilerguard.guard import Guard

if TYPE_CHECKING:
    from spoilerguard.drafts.baseline import Baseline
    from spoilerguard.drafts.changes import Changes
    from spoilerguard.drafts.decisions import Decisions

__all__ = ["check_each"]


def check_each(
    guard: Guard,
    drafts: Iterable[tuple[str, InputError | None]],
    options: Callable[[str, str], dict[str, Any]],
    *,
    stdin_filename: str = "-",
    changes: Changes | None = None,
    known: Baseline | None = None,
    accept: bool = False,
    report_unused: bool = False,
    decisions: Callable[[str], Decisions | None] | None = None,
) -> Iterator[Outcome]:
    """The outcome for each draft, in order.

    Args:
        guard: The model.
        drafts: Paths, or `-` for standard input, each with None or the error that makes it unreadable.
        options: Returns the arguments of `Guard.flag` for a path and its text.
        stdin_filename: The name of standard input.
        changes: Report only findings on changed lines, and skip unchanged drafts.
        known: Known spoilers, which are kept apart from the flags.
        accept: Without `known`, treat all spoilers as known.
        report_unused: Add a notice for each suppression that suppresses nothing.
        decisions: Returns the author's decisions for a path; None to obey none.
    """
    for path, error in drafts:
        if changes is not None and error is None and not changes.changed(path):
            continue
        name = stdin_filename if path == "-" else path
        try:
            if error is not None:
                raise error
            text = read_standard_input(name) if path == "-" else read_draft(path)
            decided = None if decisions is None else decisions(name)
            outcome = _checked(guard, name, text, options(name, text), report_unused, decided)
        except InputError as problem:
            yield Outcome(name, error=str(problem))
            continue
        if known is not None or accept:
            outcome = _without_known(outcome, known)
        if changes is not None:
            outcome = _only_changed(outcome, changes)
        yield outcome


def _checked(
    guard: Guard, name: str, text: str, options: dict[str, Any], report_unused: bool, decisions: Decisions | None
) -> Outcome:
    report = guard.flag(text, **options)
    if report_unused:
        from spoilerguard.drafts.suppressions import with_unused

        report = with_unused(report, guard, options.get("work"), quotations=options.get("quotations", True))
    report, near, decided = obey(report, guard, decisions)
    return Outcome(name, report, near=near, decisions=decided)


def _without_known(outcome: Outcome, known: Baseline | None) -> Outcome:
    """The outcome with its known flags kept apart: all of them where there is no baseline yet."""
    report = outcome.report
    if report is None:
        return outcome
    if known is None:
        return replace(outcome, report=replace(report, flags=()), known=report.flags)
    split = known.split(outcome.path, report)
    return replace(outcome, report=replace(report, flags=split.new), known=split.known, gone=split.unused)


def _only_changed(outcome: Outcome, changes: Changes) -> Outcome:
    from spoilerguard.drafts.changes import touching

    report = outcome.report
    if report is None or not (report.flags or report.notices or outcome.near):
        return outcome
    lines = changes.lines(outcome.path)
    near = touching(replace(report, flags=outcome.near), lines).flags
    return replace(outcome, report=touching(report, lines), near=near)
