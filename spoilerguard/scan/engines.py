"""Where shards are scored: in this process, in several, or on a cluster. One table.

An engine takes a function and shards and yields what the function makes of them, in their order and
with few held at a time: it cannot change what comes out. To add one, add a generator and a row.

A cluster of ten machines. Install the same spoilerguard on all, with the extra dask; start `dask
scheduler` on one and on each `dask worker tcp://HOST:8786 --nworkers 8 --nthreads 1`; then `spoilerguard
scan ... --engine dask --scheduler tcp://HOST:8786` on a machine that has the archive. It alone needs it:
texts travel to the workers, rows travel back. A model of your own lies at the same path everywhere
(bundled ones travel with the package); each worker loads it once and compares its digest.

What it costs, measured by `tests/bench/scan.py ARCHIVE --costs` on one core of a busy machine: whole
reviews (1,300 characters) 1,200 to 1,500 a core-second, 1,350 bytes each to a worker and 310 back; short comments
(150 characters) 7,800 a core-second, 210 bytes and 120 back. Reading and sending takes 1/64 to 1/131 of
the time that scoring reviews takes, 1/20 of that for short comments: so many cores one reader keeps busy.
By that, eighty cores score 100,000 reviews a second, for which 140 MB travel; of short comments they are fed
150,000 a second, a quarter of what they could score: then several scans, of a part of the archive each,
go faster.
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
from spoilerguard.scan.shards import Scored, Shard, score
from spoilerguard.text.runons import without_torch

__all__ = ["ENGINES"]

_PATIENCE = "10s"  # for an answer of a scheduler

# A core is one process here: linear algebra shall not start threads of its own.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


Results = Generator[Scored, None, None]


class Engine(Protocol):
    def __call__(self, plan: Plan, shards: Iterable[Shard], *, jobs: int, address: str | None) -> Results:
        """What becomes of each shard under the plan, in order."""


def local(plan: Plan, shards: Iterable[Shard], *, jobs: int, address: str | None = None) -> Results:
    """In this process, or in `jobs` processes of this machine."""
    if address is not None:
        raise InputError("--scheduler goes with --engine dask")
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
            "a worker process was killed, perhaps because memory ran out; go on with --resume and fewer --jobs"
        ) from error
    finally:
        executor.shutdown(kill_workers=True)


def _follow_parent(parent: int) -> None:
    """In a worker: end when the parent ends, were it by `kill -9`, and not before."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, which sends it to all
    without_torch()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def dask(plan: Plan, shards: Iterable[Shard], *, jobs: int, address: str | None = None) -> Results:
    """On a Dask cluster; without an address, one of `jobs` processes that ends with the scan.

    A shard whose worker dies is scored again elsewhere. The archive is read here and only here.
    """
    try:
        import distributed
    except ImportError as error:
        raise MissingExtra("distributed", "dask") from error
    with _client(distributed, jobs, address) as client:
        _check_installed(client)
        threads = sum(client.nthreads().values())
        if not threads:
            raise InputError(f"{address}: the scheduler has no workers; start some: dask worker {address}")
        submit = partial(client.submit, score, plan, pure=False)
        try:
            yield from _in_order(submit, shards, ahead=3 * threads)
        except distributed.KilledWorker as error:
            raise SpoilerguardError(
                f"{error}: several workers died of it, perhaps because memory ran out; go on with --resume"
            ) from error
        except distributed.CancelledError as error:
            raise SpoilerguardError(f"the Dask scheduler is gone ({error}); go on with --resume") from error


@contextmanager
def _client(distributed: Any, jobs: int, address: str | None) -> Iterator[Any]:
    if address is not None:
        try:
            client = distributed.Client(address, timeout=_PATIENCE)
        except (OSError, ValueError) as error:
            raise InputError(f"{address}: no Dask scheduler answers there ({error})") from None
        with client:
            yield client
        return
    options: dict[str, Any] = {"threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(n_workers=jobs, **options) as cluster, distributed.Client(cluster) as client:
        yield client


def _check_installed(client: Any) -> None:
    """Raise InputError unless the scheduler and all workers have this spoilerguard."""
    asked = (pkgutil.resolve_name, "spoilerguard:__version__")  # what any Python can be asked
    try:
        found = {"the scheduler": client.run_on_scheduler(*asked), **client.run(*asked)}
    except ImportError:
        found = {"a machine of the cluster": "none"}
    for where, version in found.items():
        if version != spoilerguard.__version__:
            raise InputError(
                f"{where} has spoilerguard {version}, this machine {spoilerguard.__version__}; "
                "install the same on all machines, scheduler and workers"
            )


def _in_order(submit: Callable[[Shard], Any], shards: Iterable[Shard], *, ahead: int) -> Results:
    """Results in the order of the shards, of which so many wait at a time."""
    waiting: deque[Any] = deque()
    for shard in shards:
        waiting.append(submit(shard))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


ENGINES: dict[str, Engine] = {"local": local, "dask": dask}
