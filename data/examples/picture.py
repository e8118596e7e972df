"""The picture at the top of the README, from a real run: a post as its readers get it, beside what was found in it.

    make picture

Needs Chromium (`make tools`) and writes `preview.png` beside this file.
"""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
import shutil
import sys
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from spoilerguard.cli import app

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1180, 600  # in pixels


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed: make tools")
    with TemporaryDirectory() as folder, chdir(HERE), sync_playwright() as playwright:
        preview = Path(folder, "preview.html")
        app(["preview", "the-glass-orchard.md", "-o", str(preview), "--quiet"], standalone_mode=False)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(preview.as_uri())
        heading = page.get_by_role("heading", name="From here on I talk about the end")
        heading.evaluate("heading => window.scrollTo(0, heading.getBoundingClientRect().top + scrollY - 60)")
        page.screenshot(path="preview.png")
        browser.close()


if __name__ == "__main__":
    main()
