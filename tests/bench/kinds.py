"""How well reasons are named, on real validation works: `python tests/bench/kinds.py ../shared/datasets`.

For each bundled model, with what its linear part alone says of kinds, as in 0.1.0, and with the evidence of its
networks too: the micro F1 of the kinds named for spoilers, over all tags of each, and the share of flags (medium
sensitivity) that are given a kind. With `--read FILE.jsonl`, 100 flags of each model, shuffled, as its users see them:
for a reading that does not know which model they are of (`--key FILE.jsonl` tells afterwards).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import random
import sys

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import spoilerguard as sg
from spoilerguard.datasets import load_labelled, splits_of, to_frame
from spoilerguard.datasets.real import by_work, read_labels
from spoilerguard.evaluation.measure import read_in_documents
from spoilerguard.model.scoring import KIND_NAMES, KINDS, UNNAMED
from spoilerguard.spans import Reason

ROOT = Path(__file__).resolve().parents[2]
READ = 100  # flags of each model
Reasons = list[tuple[Reason, ...]]


def validation(datasets: Path) -> pd.DataFrame:
    """The sentences of real validation works."""
    real = pd.concat(
        [
            to_frame(by_work(load_labelled([datasets / "real" / "real.jsonl"]))),
            to_frame(read_labels(ROOT / "data" / "real-labels.jsonl", datasets)),
        ],
        ignore_index=True,
    )
    return real[splits_of(real) == "validation"].reset_index(drop=True)


def named(found: tuple[Reason, ...]) -> set[str]:
    return {reason.kind for reason in found} - {UNNAMED}


def micro_f1(reasons: Reasons, tags: pd.Series) -> float:
    pairs = [(named(found), set(every) & set(KINDS)) for found, every in zip(reasons, tags, strict=True)]
    total = sum(len(given) + len(right) for given, right in pairs)
    return 2 * sum(len(given & right) for given, right in pairs) / total


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("datasets", type=Path)
    arguments.add_argument("--read", type=Path)
    arguments.add_argument("--key", type=Path)
    arguments.add_argument("--seed", type=int, default=0, help="another hundred")
    asked = arguments.parse_args()
    frame = validation(asked.datasets)
    spoilers = np.flatnonzero((frame["label"] == 1) & frame["tag"].isin(list(KINDS)))
    shown = []
    print(f"{len(frame):,} sentences, {len(spoilers):,} spoilers with a kind")
    for name in ("fast", "accurate"):
        guard = sg.load(name)
        reading = read_in_documents(guard, frame, {}, lambda step, share: None)
        flags = np.flatnonzero(reading.scores >= guard.threshold("medium"))
        for what, kinds in (
            ("linear part alone", np.full_like(reading.kinds, np.nan)),
            ("all evidence", reading.kinds),
        ):

            def reasons(rows: np.ndarray, kinds: np.ndarray = kinds, guard: sg.Guard = guard) -> Reasons:
                return guard.scorer.reasons(frame["text"].iloc[rows].tolist(), kinds[rows])

            found = reasons(flags)
            share = sum(bool(named(one)) for one in found) / len(flags)
            f1 = micro_f1(reasons(spoilers), frame["tags"].iloc[spoilers])
            print(f"{name}, {what}: micro F1 {f1:.3f}, {share:.0%} of {len(flags):,} flags have a kind")
        for k in random.Random(asked.seed).sample(range(len(flags)), READ):
            says = ", ".join(KIND_NAMES.get(reason.kind, reason.kind) for reason in found[k])
            shown.append({"model": name, "text": frame["text"].iloc[flags[k]], "says": says, "words": found[k][0].text})
    random.Random(1).shuffle(shown)
    if asked.read is not None:
        lines = [json.dumps({"n": n, **{k: v for k, v in row.items() if k != "model"}}) for n, row in enumerate(shown)]
        asked.read.write_text("\n".join([*lines, ""]), encoding="utf-8")
    if asked.key is not None:
        asked.key.write_text("\n".join(row["model"] for row in shown) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
