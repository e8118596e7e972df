"""One list of what is not prose in the sources of a site, whatever its generator: front matter and template tags.

The readers of Markdown and HTML use it, and hiding through them: it marks no text in these ranges and never cuts one.
"""

from __future__ import annotations

import re

from spoilerguard.spans import Span
from spoilerguard.text.ranges import intersect, subtract
from spoilerguard.text.scans import Scan, Tag

__all__ = ["COMMENT", "as_items", "filled", "front_matter", "template_tags", "with_templates"]

_FILLER = "\ue000"  # a letter to every parser, and in no text

COMMENT = re.compile(r"(?i)(?:<!--|\{/\*)\s*+(spoilerguard\b[^\n]{0,80}?)\s*(?:-->|\*/\})")

# Only at the very start, and only if the first line in it can be of its language: elsewhere `---` is a rule.
_FRONT_MATTER = re.compile(
    r"""(?xsm)
    ---[ \t]*\r?\n (?=\s*(?:\#|["']?[\w-]++(?:[ ][\w-]++){0,3}["']?[ \t]*:\s)) .*? ^(?:---|\.\.\.)[ \t]*(?=\r?\n|\Z)
    | \+\+\+[ \t]*\r?\n (?=\s*(?:[#\[]|[\w."'-]++[ \t]*=)) .*? ^\+\+\+[ \t]*(?=\r?\n|\Z)
    | ;;;[ \t]*\r?\n (?=\s*"[\w-]++"[ \t]*:) .*? ^;;;[ \t]*(?=\r?\n|\Z)
    | \{[ \t]*\r?\n (?=\s*"[\w-]++"[ \t]*:) .*? ^\}[ \t]*(?=\r?\n|\Z)
    | (?:\#\+[\w-]++:[^\r\n]*+(?:\r?\n|\Z))++
    | (?i:title|date|author|slug|category|tags|summary|status|modified):[ \t][^\r\n]*+\r?\n
      (?:[A-Za-z_-]{2,20}:[ \t][^\r\n]*+(?:\r?\n|\Z))++ (?=\r?\n|\Z)"""
)
# The names of tags that hide their text, which `markup` knows, and of those whose text is no prose.
_HIDES = r"(?!\s*/?\s*(?i:end)?(?i:su_|i)?(?i:spoilers?|details|hide)\b)"
_VERBATIM = r"(?:highlight|comment|raw|codeblock|verbatim|mermaid|math)"
_QUOTED = r"\"[^\"]*+\"|`[^`]*+`"
_VALUE = r"(?:\"[^\"\r\n]*+\"|'[^'\r\n]*+'|[^\s\[\]\"']++)"
_TAGS = re.compile(
    rf"""(?x)
    \{{%-?\s*(?P<liquid>{_VERBATIM})\b[^%\r\n]*+%\}}
      (?:(?!\{{%-?\s*(?P=liquid)\b)(?s:.))*? \{{%-?\s*end(?P=liquid)\s*-?%\}}
    | \{{\{{[<%]\s*(?P<hugo>{_VERBATIM})\b[^\r\n]*?[>%]\}}\}}
      (?:(?!\{{\{{[<%]\s*(?P=hugo)\b)(?s:.))*? \{{\{{[<%]\s*/\s*(?P=hugo)\s*[>%]\}}\}}
    | \{{\{{[<%] {_HIDES} (?:{_QUOTED}|(?![>%]\}}\}}|\{{\{{|\r?\n[ \t]*\r?\n)[^\"`])*+ [>%]\}}\}}
    | \{{% {_HIDES} (?:\"[^\"]*+\"|(?!%\}}|\{{%|\r?\n[ \t]*\r?\n)[^\"])*+ %\}}
    | \{{\{{ (?![<%]|spoiler\|) [^{{}}]{{1,500}} \}}\}}
    | (?<=[>][ ]) \[![A-Za-z]+\][+-]?
    | \{{/\* (?:(?!\{{/\*|\*/\}})(?s:.))*+ \*/\}}
    | \[ {_HIDES} [A-Za-z][\w-]*+ (?:\s++[\w-]++={_VALUE})++ \s*/?\] (?!\()
    | \[/ {_HIDES} [A-Za-z][\w-]*+ \] (?!\()
    | (?m:^) [ \t]*+ :::+ [ \t]*+ (?!spoiler\b) [^\r\n]*+
    | (?m:^) (?:import\s[^\r\n]*?from\s*|import\s*)["'][^"'\r\n]*+["'];?[ \t]*(?=[\r\n]|\Z)
    | (?m:^) export\s+(?:const|default|function|let|var|async|class)\b (?:(?!\r?\n[ \t]*\r?\n)(?s:.))*+
    """
)
# `!!! note "Title"` and its like (Python-Markdown), with text indented below: `mark`, `sign`, `name`.
_ADMONITION = re.compile(
    r"""(?xm)^(?:[ ]{4})*+ (?P<mark>!!!|\?\?\?|===) (?P<sign>\+[ ]|[ ]) (?P<name>[\w -]*+)
    (?:"[^"\r\n]*+")? [ \t]*+ (?=\r?\n(?:[ \t]*+\r?\n)*+[ ]{4}[^\r\n])"""
)
_LEMMY = re.compile(r"(?i)(?<!:):::++[ \t]*+spoiler\b")
_HINTS = (":::", "{{", "{%", "{/*", "[", "import", "export")


