"""The HTML style as readers meet it: by eye, keyboard, screen reader, without script, without style, on paper."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Locator, Page, expect
import pytest
from tools import program
from waiting import WAIT

from spoilerguard.hiding import accessible_html

if TYPE_CHECKING:
    from conftest import Site

# Words that stand nowhere but in spoilers.
SENTENCE = "Zephyrine murdered Quillon in the boathouse."
LINKED = 'Quillon was <a href="/elsewhere" title="Zephyrine">the murderer</a> <img src="/image.png" alt="boathouse">.'
SECRETS = ("zephyrine", "murder", "quillon", "boathouse")

_keys = accessible_html.keys("the browser tests")


def hide(html: str, *, block: bool = False, **words: str) -> str:
    """A spoiler of one piece."""
    key = next(_keys)
    before = accessible_html.control(key, block=block, **words) + accessible_html.opening(key, block=block)
    return before + html + accessible_html.closing(key, block=block)


def hide_parts(*around: str) -> str:
    """A spoiler of several pieces: every second string is one."""
    key, written = next(_keys), []
    for n, html in enumerate(around):
        part = n // 2 + 1
        piece = (
            accessible_html.control(key, part=part)
            + accessible_html.opening(key, part=part)
            + html
            + accessible_html.closing(key, part=part)
        )
        written.append(piece if n % 2 else html)
    return "".join(written)


def in_link() -> str:
    """A spoiler within a link, its control before it."""
    key = next(_keys)
    piece = accessible_html.opening(key, name="") + "where Zephyrine murders" + accessible_html.closing(key)
    return f'{accessible_html.control(key)}<a href="/elsewhere">the scene {piece} again</a>'


def everywhere() -> str:
    """Spoilers wherever they may stand: six inline, one of three pieces, one in a link, one block."""
    return f"""
<p>A calm start. {hide(SENTENCE)} And a calm end, {hide("He dies: Zephyrine.")}</p>
<p>One that <em>begins slowly. {hide_parts("", "Zephyrine", "</em>", " murdered", " <b>x</b> ", "Quillon.")}</p>
<p>See {in_link()}.</p>
<ul><li>{hide(LINKED)}</li></ul>
<table><tbody><tr><th scope="row">Scene</th><td>{hide("The boathouse")}</td></tr></tbody></table>
<h2>{hide("Quillon’s end", label="Show spoiler: A review")}</h2>
{hide(f"<p>{SENTENCE}</p><ul><li>{LINKED}</li></ul>", block=True)}
<p>The last line.</p>"""


SHOW_ALL = "<p><span data-sg-all hidden>Show all spoilers</span></p>"


def buttons(page: Page) -> Locator:
    return page.locator("button.sg1-show")


def tree(page: Page) -> list[dict[str, Any]]:
    """The accessibility tree, in order: all nodes that are not ignored."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    by_id = {node["nodeId"]: node for node in nodes}
    found, waiting = [], [nodes[0]["nodeId"]]
    while waiting:
        node = by_id[waiting.pop()]
        if not node["ignored"]:
            found.append(node)
        waiting += [child for child in reversed(node.get("childIds", ())) if child in by_id]
    return found


def texts(page: Page) -> list[str]:
    """What is read out: the texts of the accessibility tree."""
    return [node["name"]["value"] for node in tree(page) if node["role"]["value"] == "StaticText"]


def leaks(text: str) -> list[str]:
    """The words of the spoilers that are in a text."""
    return [word for word in SECRETS if word in text.lower()]


def seen(page: Page) -> str:
    """The text that is drawn."""
    text: str = page.evaluate("document.body.innerText")
    return text


def picture(page: Page) -> str:
    """The digest of all pixels, which says as much as they do when it fails: that they differ."""
    return sha256(page.screenshot(full_page=True)).hexdigest()


# --- the twenty tests of the research -------------------------------------------------------------


def test_01_at_load_no_hidden_word_is_in_the_accessibility_tree_or_in_an_attribute(site: Site) -> None:
    page = site.open(everywhere())
    assert leaks(json.dumps(tree(page))) == []
    drawn = "[...document.querySelectorAll('body *')].filter(e => !e.closest('.sg1'))"
    attributes = page.evaluate(f"{drawn}.flatMap(e => [...e.attributes].map(a => a.value)).join(' ')")
    assert "Show spoiler" in json.dumps(tree(page))
    assert leaks(attributes) == []


