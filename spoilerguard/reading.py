"""Plain text, Markdown and HTML to a Document whose prose has the source's length.

Mask, do not strip: whatever is not prose becomes spaces, so no offset ever needs mapping. A reader
takes the source and returns its `Layout`: where the prose is and which ranges are blocks. To add a
format, add a function, a row in `READERS` and its suffixes in `SUFFIXES`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePath
import re
from typing import Any

from spoilerguard.errors import InputError
from spoilerguard.furniture import without_furniture
from spoilerguard.htmlscan import Element, Scan, Scanner, looks_like_page, scan
from spoilerguard.markup import find_hidden, outermost
from spoilerguard.ranges import blank, keep, minus
from spoilerguard.sentences import paragraphs
from spoilerguard.spans import Document, Format, Hidden, Span

__all__ = ["READERS", "SUFFIXES", "format_of", "guess_format", "read"]

SUFFIXES: dict[str, Format] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd"), "markdown"),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".shtml"), "html"),
    **dict.fromkeys((".txt", ".text", ".rst", ".adoc", ".org"), "text"),
}

_URL = re.compile(
    r"(?i)\b(?:[a-z][a-z0-9+.-]{1,9}://|www\.)[^\s<>\"]*[^\s<>\".,;:!?'’”)\]*_~]"
    r"|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"
)
_DIRECTIVE = re.compile(r"(?i)spoilerguard\s*:?\s*(off|on|ignore-next)\b")
_COMMENT = re.compile(r"(?i)<!--\s*+(spoilerguard\b[^\n]{0,80}?)\s*-->")


@dataclass(slots=True)
class Layout:
    """What a reader found. Prose and blocks are ordered and disjoint; no prose is hidden."""

    prose: list[Span]
    blocks: list[Span]
    hidden: list[Hidden]
    comments: list[tuple[Span, str]]
    quotes: list[Span] = field(default_factory=list)


def read(source: str, format: str = "text", *, quotations: bool = True) -> Document:
    """The Document of a source in a format: `text`, `markdown`, `html` or `auto` (guessed).

    With `quotations` False, block quotations are not prose. Raises InputError for another format.
    """
    chosen = next((f for f in READERS if f == format), None) if format != "auto" else guess_format(source)
    if chosen is None:
        raise InputError(f"unknown format {format!r}: choose from {', '.join(READERS)}, auto")
    layout = READERS[chosen](source)
    suppressed = _suppressed(source, layout)
    prose = minus(layout.prose, suppressed if quotations else [*suppressed, *layout.quotes])
    text = keep(source, prose)
    if "://" in text or "www." in text.lower() or "@" in text:
        text = _URL.sub(lambda m: " " * len(m[0]), text)
    return Document(source, chosen, text, tuple(layout.blocks), tuple(layout.hidden), tuple(suppressed))


# --- the readers --------------------------------------------------------------------------------


def read_text(source: str) -> Layout:
    """Plain text: all of it is prose but comments to this tool and what its author hid."""
    comments = [(Span(*m.span()), m[1]) for m in _COMMENT.finditer(source)]
    prose = minus([Span(_after_bom(source), len(source))], [span for span, _ in comments])
    blocks = [Span(*block) for block in paragraphs(keep(source, prose) if comments else source)]
    hidden = find_hidden(source)
    return Layout(minus(prose, _spans(hidden)), blocks, hidden, comments)


def read_html(source: str) -> Layout:
    """HTML: a fragment as a blog's editor gives it, or a saved page (its furniture is left out)."""
    page = looks_like_page(source)
    found = scan(source, elements=page)
    text = without_furniture(source, found.text, found.elements) if page else found.text
    return _layout(source, minus(text, [Span(0, _after_bom(source)), *found.concealed]), found)


def read_markdown(source: str) -> Layout:
    """Markdown (CommonMark, with front matter, tables, footnotes, strikethrough, task lists).

    Parsed by pyromark (pulldown-cmark), whose events carry ranges. They drive the scanner of HTML
    as if they were tags, so that HTML within may span Markdown blocks, and ends where they end.
    """
    return _MarkdownReader(source).read()


READERS: dict[Format, Callable[[str], Layout]] = {"text": read_text, "markdown": read_markdown, "html": read_html}


