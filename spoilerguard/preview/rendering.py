"""A document as HTML that looks as it will when published, with spans around the sentences of interest.

It is written from the layout of the document, the text and the tags around it with their offsets, so a span
contains exactly the text of its sentence. This is no template, since a template does not know offsets: text is
escaped in `_escaped` alone. Only elements of a short list are written, without any attribute of the author's, so
nothing in the draft can run, load or navigate. Spans go around text only, never around a tag, so that a sentence
that crosses elements does not break them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
import re
from typing import Literal

from spoilerguard.spans import MARKDOWN, Document, Span
from spoilerguard.text.ranges import subtract
from spoilerguard.text.reading import layout_of
from spoilerguard.text.scans import Tag

__all__ = ["render"]

# What is written for each element and Markdown block. Tags of others are left out, their text is not.
_WRITTEN = {
    **{name: name for name in "b blockquote dd del dl dt em i ins li mark ol p s small strong sub sup table td th tr "
       "u ul".split()},
    **dict.fromkeys("abbr acronym cite dfn var".split(), "i"),
    **dict.fromkeys("address article aside caption center details dialog dir div fieldset figcaption figure footer "
                    "form header hgroup legend main menu nav search section summary tg-spoiler".split(), "div"),
    "a": "span", "q": "q", "strike": "s",
    "BlockQuote": "blockquote", "Emphasis": "em", "FootnoteDefinition": "div", "Item": "li", "Link": "span",
    "Paragraph": "p", "Strikethrough": "s", "Strong": "strong", "Table": "table", "TableCell": "td",
    "TableHead": "tr", "TableRow": "tr",
}  # fmt: skip
_CLASSES = {"a": "link", "Link": "link", "FootnoteDefinition": "footnote"}
# Browsers move or drop an element in a place where it is not allowed; there it becomes a `<div>`.
_PARENTS = {"li": {"ol", "ul"}, "td": {"tr"}, "th": {"tr"}, "tr": {"table"}, "dt": {"dl"}, "dd": {"dl"}}
_BLOCKS = frozenset({"blockquote", "dd", "div", "dl", "dt", "li", "ol", "p", "table", "td", "th", "tr", "ul"})
_CODE = frozenset({"code", "kbd", "listing", "pre", "samp", "xmp"})
_DEEPEST = 50  # nested elements at most: enough for any post, and no search takes long
_SCROLL = '<div class="scroll" role="group" aria-label="Table" tabindex="0">'
_TAG = re.compile(r"<[^<>]*+>")
_FENCE = re.compile(r"[ \t>]*+(?:`{3,}|~{3,})[^\n]*+\n?")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")

Kind = Literal["s", "h"]  # a sentence of interest; text hidden by its author
Label = tuple[Kind, int]


@dataclass(slots=True)
class _Open:
    """An open element of the output: the id of its source, its name and start tag, its end if no tag ends it."""

    key: int
    name: str
    start: str
    end: int


def render(document: Document, sentences: Sequence[tuple[int, int, int]]) -> tuple[str, dict[int, str]]:
    """A document as HTML. Linear time except for sorting.

    The text of a sentence is in `<span data-s="number">`, text that its author hid in
    `<span data-h="number">`; the first of each has an id (`s-number`, `h-number`). A span with `data-j`
    continues the one before, with nothing visible in between.

    Args:
        document: The document.
        sentences: Ordered, disjoint ranges, each with its number.

    Returns:
        The HTML, and the text of each sentence by its number.
    """
    renderer = _Renderer(document, sentences)
    html = renderer.run()
    return html, {number: text for (kind, number), text in renderer.texts.items() if kind == "s"}


# --- writing ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Labels:
    """Looks up the sentence, or the text hidden by its author, at an offset."""

    ranges: list[tuple[int, int, Kind, int]]
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.ranges.sort()
        self.starts = [row[0] for row in self.ranges]

    def split(self, start: int, end: int) -> Iterator[tuple[int, int, Label | None]]:
        """The parts of a range, each with its label, or None for a part without one."""
        k = max(bisect_right(self.starts, start) - 1, 0)
        while start < end:
            while k < len(self.ranges) and self.ranges[k][1] <= start:
                k += 1
            label: Label | None = None
            stop = end
            if k < len(self.ranges):
                first, last, kind, number = self.ranges[k]
                if first <= start:
                    label, stop = (kind, number), min(end, last)
                else:
                    stop = min(end, first)
            yield start, stop, label
            start = stop


class _Renderer:
    def __init__(self, document: Document, sentences: Sequence[tuple[int, int, int]]) -> None:
        self.source, self.format = document.source, document.format
        self.found = found = layout_of(document).scan
        # Readers see the summary of a spoiler element, but nothing of a spoiler in a character syntax.
        marked = set(document.hidden).difference(found.hidden)
        hidden = subtract([*found.concealed, *(Span(h.start, h.end) for h in marked)], [])
        self.labels = _Labels([(*at, "h", k) for k, at in enumerate(hidden)] + list(_bare(sentences, hidden)))
        self.stack: list[_Open] = []
        self.out: list[str] = []
        self.separated = True  # something visible was written since the last span
        self.named: set[Label] = set()
        self.texts: dict[Label, str] = {}
        self.skip = -1  # items that begin before this offset are not written
        # The elements whose end tag is among the tags; the others end where the scanner says.
        self.closed = {id(tag.element) for tag in found.tags if tag.closes and tag.element is not None}

    def run(self) -> str:
        rules = {tag.start for tag in self.found.tags if tag.name == "Rule"}
        lines = [at for at in self.found.lines if at not in rules]
        items: list[tuple[int, int, Tag | Span | None]] = [(tag.start, 1, tag) for tag in self.found.tags]
        items += [(span.start, 3, span) for span in self.found.words]
        items += [(at, 2, None) for at in lines]
        if self.format == "text":
            items += [(at, 0, Tag(at, at, "Text")) for at in self.found.breaks]
        items.sort(key=lambda item: item[:2])  # stable: tags at one place stay in order
        for at, _, item in items:
            while self.stack and self.stack[-1].end <= at:
                self.pop()
            if at < self.skip:
                if isinstance(item, Tag) and item.closes:
                    self.close(id(item.element))
            elif item is None:
                self.out.append("<br>")
            elif isinstance(item, Span):
                self.text(*item)
            elif item.closes:
                self.close(id(item.element))
            else:
                self.open(item)
        while self.stack:
            self.pop()
        return "".join(self.out)

    def text(self, start: int, end: int) -> None:
        for first, last, label in self.labels.split(start, end):
            piece = self.decoded(first, last)
            blank = piece.isspace() or not piece
            if label is None or blank:
                self.out.append(_escaped(piece))
                self.separated = self.separated or not blank
                if label in self.texts:
                    self.texts[label] += piece
                continue
            self.label(label, _escaped(piece))
            self.texts[label] = self.texts.get(label, "") + piece

    def label(self, label: Label, html: str, tag: str = "span") -> None:
        name = "" if label in self.named else f' id="{label[0]}-{label[1]}"'
        self.named.add(label)
        joins = "" if self.separated else " data-j"
        self.out.append(f'<{tag}{name} data-{label[0]}="{label[1]}"{joins}>{html}</{tag}>')
        self.separated = False

    def decoded(self, start: int, end: int) -> str:
        """Text with its entities decoded."""
        text = self.source[start:end]
        if "&" in text and self.format == "html":
            text = unescape(text)
        elif "&" in text and self.format in MARKDOWN:
            text = _ENTITY.sub(lambda found: unescape(found[0]), text)
        return text

    # --- elements -------------------------------------------------------------------------------

    def open(self, tag: Tag) -> None:
        element = tag.element
        if tag.whole:
            self.whole(tag)
        elif element is None:
            self.void(tag)
        elif element.skipped or tag.name == "CodeBlock":
            self.skipped(tag, element.end)
        elif tag.name in _WRITTEN or tag.name in _LEVELS or tag.name in ("Heading", "List"):
            implied = len(self.source) if id(element) in self.closed else max(element.end, tag.end)
            self.push(id(element), *self.written(tag), implied)

    def written(self, tag: Tag) -> tuple[str, str]:
        """The name and start tag to write for an element."""
        inside = next((item for item in reversed(self.stack) if item.name in _BLOCKS), None)
        if tag.name == "Heading" or tag.name in _LEVELS:
            level = _LEVELS.get(tag.name) or self.level(tag)
            name = f"h{min(level + 2, 6)}"  # below the headings of the page
            return name, f'<{name} class="h{level}">'
        if tag.name == "List":
            return ("ol", "<ol>") if self.source[tag.start : tag.start + 1].isdigit() else ("ul", "<ul>")
        name = _WRITTEN[tag.name]
        if tag.name == "TableCell" and inside and inside.start == '<tr class="head">':
            name = "th"
        if name in _PARENTS and (inside is None or inside.name not in _PARENTS[name]):
            name = "div"
        kind = "head" if tag.name == "TableHead" and name == "tr" else _CLASSES.get(tag.name, "")
        return name, f'<{name} class="{kind}">' if kind else f"<{name}>"

    def level(self, tag: Tag) -> int:
        """The level of a Markdown heading: its number signs; one if it is underlined with `=`, else two."""
        if signs := re.compile(r"#{1,6}").match(self.source, tag.start):
            return len(signs[0])
        lines = self.source[tag.start : tag.element.end if tag.element else tag.end].rstrip().splitlines()
        return 1 if lines and lines[-1].endswith("=") else 2

    def void(self, tag: Tag) -> None:
        """Write an element without text."""
        name, source = tag.name, self.source[tag.start : tag.end]
        if name == "Text":  # plain text has paragraphs, but no tags
            while self.stack:
                self.pop()
            self.push(0, "p", '<p class="plain">', len(self.source))
            return
        if name == "Code":
            self.atom(tag.start, f"<code>{_escaped(source.strip('`'))}</code>")
        elif name in ("Rule", "hr"):
            self.atom(tag.start, "<hr>")
        elif name == "TaskListMarker":
            self.atom(tag.start, "☑ " if "x" in source.lower() else "☐ ")
        elif name == "FootnoteReference":
            self.atom(tag.start, f"<sup>{_escaped(source.strip('[]^'))}</sup>")
        elif name in ("img", "embed"):
            self.atom(tag.start, '<span class="image">image</span>')

    def whole(self, tag: Tag) -> None:
        """Write a link or image that cannot be cut; of an image, the description, of a nested document, its text."""
        image = not self.source.startswith("[", tag.start)
        self.push(0, "span", f'<span class="{"image" if image else "link"}">', tag.end)
        self.separated = self.separated or image

    def skipped(self, tag: Tag, end: int) -> None:
        """Write code; leave out everything else that is not prose."""
        self.skip = max(end, tag.end)
        if tag.name != "CodeBlock" and tag.name not in _CODE:
            return
        inner = self.source[tag.end : self.skip]
        if tag.name == "CodeBlock":
            fence = _FENCE.match(inner)
            lines = inner[fence.end() if fence else 0 :].splitlines()
            if fence and lines and _FENCE.fullmatch(lines[-1]):
                lines.pop()
            inner = "\n".join(lines)
        else:
            inner = unescape(_TAG.sub("", inner))
        code = _escaped(inner)
        inline = tag.name in ("code", "kbd", "samp")
        self.atom(tag.start, f"<code>{code}</code>" if inline else f'<pre tabindex="0"><code>{code}</code></pre>')

    def atom(self, at: int, html: str) -> None:
        """Write something visible that is not text; it is hidden with the sentence that contains it."""
        label = next(self.labels.split(at, at + 1))[2]
        if label is None:
            self.out.append(html)
            self.separated = True
        else:
            self.label(label, html, "div" if html.startswith(("<pre", "<hr")) else "span")

    # --- the stack ------------------------------------------------------------------------------

    def push(self, key: int, name: str, start: str, end: int) -> None:
        if len(self.stack) < _DEEPEST:
            self.stack.append(_Open(key, name, start, end))
            self.out.append(_SCROLL + start if name == "table" else start)

    def pop(self) -> _Open:
        item = self.stack.pop()
        self.out.append(f"</{item.name}>" + ("</div>" if item.name == "table" else ""))
        return item

    def close(self, key: int) -> None:
        """End the element of a tag; elements opened in it that continue are opened again."""
        if not any(item.key == key for item in self.stack):
            return
        again: list[_Open] = []
        while (item := self.pop()).key != key:
            again.append(item)
        for item in reversed(again):
            self.push(item.key, item.name, item.start, item.end)


def _escaped(text: str) -> str:
    """Text as HTML for a place between tags; no text is written into an attribute."""
    return escape(text, quote=False)


_LEVELS = {f"h{level}": level for level in range(1, 7)}


def _bare(sentences: Sequence[tuple[int, int, int]], hidden: Sequence[Span]) -> Iterator[tuple[int, int, Kind, int]]:
    """The sentences without what their author hid in them, in order."""
    k = 0
    for start, end, number in sentences:
        while k < len(hidden) and hidden[k].end <= start:
            k += 1
        j = k
        while j < len(hidden) and hidden[j].start < end:
            if hidden[j].start > start:
                yield start, hidden[j].start, "s", number
            start = max(start, hidden[j].end)
            j += 1
        if start < end:
            yield start, end, "s", number
