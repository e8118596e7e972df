"""The service over HTTP, in this process: its answers are the library's, and whatever is sent, none is a fault."""

from __future__ import annotations

from collections.abc import Iterator
import json
import logging
from threading import Event
import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
import jsonschema
import pytest
from starlette.testclient import TestClient
from texts import CLEAN, REVIEW, SPOILERS
from typer.testing import CliRunner
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.cli import app as command_line
from spoilerguard.hiding.styles import STYLES
from spoilerguard.serving.problems import MEDIA_TYPE, PROBLEMS
from spoilerguard.serving.schema import FIELDS, OPERATIONS, openapi
from spoilerguard.serving.service import RESULTS, Limits, app

TOKEN = "correct-horse-battery"
HOSTS = {"localhost", "127.0.0.1", "[::1]"}
PAGE = f"<p>{CLEAN}</p><blockquote><p>{SPOILERS[0]}</p></blockquote><p>{' '.join(SPOILERS)}</p>"
TABLE = f"| who | what |\n|---|---|\n| Tom | {SPOILERS[1]} |\n"


def client_of(guard: sg.Guard, limits: Limits | None = None, **options: Any) -> TestClient:
    return TestClient(app(guard, limits, hosts=HOSTS, **options), base_url="http://127.0.0.1:8765")


@pytest.fixture(scope="module")
def client(fast: sg.Guard) -> TestClient:
    return client_of(fast)


