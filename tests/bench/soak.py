"""A soak: ten million generated comments scanned, killed on the way and resumed; minutes to an hour.

    python tests/bench/soak.py --comments 10000000 --jobs 2

The comments are sentences of our own corpus. Checked: every comment is in the output once and in
order; memory of the processes in the last tenth is at most 1.15 times that in the second.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import json
import os
from pathlib import Path
import random
import subprocess
import sys
import tempfile
import time

ROOT = Path(__file__).resolve().parents[2]
GROWTH = 1.15


def generate(path: Path, count: int) -> None:
    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        sentences = [s["text"].strip() for line in lines for s in json.loads(line)["sentences"]]
    draw = random.Random(20)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            text = " ".join(draw.choices(sentences, k=draw.choice((1, 1, 2, 3))))
            file.write(json.dumps({"id": number, "text": text, "work": f"w{number % 50_000}"}) + "\n")


def memory(process: int) -> int:
    """Resident bytes of a process and its children, without what they share counted twice."""
    total, waiting = 0, [process]
    while waiting:
        one = waiting.pop()
        try:
            waiting += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration):  # it has just ended
            continue
    return total


def start(source: Path, output: Path, jobs: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "spoilerguard", "scan", str(source), "-o", str(output), "--resume"]
    return subprocess.Popen([*command, "--jobs", str(jobs)], env=os.environ | {"PYTHONPATH": str(ROOT)})


def watched(process: subprocess.Popen[bytes], state: Path) -> Iterator[tuple[int, int]]:
    """Records done and bytes of memory, every second until the process ends."""
    while process.poll() is None:
        time.sleep(1)
        try:
            yield json.loads(state.read_text())["tally"]["records"], memory(process.pid)
        except (OSError, ValueError):
            continue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comments", type=int, default=10_000_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        source, output = Path(name) / "comments.jsonl", Path(name) / "out.jsonl"
        state = Path(name) / "out.jsonl.part" / "state.json"
        generate(source, options.comments)
        began, process = time.monotonic(), start(source, output, options.jobs)
        for done, _ in watched(process, state):
            if done > options.comments // 20:
                process.kill()
        process.wait()
        process = start(source, output, options.jobs)
        seen = list(watched(process, state))
        if process.returncode:
            raise SystemExit(f"it ended with status {process.returncode}")
        minutes = (time.monotonic() - began) / 60
        with output.open("rb") as lines:
            count = 0
            for count, line in enumerate(lines, 1):
                if json.loads(line)["id"] != str(count - 1):
                    raise SystemExit(f"record {count} of the output is not record {count} of the archive")
        if count != options.comments:
            raise SystemExit(f"{count:,} records of {options.comments:,}")
        early = max(m for done, m in seen if options.comments * 0.1 <= done < options.comments * 0.2)
        late = max(m for done, m in seen if done >= options.comments * 0.9)
    print(f"{count:,} comments in {minutes:.1f} min, every one once and in order, through a kill")
    print(f"memory {early >> 20} MB in the second tenth, {late >> 20} MB in the last: ratio {late / early:.2f}")
    if late > GROWTH * early:
        raise SystemExit(f"more than {GROWTH}")


if __name__ == "__main__":
    main()
