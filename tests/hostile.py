"""What a hostile text repeats: the marks of every format, and words that make announcements and ends of sentences."""

from __future__ import annotations

__all__ = ["MARKS", "UNITS", "WORDS", "repeated"]

MARKS = [
    *("<div>", "<p>", "<b>", "<a>", "<li>", "<ul><li>", "<table><tr><td>", "<b><div>", "<svg><p>", "<form>x</form>"),
    *("<div><li></li>", "</div>", "<code><p></code>", "<script>", "<title>", "<details>", "<span class=spoiler>"),
    *("<", "</", "<a ", "<!--", "<!-- -->", "<!-->", '<a b="', "<a b='c d", "<a/", "<a =", "<![CDATA[", "<?", "&"),
    *("&gt;!", ">!", "||", "[spoiler]", "[/spoiler]", "~!", "[[", "{{", "{{spoiler|", ":::", "::: spoiler x\n"),
    *(">! a\n", "(view spoiler)[", "[a](/s)", "*", "_a__", "[", "![", "[a](", "[^a]", "`", "`a ``", "> ", "\n> "),
    *("- ", "- a\n", "1. ", "# a\n", "a  \n", "> <div>\n", "[a]: b\n", "|a|b\n|-|-\n", "\r\n", " ", "a", "a.", "😀"),
    *("a@", "www.,", "<!-- spoilerguard: ignore-next --> a\n\n"),
    *("<article>a<div class=sidebar>", "<div class='nav'>a<a>b</a></div>"),
    *("<a b=1 ", '<a b="c" ', "&amp;", "&#119;", "&#1234567;", "[spoiler=", "!<", "!~", "]]", "}}", "{{< details"),
    *("(hide", "**", "*_", "~~", "``", "[a][b]", "[a]: b\n[", "[^a]: b\n", "  - a\n", "1. 2. ", ">>", "> - ", "|a"),
    *("a|", "||a|| ", "\n", "\n\n", "\r", "\t", "a\n", "a b\n", "---\n", "---\na: b\n", "~~~\n"),
    *("<!--spoilerguard ", "\\", "\x00", "1", "1.5 ", "me@x.example ", "http://", "http://a.b/c ", "\u0301"),
    *("\u200b", "\u2028", "\ufeff", "█ ", "[rot13: ", "<!-- spoilerguard off --> a <!-- spoilerguard on -->"),
    *("<td>a", "<ruby><rt>a", "<math>", "<template>", "<textarea>"),
]
WORDS = [
    *("spoil", "spoiler ", "spoilers. ", "avoid", "discuss", "no spoil", "with ", " -a", "the ", "he dies "),
    *("He dies. ", "a", "a. ", "a.", "A.B ", "J. ", "Mr. ", "e.g. ", "... ", "… ", "?!", "! ", "!a", "1. ", "1"),
    *("$1,000 ", "' ", '" ', "“a” ", '"Go!" he said. ', "(", "a-", "_-", "._", "😀", "e\u0301", "。", "a\n"),
    *("word " * 15 + "\n", "a" * 999 + " "),
]
# Texts that once cost much more than prose, or that hold as many ranges, tags or sentences as fit into them.
_DEAR = [
    *(
        ">",
        "|a|b|",
        "|a|b|\n",
        "|a. ",
        "|\n",
        "[a] ",
        "[a]",
        "!",
        "a ",
        "& ",
        "| a ",
        "a. b. ",
        "*a* ",
        "**a** ",
        "`a` ",
    ),
    *("a<b>b</b>", "<i>a</i> ", "<p>a", "<p>a.</p>", "<td>a.", "<li>a. ", "<br>", "a<br>", "<button>a", "<img alt=a>"),
    *(
        "<a href=b>a</a> ",
        "<h1>a</h1>",
        "<details>a</details>",
        ">!a!< ",
        "# a\n\n",
        "# a\nb\n",
        "> a\n\n",
        "- a\n\n",
        "[a](b) ",
    ),
    *(
        "![a](b) ",
        "~~a~~ ",
        "<!-- a -->",
        "{{a}} ",
        "\\a",
        "\\* ",
        "[^a]\n\n[^a]: b\n\n",
        "a\n\n",
        "a.\n\n",
        "é. ",
        "ⓐ",
    ),
]
UNITS = list(dict.fromkeys([*MARKS, *WORDS, *_DEAR]))
_HEADS = {"|a|b|\n": "|a|b|\n|-|-|\n", "|\n": "|a\n|-\n", "[a] ": "[a]: /b\n\n", "[a]": "[a]: /b\n\n"}


def repeated(unit: str, size: int) -> str:
    """A text of so many characters that repeats a unit, after what makes it a table or a link, say.

    Args:
        unit: One of `UNITS`, or any other.
        size: The length of the text, in characters.
    """
    head = _HEADS.get(unit, "")
    return (head + unit * (size // len(unit) + 1))[:size]
