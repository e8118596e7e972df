"""The service as an ASGI application: a request is authorised, read, run in a thread and answered.

    from spoilerguard import load
    from spoilerguard.serving.service import app
    application = app(load("fast"))  # any ASGI server on asyncio can run it; ours is `server`

`RESULTS` has a function for each operation, from the fields of a request to its answer. Texts are never logged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
import hmac
import json
import logging
from typing import TYPE_CHECKING, Any

import spoilerguard
from spoilerguard.errors import InputError, LeakError, MissingExtra
from spoilerguard.guard import load
from spoilerguard.hiding.styles import style_for
from spoilerguard.report import Report
from spoilerguard.serving.bodies import Room, parse, read, require_json, too_large
from spoilerguard.serving.pool import Pool
from spoilerguard.serving.problems import RequestError
from spoilerguard.serving.schema import OPERATIONS, Operation, openapi, validate
from spoilerguard.serving.workers import Answer
from spoilerguard.spans import Work

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from spoilerguard.guard import Guard

__all__ = ["RESULTS", "Limits", "answer", "answering_with", "app"]

_LOG = logging.getLogger("spoilerguard.serving")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that keep one client from blocking the others.

    Attributes:
        most_bytes: The largest body, in bytes. A long novel fits.
        body_seconds: The time a body may take to arrive.
        answer_seconds: The time an answer may take after that, including the wait for a thread.
        workers: The number of requests scored at once. All but one of them may be long.
        queue: The number of requests that may wait for a thread.
        bodies: The number of bodies of the largest size that fit into memory while they arrive.
        long_bytes: The size from which a body is long, in bytes. So short requests never wait for long ones, which
            one client could send without end.
    """

    most_bytes: int = 1024 * 1024
    body_seconds: float = 10.0
    answer_seconds: float = 30.0
    workers: int = 2
    queue: int = 32
    bodies: int = 64
    long_bytes: int = 16 * 1024


# --- results -------------------------------------------------------------------------------------


def checked(guard: Guard, asked: dict[str, Any]) -> dict[str, Any]:
    """The JSON of `check --format json` for standard input, in version 1, which this address promises."""
    report = _report(guard, asked)
    files = [{"path": "-", **report.to_dict()}]
    return {"version": 1, "model": report.model, "threshold": report.threshold, "files": files}


def blurred(guard: Guard, asked: dict[str, Any]) -> dict[str, Any]:
    """The text with its flags hidden, and what `check` reports about it."""
    report = _report(guard, asked)
    found = report.to_dict()
    return {
        "version": 1,
        "model": report.model,
        "threshold": report.threshold,
        "format": found["format"],
        "style": style_for(asked["style"], report.document.format).name,
        "text": report.blur(asked["style"]),
        **{name: found[name] for name in ("sentences", "hidden", "flags", "notices")},
    }


RESULTS: dict[str, Callable[[Guard, dict[str, Any]], dict[str, Any]]] = {"check": checked, "blur": blurred}


def _report(guard: Guard, asked: dict[str, Any]) -> Report:
    work = Work.of({name: asked[name] for name in ("title", "blurb", "synopsis")})
    options = ("format", "sensitivity", "threshold", "quotations", "any_language", "suppressions")
    return guard.flag(asked["text"], work=work, **{name: asked[name] for name in options})


def answer(guard: Guard, name: str, body: bytes, *, suppressions: bool = False) -> bytes:
    """Answer a request.

    Args:
        guard: The model.
        name: The name of the operation.
        body: The body of the request.
        suppressions: Whether suppression comments in the text are obeyed.

    Returns:
        The body of the answer.

    Raises:
        RequestError: The request fails.
    """
    operation = next(row for row in OPERATIONS if row.name == name)
    try:
        asked = {**validate(parse(body), operation), "suppressions": suppressions}
        return _encoded(RESULTS[name](guard, asked))
    except (InputError, LeakError) as error:
        raise RequestError(422, str(error)) from None
    except RequestError:
        raise
    except Exception as error:
        raise _server_error(error) from None


