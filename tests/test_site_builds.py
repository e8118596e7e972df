"""Real builds: sources whose spoilers stand in every construct are blurred in place and still build; the built pages
hide them, `check --site` passes on the clean build and names each leak that is planted."""

from __future__ import annotations

from html import unescape
import json
from pathlib import Path
import re
import sys

from building import compiled, run
from commands import invoke
import pytest
from test_blogs import blocks
from texts import HARMLESS, SPOILERS
from tools import program, script

import spoilerguard as sg
from spoilerguard.site import check_site

A, B, C, D, E = SPOILERS
FINE = HARMLESS[1]
DESCRIPTION = "A slow film about a village in winter."

# Bodies in Markdown that every generator reads; each hides what it has of `SPOILERS`.
BODIES = {
    "paragraphs": f"{A}\n\n{FINE} *{B}* {FINE}\n\n{C}\n\n{D}\n",
    "heading": f"## {A}\n\n{FINE}\n\n{B}\n",
    "list": f"- {FINE}\n- {A}\n- **{B}**\n\n1. {FINE}\n\n   {C}\n",
    "quotation": f"> {FINE}\n>\n> {A}\n\n> [!WARNING]\n> {B}\n",
    "link": f"[{A}](https://example.org/) {FINE} [{B}][to]\n\n[to]: https://example.org/\n",
    "footnote": f"{FINE}[^1]\n\n{A}[^2]\n\n[^1]: {B}\n[^2]: {FINE}\n",
    "sections": f"## The Long Rain\n\n{A}\n\n## The Quarry\n\n{B} {FINE}\n\n### Nine Lanterns\n\n{C}\n",
}
TABLE = f"| film | end |\n|------|-----|\n| Rain | {A} |\n| Mill | {B} |\n"


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", unescape(re.sub(r"<[^>]*>", " ", text))))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def blurred(*paths: Path, style: str = "html") -> None:
    """Hide what is found in these drafts, in place; and again, which changes nothing."""
    for path in paths:
        for _ in range(2):
            before = path.read_bytes()
            ran = invoke("blur", path, "--in-place", "--style", style, "--threshold", "0.2", "--quiet")
            assert ran.exit_code == 0, ran.output
        assert path.read_bytes() == before


def hides(page: Path, guard: sg.Guard) -> bool:
    """Whether a page hides the spoilers that it holds, and shows the rest."""
    html = page.read_text(encoding="utf-8")
    shown = words(guard.flag(html, format="html").document.prose)
    return words(FINE) in shown and not any(words(spoiler) in shown for spoiler in SPOILERS)


def leaks(site: Path) -> set[tuple[str, str]]:
    """Where a built site tells what a page hides: file, and what in it."""
    report = check_site(str(site))
    assert report.unread == []
    assert report.pages > 0
    return {(leak.path, leak.where) for leak in report.leaks}


# --- Hugo -----------------------------------------------------------------------------------------

FRONT_MATTER = {
    "yaml": f"---\ntitle: A review\ndescription: {DESCRIPTION}\n---\n",
    "yaml-blank": f'---\n\n"title": A review\ndescription: "{DESCRIPTION}"\n---\n',
    "toml": f"+++\n\ntitle = 'A review'\ndescription = '{DESCRIPTION}'\n[params]\nx = 1\n+++\n",
    "json": json.dumps({"title": "A review", "description": DESCRIPTION}, indent=2) + "\n",
    "json-line": json.dumps({"title": "A review", "description": DESCRIPTION}) + "\n",
    "org": f"#+title: A review\n#+tags[]: film slow\n#+description: {DESCRIPTION}\n",
}
DEFINITIONS = f"The Mill\n: {A}\n\nRain\n: {FINE}\n: {B}\n"
HUGO = {
    "table": TABLE,
    "definitions": DEFINITIONS,
    "shortcodes": f'{{{{< figure src="a.jpg" caption="A boat at dusk." >}}}}\n\n{{{{% notice warning %}}}}\n{A}\n'
    f"{{{{% /notice %}}}}\n\n{{{{< box >}}}}{B}{{{{< /box >}}}}\n",
    "details": f'{{{{< details summary="End" >}}}}\n{A}\n{{{{< /details >}}}}\n\n{B}\n',
    "html": f"<div>\n{A}\n</div>\n\n<p>{B}</p>\n",
}


