"""Markdown to ranges of visible text, by the HTML scanner.

pyromark (pulldown-cmark) parses it to events with ranges. They drive the HTML scanner as if they were tags, so
that HTML may span Markdown blocks, and ends where they end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
import re
from typing import Any, cast

from spoilerguard.spans import Span
from spoilerguard.text.frontmatter import front_matter
from spoilerguard.text.htmlscan import Scanner
from spoilerguard.text.markup import reddit_line_starts
from spoilerguard.text.not_prose import as_items, definitions, filled, template_tags, with_templates
from spoilerguard.text.ranges import mask, mask_outside, subtract
from spoilerguard.text.scans import Element, Scan, Tag, without_collection

__all__ = ["MarkdownReader", "scan_markdown"]


@without_collection
def scan_markdown(source: str, start: int) -> tuple[Scan, list[Span], str]:
    """Scan Markdown. Linear time.

    Args:
        source: The source.
        start: The offset where it starts, after a byte order mark.

    Returns:
        What was found; the ranges of its text, hidden or not; and the source with everything masked in
        which spoiler marks have no meaning, such as code.
    """
    return MarkdownReader(source, start).read()


_ELEMENT_OF = {
    "BlockQuote": "blockquote",
    "CodeBlock": "pre",
    "FootnoteDefinition": "div",
    "Heading": "h1",  # to h6, by its level
    "HtmlBlock": None,
    "Item": "li",
    "List": "ul",
    "Paragraph": "p",
    "Table": "table",
    "TableCell": "td",
    "TableHead": "tr",
    "TableRow": "tr",
}


_LINE_END = re.compile(r"[\r\n]")
_BARS = re.compile(r"(?i)\|{2,}|(?<=spoiler)\|")  # those that could be spoiler marks
_DEEPEST = 100  # quotations and lists that one line may open in one another


class MarkdownReader:
    """Reads one source; a dialect overrides what it does in another way.

    Args:
        source: The source.
        begin: The offset where it starts, after a byte order mark.
    """

    implied = True  # whether a tag closes others implicitly

    def __init__(self, source: str, begin: int) -> None:
        self.begin = front_matter(source, begin)
        self.whole = source
        self.source, self.templates = self.plain()
        self.scanner = Scanner(implied=self.implied)
        self.elements: list[Element | None] = []
        self.gaps: list[Span] = []  # between the lines of an HTML block: `> `
        self.literal = [Span(begin, self.begin), *self.templates]  # where spoiler marks have no meaning
        self.html: list[Span] = []
        self.html_text = ""  # the source with everything masked outside its HTML blocks
        self.html_at = -1  # inside an HTML block: where its last line ended
        self.autolink = False
        self.images = 0  # number of open images
        self.tags = self.scanner.found.tags
        self.inline: list[Element | int] = []  # open emphasis, links ...; indexes of `tags` for what cannot be cut

    def plain(self) -> tuple[str, list[Span]]:
        """The source as plain Markdown, as long as it, and the ranges in it that are code or marks, in order."""
        templates = sorted([*template_tags(self.whole, self.begin), *definitions(self.whole, self.begin)])
        text, marks = as_items(filled(self.whole, templates))
        return text, sorted([*templates, *marks])

    def parsed(self, text: str) -> list[tuple[Any, Span]]:
        """The events of plain Markdown, and where each is in the source."""
        events, offsets = _events(text, self.begin)
        return [(event, Span(offsets[at["start"]], offsets[at["end"]])) for event, at in events]

    def read(self) -> tuple[Scan, list[Span], str]:
        """What `scan_markdown` returns."""
        # A line that starts with a Reddit spoiler, `>!`, is not a quotation.
        text = _escaped(self.source, sorted({*reddit_line_starts(self.source), *_too_deep(self.source)}))
        events = self.parsed(text)
        self.html = [span for event, span in events if type(event) is dict and "Html" in event]
        if self.html:
            self.html_text = mask_outside(self.source, self.html)
        for event, span in events:
            name, detail = (event, None) if type(event) is str else _name(event)
            self.event(name, detail, span)
        found = self.scanner.finish(len(self.source))
        tags = subtract(self.html, found.text)
        markable = mask(self.source, subtract([*self.literal, *tags], []))
        with_templates(found, self.whole, self.templates)
        found.lines += [_end_of_line(self.whole, end) for start, end in self.templates if self.whole[start] in "[!?="]
        found.lines += [start for start, _ in self.templates if self.whole[start : start + 2] in (": ", ":\t")]
        return found, subtract(found.words, self.gaps), markable

    def event(self, name: str, detail: Any, span: Span) -> None:
        """Pass one event on to the scanner."""
        if name == "Start":
            self.start(*_name(detail), span)
        elif name == "End":
            self.end(_name(detail)[0], span)
        else:
            self.mark(name, detail, span)

    def mark(self, name: str, detail: Any, span: Span) -> None:
        """Take an event that neither opens nor closes anything."""
        if name in ("Text", "SoftBreak"):
            if self.autolink or self.scanner.skipping:
                self.literal.append(span)
            else:
                self.scanner.text(*span)
            return
        if name in ("HardBreak", "Rule"):
            self.scanner.found.lines.append(span.start)
        elif name == "Html":
            self.gaps.append(Span(self.html_at, span.start))
            self.html_at = span.end
        elif name == "InlineHtml":
            self.literal.append(span)
            if not self.images:  # only text counts in a description
                self.scanner.feed_tag(detail, *span)
        elif name == "Code":
            self.literal.append(span)
        if name in ("Code", "FootnoteReference", "Rule", "TaskListMarker"):
            self.tags.append(Tag(*span, name))

    def start(self, kind: str, detail: Any, span: Span) -> None:
        """Something opens."""
        if kind == "Link":
            self.autolink = detail["link_type"] in ("Autolink", "Email")
        elif kind == "HtmlBlock":
            self.html_at = span.start
        elif name := _ELEMENT_OF.get(kind):
            element = self.scanner.enter(detail["level"].lower() if kind == "Heading" else name, span.start)
            self.elements.append(element)
            self.tags.append(Tag(span.start, span.start, kind, element))
        self.images += kind == "Image"
        if kind == "Image" or (kind == "Link" and detail["link_type"] not in ("Inline", "Reference")):
            self.inline.append(len(self.tags))
        elif kind not in _ELEMENT_OF:
            mark = Element(kind, span.start, -1, span.end)
            self.inline.append(mark)
            self.tags.append(Tag(span.start, span.start, kind, mark))
        if kind == "CodeBlock":
            self.literal.append(span)
        elif kind == "Table":  # two bars are an empty cell, and one ends a cell
            self.literal += [Span(*bars.span()) for bars in _BARS.finditer(self.source, *span)]

    def end(self, kind: str, span: Span) -> None:
        """Something closes."""
        self.images -= kind == "Image"
        if kind == "HtmlBlock":
            self.gaps.append(Span(self.html_at, span.end))
            first = len(self.tags)
            self.scanner.feed(self.html_text, *span)
            for tag in self.tags[first:]:
                tag.fixed = _begins_line(self.source, tag.start)
        elif _ELEMENT_OF.get(kind):
            element = self.elements.pop()
            self.scanner.leave(element, span.end, span.end)
            self.tags.append(Tag(span.end, span.end, kind, element, closes=True))
        elif isinstance(mark := self.inline.pop(), int):
            # The range of `[a][]` lacks its last two characters.
            end = span.end + 2 * self.source.startswith("[]", span.end)
            self.tags[mark:] = [Tag(span.start, end, "Whole", whole=True)]
        else:
            self.tags.append(Tag(span.end, span.end, kind, mark, closes=True))
        if kind == "Link":
            self.autolink = False


def _end_of_line(source: str, offset: int) -> int:
    """Where a line ends: what follows the mark of an alert or admonition there is its title."""
    found = _LINE_END.search(source, offset)
    return found.start() if found else len(source)


def _begins_line(source: str, offset: int) -> bool:
    """Whether only white space precedes the offset on its line."""
    while offset and source[offset - 1] in " \t":
        offset -= 1
    return offset == 0 or source[offset - 1] in "\r\n"


def _escaped(source: str, offsets: Sequence[int]) -> str:
    """The source with backslashes at these ordered offsets."""
    bounds = pairwise([-1, *offsets, len(source)])
    return "\\".join(source[before + 1 : offset] for before, offset in bounds)


def _too_deep(source: str) -> Iterator[int]:
    """Where a line has more quotations and lists in one another than anybody writes or a page could show.

    Each would cost as much as a sentence, with one character. What follows is text, within those before it.
    """
    for line in _DEEP.finditer(source):
        yield line.start("last")


_DEEP = re.compile(
    rf"""(?xm)^(?![ \t]*+(?>(?:[-*_][ \t]*+)+)$)  # not a rule
    (?=[ \t]*+(?:(?:>|[-+*](?=[ \t])|\d{{1,9}}[.)](?=[ \t]))[ \t]*+){{{_DEEPEST}}}(?P<last>>|[-+*][ \t]|\d))"""
)


def _name(event: Any) -> tuple[str, Any]:
    """pyromark writes an event without details as a string, one with details as a dictionary."""
    if type(event) is str:
        return event, None
    [named] = event.items()
    return cast("tuple[str, Any]", named)


def _events(source: str, start: int) -> tuple[list[tuple[Any, dict[str, int]]], Sequence[int]]:
    """The events of the source from an offset, and the offset in the source of each byte they count."""
    import pyromark

    o = pyromark.Options
    options = o.ENABLE_TABLES | o.ENABLE_FOOTNOTES | o.ENABLE_STRIKETHROUGH | o.ENABLE_TASKLISTS
    options |= o.ENABLE_HEADING_ATTRIBUTES
    # A lone surrogate, which UTF-8 cannot carry, becomes one question mark: offsets hold.
    data = source[start:].encode("utf-8", "replace")
    events: list[Any] = list(pyromark.events_with_range(data.decode("utf-8"), options=options))
    if len(data) == len(source) - start:
        return events, range(start, len(source) + 1)
    import numpy as np

    # The offset of a byte is the number of characters that begin before it.
    begins = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80
    return events, [start, *(np.cumsum(begins) + start).tolist()]