def front_matter(source: str, begin: int) -> int:
    """Where the front matter of a source ends; `begin` if there is none.

    Args:
        source: The source.
        begin: The offset where it starts, after a byte order mark.
    """
    first = len(source) - len(source[begin:].lstrip())
    match = _FRONT_MATTER.match(source, first)
    return match.end() if match else begin


def template_tags(source: str, begin: int) -> list[Span]:
    """The tags and code of template languages: Hugo, Liquid, Jinja, WordPress, MDX.

    Args:
        source: The source.
        begin: The offset to start from.

    Returns:
        Their ranges, in order and disjoint. The text between a pair of tags is prose. Tags that hide text are not
        among them.
    """
    if not any(hint in source for hint in _HINTS):
        return []
    spans = [Span(*match.span()) for match in _TAGS.finditer(source, begin)]
    if _LEMMY.search(source):  # a fence may close a spoiler, so that fences are left to `markup`
        spans = [span for span in spans if not source[span.start : span.end].lstrip().startswith(":::")]
    return spans


def as_items(source: str) -> tuple[str, list[Span]]:
    """Write admonitions as list items, which hold indented text as they do.

    Args:
        source: The source of a Markdown text.

    Returns:
        A source as long, and the ranges of the marks and names in it, which are not prose.
    """
    names: list[Span] = []

    def item(found: re.Match[str]) -> str:
        names.append(Span(found.start("mark"), found.end("name")))
        indent = found[0][: found.start("mark") - found.start()]
        rest = " " + _FILLER if len(found["sign"]) == 2 else " "
        title = found[0][found.end("name") - found.start() :]
        return f"{indent}-  {rest}{_FILLER * len(found['name'])}{title}"

    return _ADMONITION.sub(item, source), names


def filled(source: str, spans: list[Span]) -> str:
    """The source with these ranges filled by a letter, for parsers that would see marks in them."""
    parts, position = [], 0
    for start, end in spans:
        parts += [source[position:start], _FILLER * (end - start)]
        position = end
    return "".join(parts) + source[position:] if parts else source


def with_templates(found: Scan, source: str, templates: list[Span]) -> None:
    """Take template tags out of the text that was found, and add them to its tags and comments.

    Args:
        found: The result of a scanner that read the filled source.
        source: The source.
        templates: The ranges of the template tags.
    """
    if templates:
        tags = [Tag(*span, "Template") for span in intersect(found.text, templates)]
        found.tags = sorted([*found.tags, *tags], key=lambda tag: tag.start)
        found.text = subtract(found.text, templates)
        found.attributes = subtract(found.attributes, templates)
        comments = [(span, COMMENT.match(source, span.start)) for span in templates]
        found.comments += [(span, comment[1]) for span, comment in comments if comment]
