"""Exports of annotation tools: Prodigy, doccano, Label Studio and brat.

Each tool labels a text as a whole or ranges of it. A function here reads the records of one tool to `Answer`s; what an
annotator rejected, skipped or left unanswered is no label, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
import json
import re
from typing import Any, NamedTuple

from spoilerguard.datasets.fields import LabelledFile, document_of, level_of, string_of
from spoilerguard.datasets.labelled import LabelledDocument, LabelledSentence
from spoilerguard.datasets.matching import clean_sentence, label_by_document, label_by_spans
from spoilerguard.datasets.records import Record
from spoilerguard.files.columns import listed
from spoilerguard.files.values import without_surrogates

__all__ = [
    "brat", "doccano", "flattened", "is_brat", "is_doccano", "is_label_studio", "is_label_studio_min", "is_prodigy",
    "label_studio", "label_studio_min", "perhaps_unread", "prodigy", "span_of",
]  # fmt: skip

Span = tuple[int, int]


class Answer(NamedTuple):
    """What an annotator says of a text: the ranges that give the plot away, or one label for all of it."""

    spans: list[Span] | None = None
    label: int = 0


def _documents(data: LabelledFile, record: Record, text: str, answer: Answer) -> Iterator[LabelledDocument]:
    text = without_surrogates(text)
    sentences: Iterable[LabelledSentence | None]
    if answer.spans is not None:
        sentences = label_by_spans(text, answer.spans, looked_for=True)
    elif level_of(data) == "sentence":
        sentences = [clean_sentence(text, answer.label, 1.0, opens=False)]
    else:
        sentences = label_by_document(text, answer.label)
    yield from document_of(data, record, sentences)


def _text(data: LabelledFile, record: Record) -> str:
    text = data.columns.value(record, "text")
    if not isinstance(text, str):
        raise record.fault(f"text is a {type(text).__name__}; expected a string")
    return text


def _spans(data: LabelledFile, record: Record, values: Any, text: str) -> list[Span]:
    """The ranges whose label means a spoiler; one without a label does."""
    if not isinstance(values, list):
        raise record.fault(f"spans {str(values)[:60]!r}; expected a list")
    spans = []
    for value in values:
        span, names = span_of(record, value, text)
        if data.names.spoils(record, names):
            spans.append(span)
    return spans


def span_of(record: Record, value: Any, text: str) -> tuple[Span, list[Any]]:
    """A range and the names of its labels, as the tools write them; raises DataError for anything else.

    Args:
        record: The record.
        value: `[start, end]`, `[start, end, label]`, or an object with `start` and `end` (or `start_offset` and
            `end_offset`), perhaps with `label` or `labels`, and with its `text`.
        text: The text. Where the range holds another text than it says, or would cut a word, its offsets may count
            UTF-16 units, as browsers do.
    """
    names: Any = []
    said = None
    match value:
        case [int(start), int(end)]:
            pass
        case [int(start), int(end), str(name)]:
            names = [name]
        case {"start": int(start), "end": int(end)} | {"start_offset": int(start), "end_offset": int(end)}:
            names = value.get("labels", value.get("label", []))
            names = names if isinstance(names, list) else [names]
            said = value.get("text")
        case _:
            raise record.fault(f"span {str(value)[:80]!r}; expected start, end and a label")
    units = _from_utf16(text, start), _from_utf16(text, end)
    if isinstance(said, str) and (text[start:end] != said or end > len(text)):
        start, end = units
        if text[start:end] != said:
            raise record.fault(f"span {str(value)[:80]!r} does not hold the text that it names; export the data again")
    elif said is None and _cuts(text, start, end) and not _cuts(text, *units):
        start, end = units
    if not 0 <= start <= end <= len(text):
        raise record.fault(f"span {str(value)[:80]!r}; expected one within the text of {len(text)} characters")
    return (start, end), names


def _cuts(text: str, start: int, end: int) -> bool:
    """Whether a range begins or ends within a word, with a space, or beyond the text."""
    if not 0 <= start < end <= len(text) or text[start].isspace() or text[end - 1].isspace():
        return True
    return any(text[at - 1 : at].isalnum() and text[at : at + 1].isalnum() for at in (start, end))


def _from_utf16(text: str, offset: int) -> int:
    """An offset in UTF-16 code units, as browsers count, in code points; -1 beyond the text."""
    units = text.encode("utf-16-le", "surrogatepass")
    return len(units[: 2 * offset].decode("utf-16-le", "replace")) if 0 <= 2 * offset <= len(units) else -1


# --- Prodigy -----------------------------------------------------------------------------------

_ANSWERS = ("accept", "reject", "ignore")


def is_prodigy(data: LabelledFile) -> bool:
    return any("_task_hash" in r.fields or r.fields.get("answer") in _ANSWERS for r in data.head)


def prodigy(data: LabelledFile) -> Iterator[LabelledDocument]:
    """Prodigy's JSON Lines: a label that was accepted or rejected, options that were chosen, or spans."""
    for record in data.records():
        answer = record.fields.get("answer")
        if answer not in _ANSWERS:
            raise record.fault(f"unknown answer {answer!r}; expected {', '.join(_ANSWERS)}")
        if answer == "ignore":
            continue
        text = _text(data, record)
        found = _of_prodigy(data, record, text, answer == "accept")
        if found is not None:
            yield from _documents(data, record, text, found)


