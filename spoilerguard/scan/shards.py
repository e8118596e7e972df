"""The unit of work of a scan: a shard of posts, and its result.

The boundaries of shards depend only on the posts, and the result of a shard only on the shard and the plan.
Whatever process scores it, in whatever order or run, the bytes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spoilerguard.archives import Cursor, Post
from spoilerguard.errors import InputError, LeakError, MissingExtra, ModelError
from spoilerguard.files.values import plain_value
from spoilerguard.guard import Guard
from spoilerguard.report import Report
from spoilerguard.scan.outputs import OutputRow, columns, encode
from spoilerguard.scan.plan import Plan
from spoilerguard.scan.summary import Summary
from spoilerguard.spans import Document, Work
from spoilerguard.text.reading import read

__all__ = ["Shard", "ShardResult", "score", "shards_of"]

MOST_POSTS = 2_048
MOST_CHARACTERS = 1 << 18  # in a shard: about a fifth of a second of work
MAX_POST_CHARACTERS = 1 << 20  # a long novel; memory use grows with the longest post


@dataclass(frozen=True, slots=True)
class Shard:
    """Consecutive posts.

    Attributes:
        posts: The posts, in order.
        works: What is known of the work of each post.
        after: Where the next shard starts.
    """

    posts: Sequence[Post]
    works: Sequence[Work | None]
    after: Cursor


@dataclass(frozen=True, slots=True)
class ShardResult:
    """The result of a shard.

    Attributes:
        data: The rows of the output, as bytes.
        rows: The number of rows.
        summary: What was found.
        after: Where the next shard starts.
    """

    data: bytes
    rows: int
    summary: Summary
    after: Cursor


def shards_of(posts: Iterable[tuple[Post, Cursor]], work_of: Callable[[str | None], Work | None]) -> Iterator[Shard]:
    """Group posts into shards. A post that is too long to score becomes an error, without its text.

    Args:
        posts: The posts, each with the cursor after it.
        work_of: What is known of a work, by the name in the post.

    Yields:
        Each shard.
    """
    held: list[Post] = []
    characters = 0
    for post, after in posts:
        if len(post.text) > MAX_POST_CHARACTERS:
            reason = f"{len(post.text):,} characters, more than {MAX_POST_CHARACTERS:,}; check this record as a draft"
            post = post._replace(text="", error=post.error or reason)
        held.append(post)
        characters += len(post.text) + (_characters(post.record) if post.record else 0)
        if len(held) >= MOST_POSTS or characters >= MOST_CHARACTERS:
            yield Shard(held, [work_of(p.work) for p in held], after)
            held, characters = [], 0
    if held:
        yield Shard(held, [work_of(p.work) for p in held], after)


def _characters(record: Mapping[str, Any]) -> int:
    return sum(len(value) for value in record.values() if isinstance(value, str | bytes))


def score(plan: Plan, shard: Shard) -> ShardResult:
    """Read, split and score the posts of a shard, and encode the rows.

    Args:
        plan: The plan of the scan.
        shard: The shard.

    Returns:
        The result. A record that cannot be read or scored has an error in its row.

    Raises:
        ModelError: The model cannot be loaded, or is another one.
        MissingExtra: A library that the model needs is not installed.
    """
    guard = plan.guard()
    outcomes = _outcomes(guard, plan, shard)
    every = [_row(plan, post, outcome) for post, outcome in zip(shard.posts, outcomes, strict=True)]
    if plan.keep:
        for row, post in zip(every, shard.posts, strict=True):
            row.update((name, plain_value((post.record or {}).get(name))) for name in plan.keep)
    rows = [row for row in every if row["spoiler"] or row["error"]] if plan.only_flagged else every
    names = columns(blurred=plan.blur is not None, kept=plan.keep)
    data = encode(plan.output, rows, names, formulas=plan.csv_formulas)
    summary = Summary.of(shard.posts, outcomes, [row["error"] for row in every])
    return ShardResult(data, len(rows), summary, shard.after)


def _outcomes(guard: Guard, plan: Plan, shard: Shard) -> list[Report | str]:
    """The report of each post, or the reason why there is none."""
    read_or_why = [_read(plan, post) for post in shard.posts]
    works = [work for d, work in zip(read_or_why, shard.works, strict=True) if isinstance(d, Document)]
    documents = [d for d in read_or_why if isinstance(d, Document)]
    reports = iter(_reports(guard, plan, documents, works))
    return [next(reports) if isinstance(d, Document) else d for d in read_or_why]


def _read(plan: Plan, post: Post) -> Document | str:
    if post.error is not None:
        return post.error
    try:
        return read(post.text, post.format, quotations=plan.quotations, suppress=plan.suppressions)
    except (InputError, RecursionError, ValueError) as error:
        return f"cannot be read: {error}"


def _reports(
    guard: Guard, plan: Plan, documents: Sequence[Document], works: Sequence[Work | None]
) -> list[Report | str]:
    """Score in one batch; where that fails, one by one, so that one record cannot fail the others."""
    try:
        return list(guard.flag_read(documents, works, plan.threshold, any_language=plan.any_language))
    except (ModelError, MissingExtra):
        raise
    except Exception as error:
        if len(documents) == 1:
            return [f"cannot be scored: {type(error).__name__}: {error}"]
        pairs = zip(documents, works, strict=True)
        return [outcome for document, work in pairs for outcome in _reports(guard, plan, [document], [work])]


def _row(plan: Plan, post: Post, outcome: Report | str) -> OutputRow:
    """A row of the output; `outputs.columns` has the order of its fields."""
    if isinstance(outcome, str):
        blank = {"blurred": None} if plan.blur else {}
        return {"id": post.id, "spoiler_score": None, "spoiler": None, "flags": [], **blank, "error": outcome}
    flags = [flag.to_dict() for flag in outcome]
    for flag in flags:
        del flag["line"], flag["column"]
    highest = max((sentence.score for sentence in outcome.sentences), default=0.0)
    row: OutputRow = {
        "id": post.id,
        "spoiler_score": round(highest, 4),
        "spoiler": outcome.has_spoilers,
        "flags": flags,
    }
    error = None
    if plan.blur:
        try:
            row["blurred"] = outcome.blur(plan.blur)
        except (InputError, LeakError) as fault:
            row["blurred"], error = None, f"cannot be blurred: {fault}"
    row["error"] = error
    return row
