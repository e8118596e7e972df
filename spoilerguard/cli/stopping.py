"""Signals while `scan` runs: they stop it where nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os
import signal
from typing import Any, TypeVar

__all__ = ["Stop", "StoppedError", "stop_requested"]


Item = TypeVar("Item")


class StoppedError(KeyboardInterrupt):
    """A signal came while nothing was being written; no reader catches this."""


class Stop:
    """Whether a signal has asked to stop.

    While the archive is opened and read, a signal stops at once: a few megabytes of packed emptiness may take
    minutes to read. Otherwise the current shard is finished first, and a second signal stops as if the process had
    been killed.
    """

    def __init__(self) -> None:
        self.asked, self.at_once = False, True

    def __call__(self) -> bool:
        return self.asked

    def reading(self, records: Iterator[Item]) -> Iterator[Item]:
        """The records, or whatever else is waited for; a signal may stop the wait."""
        while True:
            self.at_once = True
            if self.asked:
                raise StoppedError
            record = next(records, None)
            self.at_once = False
            if record is None:
                return
            yield record

    def handle(self, number: int, frame: Any) -> None:
        if self.at_once or self.asked:
            raise KeyboardInterrupt if self.asked else StoppedError
        self.asked = True
        # Not with print, which the signal may have interrupted.
        os.write(2, b"spoilerguard: stopping after the current shard; press again to stop at once\n")


@contextmanager
def stop_requested() -> Iterator[Stop]:
    """Turn signals into requests to stop."""
    stop = Stop()
    before = {number: signal.signal(number, stop.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
