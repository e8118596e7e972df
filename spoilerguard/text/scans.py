"""The records that `htmlscan` and `markdown` produce: elements, tags, and everything found in one pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
import gc
from typing import ParamSpec, TypeVar

from spoilerguard.spans import Hidden, Span

__all__ = ["Element", "Scan", "Tag", "without_collection"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def without_collection(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Decorate a function that makes many records, all of which stay: looking for garbage doubles its time."""

    @wraps(function)
    def run(*args: _Arguments.args, **options: _Arguments.kwargs) -> _Result:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return function(*args, **options)
        finally:
            if enabled:
                gc.enable()

    return run


@dataclass(slots=True)
class Element:
    """An element of the source.

    Attributes:
        name: Its name in lower case, or that of a Markdown block.
        start: Where its start tag begins.
        depth: Its index in the stack.
        end: Where it ends; set when it is closed.
        labels: Its class, id and role, if the scanner keeps elements.
        skipped: 1 if its text is not prose, -1 if it is prose though that around it is not, else 0.
        unseen: Whether its attributes keep browsers from showing it.
        style: The name of the syntax if it is a spoiler that its author hid.
        summary: The visible part of a `<details>`.
        open: Whether it is still open.
    """

    name: str
    start: int
    depth: int
    end: int = -1
    labels: str = ""
    skipped: int = 0
    unseen: bool = False
    style: str | None = None
    summary: Span | None = None
    open: bool = True


@dataclass(slots=True)
class Tag:
    """A tag of the source, or a mark of another format that opens, closes or stands for something.

    Attributes:
        start: Where it starts.
        end: Where it ends (exclusive).
        name: The name of its element or Markdown mark.
        element: The element that it opens or closes, the same for both tags; None for a void element and
            for an end tag that closes nothing.
        closes: Whether it is an end tag.
        forces: Whether its element implicitly closed others.
        fixed: Whether nothing may be inserted right before it.
        whole: Whether there is text in it, which can only be hidden with all of it.
    """

    start: int
    end: int
    name: str
    element: Element | None = None
    closes: bool = False
    forces: bool = False
    fixed: bool = False
    whole: bool = False


@dataclass(slots=True)
class Scan:
    """The result of one pass. Only `text`, `attributes`, `breaks`, `lines` and `tags` are in order.

    Attributes:
        text: The ranges of text between tags, hidden or not.
        attributes: The ranges of text in tags: descriptions of pictures, and the text of nested documents.
        breaks: Where blocks begin and end.
        lines: Where lines are broken within a block.
        hidden: Spoiler elements.
        concealed: The parts of `hidden` that readers do not see.
        unseen: Elements that browsers do not show, and the controls of our spoilers.
        comments: Comments with their text.
        quotes: Block quotations.
        tags: The tags and marks.
        elements: All elements, if the scanner keeps them.
    """

    text: list[Span] = field(default_factory=list)
    attributes: list[Span] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    hidden: list[Hidden] = field(default_factory=list)
    concealed: list[Span] = field(default_factory=list)
    unseen: list[Span] = field(default_factory=list)
    comments: list[tuple[Span, str]] = field(default_factory=list)
    quotes: list[Span] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)

    @property
    def words(self) -> list[Span]:
        """The ranges of text, between tags and in them."""
        return sorted([*self.text, *self.attributes]) if self.attributes else self.text
