"""What holds whatever the source: offsets, order, no errors, and time linear in its length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import json
from pathlib import Path

from hostile import MARKS, WORDS
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from timing import assert_linear, seconds

import spoilerguard as sg
from spoilerguard.spans import Document
from spoilerguard.text.reading import READERS, guess_format, read

SHARED = Path(__file__).resolve().parents[2] / "shared" / "robustness"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="no ../shared/robustness beside this checkout")

FORMATS = [*READERS, "auto"]


def check(source: str, format: str, *, quotations: bool = True) -> Document:
    document = read(source, format, quotations=quotations)
    assert document.source == source
    assert len(document.prose) == len(source)
    assert all(p in (" ", s) for p, s in zip(document.prose, source, strict=True))
    for ranges in (document.blocks, document.hidden, document.suppressed):
        assert_ordered(ranges, len(source))
    for start, end, *_ in (*document.hidden, *document.suppressed):
        if document.format == "text" or (start, end) in document.suppressed:
            assert document.prose[start:end].isspace()
    # No prose is outside the blocks: it would never be split into sentences.
    outside, position = [], 0
    for start, end in document.blocks:
        outside.append(document.prose[position:start])
        position = end
    assert not "".join([*outside, document.prose[position:]]).strip()
    return document


def assert_ordered(ranges: Sequence[tuple[int, ...]], length: int) -> None:
    position = 0
    for start, end, *_ in ranges:
        assert position <= start < end <= length
        position = end


PIECES = st.sampled_from(
    [
        *("\x00", "\t", "\n", "\r", "\r\n", "\n\n", "\ufeff", "\ud800", "\udfff", "\u202e", "\u2028", "\xa0", " "),
        *("é", "e\u0301", "😀", "👩\u200d👩\u200d👧", "שלום", "a", "b.", "He dies. "),
        *"<>&!|*_`~#-+=[]():/\\\"'",
        *("<p>", "</p>", "<b>", "</b>", "<li>", "</ul>", "<table>", "<td>", "<tr>", "</table>", "<pre>", "</pre>"),
        *("<script>", "</script>", "<svg/>", "<!--", "-->", "<!DOCTYPE html>", "<body>", "<a href='", "<div hidden>"),
        *("<span class=spoiler>", "</span>", "</div>", "<details>", "<summary>", "</summary>", "</details>"),
        *("<!-- spoilerguard off -->", "<!-- spoilerguard on -->", "<!-- spoilerguard: ignore-next -->"),
        *(">!x!<", "||", "[spoiler]", "[/spoiler]", "::: spoiler a\n", "\n:::\n", "{{spoiler|", "}}", "&gt;!", "!&lt;"),
        *("---\na: b\n---\n", "+++\na = 1\n+++\n", "```\n", "    code\n", "\n> ", "\n>> ", "\n- ", "\n1. ", "\n# "),
        *("\n| a | b |\n|---|---|\n| c | d |\n", "[^1]", "\n[^1]: ", "[x]: y\n", "![a](b)", "[a](b 'c')", "  \n"),
        *("<http://a.b>", "http://a.example/b?c", "me@x.example", "\\\n", "&amp;"),
    ]
)
SOURCES = st.one_of(
    st.lists(PIECES, max_size=40).map("".join),
    st.text(st.characters(), max_size=200),  # with surrogates
)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=100)
@given(source=SOURCES, quotations=st.booleans())
def test_invariants(format: str, source: str, quotations: bool) -> None:
    check(source, format, quotations=quotations)
    check("<!doctype html>" + source, format)


def naughty() -> Iterator[str]:
    yield from json.loads((SHARED / "blns.json").read_text("utf-8"))
    for example in json.loads((SHARED / "commonmark_examples.json").read_text("utf-8")):
        yield example["markdown"]
        yield example["html"]


@needs_shared
@pytest.mark.parametrize("format", FORMATS)
def test_invariants_over_naughty_strings(format: str) -> None:
    for text in naughty():
        for source in (text, "\ufeff" + text.replace("\n", "\r\n"), f"> {text}", f"<html><div>{text}"):
            check(source, format)


# --- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("unit", MARKS, ids=repr)
def test_time_is_linear(unit: str, format: str) -> None:
    page = "<html><body>" if format == "html" else ""
    assert_linear(lambda text: read(page + text, format), unit)


@pytest.mark.clock
@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("unit", [">!", "||", "[spoiler]", "<a ", '<a b="', "<!--", "&", "a", "*", ":::"], ids=repr)
def test_a_novel_takes_seconds(unit: str, format: str) -> None:
    assert seconds(lambda text: read(text, format), unit * (300_000 // len(unit))) < 5


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("html", "<div>" * 30_000 + "x"),
        ("html", "<html>" + "<div>" * 30_000 + "x" + "</div>" * 30_000),
        ("markdown", "> " * 30_000 + "x"),
    ],
    ids=["open", "closed", "quoted"],
)
def test_deep_nesting_is_read(format: str, text: str) -> None:
    assert "x" in read(text, format).prose


@pytest.mark.parametrize("unit", WORDS, ids=repr)
def test_the_whole_way_takes_linear_time(fast: sg.Guard, unit: str) -> None:
    assert_linear(lambda text: fast.flag(text, threshold=0.0), unit)


@pytest.mark.parametrize("unit", ["](", "](a", "`", "<!-- -->", "\n---", "**", "</p", "---\na: b\n"])
def test_guessing_the_format_takes_linear_time(unit: str) -> None:
    assert_linear(guess_format, unit, 300_000)
