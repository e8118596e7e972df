"""What a measure is given, and the rows of the table it yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
import json
from pathlib import Path


@dataclass(frozen=True)
class Bench:
    """One run: where it may write, the cores it may use, and how long it may take."""

    folder: Path
    cores: tuple[int, ...]
    quick: bool

    def sets(self) -> Iterator[tuple[int, ...]]:
        """One core, then (not if it is to be quick) two."""
        yield self.cores[:1]
        if len(self.cores) > 1 and not self.quick:
            yield self.cores[:2]

    @property
    def texts(self) -> Path:
        return self.folder / "texts.json"

    def read(self) -> list[str]:
        """The texts themselves."""
        return list(json.loads(self.texts.read_text(encoding="utf-8")))

    def some(self, count: int) -> int:
        """Of what there are many: a fifth will do if it is to be quick."""
        return count // 5 if self.quick else count


@dataclass(frozen=True)
class Row:
    """A figure: of `what`, for `who`, on how many cores; perhaps as a ratio, perhaps with a goal."""

    what: str
    who: str
    cores: int
    value: float
    unit: str
    to: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


def compared(what: str, cores: int, unit: str, values: Mapping[str, float], to: str) -> Iterator[Row]:
    """A row for each, with its ratio to one of them."""
    for who, value in values.items():
        yield (
            Row(what, who, cores, value, unit, to, value / values[to])
            if who != to
            else Row(what, who, cores, value, unit)
        )


def with_goal(row: Row, who: str, goal: str, met: Callable[[Row], bool]) -> Row:
    return Row(**{**vars(row), "goal": goal, "met": met(row)}) if row.who == who else row
