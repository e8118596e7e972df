"""The service under attack: short requests beside hostile ones, and the memory that is left held.

    python tests/bench/attack.py --minutes 2 [--model accurate]

Four clients send hostile texts of a megabyte without a pause, each unit of `hostile.py` in turn, while another sends
requests of 200 words. Prints how long these took, and the memory of the server and its workers before and after. Exit
status 1 where a short one took more than a second or failed, or where memory grew by more than 20 %.
"""

from __future__ import annotations

import argparse
from http.client import HTTPConnection
from itertools import count
import json
from pathlib import Path
import sys
import threading
import time

from serve import texts
from soak_serve import JSON, ROOT, resident, served

sys.path.insert(0, str(ROOT / "tests"))
from hostile import UNITS, repeated

CLIENTS, SLOWEST, GROWTH = 4, 1.0, 1.2
Address = tuple[str, int]


def family(process: int) -> int:
    """The memory of a process and of those that it started, in bytes."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return resident(process) + sum(map(resident, map(int, children)))


def ask(address: Address, path: str, **fields: object) -> int:
    connection = HTTPConnection(*address, timeout=120)
    try:
        connection.request("POST", path, json.dumps(fields), JSON)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def attack(address: Address, first: int, stop: threading.Event, answers: list[int]) -> None:
    """Send hostile texts, every fourth of them."""
    for number in count(first, CLIENTS):
        if stop.is_set():
            return
        text, format = repeated(UNITS[number % len(UNITS)], 900_000), ("markdown", "html")[number // 7 % 2]
        answers.append(ask(address, ("/v1/check", "/v1/blur")[number % 2], text=text, format=format, threshold=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--model", default="fast")
    options = parser.parse_args()
    short, taken, answers = texts(200), [], list[int]()
    failed = 0
    with served("--model", options.model) as (process, address):
        for text in short[:40]:
            ask(address, "/v1/blur", text=text)
        before, stop = family(process), threading.Event()
        threads = [threading.Thread(target=attack, args=(address, k, stop, answers)) for k in range(CLIENTS)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 60 * options.minutes
        for number in count():
            if time.monotonic() > end:
                break
            began = time.perf_counter()
            failed += ask(address, "/v1/check", text=short[number % len(short)]) != 200
            taken.append(time.perf_counter() - began)
            time.sleep(0.05)
        stop.set()
        for thread in threads:
            thread.join()
        for text in short[:40]:
            ask(address, "/v1/blur", text=text)
        after = family(process)
    taken.sort()
    counts = ", ".join(f"{answers.count(status)} of status {status}" for status in sorted(set(answers)))
    print(f"{len(answers)} hostile requests: {counts}")
    print(f"{len(taken)} short ones: p50 {taken[len(taken) // 2]:.3f} s, slowest {taken[-1]:.3f} s, {failed} failed")
    print(f"memory {before >> 20} MB, then {after >> 20} MB: {after / before:.2f}")
    if failed or taken[-1] > SLOWEST or after > GROWTH * before:
        raise SystemExit("one client can slow the others down, or memory stays held")


if __name__ == "__main__":
    main()
