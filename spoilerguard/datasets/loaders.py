"""Labelled documents from every supported format, streamed.

`LOADERS` is the table of formats: a row has a name, a function that recognises the format by the first
records, and one that turns a file into documents. To add a format, write these functions, add the row, and
put a sample that passes and one that fails into `tests/data/labelled/NAME/`.

Every loader cleans sentences in the same way: whatever would give the label away without being part of the
sentence (traces of removed markup, "SPOILER:") is removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
import os
from pathlib import Path
import re
from typing import TYPE_CHECKING, Any

from spoilerguard.datasets import annotators, decisions
from spoilerguard.datasets.columns import Level, Options
from spoilerguard.datasets.fields import LabelledFile, document_of, label_of, level_of, string_of
from spoilerguard.datasets.labelled import LabelledDocument, LabelledSentence
from spoilerguard.datasets.matching import clean_sentence, label_by_document, label_by_spans
from spoilerguard.datasets.records import Record, fault, read_records
from spoilerguard.errors import InputError
from spoilerguard.files.columns import listed
from spoilerguard.files.streams import DATA_SUFFIXES, TEXT_SUFFIXES, base_name
from spoilerguard.files.values import without_surrogates
from spoilerguard.text.markup import find_hidden, strip_hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LOADERS", "Loader", "Options", "load_labelled", "sniff"]


@dataclass(frozen=True, slots=True)
class Loader:
    """A format of labelled data.

    Attributes:
        name: Its name in options.
        sniff: Whether a file looks like it.
        read: The documents of a file, one at a time.
        roles: The columns that are guessed, and printed.
        remark: What to know of a file before it is trusted; empty where there is nothing.
    """

    name: str
    sniff: Callable[[LabelledFile], bool]
    read: Callable[[LabelledFile], Iterator[LabelledDocument]]
    roles: tuple[str, ...] = ()
    remark: Callable[[LabelledFile], str] = lambda data: ""


# --- the formats -------------------------------------------------------------------------------


def _own(data: LabelledFile) -> Iterator[LabelledDocument]:
    """Our own JSON Lines; the medium is in the document, or in the `works.jsonl` beside it."""
    data = data.asking(work_column="work")
    works = data.file.path.with_name("works.jsonl")
    media = {row.fields.get("work"): row.fields.get("medium") for row in read_records(works)} if works.is_file() else {}
    for record in data.records():
        for name in ("id", "work", "kind"):
            if not isinstance(record.fields.get(name), str):
                there = listed(tuple(record.fields))
                raise record.fault(f"no {name!r}; expected id, work, kind and sentences, there are: {there}")
        sentences = [_own_sentence(record, index, value) for index, value in enumerate(_list(record, "sentences"), 1)]
        medium = string_of(record, media.get(record.fields["work"]), "medium")
        yield from document_of(data, record, sentences, medium)


_OPENS = re.compile(r"\s*?\n[ \t\r]*\n")


def _own_sentence(record: Record, index: int, value: Any) -> LabelledSentence | None:
    if not (isinstance(value, dict) and isinstance(value.get("text"), str) and value["text"].strip()):
        raise record.fault(f"sentence {index} has no text; expected an object with text and label")
    text = string_of(record, value["text"], "text")
    weight = value.get("weight", 1.0)
    if not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
        raise record.fault(f"sentence {index} has weight {weight!r}; expected a number that is not negative")
    tag = string_of(record, value.get("tag"), "tag") or None
    label = label_of(record, value.get("label"))
    tags = value.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(one, str) for one in tags):
        raise record.fault(f"sentence {index} has tags {str(tags)[:60]!r}; expected a list of names")
    cleaned = clean_sentence(text, label, float(weight), opens=bool(_OPENS.match(text)), tag=tag)
    return cleaned and replace(cleaned, tags=tuple(tags), doubt=value.get("doubt") is True)


def _list(record: Record, name: str) -> list[Any]:
    value = record.fields.get(name)
    if not isinstance(value, list):
        raise record.fault(f"no list {name!r}; there are: {listed(tuple(record.fields))}")
    return value


def _goodreads(data: LabelledFile) -> Iterator[LabelledDocument]:
    """UCSD Goodreads spoilers (Wan et al. 2019): sentences with the reviewers' own spoiler tags."""
    data = data.asking(work_column=data.options.work_column or "book_id")
    for record in data.records():
        sentences = []
        for pair in _list(record, "review_sentences"):
            if not (isinstance(pair, list) and len(pair) == 2):
                raise record.fault(f"review_sentences contains {str(pair)[:60]!r}; expected pairs of [0 or 1, text]")
            text, label = string_of(record, pair[1], "text"), label_of(record, pair[0])
            sentences.append(clean_sentence(text, label, 1.0, opens=False))
        yield from document_of(data, record, sentences, "book")


