"""Behaviour of the readers: what is prose, what is a block, what is hidden. All text is invented."""

from __future__ import annotations

import pickle

import pytest

from spoilerguard.errors import InputError
from spoilerguard.spans import Document
from spoilerguard.text.reading import READERS, SUFFIXES, format_of, guess_format, layout_of, read, reread
from spoilerguard.text.sentences import split


def words(text: str, format: str = "markdown", **options: bool) -> str:
    """The prose, white space collapsed."""
    return " ".join(read(text, format, **options).prose.split())


def sentences(document: Document) -> list[str]:
    return [" ".join(document.prose[a:b].split()) for a, b in split(document.prose, document.blocks)]


def hidden(text: str, format: str = "markdown") -> list[tuple[str, str]]:
    return [(h.style, text[h.start : h.end]) for h in read(text, format).hidden]


# For every row of READERS: source and prose; and source with a word that must not be prose.
READS = {
    "text": [
        ("Tarn *dies* <b>here</b>.\n", "Tarn *dies* <b>here</b>."),
        ("\ufeffA start.\r\nMore.", "A start. More."),
        ("See https://x.example/a_(b)?q=1. Or write me@x.example now.", "See . Or write now."),
        ("||| # not markup `here`", "||| # not markup `here`"),
    ],
    "markdown": [
        ("# Head *one* {#id}\n\nText **bold**.", "Head one Text bold ."),
        ("A `code` b ``c ` d`` e.", "A b e."),
        ("A [link](http://x.example 'title') b.", "A link b."),
        ("![The *alt* text](a.png 'title')", "The alt text"),
        ("[ref][r] and [r].\n\n[r]: http://x.example 'title'", "ref and r ."),
        ("<https://x.example> <made-up:thing> <me@x.example> end", "end"),
        ("A note[^1].\n\n[^1]: He *dies*.", "A note . He dies ."),
        ("- [x] done\n- [ ] open", "done open"),
        ("1. one\n2. two", "one two"),
        ("| a | b |\n|---|---|\n| c | `d` |", "a b c"),
        ("~~gone~~ and ~still~", "gone and still"),
        ("It cost $5 and made $10, 3$ more.", "It cost $5 and made $10, 3$ more."),
        ("AT&amp;T \\*plain\\*", "AT&amp;T *plain *"),
        ("<div>\nin *raw*\n</div>\n\nout", "in *raw* out"),
        ("> <div\n> class='x'>one\n> two</div>", "one two"),
        ("> a <b\n> class='>'>bold</b>", "a bold"),
        ("a <img alt='the x'> <iframe srcdoc='<b>b</b>'>c</iframe> d", "a the x b d"),
    ],
    "mdx": [
        ("# Head *one*\n\n    Text **bold**.", "Head one Text bold ."),
        ("<Card>\n\n      - *one*\n      - two\n\n</Card>", "one two"),
        ("<b>bold</b> {x} end", "bold end"),
    ],
    "html": [
        ("<p>A <b>b</b> c.</p>", "A b c."),
        ("no tags", "no tags"),
        ("a &lt;b&gt; &eacute; &#8217;", "a &lt;b&gt; &eacute; &#8217;"),
        ("<img alt='x'>a<a href='b'>c</a>", "x a c"),
        ("<p>a<button>b</button><p hidden><img alt='x'>", "a b"),
        ("<svg>x<title>x</title><g><text y=1>a</text></g><defs><text>x</text></defs><svg><text>b", "a b"),
        ("<svg><foreignObject><p>a</p></foreignObject></svg>", "a"),
        ("<iframe srcdoc='<p>a</p><script>x</script>&lt;p>b'>x</iframe>c", "a b c"),
        ("<div><template shadowrootmode='open'><p>a</template></div>", "a"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ],
}
BLANKS = {
    "text": ["see WORD://x.example".replace("WORD", "http://gone"), "<!-- spoilerguard off --> gone"],
    "markdown": [
        "---\ntitle: gone\n---\n",
        "\ufeff---\r\ntitle: gone\r\n---\r\n",
        "---\ntitle: gone",
        "+++\ntitle = 'gone'\n+++",
        "+++\r\n# c\r\ngone = 1\r\n+++\r\nx",
        "---\n# comment\ngone: 1\n...\nx",
        "```python\ngone\n```",
        "~~~\ngone",
        "    gone",
        "a\n\n\tgone",
        "- a\n\n      gone",
        "`gone`",
        "``gone ` gone``",
        "<!-- gone -->",
        "a <!-- gone\nb --> c",
        "<script>\ngone\n\ngone\n</script>",
        "<style>gone</style>",
        "a <code>gone</code> b",
        "<pre>\ngone\n\ngone</pre>",
        "a <b title='gone'>c</b>",
        "[a](gone)",
        "[a](b 'gone')",
        "[a]: gone 'gone'",
        "see www.gone.example/gone",
        "<gone@x.example>",
        "x <script>gone</script> y",
        "<div hidden>\n\ngone\n\n</div>",
    ],
    "mdx": [
        "---\ntitle: gone\n---\n",
        "import gone from 'gone'",
        "export const gone = 'gone'",
        "{gone}",
        "a {/* gone */} b",
        "<Card title='gone' />",
        "<Card\n  gone={`gone`}\n>\n</Card>",
        "```\ngone\n```",
        "<code>gone</code>",
        "<div hidden>\n\ngone\n\n</div>",
    ],
    "html": [
        "<!-- gone -->",
        "<!-- gone",
        "<script>gone</script>",
        "<style>gone",
        "<head><title>gone</title></head>",
        "<a href='gone'>b</a>",
        "<pre>gone</pre>",
        "<code>gone</code>",
        "<p hidden>gone</p>",
        "<p style='color: red; DISPLAY : none'>gone</p>",
        "<template><p>gone</p></template>",
        "<svg>gone<title>gone</title></svg>",
        "<button hidden>gone</button>",
        "<template shadowrootmode>gone</template>",
        "<img hidden alt='gone'>",
        "<iframe srcdoc='<!-- gone -->'>gone</iframe>",
        "<code><img alt=gone></code>",
        "<select><option>gone</select>",
        "<textarea>gone <p>gone",
        "<? gone ?>",
        "<!gone>",
        "</ gone>",
        "<gone",
    ],
}


@pytest.mark.parametrize("name", READERS)
def test_every_row_has_passing_and_failing_examples(name: str) -> None:
    assert READS[name]
    assert BLANKS[name]
    assert name in SUFFIXES.values()


@pytest.mark.parametrize(("name", "text", "prose"), [(n, *case) for n, cases in READS.items() for case in cases])
def test_reads(name: str, text: str, prose: str) -> None:
    assert words(text, name) == prose


@pytest.mark.parametrize(("name", "text"), [(n, text) for n, texts in BLANKS.items() for text in texts])
def test_blanks(name: str, text: str) -> None:
    document = read(text, name)
    assert document.format == name
    if text != "---\ntitle: gone":  # never closed: it is not front matter
        assert "gone" not in document.prose


def test_an_unknown_format_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown format 'docx': choose from text, markdown, mdx, html, auto"):
        read("x", "docx")


@pytest.mark.parametrize("name", READERS)
def test_empty_and_blank_sources(name: str) -> None:
    assert read("", name).prose == ""
    assert read("\ufeff \r\n\t", name).prose.strip() == ""


# --- front matter -------------------------------------------------------------------------------


def test_rules_are_not_front_matter() -> None:
    assert words("Hi.\n\n---\nNote: she dies.\n---\n\nEnd.") == "Hi. Note: she dies. End."
    assert words("---\n\nShe dies.\n\n---\n") == "She dies."
    assert words("---\nShe dies in the end.\n---\n") == "She dies in the end."


def test_front_matter_may_have_blank_lines_and_nothing_after_it() -> None:
    assert words("---\na: 1\n\nb: 2\n---\nText.") == "Text."
    assert words("---\na: 1\n---") == ""


# --- blocks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# A head\nA text", ["A head", "A text"]),
        ("A head\n===\nA text", ["A head", "A text"]),
        ("- one\n- two\n  - three\n- four", ["one", "two", "three", "four"]),
        ("| a b | c |\n|-|-|\n| d | e |", ["a b", "c", "d", "e"]),
        ("one\ntwo", ["one two"]),
        ("one  \ntwo\\\nthree", ["one", "two", "three"]),
        ("> one\n>> two\n\nthree", ["one", "two", "three"]),
        ("one\n\n***\n\ntwo", ["one", "two"]),
        ("one\n\n<div>two</div>\n\nthree", ["one", "two", "three"]),
        ("a <b>*c*</b> d", ["a c d"]),
        ("one[^1]\n\n[^1]: two", ["one", "two"]),
        ("one<br>two", ["one", "two"]),
    ],
)
def test_markdown_blocks_end_sentences(text: str, found: list[str]) -> None:
    assert sentences(read(text, "markdown")) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<h1>one</h1>two<p>three<p>four", ["one", "two", "three", "four"]),
        ("<ul><li>one<li>two</ul>", ["one", "two"]),
        ("<table><tr><td>one<td>two<tr><th>three</table>", ["one", "two", "three"]),
        ("one<br>two<hr>three", ["one", "two", "three"]),
        ("<i>one</i> <span>two</span>", ["one two"]),
        ("<dl><dt>one<dd>two</dl>", ["one", "two"]),
    ],
)
def test_html_blocks_end_sentences(text: str, found: list[str]) -> None:
    assert sentences(read(text, "html")) == found


