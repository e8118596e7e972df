"""Time that grows with the length of a text, told from time that grows with its square, however busy the machine."""

from __future__ import annotations

from collections.abc import Callable
import gc
import time

ENOUGH = 0.25  # seconds; below it a ratio says nothing, and quadratic time is far above it


def seconds(run: Callable[[str], object], text: str) -> float:
    """Of this process alone, without the garbage that other tests have left."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        start = time.process_time()
        run(text)
        return time.process_time() - start
    finally:
        if enabled:
            gc.enable()


def assert_linear(run: Callable[[str], object], unit: str, length: int = 40_000) -> None:
    """Four times the text takes about 4 times the time if linear, 16 times if quadratic; the best of 3 counts."""
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
