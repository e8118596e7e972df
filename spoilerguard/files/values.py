"""Values of records, of any type, as text."""

from __future__ import annotations

from datetime import date, time
import math
import re
from typing import Any

__all__ = ["as_name", "as_text", "plain_value", "without_surrogates"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for each half of a character, which JSON can spell and UTF-8 cannot."""
    return _SURROGATE.sub("\ufffd", text)


def as_text(value: Any, what: str = "the text") -> tuple[str, str | None]:
    """Convert the value of a text column.

    Args:
        value: What a reader found.
        what: What it is, for the message.

    Returns:
        The text, and why there is none: None where there is, or where the value is missing ("").
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "", None
    if isinstance(value, bytes):
        try:
            return value.decode(), None
        except UnicodeDecodeError as error:
            return "", f"byte {error.start + 1} of {what} (0x{value[error.start]:02x}) is not UTF-8"
    if isinstance(value, str | int | float):
        return str(value), None
    return "", f"{what} is a {type(value).__name__}; expected a string"


def as_name(value: Any) -> str:
    """Convert the value of an id or work column.

    Args:
        value: What a reader found.

    Returns:
        The name; "" where the value is missing. Whole numbers lose their ".0": a column of integers
        with gaps becomes one of floats.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


_DEEPEST = 64  # lists and objects within each other; what is deeper becomes None


def plain_value(value: Any, depth: int = 0) -> Any:
    """A value that JSON can hold, as like the one of the archive as possible.

    Args:
        value: What a reader found.
        depth: How many lists and objects it is in.

    Returns:
        Text, numbers, lists and objects as they are; dates in ISO 8601; bytes as UTF-8; None for what is no number;
        anything else, such as a decimal, as its text.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, date | time):  # includes datetime
        return value.isoformat()
    if isinstance(value, list | tuple | dict) and depth == _DEEPEST:
        return None
    if isinstance(value, dict):
        return {str(name): plain_value(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(inner, depth + 1) for inner in value]
    return str(value)
