"""Processes that answer requests. One that takes too long is killed, and another takes its place.

A thread cannot be stopped; a process can, whatever it is doing. Each worker has one pipe, and ends when that is
closed, as it is when the server dies.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
import gc
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
import signal
import threading
from typing import Any

from spoilerguard.errors import SpoilerguardError
from spoilerguard.serving.logs import limit_logs
from spoilerguard.serving.memory import give_back, resident
from spoilerguard.serving.problems import RequestError
from spoilerguard.text.runons import without_torch

__all__ = ["Answer", "Workers"]

Answer = Callable[[str, bytes], bytes]  # from the name of an operation and the body of a request

_READY = 120.0  # seconds that a worker may take to start
_LONG = 16 * 1024  # bytes of a request after which memory is given back


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    ready: bool = False


@dataclass
class Workers:
    """As many processes as there are threads that call it, each of which answers one request at a time.

    Use it in a `with` statement, which starts the processes and in the end kills them, whatever they are doing.

    Args:
        make: Makes the function that answers, in the process; it is pickled.
        seconds: The time that an answer may take.
        number: The number of processes that are started before they are needed.
        growth: The bytes by which a process may grow; one that has grown more is replaced after its answer.
    """

    make: Callable[[], Answer]
    seconds: float
    number: int = 0
    growth: int = 128 << 20
    _idle: list[_Worker] = field(default_factory=list)
    _all: list[_Worker] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _closed: bool = False

    def __enter__(self) -> Workers:
        try:
            for _ in range(self.number):
                self._idle.append(self._started())
            for worker in self._idle:
                self._wait_for(worker)
        except RequestError as error:
            self.__exit__()
            raise SpoilerguardError(f"{error.detail}; is there enough memory? Try fewer --workers") from None
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True  # a thread that still waits must not start another one
            workers = [*self._all]
        for worker in workers:
            self._end(worker)

    def answer(self, operation: str, body: bytes) -> bytes:
        """Answer a request in a process.

        Args:
            operation: The name of the operation.
            body: The body of the request.

        Returns:
            The body of the answer.

        Raises:
            RequestError: The request fails, takes too long (504), or ends the process (500).
        """
        worker = self._chosen()
        self._wait_for(worker)
        try:
            worker.pipe.send((operation, body))
            if not worker.pipe.poll(self.seconds):
                self._replace(worker)
                raise RequestError(504, f"no answer within {self.seconds:g} s; send a shorter text")
            answered, problem, grown = worker.pipe.recv()
        except (EOFError, OSError):
            self._replace(worker)
            raise RequestError(500, fault="a worker process ended, perhaps for lack of memory") from None
        if grown > self.growth:
            self._replace(worker)
        else:
            with self._lock:
                self._idle.append(worker)
        if problem is not None:
            status, detail, errors, headers, fault = problem
            raise RequestError(status, detail, errors=errors, headers=headers, fault=fault)
        return bytes(answered)

    def _chosen(self) -> _Worker:
        """A worker that has started, if one is idle."""
        with self._lock:
            if not self._idle:
                return self._started()
            ready = (k for k, worker in enumerate(self._idle) if worker.ready or worker.pipe.poll())
            return self._idle.pop(next(ready, -1))

    def _started(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise RequestError(503, "the server is stopping")
            context = get_context("spawn")  # a fork would copy the locks of other threads
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(self.make, theirs), daemon=True)
            process.start()
            theirs.close()
            worker = _Worker(process, ours)
            self._all.append(worker)
            return worker

    def _wait_for(self, worker: _Worker) -> None:
        if worker.ready:
            return
        try:
            worker.ready = worker.pipe.poll(_READY) and worker.pipe.recv()
        except (EOFError, OSError):
            pass
        if not worker.ready:
            self._end(worker)
            raise RequestError(503, "no worker process could be started", headers={"retry-after": "1"})

    def _replace(self, worker: _Worker) -> None:
        """End a worker and start another, which is ready later."""
        self._end(worker)
        with self._lock:
            if not self._closed:
                self._idle.append(self._started())

    def _end(self, worker: _Worker) -> None:
        worker.process.kill()
        worker.process.join()
        with self._lock:
            if worker in self._all:
                self._all.remove(worker)


def _work(make: Callable[[], Answer], pipe: Connection) -> None:
    """Answer requests until the pipe is closed."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal sends them to every process
        signal.signal(number, signal.SIG_IGN)
    limit_logs()
    without_torch()
    answer = make()
    gc.freeze()  # the model stays; looking for garbage among it and a text's million records takes half the time
    gc.set_threshold(100_000, 20, 20)
    before = resident()
    with suppress(EOFError, OSError):  # the server is gone
        pipe.send(True)
        while True:
            operation, body = pipe.recv()
            outcome = _outcome(answer, operation, body)
            if len(body) >= _LONG:
                give_back()
            pipe.send((*outcome, resident() - before))
            del body, outcome


def _outcome(answer: Answer, operation: str, body: bytes) -> tuple[bytes, tuple[Any, ...] | None]:
    """The body of an answer, or the parts of the error, since exceptions lose theirs when they are pickled."""
    try:
        return answer(operation, body), None
    except RequestError as error:
        return b"", (error.status, error.detail, list(error.errors), dict(error.headers), error.fault)
