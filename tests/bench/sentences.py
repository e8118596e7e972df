"""Boundary F1 and speed of sentence splitting: `python tests/bench/sentences.py DEV.jsonl [REVIEWS.parquet]`.

A boundary is the end of a sentence; it is right if a gold sentence ends at the same offset.
F1 is micro-averaged over documents.  The text of each document goes through `paragraphs` and
then `split`, as a plain text draft does.  The columns: the text as it is; in lower case; without
the final punctuation of its sentences; that in lower case; without any punctuation in lower case.
Needs spaCy; one core.  Give a Parquet file of reviews too to see what share of them runs on.
"""

from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path
import sys
import time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from spoilerguard.text.sentences import by_rules, paragraphs, split
from spoilerguard.training.senter import without_punctuation

Ends = Callable[[str], set[int]]
NEAR = ("reviews", "weblog")  # the genres nearest to what this project reads


def ours(text: str) -> set[int]:
    return {end for _, end in split(text, paragraphs(text))}


def rules(text: str) -> set[int]:
    return {end for _, end in by_rules(text, paragraphs(text))}


def make_sentencizer() -> tuple[Ends, Ends]:
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.max_length = 10**9

    def alone(text: str) -> set[int]:
        ends = set()
        for sent in nlp(text).sents:
            bare = sent.text.rstrip()
            if bare.strip():
                ends.add(sent.start_char + len(bare))
        return ends

    def blocks(text: str) -> set[int]:
        return {start + e for start, end in paragraphs(text) for e in alone(text[start:end])}

    return alone, blocks


def f1(docs: list[dict[str, Any]], ends: Ends, *, lower: bool = False) -> float:
    right = found = gold = 0
    for doc in docs:
        text = doc["text"].lower() if lower else doc["text"]
        if len(text) != len(doc["text"]):  # lower() changed a length: offsets would be off
            continue
        true = {end for _, end in doc["sents"]}
        got = ends(text)
        right += len(got & true)
        found += len(got)
        gold += len(true)
    return 2 * right / (found + gold)


def bare(docs: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Copies without the `final` or `all` punctuation of their sentences, perhaps in `lower` case."""
    copies = []
    for doc in docs:
        text, ranges, last = "", [], 0
        for start, end in doc["sents"]:
            text += doc["text"][last:start]
            if sentence := without_punctuation(doc["text"][start:end], kind):
                ranges.append((len(text), len(text) + len(sentence)))
                text += sentence
            last = end
        copies.append({"text": text, "sents": ranges, "genre": doc["genre"]})
    return copies


def words_per_second(texts: list[str], ends: Ends, least: float = 2.0) -> float:
    """Words (runs without white space) split in a second of processor time, repeated for at least `least` s."""
    words = sum(len(text.split()) for text in texts)
    rounds = 0
    began = time.process_time()
    while (spent := time.process_time() - began) < least:
        for text in texts:
            ends(text)
        rounds += 1
    return words * rounds / spent


def read(path: str | Path) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def reviews(path: str, number: int = 4000) -> None:
    import pandas as pd

    texts = pd.read_parquet(path, columns=["text"])["text"].iloc[:number].tolist()
    print(f"\n{len(texts)} reviews, {sum(len(text.split()) for text in texts)} words")
    cut = sum(ours(text) != rules(text) for text in texts)
    print(f"rules {words_per_second(texts, rules):,.0f} words/s; with the senter {words_per_second(texts, ours):,.0f}")
    print(f"{cut} reviews ({cut / len(texts):.1%}) are cut differently with the senter")


def main(path: str, more: str = "") -> None:
    docs = read(path)
    alone, blocks = make_sentencizer()
    texts = [doc["text"] for doc in docs]
    ours("many words " * 20)  # loads spaCy
    rows = {"ours": ours, "rules alone": rules, "spaCy sentencizer": alone, "paragraphs+sentencizer": blocks}
    for title, part in (("reviews+weblogs", [doc for doc in docs if doc["genre"] in NEAR]), ("all", docs)):
        copies = [bare(part, kind) for kind in ("final", "final lower", "all lower")]
        print(f"{title:24}{'as is':>9}{'lower':>9}{'final':>9}{'f.lower':>9}{'a.lower':>9}{'words/s':>12}")
        for name, ends in rows.items():
            scores = [f1(part, ends), f1(part, ends, lower=True), *(f1(copy, ends) for copy in copies)]
            speed = words_per_second(texts, ends, 1.0)
            print(f"{name:24}" + "".join(f"{s:9.4f}" for s in scores) + f"{speed:12,.0f}", flush=True)
    if more:
        reviews(more)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
