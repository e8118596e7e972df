"""A real browser: Debian's Chromium, pages of a strict content security policy, axe-core (`make tools`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
import pytest
from tools import program, script
from waiting import WAIT

from spoilerguard.hiding import accessible_html

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'"
expect.set_options(timeout=WAIT * 1000)
# A pixel, for images.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415478da63606060000000040001"
    "f61738550000000049454e44ae426082"
)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is."""
    return program("chromium")


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """What axe-core finds wrong with a page: the rule and the element."""
    source = (script("axe-core") / "axe.min.js").read_text(encoding="utf-8")

    def run(page: Page) -> list[str]:
        page.evaluate(source)
        found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
        return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]

    return run


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser a module: its event loop must be gone before other tests start theirs."""
    # What is drawn again in part may differ in a pixel from what is drawn at once.
    arguments = ["--no-sandbox", "--disable-partial-raster"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@dataclass
class Site:
    """A small blog: every page has the strict policy. Opening one gives it a context of its own."""

    address: str
    browser: Browser
    files: dict[str, bytes]
    contexts: list[BrowserContext] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(
        self, body: str, *, styled: bool = True, scripted: bool = True, css: str = "", at: str = "", **options: Any
    ) -> Page:
        """A page with this body, in a context with these options; `at` is a fragment (`#...`)."""
        number = len(self.contexts)
        self.files[f"/theme{number}.css"] = (THEME + css).encode()
        links = f'<link rel="stylesheet" href="/theme{number}.css">'
        if styled:
            links += '<link rel="stylesheet" href="/spoilerguard.css">'
        if scripted:
            links += '<script defer src="/spoilerguard.js"></script>'
        self.files[f"/page{number}"] = HTML.format(links=links, body=body).encode()
        options = {"viewport": {"width": 800, "height": 600}, "reduced_motion": "reduce"} | options
        context = self.browser.new_context(**options)
        self.contexts.append(context)
        context.set_default_timeout(WAIT * 1000)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(f"{self.address}/page{number}{at}")
        return page


HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A review</title>
<link rel="icon" href="/image.png">
{links}
</head>
<body><main>
<h1>A review</h1>
{body}
</main></body>
</html>
"""
# A theme as themes are: it styles every button, and takes no heed of ours.
THEME = """
body { background: #fff; color: #222; font: 18px/1.6 "DejaVu Sans", sans-serif; margin: 0 auto; max-width: 40rem }
main { padding: 1rem }
a { color: #0645ad }
main button { background: #06c; border: 0; color: #fff; padding: 1em; text-transform: uppercase }
img, video { max-width: 100% }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #ddd } a { color: #8bf } }
"""


def _handler(files: Mapping[str, bytes]) -> type[BaseHTTPRequestHandler]:
    kinds = {"css": "text/css", "js": "text/javascript", "png": "image/png"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = files.get(self.path)
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", kinds.get(self.path.rpartition(".")[2], "text/html; charset=utf-8"))
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture(scope="module")
def _server() -> Iterator[tuple[str, dict[str, bytes]]]:
    files = {f"/{name}": accessible_html.asset(name).encode() for name in accessible_html.ASSETS} | {"/image.png": PNG}
    files["/elsewhere"] = b"<!doctype html><link rel=icon href=/image.png><title>Elsewhere</title>"
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(files)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", files
        server.shutdown()


@pytest.fixture
def site(browser: Browser, _server: tuple[str, dict[str, bytes]]) -> Iterator[Site]:
    """Pages for one test; that none broke the policy or threw an error is part of the test."""
    site = Site(_server[0], browser, _server[1])
    yield site
    for context in site.contexts:
        context.close()
    assert site.complaints == []
