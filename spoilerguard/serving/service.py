"""The service as an ASGI application: a request is let in, read, put into a thread, answered.

    from spoilerguard import load
    from spoilerguard.serving.service import app
    application = app(load("fast"))  # any ASGI server on asyncio runs it; `server` is ours

What a thread does with a request is a row of `RESULTS`: its fields in, its answer out. Of a text,
nothing is ever logged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
import hmac
import json
import logging
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

import spoilerguard
from spoilerguard.errors import InputError, LeakError, MissingExtra
from spoilerguard.hiding.styles import style_for
from spoilerguard.printing import Outcome, results
from spoilerguard.report import Report
from spoilerguard.serving.bodies import parse, read, require_json, too_large
from spoilerguard.serving.pool import Pool, busy
from spoilerguard.serving.problems import RequestError
from spoilerguard.serving.schema import OPERATIONS, Operation, openapi, validate
from spoilerguard.spans import Work

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from spoilerguard.guard import Guard

__all__ = ["RESULTS", "Limits", "app"]

_LOG = logging.getLogger("spoilerguard.serving")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may cost the others: bytes, seconds and requests at once."""

    most_bytes: int = 1024 * 1024  # of a body; a long novel
    body_seconds: float = 10.0  # until a body is there
    answer_seconds: float = 30.0  # from then on, waiting included
    workers: int = 2  # requests scored at once
    queue: int = 32  # requests that wait for these
    bodies: int = 64  # bodies that are being read


# --- results: what is asked, and the answer ------------------------------------------------------


def checked(guard: Guard, asked: dict[str, Any]) -> dict[str, Any]:
    """The object of `check --format json`, version 1, for standard input."""
    report = _report(guard, asked)
    return results([Outcome("-", report)], report.threshold, report.model)


def blurred(guard: Guard, asked: dict[str, Any]) -> dict[str, Any]:
    """The text with its flags hidden, and what `check` tells of it."""
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
    work = Work(asked["title"], asked["blurb"], asked["synopsis"])
    options = {name: asked[name] for name in ("format", "sensitivity", "threshold", "quotations", "any_language")}
    return guard.flag(asked["text"], work=None if work == Work() else work, **options)


def _worked(guard: Guard, operation: Operation, body: bytes) -> bytes:
    """From body to body, in a thread. Raises RequestError and nothing else."""
    try:
        return _encoded(RESULTS[operation.name](guard, validate(parse(body), operation)))
    except (InputError, LeakError) as error:
        raise RequestError(422, str(error)) from None
    except RequestError:
        raise
    except Exception as error:
        raise _fault(error) from None


def _fault(error: Exception) -> RequestError:
    """Where it happened goes to the log; not its message, which may hold what was sent."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at is not None else "an unknown place"
    _LOG.error("a request failed: %s at %s", type(error).__name__, place)
    return RequestError(500)


def _encoded(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8")


# --- the application -----------------------------------------------------------------------------


def app(
    guard: Guard,
    limits: Limits | None = None,
    *,
    token: str | None = None,
    hosts: Collection[str] | None = None,
    origins: Collection[str] = (),
) -> Starlette:
    """The service with this model.

    With a `token`, the operations under /v1 ask for `Authorization: Bearer TOKEN`. `hosts` are the names
    the Host header may bear, without port; None takes any, which without a token lets web pages in by DNS
    rebinding. `origins` are those whose pages may ask (CORS). Raises MissingExtra.
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
    pool, bodies = Pool(limits.workers, limits.queue), BoundedSemaphore(limits.bodies)
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
            _let_in(request, token)
            body = await _read(request, limits, bodies)
            answer = await pool.run(lambda: _worked(guard, operation, body), limits.answer_seconds)
            return Response(answer, media_type="application/json")

        return Route(operation.path, posted if operation.fields else got, methods=[operation.method])

    def problem(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):  # of the router: 404, 405
            error = RequestError(error.status_code, headers=error.headers or {})
        return (error if isinstance(error, RequestError) else _fault(error)).response()

    gates = [Middleware(_HostGate, hosts=frozenset(hosts))] if hosts is not None else []
    if origins:
        methods, headers = ["GET", "POST"], ["Authorization", "Content-Type"]
        gates.append(Middleware(CORSMiddleware, allow_origins=origins, allow_methods=methods, allow_headers=headers))
    handlers: Any = dict.fromkeys((RequestError, HTTPException, Exception), problem)
    service = Starlette(routes=[route(o) for o in OPERATIONS], middleware=gates, exception_handlers=handlers)
    service.router.redirect_slashes = False  # to where the Host header says
    return service


def _let_in(request: Request, token: str | None) -> None:
    """Raise RequestError (401) unless the request bears the token, told apart in constant time."""
    if token is None:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode("latin-1"), token.encode("utf-8"))
    if scheme.lower() != "bearer" or not same:
        raise RequestError(401, "send Authorization: Bearer TOKEN", headers={"www-authenticate": "Bearer"})


async def _read(request: Request, limits: Limits, bodies: BoundedSemaphore) -> bytes:
    from starlette.requests import ClientDisconnect

    require_json(request.headers)
    declared = request.headers.get("content-length", "")
    if "expect" in request.headers and declared.isdecimal() and int(declared[:20]) > limits.most_bytes:
        raise too_large(limits.most_bytes)  # before the client has sent it
    if not bodies.acquire(blocking=False):
        raise busy()
    try:
        return await read(request.stream(), limits.most_bytes, limits.body_seconds)
    except ClientDisconnect:
        raise RequestError(400, "the body ended early") from None  # said to nobody
    finally:
        bodies.release()


class _HostGate:
    """Lets through what was sent to one of these hosts: a page that had its name point here gets no answer."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
            if _name(given) not in self.hosts:
                refused = RequestError(421, f"this server answers to {', '.join(sorted(self.hosts))} only")
                await refused.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _name(host: str) -> str:
    """The name in a Host header, without the port; an IPv6 address keeps its brackets."""
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    return (name if port.isdecimal() and name else host).lower()
