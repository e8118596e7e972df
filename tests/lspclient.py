"""An editor for the tests: a client of the Language Server Protocol over a real process, and what an editor does.

It knows nothing of the package: places and edits are worked out here anew, and slowly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import json
import os
from pathlib import Path
import queue
import re
import subprocess
import sys
import threading
from typing import Any

from waiting import WAIT

ROOT = Path(__file__).parent.parent
WIDTH = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
CODEC = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}

Json = dict[str, Any]
RICH: Json = {
    "workspace": {
        "configuration": True,
        "workspaceEdit": {"documentChanges": True},
        "didChangeConfiguration": {"dynamicRegistration": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
    },
    "textDocument": {
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "codeAction": {"dataSupport": True, "resolveSupport": {"properties": ["edit"]}},
    },
}


class Editor:
    """A server process and its messages; `settings` is what the editor answers when asked for them."""

    def __init__(self, *arguments: str, command: list[str] | None = None, stderr: Any = subprocess.PIPE) -> None:
        self.server = subprocess.Popen(
            command or [sys.executable, "-m", "spoilerguard", "lsp", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self.settings: Any = None
        self.late: list[Json] | None = None  # when a list: requests for the settings, to be answered later
        self.refuses = False
        self.messages: list[str] = []
        self.registered: list[str] = []
        self.published: queue.Queue[Json] = queue.Queue()
        self._answers: queue.Queue[Json] = queue.Queue()
        self._last = 0
        self.published_before_answer = 0  # how many diagnostics lay unread when the last answer came
        self.rubbish = b""  # on standard output, between the messages
        self.errors = b""
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._listen, self._drain)]
        for thread in self._threads:
            thread.start()

    # --- the wire

    def send(self, message: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def send_bytes(self, data: bytes) -> None:
        assert self.server.stdin is not None
        self.server.stdin.write(data)
        self.server.stdin.flush()

    def _drain(self) -> None:
        if self.server.stderr is not None:
            self.errors = self.server.stderr.read()

    def _listen(self) -> None:
        stdout = self.server.stdout
        assert stdout is not None
        while header := stdout.readline():
            if not header.startswith(b"Content-Length: "):
                self.rubbish += header
                continue
            while stdout.readline().strip():
                pass
            self._receive(json.loads(stdout.read(int(header.split()[1]))))

    def _receive(self, message: Json) -> None:
        match message:
            case {"method": _, "id": id} if self.refuses:
                self.send({"id": id, "error": {"code": -32601, "message": "no such method"}})
            case {"method": "workspace/configuration"} if self.late is not None:
                self.late.append(message)
            case {"method": "workspace/configuration"}:
                self.answer(message)
            case {"method": "client/registerCapability", "id": id, "params": {"registrations": registrations}}:
                self.registered += [registration["method"] for registration in registrations]
                self.send({"id": id, "result": None})
            case {"method": "textDocument/publishDiagnostics", "params": params}:
                self.published.put(params)
            case {"method": "window/showMessage", "params": {"message": text}}:
                self.messages.append(text)
            case {"method": _, "id": id}:
                self.send({"id": id, "result": None})
            case {"method": _}:
                pass
            case _:
                self.published_before_answer = self.published.qsize()
                self._answers.put(message)

    def answer(self, asked: Json) -> None:
        """Answer a request for the settings."""
        self.send({"id": asked["id"], "result": [self.settings for _ in asked["params"]["items"]]})

    # --- what an editor does

    def ask(self, method: str, **params: Any) -> Any:
        """The result of a request; an error answer fails."""
        self._last += 1
        self.send({"id": self._last, "method": method, "params": params or None})
        while (answer := self._answers.get(timeout=WAIT))["id"] != self._last:
            pass
        assert "error" not in answer, answer["error"]
        return answer.get("result")

    def tell(self, method: str, **params: Any) -> None:
        self.send({"method": method, "params": params})

    def start(self, capabilities: Json = RICH, root: Path | None = None, options: Any = None) -> Json:
        """Shake hands; what the server can do."""
        uri = root.as_uri() if root else None
        result: Json = self.ask(
            "initialize", processId=os.getpid(), rootUri=uri, capabilities=capabilities, initializationOptions=options
        )
        self.tell("initialized")
        return result["capabilities"]

    def open(self, uri: str, text: str, language: str = "markdown", version: int = 1) -> list[Json]:
        """Open a document; its diagnostics."""
        self.tell(
            "textDocument/didOpen", textDocument={"uri": uri, "languageId": language, "version": version, "text": text}
        )
        return self.diagnostics(uri, version)

    def change(self, uri: str, version: int, *texts: str) -> None:
        changes = [{"text": text} for text in texts]
        self.tell("textDocument/didChange", textDocument={"uri": uri, "version": version}, contentChanges=changes)

    def diagnostics(self, uri: str, version: int | None = None) -> list[Json]:
        """The next that are published for a document, at this version of it."""
        while True:
            found = self.published.get(timeout=WAIT)
            if found["uri"] == uri and (version is None or found.get("version") == version):
                return list(found["diagnostics"])

    def actions(self, uri: str, range: Json, **context: Any) -> list[Json]:
        found = self.ask(
            "textDocument/codeAction", textDocument={"uri": uri}, range=range, context={"diagnostics": [], **context}
        )
        return list(found)

    def edits(self, action: Json) -> list[Json]:
        """The text edits of an action, of one document; asked for if they are not there yet."""
        whole = action if "edit" in action else self.ask("codeAction/resolve", **action)
        match whole.get("edit"):
            case {"documentChanges": [{"edits": edits}]}:
                return list(edits)
            case {"changes": changes}:
                (edits,) = changes.values()
                return list(edits)
        return []

    def stop(self) -> int:
        """Leave as one should; the exit status."""
        self.ask("shutdown")
        self.tell("exit")
        return self.wait()

    def wait(self) -> int:
        status = self.server.wait(WAIT)
        for thread in self._threads:
            thread.join(WAIT)
        for stream in (self.server.stdin, self.server.stdout, self.server.stderr):
            if stream is not None:
                stream.close()
        return status


@contextmanager
def editor(*arguments: str, **options: Any) -> Iterator[Editor]:
    """An editor whose server is not left behind."""
    found = Editor(*arguments, **options)
    try:
        yield found
    finally:
        if found.server.poll() is None:
            found.server.kill()
            found.wait()


def offset_of(text: str, place: Json, encoding: str = "utf-16") -> int:
    """Where a place is in a text; by the letter of the specification."""
    starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text))]
    start = starts[place["line"]]
    line = re.split(r"[\r\n]", text[start:], maxsplit=1)[0]
    units = line.encode(CODEC[encoding], "surrogatepass")
    assert place["character"] * WIDTH[encoding] <= len(units)
    return start + len(units[: place["character"] * WIDTH[encoding]].decode(CODEC[encoding], "surrogatepass"))


def at(text: str, range: Json, encoding: str = "utf-16") -> str:
    return text[offset_of(text, range["start"], encoding) : offset_of(text, range["end"], encoding)]


def edited(text: str, edits: list[Json], encoding: str = "utf-16") -> str:
    """The text with edits made as editors make them: all at once, none over another."""
    ends = ("start", "end")
    spans = [(*(offset_of(text, edit["range"][end], encoding) for end in ends), edit["newText"]) for edit in edits]
    spans.sort(key=lambda span: span[0])
    result, last = "", 0
    for start, end, new in spans:
        assert last <= start <= end
        result += text[last:start] + new
        last = end
    return result + text[last:]
