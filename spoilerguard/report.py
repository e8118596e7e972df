"""What was found in one document: its sentences with their scores, and which are flagged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from spoilerguard.spans import Document, Flag, Hidden, Notice, Sentence

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """All that was found in one document: a sequence of its flags, in order, so it is falsy if there are none.

    Attributes:
        document: The text, as it was read.
        sentences: Every sentence that was checked, with its score.
        flags: The sentences that may give the plot away.
        threshold: The probability from which a sentence is flagged.
        model: `name` and `version` of the model.
    """

    document: Document
    sentences: tuple[Sentence, ...]
    flags: tuple[Flag, ...]
    threshold: float
    model: dict[str, str] = field(default_factory=dict)

    @property
    def hidden(self) -> tuple[Hidden, ...]:
        """Spoilers that the author has hidden already."""
        return self.document.hidden

    @property
    def has_spoilers(self) -> bool:
        """Whether a sentence is flagged; `bool(report)` is the same."""
        return bool(self.flags)

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """Broken spoiler marks, such as one that is not closed, and places that repeat what is hidden or flagged."""
        from spoilerguard.hiding.repeats import repeats_noticed  # only where something is reported

        return (*self.document.notices, *repeats_noticed(self.document, [(f.start, f.end) for f in self.flags]))

    def blur(self, style: str | None = None) -> str:
        """Hide the flagged sentences.

        Args:
            style: How to hide: a name in `spoilerguard.hiding.styles.STYLES`. By default `"html"` in HTML and
                Markdown, and `"redact"` in plain text, which can hide nothing.

        Returns:
            The source with its flagged sentences hidden and everything else unchanged.

        Raises:
            InputError: The style is unknown, or does not exist in the format of the document.
            LeakError: The style cannot hide a sentence where it stands.
        """
        from spoilerguard.hiding.blurring import hide  # only where something is hidden

        return hide(self.document, [(flag.start, flag.end) for flag in self.flags], style)

    def __iter__(self) -> Iterator[Flag]:
        return iter(self.flags)

    def __len__(self) -> int:
        return len(self.flags)

    def to_dict(self) -> dict[str, Any]:
        """The report as an entry of `files` in `check --format json`, version 1, without the path."""
        return {
            "format": self.document.format,
            "sentences": len(self.sentences),
            "hidden": len(self.hidden),
            "error": None,
            "flags": [flag.to_dict() for flag in self.flags],
            "notices": [self._notice(notice) for notice in self.notices],
        }

    def _notice(self, notice: Notice) -> dict[str, Any]:
        line, column = self.document.position(notice.start)
        return {"start": notice.start, "end": notice.end, "line": line, "column": column, "message": notice.message}
