"""Where shards are scored: in this process, in several processes, or on a cluster. One table.

An engine takes a plan and shards, and yields the result of each shard, in order and with few in memory at a
time. It cannot change the results. To add an engine, add a generator and a row in `ENGINES`.

To use a cluster of ten machines: install the same spoilerguard on all of them, with the extra dask. Start
`dask scheduler` on one, and `dask worker tcp://HOST:8786 --nworkers 8 --nthreads 1` on each. Then run
`spoilerguard scan ... --engine dask --scheduler tcp://HOST:8786` on a machine that has the archive. The other
machines do not need it: texts are sent to the workers, and rows are sent back. A model of your own must be at
the same path on every machine (bundled models come with the package); each worker loads it once and checks
its digests.

Costs, measured by `tests/bench/scan.py ARCHIVE --costs` on one core of a busy machine: 1,200 to 1,500 whole
reviews (1,300 characters) per second, each 1,350 bytes to a worker and 310 back; 7,800 short comments (150
characters) per second, each 210 bytes and 120 back. Reading and sending take 1/64 to 1/131 of the time of
scoring for reviews and 1/20 for short comments, so one reader keeps that many cores busy. Eighty cores thus
score 100,000 reviews per second, with 140 MB/s of traffic. Of short comments one reader feeds them 150,000 per
second, a quarter of what they could score; several scans, each of a part of the archive, are then faster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
import os
import pkgutil
import signal
import threading
import time
from typing import Any, Protocol

import spoilerguard
from spoilerguard.errors import InputError, MissingExtra, SpoilerguardError
from spoilerguard.scan.plan import Plan
from spoilerguard.scan.shards import Shard, ShardResult, score
from spoilerguard.text.runons import without_torch

__all__ = ["ENGINES"]

_PATIENCE = "10s"  # for the scheduler to answer

# One process per core: linear algebra must not start threads of its own.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


Results = Generator[ShardResult, None, None]


class Engine(Protocol):
    """The type of an engine."""

    def __call__(self, plan: Plan, shards: Iterable[Shard], *, jobs: int, address: str | None) -> Results:
        """Score shards.

        Args:
            plan: The plan of the scan.
            shards: The shards.
            jobs: How many processes to use.
            address: The address of a scheduler.

        Yields:
            The result of each shard, in order.
        """


def local(plan: Plan, shards: Iterable[Shard], *, jobs: int, address: str | None = None) -> Results:
    """Score in this process, or in `jobs` processes on this machine."""
    if address is not None:
        raise InputError("--scheduler needs --engine dask")
    if jobs == 1:
        yield from map(partial(score, plan), shards)
        return
    from joblib.externals.loky import ProcessPoolExecutor
    from joblib.externals.loky.process_executor import BrokenProcessPool

    executor = ProcessPoolExecutor(jobs, initializer=_follow_parent, initargs=(os.getpid(),), env=_ONE_THREAD)
    try:
        yield from _in_order(partial(executor.submit, score, plan), shards, ahead=2 * jobs)
    except BrokenProcessPool as error:
        raise SpoilerguardError(
            "a worker process was killed, perhaps for lack of memory; continue with --resume and fewer --jobs"
        ) from error
    finally:
        executor.shutdown(kill_workers=True)


def _follow_parent(parent: int) -> None:
    """In a worker: exit when the parent exits, even by `kill -9`, and not before."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to every process
    without_torch()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def dask(plan: Plan, shards: Iterable[Shard], *, jobs: int, address: str | None = None) -> Results:
    """Score on a Dask cluster; without an address, on a local one of `jobs` processes that ends with the scan.

    A shard whose worker dies is scored again by another worker. Only this process reads the archive.
    """
    try:
        import distributed
    except ImportError as error:
        raise MissingExtra("distributed", "dask") from error
    with _client(distributed, jobs, address) as client:
        _check_installed(client)
        threads = sum(client.nthreads().values())
        if not threads:
            raise InputError(f"{address}: the scheduler has no workers; start one with: dask worker {address}")
        submit = partial(client.submit, score, plan, pure=False)
        try:
            yield from _in_order(submit, shards, ahead=3 * threads)
        except distributed.KilledWorker as error:
            raise SpoilerguardError(
                f"{error}: several workers died of this shard, perhaps for lack of memory; continue with --resume"
            ) from error
        except distributed.CancelledError as error:
            raise SpoilerguardError(f"lost the Dask scheduler ({error}); continue with --resume") from error


@contextmanager
def _client(distributed: Any, jobs: int, address: str | None) -> Iterator[Any]:
    if address is not None:
        try:
            client = distributed.Client(address, timeout=_PATIENCE)
        except (OSError, ValueError) as error:
            raise InputError(f"{address}: no Dask scheduler answers ({error}); check that it is running") from None
        with client:
            yield client
        return
    options: dict[str, Any] = {"threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(n_workers=jobs, **options) as cluster, distributed.Client(cluster) as client:
        yield client


def _check_installed(client: Any) -> None:
    """Raise InputError unless scheduler and workers have this version of spoilerguard."""
    asked = (pkgutil.resolve_name, "spoilerguard:__version__")  # works on any Python, with or without spoilerguard
    try:
        found = {"the scheduler": client.run_on_scheduler(*asked), **client.run(*asked)}
    except ImportError:
        found = {"a machine of the cluster": "none"}
    for where, version in found.items():
        if version != spoilerguard.__version__:
            raise InputError(
                f"{where} has spoilerguard {version}, but this machine has {spoilerguard.__version__}; "
                "install the same version on every machine, scheduler and workers"
            )


def _in_order(submit: Callable[[Shard], Any], shards: Iterable[Shard], *, ahead: int) -> Results:
    """The results in the order of the shards, with `ahead` of them submitted at a time."""
    waiting: deque[Any] = deque()
    for shard in shards:
        waiting.append(submit(shard))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


ENGINES: dict[str, Engine] = {"local": local, "dask": dask}
