"""The page of `preview`: what is in it, what must never be in it, and that its copies are those of `blur`."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
import json
from pathlib import Path
import re
import subprocess
import sys
from typing import Any
import zlib

from hypothesis import given
from hypothesis import strategies as st
import pytest
from texts import REVIEW
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.drafts.decisions import Decided, Decisions, keys_of
from spoilerguard.hiding.ignoring import edits_to_ignore
from spoilerguard.hiding.styles import STYLES
from spoilerguard.model.scoring import KINDS
from spoilerguard.preview.page import FLOOR, preview
from spoilerguard.preview.rendering import render
from spoilerguard.spans import Format
from spoilerguard.text.reading import READERS, Layout, read

HOSTILE = """# A <script>alert(1)</script> heading

The killer is the vicar</script><script>alert(2)</script><!-- and he dies\u2028in the end.

<img src=x onerror=alert(3)> <a href="javascript:alert(4)" onclick="alert(5)">here she dies</a>
<style>*{color:red}</style>

[her brother killed her](javascript:alert(6)) ![he dies](http://example.org/x.png "]]>") `</script><script>alert(7)//`

<!-- <script>alert(8)</script>
"""


def embedded(page: str, name: str) -> str:
    found = re.search(rf'<script type="[^"]+" id="{name}">([^<]*)</script>', page)
    assert found
    return found[1]


def copies(page: str) -> dict[str, Any]:
    return json.loads(zlib.decompress(b64decode(embedded(page, "copies"))))


def copied(page: str, style: str, stop: int) -> str:
    """What the script of the page copies, chunks joined; or says, where a style cannot hide what is here."""
    data, kept = json.loads(embedded(page, "data")), copies(page)
    chosen = kept["styles"][style][data["counts"].index(data["stops"][stop][1])]
    return chosen if isinstance(chosen, str) else "".join(kept["chunks"][at] for at in chosen)


def blurred(guard: sg.Guard, text: str, **options: Any) -> str:
    try:
        return guard.blur(text, **options)
    except sg.LeakError as error:
        return str(error)


@pytest.fixture(scope="module")
def orchard(root: Path) -> str:
    return (root / "data" / "examples" / "the-glass-orchard.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(fast: sg.Guard, orchard: str) -> str:
    return preview(fast, orchard, name="the-glass-orchard.md", format="markdown")


class Elements(HTMLParser):
    """The elements of a page with their attributes; fails where one is not closed as it was opened."""

    VOID = frozenset({"br", "hr", "input", "meta"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


# --- copies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_what_is_copied_is_what_blur_gives(fast: sg.Guard, orchard: str, format: str) -> None:
    text = f"<p>{REVIEW}</p>\r\n<ul><li>He <em>dies</em> & all.</ul>" if format == "html" else orchard + "\r\n" + REVIEW
    page = preview(fast, text, format=format)
    stops = json.loads(embedded(page, "data"))["stops"]
    assert len({count for _, count, _ in stops}) >= 3
    fitting = [style.name for style in STYLES.values() if format in style.formats]
    assert set(copies(page)["styles"]) == set(fitting)
    for stop in range(0, len(stops), 12):
        option, value = stops[stop][2].split()
        options = {"threshold": float(value)} if option == "--threshold" else {"sensitivity": value}
        for style in fitting:
            assert copied(page, style, stop) == blurred(fast, text, format=format, style=style, **options), style


def test_each_sensitivity_and_the_threshold_given_are_stops(fast: sg.Guard) -> None:
    data = json.loads(embedded(preview(fast, REVIEW, threshold=0.625), "data"))
    assert data["stops"][data["at"]][::2] == ["62.5%", "--threshold 0.625"]
    assert {name: data["stops"][at][2] for name, at in data["named"].items()} == {
        name: f"--sensitivity {name}" for name in ("high", "medium", "low")
    }
    assert [count for _, count, _ in data["stops"]] == [
        len(fast.flag(REVIEW, threshold=float(option.split()[1])))
        if option.startswith("--threshold")
        else len(fast.flag(REVIEW, sensitivity=option.split()[1]))
        for _, _, option in data["stops"]
    ]


def test_a_threshold_below_the_floor_shows_what_it_flags(fast: sg.Guard) -> None:
    page = preview(fast, REVIEW, threshold=0.0)
    sentences = len(fast.flag(REVIEW).sentences)
    data = json.loads(embedded(page, "data"))
    assert data["stops"][data["at"]] == ["0%", sentences, "--threshold 0.0"]
    assert page.count("<li data-n=") == sentences


def test_a_style_that_cannot_hide_says_why(fast: sg.Guard) -> None:
    table = "| who | what |\n|---|---|\n| the butler | In the end he killed her and dies. |\n"
    page = preview(fast, table, format="markdown")
    with pytest.raises(sg.LeakError) as error:
        fast.blur(table, format="markdown", style="lemmy")
    data = json.loads(embedded(page, "data"))
    assert copies(page)["styles"]["lemmy"][data["counts"].index(data["stops"][data["at"]][1])] == str(error.value)


def test_a_long_draft_has_fewer_stops(fast: sg.Guard, monkeypatch: pytest.MonkeyPatch, orchard: str) -> None:
    monkeypatch.setattr("spoilerguard.preview.page.WORK", 1)
    data = json.loads(embedded(preview(fast, orchard, format="markdown"), "data"))
    assert [stop[2] for stop in data["stops"] if "threshold" in stop[2]] == [
        f"--threshold {at}" for at in (FLOOR, *(n / 10 for n in range(1, 10)))
    ]


# --- what is in the page --------------------------------------------------------------------------


@pytest.fixture
def listed(fast: sg.Guard, orchard: str) -> list[sg.Sentence]:
    """The sentences that the page has among its findings."""
    return [s for s in fast.flag(orchard, format="markdown").sentences if s.score >= FLOOR]


def test_findings_tell_score_reason_place_and_sentence(fast: sg.Guard, orchard: str, page: str, listed: Any) -> None:
    items = re.findall(r"<li data-n=.*?</li>", page)
    assert len(items) == len(listed) > 3
    at = max(range(len(listed)), key=lambda k: listed[k].score)
    (flag,) = fast.flag(orchard, format="markdown", threshold=listed[at].score)
    text = unescape(re.sub(r"<[^>]*>", "", items[at]))
    assert text.startswith(f"{flag.score:.0%} {KINDS[flag.reasons[0].kind]} line {flag.line}")
    assert text.removesuffix("HideShow").endswith(" ".join(flag.text.split()))
    assert f"<mark>{flag.reasons[0].text}</mark>" in items[at]


def test_every_finding_links_to_its_sentence(page: str, listed: Any) -> None:
    ids = [attrs["id"] for _, attrs in Elements(page).found if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = re.findall(r'href="#([^"]+)"', page)
    assert len(links) == len(listed)
    assert set(links) <= set(ids)


def test_a_phrase_is_marked_whatever_its_quotation_marks(fast: sg.Guard) -> None:
    text = "In the end it wasn’t Anna’s brother who killed him, and she dies."
    page = preview(fast, text, format="markdown", threshold=0.0)
    (flag,) = fast.flag(text, format="markdown", threshold=0.0)
    (item,) = re.findall(r"<li data-n=.*?</li>", page)
    marked = unescape("".join(re.findall(r"<mark>(.*?)</mark>", item)))
    assert marked.replace("’", "'").lower() == flag.reasons[0].text.lower()


def test_every_sentence_can_be_decided_and_the_project_has_decided_some(fast: sg.Guard, orchard: str) -> None:
    report = fast.flag(orchard, format="markdown")
    of = list(keys_of(report.document).values())
    lines = tuple(Decided(of[k], decision, "x.md") for k, decision in ((0, "hide"), (3, "show")))
    page = preview(fast, orchard, path="x.md", format="markdown", decisions=Decisions("d", lines))
    data = json.loads(embedded(page, "data"))
    entries = sorted(data["entries"], key=lambda entry: entry["start"])
    assert [(e["start"], e["end"], e["text"]) for e in entries] == [(s.start, s.end, s.text) for s in report.sentences]
    assert {data["entries"][int(n)]["start"]: what for n, what in data["decisions"].items()} == {
        report.sentences[0].start: "hide",
        report.sentences[3].start: "show",
    }
    ids = {attrs["id"] for _, attrs in Elements(page).found if "id" in attrs}
    assert {f"s-{n}" for n in range(len(entries))} <= ids
    assert data["report"]["files"][0]["path"] == "x.md"


def test_nothing_is_fetched_and_the_policy_names_our_script_and_style(page: str) -> None:
    assert re.findall(r'(?i)\b(?:src|srcset|action|data)="|@import|\burl\(', page) == []
    assert set(re.findall(r'href="([^"#]*)', page)) == {""}
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    for tag in ("script", "style"):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        assert body
        digest = b64encode(sha256(body[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]


def test_a_draft_of_2000_words_takes_less_than_400_kb(fast: sg.Guard, orchard: str) -> None:
    text = "\n\n".join(f"{part} Chapter {n}." for n, part in enumerate(orchard.split("\n\n") * 5, 1))
    assert len(text.split()) >= 2000
    assert len(preview(fast, text, format="markdown").encode()) < 400_000


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_no_draft_gets_code_into_the_page(fast: sg.Guard, format: str) -> None:
    page = preview(fast, HOSTILE, name='<script>"alert(9)".md', format=format, threshold=0.0)
    found = Elements(page).found
    assert [attrs for tag, attrs in found if tag == "script"] == [
        {"type": "application/json", "id": "data"}, {"type": "application/octet-stream", "id": "copies"}, {}
    ]  # fmt: skip
    assert len([tag for tag, _ in found if tag == "style"]) == 1
    assert {tag for tag, _ in found} & {"img", "iframe", "object", "base", "form", "link"} == set()
    assert [name for _, attrs in found for name in attrs if name.startswith("on") or name == "style"] == []
    assert copied(page, "placeholder", -1) == fast.blur(HOSTILE, format=format, style="placeholder", threshold=0.99)


def test_an_empty_draft_has_a_page(fast: sg.Guard) -> None:
    page = preview(fast, "")
    assert Elements(page).found
    assert copied(page, "redact", 0) == ""


# --- the draft as it is rendered ------------------------------------------------------------------


def test_markdown_looks_as_published() -> None:
    source = (
        "# T *i*\n\n1. one\n2. two &amp; `c<d`\n\n- [x] done\n\n> q\n\na ![alt](u) [l](v)\\\nb\n\n***\n\n"
        "Sub\n---\n\n| h |\n|---|\n| c |\n\n```py\nx < 1\n```\n\n<b>bold</b>[^1]\n\n[^1]: Note\n"
    )
    assert render(read(source, "markdown"), [])[0].replace("\n", "") == (
        '<h3 class="h1">T <em>i</em></h3><ol><li>one</li><li>two &amp; <code>c&lt;d</code></li></ol>'
        "<ul><li>☑ done</li></ul><blockquote><p>q</p></blockquote>"
        '<p>a <span class="image">alt</span> <span class="link">l</span><br>b</p><hr><h4 class="h2">Sub</h4>'
        '<div class="scroll" role="group" aria-label="Table" tabindex="0"><table><tr class="head"><th>h</th></tr>'
        '<tr><td>c</td></tr></table></div><pre tabindex="0"><code>x &lt; 1</code></pre>'
        '<p><b>bold</b><sup>1</sup></p><div class="footnote"><p>Note</p></div>'
    )


def test_a_sentence_that_crosses_elements_breaks_none() -> None:
    source = "<p>She <em>dies</em> in <a href='x'>chapter <b>9</b></a>. The end.</p>"
    start, end = source.index("She"), source.index(" The end")
    assert render(read(source, "html"), [(start, end, 0)]) == (
        '<p><span id="s-0" data-s="0">She </span><em><span data-s="0" data-j>dies</span></em>'
        '<span data-s="0" data-j> in </span><span class="link"><span data-s="0" data-j>chapter </span>'
        '<b><span data-s="0" data-j>9</span></b></span><span data-s="0" data-j>.</span> The end.</p>',
        {0: "She dies in chapter 9."},
    )


def test_what_its_author_hid_is_apart_with_the_code_and_pictures_in_it() -> None:
    source = "<details><summary>More</summary><p>He dies <code>x</code> <img src=y></p></details>"
    html, _ = render(read(source, "html"), [])
    assert "More" in re.sub(r"<[^>]*data-h.*", "", html)
    shown = re.sub(
        r'<span[^>]*data-h="\d+"[^>]*>(?:<code>x</code>|<span class="image">image</span>|[^<]*)</span>', "", html
    )
    assert re.sub(r"<[^>]*>|\s", "", shown) == "More"


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
@given(
    source=st.lists(
        st.sampled_from([*"ab .&<>*_`|!\n\\[](#-", "<p>", "</p>", "<b>", "</b>", "<li>", "<td>", ">!", "!<",
                         "<details>", "</details>", "&amp;", "<script>", "\u2028"]), max_size=40,
    ).map("".join),
    data=st.data(),
)  # fmt: skip
def test_rendered_is_what_readers_see(format: str, source: str, data: st.DataObject) -> None:
    document = read(source, format)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(source)), max_size=6)))
    ranges = [(start, end, n) for n, (start, end) in enumerate(zip(cuts[::2], cuts[1::2], strict=False))]
    html, _ = render(document, ranges)
    elements = Elements(html)
    assert {tag for tag, _ in elements.found} & {"script", "details", "img"} == set()
    seen = "".join(source[start:end] for start, end in READERS[document.format](source).visible)
    rest = re.sub(
        r"<(?:pre|code|sup)\b.*?</(?:pre|code|sup)>|<span class=\"image\">image</span>|[☐☑]", "", html, flags=re.S
    )
    rest = re.sub(r"<(\w+)[^>]*data-h=[^>]*>.*?</\1>", "", rest, flags=re.S)  # what its author hid
    words = re.findall(r"[ab]", unescape(re.sub(r"<[^>]*>", "", rest)))
    if "&" not in source:  # half an entity may read otherwise
        assert words == re.findall(r"[ab]", seen)


# --- the command ----------------------------------------------------------------------------------


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "spoilerguard", "preview", *arguments]
    return subprocess.run(command, capture_output=True, check=False, timeout=WAIT, **options)


def test_the_command_writes_the_page(tmp_path: Path, fast: sg.Guard) -> None:
    draft, target = tmp_path / "my draft.txt", tmp_path / "page.html"
    draft.write_text(REVIEW, encoding="utf-8")
    ran = run(str(draft), "-o", str(target), "--sensitivity", "high")
    assert (ran.returncode, ran.stdout) == (0, b"")
    page = target.read_text(encoding="utf-8")
    data = json.loads(embedded(page, "data"))
    assert data["stops"][data["at"]][1] == len(fast.flag(REVIEW, sensitivity="high"))
    assert data["command"] == f"spoilerguard blur '{draft}'"
    assert [file.name for file in tmp_path.iterdir() if file not in (draft, target)] == []


def test_standard_input_to_standard_output(fast: sg.Guard) -> None:
    ran = run("-", "--stdin-filename", "a.html", input=b"<p>He dies in the end.</p>")
    assert ran.returncode == 0
    assert ran.stdout.decode() == preview(
        fast, "<p>He dies in the end.</p>", name="a.html", command=["-"], format="html"
    )


@pytest.mark.parametrize(
    "arguments", [("none.md",), ("{draft}", "--threshold", "2"), ("{draft}", "-o", "no/such/folder.html")]
)
def test_an_impossible_preview_is_reported_and_nothing_is_written(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    draft = tmp_path / "draft.md"
    draft.write_text("He dies.", encoding="utf-8")
    ran = run(*(word.format(draft=draft) for word in arguments), cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stdout == b""
    assert ran.stderr.startswith(b"spoilerguard: ")
    assert b"Traceback" not in ran.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["draft.md"]


# --- speed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_blurring_ignoring_and_previewing_parse_no_text_twice(
    fast: sg.Guard, orchard: str, format: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: Counter[str] = Counter()
    reader = READERS[format]

    def counting(source: str) -> Layout:
        parsed[source] += 1
        return reader(source)

    monkeypatch.setitem(READERS, format, counting)
    text = f"<p>{REVIEW}</p>" if format == "html" else orchard
    report = fast.flag(text, format=format)
    blurred = report.blur()
    assert parsed == {text: 1, blurred: 1}
    assert edits_to_ignore(report.document, (report.flags[0].start, report.flags[0].end))
    render(report.document, [])
    assert parsed[text] == 1

    parsed.clear()
    kept = copies(preview(fast, text, format=format))
    texts = {"".join(kept["chunks"][at] for at in row) for rows in kept["styles"].values() for row in rows}
    assert len(texts) > 20
    assert parsed[text] == 1
    assert max(parsed.values()) == 1
