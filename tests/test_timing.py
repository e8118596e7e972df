"""The measure of growth: it passes linear work and finds quadratic work, by counting."""

from __future__ import annotations

import pytest
import timing
from timing import assert_linear

from spoilerguard.spans import Span
from spoilerguard.text.ranges import subtract


@pytest.fixture(autouse=True)
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "by_clock", False)


def each_once(text: str) -> None:
    subtract([Span(0, len(text))], [Span(k, k + 1) for k in range(0, len(text), 2)])


def each_with_all_before(text: str) -> None:
    for end in range(0, len(text), 10):
        each_once(text[:end])


def test_linear_work_passes() -> None:
    assert_linear(each_once, "a", 2_000)


def test_quadratic_work_is_found() -> None:
    with pytest.raises(AssertionError, match="lines run for 2,000 characters"):
        assert_linear(each_with_all_before, "a", 2_000)


def test_a_measure_of_nothing_is_an_error() -> None:
    with pytest.raises(AssertionError, match="nothing of the package ran"):
        assert_linear(len, "a", 2_000)
