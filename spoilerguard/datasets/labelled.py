"""Labelled documents and sentences, and how they are written as our own JSON Lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
import json
import os
from pathlib import Path
from typing import Any

from spoilerguard.errors import InputError
from spoilerguard.files.atomic import atomic_write

__all__ = ["LabelledDocument", "LabelledSentence", "write_jsonl"]


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """A cleaned sentence.

    Attributes:
        text: The text; one that starts with a blank line opens a paragraph.
        label: 1 for a spoiler, else 0.
        tag: The kind of sentence, where it is known.
        weight: How much the label counts, from 0 up.
        tags: All kinds that it has, the most fitting first.
        doubt: Whether a careful reader could give the other label.
    """

    text: str
    label: int
    tag: str | None = None
    weight: float = 1.0
    tags: tuple[str, ...] = ()
    doubt: bool = False

    @property
    def all_tags(self) -> tuple[str, ...]:
        """Its `tags`; where only one `tag` is known, that one."""
        return self.tags or ((self.tag,) if self.tag else ())


@dataclass(frozen=True, slots=True)
class LabelledDocument:
    """One labelled text.

    Attributes:
        id: Its id.
        work: The work it is about; where that is unknown, the document is a work of its own (`source:line`).
        kind: What it is, such as "review".
        sentences: Its sentences, in order.
        source: The name of the data it comes from.
        medium: The medium of the work, such as "book".
    """

    id: str
    work: str
    kind: str
    sentences: tuple[LabelledSentence, ...]
    source: str
    medium: str = ""

    @property
    def text(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)


def write_jsonl(documents: Iterable[LabelledDocument], path: str | os.PathLike[str]) -> int:
    """Write documents in our own format. An existing file stays as it is until everything is written.

    Args:
        documents: The documents.
        path: The file to write.

    Returns:
        How many documents were written.

    Raises:
        InputError: The file cannot be written.
    """
    target = Path(path)
    count = 0
    try:
        with atomic_write(target) as file:
            for document in documents:
                file.write((json.dumps(_to_dict(document), ensure_ascii=False) + "\n").encode())
                count += 1
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}; check the path") from error
    return count


def _to_dict(document: LabelledDocument) -> dict[str, Any]:
    """The fields of the format; the others only where they differ from their defaults."""
    sentences = [
        {"text": sentence.text, "label": sentence.label}
        | ({"tag": sentence.tag} if sentence.tag else {})
        | ({"tags": list(sentence.tags)} if sentence.tags else {})
        | ({"weight": sentence.weight} if sentence.weight != 1.0 else {})
        | ({"doubt": True} if sentence.doubt else {})
        for sentence in document.sentences
    ]
    medium = {"medium": document.medium} if document.medium else {}
    head = {"id": document.id, "work": document.work, "kind": document.kind, **medium, "source": document.source}
    return {**head, "sentences": sentences}
