"""Labelled data: read from any format, cleaned, as documents or as a frame; every split is by work.

`loaders` has the table of formats: read it first. It uses `records` (a file's records), `columns` (which
column is which), `matching` (running text to labelled sentences) and `cleaning`. `labelled` has the
documents and how they are written, `frames` the same as a frame, `works` titles and the split.
pandas is loaded only when a frame is asked for.
"""

from __future__ import annotations

from spoilerguard.datasets.cleaning import normalise, without_announcement
from spoilerguard.datasets.frames import completed, documents_of, frame_of, splits_of, to_frame
from spoilerguard.datasets.labelled import LabelledDocument, LabelledSentence, write_jsonl
from spoilerguard.datasets.loaders import LOADERS, Loader, Options, load_labelled, sniff
from spoilerguard.datasets.matching import WEIGHTS
from spoilerguard.datasets.works import read_works, split_of, work_key

__all__ = [
    "LOADERS",
    "WEIGHTS",
    "LabelledDocument",
    "LabelledSentence",
    "Loader",
    "Options",
    "completed",
    "documents_of",
    "frame_of",
    "load_labelled",
    "normalise",
    "read_works",
    "sniff",
    "split_of",
    "splits_of",
    "to_frame",
    "without_announcement",
    "work_key",
    "write_jsonl",
]
