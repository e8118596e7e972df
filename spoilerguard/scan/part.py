"""One part of an archive on shared storage: read, scored and written by the process that was given it.

Texts go from the storage to this process and back. What the process returns is `Done`: counts, and the first errors.
A part is read and cut into shards as an archive of its own would be, so its output has the same bytes, whoever writes
it and how often: a part that is done twice, because its worker died or was only thought dead, is there once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
import json
from pathlib import Path
import tempfile
from typing import Any

from spoilerguard.archives import Archive, Cursor, Post
from spoilerguard.errors import InputError, SpoilerguardError
from spoilerguard.files.source import unreadable
from spoilerguard.files.storage import Stored, joined, put, read_many, stored
from spoilerguard.scan.outputs import columns, finish, head
from spoilerguard.scan.plan import Plan
from spoilerguard.scan.shards import Shard, ShardResult, score, shards_of
from spoilerguard.scan.summary import Summary
from spoilerguard.spans import Work

__all__ = ["OURS", "SCAN", "WORKS", "Done", "Part", "PartJob", "record_of", "scan_part", "unreadable_part"]

OURS = "_spoilerguard"  # in the output folder, what is ours alone; Spark, Dask and Arrow pass over such names
SCAN = f"{OURS}/scan.json"
WORKS = f"{OURS}/works.json"


@dataclass(frozen=True, slots=True)
class Part:
    """A part.

    Attributes:
        source: The file.
        output: The name of its output below the output folder.
    """

    source: Stored
    output: str


@dataclass(frozen=True, slots=True)
class PartJob:
    """What is the same for every part of a scan; small, since it goes with each.

    Attributes:
        plan: The plan of the scan.
        archive: The archive of the first part. The others are read like it.
        folder: The output folder.
        scan: The number of this scan, which the output folder has while it belongs to it.
        quotes: Whether `Done` has sentences, for a report.
    """

    plan: Plan
    archive: Archive
    folder: str
    scan: str
    quotes: bool


@dataclass(frozen=True, slots=True)
class Done:
    """A part that is done.

    Attributes:
        name: The name of the part.
        version: The version of the part that was read.
        output: The name of its output.
        size: The size of the output in bytes.
        rows: The rows of the output.
        summary: What was found.
        unreadable: Why the part could not be read; then its output is one record with this error.
    """

    name: str
    version: str
    output: str
    size: int
    rows: int
    summary: Summary
    unreadable: str | None

    def to_json(self) -> bytes:
        """The record of the part in the output folder."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Done:
        """Read the record of a part. Raises ValueError, KeyError or TypeError if it is none."""
        fields: dict[str, Any] = json.loads(data)
        return cls(**(fields | {"summary": Summary.from_dict(fields["summary"])}))


def record_of(output: str) -> str:
    """The name of the record of a part, by the name of its output."""
    return f"{OURS}/parts/{output}.json"


def scan_part(job: PartJob, part: Part) -> Done:
    """Read, score and write a part. Memory does not grow with its size.

    Args:
        job: What is the same for every part.
        part: The part.

    Returns:
        The counts. A part that cannot be read becomes one record with an error.

    Raises:
        ModelError: The model cannot be loaded, or is another one.
        MissingExtra: A library is not installed on this machine.
        SpoilerguardError: There are no credentials, the output cannot be written, or it belongs to another scan.
    """
    with tempfile.TemporaryDirectory(prefix="spoilerguard-") as scratch:
        try:
            results = _results(job, part)
            return _write(job, part, Path(scratch), results)
        except _UnreadError as error:
            return unreadable_part(job, part, str(error))


def unreadable_part(job: PartJob, part: Part, reason: str) -> Done:
    """Write the output of a part that cannot be read: one record with the reason.

    Args:
        job: What is the same for every part.
        part: The part.
        reason: Why it cannot be read.

    Returns:
        The counts.

    Raises:
        SpoilerguardError: The output cannot be written, or belongs to another scan.
    """
    post = Post(0, None, "", None, job.archive.text_format, None, None, reason, None)
    result = score(job.plan, Shard([post], [None], Cursor(1, 0, 0)))
    with tempfile.TemporaryDirectory(prefix="spoilerguard-") as scratch:
        return _write(job, part, Path(scratch), [result], unread=reason)


class _UnreadError(Exception):
    """Why a part cannot be read."""


def _results(job: PartJob, part: Part) -> Iterator[ShardResult]:
    works = _works(job.folder, job.scan) if job.plan.works else {}
    for shard in shards_of(_posts(job, part.source), lambda name: works.get(name or "")):
        yield score(job.plan, shard)


def _posts(job: PartJob, source: Stored) -> Iterator[tuple[Post, Cursor]]:
    """The posts of a part. Raises _UnreadError where it cannot be read, whatever the reason."""
    try:
        yield from job.archive.part(source).posts()
        if stored(source.path).version != source.version:
            raise InputError(f"{source.path}: changed while it was read; scan it again with --resume")
    except InputError as error:
        raise _UnreadError(str(error)) from error
    except OSError as error:
        raise _UnreadError(str(unreadable(source.path, error))) from error


@lru_cache(maxsize=1)
def _works(folder: str, scan: str) -> Mapping[str, Work]:
    """The works of a scan, read once by each process."""
    (data,) = _ours(folder, WORKS)
    return {name: Work(**about) for name, about in json.loads(data).items()}


def _write(job: PartJob, part: Part, scratch: Path, results: Iterable[ShardResult], unread: str | None = None) -> Done:
    """Write the output of a part, then its record: what has no record does not count, and is written again."""
    kind, names = job.plan.output, columns(blurred=job.plan.blur is not None, kept=job.plan.keep)
    summary, rows, path = Summary(), 0, scratch / "rows"
    try:
        with path.open("wb") as file:
            file.write(head(kind, names, formulas=job.plan.csv_formulas))
            for result in results:
                file.write(result.data)
                summary.add(result.summary)
                rows += result.rows
                if (found := summary.records) != (read := result.after.number):
                    raise SpoilerguardError(f"{part.source.path}: {found:,} of {read:,} records were scored")
        made = finish(kind, path, scratch / "beside", names)
        size = made.stat().st_size
    except OSError as error:
        where = f"{scratch}: cannot be written ({error.strerror or error})"
        raise SpoilerguardError(f"{where}; free some space there, or set TMPDIR; continue with --resume") from error
    for fault in summary.faults:
        fault["error"] = f"{part.source.name}: {fault['error']}"
    done = Done(part.source.name, part.source.version, part.output, size, rows, summary, unread)
    _check_scan(job)
    try:
        put(made, joined(job.folder, part.output))
        put(done.to_json(), joined(job.folder, record_of(part.output)))
    except OSError as error:
        raise SpoilerguardError(
            f"{joined(job.folder, part.output)}: cannot be written ({error.strerror or error}); continue with --resume"
        ) from error
    return done if job.quotes else replace(done, summary=replace(summary, surest=[], nearest=[]))


def _check_scan(job: PartJob) -> None:
    """Raise SpoilerguardError if another scan has taken the output folder since this one began."""
    (data,) = _ours(job.folder, SCAN)
    if json.loads(data)["scan"] != job.scan:
        raise SpoilerguardError(f"{job.folder}: another scan was started into this folder; this one ends")


def _ours(folder: str, name: str) -> Iterator[bytes]:
    path = joined(folder, name)
    try:
        yield from read_many([path])
    except OSError as error:
        raise SpoilerguardError(f"{path}: cannot be read ({error.strerror or error}); was it removed?") from error
