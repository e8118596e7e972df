"""Works by name: one key for the ways a title is written, and the split that follows from it.

The split is part of every published figure. Neither `work_key` nor `split_of` may ever change.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
import re
import unicodedata

from spoilerguard.datasets.records import read_rows
from spoilerguard.spans import Work

__all__ = ["read_works", "split_of", "work_key"]

_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")
_APOSTROPHE = re.compile(r"['`\u2018\u2019]")
_PUNCTUATION = re.compile(r"[\W_]+")
_AUTHOR = re.compile(r"(?<=\w) by .*")
_ARTICLE = re.compile(r"(?:the|an?) (?=\w)")


def work_key(title: str) -> str:
    """The normal form of a title or slug, for telling whether two texts are about one work.

    "The Long Rain (Storm, #2) by Ann Bell" and "long-rain" are both "long rain". Where in doubt it
    takes too much away rather than too little: two works under one key cost nothing, one work under
    two keys would be on both sides of a split.
    """
    plain = unicodedata.normalize("NFKD", title.lower())
    plain = _APOSTROPHE.sub("", "".join(char for char in plain if not unicodedata.combining(char)))
    plain = plain.replace("&", " and ")
    # A title that is all brackets, such as "[REC]", keeps what is in them.
    key = _words(_BRACKETED.sub(" ", plain)) or _words(plain)
    return _ARTICLE.sub("", _AUTHOR.sub("", key), count=1) if key else title.strip().lower()


def _words(text: str) -> str:
    return _PUNCTUATION.sub(" ", text).strip()


def split_of(work: str) -> str:
    """ "train", "validation" or "test": 76, 12 and 12 of 100 works, for ever the same for a work."""
    name = f"spoilerguard:{work_key(work)}".encode(errors="replace")
    digest = hashlib.md5(name, usedforsecurity=False).hexdigest()
    share = int(digest[:8], 16) % 100
    return "test" if share < 12 else "validation" if share < 24 else "train"


def read_works(path: str | os.PathLike[str]) -> dict[str, Work]:
    """The works of a `works.jsonl`, by their name there; a DataError names the line that breaks it."""
    works: dict[str, Work] = {}
    for row in read_rows(Path(path)):
        name = row.fields.get("work")
        if not isinstance(name, str) or not name:
            raise row.fault(f"no 'work'; expected work, title, blurb, synopsis, there are: {', '.join(row.fields)}")
        if name in works:
            raise row.fault(f"work {name!r} stands here for the second time; remove one of the two")
        works[name] = Work(*(str(row.fields.get(field) or "") for field in ("title", "blurb", "synopsis")))
    return works
