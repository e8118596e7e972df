"""Plain text, Markdown and HTML to a Document whose prose has the source's length.

Mask, do not strip: whatever is not prose becomes spaces, so no offset ever needs mapping. A reader
takes the source and returns its `Layout`: where the prose is and which ranges are blocks. To add a
format, add a function, a row in `READERS` and its suffixes in `SUFFIXES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePath
import re
from typing import Any, get_args

from spoilerguard.errors import InputError
from spoilerguard.htmlscan import looks_like_page, scan
from spoilerguard.markup import find_hidden
from spoilerguard.sentences import paragraphs
from spoilerguard.spans import Document, Format, Hidden, Span

__all__ = ["READERS", "SUFFIXES", "format_of", "guess_format", "read"]

SUFFIXES: dict[str, Format] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd"), "markdown"),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".shtml"), "html"),
    **dict.fromkeys((".txt", ".text", ".rst", ".adoc", ".org"), "text"),
}

_URL = re.compile(
    r"\b(?:[a-z][a-z0-9+.-]{1,9}://|www\.)[^\s<>\"]*[^\s<>\".,;:!?'’”)\]*_~]|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}",
    re.I,
)
_DIRECTIVE = re.compile(r"spoilerguard\s*:?\s*(off|on|ignore-next)\b", re.I)
_COMMENT = re.compile(r"<!--\s*(spoilerguard\b[^\n]{0,80}?)\s*-->", re.I)


@dataclass(slots=True)
class Layout:
    """What a reader found: prose (ordered, disjoint), blocks, hidden spoilers, comments, quotations."""

    prose: list[Span]
    blocks: list[Span]
    hidden: list[Hidden] = field(default_factory=list)
    shown: list[Span] = field(default_factory=list)  # visible all the same: the summary of a <details>
    comments: list[tuple[Span, str]] = field(default_factory=list)
    quotes: list[Span] = field(default_factory=list)


def read(source: str, format: str = "text", *, quotations: bool = True) -> Document:
    """The Document of a source in a format: `text`, `markdown`, `html` or `auto` (guessed).

    With `quotations` False, block quotations are not prose. Raises InputError for another format.
    """
    chosen = guess_format(source) if format == "auto" else format
    if chosen not in READERS:
        raise InputError(f"unknown format {format!r}: choose from {', '.join(get_args(Format))}, auto")
    layout = READERS[chosen](source)
    suppressed = _suppressed(layout, len(source))
    holes: list[Span] = [Span(h.start, h.end) for h in layout.hidden]
    prose = _minus(layout.prose, holes)
    if layout.shown:
        prose = _union(prose, _minus(layout.shown, _minus([Span(0, len(source))], layout.prose)))
    prose = _minus(prose, suppressed)
    if not quotations:
        prose = _minus(prose, layout.quotes)
    text = _keep(source, prose)
    if "://" in text or "www." in text or "@" in text:
        text = _URL.sub(lambda m: " " * len(m[0]), text)
    hidden = tuple(sorted(layout.hidden))
    return Document(source, READER_FORMATS[chosen], text, tuple(layout.blocks), hidden, tuple(suppressed))


# --- the readers --------------------------------------------------------------------------------


def read_text(source: str) -> Layout:
    """Plain text: all of it is prose but comments to this tool and what its author hid."""
    comments = [(Span(m.start(), m.end()), m[1]) for m in _COMMENT.finditer(source)]
    prose = _minus([Span(_after_bom(source), len(source))], [span for span, _ in comments])
    blocks = [Span(*block) for block in paragraphs(_keep(source, prose) if comments else source)]
    return Layout(prose, blocks, find_hidden(source), comments=comments)


def read_markdown(source: str) -> Layout:
    """Markdown (CommonMark, with front matter, tables, footnotes, strikethrough, task lists).

    Parsed by pyromark (pulldown-cmark), whose events carry byte ranges. HTML within is scanned
    with the rest blanked: tags keep their places, so an element may span Markdown blocks.
    """
    events, to_point = _markdown_events(source)
    prose: list[Span] = []
    html: list[Span] = []
    breaks: list[int] = [0]
    quotes: list[Span] = []
    literal: list[Span] = []  # code: spoiler marks in it hide nothing
    block_code = 0
    for event, at in events:
        span = Span(to_point(at["start"]), to_point(at["end"]))
        name, detail = next(iter(event.items())) if isinstance(event, dict) else (event, None)
        if name in ("Start", "End"):
            kind = next(iter(detail)) if isinstance(detail, dict) else detail
            if kind in ("CodeBlock", "MetadataBlock"):
                block_code += 1 if name == "Start" else -1
                literal.append(span)
            if kind == "BlockQuote" and name == "Start":
                quotes.append(span)
            if kind not in _INLINE_TAGS:
                breaks.append(span.start if name == "Start" else span.end)
        elif name == "Text" and not block_code:
            prose.append(span)
        elif name == "SoftBreak":
            prose.append(span)
        elif name in ("HardBreak", "Rule"):
            breaks.append(span.start)
        elif name in ("Html", "InlineHtml"):
            html.append(span)
        elif name in ("Code", "InlineMath", "DisplayMath"):
            literal.append(span)
    breaks.append(len(source))
    scanned = scan(_keep(source, html)) if html else None
    comments, shown = [], []
    hidden = find_hidden(_keep(source, _minus([Span(0, len(source))], literal)))
    if scanned:
        inside = [t for t in scanned.text if not source[t.start : t.end].isspace()]
        prose = _union(prose, _minus(inside, _minus([Span(0, len(source))], html)))
        breaks += scanned.breaks
        comments, shown = scanned.comments, scanned.visible_in_hidden
        quotes += scanned.quotes
        hidden = _outermost([*hidden, *scanned.hidden])
    return Layout(prose, _between(breaks), hidden, shown, comments, quotes)


def read_html(source: str) -> Layout:
    """HTML: a fragment as a blog's editor gives it, or a saved page (its furniture is left out)."""
    found = scan(source, page=looks_like_page(source))
    blocks = _between([0, *found.breaks, len(source)])
    prose = _minus(found.text, [Span(0, _after_bom(source))])
    hidden = _outermost([*found.hidden, *(h for h in find_hidden(_keep(source, prose)) if h.style != "stackexchange")])
    return Layout(prose, blocks, hidden, found.visible_in_hidden, found.comments, found.quotes)