def hugo(folder: Path, search: str = "{{ .Summary | plainify }}", description: str = "{{ .Description }}") -> Path:
    """A site with posts of every kind, its feed and a search index; where it is built to."""
    program("hugo")
    write(
        folder / "config.toml",
        "baseURL = 'https://blog.example/'\ntitle = 'Blog'\n[markup.goldmark.renderer]\nunsafe = true\n"
        "[outputs]\nhome = ['HTML', 'RSS', 'JSON']\n",
    )
    layouts = folder / "layouts"
    head = f'<title>{{{{ .Title }}}}</title><meta name="description" content="{description}">'
    write(layouts / "_default/single.html", f"<html><head>{head}</head><body>{{{{ .Content }}}}</body></html>")
    write(
        layouts / "_default/list.html", "<html><body>{{ range .Pages }}<li>{{ .Summary }}</li>{{ end }}</body></html>"
    )
    text = search.strip("{} ")
    one = f'{{{{ dict "url" .RelPermalink "text" ({text}) | jsonify }}}}'
    each = "{{ range $i, $p := .Site.RegularPages }}{{ if $i }},{{ end }}{{ with $p }}" + one + "{{ end }}{{ end }}"
    write(layouts / "index.json", f"[{each}]")
    write(
        layouts / "index.html",
        "<html><body>{{ range .Site.RegularPages }}<li>{{ .Summary }}</li>{{ end }}</body></html>",
    )
    write(layouts / "shortcodes/notice.html", '<div class="notice">{{ .Inner }}</div>')
    write(layouts / "shortcodes/box.html", "<div>{{ .Inner }}</div>")
    write(layouts / "shortcodes/details.html", "<details><summary>{{ .Get `summary` }}</summary>{{ .Inner }}</details>")
    posts = []
    for number, (name, body) in enumerate((BODIES | HUGO).items()):
        matter = list(FRONT_MATTER.values())[number % len(FRONT_MATTER)]
        more = "# more" if matter.startswith("#+") else "<!--more-->"  # where the summary ends
        posts.append(write(folder / "content/posts" / f"{name}.md", f"{matter}\n{FINE}\n\n{more}\n\n{body}"))
    blurred(*posts)
    run("hugo", "--quiet", folder=folder)
    return folder / "public"


def test_hugo(tmp_path: Path, fast: sg.Guard) -> None:
    public = hugo(tmp_path / "clean")
    for name in BODIES | HUGO:
        page = public / "posts" / name / "index.html"
        assert hides(page, fast), page.read_text(encoding="utf-8")
        assert DESCRIPTION in page.read_text(encoding="utf-8")
    assert len(json.loads((public / "index.json").read_text(encoding="utf-8"))) == len(BODIES | HUGO)
    assert (public / "index.xml").is_file()
    assert leaks(public) == set()
    planted = hugo(tmp_path / "planted", search="{{ .Plain }}", description="{{ .Plain }}")
    write(planted / "about" / "index.html", f"<html><body><img src='a.png' alt='{A}'><p>{B}</p></body></html>")
    found = leaks(planted)
    assert {("index.json", "key 'text'"), ("about/index.html", "alt"), ("about/index.html", "text")} <= found
    assert ("posts/list/index.html", "content") in found


# --- Jekyll ---------------------------------------------------------------------------------------

