"""Where work is done: in this process, in several processes, or on a cluster. One table.

An engine takes a function and items, and yields the result of each item, with few in memory at a time: of shards,
which this process reads, in their order; of parts, which the workers read, as they come. It cannot change the
results. To add an engine, add a generator and a row in `ENGINES`.

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
second, a quarter of what they could score. Where that is too little, put the archive on shared storage in parts:
`parts` has no such reader.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
import logging
import os
import pkgutil
from queue import Empty, SimpleQueue
import signal
import threading
import time
from typing import Any, Protocol, TypeVar

import spoilerguard
from spoilerguard.errors import InputError, MissingExtra, SpoilerguardError, broken
from spoilerguard.text.runons import without_torch

__all__ = ["ENGINES", "local_cluster"]

_PATIENCE = "10s"  # for the scheduler to answer
_CLOSING = 30.0  # seconds for a cluster of ours to end
_MINUTE, _WITHOUT_WORKERS = 60.0, 10  # seconds; minutes after which nobody seems to start any
_JOINING = 1_000  # parts, which are small until they are read, that wait for workers that join during the scan

# One process per core: linear algebra must not start threads of its own.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


Item = TypeVar("Item")
Result = TypeVar("Result")
Lost = Callable[[Item, str], Result]


class Engine(Protocol):
    """The type of an engine."""

    def __call__(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        jobs: int,
        address: str | None,
        lost: Lost[Item, Result] | None = None,
    ) -> Generator[Result, None, None]:
        """Do the work for each item.

        Args:
            work: The function; pickled, as are items and results, where there are several processes.
            items: The items.
            jobs: How many processes to use.
            address: The address of a scheduler.
            lost: Given for items whose order does not matter: what takes the place of the result of an item of
                which worker after worker has died, with the reason. Without it, that is an error.

        Yields:
            The result of each item: in order, or as they come where `lost` is given.
        """


def local(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    jobs: int,
    address: str | None = None,
    lost: Lost[Item, Result] | None = None,
) -> Generator[Result, None, None]:
    """Work in this process, or in `jobs` processes on this machine."""
    if address is not None:
        raise InputError("--scheduler needs --engine dask")
    if jobs == 1:
        yield from map(work, items)
        return
    from joblib.externals.loky import ProcessPoolExecutor
    from joblib.externals.loky.process_executor import BrokenProcessPool

    executor = ProcessPoolExecutor(jobs, initializer=_follow_parent, initargs=(os.getpid(),), env=_ONE_THREAD)
    try:
        submit = partial(executor.submit, work)
        if lost is None:
            yield from _in_order(submit, items, ahead=2 * jobs)
        else:
            yield from (future.result() for future, _ in _as_done(submit, items, ahead=2 * jobs))
    except BrokenProcessPool as error:
        raise SpoilerguardError(f"{broken(error)}; continue with --resume and fewer --jobs") from error
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


def dask(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    jobs: int,
    address: str | None = None,
    lost: Lost[Item, Result] | None = None,
) -> Generator[Result, None, None]:
    """Work on a Dask cluster; without an address, on a local one of `jobs` processes that ends with the scan.

    An item whose worker dies is done again by another worker.
    """
    try:
        import distributed
    except ImportError as error:
        raise MissingExtra("distributed", "dask") from error
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # tracebacks of what our errors tell
    with _client(distributed, jobs, address) as client:
        _check_installed(client)
        threads = sum(client.nthreads().values())
        if not threads:
            raise InputError(f"{address}: the scheduler has no workers; start one with: dask worker {address}")
        submit = partial(client.submit, work, pure=False)
        alive = partial(_check_workers, client, [0])
        try:
            if lost is None:
                yield from _in_order(submit, items, ahead=3 * threads, waiting=alive)
                return
            for future, item in _as_done(submit, items, ahead=3 * threads + _JOINING, waiting=alive):
                try:
                    result = future.result()
                except distributed.KilledWorker:
                    result = lost(item, "several workers died of this part, perhaps for lack of memory")
                yield result
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
    with local_cluster(jobs) as cluster, distributed.Client(cluster) as client:
        yield client


@contextmanager
def local_cluster(jobs: int) -> Iterator[Any]:
    """A Dask cluster on this machine, of so many processes with one thread each; one that dies is started again."""
    import dask.config
    import distributed

    # By default a worker that dies is given up if it is not there again after 15 seconds.
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}):
        options: dict[str, Any] = {"threads_per_worker": 1, "dashboard_address": ":0"}
        cluster: Any = distributed.LocalCluster(n_workers=jobs, **options)  # type: ignore[no-untyped-call, unused-ignore]
        try:
            yield cluster
        finally:
            _close(cluster)


def _close(cluster: Any) -> None:
    """Close a local cluster. Of a worker that is killed while it starts, its nanny may wait for word for ever."""
    nannies = list(cluster.workers.values())
    try:
        cluster.close(timeout=_CLOSING)
    except TimeoutError:
        cluster.shutdown_on_close = False  # or it is waited for once more when this process ends
        for pid in filter(None, (nanny.pid for nanny in nannies)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _check_installed(client: Any) -> None:
    """Raise InputError unless scheduler and workers have this version of spoilerguard."""
    asked = (pkgutil.resolve_name, "spoilerguard:__version__")  # works on any Python, with or without spoilerguard
    try:
        found = {"the scheduler": client.run_on_scheduler(*asked), **client.run(*asked, on_error="return")}
    except ImportError:
        found = {"the scheduler": "none"}
    for where, version in found.items():
        if isinstance(version, OSError):  # it has just died; whoever takes its place is asked with each shard
            continue
        version = "none" if isinstance(version, Exception) else version
        if version != spoilerguard.__version__:
            raise InputError(
                f"{where} has spoilerguard {version}, but this machine has {spoilerguard.__version__}; "
                "install the same version on every machine, scheduler and workers"
            )


def _in_order(
    submit: Callable[[Item], Any], items: Iterable[Item], *, ahead: int, waiting: Callable[[], None] = lambda: None
) -> Generator[Any, None, None]:
    """The results in the order of the items, with `ahead` of them submitted at a time.

    `waiting` is called after each minute in which a result has not come.
    """
    submitted: deque[Any] = deque()

    def first() -> Any:
        future = submitted.popleft()
        while True:
            try:
                return future.result(timeout=_MINUTE)
            except TimeoutError:
                if future.done():  # with an error of this name, or just now
                    return future.result()
                waiting()

    for item in items:
        submitted.append(submit(item))
        if len(submitted) > ahead:
            yield first()
    while submitted:
        yield first()


def _as_done(
    submit: Callable[[Item], Any], items: Iterable[Item], *, ahead: int, waiting: Callable[[], None] = lambda: None
) -> Generator[tuple[Any, Item], None, None]:
    """Each future that is done, and its item, as they come, with `ahead` of them submitted at a time.

    `waiting` is called after each minute in which none was done.
    """
    done: SimpleQueue[tuple[Any, Item]] = SimpleQueue()

    def first() -> tuple[Any, Item]:
        while True:
            try:
                return done.get(timeout=_MINUTE)
            except Empty:
                waiting()

    submitted = 0
    for item in items:
        submit(item).add_done_callback(lambda future, item=item: done.put((future, item)))
        submitted += 1
        if submitted > ahead:
            yield first()
            submitted -= 1
    for _ in range(submitted):
        yield first()


def _check_workers(client: Any, minutes: list[int]) -> None:
    """Called once a minute: raise SpoilerguardError if a cluster has been without workers for a while, or is mute."""
    try:
        there = client.sync(client.scheduler.ncores, callback_timeout=_MINUTE)
    except (OSError, TimeoutError) as error:
        raise SpoilerguardError(f"the Dask scheduler does not answer ({error}); continue with --resume") from error
    minutes[0] = 0 if there else minutes[0] + 1
    if minutes[0] >= _WITHOUT_WORKERS:
        raise SpoilerguardError(
            f"the cluster has had no workers for {minutes[0]} minutes; start some, and continue with --resume"
        )


ENGINES: dict[str, Engine] = {"local": local, "dask": dask}
