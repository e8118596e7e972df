"""Records in a JSON text that is not JSON Lines: an array, a list within an object, or objects one after another.

    [{...}, {...}]        {"guild": {...}, "messages": [{...}, {...}]}        {...pretty...} {...}

The structure (brackets, commas, strings) is scanned in constant memory, and each record is decoded on its own: a
record that cannot be read costs no other, and reading resumes at a byte. A file may have several lists of objects;
the one whose text column has a name that is known is read, and otherwise the only one. Else the file is refused.
A record may be wrapped (`{"kind": "t1", "data": {...}}`), and an array may hold the texts alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import json
import re
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError
from spoilerguard.files.columns import guess_column, known
from spoilerguard.files.jsonlines import JsonObject, decoded, keys_of, picked
from spoilerguard.files.source import END
from spoilerguard.files.streams import JSON_SUFFIXES, base_name, damage

if TYPE_CHECKING:
    from io import BufferedReader

    from spoilerguard.files.source import DataSource, Head, RawRow

__all__ = ["lists_within", "looks_like_json_value", "names", "objects", "rows"]

_CHUNK = 1 << 16
_LOOKED_AT = 1 << 20  # bytes in which lists are compared, if the first one ends before
_ARRAY = "[]"  # the path of a list that is the whole file
_SAMPLE = 20  # records of a list from which its columns are guessed
_WRAPPERS = ("data", "node", "_source", "attributes")  # of Reddit, GraphQL, Elasticsearch, JSON:API
_BESIDE = frozenset("kind id _id type _type __typename _index _score cursor sort links relationships".split())

# A string that a line break cuts off is no string: its quote is passed over. `cut` is what may go on in the next chunk.
_TOKEN = re.compile(
    rb'"(?>(?:[^"\\\n\r]++|\\.)*)(?:"|(?P<cut>\\?\Z))|[\[\]{},:]|[^\s\[\]{},:"]++(?P<part>\Z)?', re.DOTALL
)


class _TooLongError(Exception):
    """A record, or a string outside of records, that is longer than the limit."""


class _Tokens:
    """The tokens of a JSON text, from a place on.

    Attributes:
        place: The byte after the newest token.
        closed: Whether the list whose elements were read has been closed.
    """

    def __init__(self, stream: BufferedReader, place: int, longest: int) -> None:
        self._stream, self._longest = stream, longest
        self._data, self._at, self._base = b"", 0, place
        self._kept: int | None = None  # where the element that is being read begins
        self.closed = False

    @property
    def place(self) -> int:
        return self._base + self._at

    def __iter__(self) -> Iterator[bytes]:
        while (token := self.next()) is not None:
            yield token

    def next(self) -> bytes | None:
        """The next token; None at the end."""
        while True:
            found = _TOKEN.search(self._data, self._at)
            if found and found.lastgroup is None:
                self._at = found.end()
                return found[0]
            if not self._more(found.start() if found else len(self._data)):
                if found and found.lastgroup == "part":  # it ends with the file
                    self._at = found.end()
                    return found[0]
                self._at = len(self._data)
                return None

    def back(self, token: bytes) -> None:
        """Read this token, which was the newest, again."""
        self._at -= len(token)

    def _more(self, start: int) -> bool:
        """Read on; what comes before `start` and before the element is dropped."""
        drop = start if self._kept is None else self._kept
        if len(self._data) - drop > self._longest:
            raise _TooLongError
        more = self._stream.read1(max(_CHUNK, len(self._data) - drop))
        if not more:
            return False
        self._data, self._base, self._at = self._data[drop:] + more, self._base + drop, start - drop
        self._kept = None if self._kept is None else 0
        return True

    def elements(self) -> Iterator[bytes]:
        """Each element up to the end of the list, or of the file; an element that is cut off is left out."""
        self.closed = False
        while (token := self.next()) is not None:
            if token == b"]":
                self.closed = True
                return
            if token not in (b"{", b"["):
                if token != b",":
                    yield token
                continue
            self._kept, depth = self._at - 1, 1
            while depth and (token := self.next()) is not None:
                depth += (token in (b"{", b"[")) - (token in (b"}", b"]"))
            if depth:
                return
            raw, self._kept = self._data[self._kept : self._at], None
            yield raw

    def lists(self, wanted: str | None = None) -> Iterator[str]:
        """Go to the first element of each list of objects that is not within another one; yields its path.

        The caller reads the elements, or breaks. With `wanted`, only a list of this path counts, wherever it is.
        """
        path: list[str] = []  # for each open bracket: "[]" or the key before it
        opened: list[bytes] = []
        key, newest = "", b""
        for token in self:
            here = token in (b"{", b"]") and newest == b"[" and ".".join(filter(None, path))
            if here and (here == wanted if wanted else token == b"{"):
                self.back(token)
                yield here
                path.pop(), opened.pop()
            elif token in (b"{", b"["):
                path.append(f"{key}[]" if token == b"[" else key)
                opened.append(token)
                key = ""
            elif token in (b"}", b"]") and opened:
                path.pop(), opened.pop()
            elif token == b":" and newest[:1] == b'"':
                key = _string(newest)
            newest = token


def _string(raw: bytes) -> str:
    try:
        return str(json.loads(raw))
    except ValueError:
        return raw.decode("utf-8", "replace")


# --- recognition -------------------------------------------------------------------------------


def looks_like_json_value(head: Head) -> bool:
    """Whether a file is JSON, but not JSON Lines: an array, an object over several lines, or one with a list."""
    start = head.text.lstrip()
    if re.match(r"\[\s*(?:[\[{\"]|\]\s*\Z|(?:-?\d[\d.]*|null|true|false)\s*[,\]])", start):
        return True
    if not start.startswith("{"):
        return False
    line, _, rest = start.partition("\n")
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        if rest:
            return base_name(head.path)[1] in {*JSON_SUFFIXES, ""} and line.rstrip().endswith(("{", "[", ","))
        return len(head.raw) > len(line) / 2 and re.search(r":\s*\[\s*\{", line) is not None  # one line, cut off
    if rest.strip() or not isinstance(first, dict) or not any(lists_within(first)):
        return False
    text = guess_column("text", list(first), {name: [value] for name, value in first.items()})
    return text is None or not known(text)  # a record with a text may have lists of its own


def lists_within(value: Any) -> Iterator[list[dict[str, Any]]]:
    """The lists of objects in a value, however deep; not those within such a list."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            yield [one for one in inner if isinstance(one, dict)]
        elif isinstance(inner, list | dict):
            waiting.extend(inner.values() if isinstance(inner, dict) else inner)