def _server_error(error: Exception) -> RequestError:
    """The error (500) for a fault of ours. The log gets its place, but not its message, which may hold the text."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at is not None else "an unknown place"
    return RequestError(500, fault=f"{type(error).__name__} at {place}")


def _encoded(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8")


def answering_with(model: str, suppressions: bool) -> Answer:
    """What `answer` is with a model, loaded here; for worker processes."""
    guard = load(model)
    guard.flag("so here we go " * 20)  # loads what splits text without punctuation
    return partial(answer, guard, suppressions=suppressions)


# --- the application -----------------------------------------------------------------------------


def app(
    guard: Guard,
    limits: Limits | None = None,
    *,
    token: str | None = None,
    hosts: Collection[str] | None = None,
    origins: Collection[str] = (),
    suppressions: bool = False,
    answering: Answer | None = None,
) -> Starlette:
    """The service with a model.

    Args:
        guard: The model.
        limits: The limits; by default, `Limits()`.
        token: The token that operations under /v1 require, as `Authorization: Bearer TOKEN`.
        hosts: The names allowed in the Host header, without port. None allows any name, which without a token lets
            in web pages by DNS rebinding.
        origins: The origins whose pages may send requests (CORS).
        suppressions: Whether suppression comments in the texts are obeyed.
        answering: Answers a request in place of `answer`, in another process, say.

    Raises:
        MissingExtra: starlette is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.middleware import Middleware
        from starlette.middleware.cors import CORSMiddleware
        from starlette.responses import Response
        from starlette.routing import Route
    except ModuleNotFoundError:
        raise MissingExtra("starlette", "serve") from None
    limits = limits or Limits()
    respond = answering or partial(answer, guard, suppressions=suppressions)
    pool, room = Pool(limits.workers, limits.queue), Room(limits.bodies * limits.most_bytes)
    fixed = {
        "health": _encoded(
            {
                "status": "ok",
                "version": spoilerguard.__version__,
                "model": {"name": guard.name, "version": guard.version},
            }
        ),
        "description": _encoded(openapi(limits.most_bytes, token=token is not None)),
    }

    def route(operation: Operation) -> Route:
        async def got(request: Request) -> Response:
            return Response(fixed[operation.name], media_type="application/json")

        async def posted(request: Request) -> Response:
            _authorise(request, token)
            body = await _read(request, limits, room)
            long = len(body) >= limits.long_bytes
            answered = await pool.run(lambda: respond(operation.name, body), limits.answer_seconds, long=long)
            return Response(answered, media_type="application/json")

        return Route(operation.path, posted if operation.fields else got, methods=[operation.method])

    def problem(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):  # from the router: 404, 405
            error = RequestError(error.status_code, headers=error.headers or {})
        answered = error if isinstance(error, RequestError) else _server_error(error)
        if answered.fault:  # here, not where it occurred: many processes would log once a second each
            _LOG.error("a request failed: %s", answered.fault)
        return answered.response()

    gates = [Middleware(_HostGate, hosts=frozenset(hosts))] if hosts is not None else []
    if origins:
        methods, headers = ["GET", "POST"], ["Authorization", "Content-Type"]
        gates.append(Middleware(CORSMiddleware, allow_origins=origins, allow_methods=methods, allow_headers=headers))
    handlers: Any = dict.fromkeys((RequestError, HTTPException, Exception), problem)
    service = Starlette(routes=[route(o) for o in OPERATIONS], middleware=gates, exception_handlers=handlers)
    service.router.redirect_slashes = False  # they would go to whatever the Host header names
    return service


def _authorise(request: Request, token: str | None) -> None:
    """Raise RequestError (401) unless the request has the token, compared in constant time."""
    if token is None:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode("latin-1"), token.encode("utf-8"))
    if scheme.lower() != "bearer" or not same:
        raise RequestError(401, "send Authorization: Bearer TOKEN", headers={"www-authenticate": "Bearer"})


async def _read(request: Request, limits: Limits, room: Room) -> bytes:
    from starlette.requests import ClientDisconnect

    require_json(request.headers)
    declared = request.headers.get("content-length", "")
    if "expect" in request.headers and declared.isdecimal() and int(declared[:20]) > limits.most_bytes:
        raise too_large(limits.most_bytes)  # before the client has sent it
    try:
        return await read(request.stream(), limits.most_bytes, limits.body_seconds, room)
    except ClientDisconnect:
        raise RequestError(400, "the body ended early") from None  # nobody receives this


class _HostGate:
    """Refuses requests to other hosts than these, as a page sends that uses DNS rebinding."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
            if _name(given) not in self.hosts:
                refused = RequestError(421, f"this server is only available as {', '.join(sorted(self.hosts))}")
                await refused.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _name(host: str) -> str:
    """The name in a Host header, without the port; an IPv6 address keeps its brackets."""
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    return (name if port.isdecimal() and name else host).lower()
