"""Hidden means hidden, whoever hid it, however it is written, and wherever else it stands."""

from __future__ import annotations

import re
from urllib.parse import quote

import html5lib
import pytest
from texts import SPOILERS

import spoilerguard as sg
from spoilerguard.errors import LeakError
from spoilerguard.hiding.accessible_html import feed
from spoilerguard.hiding.blurring import hide
from spoilerguard.hiding.styles import HIDDEN, STYLES
from spoilerguard.spans import Format
from spoilerguard.text.reading import read

S = "In the end the butler is her father, and she shoots him dead."
REMOVING = [name for name, style in STYLES.items() if style.filler]


def hidden(source: str, format: Format, style: str, text: str = S) -> str:
    """The source with the last occurrence of a text hidden."""
    at = source.rindex(text)
    return hide(read(source, format), [(at, at + len(text))], style)


def seen(page: str) -> str:
    """The text that a browser shows."""
    body = html5lib.parse(page, namespaceHTMLElements=False).find("body")
    shown: list[str] = []

    def walk(element: object) -> None:
        if isinstance(element.tag, str) and "hidden" not in element.attrib:  # type: ignore[attr-defined]
            shown.append(element.text or "")  # type: ignore[attr-defined]
            for child in element:  # type: ignore[attr-defined]
                walk(child)
                shown.append(child.tail or "")

    walk(body)
    return "".join(shown)


# --- what removes text removes all of it --------------------------------------------------------

OURS_AGAIN = [  # our markup as other programs write it
    f'<p>A <span hidden="" data-nosnippet="" id="sg1-k2v7q3ab-1" class="sg1" role="group">{S}</span> b</p>',
    f"<p>A <span hidden class=sg1 id=sg1-k2v7q3ab-1>{S}</span> b</p>",
    f'<p>A <a href="#sg1-k2v7q3ab-1" class="sg1-show">{S}</a><span class="x sg1">{S}</span> b</p>',
    f'<div class=sg1-bar><a href="#x">{S}</a></div><div HIDDEN CLASS="sg1">{S}</div>',
]
AUTHORS = [
    f"<details><summary>The end</summary>{S}</details>",
    f'<p title="x">A <span class="spoiler" title="{S}">{S}</span></p>',
    f"<ul><li class=spoiler>{S}<li>b</ul>",
    f"<table><tr class=spoiler><td>{S}<tr><td>b</table>",
    f'<p style="display:none">{S}</p>b',
    f"<p hidden>{S}</p>b",
    f"<p>>!{S}!< b</p>",
    f"<p>||{S}|| b [spoiler]{S}[/spoiler]</p>",
]
IN_MARKDOWN = [
    f">!{S}!< b",
    f"> >! {S}\n> >! c\n\nb",
    f"||{S}||",
    f"::: spoiler t\n{S}\n:::\n\nb",
    f"<details>\n<summary>t</summary>\n\n{S}\n\n</details>\n\nb",
]


@pytest.mark.parametrize("style", REMOVING)
@pytest.mark.parametrize("page", OURS_AGAIN + AUTHORS)
def test_what_is_hidden_in_html_goes(page: str, style: str) -> None:
    result = hide(read(page, "html"), [], style)
    assert "butler" not in result
    assert hide(read(result, "html"), [], style) == result


@pytest.mark.parametrize("style", REMOVING)
@pytest.mark.parametrize("draft", IN_MARKDOWN)
def test_what_is_hidden_in_markdown_goes(draft: str, style: str) -> None:
    assert "butler" not in hide(read(draft, "markdown"), [], style)


@pytest.mark.parametrize("page", OURS_AGAIN)
def test_a_feed_is_made_of_our_markup_whatever_wrote_it_again(page: str) -> None:
    assert "butler" not in feed(page)


def test_a_style_that_keeps_text_leaves_what_the_author_hid() -> None:
    for page in AUTHORS:
        if "title=" not in page:  # whose text a tooltip would show
            assert hide(read(page, "html"), [], "html") == page


# --- the rest of the text -----------------------------------------------------------------------

