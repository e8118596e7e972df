"""Plain text, Markdown, MDX and HTML to a `Document` whose prose is as long as the source.

Text that is not prose is masked with spaces rather than removed, so offsets never need mapping. A reader takes a
source and returns its `Layout`: where its prose is and which ranges are blocks. To add a format, add a function, a
row in `READERS` and its suffixes in `SUFFIXES`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import PurePath
import re

from spoilerguard.errors import InputError
from spoilerguard.spans import Document, Format, Hidden, Notice, Section, Span
from spoilerguard.text.boilerplate import without_boilerplate
from spoilerguard.text.frontmatter import front_matter
from spoilerguard.text.htmlscan import looks_like_page, scan
from spoilerguard.text.markdown import scan_markdown
from spoilerguard.text.markup import NEVER_BEGINS, NEVER_ENDS, find_hidden, outermost
from spoilerguard.text.mdx import scan_mdx
from spoilerguard.text.not_prose import COMMENT, filled, template_tags, with_templates
from spoilerguard.text.ranges import intersect, mask_outside, subtract
from spoilerguard.text.scans import Scan, Tag, without_collection
from spoilerguard.text.sections import find_sections
from spoilerguard.text.sentences import paragraphs
from spoilerguard.text.suppressing import suppressed_regions, without_effect

__all__ = [
    "FEEDS", "OTHER_MARKUP", "READERS", "SUFFIXES", "Layout", "addresses", "format_of", "guess_format",
    "layout_of", "read", "reread", "suppressions", "words_of",
]  # fmt: skip

SUFFIXES: dict[str, Format] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".qmd", ".rmd"), "markdown"),
    ".mdx": "mdx",
    **dict.fromkeys((".html", ".htm", ".xhtml", ".shtml"), "html"),
    **dict.fromkeys((".txt", ".text"), "text"),
}

# Markup that nothing here reads: its marks would be taken for prose, and spoiler marks would break it.
OTHER_MARKUP = {
    **dict.fromkeys((".rst", ".rest"), "reStructuredText"),
    **dict.fromkeys((".adoc", ".asciidoc", ".asc"), "AsciiDoc"),
    ".org": "Org",
    ".textile": "Textile",
    ".tex": "LaTeX",
}

FEEDS = frozenset((".xml", ".rss", ".atom", ".rdf"))  # their text is escaped, or that of many posts

_URL = re.compile(
    r"(?i)\b(?:[a-z][a-z0-9+.-]{1,9}://|www\.)[^\s<>\"]*[^\s<>\".,;:!?'’”)\]*_~]"
    r"|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"
)


# A summary that is a mere label, not prose; in Markdown it may be in a quotation.
_LABEL = re.compile(r"(?i)<details>[\s>]{0,99}<summary>(?:show )?spoilers?</summary>")
# Spoiler elements whose end tags are mandatory in HTML, and elements that are always spoilers.
_NEED_ENDS = {"details", "div", "spoiler", "span", "tg-spoiler"}
_ONLY_SPOILERS = {"spoiler", "tg-spoiler"}


@dataclass(slots=True)
class Layout:
    """What a reader finds in a source.

    Attributes:
        prose: The ranges of prose, ordered and disjoint, without hidden text.
        blocks: The ranges that no sentence crosses, ordered and disjoint.
        hidden: Spoilers that the author has hidden.
        comments: Comments with their text.
        quotes: Block quotations.
        visible: All text that readers see, prose or not.
        scan: The result of the scanner: all text, hidden or not, and the tags around it.
        notices: Broken spoiler marks.
        concealed: Text in `hidden` that would be prose if it were not hidden.
        words: All prose, hidden or not.
        sections: The sections, whatever in them is suppressed; None until they are needed.
    """

    prose: list[Span]
    blocks: list[Span]
    hidden: list[Hidden]
    comments: list[tuple[Span, str]]
    quotes: list[Span]
    visible: list[Span]
    scan: Scan
    notices: list[Notice]
    concealed: list[Span]
    words: list[Span]
    sections: tuple[Section, ...] | None = field(default=None, compare=False)


@without_collection
def read(source: str, format: str = "text", *, quotations: bool = True, suppress: bool = True) -> Document:
    """Read a source.

    Args:
        source: The source.
        format: `text`, `markdown`, `mdx`, `html`, or `auto` to guess; `mdx` is never guessed.
        quotations: Whether block quotations are prose.
        suppress: Whether regions that the author has suppressed by comments are left out of the prose.

    Returns:
        The document.

    Raises:
        InputError: The format is unknown.
    """
    chosen = next((f for f in READERS if f == format), None) if format != "auto" else guess_format(source)
    if chosen is None:
        raise InputError(f"unknown format {format!r}: choose from {', '.join(READERS)}, auto")
    return _document(source, chosen, READERS[chosen](source), quotations, suppress)


def layout_of(document: Document) -> Layout:
    """The layout of a document.

    Args:
        document: The document. If it does not carry its layout, because it was unpickled or was not made by
            `read`, its source is parsed, and it keeps the result.

    Returns:
        The layout, not to be changed.
    """
    if document.layout is None:
        object.__setattr__(document, "layout", READERS[document.format](document.source))
    assert document.layout is not None
    return document.layout


def reread(document: Document, *, quotations: bool = True, suppress: bool = True) -> Document:
    """A document with other options of `read`, without parsing its source again.

    Args:
        document: The document.
        quotations: As in `read`.
        suppress: As in `read`.

    Returns:
        What `read` returns for the same source and format with these options.
    """
    return _document(document.source, document.format, layout_of(document), quotations, suppress)


def _document(source: str, format: Format, layout: Layout, quotations: bool, suppress: bool) -> Document:
    suppressed = subtract((region for _, region in suppressed_regions(source, layout)), []) if suppress else []
    prose = subtract(layout.prose, suppressed if quotations else [*suppressed, *layout.quotes])
    text = words_of(source, prose)
    notices = list(_outside(sorted(layout.notices), [*_spans(layout.hidden), *suppressed])) if layout.notices else []
    if suppress and layout.comments:
        notices = sorted([*notices, *without_effect(layout)])
    concealed = subtract(layout.concealed, suppressed) if layout.concealed else ()
    if layout.sections is None:  # nobody needs those of a text that is only read to verify it
        layout.sections = find_sections(source, layout.blocks, layout.words, layout.scan.tags)
    return Document(
        source,
        format,
        text,
        tuple(layout.blocks),
        tuple(layout.hidden),
        tuple(suppressed),
        tuple(notices),
        tuple(concealed),
        layout.sections,
        layout,
    )


def words_of(source: str, spans: Iterable[Span]) -> str:
    """The words in ranges of a source.

    Args:
        source: The source.
        spans: The ranges, ordered and disjoint.

    Returns:
        A text as long as the source, with everything masked outside the ranges, and URLs and e-mail
        addresses in them.
    """
    text = mask_outside(source, spans)
    found = addresses(text)
    return mask_outside(text, subtract([Span(0, len(text))], found)) if found else text


def addresses(text: str) -> list[Span]:
    """The ranges of the URLs and e-mail addresses in a text."""
    if "://" not in text and "www." not in text.lower() and "@" not in text:
        return []
    return [Span(*found.span()) for found in _URL.finditer(text)]


def _outside(notices: Iterable[Notice], spans: Iterable[Span]) -> Iterator[Notice]:
    """The notices that do not begin within one of these ranges; one that begins where a range begins stays."""
    ordered = sorted(spans)
    reach = list(accumulate((span.end for span in ordered), max))
    for notice in notices:
        k = bisect_left(ordered, notice.start, key=lambda span: span.start)
        if k == 0 or reach[k - 1] <= notice.start:
            yield notice


# --- the readers --------------------------------------------------------------------------------


def read_text(source: str) -> Layout:
    """Plain text: everything is prose except comments to this tool and spoilers that the author hid."""
    comments = [(Span(*m.span()), m[1]) for m in COMMENT.finditer(source)]
    prose = subtract([Span(_after_bom(source), len(source))], [span for span, _ in comments])
    text = [Span(*block) for block in paragraphs(source)]
    blocks = [Span(*block) for block in paragraphs(mask_outside(source, prose))] if comments else text
    notices: list[Notice] = []
    inner: list[Span] = []
    hidden = find_hidden(source, notices=notices, inner=inner)
    seen = subtract(prose, _spans(hidden))
    found = Scan(text=text, breaks=[block.start for block in text])
    return Layout(seen, blocks, hidden, comments, [], seen, found, notices, intersect(inner, prose), prose)


def read_html(source: str) -> Layout:
    """HTML: a fragment, as in a blog's editor, or a saved page, whose boilerplate is left out."""
    begin = front_matter(source, _after_bom(source))
    page = looks_like_page(source[begin:])
    code = [Span(0, begin)] * (begin > 0) + template_tags(source, begin)
    found = scan(filled(source, code), elements=page)
    with_templates(found, source, code)
    text = without_boilerplate(source, found.words, found.elements) if page else found.words
    return _layout(source, found, found.words, text)