def problem_of(response: Any, status: int) -> dict[str, Any]:
    """The problem detail that a response is."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    found = response.json()
    assert found["status"] == status
    assert "Traceback" not in response.text
    return found


# --- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [REVIEW, PAGE, TABLE, "", "ends in a face \U0001f600\u2028\r\n"])
def test_a_check_is_what_the_command_prints_of_standard_input(client: TestClient, text: str) -> None:
    ran = CliRunner().invoke(command_line, ["check", "-", "--format", "json"], input=text.encode())
    assert ran.exit_code in (0, 1)
    answer = client.post("/v1/check", json={"text": text})
    assert answer.headers["content-type"] == "application/json"
    printed = json.loads(ran.stdout) | {"version": 1}  # without what version 2 adds
    for file in printed["files"]:
        del file["near_misses"]
        for flag in file["flags"]:
            del flag["decision"]
    assert answer.json() == printed


WORK = {"title": "The Glass Orchard", "blurb": "An heiress returns.", "synopsis": "Mira was dead all along."}


@pytest.mark.parametrize(
    "fields",
    [
        {"format": "html"},
        {"format": "html", "quotations": False},
        {"any_language": True},
        {"sensitivity": "high"},
        {"sensitivity": "low"},
        {"threshold": 0},
        {"threshold": 0.9, "sensitivity": "low"},
        {"threshold": None},
        WORK,
    ],
    ids=json.dumps,
)
def test_every_field_means_what_it_means_to_the_library(
    client: TestClient, fast: sg.Guard, fields: dict[str, Any]
) -> None:
    options = {name: value for name, value in fields.items() if name not in WORK}
    work = sg.Work(**WORK) if fields is WORK else None
    report = fast.flag(PAGE, **{"format": "auto"} | options, work=work)
    answer = client.post("/v1/check", json={"text": PAGE, **fields}).json()
    assert answer["threshold"] == report.threshold
    assert answer["files"] == [{"path": "-", **report.to_dict()}]


@pytest.mark.parametrize("style", [*STYLES, None])
@pytest.mark.parametrize(("format", "text"), [("text", REVIEW), ("markdown", REVIEW), ("html", PAGE)])
def test_a_blurred_text_is_the_librarys(
    client: TestClient, fast: sg.Guard, format: str, text: str, style: str | None
) -> None:
    response = client.post("/v1/blur", json={"text": text, "format": format, "style": style})
    if style is not None and format not in STYLES[style].formats:
        assert "cannot be written into" in problem_of(response, 422)["detail"]
        return
    report, answer = fast.flag(text, format=format), response.json()
    assert answer["text"] == report.blur(style) != text
    assert answer["flags"] == [flag.to_dict() for flag in report]
    assert answer["style"] == (style or ("redact" if format == "text" else "html"))
    assert (answer["format"], answer["hidden"], answer["threshold"]) == (format, 0, report.threshold)


def test_what_would_leak_is_not_given_out(client: TestClient) -> None:
    found = problem_of(client.post("/v1/blur", json={"text": TABLE, "format": "markdown", "style": "discord"}), 422)
    assert "a bar would end the cell of the table" in found["detail"]
    assert "choose another" in found["detail"]


def test_its_health_names_the_model(client: TestClient, fast: sg.Guard) -> None:
    model = {"name": fast.name, "version": fast.version}
    assert client.get("/healthz").json() == {"status": "ok", "version": sg.__version__, "model": model}


# --- bad requests --------------------------------------------------------------------------------

DEEP = 100_000


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"[]", 400, "not a JSON object"),
        (b'"text"', 400, "not a JSON object"),
        (b'\xef\xbb\xbf{"text": "a"}', 400, "not JSON"),
        (b'{"text": "caf\xe9"}', 400, "not UTF-8 (byte 0xe9 at 13)"),
        ('{"text": "a"}'.encode("utf-16"), 400, "not UTF-8"),
        (b'{"text": "\xed\xa0\x80"}', 400, "not UTF-8"),
        (b'{"text": "a", "text": "b"}', 400, "a name occurs twice"),
        (b'{"text": "a", "threshold": NaN}', 400, "NaN is not valid in JSON"),
        (b'{"text": "a", "threshold": -Infinity}', 400, "-Infinity is not valid in JSON"),
        (b'{"text": "a", "threshold": 1%s}' % (b"0" * 9999), 400, "too many digits"),
        (b'{"text": "a", "threshold": 1e999}', 422, "threshold: must be from 0 to 1"),
        (b'{"text": "a", "threshold": -0.1}', 422, "threshold: must be from 0 to 1"),
        (b'{"text": "a", "threshold": true}', 422, "threshold: must be a number or null"),
        (b'{"text": %s}' % (b"[" * DEEP), 400, "nested too deeply"),
        (b'{"text": %s1%s}' % (b'{"a":' * DEEP, b"}" * DEEP), 400, "nested too deeply"),
        (b'{"text": [[1]]}', 422, "text: must be a string"),
        (b'{"text": null}', 422, "text: must be a string"),
        (rb'{"text": "cut in \ud83d"}', 422, "text: has half a surrogate pair at 7"),
        (rb'{"text": "a", "title": "\udc00\ud800"}', 422, "title: has half a surrogate pair at 0"),
        (rb'{"text": "a", "\ud800": 1}', 422, "?: unknown field"),
        (b'{"text": "a", "treshold": 1}', 422, "did you mean 'threshold'?"),
        (b'{"text": "a", "style": "html"}', 422, "?: unknown field"),
        (b'{"text": "a", "format": "rtf"}', 422, "must be one of text, markdown, mdx, html, auto"),
        (b"{}", 422, "text: is required"),
    ],
)
def test_a_body_that_cannot_be_used_is_explained(client: TestClient, body: bytes, status: int, message: str) -> None:
    response = client.post("/v1/check", content=body, headers={"content-type": "application/json"})
    assert message in problem_of(response, status)["detail"]


def test_every_bad_field_is_named_up_to_twenty(client: TestClient) -> None:
    body = {"format": 1, "sensitivity": "some", **dict.fromkeys(map(str, range(5000)), 1)}
    errors = problem_of(client.post("/v1/check", json=body), 422)["errors"]
    assert [error["field"] for error in errors[:4]] == ["text", "format", "sensitivity", "?"]
    assert len(errors) == 20


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"content-type": "text/plain"}, "Content-Type: application/json"),
        ({"content-type": "application/x-www-form-urlencoded"}, "Content-Type: application/json"),
        ({"content-type": "application/json; charset=latin-1"}, "UTF-8"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, "uncompressed"),
        ({}, "Content-Type: application/json"),
    ],
)
def test_only_plain_json_is_read(client: TestClient, headers: dict[str, str], message: str) -> None:
    assert message in problem_of(client.post("/v1/check", content=b"{}", headers=headers), 415)["detail"]


def test_json_in_utf8_may_be_called_so(client: TestClient) -> None:
    headers = {"content-type": 'Application/JSON; charset="UTF-8"', "content-encoding": "identity"}
    assert client.post("/v1/check", content=b'{"text": "a"}', headers=headers).status_code == 200


def test_other_paths_and_methods_are_problems_too(client: TestClient) -> None:
    problem_of(client.get("/"), 404)
    problem_of(client.post("/v1/check/", json={"text": "a"}, follow_redirects=False), 404)
    response = client.get("/v1/check")
    problem_of(response, 405)
    assert response.headers["allow"] == "POST"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
CHOICES = {
    name: st.sampled_from([v for v in field["enum"] if v]) if "enum" in field else st.text(max_size=30)
    for name, field in FIELDS.items()
}


@settings(derandomize=True, max_examples=150)
@given(
    st.sampled_from(["check", "blur"]),
    st.dictionaries(st.sampled_from([*FIELDS]) | st.text(max_size=5), ANY, max_size=3),
    st.fixed_dictionaries({}, optional=CHOICES),
)
def test_what_is_taken_is_what_is_described(
    client: TestClient, name: str, other: dict[str, Any], right: dict[str, Any]
) -> None:
    """The document and the server agree on which requests are right."""
    data = {**other, **right}
    body = json.dumps(data)
    response = client.post(f"/v1/{name}", content=body, headers={"content-type": "application/json"})
    try:
        json.dumps(data, allow_nan=False)
    except ValueError:
        problem_of(response, 400)
        return
    described = jsonschema.Draft202012Validator(schema_of(name)).is_valid(data)
    try:
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # which no schema can say
        described = False
    if response.status_code != 200:
        assert ("errors" in problem_of(response, 422)) != described  # without: no such style in this format
    else:
        assert described
        assert json.loads(response.content.decode("utf-8"))["version"] == 1


def schema_of(name: str) -> dict[str, Any]:
    body = openapi(1000, token=False)["paths"][f"/v1/{name}"]["post"]["requestBody"]
    return body["content"]["application/json"]["schema"]


# --- the document --------------------------------------------------------------------------------


def test_the_tables_agree(client: TestClient) -> None:
    assert {o.name for o in OPERATIONS if o.fields} == RESULTS.keys()
    assert {status for o in OPERATIONS for status in o.problems} | {404, 405} == PROBLEMS.keys()
    document = client.get("/openapi.json").json()
    assert document == openapi(Limits().most_bytes, token=False)
    assert document["openapi"] == "3.1.0"
    known = {"type", "enum", "default", "minimum", "maximum", "description"}
    assert {keyword for field in FIELDS.values() for keyword in field} <= known


# --- limits --------------------------------------------------------------------------------------


def test_a_body_has_so_many_bytes_at_most(fast: sg.Guard) -> None:
    client = client_of(fast, Limits(most_bytes=1000))
    envelope = len(b'{"text":""}')
    assert client.post("/v1/check", json={"text": "a" * (1000 - envelope)}).status_code == 200
    for size in (1001, 3000, 1_000_000):
        response = client.post("/v1/check", json={"text": "a" * (size - envelope)})
        assert "more than 1,000 bytes" in problem_of(response, 413)["detail"]
        assert response.headers["connection"] == "close"


def test_a_body_of_pieces_is_counted_as_it_comes(fast: sg.Guard) -> None:
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        yield b'{"text": "'
        for _ in range(1000):
            taken += 100
            yield b"a" * 100

    headers = {"content-type": "application/json"}
    response = client_of(fast, Limits(most_bytes=1000)).post("/v1/check", content=pieces(), headers=headers)
    problem_of(response, 413)


class Slow:
    """A Guard that waits until the test lets it go on."""

    name, version = "slow", "1"

    def __init__(self, guard: sg.Guard) -> None:
        self.guard, self.begun, self.go, self.count = guard, Event(), Event(), 0

    def flag(self, text: str, **options: Any) -> sg.Report:
        self.count += 1
        self.begun.set()
        assert self.go.wait(WAIT)
        return self.guard.flag(text, **options)


def test_what_takes_too_long_is_ended_and_keeps_its_place(fast: sg.Guard) -> None:
    slow: Any = Slow(fast)
    with client_of(slow, Limits(workers=1, queue=1, answer_seconds=0.05)) as client:
        problem_of(client.post("/v1/check", json={"text": "a"}), 504)
        assert slow.begun.wait(WAIT)
        problem_of(client.post("/v1/check", json={"text": "a"}), 504)  # it waited, and waits no more
        assert slow.count == 1
        slow.go.set()


def test_beyond_those_at_work_and_those_that_wait_requests_are_turned_away(fast: sg.Guard) -> None:
    slow: Any = Slow(fast)
    with client_of(slow, Limits(workers=2, queue=0, answer_seconds=0.05)) as client:
        for _ in range(2):
            problem_of(client.post("/v1/check", json={"text": "a"}), 504)
        response = client.post("/v1/check", json={"text": "a"})
        assert "try again" in problem_of(response, 503)["detail"]
        assert response.headers["retry-after"] == "1"
        assert client.get("/healthz").status_code == 200
        slow.go.set()
        while client.post("/v1/check", json={"text": "a"}).status_code == 503:
            time.sleep(0.02)  # until their places are free


def test_a_fault_says_where_and_not_what(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        name, version = "broken", "1"

        def flag(self, text: str, **options: Any) -> sg.Report:
            raise RuntimeError(f"cannot read {text}")

    broken: Any = Broken()
    with caplog.at_level(logging.DEBUG):
        response = client_of(broken).post("/v1/check", json={"text": SPOILERS[0]})
    problem_of(response, 500)
    assert "RuntimeError at " in caplog.text
    assert "test_service.py" in caplog.text
    assert SPOILERS[0] not in caplog.text + response.text


# --- who may ask ---------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [None, "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "é"])
def test_without_the_token_nothing_is_answered(fast: sg.Guard, given: str | None) -> None:
    client = client_of(fast, token=TOKEN)
    headers = {"authorization": given.encode("latin-1")} if given else {}
    for path in ("/v1/check", "/v1/blur"):
        response = client.post(path, content=b"not read", headers=headers)
        problem_of(response, 401)
        assert response.headers["www-authenticate"] == "Bearer"
    assert client.get("/healthz").status_code == 200
    assert client.get("/openapi.json").json()["components"]["securitySchemes"]


def test_with_the_token_it_answers(fast: sg.Guard) -> None:
    headers = {"authorization": f"bearer {TOKEN}"}
    assert client_of(fast, token=TOKEN).post("/v1/check", json={"text": "a"}, headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost@evil", ""])
def test_a_page_whose_name_was_pointed_here_gets_no_answer(client: TestClient, host: str) -> None:
    found = problem_of(client.post("/v1/check", json={"text": "a"}, headers={"host": host}), 421)
    assert "localhost" in found["detail"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "127.0.0.1:1", "[::1]", "[::1]:8765"])
def test_every_name_of_this_machine_is_answered(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


def test_pages_of_an_origin_may_ask_if_it_is_allowed(client: TestClient, fast: sg.Guard) -> None:
    headers = {"origin": "https://blog.example"}
    asking = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"} | headers
    allowing = client_of(fast, origins=["https://blog.example"], token=TOKEN)
    assert allowing.options("/v1/check", headers=asking).headers["access-control-allow-origin"] == headers["origin"]
    refused = allowing.post("/v1/check", json={"text": "a"}, headers=headers)
    assert refused.headers["access-control-allow-origin"] == headers["origin"]
    problem_of(refused, 401)
    problem_of(client.options("/v1/check", headers=asking), 405)
    answer = client.post("/v1/check", json={"text": "a"}, headers=headers)
    assert "access-control-allow-origin" not in answer.headers
