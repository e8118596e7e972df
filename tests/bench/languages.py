"""How well and how fast languages are recognised: `python tests/bench/languages.py`.

The English texts, whole and in cuts of 120 to 300 characters, are from `../shared/datasets` and were not used to make
the table. The other languages are our own comments, `tests/data/languages.jsonl`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
import json
from pathlib import Path
import random
import sys
import time

import pandas as pd

from spoilerguard.text.language import guess, table

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "tests" / "data" / "languages.jsonl"
SHARED = ROOT.parent / "shared" / "datasets"
MOST = 10_000  # texts of a set


def english() -> Iterator[tuple[str, list[str]]]:
    """The sets of English texts, each with its name."""
    yield "imdb_reviews", pd.read_parquet(SHARED / "imdb_reviews.parquet").text.sample(MOST, random_state=1).tolist()
    for name in ("tagged_reviews", "untagged_reviews"):
        yield name, [row["text"] for row in rows(SHARED / f"{name}.jsonl")]
    off_topic = rows(SHARED / "real" / "off_topic.jsonl")
    yield "off_topic", [" ".join(sentence["text"] for sentence in row["sentences"]) for row in off_topic]
    yield "reddit_spans", pd.read_csv(SHARED / "reddit_spans_dev.csv").text.tolist()


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def cuts(texts: list[str]) -> list[str]:
    """A piece of 120 to 300 characters from each text that is long enough, cut anywhere."""
    chance, pieces = random.Random(7), []
    for text in texts:
        length = chance.randint(120, 300)
        if len(text) >= length:
            start = chance.randint(0, len(text) - length)
            pieces.append(text[start : start + length])
    return pieces


def lost(name: str, texts: list[str], show: bool) -> None:
    found = [(guess(text), text) for text in texts]
    taken = [(code, text) for code, text in found if code not in ("en", None)]
    named = sum(code == "en" for code, _ in found)
    share = f"not English {len(taken):>3} ({len(taken) / len(texts):.2%})  en {named / len(texts):.1%}"
    print(f"{name:<28} {len(texts):>6}  {share}")
    for code, text in taken if show else ():
        print(f"    {code}  {' '.join(text.split())[:150]}")


def others() -> None:
    foreign = [row for row in rows(OWN) if row["language"] != "en" and len(str(row["text"])) >= 60]
    guesses = [(row["language"], guess(str(row["text"]))) for row in foreign]
    noticed = sum(code not in ("en", None) for _, code in guesses)
    exact = sum(code == language for language, code in guesses)
    share = f"noticed {noticed / len(foreign):.2%}  named {exact / len(foreign):.2%}"
    print(f"{'other languages, our own':<28} {len(foreign):>6}  {share}")
    print("    wrong:", dict(Counter(pair for pair in guesses if pair[0] != pair[1])))


def speed(name: str, texts: list[str]) -> None:
    best = min(_microseconds(texts) for _ in range(5))
    print(f"{name:<28} {best:6.1f} µs a text of {sum(map(len, texts)) / len(texts):.0f} characters")


def _microseconds(texts: list[str]) -> float:
    began = time.perf_counter()
    for text in texts:
        guess(text)
    return (time.perf_counter() - began) / len(texts) * 1e6


def main() -> None:
    """Print all figures; with `--show`, also the beginning of each English text that is mistaken."""
    show = "--show" in sys.argv
    began = time.perf_counter()
    table()
    print(f"the table is read in {(time.perf_counter() - began) * 1e3:.1f} ms")
    others()
    pieces: list[str] = []
    for name, texts in english():
        lost(f"{name}, whole", texts, show)
        cut = cuts(texts)
        lost(f"{name}, cuts", cut, show)
        pieces += cut
    speed("English cuts", pieces[:2000])
    speed("other languages", [str(row["text"]) for row in rows(OWN) if row["language"] != "en"])


if __name__ == "__main__":
    main()
