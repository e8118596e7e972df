"""The snippets of the page for blogs: each is run by the program that it is for, where that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import os
from pathlib import Path
import re
import shlex
import shutil
import subprocess
import sys
from threading import Thread
import tomllib
from typing import Any

from offline import ROOT, command
import pytest
from texts import HARMLESS, SPOILERS
from tools import program
from typer.testing import CliRunner
from waiting import WAIT
import yaml

import spoilerguard as sg
from spoilerguard.cli import app
from spoilerguard.hiding.accessible_html import ASSETS

PAGE = (ROOT / "spoilerguard" / "assets" / "blogs.md").read_text(encoding="utf-8")
GIT = "Posts in a git repository"
POST = f"{HARMLESS[1]}\n\n<!--more-->\n\n{SPOILERS[0]}\n\n{HARMLESS[2]}\n"


def blocks(language: str, section: str = "") -> list[str]:
    """The snippets in a language, of the section with this heading or of all."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0] if section else PAGE
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def commands(section: str = "") -> list[str]:
    lines = [line[2:] for block in blocks("console", section) for line in block.splitlines()]
    return [line for line in lines if line.startswith("spoilerguard ")]


def run(line: str) -> None:
    result = CliRunner().invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output


def build(*words: str, folder: Path) -> None:
    path = os.pathsep.join((str(command(folder.parent / "bin")), os.environ["PATH"]))
    ran = subprocess.run(
        words, cwd=folder, env=os.environ | {"PATH": path, "LANG": "C.UTF-8"}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def hides(html: str) -> bool:
    """Whether the page holds the spoiler, none of it where readers see it, and shows the rest."""
    report = sg.flag(html, format="html", threshold=0.0)
    shown = " ".join(sentence.text for sentence in report.sentences)
    return SPOILERS[0] in html and "Mira" not in shown and bool(report.hidden) and HARMLESS[2] in shown


# --- the page -----------------------------------------------------------------------------------


def test_every_snippet_is_of_a_language_that_is_tested_here() -> None:
    languages = set(re.findall(r"^```([a-z-]+)$", PAGE, re.M))
    assert languages == {"html", "yaml", "console", "toml", "go-html-template", "ruby", "php", "python"}
    assert PAGE.count("\n```") == 2 * sum(len(blocks(language)) for language in languages)


def test_the_hook_and_the_action_are_used_as_they_are() -> None:
    commit, workflow = map(yaml.safe_load, blocks("yaml", GIT))
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (used,) = commit["repos"][0]["hooks"]
    assert used["id"] == hook["id"]
    step = workflow["jobs"]["check"]["steps"][-1]
    folder = step["uses"].partition("@")[0].removeprefix("OWNER/spoilerguard/")
    action = yaml.safe_load((ROOT / folder / "action.yml").read_text(encoding="utf-8"))
    assert step["with"].keys() <= action["inputs"].keys()


@pytest.mark.parametrize(("number", "schema"), [(0, "vendor.pre-commit-config"), (1, "vendor.github-workflows")])
def test_yaml_is_valid_by_its_schema(tmp_path: Path, number: int, schema: str) -> None:
    path = write(tmp_path / "snippet.yaml", blocks("yaml", GIT)[number])
    if schema == "vendor.pre-commit-config":
        check = [sys.executable, "-m", "pre_commit", "validate-config", str(path)]
    else:
        check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    ran = subprocess.run(check, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_head_of_a_page_loads_what_assets_writes() -> None:
    heads = blocks("html")
    assert len(heads) == 2
    for head in heads:
        assert re.findall(r'(?:href|src)="/[a-z]+/([^"]+)"', head) == list(ASSETS)


@pytest.mark.parametrize("section", ["Hugo", "Ghost", "Discourse"])
def test_commands_run(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("content/posts/review.md", "review.md", "post.md"):
        write(tmp_path / name, POST)
    write(tmp_path / "posts.csv", f'id,topic_id,raw\n7,2,"**{HARMLESS[1]}** {SPOILERS[0]}"\n8,2,{HARMLESS[2]}\n')
    lines = commands(section)
    assert lines
    for line in lines:
        run(line)
    if section == "Discourse":
        (found,) = map(json.loads, (tmp_path / "found.jsonl").read_text(encoding="utf-8").splitlines())
        assert found["id"] == "7"
        assert found["blurred"] == f"**{HARMLESS[1]}** [spoiler]{SPOILERS[0]}[/spoiler]"
        assert f"[spoiler]{SPOILERS[0]}[/spoiler]" in (tmp_path / "hidden.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("line", re.findall(r"`(spoilerguard (?:assets|scan) [^`]+)`", PAGE))
def test_a_command_in_the_text_runs(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "tests" / "archives" / "wordpress" / "good.xml", "export.xml")
    run(line)
    assert (tmp_path / shlex.split(line)[shlex.split(line).index("-o") + 1]).exists()


# --- Ghost --------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["html", "details", "placeholder"])
def test_a_markdown_card_of_ghost_hides(style: str) -> None:
    """Ghost renders it with markdown-it, HTML let through."""
    from markdown_it import MarkdownIt

    assert style == "html" or f"--style {style}" in PAGE
    blurred = sg.blur(POST, format="markdown", style=style)
    html = MarkdownIt("commonmark", {"html": True}).render(blurred)
    if style == "placeholder":
        assert SPOILERS[0] not in html
    else:
        assert hides(html)


# --- Hugo ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["html", "hugo"])
def test_hugo_hides(tmp_path: Path, style: str) -> None:
    hugo = program("hugo")
    site = tmp_path / "site"
    raw = blocks("toml", "Hugo")[0]
    assert tomllib.loads(raw)["markup"]["goldmark"]["renderer"] == {"unsafe": True}
    settings = 'baseURL = "https://blog.example/"\ntitle = "Blog"\n'
    # "config" is how Hugo before 0.110 names it.
    write(site / "config.toml", settings + (raw if style == "html" else ""))
    head = '<head><meta name="description" content="{{ .Summary | plainify }}"></head>'
    write(site / "layouts" / "_default" / "single.html", f"<html>{head}<body>{{{{ .Content }}}}</body></html>")
    write(site / "layouts" / "_default" / "list.html", "{{ range .Pages }}<li>{{ .Summary }}</li>{{ end }}")
    (shortcode,) = blocks("go-html-template", "Hugo")
    name = re.search(r"layouts/\S+", shortcode)
    assert name
    write(site / name[0], shortcode)
    post = write(site / "content" / "posts" / "review.md", f"---\ntitle: A review\n---\n{POST}")
    line = next(line for line in commands("Hugo") if " blur " in line).replace("content/posts/review.md", str(post))
    run(line if style == "html" else f"{line} --style hugo")
    build(hugo, folder=site)
    page = (site / "public" / "posts" / "review" / "index.html").read_text(encoding="utf-8")
    assert hides(page)
    head, _, body = page.partition("</head>")
    assert HARMLESS[1] in head
    assert "Mira" not in head
    if style == "html":
        assert 'class="sg1"' in body
    for elsewhere in ("index.xml", "posts/index.xml", "posts/index.html"):
        text = (site / "public" / elsewhere).read_text(encoding="utf-8")
        assert HARMLESS[1] in text
        assert "Mira" not in text


# --- Jekyll -------------------------------------------------------------------------------------


def test_jekyll_hides(tmp_path: Path) -> None:
    jekyll = program("jekyll")
    site = tmp_path / "site"
    (plugin,) = blocks("ruby")
    write(site / "_plugins" / "spoilerguard.rb", plugin)
    write(site / "_config.yml", "title: Blog\n")
    head = '<head><meta name="description" content="{{ page.excerpt | strip_html | escape }}"></head>'
    write(site / "_layouts" / "post.html", f"<html>{head}<body>{{{{ content }}}}</body></html>")
    each = "{% for post in site.posts %}<li>{{ post.excerpt }}</li>{% endfor %}"
    write(site / "index.html", f"---\n---\n{each}")
    write(site / "feed.xml", f"---\n---\n<feed>{each}</feed>")
    first = f"---\nlayout: post\n---\n{SPOILERS[0]}\n\nCafé. {HARMLESS[2]}\n"
    own = f"---\nlayout: post\nexcerpt: My *own* words.\n---\n{SPOILERS[0]}\n\n{HARMLESS[2]}\n"
    write(site / "_posts" / "2026-01-02-first.md", first)
    write(site / "_posts" / "2026-01-03-own.md", own)
    build(jekyll, "build", "--quiet", folder=site)
    page = (site / "_site" / "2026" / "01" / "02" / "first.html").read_text(encoding="utf-8")
    assert hides(page)
    assert "Café" in page
    assert "Mira" not in page.partition("</head>")[0]
    for elsewhere in ("index.html", "feed.xml"):
        text = (site / "_site" / elsewhere).read_text(encoding="utf-8")
        assert "[Spoiler]" in text
        assert "My *own* words." in text
        assert "Mira" not in text


def test_a_build_of_jekyll_without_spoilerguard_fails(tmp_path: Path) -> None:
    jekyll = program("jekyll")
    site = tmp_path / "site"
    write(site / "_plugins" / "spoilerguard.rb", blocks("ruby")[0].replace('"spoilerguard",', '"no-such-program",'))
    write(site / "_posts" / "2026-01-02-first.md", f"---\n---\n{SPOILERS[0]}\n")
    ran = subprocess.run([jekyll, "build", "--quiet"], cwd=site, capture_output=True)
    assert ran.returncode != 0
    assert not list(site.glob("_site/**/first.html"))


# --- WordPress ----------------------------------------------------------------------------------


@contextmanager
def service(status: int = 200) -> Iterator[int]:
    """The port of a service that answers POST /v1/blur as `spoilerguard serve` does."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/blur"
            assert asked.keys() == {"text", "format", "style"}
            answer = {"text": sg.blur(**asked)} if status == 200 else {"detail": "no"}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def wordpress(folder: Path, port: int, *calls: dict[str, Any]) -> dict[str, Any]:
    """What the plugin makes of these calls: results, requests to the service, files that the page loads."""
    php = program("php")
    (plugin,) = blocks("php")
    assert "127.0.0.1:8765/" in plugin
    path = write(folder / "spoilerguard.php", plugin.replace(":8765/", f":{port}/"))
    harness = ROOT / "tests" / "data" / "blogs" / "wordpress.php"
    words = [php, "-d", "display_errors=stderr", str(harness), str(path)]
    ran = subprocess.run(words, input=json.dumps(calls), capture_output=True, text=True, timeout=WAIT)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


TEXT = f"<p>{SPOILERS[0]}</p>\n\n<p>Café. {HARMLESS[2]}</p>"
CONTENT = {"filter": "the_content", "text": TEXT}
ELSEWHERE = (
    CONTENT | {"feed": True},
    CONTENT | {"within": "get_the_excerpt"},
    {"filter": "comment_text", "text": TEXT, "feed": True},
    {"filter": "comment_text_rss", "text": TEXT, "feed": True},
    {"filter": "get_comment_excerpt", "text": TEXT},
)


def test_wordpress_hides_posts_and_comments(tmp_path: Path) -> None:
    with service() as port:
        answer = wordpress(tmp_path, port, CONTENT, {"filter": "comment_text", "text": TEXT})
    assert all(hides(result) for result in answer["results"])
    assert answer["requests"] == 1, "the second is in the cache"
    assert [os.path.basename(url) for url in answer["loads"]] == list(ASSETS)


def test_wordpress_gives_feeds_and_excerpts_a_placeholder(tmp_path: Path) -> None:
    with service() as port:
        answer = wordpress(tmp_path, port, *ELSEWHERE)
    for result in answer["results"]:
        assert "Mira" not in result
        assert f"Café. {HARMLESS[2]}" in result


@pytest.mark.parametrize("status", [0, 413, 500])
def test_wordpress_folds_away_what_the_service_does_not_answer(tmp_path: Path, status: int) -> None:
    with service(status) as port:
        answer = wordpress(tmp_path, port if status else 1, CONTENT, *ELSEWHERE)
    page, *elsewhere = answer["results"]
    report = sg.flag(page, format="html", threshold=0.0)
    assert report.document.source == f"<details><summary>May hold spoilers</summary>{TEXT}</details>"
    assert [sentence.text for sentence in report.sentences if "Mira" in sentence.text] == []
    assert not any("Mira" in result for result in elsewhere)
    assert answer["requests"] == (1 if status == 0 else 6), "who is away is not asked for every text"


def test_wordpress_leaves_the_dashboard_and_the_empty_alone(tmp_path: Path) -> None:
    with service() as port:
        answer = wordpress(tmp_path, port, CONTENT | {"admin": True}, {"filter": "the_content", "text": " \n"})
    assert answer == answer | {"results": [TEXT, " \n"], "requests": 0}
