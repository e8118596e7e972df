"""A baseline: the spoilers of an old site that are known, so that only new ones are told.

The file holds, for each draft, how often a sentence of which hash is known there:

    {"version": 1, "files": {"posts/one.md": {"c1b5a2f0e37d9c44": 1}}}

Paths are seen from the folder of the file. The hash is of the words alone: moving or wrapping a
sentence, or other marks around it, keeps it known. It is no secret, but a sentence can be read out
of it only by who guesses it word for word. Sorted, an entry a line: it diffs well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import hashlib
import json
import os
import re
from typing import Any, NamedTuple
import unicodedata

from spoilerguard.drafts.io import read_draft, write_draft
from spoilerguard.errors import InputError
from spoilerguard.report import Report
from spoilerguard.spans import Flag

__all__ = ["Baseline", "Split", "fingerprint", "read_baseline", "write_baseline"]

VERSION = 1
_WORD = re.compile(r"\w+")
_HASH = re.compile(r"[0-9a-f]{16}")


class Split(NamedTuple):
    """The flags of one draft, sorted out; `unused` is how many known ones are no longer there."""

    new: tuple[Flag, ...]
    known: tuple[Flag, ...]
    unused: int


@dataclass(frozen=True)
class Baseline:
    """Which sentences are known, by the path of their draft from `folder`: hash to how often."""

    folder: str
    files: Mapping[str, Mapping[str, int]]

    def split(self, path: str, report: Report) -> Split:
        """New and known flags of a draft, in order; of a sentence more often there than known, the last are new."""
        left = Counter(self.files.get(self._key(path), {}))
        new: list[Flag] = []
        known: list[Flag] = []
        for flag, hashed in zip(report, fingerprints(report), strict=True):
            (known if left[hashed] > 0 else new).append(flag)
            left[hashed] -= 1
        return Split(tuple(new), tuple(known), sum((+left).values()))

    def updated(self, reports: Iterable[tuple[str, Report]]) -> Baseline:
        """With all that is flagged in these drafts, and no more of them; drafts that are gone are left out."""
        found = {self._key(path): Counter(fingerprints(report)) for path, report in reports}
        there = {key: known for key, known in self.files.items() if os.path.exists(os.path.join(self.folder, key))}
        return Baseline(self.folder, {key: known for key, known in {**there, **found}.items() if known})

    def _key(self, path: str) -> str:
        try:
            return os.path.relpath(path, self.folder).replace(os.sep, "/")
        except ValueError:  # on another drive
            return os.path.abspath(path).replace(os.sep, "/")


def fingerprints(report: Report) -> list[str]:
    """The hash of each flagged sentence."""
    return [fingerprint(report.document.prose[flag.start : flag.end]) for flag in report]


def fingerprint(text: str) -> str:
    """The first 64 bits of the SHA-256 of the words, in hexadecimal; case, marks and white space do not count."""
    text = unicodedata.normalize("NFC", text).casefold()
    words = " ".join(_WORD.findall(text)) or "".join(text.split())
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_baseline(path: str) -> Baseline:
    """A baseline from its file. Raises InputError naming the file and the remedy."""
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file; write it with --write-baseline {path}")
    try:
        data = json.loads(read_draft(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a baseline ({error}); write it again with --write-baseline") from None
    if isinstance(data, dict) and isinstance(data.get("version"), int) and data["version"] > VERSION:
        raise InputError(f"{path}: a baseline of version {data['version']}; this spoilerguard reads {VERSION}")
    if not _is_baseline(data):
        raise InputError(f"{path}: not a baseline; write it again with --write-baseline")
    return Baseline(_folder(path), data["files"])


def _is_baseline(data: Any) -> bool:
    if not (isinstance(data, dict) and data.get("version") == VERSION and isinstance(data.get("files"), dict)):
        return False
    entries: Sequence[Any] = list(data["files"].values())
    return all(isinstance(known, dict) for known in entries) and all(
        _HASH.fullmatch(hashed) and type(count) is int and count > 0
        for known in entries
        for hashed, count in known.items()
    )


def write_baseline(path: str, reports: Iterable[tuple[str, Report]]) -> int:
    """Make all that is flagged in these drafts known; how many flags that is.

    Of a baseline that is there, the entries of other drafts stay as long as the drafts do. Written
    whole or not at all. Raises InputError, also for a file there that is no baseline.
    """
    old = read_baseline(path) if os.path.exists(path) else Baseline(_folder(path), {})
    reports = list(reports)
    files = {key: dict(sorted(known.items())) for key, known in sorted(old.updated(reports).files.items())}
    text = json.dumps({"version": VERSION, "files": files}, indent=2) + "\n"
    write_draft(path, text.encode("utf-8"))
    return sum(len(report) for _, report in reports)


def _folder(path: str) -> str:
    return os.path.dirname(path) or os.curdir
