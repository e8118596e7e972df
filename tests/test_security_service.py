"""One client cannot stop the service: work ends at its limit, and what a client can hold is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
import json
import logging
from multiprocessing import active_children
import os
import threading
import time

import pytest
from starlette.testclient import TestClient
from texts import SPOILERS
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.serving import logs, server
from spoilerguard.serving.bodies import Room, read
from spoilerguard.serving.problems import RequestError
from spoilerguard.serving.service import Limits, answer, app
from spoilerguard.serving.workers import Workers
from spoilerguard.text.markdown import scan_markdown
from spoilerguard.text.runons import TOKEN, cut
from spoilerguard.text.sentences import by_rules

PROSE = "I loved the pace of it. In the end the butler is her father, and she shoots him dead.\n\n"
SIZE = 90_000

# --- work ends at its limit ---------------------------------------------------------------------


_KEPT: list[bytes] = []


def _echo() -> Callable[[str, bytes], bytes]:
    def work(operation: str, body: bytes) -> bytes:
        if body == b"hang":
            time.sleep(600)
        if body == b"die":
            os._exit(1)
        if body == b"grow":
            _KEPT.append(b"x" * (64 << 20))
        if body == b"fail":
            raise RequestError(500, fault="KeyError at a.py:1")
        if body == b"log":
            for _ in range(100):
                logging.getLogger("a.library").error("a line")
        if body == b"refuse":
            raise RequestError(422, "no", errors=[{"field": "text", "detail": "no"}])
        return str(os.getpid()).encode()

    return work


def test_a_worker_that_takes_too_long_is_killed_and_replaced() -> None:
    with Workers(_echo, 1.0, 1) as workers:
        first = int(workers.answer("check", b""))
        assert int(workers.answer("check", b"")) == first
        with pytest.raises(RequestError) as caught:
            workers.answer("check", b"hang")
        assert caught.value.status == 504
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        workers.seconds = 60.0
        second = int(workers.answer("check", b""))
        assert second != first
        with pytest.raises(RequestError) as caught:
            workers.answer("check", b"die")
        assert caught.value.status == 500
        with pytest.raises(RequestError, match="no") as caught:
            workers.answer("check", b"refuse")
        assert (caught.value.status, caught.value.errors) == (422, [{"field": "text", "detail": "no"}])
        last = int(workers.answer("check", b""))
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="the system does not say what a process holds")
def test_a_worker_that_keeps_much_memory_is_replaced_after_its_answer() -> None:
    with Workers(_echo, 60.0, 1, growth=32 << 20) as workers:
        first = int(workers.answer("check", b""))
        assert int(workers.answer("check", b"grow")) == first
        assert int(workers.answer("check", b"")) != first


def test_what_a_worker_logs_is_limited_too(capfd: pytest.CaptureFixture[str]) -> None:
    with Workers(_echo, 60.0, 1) as workers:
        workers.answer("check", b"log")
        workers.answer("check", b"log")
    assert 1 <= capfd.readouterr().err.count("a line") < 20


def test_a_fault_in_a_worker_is_logged_once_by_the_server(
    fast: sg.Guard, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with Workers(_echo, 60.0, 1) as workers:
        failing = app(fast, answering=lambda operation, body: workers.answer(operation, b"fail"))
        with TestClient(failing) as client:
            assert client.post("/v1/check", json={"text": "a"}).status_code == 500
    assert "KeyError at a.py:1" in caplog.text
    assert "KeyError" not in capfd.readouterr().err


def test_short_requests_are_answered_while_hostile_ones_run(fast: sg.Guard) -> None:
    go_on, at_work, limits = threading.Event(), threading.Semaphore(0), Limits(workers=2, queue=8)

    def answering(operation: str, body: bytes) -> bytes:
        if len(body) >= limits.long_bytes:
            at_work.release()
            assert go_on.wait(WAIT)
        return b"{}"

    with TestClient(app(fast, limits, answering=answering)) as client, ThreadPoolExecutor(8) as pool:
        hostile = [
            pool.submit(client.post, "/v1/blur", json={"text": ">" * 100_000, "format": "markdown"}) for _ in range(4)
        ]
        assert at_work.acquire(timeout=WAIT)
        for _ in range(20):
            assert client.post("/v1/check", json={"text": SPOILERS[0]}).status_code == 200
        assert not any(request.done() for request in hostile)
        go_on.set()
        assert [request.result().status_code for request in hostile] == [200] * 4


def test_hostile_requests_leave_places_to_others(fast: sg.Guard) -> None:
    go_on, limits = threading.Event(), Limits(workers=2, queue=2)

    def answering(operation: str, body: bytes) -> bytes:
        assert len(body) < limits.long_bytes or go_on.wait(WAIT)
        return b"{}"

    with TestClient(app(fast, limits, answering=answering)) as client, ThreadPoolExecutor(8) as pool:
        hostile = [pool.submit(client.post, "/v1/check", json={"text": "!" * 50_000}) for _ in range(6)]
        refused = [next(as_completed(hostile)).result().status_code]  # the places of long ones are taken
        assert client.post("/v1/check", json={"text": "a"}).status_code == 200
        go_on.set()
        assert refused == [503]
        assert {request.result().status_code for request in hostile} == {200, 503}


def _dead() -> Callable[[str, bytes], bytes]:
    os._exit(1)


def test_workers_that_cannot_start_leave_no_process_behind() -> None:
    with pytest.raises(sg.SpoilerguardError, match="no worker process could be started"), Workers(_dead, 1.0, 2):
        pass
    assert active_children() == []


def test_a_server_that_stops_starts_no_worker() -> None:
    with Workers(_echo, 1.0) as workers:
        pass
    with pytest.raises(RequestError, match="is stopping") as caught:
        workers.answer("check", b"")
    assert caught.value.status == 503
    assert active_children() == []


@pytest.mark.parametrize("suppressions", [False, True])
def test_a_request_obeys_no_suppression_unless_the_server_does(fast: sg.Guard, suppressions: bool) -> None:
    text = f"<!-- spoilerguard off --><p>{SPOILERS[0]}</p>"
    body = json.dumps({"text": text, "format": "html"}).encode()
    found = json.loads(answer(fast, "check", body, suppressions=suppressions))
    assert bool(found["files"][0]["flags"]) is not suppressions


# --- what a client can hold ---------------------------------------------------------------------


async def _slow(chunks: list[bytes], go_on: asyncio.Event) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    await go_on.wait()


def test_slow_bodies_make_room_for_others_the_oldest_first() -> None:
    async def run() -> tuple[list[int], bytes, int]:
        room, forever, now = Room(1000), asyncio.Event(), asyncio.Event()
        now.set()
        slow = [asyncio.create_task(read(_slow([b"x" * 400], forever), 1000, 600, room)) for _ in range(2)]
        await asyncio.sleep(0)
        body = await read(_slow([b"y" * 300], now), 1000, 600, room)
        (ended,), _ = await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
        assert ended is slow[0]
        error = ended.exception()
        assert isinstance(error, RequestError)
        slow[1].cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return [error.status], body, room.taken

    assert asyncio.run(run()) == ([408], b"y" * 300, 0)


def test_there_are_never_more_connections_than_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    assert server.most_connections() < 256
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_000_000, 1_000_000))
    assert server.most_connections() == 512


def test_errors_are_logged_once_a_second_at_most() -> None:
    now = 0.0
    once = logs.OnceASecond(lambda: now)
    record = logging.LogRecord("asyncio", logging.ERROR, "", 0, "socket.accept() out of system resource", (), None)
    passed = 0
    for tick in range(1000):
        now = tick / 100
        passed += once.filter(record)
    assert passed == 10


# --- cost follows size --------------------------------------------------------------------------


def _events(unit: str) -> int:
    found, text, _ = scan_markdown((unit * SIZE)[:SIZE], 0)
    return len(found.tags) + len(found.breaks) + len(text)


def test_a_line_of_marks_is_no_tower_of_quotations() -> None:
    prose = _events(PROSE)
    for unit in (">", "> ", "- ", "1. ", ">- ", "+ > "):
        assert _events(unit) <= prose


def test_a_rule_of_any_length_is_a_rule() -> None:
    for line in ("- " * 300, "*" * 300, "_ " * 300):
        found, _, _ = scan_markdown(f"a\n\n{line}\n\nb\n", 0)
        assert [tag.name for tag in found.tags].count("Rule") == 1


@pytest.mark.parametrize("unit", ["a\n", "[a] ", "!", "a ", "\\", "& "])
def test_the_reader_makes_few_ranges_of_adjacent_text(unit: str) -> None:
    _, text, _ = scan_markdown((unit * SIZE)[:SIZE], 0)
    assert len(text) <= SIZE / 2


def test_signs_that_are_no_words_are_not_read_as_run_on_text(monkeypatch: pytest.MonkeyPatch) -> None:
    read_tokens = 0

    def counted(nlp: object, text: str, tokens: list[object], starts: object = None) -> None:
        nonlocal read_tokens
        read_tokens += len(tokens)
        raise AssertionError("the model was asked")

    monkeypatch.setattr("spoilerguard.text.runons.doc_of", counted)
    for unit in ("a ", "| a ", "! ", "\\ "):
        text = (unit * SIZE)[:SIZE]
        assert len(TOKEN.findall(text)) > 512
        assert cut(None, text) == []
    assert read_tokens == 0
    with pytest.raises(AssertionError, match="asked"):
        cut(None, "so we went on and she said that he was dead " * 100)


def test_a_long_stretch_of_hidden_text_costs_no_more_than_its_length() -> None:
    size = 300_000
    assert by_rules(" " * size + "a", [(0, size + 1)]) == [(size, size + 1)]  # which once took minutes
