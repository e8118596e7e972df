"""Who is compared: our models, and what others would use in their place.

A row of `CONTENDERS` makes a function from documents (each a list of sentences) to the probability of
each of their sentences, one after the other. `scoring` and `reporting` make work for a worker of it.
The rivals are made once, in `cache/bench/` (`make_rivals`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, cycle, islice
import json
from pathlib import Path
import shutil
import subprocess
import sys
from typing import Any

from workers import ROOT, Work

CACHE = ROOT / "cache" / "bench"
OLD = CACHE / "old"  # the package as it was at another commit, if one is named
TFIDF, TEXTCAT, PROFANITY = CACHE / "tfidf.joblib", CACHE / "textcat_bow", CACHE / "alt-profanity-check"
BATCH = 256  # documents at a time

Documents = Sequence[Sequence[str]]
Score = Callable[[Documents], Sequence[float]]


def labelled() -> list[dict[str, Any]]:
    """The sentences of our corpus, with their labels."""
    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        return [sentence for line in lines for sentence in json.loads(line)["sentences"]]


# --- ours -----------------------------------------------------------------------------------------


def fast(name: str = "fast") -> Score:
    guard = loaded(name)
    return lambda documents: guard.score(list(chain.from_iterable(documents)))


def accurate(name: str = "accurate") -> Score:
    """Each sentence in its document, as this model reads it."""
    import numpy as np

    scorer = loaded(name).scorer
    return lambda documents: np.concatenate(scorer.score_documents(documents, [None] * len(documents)))


# --- theirs ---------------------------------------------------------------------------------------


def train_tfidf() -> None:
    from scan import train

    train(TFIDF)


def tfidf() -> Score:
    """TF-IDF of words (1-2) and of characters within words (2-5), logistic regression."""
    import joblib

    model = joblib.load(TFIDF)
    return lambda documents: model.predict_proba(list(chain.from_iterable(documents)))[:, 1]


def train_textcat() -> None:
    """One pass: its speed does not depend on how good it is."""
    import spacy
    from spacy.training import Example

    nlp = spacy.blank("en")
    bow = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "ngram_size": 2,
           "no_output_layer": False, "length": 2**18}  # fmt: skip
    nlp.add_pipe("textcat", config={"model": bow})
    examples = [
        Example.from_dict(nlp.make_doc(s["text"]), {"cats": {"spoiler": s["label"], "harmless": 1 - s["label"]}})
        for s in labelled()[:5_000]
    ]
    nlp.initialize(lambda: examples)
    for start in range(0, len(examples), 500):
        nlp.update(examples[start : start + 500])
    nlp.to_disk(TEXTCAT)


def textcat() -> Score:
    import spacy

    nlp = spacy.load(TEXTCAT)
    return lambda documents: [doc.cats["spoiler"] for doc in nlp.pipe(chain.from_iterable(documents), batch_size=1_000)]


def fetch_profanity() -> None:
    """The package itself, in a folder of its own without what it needs: it is pinned to one scikit-learn."""
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(PROFANITY)]
    subprocess.run([*install, "alt-profanity-check"], check=True)


def profanity() -> Score:
    """Of another field, alike in its parts: counts of words, linear support vectors, calibrated."""
    import warnings

    warnings.simplefilter("ignore")  # made with another scikit-learn, it says so
    sys.path.append(str(PROFANITY))
    from profanity_check import predict_prob

    return lambda documents: predict_prob(list(chain.from_iterable(documents)))


def minilm() -> Score:
    """The network of `accurate` in 32-bit floats, in batches of windows alike in length; in its document."""
    import numpy as np
    import torch

    from spoilerguard import load
    from spoilerguard.model.windows import packed, windows
    from spoilerguard.training.finetune import batches, tensors
    from spoilerguard.training.network import Network

    torch.set_num_threads(1)
    tokenizer = load("accurate").scorer.tokenizer
    network = Network(1, 1).eval()  # of random weights: they take as long

    def score(documents: Documents) -> Sequence[float]:
        readings = [(w, range(len(s))) for s in documents for w in windows(packed(tokenizer, s))]
        with torch.inference_mode():
            for batch in batches(readings, 4096):
                network(*tensors(batch)[0])
        return np.zeros(sum(map(len, documents)))

    return score


CONTENDERS: dict[str, Callable[[], Score]] = {
    "TF-IDF + logistic regression": tfidf,
    "spaCy textcat_bow": textcat,
    "alt-profanity-check": profanity,
    "MiniLM in PyTorch": minilm,
}
CASCADE = "accurate, as a cascade"
OURS: dict[str, dict[str, bool]] = {}  # name to options of load
for _when in ("", ", old"):
    OURS |= {f"fast{_when}": {}, f"accurate{_when}": {}, f"{CASCADE}{_when}": {"cascade": True}}
CONTENDERS |= {name: partial(fast if name.startswith("fast") else accurate, name) for name in OURS}
MADE: dict[Path, Callable[[], None]] = {TFIDF: train_tfidf, TEXTCAT: train_textcat, PROFANITY: fetch_profanity}


def make_rivals() -> None:
    """Those that are not there yet; if one cannot be had, the others are compared."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for path, make in MADE.items():
        if not path.exists():
            try:
                make()
            except (ImportError, OSError, subprocess.CalledProcessError) as error:
                print(f"{path.stem} is left out: {error}", file=sys.stderr)


