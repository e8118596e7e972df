"""Plain text, Markdown and HTML to a Document whose prose has the source's length.

Mask, do not strip: whatever is not prose becomes spaces, so no offset ever needs mapping. A reader
takes the source and returns its `Layout`: where the prose is and which ranges are blocks. To add a
format, add a function, a row in `READERS` and its suffixes in `SUFFIXES`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import PurePath
import re

from spoilerguard.errors import InputError
from spoilerguard.spans import Document, Format, Hidden, Notice, Span
from spoilerguard.text.boilerplate import without_furniture
from spoilerguard.text.htmlscan import Scan, Tag, looks_like_page, scan
from spoilerguard.text.markdown import FRONT_MATTER, scan_markdown
from spoilerguard.text.markup import NEVER_BEGINS, NEVER_ENDS, find_hidden, outermost
from spoilerguard.text.ranges import common, keep, minus
from spoilerguard.text.sentences import paragraphs

__all__ = ["READERS", "SUFFIXES", "format_of", "guess_format", "read", "suppressions", "words_of"]

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


# The summary of a spoiler that is not prose but a label; in Markdown, perhaps in a quotation.
_LABEL = re.compile(r"(?i)<details>[\s>]{0,99}<summary>(?:show )?spoilers?</summary>")
# Spoiler elements whose end tags HTML does not let one leave out, and those that are nothing else.
_NEED_ENDS = {"details", "div", "spoiler", "span", "tg-spoiler"}
_ONLY_SPOILERS = {"spoiler", "tg-spoiler"}


@dataclass(slots=True)
class Layout:
    """What a reader found. Prose and blocks are ordered and disjoint; no prose is hidden.

    `concealed` is what would be prose if it were not hidden. `seen` is all text that readers see,
    prose or not; `tags` are the marks around it, in order.
    """

    prose: list[Span]
    blocks: list[Span]
    hidden: list[Hidden]
    comments: list[tuple[Span, str]]
    quotes: list[Span]
    seen: list[Span]
    tags: list[Tag]
    slips: list[Notice]
    concealed: list[Span]


def read(source: str, format: str = "text", *, quotations: bool = True, suppress: bool = True) -> Document:
    """The Document of a source in a format: `text`, `markdown`, `html` or `auto` (guessed).

    With `quotations` False, block quotations are not prose; with `suppress` False, what its author has
    suppressed is. Raises InputError for another format.
    """
    chosen = next((f for f in READERS if f == format), None) if format != "auto" else guess_format(source)
    if chosen is None:
        raise InputError(f"unknown format {format!r}: choose from {', '.join(READERS)}, auto")
    layout = READERS[chosen](source)
    suppressed = minus((region for _, region in _suppressions(source, layout)), []) if suppress else []
    prose = minus(layout.prose, suppressed if quotations else [*suppressed, *layout.quotes])
    text = words_of(source, prose)
    notices = _outside(sorted(layout.slips), [*_spans(layout.hidden), *suppressed]) if layout.slips else ()
    concealed = minus(layout.concealed, suppressed) if layout.concealed else ()
    return Document(
        source,
        chosen,
        text,
        tuple(layout.blocks),
        tuple(layout.hidden),
        tuple(suppressed),
        tuple(notices),
        tuple(concealed),
    )


def words_of(source: str, spans: Iterable[Span]) -> str:
    """The source with all but these ranges blanked, and the addresses in them."""
    text = keep(source, spans)
    if "://" in text or "www." in text.lower() or "@" in text:
        text = _URL.sub(lambda m: " " * len(m[0]), text)
    return text


def _outside(notices: Iterable[Notice], spans: Iterable[Span]) -> Iterator[Notice]:
    """Those that are in none of these ranges, or stand for the whole of one."""
    ordered = sorted(spans)
    reach = list(accumulate((span.end for span in ordered), max))
    for notice in notices:
        k = bisect_left(ordered, notice.start, key=lambda span: span.start)
        if k == 0 or reach[k - 1] <= notice.start:
            yield notice


# --- the readers --------------------------------------------------------------------------------


def read_text(source: str) -> Layout:
    """Plain text: all of it is prose but comments to this tool and what its author hid."""
    comments = [(Span(*m.span()), m[1]) for m in _COMMENT.finditer(source)]
    prose = minus([Span(_after_bom(source), len(source))], [span for span, _ in comments])
    blocks = [Span(*block) for block in paragraphs(keep(source, prose) if comments else source)]
    slips: list[Notice] = []
    inner: list[Span] = []
    hidden = find_hidden(source, slips=slips, inner=inner)
    seen = minus(prose, _spans(hidden))
    return Layout(seen, blocks, hidden, comments, [], seen, [], slips, common(inner, prose))


def read_html(source: str) -> Layout:
    """HTML: a fragment as a blog's editor gives it, or a saved page (its furniture is left out)."""
    page = looks_like_page(source)
    found = scan(source, elements=page)
    text = without_furniture(source, found.text, found.elements) if page else found.text
    return _layout(source, found, found.text, text)


