"""A scan's unit of work: a shard of posts, and what becomes of it.

Where one shard ends and the next begins depends on the posts alone, and what becomes of a shard on
the shard and the plan: in whatever process, order or run it is scored, the bytes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from spoilerguard.archives import Cursor, Post
from spoilerguard.errors import InputError, LeakError, MissingExtra, ModelError
from spoilerguard.guard import Guard
from spoilerguard.report import Report
from spoilerguard.scan.outputs import Row, encode
from spoilerguard.scan.plan import Plan
from spoilerguard.scan.summary import Tally
from spoilerguard.spans import Document, Work
from spoilerguard.text.reading import read

__all__ = ["Scored", "Shard", "cut", "score"]

MOST_POSTS = 2_048
MOST_CHARACTERS = 1 << 18  # of a shard: a fifth of a second's work
LONGEST = 1 << 20  # characters of one post: a long novel; memory grows with the longest


@dataclass(frozen=True, slots=True)
class Shard:
    """Posts in their order, the work each is about (one or none a post), and where to go on after them."""

    posts: Sequence[Post]
    works: Sequence[Work | None]
    after: Cursor


@dataclass(frozen=True, slots=True)
class Scored:
    """What became of a shard: rows of the output as bytes, and how many of how many records."""

    data: bytes
    rows: int
    tally: Tally
    after: Cursor


def cut(posts: Iterable[tuple[Post, Cursor]], work_of: Callable[[str | None], Work | None]) -> Iterator[Shard]:
    """The posts as shards. A post too long to score keeps its place, as an error and without its text."""
    held: list[Post] = []
    characters = 0
    for post, after in posts:
        if len(post.text) > LONGEST:
            reason = f"{len(post.text):,} characters; a record may have {LONGEST:,}: check it as a draft"
            post = post._replace(text="", error=post.error or reason)
        held.append(post)
        characters += len(post.text)
        if len(held) >= MOST_POSTS or characters >= MOST_CHARACTERS:
            yield Shard(held, [work_of(p.work) for p in held], after)
            held, characters = [], 0
    if held:
        yield Shard(held, [work_of(p.work) for p in held], after)


def score(plan: Plan, shard: Shard) -> Scored:
    """Read, split, score and write out a shard. Raises ModelError, MissingExtra: nothing else is fatal."""
    guard = plan.guard()
    outcomes = _outcomes(guard, plan, shard)
    every = [_row(plan, post, outcome) for post, outcome in zip(shard.posts, outcomes, strict=True)]
    rows = [row for row in every if row["spoiler"] or row["error"]] if plan.only_flagged else every
    data = encode(plan.output, rows, blurred=plan.blur is not None)
    return Scored(data, len(rows), Tally.of(shard.posts, outcomes), shard.after)


def _outcomes(guard: Guard, plan: Plan, shard: Shard) -> list[Report | str]:
    """Of each post its report, or why there is none."""
    read_or_why = [_read(plan, post) for post in shard.posts]
    works = [work for d, work in zip(read_or_why, shard.works, strict=True) if isinstance(d, Document)]
    documents = [d for d in read_or_why if isinstance(d, Document)]
    reports = iter(_judged(guard, plan, documents, works))
    return [next(reports) if isinstance(d, Document) else d for d in read_or_why]


def _read(plan: Plan, post: Post) -> Document | str:
    if post.error is not None:
        return post.error
    try:
        return read(post.text, post.format, quotations=plan.quotations)
    except (InputError, RecursionError, ValueError) as error:
        return f"cannot be read: {error}"


def _judged(
    guard: Guard, plan: Plan, documents: Sequence[Document], works: Sequence[Work | None]
) -> list[Report | str]:
    """In one batch; where that fails, one by one, so that one record cannot take the others with it."""
    try:
        return list(guard.judge(documents, works, plan.threshold, plan.any_language))
    except (ModelError, MissingExtra):
        raise
    except Exception as error:
        if len(documents) == 1:
            return [f"cannot be scored: {type(error).__name__}: {error}"]
        pairs = zip(documents, works, strict=True)
        return [outcome for document, work in pairs for outcome in _judged(guard, plan, [document], [work])]


def _row(plan: Plan, post: Post, outcome: Report | str) -> Row:
    """A record of the output; `columns` has their order."""
    if isinstance(outcome, str):
        blank = {"blurred": None} if plan.blur else {}
        return {"id": post.id, "spoiler_score": None, "spoiler": None, "flags": [], **blank, "error": outcome}
    flags = [flag.to_dict() for flag in outcome]
    for flag in flags:
        del flag["line"], flag["column"]
    highest = max((sentence.score for sentence in outcome.sentences), default=0.0)
    row: Row = {
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
