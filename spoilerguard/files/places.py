"""Every file that a command reads and writes, compared before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
import os
from typing import TypeAlias

from spoilerguard.errors import InputError
from spoilerguard.files.atomic import refuse_special

__all__ = ["check_folder", "check_places"]

Place: TypeAlias = str | os.PathLike[str]


def check_places(
    reads: Iterable[Place | None],
    files: Mapping[str, Place | None],
    folders: Mapping[str, Place | None] | None = None,
) -> None:
    """Check that a command can write its outputs without destroying anything.

    Args:
        reads: The files that the command reads; None and `-` stand for none.
        files: The files that it writes or replaces, by option.
        folders: The files or folders that it writes with everything in them, by option.

    Raises:
        InputError: An output is an input or another output, also through links or in a folder that is replaced;
            or it is a link, a device or a pipe; or its folder does not exist.
    """
    outputs = [(option, path) for option, path in {**files, **(folders or {})}.items() if path is not None]
    for option, path in outputs:
        _check_one(path, file=option in files)
    if not outputs:
        return
    inputs = [(path, _identities(path)) for path in reads if path is not None and path != "-"]
    written = [(option, path, _identities(path)) for option, path in outputs]
    for option, path, places in written:
        for source, found in inputs:
            if places[0] == found[0] or places[-1] in found:
                raise InputError(
                    f"{path}: {option} would replace {_named(source, path)}, which is read; give another name"
                )
    for (one, path, places), (other, second, found) in combinations(written, 2):
        if places[0] == found[0] or places[-1] in found or found[-1] in places:
            raise InputError(f"{second}: {one} ({path}) and {other} would write the same place; give another name")


def _check_one(path: Place, *, file: bool) -> None:
    try:
        refuse_special(path)
    except FileExistsError as error:
        raise InputError(f"{path}: {error.strerror}; name a file") from None
    if file and os.path.isdir(path):
        raise InputError(f"{path}: is a folder; name a file")
    if file:
        check_folder(path)


def check_folder(path: Place) -> None:
    """Check that the folder that a file or folder is to be written into exists.

    Args:
        path: The file or folder.

    Raises:
        InputError: It does not.
    """
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        raise InputError(f"{path}: its folder does not exist; create it first")


def _named(source: Place, path: Place) -> str:
    return "this file" if os.fspath(source) == os.fspath(path) else os.fspath(source)


def _identities(path: Place) -> tuple[object, ...]:
    """What a path is: first its number on the disk, or its true path where there is nothing yet; then the folders
    above it; and last its true path. Two paths are the same file if the first are equal, links or not.
    """
    real = os.path.realpath(path)
    above = []
    folder = os.path.dirname(real)
    while folder not in above:
        above.append(folder)
        folder = os.path.dirname(folder)
    try:
        there = os.stat(real)
    except OSError:
        return (real, *above, real)
    return ((there.st_dev, there.st_ino), *above, real)
