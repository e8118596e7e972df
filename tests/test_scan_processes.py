"""`spoilerguard scan` as users have it, in processes of its own: killed, interrupted, out of disk, fed with faults."""

from __future__ import annotations

from contextlib import suppress
import csv
import gzip
import json
import os
from pathlib import Path
import pty
import random
import resource
import signal
import subprocess
import sys
import time
from typing import Any

from comments import archive_of, comments, records_of
import pytest
from texts import CLEAN, SPOILERS
from waiting import WAIT

import spoilerguard as sg

PACKAGE = Path(sg.__file__).parent.parent
LONG = 19_998  # comments: ten shards


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(PACKAGE), "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-m", "spoilerguard", "scan", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, **options)


def scan(*arguments: str | Path, status: int = 0, **options: Any) -> str:
    """Standard error of a scan that ends with this status."""
    with start(*arguments, **options) as process:
        errors = process.communicate(timeout=WAIT)[1]
    assert process.returncode == status, errors
    assert "Traceback" not in errors
    return errors


def until(process: subprocess.Popen[str], output: Path, records: int) -> None:
    """Wait until more than so many records count as done, or the output is there."""
    state = output.with_name(f"{output.name}.part") / "state.json"
    while process.poll() is None:
        if output.exists():
            return
        if state.exists() and json.loads(state.read_text())["tally"]["records"] > records:
            return
        time.sleep(0.02)
    assert output.exists(), process.communicate()[1]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive_of(tmp_path_factory.mktemp("long") / "comments.jsonl", LONG)


@pytest.fixture(scope="module")
def whole(long: Path) -> bytes:
    """The output of an uninterrupted scan."""
    output = long.with_name("whole.jsonl")
    errors = scan(long, "-o", output)
    lines = errors.splitlines()
    assert (
        lines[0] == f"{long}: JSON Lines (UTF-8): text from 'text' (as text), id from 'id', work from 'work', "
        "time from 'time'"
    )
    assert lines[-1].startswith(f"{output}: {LONG:,} records, {LONG // 6:,} with a spoiler; ")
    return output.read_bytes()


# --- interrupted ---------------------------------------------------------------------------------


