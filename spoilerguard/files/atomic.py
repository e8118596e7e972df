"""Files that are written whole or not at all: beside their place, then renamed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import os
import stat
from typing import BinaryIO

__all__ = ["whole_file"]


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` once the block has ended; until then, what is there stays.

    A file that is replaced keeps its mode and, where the system allows it, its owner. Nothing is
    written through a symbolic link: one that stands at `path` is replaced, one that somebody has put
    where the new file is made is an error. Raises OSError, and then leaves nothing behind.
    """
    folder, name = os.path.split(os.fspath(path))
    beside = os.path.join(folder, f".{name[:100]}.{os.getpid()}.tmp")
    ours = False
    try:
        with open(beside, "xb") as file:
            ours = True
            yield file
            file.flush()
            os.fsync(file.fileno())
        _make_like(beside, path)
        os.replace(beside, path)
    except BaseException as error:
        if ours:
            with suppress(OSError):
                os.unlink(beside)
        elif isinstance(error, FileExistsError):
            raise FileExistsError(error.errno, f"{beside} is in the way") from None
        raise


def _make_like(new: str, old: str | os.PathLike[str]) -> None:
    """Mode and owner of the new file those of the old, if there is one."""
    with suppress(FileNotFoundError):
        was, now = os.lstat(old), os.stat(new)
        if not stat.S_ISREG(was.st_mode):
            return
        if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
            with suppress(OSError):
                os.chown(new, was.st_uid, was.st_gid)
        os.chmod(new, stat.S_IMODE(was.st_mode))
