"""The front matter of posts, in every form that the generators of sites take: what a post says about itself.

A fence opens and closes it: `---` for YAML, `+++` for TOML, `;;;` for JSON without its braces; after `---` may stand
another language (Eleventy). Hexo may leave out the first fence. Hugo also takes a JSON object or lines of Org, Pelican
lines with a name and a value. It counts only at the very start, and only if its first line can be of its language:
elsewhere `---` is a rule.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

__all__ = ["FrontMatter", "find_front_matter", "front_matter"]


class FrontMatter(NamedTuple):
    """Front matter.

    Attributes:
        language: `yaml`, `toml`, `json`, `javascript`, `org` or `lines`.
        body: It without its fences.
        end: Where it ends.
    """

    language: str
    body: str
    end: int


_LANGUAGES = {
    **dict.fromkeys(("---", "yaml", "yml"), "yaml"),
    **dict.fromkeys(("+++", "toml"), "toml"),
    **dict.fromkeys((";;;", "json"), "json"),
    **dict.fromkeys(("javascript", "js", "node"), "javascript"),
}
_FENCED = re.compile(
    r"""(?xsm) (?P<fence>(?P<dashes>-{3,}+)|;{3,}+|\+\+\+)
    (?:(?<=---)(?P<named>javascript|json|js|node|toml|ya?ml))? [ \t]*+\r?\n
    (?P<body>.*?) ^(?:(?P=fence)|(?(dashes)\.\.\.|(?!))) [ \t]*+(?=\r?\n|\Z)"""
)
_KEY = r"""(?:"[^"\r\n]{1,99}"|'[^'\r\n]{1,99}'|[\w./-]++(?>(?::[\w./-]++)*)(?:[ ][\w./-]++){0,3}) [ ]*+:(?=\s)"""
_BEGINS = {  # what the first line that says something must be
    "yaml": re.compile(rf"(?x) \s*+ (?:\#|\{{|{_KEY}|\Z)"),
    "toml": re.compile(r"""(?x) \s*+ (?:[#\[]|(?:"[^"\r\n]{1,99}"|'[^'\r\n]{1,99}'|[\w."'-]++)[ \t]*=|\Z)"""),
    "json": re.compile(r"""\s*+(?:\{|"[^"\r\n]{1,99}"[ \t]*:)"""),
    "javascript": re.compile(""),
}
_YAML_LINES = rf"""(?>(?:(?:{_KEY}[^\n]*+|[ \t]++[^\n]*+|-[ ][^\n]*+|\#[^\n]*+|[\]}}][^\n]*+|\r)?\n)*)"""
_ONLY_YAML = re.compile(rf"(?x) {_YAML_LINES} \Z")
_UNFENCED = re.compile(
    rf"""(?xs) (?:
      (?P<yaml>(?=(?:title|date|layout|tags|categories|permalink|updated|excerpt)[ ]?:\s) {_YAML_LINES}) (?<!^)-{{3,}}
      | (?P<json>"[\w-]++"[ \t]*:(?:(?!\n[ \t]*\r?\n).)*?\n) ;{{3,}}
    ) [ \t]*+(?=\r?\n|\Z)"""
)
_LINES = re.compile(
    r"""(?x)(?P<org>(?>(?:\#\+[\w-]++(?:\[\])?:[^\n]*+(?:\n|\Z))+))
    | (?P<lines>(?i:authors?|category|date|keywords|lang|modified|save_as|slug|status|summary|tags|template|title|url)
      :[ \t][^\n]*+\n (?>(?:(?:[A-Za-z_-]{2,20}:[ \t]|[ ]{4,}\S)[^\n]*+(?:\n|\Z))+) (?=\r?\n|\Z)
      | Title:[ \t][^\n]*+\n (?=\r?\n|\Z))"""
)
_DECODER = json.JSONDecoder(strict=False)
_END_OF_LINE = re.compile(r"[ \t]*+(?:\r?\n|\Z)")


def front_matter(source: str, begin: int) -> int:
    """Where the front matter of a source ends; `begin` if there is none.

    Args:
        source: The source.
        begin: The offset where it starts, after a byte order mark.
    """
    found = find_front_matter(source, begin)
    return found.end if found else begin


def find_front_matter(source: str, begin: int) -> FrontMatter | None:
    """The front matter of a source; None if there is none.

    Args:
        source: The source.
        begin: The offset where it starts, after a byte order mark.
    """
    first = _NOT_SPACE.search(source, begin)
    if first is None:
        return None
    at = first.start()
    return _fenced(source, at) or _object(source, at) or _without_fence(source, at)


_NOT_SPACE = re.compile(r"\S")


def _fenced(source: str, at: int) -> FrontMatter | None:
    if source[at] not in "-+;" or (found := _FENCED.match(source, at)) is None:
        return None
    language = _LANGUAGES[found["named"] or found["fence"][:3]]
    body = found["body"]
    fits = found["named"] or _BEGINS[language].match(body)
    if language == "yaml" and (not body.strip("\r\n \t#") or _BLANK_LINE.match(body) or len(found["fence"]) > 3):
        fits = _ONLY_YAML.match(body)  # a text may begin with a rule, and the next rule end it
    return FrontMatter(language, body, found.end()) if fits else None


_BLANK_LINE = re.compile(r"[ \t]*\r?\n")


def _object(source: str, at: int) -> FrontMatter | None:
    """A JSON object, as far as its end, or as far as a brace on a line of its own if it is broken."""
    if not _OBJECT.match(source, at):
        return None
    try:
        end = _DECODER.raw_decode(source, at)[1]
    except (ValueError, RecursionError):
        closed = _CLOSED.search(source, at)
        end = closed.end() if closed else at
    ends = end > at and _END_OF_LINE.match(source, end)
    return FrontMatter("json", source[at:end], end) if ends else None


_OBJECT = re.compile(r"""\{\s*+"[^"\r\n]{1,99}"\s*+:""")
_CLOSED = re.compile(r"(?m)^\}(?=[ \t]*+(?:\r?\n|\Z))")


def _without_fence(source: str, at: int) -> FrontMatter | None:
    found = _UNFENCED.match(source, at) or _LINES.match(source, at)
    if found is None or found.lastgroup is None:
        return None
    return FrontMatter(found.lastgroup, found[found.lastgroup], found.end())
