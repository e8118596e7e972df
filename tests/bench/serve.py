"""What the service costs: a check of 200 words over loopback, and the same call of the library.

python tests/bench/serve.py --requests 2000
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from http.client import HTTPConnection
import json
import random
import time

from soak_serve import JSON, ROOT, served

import spoilerguard as sg


def texts(words: int) -> list[str]:
    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        every = " ".join(s["text"].strip() for line in lines for s in json.loads(line)["sentences"]).split()
    draw = random.Random(4)
    return [" ".join(every[at : at + words]) for at in draw.sample(range(len(every) - words), 200)]


def measured(calls: dict[str, Callable[[str], object]], every: list[str], count: int) -> None:
    """In turns, so that what else the machine does falls upon all of them."""
    for text in every:
        for call in calls.values():
            call(text)
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for k in range(count):
        for name, call in calls.items():
            began = time.perf_counter()
            call(every[k % len(every)])
            taken[name].append(1000 * (time.perf_counter() - began))
    for name, times in taken.items():
        times.sort()
        print(f"{name:24} p50 {times[count // 2]:6.2f} ms   p99 {times[count * 99 // 100]:6.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--words", type=int, default=200)
    options = parser.parse_args()
    every, guard = texts(options.words), sg.load()
    with served() as (_, address):
        connection = HTTPConnection(*address)

        def ask(text: str) -> object:
            connection.request("POST", "/v1/check", json.dumps({"text": text, "format": "text"}), JSON)
            return json.loads(connection.getresponse().read())

        def health(text: str) -> object:
            connection.request("GET", "/healthz")
            return connection.getresponse().read()

        calls = {"library": lambda text: guard.flag(text).to_dict(), "/v1/check": ask, "/healthz": health}
        measured(calls, every, options.requests)
        connection.close()


if __name__ == "__main__":
    main()
