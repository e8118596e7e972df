"""One list of what is not prose in the sources of a site, whatever its generator: template tags and marks.

The readers of Markdown and HTML use it, and hiding through them: it marks no text in these ranges and never cuts one.
Front matter and MDX have modules of their own, `frontmatter` and `mdx`.
"""

from __future__ import annotations

from collections.abc import Iterator
import re

from spoilerguard.spans import Span
from spoilerguard.text.ranges import intersect, subtract
from spoilerguard.text.scans import Scan, Tag

__all__ = [
    "COMMENT", "FILLER", "OURS", "as_items", "definitions", "filled", "marks", "template_tags", "with_templates",
]  # fmt: skip

FILLER = "\ue000"  # a letter to every parser, and in no text

# What is meant for us, also with the name mistyped where a word follows that we know: `spoilergard off`.
OURS = r"(?:spoiler[-_ ]?guard\b|spoil[a-z]{0,4}[-_ ]?g[a-z]{2,5}\s{0,3}:?\s{0,3}(?:off|on|ignore)\b)"
COMMENT = re.compile(rf"(?i)(?:<!--|\{{/\*)\s*+({OURS}[^\n]{{0,80}}?)\s*(?:-->|\*/\}})")

# The names of tags that hide their text, which `markup` knows, and of those whose text is no prose.
_HIDES = r"(?!-?\s*/?\s*(?i:end)?(?i:su_|i)?(?i:spoilers?|details|hide)\b)"
_VERBATIM = r"(?:highlight|comment|raw|codeblock|verbatim|mermaid|math)"
_QUOTED = r"\"[^\"]*+\"|`[^`]*+`"
_VALUE = r"(?:\"[^\"\r\n]*+\"|'[^'\r\n]*+'|[^\s\[\]\"']++)"
_ALERT = r"(?:(?<=[>][ ])|(?<=>)(?<![^\n\ >]>)) \[![A-Za-z]+\][+-]?"
_ALERTS = re.compile(_ALERT, re.X)
_TAGS = re.compile(
    rf"""(?x)
    \{{%-?\s*(?P<liquid>{_VERBATIM})\b[^%\r\n]*+%\}}
      (?:(?!\{{%-?\s*(?P=liquid)\b)(?s:.))*? \{{%-?\s*end(?P=liquid)\s*-?%\}}
    | \{{\{{[<%]\s*(?P<hugo>{_VERBATIM})\b[^\r\n]*?[>%]\}}\}}
      (?:(?!\{{\{{[<%]\s*(?P=hugo)\b)(?s:.))*? \{{\{{[<%]\s*/\s*(?P=hugo)\s*[>%]\}}\}}
    | \{{\{{[<%] {_HIDES} (?>(?:{_QUOTED}|(?![>%]\}}\}}|\{{\{{|\r?\n[ \t]*\r?\n)[^\"`])*) [>%]\}}\}}
    | \{{% {_HIDES} (?>(?:\"[^\"]*+\"|(?!%\}}|\{{%|\r?\n[ \t]*\r?\n)[^\"])*) %\}}
    | \{{\{{ (?![<%]|spoiler\|) (?:[^{{}}]|\{{[^{{}}]{{0,300}}\}}){{1,500}}+ \}}\}}
    | \{{\# (?>(?:(?!\{{\#|\#\}})(?s:.))*) \#\}}
    | \{{::comment\}} (?:(?!\{{::comment)(?s:.))*? \{{:/(?:comment)?\}}
    | \{{::? [^{{}}\r\n]{{1,500}} \}}
    | (?<=[\])]) \{{ (?=[^{{}}\r\n]{{0,300}}[=\#.]) [^{{}}\r\n]{{1,500}} \}}
    | \{{/\* (?>(?:(?!\{{/\*|\*/\}})(?s:.))*) \*/\}}
    | \[ {_HIDES} [A-Za-z][\w-]*+ (?>(?:\s++[\w-]++={_VALUE})+) \s*/?\] (?!\()
    | \[/ {_HIDES} [A-Za-z][\w-]*+ \] (?!\()
    | {_ALERT}
    | (?m:^) (?:import\s[^\r\n]*?from\s*|import\s*)["'][^"'\r\n]*+["'];?[ \t]*(?=[\r\n]|\Z)
    | (?m:^) export\s+(?:const|default|function|let|var|async|class)\b (?>(?:(?!\r?\n[ \t]*\r?\n)(?s:.))*)
    """
)
# `!!! note "Title"` and its like (Python-Markdown), with text indented below: `mark`, `sign`, `name`.
_ADMONITION = re.compile(
    r"""(?xm)^(?>(?:[ ]{4}|\t)*) (?P<mark>!!!|\?\?\?|===) (?P<sign>\+[ ]|[ ]) (?P<name>[\w -]*+)
    (?:"[^"\r\n]*+")? [ \t]*+ (?=\r?\n(?>(?:[ \t]*+\r?\n)*)(?:[ ]{4}|\t)[^\r\n])"""
)
_SPOILER = re.compile(r"(?i)(?:spoiler|details)\b")
# A fence of containers: with a name or attributes it opens one, bare it closes the last.
_FENCE = re.compile(r"(?m)^(?>(?:[ \t]|>(?!!)|[-+*][ \t]|\d{1,3}[.)][ \t])*)(?P<fence>:::+[ \t]*+(?P<name>[^\r\n]*+))")
_DEFINITION = re.compile(r"(?m)^[ ]{0,3}(:[ \t]+)(?=\S)")
_HINTS = ("{{", "{%", "{/*", "{#", "{:", "[", "import", "export")


