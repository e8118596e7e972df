"""Boundary F1 and speed of sentence splitting: `python tests/bench/sentences.py DEV.jsonl`.

A boundary is the end of a sentence; it is right if a gold sentence ends at the same offset.
F1 is micro-averaged over documents.  The text of each document goes through `paragraphs` and
then `split`, as a plain text draft does.  Needs spaCy for the rows it is compared with; one core.
"""

from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path
import sys
import time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from spoilerguard.sentences import paragraphs, split

Ends = Callable[[str], set[int]]
NEAR = ("reviews", "weblog")  # the genres nearest to what this project reads


def ours(text: str) -> set[int]:
    return {end for _, end in split(text, paragraphs(text))}


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


def words_per_second(texts: list[str], ends: Ends, least: float = 2.0) -> float:
    """Words (runs without white space) split in a second, repeated for at least `least` s."""
    words = sum(len(text.split()) for text in texts)
    rounds = 0
    began = time.perf_counter()
    while (spent := time.perf_counter() - began) < least:
        for text in texts:
            ends(text)
        rounds += 1
    return words * rounds / spent


def read(path: str | Path) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def main(path: str) -> None:
    docs = read(path)
    near = [doc for doc in docs if doc["genre"] in NEAR]
    alone, blocks = make_sentencizer()
    texts = [doc["text"] for doc in docs]
    print(f"{'':24}{'rev+web':>9}{'lower':>9}{'all':>9}{'lower':>9}{'words/s':>12}")
    for name, ends in (
        ("ours", ours),
        ("spaCy sentencizer", alone),
        ("paragraphs+sentencizer", blocks),
    ):
        scores = [f1(part, ends, lower=low) for part in (near, docs) for low in (False, True)]
        speed = words_per_second(texts, ends)
        print(f"{name:24}" + "".join(f"{s:9.4f}" for s in scores) + f"{speed:12,.0f}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
