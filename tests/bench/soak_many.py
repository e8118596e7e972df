"""A soak: `flag_many` in one process for an hour, without growth in memory or open files.

    python tests/bench/soak_many.py --minutes 60

The texts are sentences of our own corpus, drawn anew all the time, with words that never came before
(what is kept of each word grows). The first texts come again every minute: their reports must not change.
After a warm-up of a tenth of the time, memory may grow by at most 5% and open files not at all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import json
import os
from pathlib import Path
import random
import time

from spoilerguard import load

ROOT = Path(__file__).resolve().parents[2]
GROWTH, ROUND = 1.05, 2_000


def texts(seed: int, sentences: list[str]) -> Iterator[str]:
    """Comments, endless; one in fifty a long one without punctuation, which another model cuts."""
    draw = random.Random(seed)
    while True:
        chosen = draw.choices(sentences, k=draw.choice((1, 2, 3, 12)))
        new = f"{draw.getrandbits(60):x}"
        text = f"{' '.join(chosen)} {new}."
        yield text.lower().replace(".", "").replace(",", "") * 3 if draw.random() < 0.02 else text


def resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--model", default="fast")
    options = parser.parse_args()
    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        sentences = [s["text"].strip() for line in lines for s in json.loads(line)["sentences"]]
    guard = load(options.model)
    same = [text for text, _ in zip(texts(0, sentences), range(200), strict=False)]
    first = [report.to_dict() for report in guard.flag_many(same)]
    began, count, seen, compared = time.monotonic(), 0, [], 0.0
    reports = guard.flag_many(texts(1, sentences))
    while (elapsed := time.monotonic() - began) < options.minutes * 60:
        count += sum(1 for _ in zip(range(ROUND), reports, strict=False))
        seen.append((elapsed, resident(), len(os.listdir("/proc/self/fd"))))
        if elapsed - compared >= 60:
            compared = elapsed
            if [report.to_dict() for report in guard.flag_many(same)] != first:
                raise SystemExit(f"after {count:,} texts the first have other reports")
            print(f"{elapsed / 60:4.0f} min  {count:,} texts  {seen[-1][1] >> 20} MB  {seen[-1][2]} files", flush=True)
    warm = options.minutes * 6
    early, late = ([s for s in seen if (s[0] <= 2 * warm) == before and s[0] >= warm] for before in (True, False))
    memory, files = (max(s[k] for s in late) / max(s[k] for s in early) for k in (1, 2))
    print(
        f"{count:,} texts in {options.minutes:g} min: memory {memory:.3f}, open files {files:.2f} of the second tenth's"
    )
    if memory > GROWTH or files > 1:
        raise SystemExit("it grows")


if __name__ == "__main__":
    main()
