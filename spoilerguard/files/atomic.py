"""Atomic writes: a file is written beside its place, then renamed. And what a folder contains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
import errno
import os
from pathlib import Path
import secrets
import stat
from typing import BinaryIO

__all__ = ["atomic_write", "contains_only", "make_like", "refuse_special", "synced"]


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Replace a file atomically: until the block ends, the old file stays.

    The new file has the mode and, where the system allows it, the owner of the old one. Only a plain file is
    replaced: a link, a device or a pipe at `path`, or at the place of the new file, is an error.

    Args:
        path: The file.

    Yields:
        The new file.

    Raises:
        OSError: It cannot be written; then nothing is left behind.
    """
    refuse_special(path)
    folder, name = os.path.split(os.fspath(path))
    beside = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(4)}.tmp")
    ours = False
    try:
        with open(beside, "xb", opener=_private if os.path.exists(path) else None) as file:
            ours = True
            yield file
            file.flush()
            os.fsync(file.fileno())
        make_like(beside, path)
        refuse_special(path)
        os.replace(beside, path)
    except BaseException as error:
        if ours:
            with suppress(OSError):
                os.unlink(beside)
        elif isinstance(error, FileExistsError):
            raise FileExistsError(error.errno, f"{beside} is in the way") from None
        raise


def _private(path: str, flags: int) -> int:
    """Open a file that nobody else may read: until it has the mode of the old one, which may be private."""
    return os.open(path, flags, 0o600)


def refuse_special(path: str | os.PathLike[str]) -> None:
    """Raise FileExistsError if there is something that is neither a plain file nor a folder, such as a link."""
    with suppress(FileNotFoundError, NotADirectoryError):
        mode = os.lstat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            what = "a symbolic link" if stat.S_ISLNK(mode) else "a device, a pipe or a socket"
            raise FileExistsError(errno.EEXIST, f"{what}, which is not replaced", os.fspath(path))


def make_like(new: str | os.PathLike[str], old: str | os.PathLike[str]) -> None:
    """Give a new file or folder the mode and owner of the old one, if there is one of the same kind."""
    with suppress(FileNotFoundError):
        was, now = os.lstat(old), os.stat(new)
        if stat.S_IFMT(was.st_mode) != stat.S_IFMT(now.st_mode):
            return
        if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
            with suppress(OSError):
                os.chown(new, was.st_uid, was.st_gid)
        os.chmod(new, stat.S_IMODE(was.st_mode))


def synced(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on disk. Windows cannot do so for folders.

    Args:
        path: The file or folder.

    Raises:
        OSError: It cannot be opened or written.
    """
    if os.name == "posix" or path.is_file():
        descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def contains_only(folder: Path, ours: Callable[[str], bool]) -> bool:
    """Whether a folder may be replaced without losing anything else.

    Args:
        folder: A path.
        ours: Whether a file of this name may be lost.

    Returns:
        Whether the path is a folder with no other files, and no folders. An empty folder qualifies.
    """
    return folder.is_dir() and all(
        path.is_file() and not path.is_symlink() and ours(path.name) for path in folder.iterdir()
    )
