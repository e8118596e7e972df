"""Where sentences end in words without punctuation: a small trained spaCy `senter`, loaded when needed.

Only `sentences.split` calls it, and only with run-on text.  To train it anew (one core, minutes,
the same weights each time):

    python -m spoilerguard.senter TRAIN.jsonl DEV.jsonl --unlabelled REVIEWS.parquet -o models/senter

TRAIN and DEV hold a document a line: `text`, `sents` (ranges of its sentences) and `newpar` (whether
a paragraph begins there).  Of REVIEWS only the column `text` is used, cut by the rules.  The model is
spaCy's own two files and a README; words are hashed, so neither vocabulary nor text is in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
import json
from pathlib import Path
import random
import re
import threading
from typing import Any

from spoilerguard.errors import ModelError
from spoilerguard.sentences import by_rules, ends_sentence, paragraphs

__all__ = ["boundaries", "main"]

_TOKEN = re.compile(r"\w[\w'’-]*|[^\w\s]+")
_LONGEST_TOKEN = 40  # characters of a token that are looked at
_SURROGATE = re.compile("[\ud800-\udfff]")  # spaCy's strings are UTF-8
_DEPTH = 4  # layers; each sees one token further to either side, so 4 tokens around decide
_WINDOW = 512  # tokens whose boundaries are judged at once; windows overlap by what a token sees
# Logarithms of the odds from which a boundary is believed.  Without capitals the senter is seldom
# sure; with them, EWT keeps much run-on text whole, and being right matters more.
_SURE, _SURE_UNCASED = 1.5, -0.25
_SURER_ENDED = 1.5  # more where its writer set a full stop behind it
_FEW_CAPITALS = 0.005  # capitals to a character
_CONFIG: dict[str, Any] = {
    "model": {
        "@architectures": "spacy.Tagger.v2",
        "tok2vec": {
            "@architectures": "spacy.Tok2Vec.v2",
            "embed": {
                "@architectures": "spacy.MultiHashEmbed.v2",
                "width": 48,
                "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
                "rows": [3000, 500, 500, 200],
                "include_static_vectors": False,
            },
            "encode": {
                "@architectures": "spacy.MaxoutWindowEncoder.v2",
                "width": 48,
                "window_size": 1,
                "maxout_pieces": 2,
                "depth": _DEPTH,
            },
        },
    }
}
_LOCK = threading.Lock()  # spaCy's memory zones do not nest


def boundaries(texts: Sequence[str]) -> list[list[int]]:
    """Of each text, the offsets at which a new sentence begins (never 0), always after white space.

    What a text gives does not depend on the others: each is a call of its own, and a call costs
    little (a batch of 32 took 70% of the time).
    """
    with _LOCK:
        nlp = _loaded()
        with nlp.memory_zone():  # else the vocabulary would grow with every new word
            return [_boundaries(nlp, text) for text in texts]


def _boundaries(nlp: Any, text: str) -> list[int]:
    tokens = list(_TOKEN.finditer(text))
    capitals = sum(map(str.isupper, text))
    least = _SURE_UNCASED if capitals <= _FEW_CAPITALS * len(text) else _SURE
    least += _SURER_ENDED if ends_sentence(text) else 0
    found: list[int] = []
    for first in range(0, len(tokens), _WINDOW):
        begin = max(0, first - _DEPTH)
        window = tokens[begin : first + _WINDOW + _DEPTH]
        odds = _odds(nlp, _doc(nlp, text, window))[first - begin :][:_WINDOW].tolist()
        for token, sure in zip(window[first - begin :], odds, strict=False):
            if sure >= least and token.start() and text[token.start() - 1].isspace():
                found.append(token.start())
    return found


def _doc(nlp: Any, text: str, tokens: Sequence[re.Match[str]], starts: Iterable[int] | None = None) -> Any:
    from spacy.tokens import Doc

    words = [token[0][:_LONGEST_TOKEN] for token in tokens]
    if not text.isascii():
        words = [_SURROGATE.sub("?", word) for word in words]
    at = None if starts is None else set(starts)
    firsts: Any = None if at is None else [k == 0 or token.start() in at for k, token in enumerate(tokens)]
    spaces = [text[token.end() : token.end() + 1].isspace() for token in tokens]
    return Doc(nlp.vocab, words=words, spaces=spaces, sent_starts=firsts)


def _odds(nlp: Any, doc: Any) -> Any:
    """The logarithm of the odds that each token of `doc` begins a sentence."""
    pipe = nlp.get_pipe("senter")
    scores = pipe.model.predict([doc])[0]
    return scores[:, pipe.labels.index("S")] - scores[:, pipe.labels.index("I")]


@lru_cache(maxsize=1)
def _loaded() -> Any:
    folder = _folder()
    nlp = _blank()
    try:
        nlp.get_pipe("senter").from_disk(folder, exclude=["vocab"])
    except Exception as error:  # spaCy, thinc and msgpack each have their own
        reason = f"not a senter this version can read ({error}); install spoilerguard again"
        raise ModelError(f"{folder}: {reason}") from None
    return nlp


def _blank() -> Any:
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("senter", config=_CONFIG)
    return nlp


def _folder() -> Path:
    """Where the senter lies: in an installed package, or beside it in a checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "models" / "senter", here.parent / "models" / "senter"):
        if (folder / "model").is_file():
            return folder
    raise ModelError(f"{folder}: the model that cuts text without punctuation is missing; install spoilerguard again")