def _layout(source: str, prose: list[Span], found: Scan, markable: str | None = None) -> Layout:
    """The layout of what was scanned; spoiler marks count in `markable`, by default the prose."""
    marked = find_hidden(keep(source, prose) if markable is None else markable, sorted(found.breaks))
    blocks = [Span(*pair) for pair in pairwise(sorted({0, *found.breaks, *found.lines, len(source)}))]
    hidden = outermost([*found.hidden, *marked])
    return Layout(minus(prose, _spans(marked)), blocks, hidden, sorted(found.comments), found.quotes)


def _spans(hidden: Iterable[Hidden]) -> list[Span]:
    return [Span(h.start, h.end) for h in hidden]


_ELEMENT_OF = {
    "BlockQuote": "blockquote",
    "CodeBlock": "pre",
    "FootnoteDefinition": "div",
    "Heading": "h2",
    "HtmlBlock": None,
    "Item": "li",
    "List": "ul",
    "Paragraph": "p",
    "Table": "table",
    "TableCell": "td",
    "TableHead": "tr",
    "TableRow": "tr",
}
# Only at the very start, and only what can be YAML or TOML: elsewhere `---` is a rule.
_FRONT_MATTER = re.compile(
    r"""(?xsm)
    ---[ \t]*\r?\n (?=\#|"?[\w-]++(?:[ ][\w-]++){0,3}"?[ \t]*:\s) .*? ^(?:---|\.\.\.)[ \t]*(?=\r?\n|\Z)
    | \+\+\+[ \t]*\r?\n (?=[#\[]|[\w."-]++[ \t]*=) .*? ^\+\+\+[ \t]*(?=\r?\n|\Z)"""
)


class _MarkdownReader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.scanner = Scanner()
        self.elements: list[Element | None] = []
        self.gaps: list[Span] = []  # what lies between the lines of an HTML block: `> `
        self.literal: list[Span] = []  # where spoiler marks hide nothing
        self.html: list[Span] = []
        self.html_text = ""  # the source with all but its HTML blocks blanked
        self.html_at = -1  # inside an HTML block: where its last line ended
        self.autolink = False

    def read(self) -> Layout:
        begin = _after_bom(self.source)
        if matter := _FRONT_MATTER.match(self.source, begin):
            self.literal.append(Span(*matter.span()))
            begin = matter.end()
        events = [(*_name(event), span) for event, span in _events(self.source, begin)]
        self.html = [span for name, _, span in events if name == "Html"]
        if self.html:
            self.html_text = keep(self.source, self.html)
        for name, detail, span in events:
            self.event(name, detail, span)
        found = self.scanner.finish(len(self.source))
        tags = minus(self.html, found.text)
        markable = blank(self.source, minus([*self.literal, *tags], []))
        prose = minus(found.text, [*self.gaps, *found.concealed])
        return _layout(self.source, prose, found, markable)

    def event(self, name: str, detail: Any, span: Span) -> None:
        if name == "Start":
            self.start(*_name(detail), span)
        elif name == "End":
            self.end(_name(detail)[0], span)
        elif name in ("Text", "SoftBreak"):
            if self.autolink or self.scanner.skipping:
                self.literal.append(span)
            else:
                self.scanner.text(*span)
        elif name in ("HardBreak", "Rule"):
            self.scanner.found.lines.append(span.start)
        elif name == "Html":
            self.gaps.append(Span(self.html_at, span.start))
            self.html_at = span.end
        elif name == "InlineHtml":
            self.literal.append(span)
            self.scanner.feed_tag(detail, *span)
        elif name == "Code":
            self.literal.append(span)

    def start(self, kind: str, detail: Any, span: Span) -> None:
        if kind == "Link":
            self.autolink = detail["link_type"] in ("Autolink", "Email")
        elif kind == "HtmlBlock":
            self.html_at = span.start
        elif name := _ELEMENT_OF.get(kind):
            self.elements.append(self.scanner.enter(name, span.start))
        if kind == "CodeBlock":
            self.literal.append(span)
        elif kind == "Table":  # two bars are an empty cell
            bars = re.finditer(r"\|", self.source[slice(*span)])
            self.literal += [Span(span.start + bar.start(), span.start + bar.end()) for bar in bars]

    def end(self, kind: str, span: Span) -> None:
        if kind == "Link":
            self.autolink = False
        elif kind == "HtmlBlock":
            self.gaps.append(Span(self.html_at, span.end))
            self.scanner.feed(self.html_text, *span)
        elif _ELEMENT_OF.get(kind):
            self.scanner.leave(self.elements.pop(), span.end, span.end)


