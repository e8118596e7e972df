"""What stands around a sentence: numbers about its neighbours, its document and its work.

Spoilers come in runs, announcements raise what follows them, and what the blurb tells is none.
`features` gives one row a sentence, in which each expert has its columns; `forward` is the small
network that weighs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from spoilerguard.model.features import CUES, Ints, Tokens, clean, cues
from spoilerguard.spans import Work

__all__ = [
    "COMMON",
    "OF_LOGITS",
    "OF_SENTENCE",
    "announcement",
    "announcements",
    "features",
    "forward",
    "no_context",
    "weighed",
    "width",
]

Doubles = npt.NDArray[np.float64]

# Of each expert's logit, and then of the sentence, its document and its work.
OF_LOGITS = (
    "own", "before", "second before", "after", "second after", "window mean", "document mean", "document highest",
)  # fmt: skip
OF_SENTENCE = (
    "has before", "has after", "position", "sentences", "words", "question", "question before", "names",
    "announced", "announcement itself", "said to be free", "in blurb", "in synopsis only", "has work", "has synopsis",
)  # fmt: skip


def width(experts: int) -> int:
    """How many numbers `features` gives a sentence."""
    return experts * len(OF_LOGITS) + len(OF_SENTENCE)


# The ends of words are bounded: else "spoilspoilspoil" would take quadratic time.
_ANNOUNCED = re.compile(
    r"spoilers?\s*(?:alert|warning|ahead|below|follow|start|begin|incoming|territory|section|zone|from here|now|time)"
    r"|(?:major|minor|mild|some|huge|big|massive|full|contains?|containing|possible|potential|slight"
    r"|there (?:are|be|will be)|with|here be|following|warning|beware|into|here come|here are|discuss\w{0,9})"
    r"\W{1,3}(?:\w+\W{1,2})?spoilers?"
    r"|^\W*spoilers?\W*$|^\W*spoilers?\s*[:!-]"
    r"|spoil\w{0,9} (?:the|this|everything|it all) (?:book|film|movie|ending|show|plot)? ?"
    r"(?:below|from here|ahead|now)"
    r"|spoilers?\s+(?:for|of|about|on)\s+(?:[\w'’&-]+,?\s+){1,7}?(?:ahead|below|follow|to come)"
    r"(?=\W*$|\s*[.!:;,)]|\s+(?:the line|this point))"
)
_FREE = re.compile(
    r"(?:no|without|not?|avoid\w{0,9}|free of|non|zero|any|hate|never|won't|don't|didn't|isn't|aren't|sans)"
    r"\W{1,3}(?:\w+\W{1,2}){0,3}spoil"
    r"|spoil\w{0,9}\W?free|unspoil"
)
_OVER = re.compile(
    r"(?:end|over|done|finished|out) (?:of|with)?\W*(?:the |my |all )?spoil"
    r"|spoil\w{0,9} (?:over|end|done|section ends)|/spoil"
)


def announcement(sentence: str) -> int:
    """1 if a lower-cased sentence announces spoilers, -1 if it says there are none or they end, else 0."""
    if "spoil" not in sentence:
        return 0
    if _OVER.search(sentence) or _FREE.search(sentence):
        return -1
    return 1 if _ANNOUNCED.search(sentence) else 0


def features(logits: Doubles, tokens: Tokens, lengths: Ints, works: Sequence[Work | None]) -> Doubles:
    """What stands around each sentence: shape (sum(lengths), width(experts)).

    `logits` (n, experts) are of the sentences alone, documents one after the other, `lengths` their
    numbers of sentences, `works` one entry a document.
    """
    n = len(logits)
    document = np.repeat(np.arange(len(lengths)), lengths)
    index = np.arange(n) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    count = np.repeat(lengths, lengths)

    def shifted(values: npt.NDArray[Any], steps: int) -> Doubles:
        moved = np.zeros(n)
        at = np.flatnonzero((index + steps >= 0) & (index + steps < count))
        moved[at] = values[at + steps]
        return moved

    around = (-3, -2, -1, 1, 2, 3)
    present = np.maximum(sum(((index + k >= 0) & (index + k < count)).astype(float) for k in around), 1)
    columns: list[npt.NDArray[Any]] = []
    for own in np.asarray(logits, np.float64).T:
        third, second, before, after, later, last = (shifted(own, k) for k in around)
        window = (third + second + before + after + later + last) / present
        rest = (np.bincount(document, own, len(lengths))[document] - own) / np.maximum(count - 1, 1)
        columns += [own, before, second, after, later, window, rest, _highest_of_others(own, lengths)]
    about = cues(tokens).astype(np.float64)
    question = about[:, CUES.index("question")] > 0
    columns += [
        index > 0, index < count - 1, index / np.maximum(count - 1, 1), np.log1p(count),
        about[:, CUES.index("words")], question, shifted(question, -1), about[:, CUES.index("names")],
        *announcements(tokens, lengths), *_overlaps(tokens, lengths, works),
    ]  # fmt: skip
    return np.stack([np.asarray(c, np.float64) for c in columns], axis=1)


def no_context(rows: Doubles, experts: int) -> Doubles:
    """The same rows as if each sentence stood alone: for training, so that a model can do without."""
    alone = rows.copy()
    keep = [e * len(OF_LOGITS) for e in range(experts)]
    at = {name: experts * len(OF_LOGITS) + k for k, name in enumerate(OF_SENTENCE)}
    keep += [at[name] for name in ("words", "question", "names", "announcement itself")]
    alone[:, [k for k in range(rows.shape[1]) if k not in keep]] = 0
    alone[:, at["sentences"]] = np.log1p(1)
    alone[:, at["said to be free"]] = rows[:, at["announcement itself"]] < 0
    return alone


def _highest_of_others(logits: Doubles, lengths: Ints) -> Doubles:
    """Of each sentence, the highest logit in its document but its own; 0 where it stands alone."""
    lengths = lengths[lengths > 0]
    starts, document = np.cumsum(lengths) - lengths, np.repeat(np.arange(len(lengths)), lengths)
    out = np.maximum.reduceat(logits, starts)[document]
    at = np.flatnonzero(logits == out)
    tops = at[np.unique(document[at], return_index=True)[1]]  # the first, where several are highest
    others = logits.copy()
    others[tops] = -np.inf
    out[tops] = np.maximum.reduceat(others, starts)
    out[starts[lengths == 1]] = 0
    return out


def announcements(tokens: Tokens, lengths: Ints) -> tuple[Doubles, Doubles, Doubles]:
    """What each document says of its own spoilers.

    Args:
        tokens: The words of n sentences, documents one after the other.
        lengths: The number of sentences of each document.

    Returns:
        Three arrays (n,): 1 where spoilers stand announced before the sentence; 1 where it announces them itself
        and -1 where it says that there are none or that they end; 1 where its document claims to be free of them.
    """
    n, document = tokens.sentences, np.repeat(np.arange(len(lengths)), lengths)
    announced, itself, free = np.zeros(n), np.zeros(n), np.zeros(n)
    at = tokens.text.find("spoil")
    last_document, ends = -1, np.searchsorted(document, np.arange(document[-1] + 2)) if n else np.zeros(1, int)
    while at >= 0:
        row = int(np.searchsorted(tokens.bounds, at)) - 1
        start, end = int(tokens.bounds[row]) + 1, int(tokens.bounds[row + 1])
        sense, stop = announcement(tokens.text[start:end]), int(ends[document[row] + 1])
        if sense > 0:
            announced[row + 1 : stop] = 1
            itself[row] = 1
        elif sense < 0:
            if document[row] != last_document:  # the first word on it is said of the whole
                free[ends[document[row]] : stop] = 1
            announced[row + 1 : stop] = 0
            itself[row] = -1
        last_document = int(document[row])
        at = tokens.text.find("spoil", end)
    return announced, itself, free


COMMON = frozenset(
    "the a an and or but of to in on at by for with from as is are was were be been being it its he she they them "
    "his her their this that these those i you we my your our me him us not no so if then than there here what "
    "who which when where why how all any some more most very just only also too can could will would should do "
    "does did has have had one two about into out up down over after before again own same other".split()
)


def _overlaps(tokens: Tokens, lengths: Ints, works: Sequence[Work | None]) -> list[Doubles]:
    """Shares of a sentence's content words found in the blurb, and in the synopsis alone."""
    n = tokens.sentences
    out = [np.zeros(n) for _ in range(4)]
    start = 0
    for length, work in zip(lengths, works, strict=True):
        if work is not None and (work.blurb or work.synopsis or work.title):
            known = _words(clean(f"{work.title} {work.blurb}"))
            secret = _words(clean(work.synopsis)) - known
            for row in range(start, start + int(length)):
                words = _words(tokens.text[tokens.bounds[row] + 1 : tokens.bounds[row + 1]])
                size = max(len(words), 3)
                out[0][row] = len(words & known) / size
                out[1][row] = len(words & secret) / size
            out[2][start : start + length] = 1
            out[3][start : start + length] = bool(work.synopsis)
        start += int(length)
    return out


def _words(text: str) -> set[str]:
    """Content words, cut to six letters: a cheap stem that joins murder, murdered and murderer."""
    return {w[:6] for w in re.findall(r"[^\W\d_]{3,}", text.lower()) if w not in COMMON}


def forward(arrays: Mapping[str, npt.NDArray[Any]], rows: Doubles) -> Doubles:
    """The calibrated logit of each row: a network with one hidden layer (tanh), then slope and offset."""
    x = (rows - arrays["context_mean"]) / arrays["context_scale"]
    hidden = np.tanh(weighed(x, arrays["context_hidden"]) + arrays["context_hidden_bias"])
    logit = weighed(hidden, arrays["context_out"][:, None])[:, 0] + arrays["context_out_bias"][0]
    slope, offset = arrays["context_calibration"]
    return np.asarray(slope * logit + offset)


def weighed(rows: npt.NDArray[Any], weights: npt.NDArray[Any]) -> Doubles:
    """`rows @ weights`, column by column: BLAS adds in an order that changes with the number of rows
    (einsum too, with one row), and a score must not depend on the batch it was computed in."""
    total = np.zeros((len(rows), weights.shape[1]))
    for column, weight in zip(rows.T, weights, strict=True):
        total += column[:, None] * weight
    return total
