"""Sentences to numbers: hashed n-grams and cues, the same code in training and in inference.

All sentences of a call are laid into one array of code points and every n-gram is found and hashed
by array operations, so the cost of a sentence is that of its characters, not of Python. A hash of
any substring is a difference of two prefix sums (Karp and Rabin, 1987), here in wrapping 64-bit
arithmetic: with H[i] = sum(c[k] * p**k for k < i), the substring s:e hashes to
(H[e] - H[s]) * p**-s, whatever stands before it.

Case is dropped. Hashing all names to one token was tried and dropped too: it gained nothing on
works never seen, and lost 0.015 to 0.02 AUC on TV Tropes (models/fast/CARD.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
import re
from typing import Any
import unicodedata
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

__all__ = ["BITS", "CUES", "VERSION", "Block", "clean", "cues", "hashed", "summed", "tokens_of"]

VERSION = 1  # of the features: a model made with another one is refused
BITS = 20  # n-grams are hashed into 2**BITS buckets

UInts = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_ONE, _TWO = np.uint64(31), np.uint64(1_000_003)
SEPARATOR = 2  # a code point that clean() never leaves in a sentence
TABLE_SIZE = 0x3040  # code points above are all letters to us (CJK, emoji)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))
_NUMBER = np.uint64(0x2545F4914F6CDD1D)
_SEEDS = tuple(np.uint64(s) for s in (0xA0761D6478BD642F, 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3))

_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]+")
_COMBINING = re.compile(r"[\u0300-\u036f\u20d0-\u20f0]+")


def clean(sentence: str) -> str:
    """A sentence as the model reads it: entities decoded, quotes straight, white space collapsed.

    Letters that only look like Latin ones become these, and what has no width is dropped, so that nobody can
    keep a sentence from the model without changing how it looks. Accented letters stay as they are.
    """
    if "&" in sentence:
        sentence = unescape(sentence)
    if not sentence.isascii():
        if _COMBINING.search(sentence):
            sentence = _COMBINING.sub("", normalize("NFC", sentence))
        sentence = sentence.translate(_PLAIN)
    if not sentence.isprintable() or "  " in sentence:  # else there is no white space but single spaces
        sentence = _CONTROL.sub(" ", sentence)
    return sentence.strip()


# Letters of other alphabets that look like Latin ones, each above its double (after confusables.txt of Unicode
# Technical Standard 39), without those that only resemble them from afar.
_ALIKE = (
    ("АВЕЅІЈКМНОРСТУХЗаеѕіјорсухһԁԛԝӏѵкмнтвгп", "ABESIJKMHOPCTYX3aesijopcyxhdqwlvkmhtBrn"),  # Cyrillic
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορτυχϲϳ", "ABEZHIKMNOPTYXaiknoptuxcj"),  # Greek
    ("օսցհոռւզԼՕՏ", "ougnnnLqLOS"),  # Armenian
    ("ɑɡıɩʟɴʀꜱʏɪʜᴀʙᴄᴅᴇɢᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢ", "agiilnrsyihabcdegjkmoptuvwz"),  # small capitals, phonetic letters
)
# Blocks of compatibility characters: circled, full-width, mathematical, squared, and letters like ℎ.
_STYLED = ((0x2100, 0x214F), (0x2460, 0x24EA), (0xFF01, 0xFF5F), (0x1D400, 0x1D800), (0x1F110, 0x1F190))
_NO_WIDTH = (
    *(0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x3164, 0xFEFF, 0xFFA0),
    *(*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFE00, 0xFE10)),
    *(*range(0xE0000, 0xE0080), *range(0xE0100, 0xE01F0)),
)


def _plain_letter(code: int) -> str:
    """The ASCII that a styled letter stands for; the letter itself if it stands for none."""
    plain = normalize("NFKC", chr(code))
    if not plain.isascii():  # `🅰` has no decomposition, but its name ends with its letter
        plain = plain.translate(_PLAIN)
    name = unicodedata.name(chr(code), "")
    if not plain.isascii() and (found := _NAMED.search(name)):
        plain = found[1]
    return plain.strip("()") if plain.isascii() else chr(code)


_NAMED = re.compile(r"(?:SQUARED|CIRCLED) LATIN CAPITAL LETTER ([A-Z])$")
_PUNCTUATION = {"’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "–": "-", "—": "-", "İ": "I"}
_PLAIN: dict[int, str | None] = {ord(other): plain for other, plain in _PUNCTUATION.items()}
for _others, _latin in _ALIKE:
    _PLAIN |= dict(zip(map(ord, _others), _latin, strict=True))
_PLAIN |= dict.fromkeys(_NO_WIDTH)
_PLAIN |= {code: _plain_letter(code) for first, end in _STYLED for code in range(first, end)}


@dataclass(frozen=True, slots=True)
class Block:
    """One family of n-grams over n sentences: which sentence each occurrence is in, and its bucket."""

    name: str
    rows: Ints  # (m,) ascending, values in 0..n-1
    buckets: npt.NDArray[np.uint32]  # (m,) values in 0..2**BITS-1
    token: Ints | None = None  # (m,) index of the word it ends with; None for characters
    back: tuple[int, ...] = (0,)  # its words, as steps back from that one


@lru_cache(maxsize=1)
def _word_table() -> npt.NDArray[np.uint8]:
    """1 for letters and marks, 2 for digits, 0 else, by code point."""
    return np.array([2 if chr(c).isdigit() else chr(c).isalpha() for c in range(TABLE_SIZE)], np.uint8)


class _Powers:
    """Powers of the base and of its inverse, grown as longer inputs come."""

    def __init__(self) -> None:
        self.both: tuple[UInts, UInts] = (np.ones(1, np.uint64), np.ones(1, np.uint64))

    def upto(self, n: int) -> tuple[UInts, UInts]:
        base, inverse = self.both
        if len(base) < n:
            size = 1 << (n - 1).bit_length()
            grow = np.full(size, _BASE)
            shrink = np.full(size, _INVERSE)
            grow[0] = shrink[0] = 1
            # Built whole before it is seen, both at once: another thread may be reading.
            self.both = base, inverse = np.cumprod(grow), np.cumprod(shrink)
        return base[:n], inverse[:n]


_POWERS = _Powers()


def _mix(h: UInts) -> UInts:
    """Spread a hash over all bits (the finaliser of splitmix64, Steele et al. 2014)."""
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


def _bucket(h: UInts) -> npt.NDArray[np.uint32]:
    return (_mix(h) >> np.uint64(64 - BITS)).astype(np.uint32)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words of n sentences: sentence, bounds in the joined text, hash, and what kind each is."""

    sentences: int
    text: str  # lower-cased, joined
    codes: npt.NDArray[np.uint32]  # its code points
    sentence_of: Ints
    start: Ints
    end: Ints
    hash: UInts
    name: npt.NDArray[np.bool_]
    shouted: npt.NDArray[np.bool_]  # in capitals
    bounds: Ints  # (n + 1,) position of the separator before each sentence, and of the last


