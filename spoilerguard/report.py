"""What was found in one document: its sentences with their scores, and which are flagged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from spoilerguard.spans import Document, Flag, Hidden, Notice, Sentence
from spoilerguard.text.language import NAMES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Report"]


@dataclass(frozen=True, repr=False)
class Report:
    """All that was found in one document: a sequence of its flags, in order, so it is falsy if there are none.

    Attributes:
        document: The text, as it was read.
        sentences: Every sentence with its score.
        flags: The sentences that may give the plot away.
        threshold: The probability from which a sentence is flagged.
        model: `name` and `version` of the model.
        language: The language that the text seems to be in, as a code of ISO 639-1; None if it is too short to guess.
        checked: Whether the text was checked. If not, it has no flags, every score is 0, and a notice says why.
    """

    document: Document
    sentences: tuple[Sentence, ...]
    flags: tuple[Flag, ...]
    threshold: float
    model: dict[str, str] = field(default_factory=dict)
    language: str | None = None
    checked: bool = True

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
        """Why the text was not checked, if so; broken spoiler marks; places that repeat what is hidden or flagged."""
        from spoilerguard.hiding.repeats import repeats_noticed  # only where something is reported

        unchecked = () if self.checked else (self._not_checked(),)
        repeated = repeats_noticed(self.document, [(flag.start, flag.end) for flag in self.flags])
        return (*unchecked, *self.document.notices, *repeated)

    def _not_checked(self) -> Notice:
        code = self.language or ""
        start, end = self.sentences[0][:2] if self.sentences else (0, 0)
        message = (
            f"this text looks like {NAMES.get(code, 'another language')} ({code}) and was not checked, because the "
            "models know only English; to check it anyway, use --any-language (any_language=True)"
        )
        return Notice(start, end, message)

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

    def __repr__(self) -> str:
        return f"<Report: {self._summary()}>"

    def _summary(self) -> str:
        if not self.checked:
            return f"not checked, language {self.language}"
        sentences = f"{len(self.sentences)} sentence{'s' if len(self.sentences) != 1 else ''}"
        return f"{len(self.flags)} of {sentences} flagged at {self.threshold:.2f} by {' '.join(self.model.values())}"

    def _repr_html_(self) -> str:
        """The text for a notebook: what is flagged, or hidden already, is shown when it is clicked."""
        from spoilerguard.hiding.notebook import revealable  # only where something is shown

        flags = [(flag.start, flag.end, f"{flag.score:.0%} {_kinds(flag)}") for flag in self.flags]
        hidden = [(hidden.start, hidden.end, "hidden in the text") for hidden in self.hidden]
        notices = [
            f"line {self.document.position(notice.start)[0]}: {notice.message}" if self.checked else notice.message
            for notice in self.notices
        ]
        return revealable(self.document.source, [*flags, *hidden], [self._summary(), *notices])

    def to_frame(self) -> pd.DataFrame:
        """The sentences as a pandas frame, a row each.

        Returns:
            The columns `start`, `end`, `line`, `column`, `text`, `score`, `spoiler` (whether it is flagged), `kind`
            and `reason` (of a flag, the kind of spoiler and the words that weighed most; None for other sentences).
        """
        import pandas as pd

        flags = {flag.start: flag for flag in self.flags}
        rows = []
        for sentence in self.sentences:
            flag = flags.get(sentence.start)
            reason = flag.reasons[0] if flag and flag.reasons else (None, None)
            place = self.document.position(sentence.start)
            rows.append((*sentence[:2], *place, sentence.text, sentence.score, flag is not None, *reason))
        names = ("start", "end", "line", "column", "text", "score", "spoiler", "kind", "reason")
        types = {**dict.fromkeys(names[:4], "int64"), "score": "float64", "spoiler": "bool"}
        return pd.DataFrame(rows, columns=list(names)).astype(
            {**types, **dict.fromkeys(("text", "kind", "reason"), object)}
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as an entry of `files` in `check --format json`, version 1, without the path."""
        return self.described([flag.to_dict() for flag in self.flags])

    def described(self, flags: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """The entry with these flags, and with more before its notices."""
        return {
            "format": self.document.format,
            "language": self.language,
            "sentences": len(self.sentences),
            "hidden": len(self.hidden),
            "error": None,
            "flags": flags,
            **more,
            "notices": [self._notice(notice) for notice in self.notices],
        }

    def _notice(self, notice: Notice) -> dict[str, Any]:
        line, column = self.document.position(notice.start)
        return {"start": notice.start, "end": notice.end, "line": line, "column": column, "message": notice.message}


def _kinds(flag: Flag) -> str:
    return ", ".join(reason.kind for reason in flag.reasons) or "spoiler"
