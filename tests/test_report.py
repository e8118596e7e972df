"""A report as people see it: short on a line, a frame of sentences, and in a notebook a text that does not spoil."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st
import pandas as pd
import pytest
from texts import CLEAN, REVIEW, SPOILERS

import spoilerguard as sg
from spoilerguard.hiding.notebook import revealable

FRENCH = "Ce film raconte une histoire que tout le monde connaît déjà, et pourtant je ne m'y attendais pas. " * 4


class Shown(HTMLParser):
    """What HTML shows at once, and what only once it is clicked; refuses what the page should not have."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.at_once, self.clicked, self.said = "", "", ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"div", "small", "details", "summary", "span", "mark", "em"}
        assert {name for name, _ in attrs} <= {"style", "class"}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "mark" in self.open:
            self.clicked += data
        elif {"summary", "small", "em"} & set(self.open):
            self.said += data
        else:
            self.at_once += data


def test_a_report_is_a_line_that_tells_no_spoiler(fast: sg.Guard) -> None:
    report = fast.flag(REVIEW)
    assert repr(report) == (
        f"<Report: {len(report)} of {len(report.sentences)} sentences flagged at {report.threshold:.2f} "
        f"by fast {fast.version}>"
    )
    assert "1 sentence flagged" in repr(fast.flag("He dies.", threshold=0.0))
    assert repr(fast.flag(FRENCH)) == "<Report: not checked, language fr>"


def test_a_notebook_shows_what_is_flagged_once_it_is_clicked(fast: sg.Guard) -> None:
    report = fast.flag(REVIEW)
    html = report._repr_html_()
    assert "<script" not in html
    shown = Shown(html)
    assert shown.clicked == "".join(flag.text for flag in report)
    for spoiler in SPOILERS:
        assert spoiler not in shown.at_once
    assert CLEAN in shown.at_once
    assert all(f"{flag.score:.0%} {flag.reasons[0].kind}" in shown.said for flag in report)


def test_what_its_author_hid_stays_hidden_in_a_notebook(fast: sg.Guard) -> None:
    shown = Shown(fast.flag("I liked it. >!She dies.!< Bring **tissues**.\n", format="markdown")._repr_html_())
    assert ("dies" in shown.at_once, "dies" in shown.clicked) == (False, True)
    assert "hidden in the text" in shown.said


def test_a_notebook_says_what_is_wrong(fast: sg.Guard) -> None:
    assert "was not checked" in Shown(fast.flag(FRENCH)._repr_html_()).said
    assert "line 2" in Shown(fast.flag("Fine.\nA >!half of a mark.", format="markdown")._repr_html_()).said


def test_a_long_text_is_cut_and_tells_nothing_beyond(fast: sg.Guard) -> None:
    report = fast.flag(f"{CLEAN}\n\n" * 100 + SPOILERS[0])
    shown = Shown(report._repr_html_())
    assert report.has_spoilers
    assert shown.clicked == ""
    assert len(shown.at_once) == 20_000
    assert f"{len(report.document.source) - 20_000:,} more characters" in shown.said


@settings(max_examples=100)
@given(st.data())
def test_every_character_is_shown_once_and_only_where_it_belongs(data: st.DataObject) -> None:
    characters = st.characters(codec="utf-8") | st.sampled_from("<>&\"'$")
    source = data.draw(st.text(characters, max_size=40))
    place = st.integers(0, len(source))
    ranges = [(min(pair), max(pair)) for pair in data.draw(st.lists(st.tuples(place, place), max_size=4))]
    shown = Shown(revealable(source, [(start, end, "a <label>") for start, end in ranges if start < end], []))
    hidden = {k for start, end in ranges for k in range(start, end)}
    assert shown.clicked == "".join(c for k, c in enumerate(source) if k in hidden)
    assert shown.at_once == "".join(c for k, c in enumerate(source) if k not in hidden)


def test_half_of_a_character_can_be_sent_to_a_notebook(fast: sg.Guard) -> None:
    fast.flag("A \ud83d. She dies.")._repr_html_().encode()


def test_a_report_is_a_frame_of_its_sentences(fast: sg.Guard) -> None:
    report = fast.flag(REVIEW)
    frame = report.to_frame()
    assert list(frame) == ["start", "end", "line", "column", "text", "score", "spoiler", "kind", "reason"]
    assert frame["text"].tolist() == [sentence.text for sentence in report.sentences]
    assert frame["score"].tolist() == [sentence.score for sentence in report.sentences]
    flagged = frame[frame["spoiler"]]
    assert list(zip(flagged["start"], flagged["line"], flagged["column"], strict=True)) == [
        (flag.start, flag.line, flag.column) for flag in report
    ]
    assert flagged["kind"].tolist() == [flag.reasons[0].kind for flag in report]
    assert frame.loc[~frame["spoiler"], ["kind", "reason"]].isna().all(axis=None)


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_text_without_sentences_is_a_frame_without_rows(fast: sg.Guard, text: str) -> None:
    frame = fast.flag(text).to_frame()
    assert len(frame) == 0
    pd.testing.assert_series_equal(frame.dtypes, fast.flag(REVIEW).to_frame().dtypes)
