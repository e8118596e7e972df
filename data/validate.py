"""Checks the labelled corpus: `python data/validate.py [FOLDER]`, by default the folder of this file.

Exit status 0 with the counts as Markdown tables (they stand in README.md), or 1 with one line per
fault: `reviews.jsonl:17: ...`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
import json
from pathlib import Path
import re
import sys
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from spoilerguard.datasets import split_of, work_key

# What a sentence of each label may be; `data/README.md` says what each tag means.
TAGS: dict[int, tuple[str, ...]] = {
    0: (
        *("opinion", "housekeeping", "premise", "craft", "personal", "question", "character-intro"),
        *("meta", "real-world", "hard-violence", "vague-twist", "other-work", "quote"),
    ),
    1: (
        *("late-event", "ending", "implicit", "death", "twist", "identity", "relationship"),
        *("betrayal", "pronoun-only"),
    ),
}
KINDS = ("review", "blog-post", "comment")
MEDIA = ("film", "book", "tv", "game", "play", "anime", "comic", "podcast")
SPLITS = ("train", "validation", "test")

WORK_FIELDS = ("work", "title", "medium", "genre", "invented", "split", "blurb", "synopsis")
DOCUMENT_FIELDS = ("id", "work", "kind", "sentences")
SENTENCE_FIELDS = ("text", "label", "tag")

SHORTEST = 5  # words: "I loved this book" may stand twice
SHINGLE = 4  # words
NEAR = 0.8  # the Jaccard similarity of shingles from which two texts are one

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SENTENCE = re.compile(r"(?:\n|\n\n)?\S(?:[^\n\r\t]*\S)?")  # a line break or a blank line may open it
_APOSTROPHE = re.compile("['`\u2018\u2019]")


class Row(NamedTuple):
    """One line of a file: its name, its 1-based number and its fields."""

    file: str
    line: int
    fields: dict[str, Any]

    def fault(self, message: str) -> Fault:
        return Fault(self.file, self.line, message)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Fault(NamedTuple):
    """What is wrong, and where; sorted in the order of the files and lines."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Corpus(NamedTuple):
    """The rows whose form is right."""

    works: list[Row]
    documents: list[Row]

    def sentences(self) -> Iterator[tuple[Row, int, dict[str, Any]]]:
        """Every sentence with its document and its number there, from 1."""
        for row in self.documents:
            for number, sentence in enumerate(row.fields["sentences"], 1):
                yield row, number, sentence


# --- form --------------------------------------------------------------------------------------


