"""What can go wrong with a request, in one table. Every error is answered by a problem detail (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.responses import Response

__all__ = ["MEDIA_TYPE", "PROBLEMS", "RequestError"]

MEDIA_TYPE = "application/problem+json"

PROBLEMS: dict[int, str] = {
    400: "The body is not a JSON object in UTF-8.",
    401: "The token is missing or wrong.",
    404: "There is nothing at this path.",
    405: "This path needs another method; `Allow` names it.",
    408: "The body did not arrive in time.",
    413: "The body is larger than this server accepts.",
    415: "The body is not declared as JSON, or is compressed.",
    421: "The Host header names another server.",
    422: "A field is missing, unknown or out of range, or the style cannot hide what is in this text.",
    500: "An error in the server; its log says where.",
    503: "Too many requests at once; try again after `Retry-After` seconds.",
    504: "The answer took longer than this server allows.",
}


class RequestError(Exception):
    """A request that fails, and why. The service turns it into a response.

    Args:
        status: The HTTP status.
        detail: What went wrong and what to do; by default, the entry of `PROBLEMS`.
        errors: For each invalid field, an object with `field` and `detail`.
        headers: Further headers of the response.
        fault: For a fault of the server, what its log says; never a text.
    """

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        errors: Sequence[dict[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        fault: str = "",
    ) -> None:
        self.status, self.detail = status, detail or PROBLEMS.get(status, HTTPStatus(status).phrase)
        self.errors, self.headers, self.fault = errors, headers or {}, fault
        super().__init__(self.detail)

    def body(self) -> bytes:
        """The problem detail as JSON."""
        about: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            about["errors"] = list(self.errors)
        # A key of the request may hold half a surrogate pair, which UTF-8 cannot encode.
        return json.dumps(about, ensure_ascii=False).encode("utf-8", "replace")

    def response(self) -> Response:
        """The problem detail as a response."""
        from starlette.responses import Response

        return Response(self.body(), self.status, self.headers, MEDIA_TYPE)
