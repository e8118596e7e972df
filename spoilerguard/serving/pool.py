"""The threads that score, with a limited number of requests that wait for them. More requests are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from spoilerguard.serving.problems import RequestError

__all__ = ["Pool", "busy"]

_Result = TypeVar("_Result")


def busy() -> RequestError:
    """The error (503) for a request that finds no place."""
    return RequestError(503, "too many requests at once; try again in a second", headers={"retry-after": "1"})


class Pool:
    """A pool of threads with a bounded queue.

    A place is freed when its work has ended, not when its request has timed out. So slow work cannot pile up, as it
    could with the limiter of `anyio.to_thread`. Long work takes all threads but one, and half of the places; where
    there is one thread, it may take that.

    Args:
        workers: The number of threads.
        queue: The number of requests that may wait.
    """

    def __init__(self, workers: int, queue: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="spoilerguard")
        self._long = ThreadPoolExecutor(max(1, workers - 1), thread_name_prefix="spoilerguard-long")
        self._places = BoundedSemaphore(workers + queue)
        self._long_places = BoundedSemaphore(max(1, (workers + queue) // 2))

    async def run(self, work: Callable[[], _Result], seconds: float, *, long: bool = False) -> _Result:
        """Run work in a thread.

        Args:
            work: The work.
            seconds: The time it may take, including the wait for a thread.
            long: Whether it may take long; it then leaves one thread to other work.

        Returns:
            The result of the work.

        Raises:
            RequestError: There is no place (503), or the work takes too long (504).
        """
        free = self._place(long)
        future = self._long.submit(self._in_turn, work) if long else self._threads.submit(work)
        future.add_done_callback(free)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
        except TimeoutError:
            raise RequestError(504, f"no answer within {seconds:g} s; send a shorter text") from None

    def _place(self, long: bool) -> Callable[[object], None]:
        """Take a place; returns what frees it. Raises RequestError (503) if there is none."""
        if not self._places.acquire(blocking=False):
            raise busy()
        if long and not self._long_places.acquire(blocking=False):
            self._places.release()
            raise busy()

        def free(_: object) -> None:
            self._places.release()
            if long:
                self._long_places.release()

        return free

    def _in_turn(self, work: Callable[[], _Result]) -> _Result:
        """Run long work, one for each thread that waits here."""
        return self._threads.submit(work).result()