def read_markdown(source: str) -> Layout:
    """Markdown (CommonMark, with front matter, tables, footnotes, strikethrough, task lists)."""
    found, text, markable = scan_markdown(source, _after_bom(source))
    return _layout(source, found, text, text, markable)


READERS: dict[Format, Callable[[str], Layout]] = {"text": read_text, "markdown": read_markdown, "html": read_html}


def _layout(source: str, found: Scan, whole: list[Span], text: list[Span], markable: str | None = None) -> Layout:
    """The layout of what was scanned; `text` is what of the `whole` may be prose, hidden or not.

    Spoiler marks count in `markable`, by default in the prose.
    """
    holes = [Span(0, _after_bom(source)), *found.concealed]
    prose = minus(text, holes)
    slips, inner = list(_tag_slips(found.tags)), list(found.concealed)
    marked = find_hidden(
        keep(source, prose) if markable is None else markable, sorted(found.breaks), slips=slips, inner=inner
    )
    blocks = [Span(*pair) for pair in pairwise(sorted({0, *found.breaks, *found.lines, len(source)}))]
    hidden = outermost([*found.hidden, *marked])
    labels = [label for h in hidden if h.style == "details" and (label := _LABEL.match(source, h.start))]
    return Layout(
        minus(prose, [*_spans(marked), *(Span(*label.span()) for label in labels)]),
        blocks,
        hidden,
        sorted(found.comments),
        found.quotes,
        minus(whole, [*holes, *_spans(marked)]),
        found.tags,
        slips,
        common(inner, text) if inner else [],
    )


def _tag_slips(tags: Iterable[Tag]) -> Iterator[Notice]:
    """Spoiler elements that are never closed, and end tags of such elements that close nothing."""
    opened: dict[int, Tag] = {}
    for tag in tags:
        if not tag.closes and tag.element and tag.element.style and tag.name in _NEED_ENDS:
            opened[tag.start] = tag
        elif tag.closes and tag.element:
            opened.pop(tag.element.start, None)
        elif tag.closes and tag.name in _ONLY_SPOILERS:
            yield Notice(tag.start, tag.end, NEVER_BEGINS)
    yield from (Notice(tag.start, tag.end, NEVER_ENDS) for tag in opened.values())


def _spans(hidden: Iterable[Hidden]) -> list[Span]:
    return [Span(h.start, h.end) for h in hidden]


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
    if FRONT_MATTER.match(head, _after_bom(head)):
        return "markdown"
    tags, marks = len(_HTML_SIGNS.findall(head)), len(_MARKDOWN_SIGNS.findall(head))
    if (tags and head.lstrip("\ufeff \t\r\n").startswith("<")) or (tags >= 2 and tags > marks):
        return "html"
    return "markdown" if marks >= 2 else "text"


# --- what is suppressed -------------------------------------------------------------------------


def suppressions(source: str, format: Format) -> list[tuple[Span, Span]]:
    """Each comment that is to suppress something, and the region that it suppresses, which may be empty."""
    return list(_suppressions(source, READERS[format](source)))


def _suppressions(source: str, layout: Layout) -> Iterator[tuple[Span, Span]]:
    """Regions between `off` and `on`, and the block after (or rest of the block around) `ignore-next`."""
    off: Span | None = None
    pieces: list[Span] | None = None
    for span, comment in layout.comments:
        directive = _DIRECTIVE.match(comment)
        word = directive[1].lower() if directive else ""
        if word == "ignore-next":
            pieces = _written(source, layout.prose) if pieces is None else pieces
            yield span, Span(span.start, max(span.end, _end_of_block(source, layout, pieces, span.end)))
        elif word == "off" and off is None:
            off = span
        elif word == "on" and off is not None:
            yield off, Span(off.start, span.end)
            off = None
        elif word:
            yield span, Span(span.start, span.start)  # ends what never begins, or begins it again
    if off is not None:
        yield off, Span(off.start, len(source))


_WORDS = re.compile(r"\S")


def _written(source: str, prose: list[Span]) -> list[Span]:
    """The ranges of prose that are not just white space."""
    return [span for span in prose if not source[span.start : span.end].isspace()]


def _end_of_block(source: str, layout: Layout, pieces: list[Span], offset: int) -> int:
    """Where the block ends to which the first words after the offset belong."""
    k = bisect_right(pieces, offset, key=lambda span: span.end)
    if k == len(pieces):
        return offset
    words = _WORDS.search(source, max(offset, pieces[k].start))
    if words is None:
        return offset
    block = bisect_right(layout.blocks, words.start(), key=lambda span: span.end)
    return layout.blocks[block].end if block < len(layout.blocks) else offset