def read_markdown(source: str) -> Layout:
    """Markdown (CommonMark, with front matter, tables, footnotes, strikethrough, task lists)."""
    found, text, markable = scan_markdown(source, _after_bom(source))
    return _layout(source, found, text, text, markable)


def read_mdx(source: str) -> Layout:
    """MDX: Markdown without indented code, with JSX and expressions in the place of HTML."""
    found, text, markable = scan_mdx(source, _after_bom(source))
    return _layout(source, found, text, text, markable)


READERS: dict[Format, Callable[[str], Layout]] = {
    "text": read_text,
    "markdown": read_markdown,
    "mdx": read_mdx,
    "html": read_html,
}


def _layout(source: str, found: Scan, whole: list[Span], text: list[Span], markable: str | None = None) -> Layout:
    """The layout of scanned markup.

    `whole` is all its text, and `text` the part of it that can be prose, hidden or not. Spoiler marks are
    searched for in `markable`, by default in the prose between tags.
    """
    holes = [Span(0, _after_bom(source)), *found.concealed]
    prose = subtract(text, holes)
    notices, inner = list(_tag_notices(found.tags)), list(found.concealed)
    marked = find_hidden(
        mask_outside(source, subtract(prose, found.attributes)) if markable is None else markable,
        sorted(found.breaks),
        notices=notices,
        inner=inner,
    )
    blocks = [Span(*pair) for pair in pairwise(sorted({0, *found.breaks, *found.lines, len(source)}))]
    hidden = outermost([*found.hidden, *marked])
    labels = [label for h in hidden if h.style == "details" and (label := _LABEL.match(source, h.start))]
    seen = subtract(prose, [*_spans(marked), *(Span(*label.span()) for label in labels)])
    hides = intersect(inner, text) if inner else []
    words = subtract([*seen, *hides], []) if hides else seen
    return Layout(
        seen,
        blocks,
        hidden,
        sorted(found.comments),
        found.quotes,
        subtract(whole, [*holes, *_spans(marked)]),
        found,
        notices,
        hides,
        words,
    )


