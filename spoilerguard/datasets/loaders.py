"""Labelled documents from every supported format, streamed.

`LOADERS` is the one table: a row names a format, recognises it by its first records, and turns a
file into documents. To add a format, write its generator, add its row, and put a sample that passes
and one that fails into `tests/data/labelled/NAME/`.

Every loader cleans sentences in the same way: what would give the label away without being part
of the sentence (residue of removed markup, "SPOILER:") is taken out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
import os
from pathlib import Path
import re
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from spoilerguard.datasets.labelled import LabelledDocument, LabelledSentence
from spoilerguard.datasets.matching import clean_sentence, label_by_document, label_by_spans
from spoilerguard.datasets.records import DATA_SUFFIXES, TEXT_SUFFIXES, Row, base_name, fault, read_rows
from spoilerguard.errors import InputError
from spoilerguard.text.markup import find_hidden, strip_hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["LOADERS", "Loader", "Options", "load_labelled", "sniff"]

Level = Literal["sentence", "document"]


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller knows better than the guesses: column names, level of the labels, source."""

    text_column: str | None = None
    label_column: str | None = None
    work_column: str | None = None
    level: Level | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Loader:
    """A format: whether a file's first rows look like it, and its documents, one at a time."""

    name: str
    sniff: Callable[[Sequence[Row], Options], bool]
    read: Callable[[Path, Options], Iterator[LabelledDocument]]


# --- fields ------------------------------------------------------------------------------------

# Names by which a column is recognised, best first; case does not matter.
_COLUMNS = {
    "text": ["text", "sentence", "review_text", "review", "body", "comment", "content", "selftext"],
    "label": ["label", "spoiler", "is_spoiler", "contains_spoiler", "has_spoiler", "contains_spoilers", "spoilers"],
    "work": ["work", "movie_id", "book_id", "item_id", "movie", "book", "film", "show", "thread", "title"],
    "id": ["id", "review_id", "comment_id", "document"],
}
_LABELS = {
    **dict.fromkeys(("1", "1.0", "true", "t", "yes", "y", "spoiler"), 1),
    **dict.fromkeys(("0", "0.0", "false", "f", "no", "n", "no spoiler", "non-spoiler", "not spoiler"), 0),
}
_OPENS = re.compile(r"\s*?\n[ \t\r]*\n")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which JSON can spell and UTF-8 cannot


def _column(fields: dict[str, Any], what: str, wanted: str | None) -> str | None:
    """The name of the column that holds text, label, work or id; None if there is none."""
    if wanted is not None:
        return wanted if wanted in fields else None
    names = {name.lower(): name for name in reversed(fields)}
    return next((names[guess] for guess in _COLUMNS[what] if guess in names), None)


def _field(row: Row, what: str, wanted: str | None = None, *, required: bool = True) -> Any:
    name = _column(row.fields, what, wanted)
    if name is not None:
        return row.fields[name]
    if not required and wanted is None:
        return None
    missing = f"no column {wanted!r}" if wanted else f"no {what} column"
    raise row.fault(f"{missing}; name it with {what}_column; there are: {', '.join(row.fields) or 'none'}")


