"""Comments that make the tool ignore one sentence, where Markdown and HTML can hold them."""

from __future__ import annotations

import pytest
from texts import HARMLESS, SPOILERS
from timing import assert_linear

import spoilerguard as sg
from spoilerguard.hiding.block_edits import applied
from spoilerguard.hiding.blurring import edits_to_hide, hide
from spoilerguard.hiding.ignoring import edits_to_ignore
from spoilerguard.hiding.styles import STYLES
from spoilerguard.text.reading import read

OFF, ON = "<!-- spoilerguard off -->", "<!-- spoilerguard on -->"


def ignored(source: str, format: str) -> str | None:
    """The source with what stands in brackets ignored, marked as OFF( and )ON; None where it cannot be."""
    start, end = source.index("⟦"), source.index("⟧") - 1
    document = read(source.replace("⟦", "").replace("⟧", ""), format)
    edits = edits_to_ignore(document, (start, end))
    return applied(document.source, edits).replace(OFF, "OFF(").replace(ON, ")ON") if edits else None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("It *is* good. ⟦He dies.⟧ Yes.", "It *is* good. OFF(He dies.)ON Yes."),
        # A line that began with the comment would be HTML, and its stars stars.
        ("⟦He *dies*.⟧ Yes.", "OFF(\nHe *dies*.)ON Yes."),
        ("One.\r\n\r\n⟦He dies.⟧", "One.\r\n\r\nOFF(\r\nHe dies.)ON"),
        ("It is\ngood.\n⟦He *dies*.⟧ Yes\nit is.", "It is\ngood. OFF(\nHe *dies*.)ON Yes\nit is."),
        ("Hard break.  \n⟦He dies.⟧", "Hard break. OFF(  \nHe dies.)ON"),
        ("- a\n- ⟦He dies.⟧\n- b", "- a\n- OFF(\n  He dies.)ON\n- b"),
        ("> ⟦He dies.⟧\n> Yes.", "> OFF(\n> He dies.)ON\n> Yes."),
        ("1. > ⟦He dies.⟧", "1. > OFF(\n   > He dies.)ON"),
        ("# Title\n⟦He dies.⟧", "# Title\nOFF(\nHe dies.)ON"),
        ("**⟦He** dies.⟧ Yes.", "**OFF(He** dies.)ON Yes."),
        ("# ⟦He dies⟧", "# OFF(He dies)ON"),
        ("| a |\n|---|\n| ⟦He dies.⟧ |", "| a |\n|---|\n| OFF(He dies.)ON |"),
        ("⟦He\ndies.⟧ Yes.", "OFF(\nHe\ndies.)ON Yes."),
        # Here none can stand without changing what readers see.
        ("Backslash\\\n⟦He dies.⟧", None),
    ],
)
def test_in_markdown_readers_see_what_they_saw(source: str, expected: str | None) -> None:
    assert ignored(source, "markdown") == expected


def test_in_html_the_comments_stand_around_the_sentence() -> None:
    assert ignored("<p>⟦He <b>dies</b>.⟧ Yes.</p>", "html") == "<p>OFF(He <b>dies</b>.)ON Yes.</p>"


def test_in_plain_text_a_comment_would_be_seen() -> None:
    assert ignored("⟦He dies.⟧", "text") is None


@pytest.mark.parametrize("format", ["markdown", "html"])
@pytest.mark.parametrize("number", range(3))
def test_only_that_sentence_is_ignored(format: str, number: int) -> None:
    paragraph = "<p>{}</p>\n" if format == "html" else "{}\n\n"
    source = "".join(
        paragraph.format(text)
        for text in (f"{HARMLESS[1]} {SPOILERS[0]}", f"{SPOILERS[1]}\n{HARMLESS[2]}", f"{HARMLESS[3]}\n{SPOILERS[4]}")
    )
    before = [flag.text for flag in sg.flag(source, format=format)]
    assert before == [SPOILERS[0], SPOILERS[1], SPOILERS[4]]
    flag = sg.flag(source, format=format).flags[number]
    result = applied(source, edits_to_ignore(read(source, format), (flag.start, flag.end)))
    assert [f.text for f in sg.flag(result, format=format)] == [text for text in before if text != flag.text]
    assert result.replace(OFF, "").replace(ON, "").split() == source.split()


def test_ignoring_takes_linear_time() -> None:
    def ignore(text: str) -> None:
        assert edits_to_ignore(read(f"He dies. {text}", "markdown"), (0, 8))

    assert_linear(ignore, "It is *good*. > - ")


@pytest.mark.parametrize("style", STYLES)
def test_edits_to_hide_make_what_hide_makes_and_leave_all_else(style: str) -> None:
    format = STYLES[style].formats[-1]
    first, last = f"{HARMLESS[1]} {SPOILERS[0]}", f"{SPOILERS[1]} {HARMLESS[2]}"
    source = f"<p>{first}</p>\r\n<p>{last}</p>" if format == "html" else f"{first}\r\n\r\n{last}"
    document = read(source, format)
    ranges = [(source.index(text), source.index(text) + len(text)) for text in SPOILERS[:2]]
    edits = edits_to_hide(document, ranges, style)
    assert applied(source, edits) == hide(document, ranges, style) != source
    assert min(edit.start for edit in edits) >= ranges[0][0] - len("\r\n")
    assert max(edit.end for edit in edits) <= ranges[1][1] + len("\r\n")