def tokens_of(sentences: Sequence[str]) -> Tokens:
    """Find and hash the words of cleaned sentences. All numbers share one hash."""
    separator = chr(SEPARATOR)
    joined = separator + "".join([sentence + separator for sentence in sentences])
    lowered = joined.lower()
    raw = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = np.frombuffer(lowered.encode("utf-32-le", "surrogatepass"), np.uint32)
    if len(codes) != len(raw):  # a letter whose lower case is two letters: keep the upper case
        codes, lowered = raw, joined
    upper = raw != codes
    kind = np.where(codes < TABLE_SIZE, _word_table()[np.minimum(codes, TABLE_SIZE - 1)], np.uint8(1))
    word = kind > 0
    # An apostrophe belongs to the word it stands in.
    inner = (codes[1:-1] == 39) & word[:-2] & word[2:]
    word[1:-1] |= inner
    edges = np.flatnonzero(word[1:] != word[:-1]) + 1
    start, end = edges[0::2], edges[1::2]
    bounds = np.flatnonzero(codes == SEPARATOR)
    sentence_of = np.searchsorted(bounds, start) - 1
    base, inverse = _POWERS.upto(len(codes) + 1)
    prefix = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes * base[: len(codes)], out=prefix[1:])
    h = (prefix[end] - prefix[start]) * inverse[start]
    first = np.ones(len(start), np.bool_)
    first[1:] = sentence_of[1:] != sentence_of[:-1]
    second = np.minimum(start + 1, len(codes) - 1)
    # "Ned" within a sentence is a name; "I", "NEVER" and the first word are not known to be.
    name = upper[start] & ~upper[second] & ~first & (end - start > 1)
    # "I'm", "I've": a capital, yet no name.
    name &= ~((codes[start] == 105) & (codes[second] == 39))
    number = kind[start] == 2
    h = np.where(number, _NUMBER, h)
    shouted = upper[start] & upper[second] & (end - start > 1)
    return Tokens(len(sentences), lowered, codes, sentence_of, start, end, h, name, shouted, bounds)