READERS: dict[str, Callable[[str], Layout]] = {"text": read_text, "markdown": read_markdown, "html": read_html}
READER_FORMATS: dict[str, Format] = {name: name for name in get_args(Format)}

_INLINE_TAGS = frozenset(
    "Emphasis Strong Strikethrough Link Image Superscript Subscript".split()
)


# --- which format -------------------------------------------------------------------------------


def format_of(path: str | PurePath) -> str:
    """The format a file name tells by its suffix, `auto` where it tells none."""
    return SUFFIXES.get(PurePath(path).suffix.lower(), "auto")


_HTML_SIGNS = re.compile(r"</(?:p|div|a|em|strong|i|b|span|h[1-6]|li|body|html|blockquote)>|<br ?/?>|<p[ >]", re.I)
_MARKDOWN_SIGNS = re.compile(r"(?m)^(?:#{1,6} \S|```|---\s*$|\+\+\+\s*$|[*-] \S|> \S|\d{1,3}\. \S)|\]\(\S+\)|\*\*\S|`[^`\n]+`")


def guess_format(source: str) -> Format:
    """HTML if it looks like a page or holds closing tags, Markdown if it shows its marks, else text."""
    head = source[:20_000]
    if looks_like_page(head) or len(_HTML_SIGNS.findall(head)) >= 2:
        return "html"
    return "markdown" if len(_MARKDOWN_SIGNS.findall(head)) >= 2 else "text"


# --- ranges -------------------------------------------------------------------------------------


def _markdown_events(source: str) -> tuple[Iterable[Any], Callable[[int], int]]:
    import pyromark

    o = pyromark.Options
    options = (
        o.ENABLE_TABLES | o.ENABLE_FOOTNOTES | o.ENABLE_STRIKETHROUGH | o.ENABLE_TASKLISTS | o.ENABLE_MATH
        | o.ENABLE_YAML_STYLE_METADATA_BLOCKS | o.ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS | o.ENABLE_HEADING_ATTRIBUTES
    )  # fmt: skip
    # What UTF-8 cannot carry (lone surrogates) and the byte order mark become one-character
    # stand-ins, so that front matter is found and offsets hold.
    start = _after_bom(source)
    text = source[start:].encode("utf-8", "replace").decode("utf-8") if not source.isascii() else source
    if text.isascii():
        return pyromark.events_with_range(text, options=options), lambda byte: byte + start
    import numpy as np

    data = np.frombuffer(text.encode("utf-8"), np.uint8)
    points = np.concatenate([[0], np.cumsum((data & 0xC0) != 0x80)]) + start
    # points[b] counts the characters that start before byte b: the code point offset of byte b.
    return pyromark.events_with_range(text, options=options), lambda byte: int(points[byte])


def _after_bom(source: str) -> int:
    return 1 if source.startswith("\ufeff") else 0


def _suppressed(layout: Layout, length: int) -> list[Span]:
    """Regions between `off` and `on`, and the block after (or rest of the block around) `ignore-next`."""
    regions: list[Span] = []
    off: int | None = None
    for span, comment in layout.comments:
        directive = _DIRECTIVE.match(comment)
        if not directive:
            continue
        word = directive[1].lower()
        if word == "off":
            off = span.start if off is None else off
        elif word == "on" and off is not None:
            regions.append(Span(off, span.end))
            off = None
        elif word == "ignore-next":
            end = next((b.end for b in layout.blocks if _has_prose_after(layout, b, span.end)), span.end)
            regions.append(Span(span.start, end))
    if off is not None:
        regions.append(Span(off, length))
    return _union(regions, [])


def _has_prose_after(layout: Layout, block: Span, offset: int) -> bool:
    return block.end > offset and any(p.start < block.end and p.end > max(block.start, offset) for p in layout.prose)


def _between(breaks: Iterable[int]) -> list[Span]:
    points = sorted(set(breaks))
    return [Span(a, b) for a, b in zip(points, points[1:], strict=False)]


def _keep(source: str, spans: Iterable[Span]) -> str:
    """The source with all but these ordered, disjoint ranges blanked."""
    pieces: list[str] = []
    position = 0
    for start, end in spans:
        pieces += [" " * (start - position), source[start:end]]
        position = end
    pieces.append(" " * (len(source) - position))
    return "".join(pieces)


def _union(*groups: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(s for group in groups for s in group):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _minus(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Ranges less the holes; ordered and disjoint."""
    gaps = _union(holes)
    kept: list[Span] = []
    k = 0
    for start, end in _union(spans):
        while k < len(gaps) and gaps[k].end <= start:
            k += 1
        j = k
        while j < len(gaps) and gaps[j].start < end:
            if gaps[j].start > start:
                kept.append(Span(start, gaps[j].start))
            start = max(start, gaps[j].end)
            j += 1
        if start < end:
            kept.append(Span(start, end))
    return kept


def _outermost(hidden: list[Hidden]) -> list[Hidden]:
    kept: list[Hidden] = []
    for h in sorted(hidden, key=lambda h: (h.start, -h.end)):
        if not kept or h.start >= kept[-1].end:
            kept.append(h)
    return kept
