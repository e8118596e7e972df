"""What was found in one document: its sentences with their scores, and which are flagged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from spoilerguard.spans import Document, Flag, Hidden, Notice, Sentence
from spoilerguard.text.language import NAMES

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """All that was found in one document; iterating it yields its flags in order."""

    document: Document
    sentences: tuple[Sentence, ...]
    flags: tuple[Flag, ...]
    threshold: float
    model: dict[str, str] = field(default_factory=dict)
    language: str | None = None  # "en", or a guess such as "fr"; None where the text is too short to tell
    checked: bool = True  # False where the text is not English: then it has no flags, and its scores are 0

    @property
    def hidden(self) -> tuple[Hidden, ...]:
        """Spoilers that the author has already hidden."""
        return self.document.hidden

    @property
    def has_spoilers(self) -> bool:
        return bool(self.flags)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Spoiler marks of the author that lack their other half; and that the text was not checked, where so."""
        return self.document.notices if self.checked else (self._not_checked(), *self.document.notices)

    def _not_checked(self) -> Notice:
        code = self.language or ""
        start, end = self.sentences[0][:2] if self.sentences else (0, 0)
        message = (
            f"this text looks {NAMES.get(code, 'foreign')} ({code}); spoilerguard reads English only, so it was not "
            "checked; use --any-language (any_language=True) to check it all the same"
        )
        return Notice(start, end, message)

    def blur(self, style: str | None = None) -> str:
        """The source with the flagged sentences hidden; `style` by default the one that suits its format.

        Every other character stays. Raises InputError for a style that is unknown or not of this format,
        LeakError if the style cannot hide a sentence where it stands; see `styles.STYLES`.
        """
        from spoilerguard.hiding.blurring import hide  # who only checks does without

        return hide(self.document, [(flag.start, flag.end) for flag in self.flags], style)

    def __iter__(self) -> Iterator[Flag]:
        return iter(self.flags)

    def __len__(self) -> int:
        return len(self.flags)

    def __bool__(self) -> bool:
        # A report is a result, not a container: an empty one is still a report.
        return True

    def to_dict(self) -> dict[str, Any]:
        """The report as an entry of `files` in `check --format json`, version 1, without path."""
        return {
            "format": self.document.format,
            "language": self.language,
            "sentences": len(self.sentences),
            "hidden": len(self.hidden),
            "error": None,
            "flags": [flag.to_dict() for flag in self.flags],
            "notices": [self._notice(notice) for notice in self.notices],
        }

    def _notice(self, notice: Notice) -> dict[str, Any]:
        line, column = self.document.position(notice.start)
        return {"start": notice.start, "end": notice.end, "line": line, "column": column, "message": notice.message}
