"""Experts and the network that joins them: the sums are those written down, and a batch changes no bit of a score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from texts import HARMLESS, SPOILERS

import spoilerguard as sg
from spoilerguard.model import context, scoring
from spoilerguard.model.convolution import ConvolutionalScorer
from spoilerguard.model.features import clean, cues, hashed, tokens_of
from spoilerguard.model.scoring import LinearScorer

DOCUMENTS: list[list[str]] = [
    ["Spoilers ahead!", *SPOILERS],
    ["No spoilers.", *HARMLESS, "Ça va? 👩‍👩‍👧‍👦 “It’s” &amp; İ", ""],
    [],
    [SPOILERS[0]],
    ["word " * 60, "?!", "日本語 text", SPOILERS[1], HARMLESS[1]],
]
SENTENCES = [sentence for document in DOCUMENTS for sentence in document]


@pytest.fixture(params=["small", "fast"])
def scorer(request: pytest.FixtureRequest) -> LinearScorer:
    """Of one expert, and of several: the linear model within `fast`."""
    guard: sg.Guard = request.getfixturevalue(request.param)
    scorer = guard.scorer.linear if isinstance(guard.scorer, ConvolutionalScorer) else guard.scorer
    assert isinstance(scorer, LinearScorer)
    assert scorer.arrays["intercept"].shape == (len(guard.manifest.experts),)
    return scorer


def in_documents(
    scorer: scoring.Scorer, documents: Sequence[Sequence[str]], work: sg.Work | None = None
) -> list[list[float]]:
    return [scores.tolist() for scores in scorer.score_documents(documents, [work] * len(documents))]


# --- the sums ------------------------------------------------------------------------------------


def test_a_logit_is_the_sum_of_weights_of_ngrams_and_cues(scorer: LinearScorer) -> None:
    arrays = scorer.arrays
    for sentence in SENTENCES:
        tokens = tokens_of([clean(sentence)])
        slow = arrays["intercept"] + cues(tokens)[0] @ arrays["cues"]
        for block in hashed(tokens):
            if len(block.buckets):
                slow = slow + sum(arrays["weights"][b].astype(float) for b in block.buckets) / len(block.buckets) ** 0.5
        assert scorer.logits(tokens)[0] == pytest.approx(slow, abs=1e-4)


def test_a_sentence_alone_is_a_document_of_one(scorer: LinearScorer) -> None:
    scores = scorer.score(SENTENCES).tolist()
    assert scores == [p for (p,) in in_documents(scorer, [[sentence] for sentence in SENTENCES])]
    tokens = tokens_of([clean(sentence) for sentence in SENTENCES])
    lengths = np.array([len(document) for document in DOCUMENTS])
    rows = context.features(scorer.logits(tokens), tokens, lengths, [None] * len(lengths))
    rows = context.no_context(rows, len(scorer.arrays["intercept"]))
    assert scoring.sigmoid(context.forward(scorer.arrays, rows)).tolist() == scores


# --- batches -------------------------------------------------------------------------------------


def test_a_document_scores_the_same_to_the_last_bit_in_any_company(scorer: LinearScorer) -> None:
    together = in_documents(scorer, DOCUMENTS)
    assert together == [in_documents(scorer, [document])[0] for document in DOCUMENTS]
    assert together == in_documents(scorer, DOCUMENTS[::-1])[::-1]
    assert in_documents(scorer, []) == []


@pytest.mark.parametrize("characters", [1, 60, 400, 1500])
def test_scores_in_parts_are_the_same_to_the_last_bit(
    scorer: LinearScorer, characters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, alone = in_documents(scorer, DOCUMENTS), scorer.score(SENTENCES).tolist()
    parts: list[int] = []
    logits = LinearScorer.logits

    def seen(self: LinearScorer, tokens: scoring.Tokens) -> object:
        parts.append(tokens.sentences)
        assert tokens.sentences == 1 or len(tokens.codes) <= characters + 1
        return logits(self, tokens)

    monkeypatch.setattr(scoring, "PART", characters)
    monkeypatch.setattr(LinearScorer, "logits", seen)
    assert in_documents(scorer, DOCUMENTS) == whole
    assert sum(parts) == len(SENTENCES)
    assert len(parts) > 1 or characters > 1000
    assert scorer.score(SENTENCES).tolist() == alone


# --- what stands around --------------------------------------------------------------------------


def test_neighbours_count_and_those_of_other_documents_do_not(scorer: LinearScorer) -> None:
    sentence, neighbours = HARMLESS[1], list(SPOILERS)
    alone = scorer.score([sentence])[0]
    assert in_documents(scorer, [neighbours, [sentence], neighbours])[1] == [alone]
    assert in_documents(scorer, [[*neighbours, sentence, *neighbours]])[0][len(neighbours)] != alone


DEATHS = ("In the end Mira dies in the fire.", "At the end her father dies.", "Tom is killed by his own son.")


def mean_score(scorer: scoring.Scorer, **work: str) -> float:
    """Of sentences that tell a death, each after a harmless one; {} stands for the sentence."""
    scores = []
    for death in DEATHS:
        known = sg.Work("The Long Rain", **{name: text.format(death) for name, text in work.items()})
        scores.append(scorer.score_documents([[HARMLESS[1], death]], [known])[0][1])
    return float(np.mean(scores))


def test_what_the_blurb_tells_is_less_of_a_spoiler_and_what_only_the_synopsis_tells_more(fast: sg.Guard) -> None:
    other = "A cook opens a shop on a quiet island."
    assert mean_score(fast.scorer, blurb="{}") < mean_score(fast.scorer, blurb=other)
    assert mean_score(fast.scorer, blurb=other, synopsis="{}") > mean_score(fast.scorer, blurb="{}", synopsis="{}")