# --- the list ----------------------------------------------------------------------------------


def _first(source: DataSource, path: str | None) -> tuple[int, str, bool]:
    """Where the elements of the list begin, its path, and whether they are texts; the path of objects is "".

    Args:
        source: The file.
        path: The path of the list; None to choose.

    Raises:
        InputError: There is no such list, there are several with texts, or it is an array without objects.
    """
    found: dict[str, tuple[int, str | None]] = {}
    try:
        with source.open() as stream:
            head = stream.peek(1024)[:1024]
            is_array = _OPENS.match(head) is not None
            if path in (None, _ARRAY) and (texts := _TEXTS.match(head)):
                return texts.end(), _ARRAY, True
            tokens = _Tokens(stream, 0, source.longest)
            for name in tokens.lists(path):
                place = tokens.place
                if name == path:
                    return place, name, False
                sample = _sample(tokens) if path is None else []
                if path is None:
                    found[name] = place, _text_of(sample)
                    if tokens.place > _LOOKED_AT or not name.removesuffix("[]"):
                        break
    except _TooLongError:
        raise InputError(f"{source.path}: {source.too_long()}") from None
    except damage() as error:
        if not found:
            raise InputError(f"{source.path}: {source.damaged(error)}") from error
    if not found and is_array and path in (None, _ARRAY):
        raise InputError(f'{source.path}: a JSON array without objects; expected records such as [{{"text": "..."}}]')
    if path is not None:
        raise InputError(f"{source.path}: no list {path.replace('[]', '')!r} in it; check that the export is complete")
    if not found:
        return 0, "", False
    chosen = [name for name, (_, text) in found.items() if text is not None and known(text)] or list(found)
    if len(chosen) > 1:
        lists = ", ".join(repr(name.replace("[]", "")) for name in chosen[:9])
        example = f"jq -c '.{chosen[0]}' FILE > records.jsonl"
        raise InputError(f"{source.path}: several lists of records: {lists}; convert the one to scan: {example}")
    return found[chosen[0]][0], chosen[0], False


