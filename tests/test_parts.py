"""A scan in parts: each part as the local engine has it, once, whatever dies meanwhile; from S3 to S3 or on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
import json
import os
from pathlib import Path
import pickle
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

from buckets import filesystem, lines_of, packed, records, s3_server, upload
from commands import PACKAGE_AT, Cli
import pytest
from texts import SPOILERS
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.archives import open_archive
from spoilerguard.files.storage import joined, listed, put, read_many
from spoilerguard.scan import engines, run
from spoilerguard.scan import part as one_part
from spoilerguard.scan import parts as in_parts
from spoilerguard.scan.part import Done, PartJob, scan_part
from spoilerguard.scan.summary import Summary

pytest.importorskip("s3fs")
pytest.importorskip("moto")

COUNTS = {"a.parquet": 31, "b.parquet": 7, "deep/c.parquet": 40, "d.parquet": 12, "e.parquet": 25}


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[dict[str, str]]:
    with s3_server() as environment:
        yield environment


def scan(
    source: str,
    output: str,
    *,
    blur: str | None = None,
    only_flagged: bool = False,
    keep: Sequence[str] = (),
    **options: Any,
) -> Summary:
    """A scan in parts with the defaults of the command line."""
    files = in_parts.files_of(source)
    archive = open_archive(files[0].path, carry=keep)
    kind = in_parts.kind_of_parts(output, archive)
    plan = run.plan_of(archive, Path(f"part{kind}"), blur=blur, only_flagged=only_flagged, works=options.get("works"))
    return in_parts.scan_parts(archive, in_parts.parts_of(files, source, output, kind), output, plan, **options)


def alone(data: bytes, suffix: str, output: Path, keep: Sequence[str] = (), **options: Any) -> tuple[bytes, Summary]:
    """What the local engine writes for an archive with this content."""
    source = output.with_name(f"alone{suffix}")
    source.write_bytes(data)
    archive = open_archive(source, carry=keep)
    summary = run.scan(archive, output, run.plan_of(archive, output, **options), force=True)
    assert summary is not None
    return output.read_bytes(), summary


def counts_of(summary: Summary) -> dict[str, Any]:
    """What of a summary does not depend on the order of the parts."""
    return {name: value for name, value in summary.to_dict().items() if name not in ("surest", "nearest", "faults")}


# --- the same as the local engine -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "kind", "options"),
    [
        (".parquet", ".parquet", {}),
        (".jsonl", ".jsonl", {"blur": "redact"}),
        (".jsonl.gz", ".jsonl.gz", {"keep": ["text", "work"]}),
        (".jsonl.zst", ".csv", {"only_flagged": True}),
    ],
)
def test_a_part_has_the_bytes_of_the_local_engine(
    tmp_path: Path, suffix: str, kind: str, options: dict[str, Any]
) -> None:
    folder, output = f"s3://bucket/same{suffix}", f"s3://bucket/same{suffix}-out{kind}/"
    total = Summary()
    written = upload(folder.removeprefix("s3://"), {f"{name}{suffix}": size for name, size in (("a", 30), ("b/c", 9))})
    found = scan(folder, output, quotes=True, **options)
    for name, rows in written.items():
        expected, summary = alone(packed(rows, suffix), suffix, tmp_path / f"out{kind}", **options)
        (file,) = listed(f"{output}{name.removesuffix(suffix)}{kind}")
        assert list(read_many([file.path])) == [expected]
        total.add(summary)
    assert counts_of(found) == counts_of(total)
    assert len(found.surest) == len(total.surest) > 0


def test_on_disk_it_is_the_same(tmp_path: Path) -> None:
    source, output = tmp_path / "in", f"{tmp_path}/out/"
    for name, count in COUNTS.items():
        put(packed(records(name, count), ".parquet"), str(source / name))
    found = scan(f"{source}/**/*.parquet", output, jobs=2)
    assert found.records == sum(COUNTS.values())
    for name, count in COUNTS.items():
        expected, _ = alone(packed(records(name, count), ".parquet"), ".parquet", tmp_path / "one.parquet")
        assert (tmp_path / "out" / name).read_bytes() == expected
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "_spoilerguard", "a.parquet", "b.parquet", "d.parquet", "deep", "e.parquet",
    ]  # fmt: skip
    import pyarrow.dataset as dataset

    assert dataset.dataset(output).count_rows() == found.records  # what others read is the output and no more


def test_the_process_that_starts_it_sees_counts_and_no_text(tmp_path: Path) -> None:
    put(packed(records("a", 30), ".jsonl"), f"{tmp_path}/in/a.jsonl")
    (file,) = in_parts.files_of(f"{tmp_path}/in")
    archive = open_archive(file.path)
    (part,) = in_parts.parts_of([file], str(tmp_path / "in"), f"{tmp_path}/out/", ".jsonl")
    plan = run.plan_of(archive, Path("part.jsonl"))
    put(json.dumps({"scan": "1"}).encode(), f"{tmp_path}/out/_spoilerguard/scan.json")
    for quotes in (False, True):
        done = scan_part(PartJob(plan, archive, f"{tmp_path}/out/", "1", quotes), part)
        assert done.summary.flagged > 0
        sent = pickle.dumps(done)
        assert any(sentence.encode() in sent for sentence in SPOILERS) is quotes
    assert len(pickle.dumps(PartJob(plan, archive, "s3://bucket/out/", "1", False))) < 8_000  # goes with each part


def test_the_works_reach_the_workers(tmp_path: Path) -> None:
    works = {"Low Tide": sg.Work(title="Low Tide", blurb="A diver is found dead; her sister asks who killed her.")}
    put(packed(records("a", 12), ".jsonl"), f"{tmp_path}/in/a.jsonl")
    found = scan(f"{tmp_path}/in", f"{tmp_path}/out/", works=works)
    archive = open_archive(tmp_path / "in" / "a.jsonl")
    plan = run.plan_of(archive, tmp_path / "one.jsonl", works=works)
    assert found.records == 12
    assert run.scan(archive, tmp_path / "one.jsonl", plan, works=works) is not None
    assert (tmp_path / "out" / "a.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


# --- whatever dies --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(server: dict[str, str]) -> Iterator[Any]:
    """Two workers on this machine; one that dies is started again."""
    pytest.importorskip("distributed")
    with engines.local_cluster(2) as cluster:
        yield cluster


def test_every_record_is_there_once_when_workers_die(cluster: Any) -> None:
    counts = {f"{letter}.parquet": 60 + 40 * at for at, letter in enumerate("abcdefgh")}
    upload("bucket/dying", counts)
    killed: list[int] = []

    def kill(progress: run.Progress) -> None:
        alive = [nanny.pid for nanny in cluster.workers.values() if nanny.pid not in (None, *killed)]
        if len(killed) < 3 and alive:
            killed.append(alive[0])
            os.kill(alive[0], signal.SIGKILL)

    found = scan(
        "s3://bucket/dying/*.parquet",
        "s3://bucket/dead.jsonl/",
        engine="dask",
        address=cluster.scheduler_address,
        progress=kill,
    )
    assert len(killed) >= 2
    assert (found.records, found.errors) == (sum(counts.values()), 0)
    seen = Counter(record["id"] for record in lines_of("bucket/dead.jsonl"))
    assert set(seen.values()) == {1}
    assert len(seen) == found.records


def test_killed_itself_it_goes_on_with_the_parts_that_are_left(tmp_path: Path, cli: Cli) -> None:
    counts = {f"{number:02}.jsonl.gz": 200 for number in range(6)}
    upload("bucket/killed", counts)
    arguments = ["scan", "s3://bucket/killed/", "-o", "s3://bucket/killed-out/", "--quiet"]
    with subprocess.Popen(
        [sys.executable, "-m", "spoilerguard", *arguments], env=os.environ | {"PYTHONPATH": PACKAGE_AT}
    ) as process:
        while process.poll() is None and not listed("s3://bucket/killed-out/_spoilerguard/parts"):
            time.sleep(0.02)
        process.kill()
    there = {file.name: filesystem().info(file.path)["LastModified"] for file in listed("s3://bucket/killed-out/")}
    done = [name for name in there if name.startswith("_spoilerguard/parts/")]
    assert 0 < len(done) <= len(counts)
    ran = cli(*arguments, "--resume")
    assert (ran.status, ran.out) == (0, "")
    for name in done:  # not touched
        output = name.removeprefix("_spoilerguard/parts/").removesuffix(".json")
        assert filesystem().info(f"bucket/killed-out/{output}")["LastModified"] == there[output]
    seen = Counter(record["id"] for record in lines_of("bucket/killed-out"))
    assert (len(seen), set(seen.values())) == (sum(counts.values()), {1})
    again = cli(*arguments[:-1], "--resume")
    assert again.status == 0
    assert again.err.splitlines()[-2] == "s3://bucket/killed-out/: 6 of 6 parts are done from before"
    assert "1,200 records" in again.err.splitlines()[-1]


def die(item: str) -> str:
    if item == "poison":
        os._exit(1)
    return item


def test_a_part_of_which_worker_after_worker_dies_is_given_up() -> None:
    dask = pytest.importorskip("dask")
    pytest.importorskip("distributed")
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        results = engines.dask(die, ["poison"], jobs=1, lost=lambda item, reason: f"{item}: {reason}")
        assert list(results) == ["poison: several workers died of this part, perhaps for lack of memory"]


def mute(*arguments: Any, **options: Any) -> Any:
    raise TimeoutError("timed out after 60 s.")


@pytest.mark.parametrize("wait", [engines._as_done, engines._in_order])
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda *_, **options: {}, "no workers for 10 minutes; start some, and continue with --resume"),
        (mute, r"the Dask scheduler does not answer \(timed out after 60 s.\); continue with --resume"),
    ],
)
def test_a_cluster_that_does_no_work_is_not_waited_for_forever(
    monkeypatch: pytest.MonkeyPatch, wait: Any, answer: Any, says: str
) -> None:
    monkeypatch.setattr(engines, "_MINUTE", 0.01)
    waiting = partial(engines._check_workers, SimpleNamespace(sync=answer, scheduler=SimpleNamespace(ncores=None)), [0])
    with pytest.raises(sg.SpoilerguardError, match=says):
        next(wait(lambda item: Future(), ["a"], ahead=1, waiting=waiting))


def test_an_error_of_an_item_is_no_sign_of_a_cluster_without_workers() -> None:
    failed: Future[None] = Future()
    failed.set_exception(TimeoutError("of a file system"))
    with pytest.raises(TimeoutError, match="of a file system"):
        next(engines._in_order(lambda item: failed, ["a"], ahead=1))


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_engine_gives_what_is_done_as_it_comes(jobs: int) -> None:
    items = list(range(40))
    assert sorted(engines.local(abs, items, jobs=jobs, lost=lambda item, reason: item)) == items


def test_a_worker_that_was_only_thought_dead_cannot_write_into_a_later_scan(tmp_path: Path) -> None:
    put(packed(records("a", 5), ".jsonl"), f"{tmp_path}/in/a.jsonl")
    (file,) = in_parts.files_of(f"{tmp_path}/in")
    archive = open_archive(file.path)
    (part,) = in_parts.parts_of([file], f"{tmp_path}/in", f"{tmp_path}/out/", ".jsonl")
    put(json.dumps({"scan": "2"}).encode(), f"{tmp_path}/out/_spoilerguard/scan.json")
    job = PartJob(run.plan_of(archive, Path("part.jsonl")), archive, f"{tmp_path}/out/", "1", False)
    with pytest.raises(sg.SpoilerguardError, match="another scan was started into this folder; this one ends"):
        scan_part(job, part)
    assert not (tmp_path / "out" / "a.jsonl").exists()


# --- what was done before -------------------------------------------------------------------------


def test_a_later_scan_reads_only_what_is_new_or_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, output = f"{tmp_path}/in", f"{tmp_path}/out/"
    for name in ("a", "b", "c"):
        put(packed(records(name, 5), ".jsonl"), f"{source}/{name}.jsonl")
    assert scan(source, output).records == 15
    read: list[str] = []

    def noting(job: PartJob, part: Any) -> Done:
        read.append(part.source.name)
        return one_part.scan_part(job, part)

    monkeypatch.setattr(in_parts, "scan_part", noting)
    assert scan(source, output, resume=True).records == 15
    assert read == []
    put(packed(records("b", 9), ".jsonl"), f"{source}/b.jsonl")
    put(packed(records("d", 2), ".jsonl"), f"{source}/d.jsonl")
    (tmp_path / "out" / "c.jsonl").unlink()
    assert scan(source, output, resume=True).records == 21
    assert sorted(read) == ["b.jsonl", "c.jsonl", "d.jsonl"]
    read.clear()
    with pytest.raises(sg.InputError, match=r"holds a scan; continue it with --resume, or replace it with --force"):
        scan(source, output)
    with pytest.raises(sg.InputError, match=r"started with other options.*blur: none then, redact now"):
        scan(source, output, blur="redact", resume=True)
    assert read == []
    assert scan(source, output, blur="redact", force=True).records == 21
    assert len(read) == 4
    os.unlink(f"{source}/d.jsonl")
    with pytest.raises(sg.InputError, match=r"'d\.jsonl', but the part it was made from is no longer in the source"):
        scan(source, output, blur="redact", resume=True)
    assert scan(source, output, force=True).records == 19
    assert sorted(path.name for path in (tmp_path / "out").glob("*.jsonl")) == ["a.jsonl", "b.jsonl", "c.jsonl"]


@pytest.mark.parametrize("damage", [b"{", b"[]", b"{}", b'{"version": 9, "plan": {}, "scan": ""}'])
def test_a_damaged_folder_is_refused(tmp_path: Path, damage: bytes) -> None:
    put(packed(records("a", 5), ".jsonl"), f"{tmp_path}/in/a.jsonl")
    scan(f"{tmp_path}/in", f"{tmp_path}/out/")
    record = tmp_path / "out" / "_spoilerguard" / "parts" / "a.jsonl.json"
    for path in (record, record.parents[1] / "scan.json"):
        path.write_bytes(damage)
        with pytest.raises(sg.InputError, match=f"{path.name}: (cannot be read|from another version)"):
            scan(f"{tmp_path}/in", f"{tmp_path}/out/", resume=True)
        with pytest.raises(sg.InputError, match="--force"):
            scan(f"{tmp_path}/in", f"{tmp_path}/out/")
        assert scan(f"{tmp_path}/in", f"{tmp_path}/out/", force=True).records == 5


def test_what_changes_in_the_output_during_the_scan_is_noticed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(packed(records(name, 5), ".jsonl"), f"{tmp_path}/in/{name}.jsonl")
    for meddle, says in (
        (lambda folder: (folder / "a.jsonl").unlink(), r"a\.jsonl: is missing; write it again with --resume"),
        (lambda folder: (folder / "a.jsonl").write_bytes(b""), r"a\.jsonl: has changed; write it again with --resume"),
    ):

        def after(progress: run.Progress, meddle: Callable[[Path], Any] = meddle) -> None:
            if progress.share == 1:
                meddle(tmp_path / "out")

        with pytest.raises(sg.InputError, match=says):
            scan(f"{tmp_path}/in", f"{tmp_path}/out/", progress=after, force=True)
        assert scan(f"{tmp_path}/in", f"{tmp_path}/out/", resume=True).records == 10


# --- faults ---------------------------------------------------------------------------------------


def test_a_part_that_cannot_be_read_is_a_record_with_an_error_and_read_again_later(cli: Cli) -> None:
    upload("bucket/faults", {"a.parquet": 6, "b.parquet": 4, "c.parquet": 5})
    filesystem().pipe("bucket/faults/b.parquet", b"PAR1 and nothing else")
    filesystem().pipe("bucket/faults/c.parquet", packed([{"id": "c", "words": "x"}], ".parquet"))
    arguments = ["scan", "s3://bucket/faults/*.parquet", "-o", "s3://bucket/faults.jsonl/"]
    ran = cli(*arguments)
    assert ran.status == 3
    assert "2 of 8 records have errors; the first is record 1: " in ran.err.splitlines()[-1]
    errors = [record["error"] for record in lines_of("bucket/faults.jsonl") if record["error"]]
    assert "s3://bucket/faults/b.parquet: not a readable Parquet file" in errors[0]
    assert "s3://bucket/faults/c.parquet: no column 'text', which s3://bucket/faults/a.parquet has" in errors[1]
    upload("bucket/faults", {"b.parquet": 4, "c.parquet": 5})
    ran = cli(*arguments, "--resume")
    assert ran.status == 0
    assert "15 records" in ran.err
    assert len(lines_of("bucket/faults.jsonl")) == 15


def test_a_record_that_cannot_be_read_is_named_with_its_part(tmp_path: Path, cli: Cli) -> None:
    put(packed(records("a", 3), ".jsonl"), f"{tmp_path}/in/a.jsonl")
    put(packed(records("b", 2), ".jsonl") + b'{"id": "torn"\n', f"{tmp_path}/in/b.jsonl")
    ran = cli("scan", f"{tmp_path}/in", "-o", f"{tmp_path}/out/")
    assert ran.status == 3
    assert "1 of 6 records has an error; the first is record 3: b.jsonl: not valid JSON" in ran.err


def test_a_part_that_changes_while_it_is_read_is_no_part_of_the_result(tmp_path: Path) -> None:
    source = f"{tmp_path}/in/a.jsonl"
    put(packed(records("a", 3), ".jsonl"), source)
    files = in_parts.files_of(source)
    archive = open_archive(source)
    found = in_parts.parts_of(files, source, f"{tmp_path}/out/", ".jsonl")
    put(packed(records("a", 30), ".jsonl"), source)
    summary = in_parts.scan_parts(archive, found, f"{tmp_path}/out/", run.plan_of(archive, Path("part.jsonl")))
    assert (summary.records, summary.errors) == (1, 1)
    assert "changed while it was read; scan it again with --resume" in summary.faults[0]["error"]


def test_an_output_that_cannot_be_written_ends_the_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(packed(records("a", 3), ".jsonl"), f"{tmp_path}/in/a.jsonl")

    def full(content: Any, path: str) -> None:
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(one_part, "put", full)
    with pytest.raises(sg.SpoilerguardError, match=r"out/a\.jsonl: cannot be written \(No space left on device\)"):
        scan(f"{tmp_path}/in", f"{tmp_path}/out/")
    monkeypatch.undo()
    assert scan(f"{tmp_path}/in", f"{tmp_path}/out/", resume=True).records == 3


# --- what is refused before anything is read ------------------------------------------------------


def refusals(folder: str) -> Sequence[tuple[list[str], str]]:
    source, other = f"{folder}/in", f"{folder}/full"
    return [
        ([source, "-o", f"{other}/"], "not a folder of this scan: it contains 'diary.txt'; choose another, or move"),
        ([source, "-o", f"{source}/out/"], "is in the source, which would then hold its own output"),
        ([source, "-o", f"{source}/"], "is in the source, which would then hold its own output"),
        ([f"{folder}/twice", "-o", f"{folder}/new/"], "would both be 'a.jsonl'; rename one"),
        ([f"{folder}/none/*.jsonl", "-o", f"{folder}/new/"], "no archive there; expected files that end in"),
        ([source, "-o", f"{folder}/new/", "--engine", "spark"], "unknown --engine 'spark'"),
        ([source, "-o", f"{folder}/new/", "--threshold", "7"], "--threshold must be a probability from 0 to 1"),
        ([source, "-o", f"{folder}/new/", "--text-column", "words"], "no column 'words'"),
    ]


@pytest.mark.parametrize("case", range(8))
@pytest.mark.parametrize("where", ["s3://bucket/refused", "disk"])
def test_what_cannot_be_done_is_refused(tmp_path: Path, cli: Cli, where: str, case: int) -> None:
    folder = str(tmp_path) if where == "disk" else where
    for name in ("in/a.jsonl", "twice/a.jsonl", "twice/a.jsonl.gz", "full/diary.txt"):
        put(packed(records("a", 3), name), joined(folder, name))
    before = listed(folder)
    arguments, says = refusals(folder)[case]
    ran = cli("scan", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err.splitlines()[-1]
    assert [file.name for file in listed(folder)] == [file.name for file in before]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sqlite:///x.db", "--query", "select 1", "-o", "s3://bucket/new/"], "a database has no parts"),
        (["--sql", "sqlite:///x.db", "--query", "select 1", "-o", "s3://bucket/new/"], "a database has no parts"),
        (["s3://bucket/refused/in", "-o", "s3://bucket/new/", "--partition", "5"], "--partition: a folder of parts"),
        (["s3://no-such-bucket/x.jsonl", "-o", "s3://bucket/new/"], "s3://no-such-bucket/x.jsonl: "),
    ],
)
def test_sources_without_parts_are_refused(cli: Cli, arguments: list[str], says: str) -> None:
    put(packed(records("a", 3), ".jsonl"), "s3://bucket/refused/in/a.jsonl")
    ran = cli("scan", *arguments)
    assert ran.status == 2
    assert says in ran.err.splitlines()[-1]
    assert listed("s3://bucket/new") == []


def test_without_credentials_the_command_says_how_to_give_them() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_ACCESS")}
    ran = subprocess.run(
        [sys.executable, "-m", "spoilerguard", "scan", "s3://bucket/in/", "-o", "s3://bucket/out/"],
        env=environment | {"PYTHONPATH": PACKAGE_AT, "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith("spoilerguard: s3://bucket/in/: no credentials (")
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in ran.stderr
    assert "Traceback" not in ran.stderr


# --- as people run it -----------------------------------------------------------------------------


def test_the_command_with_a_cluster_and_a_report(cluster: Any, tmp_path: Path, cli: Cli) -> None:
    upload("bucket/comments", COUNTS)
    report, total = tmp_path / "report.html", sum(COUNTS.values())
    ran = cli(
        "scan", "s3://bucket/comments/**/*.parquet", "-o", "s3://bucket/scanned/",
        "--engine", "dask", "--scheduler", cluster.scheduler_address, "--report", report,
    )  # fmt: skip
    assert ran.status == 0
    first, *_, last, written = ran.err.splitlines()
    assert first.startswith("s3://bucket/comments/**/*.parquet: 5 parts, ")
    assert "read like the first: Parquet: text from 'text' (as text), id from 'id', work from 'work'" in first
    assert last.startswith(f"s3://bucket/scanned/: {total} records, ")
    assert written == f"written: {report}"
    page = report.read_text(encoding="utf-8")
    assert "Saltmarsh" in page
    assert any(sentence in page for sentence in SPOILERS)
    assert [file.name for file in listed("s3://bucket/scanned/") if not file.name.startswith("_")] == sorted(COUNTS)


def test_one_file_of_a_bucket_into_a_file_on_disk(tmp_path: Path, cli: Cli) -> None:
    upload("bucket/single", {"a.jsonl.gz": 12})
    ran = cli("scan", "s3://bucket/single/a.jsonl.gz", "-o", tmp_path / "out.jsonl")
    assert ran.status == 0, ran.err
    expected, _ = alone(packed(records("a", 12), ".jsonl.gz"), ".jsonl.gz", tmp_path / "one.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == expected
