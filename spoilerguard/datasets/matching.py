"""Running text to labelled sentences: by what its author hid, or by one label for the whole text."""

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

# How reliable a label is that was not given to the sentence itself. A sentence that was labelled
# individually, or hidden by its author, has weight 1.
WEIGHTS = {
    "partly hidden": 0.3,  # less than half of the sentence is hidden: label 0
    "nothing hidden": 0.5,  # the author hid nothing in the text: mostly, but not always, clean
    "clean document": 0.5,  # the whole text is labelled 0
    "spoiler document": 0.1,  # the whole text is labelled 1; most of its sentences are harmless
}

_READABLE = [syntax for syntax in SYNTAXES if not syntax.lost]
_MARK = re.compile("|".join(mark for syntax in _READABLE if syntax.close for mark in (syntax.open, syntax.close)))
# Syntaxes that match only as a whole, with their delimiters: one delimiter alone, such as `")`, means nothing.
_WHOLE = [(re.compile(syntax.open), re.compile(syntax.delimiters)) for syntax in _READABLE if not syntax.close]
_LINE_BREAK_TAG = re.compile(r"(?i)<br\s{0,9}/?>")


def clean_sentence(
    text: str, label: int, weight: float, *, opens: bool, tag: str | None = None
) -> LabelledSentence | None:
    """Clean a sentence for the models.

    Args:
        text: The sentence.
        label: Its label; a sentence that only announces a spoiler gets 0.
        weight: How much the label counts.
        opens: Whether it opens a paragraph.
        tag: The kind of sentence, where it is known.

    Returns:
        The sentence; None if it contains only markup.
    """
    text = normalise(_MARK.sub(" ", _without_delimiters(text)))
    bare = without_announcement(text)
    # A sentence that is only an announcement reveals nothing, but the next one may: it stays.
    text, label = (bare, label) if bare else (text, 0)
    return LabelledSentence("\n\n" * opens + text, label, tag, weight) if text else None


def _without_delimiters(text: str) -> str:
    """Remove delimiters before splitting: a sentence that ends between two of them would keep one."""
    for whole, delimiters in _WHOLE:
        text = whole.sub(partial(_blanked, delimiters), text)
    return text


def _blanked(delimiters: re.Pattern[str], whole: re.Match[str]) -> str:
    return delimiters.sub(" ", whole[0])


def _label_each(text: str, label_range: Callable[[int, int], tuple[int, float]]) -> tuple[LabelledSentence, ...]:
    """The cleaned sentences of a text; `label_range` gives the label and the weight of a range of it."""
    text = _LINE_BREAK_TAG.sub(
        lambda tag: "\n".ljust(len(tag[0])), text
    )  # of the same length, so that offsets stay right
    blocks = paragraphs(text)
    openings = {start for start, _ in blocks}
    sentences: list[LabelledSentence] = []
    for start, end in split(text, blocks):
        label, weight = label_range(start, end)
        sentence = clean_sentence(text[start:end], label, weight, opens=bool(sentences) and start in openings)
        if sentence is not None:
            sentences.append(sentence)
    return tuple(sentences)


def label_by_document(text: str, label: int) -> tuple[LabelledSentence, ...]:
    """Give every sentence the label of the whole text, and a low weight.

    Args:
        text: The text.
        label: Its label.

    Returns:
        The sentences.
    """
    weight = WEIGHTS["spoiler document" if label else "clean document"]
    return _label_each(_without_delimiters(text), lambda start, end: (label, weight))


def label_by_spans(
    text: str, spans: Iterable[tuple[int, int]], *, looked_for: bool = False
) -> tuple[LabelledSentence, ...]:
    """Label sentences by what is hidden: at least half of a spoiler's characters, not counting white space.

    Args:
        text: The text.
        spans: The ranges that its author hid, in code points, end exclusive.
        looked_for: Whether somebody looked for spoilers, so that where nothing is hidden there is none.

    Returns:
        The sentences.
    """
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    starts, ends = [start for start, _ in merged], [end for _, end in merged]
    visible = (0, 1.0 if merged or looked_for else WEIGHTS["nothing hidden"])

    def label_range(start: int, end: int) -> tuple[int, float]:
        overlapping = merged[bisect_right(ends, start) : bisect_left(starts, end)]
        hidden = sum(_ink(text[max(start, left) : min(end, right)]) for left, right in overlapping)
        if not hidden:
            return visible
        return (1, 1.0) if 2 * hidden >= _ink(text[start:end]) else (0, WEIGHTS["partly hidden"])

    return _label_each(text, label_range)


def _ink(text: str) -> int:
    """The number of characters that are not white space."""
    return sum(map(len, text.split()))
