"""HTML to ranges of visible text: one pass over the tokens, with offsets in code points.

The tokenizer follows the WHATWG HTML standard, section 13.2.5 (tokenization), and section 13.2.6 (tree
construction) for the question which tag closes which element, as one regular expression and a stack.

It is our own because no parser has both properties that we need: the exact range of every text and tag in the
source, also in broken markup, and linear time for any input. html5lib and lxml lose the offsets; tree-sitter-html
keeps them, but takes 15 s for 100,000 nested `<div>` (its time grows with the square of the depth), where this
takes a fraction of a second. `tests/test_htmlscan.py` compares the two on ordinary and broken pages.

Text also stands in tags: the description of a picture, and the document that an `<iframe srcdoc>` holds, which is
scanned with its entities decoded and mapped back to the source.

Known differences from browsers: text before the cells of a table is not moved out of it, parts of a table count
without a table, and inline elements that a block cut off are not opened again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
import re

from spoilerguard.spans import Hidden, Span
from spoilerguard.text.attributes import ATTRIBUTE, decoded, values_of
from spoilerguard.text.htmltags import (
    BLOCK,
    BOUNDARIES,
    BREAKS_OUT,
    CLOSES_P,
    DRAWN,
    ENDS_ALL,
    FOREIGN,
    FORMATTING,
    HEADINGS,
    IMPLIED_END,
    INTEGRATED,
    ITEM_BOUNDARIES,
    NESTED,
    NOT_DRAWN,
    NOT_PROSE,
    RAW,
    SHADOW_MODES,
    TABLE_BOUNDARIES,
    TABLE_PARTS,
    TEXT_ATTRIBUTES,
    VOID,
)
from spoilerguard.text.ranges import subtract
from spoilerguard.text.scans import Element, Scan, Tag, without_collection

__all__ = ["Scanner", "looks_like_page", "scan"]


_SPOILER_ELEMENTS = {"details": "details", "spoiler": "goodreads", "tg-spoiler": "telegram"}
# Only names that are known to hide: `tag-spoilers`, `no-spoilers`, `spoiler-free`, `spoiler-warning` and
# `show-spoiler` are labels and buttons.
_SPOILER_CLASS = re.compile(
    r"""(?ix)(?<!\S)(?:sg1  # our own, see `accessible_html`
    | (?:(?:bb|bbcode|bbcodeblock|block|blur|c|comment|content|hidden|inline|ips|is|js|markdown|md|message|mx|o|sg|su
        |text|tg|vb|wp)[_-]{1,2}|bbcode|ips)?
    spoil(?:ers?|ed)
    (?:[_-]{0,2}(?:text|contents?|body|box|inline|block|hidden|blur|blurred|inner|container|wrap|wrapper|markdown
        |markdowncontent|v\d{1,3})
       (?:[_-]{1,2}[0-9a-z]{5,8})?)?  # the hash that build tools append
    )(?!\S)"""
)
_SPOILER_CONTROL = re.compile(r"(?<!\S)sg1-(?:all|bar|show)(?!\S)")
_PLACEHOLDER = re.compile(r"(?<!\S)sg1-feed(?!\S)")

_TOKEN = re.compile(
    r"""
    <!--(?P<comment>-?(?=>)|(?s:.*?)(?=--!?>|\Z))(?:(?:--!?)?>|\Z)
  | <(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*+)
     (?P<attrs>(?>(?:[\s/]++
        | (?:=[^\s/>=]*+|[^\s/>=]++)(?>(?:\s*+=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+|(?=>|\Z)))?)
     )*))(?:>|\Z)
  | <(?:[!?]|/(?=[^a-zA-Z]))[^>]*+(?:>|\Z)
    """,
    re.X,
)
_SELF_CLOSED = re.compile(r"(?:^|[\s\"'])/\Z")
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])[^>]*+(?:>|\Z)", re.I) for name in RAW - {"plaintext"}}
_INVISIBLE = re.compile(r"(?i)(?:display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden)")
_PAGE = re.compile(r"(?is)[\s\ufeff]*+(?>(?:(?><!--.*?-->|<\?[^>]*+>)\s*+)*)<(?:!doctype\s+html|html|head|body)\b")


def looks_like_page(source: str) -> bool:
    """Whether a source is a whole page, which begins with doctype, html, head or body, rather than a fragment."""
    return _PAGE.match(source) is not None


@cache
def _others(boundaries: frozenset[str], name: str) -> frozenset[str]:
    return boundaries - {name}


@without_collection
def scan(source: str, *, elements: bool = False) -> Scan:
    """Scan HTML. Linear time.

    Args:
        source: The source.
        elements: Whether to keep every element with its labels.

    Returns:
        What was found.
    """
    scanner = Scanner(elements=elements)
    scanner.feed(source, 0, len(source))
    return scanner.finish(len(source))


_CELLS = frozenset({"td", "th"})  # right in a row, they close nothing


class Scanner:
    """A stack of open elements, fed with HTML or, by the reader of another format, with elements.

    Each step takes the same time whatever is open: the depths at which a name is open are kept, so the
    stack is never searched, and each element is pushed and popped once.

    Args:
        elements: Whether to keep every element with its labels.
        nested: The number of documents around this one.
        implied: Whether a tag closes others implicitly, as in HTML; not in JSX.
    """

    def __init__(self, *, elements: bool = False, nested: int = 0, implied: bool = True) -> None:
        self.found = Scan()
        self._implied = implied
        self._keep_elements = elements
        self._nested = nested
        self._whole = -1  # the index of the tag of an open element that can only be hidden whole
        self._reveals = False  # whether the document in it hides something
        self._stack: list[Element] = []
        self._depths: defaultdict[str, list[int]] = defaultdict(list)
        self._blocks: list[int] = []  # the depths of block elements
        self._bounds: list[int] = []  # of those in BOUNDARIES
        self._foreign: list[int] = []  # of drawings and formulas
        self._skipping = self._hiding = 0

    @property
    def skipping(self) -> bool:
        """Whether the text that comes next is not prose."""
        return self._skipping > 0

    def feed(self, markup: str, start: int, end: int) -> None:
        """Read a range of HTML, with the offsets of the source."""
        position = start
        while token := _TOKEN.search(markup, position, end):
            self.text(position, token.start())
            position = token.end()
            opened = self.tag(token, token.start(), position)
            if opened is not None and opened.name in RAW:
                closing = _RAW_END[opened.name].search(markup, position, end) if opened.name in _RAW_END else None
                position = closing.end() if closing else end
                if closing:
                    whole = self._whole
                    self.leave(opened, closing.start(), position)
                    if whole < 0:
                        self.found.tags.append(Tag(*closing.span(), opened.name, opened, closes=True))
        self.text(position, end)

    def feed_tag(self, markup: str, start: int, end: int) -> None:
        """Read one tag or comment; it is at this range of the source, perhaps written in another way."""
        if token := _TOKEN.match(markup):
            self.tag(token, start, end)

    def tag(self, token: re.Match[str], start: int, end: int) -> Element | None:
        if token["comment"] is not None and not self._skipping:
            self.found.comments.append((Span(start, end), token["comment"].strip()))
        if token["name"] is None:
            return None
        name, before = token["name"].lower(), len(self._stack)
        if token["end"]:
            whole = self._whole
            ended = self._end(name, start, end)
            if whole < 0 or self._whole >= 0:  # otherwise it is a part of the tag that has been merged
                self.found.tags.append(Tag(start, end, name, ended, closes=True))
            return None
        element = self.enter(name, start, token["attrs"])
        forces = len(self._stack) - (element is not None) < before
        self.found.tags.append(Tag(start, end, name, element, forces=forces))
        if name in TEXT_ATTRIBUTES and self._skipping == (element is not None):
            self._read_attribute(token, self.found.tags[-1])
        return element

    def text(self, start: int, end: int) -> None:
        if end > start and not self._skipping:
            text = self.found.text
            if text and text[-1].end == start:  # one range, however many pieces it comes in
                start = text.pop().start
            text.append(Span(start, end))

    def enter(self, name: str, start: int, attributes: str = "") -> Element | None:
        """Open an element, after closing others that it closes implicitly; None if it is void."""
        if name in ("br", "button"):
            self.found.lines.append(start)
        elif name in BLOCK:
            self.found.breaks.append(start)
        if self._implied and not (name in _CELLS and self._stack and self._stack[-1].name == "tr"):
            self._close_before(name, start)
        if name in VOID or (name in FOREIGN and _SELF_CLOSED.search(attributes)):
            return None
        element = Element(name, start, len(self._stack))
        shown = False
        if attributes and not attributes.isspace():
            values = self._describe(element, attributes)
            shown = name == "template" and values.get("shadowrootmode", "").lower() in SHADOW_MODES
        else:
            element.style = _SPOILER_ELEMENTS.get(name)
        if not (element.skipped or shown) and (name in NOT_PROSE or self._foreign):
            element.skipped = self._skips(name)
        if element.skipped < 0:
            self.found.lines.append(start)
        self._push(element)
        return element

    def _close_before(self, name: str, start: int) -> None:
        """Close what a start tag closes implicitly."""
        foreign = self._foreign[-1] if self._foreign else -1
        if foreign >= 0 and name in BREAKS_OUT and foreign > self._deepest(INTEGRATED):
            self._pop_to(self._foreign[0], start, start)
            foreign = -1
        if name in CLOSES_P and self._depths["p"] and (foreign < 0 or foreign <= self._deepest(INTEGRATED)):
            self._close_implied(("p",), BOUNDARIES, start)
        if name in IMPLIED_END:
            self._close_implied(*IMPLIED_END[name], start)

    def _skips(self, name: str) -> int:
        """What an element adds to those whose text is no prose: 1, 0, or -1 if its text is shown in a drawing."""
        if name in NOT_PROSE and name != "svg":
            return 1
        drawing, drawn = self._deepest(("svg",)), self._deepest(DRAWN)
        if name == "svg":
            return int(drawing <= drawn)  # one within another adds nothing
        if drawing <= drawn:
            return 0
        return -1 if name in DRAWN else int(name in NOT_DRAWN)

    def leave(self, element: Element | None, inner_end: int, end: int) -> None:
        """Close an element, unless something else has closed it already."""
        if element is None:
            return
        if element.name in BLOCK:
            self.found.breaks.append(inner_end)
        if element.open:
            self._pop_to(element.depth, inner_end, end)

    def finish(self, end: int) -> Scan:
        self._pop_to(0, end, end)
        return self.found

    # --- how elements end -----------------------------------------------------------------------

    def _end(self, name: str, start: int, end: int) -> Element | None:
        """Close the element of an end tag; returns the element, or None if the tag closes nothing."""
        if name in BLOCK:
            (self.found.lines if name == "br" else self.found.breaks).append(start)
        depth = self._deepest(HEADINGS if name in HEADINGS else (name,))
        if depth < 0:
            return None
        if depth < self._boundary(name):
            return None
        element = self._stack[depth]
        above = self._blocks[-1] > depth if self._blocks else False
        if name == "form" or (above and name in FORMATTING):
            self._close(element, end)  # elements opened in it stay open
        elif not above or name in ENDS_ALL:
            self._pop_to(depth, start, end)
        else:  # as browsers do: an inline end tag does not close the blocks opened since
            return None
        return element

    def _boundary(self, name: str) -> int:
        """The depth of the element that an end tag of this name cannot end anything outside of; -1 without one."""
        if name not in TABLE_PARTS and name != "li" and name not in BOUNDARIES:
            return self._bounds[-1] if self._bounds else -1
        boundaries = TABLE_BOUNDARIES if name in TABLE_PARTS else ITEM_BOUNDARIES if name == "li" else BOUNDARIES
        return self._deepest(_others(boundaries, name))

    def _close_implied(self, names: Iterable[str], boundaries: Iterable[str], at: int) -> None:
        while (depth := self._deepest(names)) >= 0 and depth > self._deepest(boundaries):
            self._pop_to(depth, at, at)

    def _deepest(self, names: Iterable[str]) -> int:
        found = -1
        for name in names:
            if (depths := self._depths.get(name)) and depths[-1] > found:
                found = depths[-1]
        return found

    # --- the stack ------------------------------------------------------------------------------

    def _push(self, element: Element) -> None:
        self._depths[element.name].append(element.depth)
        if element.name in BLOCK:
            self._blocks.append(element.depth)
        if element.name in BOUNDARIES:
            self._bounds.append(element.depth)
        elif element.name in FOREIGN:
            self._foreign.append(element.depth)
        self._stack.append(element)
        self._skipping += element.skipped
        self._hiding += element.style is not None

    def _pop_to(self, depth: int, inner_end: int, end: int) -> None:
        """Close the element at this depth and all elements in it."""
        while len(self._stack) > depth:
            element = self._stack.pop()
            if self._blocks and self._blocks[-1] == element.depth:
                self._blocks.pop()
            if element.open:
                self._close(element, end if element.depth == depth else inner_end)

    def _close(self, element: Element, end: int) -> None:
        element.open, element.end = False, end
        self._depths[element.name].pop()
        if element.name in BOUNDARIES:
            self._bounds.pop()
        elif element.name in FOREIGN:
            self._foreign.pop()
        self._skipping -= max(element.skipped, 0)
        span = Span(element.start, end)
        if element.unseen:
            self.found.unseen.append(span)
        if element.style is not None:
            self._hide(element, span)
        elif element.name == "summary":
            self._show(element, span)
        elif element.name == "blockquote":
            self.found.quotes.append(span)
        if self._whole >= 0 and self.found.tags[self._whole].element is element:
            self._merge(end)
        if element.skipped < 0 or element.name == "button":
            self.found.lines.append(end)
        self._skipping -= min(element.skipped, 0)
        if self._keep_elements:
            self.found.elements.append(element)

    def _hide(self, element: Element, span: Span) -> None:
        self._hiding -= 1
        if not self._skipping:
            self.found.hidden.append(Hidden(*span, element.style or ""))
            shown = element.summary or Span(span.end, span.end)
            self.found.concealed += [Span(span.start, shown.start), Span(shown.end, span.end)]

    def _show(self, summary: Element, span: Span) -> None:
        """The first summary of a <details> stays visible, if nothing else hides it."""
        parent = self._stack[summary.depth - 1] if summary.depth else None
        if parent and parent.name == "p" and parent.depth and not self._implied:  # JSX alone makes no paragraph
            parent = self._stack[parent.depth - 1]
        if parent and parent.style == "details" and parent.summary is None and self._hiding == 1:
            parent.summary = span

    def _describe(self, element: Element, attributes: str) -> Mapping[str, str]:
        """Note what the attributes of an element mean; returns their values."""
        values = values_of(attributes)
        element.style = _SPOILER_ELEMENTS.get(element.name)
        classes = values.get("class", "")
        ours = "sg1" in classes
        if element.style is None and element.name not in {"html", "body", "article", "main"}:
            named = ours or "spoil" in classes.lower()
            hides = "data-mx-spoiler" in values or (named and _SPOILER_CLASS.search(classes))
            element.style = "html" if hides else None
        if element.name == "details" and "open" in values:
            element.style = None
        element.unseen = element.style is None and (
            not {"hidden", "data-sg-all"}.isdisjoint(values)
            or ("style" in values and _INVISIBLE.search(values["style"]) is not None)
            or (ours and _SPOILER_CONTROL.search(classes) is not None)
        )
        placeholder = ours and element.style is None and _PLACEHOLDER.search(classes) is not None
        element.skipped = int(element.unseen or placeholder)
        if self._keep_elements:
            element.labels = f"{classes} {values.get('id', '')} role={values.get('role', '')}"
        return values

    # --- text in tags ---------------------------------------------------------------------------

    def _read_attribute(self, token: re.Match[str], tag: Tag) -> None:
        """Read the text in the attributes of a tag."""
        wanted, shift = TEXT_ATTRIBUTES[tag.name], tag.start - token.start()
        if tag.end - shift != token.end():  # marks of quotations stand between its lines
            return
        described = Element(tag.name, tag.start, 0)
        text = self._describe(described, token["attrs"]).get(wanted, "")
        if described.skipped or described.style or not text.strip():
            return
        place = next(at for at in ATTRIBUTE.finditer(token.string, *token.span("attrs")) if at[1].lower() == wanted)
        first, last = place.span(place.lastindex or 1)
        if tag.element is not None:
            tag.whole = self._read_document(token.string[first:last], first + shift)
            self._whole = len(self.found.tags) - 1 if tag.whole else -1
            return
        tag.whole = True
        self.found.attributes.append(Span(first + shift, last + shift))
        if len(text.split()) > 1:  # a picture of one word or sign stands for it, within its sentence
            self.found.lines += self.found.attributes[-1]

    def _read_document(self, value: str, start: int) -> bool:
        """Read a nested document in an attribute that starts here; whether it shows any text."""
        if self._nested == NESTED:
            return False
        document, offsets = decoded(value)
        scanner = Scanner(nested=self._nested + 1)
        scanner.feed(document, 0, len(document))
        found = scanner.finish(len(document))
        self._reveals = bool(found.hidden or found.unseen)
        text = [span for span in subtract(found.words, found.concealed) if not document[slice(*span)].isspace()]
        self.found.attributes += [Span(start + offsets[span.start], start + offsets[span.end]) for span in text]
        self.found.breaks += [start, *(start + offsets[at] for at in found.breaks), start + len(value)]
        self.found.lines += [start + offsets[at] for at in found.lines]
        return bool(text)

    def _merge(self, end: int) -> None:
        """Make one tag of an element that can only be hidden whole."""
        tag = self.found.tags[self._whole]
        tag.end, tag.element = end, None
        del self.found.tags[self._whole + 1 :]
        self._whole = -1
        if self._reveals:  # what its document hides is removed with it
            self.found.unseen.append(Span(tag.start, end))
