"""A built site: text that one page hides must not stand in the clear in another place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from commands import invoke
import pytest
from timing import lines

from spoilerguard.errors import InputError
from spoilerguard.site import check_site

SECRET = "In the end Marek drowns his own brother in the old quarry."
PAGE = f"""<!doctype html><html><head><title>The Quarry</title></head><body><article>
<p>A slow film about two brothers.</p>
<p><span class="spoiler">{SECRET}</span></p>
</article></body></html>
"""
HEAD = "<!doctype html><html><head>{}</head><body>{}</body></html>"


def site(folder: Path, **more: str | bytes) -> Path:
    """A site whose page hides the secret, and another file; its name has `_` for each dot and `__` for each slash."""
    (folder / "quarry").mkdir()
    (folder / "quarry" / "index.html").write_text(PAGE, encoding="utf-8")
    for name, content in more.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


PLANTED: dict[str, tuple[str, str | bytes, str]] = {  # file, content, and where the text is
    "description": ("index_html", HEAD.format(f'<meta name="description" content="{SECRET}">', ""), "content"),
    "og": ("index_html", HEAD.format(f"<meta property='og:description' content='{SECRET}'>", ""), "content"),
    "alt": ("index_html", HEAD.format("", f'<img src="a.png" alt="{SECRET}">'), "alt"),
    "link title": ("index_html", HEAD.format("", f'<a href="/" title="{SECRET}">x</a>'), "title"),
    "page title": ("index_html", HEAD.format(f"<title>{SECRET}</title>", ""), "title"),
    "excerpt": ("index_html", HEAD.format("", f"<ul><li>Read more: {SECRET[:48]}…</li></ul>"), "text"),
    "other page": (
        "tags__film_html",
        HEAD.format("", f"<p>{SECRET.replace('his own', 'his <em>own</em>')}</p>"),
        "text",
    ),
    "comment": ("index_html", HEAD.format("", f"<!-- {SECRET} -->"), "comment"),
    "noscript": ("index_html", HEAD.format("", f"<noscript>{SECRET}</noscript>"), "noscript"),
    "json-ld": (
        "index_html",
        HEAD.format(f'<script type="application/ld+json">{json.dumps({"reviewBody": SECRET})}</script>', ""),
        "JSON-LD",
    ),
    "rss": (
        "index_xml",
        f"<rss><channel><item><description>&lt;p>{SECRET}&lt;/p></description></item></channel></rss>",
        "element",
    ),
    "rss keeps what only a page hides": (
        "feed_xml",
        f'<rss><channel><item><description><![CDATA[<span class="spoiler">{SECRET}</span>]]></description></item></channel></rss>',  # noqa: E501
        "element",
    ),
    "atom": ("atom_xml", f"<feed><entry><content type='html'>{SECRET}</content></entry></feed>", "element"),
    "sitemap": ("sitemap_xml", f"<urlset><url><caption>{SECRET}</caption></url></urlset>", "element"),
    "mkdocs": ("search__search.index_json".replace(".", "_"), json.dumps({"docs": [{"text": SECRET}]}), "key 'text'"),
    "hugo": ("index_json", json.dumps([{"content": f"<p>{SECRET}</p>"}]), "key 'content'"),
    "lunr": ("lunr_js", f"window.store = {json.dumps([{'body': SECRET}])};", "script"),
    "pagefind": (
        "pagefind__fragment__en_pf_fragment".replace("_pf_fragment", ".pf!fragment"),
        gzip.compress(b"pagefind_dcd" + json.dumps({"content": SECRET}).encode()),
        "key 'content'",
    ),
    "text": ("llms_txt", f"# Site\n\n{SECRET}\n", "text"),
    "description for screen readers": (
        "index_html",
        HEAD.format("", f"<i aria-description='{SECRET}'>x</i>"),
        "aria-description",
    ),
    "nested document": ("index_html", HEAD.format("", f'<iframe srcdoc="&lt;p>{SECRET}&lt;/p>"></iframe>'), "srcdoc"),
    "outline": ("blogroll_opml", f'<opml><body><outline text="{SECRET}"/></body></opml>', "attribute"),
    "drawing": ("map_svg", f"<svg><title>{SECRET}</title></svg>", "element"),
    "lines of json": ("search_jsonl", f'{{"t": "x"}}\n{{"t": "{SECRET}"}}\n', "script"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_each_planted_leak_is_found_with_file_and_page(kind: str, tmp_path: Path) -> None:
    name, content, where = PLANTED[kind]
    site(tmp_path)
    path = tmp_path / name.replace("__", "/").replace("_", ".").replace("!", "_")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (leak,) = check_site(str(tmp_path)).leaks
    assert (leak.path, leak.where) == (path.relative_to(tmp_path).as_posix(), where)
    assert (leak.page, leak.page_line) == ("quarry/index.html", 3)


@pytest.mark.parametrize(
    "content",
    [
        HEAD.format("", "<p>Marek and his brother at the quarry: a slow film.</p>"),
        HEAD.format("", f"<details><summary>Spoiler</summary>{SECRET}</details>"),
        HEAD.format("", f"<div hidden>{SECRET}</div>"),
        HEAD.format("", f"<iframe srcdoc='<p hidden>{SECRET}</p>'></iframe>"),
    ],
)
def test_a_clean_site_passes(content: str, tmp_path: Path) -> None:
    assert check_site(str(site(tmp_path, index_html=content))).leaks == []


def test_the_same_page_may_not_show_what_it_hides(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(PAGE.replace("A slow", f"{SECRET} A slow"), encoding="utf-8")
    (leak,) = check_site(str(tmp_path)).leaks
    assert (leak.path, leak.line, leak.page) == ("index.html", 2, "index.html")


def test_the_work_grows_with_the_size_of_the_site(tmp_path: Path) -> None:
    counted = []
    for count in (10, 20, 40):
        folder = tmp_path / str(count)
        for number in range(count):
            (folder / f"p{number}").mkdir(parents=True)
            text = PAGE.replace("Marek", f"Marek{number}").replace("brothers", "brothers and a quarry " * 50)
            (folder / f"p{number}" / "index.html").write_text(text, encoding="utf-8")
        report = check_site(str(folder))
        assert (report.pages, report.hidden, report.leaks) == (count, count, [])
        counted.append(lines(lambda name: check_site(name), str(folder)))
    few, more, most = counted
    assert more - few == pytest.approx((most - more) / 2, rel=0.02)


def test_the_command(tmp_path: Path) -> None:
    site(tmp_path)
    clean = invoke("check", "--site", tmp_path)
    assert (clean.exit_code, clean.stdout) == (0, "")
    (tmp_path / "feed.xml").write_text(f"<rss>\n<item><title>{SECRET}</title></item></rss>", encoding="utf-8")
    leaky = invoke("check", "--site", tmp_path)
    assert (leaky.exit_code, leaky.stdout) == (1, "feed.xml:2: element: shows what quarry/index.html:3 hides\n")
    assert "1 leak in" in leaky.stderr
    assert "drowns" in invoke("check", "--site", tmp_path, "--show-text").stdout
    (tmp_path / "bad.json").write_bytes(gzip.compress(b"x" * 999)[:20] + b"\xff" * 9)
    assert invoke("check", "--site", tmp_path).exit_code == 2
    assert invoke("check").exit_code == 2
    assert invoke("check", "--site", tmp_path, "x.md").exit_code == 2


def test_the_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site(tmp_path, feed_xml=f"<rss>\n<item><title>{SECRET}</title></item></rss>", index_json=json.dumps({"a": SECRET}))
    ran = invoke("check", "--site", tmp_path, "--format", "json")
    assert ran.exit_code == 1
    found = json.loads(ran.stdout)
    page = {"page": "quarry/index.html", "page_line": 3}
    assert found == {
        "version": 1,
        "site": str(tmp_path),
        "files": 3,
        "pages": 1,
        "hidden": 1,
        "leaks": [
            {"path": "feed.xml", "line": 2, "where": "element", **page, "text": found["leaks"][0]["text"]},
            {"path": "index.json", "line": None, "where": "key 'a'", **page, "text": found["leaks"][1]["text"]},
        ],
        "errors": [],
    }
    assert found["leaks"][0]["text"] == "in the end marek drowns his own brother"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    lines = invoke("check", "--site", tmp_path, "--format", "github").stdout.splitlines()
    why = "shows what quarry/index.html:3 hides"
    assert lines == [
        f"::warning file=feed.xml,line=2,title=Hidden text in the clear::element: {why}",
        f"::warning file=index.json,title=Hidden text in the clear::key 'a': {why}",
    ]
    refused = invoke("check", "--site", tmp_path, "--format", "sarif")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "choose from text, json, github" in refused.stderr


@pytest.mark.parametrize(
    "told",
    [
        SECRET.replace("his own", "his <span class=spoiler>only</span> own"),
        SECRET.replace("his own", "<script>a || b</script>his <b>own</b>"),
        SECRET.upper().replace("'", "’"),
        SECRET.replace(" ", "&#32;").replace("M", "&#x4d;"),
    ],
)
def test_a_text_is_found_however_it_is_written(told: str, tmp_path: Path) -> None:
    site(tmp_path, index_html=HEAD.format("", f"<p>{told}</p>"))
    assert [leak.path for leak in check_site(str(tmp_path)).leaks] == ["index.html"]


def test_a_folder_without_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pages in it; build the site first"):
        check_site(str(tmp_path))
    with pytest.raises(InputError, match="not a folder"):
        check_site(str(tmp_path / "none"))
