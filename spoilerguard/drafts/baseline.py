"""A baseline: the known spoilers of a site, so that only new ones are reported.

For each draft, the file holds the hashes of its known spoilers and how often each of them occurs:

    {"version": 1, "files": {"posts/one.md": {"c1b5a2f0e37d9c44": 1}}}

Paths are relative to the folder of the file. Only words are hashed, so a sentence stays known if it is moved,
wrapped or marked up. The hash hides a sentence only from readers who cannot guess it word for word. Entries are
sorted, one a line, so that the file diffs well.
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
    """The flags of one draft by whether they are known; `unused` counts the known ones no longer found."""

    new: tuple[Flag, ...]
    known: tuple[Flag, ...]
    unused: int


@dataclass(frozen=True)
class Baseline:
    """The known spoilers: for each draft, by its path relative to `folder`, how often each hash occurs."""

    folder: str
    files: Mapping[str, Mapping[str, int]]

    def split(self, path: str, report: Report) -> Split:
        """The new and the known flags of a draft, in order. If a sentence occurs more often than is known, its last
        occurrences are new.
        """
        left = Counter(self.files.get(self._key(path), {}))
        new: list[Flag] = []
        known: list[Flag] = []
        for flag, hashed in zip(report, fingerprints(report), strict=True):
            (known if left[hashed] > 0 else new).append(flag)
            left[hashed] -= 1
        return Split(tuple(new), tuple(known), sum((+left).values()))

    def updated(self, reports: Iterable[tuple[str, Report]]) -> Baseline:
        """A baseline in which the flags of these drafts replace their entries, and deleted drafts have none."""
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
    """The first 64 bits, in hexadecimal, of the SHA-256 of the words. Case, punctuation and space do not count."""
    text = unicodedata.normalize("NFC", text).casefold()
    words = " ".join(_WORD.findall(text)) or "".join(text.split())
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_baseline(path: str) -> Baseline:
    """Read a baseline. Raises InputError naming the file and the remedy."""
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file; create it with --write-baseline {path}")
    try:
        data = json.loads(read_draft(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a baseline ({error}); write it again with --write-baseline") from None
    if isinstance(data, dict) and isinstance(data.get("version"), int) and data["version"] > VERSION:
        raise InputError(f"{path}: a baseline of version {data['version']}; this spoilerguard reads version {VERSION}")
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
    """Record the flags of these drafts as known, and write the baseline atomically.

    Args:
        path: The file. If it exists, the entries of other drafts that still exist are kept.
        reports: The drafts, by path, and their reports.

    Returns:
        The number of flags in these drafts.

    Raises:
        InputError: The file cannot be written, or holds something else than a baseline.
    """
    old = read_baseline(path) if os.path.exists(path) else Baseline(_folder(path), {})
    reports = list(reports)
    files = {key: dict(sorted(known.items())) for key, known in sorted(old.updated(reports).files.items())}
    text = json.dumps({"version": VERSION, "files": files}, indent=2) + "\n"
    write_draft(path, text.encode("utf-8"))
    return sum(len(report) for _, report in reports)


def _folder(path: str) -> str:
    return os.path.dirname(path) or os.curdir
