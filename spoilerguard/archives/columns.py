"""The columns of an archive: those asked for, those its format defines, and guesses for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from spoilerguard.errors import InputError, suggestion
from spoilerguard.files.columns import guess_column, listed
from spoilerguard.text.reading import guess_format

__all__ = ["Columns", "by_number", "choose_columns", "guess_text_format"]


class Columns(NamedTuple):
    """The column of each role; "" where there is none."""

    text: str
    id: str = ""
    work: str = ""
    time: str = ""
    state: str = ""


def choose_columns(
    source: str,
    names: Sequence[str],
    asked: Mapping[str, str | None],
    known: Columns | None,
    sample: Mapping[str, Sequence[Any]],
    carry: Sequence[str] = (),
) -> Columns:
    """Choose the column of each role.

    Args:
        source: The archive, for messages.
        names: All column names.
        asked: The column asked for, by role; "" asks for none, None for a guess.
        known: The columns that the format defines.
        sample: Values of some records, by column.
        carry: Further columns that must exist.

    Returns:
        The columns.

    Raises:
        InputError: A column does not exist or is not the only one of its name, or no text column is recognised.
    """
    asked = {role: name and by_number(name, names) for role, name in asked.items()}
    for name in (*asked.values(), *carry):
        if name and name not in names:
            like = suggestion(name, names)
            raise InputError(
                f"{source}: no column {name!r}{like}{' There' if like else '; there'} are: {listed(names)}"
            )
    found: dict[str, str] = {"state": known.state if known and known.state in names else ""}
    for role, name in asked.items():
        guess = getattr(known, role, None)
        if guess not in names:
            guess = guess_column(role, names, sample, found.values())
        found[role] = (guess or "") if name is None else name
    for name in (*found.values(), *carry):
        if name and names.count(name) > 1:
            raise InputError(f"{source}: {names.count(name)} columns are named {name!r}; give each its own name")
    if not found["text"]:
        nested = [name for name in names if any(isinstance(value, list | dict) for value in sample.get(name, ()))]
        flat = "jq -c '.. | objects | select(has(\"TEXT\"))' FILE > records.jsonl"
        within = f"; if texts named TEXT are within {nested[0]!r}, make one list of them: {flat}" if nested else ""
        raise InputError(
            f"{source}: no text column recognised; name it with --text-column (text_column); there are: "
            f"{listed(names)}{within}"
        )
    return Columns(**found)


def by_number(name: str, names: Sequence[str]) -> str:
    """The column asked for; one may be asked for by its number, from 1."""
    if name not in names and name.isdecimal() and 1 <= int(name) <= len(names):
        return names[int(name) - 1]
    return name


def guess_text_format(texts: Sequence[Any]) -> str:
    """Guess the format of texts: HTML if one in twenty looks like it, Markdown if one in five, else plain text."""
    formats = [guess_format(text) for text in texts if isinstance(text, str) and text.strip()]
    if 20 * formats.count("html") >= max(1, len(formats)):
        return "html"
    return "markdown" if 5 * formats.count("markdown") >= max(1, len(formats)) else "text"
