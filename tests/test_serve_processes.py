"""`spoilerguard serve` as users have it, a process of its own: under load, too much of it, and clients that dawdle."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
import json
import os
from pathlib import Path
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest
from texts import CLEAN, HARMLESS, REVIEW, SPOILERS
from typer.testing import CliRunner
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.cli import app
from spoilerguard.serving.server import listen

PACKAGE = Path(sg.__file__).parent.parent
TOKEN = "correct-horse-battery"
LARGE = f"{CLEAN} {' '.join(SPOILERS)}\n\n" * 350  # a third of a second's work


class Server:
    """A process that serves, and where."""

    def __init__(self, *options: str | Path, **environment: str) -> None:
        command = [sys.executable, "-m", "spoilerguard", "serve", "--port", "0", *map(str, options)]
        self.process = subprocess.Popen(
            command,
            env={k: v for k, v in os.environ.items() if k != "SPOILERGUARD_TOKEN"}
            | {"PYTHONPATH": str(PACKAGE), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.line = self.process.stderr.readline()
        (port,) = re.findall(r" at http://127\.0\.0\.1:(\d+)", self.line) or [pytest.fail(self.line)]
        self.address = ("127.0.0.1", int(port))

    def stop(self) -> tuple[int, str, str]:
        """Stop it; its exit status, and its output after the first line."""
        self.process.terminate()
        out, error = self.process.communicate(timeout=WAIT)
        return self.process.returncode, out, error

    @contextmanager
    def connection(self) -> Iterator[HTTPConnection]:
        connection = HTTPConnection(*self.address, timeout=WAIT)
        try:
            yield connection
        finally:
            connection.close()

    def ask(self, path: str = "/v1/check", **fields: Any) -> tuple[int, Any]:
        with self.connection() as connection:
            return ask(connection, path, **fields)

    @contextmanager
    def raw(self, sent: bytes) -> Iterator[socket.socket]:
        with socket.create_connection(self.address, timeout=WAIT) as client:
            client.sendall(sent)
            yield client


@contextmanager
def serving(*options: str | Path, **environment: str) -> Iterator[Server]:
    """A server that must end well, and say nothing but where it is."""
    server = Server(*options, **environment)
    try:
        yield server
        assert server.stop() == (0, "", "")
    finally:
        server.process.kill()
        server.process.communicate()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("--max-bytes", "300000", "--queue", "64") as server:
        yield server


@pytest.fixture(scope="module")
def strict() -> Iterator[Server]:
    """A server that does not wait long for its clients."""
    with serving("--body-timeout", "1") as server:
        yield server


def ask(connection: HTTPConnection, path: str, **fields: Any) -> tuple[int, Any]:
    connection.request("POST", path, json.dumps(fields), {"Content-Type": "application/json"})
    return answer_of(connection.getresponse())


def answer_of(response: HTTPResponse) -> tuple[int, Any]:
    return response.status, json.loads(response.read())


def answer_on(client: socket.socket) -> tuple[int, Any]:
    """The answer that a client has before the server closes the connection."""
    response = HTTPResponse(client)
    response.begin()
    try:
        return answer_of(response)
    finally:
        response.close()


def texts(count: int) -> list[str]:
    draw = random.Random(5)
    lengths = [draw.choice((1, 1, 3, 10, 60)) for _ in range(count)]
    return [" ".join(draw.choices((*SPOILERS, *HARMLESS), k=length)) + f" No {k}." for k, length in enumerate(lengths)]


# --- load ----------------------------------------------------------------------------------------


def test_under_load_every_answer_is_the_librarys(server: Server, fast: sg.Guard) -> None:
    every = texts(320)

    def asked(part: int) -> list[tuple[int, Any]]:
        with server.connection() as connection:  # one, kept open
            return [ask(connection, "/v1/check", text=text, format="text") for text in every[part::8]]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(asked, range(8)))
    for part, found in enumerate(answers):
        for text, (status, answer) in zip(every[part::8], found, strict=True):
            assert status == 200
            assert answer["files"] == [{"path": "-", **fast.flag(text, format="text").to_dict()}]


def test_too_much_of_it_is_turned_away_and_the_rest_answered(fast: sg.Guard) -> None:
    with serving("--workers", "1", "--queue", "1") as server, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: server.ask(text=LARGE, format="text"), range(12)))
        assert {status for status, _ in answers} == {200, 503}
        flags = [flag.to_dict() for flag in fast.flag(LARGE)]
        assert all(answer["files"][0]["flags"] == flags for status, answer in answers if status == 200)
        assert all(answer["title"] == "Service Unavailable" for status, answer in answers if status == 503)
        assert server.ask(text="a")[0] == 200


def test_an_answer_that_takes_too_long_is_not_waited_for() -> None:
    with serving("--timeout", "0.1", "--workers", "1") as server:
        status, answer = server.ask(text=LARGE * 4, format="text")
        assert (status, answer.get("detail")) == (504, "no answer within 0.1 s; send a shorter text")


def test_an_answer_is_not_held_back_until_its_head_is_confirmed() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:  # else Nagle's algorithm waits 40 ms for a delayed acknowledgement (RFC 1122, 4.2.3.2)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# --- clients that dawdle, break off or lie ---------------------------------------------------------

HEAD = b"POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def drip(client: socket.socket, piece: bytes) -> bool:
    """Send a piece now and then, until the server answers or closes; whether it did."""
    for _ in range(WAIT * 10):
        try:
            client.sendall(piece)
        except OSError:
            return True
        time.sleep(0.1)
        client.setblocking(False)
        try:
            client.recv(1, socket.MSG_PEEK)
            return True
        except BlockingIOError:
            continue
        except OSError:
            return True
        finally:
            client.settimeout(WAIT)
    return False


def test_a_body_in_drips_is_ended(strict: Server) -> None:
    with strict.raw(HEAD + b"Content-Length: 1000\r\n\r\n") as client:
        assert drip(client, b" ")
        status, answer = answer_on(client)
        assert (status, answer["detail"]) == (408, "the body did not arrive within 1 s")
        assert client.recv(1) == b""


@pytest.mark.parametrize("first", [b"", HEAD, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + HEAD])
def test_a_head_in_drips_is_ended(strict: Server, first: bytes) -> None:
    with strict.raw(first) as client:
        if b"GET" in first:
            assert answer_on(client)[0] == 200
        assert drip(client, b"X-A: b\r\n")


def test_who_does_not_take_the_answers_is_left(strict: Server) -> None:
    before = descriptors(strict)
    with strict.raw(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000) as client:
        assert client.recv(1) == b"H"
        assert comes_down_to(before, strict)


def test_who_breaks_off_leaves_nothing_behind(server: Server) -> None:
    assert server.ask(text="a")[0] == 200
    before = descriptors(server)
    whole = HEAD + b"Content-Length: 13\r\n\r\n" + b'{"text": "a"}'
    for sent in (b"", HEAD, HEAD + b"Content-Length: 1000\r\n\r\n{", whole):
        for _ in range(10):
            with server.raw(sent):
                pass
    assert server.ask(text="a")[0] == 200
    assert comes_down_to(before, server)


def descriptors(server: Server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def comes_down_to(count: int, server: Server) -> bool:
    """Whether within a while it has so few files and connections open."""
    for _ in range(WAIT * 10):
        if descriptors(server) <= count:
            return True
        time.sleep(0.1)
    return False


def test_a_client_that_writes_all_before_it_reads_sees_that_it_was_too_much(server: Server) -> None:
    status, answer = server.ask(text="a" * 1_000_000)
    assert (status, answer["title"]) == (413, answer["title"])
    assert "more than 300,000 bytes" in answer["detail"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"Content-Length: 1000001\r\nExpect: 100-continue\r\n\r\n", 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"61a80\r\n" + b"a" * 400_000 + b"\r\n0\r\n\r\n", 413),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nno\r\n", 400),
        (b"POST /v1/check\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00 TLS\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 421),
    ],
)
def test_what_is_no_request_for_us_is_a_problem(server: Server, sent: bytes, status: int) -> None:
    with server.raw(sent) as client:
        assert answer_on(client)[1]["status"] == status


# --- start and end -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_finishes_requests_in_progress(fast: sg.Guard, number: int) -> None:
    body = json.dumps({"text": REVIEW}).encode()
    with serving() as server, server.raw(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[:9]) as client:
        with server.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") as idle:
            assert answer_on(idle)[0] == 200
            server.process.send_signal(number)
            assert idle.recv(1) == b""
        assert until_closed(server)
        client.sendall(body[9:])
        status, answer = answer_on(client)
        assert client.recv(1) == b""
    assert status == 200
    assert answer["files"][0]["flags"] == [flag.to_dict() for flag in fast.flag(REVIEW)]


def until_closed(server: Server) -> bool:
    """Whether it takes no more connections, within a while."""
    for _ in range(WAIT * 10):
        try:
            socket.create_connection(server.address).close()
        except ConnectionError:
            return True
        time.sleep(0.1)
    return False


def test_a_token_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with serving("--token-file", tmp_path / "token", SPOILERGUARD_TOKEN="another-one-entirely") as server:
        assert server.ask(text="a")[0] == 401
        with server.connection() as connection:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
            connection.request("POST", "/v1/check", json.dumps({"text": REVIEW}), headers)
            assert answer_of(connection.getresponse())[0] == 200
    with serving(SPOILERGUARD_TOKEN=TOKEN) as server:
        assert server.ask(text="a")[0] == 401


def examples() -> list[str]:
    """The requests that the help and the README show."""
    shown = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).stdout
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^ *(curl http://127\.0\.0\.1:8765/.*)", f"{shown}\n{readme}", re.M)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_examples_run(server: Server) -> None:
    lines = examples()
    assert len(lines) >= 2
    for line in lines:
        words = shlex.split(line.replace(":8765", f":{server.address[1]}"))
        ran = subprocess.run([*words, "--silent", "--fail-with-body"], capture_output=True, check=False, timeout=WAIT)
        assert ran.returncode == 0, ran.stdout
        assert json.loads(ran.stdout)["version"] == 1


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        (["--host", "0.0.0.0"], {}, "can be reached by other machines: give --token-file or set SPOILERGUARD_TOKEN"),
        (["--host", "blog.example"], {}, "can be reached by other machines"),
        (["--host", "203.0.113.7"], {"SPOILERGUARD_TOKEN": TOKEN}, "cannot listen on 203.0.113.7"),
        (["--token-file", "absent"], {}, "absent: no such file"),
        ([], {"SPOILERGUARD_TOKEN": ""}, "SPOILERGUARD_TOKEN: a token must be at least 16"),
        ([], {"SPOILERGUARD_TOKEN": "with a space in it"}, "SPOILERGUARD_TOKEN: a token must be at least 16"),
        (["--model", "absent"], {}, "absent"),
        (["--workers", "0"], {}, "workers"),
    ],
)
def test_an_impossible_request_is_reported_before_it_serves(
    options: list[str], environment: dict[str, str], message: str
) -> None:
    ran = CliRunner().invoke(app, ["serve", "--port", "0", *options], env={"COLUMNS": "200"} | environment)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert message in ran.stderr


def test_a_port_in_use_is_reported(server: Server) -> None:
    port = server.address[1]
    ran = CliRunner().invoke(app, ["serve", "--port", str(port)])
    assert ran.exit_code == 2
    assert f"cannot listen on 127.0.0.1, port {port} (Address already in use)" in ran.stderr


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for library, name in (("starlette", "starlette.applications"), ("uvicorn", "uvicorn")):
        with monkeypatch.context() as missing:
            missing.setitem(sys.modules, name, None)
            ran = CliRunner().invoke(app, ["serve", "--port", "0"])
        assert ran.exit_code == 2
        assert f"{library} is not installed; install it with: pip install 'spoilerguard[serve]'" in ran.stderr