# --- training -----------------------------------------------------------------------------------

_FINAL = re.compile(r"[.!?…,;:]+([\"'”’)\]]*)$")
_MARKS = re.compile(r"[^\w\s'’-]|(?<!\w)['’-]+|['’-]+(?!\w)")
_ROUNDS, _BATCH = 5, 32
_REVIEWS = 6000  # of the unlabelled texts; they weigh about three times the labelled ones
_LONGEST = 20  # sentences to an unlabelled example
_README = """\
# senter

Cuts words without punctuation into sentences; spaCy's `senter`, loaded by `spoilerguard/senter.py`.

Trained on: Universal Dependencies English EWT, training part (CC BY-SA 4.0){more}; each text with the
final punctuation removed, also in lower case and without any punctuation.
Licence of these weights: CC BY-SA 4.0. Neither text nor vocabulary is in them: words are hashed.

Boundaries within a paragraph, at the thresholds used, on paragraphs of the EWT development part:

{table}
"""


def without_punctuation(sentence: str, kind: str) -> str:
    """A sentence without its `final` or `all` punctuation; with `lower` in the kind, in lower case."""
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
    """Runs of well-punctuated sentences, as the rules cut them."""
    import pandas as pd

    for text in islice(pd.read_parquet(path, columns=["text"])["text"], _REVIEWS):
        for block in paragraphs(text):
            cut = [text[start:end] for start, end in by_rules(text, [block])]
            if len(cut) > 1 and sum(s[-1] in '.!?"' for s in cut) >= 0.9 * len(cut):
                yield from (cut[k : k + _LONGEST] for k in range(0, len(cut), _LONGEST))


def _example(sentences: Iterable[str], kind: str) -> tuple[str, set[int]]:
    text, starts = "", set()
    for sentence in filter(None, (without_punctuation(s, kind) for s in sentences)):
        starts.add(len(text))
        text += sentence + " "
    return text.rstrip(), starts


def _score(nlp: Any, path: str, kind: str) -> float:
    """F1 of the boundaries inside the paragraphs of a labelled file."""
    right = found = gold = 0
    for paragraph in _paragraphs(path):
        text, starts = _example(paragraph, kind)
        got = set(_boundaries(nlp, text))
        right += len(got & starts)
        found += len(got)
        gold += len(starts - {0})
    return 2 * right / max(1, found + gold)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m spoilerguard.senter", description=__doc__)
    parser.add_argument("train")
    parser.add_argument("dev")
    parser.add_argument("--unlabelled", help="a Parquet file whose column `text` holds punctuated prose")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)

    from spacy.training import Example
    from thinc.api import fix_random_seed

    fix_random_seed(0)
    chance = random.Random(0)
    nlp = _blank()
    made = [_example(p, kind) for p in _paragraphs(options.train) for kind in _KINDS]
    if options.unlabelled:
        made += [_example(p, chance.choice(_KINDS)) for p in _unlabelled(options.unlabelled)]
    examples = [
        Example(_doc(nlp, text, tokens), _doc(nlp, text, tokens, starts))
        for text, starts in made
        if (tokens := list(_TOKEN.finditer(text)))
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
    more = ", and reviews of the Large Movie Review Dataset (Maas et al. 2011), cut by the rules"
    _write_readme(options.output, scores, more if options.unlabelled else "")


def _write_readme(folder: Path, scores: dict[str, float], more: str) -> None:
    table = "| punctuation removed | F1 |\n|---|---|\n" + "\n".join(f"| {k} | {v:.3f} |" for k, v in scores.items())
    (folder / "README.md").write_text(_README.format(more=more, table=table), encoding="utf-8")


if __name__ == "__main__":
    main()