@pytest.mark.parametrize("block", [False, True])
def test_02_what_is_drawn_at_rest_hovered_and_focused_is_the_same_whatever_is_hidden(site: Site, block: bool) -> None:
    """Not even the number of words can be seen."""
    tag = "p" if block else "b"
    pictures = []
    for hidden in ("Quillon.", "Zephyrine murdered Quillon.", f"{SENTENCE} " * 12):
        content = hide(f"<{tag}>{hidden}</{tag}>", block=block)
        page = site.open(f"<p>Before.</p><p>{content}</p><p>After.</p>".replace("<p><div", "<div"))
        rest = picture(page)
        buttons(page).hover()
        hovered = picture(page)
        page.keyboard.press("Tab")
        focused = picture(page)
        assert focused != rest
        pictures.append((rest, hovered, focused))
    assert pictures[0] == pictures[1] == pictures[2]


def test_02_a_reader_of_pictures_finds_no_hidden_word(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    page = site.open(everywhere(), device_scale_factor=2)
    path = tmp_path_factory.mktemp("ocr") / "page.png"
    page.screenshot(path=path, full_page=True)
    ran = subprocess.run([program("tesseract"), path, "-"], capture_output=True, text=True, check=True, timeout=WAIT)
    assert "calm" in ran.stdout
    assert leaks(ran.stdout) == []


def test_03_each_spoiler_has_one_real_button_with_a_name_outside_of_what_is_hidden(site: Site) -> None:
    page = site.open(everywhere())
    names = [node["name"]["value"] for node in tree(page) if node["role"]["value"] == "button"]
    assert names == ["Show spoiler"] * 6 + ["Show spoiler: A review", "Show spoiler"]
    assert page.locator("button").count() == page.get_by_role("button").count() == len(names)
    assert page.locator(".sg1 button, a.sg1-show").count() == 0


def test_04_tab_reaches_it_and_enter_and_space_toggle_it(site: Site) -> None:
    page = site.open(f"<p>{hide_parts('', SENTENCE, ' and ', LINKED)}</p>")
    page.keyboard.press("Tab")
    button = buttons(page)
    expect(button).to_be_focused()
    pieces = page.locator(".sg1")
    controls = button.get_attribute("aria-controls") or ""
    assert controls.split() == [pieces.nth(0).get_attribute("id"), pieces.nth(1).get_attribute("id")]
    for key, expanded in (("Enter", True), ("Enter", False), ("Space", True), ("Space", False)):
        page.keyboard.press(key)
        expect(button).to_have_attribute("aria-expanded", str(expanded).lower())
        expect(pieces.nth(0)).to_be_visible(visible=expanded)
        expect(pieces.nth(1)).to_be_visible(visible=expanded)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_05_focus_stays_on_the_button_with_a_clear_ring(site: Site, scheme: str) -> None:
    page = site.open(f"<p>Before. {hide(SENTENCE)}</p>{SHOW_ALL}", color_scheme=scheme)
    page.keyboard.press("Tab")
    for button in (buttons(page), page.locator(".sg1-all")):
        for _ in range(2):
            expect(button).to_be_focused()
            ring = button.evaluate(
                """e => { const s = getComputedStyle(e); return { width: parseFloat(s.outlineWidth),
                style: s.outlineStyle, color: s.outlineColor, filter: s.filter,
                ground: getComputedStyle(document.body).backgroundColor } }"""
            )
            assert (ring["style"], ring["filter"]) == ("solid", "none")
            assert ring["width"] >= 2
            assert contrast(ring["color"], ring["ground"]) >= 3
            page.keyboard.press("Enter")
        page.keyboard.press("Tab")


def contrast(one: str, other: str) -> float:
    """Of two `rgb(...)` colours, after WCAG 2.2."""

    def luminance(color: str) -> float:
        parts = [int(c) / 255 for c in re.findall(r"\d+", color)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_06_nothing_hidden_takes_focus_or_clicks(site: Site) -> None:
    inside = f'{LINKED}<button>Quillon</button><video controls></video><input aria-label="Quillon" autofocus>'
    page = site.open(f'<p>{hide(inside)} <a href="/elsewhere" id="after">After.</a></p>')
    assert page.evaluate("document.activeElement.tagName") == "BODY"
    page.keyboard.press("Tab")
    expect(buttons(page).first).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#after")).to_be_focused()
    assert [page.locator(".sg1 *").nth(n).bounding_box() for n in range(5)] == [None] * 5
    page.evaluate("document.querySelector('.sg1 input').focus()")
    expect(page.locator("#after")).to_be_focused()


def test_07_what_is_revealed_is_read_once_in_order_between_its_bounds(site: Site) -> None:
    page = site.open(f"<p>Before. {hide(LINKED)} After.</p>")
    buttons(page).click()
    assert "".join(texts(page)[1:]) == "Before. Show spoilerQuillon was the murderer . After."
    named = [node["name"]["value"] for node in tree(page) if node["role"]["value"] in {"button", "group", "link"}]
    assert named == ["Show spoiler", "Spoiler", "the murderer"]
    inside = page.get_by_role("group", name="Spoiler")
    expect(inside).to_have_text("Quillon was the murderer .")
    inside.get_by_role("link").click()
    page.wait_for_url("**/elsewhere")


def test_07_a_link_keeps_its_words_as_its_name(site: Site) -> None:
    page = site.open(f"<p>{in_link()}</p>")
    expect(page.get_by_role("link", name="the scene again", exact=True)).to_be_visible()
    buttons(page).click()
    expect(page.get_by_role("link", name="the scene where Zephyrine murders again", exact=True)).to_be_visible()


def test_08_the_button_hides_again_and_selecting_text_does_not(site: Site) -> None:
    page = site.open(f"<p>Before. {hide(SENTENCE)} After.</p>")
    buttons(page).click()
    piece = page.locator(".sg1")
    box = piece.bounding_box()
    assert box is not None
    piece.dblclick()
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert leaks(page.evaluate("getSelection().toString()")) == list(SECRETS)
    expect(piece).to_be_visible()
    buttons(page).click()
    expect(piece).to_be_hidden()
    expect(buttons(page)).to_have_attribute("aria-expanded", "false")


def test_09_hovering_reveals_nothing_and_one_tap_does(site: Site) -> None:
    page = site.open(f"<p>{hide(SENTENCE)}</p>", has_touch=True)
    buttons(page).hover()
    expect(page.locator(".sg1")).to_be_hidden()
    assert leaks(seen(page)) == []
    buttons(page).tap()
    expect(page.locator(".sg1")).to_be_visible()


@pytest.mark.parametrize(("motion", "moving"), [("reduce", False), ("no-preference", True)])
def test_10_who_wants_no_motion_sees_none(site: Site, motion: str, moving: bool) -> None:
    page = site.open(f"<p>{hide(SENTENCE)}</p>", reduced_motion=motion)
    names = page.evaluate(
        """() => { document.querySelector('button.sg1-show').click();
        return document.getAnimations().map(a => a.animationName || a.transitionProperty) }"""
    )
    assert names == (["sg1"] if moving else [])


@pytest.mark.parametrize(
    ("css", "options"),
    [
        ("* { filter: none !important; opacity: 1 !important }", {}),
        ("", {"forced_colors": "active"}),
        ("main p span, main div { display: block; visibility: visible }", {}),
    ],
    ids=["no filters", "forced colours", "a theme that shows every span"],
)
def test_11_it_stays_concealed_whatever_the_colours_and_filters(site: Site, css: str, options: dict[str, Any]) -> None:
    pictures = []
    for hidden in ("Quillon.", SENTENCE):
        page = site.open(f"<p>Before. {hide(hidden)}</p>{hide(f'<p>{hidden}</p>', block=True)}", css=css, **options)
        assert leaks(seen(page)) == []
        pictures.append(picture(page))
        buttons(page).first.click()
        assert leaks(seen(page)) != []
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("off", [{"java_script_enabled": False}, {"scripted": False}], ids=["off", "not loaded"])
def test_12_without_the_script_it_is_concealed_yet_can_be_revealed(site: Site, off: dict[str, Any]) -> None:
    page = site.open(everywhere(), **off)
    links = page.get_by_role("link", name="Show spoiler")
    assert links.count() == 10  # three for the spoiler of three pieces
    assert leaks(page.locator("body").inner_text()) == []
    for n in range(links.count()):
        links.nth(n).click()
        assert leaks(page.locator("body").inner_text()) != []
        assert page.locator(".sg1:visible").count() == 1


@pytest.mark.parametrize("scripted", [False, True])
def test_13_without_styles_there_is_a_placeholder_and_never_the_text(site: Site, scripted: bool) -> None:
    page = site.open(everywhere(), styled=False, scripted=scripted)
    assert "a calm start. show spoiler and a calm end, show spoiler" in seen(page).lower()
    assert leaks(seen(page)) == []
    if scripted:
        buttons(page).first.click()
        assert SENTENCE in seen(page)


def test_13_feeds_and_excerpts_hold_a_placeholder_with_a_link_that_leads_to_the_text(site: Site) -> None:
    content = everywhere()
    page = site.open(content)
    fed = accessible_html.feed(content, link=page.url)
    assert leaks(fed) == []
    excerpt = re.sub(r"<[^>]*>", "", fed)
    assert "A calm start. [Show spoiler] And a calm end, [Show spoiler]" in excerpt
    assert leaks(re.sub(r"<[^>]*>", "", accessible_html.feed(content))) == []
    reader = site.open(fed, styled=False, scripted=False)
    links = reader.get_by_role("link", name="[Show spoiler]")
    assert links.count() == 8
    links.first.click()
    expect(reader.locator(".sg1").first).to_have_text(SENTENCE)
    expect(reader.locator(".sg1").first).to_be_visible()
    expect(buttons(reader).first).to_have_attribute("aria-expanded", "true")


def test_14_copying_all_gives_a_placeholder_or_the_exact_text(site: Site) -> None:
    page = site.open(f"<p>Before. {hide(SENTENCE)} After.</p>", permissions=["clipboard-read"])

    def copied() -> str:
        page.keyboard.press("Control+a")
        page.keyboard.press("Control+c")
        text: str = page.evaluate("navigator.clipboard.readText()")
        return text.replace("A review", "").strip()

    assert copied() == "Before. Show spoiler After."
    buttons(page).click()
    assert copied() == f"Before. {SENTENCE} After."


def test_15_what_is_hidden_prints_as_a_placeholder_and_what_is_revealed_prints(site: Site) -> None:
    page = site.open(f"<p>{hide(SENTENCE)}</p><p>{hide('Quillon lives.')}</p>{SHOW_ALL}")
    buttons(page).first.click()
    page.emulate_media(media="print")
    assert seen(page).split("\n\n")[1:] == [SENTENCE, "Show spoiler"]


def test_16_find_in_page_exposes_nothing_and_tells_nothing(site: Site) -> None:
    """Not `hidden="until-found"`: that a word is found would tell that it is there."""
    page = site.open(everywhere())
    found = "window.find('Quillon', false, false, true)"
    assert page.evaluate("window.find('calm end', false, false, true)")
    assert not page.evaluate(found)
    assert page.locator("[aria-expanded=true], .sg1:visible").count() == 0
    buttons(page).first.click()
    assert page.evaluate(found)


def test_17_search_engines_are_asked_to_quote_nothing_of_it(site: Site) -> None:
    page = site.open(everywhere())
    pieces = page.locator(".sg1")
    assert pieces.count() == page.locator("span.sg1[data-nosnippet], div.sg1[data-nosnippet]").count() == 10


def test_18_the_markup_is_valid_and_clicks_have_one_listener(site: Site) -> None:
    """What is not allowed where it stands, browsers put elsewhere: they must leave all as it was."""
    content = everywhere()
    page = site.open(content, scripted=False)
    assert tags(page.content().partition("</h1>")[2]) == [*tags(content), "/main", "/body", "/html"]
    page = site.open(content)
    assert page.locator("a a, a button, button a, button button").count() == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids)) == 18
    assert page.locator("[style], [onclick], script:not([src]), style").count() == 0
    session = page.context.new_cdp_session(page)

    def listeners(expression: str) -> list[str]:
        handle = session.send("Runtime.evaluate", {"expression": expression})["result"]["objectId"]
        found = session.send("DOMDebugger.getEventListeners", {"objectId": handle, "depth": 1})
        return [listener["type"] for listener in found["listeners"]]

    assert listeners("document") == ["click"]
    assert listeners("document.querySelector('button.sg1-show')") == []


