"""Every sentence is scored once in a window with what stands around it, and nothing is cut off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from spoilerguard.model.windows import CORE, LONGEST, MARGIN, NEAR, ROOM, SEP, SYNOPSIS, Window, WorkPieces, windows

PIECE = st.integers(1000, 1100)
DOCUMENT = st.lists(st.integers(0, 300), max_size=60).map(
    # the pieces of sentence k are k * 1000 and up, so that a window shows whose they are
    lambda sizes: [[1000 * k + j for j in range(size)] for k, size in enumerate(sizes, 1)]
)
WORK = st.none() | st.builds(
    WorkPieces, st.lists(PIECE, max_size=80), st.lists(st.lists(PIECE, max_size=90), max_size=9)
)


def scored(found: list[Window]) -> list[int]:
    return [number for window in found for number, _, _ in window.places]


@given(DOCUMENT, WORK)
def test_every_sentence_is_scored_whole_and_in_order(document: list[list[int]], work: WorkPieces | None) -> None:
    found = list(windows(document, work))
    assert list(dict.fromkeys(scored(found))) == list(range(len(document)))
    for number, pieces in enumerate(document):
        covered = [w.ids[a : b - 1] for w in found for n, a, b in w.places if n == number]
        assert set().union(*covered) == set(pieces)
        assert len(covered) == 1 or len(pieces) > LONGEST


@given(DOCUMENT, WORK)
def test_a_window_fits_the_network(document: list[list[int]], work: WorkPieces | None) -> None:
    for window in windows(document, work):
        assert len(window.ids) == len(window.segments) <= 512
        np.testing.assert_allclose(window.pool().sum(axis=1), 1, rtol=1e-5)
        assert all(window.ids[end - 1] == SEP for _, _, end in window.places)
        assert not any(window.segments[a:b] != [0] * (b - a) for _, a, b in window.places)


@given(DOCUMENT, st.data())
def test_of_some_sentences_wanted_each_is_scored_and_no_other(document: list[list[int]], data: st.DataObject) -> None:
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=len(document), max_size=len(document))), bool)
    found = list(windows(document, None, wanted))
    assert list(dict.fromkeys(scored(found))) == np.flatnonzero(wanted).tolist()
    for number in np.flatnonzero(wanted):
        covered = [w.ids[a : b - 1] for w in found for n, a, b in w.places if n == number]
        assert set().union(*covered) == set(document[number])


def test_less_is_read_where_less_is_wanted() -> None:
    document = [[1000 * k + j for j in range(20)] for k in range(1, 31)]
    wanted = np.zeros(30, bool)
    wanted[[6, 7, 20]] = True
    first, second = windows(document, None, wanted)
    assert (scored([first]), scored([second])) == ([6, 7], [20])
    assert len(first.ids) == 1 + NEAR + 42 + NEAR
    before = [piece for sentence in document[:6] for piece in (*sentence, SEP)]
    assert first.ids[1 : 1 + NEAR] == before[-NEAR:], "what stands right before"


def test_a_short_document_is_one_window() -> None:
    (window,) = windows([[7] * 20] * 10)
    assert scored([window]) == list(range(10))
    assert len(window.ids) == 1 + 210


def test_a_long_document_is_read_with_what_stands_around() -> None:
    document = [[1000 * k + j for j in range(20)] for k in range(1, 31)]
    first, second, *_ = windows(document)
    number, start, _ = second.places[0]
    assert start == 1 + MARGIN
    assert second.ids[start - 2] == document[number - 1][-1], "what stands before it"
    last, _, end = first.places[-1]
    assert first.ids[end : end + 3] == document[last + 1][:3], "what comes after it"
    assert len(first.ids) <= ROOM
    assert all(sum(b - a for _, a, b in w.places) <= CORE for w in windows(document))


def test_a_sentence_too_long_is_scored_in_overlapping_parts() -> None:
    pieces = list(range(1000, 1300))
    found = list(windows([[5], pieces, [6]]))
    parts = [w.ids[a : b - 1] for w in found for n, a, b in w.places if n == 1]
    assert parts[0] == pieces[:LONGEST]
    assert parts[1][0] < parts[0][-1], "they overlap"
    assert parts[-1][-1] == pieces[-1]


@pytest.mark.parametrize(("blurb", "synopsis"), [([], [[8, 9]]), ([8, 9], []), ([8], [[9]])])
def test_blurb_and_synopsis_stand_behind_as_a_second_segment(blurb: list[int], synopsis: list[list[int]]) -> None:
    (window,) = windows([[5, 6]], WorkPieces(blurb, synopsis))
    about = [piece for piece, segment in zip(window.ids, window.segments, strict=True) if segment]
    assert about == [*blurb, SEP, *([*synopsis[0], SEP] if synopsis else [])]


def test_the_sentences_of_a_long_synopsis_about_the_window_are_kept() -> None:
    synopsis = [[k * 100 + j for j in range(30)] for k in range(1, 21)]
    (window,) = windows([[900, 901, 902, 1500, 1501]], WorkPieces([], synopsis))
    about = window.ids[window.segments.index(1) :]
    assert len(about) <= SYNOPSIS + 2
    assert about.index(900) < about.index(1500), "in the order of the plot"
