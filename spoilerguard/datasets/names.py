"""What the names of labels mean: spoiler or not. A name that is not known is an error, never a label."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from spoilerguard.datasets.records import Record
from spoilerguard.files.columns import listed

__all__ = ["LabelNames"]

_LABELS = {
    **dict.fromkeys(("1", "1.0", "true", "t", "yes", "y", "spoiler", "spoilers"), 1),
    **dict.fromkeys(
        ("0", "0.0", "false", "f", "no", "n", "no spoiler", "non-spoiler", "not spoiler", "not a spoiler", "harmless"),
        0,
    ),
}


@dataclass(frozen=True, slots=True)
class LabelNames:
    """The names of labels in one file.

    Attributes:
        positive: The names that mean a spoiler, where the caller says so: then every other name means none.
    """

    positive: frozenset[str] = frozenset()
    _met: set[str] = field(default_factory=set, compare=False, repr=False)

    @classmethod
    def of(cls, positive: Collection[str]) -> LabelNames:
        """Names as the caller gives them; case does not matter."""
        return cls(frozenset(map(_plain, positive)))

    def label(self, record: Record, value: Any) -> int:
        """The label that a value stands for, 0 or 1; raises DataError if it is none."""
        name = _plain(value)
        if not self.positive:
            label = _LABELS.get(name)
            if label is None:
                raise record.fault(
                    f"unknown label {value!r}; expected 0 or 1, true or false, yes or no; name those that mean a "
                    "spoiler with --positive (positive)"
                )
            return label
        if not name or value is None or isinstance(value, list | dict):
            raise record.fault(f"label {value!r}; expected a name: give each text one, or leave it out")
        self._met.add(name)
        return int(name in self.positive)

    def are_of(self, values: Sequence[Any]) -> bool:
        """Whether values look like names of labels: one is given as positive, or else all are known words."""
        names = [_plain(value) for value in values if isinstance(value, str)]
        if self.positive:
            return not self.positive.isdisjoint(names)
        return bool(names) and all(name in _LABELS and not name[0].isdigit() for name in names)

    def spoils(self, record: Record, names: Sequence[Any]) -> bool:
        """Whether one of these names means a spoiler, or there is none; each of them must be known."""
        labels = [self.label(record, name) for name in names]
        return any(labels) or not labels

    def check_met(self, last: Record) -> None:
        """Raise DataError if no record has a positive label: its name may be mistyped."""
        if self.positive and self._met and not self.positive & self._met:
            named = ", ".join(sorted(self.positive))
            raise last.fault(f"no label {named!r} in the whole file; there are: {listed(sorted(self._met))}")


def _plain(value: Any) -> str:
    return str(value).strip().lower()
