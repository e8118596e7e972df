"""Every way to hide text, in one table: what is written around it or in its place.

A row of `STYLES` names its writer, a function that turns a `Target` into edits. The other columns are for the
writers: the marks around text within a paragraph, the marks around whole paragraphs, and what to escape in
between. `reads` is the name under which `markup` (or `htmlscan`) recognises text hidden in this style (in a feed
nothing is left to recognise). To add a style, add a row, and an example in `tests/test_styles.py`.

Sources of the syntaxes: Reddit's snudown; Discourse's spoiler plugin; markdown-it-container (Lemmy);
Hugo's shortcode `details`; Telegram's Bot API, formatting options; the help pages of the other sites.
"""

from __future__ import annotations

from codecs import encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
import re
from unicodedata import normalize

from spoilerguard.errors import InputError
from spoilerguard.hiding import accessible_html
from spoilerguard.hiding.block_edits import Edit, Target, block_edits
from spoilerguard.hiding.segments import Frame, Segment
from spoilerguard.spans import MARKDOWN, Format

__all__ = ["DEFAULTS", "HIDDEN", "STYLES", "Style", "style_for"]

Marks = tuple[str, str]
HIDDEN = "[spoiler hidden]"


@dataclass(frozen=True)
class Style:
    """One way to hide text.

    Attributes:
        name: The name on the command line.
        about: What it writes, for users.
        reads: The name of the syntax by which readers recognise it; empty if they do not.
        formats: The formats it can be written into.
        write: The writer.
        inline: Marks around text within a paragraph; None if the style splits paragraphs.
        block: Marks around whole paragraphs; None if each paragraph gets `inline` marks. Their line
            endings become those of the source.
        lines: What begins every line of a block.
        escape: Finds text that would end the spoiler too early.
        escaped: What replaces a match of `escape`.
        filler: What stands in the place of hidden text; the author's own spoilers go, too. Empty if the style keeps
            the text.
        label: What of the marks themselves is to be seen.
    """

    name: str
    about: str
    reads: str
    formats: tuple[Format, ...]
    write: Callable[[Target, Style], Iterator[Edit]]
    inline: Marks | None = None
    block: Marks | None = None
    lines: str = ""
    escape: re.Pattern[str] | None = None
    escaped: str | Callable[[re.Match[str]], str] = ""
    filler: str = ""
    label: str = ""

    def filling(self, format: Format) -> str:
        """The filler, as it is written in a format."""
        return accessible_html.as_jsx(self.filler) if format == "mdx" else self.filler

    @property
    def keeps(self) -> bool:
        """Whether the text is still there to be read."""
        return not self.filler and self.write is not rotated

    @property
    def least(self) -> int | None:
        """The number of segments from which on a block is hidden as one; None if it never is."""
        return None if self.block is None else 1 if self.inline is None else 2


# --- the writers --------------------------------------------------------------------------------


def marked(target: Target, style: Style) -> Iterator[Edit]:
    """Marks around each segment, and escapes in it for text that could be mistaken for them."""
    for segment in target.segments:
        if style.block is not None and (segment.blocks or style.inline is None):
            yield from block_edits(target, segment, style.block, style.lines)
        elif style.inline is not None:
            if "|" in style.inline[0] and segment.frame.block.name == "TableCell":
                raise target.leak(segment.start, "a bar would end the cell of the table")
            yield Edit(segment.start, segment.start, style.inline[0])
            yield Edit(segment.end, segment.end, style.inline[1])
        if style.escape is not None:
            yield from _escapes(target, style, segment, style.escape)


def _escapes(target: Target, style: Style, segment: Segment, pattern: re.Pattern[str]) -> Iterator[Edit]:
    for found in pattern.finditer(target.source, segment.start, segment.end):
        new = found.expand(style.escaped) if isinstance(style.escaped, str) else style.escaped(found)
        if new == found[0]:
            continue
        if not target.text_at(found.start()):
            raise target.leak(found.start(), f"{found[0]!r} in code or in an address would end the spoiler")
        yield Edit(*found.span(), new)


def accessible(target: Target, style: Style) -> Iterator[Edit]:
    """Accessible HTML; the segments of a region are the parts of one spoiler."""
    keys = accessible_html.keys(target.source)
    key, part, region = "", 0, -1
    written = accessible_html.as_jsx if target.format == "mdx" else str
    for segment in target.segments:
        if segment.region != region:
            key, part, region = next(keys), 0, segment.region
        part += 1
        host, block = segment.frame.host, segment.blocks
        apart = block and target.format in MARKDOWN
        name = "" if segment.frame.named else accessible_html.NAME
        at = segment.start if host < 0 else host
        control = accessible_html.control(key, part=part, block=block and host < 0)
        opening = accessible_html.opening(key, part=part, block=block, apart=apart, name=name)
        closing = accessible_html.closing(key, part=part, block=block, apart=apart)
        # In MDX a line holds either text or the tags of blocks.
        yield Edit(at, at, written(control) + "\n\n" * (apart and target.format == "mdx"))
        yield Edit(segment.start, segment.start, written(opening))
        yield Edit(segment.end, segment.end, written(closing))