def test_quotations_are_prose_by_default() -> None:
    text = "mine\n\n> theirs\n>\n> > deeper\n\nmine too"
    assert words(text) == "mine theirs deeper mine too"
    assert words(text, quotations=False) == "mine mine too"
    page = "mine<blockquote>theirs<blockquote>deeper</blockquote></blockquote>mine too"
    assert words(page, "html", quotations=False) == "mine mine too"


# --- already hidden -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "prose", "styles"),
    [
        (">!He dies!<", "", ["reddit"]),  # CommonMark reads a quotation
        ("a\n>!b!<\nc", "a c", ["reddit"]),
        ("so >!he *dies*!< then", "so then", ["reddit"]),
        ("x >!a\n\nb!<", "x >!a b!<", []),
        ("- >!a\n- b!<", "!a b!<", []),
        ("\\>!a!<", ">!a!<", []),
        ("`>!` and `!<` mark it", "and mark it", []),
        ("||a|| b", "b", ["discord"]),
        ("| x || y || z |\n|-|-|-|-|-|\n| a || b || c |", "x y z a b c", []),
        ("`a || b` or `c || d`", "or", []),
        ("```\n||\n```\nx\n```\n||\n```", "x", []),
        (">! one\n>! two\n\nout", "out", ["stackexchange"]),
        ("::: spoiler T\n```\ncode\n```\ntext\n:::\nout", "out", ["lemmy"]),
        ("[spoiler]a\n\n- b\n\nc[/spoiler] d", "d", ["bbcode"]),
        ("{{< spoiler >}}a{{< /spoiler >}} b", "b", ["hugo"]),
        ("a <spoiler>b *c*</spoiler> d", "a d", ["goodreads"]),
        ("a <span class='spoiler'>b *c*</span> d", "a d", ["html"]),
        ('[x](/s "y") z', "z", ["reddit-title"]),
        ("~!a!~ b", "b", ["anilist"]),
        ("a <b>!c!</b> d", "a !c! d", []),
    ],
)
def test_hidden_in_markdown(text: str, prose: str, styles: list[str]) -> None:
    assert words(text) == prose
    assert [style for style, _ in hidden(text)] == styles


