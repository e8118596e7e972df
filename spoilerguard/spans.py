"""The frozen records that travel between the parts.

Offsets are Unicode code points in the source, end exclusive; lines and columns are 1-based.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from spoilerguard.text.reading import Layout

from spoilerguard.errors import InputError

__all__ = [
    "MARKDOWN", "Document", "Flag", "Format", "FormatName", "Hidden", "Notice", "Reason", "Section", "Sensitivity",
    "Sentence", "Span", "Work", "WorkLike",
]  # fmt: skip

Format = Literal["text", "markdown", "mdx", "html"]
FormatName = Literal["text", "markdown", "mdx", "html", "auto"]  # as an argument: `auto` is guessed from the text
MARKDOWN: frozenset[Format] = frozenset(("markdown", "mdx"))  # the formats in which Markdown's marks count
Sensitivity = Literal["low", "medium", "high"]

_LINE_END = re.compile(r"\r\n|\r|\n")


class Span(NamedTuple):
    """A range of a source: start and end (exclusive), in code points."""

    start: int
    end: int


class Hidden(NamedTuple):
    """A spoiler that its author has hidden already: the range of its markup, and the name of its syntax."""

    start: int
    end: int
    style: str


class Section(NamedTuple):
    """A part of a document that is scored on its own: its range, and the number of the section it belongs to, or -1."""

    start: int
    end: int
    parent: int = -1


class Notice(NamedTuple):
    """A broken spoiler mark, or one without effect, and what is wrong with it."""

    start: int
    end: int
    message: str


@dataclass(frozen=True)
class Document:
    """One text as the user gave it, and what of it is prose.

    `prose` is exactly as long as `source`; whatever is not prose is blanked with spaces there, so
    an offset in one is an offset in the other. No sentence crosses the bounds of a block. `concealed`
    is the text in `hidden` that would be prose if it were not hidden. `sections` follow one another without
    gaps; a document without any is one section. `layout` is what the source was
    parsed to; `reading.layout_of` returns it. It is not pickled, and two documents are equal without it.
    """

    source: str
    format: Format
    prose: str
    blocks: tuple[Span, ...]
    hidden: tuple[Hidden, ...] = ()
    suppressed: tuple[Span, ...] = ()
    notices: tuple[Notice, ...] = ()
    concealed: tuple[Span, ...] = ()
    sections: tuple[Section, ...] = ()
    layout: Layout | None = field(default=None, compare=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("layout", "_line_starts")}

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(m.end() for m in _LINE_END.finditer(self.source))]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column (both 1-based, in code points) of an offset."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1


class Sentence(NamedTuple):
    """A sentence of a document with its calibrated probability of being a spoiler."""

    start: int
    end: int
    text: str
    score: float


class Reason(NamedTuple):
    """Why a sentence was flagged: the kind of spoiler, and the words that contributed most to its score."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A sentence that may give the plot away; `source[start:end] == text`."""

    start: int
    end: int
    line: int
    column: int
    text: str
    score: float
    reasons: tuple[Reason, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The flag as in `check --format json`, version 1."""
        return {
            "start": self.start,
            "end": self.end,
            "line": self.line,
            "column": self.column,
            "text": self.text,
            "score": round(self.score, 4),
            "reasons": [{"kind": kind, "text": text} for kind, text in self.reasons],
        }


@dataclass(frozen=True, slots=True)
class Work:
    """The work that a text is about.

    Attributes:
        title: Its title.
        blurb: What is publicly known about it, as on a cover: giving this away is no spoiler.
        synopsis: Its plot with the ending.
    """

    title: str = ""
    blurb: str = ""
    synopsis: str = ""

    @classmethod
    def of(cls, value: WorkLike) -> Work | None:
        """The Work that an argument stands for.

        Args:
            value: A `Work`, a dictionary with any of its fields, or its title. A field that is None counts as empty.

        Returns:
            The work; None for None, and where every field is empty.

        Raises:
            InputError: The dictionary has another key, or a field is not a string.
        """
        if isinstance(value, str):
            value = cls(value)
        elif isinstance(value, Mapping):
            for name, text in value.items():
                if name not in cls.__match_args__:
                    raise InputError(f"unknown key {name!r} in work: choose from {', '.join(cls.__match_args__)}")
                if not isinstance(text, str | None):
                    raise InputError(f"{name} of the work must be a string, not {type(text).__name__}")
            value = cls(**{name: text or "" for name, text in value.items()})
        elif not isinstance(value, Work | None):
            raise InputError(f"work must be a Work, a dictionary or a title, not {type(value).__name__}")
        return None if value == cls() else value


# What stands for a work: itself, its fields, or its title.
WorkLike: TypeAlias = Work | Mapping[str, str | None] | str | None
