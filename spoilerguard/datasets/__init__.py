"""Labelled data: read from any format, cleaned, as records or as a frame; every split is by work.

`loaders` has the table of formats and is the file to read first. Below it: `records` (a file's rows),
`matching` (running text to labelled sentences), `cleaning`, `labelled` (what comes out, and how it is
written), `works` (titles and the split). Nothing here loads pandas before a frame is asked for.
"""

from __future__ import annotations

from spoilerguard.datasets.cleaning import normalise, without_announcement
from spoilerguard.datasets.labelled import LabelledDocument, LabelledSentence, completed, to_frame, write_jsonl
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
    "load_labelled",
    "normalise",
    "read_works",
    "sniff",
    "split_of",
    "to_frame",
    "without_announcement",
    "work_key",
    "write_jsonl",
]
