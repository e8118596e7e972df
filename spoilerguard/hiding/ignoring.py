"""Mark one sentence as no spoiler: comments around it, which readers of the page do not see.

    She left. <!-- spoilerguard off -->He dies.<!-- spoilerguard on --> The end.

In Markdown, a line that begins with a comment is HTML to its end (CommonMark 0.31, 4.6), where stars are literal.
So the first comment is put at the end of the line before, or on a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import re

from spoilerguard.hiding.block_edits import Edit, applied
from spoilerguard.spans import Document, Format
from spoilerguard.text.reading import layout_of, read, reread

__all__ = ["edits_to_ignore"]

_OFF, _ON = "<!-- spoilerguard off -->", "<!-- spoilerguard on -->"
_MDX_OFF, _MDX_ON = "{/* spoilerguard off */}", "{/* spoilerguard on */}"
_FAR = 1000  # characters to look back at most
# Before a sentence that begins a line: the end of the line before and the markers of lists and quotations.
_LINE_START = re.compile(
    r"(?P<space>[ \t]*+)(?P<end>\r\n|\r|\n|\A)(?P<marks>(?>(?:[ \t]|>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t]))*))\Z"
)
_NOT_KEPT = re.compile(r"[^>\t]")
_LINE_END = re.compile(r"\r\n|\r|\n")


def edits_to_ignore(document: Document, sentence: tuple[int, int]) -> list[Edit]:
    """The edits that exclude a sentence from being checked and change nothing else. Linear time.

    Args:
        document: The document.
        sentence: Start and end (exclusive) of the sentence, in code points.

    Returns:
        The edits; none where no comment is possible, as in plain text and in the title of a page.
    """
    source, format = document.source, document.format
    if format == "text":
        return []
    start, end = sentence
    prose, tags = reread(document).prose, _tags(document, [])
    for opening in _openings(source, format, tags, start):
        expected = prose[: opening.start] + " " * (end - opening.start) + prose[end:]
        edits = [opening, Edit(end, end, _MDX_ON if format == "mdx" else _ON)]
        result = read(applied(source, edits), format)
        if _less(result.prose, edits) == expected and _tags(result, edits) == tags:
            return edits
    return []


def _openings(source: str, format: Format, tags: Sequence[tuple[str, int]], start: int) -> Iterator[Edit]:
    """Possible edits for the first comment, the best one first."""
    line = _LINE_START.search(source[max(0, start - _FAR) : start]) if format == "markdown" else None
    if line is None:
        yield Edit(start, start, _MDX_OFF if format == "mdx" else _OFF)
        return
    marks = _NOT_KEPT.sub(" ", line["marks"])
    newline = line["end"] or (found[0] if (found := _LINE_END.search(source)) else "\n")
    alone, before = Edit(start, start, f"{_OFF}{newline}{marks}"), start - len(line[0])
    if not source[:before] or source[before - 1] in "\r\n":  # the line before is empty
        yield alone
        return
    behind = Edit(before, before, f" {_OFF}")
    begins = marks != line["marks"] or ("Paragraph", start) in tags
    yield from (alone, behind) if begins else (behind, alone)


def _less(text: str, edits: Sequence[Edit]) -> str:
    """An edited text without what the edits inserted."""
    for edit in edits:
        text = text[: edit.start] + text[edit.start + len(edit.new) :]
    return text


def _tags(document: Document, edits: Sequence[Edit]) -> list[tuple[str, int]]:
    """Names and starts of the tags and marks; the starts are those before the edits."""
    tags = [(tag.name, tag.start) for tag in layout_of(document).scan.tags]
    for edit in edits:
        tags = [(name, max(edit.start, at - len(edit.new)) if at > edit.start else at) for name, at in tags]
    return tags