_OPENS = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[")
_TEXTS = re.compile(rb'(?:\xef\xbb\xbf)?\s*\[\s*(?=")')  # as far as the first text


def _sample(tokens: _Tokens) -> list[dict[str, Any]]:
    """The first objects of a list, which is read to its end."""
    sample: list[dict[str, Any]] = []
    for raw in tokens.elements():
        if len(sample) < _SAMPLE and (fields := decoded(raw, "utf-8")[0]) is not None:
            sample.append(_unwrapped(fields))
        elif tokens.place > _LOOKED_AT:
            break
    return sample


def _text_of(sample: Sequence[dict[str, Any]]) -> str | None:
    names = list(dict.fromkeys(name for fields in sample for name in fields))
    return guess_column("text", names, {name: [fields.get(name) for fields in sample] for name in names})


# --- records -----------------------------------------------------------------------------------


def _unwrapped(fields: dict[Any, Any]) -> dict[Any, Any]:
    """A record, with what is in it if it only wraps another."""
    for name in _WRAPPERS:
        if name in fields and isinstance(inner := fields[name], dict) and fields.keys() - {name} <= _BESIDE:
            return {**inner, **fields}
    return fields


def _of_text(raw: bytes) -> tuple[dict[Any, Any] | None, str | None]:
    """The record of an element of an array of texts."""
    fields, error = decoded(b'{"text": %b}' % raw, "utf-8", "a text")
    if fields is not None and not isinstance(fields["text"], str | None):
        return None, f"a JSON {type(fields['text']).__name__}; expected a text, like the first of the array"
    return fields, error


def objects(source: DataSource, place: int = 0, path: str | None = None) -> Iterator[JsonObject]:
    """Read each record.

    Args:
        source: The file.
        place: The byte of the content to start at; 0 is the first record.
        path: The path of the list, with `[]` after each list, such as "db[].data.posts[]"; by default, it is chosen.

    Yields:
        Each object, or why it cannot be read.

    Raises:
        InputError: There is no such list, or there are several with texts.
    """
    begin, name, texts = _first(source, path)
    number = 0
    try:
        with source.open(max(place, begin)) as stream:
            tokens = _Tokens(stream, max(place, begin), source.longest)
            for number, raw in enumerate(tokens.elements(), 1):
                raw = raw.removeprefix(b"\xef\xbb\xbf")
                fields, error = _of_text(raw) if texts else decoded(raw, "utf-8", "an object")
                if fields is not None and path is None:
                    fields = _unwrapped(fields)
                yield fields, error, tokens.place, number, b"\\ud" in raw or b"\\uD" in raw
            trouble = None
            if tokens.closed != bool(name):
                trouble = "the JSON is cut off or damaged here; fetch the file again"
            elif tokens.closed and (path is None or name == _ARRAY):
                trouble = _unread(tokens, name)
    except _TooLongError:
        trouble = source.too_long()
    except damage() as error:
        trouble = source.damaged(error)
    if trouble:
        yield None, trouble, END, number + 1, False


def _unread(tokens: _Tokens, name: str) -> str | None:
    """Why what comes after the list should have been read: anything after an array, another list with texts."""
    if name == _ARRAY:
        rest = "what follows the array was not read; make one array of all records, or JSON Lines with jq -c '.[]'"
        return None if tokens.next() is None else rest
    for other in tokens.lists():
        if _text_of(_sample(tokens)) is not None:
            return (
                f"another list of records, {other.removesuffix('[]')!r}, was not read; convert it to JSON Lines with jq"
            )
    return None


def names(source: DataSource) -> tuple[str, ...]:
    """The column names in the first records.

    Raises:
        InputError: None of these records can be read.
    """
    return keys_of(source, objects(source), "correct the file")


def rows(source: DataSource, place: int, wanted: Sequence[str | None]) -> Iterator[RawRow]:
    """Read the wanted columns of each record from a place on; see `objects`."""
    return picked(objects(source, place), wanted)
