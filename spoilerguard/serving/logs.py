"""Logs that nobody can fill: one record a second."""

from __future__ import annotations

from collections.abc import Callable
import logging
import math
import time

__all__ = ["OnceASecond", "limit_logs"]


class OnceASecond(logging.Filter):
    """Lets one record a second through, so that nobody can fill a disk with errors.

    Args:
        clock: The time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock, self._next = clock, -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a second has gone by since the last record."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + 1
        return True


def limit_logs() -> None:
    """Limit what this process logs where nobody has set up logging: a filter of a handler holds for every logger."""
    if (handler := logging.lastResort) and not any(isinstance(old, OnceASecond) for old in handler.filters):
        handler.addFilter(OnceASecond())
