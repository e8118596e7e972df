"""The command `serve`: check and blur over HTTP. Arguments and printing; it decides nothing.

Exit status: 0 after SIGINT or SIGTERM; 2 usage, input or model error before the server starts.
"""

from __future__ import annotations

from functools import partial
import os
from typing import Annotated

import typer

from spoilerguard.cli.common import ModelOption, QuietOption, errors_explained, tell
from spoilerguard.errors import InputError

__all__ = ["register"]

TOKEN = "SPOILERGUARD_TOKEN"

_SERVE = f"""\b
Example:
  spoilerguard serve
and in another terminal:
  curl http://127.0.0.1:8765/v1/check --json '{{"text": "In the end the butler dies."}}'
  curl http://127.0.0.1:8765/v1/blur --json '{{"text": "<p>...</p>", "format": "html", "style": "details"}}'
For other machines, which then send "Authorization: Bearer TOKEN":
  spoilerguard serve --host 0.0.0.0 --token-file token.txt
The environment variable {TOKEN} may hold the token instead. There is no TLS: use a reverse proxy."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=_SERVE)(serve)


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen on. One that other machines can reach needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for a free one.")] = 8765,
    model: ModelOption = "fast",
    token_file: Annotated[
        str | None, typer.Option("--token-file", metavar="FILE", help="Require the token in this file.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin", metavar="ORIGIN", help="Let pages of this origin send requests (CORS); may be repeated."
        ),
    ] = None,
    max_bytes: Annotated[int, typer.Option(min=1, help="The largest request body, in bytes.")] = 1024 * 1024,
    body_timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that sending a request may take.")] = 10.0,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that an answer may take.")] = 30.0,
    workers: Annotated[int, typer.Option(min=1, help="Requests scored at once.")] = 2,
    queue: Annotated[int, typer.Option(min=0, help="Requests that may wait; more are refused (503).")] = 32,
    suppressions: Annotated[
        bool, typer.Option("--suppressions", help="Obey suppression comments in the texts, which strangers can write.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Answer POST /v1/check and /v1/blur over HTTP; GET /openapi.json describes them."""
    with errors_explained():
        token = _token(token_file)
        from spoilerguard.guard import load
        from spoilerguard.serving import server
        from spoilerguard.serving.service import Limits, answering_with, app
        from spoilerguard.serving.workers import Workers

        local = server.is_loopback(host)
        if not local and token is None:
            raise InputError(f"--host {host} can be reached by other machines: give --token-file or set {TOKEN}")
        limits = Limits(max_bytes, body_timeout, timeout, workers, queue)
        guard = load(model)
        # Without a token, this keeps out web pages that use DNS rebinding.
        hosts = server.loopback_names(host) if local else None
        processes, origins = Workers(partial(answering_with, model, suppressions), timeout, workers), allow_origin or ()
        application = app(guard, limits, token=token, hosts=hosts, origins=origins, answering=processes.answer)
        with server.listen(host, port) as listener, processes:
            where, grace = server.address(listener), body_timeout + timeout

            def ready() -> None:
                tell(f"spoilerguard: {guard.name} {guard.version} at {where}, until Ctrl+C", quiet)

            server.serve(application, listener, head_seconds=body_timeout, grace=grace, ready=ready)


def _token(path: str | None) -> str | None:
    """The token in a file or in the environment, neither of which a list of processes shows; None without one."""
    from spoilerguard.drafts.io import read_draft

    name = TOKEN if path is None else path
    text = os.environ.get(TOKEN) if path is None else read_draft(path)
    if text is None:
        return None
    token = text.strip()
    if len(token) < 16 or not all("!" <= character <= "~" for character in token):
        raise InputError(
            f"{name}: a token must be at least 16 printable ASCII characters without spaces; "
            "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return token
