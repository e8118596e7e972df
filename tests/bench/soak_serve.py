"""A soak of `spoilerguard serve`: mixed requests from another process, for as long as is asked.

    python tests/bench/soak_serve.py --minutes 60

Texts are sentences of our own corpus, from one to some thousand, in every format; among the requests are
wrong ones and clients that break off. Every answer must be the library's. A line a minute; then the
verdict on the second fifth of the time and the last: resident memory may grow by 5 % at most, the least
number of open files by the clients' own. Exit status 1 where they do, or where an answer is wrong.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
import json
import os
from pathlib import Path
import random
import re
import socket
import subprocess
import sys
import threading
import time

import spoilerguard as sg
from spoilerguard.serving.service import RESULTS

ROOT = Path(__file__).resolve().parents[2]
GROWTH = 1.05
JSON = {"Content-Type": "application/json"}
Case = tuple[str, bytes, int, bytes | None]  # path, body, status, and the answer of the library


def cases(count: int) -> list[Case]:
    """Requests, and what is to be answered."""
    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        sentences = [s["text"].strip() for line in lines for s in json.loads(line)["sentences"]]
    draw, guard = random.Random(8), sg.load()
    made: list[Case] = [
        ("/v1/check", b"{", 400, None),
        ("/v1/check", b'{"text": 1}', 422, None),
        ("/v1/blur", b'{"text": "' + b"a" * 2_000_000 + b'"}', 413, None),
        ("/v1/nothing", b"{}", 404, None),
    ]
    while len(made) < count:
        text = " ".join(draw.choices(sentences, k=draw.choice((1, 2, 5, 20, 20, 100, 1000))))
        format = draw.choice(("text", "markdown", "html", "auto"))
        asked = {"text": f"<p>{text}</p>" if format == "html" else text, "format": format, "quotations": True}
        asked |= {"sensitivity": draw.choice(("low", "high")), "threshold": None}
        asked |= {"title": "", "blurb": "", "synopsis": draw.choice(("", sentences[0]))}
        name = draw.choice(("check", "check", "blur"))
        if name == "blur":
            asked["style"] = draw.choice((None, "redact", "bbcode"))
        try:
            answer = json.dumps(RESULTS[name](guard, asked), ensure_ascii=False).encode()
            made.append((f"/v1/{name}", json.dumps(asked).encode(), 200, answer))
        except sg.SpoilerguardError:
            made.append((f"/v1/{name}", json.dumps(asked).encode(), 422, None))
    return made


class Asking:
    """A thread's requests, one after the other, now and then on a new connection."""

    def __init__(self, address: tuple[str, int], every: list[Case], seed: int, done: Counter[str]) -> None:
        self.address, self.every, self.draw, self.done = address, every, random.Random(seed), done
        self.stop = threading.Event()
        self.trouble: str | None = None

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                self._on_one_connection(self.draw.choice((1, 10, 100)))
        except Exception as error:
            self.trouble = repr(error)

    def _on_one_connection(self, count: int) -> None:
        if self.draw.random() < 0.1:
            with socket.create_connection(self.address) as client:
                client.sendall(b"POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
            self.done["broken off"] += 1
        connection = HTTPConnection(*self.address, timeout=60)
        try:
            for _ in range(count):
                if self.stop.is_set():
                    break
                path, body, status, answer = self.draw.choice(self.every)
                connection.request("POST", path, body, JSON)
                response = connection.getresponse()
                content = response.read()
                self.done[str(response.status)] += 1
                if response.status != status or answer not in (None, content):
                    raise ValueError(f"{response.status} instead of {status}, or another answer: {body[:200]!r}")
        finally:
            connection.close()


def resident(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024


@contextmanager
def served(*options: str) -> Iterator[tuple[int, tuple[str, int]]]:
    """The id and the address of a process that serves, with these options."""
    command = [sys.executable, "-m", "spoilerguard", "serve", "--port", "0", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r"http://([\d.]+):(\d+)", process.stderr.readline())
        assert found is not None
        try:
            yield process.pid, (found[1], int(found[2]))
        finally:
            process.terminate()
            if errors := process.stderr.read():
                print(errors, end="")
    if process.returncode:
        raise SystemExit(f"it ended with status {process.returncode}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    every = cases(400)
    done: Counter[str] = Counter()
    seen: list[tuple[float, int, int]] = []  # seconds, bytes, files
    with served() as (process, address):
        asking = [Asking(address, every, seed, done) for seed in range(options.clients)]
        threads = [threading.Thread(target=one.run) for one in asking]
        for thread in threads:
            thread.start()
        began, minute = time.monotonic(), 0
        while (elapsed := time.monotonic() - began) < options.minutes * 60 and not any(a.trouble for a in asking):
            time.sleep(0.5)
            seen.append((elapsed, resident(process), len(os.listdir(f"/proc/{process}/fd"))))
            if elapsed >= 60 * (minute + 1):
                minute += 1
                most = max(size for at, size, _ in seen if at >= elapsed - 60)
                counts = ", ".join(f"{count:,} {what}" for what, count in sorted(done.items()))
                print(f"{minute} min: {most >> 20} MB, {seen[-1][2]} files open; {counts}", flush=True)
        for one in asking:
            one.stop.set()
        for thread in threads:
            thread.join()
    if trouble := next((one.trouble for one in asking if one.trouble), None):
        raise SystemExit(trouble)
    early = [(size, files) for at, size, files in seen if 0.2 <= at / elapsed < 0.4]
    late = [(size, files) for at, size, files in seen if at / elapsed >= 0.8]
    before, after = max(early)[0], max(late)[0]
    # The least, since clients come and go: a file that is not closed raises it, too.
    files_before, files_after = (min(files for _, files in part) for part in (early, late))
    print(f"{sum(done.values()):,} requests; memory {before >> 20} MB, then {after >> 20} MB: {after / before:.3f}")
    print(f"files open: {files_before}, then {files_after}")
    if after > GROWTH * before or files_after > files_before + options.clients:
        raise SystemExit("it grows")


if __name__ == "__main__":
    main()