def _name(event: Any) -> tuple[str, Any]:
    """pyromark writes an event without details as a string, one with details as a dictionary."""
    return next(iter(event.items())) if isinstance(event, dict) else (event, None)


def _events(source: str, start: int) -> Iterator[tuple[Any, Span]]:
    import pyromark

    o = pyromark.Options
    options = o.ENABLE_TABLES | o.ENABLE_FOOTNOTES | o.ENABLE_STRIKETHROUGH | o.ENABLE_TASKLISTS
    options |= o.ENABLE_HEADING_ATTRIBUTES
    # A lone surrogate, which UTF-8 cannot carry, becomes one question mark: offsets hold.
    data = source[start:].encode("utf-8", "replace")
    events = pyromark.events_with_range(data.decode("utf-8"), options=options)
    if len(data) == len(source) - start:
        for event, at in events:
            yield event, Span(at["start"] + start, at["end"] + start)
        return
    import numpy as np

    # points[b] counts the characters that begin before byte b: the code point offset of byte b.
    begins = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80
    points = [start, *(np.cumsum(begins) + start).tolist()]
    for event, at in events:
        yield event, Span(points[at["start"]], points[at["end"]])


def _after_bom(source: str) -> int:
    return 1 if source.startswith("\ufeff") else 0


# --- which format -------------------------------------------------------------------------------


def format_of(path: str | PurePath) -> str:
    """The format a file name tells by its suffix, `auto` where it tells none."""
    return SUFFIXES.get(PurePath(path).suffix.lower(), "auto")


_HTML_SIGNS = re.compile(r"(?i)</(?:p|div|a|em|strong|i|b|span|h[1-6]|li|body|html|blockquote)>|<br ?/?>|<p[ >]")
_MARKDOWN_SIGNS = re.compile(
    r"(?m)^(?:#{1,6} \S|```|---\s*$|[*-] \S|> \S|\d{1,3}\. \S)|\]\([^\s()]{1,500}\)|\*\*\S|`[^`\n]+`"
)


def guess_format(source: str) -> Format:
    """HTML if it looks like a page or is full of tags, Markdown if it shows its marks, else text."""
    head = source[:20_000]
    if looks_like_page(head):
        return "html"
    if _FRONT_MATTER.match(head, _after_bom(head)):
        return "markdown"
    tags, marks = len(_HTML_SIGNS.findall(head)), len(_MARKDOWN_SIGNS.findall(head))
    if tags >= 2 and (tags > marks or head.lstrip("\ufeff \t\r\n").startswith("<")):
        return "html"
    return "markdown" if marks >= 2 else "text"


# --- what is suppressed -------------------------------------------------------------------------


def _suppressed(source: str, layout: Layout) -> list[Span]:
    """Regions between `off` and `on`, and the block after (or rest of the block around) `ignore-next`."""
    regions: list[Span] = []
    off: int | None = None
    pieces: list[Span] | None = None
    for span, comment in layout.comments:
        directive = _DIRECTIVE.match(comment)
        word = directive[1].lower() if directive else ""
        if word == "off" and off is None:
            off = span.start
        elif word == "on" and off is not None:
            regions.append(Span(off, span.end))
            off = None
        elif word == "ignore-next":
            pieces = _written(source, layout.prose) if pieces is None else pieces
            regions.append(Span(span.start, max(span.end, _end_of_block(layout, pieces, span.end))))
    if off is not None:
        regions.append(Span(off, len(source)))
    return minus(regions, [])


def _written(source: str, prose: list[Span]) -> list[Span]:
    """The ranges of prose that are not just white space."""
    return [span for span in prose if not source[span.start : span.end].isspace()]


def _end_of_block(layout: Layout, pieces: list[Span], offset: int) -> int:
    """Where the block ends to which the first prose after the offset belongs."""
    k = bisect_right(pieces, offset, key=lambda span: span.end)
    if k == len(pieces):
        return offset
    block = bisect_right(layout.blocks, max(offset, pieces[k].start), key=lambda span: span.end)
    return layout.blocks[block].end if block < len(layout.blocks) else offset
