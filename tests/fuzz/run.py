"""Coverage-guided fuzzing (atheris, libFuzzer) of the table in `targets.py`, one target after the other.

    python tests/fuzz/run.py --minutes 60 [--targets read-html hide-html]

Prints how often each target ran and what it found. A fault does not end a run: each kind of it (the type
and the innermost lines of ours) is kept once, in cache/fuzz/faults/TARGET-....bin, with its traceback beside.
What was learnt about the inputs stays in cache/fuzz/corpus, so a later run goes on from there. Exit
status 1 where anything was found.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from pathlib import Path
import resource
import signal
import subprocess
import sys
import time
import traceback
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
TABLE = os.environ.get("FUZZ_TABLE", str(ROOT / "tests" / "fuzz"))  # the folder of `targets.py`
CACHE = Path(os.environ.get("FUZZ_CACHE", ROOT / "cache" / "fuzz"))
SLOW = 5.0  # seconds of one run: a fault of its own
MOST_MEMORY = 3 << 30
LONGEST = 6000  # bytes of an input


class Slow(BaseException):
    """A run that took too long; no handler of the package takes it for an error of the input."""


class Runs:
    """The runs of one target: counted, timed, and the faults kept."""

    def __init__(self, name: str) -> None:
        from targets import TARGETS

        self.name, self.run = name, TARGETS[name].run
        self.count, self.slowest, self.reported = 0, 0.0, 0.0
        self.faults: dict[str, int] = {}

    def __call__(self, data: bytes) -> None:
        start = time.process_time()
        try:
            signal.setitimer(signal.ITIMER_PROF, SLOW)
            try:
                self.run(data)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        except (Exception, Slow) as error:
            self.keep(error, data)
        self.count += 1
        self.slowest = max(self.slowest, time.process_time() - start)
        if time.monotonic() - self.reported > 1:
            self.report()

    def keep(self, error: BaseException, data: bytes) -> None:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if str(ROOT) in f.filename]
        places = [f"{Path(f.filename).name}:{f.name}" for f in frames[-2:]]
        kind = " ".join([type(error).__name__, *places, str(error)[:60] if isinstance(error, AssertionError) else ""])
        self.faults[kind] = self.faults.get(kind, 0) + 1
        path = CACHE / "faults" / f"{self.name}-{hashlib.sha256(kind.encode()).hexdigest()[:8]}.bin"
        if not path.exists() or path.stat().st_size > len(data):  # the shortest of its kind
            path.write_bytes(data)
            path.with_suffix(".txt").write_text("".join(traceback.format_exception(error))[-8000:])
        self.report()

    def report(self) -> None:
        self.reported = time.monotonic()
        counts = {"runs": self.count, "seconds": round(time.process_time()), "slowest": round(self.slowest, 2)}
        (CACHE / f"{self.name}.json").write_text(json.dumps(counts | {"faults": self.faults}))


def one(name: str, seconds: int) -> None:
    """Fuzz one target in this process, which libFuzzer ends."""
    import atheris

    def too_slow(_signal: int, _frame: FrameType | None) -> None:
        raise Slow(f"more than {SLOW:.0f} s of one input")

    with atheris.instrument_imports(include=["spoilerguard"]):
        import targets
    corpus, seeds = CACHE / "corpus" / name, CACHE / "seeds" / name
    for folder in (corpus, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(targets.TARGETS[name].seeds()):
        (seeds / str(number)).write_bytes(seed)
    words = CACHE / "words.txt"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in targets.words_of_the_formats()))
    signal.signal(signal.SIGPROF, too_slow)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-dict={words}", "-verbosity=0"]
    # Time and memory are ours to watch: libFuzzer goes by the clock, and the machine may be busy.
    options += ["-rss_limit_mb=0", "-timeout=99999", f"-artifact_prefix={CACHE / 'faults' / name}-"]
    atheris.Setup([sys.argv[0], *options, str(corpus), str(seeds)], Runs(name))
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(chr(b) if b < 128 and chr(b).isalnum() else f"\\x{b:02x}" for b in word)


def main() -> int:
    """Each target in a process of its own, at the lowest priority; then what came of it."""
    parser = argparse.ArgumentParser(description="fuzz the readers, writers and archives")
    parser.add_argument("--minutes", type=float, default=60.0, help="of all targets together")
    parser.add_argument("--targets", nargs="*", metavar="NAME", help="by default all")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    (CACHE / "faults").mkdir(parents=True, exist_ok=True)
    os.nice(19 - os.nice(0))
    sys.path[:0] = [TABLE, str(ROOT / "tests")]
    if given.one:
        one(given.one, round(given.minutes * 60))
        return 0
    from targets import TARGETS

    names = given.targets or list(TARGETS)
    found = ended = 0
    print(f"{'target':20} {'runs':>10} {'CPU s':>8} {'slowest':>8}  faults", flush=True)
    for name in names:
        report = CACHE / f"{name}.json"
        report.unlink(missing_ok=True)
        command = [sys.executable, __file__, "--one", name, "--minutes", str(given.minutes / len(names))]
        with (CACHE / f"{name}.log").open("w") as log:
            status = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
        none = {"runs": 0, "seconds": 0, "slowest": 0.0, "faults": {}}
        counts = json.loads(report.read_text()) if report.exists() else none
        found, ended = found + len(counts["faults"]), ended + (status != 0)
        row = f"{name:20} {counts['runs']:>10,} {counts['seconds']:>8,} {counts['slowest']:>8.2f}"
        row += f"  {len(counts['faults'])}"
        print(row + (f"  (ended with status {status}: see {CACHE / name}.log)" if status else ""), flush=True)
        for kind, times in counts["faults"].items():
            print(f"    {times:,} x {kind}", flush=True)
    return 1 if found or ended else 0


if __name__ == "__main__":
    sys.exit(main())
