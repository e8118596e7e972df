"""Threads that score, so many at once; so many more requests wait, and beyond them none is taken."""

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
    return RequestError(503, "too many requests at once; try again in a second", headers={"retry-after": "1"})


class Pool:
    """A bounded pool of threads and a bounded queue before it.

    A place is free again when its work has ended, not when someone has ceased to wait for it: so what
    takes too long cannot pile up, which it could with the limiter of `anyio.to_thread`.
    """

    def __init__(self, workers: int, queue: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="spoilerguard")
        self._places = BoundedSemaphore(workers + queue)

    async def run(self, work: Callable[[], _Result], seconds: float) -> _Result:
        """What the work returns. Raises RequestError: 503 if there is no place, 504 if it takes too long."""
        if not self._places.acquire(blocking=False):
            raise busy()
        future = self._threads.submit(work)
        future.add_done_callback(lambda _: self._places.release())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
        except TimeoutError:
            raise RequestError(504, f"no answer within {seconds:g} s; send a shorter text") from None