def tags(html: str) -> list[str]:
    """The names of the tags, in order."""
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda name, _: found.append(name)
    parser.handle_endtag = lambda name: found.append(f"/{name}")
    parser.feed(html)
    return found


@pytest.mark.parametrize(
    ("width", "css"), [(320, ""), (640, "body { font-size: 36px }")], ids=["320 px, 640 px at 200 %", "text at 200 %"]
)
def test_19_narrow_and_enlarged_nothing_overflows_and_targets_are_large_enough(
    site: Site, width: int, css: str
) -> None:
    page = site.open(everywhere() + SHOW_ALL, css=css, viewport={"width": width, "height": 640}, device_scale_factor=2)
    for _ in range(2):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for button in page.locator("button").all():
            box = button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 24
            assert 0 <= box["x"] <= box["x"] + box["width"] <= width
        page.locator(".sg1-all").click()


def test_20_show_all_shows_all_and_says_so(site: Site) -> None:
    page = site.open(SHOW_ALL + everywhere() + '<p data-sg-all="Gezeigt|Versteckt">Alle</p>')
    every, german = page.locator("button.sg1-all").all()
    status = page.locator("output").first
    expect(every).to_have_accessible_name("Show all spoilers")
    expect(status).to_have_role("status")
    for expanded, text in (("true", "Spoilers shown: 8"), ("false", "Spoilers hidden: 8")):
        every.click()
        expect(status).to_have_text(text)
        assert page.locator(f"button.sg1-show[aria-expanded={expanded}]").count() == 8
        assert page.locator(".sg1:visible").count() == (10 if expanded == "true" else 0)
        expect(every).to_have_attribute("aria-pressed", expanded)
        expect(german).to_have_attribute("aria-pressed", expanded)
    german.click()
    expect(page.locator("output").last).to_have_text("Gezeigt: 8")
    buttons(page).first.click()
    expect(every).to_have_attribute("aria-pressed", "false")


