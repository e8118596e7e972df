"""Works by name: one key for every way of writing a title, and the split that follows from it.

Every published figure depends on the split. Neither `work_key` nor `split_of` may ever change.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
import re
import unicodedata

from spoilerguard.datasets.records import read_records
from spoilerguard.files.columns import listed
from spoilerguard.spans import Work

__all__ = ["read_works", "split_of", "work_key"]

_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")
_APOSTROPHE = re.compile(r"['`\u2018\u2019]")
_PUNCTUATION = re.compile(r"[\W_]+")
_AUTHOR = re.compile(r"(?<=\w) by .*")
_ARTICLE = re.compile(r"(?:the|an?) (?=\w)")


def work_key(title: str) -> str:
    """The normal form of a title or slug, which tells whether two texts are about the same work.

    "The Long Rain (Storm, #2) by Ann Bell" and "long-rain" are both "long rain". In doubt it removes too
    much rather than too little: two works with one key do no harm, but one work with two keys would be
    on both sides of a split.

    Args:
        title: The title or slug.

    Returns:
        The key.
    """
    plain = unicodedata.normalize("NFKD", title.lower())
    plain = _APOSTROPHE.sub("", "".join(char for char in plain if not unicodedata.combining(char)))
    plain = plain.replace("&", " and ")
    # A title that is entirely in brackets, such as "[REC]", keeps their content.
    key = _words(_BRACKETED.sub(" ", plain)) or _words(plain)
    return _ARTICLE.sub("", _AUTHOR.sub("", key), count=1) if key else title.strip().lower()


def _words(text: str) -> str:
    return _PUNCTUATION.sub(" ", text).strip()


def split_of(work: str) -> str:
    """The split of a work, which never changes: 76% of works train, 12% validation, 12% test.

    Args:
        work: A title or slug.

    Returns:
        "train", "validation" or "test".
    """
    name = f"spoilerguard:{work_key(work)}".encode(errors="replace")
    digest = hashlib.md5(name, usedforsecurity=False).hexdigest()
    share = int(digest[:8], 16) % 100
    return "test" if share < 12 else "validation" if share < 24 else "train"


def read_works(path: str | os.PathLike[str]) -> dict[str, Work]:
    """Read a `works.jsonl`.

    Args:
        path: The file.

    Returns:
        The works, by the name in the field `work`.

    Raises:
        DataError: A line has no name, or a name that another line has.
    """
    works: dict[str, Work] = {}
    for record in read_records(Path(path)):
        name = record.fields.get("work")
        if not isinstance(name, str) or not name:
            there = listed(tuple(record.fields))
            raise record.fault(f"no 'work'; expected work, title, blurb, synopsis, there are: {there}")
        if name in works:
            raise record.fault(f"work {name!r} appears for the second time; remove one of the two")
        works[name] = Work(*(str(record.fields.get(field) or "") for field in ("title", "blurb", "synopsis")))
    return works
