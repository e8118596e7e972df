"""Records in XML files of any size: expat calls handlers, and no tree is built.

Safe (https://docs.python.org/3/library/xml.html#xml-security): a document that declares an entity is
refused, since no export does so and every entity bomb must; nothing outside the file is read. Lenient
where exports are known to be broken: HTML entities (`&nbsp;`) have their HTML meaning, and control
characters or undecodable bytes make an error only of the text that contains them.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.entities import html5
import re
from typing import TYPE_CHECKING
from xml.parsers import expat

from spoilerguard.errors import InputError
from spoilerguard.files.source import END
from spoilerguard.files.streams import damage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spoilerguard.files.source import DataSource, RawRow

__all__ = ["Element", "element_rows"]

_CHUNK = 1 << 18
# Characters that XML 1.0 does not allow, and undecodable bytes (as `surrogateescape` decodes them).
_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_MAX_DEPTH = 8  # of nested records; deeper ones are skipped
_MARK = "\ufdd0"  # replaces them: a noncharacter that XML allows


_Columns = dict[str, str | None]


@dataclass(slots=True)
class Element:
    """A record.

    Attributes:
        kind: Its element name.
        line: The line where it begins.
        depth: How deeply it is nested.
        around: The fields of the enclosing record read so far.
        fields: The text of each child by its name, its attributes as `@name`, theirs as `child@name`.
            Names have no namespaces; the first of several children with one name counts.
        size: The characters in `fields`, including those left out beyond the limit.
    """

    kind: str
    line: int
    depth: int
    around: Mapping[str, str]
    fields: dict[str, str] = field(default_factory=dict)
    size: int = 0


def element_rows(
    source: DataSource,
    place: int,
    wanted: Sequence[str | None],
    kinds: frozenset[str],
    columns: Callable[[Element], _Columns],
) -> Iterator[RawRow]:
    """Read the wanted columns of each record from a place on.

    Args:
        source: The file.
        place: The number of records to skip.
        wanted: Column names; None gives None.
        kinds: The element names that are records.
        columns: Makes the columns of a record.

    Yields:
        Each record; its place is its number, from 1.

    Raises:
        InputError: The document declares an entity.
    """
    for number, (cells, error) in enumerate(_records(source, kinds, columns), 1):
        if cells is None:
            yield None, error, END
        elif number > place:
            values = [cells.get(name or "") for name in wanted]
            yield [value and value.replace(_MARK, "\ufffd") for value in values], error, number


def _records(
    source: DataSource, kinds: frozenset[str], columns: Callable[[Element], _Columns]
) -> Iterator[tuple[_Columns | None, str | None]]:
    """The records, in the order of their end tags, each with its error; last, why reading stopped early."""
    parser = expat.ParserCreate("utf-8", " ")
    handlers = _Handlers(parser, source, kinds, columns)
    decoder = codecs.getincrementaldecoder(source.text_encoding)("surrogateescape")
    idle = 0  # characters since the last tag or text ended: expat rescans them with every chunk
    try:
        with source.open() as stream:
            while idle <= source.longest:
                data = stream.read1(_CHUNK)
                text = decoder.decode(data, not data)
                before = parser.CurrentByteIndex
                parser.Parse(_INVALID.sub(_MARK, text), not data)
                idle = idle + len(text) if parser.CurrentByteIndex == before else 0
                yield from handlers.taken()
                if not data:
                    return
        yield None, source.too_long()
    except expat.ExpatError as error:
        yield from handlers.taken()
        reason = expat.ErrorString(error.code)
        yield None, f"line {error.lineno}, column {error.offset + 1}: not valid XML from here on ({reason}); correct it"
    except damage() as error:
        yield None, source.damaged(error)


class _Handlers:
    """The state of the parser: the records being read, and those completed."""

    def __init__(
        self,
        parser: expat.XMLParserType,
        source: DataSource,
        kinds: frozenset[str],
        columns: Callable[[Element], _Columns],
    ) -> None:
        self.parser, self.source, self.kinds, self.columns = parser, source, kinds, columns
        self.depth = 0
        self.done: list[tuple[_Columns, str | None]] = []
        self.open: list[Element] = []
        self.name: str | None = None  # of the child being read
        self.pieces: list[str] = []
        parser.buffer_text, parser.buffer_size = True, 1 << 16
        parser.StartElementHandler, parser.EndElementHandler = self.start, self.end
        parser.CharacterDataHandler, parser.SkippedEntityHandler = self.text, self.skipped
        parser.EntityDeclHandler, parser.ExternalEntityRefHandler = self.refuse, self.nothing
        # With a foreign DTD, an undeclared entity is skipped instead of being an error.
        parser.UseForeignDTD(True)
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE)

    def taken(self) -> list[tuple[_Columns, str | None]]:
        done, self.done = self.done, []
        return done

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        name = name.rpartition(" ")[2]
        if name in self.kinds and len(self.open) < _MAX_DEPTH:
            around = self.open[-1].fields if self.open else {}
            self.open.append(Element(name, self.parser.CurrentLineNumber, self.depth, around))
            self.name, child = None, ""
        elif self.open and self.depth == self.open[-1].depth + 1:
            self.name = child = name
            self.pieces = []
        else:
            return
        for key, value in attributes.items():
            self.keep(f"{child}@{key.rpartition(' ')[2]}", value)

    def keep(self, key: str, value: str) -> None:
        record = self.open[-1]
        record.size += len(key) + len(value)
        if record.size <= self.source.longest:
            record.fields.setdefault(key, value)

    def text(self, data: str) -> None:
        if self.name is not None and self.depth == self.open[-1].depth + 1:
            record = self.open[-1]
            record.size += len(data)
            if record.size <= self.source.longest:
                self.pieces.append(data)

    def skipped(self, name: str, is_parameter: bool) -> None:
        self.text(html5.get(f"{name};") or f"&{name};")

    def end(self, name: str) -> None:
        if self.open:
            if self.depth == self.open[-1].depth:
                self.close(self.open.pop())
                self.name = None
            elif self.name is not None and self.depth == self.open[-1].depth + 1:
                self.open[-1].fields.setdefault(self.name, "".join(self.pieces))
                self.name, self.pieces = None, []
        self.depth -= 1

    def close(self, record: Element) -> None:
        cells, error = self.columns(record), None
        if record.size > self.source.longest:
            error = self.source.too_long()
        elif _MARK in (cells.get("text") or ""):
            error = f"its text, from line {record.line} on, contains a character that XML does not allow; remove it"
        self.done.append((cells, error))

    def refuse(self, name: str, *declared: object) -> None:
        message = f"it declares the entity {name[:40]!r}, which is unsafe and which no export does; it was not read"
        raise InputError(f"{self.source.path}: {message}")

    def nothing(self, context: str, *where: object) -> int:
        """Treat external content as empty; it is never read."""
        self.parser.ExternalEntityParserCreate(context).Parse(b" ", True)
        return 1