def fetch_old(commit: str) -> None:
    """The package and its models as they were at a commit."""
    shutil.rmtree(OLD, ignore_errors=True)
    if commit:
        OLD.mkdir(parents=True)
        packed = subprocess.run(
            ["git", "archive", commit, "spoilerguard", "models"], cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "--extract"], cwd=OLD, check=True, input=packed.stdout)
        # spaCy loads every component that is installed, ours of today too: an old package may not have it.
        component = OLD / "spoilerguard" / "spacy.py"
        if not component.exists():
            component.write_text("def make(nlp, name):\n    return lambda doc: doc\n", encoding="utf-8")


def there() -> list[str]:
    """The contenders that can take part."""
    missing = {TFIDF: "TF-IDF + logistic regression", TEXTCAT: "spaCy textcat_bow", PROFANITY: "alt-profanity-check"}
    out = {name for path, name in missing.items() if not path.exists()}
    out |= {name for name in CONTENDERS if name.endswith(", old") and not OLD.exists()}
    return [name for name in CONTENDERS if name not in out]


# --- what they do, as work of a worker ------------------------------------------------------------


def scoring(name: str, documents: Path) -> Work:
    """Sentences scored of the first so many documents (a file of lists of sentences, over and over)."""
    score, every = CONTENDERS[name](), json.loads(documents.read_text(encoding="utf-8"))

    def work(size: int) -> int:
        return sum(len(score(batch)) for batch in _batches(every, size))

    return work


def reporting(name: str, texts: Path) -> Work:
    """Sentences found, scored and reported of the first so many texts."""
    every = json.loads(texts.read_text(encoding="utf-8"))
    report = our_reports(name) if name in OURS else their_reports(name)

    def work(size: int) -> int:
        return sum(report(batch) for batch in _batches(every, size))

    return work


def loaded(name: str) -> Any:
    """One of our models as a Guard, also of the old commit."""
    if name.endswith(", old"):
        sys.path.insert(0, str(OLD))
    from spoilerguard import load

    return load(name.split(",")[0], **OURS[name])


def our_reports(name: str, jobs: int = 1) -> Callable[[list[str]], int]:
    guard = loaded(name)

    def reports(texts: list[str]) -> int:
        count = 0
        for report in guard.flag_many(texts, jobs=jobs):
            count += len(report.sentences)
            json.dumps([flag.to_dict() for flag in report])
        return count

    return reports


def their_reports(name: str) -> Callable[[list[str]], int]:
    """The obvious way: spaCy's sentencizer, then their scores."""
    import spacy

    score = CONTENDERS[name]()
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.max_length = 10**8

    def reports(texts: list[str]) -> int:
        documents = [[s.text for s in doc.sents] for doc in nlp.pipe(texts)]
        scores = iter(score(documents))
        for sentences in documents:
            flags = [{"text": s, "score": float(p)} for s, p in zip(sentences, scores, strict=False) if p >= 0.5]
            json.dumps(flags)
        return sum(map(len, documents))

    return reports


def _batches(every: list[Any], size: int) -> Iterator[list[Any]]:
    items = islice(cycle(every), size)
    while batch := list(islice(items, BATCH)):
        yield batch


# --- the text -------------------------------------------------------------------------------------


def own_texts() -> list[str]:
    """The documents of our corpus."""
    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        return [" ".join(s["text"] for s in json.loads(line)["sentences"]) for line in lines]


def prepare(reviews: Path | None, count: int, folder: Path) -> None:
    """`texts.json`, as they come, and `documents.json`, the sentences of each: of a Parquet file, or of our corpus."""
    from spoilerguard.text.reading import read
    from spoilerguard.text.sentences import split

    if reviews is None:
        texts = own_texts()
    else:
        import pyarrow.parquet as parquet

        texts = parquet.read_table(reviews, columns=["text"])["text"].to_pylist()
    texts = texts[:: max(1, len(texts) // count)][:count]
    documents = [[d.prose[a:b] for a, b in split(d.prose, d.blocks)] for d in map(read, texts)]
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    (folder / "documents.json").write_text(json.dumps(documents), encoding="utf-8")


def archive(texts: Path, count: int, target: Path) -> None:
    """So many of the texts as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    some = list(islice(cycle(json.loads(texts.read_text(encoding="utf-8"))), count))
    parquet.write_table(pa.table({"id": range(count), "text": some}), target, row_group_size=5_000)
