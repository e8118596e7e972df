"""Records in XML files of any size: expat calls handlers, and no tree is built.

Safe (https://docs.python.org/3/library/xml.html#xml-security): a document that declares an entity is
refused, since no export does so and every entity bomb must; nothing outside the file is read. Lenient
where exports are known to be broken: `repair` makes the text well formed where it can, HTML entities (`&nbsp;`)
have their HTML meaning, and after any other fault reading goes on with the next record.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from html.entities import html5
import re
from typing import TYPE_CHECKING
from xml.parsers import expat

from spoilerguard.archives.repair import MARK, Repair
from spoilerguard.errors import InputError
from spoilerguard.files.source import END
from spoilerguard.files.streams import damage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spoilerguard.files.source import DataSource, RawRow

__all__ = ["Element", "Schema", "element_rows"]

_CHUNK = 1 << 18
_MAX_DEPTH = 32  # of a record in the document; exports have four at most. After a fault, all of it is opened again
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
# Prefixes of elements that have the local names of others: `excerpt:encoded`, `media:content`, `itunes:summary`.
_OTHERS = frozenset({"excerpt", "itunes", "media"})

_Columns = dict[str, str | None]
_Record = tuple[_Columns | None, str | None]  # the columns, and why the record cannot be read


@dataclass(slots=True)
class Element:
    """A record.

    Attributes:
        kind: Its element name.
        line: The line where it begins.
        depth: How deeply it is nested.
        around: The fields of the enclosing record read so far.
        fields: The text of each child by its name, its attributes as `@name`, theirs as `child@name`.
            Names have no prefixes; the first of several children with one name counts.
        size: The characters in `fields`, including those left out beyond the limit.
        error: Why it is not well formed.
    """

    kind: str
    line: int
    depth: int
    around: Mapping[str, str]
    fields: dict[str, str] = field(default_factory=dict)
    size: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """The records of an XML format.

    Attributes:
        kinds: The element names that are records.
        columns: Makes the columns of a record.
        texts: The children that hold a text; tags in them are part of it.
    """

    kinds: frozenset[str]
    columns: Callable[[Element], _Columns]
    texts: frozenset[str]


def element_rows(source: DataSource, place: int, wanted: Sequence[str | None], schema: Schema) -> Iterator[RawRow]:
    """Read the wanted columns of each record from a place on.

    Args:
        source: The file.
        place: The number of records to skip.
        wanted: Column names; None gives None.
        schema: The records.

    Yields:
        Each record; its place is its number, from 1. A fault between records counts as one.

    Raises:
        InputError: The document declares an entity.
    """
    parser = _Parser(source, schema)
    number = 0
    for cells, error in _records(source, parser):
        number += 1
        if number <= place:
            continue
        if cells is None:
            yield None, error, number
            continue
        values = [cells.get(name or "") for name in wanted]
        yield [value and value.replace(MARK, "\ufffd") for value in values], error, number
    if parser.ended is not None:
        yield None, parser.ended, END


def _records(source: DataSource, parser: _Parser) -> Iterator[_Record]:
    """The records, in the order of their end tags; afterwards `parser.ended` says why reading stopped early."""
    decoder = codecs.getincrementaldecoder(source.text_encoding)("surrogateescape")
    repair = Repair()
    final = False
    try:
        with source.open() as stream:
            while not final and parser.ended is None:
                data = stream.read1(_CHUNK)
                final = not data
                parser.feed(repair.feed(decoder.decode(data, final), final).encode(), final)
                yield from parser.taken()
    except damage() as error:
        parser.ended = source.damaged(error)


class _Parser:
    """The records being read, and those completed. After a fault, a new expat takes over at the next record."""

    def __init__(self, source: DataSource, schema: Schema) -> None:
        self.source, self.schema = source, schema
        self.ended: str | None = None
        self._edge = re.compile(rf"<(/?)((?:[\w.-]+:)?(?:{'|'.join(sorted(schema.kinds))}))(?=[\s/>])[^>]*>?".encode())
        self._done: list[_Record] = []
        self._open: list[Element] = []
        self._path: list[str] = []  # the names of all open elements
        self._home: list[str] | None = None  # those around the first record
        self._closed = False  # whether the root has been closed
        self._name: str | None = None  # of the child being read
        self._pieces: list[str] = []
        self._keeps_tags = self._is_escaped = False
        self._trouble: tuple[str, str] | None = None  # place and reason of a fault, while a record is searched for
        self._held = b""  # what was read while searching
        self._idle = 0  # bytes since the last tag or text ended: expat rescans them with every chunk
        self._line, self._column = 1, 0  # where the first line of this expat stands in the document
        self._begin([], 1, 0)

    def taken(self) -> list[_Record]:
        """The records completed since the last call."""
        done, self._done = self._done, []
        return done

    def feed(self, data: bytes, final: bool) -> None:
        """Parse the next piece of the document."""
        rest: bytes | None = data
        while rest is not None and self.ended is None:
            rest = self._parse(rest, final) if self._trouble is None else self._search(rest, final)

    def _parse(self, data: bytes, final: bool) -> bytes | None:
        """Parse; returns what comes after a fault."""
        before = self._expat.CurrentByteIndex
        try:
            self._expat.Parse(data, final)
        except expat.ExpatError as error:
            column = error.offset + 1 + (self._column if error.lineno == 1 else 0)
            self._line += error.lineno - 1
            self._trouble = f"line {self._line}, column {column}", expat.ErrorString(error.code)
            self._column = column - 1
            at = self._expat.ErrorByteIndex - self._fed
            return data[max(at, self._fed == self._opening) :]  # never the edge again at which it has just begun
        self._fed += len(data)
        self._idle = self._idle + len(data) if self._expat.CurrentByteIndex == before else 0
        if self._idle > self.source.longest:
            self.ended = self.source.too_long()
        return None

    # --- after a fault ---------------------------------------------------------------------------

    def _search(self, data: bytes, final: bool) -> bytes | None:
        """Search for the edge of a record at which parsing can go on; returns what comes from there on."""
        data, self._held = self._held + data, b""
        for edge in self._edge.finditer(data):
            name = edge[2].decode()
            same = [record for record in self._open if self._path[record.depth - 1] == name]
            if edge[1] and not same:
                continue
            at = edge.end() if edge[1] and same[-1] is self._open[-1] else edge.start()
            self._skip(data[:at])
            self._go_on(name, same[-1] if same else None, closes=bool(edge[1]))
            return data[at:]
        if final:
            self.ended = self._explained(" from here on") if self._open or not self._closed else None
            self._trouble = None
            return None
        at = max(data.rfind(b"<", len(data) - 256), 0) or len(data)
        self._skip(data[:at])
        self._held = data[at:]
        return None

    def _explained(self, where: str = "") -> str:
        place, reason = self._trouble or ("", "")
        return f"{place}: not valid XML{where} ({reason}); correct it"

    def _skip(self, data: bytes) -> None:
        """Count the lines and columns of what is not parsed."""
        if lines := data.count(b"\n"):
            self._line, self._column = self._line + lines, 0
        self._column += len(data[data.rfind(b"\n") + 1 :].decode("utf-8", "replace"))

    def _go_on(self, name: str, same: Element | None, *, closes: bool) -> None:
        """Go on at the edge of a record; `same` is the innermost open record of that name."""
        error, self._trouble = self._explained(), None
        if not self._open:
            if not self._closed:
                self._done.append((None, f"{error}; reading went on with the next record"))
            self._begin(self._home or [], self._line, self._column)
            return
        self._open[-1].error = self._open[-1].error or error
        above = self._open.index(same) if same else len(self._open) - 1
        if same is None or (closes and same is not self._open[-1]):
            above += 1  # that record goes on
        while len(self._open) > above:
            record = self._open.pop()
            record.error = record.error or error
            self._close(record)
            del self._path[record.depth - 1 :]
        if self._open:
            del self._path[self._open[-1].depth :]
        self._begin(self._path, self._line, self._column)

    def _begin(self, path: list[str], line: int, column: int) -> None:
        """Start an expat inside these open elements, at this line and column."""
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text, parser.buffer_size = True, 1 << 16
        # With a foreign DTD, an undeclared entity is skipped instead of being an error.
        parser.UseForeignDTD(True)
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE)
        parser.EntityDeclHandler, parser.ExternalEntityRefHandler = self._refuse, self._nothing
        self._expat = parser
        opening = "".join(f"<{name}>" for name in path).encode()
        if opening:
            parser.Parse(opening, False)
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler, parser.SkippedEntityHandler = self._text, self._skipped
        self._path, self._name = list(path), None
        self._fed = self._opening = len(opening)
        self._line, self._column = line, column - len(opening)
        self._idle = 0

    # --- handlers --------------------------------------------------------------------------------

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        self._path.append(qualified)
        depth, (prefix, _, name) = len(self._path), qualified.rpartition(":")
        is_record = name in self.schema.kinds and prefix not in _OTHERS
        line = self._line + self._expat.CurrentLineNumber - 1
        if is_record and depth > _MAX_DEPTH:
            self._done.append((None, f"line {line}: a record within more than {_MAX_DEPTH} elements; it was not read"))
        if is_record and depth <= _MAX_DEPTH:
            if self._home is None:
                self._home = self._path[:-1]
            around = self._open[-1].fields if self._open else {}
            self._open.append(Element(name, line, depth, around))
            self._name, child = None, ""
        elif self._open and depth == self._open[-1].depth + 1 and prefix not in _OTHERS:
            self._name = child = name
            self._pieces = []
            self._keeps_tags = name in self.schema.texts
            self._is_escaped = attributes.get("type") not in ("xhtml", "application/xhtml+xml")
        else:
            if self._name is not None and self._keeps_tags:
                kept = (pair for pair in attributes.items() if not pair[0].startswith("xmlns"))
                self._add("".join(["<", name, *(f' {key}="{escape(value)}"' for key, value in kept), ">"]))
            return
        for key, value in attributes.items():
            self._keep(f"{child}@{key.rpartition(':')[2]}", value)

    def _keep(self, key: str, value: str) -> None:
        record = self._open[-1]
        record.size += len(key) + len(value)
        if record.size <= self.source.longest:
            record.fields.setdefault(key, value)

    def _text(self, data: str) -> None:
        if self._name is not None and (self._keeps_tags or len(self._path) == self._open[-1].depth + 1):
            self._add(data if self._is_escaped else escape(data, quote=False))

    def _add(self, data: str) -> None:
        record = self._open[-1]
        record.size += len(data)
        if record.size <= self.source.longest:
            self._pieces.append(data)

    def _skipped(self, name: str, is_parameter: bool) -> None:
        self._text(html5.get(f"{name};") or f"&{name};")

    def _end(self, qualified: str) -> None:
        depth = len(self._path)
        if self._open:
            if depth == self._open[-1].depth:
                self._close(self._open.pop())
                self._name = None
            elif self._name is not None and depth == self._open[-1].depth + 1:
                self._open[-1].fields.setdefault(self._name, "".join(self._pieces))
                self._name, self._pieces = None, []
            elif self._name is not None and self._keeps_tags:
                name = qualified.rpartition(":")[2]
                self._add("" if name in _VOID else f"</{name}>")
        self._path.pop()
        self._closed = self._closed or not self._path

    def _close(self, record: Element) -> None:
        cells, error = self.schema.columns(record), record.error
        if error is None and record.size > self.source.longest:
            error = self.source.too_long()
        elif error is None and MARK in (cells.get("text") or ""):
            error = f"its text, from line {record.line} on, contains a character that XML does not allow; remove it"
        self._done.append((cells, error))

    def _refuse(self, name: str, *declared: object) -> None:
        message = f"it declares the entity {name[:40]!r}, which is unsafe and which no export does; it was not read"
        raise InputError(f"{self.source.path}: {message}")

    def _nothing(self, context: str, *where: object) -> int:
        """Treat external content as empty; it is never read."""
        self._expat.ExternalEntityParserCreate(context).Parse(b" ", True)
        return 1
