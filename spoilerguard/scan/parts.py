"""A scan of an archive in parts on shared storage, from start to end. Read `run` first; this is its other shape.

There one process reads the archive, and hands out shards. Here each worker reads a part, a whole file, and writes its
output. The process that you start lists the parts, looks at the beginning of the first one, hands out names and adds
up counts. It sees no other text, unless sentences are wanted for a report, and it cannot slow the workers down:

    s3://bucket/comments/2024/a.parquet   ->   scan_part, on some worker   ->   s3://bucket/out/2024/a.parquet

Costs, measured by `tests/bench/cluster.py` in processor time on a busy machine: 1,800 short comments (two sentences) or
320 reviews (sixteen) per core-second. A part costs 45 to 85 ms of a core and nine requests to the store beside its
records. The next bottleneck is client and scheduler, which add up counts by work: 15 ms for a part with comments on
2,000 works, 40 ms for one with 7,400 (10,000 at most are told apart). A thousand cores score 1.8 million short comments
or 320,000 reviews a second, and thus want parts of 30,000 to 75,000 comments, or 5,000 to 13,000 reviews, at least.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
import os
from pathlib import Path, PurePosixPath

from spoilerguard.archives import PART_SUFFIXES, Archive, is_part
from spoilerguard.errors import InputError, SpoilerguardError
from spoilerguard.files.source import unreadable
from spoilerguard.files.storage import Stored, is_url, listed
from spoilerguard.files.streams import DATA_SUFFIXES, PACKED_SUFFIXES
from spoilerguard.scan.engines import ENGINES
from spoilerguard.scan.outputs import FILE_FORMATS, PACKERS, kind_of
from spoilerguard.scan.part import Done, Part, PartJob, scan_part, unreadable_part
from spoilerguard.scan.partfolder import PartsFolder
from spoilerguard.scan.plan import Plan
from spoilerguard.scan.run import Progress
from spoilerguard.scan.summary import Summary
from spoilerguard.spans import Work

__all__ = ["files_of", "kind_of_parts", "parts_of", "scan_parts", "wants_parts"]


def wants_parts(output: str) -> bool:
    """Whether an output is a folder with a file for each part: a URL, or a path that ends with a slash."""
    return is_url(output) or output.endswith(("/", os.sep))


def files_of(source: str) -> list[Stored]:
    """The files of a source that are its parts, in the order of their names.

    Args:
        source: A file, folder or pattern, or the URL of one.

    Returns:
        The files: in a folder, those whose names are those of data.

    Raises:
        InputError: There is none, or the storage cannot be reached.
    """
    try:
        found = [file for file in listed(source) if file.size and (is_part(file.name) or file.path == source)]
    except OSError as error:
        raise unreadable(source, error) from error
    if not found:
        raise InputError(f"{source}: no archive there; expected files that end in {', '.join(PART_SUFFIXES)}")
    return found


def kind_of_parts(output: str, archive: Archive) -> str:
    """The format of the outputs: the suffix of the folder; without one, Parquet from Parquet and JSON Lines otherwise.

    Raises:
        InputError: There is no such format.
        MissingExtra: A library that the format needs is not installed.
    """
    name = PurePosixPath(output.rstrip("/")).name
    known = any(end in FILE_FORMATS or end in PACKERS for end in PurePosixPath(name.lower()).suffixes[-1:])
    return kind_of(Path(name if known else "part.parquet" if archive.kind == "parquet" else "part.jsonl"))


def parts_of(files: Sequence[Stored], source: str, output: str, kind: str) -> list[Part]:
    """Name the output of each part: as the part, with the suffix of the output.

    Args:
        files: The files.
        source: The source they are of.
        output: The output folder.
        kind: The format of the outputs.

    Returns:
        The parts.

    Raises:
        InputError: Two outputs would have the same name, or the output folder is in the source.
    """
    folder, inside = _real(output), f"{_real(output)}/"
    own = next((file.path for file in files if f"{_real(file.path)}/".startswith(inside)), None)
    if own is not None or inside.startswith(f"{_real(source)}/"):
        raise InputError(f"{folder}: is in the source, which would then hold its own output; choose another folder")
    names: dict[str, Stored] = {}
    for file in files:
        name = f"{_bare(file.name)}{kind}"
        if name in names:
            other = names[name].path
            raise InputError(f"{file.path}: its output and that of {other} would both be {name!r}; rename one")
        names[name] = file
    return [Part(file, name) for name, file in names.items()]


def _real(path: str) -> str:
    return path.rstrip("/") if is_url(path) else os.path.realpath(path)


def _bare(name: str) -> str:
    path = PurePosixPath(name)
    for suffixes in (PACKED_SUFFIXES, DATA_SUFFIXES | {".xml"}):
        if path.suffix.lower() in suffixes:
            path = path.with_suffix("")
    return str(path)


def scan_parts(
    archive: Archive,
    parts: Sequence[Part],
    output: str,
    plan: Plan,
    *,
    jobs: int = 1,
    engine: str = "local",
    address: str | None = None,
    works: Mapping[str, Work] | None = None,
    resume: bool = False,
    force: bool = False,
    quotes: bool = False,
    beginning: Callable[[int], None] = lambda done: None,
    finishing: Callable[[Summary], None] = lambda summary: None,
    progress: Callable[[Progress], None] = lambda progress: None,
    reading: Callable[[Iterator[Done]], Iterator[Done]] = iter,
) -> Summary:
    """Scan the parts of an archive into a folder. After any error, `resume` does what is not done.

    Args:
        archive: The archive of the first part.
        parts: The parts.
        output: The output folder.
        plan: The plan, as `run.plan_of` makes it of the archive.
        jobs: How many processes to use.
        engine: The name of a row of ENGINES.
        address: The address of a Dask scheduler.
        works: Blurbs and synopses, by the names of works in the posts.
        resume: Whether to leave out the parts that are done and have not changed.
        force: Whether to remove what an earlier scan has written, and start again.
        quotes: Whether the summary has sentences, for a report.
        beginning: Called with the number of parts that earlier runs have done.
        finishing: Called with the summary when every part is there.
        progress: Called after each part.
        reading: Wraps the iterator of parts that are done, in which an exception may be raised at any time.

    Returns:
        The summary of all parts, in no fixed order where it quotes only some.

    Raises:
        InputError: The output folder cannot be used.
        ModelError: The model cannot be loaded.
        MissingExtra: A library is not installed.
        SpoilerguardError: A worker or the cluster failed, or the output cannot be written.
    """
    plan = replace(plan, source={"read_as": plan.source["read_as"]})  # each part has its own fingerprint: its version
    folder = PartsFolder(output, plan.to_dict(), parts)
    summary, written = Summary(), dict[str, int]()

    def add(done: Done) -> None:
        if done.output in written:
            raise SpoilerguardError(f"{done.name}: done twice; please report this")
        written[done.output] = done.size
        summary.add(done.summary)

    for done in folder.start(resume=resume, force=force, works=works):
        add(done)
    earlier, sizes = summary.records, {part.output: part.source.size for part in parts}
    left = [part for part in parts if part.output not in written]
    read = sum(sizes[name] for name in written)
    beginning(len(written))
    job = PartJob(plan, archive, output, folder.scan, quotes)
    left.sort(key=lambda part: -part.source.size)  # the last to end are small
    if left:
        work = partial(scan_part, job)
        results = ENGINES[engine](work, left, jobs=jobs, address=address, lost=partial(unreadable_part, job))
        with closing(results):
            for done in reading(results):
                add(done)
                read += sizes[done.output]
                progress(Progress(summary.records, earlier, read / sum(sizes.values())))
    folder.check(written)
    finishing(summary)
    return summary
