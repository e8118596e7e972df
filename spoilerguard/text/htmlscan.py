"""HTML to ranges of visible text: one pass over the tokens, with offsets in code points.

The tokenizer follows the WHATWG HTML standard, section 13.2.5 (tokenization), and section 13.2.6 (tree
construction) for the question which tag closes which element, as one regular expression and a stack.

It is our own because no parser has both properties that we need: the exact range of every text and tag in the
source, also in broken markup, and linear time for any input. html5lib and lxml lose the offsets; tree-sitter-html
keeps them, but takes 15 s for 100,000 nested `<div>` (its time grows with the square of the depth), where this
takes a fraction of a second. `tests/test_htmlscan.py` compares the two on ordinary and broken pages.

Known differences from browsers: text before the cells of a table is not moved out of it, parts of a table count
without a table, and inline elements that a block cut off are not opened again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from html import unescape
import re

from spoilerguard.spans import Hidden, Span
from spoilerguard.text.scans import Element, Scan, Tag, without_collection

__all__ = ["ATTRIBUTE", "BLOCK", "CLOSES_P", "Scanner", "looks_like_page", "scan"]


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_VOID = _names("area base br col embed hr img input link meta param source track wbr")
_HEADINGS = _names("h1 h2 h3 h4 h5 h6")
CLOSES_P = _HEADINGS | _names(
    "address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "header hgroup hr li listing main menu nav ol p pre search section summary table ul xmp"
)
_TABLE_PARTS = _names("caption table tbody td tfoot th thead tr")
BLOCK = CLOSES_P | _TABLE_PARTS | _names("body br html legend optgroup option")
_RAW = _names("iframe noembed noframes plaintext script style textarea title xmp")
_NOT_PROSE = _RAW | _names(
    "audio button canvas code datalist kbd listing math noscript object pre samp select svg template video"
)
_FORMATTING = _names("a b big code em font i nobr s small strike strong tt u")
_FOREIGN = _names("math svg")
# Start tags that end an open drawing or formula, unless an integration point lies in between (13.2.6.5).
_BREAKS_OUT = _HEADINGS | _names(
    "b big blockquote body br center code dd div dl dt em embed head hr i img li listing menu meta nobr ol p pre ruby "
    "s small span strong strike sub sup table tt u ul var"
)
_INTEGRATED = _names("annotation-xml desc foreignobject mi mn mo ms mtext")
# An end tag inside these does not close an element outside of them.
_BOUNDARIES = _names("applet button caption marquee object table td template th")
_TABLE_BOUNDARIES = _names("table template")
_LISTS = _names("menu ol ul")
# The elements that a start tag closes implicitly, and the boundaries of the search for them.
_IMPLIED_END = {
    "a": (_names("a"), _BOUNDARIES),
    "button": (_names("button"), _BOUNDARIES - {"button"}),
    "nobr": (_names("nobr"), _BOUNDARIES),
    "li": (_names("li"), _LISTS | _BOUNDARIES | _names("article blockquote details fieldset form section")),
    **dict.fromkeys(
        ("dt", "dd"), (_names("dt dd"), _BOUNDARIES | _names("article blockquote details dl form section"))
    ),
    **dict.fromkeys(("td", "th"), (_names("caption td th"), _names("table template tr"))),
    "tr": (_names("caption td th tr"), _TABLE_BOUNDARIES),
    **dict.fromkeys(("tbody", "tfoot", "thead"), (_TABLE_PARTS - {"table"}, _TABLE_BOUNDARIES)),
}

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
     (?P<attrs>(?:[\s/]++
        | (?:=[^\s/>=]*+|[^\s/>=]++)(?:\s*+=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+|(?=>|\Z)))?+
     )*+)(?:>|\Z)
  | <(?:[!?]|/(?=[^a-zA-Z]))[^>]*+(?:>|\Z)
    """,
    re.X,
)
ATTRIBUTE = re.compile(
    r"""(=[^\s/>=]*+|[^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)(?:"|\Z)|'([^']*+)(?:'|\Z)|([^\s>"'][^\s>]*+)))?"""
)
_SELF_CLOSED = re.compile(r"(?:^|[\s\"'])/\Z")
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])[^>]*+(?:>|\Z)", re.I) for name in _RAW - {"plaintext"}}
_INVISIBLE = re.compile(r"(?i)(?:display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden)")
_PAGE = re.compile(r"(?is)[\s\ufeff]*+(?:(?><!--.*?-->|<\?[^>]*+>)\s*+)*+<(?:!doctype\s+html|html|head|body)\b")


def looks_like_page(source: str) -> bool:
    """Whether a source is a whole page, which begins with doctype, html, head or body, rather than a fragment."""
    return _PAGE.match(source) is not None


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


