"""XML as exporters write it, made well formed before it is parsed.

Old exporters write PHP warnings and blank lines before the declaration, `&` for `&amp;`, references to characters
that XML does not allow, and `]]>` in text. Each is repaired in place; lines keep their numbers. Where a repair loses
part of a text, `MARK` stands in its place, so that the reader can report that text.
"""

from __future__ import annotations

import re

__all__ = ["MARK", "ROOT", "Repair"]

MARK = "\ufdd0"  # a noncharacter that XML allows
ROOT = re.compile(r"<(?:\w+:)?(?:rss|disqus|feed|RDF)(?=[\s>])")

# Characters that XML 1.0 does not allow, and undecodable bytes (as `surrogateescape` decodes them).
_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_START = re.compile(rf"<\?xml\b|<!DOCTYPE\b|{ROOT.pattern}")
_DECLARATION = re.compile(r"\A<\?xml\b[^>]*>")
_MOST_BEFORE = 1 << 16  # characters before the start
_LITERAL = {"<![CDATA[": "]]>", "<!--": "-->"}  # what opens and closes text in which nothing is repaired
_OPENS = re.compile(r"<!\[CDATA\[|<!--")
_FAULT = re.compile(
    r"&#(?:(?P<decimal>\d{1,9})|[xX](?P<hex>[0-9a-fA-F]{1,8}));"
    r"|&(?!(?:#\d{1,9}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z][A-Za-z0-9]{0,40});)"
    r"|\]\]>"
)
_UNFINISHED = re.compile(r"(?:&#?\w{0,41}|<(?:!(?:-|\[[CDAT]{0,5})?)?|\]{1,2})\Z")


class Repair:
    """Repairs a text that comes in pieces."""

    def __init__(self) -> None:
        self._held = ""
        self._started = False
        self._closes = ""  # what ends the CDATA section or comment that is open

    def feed(self, text: str, final: bool) -> str:
        """Repair the next piece.

        Args:
            text: The piece, decoded with `surrogateescape`.
            final: Whether it is the last one.

        Returns:
            The repaired text; the end of a piece may be held back until the next one.
        """
        text, self._held = self._held + _INVALID.sub(MARK, text), ""
        if not self._started:
            start = _START.search(text)
            if start is None and not final and len(text) < _MOST_BEFORE:
                self._held = text
                return ""
            self._started = True
            text = _from(text, start.start() if start else 0)
        parts: list[str] = []
        at = 0
        while at < len(text):
            at = self._literal(text, at, final, parts) if self._closes else self._markup(text, at, final, parts)
        return "".join(parts)

    def _literal(self, text: str, at: int, final: bool, parts: list[str]) -> int:
        """Take text up to the end of the open section; returns where it ends."""
        found = text.find(self._closes, at)
        if found >= 0:
            end = found + len(self._closes)
            self._closes = ""
        else:
            end = len(text) if final else max(at, len(text) - len(self._closes) + 1)
            self._held = text[end:]
        parts.append(text[at:end])
        return end if found >= 0 else len(text)

    def _markup(self, text: str, at: int, final: bool, parts: list[str]) -> int:
        """Take text up to the next section; returns where that begins."""
        opens = _OPENS.search(text, at)
        if opens:
            end = opens.end()
            self._closes = _LITERAL[opens[0]]
        else:
            unfinished = None if final else _UNFINISHED.search(text, max(at, len(text) - 48))
            end = unfinished.start() if unfinished else len(text)
            self._held = text[end:]
        parts.append(_FAULT.sub(_repaired, text[at:end]))
        return end if opens else len(text)


def _from(text: str, start: int) -> str:
    """The text from its start on, after the line breaks that come before it, without the declaration."""
    declared = _DECLARATION.match(text[start:])
    end = start + (declared.end() if declared else 0)
    return "\n" * text.count("\n", 0, end) + text[end:]


def _repaired(fault: re.Match[str]) -> str:
    if fault[0] == "]]>":
        return f"{MARK}]]&gt;"
    if fault[0] == "&":
        return "&amp;"
    number = int(fault["hex"], 16) if fault["hex"] else int(fault["decimal"])
    return MARK if number > 0x10FFFF or _INVALID.match(chr(number)) else fault[0]