def test_details_hide_all_but_their_summary() -> None:
    text = "<details><summary>Ending</summary>He dies.</details> after"
    assert words(text, "html") == "Ending after"
    assert hidden(text, "html") == [("details", text[:-6])]
    assert words("<details open><summary>a</summary>b</details>", "html") == "a b"
    assert words("<details open class=spoiler>b</details>", "html") == "b"
    assert words("<details>a</details>", "html") == ""


def test_details_span_markdown_blocks() -> None:
    text = "one\n\n<details>\n<summary>The *end*</summary>\n\nHe **dies**.\n\n- all do\n\n</details>\n\ntwo"
    assert words(text) == "one The *end* two"
    assert [style for style, _ in hidden(text)] == ["details"]


def test_a_summary_in_something_hidden_is_hidden() -> None:
    inner = "<details><summary>a</summary>b</details>"
    assert words(f"<details><summary>top</summary>{inner}</details>", "html") == "top"
    assert words(f"<div class='spoiler'>{inner}</div>c", "html") == "c"
    assert words("<details><summary>a <i class='spoiler'>b</i> c</summary>d</details>", "html") == "a c"


def test_unclosed_html_ends_with_its_markdown_block() -> None:
    assert words("a <span class='spoiler'>b\n\nc") == "a c"
    assert words("- a <details>b\n- c\n\nd") == "a c d"
    assert words("a <title> b\n\nc") == "a c"
    assert words("> <details>\n> a\n\nb") == "b"
    assert words("<details>\n\na") == ""