JEKYLL = {
    "table": TABLE,
    "definitions": DEFINITIONS,
    "kramdown": f"{A}\n{{: .note}}\n\n{{::comment}}\nNothing.\n{{:/comment}}\n\n{B}\n",
    "highlight": f"{{% highlight python %}}\nx = 1\n{{% endhighlight %}}\n\n{{{{ 'Fine.' | upcase }}}} {A}\n",
    "liquid": f'{{% include figure.html caption="A boat at dusk." %}}\n\n{{% comment %}}x{{% endcomment %}}\n\n{A}\n',
}


def jekyll(folder: Path, feed: str, described: str) -> Path:
    program("jekyll")
    write(folder / "_config.yml", "title: Blog\n")
    write(folder / "_includes/figure.html", "<figure>{{ include.caption }}</figure>")
    head = f'<head><meta property="og:description" content="{described}"></head>'
    write(folder / "_layouts/post.html", f"<html>{head}<body>{{{{ content }}}}</body></html>")
    each = f"{{% for post in site.posts %}}<item><description>{feed}</description></item>{{% endfor %}}"
    write(folder / "feed.xml", f"---\n---\n<rss><channel>{each}</channel></rss>")
    posts = [
        write(folder / "_posts" / f"2026-01-02-{name}.md", f"---\nlayout: post\ntitle: T\n---\n\n{FINE}\n\n{body}")
        for name, body in (BODIES | JEKYLL).items()
    ]
    blurred(*posts)
    run("jekyll", "build", "--quiet", folder=folder)
    return folder / "_site"


def test_jekyll(tmp_path: Path, fast: sg.Guard) -> None:
    excerpt = "{{ post.excerpt | xml_escape }}"
    public = jekyll(tmp_path / "clean", excerpt, "{{ page.excerpt | strip_html | strip | escape }}")
    for name in BODIES | JEKYLL:
        page = public / "2026" / "01" / "02" / f"{name}.html"
        assert hides(page, fast), page.read_text(encoding="utf-8")
    assert leaks(public) == set()
    planted = jekyll(tmp_path / "planted", "{{ post.content | xml_escape }}", "{{ content | strip_html | escape }}")
    found = leaks(planted)
    assert ("feed.xml", "element") in found
    assert ("2026/01/02/list.html", "content") in found


# --- MkDocs ---------------------------------------------------------------------------------------

MKDOCS = {
    "table": TABLE,
    "admonition": f'!!! note "On the ending"\n\n    {FINE}\n\n    {A}\n\n!!! danger\n    {B}\n',
    "folded": f'??? note "On the ending"\n\n    {A}\n\n???+ tip\n\n    {FINE}\n\n    - {B}\n',
    "tabs": f'=== "Plot"\n\n    {A}\n\n    !!! note\n\n        {B}\n\n=== "Cast"\n\n    {FINE}\n',
}


def mkdocs(folder: Path, settings: str) -> Path:
    write(
        folder / "mkdocs.yml",
        f"site_name: Blog\nsite_url: https://blog.example/\n{settings}\n"
        "markdown_extensions: [admonition, attr_list, footnotes, pymdownx.details, pymdownx.tabbed, tables]\n",
    )
    pages = [
        write(folder / "docs" / f"{name}.md", f"# T\n\n{FINE}\n\n{body}") for name, body in (BODIES | MKDOCS).items()
    ]
    write(folder / "docs/index.md", f"# Home\n\n{FINE}\n")
    blurred(*pages)
    run(sys.executable, "-m", "mkdocs", "build", "--quiet", folder=folder)
    return folder / "site"


