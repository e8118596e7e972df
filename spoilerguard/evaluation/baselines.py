"""Baselines that a model must beat: simple classifiers, trained and measured on the same sentences.

To add a baseline, write a function that learns from labelled sentences and returns a scorer, and add a row
to BASELINES.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import re

import numpy as np
import numpy.typing as npt

__all__ = ["BASELINES", "BaselineModel"]

Doubles = npt.NDArray[np.float64]
Score = Callable[[Sequence[str]], Doubles]  # sentences to probabilities, shape (n,)
Learn = Callable[[Sequence[str], npt.NDArray[np.int_], int], Score]  # texts, labels, seed


@dataclass(frozen=True, slots=True)
class BaselineModel:
    """A simple classifier.

    Attributes:
        name: Its name in arguments.
        title: Its name in reports.
        learn: Learns from texts and labels with a seed, and returns a scorer.
    """

    name: str
    title: str
    learn: Learn


def _majority(texts: Sequence[str], labels: npt.NDArray[np.int_], seed: int) -> Score:
    """The same probability for every sentence: the share of spoilers."""
    rate = float(labels.mean())
    return lambda sentences: np.full(len(sentences), rate)


_KEYWORDS = re.compile(
    r"\b(?:dies?|died|dead|deaths?|dying|kill(?:s|ed|er|ing)?|murder(?:s|ed|er|ers)?|suicides?|surviv(?:es?|ed)|"
    r"ending|ends|final(?:e|ly)?|epilogue|twists?|turns? out|turned out|reveal(?:s|ed|ing)?|revelation|secretly|"
    r"betray(?:s|ed|al)?|traitor|culprit|was actually|is actually|all along|the whole time|really is|"
    r"marr(?:y|ies|ied)|pregnant|real (?:father|mother|identity|name)|sacrific(?:es?|ed)|comes? back|spoilers?)\b",
    re.IGNORECASE,
)


def _keywords(texts: Sequence[str], labels: npt.NDArray[np.int_], seed: int) -> Score:
    """The number of telltale words, as the share of spoilers among sentences with that number."""

    def hits(sentences: Sequence[str]) -> npt.NDArray[np.int_]:
        return np.array([min(len(_KEYWORDS.findall(s)), 3) for s in sentences], dtype=np.int_)

    counted, rate = hits(texts), float(labels.mean())
    sizes, spoilers = np.bincount(counted, minlength=4), np.bincount(counted, labels, minlength=4)
    table = np.maximum.accumulate((spoilers + rate) / (sizes + 1))  # more words never lower the probability
    return lambda sentences: np.asarray(table[hits(sentences)], np.float64)


def _tfidf(texts: Sequence[str], labels: npt.NDArray[np.int_], seed: int) -> Score:
    """Logistic regression on single words, pairs, and runs of 2 to 5 characters within words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    rarest = 2 if len(texts) >= 200 else 1  # an n-gram seen once says nothing, unless there is little data
    grams = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=rarest),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=rarest),
    )
    model = make_pipeline(grams, LogisticRegression(max_iter=1000, random_state=seed)).fit(texts, labels)
    return lambda sentences: np.asarray(model.predict_proba(sentences)[:, 1], np.float64)


_EPOCHS, _BATCH = 5, 64


def _textcat(texts: Sequence[str], labels: npt.NDArray[np.int_], seed: int) -> Score:
    """spaCy's text categoriser on a bag of words and pairs (architecture TextCatBOW)."""
    import spacy
    from spacy.training import Example
    from thinc.api import fix_random_seed

    fix_random_seed(seed)
    nlp = spacy.blank("en")
    bag = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "ngram_size": 2}
    nlp.add_pipe("textcat", config={"model": {**bag, "no_output_layer": False}})
    cats = [{"SPOILER": float(label), "HARMLESS": float(1 - label)} for label in labels]
    examples = [Example.from_dict(nlp.make_doc(t), {"cats": c}) for t, c in zip(texts, cats, strict=True)]
    optimizer = nlp.initialize(lambda: examples)
    rng = np.random.default_rng(seed)
    for _ in range(_EPOCHS):
        order = rng.permutation(len(examples))
        for start in range(0, len(order), _BATCH):
            nlp.update([examples[k] for k in order[start : start + _BATCH]], sgd=optimizer)

    def score(sentences: Sequence[str]) -> Doubles:
        return np.array([doc.cats["SPOILER"] for doc in nlp.pipe(sentences, batch_size=256)], dtype=np.float64)

    return score


BASELINES: dict[str, BaselineModel] = {
    row.name: row
    for row in (
        BaselineModel("majority", "Majority class", _majority),
        BaselineModel("keywords", "Keyword list", _keywords),
        BaselineModel("tfidf", "TF-IDF + logistic regression", _tfidf),
        BaselineModel("textcat", "spaCy textcat_bow", _textcat),
    )
}
