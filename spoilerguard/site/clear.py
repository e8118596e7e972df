"""What is in the clear in each kind of file of a built site: a table by suffix.

To read a page as a browser does takes most of the time, so pages are only read where a quick look finds a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import unescape
import json
import re
from typing import Any, NamedTuple
import zlib

from spoilerguard.text.markup import HINTS
from spoilerguard.text.ranges import subtract
from spoilerguard.text.reading import layout_of, read

__all__ = ["PAGES", "READERS", "Piece", "Reader", "hidden_texts", "unpacked"]


class Piece(NamedTuple):
    """A text that anybody can read.

    Attributes:
        where: What holds it, such as `text`, `meta` or a key of JSON.
        line: Its line in the file, from 1; None in a packed file.
        text: The text.
    """

    where: str
    line: int | None
    text: str


Worth = Callable[[str], bool]  # whether a text may hold what is looked for

_ATTRIBUTE = re.compile(
    r"""(?i)\b(content|alt|title|aria-(?:label|description)|label|placeholder|srcdoc|value|summary|data-[\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')"""
)
_VALUE = re.compile(r"""=\s*["']([^"'<>]* [^"'<>]*)["']""")  # of an attribute in XML
_TAG = re.compile(r"""<[a-zA-Z](?>(?:[^<>"']++|"[^"]*+"|'[^']*+'|["'])*)>""")
_SCRIPT = re.compile(r"(?is)<script\b([^>]*)>(.*?)</script\s*>")
_HEAD = re.compile(r"(?is)<(title|noscript|template|textarea)\b[^>]*>(.*?)</\1\s*>")
_COMMENT = re.compile(r"(?s)<!--(.*?)-->")
_MARKUP = re.compile(r"(?s)<!--.*?-->|<[!/?a-zA-Z][^<>]*>")
_CDATA = re.compile(r"<!\[CDATA\[|\]\]>")
_LOOKS_LIKE_MARKUP = re.compile(r"<[a-zA-Z/!]")
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"|\'((?:[^\'\\\n]|\\.)*)\'|`((?:[^`\\]|\\.)*)`', re.DOTALL)


# What is in every page that hides something: classes and elements of spoilers, and the marks of platforms.
_MAY_HIDE = ("spoil", "<details", "sg1", "srcdoc", *sorted(HINTS))


def hidden_texts(source: str) -> Iterator[tuple[str, int]]:
    """The texts that a page hides until a reader reveals them.

    Args:
        source: The HTML of the page.

    Yields:
        Each text, with the line where it begins.
    """
    lower = _SCRIPT.sub("", source).lower()
    if not any(hint in lower for hint in _MAY_HIDE):
        return
    document = read(source, "html", suppress=False)
    for start, end in document.concealed:
        text = unescape(_MARKUP.sub(" ", source[start:end]))
        if text.strip():
            yield text, document.position(start)[0]


def _page(source: str, worth: Worth) -> Iterator[Piece]:
    if "srcdoc" in source.lower() or worth(unescape(_MARKUP.sub(" ", _SCRIPT.sub(" ", source)))):
        layout = layout_of(read(source, "html", suppress=False))
        shown: list[str] = []
        at = 0
        for start, end in subtract(layout.visible, layout.scan.attributes):  # which have names of their own
            shown += ["\n" * source.count("\n", at, start) or " ", source[start:end]]
            at = end
        yield Piece("text", 1, unescape("".join(shown)))
    yield from _outside(source, worth)


def _outside(source: str, worth: Worth) -> Iterator[Piece]:
    """What a page holds outside its text: attributes, titles, scripts, comments."""
    places = _Lines(source)
    for tag in _TAG.finditer(source):
        for name, double, single in _ATTRIBUTE.findall(tag[0]):
            text = unescape(double or single)
            yield Piece(name.lower(), places.of(tag.start()), _plain(text) if name.lower() == "srcdoc" else text)
    for script in _SCRIPT.finditer(source):
        line = places.of(script.start())
        kind = "JSON-LD" if "ld+json" in script[1].lower() else "script"
        found = (_json if "json" in script[1].lower() else _script)(script[2], worth)
        yield from (Piece(kind, line, piece.text) for piece in found)
    for pattern, group, where in ((_HEAD, 2, ""), (_COMMENT, 1, "comment")):
        for found_at in pattern.finditer(source):
            yield Piece(where or found_at[1].lower(), places.of(found_at.start()), _plain(found_at[group]))


class _Lines:
    """Line numbers of offsets that only grow, in linear time; an earlier offset starts again."""

    def __init__(self, source: str) -> None:
        self._source, self._at, self._line = source, 0, 1

    def of(self, offset: int) -> int:
        if offset < self._at:
            self._at, self._line = 0, 1
        self._line += self._source.count("\n", self._at, offset)
        self._at = offset
        return self._line


def _plain(text: str) -> str:
    """Text without tags and references, however often it was escaped; what it hides itself is left out."""
    text = _CDATA.sub("", text)
    for _ in range(3):
        plain = unescape(text)
        if plain == text:
            break
        text = plain
    if _LOOKS_LIKE_MARKUP.search(text):
        document = read(text, "html", suppress=False)
        text = " ".join(text[start:end] for start, end in layout_of(document).visible)
    return unescape(text)


def _feed(source: str, worth: Worth) -> Iterator[Piece]:
    """The text of each element: feeds and sitemaps. Text that is hidden in a page is not hidden in a feed."""
    line = 1
    for part in re.split(r"(?<=</item>)|(?<=</entry>)|(?<=</url>)", source):
        text = unescape(_MARKUP.sub(" ", unescape(_MARKUP.sub(" ", _CDATA.sub(" ", part)))))
        yield Piece("element", line, text)
        if values := " \n".join(filter(worth, map(unescape, _VALUE.findall(part)))):
            yield Piece("attribute", line, values)
        line += part.count("\n")


def _json(source: str, worth: Worth) -> Iterator[Piece]:
    try:
        value = json.loads(source)
    except (ValueError, RecursionError):
        yield from _script(source, worth)
        return
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        key, inner = waiting.pop()
        if isinstance(inner, dict):
            waiting += inner.items()
        elif isinstance(inner, list):
            waiting += [(key, item) for item in inner]
        elif isinstance(inner, str):
            yield Piece(f"key {key!r}" if key else "string", None, unescape(_MARKUP.sub(" ", inner)))


def _script(source: str, worth: Worth) -> Iterator[Piece]:
    places = _Lines(source)
    for found in _STRING.finditer(source):
        text = next(filter(None, found.groups()), "")
        if " " not in text:
            continue
        try:
            plain = str(json.loads(f'"{text}"')) if found[1] else text
        except ValueError:
            plain = text
        yield Piece("script", places.of(found.start()), _MARKUP.sub(" ", unescape(plain)))


def _text(source: str, worth: Worth) -> Iterator[Piece]:
    yield Piece("text", 1, source)


Reader = Callable[[str, Worth], Iterator[Piece]]
PAGES = (".html", ".htm", ".xhtml")
READERS: dict[str, Reader] = {
    **dict.fromkeys(PAGES, _page),
    **dict.fromkeys((".xml", ".rss", ".atom", ".rdf", ".opml", ".svg"), _feed),
    **dict.fromkeys((".json", ".jsonl", ".jsonld", ".map", ".ndjson", ".webmanifest"), _json),
    **dict.fromkeys((".js", ".mjs"), _script),
    **dict.fromkeys((".txt", ".md", ".markdown", ".ics", ".csv", ".tsv", ".vtt", ".yaml", ".yml"), _text),
    **dict.fromkeys((".pf_fragment", ".pf_index"), _json),  # Pagefind's, once unpacked
}


def unpacked(data: bytes) -> bytes:
    """The content of a file that may be packed with gzip, without Pagefind's signature.

    Raises:
        ValueError: It is damaged.
    """
    if data.startswith(b"\x1f\x8b"):
        unpacking = zlib.decompressobj(31)
        try:
            data = unpacking.decompress(data, 1 << 28)
        except zlib.error as error:
            raise ValueError(f"the compressed data is damaged ({error})") from None
        if unpacking.unconsumed_tail:
            raise ValueError("it unpacks to more than 256 MB")
    return data.removeprefix(b"pagefind_dcd")