def _of_prodigy(data: LabelledFile, record: Record, text: str, accepted: bool) -> Answer | None:
    fields, label = record.fields, data.names.label
    if "spans" in fields:  # rejected ones are wrong, and which are right is not known
        return Answer(_spans(data, record, fields["spans"], text)) if accepted else None
    if isinstance(options := fields.get("options"), list):
        known = {str(o.get("id")): label(record, o.get("id")) for o in options if isinstance(o, dict)}
        chosen = fields.get("accept", [])
        if not isinstance(chosen, list) or any(str(name) not in known for name in chosen):
            raise record.fault(f"accepted {str(chosen)[:60]!r}; expected some of the options {', '.join(known)}")
        if accepted and (chosen or all(known.values())):
            return Answer(label=max((known[str(name)] for name in chosen), default=0))
        return None
    if "label" not in fields:
        raise record.fault("an answer without a label, options or spans: it says nothing of spoilers")
    positive = label(record, fields["label"])
    if not (accepted or positive):
        return None  # it is not harmless in this way; whether it is in another is not known
    return Answer(label=int(accepted and positive))


# --- doccano -----------------------------------------------------------------------------------

_DOCCANO = ("label", "labels", "entities")


def is_doccano(data: LabelledFile) -> bool:
    return any(isinstance(value, str | list | dict) for r in data.head for value in _labels_of(r) or ())


def doccano(data: LabelledFile) -> Iterator[LabelledDocument]:
    """doccano's JSON Lines: `label` holds names, for a text as a whole, or ranges; `entities` hold ranges."""
    whole = any(isinstance(value, str) for r in data.head for value in _labels_of(r) or ())
    for record in data.records():
        values, text = _labels_of(record), _text(data, record)
        if values is None:
            raise record.fault(f"no list of labels; expected one of {', '.join(_DOCCANO)}")
        if not whole:
            yield from _documents(data, record, text, Answer(_spans(data, record, values, text)))
        elif values:  # without a label, nobody has labelled it
            labels = [data.names.label(record, name) for name in values]
            yield from _documents(data, record, text, Answer(label=max(labels)))


def _labels_of(record: Record) -> list[Any] | None:
    return next((v for name in _DOCCANO if isinstance(v := record.fields.get(name), list)), None)


def perhaps_unread(data: LabelledFile) -> str:
    """What to know of doccano's ranges: a text without one is exported alike whether somebody has read it or not."""
    values = [_labels_of(record) for record in data.head]
    if any(isinstance(value, str) for labels in values for value in labels or ()) or [] not in values:
        return ""
    return "texts without a range count as harmless: export only approved ones if some have not been read"


# --- Label Studio ------------------------------------------------------------------------------


def is_label_studio(data: LabelledFile) -> bool:
    return any(isinstance(r.fields.get("data"), dict) and "annotations" in r.fields for r in data.head)


def flattened(record: Record) -> Record:
    """A task of Label Studio with the fields of its `data` at the top."""
    inner = record.fields.get("data")
    return record._replace(fields={**record.fields, **inner}) if isinstance(inner, dict) else record


def label_studio(data: LabelledFile) -> Iterator[LabelledDocument]:
    """Label Studio's JSON: tasks with annotations. One that was cancelled, or chose none of the choices, is no answer.

    Where several people annotated a task, it comes once for each of them.
    """
    data = data.seen_as(flattened)
    chooses = any('"choices"' in json.dumps(record.fields.get("annotations")) for record in data.head)
    for record in data.records():
        text = _text(data, record)
        made = record.fields.get("annotations")
        if not isinstance(made, list):
            raise record.fault("no list 'annotations'; export as JSON, or as JSON-MIN")
        for one in made:
            if not isinstance(one, dict) or not isinstance(one.get("result"), list):
                raise record.fault(f"annotation {str(one)[:60]!r}; expected an object with a result")
            if not one.get("was_cancelled") and (one["result"] or not chooses):
                yield from _documents(data, record, text, _of_results(data, record, one["result"], text))


