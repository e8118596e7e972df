"""The HTML style: what is put around a spoiler, taken out again, kept out of feeds; and its two files."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
import re

from accessible import stripped
from hypothesis import example, given
from hypothesis import strategies as st
import pytest
from timing import assert_linear
import typer
from typer.testing import CliRunner

from spoilerguard.cli import assets
from spoilerguard.hiding import accessible_html
from spoilerguard.text.reading import read

KEY = next(accessible_html.keys("a post"))
# Text with what the wrappers are made of, but none of them whole.
SOURCES = st.lists(st.sampled_from(["<b>", "</span>", "</div>", "<!--", "-->", "\n\n", "sg1", '"', "&amp;", "é", "x "]))


def hide(text: str, key: str = KEY, **shape: bool) -> str:
    block = shape.get("block", False)
    return (
        accessible_html.control(key, block=block)
        + accessible_html.opening(key, **shape)
        + text
        + accessible_html.closing(key, **shape)
    )


def test_names_count_on_and_tell_nothing_without_the_whole_post() -> None:
    one, two = (list(islice(accessible_html.keys(text), 3)) for text in ("She dies.", "She dies. \ud800"))
    assert [name.rpartition("-")[2] for name in one] == ["1", "2", "3"]
    assert one == list(islice(accessible_html.keys("She dies."), 3))
    assert set(one).isdisjoint(two)
    assert all(re.fullmatch(r"sg1-[a-z2-7]{8}-\d", name) for name in one + two)


def test_a_spoiler_is_a_link_and_what_it_leads_to() -> None:
    assert hide("She dies.", "sg1-aaaaaaaa-1") == (
        '<a class="sg1-show" href="#sg1-aaaaaaaa-1">Show spoiler</a>'
        '<span class="sg1" id="sg1-aaaaaaaa-1" role="group" aria-label="Spoiler" data-nosnippet hidden>'
        "She dies."
        "</span><!--/sg1-aaaaaaaa-1-->"
    )


def test_parts_have_names_of_their_own() -> None:
    assert f'href="#{KEY}-2"' in accessible_html.control(KEY, part=2)
    assert f'id="{KEY}-2"' in accessible_html.opening(KEY, part=2)
    assert accessible_html.closing(KEY, part=2) == f"</span><!--/{KEY}-2-->"


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("Show spoiler: Lost", "Show spoiler&#58; Lost"),
        ("  Show\n\nmore ", "Show more"),
        ("*a* _b_ <i>", "&#42;a&#42; &#95;b&#95; &#60;i&#62;"),
        ("Afficher l’intrigue", "Afficher l&#8217;intrigue"),
    ],
)
def test_words_are_neither_markup_nor_markdown(label: str, written: str) -> None:
    assert f">{written}</a>" in accessible_html.control(KEY, label=label)
    assert f'aria-label="{written}"' in accessible_html.opening(KEY, name=label)


def test_without_a_name_it_is_no_group() -> None:
    assert accessible_html.opening(KEY, name="") == f'<span class="sg1" id="{KEY}" data-nosnippet hidden>'


# --- out again ------------------------------------------------------------------------------------


@given(st.lists(st.tuples(SOURCES, SOURCES, st.booleans(), st.booleans(), st.text()), max_size=4))
@example([([], ["<!--", "sg1", "-->", "\n\n"], False, False, "")])
def test_strip_gives_back_the_source(pieces: list[tuple[list[str], list[str], bool, bool, str]]) -> None:
    source, written = "", ""
    for part, (before, inside, block, apart, word) in enumerate(pieces, 1):
        source += "".join(before + inside)
        written += "".join(before) + accessible_html.control(KEY, part=part, block=block, label=word)
        written += accessible_html.opening(KEY, part=part, block=block, apart=block and apart, name=word) + "".join(
            inside
        )
        written += accessible_html.closing(KEY, part=part, block=block, apart=block and apart)
    assert stripped(source) == source
    assert stripped(written) == source


@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_what_is_hidden_is_known_to_be(kind: str) -> None:
    inline = f"A calm start. {hide('She *dies*.')} A calm end."
    source = f"<p>{inline}</p>\n" if kind == "html" else f"{inline}\n"
    source += f"\n{hide('<p>They die.</p>', f'{KEY}1', block=True)}\n"
    document = read(source, format=kind)
    assert document.prose.split() == ["A", "calm", "start.", "A", "calm", "end."]
    assert [hidden.style for hidden in document.hidden] == ["html", "html"]
    assert ["die" in source[hidden.start : hidden.end] for hidden in document.hidden] == [True, True]


def test_markdown_set_apart_is_markdown_within_a_block() -> None:
    import pyromark

    source = f"{hide('She **dies**.', block=True, apart=True)}\n\nOn.\n"
    page = pyromark.html(source)
    assert "<p>She <strong>dies</strong>.</p>" in page
    assert page.count("<p>") == page.count("</p>") == 2


# --- feeds ----------------------------------------------------------------------------------------


def test_a_feed_has_a_placeholder_for_every_spoiler_and_never_its_text() -> None:
    two = (
        accessible_html.control(KEY, part=2)
        + accessible_html.opening(KEY, part=2)
        + "They die."
        + accessible_html.closing(KEY, part=2)
    )
    page = f"<p>One. {hide('She dies.')} Two. {two} Three.</p>"
    assert accessible_html.feed(page) == '<p>One. <span class="sg1-feed">[Spoiler]</span> Two.  Three.</p>'
    assert accessible_html.feed(page, link='/post?a=1&b="', label="Read on") == (
        f'<p>One. <a class="sg1-feed" href="/post?a=1&amp;b=&quot;#{KEY}">[Read on]</a> Two.  Three.</p>'
    )


def test_a_feed_of_what_was_cut_off_tells_nothing_more() -> None:
    page = f"<p>One. {hide('She dies. He, too.')} Two.</p>"
    mark = f"<!--/{KEY}-->"
    for end in range(page.index("She"), page.index(mark) + len(mark)):
        # The start of our comment may be left.
        fed = re.sub(r"<(?:!(?:--?/?s?g?1?)?)?\Z", "", accessible_html.feed(page[:end]))
        assert fed == '<p>One. <span class="sg1-feed">[Spoiler]</span>'


def test_a_placeholder_is_no_prose() -> None:
    document = read(accessible_html.feed(f"<p>One. {hide('She dies.')} Two.</p>"), format="html")
    assert document.prose.split() == ["One.", "Two."]
    assert document.hidden == ()


@pytest.mark.clock
@pytest.mark.parametrize(
    "hard",
    [
        accessible_html.control(KEY),
        accessible_html.control(KEY)[:-5],
        accessible_html.opening(KEY),
        accessible_html.closing(KEY),
        hide("x"),
        f"\n\n<!--{KEY}-->",
    ],
)
def test_time_is_linear_whatever_the_text(hard: str) -> None:
    assert_linear(lambda text: (stripped(text), accessible_html.feed(text)), hard, 2_000_000)


# --- the style sheet and the script ---------------------------------------------------------------


def test_both_files_together_are_smaller_than_four_kilobytes() -> None:
    assert sum(len(accessible_html.asset(name).encode()) for name in accessible_html.ASSETS) < 4000


@pytest.mark.parametrize("name", accessible_html.ASSETS)
def test_a_file_says_whose_it_is_and_fetches_nothing(name: str) -> None:
    text = accessible_html.asset(name)
    assert text.startswith("/*! spoilerguard 1 */")
    assert text.count("/*") == 1
    assert re.search(r"https?:|url\(|@import|eval|innerHTML|\.style\b", text) is None


def test_both_files_name_the_classes_of_the_markup() -> None:
    written = set(re.findall(r'class="([^"]+)"', hide("x", block=True))) | {"sg1-all"}
    for name in accessible_html.ASSETS:
        named = set(re.findall(r"\bsg1(?:-[a-z]+)?\b", accessible_html.asset(name)))
        assert written - named <= {"sg1", "sg1-bar"}  # the script finds pieces by their names
    assert written <= set(re.findall(r"sg1(?:-[a-z]+)?", accessible_html.asset("spoilerguard.css")))


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    assets.register(app)
    return app


def test_the_command_writes_both_files(app: typer.Typer, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "static"
    for _ in range(2):  # the second time over the first
        ran = CliRunner().invoke(app, ["assets", "-o", str(folder)])
        assert (ran.exit_code, ran.output) == (0, "".join(f"{folder / name}\n" for name in accessible_html.ASSETS))
        assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {
            name: accessible_html.asset(name) for name in accessible_html.ASSETS
        }


def test_the_command_says_where_it_cannot_write(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    ran = CliRunner().invoke(app, ["assets", "-o", str(tmp_path / "file")])
    assert ran.exit_code == 2
    assert "cannot be written" in ran.output
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"
