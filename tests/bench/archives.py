"""Peak memory and speed of the archive readers: `python tests/bench/archives.py [--scan] [MEGABYTES] [KIND ...]`.

Writes an archive of so many megabytes (1000 by default) for each kind, reads every post of it in a process of its
own, without a model, and prints what that process needed at most. "start" is the same process before it reads.
With `--scan`, the command `scan` reads a tenth of such an archive, and all of it, with the model `fast`; most of each
record is then beside the text, since to score a gigabyte of prose takes hours.
"""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path
import resource
import subprocess
import sys
import tempfile
import time
from typing import TextIO

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

TEXT = "The lamp goes out, and nobody knows who was on the stairs. " * 12
BESIDE = TEXT * 30 if "--scan" in sys.argv else ""  # in each record, besides its text


def _array(file: TextIO, size: int) -> None:
    _many(file, size, "[", ",\n", lambda n: json.dumps({"id": n, "text": TEXT, "raw": BESIDE}), "]")


def _wrapped(file: TextIO, size: int) -> None:
    _many(
        file,
        size,
        '{"guild": {}, "messages": [',
        ",",
        lambda n: json.dumps({"id": n, "content": TEXT, "raw": BESIDE}),
        "]}",
    )


def _feed(file: TextIO, size: int) -> None:
    def item(number: int) -> str:
        texts = f"<description>{TEXT}</description><raw>{BESIDE}</raw>"
        return f"<item><guid>{number}</guid><title>A & B</title>{texts}</item>"

    _many(file, size, '\n<?xml version="1.0"?><rss version="2.0"><channel>', "\n", item, "</channel></rss>")


def _csv(file: TextIO, size: int) -> None:
    _many(file, size, "sep=;\nid;text;raw\n", "\n", lambda n: f'{n};"{TEXT}";"{BESIDE}"', "\n")


def _many(file: TextIO, size: int, head: str, between: str, record: Callable[[int], str], tail: str) -> None:
    written, number = file.write(head), 0
    while written < size:
        written += file.write((between if number else "") + record(number))
        number += 1
    file.write(tail)


KINDS: dict[str, Callable[[TextIO, int], None]] = {"array": _array, "wrapped": _wrapped, "feed": _feed, "csv": _csv}


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read(path: str) -> None:
    from spoilerguard.archives import open_archive

    start, began, records = peak(), time.process_time(), 0
    for post, _ in open_archive(path).posts():
        assert post.error is None, post.error
        records += 1
    spent = time.process_time() - began
    speed = Path(path).stat().st_size / 1e6 / max(spent, 1e-9)
    print(f"{records:>12,}{start:>10.0f}{peak():>10.0f}{spent:>10.0f}{speed:>10.0f}")


def scan(megabytes: int, kinds: list[str]) -> None:
    """Run `spoilerguard scan` on a tenth of each archive and on all of it, and print its peak memory."""
    print(f"{'':10}{'MB':>12}{'peak MB':>10}{'CPU s':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            for size in (megabytes / 10, megabytes):
                path = Path(folder, "archive")
                with path.open("w", encoding="utf-8") as file:
                    KINDS[kind](file, round(size * 1_000_000))
                words = ["-m", "spoilerguard", "scan", str(path), "-o", f"{folder}/out.jsonl", "--quiet", "--force"]
                child = os.posix_spawn(sys.executable, [sys.executable, *words], os.environ)
                _, status, used = os.wait4(child, 0)
                assert os.waitstatus_to_exitcode(status) == 0
                print(f"{kind:10}{size:>12,.0f}{used.ru_maxrss / 1024:>10.0f}{used.ru_utime + used.ru_stime:>10.0f}")


def main(megabytes: int, kinds: list[str]) -> None:
    print(f"{'':10}{'records':>12}{'start MB':>10}{'peak MB':>10}{'CPU s':>10}{'MB/s':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            path = Path(folder, "archive")
            with path.open("w", encoding="utf-8") as file:
                KINDS[kind](file, megabytes * 1_000_000)
            print(f"{kind:10}", end="", flush=True)
            subprocess.run([sys.executable, __file__, "--read", str(path)], check=True)


if __name__ == "__main__":
    words = sys.argv[1:]
    run = scan if "--scan" in words else main
    if words[:1] == ["--read"]:
        read(words[1])
    else:
        words = [word for word in words if word != "--scan"]
        run(int(words[0]) if words else 1_000, words[1:] or list(KINDS))
