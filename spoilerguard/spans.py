"""The frozen records that travel between the parts.

Offsets are Unicode code points in the source, end exclusive; lines and columns are 1-based.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import asdict, dataclass, field
from functools import cached_property
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from spoilerguard.text.reading import Layout

__all__ = ["Document", "Flag", "Format", "Hidden", "Notice", "Reason", "Sentence", "Span", "Work"]

Format = Literal["text", "markdown", "html"]

_LINE_END = re.compile(r"\r\n|\r|\n")


class Span(NamedTuple):
    """A range of a source: start and end (exclusive), in code points."""

    start: int
    end: int


class Hidden(NamedTuple):
    """A spoiler that its author has already hidden: its whole markup, and which syntax it is."""

    start: int
    end: int
    style: str


class Notice(NamedTuple):
    """Broken markup: a spoiler mark that lacks its other half, and what that means."""

    start: int
    end: int
    message: str


@dataclass(frozen=True)
class Document:
    """One text as the user gave it, and what of it is prose.

    `prose` is exactly as long as `source`; whatever is not prose is blanked with spaces there, so
    an offset in one is an offset in the other. No sentence crosses the bounds of a block. `concealed`
    is the text in `hidden` that would be prose if it were not hidden. `layout` is what the source was
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
    """Why a sentence was flagged: the kind in a reader's words, and the words that weighed most."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Flag:
    """One sentence held to be a spoiler; `source[start:end] == text`."""

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
            **{name: getattr(self, name) for name in ("start", "end", "line", "column", "text")},
            "score": round(self.score, 4),
            "reasons": [reason._asdict() for reason in self.reasons],
        }


@dataclass(frozen=True, slots=True)
class Work:
    """The thing reviewed: what is publicly known of it (blurb), and its plot with the ending."""

    title: str = ""
    blurb: str = ""
    synopsis: str = ""

    @classmethod
    def of(cls, value: Work | dict[str, Any] | str | None) -> Work | None:
        """A Work from a Work, its dictionary or just its title."""
        if value is None or isinstance(value, Work):
            return value
        if isinstance(value, str):
            return cls(title=value)
        return cls(**{name: str(value.get(name) or "") for name in asdict(cls())})
