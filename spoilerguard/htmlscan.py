"""HTML to ranges of visible text: one pass over the tokens, offsets in code points.

A tokenizer after the WHATWG HTML standard, sections 13.2.5 (tokenization) and, for what closes
what, 13.2.6 (tree construction), as one regular expression and a stack. A tree is not needed to
know what is prose, and building one costs: tree-sitter-html takes 15 s for 100,000 nested `<div>`
(time grows with the square of the depth), this takes a fraction of a second, and grows linearly.
`tests/test_htmlscan.py` compares the two on ordinary and broken pages.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html import unescape
import re

from spoilerguard.spans import Hidden, Span

__all__ = ["Scan", "looks_like_page", "scan"]

VOID = frozenset("area base br col embed hr img input link meta source track wbr param".split())
BLOCK = frozenset(
    "address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol optgroup option p pre "
    "search section select summary table tbody td tfoot th thead tr ul".split()
)
RAW = frozenset("script style textarea title xmp iframe noembed noframes".split())
NOT_PROSE = RAW | frozenset(
    "audio button canvas code datalist head kbd math noscript object pre samp select svg template video".split()
)
SPOILER_ELEMENTS = {"details": "details", "spoiler": "goodreads", "tg-spoiler": "telegram"}
SPOILER_CLASS = re.compile(
    r"(?:^|[\s_-])spoilers?(?:$|\s|[_-](?:text|content|contents|body|box|inline|hidden|blur(?:red)?|v\d+)(?:$|\s))", re.I
)
# What a start tag closes by itself, and where the search for it ends.
IMPLIED_END = {
    "li": ({"li"}, {"ul", "ol", "menu"}),
    "dt": ({"dt", "dd"}, {"dl"}),
    "dd": ({"dt", "dd"}, {"dl"}),
    "tr": ({"tr", "td", "th"}, {"table"}),
    "td": ({"td", "th"}, {"tr", "table"}),
    "th": ({"td", "th"}, {"tr", "table"}),
}
BOILERPLATE_ELEMENTS = frozenset("nav footer aside menu dialog".split())
BOILERPLATE_ROLES = frozenset("navigation banner contentinfo complementary search menu menubar toolbar".split())
BOILERPLATE_NAMES = re.compile(
    r"(?:^|[\s_-])(?:nav(?:bar|igation)?|menu|side-?bar|footer|bread-?crumbs?|share(?:daddy)?|sharing|social|cookies?|"
    r"consent|related|recommended|widgets?|adverts?|ads?|banner|newsletter|subscribe|signup|pagination|pager|"
    r"skip-link|screen-reader-text|respond|reply-form|comment-form|search-form|blogroll|masthead|tags?-links|"
    r"post-?meta|author-box|promo|toolbar|popup|modal)(?:$|[\s_-])",
    re.I,
)
CONTENT_ELEMENTS = frozenset({"article", "main", "body", "html"})

_TOKEN = re.compile(
    r"""
    <!--(?P<comment>-?>|(?s:.*?)(?:--!?>|\Z))
  | <(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*+)
     (?P<attrs>(?:[\s/]++
        | (?:=[^\s/>=]*+|[^\s/>=]++)(?:\s*+=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+|(?=>|\Z)))?+
     )*+)(?:>|\Z)
  | <(?:[!?]|/(?=[^a-zA-Z]))[^>]*+(?:>|\Z)
    """,
    re.X,
)
_ATTRIBUTE = re.compile(
    r"""(=[^\s/>=]*+|[^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)(?:"|\Z)|'([^']*+)(?:'|\Z)|([^\s>"'][^\s>]*+)))?+"""
)
_PAGE = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)


@dataclass(slots=True)
class _Element:
    name: str
    start: int
    skipped: bool  # its text is not prose
    style: str | None  # it is a spoiler its author hid, in this style
    boilerplate: bool  # a saved page's furniture, if its text bears it out
    summary: Span | None = None


