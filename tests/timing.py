"""Work that grows with the length of a text, or with its square: counted, not clocked.

In the tests the work is the number of lines of the package that run, which is the same on an idle machine and a
busy one. Loops that run in C, such as a regular expression, do not show there: tests of these are marked `clock`,
and `make bench` runs them, and all others of this kind again, by seconds (`pytest --clock`).
"""

from __future__ import annotations

from collections.abc import Callable
import gc
from pathlib import Path
import sys
import time
from types import FrameType
from typing import Any

import spoilerguard as sg

PACKAGE = str(Path(sg.__file__).parent)
ENOUGH = 0.25  # seconds; below it a ratio says nothing, and quadratic time is far above it
by_clock = False  # set by `pytest --clock`


def seconds(run: Callable[[str], object], text: str) -> float:
    """Processor time of this process alone, without the garbage that other tests have left."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        start = time.process_time()
        run(text)
        return time.process_time() - start
    finally:
        if enabled:
            gc.enable()


def lines(run: Callable[[str], object], text: str) -> int:
    """How many lines of the package run, in this thread."""
    count = 0

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return line

    def call(frame: FrameType, event: str, argument: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        run(text)
    finally:
        sys.settrace(before)
    return count


def assert_linear(run: Callable[[str], object], unit: str, length: int = 40_000) -> None:
    """Four times the text takes about 4 times the work if that is linear, 16 times if it is quadratic.

    Args:
        run: What is measured.
        unit: What the text repeats.
        length: Of the longer text, in characters. Lines are counted on 16,000 at most, since counting is exact.
    """
    if by_clock:
        _assert_linear_time(run, unit, length)
        return
    length = max(min(length, 16_000), 16 * len(unit))
    short, long = (lines(run, unit * (size // len(unit))) for size in (length // 4, length))
    assert short > 0, "nothing of the package ran"
    assert long < 7 * short, f"{long:,} lines run for {length:,} characters of {unit[:40]!r}, {short:,} for a fourth"


def _assert_linear_time(run: Callable[[str], object], unit: str, length: int) -> None:
    """The same by seconds; the best of 3 counts."""
    once, four_times = (unit * (size // len(unit)) for size in (length // 4, length))
    short = long = float("inf")
    for _ in range(3):
        long = min(long, seconds(run, four_times))
        if long < ENOUGH:
            return
        short = min(short, seconds(run, once))
        if long < 9 * short:
            return
    raise AssertionError(f"{long:.2f} s for {length:,} characters of {unit[:40]!r}, {short:.2f} s for a fourth of them")
