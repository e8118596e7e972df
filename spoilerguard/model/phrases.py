"""The words to show a reader: the part of a sentence that weighs most, cut where a reader would cut it.

A phrase is a run of whole words within one clause. It opens and closes where a clause does, or at least not with a
word that leaves the reader waiting: "turns out to be his son", never "to be his" or "doesn't".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Phrase", "phrases"]

LONGEST = 12  # words
MOST = 2  # phrases of a sentence
_AT_ONCE = 4096  # words that are looked at together, so that memory stays small
_EACH = 0.03  # what each word costs, as a share of all gains
_OPEN, _CLOSED = 0.2, 0.3  # what it is worth to begin and to end with a clause
_PART = 0.08  # the same before a preposition
_SECOND = 0.2  # what a second word is worth that says something
_BAD = 0.6  # what an end costs that leaves the reader waiting
_LIGHT = 0.15  # what it costs to start with a preposition
_TORN = 0.4  # what it costs to start after the preposition or helping verb that a word belongs to
_THIN = 1.0  # what it costs to say only that there is an end, a scene, a person
_NOTHING = 9.0  # what it costs to say nothing
_FEW = 4  # words that tell little without their clause
_AFTER, _BEFORE = 3, 2  # words of the clause that are not left out at its end and at its start

_BREAK = re.compile(r"[,;:.!?()\[\]]|\s-+\s|--")  # between two words: a clause ends
_TITLES = frozenset("Dr Jr Mr Mrs Ms Sr St".split())  # no clause ends after them
_INNER = re.compile(r"[-&/](?=\w)|(?<=\d)[.,:](?=\d)")  # between the parts of one word: well-known, 5,000.50
_SIGNED = re.compile(r"(?<![^\s(])[$£€]\Z")  # before a number, and part of it

# Verbs that wait for another: a phrase neither ends with them nor before them, which would leave a bare subject.
_HELPS = (
    "is are was were be been being am has have had having do does did will would can could shall should may might must "
    "gets get got becomes become became isn't aren't wasn't weren't hasn't haven't hadn't doesn't don't didn't won't "
    "wouldn't can't couldn't shouldn't cannot"
)
_PLACES = "in on at by for with from into during under against about between through without as"
_COMPLETES = "that how why what whether of to than"  # what they begin belongs to what comes before
_CLAUSES = (  # a clause begins with them, or after them
    "and but or because when while after before until since though although unless whereas provided if then so "
    "who whom whose which where"
)
# What words do at the ends of a phrase; a word may be in several groups.
_GROUPS: dict[str, str] = {
    "closes": _CLAUSES,
    "opens": f"{_CLAUSES} {_COMPLETES} as",
    "completes": _COMPLETES,
    "places": _PLACES,
    "helps": _HELPS,
    # A phrase does not start with them.
    "joins": "and but or because so that which than as if of nor though although whereas also then when while after "
    "before until since unless even him me us them there there's",
    "light": f"{_PLACES} to onto upon over",
    # No phrase ends with them, unless the clause does.
    "waits": f"{_HELPS} {_CLAUSES} {_COMPLETES} {_PLACES} "
    "a an the this these those my your his her its our their last next new old once onto upon over within among toward "
    "towards 's not n't never very too quite just only also even really actually simply ever every each some any no "
    "both either neither such more most less least much many i he she we they it's he's she's they're i'm you're we're "
    "who's that's there's there one two three four first second whole entire own same other another makes make made "
    "making lets let fact idea reason way point thought",
    # With one of them begins what a preposition is about.
    "names": "a an the this these those that my your his her its our their whose most more",
    # They say nothing by themselves.
    "empty": "it you him her them me us up down out off here now all again himself herself",
    # They say only that there is something to say.
    "vague": "end ends ended ending endings final finally finale conclusion last film films movie movies book books "
    "novel story stories plot episode episodes show shows showing series season seasons chapter chapters scene scenes "
    "part point time way fact character characters thing things later eventually reason turns revealed reveals reveal "
    "twist spoiler spoilers goes go comes come know knows knew see sees find finds happens happened happen take takes "
    "seems begins poor idiot guy man woman",
}
_FLAGS = {name: 1 << k for k, name in enumerate(_GROUPS)}
_WORDS: dict[str, int] = {}
for _name, _words in _GROUPS.items():
    for _word in _words.split():
        _WORDS[_word] = _WORDS.get(_word, 0) | _FLAGS[_name]
_SILENT = _FLAGS["empty"] | _FLAGS["waits"] | _FLAGS["joins"]


class Phrase(NamedTuple):
    """A range of a sentence's text: start and end (exclusive), and how good it is to show."""

    start: int
    end: int
    worth: float