def _of_results(data: LabelledFile, record: Record, results: Sequence[Any], text: str) -> Answer:
    chosen: list[int] = []
    ranges: list[Any] = []
    for result in results:
        value = result.get("value") if isinstance(result, dict) else None
        if not isinstance(value, dict):
            raise record.fault(f"result {str(result)[:60]!r}; expected an object with a value")
        if isinstance(names := value.get("choices"), list):
            chosen += [data.names.label(record, name) for name in names]
        elif "labels" in value:
            ranges.append(value)
    return Answer(label=max(chosen)) if chosen else Answer(_spans(data, record, ranges, text))


def is_label_studio_min(data: LabelledFile) -> bool:
    return any({"annotator", "annotation_id"} <= r.fields.keys() for r in data.head)


_OF_THE_TOOL = frozenset("id annotator annotation_id created_at updated_at lead_time comment".split())


def label_studio_min(data: LabelledFile) -> Iterator[LabelledDocument]:
    """Label Studio's JSON-MIN, and its CSV: the answer is a field named like the control.

    It is a name, an object with several, or a list of ranges; in CSV, the last two are JSON.
    """
    data = data.seen_as(_decoded)
    control = _control(data)
    ranged = any(isinstance(record.fields.get(control), list) for record in data.head)
    for record in data.records():
        text, answer = _text(data, record), record.fields.get(control)
        if answer not in (None, ""):
            yield from _documents(data, record, text, _of_min(data, record, answer, text))
        elif ranged:  # in a project of ranges, none is an answer too
            yield from _documents(data, record, text, Answer([]))


def _decoded(record: Record) -> Record:
    """A record of the CSV with its ranges and choices as in JSON-MIN."""
    cells = {k: v for k, v in record.fields.items() if isinstance(v, str) and v.startswith(('[{"', '{"choices"'))}
    try:
        return record._replace(fields={**record.fields, **{k: json.loads(v) for k, v in cells.items()}})
    except ValueError:  # a text that begins so
        return record


def _control(data: LabelledFile) -> str:
    """The field that holds the answer: as asked, by its form, by its name, or else by the names of labels in it."""
    if (asked := data.options.label_column) is not None:
        return asked
    taken = _OF_THE_TOOL | {data.columns.name(role) for role in ("text", "id", "work")}
    values: dict[str, list[Any]] = {}
    for record in data.head:
        for name, value in record.fields.items():
            if name not in taken and value not in (None, ""):
                values.setdefault(name, []).append(value)
    named = data.columns.name("label")
    found = (
        [name for name in values if any(map(_is_answer, values[name]))]
        or [name for name in values if name == named]
        or [name for name in values if data.names.are_of(values[name])]
    )
    if len(found) == 1:
        return found[0]
    problem = "several fields may be the answer" if found else "no field is recognised as the answer"
    there = f"there are: {listed(found or tuple(values))}"
    raise data.head[0].fault(f"{problem}; expected one: name it with --label-column (label_column); {there}")


def _is_answer(value: Any) -> bool:
    match value:
        case {"choices": list()} | [{"start": _, "end": _}, *_]:
            return True
    return False


def _of_min(data: LabelledFile, record: Record, answer: Any, text: str) -> Answer:
    match answer:
        case list():
            return Answer(_spans(data, record, answer, text))
        case {"choices": list(names)}:
            return Answer(label=max([data.names.label(record, name) for name in names], default=0))
    return Answer(label=data.names.label(record, answer))


# --- brat --------------------------------------------------------------------------------------

_BOUND = re.compile(r"T\d+\t(\S+) (\d+ \d+(?:;\d+ \d+)*)(?:\t.*)?")


def is_brat(data: LabelledFile) -> bool:
    return data.file.path.suffix.lower() == ".ann"


def brat(data: LabelledFile) -> Iterator[LabelledDocument]:
    """brat's standoff: `NAME.ann` with the ranges, beside `NAME.txt` with the text."""
    path = data.file.path.with_suffix(".txt")
    for record in data.records():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise record.fault(
                f"the text in {path.name} cannot be read ({error}); put it beside the annotations"
            ) from None
        spans = []
        for number, line in enumerate(string_of(record, record.fields.get("text"), "text").splitlines(), 1):
            if not line.startswith("T"):  # relations, attributes, notes
                continue
            here = record._replace(line=number)
            match = _BOUND.fullmatch(line)
            if match is None:
                raise here.fault(f"{line[:60]!r}; expected a range such as T1, SPOILER 0 12 and its text, with tabs")
            parts = [[int(number) for number in part.split()] for part in match[2].split(";")]
            spans += _spans(data, here, [[*part, match[1]] for part in parts], text)
        whole = record._replace(fields={**record.fields, "text": text})
        yield from _documents(data, whole, text, Answer(spans))
