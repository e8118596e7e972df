"""The parts of a scan: plans that are compared, shards that are cut and scored, summaries that add up, the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
import json
import pickle
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from texts import CLEAN, HARMLESS, REVIEW, SPOILERS

import spoilerguard as sg
from spoilerguard.archives import Cursor, Post
from spoilerguard.scan import shards
from spoilerguard.scan.page import page
from spoilerguard.scan.plan import Plan, differences
from spoilerguard.scan.shards import (
    MAX_POST_CHARACTERS,
    MOST_CHARACTERS,
    MOST_POSTS,
    Shard,
    ShardResult,
    score,
    shards_of,
)
from spoilerguard.scan.summary import OTHERS, Summary


def a_post(number: int, text: str, **more: Any) -> Post:
    about = {"work": None, "format": "text", "time": None, "state": None, "error": None, "record": None}
    return Post(number, f"c{number}", text, **(about | more))


def streamed(posts: Sequence[Post]) -> Iterator[tuple[Post, Cursor]]:
    return ((post, Cursor(post.number + 1, 0, 7 * post.number)) for post in posts)


def plan_for(guard: sg.Guard, **options: Any) -> Plan:
    about = {"output": ".jsonl", "model": "fast", "model_version": guard.version}
    return Plan(**(about | {"digests": guard.manifest.digests, "threshold": guard.threshold()} | options))


def rows_of(scored: ShardResult) -> list[dict[str, Any]]:
    return [json.loads(line) for line in scored.data.decode().splitlines()]


@pytest.fixture
def plan(fast: sg.Guard) -> Plan:
    return plan_for(fast)


# --- plans ---------------------------------------------------------------------------------------


def test_plans_are_compared_leaf_by_leaf() -> None:
    then = {"threshold": 0.54, "source": {"fingerprint": {"size": 10}, "read_as": {"encoding": "utf-8"}}, "works": None}
    now = {
        "threshold": 0.7,
        "source": {"fingerprint": {"size": 12}, "read_as": {"encoding": "utf-8"}},
        "works": "x" * 99,
    }
    assert differences(then, then) == []
    assert differences(then, now) == [
        "threshold: 0.54 then, 0.7 now",
        "source fingerprint size: 10 then, 12 now",
        f"works: none then, {'x' * 59}… now",
    ]


def test_a_plan_is_itself_again_after_json_and_pickle(plan: Plan) -> None:
    assert differences(plan.to_dict(), json.loads(json.dumps(plan.to_dict()))) == []
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_a_worker_with_another_model_or_version_refuses(plan: Plan, fast: sg.Guard, small_folder: Any) -> None:
    assert plan.guard().version == fast.version
    with pytest.raises(sg.ModelError, match="not the model that the scan was started with"):
        plan_for(fast, model=str(small_folder)).guard()
    with pytest.raises(sg.ModelError, match=r"the scan was started with 9\.9; install the same version everywhere"):
        plan_for(fast, spoilerguard="9.9").guard()


# --- shards --------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, MOST_CHARACTERS // 2), max_size=60))
@settings(max_examples=30)
def test_shards_hold_every_post_once_and_never_much(lengths: list[int]) -> None:
    posts = [a_post(number, "x" * length) for number, length in enumerate(lengths)]
    found = list(shards_of(streamed(posts), lambda name: None))
    assert [post for shard in found for post in shard.posts] == posts
    assert [shard.after for shard in found] == [
        Cursor(s.posts[-1].number + 1, 0, 7 * s.posts[-1].number) for s in found
    ]
    for shard in found:
        assert sum(len(post.text) for post in shard.posts[:-1]) < MOST_CHARACTERS


def test_shards_of_empty_posts_are_bounded_too() -> None:
    found = list(shards_of(streamed([a_post(number, "") for number in range(2 * MOST_POSTS + 1)]), lambda name: None))
    assert [len(shard.posts) for shard in found] == [MOST_POSTS, MOST_POSTS, 1]


def test_shards_begin_where_they_would_have_begun(plan: Plan) -> None:
    """Cut from a cursor on, the rest falls into the same shards: a resumed scan writes the same bytes."""
    random.seed(5)
    posts = [a_post(number, "x" * random.randrange(MOST_CHARACTERS // 3)) for number in range(40)]
    whole = list(shards_of(streamed(posts), lambda name: None))
    rest = list(shards_of(streamed(posts[whole[2].after.number :]), lambda name: None))
    assert rest == whole[3:]


def test_a_post_too_long_keeps_its_place(plan: Plan) -> None:
    posts = [a_post(0, CLEAN), a_post(1, "x" * (MAX_POST_CHARACTERS + 1)), a_post(2, SPOILERS[0])]
    (shard,) = shards_of(streamed(posts), lambda name: None)
    assert [len(post.text) for post in shard.posts] == [len(CLEAN), 0, len(SPOILERS[0])]
    rows = rows_of(score(plan, shard))
    assert [row["id"] for row in rows] == ["c0", "c1", "c2"]
    assert rows[1]["error"] == "1,048,577 characters, more than 1,048,576; check this record as a draft"


def test_the_record_of_a_post_with_spoilers(plan: Plan, fast: sg.Guard) -> None:
    posts = [a_post(0, REVIEW), a_post(1, f"<p>{SPOILERS[2]}</p>", format="html")]
    rows = rows_of(score(plan, Shard(posts, [None, None], Cursor(2, 0, 0))))
    for row, post in zip(rows, posts, strict=True):
        report = fast.flag(post.text, format=post.format)
        assert list(row) == ["id", "spoiler_score", "spoiler", "flags", "error"]
        assert (row["id"], row["spoiler"], row["error"]) == (post.id, True, None)
        assert row["spoiler_score"] == round(max(s.score for s in report.sentences), 4)
        expected = [flag.to_dict() for flag in report]
        assert row["flags"] == [{k: v for k, v in flag.items() if k not in ("line", "column")} for flag in expected]
        assert [post.text[flag["start"] : flag["end"]] for flag in row["flags"]] == [f["text"] for f in row["flags"]]


def test_a_post_without_a_text_scores_nothing(plan: Plan) -> None:
    (row,) = rows_of(score(plan, Shard([a_post(0, "", state="deleted")], [None], Cursor(1, 0, 0))))
    assert row == {"id": "c0", "spoiler_score": 0.0, "spoiler": False, "flags": [], "error": None}


def test_posts_that_cannot_be_read_are_records_with_an_error(plan: Plan) -> None:
    posts = [a_post(0, "", error="line 7 is no JSON"), a_post(1, "x", format="rtf"), a_post(2, SPOILERS[0])]
    scored = score(plan, Shard(posts, [None] * 3, Cursor(3, 0, 0)))
    blank = {"spoiler_score": None, "spoiler": None, "flags": []}
    rows = rows_of(scored)
    assert rows[0] == {"id": "c0", **blank, "error": "line 7 is no JSON"}
    assert rows[1]["error"].startswith("cannot be read: unknown format 'rtf'")
    assert rows[2]["spoiler"]
    assert (scored.summary.records, scored.summary.errors, scored.rows) == (3, 2, 3)


def test_a_post_that_breaks_the_model_takes_no_other_with_it(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    flag_read = sg.Guard.flag_read

    def breaking(guard: sg.Guard, documents: Sequence[sg.Document], *rest: Any, **options: Any) -> list[sg.Report]:
        if any("unheard of" in document.source for document in documents):
            raise MemoryError("too much")
        return flag_read(guard, documents, *rest, **options)

    monkeypatch.setattr(sg.Guard, "flag_read", breaking)
    posts = [a_post(0, SPOILERS[0]), a_post(1, "unheard of"), a_post(2, CLEAN)]
    rows = rows_of(score(plan, Shard(posts, [None] * 3, Cursor(3, 0, 0))))
    assert [row["error"] for row in rows] == [None, "cannot be scored: MemoryError: too much", None]
    assert [row["spoiler"] for row in rows] == [True, None, False]


def test_a_damaged_model_is_no_fault_of_the_records(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(guard: sg.Guard, *rest: Any, **options: Any) -> list[sg.Report]:
        raise sg.ModelError("models/senter: missing")

    monkeypatch.setattr(sg.Guard, "flag_read", broken)
    with pytest.raises(sg.ModelError, match="senter: missing"):
        score(plan, Shard([a_post(0, CLEAN)], [None], Cursor(1, 0, 0)))


def test_only_flagged_leaves_out_the_harmless_but_not_the_unread(fast: sg.Guard) -> None:
    posts = [a_post(0, CLEAN), a_post(1, SPOILERS[0]), a_post(2, "", error="torn"), a_post(3, CLEAN)]
    scored = score(plan_for(fast, only_flagged=True), Shard(posts, [None] * 4, Cursor(4, 0, 0)))
    assert [row["id"] for row in rows_of(scored)] == ["c1", "c2"]
    assert (scored.rows, scored.summary.records) == (2, 4)


def test_the_work_reaches_the_model(plan: Plan, fast: sg.Guard) -> None:
    work = sg.Work(title="Saltmarsh", blurb="A diver is found dead; her sister asks who killed her.")
    text = "Her sister asks who killed the diver, who is found dead."
    with_work, without = rows_of(score(plan, Shard([a_post(0, text)] * 2, [work, None], Cursor(2, 0, 0))))
    assert with_work["spoiler_score"] == round(fast.flag(text, work=work).sentences[0].score, 4)
    assert with_work["spoiler_score"] < without["spoiler_score"]


def test_what_becomes_of_a_post_does_not_depend_on_its_shard(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    posts = [a_post(number, text) for number, text in enumerate([REVIEW, "", *SPOILERS, CLEAN, *HARMLESS] * 3)]
    (one,) = shards_of(streamed(posts), lambda name: None)
    monkeypatch.setattr(shards, "MOST_POSTS", 4)
    many = [score(plan, shard) for shard in shards_of(streamed(posts), lambda name: None)]
    assert len(many) > 5
    assert b"".join(scored.data for scored in many) == score(plan, one).data


def test_a_plan_with_a_style_adds_the_blurred_text(plan: Plan) -> None:
    (shard,) = shards_of(streamed([a_post(0, REVIEW), a_post(1, CLEAN)]), lambda name: None)
    first, second = map(json.loads, score(replace(plan, blur="redact"), shard).data.splitlines())
    assert first["blurred"] == sg.flag(REVIEW, threshold=plan.threshold).blur("redact") != REVIEW
    assert second["blurred"] == CLEAN


# --- tallies -------------------------------------------------------------------------------------


def outcomes_of(guard: sg.Guard, posts: Sequence[Post]) -> list[sg.Report | str]:
    return [post.error or guard.flag(post.text) for post in posts]


POSTS = [
    a_post(0, REVIEW, work="Saltmarsh", time="2021-03-04"),
    a_post(1, CLEAN, work="Saltmarsh", time="2021-03-05T10:00:00"),
    a_post(2, "", state="deleted", work="Low Tide"),
    a_post(3, "", error="torn"),
    a_post(4, SPOILERS[2], work="Low Tide", time="2021-04-01", state="spam"),
    a_post(5, HARMLESS[1]),
]


def test_a_tally_counts(fast: sg.Guard) -> None:
    outcomes = outcomes_of(fast, POSTS)
    reports = [outcome for outcome in outcomes if isinstance(outcome, sg.Report)]
    summary = Summary.of(POSTS, outcomes)
    assert (summary.records, summary.errors, summary.flagged) == (6, 1, 2)
    assert (summary.sentences, summary.flags) == (sum(len(r.sentences) for r in reports), sum(map(len, reports)))
    assert summary.works == {"Saltmarsh": [2, 1], "Low Tide": [2, 1]}
    assert summary.months == {"2021-03": [2, 1], "2021-04": [1, 1]}
    assert summary.states == {"deleted": 1, "spam": 1}
    assert sum(summary.scores) == 4  # neither the unread nor the empty
    assert sum(summary.kinds.values()) == summary.flags
    assert [fault["error"] for fault in summary.faults] == ["torn"]
    assert [example["id"] for example in summary.surest] in (["c0", "c4"], ["c4", "c0"])
    assert summary.surest[0]["score"] == max(round(f.score, 4) for r in reports for f in r)
    assert summary.nearest[0]["score"] == min(round(f.score, 4) for r in reports for f in r)


@given(st.lists(st.integers(0, 6), max_size=4))
@settings(max_examples=20)
def test_summaries_of_parts_add_up_to_the_summary_of_the_whole(fast: sg.Guard, cuts: list[int]) -> None:
    outcomes = outcomes_of(fast, POSTS)
    bounds = [0, *sorted(cuts), len(POSTS)]
    total = Summary()
    for start, end in pairwise(bounds):
        total.add(Summary.of(POSTS[start:end], outcomes[start:end]))
        total = Summary(**json.loads(json.dumps(total.to_dict())))  # as a resumed scan has it
    assert total == Summary.of(POSTS, outcomes)


def test_a_tally_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spoilerguard.scan.summary._MOST_WORKS", 3)
    total = Summary()
    for number in range(50):
        report = sg.flag(SPOILERS[0] if number % 2 else CLEAN)
        total.add(Summary.of([a_post(number, report.document.source, work=f"w{number % 10}")], [report]))
        total.add(Summary.of([a_post(number, "", error="torn")], ["torn"]))
    assert set(total.works) == {"w0", "w1", "w2", OTHERS}
    assert total.works["w1"] == [5, 5]
    assert total.works[OTHERS] == [35, 20]
    assert (len(total.surest), len(total.nearest), len(total.faults)) == (20, 20, 20)
    assert total.errors == 50


# --- the page ------------------------------------------------------------------------------------


class Shown(HTMLParser):
    """What of a page is seen before anything is opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.links: list[str] = []
        self.text, self.tags = "", set[str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attributes if name in ("src", "href") or name.startswith("on")]
        if tag not in ("meta", "br", "img", "input", "link"):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if "details" not in self.inside or "summary" in self.inside:
            self.text += data if "style" not in self.inside else ""


def test_the_page_tells_the_figures_and_no_plot(plan: Plan, fast: sg.Guard) -> None:
    summary = Summary.of(POSTS, outcomes_of(fast, POSTS))
    html = page(summary, plan, source="<b>comments</b>.csv", described="CSV, UTF-8", output="out.jsonl")
    shown = Shown(html)
    assert shown.inside == []
    for wanted in (
        "<b>comments</b>.csv",
        "Saltmarsh",
        "2021-03",
        "40.0%",
        "torn",
        "CSV, UTF-8",
        "out.jsonl",
        "deleted",
    ):
        assert wanted in shown.text
    for sentence in SPOILERS:
        assert sentence not in shown.text
    assert SPOILERS[2] in html
    assert "script" not in shown.tags
    assert shown.links == []


def test_the_page_of_an_empty_archive(plan: Plan) -> None:
    shown = Shown(page(Summary(), plan, source="comments.csv", described="CSV", output="out.jsonl"))
    assert "0 sentences" in shown.text
    assert shown.inside == []
