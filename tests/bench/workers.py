"""Processes on cores of their own that work on command, so that the candidates can take turns.

A busy machine then slows all of it alike. The process that commands must stay light: it imports
nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from multiprocessing import get_context
import os
from pathlib import Path
import re
from statistics import median
import subprocess
import sys
import time
import traceback
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
ONE_THREAD["TOKENIZERS_PARALLELISM"] = "false"

Work = Callable[[Any], Any]  # what a worker does with a task


class Lap(NamedTuple):
    """What came of a task, and the seconds it took: of the process, and by the clock."""

    result: Any
    processor: float
    clock: float


class Worker:
    """A process on these cores that has called `make(*arguments)`, and does the work that this returned."""

    def __init__(self, cores: Collection[int], make: Callable[..., Work], *arguments: Any, torch: bool = False) -> None:
        context = get_context("spawn")
        self.pipe, end = context.Pipe()
        self.process = context.Process(target=_serve, args=(end, set(cores), torch, make, arguments))
        self.process.start()
        end.close()
        self._answer()

    def start(self, task: Any) -> None:
        self.pipe.send(task)

    def lap(self) -> Lap:
        """Of the task that was started."""
        return Lap(*self._answer())

    def _answer(self) -> Any:
        try:
            answer = self.pipe.recv()
        except EOFError:
            answer = "a worker ended"
        if isinstance(answer, str):
            raise SystemExit(answer)
        return answer

    def peak(self) -> float:
        """MB of memory that were resident at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def close(self) -> None:
        self.pipe.close()
        self.process.join()


def _serve(pipe: Any, cores: set[int], torch: bool, make: Callable[..., Work], arguments: Sequence[Any]) -> None:
    os.sched_setaffinity(0, cores)
    if not torch:
        import_module("absent")
    try:
        work = make(*arguments)
        pipe.send(())
        while True:
            task = pipe.recv()
            clock, processor = time.perf_counter(), time.process_time()
            result = work(task)
            pipe.send((result, time.process_time() - processor, time.perf_counter() - clock))
    except EOFError:
        return
    except BaseException:
        pipe.send(traceback.format_exc())


@contextmanager
def worker(cores: Collection[int], make: Callable[..., Work], *arguments: Any, torch: bool = False) -> Iterator[Worker]:
    one = Worker(cores, make, *arguments, torch=torch)
    try:
        yield one
    finally:
        one.close()


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a call in a process of its own, so that what it imports is not in this one."""
    with worker(os.sched_getaffinity(0), _once, function) as one:
        one.start(arguments)
        return one.lap().result


def _once(function: Callable[..., Any]) -> Work:
    return lambda arguments: function(*arguments)


Makers = Mapping[str, tuple[Any, ...]]  # the arguments of a Worker, after its cores


def rates(makers: Makers, cores: Sequence[int], rounds: int, least: float) -> dict[str, float]:
    """Units of work a second, of each kind of worker: one on each core, all of them in turn.

    A task is a number of units, so many that it takes `least` seconds; the median of the rounds counts.
    Seconds are those of the processor, so that other processes on these cores matter less.
    """
    with ExitStack() as stack:
        teams = {}
        for name, (make, *arguments) in makers.items():
            torch = "PyTorch" in name
            teams[name] = [stack.enter_context(worker([core], make, *arguments, torch=torch)) for core in cores]
        sizes = {name: _size(team[0], least) for name, team in teams.items()}
        found: dict[str, list[float]] = {name: [] for name in teams}
        for _ in range(rounds):
            for name, team in teams.items():
                for one in team:
                    one.start(sizes[name])
                laps = [one.lap() for one in team]
                found[name].append(sum(lap.result / lap.processor for lap in laps))
    return {name: median(rates) for name, rates in found.items()}


def _size(one: Worker, least: float) -> int:
    size = 8
    while True:
        one.start(size)
        spent = one.lap().clock
        if spent >= least:
            return size
        size = int(size * max(1.5, min(8, 1.2 * least / spent)))


class Ran(NamedTuple):
    """What a command took: seconds of its processes and by the clock, MB at most, and its standard error."""

    processor: float
    clock: float
    peak: float
    stderr: str


def run(command: Sequence[str], cores: Collection[int], folder: Path) -> Ran:
    """A fresh Python with these arguments on these cores, without PyTorch; its bytecode is kept in `folder`."""
    (folder / "sitecustomize.py").write_text("import absent\n", encoding="utf-8")
    paths = os.pathsep.join(map(str, (folder, ROOT, Path(__file__).parent)))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": paths, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)  # what begins now inherits it
    try:
        with (folder / "stderr").open("w+", encoding="utf-8") as errors:
            began = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL, stderr=errors
            )
            _, status, usage = os.wait4(process.pid, 0)
            clock = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            errors.seek(0)
            words = errors.read()
    finally:
        os.sched_setaffinity(0, ours)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{words}")
    return Ran(usage.ru_utime + usage.ru_stime, clock, usage.ru_maxrss / 1024, words)


def in_turn(
    commands: Mapping[str, Sequence[str]], cores: Collection[int], folder: Path, rounds: int, warm: int = 1
) -> dict[str, Ran]:
    """Each command in turn, `warm` times uncounted (the first makes bytecode); of each figure the median."""
    runs: dict[str, list[Ran]] = {name: [] for name in commands}
    for number in range(warm + rounds):
        for name, command in commands.items():
            ran = run(command, cores, folder)
            if number >= warm:
                runs[name].append(ran)
    return {
        name: Ran(*map(median, zip(*(one[:3] for one in ran), strict=True)), stderr=ran[-1].stderr)
        for name, ran in runs.items()
    }
