"""A real S3 server on this machine, and archives in parts on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import gzip
import json
import logging
import os
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

from comments import comments
from waiting import WAIT

ACCESS = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",  # or whoever has no credentials asks for them for a while
}


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """The environment in which every process, this one too, reaches an empty server; its bucket is `bucket`."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    # Not moto's ThreadedMotoServer: where that cannot listen, it waits for ever.
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    serving = Thread(target=server.serve_forever, daemon=True)
    serving.start()
    environment = ACCESS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # or a line for each request
    reset = Request(f"{environment['AWS_ENDPOINT_URL']}/moto-api/reset", method="POST")
    try:
        urlopen(reset, timeout=WAIT).close()  # what is stored belongs to the process, not to the server
        filesystem().mkdir("bucket")
        yield environment
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        forget()
        server.shutdown()
        serving.join(WAIT)


def filesystem() -> Any:
    """The bucket as its other users see it."""
    import s3fs

    return s3fs.S3FileSystem(use_listings_cache=False)


def forget() -> None:
    """Forget the connections of this process: each has the credentials of the time when it was made."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()


def records(part: str, count: int) -> list[dict[str, Any]]:
    """The comments of a part; their ids occur in no other."""
    return [comment | {"id": f"{part}-{number}"} for number, comment in enumerate(comments(count))]


def packed(rows: Sequence[dict[str, Any]], suffix: str) -> bytes:
    """A file of these comments in the format of this suffix."""
    if suffix == ".parquet":
        import pyarrow as arrow
        from pyarrow import parquet

        sink = arrow.BufferOutputStream()
        parquet.write_table(arrow.Table.from_pylist(list(rows)), sink, row_group_size=max(1, len(rows) // 3))
        data: bytes = sink.getvalue().to_pybytes()
        return data
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if suffix.endswith(".gz"):
        return gzip.compress(lines)
    if suffix.endswith(".zst"):
        import zstandard

        return zstandard.ZstdCompressor().compress(lines)
    return lines


def upload(folder: str, counts: dict[str, int]) -> dict[str, list[dict[str, Any]]]:
    """Write parts into a folder of the bucket; returns the comments of each."""
    written = {}
    for name, count in counts.items():
        stem, _, suffix = name.partition(".")
        written[name] = records(stem, count)
        filesystem().pipe(f"{folder}/{name}", packed(written[name], f".{suffix}"))
    return written


def lines_of(folder: str) -> list[dict[str, Any]]:
    """All records of a folder of JSON Lines, as a reader of the folder gets them."""
    fs = filesystem()
    names = [name for name in fs.find(folder) if "/_" not in name]
    return [json.loads(line) for name in names for line in fs.cat(name).splitlines()]