class _Word(NamedTuple):
    start: int
    end: int
    text: str
    gain: float


def phrases(
    texts: Sequence[str], bounds: Sequence[Sequence[tuple[int, int]]], gains: Sequence[npt.NDArray[np.floating]]
) -> list[list[Phrase]]:
    """The phrases of each sentence that may stand for it.

    Args:
        texts: The sentences.
        bounds: Where the words of each stand, in order.
        gains: What each word adds to the score of its sentence.

    Returns:
        At most MOST of each sentence, the best of its clauses, the best first. A sentence without words is one phrase.
    """
    words = [_joined(*each) for each in zip(texts, bounds, gains, strict=True)]
    found: list[list[Phrase]] = []
    start = held = 0
    for end, joined in enumerate(words, 1):  # thousands cost hardly more than one does
        held += len(joined) + 1
        if held >= _AT_ONCE or end == len(words):
            found += _best(texts[start:end], words[start:end])
            start, held = end, 0
    return found


def _completed(words: Sequence[_Word], broken: Sequence[bool], start: int, end: int) -> tuple[int, int]:
    """The run of words with what little is left of its clause, and no name cut in two."""
    head = next((k for k in range(start, 0, -1) if broken[k - 1]), 0)
    tail = next((k + 1 for k in range(end - 1, len(broken)) if broken[k]), len(words))
    whole = end - start <= _FEW and tail - head <= LONGEST
    before = head if whole or start - head <= _BEFORE else start
    after = tail if whole or tail - end <= _AFTER else end
    while before < start and _does(words[before], "joins"):  # it does not begin with "and", "when" or "then"
        before += 1
    most = 2 * LONGEST  # a list of names is no name
    while before > head and after - before < most and _is_name(words[before]):
        if _is_name(words[before - 1]):
            before -= 1
        elif before - head > 1 and words[before - 1].text == "of" and _is_name(words[before - 2]):
            before -= 2
        else:
            break
    while after < tail and after - before < most and _is_name(words[after - 1]) and _is_name(words[after]):
        after += 1
    while after - before > 1 and _does(words[after - 1], "closes"):  # "because ..."
        after -= 1
    return before, after


def _does(word: _Word, group: str) -> bool:
    return bool(_WORDS.get(word.text.lower(), 0) & _FLAGS[group])


def _is_name(word: _Word) -> bool:
    return word.text[0].isupper() and word.text.lower() not in _WORDS


def _joined(text: str, bounds: Sequence[tuple[int, int]], gains: npt.NDArray[np.floating]) -> list[_Word]:
    """The words as a reader sees them: parts joined by a hyphen are one word, and so is $5,000.50."""
    words: list[_Word] = []
    for (start, end), gain in zip(bounds, gains.tolist(), strict=True):
        if words and (inner := _INNER.match(text, words[-1].end)) and inner.end() == start:
            before = words.pop()
            start, gain = before.start, before.gain + gain
        elif text[start].isdigit() and _SIGNED.search(text, max(0, start - 2), start):
            start -= 1
        if text[end - 1].isdigit() and text.startswith("%", end):
            end += 1
        words.append(_Word(start, end, text[start:end], gain))
    return words


