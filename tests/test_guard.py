"""The main path: what is flagged, where exactly, and that nothing but the text and the options matters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
import inspect
from itertools import pairwise
import json
from pathlib import Path
import pickle
import re
import shutil
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pandas as pd
import pytest
from texts import CLEAN, HARMLESS, REVIEW, SPOILERS

import spoilerguard as sg
from spoilerguard import guard
from spoilerguard.errors import InputError, ModelError
from spoilerguard.model.scoring import KINDS, UNNAMED
from spoilerguard.text.reading import READERS

FORMATS = ("text", "markdown", "html")


def everything(guard: sg.Guard, source: str, format: str = "text", **options: Any) -> sg.Report:
    """The report in which every sentence is a flag, once its offsets have been checked."""
    report = guard.flag(source, format=format, threshold=0, any_language=True, **options)
    assert_offsets(report, source)
    return report


def assert_offsets(report: sg.Report, source: str) -> None:
    assert report.document.source == source
    assert len(report.document.prose) == len(source)
    assert len(report.flags) == len(report.sentences)
    for flag in report:
        assert source[flag.start : flag.end] == flag.text == flag.text.strip() != ""
        assert (flag.line, flag.column) == place(source, flag.start)
        assert 0 <= flag.score <= 1
    assert all(a.end <= b.start for a, b in pairwise(report))


def place(source: str, offset: int) -> tuple[int, int]:
    """Line and column by reading the source from its start."""
    lines = re.split(r"\r\n|\r|\n", source[:offset])
    return len(lines), len(lines[-1]) + 1


# --- offsets ---------------------------------------------------------------------------------

FRAGMENTS = (
    *("**", "_", "`", "```\n", "# ", "> ", "- ", "| a | b |\n|---|---|\n", "[x](http://y.z)", "---\n", "\\", "1. "),
    *("<p>", "</p>", "<b ", "<br/>", "<pre>", "</pre>", "<!--", "-->", "<script>", "</script>", "&amp;", "&#128;", "<"),
    *(">!", "!<", "||", "[spoiler]", "[/spoiler]", "<details>", "</details>", "spoilerguard off", "spoilerguard on"),
    *("\r\n", "\r", "\n", "\n\n", "\t", "\0", "\ufeff", "\u2028", "\x85", "\u200d", "\u202e", "\ud800", "\xad"),
    *("e\u0301", "👩‍👩‍👧‍👦", "🇸🇪", "שלום", "مرحبا", "日本語。", "İ", "ß", "He dies. ", 'Mr. "No"! ', "www.a.b "),
)
ANY_TEXT = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), max_size=25).map("".join)


@pytest.mark.parametrize("format", [*FORMATS, "auto"])
def test_offsets_hold_for_any_text(small: sg.Guard, format: str) -> None:
    @settings(max_examples=60)
    @given(ANY_TEXT)
    def check(source: str) -> None:
        everything(small, source, format)

    check()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("name", "key"),
    [("blns.json", None), ("commonmark_examples.json", "markdown"), ("commonmark_examples.json", "html")],
)
def test_offsets_hold_for_naughty_strings_and_commonmark(
    small: sg.Guard, shared: Path, name: str, key: str | None, format: str
) -> None:
    rows = json.loads((shared / "robustness" / name).read_text(encoding="utf-8"))
    assert len(rows) > 500
    texts = [row[key] if key else row for row in rows]
    for text, report in zip(texts, small.flag_many(texts, format=format, threshold=0, any_language=True), strict=True):
        assert_offsets(report, text)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("source", "starts"),
    [
        ("She lies.\r\n\r\nHe dies.\r\n", [(1, 1), (3, 1)]),
        ("She lies.\r\rHe dies.\r", [(1, 1), (3, 1)]),
        ("\ufeffShe lies. He dies.", [(1, 2), (1, 12)]),
        ("Ça\tva? He dies.", [(1, 1), (1, 8)]),
        ("Wow 👩‍👩‍👧‍👦! He dies.", [(1, 1), (1, 14)]),
        ("Cafe\u0301 noir! He dies.", [(1, 1), (1, 13)]),
        ("הוא מת. He dies.", [(1, 1), (1, 9)]),
        ("It is\0here! He dies.", [(1, 1), (1, 13)]),
    ],
)
def test_lines_and_columns_count_code_points(
    small: sg.Guard, source: str, starts: list[tuple[int, int]], format: str
) -> None:
    assert [(f.line, f.column) for f in everything(small, source, format)] == starts


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("source", ["", " \n\t\r\n ", "\0", "\ufeff"])
def test_a_text_without_words_has_no_spoilers(small: sg.Guard, source: str, format: str) -> None:
    assert not small.flag(source, format=format).has_spoilers


# --- formats ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "source", "sentences"),
    [
        ("text", "He *dies*. `She` lives.", ["He *dies*.", "`She` lives."]),
        ("markdown", "# One\n\nTwo.\n\n```\nHe dies.\n```\n", ["One", "Two."]),
        ("markdown", "---\ntitle: He dies.\n---\n\nTwo.", ["Two."]),
        ("html", "<h1>One</h1><p>Two.</p><script>three()</script><!-- Four. -->", ["One", "Two."]),
        ("auto", "<p>One.</p><p>Two.</p>", ["One.", "Two."]),
    ],
)
def test_each_format_has_its_own_sentences(small: sg.Guard, format: str, source: str, sentences: list[str]) -> None:
    assert [s.text for s in small.flag(source, format=format).sentences] == sentences


def test_what_is_hidden_or_switched_off_is_no_sentence(small: sg.Guard) -> None:
    source = "One. >!He dies.!<\n\n<!-- spoilerguard off -->\nShe lives.\n<!-- spoilerguard on -->\n\nTwo."
    report = everything(small, source, "markdown")
    assert [f.text for f in report] == ["One.", "Two."]
    assert [source[h.start : h.end] for h in report.hidden] == [">!He dies.!<"]


@pytest.mark.parametrize(
    ("format", "source"),
    [("markdown", "Mine.\n\n> He dies.\n\nMine too."), ("html", "Mine.<blockquote>He dies.</blockquote>Mine too.")],
)
def test_quotations_can_be_left_out(small: sg.Guard, format: str, source: str) -> None:
    assert [f.text for f in everything(small, source, format)] == ["Mine.", "He dies.", "Mine too."]
    assert [f.text for f in everything(small, source, format, quotations=False)] == ["Mine.", "Mine too."]


# --- what is flagged -------------------------------------------------------------------------


@pytest.mark.parametrize("sensitivity", ["low", "medium"])
def test_clear_spoilers_are_flagged_and_premise_and_opinion_are_not(fast: sg.Guard, sensitivity: str) -> None:
    assert [f.text for f in fast.flag(REVIEW, sensitivity=sensitivity)] == list(SPOILERS)
    assert not fast.flag(CLEAN, sensitivity=sensitivity).has_spoilers


def test_a_flag_says_why(fast: sg.Guard) -> None:
    for flag in fast.flag(REVIEW):
        assert flag.reasons
        for reason in flag.reasons:
            assert reason.kind in (*KINDS, UNNAMED)
            assert reason.text in flag.text


def test_a_spoiler_free_page_that_talks_of_spoilers(fast: sg.Guard, shared: Path) -> None:
    page = (shared / "seed" / "never-let-me-go.txt").read_text(encoding="utf-8")
    assert len(fast.flag(page)) <= 1


# --- thresholds ------------------------------------------------------------------------------


def test_a_flag_is_a_sentence_from_the_threshold_up(small: sg.Guard) -> None:
    scores = sorted({s.score for s in small.flag(REVIEW).sentences})
    for threshold in (0.0, *scores, 1.0):
        report = small.flag(REVIEW, threshold=threshold)
        assert report.threshold == threshold
        assert [f.score for f in report] == [s.score for s in report.sentences if s.score >= threshold]
        assert report.has_spoilers == bool(report.flags)


def test_a_higher_sensitivity_flags_more(fast: sg.Guard) -> None:
    low, medium, high = ({f.start for f in fast.flag(REVIEW, sensitivity=s)} for s in ("low", "medium", "high"))
    assert set() < low <= medium <= high
    assert fast.threshold("low") > fast.threshold("medium") > fast.threshold("high")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 1.5}, "probability from 0 to 1, not 1.5"),
        ({"threshold": -0.1}, "probability"),
        ({"threshold": float("nan")}, "probability"),
        ({"sensitivity": "extreme"}, "unknown sensitivity 'extreme': choose from low, medium, high"),
        ({"sensitivity": "extreme", "threshold": 0.5}, "unknown sensitivity"),
        ({"format": "rtf"}, "unknown format 'rtf': choose from text, markdown, mdx, html, auto"),
    ],
)
def test_an_option_out_of_range_is_named(small: sg.Guard, options: dict[str, Any], message: str) -> None:
    for call in (*on_a_text(small), lambda text, **o: small.flag_frame(pd.DataFrame({"body": [text]}), **o)):
        with pytest.raises(InputError, match=message):
            call("Text.", **options)


def on_a_text(guard: sg.Guard) -> list[Callable[..., Any]]:
    """Every function that takes a text and the work that it is about."""
    functions = [partial(function, model=guard._source) for function in (sg.flag, sg.blur)]
    return [guard.flag, guard.blur, lambda text, **options: list(guard.flag_many([text], **options)), *functions]


@pytest.mark.parametrize(
    ("work", "message"),
    [
        ({"titel": "x"}, "unknown key 'titel' in work: choose from title, blurb, synopsis"),
        ({"title": ["x"]}, "title of the work must be a string, not list"),
        (7, "work must be a Work, a dictionary or a title, not int"),
    ],
)
def test_a_work_that_is_none_is_the_same_error_everywhere(small: sg.Guard, work: Any, message: str) -> None:
    for call in on_a_text(small):
        with pytest.raises(InputError, match=message):
            call("Text.", work=work)


@pytest.mark.parametrize("text", [None, b"Text.", ["Text."]])
def test_a_text_that_is_no_string_is_the_same_error_everywhere(small: sg.Guard, text: Any) -> None:
    for call in (*on_a_text(small), lambda text: small.score([text])):
        with pytest.raises(InputError, match=f"a text must be a string, not {type(text).__name__}"):
            call(text)


@pytest.mark.parametrize(
    "call",
    [
        *(sg.flag, sg.blur, sg.blur_html, sg.load),
        *(sg.Guard.flag, sg.Guard.flag_many, sg.Guard.flag_frame, sg.Guard.blur),
        *(sg.Guard.predict_proba, sg.Guard.score),
    ],
)
def test_every_parameter_has_a_name_a_type_and_an_explanation(call: Callable[..., Any]) -> None:
    parameters = [p for name, p in inspect.signature(call).parameters.items() if name != "self"]
    assert {p.kind for p in parameters} <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    assert [p.name for p in parameters if p.annotation is inspect.Parameter.empty] == []
    explained = re.findall(r"^ +(\w+): ", inspect.getdoc(call).split("Args:")[1].split("\n\n")[0], re.M)
    assert explained == [p.name for p in parameters]


def test_a_format_is_guessed_from_the_text_by_default(small: sg.Guard) -> None:
    for source, format in {"One. Two.": "text", "# One\n\n**Two.**": "markdown", "<p>One. Two.": "html"}.items():
        (many,) = small.flag_many([source])
        assert small.flag(source).document.format == many.document.format == format
        assert small.blur(source, threshold=0.0) == small.flag(source, threshold=0.0).blur()


def test_the_formats_that_may_be_named_are_those_that_can_be_read() -> None:
    assert (*READERS, "auto") == guard.FORMATS


def test_a_report_is_as_true_as_it_is_long(small: sg.Guard) -> None:
    some, none = small.flag(REVIEW, threshold=0.0), small.flag(REVIEW, threshold=1.0)
    assert (bool(some), len(some)) == (True, len(some.sentences))
    assert (bool(none), len(none)) == (False, 0)


# --- the work --------------------------------------------------------------------------------


def test_a_work_is_given_as_a_record_a_dictionary_or_a_title(small: sg.Guard) -> None:
    fields = {"title": "The Long Rain", "blurb": "Mira comes home.", "synopsis": "Mira dies."}
    assert small.flag(REVIEW, work=fields) == small.flag(REVIEW, work=sg.Work(**fields))
    assert small.flag(REVIEW, work="The Long Rain") == small.flag(REVIEW, work={"title": "The Long Rain"})
    assert small.flag(REVIEW, work=None) == small.flag(REVIEW, work={"title": None}) == small.flag(REVIEW)


# --- many at once ----------------------------------------------------------------------------

TEXTS = [" ".join((*HARMLESS, *SPOILERS)[start : start + size]) for size in range(5) for start in range(9)]


def test_many_texts_score_as_each_alone(small: sg.Guard) -> None:
    alone = [small.flag(text, sensitivity="high") for text in TEXTS]
    for batch_size in (1, 7, 1000):
        assert list(small.flag_many(TEXTS, sensitivity="high", batch_size=batch_size)) == alone


def test_two_processes_give_the_same_bytes_as_one(small: sg.Guard) -> None:
    one, two = (
        [(r.to_dict(), r.sentences) for r in small.flag_many(TEXTS, jobs=jobs, batch_size=4, threshold=0.1)]
        for jobs in (1, 2)
    )
    assert json.dumps(one) == json.dumps(two)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_stream_is_read_a_few_batches_ahead(small: sg.Guard, jobs: int) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield f"Text {taken}."

    reports = small.flag_many(endless(), jobs=jobs, batch_size=5)
    assert taken == 0
    for number in range(1, 101):
        assert next(reports).document.source == f"Text {number}."
        assert taken <= number + 5 * (2 * jobs + 1)


def test_many_refuses_what_it_cannot_do_before_the_first_report(small: sg.Guard) -> None:
    with pytest.raises(InputError, match="for one text use flag"):
        small.flag_many("One text.")
    for wrong in ({"jobs": 0}, {"batch_size": 0}, {"threshold": 2.0}):
        with pytest.raises(InputError):
            small.flag_many([], **wrong)


def test_threads_share_a_guard(small: sg.Guard) -> None:
    texts = [text * size for size, text in enumerate(TEXTS)]  # longer and longer: tables grow meanwhile
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(small.flag, texts)) == [small.flag(text) for text in texts]


# --- sentences -------------------------------------------------------------------------------


def test_score_gives_one_probability_a_sentence(fast: sg.Guard) -> None:
    scores = fast.score([*SPOILERS, *HARMLESS, ""])
    assert scores.shape == (len(SPOILERS) + len(HARMLESS) + 1,)
    assert scores.dtype == np.float64
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores[: len(SPOILERS)].min() > 0.5 > scores[len(SPOILERS) : -1].max()
    assert fast.score([]).shape == (0,)
    assert fast.score(SPOILERS).tolist() == [float(fast.score([s])[0]) for s in SPOILERS]


def test_probabilities_stand_as_in_scikit_learn(fast: sg.Guard) -> None:
    both = fast.predict_proba([*SPOILERS, *HARMLESS])
    assert both.shape == (len(SPOILERS) + len(HARMLESS), 2)
    assert both[:, 1].tolist() == fast.score([*SPOILERS, *HARMLESS]).tolist()
    np.testing.assert_allclose(both.sum(axis=1), 1)
    assert fast.predict_proba([]).shape == (0, 2)


def test_sentences_are_no_string(small: sg.Guard) -> None:
    for call in (small.score, small.predict_proba):
        with pytest.raises(InputError, match="take a list of sentences; for one text use flag"):
            call("He dies.")


# --- pickling --------------------------------------------------------------------------------


def test_a_guard_is_pickled_as_the_name_and_digests_of_its_model(small_folder: Path) -> None:
    fast, small = sg.load("fast"), sg.load(small_folder)
    for loaded in (fast, small):
        data = pickle.dumps(loaded)
        assert len(data) < 10_000
        assert pickle.loads(data) is loaded  # which is in memory already
    assert b"/" not in pickle.dumps(fast)  # it is found wherever the package is installed
    assert (fast.bundled, small.bundled) == (True, False)


def test_a_pickled_guard_loads_no_other_model(small: sg.Guard, fast: sg.Guard, tmp_path: Path) -> None:
    small.save(tmp_path / "model")
    pickled = pickle.dumps(sg.load(tmp_path / "model"))
    fast.save(tmp_path / "model")
    with pytest.raises(ModelError, match=f"version {small.version} was loaded, and version {fast.version} is here"):
        pickle.loads(pickled)
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(ModelError, match="no such model folder"):
        pickle.loads(pickled)


def test_a_guard_that_was_not_saved_is_pickled_whole(trained: sg.Guard) -> None:
    unsaved = sg.Guard(trained.scorer, trained.manifest)
    again = pickle.loads(pickle.dumps(unsaved))
    assert again.flag(REVIEW, threshold=0.2) == unsaved.flag(REVIEW, threshold=0.2)
    with pytest.raises(ModelError, match="has no folder yet; save it first"):
        unsaved.reference()


# --- loading ---------------------------------------------------------------------------------


def test_the_function_uses_the_bundled_model(fast: sg.Guard) -> None:
    assert sg.load() is sg.load("fast")  # loaded once
    assert sg.load().version == fast.version
    assert sg.flag(REVIEW, sensitivity="high") == fast.flag(REVIEW, sensitivity="high")
    assert fast.name == "fast"
    assert fast.version in repr(fast)


def test_an_unknown_model_is_answered_with_those_there_are() -> None:
    with pytest.raises(ModelError, match=r"no model named 'fst': there are .*fast"):
        sg.load("fst")
    with pytest.raises(ModelError, match="no such model folder"):
        sg.load("./fst")


def test_a_folder_does_not_stand_before_a_bundled_model(
    fast: sg.Guard, small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fast").symlink_to(small_folder)
    monkeypatch.chdir(tmp_path)
    assert (sg.load("fast").name, sg.load("fast").version) == ("fast", fast.version)
    assert sg.load("./fast").name == sg.load(Path("fast")).name == "small"


def test_a_model_saved_anew_is_loaded_anew(small: sg.Guard, fast: sg.Guard, tmp_path: Path) -> None:
    small.save(tmp_path / "m")
    first = sg.load(tmp_path / "m")
    assert sg.load(tmp_path / "m") is first
    fast.save(tmp_path / "m")
    assert sg.load(tmp_path / "m").version == fast.version != first.version
    with pytest.raises(ModelError, match="changed while it was in use"):
        list(first.flag_many(TEXTS, jobs=2))


class Torn(str):
    """A text that no other process can read."""

    def __reduce__(self) -> Any:
        return int, ("torn",)


def test_processes_that_cannot_work_are_an_error_that_says_why(small: sg.Guard) -> None:
    with pytest.raises(sg.SpoilerguardError, match=r"cannot work \(ValueError: invalid literal .*'torn'\); use fewer"):
        list(small.flag_many([Torn("She dies.")], jobs=2))


def test_a_process_that_is_killed_is_an_error(small: sg.Guard) -> None:
    from joblib.externals.loky import get_reusable_executor

    reports = small.flag_many(TEXTS * 9, jobs=2, batch_size=1)
    next(reports)
    for worker in list(get_reusable_executor(max_workers=2)._processes.values()):
        worker.terminate()
    with pytest.raises(sg.SpoilerguardError, match=r"a worker process was killed, .*; use fewer jobs"):
        list(reports)
    assert len(list(small.flag_many(TEXTS, jobs=2))) == len(TEXTS)


def test_saving_leaves_a_loaded_guard_as_it_is(fast: sg.Guard, tmp_path: Path) -> None:
    fast.save(tmp_path / "mine", name="mine")
    assert sg.load("fast").name == "fast"
    assert sg.load(tmp_path / "mine").name == "mine"


@pytest.mark.parametrize(("format", "style"), [("text", "discord"), ("markdown", "details"), ("html", "html")])
def test_hiding_changes_no_score(fast: sg.Guard, format: str, style: str) -> None:
    """What is hidden still stands around the rest, so blurring twice changes nothing."""
    parts = [f"{HARMLESS[k % 4]} {SPOILERS[k]} see http://a.example/{k} {HARMLESS[k % 3]}" for k in range(4)]
    source = "\n\n".join(f"<p>{part}</p>" if format == "html" else part for part in parts)
    before = fast.flag(source, format=format)
    after = fast.flag(before.blur(style), format=format)
    assert before.has_spoilers
    assert not after.has_spoilers
    flagged = {flag.text for flag in before}
    left = [(s.text, s.score) for s in before.sentences if s.text not in flagged]
    assert [(s.text, s.score) for s in after.sentences] == [(t, pytest.approx(p)) for t, p in left]
