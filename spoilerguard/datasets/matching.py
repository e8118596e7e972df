"""Running text to labelled sentences: by what its author hid, or by one label for the whole of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from functools import partial
import re

from spoilerguard.datasets.cleaning import normalise, without_announcement
from spoilerguard.datasets.labelled import LabelledSentence
from spoilerguard.text.markup import SYNTAXES
from spoilerguard.text.sentences import paragraphs, split

__all__ = ["WEIGHTS", "clean_sentence", "label_by_document", "label_by_spans"]

# How far a label that nobody gave to this very sentence can be believed; a sentence labelled one
# by one, or hidden by its author, weighs 1.
WEIGHTS = {
    "partly hidden": 0.3,  # less than half of the sentence is hidden: label 0
    "nothing hidden": 0.5,  # a text in which the author hid nothing: mostly, not surely, clean
    "clean document": 0.5,  # the whole text is labelled 0
    "spoiler document": 0.1,  # the whole text is labelled 1; most of its sentences are harmless
}

_READABLE = [syntax for syntax in SYNTAXES if not syntax.lost]
_MARK = re.compile("|".join(mark for syntax in _READABLE if syntax.close for mark in (syntax.open, syntax.close)))
# Syntaxes that match as a whole, and what of it is mark: a mark alone, such as `")`, proves nothing.
_WHOLE = [(re.compile(syntax.open), re.compile(syntax.delimiters)) for syntax in _READABLE if not syntax.close]
_LINE_BREAK_TAG = re.compile(r"(?i)<br\s{0,9}/?>")


def clean_sentence(
    text: str, label: int, weight: float, *, opens: bool, tag: str | None = None
) -> LabelledSentence | None:
    """The sentence as models see it; None if nothing but markup was there."""
    text = normalise(_MARK.sub(" ", _without_shells(text)))
    bare = without_announcement(text)
    # A sentence that is all announcement reveals nothing, but what follows it may: it stays.
    text, label = (bare, label) if bare else (text, 0)
    return LabelledSentence("\n\n" * opens + text, label, tag, weight) if text else None


def _without_shells(text: str) -> str:
    """Before sentences are cut: one that ends inside such a syntax would keep half of its marks."""
    for whole, shell in _WHOLE:
        text = whole.sub(partial(_unshelled, shell), text)
    return text


def _unshelled(shell: re.Pattern[str], whole: re.Match[str]) -> str:
    return shell.sub(" ", whole[0])


def _label_each(text: str, judge: Callable[[int, int], tuple[int, float]]) -> tuple[LabelledSentence, ...]:
    """The cleaned sentences of a running text; `judge` gives label and weight of a range of it."""
    text = _LINE_BREAK_TAG.sub(lambda tag: "\n".ljust(len(tag[0])), text)  # as long: offsets must hold
    blocks = paragraphs(text)
    openings = {start for start, _ in blocks}
    sentences: list[LabelledSentence] = []
    for start, end in split(text, blocks):
        label, weight = judge(start, end)
        sentence = clean_sentence(text[start:end], label, weight, opens=bool(sentences) and start in openings)
        if sentence is not None:
            sentences.append(sentence)
    return tuple(sentences)


def label_by_document(text: str, label: int) -> tuple[LabelledSentence, ...]:
    """Every sentence with the label of the whole text, and a low weight."""
    weight = WEIGHTS["spoiler document" if label else "clean document"]
    return _label_each(_without_shells(text), lambda start, end: (label, weight))


def label_by_spans(text: str, spans: Iterable[tuple[int, int]]) -> tuple[LabelledSentence, ...]:
    """A sentence is a spoiler when at least half of its characters that are no space are hidden."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    starts, ends = [start for start, _ in merged], [end for _, end in merged]
    visible = (0, 1.0 if merged else WEIGHTS["nothing hidden"])

    def judge(start: int, end: int) -> tuple[int, float]:
        overlapping = merged[bisect_right(ends, start) : bisect_left(starts, end)]
        hidden = sum(_ink(text[max(start, left) : min(end, right)]) for left, right in overlapping)
        if not hidden:
            return visible
        return (1, 1.0) if 2 * hidden >= _ink(text[start:end]) else (0, WEIGHTS["partly hidden"])

    return _label_each(text, judge)


def _ink(text: str) -> int:
    """The number of characters that are not white space."""
    return sum(map(len, text.split()))
