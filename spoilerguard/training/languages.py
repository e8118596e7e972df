"""Make `assets/languages.npz`, the trigrams that `text.language` compares.

    python -m spoilerguard.training.languages

The trigrams are counted in the language profiles of langdetect (Wikipedia; Apache 2.0, Cybozu Labs), in the function
words of stopwords-iso (MIT) and in our own English reviews in `data/`. This needs `pip install langdetect
stopwordsiso`; nothing else in the package does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.resources import files
import json
from pathlib import Path
import re

from spoilerguard.files.bundled import PACKAGE
from spoilerguard.text.language import SCRIPTS

__all__ = ["make"]

ORIGIN = (
    "Derived from the language profiles of langdetect 1.0.9 (Copyright (c) 2010-2014 Cybozu Labs, Inc.; Apache "
    "License 2.0), from stopwords-iso (MIT) and from spoilerguard's own data."
)
LATIN = "en af ca cs cy da de es et fi fr hr hu id it lt lv nl no pl pt ro sk sl so sq sv sw tl tr vi".split()
MOST = 600  # trigrams of each language: its most frequent ones
MOST_ENGLISH = 700
OWN, STOPWORDS = 0.7, 0.25  # the weight of our own reviews in English, and of function words in other languages
FLOOR = 8e-5  # the probability of a trigram that a language lacks

_NO_LETTERS = re.compile(r"[\W\d_]+")
Shares = dict[str, float]


def make(reviews: Path, target: Path) -> None:
    """Write the table.

    Args:
        reviews: Our labelled reviews, as JSON Lines: English as it is written in comments.
        target: The file to write.
    """
    import numpy as np

    languages = [*LATIN, *(code for codes in SCRIPTS.values() if len(codes) > 1 for code in codes)]
    stopwords = json.loads(files("stopwordsiso").joinpath("stopwords-iso.json").read_text("utf-8"))
    profiles = {code: _profile(code, stopwords.get(code, []), reviews) for code in languages}
    most = {code: MOST_ENGLISH if code == "en" else MOST for code in languages}
    kept = sorted({g for code, p in profiles.items() for g in sorted(p, key=lambda g: (-p[g], g))[: most[code]]})
    shares = np.array([[profiles[code].get(trigram, 0.0) for code in languages] for trigram in kept])
    rarity = np.clip(np.round(-10 * np.log(0.98 * shares + FLOOR)), 0, 127).astype(np.int8)
    np.savez_compressed(
        target,
        rarity=rarity,
        trigrams=np.array("".join(kept)),
        languages=np.array(" ".join(languages)),
        origin=np.array(ORIGIN),
    )


def _profile(code: str, stopwords: list[str], reviews: Path) -> Shares:
    if code == "vi":  # in langdetect's profile, letters and accents are apart
        return _shares(_trigrams(stopwords))
    counts: Counter[str] = Counter()
    frequencies = json.loads(files("langdetect").joinpath("profiles", code).read_text("utf-8"))["freq"]
    for gram, count in frequencies.items():
        trigram = re.sub(r"[\W\d_]", " ", gram.lower())
        if len(trigram) == 3 and "  " not in trigram:
            counts[trigram] += count
    if code == "en":
        with reviews.open(encoding="utf-8") as lines:
            texts = [" ".join(s["text"] for s in json.loads(line)["sentences"]) for line in lines]
        return _mixed(_shares(counts), _shares(_trigrams(texts)), OWN)
    return _mixed(_shares(counts), _shares(_trigrams(stopwords)), STOPWORDS) if len(stopwords) > 60 else _shares(counts)


def _trigrams(texts: Iterable[str]) -> Counter[str]:
    padded = (f" {_NO_LETTERS.sub(' ', text.lower()).strip()} " for text in texts)
    return Counter(text[k : k + 3] for text in padded for k in range(len(text) - 2))


def _shares(counts: Mapping[str, int]) -> Shares:
    total = sum(counts.values())
    return {trigram: count / total for trigram, count in counts.items()}


def _mixed(most: Shares, some: Shares, share: float) -> Shares:
    both = most.keys() | some.keys()
    return {trigram: (1 - share) * most.get(trigram, 0) + share * some.get(trigram, 0) for trigram in both}


if __name__ == "__main__":
    make(PACKAGE.parent / "data" / "reviews.jsonl", PACKAGE / "assets" / "languages.npz")
