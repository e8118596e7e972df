"""The body of a request: read within limits of size and time, then parsed as strict JSON.

What JSON leaves to each parser is refused (RFC 8259, sections 4, 6 and 8.1; RFC 7493): duplicate names, NaN and
infinities, and encodings other than UTF-8.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from contextlib import contextmanager
import json
from typing import Any, NoReturn

from spoilerguard.serving.problems import RequestError

__all__ = ["Room", "parse", "read", "require_json"]

_CLOSE = {"connection": "close"}  # the rest of the body must not be taken for the next request


def require_json(headers: Mapping[str, str]) -> None:
    """Raise RequestError (415) unless the body is declared as uncompressed JSON.

    This also keeps out other web pages: without permission by CORS, a browser sends no such type across origins.
    """
    kind, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    if kind != "application/json":
        raise RequestError(
            415, "send JSON, with Content-Type: application/json", headers={"accept": "application/json"}
        )
    if any(p.startswith("charset=") and p[8:].strip('"') not in ("utf-8", "utf8") for p in parameters):
        raise RequestError(415, "send JSON in UTF-8", headers={"accept": "application/json"})
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestError(415, "send the body uncompressed", headers={"accept-encoding": "identity"})


class Room:
    """The memory for bodies that are still arriving. Where it is full, the one that began first makes room.

    So slow clients hold no places that others need, however many there are.

    Args:
        most: The largest size of all of them together, in bytes.
    """

    def __init__(self, most: int) -> None:
        self.most, self.taken = most, 0
        self._arriving: dict[asyncio.Timeout, None] = {}

    @contextmanager
    def place(self, limit: asyncio.Timeout) -> Iterator[Callable[[int], None]]:
        """A function that takes so many bytes, until the body has arrived or its limit has expired."""
        held = 0

        def take(size: int) -> None:
            nonlocal held
            held += size
            self.taken += size
            if self.taken > self.most:
                first = next(iter(self._arriving))
                del self._arriving[first]
                first.reschedule(asyncio.get_running_loop().time())

        self._arriving[limit] = None
        try:
            yield take
        finally:
            self.taken -= held
            self._arriving.pop(limit, None)


async def read(chunks: AsyncIterable[bytes], most: int, seconds: float, room: Room) -> bytes:
    """The body of a request.

    If it is too long, up to four times `most` bytes are read before the error: a client that writes its whole
    request before it reads would otherwise see a broken connection instead of the answer.

    Args:
        chunks: The body as it arrives.
        most: The largest body, in bytes.
        seconds: The time within which it must arrive.
        room: The memory that it shares with others.

    Raises:
        RequestError: The body is too long (413) or too slow (408).
    """
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(seconds) as limit:
            with room.place(limit) as take:
                async for chunk in chunks:
                    size += len(chunk)
                    if size <= most:
                        take(len(chunk))
                        body += chunk
                    elif size > 4 * most:
                        break
    except TimeoutError:
        raise RequestError(408, f"the body did not arrive within {seconds:g} s", headers=_CLOSE) from None
    if size > most:
        raise too_large(most)
    return bytes(body)


def too_large(most: int) -> RequestError:
    """The error (413) for a body of more than `most` bytes."""
    return RequestError(413, f"the body has more than {most:,} bytes; send a shorter text", headers=_CLOSE)


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises RequestError (400) that says what is wrong, and where."""
    try:
        data = json.loads(body.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise RequestError(400, f"the body is not UTF-8 (byte 0x{body[error.start]:02x} at {error.start})") from None
    except json.JSONDecodeError as error:
        raise RequestError(400, f"the body is not JSON: {error}") from None
    except ValueError:  # Python does not parse integers of thousands of digits
        raise RequestError(400, "the body has a number with too many digits") from None
    except RecursionError:
        raise RequestError(400, "the body is nested too deeply") from None
    if not isinstance(data, dict):
        raise RequestError(400, "the body is not a JSON object")
    return data


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RequestError(400, "a name occurs twice in one object")
    return found


def _no_number(constant: str) -> NoReturn:
    raise RequestError(400, f"{constant} is not valid in JSON")
