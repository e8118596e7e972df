"""Decisions about single sentences of a project's drafts, in `.spoilerguard/decisions.jsonl`.

Each line is one decision; if two are about the same sentence, the last one holds:

    {"sentence": "c1b5a2f0e37d9c44", "before": "", "after": "0f3d8a96b1c2e754", "decision": "show", "file": "one.md"}

`sentence` and its neighbours are hashed as in a baseline, so the file holds no text unless `text` is kept on
request. A decision holds in any draft where the sentence stands beside at least one of its neighbours: it survives
edits nearby, hiding and moving, but not a sentence of the same words in another place. `file` says where the decision
was made, relative to the folder that holds `.spoilerguard`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
import json
import os
from pathlib import Path
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from spoilerguard.drafts import git
from spoilerguard.drafts.baseline import fingerprint
from spoilerguard.drafts.io import read_draft, write_draft
from spoilerguard.errors import InputError
from spoilerguard.report import Report
from spoilerguard.spans import Document, Flag, Reason, Sentence, Span
from spoilerguard.text.ranges import intersect
from spoilerguard.text.reading import words_of
from spoilerguard.text.sentences import split

if TYPE_CHECKING:
    from spoilerguard.guard import Guard

__all__ = [
    "FILE", "NEAR", "Decided", "Decision", "Decisions", "Key", "Obeyed", "decisions_by_path", "keys_of", "obey",
    "read_decisions", "record", "store_for",
]  # fmt: skip

FILE = os.path.join(".spoilerguard", "decisions.jsonl")
NEAR = 0.5  # of the threshold: an unflagged sentence with at least this much of it is a near miss

Decision: TypeAlias = Literal["hide", "show"]
_HASH = re.compile(r"[0-9a-f]{16}")


class Key(NamedTuple):
    """What a decision is about: the hashes of a sentence, of the one before and of the one after; empty for none."""

    sentence: str
    before: str
    after: str


class Decided(NamedTuple):
    """A line of the file. A decision of None withdraws an earlier one when it is recorded; it is never stored.

    Attributes:
        key: The sentence in its place.
        decision: What to do with it.
        file: The draft in which it was decided.
        text: The sentence, if it is to be kept.
    """

    key: Key
    decision: Decision | None
    file: str
    text: str = ""


@dataclass(frozen=True)
class Decisions:
    """The decisions of a project, in order.

    Attributes:
        path: The file.
        lines: Its lines.
    """

    path: str
    lines: Sequence[Decided] = ()

    def find(self, key: Key) -> Decision | None:
        """The decision about a sentence in its place; None if there is none."""
        found: Decision | None = None
        best = 0
        for line in self._by_sentence.get(key.sentence, ()):
            alike = _alike(line.key, key)
            if alike and alike >= best:
                found, best = line.decision, alike
        return found

    @cached_property
    def _by_sentence(self) -> Mapping[str, list[Decided]]:
        lines: dict[str, list[Decided]] = {}
        for line in self.lines:
            lines.setdefault(line.key.sentence, []).append(line)
        return lines


def _alike(one: Key, other: Key) -> int:
    """How many neighbours are the same: 2 if both are; the edge of a text counts only together with a neighbour."""
    before, after = one.before == other.before, one.after == other.after
    return 2 if before and after else int((before and one.before != "") or (after and one.after != ""))


def keys_of(document: Document, ranges: Iterable[tuple[int, int]] | None = None) -> dict[int, Key]:
    """The key of each sentence of a document, by where it starts.

    What its author has hidden counts as a neighbour too, so hiding a sentence changes no key.

    Args:
        document: The document.
        ranges: Its sentences, if they are known already.
    """
    seen = split(document.prose, document.blocks) if ranges is None else ranges
    sentences = [(Span(*at), document.prose, True) for at in seen]
    if document.concealed:
        secret = words_of(document.source, document.concealed)
        hidden = split(secret, intersect(document.blocks, (Span(h.start, h.end) for h in document.hidden)))
        sentences = sorted([*sentences, *((Span(*at), secret, False) for at in hidden)], key=lambda one: one[0])
    hashes = ["", *(fingerprint(text[at.start : at.end]) for at, text, _ in sentences), ""]
    return {
        at.start: Key(hashes[k], hashes[k - 1], hashes[k + 1])
        for k, (at, _, visible) in enumerate(sentences, 1)
        if visible
    }


# --- the file -----------------------------------------------------------------------------------


def _above(draft: str) -> str | None:
    """The nearest file of decisions, from the folder of a draft up."""
    folder = Path(os.path.abspath(draft)).parent
    found = (place / FILE for place in (folder, *folder.parents))
    return next((str(path) for path in found if path.is_file()), None)


def store_for(draft: str, project: str = "") -> str:
    """The file for decisions about a draft, whether or not it exists.

    Args:
        draft: The draft.
        project: The folder to create it in, if there is none yet; by default, the top of the git work tree, or the
            folder of the draft.
    """
    folder = os.path.dirname(os.path.abspath(draft))
    return _above(draft) or os.path.join(project or git.work_tree_above(folder) or folder, FILE)


def decisions_by_path() -> Callable[[str], Decisions | None]:
    """A function that returns the decisions for a draft, or None; each file is read once.

    It raises InputError where a file cannot be read.
    """
    read = cache(read_decisions)
    above = cache(lambda folder: _above(os.path.join(folder, "draft")))

    def find(draft: str) -> Decisions | None:
        path = above(os.path.dirname(os.path.abspath(draft)))
        return None if path is None else read(path)

    return find


def read_decisions(path: str) -> Decisions:
    """Read a file of decisions. Raises InputError naming the line and the remedy."""
    return Decisions(path, tuple(_read(path)))


def _read(path: str) -> Iterable[Decided]:
    for number, line in enumerate(read_draft(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        match value:
            case {
                "sentence": str(sentence), "before": str(before), "after": str(after), "decision": "hide" | "show",
                "file": str(file),
            } if _HASH.fullmatch(sentence) and isinstance(value.get("text", ""), str):  # fmt: skip
                yield Decided(Key(sentence, before, after), value["decision"], file, value.get("text", ""))
            case _:
                raise InputError(f"{path}:{number}: not a decision; remove the line, and decide again")


def record(path: str, decided: Iterable[Decided]) -> int:
    """Add decisions to a file; they replace those with the same key. It is written atomically.

    Args:
        path: The file; its folder is created.
        decided: The decisions; `file` is relative to the current folder, or absolute.

    Returns:
        The number of decisions that are new or changed.

    Raises:
        InputError: The file cannot be read or written.
    """
    old = {line.key: line for line in read_decisions(path).lines} if os.path.exists(path) else {}
    new = dict(old)
    project = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    for line in decided:
        before = new.get(line.key)
        if line.decision is None:
            new.pop(line.key, None)
        elif before is None or before.decision != line.decision or (line.text and line.text != before.text):
            new.pop(line.key, None)  # the newest is the last
            text = line.text or (before.text if before else "")
            new[line.key] = line._replace(file=_relative(line.file, project), text=text)
    changed = sum(old.get(key) != line for key, line in new.items()) + sum(key not in new for key in old)
    if changed:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            raise InputError(f"{os.path.dirname(path)}: cannot be created ({error.strerror})") from None
        write_draft(path, "".join(f"{_line(line)}\n" for line in new.values()).encode("utf-8", "backslashreplace"))
    return changed


def _line(line: Decided) -> str:
    value: dict[str, Any] = {**line.key._asdict(), "decision": line.decision, "file": line.file}
    return json.dumps(value | ({"text": line.text} if line.text else {}), ensure_ascii=False)


def _relative(file: str, folder: str) -> str:
    try:
        return os.path.relpath(file, folder).replace(os.sep, "/")
    except ValueError:  # on another drive
        return os.path.abspath(file).replace(os.sep, "/")


# --- what is decided about a draft --------------------------------------------------------------


class Obeyed(NamedTuple):
    """A report after the decisions about it.

    Attributes:
        report: Its flags are what to hide: without what is to be shown, and with all that is to be hidden.
        near: Sentences that were almost flagged, and flags that are to be shown, in order.
        decisions: The decision about each sentence that has one, by where it starts.
    """

    report: Report
    near: tuple[Flag, ...]
    decisions: Mapping[int, Decision]


def obey(report: Report, guard: Guard, decisions: Decisions | None) -> Obeyed:
    """Apply decisions to a report.

    Args:
        report: The report of a draft.
        guard: The model that made it; it gives the reasons of what only a decision hides.
        decisions: The decisions of the project; None for none.
    """
    decided: dict[int, Decision] = {}
    if decisions is not None and decisions.lines:
        for start, key in keys_of(report.document, [(s.start, s.end) for s in report.sentences]).items():
            if decision := decisions.find(key):
                decided[start] = decision
    flagged = {flag.start for flag in report.flags}
    floor = NEAR * report.threshold if report.checked else float("inf")
    others = [s for s in report.sentences if s.start not in flagged and (s.start in decided or s.score >= floor)]
    added = [s for s in others if decided.get(s.start) == "hide"]
    why = dict(zip([s.start for s in added], _reasons(report, added, guard), strict=True)) if added else {}
    position = report.document.position
    every = [Flag(s.start, s.end, *position(s.start), s.text, s.score, why.get(s.start, ())) for s in others]
    every = sorted([*report.flags, *every], key=lambda flag: flag.start)

    def hides(flag: Flag) -> bool:
        return decided.get(flag.start, "hide" if flag.start in flagged else "show") == "hide"

    kept = tuple(filter(hides, every))
    near = tuple(flag for flag in every if not hides(flag))
    return Obeyed(report if kept == report.flags else replace(report, flags=kept), near, decided)


def _reasons(report: Report, added: Sequence[Sentence], guard: Guard) -> list[tuple[Reason, ...]]:
    """Why sentences that the author hides look like spoilers, in their places."""
    prose = report.document.prose
    texts = [prose[s.start : s.end] for s in report.sentences]
    reading = guard.scorer.read([texts], [None])[0]
    starts = {s.start: k for k, s in enumerate(report.sentences)}
    rows = [starts[s.start] for s in added]
    return guard.scorer.reasons([texts[k] for k in rows], reading.kinds[rows])
