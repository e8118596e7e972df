"""Labelled documents: the records, and how they are written out, as a frame and as our own JSON Lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError
from spoilerguard.files.atomic import whole_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LabelledDocument", "LabelledSentence", "completed", "to_frame", "write_jsonl"]


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """A cleaned sentence; label 1 is a spoiler. A text that starts with a blank line opens a paragraph."""

    text: str
    label: int
    tag: str | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class LabelledDocument:
    """One labelled text. A document whose work is unknown is a work of its own (`source:line`)."""

    id: str
    work: str
    kind: str
    sentences: tuple[LabelledSentence, ...]
    source: str
    medium: str = ""

    @property
    def text(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)


_COLUMNS = (
    *("source", "document", "work", "kind", "medium", "index", "count"),
    *("text", "label", "tag", "weight", "paragraph"),
)


def to_frame(documents: Iterable[LabelledDocument]) -> pd.DataFrame:
    """One row a sentence, in order; `index` counts from 0 within the document's `count` sentences.

    The text is without its blank line: `paragraph` says whether it opens a paragraph.
    """
    import pandas as pd

    rows = [
        (
            *(document.source, document.id, document.work, document.kind, document.medium),
            *(index, len(document.sentences), sentence.text.lstrip(), sentence.label, sentence.tag, sentence.weight),
            index == 0 or sentence.text.startswith("\n\n"),
        )
        for document in documents
        for index, sentence in enumerate(document.sentences)
    ]
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    return frame.astype({"index": int, "count": int, "label": int, "weight": float, "paragraph": bool})


def write_jsonl(documents: Iterable[LabelledDocument], path: str | os.PathLike[str]) -> int:
    """Write documents in our own format and return how many; what was at `path` stays until all is written."""
    target = Path(path)
    count = 0
    try:
        with whole_file(target) as file:
            for document in documents:
                file.write((json.dumps(_to_dict(document), ensure_ascii=False) + "\n").encode())
                count += 1
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}; check the path") from error
    return count


def _to_dict(document: LabelledDocument) -> dict[str, Any]:
    """The contract's fields, and beside them medium, source and weight where they say something."""
    sentences = [
        {"text": sentence.text, "label": sentence.label}
        | ({"tag": sentence.tag} if sentence.tag else {})
        | ({"weight": sentence.weight} if sentence.weight != 1.0 else {})
        for sentence in document.sentences
    ]
    medium = {"medium": document.medium} if document.medium else {}
    head = {"id": document.id, "work": document.work, "kind": document.kind, **medium, "source": document.source}
    return {**head, "sentences": sentences}


def completed(frame: pd.DataFrame) -> pd.DataFrame:
    """A user's frame with every column of `to_frame`: without a work or document, a row is its own.

    Raises InputError for a missing text or label column and for labels that are not 0 or 1.
    """
    if missing := {"text", "label"} - set(frame.columns):
        there = ", ".join(map(str, frame.columns))
        raise InputError(f"the frame has no column {sorted(missing)[0]!r}: there are {there}")
    if not frame["label"].isin([0, 1]).all():
        raise InputError("the frame's labels must be 0 or 1")
    n = len(frame)
    filled: dict[str, Any] = {
        "source": "frame", "document": [str(k) for k in range(n)], "work": [f"row {k}" for k in range(n)],
        "kind": "", "medium": "", "index": 0, "count": 1, "tag": None, "weight": 1.0, "paragraph": False,
    }  # fmt: skip
    return frame.assign(**{k: v for k, v in filled.items() if k not in frame.columns}).reset_index(drop=True)