def template_tags(source: str, begin: int) -> list[Span]:
    """The tags and code of template languages: Hugo, Liquid, Jinja, WordPress, MDX.

    Args:
        source: The source.
        begin: The offset to start from.

    Returns:
        Their ranges, in order and disjoint. The text between a pair of tags is prose. Tags that hide text are not
        among them.
    """
    found = _TAGS.finditer(source, begin) if any(hint in source for hint in _HINTS) else ()
    return _disjoint([*(Span(*match.span()) for match in found), *_fences(source, begin)])


def marks(source: str, begin: int) -> list[Span]:
    """The marks of alerts and containers in Markdown without templates, as `template_tags` returns them."""
    found = _ALERTS.finditer(source, begin) if "[!" in source else ()
    return _disjoint([*(Span(*match.span()) for match in found), *_fences(source, begin)])


def definitions(source: str, begin: int) -> list[Span]:
    """The marks of definitions in Markdown, `: ` at the start of a line below a term."""
    return [Span(*found.span(1)) for found in _DEFINITION.finditer(source, begin)]


def _fences(source: str, begin: int) -> Iterator[Span]:
    """The fences of containers, but for those of spoilers, which `markup` knows."""
    hides: list[bool] = []  # for each open container, whether it is a spoiler
    for found in _FENCE.finditer(source, begin) if ":::" in source else ():
        name = found["name"].strip()
        if name.strip(":"):
            hides.append(_SPOILER.match(name) is not None)
            hidden = hides[-1]
        else:
            hidden = hides.pop() if hides else False
        if not hidden:
            yield Span(*found.span("fence"))


def _disjoint(spans: list[Span]) -> list[Span]:
    """The ranges in order, without those that begin in another."""
    kept: list[Span] = []
    for span in sorted(spans):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


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
        rest = " " + FILLER if len(found["sign"]) == 2 else " "
        title = found[0][found.end("name") - found.start() :]
        return f"{indent}-  {rest}{FILLER * len(found['name'])}{title}"

    return _ADMONITION.sub(item, source), names


def filled(source: str, spans: list[Span]) -> str:
    """The source with these ranges filled by a letter, for parsers that would see marks in them."""
    parts, position = [], 0
    for start, end in spans:
        parts += [source[position:start], FILLER * (end - start)]
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
        ours = [(span, COMMENT.match(source, span.start)) for span in templates]
        comments = {span for span, comment in ours if comment}
        tags = [Tag(*span, "Template") for span in intersect(found.text, templates) if span not in comments]
        found.tags = sorted([*found.tags, *tags], key=lambda tag: tag.start)
        found.text = subtract(found.text, templates)
        found.attributes = subtract(found.attributes, templates)
        found.comments += [(span, comment[1]) for span, comment in ours if comment]
