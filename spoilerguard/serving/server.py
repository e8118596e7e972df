"""The service as a process: a socket, uvicorn, and a shutdown that lets requests finish.

uvicorn does not limit how long a client may take to send the head of a request or to receive an answer;
`_protocol` does. Nothing about a request is logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
import errno
from ipaddress import ip_address
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError, MissingExtra
from spoilerguard.serving.logs import limit_logs
from spoilerguard.serving.problems import MEDIA_TYPE, RequestError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["address", "is_loopback", "listen", "loopback_names", "most_connections", "serve"]

IDLE = 15.0  # seconds that an idle connection is kept
_MOST_HEAD = 16 * 1024  # bytes of the head of a request
_MOST_CONNECTIONS, _OTHER_FILES = 512, 64


def is_loopback(host: str) -> bool:
    """Whether a host name or address can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def loopback_names(host: str) -> set[str]:
    """The names in a Host header that mean a server on a loopback address."""
    return {"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host.lower()}


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 stands for any free port. Raises InputError if it cannot listen."""
    try:
        (family, *_), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listener = socket.create_server((host, port), family=family)
        # Connections inherit this. Without it, the body of an answer waits 40 ms for the acknowledgement of its
        # head: asyncio sets it only for sockets that name their protocol, and Python's do not.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, UnicodeError) as error:
        number: int = getattr(error, "errno", None) or 0  # the resolver has numbers of its own
        reason = os.strerror(number) if number in errno.errorcode else error
        raise InputError(f"cannot listen on {host}, port {port} ({reason}); choose another --host or --port") from None


def address(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve(
    app: ASGIApp, listener: socket.socket, *, head_seconds: float, grace: float, ready: Callable[[], object]
) -> None:
    """Answer requests until SIGINT or SIGTERM.

    Args:
        app: The service.
        listener: The socket, from `listen`.
        head_seconds: The time a client may take to send the head of a request, and to receive an answer.
        grace: The seconds that requests in progress have to finish at the end.
        ready: Called when connections are accepted.

    Raises:
        MissingExtra: uvicorn is not installed.
    """
    try:
        import uvicorn
    except ModuleNotFoundError:
        raise MissingExtra("uvicorn", "serve") from None

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    config = uvicorn.Config(
        app,
        http=_protocol(head_seconds, most_connections()),
        h11_max_incomplete_event_size=_MOST_HEAD,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,  # the address of the client is not used
        server_header=False,
        timeout_keep_alive=int(IDLE),
        timeout_graceful_shutdown=max(1, round(grace)),
    )
    limit_logs()
    # uvicorn raises the signal that ended it again; it has been handled.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        Server(config).run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def most_connections() -> int:
    """The number of connections at once, for which the process has enough file descriptors."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit
        return _MOST_CONNECTIONS
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_CONNECTIONS if allowed < 0 else max(1, min(_MOST_CONNECTIONS, allowed - _OTHER_FILES))


def _protocol(seconds: float, most: int) -> type[asyncio.Protocol]:
    """The HTTP/1.1 of uvicorn, for clients that send a head and receive an answer within this many seconds.

    Beyond `most` connections, the one that has waited longest without a request is closed for a new one.
    """
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    waiting: dict[PunctualProtocol, None] = {}  # those without a request, the oldest first

    class PunctualProtocol(H11Protocol):
        _head: asyncio.TimerHandle | None = None
        _taking: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch_head()
            if len(self.connections) > most:
                oldest = next(iter(waiting))
                del waiting[oldest]
                oldest.transport.abort()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch_head()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            waiting.pop(self, None)
            for timer in filter(None, (self._head, self._taking)):
                timer.cancel()

        def _watch_head(self) -> None:
            """Run the timer while the head of a request is incomplete, however many bytes of it arrive."""
            idle = self.conn.their_state is h11.IDLE
            if idle and self._head is None:
                self._head = self.loop.call_later(seconds, self.transport.abort)
            elif not idle and self._head is not None:
                self._head.cancel()
                self._head = None
            self._note_waiting()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._note_waiting()

        def _note_waiting(self) -> None:
            if self.conn.their_state is h11.IDLE:
                waiting.setdefault(self)
            else:
                waiting.pop(self, None)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._taking = self.loop.call_later(seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._taking is not None:
                self._taking.cancel()
                self._taking = None

        def send_400_response(self, msg: str) -> None:
            if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # an answer has gone out, or has begun
                self.transport.close()
                return
            body = RequestError(400, msg).body()
            headers: list[Any] = [("content-type", MEDIA_TYPE), ("content-length", str(len(body)))]
            head = h11.Response(status_code=400, headers=[*headers, ("connection", "close")], reason=b"Bad Request")
            for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

    return PunctualProtocol
