"""Sentences to numbers: the n-grams are those a slow reading finds, and a sentence's are its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import unescape
import re

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from spoilerguard.model.features import BITS, CUES, Block, clean, cues, hashed, summed, tokens_of

SENTENCES = (
    "In the last chapter Ned dies, and Robb's wife Jeyne dies too!",
    "He died in 1984; she died in 1991.",
    'Is it "the end"? I don\'t know, I never DID know.',
    "Dies in the last chapter.",
    "Ça va, Éomer?",
    "日本語 text",
    "no",
    "?!",
    "dies? dies! 'dies' (dies)",
    "",
)
ANY_SENTENCE = st.text(max_size=40) | st.text("aB .'\"?1é", max_size=40)

# --- a slow reading ------------------------------------------------------------------------------

Grams = list[tuple[str, ...]]
NUMBER, START, END = "<number>", "<start>", "<end>"


def words_of(sentence: str) -> list[str]:
    """The words of a cleaned sentence, in lower case; every number is one word."""
    words = re.findall(r"(?:[^\W_]|(?<=[^\W_])'(?=[^\W_]))+", sentence.lower())
    return [NUMBER if word[0].isdigit() else word for word in words]


def character_grams(sentence: str, size: int) -> Grams:
    """So many characters in a row between spaces, punctuation too, with the space on either side."""
    pieces = [f" {piece} " for piece in sentence.lower().split()]
    return [(piece[at : at + size],) for piece in pieces for at in range(len(piece) - size + 1)]


def runs(words: Sequence[str], *steps: int) -> Grams:
    return [tuple(words[at + step] for step in steps) for at in range(len(words) - steps[-1])]


SLOW: dict[str, Callable[[str], Grams]] = {
    "word": lambda s: runs(words_of(s), 0),
    "pair": lambda s: runs([START, *words_of(s)], 0, 1),
    "last": lambda s: [(words_of(s)[-1], END)] if words_of(s) else [],
    "skip": lambda s: runs(words_of(s), 0, 2),
    "triple": lambda s: runs(words_of(s), 0, 1, 2),
    "characters 3": lambda s: character_grams(s, 3),
    "characters 4": lambda s: character_grams(s, 4),
    "characters 5": lambda s: character_grams(s, 5),
}


def fast(sentences: Sequence[str]) -> dict[str, Block]:
    return {block.name: block for block in hashed(tokens_of([clean(s) for s in sentences]))}


@pytest.mark.parametrize("name", SLOW)
def test_ngrams_are_those_of_a_slow_reading(name: str) -> None:
    block = fast(SENTENCES)[name]
    bucket_of: dict[tuple[str, ...], int] = {}
    for row, sentence in enumerate(SENTENCES):
        slow, buckets = SLOW[name](clean(sentence)), block.buckets[block.rows == row].tolist()
        assert len(slow) == len(buckets), sentence
        for gram, bucket in zip(slow, buckets, strict=True):
            assert bucket_of.setdefault(gram, bucket) == bucket, f"{gram} of {sentence!r}"
    assert len(set(bucket_of.values())) == len(bucket_of), "two n-grams share a bucket"


def test_every_family_of_ngrams_has_a_slow_reading() -> None:
    assert set(fast(SENTENCES)) == set(SLOW)


def test_families_do_not_share_buckets() -> None:
    seen = [set(block.buckets.tolist()) for block in fast(SENTENCES).values()]
    assert len(set.union(*seen)) >= 0.99 * sum(map(len, seen))


# --- a sentence's numbers are its own ------------------------------------------------------------


@given(st.lists(ANY_SENTENCE, max_size=6), ANY_SENTENCE)
def test_a_sentence_counts_the_same_in_any_company(others: list[str], sentence: str) -> None:
    at = len(others)
    company = [*others, sentence, *others]
    together, alone = fast(company), fast([sentence])
    for name, block in together.items():
        assert block.buckets[block.rows == at].tolist() == alone[name].buckets.tolist()
        assert set(block.rows.tolist()) <= set(range(len(company)))
        assert block.buckets.max(initial=0) < 2**BITS
    one, many = (cues(tokens_of([clean(s) for s in sentences])) for sentences in ([sentence], company))
    assert many[at].tolist() == one[0].tolist()


@pytest.mark.parametrize("sentences", [[], [""], ["", " \n"]])
def test_where_there_are_no_words_there_are_no_ngrams(sentences: list[str]) -> None:
    assert all(len(block.rows) == len(block.buckets) == 0 for block in fast(sentences).values())
    assert cues(tokens_of([clean(s) for s in sentences])).shape == (len(sentences), len(CUES))


@given(st.lists(ANY_SENTENCE, max_size=6))
def test_a_family_is_summed_by_sentence_and_divided_by_the_root_of_its_count(sentences: list[str]) -> None:
    for block in fast(sentences).values():
        values = np.stack([block.buckets % 7, block.buckets % 11], axis=1).astype(np.float32)
        slow = np.zeros((len(sentences), 2))
        for row, value in zip(block.rows, values, strict=True):
            slow[row] += value / np.sqrt((block.rows == row).sum())
        assert summed(block, values, len(sentences)) == pytest.approx(slow)


def test_a_long_sentence_after_short_ones() -> None:
    long = "word " * 5000
    assert len(fast([long])["word"].buckets) == 5000
    assert set(fast([long])["word"].buckets.tolist()) == set(fast(["word"])["word"].buckets.tolist())


# --- words, names, numbers -----------------------------------------------------------------------


def ngrams(sentence: str) -> list[list[int]]:
    return [block.buckets.tolist() for block in fast([sentence]).values()]


def test_case_is_dropped() -> None:
    assert ngrams("In the END Ned dies.") == ngrams("in the end ned dies.")
    assert ngrams("In the end Ned dies.") != ngrams("In the end Tom dies.")


def test_words_are_read_without_their_punctuation_and_characters_with_it() -> None:
    calm, loud = fast(["He dies."]), fast(["He dies!"])
    for name, block in calm.items():
        assert (block.buckets.tolist() == loud[name].buckets.tolist()) == (not name.startswith("characters")), name


def test_a_name_counts_as_the_word_it_is() -> None:
    block = fast(["In the end Ned dies.", "In the end Tom dies.", "ned"])["word"]
    ned, tom, alone = (block.buckets[block.rows == row].tolist() for row in range(3))
    assert [a == b for a, b in zip(ned, tom, strict=True)] == [True, True, True, False, True]
    assert ned[3:4] == alone


def test_characters_can_be_left_out() -> None:
    names = [block.name for block in hashed(tokens_of(["He dies."]), characters=(0, 0))]
    assert names == [name for name in SLOW if not name.startswith("characters")]


@pytest.mark.parametrize("word", ["I", "I'm", "NEVER", "never"])
def test_a_capital_alone_makes_no_name(word: str) -> None:
    assert not tokens_of([f"And {word} left."]).name.any()


def test_the_first_word_is_not_known_to_be_a_name() -> None:
    assert tokens_of(["Ned saw Ned."]).name.tolist() == [False, False, True]


def test_numbers_are_one_number() -> None:
    assert ngrams("He died in 1984.")[0] == ngrams("He died in 7.")[0]


# --- cleaning ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "cleaned"),
    [
        ("He &amp; she&nbsp;die&hellip;", "He & she die..."),
        ("“It’s ‘over’” — Ned", "\"It's 'over'\" - Ned"),
        ("  hard\r\nwrapped\tline ", "hard wrapped line"),
        ("zero\u200bwidth\ufeff and\x00null", "zerowidth and null"),
        ("soft\u00adhyphen İstanbul", "softhyphen Istanbul"),
        ("ｈｅ 𝐝𝐢𝐞𝐬 𝓲𝓷 𝖙𝖍𝖊 𝚎𝚗𝚍", "he dies in the end"),
        ("Ⓗⓔ 🅳🅸🅴🆂, ʜᴇ ᴅɪᴇꜱ", "He DIES, he dies"),
        ("hе dіеѕ; ΤΗΕ ΕΝD", "he dies; THE END"),
        ("d\u200di\u2060e\ufe0fs &#8203;d&shy;ies", "dies dies"),
        ("h\u0336e\u0336 d\u0336ie\u0301s", "he diés"),
        ("José, Zoë, Łukasz, Čapek, Brontë", "José, Zoë, Łukasz, Čapek, Brontë"),
    ],
)
def test_what_looks_the_same_is_read_the_same(sentence: str, cleaned: str) -> None:
    assert clean(sentence) == cleaned


@given(ANY_SENTENCE)
def test_a_cleaned_sentence_is_one_clean_line(sentence: str) -> None:
    cleaned = clean(sentence)
    assert cleaned == " ".join(cleaned.split())
    assert not re.search(r"[\x00-\x1f\x7f]", cleaned)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_read_as_it_stands(sentence: str) -> None:
    assert clean(sentence) == " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", unescape(sentence)).split())


# --- cues ----------------------------------------------------------------------------------------


def test_cues_count_what_they_are_called_after() -> None:
    sentences = ['"What?!" said Ned in 1984, twice...', "Nothing."]
    counts = np.round(np.expm1(cues(tokens_of(sentences)))).astype(int)
    table = {name: counts[:, k].tolist() for k, name in enumerate(CUES)}
    assert table["words"] == [6, 1]
    assert table["names"] == [1, 0]
    assert table["question"] == [1, 0]
    assert table["exclamation"] == [1, 0]
    assert table["quotes"] == [2, 0]
    assert table["digits"] == [1, 0]
    assert table["comma"] == [1, 0]
    assert table["dots"] == [3, 1]
