"""Pages as browsers see them (html5lib), with and without what hides spoilers in them."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import html5lib
from markdown_it import MarkdownIt

Tree = list[Any]

# Not prose, or not visible.
_UNSEEN = frozenset(
    "audio button canvas code datalist iframe kbd listing math noembed noframes noscript object plaintext pre samp "
    "script select style svg template textarea title video xmp".split()
)
_markdown = MarkdownIt("commonmark", {"html": True}).enable("strikethrough")


def html_of(markdown: str) -> str:
    """Markdown as HTML, by a parser that is not ours."""
    return str(_markdown.render(markdown))


def tree(html: str) -> Tree:
    """The tree without the wrappers of `accessible_html`, and without white space."""
    return _inside(_parsed(html))


def seen(html: str) -> str:
    """The text that is visible before anything is revealed, but for the labels of the controls."""
    pieces: list[str] = []
    waiting: list[Any] = [_parsed(html)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            pieces.append(node)
            continue
        tag = node.tag.split("}")[-1] if isinstance(node.tag, str) else ""
        waiting.append(node.tail or "")
        if (
            tag
            and tag not in _UNSEEN
            and "hidden" not in node.attrib
            and node.get("class") not in ("sg1-show", "sg1-bar")
        ):
            waiting += [*reversed(node), node.text or ""]
    return " ".join(pieces)


def _parsed(html: str) -> Any:
    return html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False)


def _inside(node: Any) -> Tree:
    """What is in a node: texts joined, wrappers opened, controls dropped."""
    found: Tree = [node.text or ""]
    for child in node:
        kind = child.get("class") if isinstance(child.tag, str) else None
        if kind == "sg1":
            found += _inside(child)
        elif child.tag is ElementTree.Comment:
            found += [] if re.match(r"/?sg1", child.text or "") else [("comment", child.text)]
        elif kind not in ("sg1-show", "sg1-bar"):
            found.append((child.tag, sorted(child.attrib.items()), _inside(child)))
        found.append(child.tail or "")
    joined: Tree = []
    for item in found:
        if isinstance(item, str) and joined and isinstance(joined[-1], str):
            joined[-1] += "".join(item.split())
        else:
            joined.append("".join(item.split()) if isinstance(item, str) else item)
    return [item for item in joined if item]
