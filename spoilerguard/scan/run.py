"""A scan from beginning to end. Read this file first.

An archive is cut into shards, an engine scores them, and what was done is kept beside the output
until the output is whole: whatever interrupts a scan, it goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
import hashlib
import json
import os
from pathlib import Path
import time

from spoilerguard.archives import Archive
from spoilerguard.errors import InputError, SpoilerguardError
from spoilerguard.guard import load
from spoilerguard.hiding.styles import style_for
from spoilerguard.model.store import bundled_models
from spoilerguard.scan.engines import ENGINES
from spoilerguard.scan.folder import Part, is_ours
from spoilerguard.scan.outputs import kind_of
from spoilerguard.scan.plan import Plan
from spoilerguard.scan.shards import Scored, cut
from spoilerguard.scan.summary import Tally
from spoilerguard.spans import Work

__all__ = ["Progress", "plan_of", "scan"]

_SECONDS_AT_RISK = 1.0  # of work at most are done again after a crash


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan has come: records done, those of earlier runs, the share of the source (None: not known)."""

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
    blur: str | None = None,
    only_flagged: bool = False,
    partition: int | None = None,
    works: Mapping[str, Work] | None = None,
) -> Plan:
    """The plan for these options. Raises InputError, ModelError, MissingExtra where they cannot be met."""
    guard = load(model, cascade=cascade)
    if blur is not None:
        style_for(blur, archive.text_format)  # an unknown style is said now
    source = {"fingerprint": archive.fingerprint(), "read_as": archive.settled}
    return Plan(
        output=kind_of(output),
        model=model if model in bundled_models() else os.path.abspath(model),
        model_version=guard.version,
        digests=guard.manifest.digests,
        threshold=guard.threshold(sensitivity, threshold),
        cascade=cascade,
        quotations=quotations,
        any_language=any_language,
        blur=blur,
        only_flagged=only_flagged,
        partition=partition,
        works=None if works is None else _digest(works),
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
    finishing: Callable[[Tally], None] = lambda tally: None,
    progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Tally | None:
    """Scan an archive into `output`: what was seen, or None where `stop` was heeded before the end.

    `engine` is a row of ENGINES; `works` go by the names that posts give; `finishing` is called
    before the output takes its place. Whatever is raised (SpoilerguardError), `resume` goes on from
    what was kept.
    """
    with closing(Part(output, plan.to_dict())) as part:
        _start(part, resume=resume, force=force)
        if not part.complete:
            shards = cut(archive.posts(part.after), lambda name: (works or {}).get(name or ""))
            with closing(ENGINES[engine](plan, shards, jobs=jobs, address=address)) as results:
                if not _keep(results, part, archive, progress, stop):
                    return None
            if archive.fingerprint() != plan.source["fingerprint"]:
                raise InputError("the source has changed while it was scanned; begin again with --force")
            part.seal()
        finishing(part.tally)
        part.finish()
        return part.tally


def _start(part: Part, *, resume: bool, force: bool) -> None:
    """Go on with an unfinished output, or begin one. Raises InputError where something would be lost."""
    if part.output.is_dir() and not (part.plan["partition"] and is_ours(part.output)):
        raise InputError(f"{part.output}: is a folder, and not one of a partitioned output; give another name")
    if resume and part.begun():
        part.go_on()
        return
    if not force:
        if part.output.exists():
            unfinished = ", and no scan of it is unfinished" if resume else ""
            raise InputError(f"{part.output}: exists{unfinished}; --force replaces it")
        if part.begun():
            raise InputError(f"{part.folder}: an unfinished scan; go on with --resume, or begin again with --force")
    part.begin(replace=force)


def _keep(
    results: Iterator[Scored],
    part: Part,
    archive: Archive,
    progress: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> bool:
    """Write down one result after the other; whether the end was reached. What was written down counts."""
    earlier, due = part.tally.records, time.monotonic() + _SECONDS_AT_RISK
    try:
        for scored in results:
            read = part.tally.records + scored.tally.records
            if read != scored.after.number:
                raise SpoilerguardError(f"{read:,} records came out where the archive counts {scored.after.number:,}")
            part.write(scored)
            if time.monotonic() >= due:
                part.commit()
                due = time.monotonic() + _SECONDS_AT_RISK
            progress(Progress(part.tally.records, earlier, archive.position / archive.size if archive.size else None))
            if stop():
                return False
    finally:
        part.commit()
    return True
