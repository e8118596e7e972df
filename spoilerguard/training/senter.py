"""Train the senter, which splits run-on text (see `text.runons`): minutes on one core, and reproducible.

    python -m spoilerguard.training.senter TRAIN.jsonl DEV.jsonl --unlabelled REVIEWS.parquet -o models/senter

TRAIN and DEV have one document per line: `text`, `sents` (the ranges of its sentences) and `newpar` (whether
each begins a paragraph). REVIEWS needs only the column `text`, which is split by the rules. The model consists
of spaCy's own two files and a README. Words are hashed, so it contains neither vocabulary nor text.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
import json
from pathlib import Path
import random
import re
from typing import Any

from spoilerguard.text.runons import TOKEN, blank, cut, doc_of
from spoilerguard.text.sentences import by_rules, paragraphs

__all__ = ["main", "without_punctuation"]

_FINAL = re.compile(r"[.!?…,;:]+([\"'”’)\]]*)$")
_MARKS = re.compile(r"[^\w\s'’-]|(?<!\w)['’-]+|['’-]+(?!\w)")
_ROUNDS, _BATCH = 5, 32
_REVIEWS = 6000  # unlabelled texts to use; about three times as much text as the labelled ones
_MOST_SENTENCES = 20  # in an unlabelled example
_README = """\
# senter

Splits words without punctuation into sentences; spaCy's `senter`, loaded by `spoilerguard/text/runons.py`.

Trained on: Universal Dependencies English EWT, training part (CC BY-SA 4.0){more}: each text without
final punctuation, the same in lower case, and without any punctuation.
Licence of these weights: CC BY-SA 4.0. Neither text nor vocabulary is in them: words are hashed.

Sentence boundaries inside paragraphs of the EWT development part, at the default thresholds:

{table}
"""


def without_punctuation(sentence: str, kind: str) -> str:
    """Remove punctuation from a sentence.

    Args:
        sentence: The sentence.
        kind: What to remove: "final", "final lower" or "all lower" punctuation; "lower" also lowers case.

    Returns:
        The changed sentence.
    """
    bare = " ".join(_MARKS.sub(" ", sentence).split()) if "all" in kind else _FINAL.sub(r"\1", sentence)
    low = bare.lower() if "lower" in kind else bare
    return (low if len(low) == len(bare) else bare).strip()


_KINDS = ("final", "final lower", "all lower")


def _paragraphs(path: str) -> Iterator[list[str]]:
    """The sentences of each paragraph of a labelled file."""
    with open(path, encoding="utf-8") as lines:
        for document in map(json.loads, lines):
            paragraph: list[str] = []
            for (start, end), fresh in zip(document["sents"], document["newpar"], strict=True):
                if fresh and paragraph:
                    yield paragraph
                    paragraph = []
                paragraph.append(document["text"][start:end])
            yield paragraph


def _unlabelled(path: str) -> Iterator[list[str]]:
    """Runs of well-punctuated sentences, as the rules split them."""
    import pandas as pd

    for text in islice(pd.read_parquet(path, columns=["text"])["text"], _REVIEWS):
        for block in paragraphs(text):
            ruled = [text[start:end] for start, end in by_rules(text, [block])]
            if len(ruled) > 1 and sum(s[-1] in '.!?"' for s in ruled) >= 0.9 * len(ruled):
                yield from (ruled[k : k + _MOST_SENTENCES] for k in range(0, len(ruled), _MOST_SENTENCES))


def _example(sentences: Iterable[str], kind: str) -> tuple[str, set[int]]:
    text, starts = "", set()
    for sentence in filter(None, (without_punctuation(s, kind) for s in sentences)):
        starts.add(len(text))
        text += sentence + " "
    return text.rstrip(), starts


def _score(nlp: Any, path: str, kind: str) -> float:
    """The F1 of the boundaries inside the paragraphs of a labelled file."""
    right = found = gold = 0
    for paragraph in _paragraphs(path):
        text, starts = _example(paragraph, kind)
        got = set(cut(nlp, text))
        right += len(got & starts)
        found += len(got)
        gold += len(starts - {0})
    return 2 * right / max(1, found + gold)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the model and write it.

    Args:
        arguments: Command-line arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m spoilerguard.training.senter", description=__doc__)
    parser.add_argument("train")
    parser.add_argument("dev")
    parser.add_argument("--unlabelled", help="a Parquet file whose column `text` holds punctuated prose")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)

    from spacy.training import Example
    from thinc.api import fix_random_seed

    fix_random_seed(0)
    chance = random.Random(0)
    nlp = blank()
    made = [_example(p, kind) for p in _paragraphs(options.train) for kind in _KINDS]
    if options.unlabelled:
        made += [_example(p, chance.choice(_KINDS)) for p in _unlabelled(options.unlabelled)]
    examples = [
        Example(doc_of(nlp, text, tokens), doc_of(nlp, text, tokens, starts))
        for text, starts in made
        if (tokens := list(TOKEN.finditer(text)))
    ]
    optimizer = nlp.initialize(lambda: examples[:300])
    scores: dict[str, float] = {}
    for turn in range(_ROUNDS):
        chance.shuffle(examples)
        for k in range(0, len(examples), _BATCH):
            nlp.update(examples[k : k + _BATCH], sgd=optimizer, drop=0.1)
        with nlp.use_params(optimizer.averages):
            scores = {kind: _score(nlp, options.dev, kind) for kind in _KINDS}
            print(turn + 1, scores, flush=True)
            if turn == _ROUNDS - 1:
                options.output.mkdir(parents=True, exist_ok=True)
                nlp.get_pipe("senter").to_disk(options.output, exclude=["vocab"])
    more = ", and reviews of the Large Movie Review Dataset (Maas et al. 2011), split by the rules"
    _write_readme(options.output, scores, more if options.unlabelled else "")


def _write_readme(folder: Path, scores: dict[str, float], more: str) -> None:
    table = "| punctuation removed | F1 |\n|---|---|\n" + "\n".join(f"| {k} | {v:.3f} |" for k, v in scores.items())
    (folder / "README.md").write_text(_README.format(more=more, table=table), encoding="utf-8")


if __name__ == "__main__":
    main()
