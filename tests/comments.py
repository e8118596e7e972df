"""Archives for the tests of a scan: comments without end, every so often one with a spoiler."""

from __future__ import annotations

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

from texts import HARMLESS, SPOILERS

WORKS = ("Saltmarsh", "Low Tide", "The Glass Orchard")


def comments(count: int) -> Iterator[dict[str, Any]]:
    """So many comments, the same every time; their ids are not in order, and some occur twice."""
    for number in range(count):
        sentences = [HARMLESS[number % 4], HARMLESS[number * 7 % 3]]
        if number % 6 == 0:
            sentences.append(SPOILERS[number // 6 % 5])
        yield {
            "id": f"c{number * 31 % 997}",
            "text": f"{' '.join(sentences)} This is number {number}.",
            "work": WORKS[number % 3],
            "time": f"2021-{number % 12 + 1:02d}-03",
        }


def archive_of(path: Path, count: int) -> Path:
    """A file of JSON Lines with so many comments."""
    path.write_text("".join(json.dumps(comment) + "\n" for comment in comments(count)), encoding="utf-8")
    return path


def records_of(path: Path) -> list[dict[str, Any]]:
    """The records of an output in JSON Lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
