"""The memory of this process: how much it holds, and how to give back what it no longer needs."""

from __future__ import annotations

from contextlib import suppress
import ctypes
import gc
import os
import sys

__all__ = ["give_back", "resident"]


def resident() -> int:
    """The bytes of memory that this process holds; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def give_back() -> None:
    """Free what is garbage, and return free memory to the system, which the C library would keep."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)