def hashed(tokens: Tokens, *, characters: tuple[int, int] = (3, 5)) -> Iterator[Block]:
    """The n-gram blocks of sentences: words, pairs, pairs with one word between, triples, characters.

    The start and the end of a sentence count as words in pairs ("dead" as a last word).
    """
    h, row = tokens.hash, tokens.sentence_of
    every = np.arange(len(h))
    yield Block("word", row, _bucket(h), every)
    follows = np.zeros(len(h), np.bool_)
    follows[1:] = row[1:] == row[:-1]
    before = np.where(follows, np.roll(h, 1), _SEEDS[3])
    yield Block("pair", row, _bucket(before * _TWO ^ h * _ONE ^ _SEEDS[0]), every, (0, 1))
    last = np.flatnonzero(~np.append(follows[1:], False)) if len(h) else every
    yield Block("last", row[last], _bucket(h[last] * _TWO ^ _SEEDS[3]), last)
    third = follows.copy()
    third[1:] &= follows[:-1]
    at = np.flatnonzero(third)
    yield Block("skip", row[at], _bucket(h[at - 2] * _TWO ^ h[at] * _ONE ^ _SEEDS[1]), at, (0, 2))
    triple = (h[at - 2] * _TWO + h[at - 1]) * _TWO ^ h[at] * _ONE ^ _SEEDS[2]
    yield Block("triple", row[at], _bucket(triple), at, (0, 1, 2))
    if characters[1]:
        yield from _character_blocks(tokens, *characters)


def _character_blocks(tokens: Tokens, low: int, high: int) -> Iterator[Block]:
    """Character n-grams of words with their punctuation and the space on either side (`char_wb`)."""
    spaces = (tokens.codes == 32) | (tokens.codes == SEPARATOR)
    plain = np.where(spaces, 32, tokens.codes).astype(np.uint64)
    base, inverse = _POWERS.upto(len(plain) + 1)
    prefix = np.zeros(len(plain) + 1, np.uint64)
    np.cumsum(plain * base[: len(plain)], out=prefix[1:])
    blank = np.zeros(len(plain) + 1, np.int64)
    np.cumsum(spaces, out=blank[1:])
    sentence = np.cumsum(tokens.codes == SEPARATOR) - 1
    for size in range(low, high + 1):
        # No space within: only the first and the last character may be one.
        at = np.flatnonzero(blank[size - 1 : len(plain)] - blank[1 : len(plain) - size + 2] == 0)
        h = (prefix[at + size] - prefix[at]) * inverse[at]
        yield Block(f"characters {size}", sentence[at + 1], _bucket(h ^ _SEEDS[(size + 1) % 4] ^ np.uint64(size)))


def summed(block: Block, values: npt.NDArray[Any], sentences: int) -> npt.NDArray[np.float64]:
    """Sum over each sentence's occurrences of `values` (m, E), divided by sqrt(their number): (n, E)."""
    out = np.zeros((sentences, values.shape[1]))
    if len(block.rows):
        starts = np.flatnonzero(np.append(True, block.rows[1:] != block.rows[:-1]))
        count = np.diff(np.append(starts, len(block.rows)))
        out[block.rows[starts]] = np.add.reduceat(values, starts, axis=0) / np.sqrt(count)[:, None]
    return out


# --- cues: what n-grams do not see ---------------------------------------------------------------

CUES = ("words", "names", "question", "exclamation", "quotes", "digits", "shouting", "dots", "comma", "letters")


def cues(tokens: Tokens) -> Floats:
    """Counts about each sentence, made small by log(1 + count): shape (n, len(CUES))."""
    n, row = tokens.sentences, tokens.sentence_of

    def per_sentence(at: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        running = np.zeros(len(at) + 1, np.int64)
        np.cumsum(at, out=running[1:])
        return running[tokens.bounds[1:]] - running[tokens.bounds[:-1]]

    codes = tokens.codes
    counts = [
        np.bincount(row, minlength=n),
        np.bincount(row[tokens.name], minlength=n),
        per_sentence(codes == ord("?")),
        per_sentence(codes == ord("!")),
        per_sentence(codes == ord('"')),
        np.bincount(row[tokens.hash == _NUMBER], minlength=n),
        np.bincount(row[tokens.shouted], minlength=n),
        per_sentence(codes == ord(".")),
        per_sentence(codes == ord(",")),
        np.diff(tokens.bounds) - 1,
    ]
    return np.log1p(np.stack(counts, axis=1).astype(np.float32))
