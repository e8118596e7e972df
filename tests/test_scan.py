"""A scan from beginning to end in this process: interrupted anywhere, refused where something would be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
import contextlib
import json
import os
from pathlib import Path
import shutil
import signal
import sys
from typing import Any

from comments import archive_of, comments, records_of
import pytest

import spoilerguard as sg
from spoilerguard.archives import open_archive
from spoilerguard.scan import engines, folder, run, shards
from spoilerguard.scan.outputs import count
from spoilerguard.scan.summary import Summary

COUNT = 120


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "MOST_POSTS", 8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return archive_of(tmp_path / "comments.jsonl", COUNT)


def scan(
    source: Path,
    output: Path,
    *,
    options: dict[str, Any] | None = None,
    keep: Sequence[str] = (),
    **how: Any,
) -> Summary | None:
    archive = open_archive(source, carry=keep)
    return run.scan(archive, output, run.plan_of(archive, output, **(options or {})), **how)


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".done")} - {"comments.jsonl"}


# --- the whole way -------------------------------------------------------------------------------


def test_every_record_is_in_the_output_once_and_in_order(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    summary = scan(source, output)
    assert summary is not None
    records, expected = records_of(output), list(comments(COUNT))
    assert [record["id"] for record in records] == [comment["id"] for comment in expected]
    assert len({record["id"] for record in records}) == COUNT
    assert (summary.records, summary.errors, summary.flagged) == (
        COUNT,
        0,
        sum(record["spoiler"] for record in records),
    )
    assert [record["spoiler"] for record in records] == [number % 6 == 0 for number in range(COUNT)]
    assert {name: pair[0] for name, pair in summary.works.items()} == dict.fromkeys(summary.works, COUNT // 3)
    assert left_in(tmp_path) == {"out.jsonl"}


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet", ".jsonl.gz"])
@pytest.mark.usefixtures("small_shards")
def test_two_jobs_write_the_same_bytes_as_one(source: Path, tmp_path: Path, suffix: str) -> None:
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    assert scan(source, one) == scan(source, two, jobs=2)
    assert one.read_bytes() == two.read_bytes()
    assert count(suffix, one) == COUNT


@pytest.mark.usefixtures("small_shards")
def test_columns_that_are_kept_stay_with_their_records(source: Path, tmp_path: Path) -> None:
    one, two, plain = (tmp_path / f"{name}.jsonl" for name in ("one", "two", "plain"))
    scan(source, one, keep=["text", "id", "text"])
    scan(source, two, keep=["text"], jobs=2)  # the id is there in any case
    assert one.read_bytes() == two.read_bytes()
    scan(source, plain)
    records = records_of(one)
    assert [record.pop("text") for record in records] == [comment["text"] for comment in comments(COUNT)]
    assert records == records_of(plain)


@pytest.mark.usefixtures("small_shards")
def test_a_partitioned_output_is_a_folder_of_atomic_writes(source: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    one, many = tmp_path / "one.parquet", tmp_path / "many.parquet"
    scan(source, one)
    scan(source, many, options={"partition": 30})
    assert [path.name for path in sorted(many.iterdir())] == [f"part-0000{n}.parquet" for n in range(4)]
    assert [parquet.read_table(path).num_rows for path in sorted(many.iterdir())] == [32, 32, 32, 24]
    assert parquet.read_table(many).to_pylist() == parquet.read_table(one).to_pylist()


def test_a_folder_of_others_is_never_replaced(source: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.parquet").mkdir()
    (tmp_path / "mine.parquet" / "letters.txt").write_text("dear", encoding="utf-8")
    for partition in (None, 30):
        with pytest.raises(sg.InputError, match=r"mine\.parquet: a folder that is not a partitioned output"):
            scan(source, tmp_path / "mine.parquet", options={"partition": partition}, force=True)
    assert os.listdir(tmp_path / "mine.parquet") == ["letters.txt"]


def test_works_are_found_by_the_name_that_posts_give(source: Path, tmp_path: Path) -> None:
    known = {"Low Tide": sg.Work("Low Tide", blurb="At the end she shoots her husband and dies in the fire.")}
    scan(source, tmp_path / "without.jsonl")
    scan(source, tmp_path / "with.jsonl", works=known)
    pairs = zip(records_of(tmp_path / "without.jsonl"), records_of(tmp_path / "with.jsonl"), strict=True)
    differ = {number % 3 for number, (without, with_work) in enumerate(pairs) if without != with_work}
    assert differ == {1}


# --- interrupted ---------------------------------------------------------------------------------


def bytes_of(output: Path) -> dict[str, bytes]:
    """What stands in an output, file by file."""
    if output.is_dir():
        return {path.name: path.read_bytes() for path in output.iterdir()}
    return {"": output.read_bytes()}


def again(old: Path, output: Path) -> None:
    """The old output in its place, whatever stands there."""
    if old.is_dir():
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(old, output)
    else:
        shutil.copy(old, output)


class Killed(BaseException):
    """What no code of ours catches: from here on, nothing reaches the disk."""


class Disk:
    """Everything by which a scan changes the disk for good; it dies at the n-th such step."""

    STEPS = ((os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "mkdir"), (shutil, "rmtree"))

    def __init__(self, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
        self.steps = steps
        for owner, name in self.STEPS:
            monkeypatch.setattr(owner, name, self.dying(getattr(owner, name)))

    def dying(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def last(*arguments: Any, **options: Any) -> Any:
            self.steps -= 1
            if self.steps < 0:
                raise Killed
            return step(*arguments, **options)

        return last


@pytest.mark.parametrize(("suffix", "partition"), [(".jsonl", None), (".parquet", None), (".csv.gz", 12)])
@pytest.mark.usefixtures("small_shards")
def test_killed_at_any_step_it_goes_on_to_the_same_bytes(tmp_path: Path, suffix: str, partition: int | None) -> None:
    source, options = archive_of(tmp_path / "comments.jsonl", 40), {"partition": partition}
    whole, output = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    expected = scan(source, whole, options=options)
    # There is an output already, which is replaced: at any moment the old one is there, the new one, or a way to it.
    scan(source, output, options=options | {"threshold": 0.1})
    old = bytes_of(output)
    output.rename(tmp_path / "old")
    for steps in range(1_000):
        again(tmp_path / "old", output)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(run, "_SECONDS_AT_RISK", 0.0)
            Disk(patched, steps)
            try:
                scan(source, output, options=options, force=True)
                break
            except Killed:
                pass
        assert not output.exists() or bytes_of(output) in (bytes_of(whole), old)
        begun = (folder.part_of(output) / "state.json").exists()
        assert begun or output.exists()
        if begun:
            assert scan(source, output, options=options, resume=True) == expected
            assert bytes_of(output) == bytes_of(whole)
            assert left_in(tmp_path) == {whole.name, output.name, "old"}
    assert steps > 20


@pytest.mark.usefixtures("small_shards")
def test_a_stopped_scan_keeps_what_was_done(source: Path, tmp_path: Path) -> None:
    output, seen = tmp_path / "out.jsonl", []
    assert scan(source, output, progress=seen.append, stop=lambda: len(seen) == 3) is None
    assert (seen[-1].records, seen[-1].earlier) == (24, 0)
    assert not output.exists()
    before = len(seen)
    assert scan(source, output, resume=True, progress=seen.append) == scan(source, tmp_path / "whole.jsonl")
    assert (seen[before].records, seen[before].earlier) == (32, 24)
    assert seen[-1].share == 1.0
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.fixture
def unfinished(source: Path, tmp_path: Path, small_shards: None) -> Path:
    """An output of which a part is done."""
    output, seen = tmp_path / "out.jsonl", list[run.Progress]()
    assert scan(source, output, progress=seen.append, stop=lambda: len(seen) == 3) is None
    return output


def test_rows_that_a_crash_left_do_not_count(source: Path, unfinished: Path, tmp_path: Path) -> None:
    with (folder.part_of(unfinished) / "rows-00000").open("ab") as rows:
        rows.write(b'{"id": "torn", "spoil')
    scan(source, unfinished, resume=True)
    scan(source, tmp_path / "whole.jsonl")
    assert unfinished.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        ({"threshold": 0.9}, r"threshold: 0\.\d+ then, 0\.9 now"),
        ({"sensitivity": "high"}, r"threshold: 0\.\d+ then, 0\.\d+ now"),
        ({"only_flagged": True}, "only flagged: false then, true now"),
        ({"quotations": False}, "quotations: true then, false now"),
    ],
)
def test_other_options_are_refused(source: Path, unfinished: Path, options: dict[str, Any], differs: str) -> None:
    with pytest.raises(
        sg.InputError,
        match=f"out.jsonl.part: started with another source or other options \\({differs}\\); use the same ones",
    ):
        scan(source, unfinished, options=options, resume=True)


def test_other_columns_to_keep_are_refused(source: Path, unfinished: Path) -> None:
    with pytest.raises(sg.InputError, match=r'options \(keep: \[\] then, \["text"\] now\); use the same ones'):
        scan(source, unfinished, keep=["text"], resume=True)


def test_another_model_is_refused(source: Path, unfinished: Path, small_folder: Path) -> None:
    with pytest.raises(
        sg.InputError,
        match=r"started with another source or other options \(model: fast then, .*small now; model version: ",
    ):
        scan(source, unfinished, options={"model": str(small_folder)}, resume=True)


def test_a_changed_source_is_refused(source: Path, unfinished: Path) -> None:
    archive_of(source, COUNT + 1)
    with pytest.raises(sg.InputError, match=r"started with another source or other options \(source fingerprint "):
        scan(source, unfinished, resume=True)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("rows-00000", b"", "rows-00000: damaged: it is shorter than before; start again with --force"),
        ("state.json", b"{", "state.json: cannot be read"),
        ("state.json", b'{"version": 1}', r"state.json: cannot be read \(no 'after'\); start again with --force"),
        ("state.json", b'{"version": 99}', "state.json: from another version of spoilerguard"),
        ("state.json", b"[" * 100_000, "state.json: cannot be read"),
        ("state.json", b'{"version": 1, "after": {}}', r"state.json: cannot be read \(no 'after'\)"),
    ],
)
def test_a_damaged_part_is_refused(source: Path, unfinished: Path, name: str, content: bytes, says: str) -> None:
    (folder.part_of(unfinished) / name).write_bytes(content)
    with pytest.raises(sg.InputError, match=says):
        scan(source, unfinished, resume=True)


@pytest.mark.parametrize("changed", [{"after": [1]}, {"tally": {"x": 1}}, {"file": "../x"}, {"rows": None}])
def test_a_state_with_other_values_is_refused(source: Path, unfinished: Path, changed: dict[str, Any]) -> None:
    path = folder.part_of(unfinished) / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changed), encoding="utf-8")
    with pytest.raises(sg.InputError, match=r"state\.json: cannot be read .*; start again with --force"):
        scan(source, unfinished, resume=True)


@pytest.mark.parametrize("name", ["lock", "rows-00000", "state.json.new", "beside", ""])
@pytest.mark.parametrize("resume", [False, True])
def test_links_that_somebody_put_into_a_part_are_not_followed(
    source: Path, unfinished: Path, tmp_path: Path, name: str, resume: bool
) -> None:
    part = folder.part_of(unfinished)
    victim = tmp_path / "victim"
    if name:
        victim.write_text("mine", encoding="utf-8")
        (part / name).unlink(missing_ok=True)
    else:
        part.rename(victim)
    (part / name).symlink_to(victim)
    before = [path.stat().st_mtime_ns for path in (victim, *victim.glob("*"))]
    with pytest.raises(
        sg.InputError, match=r"out\.jsonl\.part: contains symbolic links, which no scan creates; remove it"
    ):
        scan(source, unfinished, resume=resume, force=not resume)
    assert [path.stat().st_mtime_ns for path in (victim, *victim.glob("*"))] == before


def test_an_unfinished_scan_is_not_begun_again_unasked(source: Path, unfinished: Path) -> None:
    with pytest.raises(
        sg.InputError, match=r"out\.jsonl\.part: an interrupted scan; continue with --resume, or start again"
    ):
        scan(source, unfinished)
    assert scan(source, unfinished, force=True) is not None
    assert len(records_of(unfinished)) == COUNT


def test_a_finished_scan_is_not_scanned_again(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    archive = open_archive(source)
    plan = run.plan_of(archive, output)
    assert folder.finished(output, plan.to_dict()) is None
    summary = run.scan(archive, output, plan)
    assert folder.finished(output, plan.to_dict()) == summary
    other = run.plan_of(archive, output, sensitivity="low")
    with pytest.raises(sg.InputError, match=r"out\.jsonl: complete, but of another source or other options \(thres"):
        folder.finished(output, other.to_dict())
    output.write_bytes(output.read_bytes()[:-1])
    assert folder.finished(output, plan.to_dict()) is None, "somebody has changed the output"
    (tmp_path / ".out.jsonl.done").write_text("{", encoding="utf-8")
    assert folder.finished(output, plan.to_dict()) is None


@pytest.mark.parametrize("files", [[], ["lock"]])
def test_what_a_kill_left_of_a_finished_scan_goes(source: Path, tmp_path: Path, files: list[str]) -> None:
    archive, output = open_archive(source), tmp_path / "out.jsonl"
    plan = run.plan_of(archive, output)
    summary = run.scan(archive, output, plan)
    left = tmp_path / "out.jsonl.part"
    left.mkdir()
    for name in files:
        (left / name).touch()
    assert folder.finished(output, plan.to_dict()) == summary
    assert not left.exists()


def test_what_others_put_beside_a_finished_scan_stays(source: Path, tmp_path: Path) -> None:
    archive, output = open_archive(source), tmp_path / "out.jsonl"
    plan = run.plan_of(archive, output)
    summary = run.scan(archive, output, plan)
    mine = tmp_path / "out.jsonl.part" / "mine"
    mine.parent.mkdir()
    mine.touch()
    assert folder.finished(output, plan.to_dict()) == summary
    assert mine.exists()


def test_a_finished_folder_is_known_and_one_that_is_scanned_again_is_not(source: Path, tmp_path: Path) -> None:
    archive, output = open_archive(source), tmp_path / "out.jsonl"
    plan = run.plan_of(archive, output, partition=30)
    summary = run.scan(archive, output, plan)
    assert folder.finished(output, plan.to_dict()) == summary
    assert run.scan(archive, output, plan, force=True, stop=lambda: True) is None
    assert folder.finished(output, plan.to_dict()) is None, "the partial output goes before it"


def test_an_output_is_not_replaced_unasked(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("mine", encoding="utf-8")
    with pytest.raises(sg.InputError, match=r"out\.jsonl: already exists; --force replaces it"):
        scan(source, output)
    with pytest.raises(
        sg.InputError,
        match=r"out\.jsonl: already exists, and there is no interrupted scan to resume; --force replaces it",
    ):
        scan(source, output, resume=True)
    assert output.read_text(encoding="utf-8") == "mine"
    assert left_in(tmp_path) == {"out.jsonl"}
    assert scan(source, output, force=True) is not None
    assert len(records_of(output)) == COUNT


@pytest.mark.usefixtures("small_shards")
def test_an_output_that_comes_into_being_meanwhile_is_not_lost(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"

    def meddle(summary: Summary) -> None:
        output.write_text("mine", encoding="utf-8")

    with pytest.raises(sg.InputError, match="was created while the scan ran; move it away and continue with --resume"):
        scan(source, output, finishing=meddle)
    assert output.read_text(encoding="utf-8") == "mine"
    output.unlink()
    assert scan(source, output, resume=True) is not None
    assert len(records_of(output)) == COUNT


def test_rows_that_got_lost_on_the_disk_are_found_out(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"

    def meddle(summary: Summary) -> None:
        rows = folder.part_of(output) / "rows-00000"
        rows.write_bytes(rows.read_bytes().replace(b"\n", b" ", 1))

    with pytest.raises(sg.InputError, match=f"damaged: {COUNT - 1} of {COUNT} rows are left"):
        scan(source, output, finishing=meddle)
    assert not output.exists()


@pytest.mark.usefixtures("small_shards")
def test_two_scans_do_not_write_one_output(source: Path, tmp_path: Path) -> None:
    output, refused = tmp_path / "out.jsonl", []

    def second(progress: run.Progress) -> None:
        with pytest.raises(sg.InputError) as error:
            scan(source, output, force=True)
        refused.append(str(error.value))

    assert scan(source, output, progress=second) is not None
    assert refused[0].endswith(
        "out.jsonl.part: another scan is writing it; wait until it ends, or choose another output"
    )
    assert len(records_of(output)) == COUNT


@pytest.mark.usefixtures("small_shards")
def test_a_source_that_changes_under_a_scan_is_found_out(source: Path, tmp_path: Path) -> None:
    with pytest.raises(sg.InputError, match="the source changed during the scan"):
        scan(source, tmp_path / "out.jsonl", progress=lambda progress: os.utime(source))
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.usefixtures("small_shards")
def test_a_source_that_vanishes_can_come_back(source: Path, tmp_path: Path) -> None:
    output, away = tmp_path / "out.jsonl", tmp_path / "away"

    def vanish(progress: run.Progress) -> None:
        if source.exists():
            source.rename(away)

    with pytest.raises(sg.InputError, match=r"comments\.jsonl: cannot be read \(No such file"):
        scan(source, output, progress=vanish)
    away.rename(source)
    assert scan(source, output, resume=True) == scan(source, tmp_path / "whole.jsonl")
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


# --- engines -------------------------------------------------------------------------------------


def children() -> list[int]:
    """The processes that this one has started."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        pytest.skip("no /proc here to find the workers by")
    found: list[int] = []
    for task in tasks.iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread may end while we look
            found += map(int, (task / "children").read_text().split())
    return found