class Scanner:
    """A stack of open elements, fed with HTML or, by the reader of another format, with elements.

    Each step takes the same time whatever is open: the depths at which a name is open are kept, so the
    stack is never searched, and each element is pushed and popped once.

    Args:
        elements: Whether to keep every element with its labels.
        implied: Whether a tag closes others implicitly, as in HTML; not in JSX.
    """

    def __init__(self, *, elements: bool = False, implied: bool = True) -> None:
        self.found = Scan()
        self._implied = implied
        self._keep_elements = elements
        self._stack: list[Element] = []
        self._depths: defaultdict[str, list[int]] = defaultdict(list)
        self._blocks: list[int] = []  # the depths of block elements
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
            if opened is not None and opened.name in _RAW:
                closing = _RAW_END[opened.name].search(markup, position, end) if opened.name in _RAW_END else None
                position = closing.end() if closing else end
                if closing:
                    self.leave(opened, closing.start(), position)
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
            self.found.tags.append(Tag(start, end, name, self._end(name, start, end), closes=True))
            return None
        element = self.enter(name, start, token["attrs"])
        forces = len(self._stack) - (element is not None) < before
        self.found.tags.append(Tag(start, end, name, element, forces=forces))
        return element

    def text(self, start: int, end: int) -> None:
        if end > start and not self._skipping:
            text = self.found.text
            if text and text[-1].end == start:  # one range, however many pieces it comes in
                start = text.pop().start
            text.append(Span(start, end))

    def enter(self, name: str, start: int, attributes: str = "") -> Element | None:
        """Open an element, after closing others that it closes implicitly; None if it is void."""
        if name == "br":
            self.found.lines.append(start)
        elif name in BLOCK:
            self.found.breaks.append(start)
        if self._implied:
            self._close_before(name, start)
        if name in _VOID or (name in _FOREIGN and _SELF_CLOSED.search(attributes)):
            return None
        element = Element(name, start, len(self._stack))
        if attributes and not attributes.isspace():
            self._describe(element, attributes)
        else:
            element.style = _SPOILER_ELEMENTS.get(name)
        element.skipped = element.skipped or name in _NOT_PROSE
        self._push(element)
        return element

    def _close_before(self, name: str, start: int) -> None:
        """Close what a start tag closes implicitly."""
        if name in _BREAKS_OUT and (depth := self._deepest(_FOREIGN)) >= 0 and depth > self._deepest(_INTEGRATED):
            self._pop_to(min(self._depths[foreign][0] for foreign in _FOREIGN if self._depths[foreign]), start, start)
        if name in CLOSES_P and self._deepest(_FOREIGN) <= self._deepest(_INTEGRATED):
            self._close_implied(("p",), _BOUNDARIES, start)
        if name in _IMPLIED_END:
            self._close_implied(*_IMPLIED_END[name], start)

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
        depth = self._deepest(_HEADINGS if name in _HEADINGS else (name,))
        boundaries = (
            _TABLE_BOUNDARIES if name in _TABLE_PARTS else _BOUNDARIES | _LISTS if name == "li" else _BOUNDARIES
        )
        if depth < 0 or depth < self._deepest(boundaries - {name}):
            return None
        element = self._stack[depth]
        above = self._blocks[-1] > depth if self._blocks else False
        if name == "form" or (above and name in _FORMATTING):
            self._close(element, end)  # elements opened in it stay open
        elif not above or name in BLOCK or name in _NOT_PROSE:
            self._pop_to(depth, start, end)
        else:  # as browsers do: an inline end tag does not close the blocks opened since
            return None
        return element

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
        self._skipping -= element.skipped
        span = Span(element.start, end)
        if element.unseen:
            self.found.unseen.append(span)
        if element.style is not None:
            self._hide(element, span)
        elif element.name == "summary":
            self._show(element, span)
        elif element.name == "blockquote":
            self.found.quotes.append(span)
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

    def _describe(self, element: Element, attributes: str) -> None:
        values: dict[str, str] = {}
        for name, *value in ATTRIBUTE.findall(attributes):
            values.setdefault(name.lower(), unescape("".join(value)))
        element.style = _SPOILER_ELEMENTS.get(element.name)
        classes = values.get("class", "")
        if element.style is None and element.name not in {"html", "body", "article", "main"}:
            hides = "data-mx-spoiler" in values or _SPOILER_CLASS.search(classes)
            element.style = "html" if hides else None
        if element.name == "details" and "open" in values:
            element.style = None
        element.unseen = element.style is None and (
            not {"hidden", "data-sg-all"}.isdisjoint(values)
            or _INVISIBLE.search(values.get("style", "")) is not None
            or _SPOILER_CONTROL.search(classes) is not None
        )
        element.skipped = element.unseen or (element.style is None and _PLACEHOLDER.search(classes) is not None)
        if self._keep_elements:
            element.labels = f"{classes} {values.get('id', '')} role={values.get('role', '')}"
