"""Run-on text: where sentences end in words without punctuation, by a small trained spaCy `senter`.

Only `sentences.split` calls it, and only with run-on text: spaCy and the model (`models/senter`) are
loaded then. `senter` trains that model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
import re
import sys
import threading
from typing import Any

from spoilerguard.errors import ModelError
from spoilerguard.files.bundled import models_folder

__all__ = ["TOKEN", "blank", "boundaries", "cut", "doc_of", "ends_sentence", "without_torch"]

TOKEN = re.compile(r"\w[\w'’-]*|[^\w\s]+")
_LONGEST_TOKEN = 40  # characters of a token that are looked at
_SURROGATE = re.compile("[\ud800-\udfff]")  # spaCy's strings are UTF-8
_TERMINATED = re.compile(r"[.!?…؟।‼⁇⁈⁉。！？｡．](?:[\W_]|[^\W_](?!\w))*$")  # also before a smiley
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
            return [cut(nlp, text) for text in texts]


def ends_sentence(piece: str) -> bool:
    """Whether there is a terminator at the end, perhaps with quotes, brackets or a smiley behind it."""
    return bool(_TERMINATED.search(piece, max(0, len(piece) - 24)))


def cut(nlp: Any, text: str) -> list[int]:
    """The offsets at which this pipeline's senter begins a new sentence."""
    tokens = list(TOKEN.finditer(text))
    capitals = sum(map(str.isupper, text))
    least = _SURE_UNCASED if capitals <= _FEW_CAPITALS * len(text) else _SURE
    least += _SURER_ENDED if ends_sentence(text) else 0
    found: list[int] = []
    for first in range(0, len(tokens), _WINDOW):
        begin = max(0, first - _DEPTH)
        window = tokens[begin : first + _WINDOW + _DEPTH]
        odds = _odds(nlp, doc_of(nlp, text, window))[first - begin :][:_WINDOW].tolist()
        for token, sure in zip(window[first - begin :], odds, strict=False):
            if sure >= least and token.start() and text[token.start() - 1].isspace():
                found.append(token.start())
    return found


def doc_of(nlp: Any, text: str, tokens: Sequence[re.Match[str]], starts: Iterable[int] | None = None) -> Any:
    """The tokens as spaCy's document; sentences begin at the offsets `starts`, where they are known."""
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
    nlp = blank()
    try:
        nlp.get_pipe("senter").from_disk(folder, exclude=["vocab"])
    except Exception as error:  # spaCy, thinc and msgpack each have their own
        reason = f"not a senter this version can read ({error}); install spoilerguard again"
        raise ModelError(f"{folder}: {reason}") from None
    return nlp


def blank() -> Any:
    """A pipeline of nothing but an untrained senter."""
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("senter", config=_CONFIG)
    return nlp


def without_torch() -> None:
    """From now on spaCy finds no PyTorch in this process: loading it takes a second and 580 MB, for nothing.

    Only for processes that are wholly ours: in others, somebody else's pipeline may want it.
    """
    modules: dict[str, Any] = sys.modules
    modules.setdefault("torch", None)  # `import torch` now fails, as where it is not installed


def _folder() -> Path:
    """The folder of the senter. Raises ModelError where it is missing."""
    folder = models_folder() / "senter"
    if (folder / "model").is_file():
        return folder
    raise ModelError(f"{folder}: the model that cuts text without punctuation is missing; install spoilerguard again")
