"""What stands around a sentence: announcements, neighbours, the work."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import numpy.typing as npt
import pytest
from timing import assert_linear

from spoilerguard.model.context import (
    OF_LOGITS,
    OF_SENTENCE,
    announcement,
    features,
    forward,
    no_context,
    weighed,
    width,
)
from spoilerguard.model.features import clean, tokens_of
from spoilerguard.spans import Work

COLUMNS = (*OF_LOGITS, *OF_SENTENCE)  # of one expert


class Table:
    """The features of documents, by column; one expert, whose logit of a sentence is its number unless given."""

    def __init__(
        self,
        *documents: Sequence[str],
        works: Sequence[Work | None] = (),
        logits: Sequence[float] | npt.NDArray[np.float64] | None = None,
    ) -> None:
        flat = [clean(sentence) for document in documents for sentence in document]
        own = np.arange(len(flat), dtype=float) + 1 if logits is None else np.array(logits, float)
        own = own.reshape(len(flat), -1 if len(flat) else 1)
        lengths = np.array([len(document) for document in documents], int)
        self.rows = features(own, tokens_of(flat), lengths, works or [None] * len(documents))

    def __getitem__(self, column: str) -> list[float]:
        return self.rows[:, COLUMNS.index(column)].tolist()


# --- announcements -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sentence",
    [
        "Spoilers ahead!",
        "SPOILER ALERT",
        "Warning: major spoilers below.",
        "*** Spoilers ***",
        "This review contains spoilers.",
        "Spoiler warning for the last episode.",
        "There will be spoilers from here on.",
        "Spoilers for all of these below.",
        "Spoilers for both seasons ahead!",
        "Spoilers for parts one, two and three below the line",
    ],
)
def test_announced(sentence: str) -> None:
    assert announcement(sentence.lower()) == 1


@pytest.mark.parametrize(
    "sentence",
    [
        "No spoilers here.",
        "This is a spoiler-free review.",
        "I will tell you the plot without spoiling anything.",
        "Don't worry, I won't spoil the ending.",
        "End of spoilers.",
        "I hate spoilers.",
    ],
)
def test_announced_as_free_of_spoilers_or_as_over(sentence: str) -> None:
    assert announcement(sentence.lower()) == -1


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "He dies.",
        "The milk was spoiled.",
        "A spoiled child runs away.",
        "The spoiler on the car ahead of us fell off.",
    ],
)
def test_neither(sentence: str) -> None:
    assert announcement(sentence.lower()) == 0


@pytest.mark.clock
@pytest.mark.parametrize(
    "unit", ["spoil", "spoiler", "avoid", "discuss", "no ", "not a ", "with ", "spoiler ", "spoilers for a "]
)
def test_announcements_are_found_in_linear_time(unit: str) -> None:
    assert_linear(lambda text: announcement(f"{text} spoil"), unit)


def test_an_announcement_counts_for_what_follows_it_in_its_document() -> None:
    table = Table(["Hello.", "Spoilers ahead.", "He dies.", "End of spoilers.", "Bye."], ["Hello.", "He lives."])
    assert table["announced"] == [0, 0, 1, 1, 0, 0, 0]
    assert table["announcement itself"] == [0, 1, 0, -1, 0, 0, 0]
    assert table["said to be free"] == [0] * 7


def test_a_promise_at_the_start_counts_for_the_whole_document() -> None:
    assert Table(["Hello.", "No spoilers here.", "He lives."], ["He dies."])["said to be free"] == [1, 1, 1, 0]


# --- neighbours ----------------------------------------------------------------------------------


def test_neighbours_are_those_of_the_same_document() -> None:
    table = Table(["a", "b", "c"], ["d"], ["e", "f"])
    assert table["own"] == [1, 2, 3, 4, 5, 6]
    assert table["before"] == [0, 1, 2, 0, 0, 5]
    assert table["second before"] == [0, 0, 1, 0, 0, 0]
    assert table["after"] == [2, 3, 0, 0, 6, 0]
    assert table["second after"] == [3, 0, 0, 0, 0, 0]
    assert table["has before"] == [0, 1, 1, 0, 0, 1]
    assert table["has after"] == [1, 1, 0, 0, 1, 0]
    assert table["position"] == [0, 0.5, 1, 0, 0, 1]


def test_a_document_is_summed_up_without_the_sentence_itself() -> None:
    table = Table(["a", "b", "c"], ["d"], logits=[9, 1, 5, 7])
    assert table["document highest"] == [5, 9, 9, 0]
    assert table["document mean"] == [3, 7, 5, 0]
    assert table["window mean"] == [3, 7, 5, 0]


DOCUMENTS = st.lists(
    st.lists(st.text(max_size=12) | st.sampled_from(["Spoilers ahead!", "No spoilers.", "Spoilers over.", "Why?"])),
    max_size=5,
)


@given(DOCUMENTS)
def test_documents_do_not_touch_each_other(documents: list[list[str]]) -> None:
    flat = [sentence for document in documents for sentence in document]
    together = Table(*documents, logits=[float(len(s)) for s in flat]).rows
    alone = [Table(document, logits=[float(len(s)) for s in document]).rows for document in documents if document]
    assert together.shape == (len(flat), width(1))
    assert np.isfinite(together).all()
    assert np.array_equal(together, np.concatenate([np.zeros((0, width(1))), *alone]))


# --- experts -------------------------------------------------------------------------------------


def test_every_column_has_a_name() -> None:
    assert width(1) == len(COLUMNS) == len(set(COLUMNS))


def test_each_expert_has_its_columns_and_all_share_those_of_the_sentence() -> None:
    documents = (["Hello.", "Spoilers ahead.", "He dies."], ["Why?"], ["Ned lives.", "No."])
    logits = np.random.default_rng(0).normal(size=(6, 3))
    rows = Table(*documents, logits=logits).rows
    assert rows.shape == (6, width(3))
    size = len(OF_LOGITS)
    for expert in range(3):
        single = Table(*documents, logits=logits[:, expert]).rows
        assert np.array_equal(rows[:, expert * size : (expert + 1) * size], single[:, :size])
        assert np.array_equal(rows[:, 3 * size :], single[:, size:])


@given(DOCUMENTS)
def test_without_context_is_as_each_sentence_alone(documents: list[list[str]]) -> None:
    flat = [sentence for document in documents for sentence in document]
    logits = np.random.default_rng(0).normal(size=(len(flat), 2)) if flat else np.zeros((0, 1))
    experts = logits.shape[1]
    rows = Table(*documents, works=[WORK] * len(documents), logits=logits).rows
    before = rows.copy()
    alone = Table(*([sentence] for sentence in flat), logits=logits).rows
    assert np.array_equal(no_context(rows, experts), alone)
    assert np.array_equal(rows, before)


# --- the network ---------------------------------------------------------------------------------


def network(inputs: int, hidden: int = 4) -> dict[str, npt.NDArray[np.float64]]:
    rng = np.random.default_rng(1)
    shapes = {
        "mean": (inputs,), "hidden": (inputs, hidden), "hidden_bias": (hidden,), "out": (hidden,), "out_bias": (1,),
        "calibration": (2,),
    }  # fmt: skip
    arrays = {f"context_{name}": rng.normal(size=shape) for name, shape in shapes.items()}
    return arrays | {"context_scale": rng.random(inputs) + 0.5}


def test_the_network_is_two_layers_then_slope_and_offset() -> None:
    rows, arrays = np.random.default_rng(2).normal(size=(7, width(2))), network(width(2))
    x = (rows - arrays["context_mean"]) / arrays["context_scale"]
    hidden = np.tanh(x @ arrays["context_hidden"] + arrays["context_hidden_bias"])
    logit = hidden @ arrays["context_out"] + arrays["context_out_bias"]
    slope, offset = arrays["context_calibration"]
    assert forward(arrays, rows) == pytest.approx(slope * logit + offset)
    assert forward(arrays, rows[:0]).shape == (0,)


def test_a_row_weighs_the_same_to_the_last_bit_in_any_company() -> None:
    rows, arrays = np.random.default_rng(3).normal(size=(300, width(1))), network(width(1))
    assert weighed(rows, arrays["context_hidden"]) == pytest.approx(rows @ arrays["context_hidden"])
    whole = forward(arrays, rows)
    for size in (1, 2, 7, 64):
        parts = [forward(arrays, rows[at : at + size]) for at in range(0, len(rows), size)]
        assert np.concatenate(parts).tolist() == whole.tolist()


# --- the work ------------------------------------------------------------------------------------

WORK = Work("The Long Rain", "Mira comes home to bury her father.", "Mira finds the letters and burns the lighthouse.")
SENTENCES = ["Mira buries her father.", "She burns the lighthouse.", "Lovely prose."]


def columns(work: Work | None) -> dict[str, npt.NDArray[np.float64]]:
    table = Table(SENTENCES, works=[work])
    return {name: np.array(table[name]) for name in ("in blurb", "in synopsis only", "has work", "has synopsis")}


def test_a_blurb_makes_its_words_known_and_a_synopsis_makes_the_rest_secret() -> None:
    with_work = columns(WORK)
    assert with_work["in blurb"].argmax() == 0
    assert with_work["in synopsis only"].argmax() == 1
    assert with_work["in blurb"][2] == with_work["in synopsis only"][2] == 0
    assert with_work["has work"].tolist() == with_work["has synopsis"].tolist() == [1, 1, 1]


def test_what_the_blurb_tells_is_no_secret() -> None:
    known = Work(WORK.title, WORK.blurb + " " + WORK.synopsis, WORK.synopsis)
    assert columns(known)["in synopsis only"].tolist() == [0, 0, 0]
    assert columns(known)["in blurb"][1] > columns(WORK)["in blurb"][1]


@pytest.mark.parametrize("work", [None, Work()])
def test_no_work_tells_nothing(work: Work | None) -> None:
    assert all((column == 0).all() for column in columns(work).values())


def test_a_work_belongs_to_its_document() -> None:
    assert Table(["Mira."], ["Mira."], works=[WORK, None])["in blurb"] == [pytest.approx(1 / 3), 0]