def _best(texts: Sequence[str], sentences: Sequence[Sequence[_Word]]) -> list[list[Phrase]]:
    """The best runs of words of the best clauses of each sentence, the best first.

    No sentence has a say in the sums of another, so what is found does not depend on what is asked together.
    """
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return [[Phrase(0, len(text), 0.0)] for text in texts]
    n = len(words)
    gain = np.array([word.gain for word in words])
    does = np.array([_WORDS.get(word.text.lower(), 0) for word in words])

    def has(name: str) -> npt.NDArray[np.bool_]:
        return (does & _FLAGS[name]) > 0

    of = np.array([word.text.lower() in ("of", "than") for word in words])
    empty = (does & _SILENT) > 0
    vague = has("vague") | np.array([word.text[0].isupper() for word in words])  # a name alone
    # A clause ends after this word.
    broken = [list(_breaks(text, sentence)) for text, sentence in zip(texts, sentences, strict=True)]
    ends = np.array([end for each in broken for end in each])
    starts = np.append(True, ends[:-1])
    clause = np.cumsum(starts)
    closes, places, helps, completes = (
        np.append(has(name)[1:], False) & ~ends for name in ("closes", "places", "helps", "completes")
    )
    # Of each word: what it is worth to begin with it, and to end with it.
    first = _OPEN * (starts | np.append(True, has("opens")[:-1])) - _BAD * has("joins") - _LIGHT * has("light")
    named = has("names") | np.array([word.text[0].isupper() for word in words])
    first -= _TORN * (~starts & np.append(False, ((has("light") | of)[:-1] & named[1:]) | has("helps")[:-1]))
    last = _CLOSED * (ends | closes) + _PART * places - _BAD * ((has("waits") & ~ends) | helps | completes)
    full, telling = (np.append(0, values.cumsum()) for values in (~empty, ~empty & ~vague))
    sizes = np.array([len(sentence) for sentence in sentences])
    begin, length = np.arange(n)[:, None], np.arange(1, min(LONGEST, sizes.max()) + 1)[None, :]
    end = np.minimum(begin + length, n)
    sums = np.append(gain, np.zeros(LONGEST))[begin + length - 1].cumsum(axis=1)
    filled = np.flatnonzero(sizes)
    all_gains = np.add.reduceat(gain.clip(0), np.cumsum(sizes)[filled] - sizes[filled])
    all_gains[all_gains == 0] = 1.0
    worth = sums / np.repeat(all_gains, sizes[filled])[:, None] - _EACH * length + first[begin] + last[end - 1]
    worth += _SECOND * (full[end] - full[begin] > 1) - _THIN * (telling[end] == telling[begin])
    worth -= _NOTHING * (full[end] == full[begin])
    worth[(begin + length > n) | (clause[begin] != clause[end - 1])] = -np.inf
    most = worth.argmax(axis=1)  # for each start
    best = worth[np.arange(n), most]
    heads = np.flatnonzero(starts)
    highest = np.flatnonzero(best == np.maximum.reduceat(best, heads)[clause - 1])
    tops = highest[np.unique(clause[highest], return_index=True)[1]]  # of each clause, the first
    found: list[list[Phrase]] = []
    rows = list(zip(tops.tolist(), (tops + most[tops] + 1).tolist(), best[tops].tolist(), strict=True))
    offsets = np.append(0, np.cumsum(sizes))
    clauses = np.searchsorted(tops, offsets).tolist()
    for text, sentence, breaks, offset, (since, until) in zip(
        texts, sentences, broken, offsets.tolist(), pairwise(clauses), strict=False
    ):
        chosen = sorted(rows[since:until], key=lambda row: -row[2])[:MOST]
        runs = ((_completed(sentence, breaks, a - offset, b - offset), worth) for a, b, worth in chosen)
        spans = [Phrase(sentence[a].start, sentence[b - 1].end, worth) for (a, b), worth in runs]
        found.append(spans or [Phrase(0, len(text), 0.0)])
    return found


def _breaks(text: str, words: Sequence[_Word]) -> Iterator[bool]:
    """Whether a clause ends after each word."""
    for before, after in pairwise(words):
        yield _BREAK.search(text[before.end : after.start]) is not None and before.text not in _TITLES
    if words:
        yield True
