"""Files on shared storage (S3, Google Cloud, Azure) by their URLs, and files on disk, in the same words.

fsspec does the work; what a URL needs is a row of `STORES`. Nothing here keeps more than a few blocks of a file in
memory. A file is replaced as a whole or not at all: a reader never sees half of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
import errno
import glob
import io
import os
from pathlib import Path
import shutil
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from spoilerguard.errors import InputError, SpoilerguardError
from spoilerguard.files.atomic import atomic_write
from spoilerguard.files.streams import optional

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["STORES", "Store", "Stored", "is_url", "joined", "listed", "opened", "put", "read_many", "remove", "stored"]

_AHEAD = 1 << 23  # bytes read ahead of a reader that goes from start to end
_BLOCK, _BLOCKS = 1 << 22, 8  # bytes and number of the blocks kept for one that reads here and there
_AT_ONCE = 256  # small files read at once


@dataclass(frozen=True, slots=True)
class Store:
    """A kind of shared storage.

    Attributes:
        library: The library by which fsspec reaches it.
        install: What to install for it.
        access: How to give credentials.
        upload: Options of an upload that bound its memory.
    """

    library: str
    install: str
    access: str
    upload: Mapping[str, Any] = field(default_factory=dict)


_S3 = Store(
    "s3fs",
    "spoilerguard[cloud]",
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, on every machine",
    {"chunksize": 1 << 24, "max_concurrency": 2},  # by default, ten pieces of 50 MB
)
_GOOGLE = Store("gcsfs", "gcsfs", "set GOOGLE_APPLICATION_CREDENTIALS on every machine")
_AZURE = Store(
    "adlfs", "adlfs", "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY on every machine"
)  # fmt: skip

STORES: dict[str, Store] = {  # by the beginning of the URL
    "s3": _S3, "s3a": _S3, "gs": _GOOGLE, "gcs": _GOOGLE, "abfs": _AZURE, "az": _AZURE,
}  # fmt: skip


class Stored(NamedTuple):
    """A file, as a listing describes it.

    Attributes:
        path: Its path or URL.
        name: Its path below the folder that was listed, with slashes.
        size: Its size in bytes.
        version: A text that changes with its content: the ETag of the store, or the time of the last change.
    """

    path: str
    name: str
    size: int
    version: str


def is_url(path: str | os.PathLike[str]) -> bool:
    """Whether this is the URL of a file on shared storage, and not a path or the URL of a database."""
    scheme, separator, _ = os.fspath(path).partition("://")
    return bool(separator) and scheme in STORES


def joined(folder: str, name: str) -> str:
    """The path or URL of a file in a folder."""
    return f"{folder.rstrip('/')}/{name}"


# --- reading --------------------------------------------------------------------------------------


def opened(path: str | os.PathLike[str], *, places: bool = False) -> io.BufferedReader:
    """Open a file for reading.

    Args:
        path: The file, or its URL.
        places: Whether it is read here and there, and not from start to end. Either way each request to shared
            storage is for megabytes, or the time to answer would be most of the time.

    Returns:
        The file. All its errors are of the class OSError, with a number.

    Raises:
        OSError: It does not exist or cannot be read.
        SpoilerguardError: There are no credentials for it.
        InputError: The library for its store is not installed.
    """
    if not is_url(path):
        return open(path, "rb")
    fs, inside, url = _reached(path)
    cache: dict[str, Any] = {"cache_type": "readahead", "block_size": _AHEAD}
    if places:
        cache = {"cache_type": "blockcache", "block_size": _BLOCK, "cache_options": {"maxblocks": _BLOCKS}}
    with _explained(url):
        return io.BufferedReader(_Remote(fs.open(inside, "rb", **cache), url), 1 << 16)


class _Remote(io.RawIOBase):
    """A file of fsspec, whose errors are those of a file on disk."""

    def __init__(self, file: Any, url: str) -> None:
        self._file, self._url = file, url

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        with _explained(self._url):
            data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def seek(self, place: int, whence: int = os.SEEK_SET, /) -> int:
        return int(self._file.seek(place, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def read_many(paths: Sequence[str]) -> Iterator[bytes]:
    """Read small files, many at a time.

    Args:
        paths: The files, or their URLs, all in the same store.

    Yields:
        The content of each, in order.

    Raises:
        OSError: One of them does not exist or cannot be read.
    """
    for first in range(0, len(paths), _AT_ONCE):
        some = paths[first : first + _AT_ONCE]
        if not is_url(some[0]):
            yield from (Path(path).read_bytes() for path in some)
            continue
        fs, _, url = _reached(some[0])
        with _explained(url):
            insides = [fs._strip_protocol(path) for path in some]
            at_once = not any(map(_is_pattern, insides))  # fsspec takes a name with a * or [ for a pattern
            found = fs.cat(insides) if at_once else {inside: fs.cat_file(inside) for inside in insides}
        yield from (found[inside] for inside in insides)


# --- writing --------------------------------------------------------------------------------------


def put(content: Path | bytes, path: str) -> None:
    """Write a file as a whole, in place of an older one; the folders that it needs are created.

    Args:
        content: The content, or the file that has it.
        path: The file to write, or its URL.

    Raises:
        OSError: It cannot be written; then the older one stays.
    """
    if is_url(path):
        fs, inside, url = _reached(path)
        with _explained(url):
            # On these stores a file appears when all of it has arrived, also where it is sent in pieces.
            if isinstance(content, bytes):
                fs.pipe_file(inside, content)
            else:
                fs.put_file(str(content), inside, **STORES[url.partition("://")[0]].upload)
        return
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with atomic_write(path) as file, _reading(content) as source:
        shutil.copyfileobj(source, file, 1 << 20)


def _reading(content: Path | bytes) -> BinaryIO:
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def remove(paths: Sequence[str]) -> None:
    """Remove files.

    Args:
        paths: The files, or their URLs, all in the same store.

    Raises:
        OSError: One cannot be removed.
    """
    if paths and is_url(paths[0]):
        fs, _, url = _reached(paths[0])
        with _explained(url):
            insides = [fs._strip_protocol(path) for path in paths]
            if plain := [inside for inside in insides if not _is_pattern(inside)]:
                fs.rm(plain)
            for inside in filter(_is_pattern, insides):
                fs.rm_file(inside)
        return
    for path in paths:
        with suppress(FileNotFoundError):
            os.unlink(path)


# --- listing --------------------------------------------------------------------------------------


def stored(path: str | os.PathLike[str]) -> Stored:
    """Describe a file.

    Raises:
        OSError: It does not exist or cannot be reached.
    """
    path = os.fspath(path)
    if not is_url(path):
        status = os.stat(path)
        return Stored(path, os.path.basename(path), status.st_size, str(status.st_mtime_ns))
    fs, inside, url = _reached(path)
    with _explained(url):
        return _described(fs, fs.info(inside), os.path.dirname(inside), url)


def listed(source: str) -> list[Stored]:
    """List the files of a source, in the order of their names.

    Args:
        source: A file, a folder (with everything below it), or a pattern with `*`, `?`, `[...]` or `**`; or the
            URL of one of these.

    Returns:
        The files; none where there is nothing.

    Raises:
        OSError: The store cannot be reached, or refuses.
    """
    if not is_url(source):
        return sorted(_on_disk(source), key=lambda file: file.name)
    fs, inside, url = _reached(source)
    with _explained(url):
        if _is_pattern(inside):
            root, found = _root(inside), fs.glob(inside, detail=True)
        else:
            found = fs.find(inside, detail=True)
            root = os.path.dirname(inside) if [*found] == [inside] else inside
        files = [info for info in found.values() if info["type"] == "file"]
        return sorted((_described(fs, info, root, url) for info in files), key=lambda file: file.name)


def _on_disk(source: str) -> Iterator[Stored]:
    if os.path.isdir(source):
        root, found = source, [str(path) for path in Path(source).rglob("*")]
    elif _is_pattern(source) and not os.path.exists(source):
        root, found = _root(source) or ".", glob.glob(source, recursive=True)
    else:
        root, found = os.path.dirname(source) or ".", [source] * os.path.exists(source)
    for path in filter(os.path.isfile, found):
        yield stored(path)._replace(name=Path(path).relative_to(root).as_posix())


def _is_pattern(path: str) -> bool:
    return any(character in path for character in "*?[")


def _root(pattern: str) -> str:
    """The folder above the first part of a pattern that is not a plain name."""
    plain = next(at for at, character in enumerate(pattern) if character in "*?[")
    return pattern[:plain].rpartition("/")[0]


def _described(fs: Any, info: Mapping[str, Any], root: str, url: str) -> Stored:
    version = next((info[key] for key in ("ETag", "etag", "generation", "LastModified") if info.get(key)), "")
    path = str(info["name"])
    scheme = url.partition("://")[0]
    name = path[len(root) :].lstrip("/")
    return Stored(f"{scheme}://{path.lstrip('/')}", name, int(info["size"] or 0), str(version))


# --- reaching a store -----------------------------------------------------------------------------


def _reached(path: str | os.PathLike[str]) -> tuple[Any, str, str]:
    """The file system of a URL, the path in it, and the URL."""
    url = os.fspath(path)
    store = STORES[url.partition("://")[0]]
    core = optional("fsspec.core", "cloud")
    try:
        with _explained(url):
            # Listings are not kept: other machines write there.
            fs, inside = core.url_to_fs(url, use_listings_cache=False)
    except ImportError:
        message = f"{store.library} is not installed; on every machine: pip install '{store.install}'"
        raise InputError(f"{url}: {message}") from None
    return fs, inside, url


# What the libraries of the stores raise where there are no credentials; each has its own class.
_NO_CREDENTIALS = frozenset(
    "NoCredentialsError PartialCredentialsError CredentialRetrievalError TokenRetrievalError ProfileNotFound "
    "DefaultCredentialsError RefreshError ClientAuthenticationError".split()
)
_NUMBERS = ((FileNotFoundError, errno.ENOENT), (PermissionError, errno.EACCES), (TimeoutError, errno.ETIMEDOUT))


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Raise an OSError with a number and an explanation for each error of a store."""
    try:
        yield
    except (SpoilerguardError, ImportError):
        raise
    except Exception as error:
        if type(error).__name__ in _NO_CREDENTIALS:
            access = STORES[url.partition("://")[0]].access
            raise SpoilerguardError(f"{url}: no credentials ({error}); {access}") from error
        if not isinstance(error, OSError):
            raise OSError(errno.EIO, f"{type(error).__name__}: {error}", url) from error
        number = next((number for kind, number in _NUMBERS if isinstance(error, kind)), error.errno or errno.EIO)
        raise OSError(number, error.strerror or str(error) or os.strerror(number), url) from error