def test_mkdocs(tmp_path: Path, fast: sg.Guard) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("pymdownx")
    public = mkdocs(tmp_path / "clean", "plugins: []")
    for name in BODIES | MKDOCS:
        page = public / name / "index.html"
        assert hides(page, fast), page.read_text(encoding="utf-8")
    for name, mark in {"admonition": "admonition note", "folded": "tip", "tabs": "tabbed-set"}.items():
        assert f'class="{mark}' in (public / name / "index.html").read_text(encoding="utf-8")
    assert leaks(public) == set()
    # Its search index holds all text of a page, hidden or not, unless the hook of the page for blogs is there.
    assert leaks(mkdocs(tmp_path / "search", "plugins: [search]")) == {("search/search_index.json", "key 'text'")}
    (hook,), (settings,) = blocks("python", "MkDocs"), blocks("yaml", "MkDocs")
    write(tmp_path / "hooked" / "hooks" / "spoilers.py", hook)
    public = mkdocs(tmp_path / "hooked", f"plugins: [search]\n{settings}")
    assert leaks(public) == set()
    index = json.loads((public / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
    assert words(FINE) in words(next(entry["text"] for entry in index if entry["location"] == "tabs/"))
    assert all(hides(public / name / "index.html", fast) for name in BODIES | MKDOCS)


# --- Eleventy -------------------------------------------------------------------------------------


ELEVENTY = {"table": TABLE, "raw": f"{{% raw %}}{{{{ x }}}}{{% endraw %}}{{# nothing #}}\n\n{A}\n"}


def eleventy(folder: Path, feed: str) -> Path:
    command = script("@11ty/eleventy") / "cmd.cjs"
    write(folder / "_includes/post.njk", "<html><body>{{ content | safe }}</body></html>")
    each = f"{{% for post in collections.post %}}<entry><content>{feed}</content></entry>{{% endfor %}}"
    write(folder / "feed.njk", f"---\npermalink: /feed.xml\n---\n<feed>{each}</feed>")
    data = {"layout": "post.njk", "tags": "post", "summary": DESCRIPTION}
    forms = [
        "---\n" + "".join(f"{key}: {value}\n" for key, value in data.items()) + "---\n",
        f"---json\n{json.dumps(data)}\n---\n",
        f"---js\n{json.dumps(data, indent=2)}\n---\n",
    ]
    for number, (name, body) in enumerate((BODIES | ELEVENTY).items()):
        blurred(write(folder / f"{name}.md", f"{forms[number % len(forms)]}\n{FINE}\n\n{body}"))
    run(program("node"), str(command), "--quiet", folder=folder)
    return folder / "_site"


def test_eleventy(tmp_path: Path, fast: sg.Guard) -> None:
    public = eleventy(tmp_path / "clean", "{{ post.data.summary }}")
    for name in BODIES | ELEVENTY:
        page = public / name / "index.html"
        assert hides(page, fast), page.read_text(encoding="utf-8")
    assert leaks(public) == set()
    assert leaks(eleventy(tmp_path / "planted", "{{ post.content }}")) == {("feed.xml", "element")}


# --- MDX ------------------------------------------------------------------------------------------

MDX = {
    "components": f"<Card>\n\n    {A}\n\n</Card>\n\n<Tabs>\n  <TabItem value={{1}}>\n\n    - {FINE}\n    - {B}\n\n"
    "  </TabItem>\n</Tabs>\n",
    "code": f"export const blurb = 'A slow film.'\n\n{{/* a comment */}}\n\n{A} {{1 + 1}}\n",
}


def test_mdx(tmp_path: Path, fast: sg.Guard) -> None:
    drafts = [write(tmp_path / f"{name}.mdx", f"# T\n\n{FINE}\n\n{body}") for name, body in (BODIES | MDX).items()]
    blurred(*drafts)
    results = compiled([path.read_text(encoding="utf-8") for path in drafts])
    site = tmp_path / "site"
    for path, result in zip(drafts, results, strict=True):
        assert "error" not in result, (path.read_text(encoding="utf-8"), result["error"])
        page = write(site / f"{path.stem}.html", f"<html><body>{result['html']}</body></html>")
        assert hides(page, fast), result["html"]
    assert leaks(site) == set()
    write(site / "search.json", json.dumps([{"body": " ".join(result["text"])} for result in results]))
    assert leaks(site) == {("search.json", "key 'body'")}
