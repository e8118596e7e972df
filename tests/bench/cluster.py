"""A scan in parts: what a core does, what a part costs beside its records, and what limits a large cluster.

    python tests/bench/cluster.py                  # the costs: some minutes
    python tests/bench/cluster.py --kills 10       # ten scans from S3 to S3 whose workers are killed

The comments are sentences of our own corpus. The S3 server (moto's) is another process on this machine, so what
counts is processor time of ours, and how many requests are made; the time that a real store takes to answer is added
from `--latency`. Client and scheduler are measured together, as one process, which is the worst case.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
import json
from multiprocessing import get_context
import os
from pathlib import Path
import pickle
import random
import resource
import signal
import sys
import threading
import time
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from buckets import filesystem, lines_of, packed, s3_server  # noqa: E402

CORES = 1_000
KINDS = {"short comments": (1, 3), "reviews": (12, 20)}  # sentences in each


def sentences() -> list[str]:
    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        return [s["text"].strip() for line in lines for s in json.loads(line)["sentences"]]


def generated(kind: str, records: int, part: int = 0) -> list[dict[str, Any]]:
    """So many comments, the same every time; no id occurs twice."""
    draw, every = random.Random(f"{kind} {part}"), sentences()
    return [
        {
            "id": f"{part}-{number}",
            "text": " ".join(draw.choices(every, k=draw.randint(*KINDS[kind]))),
            "work": f"w{draw.randrange(50_000)}",
            "time": f"2024-{draw.randint(1, 12):02}-01",
        }
        for number in range(records)
    ]


# --- one part -------------------------------------------------------------------------------------


def job_and_parts(source: str, output: str) -> tuple[Any, list[Any]]:
    """What a worker is given, with the output folder made ready for it."""
    from spoilerguard.archives import open_archive
    from spoilerguard.scan.part import PartJob
    from spoilerguard.scan.partfolder import PartsFolder
    from spoilerguard.scan.parts import files_of, kind_of_parts, parts_of
    from spoilerguard.scan.run import plan_of

    files = files_of(source)
    archive = open_archive(files[0].path)
    kind = kind_of_parts(output, archive)
    parts, plan = parts_of(files, source, output, kind), plan_of(archive, Path(f"part{kind}"))
    plan = replace(plan, source={"read_as": archive.settled})
    folder = PartsFolder(output, plan.to_dict(), parts)
    folder.start(resume=False, force=True, works=None)
    return PartJob(plan, archive, output, folder.scan, False), parts


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """The requests to S3, by name."""
    import s3fs

    seen: Counter[str] = Counter()
    call = s3fs.S3FileSystem._call_s3

    async def counting(self: Any, method: str, *arguments: Any, **options: Any) -> Any:
        seen[method] += 1
        return await call(self, method, *arguments, **options)

    s3fs.S3FileSystem._call_s3 = counting
    try:
        yield seen
    finally:
        s3fs.S3FileSystem._call_s3 = call


def seconds(work: Callable[[], Any]) -> float:
    """Processor seconds of all threads of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def costs_of_parts(records: int, latency: float) -> dict[str, float]:
    """Prints what a core does; returns records per core-second of each kind."""
    from spoilerguard.scan.part import scan_part

    rates: dict[str, float] = {}
    for kind, suffix in ((kind, suffix) for kind in KINDS for suffix in (".parquet", ".jsonl.gz")):
        some = records if kind == "short comments" else records // 8
        folder = f"bucket/{kind.replace(' ', '-')}{suffix}"
        sizes = (1, some, some)
        for number, size in enumerate(sizes):
            filesystem().pipe(f"{folder}/{number}{suffix}", packed(generated(kind, size, number), suffix))
        job, (tiny, *large) = job_and_parts(f"s3://{folder}", f"s3://{folder}-out/")
        scan_part(job, tiny)  # what a first call alone costs
        with counted() as requests:
            beside = min(seconds(partial(scan_part, job, tiny)) for _ in range(3))
        each = sum(requests.values()) // 3
        spent = min(seconds(partial(scan_part, job, part)) for part in large)
        rate = some / (spent - beside)
        rates[kind] = max(rates.get(kind, 0), rate)
        read, written = large[0].source.size / some, sum(f["Size"] for f in _objects(f"{folder}-out")) / (2 * some)
        print(
            f"{kind}, {suffix[1:]}: {rate:,.0f} records per core-second; a part costs {1e3 * beside:.0f} ms of a core "
            f"and {each} requests in turn ({1e3 * each * latency:.0f} ms) beside its records; "
            f"{read:,.0f} bytes read and {written:,.0f} written a record",
            flush=True,
        )
    return rates


def _objects(folder: str) -> Iterator[dict[str, Any]]:
    return (info for name, info in filesystem().find(folder, detail=True).items() if "/_" not in name)


def peak(records: int, answer: Any) -> None:
    """In a process of its own: its peak memory in MB after a part with so many records."""
    from spoilerguard.scan.part import scan_part

    job, parts = job_and_parts(f"s3://bucket/memory-{records}", f"s3://bucket/memory-{records}-out/")
    scan_part(job, parts[0])
    answer.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def memory(records: int) -> None:
    context, peaks = get_context("spawn"), list[int]()
    for some in (records, 8 * records):
        filesystem().pipe(f"bucket/memory-{some}/a.parquet", packed(generated("short comments", some), ".parquet"))
        answer = context.Queue()
        process = context.Process(target=peak, args=(some, answer))
        process.start()
        peaks.append(answer.get())
        process.join()
    print(f"memory of a worker: {peaks[0]} MB for a part of {records:,} records, {peaks[1]} MB for one of 8 times more")