def _imdb(data: LabelledFile) -> Iterator[LabelledDocument]:
    """The Kaggle IMDb spoiler data (Misra 2019): whole reviews of films."""
    options = data.options
    return _table(
        data.asking(
            text_column=options.text_column or "review_text",
            label_column=options.label_column or "is_spoiler",
            work_column=options.work_column or "movie_id",
            level=options.level or "document",
        ),
        "film",
    )


def _table(data: LabelledFile, medium: str = "") -> Iterator[LabelledDocument]:
    """A text and a label in each record: of a sentence, or (weakly) of every sentence of a document."""
    value, level = data.columns.value, level_of(data)
    for record in data.records():
        text = string_of(record, value(record, "text"), "text")
        label = data.names.label(record, value(record, "label"))
        sentences: Iterable[LabelledSentence | None]
        if level == "sentence":
            sentences = [clean_sentence(text, label, 1.0, opens=False)]
        else:
            sentences = label_by_document(text, label)
        yield from document_of(data, record, sentences, medium)


def _spans(data: LabelledFile) -> Iterator[LabelledDocument]:
    """Texts with the ranges that their authors hid (code points, end exclusive); no `spans`: nothing hidden."""
    for record in data.records():
        text = data.columns.value(record, "text")
        if not isinstance(text, str):
            raise record.fault(f"text is a {type(text).__name__}; expected a string")
        hidden = record.fields.get("spans") or []
        if not isinstance(hidden, list):
            raise record.fault(f"spans {hidden!r}; expected a list of [start, end]")
        spans = []
        for value in hidden:
            span, names = annotators.span_of(record, value, text)
            if data.names.spoils(record, names):
                spans.append(span)
        yield from document_of(data, record, label_by_spans(without_surrogates(text), spans))


def _marked(data: LabelledFile) -> Iterator[LabelledDocument]:
    """Texts in which spoilers are hidden by any syntax in `text.markup`."""
    hides = False
    for record in data.records():
        text = string_of(record, data.columns.value(record, "text"), "text")
        bare, spans = strip_hidden(text)
        hides = hides or bool(spans)
        yield from document_of(data, record, label_by_spans(bare, spans))
    if not hides:
        raise fault(data.file.path, 1, "no spoiler markup in the whole file; expected hidden text such as >!this!<")


# --- the table ---------------------------------------------------------------------------------


def _has_list(name: str, data: LabelledFile) -> bool:
    return any(isinstance(record.fields.get(name), list) for record in data.head)


def _is_imdb(data: LabelledFile) -> bool:
    return {"review_text", "is_spoiler"} <= data.head[0].fields.keys()


def _is_table(data: LabelledFile) -> bool:
    # A label column that was asked for makes it a table even if it is missing: the error then lists the columns.
    asked = data.options.label_column
    return asked is not None or data.columns.name("label", tuple(data.head[0].fields)) is not None


def _is_marked(data: LabelledFile) -> bool:
    column = data.columns.name("text", tuple(data.head[0].fields))
    return column is not None and any(find_hidden(str(record.fields.get(column) or "")) for record in data.head)


_TABLE = ("text", "label", "id", "work")
LOADERS: tuple[Loader, ...] = (  # the first row that recognises a file reads it
    Loader("spoilerguard", partial(_has_list, "sentences"), _own),
    Loader("goodreads", partial(_has_list, "review_sentences"), _goodreads),
    Loader("imdb", _is_imdb, _imdb),
    Loader("report", decisions.is_report, decisions.report),
    Loader("decisions", decisions.is_kept, decisions.kept),
    Loader("prodigy", annotators.is_prodigy, annotators.prodigy, ("text", "id", "work")),
    Loader("label-studio", annotators.is_label_studio, annotators.label_studio),
    Loader("label-studio-min", annotators.is_label_studio_min, annotators.label_studio_min, ("text", "id", "work")),
    Loader("brat", annotators.is_brat, annotators.brat),
    Loader("spans", partial(_has_list, "spans"), _spans, ("text", "id", "work")),
    Loader("doccano", annotators.is_doccano, annotators.doccano, ("text", "id", "work"), annotators.perhaps_unread),
    Loader("table", _is_table, _table, _TABLE),
    Loader("marked", _is_marked, _marked, ("text", "id", "work")),
)