def command_of(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


@pytest.mark.usefixtures("small_shards")
def test_a_worker_that_is_killed_is_a_clear_error_and_nothing_is_lost(source: Path, tmp_path: Path) -> None:
    output, before = tmp_path / "out.jsonl", set(children())

    def kill(progress: run.Progress) -> None:
        for child in set(children()) - before:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it may end while we look
                if b"loky.backend.popen" in command_of(child):
                    os.kill(child, signal.SIGKILL)

    with pytest.raises(sg.SpoilerguardError, match=r"a worker process was killed, .* continue with"):
        scan(source, output, jobs=2, progress=kill)
    assert scan(source, output, resume=True) == scan(source, tmp_path / "whole.jsonl")
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_an_engine_holds_few_shards_at_a_time(fast: sg.Guard) -> None:
    taken: list[int] = []
    done: list[int] = []

    class Done:
        def __init__(self, number: int) -> None:
            self.number = number

        def result(self, timeout: float) -> int:
            done.append(self.number)
            return self.number

    def endless() -> Iterator[Any]:
        for number in range(100):
            taken.append(number)
            assert len(taken) - len(done) <= 5
            yield number

    assert list(engines._in_order(Done, endless(), ahead=3)) == list(range(100))


# --- a cluster -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers on this machine; one that dies is started again."""
    pytest.importorskip("distributed")
    with engines.local_cluster(2) as cluster:
        yield cluster


@pytest.mark.usefixtures("small_shards")
def test_a_cluster_writes_the_same_bytes(cluster: Any, source: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here.parquet", tmp_path / "there.parquet"
    expected = scan(source, here)
    assert scan(source, there, engine="dask", address=cluster.scheduler_address) == expected
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.usefixtures("small_shards")
def test_workers_of_a_cluster_that_are_killed_change_nothing(cluster: Any, source: Path, tmp_path: Path) -> None:
    output, killed = tmp_path / "out.jsonl", list[int]()

    def kill(progress: run.Progress) -> None:
        if progress.records in (16, 64):
            worker = cluster.workers[len(killed)].pid
            killed.append(worker)
            os.kill(worker, signal.SIGKILL)

    expected = scan(source, tmp_path / "whole.jsonl")
    assert scan(source, output, engine="dask", address=cluster.scheduler_address, progress=kill) == expected
    assert len(set(killed)) == 2
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.usefixtures("small_shards")
def test_a_cluster_of_ones_own_ends_with_the_scan(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    before = set(children())
    assert scan(source, tmp_path / "out.jsonl", engine="dask", jobs=1) is not None
    assert len(records_of(tmp_path / "out.jsonl")) == COUNT
    assert {child for child in set(children()) - before if b"resource_tracker" not in command_of(child)} == set()


def test_a_cluster_ends_where_its_nanny_waits_for_a_worker_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """As distributed's do if a worker is killed while it starts."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(engines, "_CLOSING", 0.1)
    before = set(children())
    with engines.local_cluster(1) as cluster:
        (nanny,) = cluster.workers.values()
        nanny.process.status, nanny.process.running = distributed.Status.starting, asyncio.Event()
    while [child for child in set(children()) - before if b"spawn_main" in command_of(child)]:
        pass


def test_where_no_scheduler_answers_it_says_so(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(engines, "_PATIENCE", "1s")
    with pytest.raises(sg.InputError, match=r"tcp://127\.0\.0\.1:1: no Dask scheduler answers"):
        scan(source, tmp_path / "out.jsonl", engine="dask", address="tcp://127.0.0.1:1")


def test_a_cluster_with_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cluster:
        def run_on_scheduler(self, ask: Callable[[str], str], name: str) -> str:
            return ask(name)

        def run(self, ask: Callable[[str], str], name: str, on_error: str) -> dict[str, Any]:
            return {"tcp://10.0.0.7:1234": answer}

    answer: Any
    for answer, version in [("0.0.9", "0.0.9"), (ModuleNotFoundError("spoilerguard"), "none")]:  # noqa: B007
        with pytest.raises(
            sg.InputError, match=rf"tcp://10\.0\.0\.7:1234 has spoilerguard {version}, but this machine "
        ):
            engines._check_installed(Cluster())
    answer = OSError("Stream is closed")  # a worker that died just now has no say
    engines._check_installed(Cluster())
    monkeypatch.setattr(Cluster, "run_on_scheduler", lambda self, ask, name: ask("no_such_module:__version__"))
    with pytest.raises(sg.InputError, match="the scheduler has spoilerguard none"):
        engines._check_installed(Cluster())


def test_without_dask_it_names_the_extra(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(sg.MissingExtra, match=r"pip install 'spoilerguard\[dask\]'"):
        scan(source, tmp_path / "out.jsonl", engine="dask")
