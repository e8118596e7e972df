"""Nobody keeps a sentence from the model by other letters that look the same."""

from __future__ import annotations

import pytest
from texts import SPOILERS

import spoilerguard as sg

PLAIN = SPOILERS[0]


def shifted(first: str, lower: str) -> dict[int, str]:
    """Capitals and small letters in another form, from the first of each."""
    capitals = {ord("A") + k: chr(ord(first) + k) for k in range(26)}
    return capitals | {ord("a") + k: chr(ord(lower) + k) for k in range(26)}


DISGUISES = {
    "full-width": shifted("Ａ", "ａ"),
    "bold": shifted("𝐀", "𝐚"),
    "sans-serif": shifted("𝖠", "𝖺"),
    "circled": shifted("Ⓐ", "ⓐ"),
    "Cyrillic": str.maketrans("aeiopcxysEHKMTBA", "аеіорсхуѕЕНКМТВА"),
    "Greek": str.maketrans("oIAEH", "οΙΑΕΗ"),
    "zero-width spaces": {ord(c): f"{c}\u200b" for c in "aeiou"},
    "soft hyphens": {ord(c): f"\u00ad{c}" for c in "dnrst"},
    "struck out": {ord(c): f"{c}\u0336" for c in "abcdefghijklmnopqrstuvwxyz"},
}


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=list(DISGUISES))
def test_a_disguised_sentence_has_the_score_of_the_plain_one(fast: sg.Guard, disguise: dict[int, str]) -> None:
    hidden = PLAIN.translate(disguise)
    assert hidden != PLAIN
    assert fast.score([hidden]).tolist() == fast.score([PLAIN]).tolist()


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=list(DISGUISES))
def test_the_offsets_are_those_of_the_text_as_it_stands(fast: sg.Guard, disguise: dict[int, str]) -> None:
    hidden = PLAIN.translate(disguise)
    (flag,) = fast.flag(hidden, format="text", threshold=0.0)
    assert (flag.start, flag.end, flag.text) == (0, len(hidden), hidden)
