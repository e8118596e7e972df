"""The boilerplate of a saved web page, which is not prose: navigation, forms, side bars, related posts.

The criteria are the names that its author gave it (element, role, class, id) and the share of links in its text,
never its place on the page. Where names and shares disagree, the text stays: a flag in a side bar is a nuisance,
but a spoiler that was not checked does harm. So no element is dropped that contains most of the text of the page,
or its main article, whatever its name (some themes wrap articles in `content-sidebar-wrap`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
import re

from spoilerguard.spans import Span
from spoilerguard.text.scans import Element

__all__ = ["without_boilerplate"]

_ELEMENTS = frozenset({"aside", "dialog", "footer", "menu", "nav"})
_HOLDERS = _ELEMENTS | {"div", "dl", "form", "li", "ol", "p", "section", "table", "tbody", "td", "tr", "ul"}
_ROLES = re.compile(
    r"\brole=(?:navigation|banner|contentinfo|complementary|search|menu|menubar|toolbar|dialog|alertdialog)\b", re.I
)
_NAMES = re.compile(
    r"""(?ix)(?<![a-z0-9])(?:
    nav|navbar|navigation|pagenav|(?:sub)?menu|side-?bar|footer|colophon|bread-?crumbs?|share(?:daddy)?|sharing|social
    |cookies?|cookie-?(?:banner|bar|notice|consent)|consent|gdpr|related|relatedposts|recommend(?:ed|ations)|widgets?
    |adverts?|advertisements?|ads?|sponsored|banner|newsletter|subscribe|subscription|sign-?up|log-?in|pagination|pager
    |skip(?:-?link)?|screen-reader-text|sr-only|respond|(?:comment|reply|search)-?form|quick-?reply|blogroll|masthead
    |site-header|promo|toolbar|popup|modal|trending|(?:most-)?popular|recent-(?:posts|comments)|author-(?:box|bio)|bio
    |tag-?cloud|(?:blog-?)?archive|(?:post|entry|comment)-?meta(?:data)?|signature|copyright)(?![a-z0-9])"""
)
_NOT_NAMES = re.compile(r"(?i)(?<![a-z])(?:content|layout|has|with|no|without)(?![a-z])")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ARTICLES = re.compile(r"(?i)(?<![a-z])(?:post|entry|article|story|review|page)[-_]?(?:body|content|text)(?![a-z])")
_MOST_LOOSE = 300  # characters outside links that a list of links may have
_MOST_FORM = 600  # characters of a real form; a form with more text is wrapped around a page


def without_boilerplate(source: str, text: Sequence[Span], elements: Iterable[Element]) -> list[Span]:
    """The text of a page without its boilerplate.

    Args:
        source: The source of the page.
        text: The ranges of its visible text, in order.
        elements: All its elements, with labels.

    Returns:
        The ranges of `text` outside boilerplate. Takes time linear in the ranges and elements.
    """
    elements = [e for e in elements if e.end > e.start]
    page = _Page(source, text, [Span(e.start, e.end) for e in elements if e.name == "a"])
    article = page.main_article(elements)
    dropped = [Span(e.start, e.end) for e in elements if not _within(article, e) and page.is_boilerplate(e)]
    return list(_outside(text, sorted(dropped)))


class _Page:
    """Prefix sums of the amounts of all text and of text outside links (`loose`), to look up those of a range."""

    def __init__(self, source: str, text: Sequence[Span], links: Iterable[Span]) -> None:
        sizes = [len("".join(source[start:end].split())) for start, end in text]
        loose = set(_outside(text, sorted(links)))
        self.starts = [span.start for span in text]
        self.all = [0, *accumulate(sizes)]
        self.loose = [0, *accumulate(n if span in loose else 0 for n, span in zip(sizes, text, strict=True))]

    def sizes(self, element: Element) -> tuple[int, int]:
        first, last = bisect_left(self.starts, element.start), bisect_left(self.starts, element.end)
        return self.all[last] - self.all[first], self.loose[last] - self.loose[first]

    def main_article(self, elements: Iterable[Element]) -> Element | None:
        """The article with the most text, the innermost of several; None if none has a quarter of the text."""
        best, most = None, self.loose[-1] / 4
        for element in elements:
            if element.name in {"article", "main"} or _ARTICLES.search(element.labels):
                loose = self.sizes(element)[1]
                if loose > most:
                    best, most = element, loose
        return best

    def is_boilerplate(self, element: Element) -> bool:
        if element.name not in _HOLDERS and not element.labels:
            return False
        size, loose = self.sizes(element)
        if not size or loose > self.loose[-1] / 2:
            return False
        if element.name == "form" and loose <= _MOST_FORM:
            return True
        if element.name in _HOLDERS and loose <= min(_MOST_LOOSE, 0.3 * size) and size >= 10:
            return element.name != "p" or size < 80
        return _is_named_boilerplate(element)


def _is_named_boilerplate(element: Element) -> bool:
    if element.name in {"article", "main", "body", "html"}:
        return False
    if element.name in _ELEMENTS or _ROLES.search(element.labels):
        return True
    labels = _CAMEL.sub("-", element.labels).split()
    return any(_NAMES.search(label) and not _NOT_NAMES.search(label) for label in labels)


def _within(inner: Element | None, outer: Element) -> bool:
    return inner is not None and outer.start <= inner.start and inner.end <= outer.end


def _outside(text: Iterable[Span], dropped: Sequence[Span]) -> Iterator[Span]:
    """The ranges that do not begin within one of the sorted ranges `dropped`."""
    k, reach = 0, -1
    for span in text:
        while k < len(dropped) and dropped[k].start <= span.start:
            reach = max(reach, dropped[k].end)
            k += 1
        if span.start >= reach:
            yield span
