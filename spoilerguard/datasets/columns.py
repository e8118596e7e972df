"""The columns of labelled data: those asked for, and guesses for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from spoilerguard.datasets.records import Record
from spoilerguard.files.columns import guess_column, listed

__all__ = ["Columns", "Level", "Options"]

Level = Literal["sentence", "document"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller knows better than the guesses.

    Attributes:
        text_column: The column with the text.
        label_column: The column with the label.
        work_column: The column that names the work.
        level: What one label applies to.
        source: The name of the source; by default the file's own, or its stem.
        positive: The names of labels that mean a spoiler; every other one then means none.
    """

    text_column: str | None = None
    label_column: str | None = None
    work_column: str | None = None
    level: Level | None = None
    source: str | None = None
    positive: tuple[str, ...] = ()

    def asked(self) -> dict[str, str | None]:
        """The column asked for, by role."""
        return {"text": self.text_column, "label": self.label_column, "id": None, "work": self.work_column}


@dataclass(frozen=True, slots=True)
class Columns:
    """Finds the column of a role in each record of a file.

    Records of one file may have different fields, so each set of names has its own guesses.

    Attributes:
        asked: The column asked for, by role; None for a guess.
        sample: Values of the first records, by column.
    """

    asked: Mapping[str, str | None]
    sample: Mapping[str, Sequence[Any]]
    _guesses: dict[tuple[str, ...], dict[str, str | None]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, records: Sequence[Record], options: Options) -> Columns:
        """The columns of a file, guessed from its first records."""
        sample: dict[str, list[Any]] = {}
        for record in records:
            for name, value in record.fields.items():
                sample.setdefault(name, []).append(value)
        return cls(options.asked(), sample)

    def name(self, role: str, names: Sequence[str] | None = None) -> str | None:
        """The column of a role.

        Args:
            role: "text", "label", "id" or "work".
            names: The fields of a record; by default all fields of the first records.

        Returns:
            The column, or None where there is none.
        """
        key = tuple(self.sample if names is None else names)
        if key not in self._guesses:
            self._guesses[key] = self._guess(key)
        return self._guesses[key][role]

    def _guess(self, names: tuple[str, ...]) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for role, asked in self.asked.items():
            taken = {name for name in (*found.values(), *self.asked.values()) if name}
            found[role] = guess_column(role, names, self.sample, taken) if asked is None else asked
            if found[role] not in names:
                found[role] = None
        return found

    def value(self, record: Record, role: str, *, required: bool = True) -> Any:
        """The value of a role in a record.

        Args:
            record: The record.
            role: "text", "label", "id" or "work".
            required: Whether a record without that column is an error.

        Returns:
            The value; None where there is none and it is not required.

        Raises:
            DataError: The column is missing, and was asked for or is required.
        """
        name = self.name(role, tuple(record.fields))
        if name is not None:
            return record.fields[name]
        asked = self.asked[role]
        if not required and asked is None:
            return None
        missing = f"no column {asked!r}" if asked else f"no {role} column"
        raise record.fault(
            f"{missing}; name it with --{role}-column ({role}_column); there are: {listed(tuple(record.fields))}"
        )
