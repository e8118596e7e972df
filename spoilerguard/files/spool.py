"""A stream as a file: archives are read more than once, and from any record on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import shutil
import tempfile
from typing import BinaryIO

from spoilerguard.errors import InputError

__all__ = ["spooled"]

_NAME = "standard input"
_PIECE = 1 << 20


@contextmanager
def spooled(stream: BinaryIO | None) -> Iterator[Path]:
    """Keep standard input in a file, in a folder that nobody else may read, until the block ends.

    Equal content makes files that no fingerprint tells apart, so that a scan of it can resume.

    Args:
        stream: Standard input; None where it is closed.

    Yields:
        The file.

    Raises:
        InputError: It is closed, or there is no room for it. Errors of the block name it instead of the file.
    """
    if stream is None:
        raise InputError(f"{_NAME} is closed; name a file")
    with tempfile.TemporaryDirectory(prefix="spoilerguard-") as folder:
        path = Path(folder, _NAME)
        try:
            with path.open("wb") as file:
                shutil.copyfileobj(stream, file, _PIECE)
            os.utime(path, (0, 0))
        except OSError as error:
            reason = error.strerror or error
            raise InputError(
                f"{_NAME} cannot be kept in {folder} ({reason}); save it to a file, or set TMPDIR to a folder with room"
            ) from None
        try:
            yield path
        except InputError as error:
            raise type(error)(str(error).replace(str(path), _NAME)) from None