def _tag_notices(tags: Iterable[Tag]) -> Iterator[Notice]:
    """Notices for spoiler elements that are never closed, and for end tags of spoilers that close nothing."""
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
    """The format of a file by the suffix of its name; `auto` if that is unknown."""
    return SUFFIXES.get(PurePath(path).suffix.lower(), "auto")


_HTML_SIGNS = re.compile(r"(?i)</(?:p|div|a|em|strong|i|b|span|h[1-6]|li|body|html|blockquote)>|<br ?/?>|<p[ >]")
_MARKDOWN_SIGNS = re.compile(
    r"(?m)^(?:#{1,6} \S|```|---\s*$|[*-] \S|> \S|\d{1,3}\. \S)|\]\([^\s()]{1,500}\)|\*\*\S|`[^`\n]+`"
)


def guess_format(source: str) -> Format:
    """Guess a format: HTML for a page or many tags, Markdown if there are marks of it, else text."""
    head, start = source[:20_000], _after_bom(source)
    if looks_like_page(head):
        return "html"
    begins = head.lstrip("\ufeff \t\r\n")[:1]
    end = front_matter(head, start) if begins in ("-", "+", ";", "{") else start
    if end > start and (begins != "{" or head[end:].strip()):  # a JSON object alone is no post
        return "markdown"
    tags, marks = len(_HTML_SIGNS.findall(head)), len(_MARKDOWN_SIGNS.findall(head))
    if (tags and head.lstrip("\ufeff \t\r\n").startswith("<")) or (tags >= 2 and tags > marks):
        return "html"
    return "markdown" if marks >= 2 else "text"


# --- suppressions -------------------------------------------------------------------------------


def suppressions(source: str, format: Format) -> list[tuple[Span, Span]]:
    """The suppression comments of a source.

    Args:
        source: The source.
        format: Its format.

    Returns:
        The range of each comment, and the region that it suppresses, which may be empty.
    """
    return list(suppressed_regions(source, READERS[format](source)))
