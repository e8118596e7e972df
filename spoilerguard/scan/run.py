"""A scan from start to end. Read this file first.

An archive is divided into shards, an engine scores them, and the results are kept beside the output until it is
complete. Whatever interrupts a scan, it resumes where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
import hashlib
import json
import os
from pathlib import Path
import time
from typing import BinaryIO, TypeAlias

from spoilerguard.archives import START, Archive, Cursor, Post
from spoilerguard.errors import InputError, SpoilerguardError
from spoilerguard.guard import load
from spoilerguard.hiding.styles import style_for
from spoilerguard.model.store import bundled_models
from spoilerguard.scan.engines import ENGINES
from spoilerguard.scan.folder import PartialOutput, may_replace
from spoilerguard.scan.outputs import columns, kind_of
from spoilerguard.scan.plan import Plan
from spoilerguard.scan.shards import Shard, ShardResult, score, shards_of
from spoilerguard.scan.summary import Summary
from spoilerguard.spans import Work

__all__ = ["Progress", "plan_of", "scan", "stream"]

Record: TypeAlias = tuple[Post, Cursor]

_SECONDS_AT_RISK = 1.0  # at most that much work is repeated after a crash


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a scan.

    Attributes:
        records: Records done.
        earlier: Records done by earlier runs.
        share: The share of the source that was read, from 0 to 1; None where it is unknown.
    """

    records: int
    earlier: int
    share: float | None


def plan_of(
    archive: Archive,
    output: Path,
    *,
    model: str = "fast",
    sensitivity: str = "medium",
    threshold: float | None = None,
    cascade: bool = True,
    quotations: bool = True,
    any_language: bool = False,
    suppressions: bool = False,
    blur: str | None = None,
    only_flagged: bool = False,
    csv_formulas: bool = False,
    partition: int | None = None,
    works: Mapping[str, Work] | None = None,
) -> Plan:
    """Make the plan of a scan.

    Args:
        archive: The archive; the columns that it carries are kept in the output.
        output: The output; its suffix is its format. STDOUT stands for standard output.
        model: The name of a bundled model, or a folder.
        sensitivity: "low", "medium" or "high".
        threshold: A probability instead of a sensitivity.
        cascade: Whether a transformer reads only the sentences that its linear part is unsure of.
        quotations: Whether quotations are scored.
        any_language: Whether texts that are not in English are scored.
        suppressions: Whether suppression comments in the texts are obeyed.
        blur: The blur style of the column `blurred`; by default there is no such column.
        only_flagged: Whether to leave out records without a spoiler.
        csv_formulas: Whether to leave text in a CSV that a spreadsheet would run as a formula as it is.
        partition: The approximate number of records per file; by default there is one file.
        works: Blurbs and synopses by work.

    Returns:
        The plan.

    Raises:
        InputError: An option is wrong.
        ModelError: The model cannot be loaded.
        MissingExtra: A library that an option needs is not installed.
    """
    guard = load(model, cascade=cascade)
    if blur is not None:
        style_for(blur, archive.text_format)  # fail early on an unknown style
    keep = tuple(name for name in archive.carry if name != "id" or archive.columns.id != "id")
    columns(blurred=blur is not None, kept=keep)  # fail early where two have one name
    read_as = {name: value for name, value in archive.settled.items() if name != "carry"}  # the plan has them by name
    source = {"fingerprint": archive.fingerprint(), "read_as": read_as}
    return Plan(
        output=kind_of(output),
        model=model if model in bundled_models() else os.path.abspath(model),
        model_version=guard.version,
        digests=guard.manifest.digests,
        threshold=guard.threshold(sensitivity, threshold),
        cascade=cascade,
        quotations=quotations,
        any_language=any_language,
        suppressions=suppressions,
        blur=blur,
        only_flagged=only_flagged,
        csv_formulas=csv_formulas,
        partition=partition,
        works=None if works is None else _digest(works),
        keep=keep,
        source=source,
    )