# --- beyond ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1000])
def test_axe_finds_nothing(site: Site, axe: Callable[[Page], list[str]], scheme: str, width: int) -> None:
    page = site.open(SHOW_ALL + everywhere(), color_scheme=scheme, viewport={"width": width, "height": 800})
    assert axe(page) == []
    page.locator(".sg1-all").click()
    assert axe(page) == []


def test_axe_finds_nothing_without_the_script(site: Site, axe: Callable[[Page], list[str]]) -> None:
    page = site.open(everywhere(), scripted=False)
    assert axe(page) == []
    page.locator("a.sg1-show").first.click()
    assert axe(page) == []


def test_axe_would_find_something(site: Site, axe: Callable[[Page], list[str]]) -> None:
    assert axe(site.open('<p><a href="/elsewhere"></a></p>')) != []


def test_what_is_put_into_the_page_later_works(site: Site) -> None:
    page = site.open(f"{SHOW_ALL}<div id='comments'></div>")
    expect(page.locator(".sg1-all")).to_be_hidden()
    page.evaluate(
        "html => document.querySelector('#comments').append(document.createRange().createContextualFragment(html))",
        f"<p>{hide(SENTENCE)}</p>",
    )
    expect(page.locator(".sg1-all")).to_be_visible()
    expect(page.locator(".sg1")).to_be_hidden()
    buttons(page).click()
    expect(page.locator(".sg1")).to_be_visible()


