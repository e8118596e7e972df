"""Remove what readers are not to see, for outputs without our style sheet: feeds, mail, excerpts.

Whoever hid it: our own markup, however another program has written it out again, the marks of every platform, and
elements that browsers do not show.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
import re

from spoilerguard.errors import LeakError
from spoilerguard.hiding.block_edits import Edit, applied
from spoilerguard.spans import Format, Span
from spoilerguard.text.markup import SYNTAXES
from spoilerguard.text.ranges import subtract
from spoilerguard.text.reading import READERS, Layout

__all__ = ["removable", "without_hidden"]

_MOST = 5  # rounds; text that begins to hide once other text has gone takes a second one
_EMPTY = {syntax.name for syntax in SYNTAXES if syntax.lost and syntax.close is None}  # nothing is left to remove
_NAMES_ONE = re.compile(r"/?sg1-")  # the comments in our own markup
_TAG = re.compile(r"<([a-zA-Z][^\s/>]*)")
# Elements that belong to the one around them: they stay, without their attributes.
_PARTS = frozenset("caption dd dt figcaption li summary td th".split())
_ROWS = frozenset("col colgroup optgroup option tbody tfoot thead tr".split())


def without_hidden(
    source: str, format: Format, filler: str | Callable[[str], str], *, layout: Layout | None = None
) -> str:
    """A text without anything in it that is hidden. Linear time.

    Args:
        source: The text.
        format: Its format.
        filler: What to write in the place of a spoiler, or a function that makes it of the spoiler's markup.
        layout: The layout of the text, if it has been read already.

    Returns:
        The text with a filler for each spoiler.

    Raises:
        LeakError: The text is so broken that removing what is hidden always uncovers more of it.
    """
    for _ in range(_MOST):
        layout = layout or READERS[format](source)
        if not (ranges := removable(layout)):
            return source
        spoilers = sorted(h.start for h in (*layout.hidden, *layout.scan.hidden) if h.style not in _EMPTY)
        source = applied(source, (_edit(source, span, filler, spoilers) for span in ranges))
        layout = None
    raise LeakError("the hidden text cannot be removed, since its markup is broken; choose another style")


def removable(layout: Layout) -> list[Span]:
    """The ranges of a source that are hidden or that browsers do not show, ordered and disjoint."""
    hidden = [Span(h.start, h.end) for h in layout.hidden if h.style not in _EMPTY]
    ours = [span for span, comment in layout.comments if _NAMES_ONE.match(comment)]
    return subtract([*hidden, *(Span(h.start, h.end) for h in layout.scan.hidden), *layout.scan.unseen, *ours], [])


def _edit(source: str, span: Span, filler: str | Callable[[str], str], spoilers: Sequence[int]) -> Edit:
    start, end = span
    markup = source[start:end]
    name = found[1].lower() if (found := _TAG.match(markup)) else ""
    new, k = "", bisect_left(spoilers, start)
    if name not in _ROWS and k < len(spoilers) and spoilers[k] < end:
        new = filler if isinstance(filler, str) else filler(markup)
    return Edit(start, end, f"<{name}>{new}</{name}>" if name in _PARTS else new)