# --- the process that hands out parts -------------------------------------------------------------


def pretended(done: Any, part: Any) -> Any:
    """A part that is done at once."""
    return replace(done, name=part.source.name, output=part.output)


def costs_of_client(parts: int) -> float:
    """Prints the processor seconds of client and scheduler for a part, and returns them."""
    from spoilerguard.files.storage import Stored
    from spoilerguard.scan import engines
    from spoilerguard.scan.part import Part, scan_part
    from spoilerguard.scan.summary import Summary

    job, found = job_and_parts("s3://bucket/short-comments.parquet", "s3://bucket/client-out/")
    done = scan_part(job, found[-1])
    many = [Part(Stored(f"s3://b/{n}.parquet", f"{n}.parquet", 1, ""), f"{n}.parquet") for n in range(parts)]
    engine = partial(engines.dask, partial(pretended, done), jobs=1, address=None, lost=lambda part, reason: done)
    total = Summary()

    def run(some: list[Any]) -> None:
        for result in engine(some):
            total.add(result.summary)

    start = seconds(partial(run, many[:1]))
    spent = (seconds(partial(run, many)) - start) / (parts - 1)
    adding = seconds(lambda: [total.add(done.summary) for _ in range(20)]) / 20
    print(
        f"client and scheduler: {1e3 * spent:.1f} ms of a core a part, {1e3 * adding:.1f} ms of it to add up; "
        f"{len(pickle.dumps(done)):,} bytes come back, {len(pickle.dumps((job, many[0]))):,} go out"
    )
    return spent


def outlook(rates: dict[str, float], spent: float) -> None:
    for kind, rate in rates.items():
        whole = CORES * rate
        print(
            f"{kind}: {CORES:,} cores would score {whole:,.0f} records a second; client and scheduler keep up "
            f"from {whole * spent:,.0f} records a part on"
        )


# --- kills ----------------------------------------------------------------------------------------


def kills(runs: int, records: int, parts: int) -> None:
    """Scans whose workers are killed at random moments: every record is there once, in each of them."""
    from spoilerguard.archives import open_archive
    from spoilerguard.scan.engines import local_cluster
    from spoilerguard.scan.parts import files_of, kind_of_parts, parts_of, scan_parts
    from spoilerguard.scan.run import plan_of

    for number in range(parts):
        content = packed(generated("short comments", records, number), ".parquet")
        filesystem().pipe(f"bucket/kills/{number:03}.parquet", content)
    source = "s3://bucket/kills/*.parquet"
    files = files_of(source)
    archive = open_archive(files[0].path)
    moments = random.Random(18)
    with local_cluster(2) as cluster:
        for turn in range(1, runs + 1):
            output, killed = f"s3://bucket/kills-{turn}.jsonl/", list[int]()
            kind = kind_of_parts(output, archive)
            ended = threading.Event()

            def kill(killed: list[int] = killed, ended: threading.Event = ended) -> None:
                while len(killed) < 3 and not ended.wait(moments.uniform(0.2, 4)):
                    alive = [nanny.pid for nanny in cluster.workers.values() if nanny.pid not in (None, *killed)]
                    if alive:
                        killed.append(moments.choice(alive))
                        os.kill(killed[-1], signal.SIGKILL)

            killer = threading.Thread(target=kill)
            killer.start()
            plan = plan_of(archive, Path(f"part{kind}"))
            found = scan_parts(
                archive,
                parts_of(files, source, output, kind),
                output,
                plan,
                engine="dask",
                address=cluster.scheduler_address,
            )
            ended.set()
            killer.join()
            seen = Counter(record["id"] for record in lines_of(output.removeprefix("s3://").rstrip("/")))
            once = sum(times == 1 for times in seen.values())
            print(
                f"run {turn}: {len(killed)} workers killed, {found.records:,} records, {once:,} there once", flush=True
            )
            if not (once == len(seen) == found.records == records * parts) or found.errors:
                raise SystemExit("records are missing, or there more than once")


def serve(answer: Any, end: Any) -> None:
    with s3_server() as environment:
        answer.put(environment)
        end.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000, help="short comments in a part; reviews are an eighth")
    parser.add_argument("--parts", type=int, default=500, help="parts by which client and scheduler are measured")
    parser.add_argument("--latency", type=float, default=0.03, help="seconds that a store takes to answer a request")
    parser.add_argument("--kills", type=int, default=0, metavar="RUNS", help="instead: so many scans with kills")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])  # of the workers
    context = get_context("spawn")
    answer, end = context.Queue(), context.Event()
    server = context.Process(target=serve, args=(answer, end))
    server.start()
    os.environ.update(answer.get())
    try:
        if options.kills:
            kills(options.kills, options.records // 20, 16)
            return
        rates = costs_of_parts(options.records, options.latency)
        memory(options.records)
        outlook(rates, costs_of_client(options.parts))
    finally:
        end.set()
        server.join()


if __name__ == "__main__":
    main()
