"""How far a long command has come, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import sys
import time
from typing import TYPE_CHECKING

from spoilerguard.cli.common import tell

if TYPE_CHECKING:
    from spoilerguard.scan.run import Progress

__all__ = ["duration", "shown"]


@contextmanager
def shown(quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar with rate and remaining time on a terminal, a line a minute elsewhere, nothing if quiet."""
    if quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _Lines().show


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.fields[records]:>12,} records"),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[rate]:,.0f}/s"),
        rich.TimeRemainingColumn(),
    )
    began = time.monotonic()
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, records=0, rate=0.0)

        def show(now: Progress) -> None:
            rate = (now.records - now.earlier) / max(time.monotonic() - began, 1e-3)
            total = None if now.share is None else 1.0
            bar.update(task, total=total, completed=now.share or 0, records=now.records, rate=rate)

        yield show


class _Lines:
    """A line a minute: records, rate, share done, time left."""

    def __init__(self, every: float = 60.0) -> None:
        self.every, self.began, self.due = every, time.monotonic(), time.monotonic() + every
        self.share_at_start: float | None = None

    def show(self, now: Progress) -> None:
        at = time.monotonic()
        if self.share_at_start is None:
            self.share_at_start = now.share
        if at < self.due:
            return
        self.due = at + self.every
        elapsed = at - self.began
        parts = [f"{now.records:,} records", f"{(now.records - now.earlier) / elapsed:,.0f}/s"]
        if now.share is not None and self.share_at_start is not None:
            parts.append(f"{now.share:.0%}")
            if (gained := now.share - self.share_at_start) > 0:
                parts.append(f"{duration(elapsed * (1 - now.share) / gained)} left")
        tell(", ".join(parts), quiet=False)


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
