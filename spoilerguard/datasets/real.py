"""Real text labelled by readers: the work that each document is split by, and labels kept without their text.

Research text may not be copied into the project, but what readers found in it may: `data/real-labels.jsonl` has one
document in each line, with the file that holds its text, its id there, and `[start, end, label, tags, doubt]` of
each sentence, in code points of that text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
import os
from pathlib import Path
import re
from typing import Any

from spoilerguard.datasets.labelled import LabelledDocument, LabelledSentence
from spoilerguard.datasets.records import fault, read_records
from spoilerguard.errors import DataError

__all__ = ["by_work", "read_labels", "work_of"]

_BLOG = re.compile(r"more2?-blog-(?:list-)?(.+)-[0-9a-f]{8}")
_EPISODE = re.compile(r"\s*S\d+E\d+.*")
_PARAGRAPH = re.compile(r"\n\s*\n|<br\s*/?>\s*<br|</?p>|</?h\d|</?li", re.IGNORECASE)
_TAG = re.compile(r"<[^>]{0,200}>")


def work_of(id: str, work: str) -> str:
    """The work that a real document is split by: its blog's repository, or its series without the episode.

    Args:
        id: The document's id in `real.jsonl`.
        work: Its work there.

    Returns:
        A name for `split_of`. It is part of every published figure, so the rule never changes.
    """
    blog = _BLOG.fullmatch(id)
    return f"blog:{blog[1]}" if blog else _EPISODE.sub("", work) or work


def by_work(documents: Iterable[LabelledDocument]) -> Iterator[LabelledDocument]:
    """Real documents, each with the work that it is split by."""
    for document in documents:
        yield replace(document, work=work_of(document.id, document.work))


def read_labels(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Iterator[LabelledDocument]:
    """Put labels and text together again.

    Args:
        path: A file of labels, such as `data/real-labels.jsonl`.
        folder: The folder with the files that hold the text.

    Yields:
        The documents, in the order of the labels.

    Raises:
        DataError: A text is missing, or is not the one that was labelled.
    """
    labels = [(record, record.fields) for record in read_records(Path(path))]
    texts: dict[tuple[str, str], dict[str, Any]] = {}
    for name in sorted({fields["file"] for _, fields in labels}):
        wanted = {fields["id"] for _, fields in labels if fields["file"] == name}
        for record in read_records(Path(folder) / name):
            if record.fields.get("id") in wanted:
                texts[name, record.fields["id"]] = record.fields
    for record, fields in labels:
        found = texts.get((fields["file"], fields["id"]))
        if found is None or len(found["text"]) != fields["length"]:
            raise _not_the_text(record.path, record.line, fields)
        work = str(found.get("work") or found.get("movie_id") or fields["id"])
        yield LabelledDocument(
            id=fields["id"],
            work=work_of(fields["id"], work),
            kind=fields["kind"],
            sentences=tuple(_sentences(found["text"], fields["sentences"])),
            source=Path(path).stem,
        )


def _not_the_text(path: Path, line: int, fields: dict[str, Any]) -> DataError:
    return fault(path, line, f"the text {fields['id']!r} of {fields['file']} is missing or another one; fetch it again")


def _sentences(text: str, labels: Iterable[list[Any]]) -> Iterator[LabelledSentence]:
    last = 0
    for start, end, label, tags, doubt in labels:
        opens = last > 0 and _PARAGRAPH.search(text[last:start]) is not None
        last = end
        plain = " ".join(_TAG.sub(" ", text[start:end]).split())
        yield LabelledSentence(
            ("\n\n" if opens else "") + plain, label, tags[0] if tags else None, 1.0, tuple(tags), bool(doubt)
        )
