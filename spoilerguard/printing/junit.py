"""JUnit's XML, which every CI server shows: a suite for each file, a failed test for each finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import quoteattr

from spoilerguard.drafts.outcomes import Look, Outcome, harmless, in_checkout, kind_name, why
from spoilerguard.spans import Flag

__all__ = ["as_junit"]


def as_junit(outcomes: Iterable[Outcome], look: Look) -> Iterator[str]:
    """One document. A file without findings is a test that passed, a known spoiler one that was skipped."""
    suites = [_Suite(outcome, look.show_text) for outcome in outcomes]
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<testsuites{_attributes(name='spoilerguard', **_totals(suites))}>"
    for suite in suites:
        yield from suite.lines()
    yield "</testsuites>"


class _Suite:
    """The tests of one file, in order of their places."""

    def __init__(self, outcome: Outcome, show_text: bool) -> None:
        self.path = harmless(in_checkout(outcome.path))
        self.tests: list[str] = []
        self.failures = self.errors = self.skipped = 0
        if outcome.report is None:
            self.errors = 1
            self._add("read", f"<error{_attributes(message=outcome.error or '', type='unread')}/>")
            return
        found = sorted((*outcome.report, *outcome.known), key=lambda flag: flag.start)
        self.skipped, self.failures = len(outcome.known), len(outcome.report)
        known = set(outcome.known)
        for flag in found:
            result = _skipped() if flag in known else _failure(flag, show_text)
            self._add(f"{_kinds(flag)} ({flag.line}:{flag.column})", result, line=flag.line)
        if not found:
            self._add("no spoilers")

    def _add(self, name: str, result: str = "", line: int | None = None) -> None:
        at = {} if line is None else {"line": line}
        opened = f"    <testcase{_attributes(name=name, classname=self.path, file=self.path, time=0, **at)}"
        self.tests.append(f"{opened}>{result}</testcase>" if result else f"{opened}/>")

    def lines(self) -> Iterator[str]:
        yield f"  <testsuite{_attributes(name=self.path, **_totals([self]))}>"
        yield from self.tests
        yield "  </testsuite>"


def _totals(suites: Iterable[_Suite]) -> dict[str, int]:
    suites = list(suites)
    return {
        "tests": sum(len(suite.tests) for suite in suites),
        "failures": sum(suite.failures for suite in suites),
        "errors": sum(suite.errors for suite in suites),
        "skipped": sum(suite.skipped for suite in suites),
        "time": 0,  # the same draft, the same report
    }


def _kinds(flag: Flag) -> str:
    return ", ".join(kind_name(reason.kind) for reason in flag.reasons) or "a spoiler"


def _failure(flag: Flag, show_text: bool) -> str:
    message = f"{flag.score:.2f} {why(flag, show_text)}"
    return f"<failure{_attributes(message=message, type=flag.reasons[0].kind if flag.reasons else 'spoiler')}/>"


def _skipped() -> str:
    return f"<skipped{_attributes(message='in the baseline')}/>"


def _attributes(**values: str | int) -> str:
    """Attributes; characters that XML does not know, all of them unprintable, become spaces."""
    return "".join(f" {name}={quoteattr(harmless(str(value)))}" for name, value in values.items())