def read(path: Path) -> Iterator[Row | Fault]:
    """The lines of a file, each as a row or as the fault that keeps it from being one."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        yield Fault(path.name, 1, f"cannot be read: {error.strerror}")
        return
    if not lines:
        yield Fault(path.name, 1, "the file is empty")
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
        except ValueError as error:
            yield Fault(path.name, number, f"not JSON: {error}")
            continue
        if isinstance(fields, dict):
            yield Row(path.name, number, fields)
        else:
            yield Fault(path.name, number, "not a JSON object")


def work_form(work: dict[str, Any]) -> Iterator[str]:
    if tuple(work) != WORK_FIELDS:
        yield f"has the fields {', '.join(work)}; expected {', '.join(WORK_FIELDS)}, in this order"
        return
    for name in ("work", "title", "genre", "blurb", "synopsis"):
        if not isinstance(work[name], str) or not work[name].strip():
            yield f"{name} is empty; expected a text"
    if isinstance(work["work"], str) and work["work"] and not _SLUG.fullmatch(work["work"]):
        yield f"work {work['work']!r} is no slug; expected words of a-z and 0-9 joined by hyphens"
    yield from _choice(work, "medium", MEDIA)
    yield from _choice(work, "split", SPLITS)
    if not isinstance(work["invented"], bool):
        yield f"invented is {work['invented']!r}; expected true or false"


def document_form(document: dict[str, Any]) -> Iterator[str]:
    if tuple(document) != DOCUMENT_FIELDS:
        yield f"has the fields {', '.join(document)}; expected {', '.join(DOCUMENT_FIELDS)}, in this order"
        return
    for name in ("id", "work"):
        if not isinstance(document[name], str) or not document[name].strip():
            yield f"{name} is empty; expected a text"
    yield from _choice(document, "kind", KINDS)
    sentences = document["sentences"]
    if not isinstance(sentences, list) or not sentences:
        yield "has no sentences"
        return
    for number, sentence in enumerate(sentences, 1):
        for message in _sentence_form(sentence):
            yield f"sentence {number} {message}"


def _sentence_form(sentence: object) -> Iterator[str]:
    if not isinstance(sentence, dict) or tuple(sentence) != SENTENCE_FIELDS:
        there = ", ".join(sentence) if isinstance(sentence, dict) else repr(sentence)
        yield f"has the fields {there}; expected {', '.join(SENTENCE_FIELDS)}, in this order"
        return
    text, label, tag = (sentence[name] for name in SENTENCE_FIELDS)
    if not isinstance(text, str) or not text.strip():
        yield "has no text"
    elif not _SENTENCE.fullmatch(text):
        yield f"holds a line break, a tab or white space at an end: {text[:60]!r}"
    if type(label) is not int or label not in TAGS:
        yield f"has label {label!r}; expected 0 or 1"
    elif tag not in TAGS[label]:
        yield f"has tag {tag!r}, which is none of label {label}; expected one of {', '.join(TAGS[label])}"


def _choice(fields: dict[str, Any], name: str, choices: Sequence[str]) -> Iterator[str]:
    if fields[name] not in choices:
        yield f"{name} is {fields[name]!r}; expected one of {', '.join(choices)}"


# --- what belongs together ---------------------------------------------------------------------


def unique(rows: Iterable[Row], name: str) -> Iterator[Fault]:
    first: dict[str, Row] = {}
    for row in rows:
        before = first.setdefault(row.fields[name], row)
        if before is not row:
            yield row.fault(f"{name} {row.fields[name]!r} stands in {before} too")


def references(corpus: Corpus) -> Iterator[Fault]:
    """Every document's work is known, and every work has a document."""
    known = {row.fields["work"] for row in corpus.works}
    used = {row.fields["work"] for row in corpus.documents}
    for row in corpus.documents:
        if row.fields["work"] not in known:
            yield row.fault(f"work {row.fields['work']!r} is not in works.jsonl")
    for row in corpus.works:
        if row.fields["work"] not in used:
            yield row.fault(f"work {row.fields['work']!r} has no document in reviews.jsonl")


def splits(works: Iterable[Row]) -> Iterator[Fault]:
    """The split is the one that follows from the slug, and no work under two names is in two of them."""
    first: dict[str, Row] = {}
    for row in works:
        work, split = row.fields["work"], row.fields["split"]
        if split != split_of(work):
            yield row.fault(f"split of {work!r} is {split!r}; expected {split_of(work)!r}, as works.split_of says")
        for key in {work_key(work), work_key(row.fields["title"])}:
            before = first.setdefault(key, row).fields
            if before["split"] != split:
                yield row.fault(
                    f"{work!r} ({split}) and {before['work']!r} ({before['split']}) are both {key!r}: one work in two "
                    "splits; give both documents one work, or tell the titles apart"
                )


# --- duplicates --------------------------------------------------------------------------------


def words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", _APOSTROPHE.sub("", text.casefold())))


def duplicates(corpus: Corpus) -> Iterator[Fault]:
    """Sentences that stand twice, and near-duplicates of sentences and of documents."""
    places = [(row, number, words(sentence["text"])) for row, number, sentence in corpus.sentences()]
    first: dict[tuple[str, ...], tuple[Row, int]] = {}
    for row, number, text in places:
        if len(text) < SHORTEST:
            continue
        before = first.setdefault(text, (row, number))
        if before != (row, number):
            yield row.fault(f"sentence {number} stands in {before[0]}, sentence {before[1]}, too: {' '.join(text)!r}")
    once = list(first.items())
    for here, there, share in near([text for text, _ in once]):
        text, (row, number) = once[here]
        other, at = once[there][1]
        yield row.fault(
            f"sentence {number} shares {share:.0%} of its {SHINGLE}-word runs with {other}, sentence {at}: "
            f"{' '.join(text)!r}"
        )
    texts = [words(" ".join(s["text"] for s in row.fields["sentences"])) for row in corpus.documents]
    for here, there, share in near(texts):
        other = corpus.documents[there]
        yield corpus.documents[here].fault(f"the document shares {share:.0%} of its {SHINGLE}-word runs with {other}")