def test_killed_at_random_moments_it_goes_on_to_the_same_bytes(long: Path, whole: bytes, tmp_path: Path) -> None:
    output, done, jobs = tmp_path / "out.jsonl", -1, "1"
    moments = random.Random(11)
    while not output.exists():
        process = start(long, "-o", output, "--jobs", jobs, "--resume")
        until(process, output, done + moments.randrange(4_000))
        time.sleep(moments.random() / 20)
        process.kill()
        process.communicate()
        if not output.exists():
            done = json.loads((tmp_path / "out.jsonl.part" / "state.json").read_text())["tally"]["records"]
            jobs = "2" if jobs == "1" else "1"
    assert 0 < done <= LONG, "killed, if only after the last record"
    assert output.read_bytes() == whole
    if (tmp_path / "out.jsonl.part").exists():  # killed in cleaning up
        scan(long, "-o", output, "--resume")
    assert sorted(os.listdir(tmp_path)) == [".out.jsonl.done", "out.jsonl"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_a_stopped_scan_says_how_to_continue(
    long: Path, whole: bytes, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    output = tmp_path / "out.jsonl"
    # A terminal sends Ctrl-C to the workers too: the whole group of processes gets the signal.
    process = start(long, "-o", output, "--jobs", "2", process_group=0)
    until(process, output, -1)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    errors = process.communicate(timeout=WAIT)[1]
    assert process.returncode == status
    assert errors.splitlines()[-1] == (
        f"spoilerguard: interrupted; what was done is in {output}.part: continue with --resume"
    )
    assert "Traceback" not in errors
    assert not output.exists()
    scan(long, "-o", output, "--resume")
    assert output.read_bytes() == whole


def test_a_second_signal_stops_it_at_once(long: Path, whole: bytes, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    process = start(long, "-o", output, "--jobs", "2", process_group=0)
    until(process, output, -1)
    assert process.stderr is not None
    for _ in range(2):  # the second time once the first has been heard
        with suppress(ProcessLookupError):  # the first stops at once what was just reading
            os.killpg(process.pid, signal.SIGINT)
        while "press again to stop at once" not in process.stderr.readline():
            if process.poll() is not None:
                break
    status = process.wait(timeout=WAIT)
    process.stderr.close()
    assert status in (130, -signal.SIGINT)  # 130 to a shell; the latter where the first had already ended it
    scan(long, "-o", output, "--resume")
    assert output.read_bytes() == whole


def limit_files(size: int) -> Any:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_out_of_disk_it_keeps_what_was_done(long: Path, whole: bytes, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    errors = scan(long, "-o", output, status=2, preexec_fn=limit_files(len(whole) // 2))
    assert errors.splitlines()[-1] == f"spoilerguard: {output}.part: cannot be written (File too large)"
    scan(long, "-o", output, "--resume")
    assert output.read_bytes() == whole


def test_where_nothing_can_be_written_it_says_so(long: Path, tmp_path: Path) -> None:
    errors = scan(long, "-o", tmp_path / "none" / "out.jsonl", status=2)
    assert errors == f"spoilerguard: {tmp_path}/none/out.jsonl: its folder does not exist; create it first\n"
    errors = scan(long, "-o", "/proc/out.jsonl", status=2)
    assert "spoilerguard: /proc/out.jsonl.part: cannot be written (" in errors
    errors = scan(long, "-o", tmp_path, status=2)
    assert "unknown output format; end the name in one of" in errors


# --- faults in the archive -----------------------------------------------------------------------


def test_a_truncated_archive_gives_what_can_be_read_and_an_error_record(tmp_path: Path) -> None:
    plain = archive_of(tmp_path / "comments.jsonl", 3_000).read_bytes()
    torn, output = tmp_path / "torn.jsonl.gz", tmp_path / "out.jsonl"
    torn.write_bytes(gzip.compress(plain)[:-2_000])
    errors = scan(torn, "-o", output, status=3)
    records, expected = records_of(output), [comment["id"] for comment in comments(3_000)]
    assert 100 < len(records) < 3_000
    assert [record["id"] for record in records[:-1]] == expected[: len(records) - 1]
    assert all(record["error"] is None for record in records[:-1])
    assert "the compressed data is damaged or cut off here" in records[-1]["error"]
    assert f"{len(records):,} records" in errors
    assert "1 with an error" in errors
    assert f"1 of {len(records):,} records has an error, and the rest of a file was not read; the first is" in errors


def test_bad_bytes_cost_one_record(tmp_path: Path) -> None:
    source, output = archive_of(tmp_path / "comments.jsonl", 900), tmp_path / "out.jsonl"
    lines = source.read_bytes().splitlines(keepends=True)
    lines[400] = lines[400].replace(b"number", b"numb\xff\xfe\x00r")
    lines[500] = lines[500][:30] + b"\n"
    source.write_bytes(b"".join(lines))
    assert "2 of 900 records have errors; the first is record 401: " in scan(source, "-o", output, status=3)
    records = records_of(output)
    assert len(records) == 900
    assert [number for number, record in enumerate(records) if record["error"]] == [400, 500]


def test_one_comment_of_50_megabytes(tmp_path: Path) -> None:
    source, output = tmp_path / "comments.jsonl", tmp_path / "out.jsonl"
    monster = json.dumps({"id": "monster", "text": f"{CLEAN} " * (50_000_000 // (len(CLEAN) + 1))})
    ordinary = [json.dumps(comment) for comment in comments(20)]
    source.write_text("\n".join([*ordinary[:10], monster, *ordinary[10:]]) + "\n", encoding="utf-8")
    scan(source, "-o", output, status=3)
    records = records_of(output)
    assert [record["error"] is not None for record in records] == [number == 10 for number in range(21)]
    assert "more than 1,048,576" in records[10]["error"]


def test_a_hundred_thousand_empty_comments(tmp_path: Path) -> None:
    source, output = tmp_path / "comments.csv", tmp_path / "out.csv"
    source.write_text("id,text\n" + "".join(f"{number},\n" for number in range(100_000)), encoding="utf-8")
    scan(source, "-o", output)
    with output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [str(number) for number in range(100_000)]
    assert {(row["spoiler_score"], row["spoiler"], row["flags"], row["error"]) for row in rows} == {
        ("0.0", "false", "[]", "")
    }


def test_deeply_nested_html(tmp_path: Path) -> None:
    source, output = tmp_path / "comments.jsonl", tmp_path / "out.jsonl"
    texts = [f"<p>{SPOILERS[0]}</p>", "<div>" * 100_000 + SPOILERS[1], "<p>" + "<b><i>" * 50_000, "[" * 100_000]
    source.write_text("".join(json.dumps({"id": "x", "text": text}) + "\n" for text in texts), encoding="utf-8")
    scan(source, "-o", output, "--input-format", "html")
    records = records_of(output)
    assert [(record["id"], record["error"]) for record in records] == [("x", None)] * 4
    assert [record["spoiler"] for record in records[:3]] == [True, True, False]


# --- how far ------------------------------------------------------------------------------------


def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    source = archive_of(tmp_path / "comments.jsonl", 3_000)
    ours, theirs = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(PACKAGE), "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-m", "spoilerguard", "scan", str(source), "-o", str(tmp_path / "out.jsonl")]
    with subprocess.Popen(command, env=environment, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65_536)
            except OSError:  # its last process is gone
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    assert process.returncode == 0
    assert b"records" in shown
    assert b"/s" in shown
    assert b"\x1b[" in shown
