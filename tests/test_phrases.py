"""The words shown as a reason: whole words of one clause, and never an end that leaves the reader waiting."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from texts import SPOILERS

import spoilerguard as sg
from spoilerguard.model import phrases as module
from spoilerguard.model.phrases import LONGEST, MOST, phrases
from spoilerguard.model.scoring import KINDS, NAMED_FROM, UNNAMED, LinearScorer

WORD = re.compile(r"[\w']+")


def shown(text: str, **gains: float) -> list[str]:
    """The phrases of a text in which these words gain so much, and each other word a little."""
    bounds = [match.span() for match in WORD.finditer(text)]
    values = np.array([gains.get(text[start:end].lower(), 0.01) for start, end in bounds])
    return [text[p.start : p.end] for p in phrases([text], [bounds], [values])[0]]


@pytest.mark.parametrize(
    ("text", "gains", "phrase"),
    [
        (
            "The insurance man turns out to be his son.",
            {"turns": 1, "out": 1},
            "The insurance man turns out to be his son",
        ),
        ("In the end, she shoots him, and leaves.", {"shoots": 1, "end": 1}, "she shoots him"),
        ("I liked it because he dies in the fire.", {"dies": 1}, "he dies in the fire"),
        ("She never knew that her brother killed the king.", {"killed": 1}, "her brother killed the king"),
        ("The ex-wife did it.", {"wife": 1}, "The ex-wife did it"),
        ("She took $5,000.50, and ran.", {"took": 1}, "She took $5,000.50"),
        ("It is 12:30, and he dies in 1.5 hours.", {"dies": 1}, "he dies in 1.5 hours"),
        ("He leaves her 50% of it.", {"leaves": 1}, "He leaves her 50% of it"),
        # What little is left of a clause belongs to it, and a name is not cut in two.
        (
            "At the wedding Jaime pays Olenna a visit.",
            {"jaime": 1, "pays": 1, "olenna": 1, "a": -0.2, "visit": -0.4},
            "Jaime pays Olenna a visit",
        ),
        ("Jake and Cassie part at the end of it.", {"cassie": 1, "part": 1}, "Jake and Cassie part at the end of it"),
        (
            "I was not truly annoyed until the ending turned the Mary Sue dial all the way up to the very top.",
            {"ending": 1, "turned": 1, "mary": 1},
            "the ending turned the Mary Sue",
        ),
        # Nor is a word torn from the preposition or the verb that it belongs to.
        (
            "After all that she is then married to the king of the north at last.",
            {"king": 1, "north": 1, "married": -0.1, "to": -0.1},
            "married to the king of the north at last",
        ),
        ("He goes because...", {"goes": 1, "because": 0.5}, "He goes"),
        ("In it Dr. Gull kills her.", {"kills": 1}, "In it Dr. Gull kills her"),
        ("Ser Davos: he saves the boy.", {"davos": 2, "saves": 1}, "he saves the boy"),
        ("Dies.", {"dies": 1}, "Dies"),
        ("It is what it is.", {}, "It is what it is"),
    ],
)
def test_the_phrase_a_reader_would_choose(text: str, gains: dict[str, float], phrase: str) -> None:
    assert shown(text, **gains)[0] == phrase


def test_it_is_never_a_negation_or_a_helper_alone() -> None:
    sentence = "He doesn't know that she is dead, does he?"
    assert shown(sentence, **{"doesn't": 1})[0] == "He doesn't know that she is dead"
    assert shown("He doesn't know it, but she is dead.", dead=1)[0] == "she is dead"
    assert shown(sentence, does=1, he=1)[0] == "He doesn't know that she is dead"


@given(
    st.lists(
        st.sampled_from("she he dies the of king, end. and-so killed doesn't Anna that her in 3.5".split()), max_size=40
    )
)
def test_phrases_are_whole_words_of_one_clause(words: list[str]) -> None:
    text = " ".join(words)
    bounds = [match.span() for match in WORD.finditer(text)]
    (found,) = phrases([text], [bounds], [np.linspace(-1, 1, len(bounds))])
    assert 1 <= len(found) <= MOST
    for start, end, _ in found:
        assert start == 0 or not text[start - 1].isalnum()
        assert end == len(text) or not text[end].isalnum()
        assert len(text[start:end].split()) <= LONGEST
        assert not re.search(r"[,;:!?]", text[start:end])
    assert [p.worth for p in found] == sorted((p.worth for p in found), reverse=True)


def test_a_text_without_words_is_shown_whole() -> None:
    assert shown("?!") == ["?!"]
    assert shown("") == [""]


# --- the kinds -----------------------------------------------------------------------------------


def named(scorer: LinearScorer, *probabilities: float) -> list[str]:
    kinds = np.array([[*probabilities, *[0.0] * (len(KINDS) - len(probabilities))]])
    found = LinearScorer(scorer.arrays, tuple(KINDS), scorer.named_from)._named(kinds)[0]
    assert found
    return found


def test_a_kind_is_named_only_where_it_is_likely_and_several_may_be(trained: sg.Guard) -> None:
    assert isinstance(trained.scorer, LinearScorer)
    scorer = LinearScorer(trained.scorer.arrays, tuple(KINDS))
    first, second, *_ = KINDS
    assert named(scorer, NAMED_FROM, NAMED_FROM + 0.1) == [second, first]
    assert named(scorer, NAMED_FROM - 0.01) == [UNNAMED]
    limits = (0.9, 0.1, *[2.0] * (len(KINDS) - 2))
    assert named(LinearScorer(scorer.arrays, tuple(KINDS), limits), 0.8, 0.2, 1.0) == [second]


def test_a_flag_has_one_phrase_and_perhaps_several_kinds(fast: sg.Guard) -> None:
    report = fast.flag(" ".join(SPOILERS), sensitivity="high")
    assert report
    for flag in report:
        assert len({reason.text for reason in flag.reasons}) == 1
        assert flag.reasons[0].text in flag.text
        kinds = [reason.kind for reason in flag.reasons]
        assert kinds == [UNNAMED] or (set(kinds) <= set(KINDS) and len(set(kinds)) == len(kinds))


def test_the_network_weighs_no_sentence_in_the_company_of_others(fast: sg.Guard) -> None:
    together = fast.flag("\n\n".join(SPOILERS), sensitivity="high")
    assert [fast.scorer.reasons([s], np.full((1, len(KINDS)), np.nan)) for s in SPOILERS] == [
        [reasons] for reasons in fast.scorer.reasons(SPOILERS, np.full((len(SPOILERS), len(KINDS)), np.nan))
    ]
    assert len(together) > 1


def test_a_report_says_that_a_sentence_gives_the_plot_away_where_no_kind_is_likely(fast: sg.Guard) -> None:
    from spoilerguard.drafts.outcomes import kind_name, why

    [flag, *_] = fast.flag(SPOILERS[1], threshold=0.0)
    unnamed = sg.Flag(0, 1, 1, 1, "x", 0.9, (sg.Reason(UNNAMED, "x"),))
    assert kind_name(UNNAMED) == "gives the plot away"
    assert why(unnamed) == "may give the plot away"
    assert why(flag).startswith("may give the plot away")


def test_many_sentences_are_looked_at_together_and_none_changes_what_is_found_in_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ["a", "", *SPOILERS, "He dies, and she knew it.", "..."] * 500
    bounds = [[match.span() for match in WORD.finditer(text)] for text in texts]
    gains = [np.linspace(-1, 1 / (1 + len(words)), len(words)) for words in bounds]
    alone = [phrases([text], [words], [values])[0] for text, words, values in zip(texts, bounds, gains, strict=True)]
    looked = []
    best = module._best
    monkeypatch.setattr(module, "_best", lambda *each: looked.append(len(each[0])) or best(*each))
    assert phrases(texts, bounds, gains) == alone
    assert len(looked) < len(texts) / 100
