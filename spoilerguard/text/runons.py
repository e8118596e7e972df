"""Sentence boundaries in run-on text, which has no punctuation, by a small spaCy `senter`.

Only `sentences.split` calls it, and only with run-on text; spaCy and the model (`models/senter`) are loaded
then. `training.senter` trains that model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
import re
import sys
import threading
from typing import Any

from spoilerguard.errors import MissingExtra, ModelError
from spoilerguard.files.bundled import models_folder

__all__ = ["TOKEN", "blank", "boundaries", "cut", "doc_of", "ends_sentence", "without_torch"]

TOKEN = re.compile(r"\w[\w'’-]*|[^\w\s]+")
_SHORTEST = 2  # characters of the tokens of a long text, on average
_LONGEST_TOKEN = 40  # characters of a token that the model sees
_SURROGATE = re.compile("[\ud800-\udfff]")  # spaCy's strings are UTF-8
_TERMINATED = re.compile(r"[.!?…؟।‼⁇⁈⁉。！？｡．](?:[\W_]|[^\W_](?!\w))*$")  # also before a smiley
_DEPTH = 4  # layers; each sees one token further to either side, so 4 tokens on each side decide
_WINDOW = 512  # tokens to score at once; windows overlap by `_DEPTH`
# The log odds from which a boundary is accepted. Without capitals the senter is seldom sure. With capitals,
# EWT keeps much run-on text whole, and precision matters more.
_SURE, _SURE_UNCASED = 1.5, -0.25
_SURER_ENDED = 1.5  # added if the text ends with a terminator
_FEW_CAPITALS = 0.005  # capitals per character
_LONG_WORD, _TITLED = re.compile(r"[^\W\d_]{2,}"), re.compile(r"(?<![^\W\d_])[A-Z][a-z]+")
_MOST_WORDS = 0.8  # that begin with a capital: a text in title case
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
    """Find the sentence boundaries of texts.

    Each text is a call of its own, so that its result does not depend on the others; a call is cheap
    (a batch of 32 took 70% of the time).

    Args:
        texts: Run-on texts.

    Returns:
        For each text the offsets at which a new sentence begins: never 0, always after white space.

    Raises:
        MissingExtra: spaCy is not installed.
        ModelError: The model is missing or cannot be read.
    """
    with _LOCK:
        nlp = _loaded()
        with nlp.memory_zone():  # else the vocabulary would grow with every new word
            return [cut(nlp, text) for text in texts]


def ends_sentence(piece: str) -> bool:
    """Whether a text ends with a terminator, possibly followed by quotes, brackets or a smiley."""
    return bool(_TERMINATED.search(piece, max(0, len(piece) - 24)))


def cut(nlp: Any, text: str) -> list[int]:
    """Find the sentence boundaries of a text.

    Args:
        nlp: A pipeline with a senter.
        text: The text.

    Returns:
        The offsets at which a new sentence begins, as in `boundaries`.
    """
    tokens = list(TOKEN.finditer(text))
    if len(tokens) > _WINDOW and sum(token.end() - token.start() for token in tokens) < _SHORTEST * len(tokens):
        return []  # no words in any language; each sign would cost as much as a word
    capitals = sum(map(str.isupper, text))
    least = _SURE_UNCASED if capitals <= _FEW_CAPITALS * len(text) else _SURE
    least += _SURER_ENDED if ends_sentence(text) else 0
    if _in_title_case(text) and len(lower := text.lower()) == len(text):
        text, tokens = lower, list(TOKEN.finditer(lower))  # a capital that every word has proves nothing
    found: list[int] = []
    for first in range(0, len(tokens), _WINDOW):
        begin = max(0, first - _DEPTH)
        window = tokens[begin : first + _WINDOW + _DEPTH]
        odds = _odds(nlp, doc_of(nlp, text, window))[first - begin :][:_WINDOW].tolist()
        for token, sure in zip(window[first - begin :], odds, strict=False):
            if sure >= least and token.start() and text[token.start() - 1].isspace():
                found.append(token.start())
    return found


def _in_title_case(text: str) -> bool:
    return len(_TITLED.findall(text)) > _MOST_WORDS * len(_LONG_WORD.findall(text))


def doc_of(nlp: Any, text: str, tokens: Sequence[re.Match[str]], starts: Iterable[int] | None = None) -> Any:
    """Make a spaCy document.

    Args:
        nlp: The pipeline.
        text: The text.
        tokens: Matches of `TOKEN` in it.
        starts: The offsets at which sentences begin, for training; None if they are unknown.

    Returns:
        A `Doc` with these tokens.
    """
    from spacy.tokens import Doc

    words = [token[0][:_LONGEST_TOKEN] for token in tokens]
    if not text.isascii():
        words = [_SURROGATE.sub("?", word) for word in words]
    at = None if starts is None else set(starts)
    firsts: Any = None if at is None else [k == 0 or token.start() in at for k, token in enumerate(tokens)]
    spaces = [text[token.end() : token.end() + 1].isspace() for token in tokens]
    return Doc(nlp.vocab, words=words, spaces=spaces, sent_starts=firsts)


def _odds(nlp: Any, doc: Any) -> Any:
    """The log odds that each token of `doc` begins a sentence."""
    pipe = nlp.get_pipe("senter")
    scores = pipe.model.predict([doc])[0]
    return scores[:, pipe.labels.index("S")] - scores[:, pipe.labels.index("I")]


@lru_cache(maxsize=1)
def _loaded() -> Any:
    folder = _folder()
    nlp = blank()
    try:
        nlp.get_pipe("senter").from_disk(folder, exclude=["vocab"])
    except Exception as error:  # spaCy, thinc and msgpack raise errors of their own
        reason = f"not a senter this version can read ({error}); install spoilerguard again"
        raise ModelError(f"{folder}: {reason}") from None
    return nlp


def blank() -> Any:
    """A pipeline with only an untrained senter."""
    with _torch_hidden():
        try:
            import spacy
        except ModuleNotFoundError as error:
            if error.name != "spacy":
                raise
            raise MissingExtra("spaCy, which splits text without punctuation,", "", "pip install spacy") from None
        nlp = spacy.blank("en")
        nlp.add_pipe("senter", config=_CONFIG)
    return nlp


def without_torch() -> None:
    """Keep spaCy from loading PyTorch in this process, which takes a second and 580 MB and is not needed.

    For processes of our own only: elsewhere another pipeline may need PyTorch.
    """
    _process["without torch"] = True


_process: dict[str, bool] = {}


@contextmanager
def _torch_hidden() -> Iterator[None]:
    """While spaCy is imported: PyTorch cannot be, as where it is not installed. Afterwards it can."""
    modules: dict[str, Any] = sys.modules
    hide = _process.get("without torch", False) and "torch" not in modules
    if hide:
        modules["torch"] = None
    try:
        yield
    finally:
        if hide:  # SciPy takes what stands there for a module
            del modules["torch"]


def _folder() -> Path:
    """The folder of the senter. Raises ModelError if it is missing."""
    folder = models_folder() / "senter"
    if (folder / "model").is_file():
        return folder
    raise ModelError(f"{folder}: the model that splits text without punctuation is missing; install spoilerguard again")
