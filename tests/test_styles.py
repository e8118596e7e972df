"""The table of styles: what each writes, that it is recognised again, and that its marks in the text do no harm."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from typer.testing import CliRunner

from spoilerguard.cli import app
from spoilerguard.errors import InputError, LeakError
from spoilerguard.hiding.blurring import hide
from spoilerguard.hiding.styles import DEFAULTS, STYLES, style_for
from spoilerguard.spans import Format
from spoilerguard.text.htmlscan import Scanner
from spoilerguard.text.markup import SYNTAXES
from spoilerguard.text.reading import read
from spoilerguard.text.scans import Element
from spoilerguard.text.sentences import by_rules

BOTH = "Safe. She dies. Safe.\n\nShe dies.\n\nHe dies.\n\nSafe."
# For every style: a format, a text of which each sentence that "dies" is hidden, and the result.
WRITES: dict[str, list[tuple[Format, str, str]]] = {
    "details": [
        (
            "markdown",
            "Safe. She dies. Ok.\nSafe.",
            "Safe. \n\n<details>\n<summary>Spoiler</summary>\n\nShe dies. \n\n</details>\n\nOk.\nSafe.",
        ),
        (
            "html",
            "<p>Safe. She dies. Safe.</p>",
            "<p>Safe. </p><details>\n<summary>Spoiler</summary>\n\n<p>She dies.</p>\n\n</details><p> Safe.</p>",
        ),
    ],
    "reddit": [("markdown", BOTH, "Safe. >!She dies.!< Safe.\n\n>!She dies.!<\n\n>!He dies.!<\n\nSafe.")],
    "discord": [("markdown", BOTH, "Safe. ||She dies.|| Safe.\n\n||She dies.||\n\n||He dies.||\n\nSafe.")],
    "telegram": [("text", "Safe. She dies.", "Safe. ||She dies.||")],
    "telegram-html": [("html", "<b>She dies.</b>", "<tg-spoiler><b>She dies.</b></tg-spoiler>")],
    "discourse": [
        (
            "markdown",
            BOTH,
            "Safe. [spoiler]She dies.[/spoiler] Safe.\n\n[spoiler]\nShe dies.\n\nHe dies.\n[/spoiler]\n\nSafe.",
        )
    ],
    "bbcode": [("text", "Safe. She dies.", "Safe. [spoiler]She dies.[/spoiler]")],
    "lemmy": [
        (
            "markdown",
            BOTH,
            "Safe. \n\n::: spoiler Spoiler\nShe dies. \n:::\n\nSafe.\n\n"
            "::: spoiler Spoiler\nShe dies.\n\nHe dies.\n:::\n\nSafe.",
        ),
        ("markdown", "- She dies.\n- Safe.", "- ::: spoiler Spoiler\n  She dies.\n  :::\n\n- Safe."),
    ],
    "hugo": [
        (
            "markdown",
            "> Safe. She dies.\n",
            '> Safe. \n>\n> {{< details summary="Spoiler" >}}\n>\n> She dies.\n>\n> {{< /details >}}\n',
        )
    ],
    "goodreads": [
        (
            "text",
            BOTH,
            "Safe. <spoiler>She dies.</spoiler> Safe.\n\n<spoiler>\n\nShe dies.\n\nHe dies.\n\n</spoiler>\n\nSafe.",
        )
    ],
    "goodreads-export": [("text", "Safe. She dies.", "Safe. (view spoiler)[She dies. (hide spoiler)]")],
    "anilist": [("text", "Safe. She dies.", "Safe. ~!She dies.!~")],
    "mediawiki": [("text", "Safe. She | x=y dies.", "Safe. {{Spoiler|1=She {{!}} x=y dies.}}")],
    "tvtropes": [("text", "She dies, [[Ann]].", "[[spoiler:She dies, [[Ann]].]]")],
    "stackexchange": [
        (
            "markdown",
            "Safe. She\ndies. Safe.\n\nShe dies.\n\nHe dies.\n",
            "Safe. \n\n>! She\n>! dies. \n\nSafe.\n\n>! She dies.\n>! \n>! He dies.\n",
        ),
        ("markdown", "1. She\n   dies.\n2. Safe.\n", "1. >! She\n   >! dies.\n\n2. Safe.\n"),
    ],
    "rot13": [
        ("text", "Safe. She dies [now].", "Safe. [rot13: Fur qvrf (abj).]"),
        ("html", "<p>She <b>dies</b> &amp; dies.", "<p>[rot13: Fur <b>qvrf</b> &amp; qvrf.]"),
    ],
    "redact": [
        ("text", "Safe. She dies at home.", "Safe. █████ █████ █████ █████"),
        ("markdown", "She *dies* [now](x) ![dies](y).", "█████ *█████* [█████](x) █████"),
    ],
    "placeholder": [("html", "<p>Safe. She <b>dies.</p>", "<p>Safe. [spoiler hidden] <b></p>")],
    "feed": [
        (
            "html",
            "<p>Safe.<p>She <b>dies.</p><a>Safe. She dies.</a>",
            '<p>Safe.<p><span class="sg1-feed">[Spoiler]</span> <b></p>'
            '<a>Safe. <span class="sg1-feed">[Spoiler]</span></a>',
        )
    ],
    "html": [],  # in test_blurring
}


def write(text: str, format: Format, name: str) -> str:
    document = read(text, format)
    ranges = by_rules(document.prose, document.blocks)
    return hide(document, [(start, end) for start, end in ranges if "dies" in text[start:end]], name)


def test_every_style_has_examples() -> None:
    assert WRITES.keys() == STYLES.keys()
    assert all(WRITES[name] for name in STYLES if name != "html")


@pytest.mark.parametrize(("name", "format", "text", "result"), [(n, *c) for n, cases in WRITES.items() for c in cases])
def test_writes(name: str, format: Format, text: str, result: str) -> None:
    assert write(text, format, name) == result


# --- the two tables agree -----------------------------------------------------------------------


_ONLY_READ = {
    *("reddit-title", "reddit-link", "reddit-paragraphs", "discord-paragraphs"),
    *("xenforo", "discourse-details", "shortcodes-ultimate", "liquid"),
}


def test_every_syntax_is_written_but_those_that_are_only_read() -> None:
    written = {style.reads for style in STYLES.values()} - {""}
    elements = {"details", "html", "telegram"}
    assert written <= {syntax.name for syntax in SYNTAXES} | elements
    assert {syntax.name for syntax in SYNTAXES} - written == _ONLY_READ


@pytest.mark.parametrize(
    ("tag", "attributes", "style"),
    [("details", "", "details"), ("tg-spoiler", "", "telegram"), ("span", ' class="sg1"', "html")],
)
def test_elements_are_recognised_by_the_scanner(tag: str, attributes: str, style: str) -> None:
    element = Scanner().enter(tag, 0, attributes)
    assert isinstance(element, Element)
    assert element.style == style


SAMPLE: dict[Format, str] = {
    "text": "Safe one. She dies! Safe.\n\nHe dies.\n\nShe (Ann) dies, he dies.\n\nSafe.\n",
    "markdown": "Safe *one.* She **dies**! Safe.\n\n- She dies.\n- Safe.\n\n> He dies.\n\nHe dies.\n\nHe dies [so](x).",
    "mdx": "Safe *one.* She **dies**! Safe.\n\n<Card>\n\n  He dies.\n\n</Card>\n\n> He dies.\n\nHe dies [so](x).",
    "html": "<p>Safe <i>one.</i> She <b>dies</b>! Safe.</p>\n<ul><li>She dies.<li>Safe.</ul><p>He dies.<p>So he dies.",
}
PAIRS = [(name, format) for name, style in STYLES.items() for format in style.formats]


@pytest.mark.parametrize(("name", "format"), PAIRS)
def test_what_is_written_is_recognised_with_the_same_ranges(name: str, format: Format) -> None:
    source = SAMPLE[format]
    result = write(source, format, name)
    before, after = read(source, format), read(result, format)
    assert {hidden.style for hidden in after.hidden} == {STYLES[name].reads} - {""}
    kept = [source[slice(*at)] for at in by_rules(before.prose, before.blocks) if "dies" not in source[slice(*at)]]
    assert [result[slice(*at)] for at in by_rules(after.prose, after.blocks)] == kept
    hidden = "".join(result[h.start : h.end] for h in after.hidden)
    assert "Safe" not in hidden
    if name not in ("rot13", "redact", "placeholder", "feed"):
        assert hidden.count("dies") == source.count("dies") == result.count("dies")
        assert write(result, format, name) == result
    else:
        assert "dies" not in result
        document = read(result, format)
        assert hide(document, by_rules(document.prose, document.blocks)[:0], name) == result
    assert after.notices == ()


@pytest.mark.parametrize(("name", "format"), PAIRS)
def test_hiding_all_of_it_twice_changes_nothing(name: str, format: Format) -> None:
    document = read(SAMPLE[format], format)
    result = hide(document, by_rules(document.prose, document.blocks), name)
    again = read(result, format)
    assert not re.search(r"\w", again.prose)
    assert hide(again, by_rules(again.prose, again.blocks), name) == result


# --- marks in the text --------------------------------------------------------------------------

MARKS = [
    *("!<", ">!", "||", "|", "[spoiler]", "[/spoiler]", "[spoiler=a]", "::: spoiler b", ":::", "{{< /details >}}"),
    *(
        "<spoiler>",
        "</spoiler>",
        "(hide spoiler)]",
        "(view spoiler)[",
        "!~",
        "~!",
        "~",
        "}}",
        "{{",
        "}",
        "[[a|b]]",
        "]]",
    ),
    *("[", "]", "\\", "!", "<", "█", "[rot13: x]", "[spoiler hidden]", "&lt;", "!&lt;"),
]


@pytest.mark.parametrize("name", [name for name, style in STYLES.items() if "text" in style.formats])
@settings(max_examples=40)
@given(parts=st.lists(st.sampled_from(["dies", " ", *MARKS]), min_size=1, max_size=8))
def test_no_mark_in_the_text_ends_a_spoiler_too_early(name: str, parts: list[str]) -> None:
    text = f"Safe. So {''.join(parts)} so.\n\nSafe."
    document = read(text, "text")
    if document.hidden:  # what the author has hidden stays as it is
        return
    result = hide(document, [(6, len(text) - 7)], name)
    assert re.findall(r"\w+", read(result, "text").prose) == ["Safe", "Safe"]


def test_a_trailing_backslash_does_not_undo_the_closing_mark() -> None:
    assert read(write("She dies\\", "text", "discord"), "text").prose.strip() == ""


# --- choosing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", list(DEFAULTS))
def test_every_format_has_a_style_of_its_own(format: Format) -> None:
    assert style_for(None, format) is STYLES[DEFAULTS[format]]


def test_a_style_that_is_unknown_or_does_not_fit_is_refused_with_those_that_do() -> None:
    with pytest.raises(InputError, match=r"unknown style 'nope': choose from html, .*redact"):
        style_for("nope", "markdown")
    with pytest.raises(InputError, match=r"'mediawiki' cannot be written into html: choose from html, "):
        style_for("mediawiki", "html")


def test_the_help_names_every_style() -> None:
    help = " ".join(CliRunner().invoke(app, ["blur", "--help"], env={"COLUMNS": "200"}).output.split())
    assert re.search(rf"{', '.join(list(STYLES)[:-2])}, redact or placeholder;", help)


def test_rot13_leaves_entities_and_nothing_that_only_looks_like_one() -> None:
    assert write("<p>R&dies; &amp; &eacute; &lt;dies", "html", "rot13") == "<p>[rot13: E&qvrf; &amp; r\u0301 &lt;qvrf]"
    assert "dies" not in write("Tom&dies;", "text", "rot13")


def test_rot13_in_brackets_that_do_not_match_is_refused() -> None:
    with pytest.raises(LeakError, match="choose another"):
        write("[dies][ref\\[]\n\n[ref\\[]: /uri\n", "markdown", "rot13")
