"""Behaviour of the HTML scanner, and the same text as another reader of HTML finds."""

from __future__ import annotations

from html import escape

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
import tree_sitter
import tree_sitter_html

from spoilerguard.text.htmlscan import looks_like_page, scan


def visible(source: str) -> str:
    return " ".join(" ".join(source[a:b] for a, b in scan(source).text).split())


def concealed(source: str) -> list[str]:
    return [source[h.start : h.end] for h in sorted(scan(source).hidden)]


# --- tokens -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a <b title='>'>b</b> c", "a b c"),
        ('a <b title=">" id=\'"\' x=/>b', "a b"),
        ("a<b\n\tc\r\n=\n'd'\n>b", "a b"),
        ("a <B>b</b > c", "a b c"),
        ("a < b, a <3, a<-b", "a < b, a <3, a<-b"),
        ("a <!-- > --> b", "a b"),
        ("a <!--> b <!---> c", "a b c"),
        ("a <!-- b --!> c", "a c"),
        ("a <!-- -- b -> --> c", "a c"),
        ("a </> b </ x> c <!x> d <?x> e", "a b c d e"),
        ("a </", "a </"),
        ("a <b c='d", "a"),
        ("a <b =c> d", "a d"),
        ("a<br/>b<hr/>c", "a b c"),
        ("<script>'</scrip' + <p></script >a", "a"),
        ("<SCRIPT>a</sCRIPT\n>b", "b"),
        ("<title>a <b>b</b></title>c", "c"),
        ("<script>a</script-x>b</script>c", "c"),
        ("a <x-y.z>b</x-y.z>", "a b"),
        ("\x00a<\x00b>\ud800", "\x00a<\x00b>\ud800"),
    ],
)
def test_tokens(source: str, text: str) -> None:
    assert visible(source) == text


# --- what closes what ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p hidden>a<p>b", "b"),
        ("<p hidden>a<br>b<i>c</i>d</p>e", "e"),
        ("<p hidden>a<div>b</div>", "b"),
        ("<ul><li hidden>a<li>b<li hidden>c</ul>d", "b d"),
        ("<ul><li>a<ul><li hidden>b</ul>c</ul>", "a c"),
        ("<ul><li hidden>a<ul><li>b</li></ul>c</li>d</ul>", "d"),
        ("<dl><dt hidden>a<dd>b<dt>c</dl>", "b c"),
        ("<table><tr><td hidden>a<td>b<tr><td>c</table>d", "b c d"),
        ("<table><tr hidden><td>a<td>b<tr><td>c</table>d", "c d"),
        ("<table><tr><td hidden><table><tr><td>a</table>b</td><td>c</table>", "c"),
        ("<div hidden><table><tr><td></div>a</table></div>b", "b"),
        ("<span hidden><p>a</span>b</p>c</span>d", "d"),
        ("<code><p>a</code>b</p>c", "b c"),
        ("<p><code>a</p>b", "b"),
        ("<form hidden><div>a</form>b</div>c", "b c"),
        ("<h1 hidden>a</h2>b", "b"),
        ("<div hidden>a</span></b></p>b</div>c", "c"),
        ("<head><style>a</style><body>b", "b"),
        ("<head>b", "b"),
        ("<svg/>a<svg viewBox='0'/>b<svg><path d=''/><text>c</text></svg>d", "a b c d"),
        ("<svg>a<p>b</p>", "b"),
        ("<svg><foreignObject><p>a</p></foreignObject></svg>b", "a b"),
        ("<button>a<button>b</button>c", "a b c"),
        ("<a>b<a>c</a>d", "b c d"),
        ("<a hidden>b<a>c</a>d", "c d"),
        ("<noscript>a</noscript><video>b</video>c", "c"),
        ("<div hidden>a</body></html>b", "b"),
    ],
)
def test_structure(source: str, text: str) -> None:
    assert visible(source.replace("</body></html>", "</div></body></html>")) == text


# --- spoilers -----------------------------------------------------------------------------------

HIDING = [
    "spoiler",
    "Spoiler",
    "spoilers",
    "x spoiler y",
    "spoiler-text",
    "spoiler_content",
    "md-spoiler-text",
    "bbcode-spoiler",
    "js-spoiler",
    "bbCodeSpoiler-content",
    "bbCodeBlock--spoiler",
    "spoilerText-27bIiA",
    "spoilerContent__299eb",
    "spoilerContainer",
    "ipsSpoiler",
    "sg-spoiler-v1",
    "sg-spoiler",
    "spoiled",
    "markdown_spoiler",
    "inline-spoiler",
    "spoiler-blurred",
]
LABELS = [
    "spoiler-free",
    "spoiler-warning",
    "spoiler-alert",
    "no-spoilers",
    "no_spoiler",
    "non-spoiler",
    "tag-spoilers",
    "category-spoiler",
    "contains-spoilers",
    "has-spoiler",
    "show-spoiler",
    "spoiler-button",
    "spoiler-toggle",
    "spoiler-title",
    "spoilery",
    "despoiler",
    "not-spoiler",
    "anti-spoiler",
    "spoilerguard",
]


@pytest.mark.parametrize("name", HIDING)
def test_classes_that_hide(name: str) -> None:
    source = f'a <span class="{name}">b</span> c'
    assert concealed(source) == [source[2:-2]]


@pytest.mark.parametrize("name", LABELS)
def test_classes_that_only_speak_of_spoilers(name: str) -> None:
    assert concealed(f'a <span class="{name}">b</span> c') == []


@pytest.mark.parametrize("name", ["html", "body", "article", "main"])
def test_a_whole_page_is_not_a_spoiler(name: str) -> None:
    assert concealed(f"<{name} class='spoiler'>a</{name}>") == []