def _names() -> list[str]:
    return [loader.name for loader in LOADERS]


def sniff(path: Path, options: Options) -> Loader:
    """Recognise the format of a file.

    Args:
        path: The file.
        options: What the caller asked for.

    Returns:
        A row of LOADERS.

    Raises:
        DataError: The format is not recognised.
    """
    return _recognised(LabelledFile.of(path, options))


def _recognised(data: LabelledFile) -> Loader:
    for loader in LOADERS:
        if loader.sniff(data):
            return loader
    raise data.head[0].fault(
        "no labels recognised; expected a label column, spans or spoiler markup, there are: "
        f"{listed(tuple(data.head[0].fields))}. Name the column with --label-column (label_column), or the format with "
        f"--from (format: {', '.join(_names())})"
    )


def load_labelled(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    format: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    work_column: str | None = None,
    level: Level | None = None,
    source: str | None = None,
    positive: Iterable[str] | None = None,
    notice: Callable[[str], None] | None = None,
) -> Iterator[LabelledDocument]:
    """Read labelled documents from files and folders, in order, one at a time.

    Args:
        paths: Files and folders. A folder stands for its data files (with format "marked" also its
            texts) in order of name, except `works.jsonl`.
        format: The name of a row of LOADERS; by default recognised for each file. "spans" must be named
            for texts that hide nothing.
        text_column: The column with the text; by default guessed.
        label_column: The column with the label; by default guessed.
        work_column: The column that names the work; by default guessed.
        level: What one label applies to, "sentence" or "document"; by default guessed from the length
            of the texts.
        source: The name of the source; by default the document's own, or the file's stem.
        positive: Names of labels that mean a spoiler; every other one then means none. By default the labels must
            be 0 or 1, true or false, yes or no, spoiler or not spoiler.
        notice: Called for each file with one line about what was guessed.

    Yields:
        Each document.

    Raises:
        DataError: A file breaks its format; the message starts with `path:line:`.
        InputError: Unknown format or level.
        MissingExtra: A library that a file needs is not installed.
    """
    if format is not None and format not in _names():
        raise InputError(f"no format {format!r}; there are: {', '.join(_names())}")
    if level not in (None, "sentence", "document"):
        raise InputError(f"no level {level!r}; there are: sentence, document")
    options = Options(text_column, label_column, work_column, level, source, tuple(positive or ()))
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    suffixes = DATA_SUFFIXES | TEXT_SUFFIXES if format == "marked" else DATA_SUFFIXES | {".ann"}
    files = chain.from_iterable(_files(Path(path), suffixes) for path in given)
    return chain.from_iterable(_load(file, format, options, notice) for file in files)


def _load(
    path: Path, format: str | None, options: Options, notice: Callable[[str], None] | None
) -> Iterator[LabelledDocument]:
    data = LabelledFile.of(path, options)
    loader = next((loader for loader in LOADERS if loader.name == format), None) or _recognised(data)
    if notice is not None:
        notice(_described(data, loader))
    return _read(data, loader)


def _read(data: LabelledFile, loader: Loader) -> Iterator[LabelledDocument]:
    empty = True
    for document in loader.read(data):
        yield document
        empty = False
    data.names.check_met(data.head[-1])
    if empty:
        raise fault(data.file.path, 1, f"no labelled text (read as {loader.name}); expected one at least")


def _described(data: LabelledFile, loader: Loader) -> str:
    """What was guessed about a file, on one line, for people."""
    pairs = ((role, data.columns.name(role)) for role in loader.roles)
    columns = [f"{role} from {name!r}" for role, name in pairs if name]
    level = [f"one label per {level_of(data)}"] if loader.name == "table" and data.columns.name("text") else []
    parts = "".join(f", {part}" for part in (*columns, *level))
    remark = loader.remark(data)
    return f"{data.file.path}: {data.file.described}, format {loader.name}{parts}{remark and f'; {remark}'}"


def _files(path: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    names = (file for file in sorted(path.rglob("*")) if file.is_file() and not file.name.startswith("."))
    found = [file for file in names if {base_name(file)[1], file.suffix} & suffixes and file.name != "works.jsonl"]
    if not found:
        raise fault(path, 1, f"no data file in this folder; expected one of {', '.join(sorted(suffixes))}")
    yield from found