@dataclass(slots=True)
class Scan:
    """What one pass finds: prose ranges, breaks between blocks, hidden spoilers, comments."""

    text: list[Span] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    hidden: list[Hidden] = field(default_factory=list)
    comments: list[tuple[Span, str]] = field(default_factory=list)
    quotes: list[Span] = field(default_factory=list)
    visible_in_hidden: list[Span] = field(default_factory=list)


def looks_like_page(source: str) -> bool:
    """Whether this is a whole page (doctype, html, head or body comes first), not a fragment."""
    return _PAGE.match(source) is not None


def scan(source: str, *, page: bool = False) -> Scan:
    """Find the visible text of HTML.

    With `page`, navigation, forms and other furniture of a saved web page are left out too: what
    the element, its role, class or id calls furniture, and lists made of links; never what holds
    an article or most of the text.
    """
    return _Scanner(source, page).run()


class _Scanner:
    def __init__(self, source: str, page: bool) -> None:
        self.source, self.page, self.out = source, page, Scan()
        self.stack: list[_Element] = []
        self.open: Counter[str] = Counter()
        self.skipping = 0
        self.links: list[Span] = []
        self.furniture: list[_Element | tuple[Span, str, bool]] = []
        self.regions: list[tuple[Span, str, bool]] = []  # range, element name, called furniture by its name
        self.contents: list[Span] = []

    def run(self) -> Scan:
        position = 0
        while token := _TOKEN.search(self.source, position):
            self._text(position, token.start())
            position = token.end()
            if token["comment"] is not None:
                comment = Span(token.start(), token.end())
                self.out.comments.append((comment, token["comment"].removesuffix("-->").strip()))
            elif token["name"] is not None:
                name = token["name"].lower()
                if token["end"]:
                    self._end(name, token.start(), token.end())
                else:
                    position = self._start(name, token["attrs"], token.start(), token.end())
        self._text(position, len(self.source))
        while self.stack:
            self._pop(len(self.source), len(self.source))
        if self.page:
            self._drop_furniture()
        return self.out

    def _text(self, start: int, end: int) -> None:
        if end > start and not self.skipping:
            self.out.text.append(Span(start, end))

    def _start(self, name: str, attrs: str, start: int, end: int) -> int:
        if name in BLOCK:
            self.out.breaks.append(start)
            if self.open["p"]:
                self._pop_through({"p"}, start)
        if name in IMPLIED_END:
            closes, stops = IMPLIED_END[name]
            self._pop_implied(closes, stops, start)
        if name in VOID:
            return end
        element = self._describe(name, attrs, start)
        if name in RAW:
            closing = re.compile(rf"</{name}(?=[\s/>])[^>]*+(?:>|\Z)", re.I).search(self.source, end)
            return closing.end() if closing else len(self.source)
        self.stack.append(element)
        self.open[name] += 1
        self.skipping += element.skipped
        return end

    def _describe(self, name: str, attrs: str, start: int) -> _Element:
        values: dict[str, str] = {}
        if attrs and not attrs.isspace():
            for found in _ATTRIBUTE.finditer(attrs):
                value = found[2] or found[3] or found[4] or ""
                values.setdefault(found[1].lower(), unescape(value) if "&" in value else value)
        style = SPOILER_ELEMENTS.get(name)
        if name == "details" and "open" in values:
            style = None
        if style is None and (SPOILER_CLASS.search(values.get("class", "")) or "data-mx-spoiler" in values):
            style = "html"
        invisible = "hidden" in values or "display:none" in values.get("style", "").replace(" ", "").lower()
        called = self.page and (
            name in BOILERPLATE_ELEMENTS
            or values.get("role", "").lower() in BOILERPLATE_ROLES
            or BOILERPLATE_NAMES.search(f"{values.get('class', '')} {values.get('id', '')}") is not None
        )
        skipped = name in NOT_PROSE or (invisible and style is None)
        return _Element(name, start, skipped, style, called and name not in CONTENT_ELEMENTS)

    def _end(self, name: str, start: int, end: int) -> None:
        if name in BLOCK:
            self.out.breaks.append(start)
        if not self.open[name]:
            return
        if name not in BLOCK and any(e.name in BLOCK for e in self._above(name)):
            return  # as browsers do: an inline end tag does not close the blocks opened since
        while self.stack:
            if self._pop(start, end).name == name:
                return

    def _above(self, name: str) -> list[_Element]:
        above = []
        for element in reversed(self.stack):
            if element.name == name or element.name in BLOCK:
                return [*above, element] if element.name != name else above
            above.append(element)
        return above

    def _pop_through(self, names: set[str], at: int) -> None:
        while self.stack:
            if self._pop(at, at).name in names:
                return

    def _pop_implied(self, closes: set[str], stops: set[str], at: int) -> None:
        if not any(self.open[name] for name in closes):
            return
        for depth in range(len(self.stack) - 1, -1, -1):
            name = self.stack[depth].name
            if name in closes:
                while len(self.stack) > depth:
                    self._pop(at, at)
                if name in {"td", "th"} and "tr" in closes:
                    continue  # a new row closes the cell and then the row
                return
            if name in stops:
                return

    def _pop(self, inner_end: int, end: int) -> _Element:
        element = self.stack.pop()
        self.open[element.name] -= 1
        self.skipping -= element.skipped
        span = Span(element.start, end)
        if element.style is not None and not self.skipping:
            self.out.hidden.append(Hidden(span.start, span.end, element.style))
        elif element.name == "summary":
            self.out.visible_in_hidden.append(span)
        elif element.name == "blockquote":
            self.out.quotes.append(span)
        if self.page:
            if element.name == "a":
                self.links.append(span)
            elif element.name in CONTENT_ELEMENTS:
                self.contents.append(span)
            elif element.boilerplate or element.name in {"ul", "ol", "div", "section", "p", "table", "form"}:
                self.regions.append((span, element.name, element.boilerplate))
        return element

    def _drop_furniture(self) -> None:
        """Take out what is furniture by name, or a block that is nearly all links."""
        source = self.source
        ends = [span.end for span in self.out.text]
        sizes = [len(source[s:e].split()) for s, e in self.out.text]
        in_links = _words_inside(self.links, self.out.text, sizes)
        total = sum(sizes)
        words, linked = _Prefix(ends, sizes), _Prefix(ends, in_links)
        articles = sorted(span for span in self.contents if words.inside(span) < total or not span.start)
        first_article = [span for span in articles if not source.startswith(("<html", "<body", "<HTML", "<BODY"), span.start)]
        dropped: list[Span] = []
        for span, name, called in self.regions:
            inside = words.inside(span)
            if not inside:
                continue
            holds_article = any(span.start <= a.start and a.end <= span.end for a in first_article[:50])
            mostly_links = linked.inside(span) > 0.7 * inside and inside >= 3
            if (called and not holds_article and inside <= 0.5 * total) or (
                mostly_links and not holds_article and (name != "p" or inside < 12)
            ):
                dropped.append(span)
        self.out.text = _outside(self.out.text, dropped)


class _Prefix:
    """Sums over the text ranges that end inside a span, by prefix sums."""

    def __init__(self, ends: list[int], values: list[int]) -> None:
        self.ends, self.sums = ends, [0]
        for value in values:
            self.sums.append(self.sums[-1] + value)

    def inside(self, span: Span) -> int:
        from bisect import bisect_right

        return self.sums[bisect_right(self.ends, span.end)] - self.sums[bisect_right(self.ends, span.start)]


def _words_inside(spans: list[Span], text: list[Span], sizes: list[int]) -> list[int]:
    merged = sorted(spans)
    out, k = [], 0
    for piece, size in zip(text, sizes, strict=True):
        while k < len(merged) and merged[k].end <= piece.start:
            k += 1
        out.append(size if k < len(merged) and merged[k].start <= piece.start else 0)
    return out


def _outside(text: list[Span], dropped: list[Span]) -> list[Span]:
    kept, k, reach = [], 0, -1
    dropped = sorted(dropped)
    for piece in text:
        while k < len(dropped) and dropped[k].start <= piece.start:
            reach = max(reach, dropped[k].end)
            k += 1
        if piece.start >= reach:
            kept.append(piece)
    return kept
