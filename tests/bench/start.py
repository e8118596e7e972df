"""Cold start: `spoilerguard check` on 1,000 words against `import spacy; spacy.blank("en")`.

    python tests/bench/start.py

Fresh processes, in turn; the median of each and their ratio are printed (goal: 1.5 at most). Both
run from compiled bytecode, as installed packages do: a first run of each makes it and is not counted.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from statistics import median
import subprocess
import sys
import tempfile
import time

ROOT = Path(__file__).resolve().parents[2]
RUNS, WORDS, GOAL = 7, 1_000, 1.5


# Where they are installed, spaCy loads these too: an environment of ours has none of them.
WITHOUT = "import sys; sys.modules.update(dict.fromkeys(('torch', 'tensorflow', 'cupy', 'mxnet')))"


def draft() -> str:
    """About a thousand words of labelled reviews as Markdown, a paragraph each."""
    paragraphs = ["# Some reviews"]
    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        reviews = (review for review in map(json.loads, lines) if review["kind"] == "review")
        while sum(len(p.split()) for p in paragraphs) < WORDS:
            paragraphs.append(" ".join(sentence["text"].strip() for sentence in next(reviews)["sentences"]))
    return "\n\n".join(paragraphs)


def seconds(code: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *code], env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "draft.md"
        path.write_text(draft(), encoding="utf-8")
        commands = {
            "spoilerguard check": ["-m", "spoilerguard", "check", str(path), "--exit-zero"],
            "spacy.blank": ["-c", f"{WITHOUT}; import spacy; spacy.blank('en')"],
        }
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": folder}
        times: dict[str, list[float]] = {name: [] for name in commands}
        for run in range(RUNS + 1):
            for name, command in commands.items():
                taken = seconds(command, environment)
                if run:
                    times[name].append(taken)
    ours, theirs = (median(taken) for taken in times.values())
    for name, taken in times.items():
        print(f"{name:20} {median(taken) * 1000:6.0f} ms   ({min(taken) * 1000:.0f} to {max(taken) * 1000:.0f})")
    print(f"ratio {ours / theirs:.2f}   (goal: at most {GOAL})")


if __name__ == "__main__":
    main()