def _string(row: Row, value: Any, what: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise row.fault(f"{what} is a {type(value).__name__}; expected a string")
    return _SURROGATE.sub("\ufffd", str(value))


def _label(row: Row, value: Any) -> int:
    label = _LABELS.get(str(value).strip().lower())
    if label is None:
        raise row.fault(f"unknown label {value!r}; expected 0 or 1, true or false, yes or no")
    return label


def _document(
    row: Row, options: Options, sentences: Iterable[LabelledSentence | None], medium: str = ""
) -> Iterator[LabelledDocument]:
    """The row's document, unless no sentence is in it (an empty text teaches nothing)."""
    kept = tuple(sentence for sentence in sentences if sentence is not None)
    if not kept:
        return
    fields, stem = row.fields, base_name(row.path)[0]
    source = options.source or _string(row, fields.get("source"), "source") or stem
    yield LabelledDocument(
        id=_string(row, _field(row, "id", required=False), "id") or f"{stem}-{row.line}",
        work=_string(row, _field(row, "work", options.work_column, required=False), "work") or f"{source}:{row.line}",
        kind=_string(row, fields.get("kind"), "kind") or "review",
        sentences=kept,
        source=source,
        medium=_string(row, fields.get("medium"), "medium") or medium,
    )


# --- the formats -------------------------------------------------------------------------------


def _own(path: Path, options: Options) -> Iterator[LabelledDocument]:
    """Our own JSON Lines; the medium comes from the document or from `works.jsonl` beside it."""
    works = path.with_name("works.jsonl")
    media = {row.fields.get("work"): row.fields.get("medium") for row in read_rows(works)} if works.is_file() else {}
    for row in read_rows(path):
        for name in ("id", "work", "kind"):
            if not isinstance(row.fields.get(name), str):
                there = ", ".join(row.fields)
                raise row.fault(f"no {name!r}; expected id, work, kind and sentences, there are: {there}")
        sentences = [_own_sentence(row, index, value) for index, value in enumerate(_list(row, "sentences"), 1)]
        medium = _string(row, media.get(row.fields["work"]), "medium")
        yield from _document(row, replace(options, work_column="work"), sentences, medium)


def _own_sentence(row: Row, index: int, value: Any) -> LabelledSentence | None:
    if not (isinstance(value, dict) and isinstance(value.get("text"), str) and value["text"].strip()):
        raise row.fault(f"sentence {index} has no text; expected an object with text and label")
    text = _string(row, value["text"], "text")
    weight = value.get("weight", 1.0)
    if not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
        raise row.fault(f"sentence {index} has weight {weight!r}; expected a number from 0 up")
    tag = _string(row, value.get("tag"), "tag") or None
    label = _label(row, value.get("label"))
    return clean_sentence(text, label, float(weight), opens=bool(_OPENS.match(text)), tag=tag)


def _list(row: Row, name: str) -> list[Any]:
    value = row.fields.get(name)
    if not isinstance(value, list):
        raise row.fault(f"no list {name!r}; there are: {', '.join(row.fields) or 'none'}")
    return value


def _goodreads(path: Path, options: Options) -> Iterator[LabelledDocument]:
    """UCSD Goodreads spoilers (Wan et al. 2019): sentences with the reviewers' own spoiler tags."""
    for row in read_rows(path):
        sentences = []
        for pair in _list(row, "review_sentences"):
            if not (isinstance(pair, list) and len(pair) == 2):
                raise row.fault(f"review_sentences holds {str(pair)[:60]!r}; expected pairs of [0 or 1, text]")
            sentences.append(clean_sentence(_string(row, pair[1], "text"), _label(row, pair[0]), 1.0, opens=False))
        work = options.work_column or "book_id"
        yield from _document(row, replace(options, work_column=work), sentences, "book")


def _imdb(path: Path, options: Options) -> Iterator[LabelledDocument]:
    """The Kaggle IMDb spoiler data (Misra 2019): a table of whole reviews of films."""
    return _table(
        path,
        replace(
            options,
            text_column=options.text_column or "review_text",
            label_column=options.label_column or "is_spoiler",
            work_column=options.work_column or "movie_id",
            level=options.level or "document",
        ),
        "film",
    )


_LONG_TEXT = 300  # characters: labelled sentences have a median of about 100, whole reviews of 1,000


def _table(path: Path, options: Options, medium: str = "") -> Iterator[LabelledDocument]:
    """A text and a label a row: of a sentence, or (weakly) of every sentence of a document."""
    level = options.level
    if level is None:
        texts = (str(_field(row, "text", options.text_column)) for row in _head(path))
        level = "document" if median(map(len, texts)) > _LONG_TEXT else "sentence"
    for row in read_rows(path):
        text = _string(row, _field(row, "text", options.text_column), "text")
        label = _label(row, _field(row, "label", options.label_column))
        sentences: Iterable[LabelledSentence | None]
        if level == "sentence":
            sentences = [clean_sentence(text, label, 1.0, opens=False)]
        else:
            sentences = label_by_document(text, label)
        yield from _document(row, options, sentences, medium)


def _spans(path: Path, options: Options) -> Iterator[LabelledDocument]:
    """Texts with the ranges their authors hid (code points, end exclusive); no `spans`: nothing hidden."""
    for row in read_rows(path):
        text = _field(row, "text", options.text_column)
        if not isinstance(text, str):
            raise row.fault(f"text is a {type(text).__name__}; expected a string")
        hidden = row.fields.get("spans") or []
        if not isinstance(hidden, list):
            raise row.fault(f"spans {hidden!r}; expected a list of [start, end]")
        spans = [_span(row, value, len(text)) for value in hidden]
        yield from _document(row, options, label_by_spans(_string(row, text, "text"), spans))


def _span(row: Row, value: Any, length: int) -> tuple[int, int]:
    match value:
        case [int(start), int(end)] if 0 <= start <= end <= length:
            return start, end
    raise row.fault(f"span {value!r}; expected [start, end] within the text of {length} characters")


def _marked(path: Path, options: Options) -> Iterator[LabelledDocument]:
    """Texts in which spoilers are hidden by markup of any syntax in `markup`."""
    hides = False
    for row in read_rows(path):
        text = _string(row, _field(row, "text", options.text_column), "text")
        bare, spans = strip_hidden(text)
        hides = hides or bool(spans)
        yield from _document(row, options, label_by_spans(bare, spans))
    if not hides:
        raise fault(path, 1, "no spoiler markup in the whole file; expected hidden text such as >!this!<")


# --- the table ---------------------------------------------------------------------------------


def _has_list(name: str, rows: Sequence[Row], options: Options) -> bool:
    return any(isinstance(row.fields.get(name), list) for row in rows)


def _is_imdb(rows: Sequence[Row], options: Options) -> bool:
    return {"review_text", "is_spoiler"} <= rows[0].fields.keys()


def _is_table(rows: Sequence[Row], options: Options) -> bool:
    # A column that is asked for by name makes it a table even if absent: reading it names the columns.
    return options.label_column is not None or _column(rows[0].fields, "label", None) is not None


def _is_marked(rows: Sequence[Row], options: Options) -> bool:
    column = _column(rows[0].fields, "text", options.text_column)
    return column is not None and any(find_hidden(str(row.fields.get(column) or "")) for row in rows)


LOADERS: tuple[Loader, ...] = (  # the first that recognises a file reads it
    Loader("spoilerguard", partial(_has_list, "sentences"), _own),
    Loader("goodreads", partial(_has_list, "review_sentences"), _goodreads),
    Loader("imdb", _is_imdb, _imdb),
    Loader("spans", partial(_has_list, "spans"), _spans),
    Loader("table", _is_table, _table),
    Loader("marked", _is_marked, _marked),
)


def _names() -> list[str]:
    return [loader.name for loader in LOADERS]


_HEAD_ROWS = 200  # by which a format is recognised


def _head(path: Path) -> list[Row]:
    return list(islice(read_rows(path), _HEAD_ROWS))


def sniff(path: Path, options: Options) -> Loader:
    """The row of LOADERS for this file; a DataError if there is none."""
    rows = _head(path)
    for loader in LOADERS:
        if loader.sniff(rows, options):
            return loader
    raise rows[0].fault(
        "no labels recognised; expected a label column, spans or spoiler markup, there are: "
        f"{', '.join(rows[0].fields)}. Name the label_column or the format ({', '.join(_names())})"
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
) -> Iterator[LabelledDocument]:
    """The documents of files and folders, in order, one at a time.

    A folder stands for its data files (and, with format "marked", its texts) in order of name, but
    for `works.jsonl`. `format` is the name of a row of LOADERS, by default recognised for each file;
    `spans` must be named for texts without any. Raises DataError, whose message starts `path:line:`.
    """
    if format is not None and format not in _names():
        raise InputError(f"no format {format!r}; there are: {', '.join(_names())}")
    if level not in (None, "sentence", "document"):
        raise InputError(f"no level {level!r}; there are: sentence, document")
    options = Options(text_column, label_column, work_column, level, source)
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    suffixes = DATA_SUFFIXES | TEXT_SUFFIXES if format == "marked" else DATA_SUFFIXES
    files = chain.from_iterable(_files(Path(path), suffixes) for path in given)
    return chain.from_iterable(_load(file, format, options) for file in files)


def _load(path: Path, format: str | None, options: Options) -> Iterator[LabelledDocument]:
    loader = next((loader for loader in LOADERS if loader.name == format), None) or sniff(path, options)
    return loader.read(path, options)


def _files(path: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    names = (file for file in sorted(path.rglob("*")) if file.is_file() and not file.name.startswith("."))
    found = [file for file in names if base_name(file)[1] in suffixes and file.name != "works.jsonl"]
    if not found:
        raise fault(path, 1, f"no data file in this folder; expected one of {', '.join(sorted(suffixes))}")
    yield from found