SLUG = "in-the-end-the-butler-is-her-father"
CYRILLIC = str.maketrans("aeo", "аео")
WITH_NOTHING = {ord("e"): "e&shy;", ord("o"): "\u200bo"}  # characters that have no width
REPEATS: list[tuple[Format, str, str]] = [
    ("html", f"<title>{S}</title><p>{S}", "<title>"),
    ("html", f'<img alt="{S}"><p>{S}', "alt"),
    ("html", f'<p title="{S}">Ok. {S}', "title"),
    ("html", f"<p aria-label='{S}'>Ok. {S}", "aria-label"),
    ("html", f'<p data-text="{S}">Ok. {S}', "data-text"),
    ("html", f'<p id="{SLUG}">Ok. {S}', "id"),
    ("html", f'<a href="/p/{SLUG}.html">a</a><p>{S}', "href"),
    ("html", f'<a href="/p?q={S.replace(" ", "%20")}">a</a><p>{S}', "href"),
    ("html", f'<meta property="og:description" content="{S[:40]}..."><p>{S}', "content"),
    ("html", f"<!-- {S} --><p>{S}", "a comment"),
    ("html", f"<noscript>{S}</noscript><p>{S}", "<noscript>"),
    ("html", f"<template>{S}</template><p>{S}", "<template>"),
    (
        "html",
        f'<script type="application/ld+json">{{"text":"\\u0049n the\\nend the butler is"}}</script><p>{S}',
        "script",
    ),
    ("html", f'<p title="&#73;n the end the b&uuml;tler is her f&#x61;ther">{S}'.replace("&uuml;", "u"), "title"),
    ("markdown", f"---\ntitle: x\ndescription: {S}\n---\n\nOk. {S}", "the front matter"),
    ("markdown", f'[b]: /x "{S}"\n\nOk [b]. {S}', "definition"),
    ("markdown", f"`{S}`\n\n{S}", "code"),
    ("markdown", f"<!-- {S} -->\n\n{S}", "a comment"),
    ("markdown", f"http://x.example/{SLUG}\n\n{S}", "an address"),
    ("markdown", f"::: spoiler {S}\nx y z\n:::\n\n{S}", "an address"),  # the label of a spoiler, which is seen
    ("markdown", f"[spoiler={S}]x[/spoiler] Ok. {S}", "an address"),
    ("html", f'<a href="/go?to={quote(quote(S))}">a</a><p>{S}', "href"),
    ("html", f"<script>a = '{''.join(f'{chr(92)}x{ord(c):02x}' for c in S)}'</script><p>{S}", "script"),
    ("html", f'<p title="{S.translate(CYRILLIC)}">{S}', "title"),
    ("html", f'<p title="{S.translate(WITH_NOTHING)}">{S}', "title"),
]


@pytest.mark.parametrize(("format", "source", "where"), REPEATS)
def test_what_repeats_hidden_text_is_named_with_its_line(format: Format, source: str, where: str) -> None:
    with pytest.raises(LeakError, match=r"^line \d+ \(.*\): hidden text is repeated here") as caught:
        hidden(source, format, "html")
    assert where in str(caught.value)


def test_fewer_than_three_words_may_stand_anywhere() -> None:
    assert "She dies" in hidden('<p title="She dies">Ok. She dies', "html", "html", "She dies")


def test_a_check_notices_what_a_blur_would_refuse(fast: sg.Guard) -> None:
    report = fast.flag(f'<p title="{SPOILERS[0]}">Ok.</p><p>{SPOILERS[0]}</p>', format="html")
    assert [notice.message for notice in report.notices] == [
        "the attribute title of <p> repeats hidden text, or text to hide"
    ]
    with pytest.raises(LeakError, match="title"):
        report.blur("html")


# --- headings, broken HTML, rot13 ---------------------------------------------------------------


@pytest.mark.parametrize("style", [name for name, row in STYLES.items() if row.keeps and "markdown" in row.formats])
def test_a_heading_loses_its_text_since_a_table_of_contents_would_repeat_it(style: str) -> None:
    assert hidden(f"# {S}\n\nOk.\n", "markdown", style) == f"# {HIDDEN}\n\nOk.\n"


def test_a_heading_within_a_block_loses_its_text() -> None:
    page = f"<div><h2>{S}</h2><p>Ok.</p></div>"
    assert hidden(page, "html", "html") == page.replace(S, HIDDEN)


BROKEN = [
    "<table><table><tr><td>{}</td><td>{}</td></tr></table>",
    "<table><tr><table><td>{}</td></table><td>{}",
    "<select><option>a<p>{}</p><p>{}",
    "<div><select></div><p>{}</p><p>{}</p>",
    "<table><select><tr><td>{}<td>{}</table>",
    "<table><tr>{}<td>{}</table>",
]


@pytest.mark.parametrize("style", [name for name, row in STYLES.items() if row.keeps and "html" in row.formats])
@pytest.mark.parametrize("page", BROKEN)
def test_a_tag_of_ours_is_only_written_where_a_browser_keeps_it(page: str, style: str) -> None:
    source = page.format("Alone she shoots the butler.", "Alone she marries the doctor.")
    document = read(source, "html")
    try:
        result = hide(document, [(0, len(source))], style)
    except LeakError:
        return
    if style == "html":
        told = {word for word in ("butler", "doctor") if word in document.prose}  # not what stands in a <select>
        assert not told & set(re.findall(r"\w+", seen(result)))


def test_rot13_leaves_no_digit_and_no_accented_letter() -> None:
    text = "Zoë died in 1984."
    result = hidden(f"Ok. {text}", "text", "rot13", text)
    assert result == "Ok. [rot13: Mbr\u0308 qvrq va 6439.]"


@pytest.mark.parametrize("letter", ["Ж", "ø", "死", "٣"])
def test_what_rot13_does_not_move_is_refused(letter: str) -> None:
    with pytest.raises(LeakError, match="rot13 does not move"):
        hidden(f"Ok. She {letter} dies.", "text", "rot13", f"She {letter} dies.")


# --- suppressions -------------------------------------------------------------------------------

OFF = f"<!-- spoilerguard off --><p>{SPOILERS[0]}</p>"


def test_a_render_hook_obeys_no_comment_of_a_stranger() -> None:
    assert "sg1" in sg.blur_html(OFF)
    assert sg.blur_html(OFF, suppressions=True) == OFF


def test_a_guard_obeys_comments_unless_told_not_to(fast: sg.Guard) -> None:
    assert not fast.flag(OFF, format="html")
    assert fast.flag(OFF, format="html", suppressions=False)
