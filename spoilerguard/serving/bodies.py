"""The body of a request: read within limits of size and time, then taken as JSON, strictly.

What JSON lets each reader decide is refused (RFC 8259, sections 4, 6 and 8.1; RFC 7493): names that
come twice, numbers that are none, another encoding than UTF-8.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Mapping
import json
from typing import Any, NoReturn

from spoilerguard.serving.problems import RequestError

__all__ = ["parse", "read", "require_json"]

_CLOSE = {"connection": "close"}  # what is left of the body is not the next request


def require_json(headers: Mapping[str, str]) -> None:
    """Raise RequestError (415) unless the body is declared as plain JSON.

    This also keeps foreign pages out: without leave by CORS, a browser sends no such type across origins.
    """
    kind, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    if kind != "application/json":
        raise RequestError(
            415, "send JSON, with Content-Type: application/json", headers={"accept": "application/json"}
        )
    if any(p.startswith("charset=") and p[8:].strip('"') not in ("utf-8", "utf8") for p in parameters):
        raise RequestError(415, "send JSON in UTF-8", headers={"accept": "application/json"})
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestError(415, "send the body as it is, not compressed", headers={"accept-encoding": "identity"})


async def read(chunks: AsyncIterable[bytes], most: int, seconds: float) -> bytes:
    """The body, at most so many bytes within so many seconds. Raises RequestError (413, 408).

    Of a body that is too long, as much again and twice that is thrown away first: a client that writes
    all before it reads would otherwise see a broken connection instead of the answer.
    """
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in chunks:
                size += len(chunk)
                if size <= most:
                    body += chunk
                elif size > 4 * most:
                    break
    except TimeoutError:
        raise RequestError(408, f"the body did not arrive within {seconds:g} s", headers=_CLOSE) from None
    if size > most:
        raise too_large(most)
    return bytes(body)


def too_large(most: int) -> RequestError:
    return RequestError(413, f"the body has more than {most:,} bytes; send a shorter text", headers=_CLOSE)


def parse(body: bytes) -> dict[str, Any]:
    """The object that a body is. Raises RequestError (400), saying where it is none."""
    try:
        data = json.loads(body.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise RequestError(400, f"the body is not UTF-8 (byte 0x{body[error.start]:02x} at {error.start})") from None
    except json.JSONDecodeError as error:
        raise RequestError(400, f"the body is not JSON: {error}") from None
    except ValueError:  # Python reads no integer of thousands of digits
        raise RequestError(400, "the body holds a number that is too long") from None
    except RecursionError:
        raise RequestError(400, "the body is nested too deeply") from None
    if not isinstance(data, dict):
        raise RequestError(400, "the body is not a JSON object")
    return data


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _) = Counter(name for name, _ in pairs).most_common(1)[0]
        raise RequestError(400, f"the name {twice[:40]!r} is there twice")
    return found


def _no_number(constant: str) -> NoReturn:
    raise RequestError(400, f"{constant} is not JSON")
