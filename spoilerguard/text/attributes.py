"""The attributes of a tag, and the text that one of them encodes, with its offsets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from html import unescape
import re

__all__ = ["ATTRIBUTE", "decoded", "values_of"]

ATTRIBUTE = re.compile(
    r"""(=[^\s/>=]*+|[^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)(?:"|\Z)|'([^']*+)(?:'|\Z)|([^\s>"'][^\s>]*+)))?"""
)
_ENTITY = re.compile(r"&(?:#[xX]?[0-9a-fA-F]{1,9}|[a-zA-Z][a-zA-Z0-9]{1,31});?")


def values_of(attributes: str) -> Mapping[str, str]:
    """The attributes of a tag by their names in lower case, with their entities decoded; the first of a name counts."""
    return _values_again(attributes) if len(attributes) < _SHORT else _values(attributes)


def _values(attributes: str) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for name, *value in ATTRIBUTE.findall(attributes):
        values.setdefault(name.lower(), unescape("".join(value)))
    return values


_SHORT = 256
_values_again = lru_cache(maxsize=256)(_values)  # most tags of a page are like others


def decoded(value: str) -> tuple[str, list[int]]:
    """A text with its entities decoded.

    Args:
        value: The text.

    Returns:
        The text, and for each of its characters, and for its end, the offset in the value.
    """
    parts: list[str] = []
    offsets: list[int] = []
    at = 0
    for entity in _ENTITY.finditer(value):
        if (new := unescape(entity[0])) != entity[0]:
            parts += [value[at : entity.start()], new]
            offsets += [*range(at, entity.start()), entity.start(), *[entity.end()] * (len(new) - 1)]
            at = entity.end()
    return "".join([*parts, value[at:]]), [*offsets, *range(at, len(value) + 1)]
