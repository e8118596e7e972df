"""Nobody keeps a sentence from the model by letters that look the same, or by where in a page it is shown."""

from __future__ import annotations

import pytest
from texts import SPOILERS

import spoilerguard as sg
from spoilerguard.errors import LeakError
from spoilerguard.hiding.blurring import hide
from spoilerguard.hiding.styles import STYLES
from spoilerguard.spans import Format
from spoilerguard.text.reading import read

PLAIN = SPOILERS[0]


def shifted(first: str, lower: str) -> dict[int, str]:
    """Capitals and small letters in another form, from the first of each."""
    capitals = {ord("A") + k: chr(ord(first) + k) for k in range(26)}
    return capitals | {ord("a") + k: chr(ord(lower) + k) for k in range(26)}


DISGUISES = {
    "full-width": shifted("Ａ", "ａ"),
    "bold": shifted("𝐀", "𝐚"),
    "sans-serif": shifted("𝖠", "𝖺"),
    "circled": shifted("Ⓐ", "ⓐ"),
    "Cyrillic": str.maketrans("aeiopcxysEHKMTBA", "аеіорсхуѕЕНКМТВА"),
    "Greek": str.maketrans("oIAEH", "οΙΑΕΗ"),
    "zero-width spaces": {ord(c): f"{c}\u200b" for c in "aeiou"},
    "soft hyphens": {ord(c): f"\u00ad{c}" for c in "dnrst"},
    "struck out": {ord(c): f"{c}\u0336" for c in "abcdefghijklmnopqrstuvwxyz"},
}


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=list(DISGUISES))
def test_a_disguised_sentence_has_the_score_of_the_plain_one(fast: sg.Guard, disguise: dict[int, str]) -> None:
    hidden = PLAIN.translate(disguise)
    assert hidden != PLAIN
    assert fast.score([hidden]).tolist() == fast.score([PLAIN]).tolist()


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=list(DISGUISES))
def test_the_offsets_are_those_of_the_text_as_it_stands(fast: sg.Guard, disguise: dict[int, str]) -> None:
    hidden = PLAIN.translate(disguise)
    (flag,) = fast.flag(hidden, format="text", threshold=0.0)
    assert (flag.start, flag.end, flag.text) == (0, len(hidden), hidden)


# --- where a browser shows text -----------------------------------------------------------------

PLACES: dict[str, tuple[Format, str]] = {
    "a button": ("html", "<p>A film. <button>{}</button></p>"),
    "a description": ("html", '<p>A film. <img src="a.png" alt="{}"></p>'),
    "a drawing": ("html", "<p>A film.</p><svg><g><text x=1>{}</text></g></svg>"),
    "HTML in a drawing": ("html", "<p>A film.</p><svg><foreignObject><p>{}</p></foreignObject></svg>"),
    "a nested document": ("html", '<p>A film.</p><iframe srcdoc="<p>{}</p>"></iframe>'),
    "an encoded document": (
        "html",
        "<p>A film.</p><iframe srcdoc='&lt;p class=&quot;a&quot;&gt;{}&lt;/p&gt;'></iframe>",
    ),
    "a document in one": ("html", "<iframe srcdoc=\"<iframe srcdoc='&lt;p>{}'></iframe>\"></iframe>A film."),
    "a shadow tree": ("html", "<div><template shadowrootmode=open><p>{}</p></template>A film.</div>"),
    "a button in Markdown": ("markdown", "A film. <button>{}</button>\n"),
    "a description in Markdown": ("markdown", 'A film. <img src="a.png" alt="{}">\n'),
    "a nested document in Markdown": ("markdown", 'A film.\n\n<iframe srcdoc="<p>{}</p>"></iframe>\n'),
}
TEXT = PLAIN.replace("'", "&#39;")


@pytest.mark.parametrize(("format", "page"), PLACES.values(), ids=list(PLACES))
def test_what_a_browser_shows_is_read_where_it_stands(fast: sg.Guard, format: Format, page: str) -> None:
    source = page.format(TEXT)
    flagged = [flag.text for flag in fast.flag(source, format=format)]
    assert flagged == [TEXT]


@pytest.mark.parametrize(
    "page",
    ["<template>{}</template>", "<svg>{}<defs><text>{}</text></defs></svg>", "<iframe>{}</iframe>",
     "<img hidden alt='{}'>", "<button style='display: none'>{}</button>", "<iframe hidden srcdoc='{}'></iframe>"],
)  # fmt: skip
def test_what_a_browser_does_not_show_is_not(page: str) -> None:
    assert read(page.replace("{}", TEXT), "html").prose.isspace()


@pytest.mark.parametrize("style", list(STYLES))
@pytest.mark.parametrize(("format", "page"), PLACES.values(), ids=list(PLACES))
def test_wherever_it_is_it_can_be_hidden_or_is_refused(format: Format, page: str, style: str) -> None:
    if format not in STYLES[style].formats:
        return
    source = page.format(TEXT)
    document = read(source, format)
    at = source.index(TEXT)
    try:
        result = hide(document, [(at, at + len(TEXT))], style)
    except LeakError:
        assert style not in ("feed", "redact", "placeholder")
        return
    after = read(result, format)
    assert "A film." in after.prose
    assert TEXT not in after.prose
    if not STYLES[style].keeps:
        assert TEXT not in result


@pytest.mark.parametrize("style", [name for name, row in STYLES.items() if row.filler])
def test_a_nested_document_that_hides_something_goes_from_a_feed(style: str) -> None:
    page = f'<p>A film.</p><iframe srcdoc="<p>b</p><details>{PLAIN}</details>"></iframe><p>c</p>'
    result = hide(read(page, "html"), [], style)
    assert PLAIN not in result
    assert "A film." in result