def _digest(works: Mapping[str, Work]) -> str:
    text = json.dumps([(name, asdict(work)) for name, work in sorted(works.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def scan(
    archive: Archive,
    output: Path,
    plan: Plan,
    *,
    jobs: int = 1,
    engine: str = "local",
    address: str | None = None,
    works: Mapping[str, Work] | None = None,
    resume: bool = False,
    force: bool = False,
    finishing: Callable[[Summary], None] = lambda summary: None,
    progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
    reading: Callable[[Iterator[Record]], Iterator[Record]] = iter,
) -> Summary | None:
    """Scan an archive into an output. After any error, `resume` continues from what was kept.

    Args:
        archive: The archive.
        output: The output.
        plan: The plan.
        jobs: How many processes to use.
        engine: The name of a row of ENGINES.
        address: The address of a Dask scheduler.
        works: Blurbs and synopses, by the names of works in the posts.
        resume: Whether to resume an interrupted scan, if there is one.
        force: Whether to start again, and replace the output.
        finishing: Called with the summary before the output is put in place.
        progress: Called after each shard.
        stop: Asked after each shard whether to stop.
        reading: Wraps the iterator of the archive, in which alone an exception may be raised at any time.

    Returns:
        The summary, or None if `stop` ended the scan early.

    Raises:
        InputError: The source or the output cannot be used, or the source changed during the scan.
        ModelError: The model cannot be loaded.
        MissingExtra: A library is not installed.
        SpoilerguardError: A worker or the cluster failed.
    """
    with closing(PartialOutput(output, plan.to_dict())) as part:
        _start(part, resume=resume, force=force)
        if not part.complete:
            shards = _shards(archive, part.after, works, reading)
            with closing(ENGINES[engine](partial(score, plan), shards, jobs=jobs, address=address)) as results:
                if not _write(results, part, archive, progress, stop):
                    return None
            _check_source(archive, plan)
            part.seal()
        finishing(part.summary)
        part.finish()
        return part.summary


def stream(
    archive: Archive,
    output: BinaryIO,
    plan: Plan,
    *,
    jobs: int = 1,
    engine: str = "local",
    address: str | None = None,
    works: Mapping[str, Work] | None = None,
    finishing: Callable[[Summary], None] = lambda summary: None,
    progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
    reading: Callable[[Iterator[Record]], Iterator[Record]] = iter,
) -> Summary | None:
    """Scan an archive into a stream, row by row; it cannot be resumed. Arguments and errors are those of `scan`.

    Args:
        output: Where the rows are written; it has those of each shard as soon as it is scored.

    Returns:
        The summary, or None if `stop` ended the scan early.
    """
    summary = Summary()
    shards = _shards(archive, START, works, reading)
    with closing(ENGINES[engine](partial(score, plan), shards, jobs=jobs, address=address)) as results:
        for result in results:
            summary.add(result.summary)
            _check_count(summary.records, result)
            output.write(result.data)
            output.flush()
            progress(_progress_of(archive, summary.records, 0))
            if stop():
                return None
    _check_source(archive, plan)
    finishing(summary)
    return summary


def _shards(
    archive: Archive,
    start: Cursor,
    works: Mapping[str, Work] | None,
    reading: Callable[[Iterator[Record]], Iterator[Record]],
) -> Iterator[Shard]:
    return shards_of(reading(archive.posts(start)), lambda name: (works or {}).get(name or ""))


def _check_source(archive: Archive, plan: Plan) -> None:
    if archive.fingerprint() != plan.source["fingerprint"]:
        raise InputError("the source changed during the scan; start again with --force")


def _check_count(read: int, result: ShardResult) -> None:
    if read != result.after.number:
        raise SpoilerguardError(f"{read:,} records were scored, but the archive counts {result.after.number:,}")


def _progress_of(archive: Archive, records: int, earlier: int) -> Progress:
    return Progress(records, earlier, archive.position / archive.size if archive.size else None)


def _start(part: PartialOutput, *, resume: bool, force: bool) -> None:
    """Resume a partial output, or start one. Raises InputError if something would be lost."""
    if part.output.is_dir() and not (part.plan["partition"] and may_replace(part.output)):
        raise InputError(f"{part.output}: a folder that is not a partitioned output; choose another name")
    if resume and part.exists():
        part.resume()
        return
    if not force:
        if part.output.exists():
            unfinished = ", and there is no interrupted scan to resume" if resume else ""
            raise InputError(f"{part.output}: already exists{unfinished}; --force replaces it")
        if part.exists():
            raise InputError(f"{part.folder}: an interrupted scan; continue with --resume, or start again with --force")
    part.start(replace=force)


def _write(
    results: Iterator[ShardResult],
    part: PartialOutput,
    archive: Archive,
    progress: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> bool:
    """Write the results in order. Returns whether the end was reached; what was written counts in any case."""
    earlier, due = part.summary.records, time.monotonic() + _SECONDS_AT_RISK
    try:
        for result in results:
            _check_count(part.summary.records + result.summary.records, result)
            part.write(result)
            if time.monotonic() >= due:
                part.commit()
                due = time.monotonic() + _SECONDS_AT_RISK
            progress(_progress_of(archive, part.summary.records, earlier))
            if stop():
                return False
    finally:
        part.commit()
    return True
