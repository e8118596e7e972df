"""What can go wrong with a request, one table; every such answer is a problem detail (RFC 9457)."""

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
    405: "This path takes another method; `Allow` names it.",
    408: "The body did not arrive in time.",
    413: "The body is larger than this server takes.",
    415: "The body is not declared as JSON, or is compressed.",
    421: "The Host header names another server.",
    422: "A field is missing, unknown or out of range, or the style cannot hide what is in this text.",
    500: "A fault of the server; its log says where.",
    503: "Too many requests at once; try again after `Retry-After` seconds.",
    504: "The answer took longer than this server allows.",
}


class RequestError(Exception):
    """A request that gets no result, and why. Raised anywhere below the service, answered there."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        errors: Sequence[dict[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.detail = status, detail or PROBLEMS.get(status, HTTPStatus(status).phrase)
        self.errors, self.headers = errors, headers or {}
        super().__init__(self.detail)

    def body(self) -> bytes:
        """The problem as JSON; `errors`, where there are any, tells of each field."""
        about: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            about["errors"] = list(self.errors)
        # A key of the request may hold half a surrogate pair, which UTF-8 cannot.
        return json.dumps(about, ensure_ascii=False).encode("utf-8", "replace")

    def response(self) -> Response:
        from starlette.responses import Response

        return Response(self.body(), self.status, self.headers, MEDIA_TYPE)