def test_hidden_across_html_blocks() -> None:
    assert words("<p>a &gt;!b!&lt; c</p>", "html") == "a c"
    assert words("<p>a &gt;!b</p><p>c!&lt; d</p>", "html") == "a &gt;!b c!&lt; d"
    assert words("<p>[spoiler]</p><p>a</p><p>[/spoiler]b</p>", "html") == "b"
    assert words("<p>a ||<b>b</b>|| c</p>", "html") == "a c"


def test_hidden_in_plain_text() -> None:
    assert words("a >!b!< c [spoiler]d\n\ne[/spoiler] f", "text") == "a c f"


# --- suppression --------------------------------------------------------------------------------

OFF, ON, NEXT = "<!-- spoilerguard off -->", "<!-- spoilerguard on -->", "<!-- spoilerguard: ignore-next -->"


@pytest.mark.parametrize("name", READERS)
def test_off_and_on(name: str) -> None:
    assert words(f"one\n\n{OFF}\n\ntwo\n\n{ON}\n\nthree", name) == "one three"
    assert words(f"one\n\n{OFF}\n\ntwo {ON} three", name) == "one three"
    assert words(f"one {OFF} two", name) == "one"
    assert words(f"one {ON} two", name) == "one two"
    assert words("a <!--SpoilerGuard: OFF, it is quoted--> b", name) == "a"
    document = read(f"one {OFF} two {ON}", name)
    assert [document.source[a:b] for a, b in document.suppressed] == [f"{OFF} two {ON}"]


def test_ignore_next_is_the_next_block() -> None:
    assert words(f"one\n\n{NEXT}\n\ntwo. two.\n\nthree") == "one three"
    assert words(f"one\n\n{NEXT}\n\n# two\n\nthree") == "one three"
    assert words(f"- one\n- {NEXT}\n  two\n- three") == "one three"
    assert words(f"- one\n\n  {NEXT}\n\n  two\n\n  three") == "one three"
    assert words(f"one\n\n{NEXT}\n\n```\ncode\n```\n\ntwo\n\nthree") == "one three"
    assert words(f"one\n\n{NEXT}\ntwo\ntwo\n\nthree") == "one three"
    assert words(f"one\n\n{NEXT}\r\n  \r\n- two\r\n- three") == "one three"
    assert words(f"one\n\n{NEXT}\n\ntwo\n\nthree", "text") == "one three"
    assert words(f"one\n\n{NEXT}\ntwo\n\nthree", "text") == "one three"
    assert words(f"<p>one</p>{NEXT}\n<p>two <i>two</i></p><p>three</p>", "html") == "one three"


def test_ignore_next_within_a_block_is_its_rest() -> None:
    assert words(f"one. {NEXT} two. two.\n\nthree") == "one. three"
    assert words(f"one. {NEXT} two. two.\n\nthree", "text") == "one. three"
    assert words(f"<p>one. {NEXT} two. <b>two</b>.</p><p>three</p>", "html") == "one. three"


def test_ignore_next_at_the_end_and_repeated() -> None:
    assert words(f"one\n\n{NEXT}") == "one"
    assert words(f"{NEXT}\n\n{NEXT}\n\none\n\ntwo") == "two"


def test_comments_in_code_suppress_nothing() -> None:
    assert words(f"`{OFF}` one\n\n```\n{OFF}\n```\n\ntwo\n\n    {OFF}\n\nthree") == "one two three"
    assert words(f"<pre>{OFF}</pre>one", "html") == "one"


# --- which format -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.md", "markdown"),
        ("a.b/c.HTML", "html"),
        ("x.txt", "text"),
        ("x.mdx", "mdx"),
        ("x.rst", "auto"),
        ("README", "auto"),
        ("a.docx", "auto"),
    ],
)
def test_format_of(name: str, format: str) -> None:
    assert format_of(name) == format


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("", "text"),
        ("I liked it. 5/5 - would read again.", "text"),
        ("<p>One</p><p>Two</p>", "html"),
        ("\ufeff\n<?xml version='1.0'?><!-- a --><!DOCTYPE html><title>a</title>", "html"),
        ("Line one<br />line two<br>three", "html"),
        ("# Head\n\nSome *text* with **bold**.", "markdown"),
        ("---\ntitle: a\n---\nText", "markdown"),
        ("# A\n\n- one <b>b</b>\n- two <i>i</i>\n\n**bold** [x](y)", "markdown"),
        ("I <3 this", "text"),
    ],
)
def test_guess_format(text: str, format: str) -> None:
    assert guess_format(text) == format
    assert read(text, "auto").format == format