@pytest.mark.parametrize(
    "source",
    [
        "<spoiler>a</spoiler>",
        "<tg-spoiler>a</tg-spoiler>",
        "<span data-mx-spoiler>a</span>",
        "<span data-mx-spoiler='why'>a</span>",
        "<details>a</details>",
        "<blockquote class=spoiler>a</blockquote>",
        "<p class='spoiler'>a<br>b</p>",
        "<span class='spoiler' style='display:none'>a</span>",
        "<div class='&#115;poiler'>a</div>",
        "<div class='spoiler'>never closed",
    ],
)
def test_elements_that_hide(source: str) -> None:
    assert concealed(source) == [source]


def test_what_is_hidden_in_what_is_no_prose_is_none() -> None:
    assert concealed("<pre><span class=spoiler>a</span></pre><div hidden><spoiler>b</spoiler></div>") == []


def test_a_spoiler_ends_where_browsers_end_it() -> None:
    assert concealed("<p><span class=spoiler>a</p><p>b</span></p>") == ["<span class=spoiler>a"]
    assert concealed("<spoiler>a<p>b</spoiler>c</p></spoiler>d") == ["<spoiler>a<p>b</spoiler>c</p></spoiler>"]


# --- comments, quotations, pages ----------------------------------------------------------------


def test_comments_are_found_outside_of_code() -> None:
    source = "<!-- a -->b<pre><!-- c --></pre><!--d--!><!--e"
    assert [text for _, text in scan(source).comments] == ["a", "d", "e"]


@pytest.mark.parametrize(
    ("source", "page"),
    [
        ("<!DOCTYPE html>", True),
        ("\ufeff <!-- a --> <!-- b --><HTML lang=en>", True),
        ("<?xml version='1.0'?>\n<html>", True),
        ("<body>", True),
        ("<p>a</p><html>", False),
        ("a<html>", False),
        ("<header>", False),
        ("<!-- a -->" * 2000 + "b", False),
        ("<!--" * 20000, False),
    ],
)
def test_looks_like_page(source: str, page: bool) -> None:
    assert looks_like_page(source) is page


# --- the other reader ---------------------------------------------------------------------------

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_html.language()))
SKIPPED = {"code", "pre", "select", "svg", "textarea", "title", "kbd", "samp", "noscript", "template"}


def oracle(source: str) -> str:
    """The visible text as tree-sitter-html finds it, words only."""
    data = source.encode()
    pieces: list[str] = []

    def walk(node: tree_sitter.Node) -> None:
        if node.type in {"text", "entity"}:
            pieces.append(data[node.start_byte : node.end_byte].decode())
        if node.type == "element" and node.children:
            tag = node.children[0]
            names = [data[c.start_byte : c.end_byte].decode().lower() for c in tag.children if c.type == "tag_name"]
            if names and names[0] in SKIPPED:
                return
        if node.type not in {"script_element", "style_element"}:
            for child in node.children:
                walk(child)

    walk(PARSER.parse(data).root_node)
    return " ".join(" ".join(pieces).split())


def letters(text: str) -> str:
    return "".join(text.split())  # tree-sitter takes entities for tokens of their own


PAGES = [
    "<p>One <em>two</em>, <a href='x'>three</a>.</p><p>Four",
    "<ul><li>one<li>two<ul><li>three</ul><li>four</ul><p>five",
    "<table><thead><tr><th>a<tbody><tr><td>b<td>c<tr><td>d</table>e",
    "<div><p>a<div>b</div>c</div>d",
    "<h1>a</h1><blockquote><p>b</blockquote><hr>c<br>d<img src=x>e",
    "<!doctype html><html><head><title>t</title><style>s</style></head><body>a<script>b</script>c</body></html>",
    "a &amp; b &eacute;&#x20ac; c",
    "<dl><dt>a<dd>b<dt>c</dl><p>d</p></p>",
    "<div><b>a <i>b</b> c</i></div>",
    "<div>a</span>b</div>",
    "<p>a <!-- b --> c <code>d</code> e</p>",
    "<section><article><p>é😀 ü</article></section><pre>x\ny</pre>z",
    "<select><option>a<option>b</select>c<button>d</button>e",
    "<a href=x>b</a><a\nhref='y'>c</a><input value='d'>e",
]


def test_text_after_a_stray_end_tag_is_ours_alone() -> None:
    """Browsers show it, tree-sitter-html drops it."""
    for source in ("<b>a <i>b</b> c</i> d", "<div>a</div></div>d"):
        assert "d" in visible(source)
        assert "d" not in oracle(source)


@pytest.mark.parametrize("source", PAGES)
def test_same_text_as_tree_sitter(source: str) -> None:
    assert letters(visible(source)) == letters(oracle(source))


NAMES = st.sampled_from(
    ["p", "div", "span", "em", "b", "a", "ul", "ol", "table", "section", "blockquote", "h2", "article"]
)


FIRST = {"ul": "<li>", "ol": "<li>", "table": "<tr><td>"}


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> str:
    """Well-formed but for end tags that may be left out, with text everywhere."""
    parts: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        parts.append(escape(draw(st.text("ab é<&😀.\n", min_size=1, max_size=8))))
        if depth:
            name = draw(NAMES)
            # In a paragraph no blocks: their end tags would be stray, where tree-sitter drops text.
            inner = FIRST.get(name, "") + draw(trees(0 if name in {"p", "h2"} else depth - 1))
            attribute = draw(st.sampled_from(["", " id=x", " title='a > b'", ' data-x="<p>"', " checked"]))
            parts.append(f"<{name}{attribute}>{inner}</{name}>")
    return "".join(parts)


@settings(max_examples=150)
@given(trees())
def test_same_text_as_tree_sitter_on_trees(source: str) -> None:
    assert letters(visible(source)) == letters(oracle(source))