def test_a_post_shown_twice_is_revealed_in_both_places(site: Site) -> None:
    post = f"<p>{hide(SENTENCE)}</p>"
    page = site.open(post + post)
    buttons(page).nth(1).click()
    assert page.locator(".sg1:visible").count() == 2
    assert page.locator("button[aria-expanded=true]").count() == 2


def test_a_script_loaded_twice_toggles_once(site: Site) -> None:
    page = site.open(f'<p>{hide(SENTENCE)}</p><script defer src="/spoilerguard.js"></script>')
    buttons(page).click()
    expect(page.locator(".sg1")).to_be_visible()


def test_links_that_only_look_like_ours_stay_links(site: Site) -> None:
    page = site.open('<p><a class="sg1-show" href="#sg1-a b&quot;]">One</a> <a class="sg1-show" href="#x">Two</a></p>')
    assert page.locator("a.sg1-show").count() == 2
    assert buttons(page).count() == 0


def test_a_button_in_a_summary_does_not_open_the_details(site: Site) -> None:
    page = site.open(f"<details><summary>More {hide('Quillon')}</summary><p>Text.</p></details>")
    buttons(page).click()
    expect(page.locator(".sg1")).to_be_visible()
    assert not page.locator("details").evaluate("e => e.open")


def test_from_right_to_left_nothing_overflows(site: Site) -> None:
    page = site.open(f'<div dir="rtl">{everywhere()}</div>', viewport={"width": 320, "height": 600})
    page.evaluate("document.querySelectorAll('button').forEach(b => b.click())")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
