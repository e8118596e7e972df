"""The preview page as its readers use it: slider, findings, spoilers, copies, keyboard, axe-core, small screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import json
from pathlib import Path
from typing import Any

from commands import invoke
from playwright.sync_api import Browser, Locator, Page, expect
import pytest
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.datasets import load_labelled
from spoilerguard.hiding.blurring import hide
from spoilerguard.preview.page import preview
from spoilerguard.text.reading import read
from spoilerguard.training.pipeline import RECIPES, Recipe

DRAFT = """# The Lantern Keeper

A calm start, with a harbour and *a storm* coming in. I liked the prose a lot.

## The end

In the end **Quillon dies** in the boathouse, and Zephyrine turns out to be the murderer.

It was her own son who killed him, and she covers it up. He never left the island, and his twin dies in his place.

- A nice cover
- Zephyrine is the killer

She kept >!the letters!< in a drawer. A long line of code follows:

```
%s
```

| what | how much |
|------|----------|
| pages | 412 |

Four stars, and I would read more of this series.
""" % ("print(1) " * 30)

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def html(fast: sg.Guard) -> str:
    return preview(fast, DRAFT, name="a-long-name-for-a-draft-of-a-review.md", format="markdown")


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Opens a page from disk, whose clipboard is `window.copied`; that it broke nothing is part of the test."""
    complaints: list[str] = []
    contexts = []

    def opened(html: str, **options: Any) -> Page:
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8", newline="")
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | options
        )
        contexts.append(context)
        context.set_default_timeout(WAIT * 1000)
        context.add_init_script(
            "const writeText = async (text) => { window.copied = text };"
            "Object.defineProperty(navigator, 'clipboard', { value: { writeText } })"
        )
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(file.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def draft_text(page: Page) -> str:
    return page.locator(".draft").inner_text()


def move(page: Page, stop: int) -> None:
    page.locator("#threshold").evaluate(
        "(slider, stop) => { slider.value = stop; slider.dispatchEvent(new Event('input')) }", stop
    )


def stops(page: Page) -> list[list[Any]]:
    return page.evaluate("JSON.parse(document.getElementById('data').textContent).stops")


def test_readers_see_no_sentence_that_is_flagged(opened: Opener, html: str, fast: sg.Guard) -> None:
    page = opened(html)
    for sensitivity in ("low", "medium", "high"):
        page.get_by_role("button", name=sensitivity, exact=True).click()
        report = fast.flag(DRAFT, format="markdown", sensitivity=sensitivity)
        assert report.has_spoilers
        shown = draft_text(page)
        for sentence in report.sentences:
            words = sentence.text.replace("**", "").replace("*", "").partition(" >!")[0]
            flagged = any(flag.start == sentence.start for flag in report)
            assert (words in shown) is not flagged, words
        assert "the letters" not in shown  # the author hid them


def test_the_slider_by_keyboard_says_how_many_are_hidden(opened: Opener, html: str) -> None:
    page = opened(html)
    slider = page.get_by_role("slider", name="Hide from")
    slider.focus()
    page.keyboard.press("Home")
    every = stops(page)
    percent, count, _ = every[0]
    assert slider.get_attribute("aria-valuetext") == f"{percent}, {page.locator('#count').inner_text()} hidden"
    assert page.locator("#count").inner_text().startswith(f"{count} of ")
    page.keyboard.press("End")
    assert (slider.get_attribute("aria-valuetext") or "").startswith(f"{every[-1][0]}, {every[-1][1]} of ")
    assert page.locator("#findings li:visible").count() == every[-1][1]


def test_copies_are_what_blur_gives(opened: Opener, html: str, fast: sg.Guard) -> None:
    page = opened(html)
    every = stops(page)
    for stop in (0, len(every) // 3, len(every) // 2, len(every) - 1):
        move(page, stop)
        option, value = every[stop][2].split()
        options = {"threshold": float(value)} if option == "--threshold" else {"sensitivity": value}
        for style in ("reddit", "discord", "html", "placeholder"):
            page.locator("#style").select_option(style)
            page.get_by_role("button", name="Copy the text").click()
            expect(page.locator("#status")).to_contain_text("Copied")
            assert page.evaluate("window.copied") == fast.blur(DRAFT, format="markdown", style=style, **options)
            expected = f"spoilerguard blur a-long-name-for-a-draft-of-a-review.md --style {style} {option} {value}"
            assert page.locator("#command").inner_text() == expected


def test_a_style_that_cannot_hide_copies_nothing_and_says_why(opened: Opener, fast: sg.Guard) -> None:
    page = opened(
        preview(fast, "| In the end he kills her. | A |\n|---|---|\n| Fine. | B |", format="markdown", threshold=0.1)
    )
    page.locator("#style").select_option("lemmy")
    page.get_by_role("button", name="Copy the text").click()
    expect(page.locator("#status")).to_contain_text("Nothing copied. line 1")
    assert page.evaluate("window.copied") is None


def test_a_sentence_is_shown_and_hidden_by_keyboard(opened: Opener, html: str) -> None:
    page = opened(html)
    button = page.locator(".draft button").first
    assert button.get_attribute("aria-expanded") == "false"
    page.locator("#all").focus()
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert "Quillon dies in the boathouse" in draft_text(page)
    page.keyboard.press("Space")
    assert button.get_attribute("aria-expanded") == "false"
    assert "boathouse" not in draft_text(page)
    for controlled in (button.get_attribute("aria-controls") or "").split():
        assert page.locator(f"#{controlled}").count() == 1


def test_what_was_revealed_stays_so_when_the_threshold_moves(opened: Opener, html: str) -> None:
    page = opened(html)
    page.locator("#all").click()
    assert "Zephyrine turns out" in draft_text(page)
    assert "the letters" in draft_text(page)
    page.get_by_role("button", name="low", exact=True).click()
    assert "Zephyrine turns out" in draft_text(page)


def test_a_finding_leads_to_its_sentence(opened: Opener, html: str) -> None:
    page = opened(html)
    page.locator("#findings li:visible a").first.focus()
    page.keyboard.press("Enter")
    focused = page.evaluate("document.activeElement.className")
    assert "sg1-show" in focused
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert "Quillon dies in the boathouse" in draft_text(page)
    page.locator("input[value=below]").check()
    page.locator("#findings li:visible a").first.click()
    assert page.evaluate("document.activeElement.matches('.draft [data-s]')")


def test_filters_by_kind_and_by_threshold(opened: Opener, html: str) -> None:
    page = opened(html)
    rows = page.locator("#findings li:visible")
    flagged = rows.count()
    page.locator("input[value=all]").check()
    every = rows.count()
    page.locator("input[value=below]").check()
    assert 0 < flagged < every == flagged + rows.count()
    page.locator("input[value=all]").check()
    kind = page.locator("#findings li").first.get_attribute("data-kind")
    page.locator("#kind").select_option(kind)
    assert rows.count() == page.locator(f"#findings li[data-kind={kind}]").count() < every


def test_paragraphs_in_a_row_are_hidden_as_one(opened: Opener, fast: sg.Guard) -> None:
    draft = "Fine prose, I liked it.\n\nIn the end he dies.\n\nShe turns out to be the killer.\n\nFour stars.\n"
    flags = fast.flag(draft, format="markdown").flags
    assert [flag.text for flag in flags] == ["In the end he dies.", "She turns out to be the killer."]
    page = opened(preview(fast, draft, format="markdown"))
    assert page.locator(".draft button").count() == 1
    assert draft_text(page).split("\n\n")[0] == "Fine prose, I liked it."
    page.locator(".draft button").click()
    assert "he dies" in draft_text(page)
    assert "the killer" in draft_text(page)
    move(page, len(stops(page)) - 1)
    assert page.locator(".draft > p").count() == 4


# --- decisions ------------------------------------------------------------------------------------


def item(page: Page, words: str) -> Locator:
    return page.locator("#findings li").filter(has_text=words)


def saved(page: Page, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save decisions").click()
    assert download.value.suggested_filename == "decisions.json"
    target = folder / "decisions.json"
    download.value.save_as(target)
    return target


def test_decisions_are_saved_blurred_and_learned_from(
    opened: Opener, fast: sg.Guard, few: Path, quick: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("draft.md").write_text(DRAFT, encoding="utf-8")
    assert invoke("preview", "draft.md", "-o", "page.html", "--sensitivity", "high").exit_code == 0
    page = opened(Path("page.html").read_text(encoding="utf-8"))
    rejected = "In the end **Quillon dies** in the boathouse"
    flags = [flag.text for flag in fast.flag(DRAFT, format="markdown", sensitivity="high")]
    item(page, "Quillon dies").locator("a").focus()  # from here on by keyboard alone
    page.keyboard.press("s")
    assert "Quillon dies in the boathouse" in draft_text(page)
    near = page.locator("#findings li.below").filter(has_not_text="Quillon").first
    hidden = next(e["text"] for e in entries(page) if e["number"] == int(near.get_attribute("data-n") or ""))
    page.locator("input[value=flagged]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("input[value=below]")).to_be_checked()
    near.locator("a").focus()
    for key in "hjhu":  # hide it, and the next one, but not really
        page.keyboard.press(key)
    assert hidden not in flags
    assert hidden not in draft_text(page)
    decisions = saved(page, tmp_path)

    expected = [text for text in flags if rejected not in text] + [hidden]
    document = read(DRAFT, "markdown")
    ranges = [(DRAFT.index(text), DRAFT.index(text) + len(text)) for text in expected]
    for style in ("reddit", "html", "details"):
        ran = invoke("blur", "draft.md", "--from-json", decisions, "--style", style, "-o", "post.md")
        assert ran.exit_code == 0, ran.output
        assert Path("post.md").read_bytes() == hide(document, ranges, style).encode()
    assert rejected in Path("post.md").read_text(encoding="utf-8")

    assert invoke("convert", decisions, "-o", "labels.jsonl").exit_code == 0
    (labelled,) = load_labelled("labels.jsonl")
    assert sorted(sentence.label for sentence in labelled.sentences) == [0, 1]
    monkeypatch.setitem(RECIPES, "plain", quick)
    ran = invoke("train", "labels.jsonl", few, "-o", "model")
    assert ran.exit_code == 0, ran.output
    assert sg.load("model").score([hidden])[0] > 0


def entries(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("JSON.parse(document.getElementById('data').textContent).entries")
    return [{"number": number, **entry} for number, entry in enumerate(found)]


def test_a_sentence_that_is_not_listed_is_hidden_by_a_click(opened: Opener, html: str, tmp_path: Path) -> None:
    page = opened(html)
    words = "Four stars, and I would read more of this series."
    page.locator(".draft [data-s]").filter(has_text=words).click()
    page.locator(".bar").get_by_role("button", name="Hide").click()
    assert words not in draft_text(page)
    (file,) = json.loads(saved(page, tmp_path).read_text(encoding="utf-8"))["files"]
    assert [e["decision"] for e in file["near_misses"] if e["text"] == words] == ["hide"]
    assert {e["decision"] for e in (*file["flags"], *file["near_misses"]) if e["text"] != words} == {None}


def test_decisions_by_keyboard_and_undo(opened: Opener, html: str) -> None:
    page = opened(html)
    before = draft_text(page)
    count = page.locator("#count").inner_text()
    page.locator("#findings li:visible a").first.focus()
    page.keyboard.press("s")
    first = page.locator("#findings li:visible").first
    expect(first.get_by_role("button", name="Show")).to_have_attribute("aria-pressed", "true")
    assert "Quillon dies" in draft_text(page)
    expect(page.get_by_role("status")).to_contain_text("will be shown")
    page.keyboard.press("j")
    page.keyboard.press("s")
    assert page.locator("#findings li:visible").count() > 1, "an item stays in the list until it is filtered again"
    page.locator("input[value=decided]").check()
    assert page.locator("#findings li:visible").count() == 2
    page.locator("#findings li:visible a").first.focus()
    page.keyboard.press("u")
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    assert draft_text(page) == before
    assert page.locator("#count").inner_text() == count


def test_a_decision_stays_when_the_threshold_moves(opened: Opener, html: str) -> None:
    page = opened(html)
    item(page, "Quillon dies").get_by_role("button", name="Show").click()
    for stop in (0, len(stops(page)) - 1):
        move(page, stop)
        assert "Quillon dies in the boathouse" in draft_text(page)


def test_what_is_hidden_by_hand_is_copied_as_a_command_unless_a_threshold_hides_the_same(
    opened: Opener, html: str, fast: sg.Guard
) -> None:
    page = opened(html)
    copy = page.locator("#copy")
    item(page, "Quillon dies").get_by_role("button", name="Show").click()
    expect(copy).to_have_text("Copy the command")
    copy.click()
    expect(page.locator("#status")).to_contain_text("Save the decisions")
    name = "a-long-name-for-a-draft-of-a-review.md"
    command = f"spoilerguard blur {name} --from-json decisions.json --style html"
    assert page.evaluate("window.copied") == command
    page.get_by_role("button", name="Undo").click()
    expect(copy).to_have_text("Copy the text")
    copy.click()
    expect(page.locator("#status")).to_contain_text("Copied")
    assert page.evaluate("window.copied") == fast.blur(DRAFT, format="markdown", style="html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(
    opened: Opener, html: str, axe: Callable[[Page], list[str]], scheme: str, width: int
) -> None:
    page = opened(html, viewport={"width": width, "height": 800}, color_scheme=scheme)
    if width < 1000:
        page.locator("summary").click()
    page.locator("input[value=all]").check()
    page.locator(".draft button").first.click()
    page.locator("#findings li:visible [data-decide=show]").first.click()
    page.locator("#findings li:visible [data-decide=hide]").last.click()
    assert axe(page) == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_overflows(opened: Opener, html: str, width: int) -> None:
    page = opened(html, viewport={"width": width, "height": 700})
    if width < 1000:
        page.locator("summary").click()
    page.locator("#all").click()
    page.locator("#findings li:visible [data-decide=show]").first.click()
    for name in ("Copy the command", "Save decisions", "Undo"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box
        assert 0 <= box["x"] < box["x"] + box["width"] <= width, "in reach, wherever the page is scrolled to"
        assert 0 <= box["y"] < box["y"] + box["height"] <= 700
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_what_is_hidden_stays_so(opened: Opener, html: str) -> None:
    page = opened(html)
    page.emulate_media(media="print")
    assert "boathouse" not in draft_text(page)
    expect(page.locator("#threshold")).to_be_hidden()
    expect(page.locator("#copy")).to_be_hidden()
    assert page.locator("[data-decide]:visible").count() == 0


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_nothing_of_a_draft_runs(opened: Opener, fast: sg.Guard, format: str) -> None:
    draft = (
        "A</script><script>document.title='x'</script><!-- <img src=x onerror=\"document.title='x'\">\n\n"
        "In the end he dies.</textarea><svg onload=\"document.title='x'\"></svg>\u2028 --> He <b onclick=x>dies</b>."
    )
    page = opened(preview(fast, draft, name="</title><script>document.title='x'</script>", format=format))
    assert page.title() == "</title><script>document.title='x'</script>: preview"
    assert page.locator("script").count() == 3
    expect(page.get_by_role("slider")).to_be_visible()