def near(texts: Sequence[tuple[str, ...]]) -> Iterator[tuple[int, int, float]]:
    """Pairs (later, earlier) of texts whose sets of shingles have a Jaccard similarity of NEAR or more.

    Two such sets share one of the rarest shingles of each: only these are indexed.
    """
    sets = [
        {text[start : start + SHINGLE] for start in range(len(text) - SHINGLE + 1)} if len(text) >= SHORTEST else set()
        for text in texts
    ]
    frequency = Counter(chain.from_iterable(sets))
    index: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for here, shingles in enumerate(sets):
        rarest = sorted(shingles, key=lambda shingle: (frequency[shingle], shingle))
        prefix = rarest[: len(rarest) - int(NEAR * len(rarest)) + 1]
        for there in sorted({other for shingle in prefix for other in index[shingle]}):
            share = len(shingles & sets[there]) / len(shingles | sets[there])
            if share >= NEAR:
                yield here, there, share
        for shingle in prefix:
            index[shingle].append(here)


# --- the whole ---------------------------------------------------------------------------------


def check(folder: Path) -> tuple[Corpus, list[Fault]]:
    """The well-formed rows of a folder's `works.jsonl` and `reviews.jsonl`, and all that is wrong with both."""
    corpus = Corpus([], [])
    faults: list[Fault] = []
    tables = (("works.jsonl", work_form, corpus.works), ("reviews.jsonl", document_form, corpus.documents))
    for name, form, rows in tables:
        for row in read(folder / name):
            found = [row] if isinstance(row, Fault) else [row.fault(message) for message in form(row.fields)]
            faults += found
            if isinstance(row, Row) and not found:
                rows.append(row)
    faults += unique(corpus.works, "work")
    faults += unique(corpus.documents, "id")
    faults += references(corpus)
    faults += splits(corpus.works)
    faults += duplicates(corpus)
    return corpus, sorted(faults)


def report(corpus: Corpus) -> Iterator[str]:
    """How the corpus is balanced, as two Markdown tables."""
    works = {row.fields["work"]: row.fields for row in corpus.works}
    groups: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    tags: Counter[tuple[str, str]] = Counter()
    for row in corpus.documents:
        document, work = row.fields, works[row.fields["work"]]
        names = {"": "all", "split": work["split"], "kind": document["kind"], "medium": work["medium"]}
        names["works"] = "invented" if work["invented"] else "real"
        for pair in names.items():
            groups[pair].append(document)
        for sentence in document["sentences"]:
            tags.update((sentence["tag"], split) for split in (work["split"], "all"))

    yield "| | | works | documents | without spoilers | sentences | spoilers |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    rows = {"": ("all",), "split": SPLITS, "kind": KINDS, "medium": MEDIA, "works": ("real", "invented")}
    for title, choices in rows.items():
        for choice in choices:
            documents = groups[title, choice]
            labels = [[sentence["label"] for sentence in document["sentences"]] for document in documents]
            count, spoilers = sum(map(len, labels)), sum(map(sum, labels))
            clean = sum(not any(each) for each in labels)
            cells = (
                title,
                choice,
                f"{len({document['work'] for document in documents}):,}",
                f"{len(documents):,}",
                _share(clean, len(documents)),
                f"{count:,}",
                _share(spoilers, count),
            )
            yield f"| {' | '.join(cells)} |"
    yield ""
    yield f"| label | tag | sentences | {' | '.join(SPLITS)} |"
    yield "|---:|---|---:|---:|---:|---:|"
    for label, choices in TAGS.items():
        for tag in choices:
            counts = [f"{tags[tag, column]:,}" for column in ("all", *SPLITS)]
            yield f"| {label} | {tag} | {' | '.join(counts)} |"


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / max(whole, 1):.1%})"


def main(arguments: Sequence[str]) -> int:
    if len(arguments) > 1 or (arguments and arguments[0].startswith("-")):
        print(__doc__)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    corpus, faults = check(Path(arguments[0]) if arguments else Path(__file__).parent)
    print("\n".join(map(str, faults) if faults else report(corpus)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
