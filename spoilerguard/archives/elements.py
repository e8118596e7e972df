"""Records in XML, however large the file: expat feeds handlers, and no tree is built.

Safe (https://docs.python.org/3/library/xml.html#xml-security): a document that declares an entity is
refused, which no export does and every bomb must; nothing outside the file is read. Forgiving where
exports are known to be broken: the names of HTML's characters (`&nbsp;`) mean what they mean there,
and control characters or bytes that are not of the encoding cost only the text they stand in.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.entities import html5
import re
from typing import TYPE_CHECKING
from xml.parsers import expat

from spoilerguard.archives.posts import END
from spoilerguard.errors import InputError
from spoilerguard.files.streams import damage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spoilerguard.archives.parts import Part
    from spoilerguard.archives.posts import Row

__all__ = ["Element", "element_rows"]

_CHUNK = 1 << 18
# What XML 1.0 has no place for, and, by `surrogateescape`, bytes that are not of the encoding.
_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_DEEPEST = 8  # records in records; more, and only their depth is kept
_MARK = "\ufdd0"  # stands for them: no character either, but XML allows it


_Columns = dict[str, str | None]


@dataclass(slots=True)
class Element:
    """A record: texts of its children by their names, its attributes as `@name`, theirs as `child@name`.

    Names are without namespaces; of children with one name the first counts.
    """

    kind: str
    line: int  # where it begins
    depth: int
    around: Mapping[str, str]  # the fields of the record around it, as far as they have been read
    fields: dict[str, str] = field(default_factory=dict)
    size: int = 0


def element_rows(
    part: Part,
    place: int,
    wanted: Sequence[str | None],
    kinds: frozenset[str],
    columns: Callable[[Element], _Columns],
) -> Iterator[Row]:
    """The wanted of the columns that are made of each record of these kinds, from the place-th record on."""
    for number, (cells, error) in enumerate(_records(part, kinds, columns), 1):
        if cells is None:
            yield None, error, END
        elif number > place:
            values = [cells.get(name or "") for name in wanted]
            yield [value and value.replace(_MARK, "\ufffd") for value in values], error, number


def _records(
    part: Part, kinds: frozenset[str], columns: Callable[[Element], _Columns]
) -> Iterator[tuple[_Columns | None, str | None]]:
    """The records in the order of their ends with what is wrong with them; last why nothing more can be read.

    Raises InputError for a document that declares an entity.
    """
    parser = expat.ParserCreate("utf-8", " ")
    handlers = _Handlers(parser, part, kinds, columns)
    decoder = codecs.getincrementaldecoder(part.text_encoding)("surrogateescape")
    idle = 0  # characters since a tag or text has ended: expat reads them again with every chunk
    try:
        with part.open() as stream:
            while idle <= part.longest:
                data = stream.read1(_CHUNK)
                text = decoder.decode(data, not data)
                before = parser.CurrentByteIndex
                parser.Parse(_INVALID.sub(_MARK, text), not data)
                idle = idle + len(text) if parser.CurrentByteIndex == before else 0
                yield from handlers.taken()
                if not data:
                    return
        yield None, part.too_long()
    except expat.ExpatError as error:
        yield from handlers.taken()
        reason = expat.ErrorString(error.code)
        yield None, f"line {error.lineno}, column {error.offset + 1}: not valid XML from here on ({reason}); mend it"
    except damage() as error:
        yield None, part.damaged(error)


class _Handlers:
    """What is being read, and what has been."""

    def __init__(
        self,
        parser: expat.XMLParserType,
        part: Part,
        kinds: frozenset[str],
        columns: Callable[[Element], _Columns],
    ) -> None:
        self.parser, self.part, self.kinds, self.columns = parser, part, kinds, columns
        self.depth = 0
        self.done: list[tuple[_Columns, str | None]] = []
        self.open: list[Element] = []
        self.name: str | None = None  # of the child that is being read
        self.pieces: list[str] = []
        parser.buffer_text, parser.buffer_size = True, 1 << 16
        parser.StartElementHandler, parser.EndElementHandler = self.start, self.end
        parser.CharacterDataHandler, parser.SkippedEntityHandler = self.text, self.skipped
        parser.EntityDeclHandler, parser.ExternalEntityRefHandler = self.refuse, self.nothing
        # As if there were a DTD elsewhere: then an entity that is not declared is skipped, and no error.
        parser.UseForeignDTD(True)
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE)

    def taken(self) -> list[tuple[_Columns, str | None]]:
        done, self.done = self.done, []
        return done

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        name = name.rpartition(" ")[2]
        if name in self.kinds and len(self.open) < _DEEPEST:
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
        if record.size <= self.part.longest:
            record.fields.setdefault(key, value)

    def text(self, data: str) -> None:
        if self.name is not None and self.depth == self.open[-1].depth + 1:
            record = self.open[-1]
            record.size += len(data)
            if record.size <= self.part.longest:
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
        if record.size > self.part.longest:
            error = self.part.too_long()
        elif _MARK in (cells.get("text") or ""):
            error = f"its text, from line {record.line} on, holds a character that XML does not allow; remove it"
        self.done.append((cells, error))

    def refuse(self, name: str, *declared: object) -> None:
        raise InputError(f"{self.part.path}: it declares the entity {name[:40]!r}, which no export does: not read")

    def nothing(self, context: str, *where: object) -> int:
        """For what stands elsewhere: never read, as if it were empty."""
        self.parser.ExternalEntityParserCreate(context).Parse(b" ", True)
        return 1