def redacted(target: Target, style: Style) -> Iterator[Edit]:
    """A bar in place of every word, all of one length, so that no word can be guessed by its length."""
    for start, end in target.texts:
        for word in _WORD.finditer(target.source, start, end):
            yield Edit(*word.span(), style.filler)


def replaced(target: Target, style: Style) -> Iterator[Edit]:
    """A filler instead of each segment; instead of the first one where several are in one paragraph."""
    before: tuple[int, Frame | None] | None = None
    filler = style.filling(target.format) or HIDDEN
    for segment in target.segments:
        here = (segment.region, segment.frame.block)
        yield Edit(segment.start, segment.end, "" if here == before else filler)
        before = here


def rotated(target: Target, style: Style) -> Iterator[Edit]:
    """Every letter moved by 13 places and every digit by 5, in brackets that name the cipher; again, it decodes.

    An accented letter is written as its letter and its accent, since only the letter is moved.
    """
    yield from marked(target, style)
    for start, end in target.texts:
        for letters in _LETTERS.finditer(target.source, start, end):
            if letters["entity"] and unescape(letters[0]) != letters[0]:
                if any(map(str.isalnum, unescape(letters[0]))):
                    yield Edit(*letters.span(), _rotated(target, letters.start(), unescape(letters[0])))
            else:
                yield Edit(*letters.span(), _rotated(target, letters.start(), letters[0]))


def _rotated(target: Target, start: int, text: str) -> str:
    """Rotated text. Raises LeakError for a letter that cannot be moved, which would stay readable."""
    if not text.isascii():
        text = normalize("NFKD", text)
        if other := next((c for c in text if c.isalnum() and not c.isascii()), None):
            raise target.leak(start, f"rot13 does not move {other!r}")
    return encode(text, "rot13").translate(_MOVED)


_WORD = re.compile(r"\S++")
_LETTERS = re.compile(r"(?P<entity>&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});)|[^&]++|&")
_MOVED = str.maketrans("0123456789[]", "5678901234()")

# --- the table ----------------------------------------------------------------------------------

_TEXT: tuple[Format, ...] = ("text", "markdown")
_ANY: tuple[Format, ...] = ("text", "markdown", "html")
_WEB: tuple[Format, ...] = ("markdown", "mdx", "html")
_EVERY: tuple[Format, ...] = ("text", "markdown", "mdx", "html")
_JOINER = "\u2060"  # a word joiner: it has no width, allows no break, and keeps text from looking like a mark
_SPOILER_TAG = re.compile(r"(?i)\[(?=/?spoilers?\b)")


def _backslash(found: re.Match[str]) -> str:
    """A backslash before the mark; a backslash at the end is kept away from the closing mark."""
    return f"\\{_JOINER}" if found[0] == "\\" else f"\\{found[0]}"


def _wiki(found: re.Match[str]) -> str:
    """Whole links and templates stay; a lone bar or brace would belong to the template around it."""
    return {"|": "{{!}}", "{": "&#123;", "}": "&#125;"}.get(found[0], found[0])


def _trope(found: re.Match[str]) -> str:
    return found[0] + _JOINER if len(found[0]) == 1 else found[0]


STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        Style("html", "our accessible markup, with its style sheet and script", "html", _WEB, accessible,
              block=("", ""), inline=("", "")),
        Style("feed", "for feeds and excerpts: a placeholder, never the text", "", _WEB, replaced,
              block=("", ""), inline=("", ""), filler=accessible_html.PLACEHOLDER),
        Style("details", "<details>, in HTML and where Markdown may hold it", "details", _WEB, marked,
              block=("<details>\n<summary>Spoiler</summary>\n\n", "\n\n</details>"), label="Spoiler"),
        Style("reddit", ">!x!<", "reddit", _TEXT, marked, inline=(">!", "!<"),
              escape=re.compile(r"(?<!\\)!(?=<|&lt;)|\\\Z"), escaped=_backslash),
        Style("discord", "||x||", "discord", _TEXT, marked, inline=("||", "||"),
              escape=re.compile(r"(?<!\\)\||\\\Z"), escaped=_backslash),
        Style("telegram", "||x||, of MarkdownV2", "discord", _TEXT, marked, inline=("||", "||"),
              escape=re.compile(r"(?<!\\)\||\\\Z"), escaped=_backslash),
        Style("telegram-html", "<tg-spoiler>x</tg-spoiler>", "telegram", ("html",), marked,
              inline=("<tg-spoiler>", "</tg-spoiler>")),
        Style("discourse", "[spoiler]x[/spoiler], on lines of their own around paragraphs", "bbcode", _ANY, marked,
              inline=("[spoiler]", "[/spoiler]"), block=("[spoiler]\n", "\n[/spoiler]"),
              escape=_SPOILER_TAG, escaped=f"[{_JOINER}"),
        Style("bbcode", "[spoiler]x[/spoiler], of forums, Steam, MyAnimeList", "bbcode", _ANY, marked,
              inline=("[spoiler]", "[/spoiler]"), block=("[spoiler]\n", "\n[/spoiler]"),
              escape=_SPOILER_TAG, escaped=f"[{_JOINER}"),
        Style("lemmy", "::: spoiler, which parts a paragraph", "lemmy", _TEXT, marked,
              block=("::: spoiler Spoiler\n", "\n:::"),
              escape=re.compile(r":(?=::)"), escaped=f"{_JOINER}:"),
        Style("hugo", "the shortcode details, which parts a paragraph", "hugo", _TEXT, marked,
              block=('{{< details summary="Spoiler" >}}\n\n', "\n\n{{< /details >}}"),
              escape=re.compile(r"(?i)\{\{(?=[<%]\s{0,9}/?\s{0,9}(?:spoiler|details)\b)"), escaped=f"{{{_JOINER}{{"),
        Style("goodreads", "<spoiler>x</spoiler>", "goodreads", _ANY, marked,
              inline=("<spoiler>", "</spoiler>"), block=("<spoiler>\n\n", "\n\n</spoiler>"),
              escape=re.compile(r"(?i)<(?=/?spoiler>)"), escaped=f"<{_JOINER}"),
        Style("goodreads-export", "(view spoiler)[x (hide spoiler)]", "goodreads-export", _ANY, marked,
              inline=("(view spoiler)[", " (hide spoiler)]"), block=("(view spoiler)[\n\n", "\n\n(hide spoiler)]"),
              escape=re.compile(r"(?i)\((?=(?:view|hide) spoiler\))"), escaped=f"({_JOINER}"),
        Style("anilist", "~!x!~", "anilist", _TEXT, marked, inline=("~!", "!~"), block=("~!\n\n", "\n\n!~"),
              escape=re.compile(r"(?<=!)~"), escaped=f"{_JOINER}~"),
        Style("mediawiki", "{{Spoiler|1=x}}", "mediawiki", ("text",), marked,
              inline=("{{Spoiler|1=", "}}"), block=("{{Spoiler|1=\n", "\n}}"),
              escape=re.compile(r"\{\{[^{}]*+\}\}|\[\[[^\[\]]*+\]\]|[{|}]"), escaped=_wiki),
        Style("tvtropes", "[[spoiler:x]]", "tvtropes", ("text",), marked, inline=("[[spoiler:", "]]"),
              escape=re.compile(r"\[\[[^\[\]]*+\]\]|[\[\]]"), escaped=_trope),
        Style("stackexchange", ">! at the start of every line, which parts a paragraph", "stackexchange", _TEXT, marked,
              block=(">! ", ""), lines=">! ", escape=re.compile(r"!(?=<)"), escaped=f"!{_JOINER}"),
        Style("rot13", "[rot13: k]", "rot13", _EVERY, rotated, inline=("[rot13: ", "]")),
        Style("redact", "a bar for every word; cannot be undone", "redact", _EVERY, redacted,
              filler="█████"),
        Style("placeholder", "[spoiler hidden]; cannot be undone", "placeholder", _EVERY, replaced,
              filler=HIDDEN),
    )
}  # fmt: skip

# Styles that need no platform. Plain text has no means to hide text, so there it is removed.
DEFAULTS: dict[str, str] = {"text": "redact", "markdown": "html", "mdx": "html", "html": "html"}


def style_for(name: str | None, format: str) -> Style:
    """A style by its name.

    Args:
        name: The name of a row of `STYLES`; None for the one in `DEFAULTS`.
        format: The format to write into.

    Returns:
        The style.

    Raises:
        InputError: The style is unknown or cannot be written into this format.
    """
    style = STYLES.get(name or DEFAULTS[format])
    fitting = ", ".join(row.name for row in STYLES.values() if format in row.formats)
    if style is None:
        raise InputError(f"unknown style {name!r}: choose from {fitting}")
    if format not in style.formats:
        raise InputError(f"style {style.name!r} cannot be written into {format}: choose from {fitting}")
    return style