# --- broken marks -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "text", "marks"),
    [
        ("markdown", "So >!Tarn dies.\n\nThen.", [">!"]),
        ("markdown", "So `>!x` and ||y||.\n\n```\n>!z and ||\n```\n", []),
        ("markdown", "| a || b |\n|---|---|---|\n| c ||d |\n", []),
        ("markdown", ">!a real quotation\n", []),
        ("markdown", "<details>\n\nTarn dies.\n", ["<details>"]),
        ("markdown", "<details>\n\nTarn dies.\n\n</details>\n", []),
        ("markdown", 'A <span class="spoiler">Tarn\n\ndies</span>.', ['<span class="spoiler">']),
        ("html", "<p>a <span class=spoiler>b</p><p>c</p>", ["<span class=spoiler>"]),
        ("html", "<p class=spoiler>b<p>c", []),
        ("html", "<p>b</spoiler> c <tg-spoiler>d", ["</spoiler>", "<tg-spoiler>"]),
        ("html", "<p>a [spoiler]b</p>", ["[spoiler]"]),
        ("html", "<p>a || b || c</p><p>p || q</p>", []),
        ("text", "[spoiler]a ||b[/spoiler]", []),
        ("text", "<!-- spoilerguard off -->\n[spoiler]a\n<!-- spoilerguard on -->", []),
    ],
)
def test_marks_without_their_other_half_are_noticed(format: str, text: str, marks: list[str]) -> None:
    assert [text[notice.start : notice.end] for notice in read(text, format).notices] == marks


def test_a_line_that_begins_with_a_spoiler_of_reddits_is_no_quotation() -> None:
    text = "Safe.\n>!Tarn dies!< here.\n\n- >!Tarn *dies*!<\n- b\n\n>!Tarn dies!<\n===\n\n>!quoted\n"
    assert hidden(text) == [("reddit", ">!Tarn dies!<"), ("reddit", ">!Tarn *dies*!<"), ("reddit", ">!Tarn dies!<")]
    assert read(text, "markdown", quotations=False).prose.split() == ["Safe.", "here.", "b"]


def test_the_label_of_a_details_element_is_not_prose() -> None:
    text = "> <details>\n> <summary>Spoiler</summary>\n>\n> Tarn dies.\n>\n> </details>\n"
    assert not read(text, "markdown").prose.strip()
    assert read(text.replace("Spoiler", "The end of Tarn"), "markdown").prose.split() == ["The", "end", "of", "Tarn"]


@pytest.mark.parametrize(
    ("format", "text", "concealed"),
    [
        ("text", "a >!b!< c (view spoiler)[d (hide spoiler)]", "b d"),
        ("text", '[e](/s "f") >! g\n\n>! g\n>! h', "f g h"),
        ("text", "[rot13: x] ███ [spoiler hidden]", ""),
        ("markdown", "a >!*b* `c` [d](e)!< <details>f</details>", "b d f"),
        ("html", "<p>a <span class=spoiler>b <b>c</b><code>d</code></span> ||e||", "b c e"),
        ("html", "<details><summary>a</summary>b</details> <!-- spoilerguard off -->||c||", "b"),
    ],
)
def test_what_is_concealed_can_still_be_read(format: str, text: str, concealed: str) -> None:
    document = read(text, format)
    assert " ".join(" ".join(text[start:end] for start, end in document.concealed).split()) == concealed


@pytest.mark.parametrize("name", READERS)
def test_a_document_keeps_its_layout_but_does_not_pickle_it(name: str) -> None:
    source = "He leaves. <!-- spoilerguard off -->She *dies*.<!-- spoilerguard on --> ||They die.||\n"
    document = read(source, name)
    assert layout_of(document) is layout_of(document)
    copy = pickle.loads(pickle.dumps(document))
    assert copy == document
    assert copy.layout is None
    assert layout_of(copy) == layout_of(document)
    assert reread(copy, suppress=False) == read(source, name, suppress=False)
