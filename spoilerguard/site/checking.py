"""Two passes over a built site: collect what pages hide, look for it where it is in the clear.

A hidden sentence is normalised to its words. Each run of `_RUN` words of it is a key of a dictionary, since excerpts
are cut; a shorter sentence is a key in full. Every word in the clear costs a few look-ups, so time grows with the
size of the site only. Most texts take fewer: they hold none of the few words in a row that each run is known by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
import os
import re

from spoilerguard.errors import InputError
from spoilerguard.files.source import unreadable
from spoilerguard.site.clear import PAGES, READERS, Reader, hidden_texts, unpacked
from spoilerguard.text.sentences import by_rules, paragraphs

__all__ = ["Leak", "SiteReport", "check_site", "files_in"]

_RUN = 8  # words in a row that give a sentence away
_FEWEST = 4  # words of a hidden text that is looked for at all: "He dies" is everywhere
_MOST_BYTES = 1 << 28
_Words = tuple[str, ...]
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """A hidden text that stands in the clear in another place.

    Attributes:
        path: The file that has it in the clear.
        line: The line; None where the file has none.
        where: What holds it there, such as `meta` or `text`.
        page: The page that hides it.
        page_line: The line there.
        text: The words that stand in the clear.
    """

    path: str
    line: int | None = field(compare=False)
    where: str
    page: str
    page_line: int
    text: str


@dataclass(slots=True)
class _Index:
    """What pages hide.

    Attributes:
        runs: The page that hides each run of words, and the line there.
        signs: The halves of each run, by their number of words: one at least stands in every text that tells it, also
            where something is left out in between.
        heads: The lengths of the runs that begin with these two words.
    """

    runs: dict[_Words, tuple[str, int]] = field(default_factory=dict)
    signs: dict[int, set[_Words]] = field(default_factory=dict)
    heads: dict[_Words, set[int]] = field(default_factory=dict)

    def add(self, words: list[str], page: str, line: int) -> None:
        """Add the runs of a sentence."""
        for at in range(max(1, len(words) - _RUN + 1)):
            run = tuple(words[at : at + _RUN])
            if run not in self.runs:
                self.runs[run] = (page, line)
                self.heads.setdefault(run[:2], set()).add(len(run))
                middle = len(run) // 2
                for half in (run[:middle], run[middle:]):
                    self.signs.setdefault(len(half), set()).add(half)

    def may_hold(self, text: str) -> bool:
        """Whether a text may tell something."""
        words = _WORD.findall(text.casefold().replace("’", "'"))
        return any(
            not halves.isdisjoint(zip(*(words[at:] for at in range(size)), strict=False))
            for size, halves in self.signs.items()
        )


@dataclass(slots=True)
class SiteReport:
    """The result of a check.

    Attributes:
        site: The folder of the site.
        leaks: The leaks, by file.
        files: Files that were looked at.
        pages: Pages that hide something.
        hidden: Hidden sentences that were looked for.
        words: Words that were looked at one by one.
        unread: Files that could not be read, and why.
    """

    site: str = ""
    leaks: list[Leak] = field(default_factory=list)
    files: int = 0
    pages: int = 0
    hidden: int = 0
    words: int = 0
    unread: list[str] = field(default_factory=list)


def check_site(root: str) -> SiteReport:
    """Check a built site.

    Args:
        root: Its folder.

    Returns:
        The leaks, and what was looked at.

    Raises:
        InputError: The folder does not exist, or has no pages.
    """
    if not os.path.isdir(root):
        raise InputError(f"{root}: not a folder; name the folder of the built site, such as public/")
    report = SiteReport(root)
    paths = list(files_in(root))
    index = _Index()
    for path in paths:
        if path.lower().endswith(PAGES) and (source := _read(path, report)) is not None:
            before = report.hidden
            _collect(os.path.relpath(path, root), source, index, report)
            report.pages += report.hidden > before
    if not any(path.lower().endswith(PAGES) for path in paths):
        raise InputError(f"{root}: no pages in it; build the site first, and name the folder with its pages")
    for path in paths:
        if index.runs and (source := _read(path, report)) is not None:
            _look(os.path.relpath(path, root), source, READERS[_suffix(path)], index, report)
        report.files += 1
    report.unread = list(dict.fromkeys(report.unread))
    return report


def _suffix(path: str) -> str:
    name = path.lower().removesuffix(".gz")
    return os.path.splitext(name)[1]


def files_in(root: str) -> Iterator[str]:
    """The files of a built site that are read."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        yield from (os.path.join(folder, name) for name in sorted(names) if _suffix(name) in READERS)


def _read(path: str, report: SiteReport) -> str | None:
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        report.unread.append(str(unreadable(path, error)))
        return None
    try:
        if len(data) > _MOST_BYTES:
            raise ValueError("it is larger than 256 MB")
        return unpacked(data).decode("utf-8-sig", "replace")
    except ValueError as error:
        report.unread.append(f"{path}: {error}; it was not checked")
        return None


def _words(text: str) -> list[tuple[re.Match[str], str]]:
    """The words of a text, each with its normal form."""
    return [(found, found[0].casefold().replace("’", "'")) for found in _WORD.finditer(text)]


def _collect(page: str, source: str, index: _Index, report: SiteReport) -> None:
    """Add the runs of words of each hidden sentence of a page."""
    for text, line in hidden_texts(source):
        for start, end in by_rules(text, paragraphs(text)):
            words = [word for _, word in _words(text[start:end])]
            if len(words) < _FEWEST:
                continue
            report.hidden += 1
            index.add(words, page, line)


def _look(path: str, source: str, reader: Reader, index: _Index, report: SiteReport) -> None:
    """Add a leak for each hidden sentence, at the first place of a file that has it in the clear."""
    seen: set[tuple[str, str, int]] = set()
    for piece in reader(source, index.may_hold):
        if not index.may_hold(piece.text):
            continue
        found = [(match.start(), word) for match, word in _words(piece.text)]
        words = [word for _, word in found]
        report.words += len(words)
        for at, head in enumerate(pairwise(words)):
            for length in sorted(index.heads.get(head, ())):
                run = tuple(words[at : at + length])
                place = index.runs.get(run)
                if place is None or (piece.where, *place) in seen:
                    continue
                seen.add((piece.where, *place))
                line = None if piece.line is None else piece.line + piece.text.count("\n", 0, found[at][0])
                report.leaks.append(Leak(path, line, piece.where, *place, " ".join(run)))
