"""MDX: Markdown whose HTML is JSX, with expressions and code; without indented code and HTML comments.

The code is found first, by the rules of micromark-extension-mdxjs: imports and exports at the start of a block,
expressions in braces, tags. Something plain, as long, takes its place: a line of code becomes a rule, a tag within
text an HTML tag, an expression letters. Then the text is read as Markdown, and what was replaced as what it is.
`tests/test_mdx.py` compares the result with @mdx-js/mdx.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
import re
from typing import Any, NamedTuple

from spoilerguard.spans import Span
from spoilerguard.text.javascript import Code
from spoilerguard.text.markdown import MarkdownReader
from spoilerguard.text.not_prose import FILLER, filled, marks
from spoilerguard.text.ranges import subtract
from spoilerguard.text.scans import Scan, Tag, without_collection

__all__ = ["scan_mdx"]


@without_collection
def scan_mdx(source: str, start: int) -> tuple[Scan, list[Span], str]:
    """Scan MDX. Linear time.

    Args:
        source: The source.
        start: The offset where it starts, after a byte order mark.

    Returns:
        As `scan_markdown`.
    """
    return _MdxReader(source, start).read()


class _Piece(NamedTuple):
    """A piece of code, `kind` being `module`, `expression`, `opens`, `closes` or `void`."""

    start: int
    end: int
    kind: str
    name: str = ""


class _Edit(NamedTuple):
    """A range of the source, and what Markdown is to see there, filled up with spaces."""

    start: int
    end: int
    plain: str


_MARKERS = r"(?>(?:[ \t]|>|[-+*][ \t]|\d{1,9}[.)][ \t])*)"
_CODE = {"Start": {"CodeBlock": "Indented"}}
_MOST_TIMES = 6  # to read a text: each time less of what is indented is taken for code
_START = re.compile(
    rf"""(?xm)
      \\[^\r\n]
    | ^{_MARKERS} (?P<fence>```++(?=[^`\r\n]*+$)|~~~++)
    | (?P<ticks>`++)
    | ^(?P<module>import|export)[ ]
    | (?P<brace>\{{)
    | <(?P<tag>/?)(?:(?P<name>[A-Za-z_$][\w$.:-]*+)|(?=>))"""
)
_IN_TAG = re.compile(r"""(?>(?:\s++|[A-Za-z_$][\w$.:-]*+|=|"[^"]*+"|'[^']*+'|/(?=\s*+>))+)""")
_TICKS = re.compile(r"`++")
_BLANK_LINE = re.compile(r"(?:\r\n|\r|\n)[ \t]*+(?=[\r\n])")
_AROUND = re.compile(_MARKERS)
_FALSE = re.compile(r"\s[\w-]++=\{\s*+false\s*+\}")
_STRING = re.compile(r"""=\{\s*+("[^"{}]*+"|'[^'{}]*+')\s*+\}""")
_EXPRESSION = re.compile(r"\{(?>(?:[^{}]|\{[^{}]*+\})*)\}")
_COMPONENT_THAT_HIDES = re.compile(r"(?i)(?:inline|block|text)?spoilers?(?:block|box|inline|tag|text)?|details|summary")


class _MdxReader(MarkdownReader):
    implied = False

    def plain(self) -> tuple[str, list[Span]]:
        source = self.whole
        pieces = list(_pieces(source, self.begin))
        self.blocks = list(_blocks(source, pieces))
        self.starts = [block[0].start for block in self.blocks]
        inside = {piece.start for block in self.blocks for piece in block}
        self.inline_tags = {p.start: p for p in pieces if p.name and p.start not in inside}
        self.prose: set[int] = set()  # where indented text begins that Markdown would take for code
        edits = [
            *(_Edit(p.start, p.end, _in_text(p)) for p in pieces if p.start not in inside),
            *(_rule(block) for block in self.blocks),
        ]
        parts, at = [], 0
        for start, end, plain in sorted(edits):
            parts += [source[at:start], plain.ljust(end - start)]
            at = end
        text = "".join([*parts, source[at:]])
        other = marks(text, self.begin)
        return filled(text, other), sorted([*(Span(p.start, p.end) for p in pieces), *other])

    def parsed(self, text: str) -> list[tuple[Any, Span]]:
        kept: Sequence[int] = range(len(text) + 1)  # where each character is in the source
        for _ in range(_MOST_TIMES):
            events = super().parsed(text)
            if not (gaps := subtract(_indentation(text, events), [])):
                break
            parts = subtract([Span(0, len(text))], gaps)
            kept = [offset for start, end in parts for offset in kept[start:end]] + [kept[-1]]
            text = "".join([text[start:end] for start, end in parts])
        return [
            (event, Span(kept[start], kept[end - 1] + 1 if end > start else kept[end]))
            for event, (start, end) in events
        ]

    def event(self, name: str, detail: Any, span: Span) -> None:
        if name == "Rule":
            k = bisect_left(self.starts, span.start)
            if k < len(self.starts) and self.starts[k] < span.end:
                self.block(self.blocks[k])
                return
        if name == "InlineHtml" and (piece := self.inline_tags.get(span.start)):
            self.literal.append(span)
            if not self.images:
                self.jsx(piece)
            return
        super().event(name, detail, span)

    def start(self, kind: str, detail: Any, span: Span) -> None:
        if kind == "CodeBlock" and detail == "Indented":
            kind = "Paragraph"
            self.prose.add(span.start)
        super().start(kind, detail, span)

    def end(self, kind: str, span: Span) -> None:
        super().end("Paragraph" if kind == "CodeBlock" and span.start in self.prose else kind, span)

    def block(self, pieces: Sequence[_Piece]) -> None:
        """A line or more with nothing but code."""
        self.scanner.found.breaks += [pieces[0].start, pieces[-1].end]
        for piece in pieces:
            if piece.name:
                first = len(self.tags)
                self.jsx(piece)
                for tag in self.tags[first:]:
                    tag.fixed = True

    def jsx(self, piece: _Piece) -> None:
        """A tag, as the HTML that it is or stands for."""
        name = piece.name
        if not name[0].islower() or "." in name:  # a component
            hides = _COMPONENT_THAT_HIDES.fullmatch(name.rpartition(".")[2])
            kind = hides[0].lower() if hides else ""
            name = kind if kind in ("details", "summary") else "spoiler" if hides else f"jsx-{name}"
        markup = self.whole[piece.start : piece.end]
        if piece.kind == "void":
            self.tags.append(Tag(piece.start, piece.end, name))
            if name == "br":
                self.scanner.found.lines.append(piece.start)
        elif piece.kind == "closes":
            self.scanner.feed_tag(f"</{name}>", piece.start, piece.end)
        else:
            attributes = markup[1 + len(piece.name) : -1]
            if "{" in attributes:
                attributes = _EXPRESSION.sub('""', _STRING.sub(r"=\1", _FALSE.sub("", attributes)))
            attributes = attributes.replace("className", "class")
            self.scanner.feed_tag(f"<{name}{attributes}>", piece.start, piece.end)


# --- the code -----------------------------------------------------------------------------------


def _pieces(source: str, begin: int) -> Iterator[_Piece]:
    """The code in a source, in order; none of it in Markdown's code."""
    code = Code(source)
    spans = _CodeSpans(source, begin)
    at = done = begin  # where to read on, and where the last piece ended
    while found := _START.search(source, at):
        start, at = found.start(found.lastgroup or 0), found.end()
        if found["fence"]:
            at = _end_of_fence(source, found["fence"], at)
        elif found["ticks"]:
            at = spans.end(start, at)
        elif found["module"]:
            if _ends_block(source, max(begin, done), start):
                at = done = code.end_of_statements(start)
                yield _Piece(start, at, "module")
        elif found["brace"]:
            if (end := code.closing(start)) > 0:
                yield _Piece(start, end, "expression")
                at = done = end
        elif found["tag"] is not None:
            start = found.start()
            if (end := _end_of_tag(source, at, code)) > 0:
                void = source[start:end].rstrip("> \t\r\n").endswith("/") and not found["tag"]
                kind = "closes" if found["tag"] else "void" if void else "opens"
                yield _Piece(start, end, kind, found["name"] or "_")
                at = done = end


def _ends_block(source: str, done: int, start: int) -> bool:
    """Whether the line above is blank, a heading or code, so that code may begin: it interrupts no paragraph."""
    above = source[max(done, start - 1000) : start].rstrip(" \t").splitlines()
    return not above or not above[-1].strip() or above[-1].startswith("#")


def _end_of_fence(source: str, mark: str, at: int) -> int:
    closing = re.compile(rf"(?m)^[ \t>]*+{mark[0]}{{{len(mark)},}}[ \t]*$").search(source, at)
    return closing.end() if closing else len(source)


def _end_of_tag(source: str, at: int, code: Code) -> int:
    """Where a tag ends whose name ends here; -1 if it is none."""
    while at < len(source):
        if source[at] == ">":
            return at + 1
        if source[at] == "{":
            at = code.closing(at)
            if at < 0:
                break
        elif part := _IN_TAG.match(source, at):
            at = part.end()
        else:
            break
    return -1


class _CodeSpans:
    """Finds where a code span ends: at the next run of as many backticks in its paragraph."""

    def __init__(self, source: str, begin: int) -> None:
        self.runs: dict[int, list[int]] = {}
        for run in _TICKS.finditer(source, begin):
            self.runs.setdefault(run.end() - run.start(), []).append(run.start())
        self.blanks = [blank.start() for blank in _BLANK_LINE.finditer(source, begin)] if self.runs else []

    def end(self, start: int, after: int) -> int:
        size = after - start
        runs, k = self.runs.get(size, []), bisect_left(self.blanks, start)
        stop = self.blanks[k] if k < len(self.blanks) else None
        j = bisect_left(runs, after)
        return runs[j] + size if j < len(runs) and (stop is None or runs[j] < stop) else after


def _blocks(source: str, pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """The pieces that have lines for themselves, those of a line together."""
    group: list[_Piece] = []
    for number, piece in enumerate(pieces, 1):
        next_start = pieces[number].start if number < len(pieces) else len(source)
        if group or _begins_line(source, piece.start):
            group.append(piece)
        after = source[piece.end : next_start]
        bare = after.lstrip(" \t")
        if group and (bare[:1] in ("\r", "\n") if bare else next_start == len(source)):
            yield group
        if bare or next_start == len(source):
            group = []


def _begins_line(source: str, offset: int) -> bool:
    """Whether only the marks of quotations and lists precede the offset on its line."""
    line = max(source.rfind("\n", max(0, offset - 1000), offset), source.rfind("\r", max(0, offset - 1000), offset)) + 1
    found = _AROUND.match(source, line, offset)
    return found is not None and found.end() == offset


def _rule(block: Sequence[_Piece]) -> _Edit:
    """A rule that stands for lines of code: it ends the paragraph above, and is none below."""
    start, end = block[0].start, block[-1].end
    return _Edit(start, end, "***" if end - start > 2 else "")


def _in_text(piece: _Piece) -> str:
    """What stands for a piece of code within text."""
    size = piece.end - piece.start
    if not piece.name or size < 4:
        return FILLER * size
    return f"</{'x' * (size - 3)}>" if piece.kind == "closes" else f"<{'x' * (size - 2)}>"


# --- indentation --------------------------------------------------------------------------------


def _indentation(text: str, events: Sequence[tuple[Any, Span]]) -> Iterator[Span]:
    """The indentation that makes code of text in plain Markdown; that of a list or quotation around it stays."""
    least: int | None = None  # what the first line of a block is indented beyond that, as all its lines are
    within = False
    for event, (start, end) in events:
        if event == _CODE:
            within, least = True, None
        elif within and type(event) is dict and "Text" in event:
            bare = text[start:end].lstrip(" \t")
            if bare.strip():
                least = end - start - len(bare) if least is None else least
                before = text.rfind("\t", start - 1, start) if text[start - 1 : start] == "\t" else start - 4
                yield Span(max(before, 0), start + min(least, end - start - len(bare)))
        else:
            within = False
