"""Labelled documents as a pandas frame: one row per sentence."""

from __future__ import annotations

from collections.abc import Iterable
import os
from typing import TYPE_CHECKING, Any

from spoilerguard.datasets.labelled import LabelledDocument
from spoilerguard.datasets.loaders import load_labelled
from spoilerguard.datasets.works import split_of
from spoilerguard.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

__all__ = ["completed", "documents_of", "frame_of", "splits_of", "to_frame"]

_COLUMNS = (
    *("source", "document", "work", "kind", "medium", "index", "count"),
    *("text", "label", "tag", "tags", "doubt", "weight", "paragraph"),
)


def to_frame(documents: Iterable[LabelledDocument]) -> pd.DataFrame:
    """Turn documents into a frame.

    Args:
        documents: The documents.

    Returns:
        One row per sentence, in order. `index` counts from 0 within the document's `count` sentences.
        The text has no leading blank line: `paragraph` says whether it opens a paragraph.
    """
    import pandas as pd

    rows = [
        (
            *(document.source, document.id, document.work, document.kind, document.medium),
            *(index, len(document.sentences), sentence.text.lstrip(), sentence.label),
            *(
                sentence.tag,
                sentence.all_tags,
                sentence.doubt,
                sentence.weight,
            ),
            index == 0 or sentence.text.startswith("\n\n"),
        )
        for document in documents
        for index, sentence in enumerate(document.sentences)
    ]
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    return frame.astype({"index": int, "count": int, "label": int, "doubt": bool, "weight": float, "paragraph": bool})


def completed(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of `to_frame` that a user's frame lacks.

    Without a document or a work, each row is a document or a work of its own.

    Args:
        frame: The frame; needs `text` and `label`.

    Returns:
        The frame with every column, and a new index.

    Raises:
        InputError: The text or label column is missing, or a label is not 0 or 1.
    """
    if missing := {"text", "label"} - set(frame.columns):
        there = ", ".join(map(str, frame.columns))
        raise InputError(f"the frame has no column {sorted(missing)[0]!r}; there are: {there}")
    if not frame["label"].isin([0, 1]).all():
        raise InputError("the frame's labels must be 0 or 1")
    n = len(frame)
    filled: dict[str, Any] = {
        "source": "frame", "document": [str(k) for k in range(n)], "work": [f"row {k}" for k in range(n)],
        "kind": "", "medium": "", "tag": None, "doubt": False, "weight": 1.0, "paragraph": False,
    }  # fmt: skip
    if "tags" not in frame.columns:
        named = frame["tag"] if "tag" in frame.columns else [None] * n
        filled["tags"] = [(tag,) if isinstance(tag, str) else () for tag in named]
    whole = frame.assign(**{k: v for k, v in filled.items() if k not in frame.columns}).reset_index(drop=True)
    documents = documents_of(whole)
    places: dict[str, Any] = {
        "index": [k for document in documents for k in range(len(document))],
        "count": [len(document) for document in documents for _ in document],
    }
    return whole.assign(**{k: v for k, v in places.items() if k not in frame.columns})


def frame_of(
    data: pd.DataFrame | str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
) -> pd.DataFrame:
    """A frame with every column, from a frame or from paths.

    Args:
        data: A frame, or files and folders of labelled data.

    Returns:
        The frame.

    Raises:
        InputError: The data cannot be read.
    """
    import pandas as pd

    return completed(data) if isinstance(data, pd.DataFrame) else to_frame(load_labelled(data))


def documents_of(frame: pd.DataFrame) -> list[range]:
    """Find the documents in a frame.

    A document ends where source or document changes, or where `index` does not increase.

    Args:
        frame: A frame as `to_frame` or `completed` makes it.

    Returns:
        The rows of each document, in order.
    """
    import numpy as np

    if frame.empty:
        return []
    keys = (frame["source"].astype(str) + "\0" + frame["document"].astype(str)).to_numpy()
    opens = keys[1:] != keys[:-1]
    if "index" in frame:
        index = frame["index"].to_numpy()
        opens |= index[1:] <= index[:-1]
    starts = np.flatnonzero(np.append(True, opens)).tolist()
    return [range(start, end) for start, end in zip(starts, [*starts[1:], len(frame)], strict=True)]


def splits_of(frame: pd.DataFrame) -> npt.NDArray[np.str_]:
    """The split of each row, by its work: "train", "validation" or "test".

    Args:
        frame: A frame with a column `work`.

    Returns:
        The split of each row, shape (n,).
    """
    return frame["work"].map({work: split_of(work) for work in frame["work"].unique()}).to_numpy(str)
