"""Sections: where they begin, and that what one says changes no score in another."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from texts import HARMLESS, SPOILERS

import spoilerguard as sg
from spoilerguard.text.reading import read

# A source, its format, and how each of its sections begins.
DIVIDED = [
    ("# A\n\nOne.\n\n## Plot\n\nTwo.\n\n# B\n\n## Plot\n\nSix.\n\n# Verdict\n\nX.\n", "markdown", ["# A", "# B", "#"]),
    ("Intro.\n\n# A\n\nOne.\n\n## B\n\nTwo.\n", "markdown", ["Intro.", "# A", "## B"]),
    ("# A\n\n# B\n\nOne.\n\n# C\n\nTwo.\n", "markdown", ["# A", "# C"]),  # no text of its own
    ("# A\n\n## B\n\n## C\n\nOne.\n\n# D\n", "markdown", ["# A", "## B", "# D"]),
    ("A\n=\n\nOne.\n\nB\n-\n\nTwo.\n", "markdown", ["A\n=", "B\n-"]),
    ("<h2>A</h2><p>One.</p><h3>B</h3><p>Two.</p>", "html", ["<h2>A", "<h3>B"]),
    ("<article><p>One.</p></article><article><p>Two.</p></article><p>Three.", "html", ["<art", "<art", "<p>Th"]),
    ("<section><h2>A</h2><p>One.</p></section><section><h2>B</h2>Two.</section>", "html", ["<sec", "<sec"]),
    ("My list.\n\n3. The Long Rain (2019)\n\nShe dies.\n\n2. The Quarry\n\nIt ends.\n", "text", ["My", "3.", "2."]),
    ("My list.\n\n3. The Long Rain (2019)\n\nShe dies.\n\n2. The Quarry\n\nIt ends.\n", "markdown", ["My", "3.", "2."]),
    ("My list.\n\nTHE LONG RAIN\n\nShe dies.\n\nTHE QUARRY\n\nIt ends.\n", "text", ["My", "THE L", "THE Q"]),
    ("1. The Long Rain\nShe dies at the end of it.\n\n2. The Quarry\nIt ends.\n", "text", ["1.", "2."]),
    ("1. The Long Rain: she dies.\n2. The Quarry: it ends.\n", "text", ["1.", "2."]),
    ("- **The Long Rain** (2019): she dies.\n- **The Quarry**: it ends.\n\nBye.\n", "markdown", ["- *", "- *", "B"]),
    ("<ol><li><i>The Long Rain</i>, she dies.<li><i>The Quarry</i>: it ends.</ol>", "html", ["<ol><li>", "<li>"]),
    ("**The Long Rain**\n\nShe dies.\n\n**The Quarry**\n\nIt ends.\n", "markdown", ["**The L", "**The Q"]),
    ("**The Long Rain** (2019) She dies.\n\n**The Quarry** (1999) It ends.\n", "markdown", ["**The L", "**The Q"]),
]  # fmt: skip
WHOLE = [
    ("Intro.\n\n## Plot\n\nShe dies.\n\n## The acting\n\nSuperb.\n\n## Final thoughts\n\nSee it.\n", "markdown"),
    ("<h1>The Quarry</h1><h2>Story</h2><p>She dies.</p><h2>Characters</h2><p>Few.</p>", "html"),
    ("THE PLOT\n\nShe dies.\n\nTHE ACTING\n\nSuperb.\n", "text"),
    ("- **Pros**: the music.\n- **Cons**: the ending.\n", "markdown"),
    ("", "text"),
    (" \n# \n\n#\n", "markdown"),
    ("# A\n# B\n# C\n", "markdown"),
    ("One.\n\nTwo, and she dies.\n", "text"),
    ("- The cast is great.\n- Marek is her father.\n- Nice music.\n", "markdown"),
    ("<ul><li>Nice music.</li><li>Marek is her father.</li></ul>", "html"),
    ("I saw it.\n\nSPOILER ALERT\n\nShe dies.\n\nSPOILERS END\n\nNice music.\n", "text"),
    ("**Marek** is a baker.\n\n**Anna** is his wife.\n", "markdown"),
    ("The Quarry\n\nShe dies in the end.\n", "text"),
    ("Great movie.\n\nOverall\n\nI liked it.\n", "text"),
    ("Heat\n\nAlien\n\nJaws\n\nRocky\n\nHeat is the best of these.\n", "text"),
]


@pytest.mark.parametrize(("source", "format", "begins"), DIVIDED)
def test_sections_begin_at_titles(source: str, format: str, begins: list[str]) -> None:
    sections = read(source, format).sections
    parts = [source[section.start : section.end] for section in sections]
    assert "".join(parts) == source
    assert len(parts) == len(begins), parts
    assert all(part.startswith(begin) for part, begin in zip(parts, begins, strict=True)), parts


@pytest.mark.parametrize(("source", "format"), WHOLE)
def test_other_documents_are_one_section(source: str, format: str) -> None:
    assert read(source, format).sections == ((0, len(source), -1),)


def test_a_section_knows_the_section_around_it() -> None:
    source = "Intro.\n\n# A\n\nOne.\n\n### B\n\nTwo.\n\n## C\n\nThree.\n\n# D\n\nFour.\n"
    assert [section.parent for section in read(source, "markdown").sections] == [-1, 0, 1, 1, 0]


def test_a_title_in_boilerplate_begins_no_section() -> None:
    links = "".join(f"<li><a href=/{k}>An older post of ours {k}</a></li>" for k in range(9))
    text = "<p>She goes to the mill and nobody is there but the miller.</p>" * 5
    page = f"<!doctype html><article>{text}<nav><h2>More</h2><ul>{links}</ul></nav>{text}</article>"
    assert len(read(page, "html").sections) == 1


def test_suppression_does_not_move_sections() -> None:
    source = "# A\n\nOne.\n\n<!-- spoilerguard off -->\n\n# B\n\nTwo.\n\n<!-- spoilerguard on -->\n\n# C\n\nThree.\n"
    assert read(source, "markdown").sections == read(source, "markdown", suppress=False).sections


@pytest.mark.parametrize("tag", ["section", "article", "li", "ul><li"])
def test_deep_nesting_takes_linear_time(tag: str) -> None:
    source = f"<{tag}>Word. " * 20_000
    assert read(source, "html").sections[-1].end == len(source)


TITLES = ("The Long Rain", "The Quarry", "A House of Salt", "Nine Lanterns")
SENTENCES = st.sampled_from([*SPOILERS, *HARMLESS])
BODIES = st.lists(SENTENCES, min_size=1, max_size=4).map(" ".join)
POSTS = st.lists(BODIES, min_size=2, max_size=4)
LAYOUTS = {
    "heading": ("markdown", "## {}\n\n{}\n\n"),
    "html": ("html", "<h2>{}</h2>\n<p>{}</p>\n"),
    "number": ("text", "1. {}\n\n{}\n\n"),
    "item": ("markdown", "- **{}**: {}\n"),
}


def _scores(guard: sg.Guard, layout: str, bodies: list[str]) -> dict[str, list[float]]:
    """The scores of the sentences of each section, by its title."""
    format, form = LAYOUTS[layout]
    source = "".join(form.format(*parts) for parts in zip(TITLES, bodies, strict=False))
    report = guard.flag(source, format=format)  # type: ignore[arg-type]
    starts = [source.index(title) for title in TITLES[: len(bodies)]]
    return {
        title: [s.score for s in report.sentences if begin - 8 <= s.start < end - 8]
        for title, begin, end in zip(TITLES, starts, [*starts[1:], len(source) + 8], strict=False)
    }


@pytest.mark.parametrize("layout", LAYOUTS)
@given(bodies=POSTS, other=BODIES, k=st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_what_a_section_says_changes_no_score_in_another(
    fast: sg.Guard, layout: str, bodies: list[str], other: str, k: int
) -> None:
    k %= len(bodies)
    before = _scores(fast, layout, bodies)
    after = _scores(fast, layout, [*bodies[:k], other, *bodies[k + 1 :]])
    assert all(after[title] == scores for title, scores in before.items() if title != TITLES[k])


@pytest.mark.parametrize("layout", LAYOUTS)
@given(bodies=POSTS, k=st.integers(0, 3))
@settings(max_examples=10, deadline=None)
def test_a_sentence_scores_alike_in_its_place_and_in_its_section_alone(
    fast: sg.Guard, layout: str, bodies: list[str], k: int
) -> None:
    k %= len(bodies)
    format, form = LAYOUTS[layout]
    alone = fast.flag(form.format(TITLES[k], bodies[k]), format=format)  # type: ignore[arg-type]
    assert _scores(fast, layout, bodies)[TITLES[k]] == [sentence.score for sentence in alone.sentences]


@given(bodies=POSTS, others=POSTS)
@settings(max_examples=10, deadline=None)
def test_an_announcement_reaches_as_far_as_it_says(fast: sg.Guard, bodies: list[str], others: list[str]) -> None:
    def post(above: str) -> str:
        first, last = (
            "".join(f"### {title}\n\n{body}\n\n" for title, body in zip(TITLES, group, strict=False))
            for group in (bodies, others)
        )
        return f"# New\n\n{above}\n\n{first}# Old\n\n{last}"

    with_it, without = (fast.flag(post(above), format="markdown") for above in ("Spoilers ahead.", "A short list."))
    for told, quiet in zip(with_it.sentences[2:], without.sentences[2:], strict=True):
        beyond = told.start >= with_it.document.source.index("# Old")
        assert told.score == quiet.score or not beyond


@given(bodies=POSTS)
@settings(max_examples=15, deadline=None)
def test_a_section_more_changes_no_score(fast: sg.Guard, bodies: list[str]) -> None:
    whole = _scores(fast, "heading", bodies)
    assert _scores(fast, "heading", bodies[:-1]).items() <= whole.items()


LISTS = {
    "heading": ("markdown", "## {}\n\n{}\n\n"),
    "bold": ("markdown", "**{}**\n\n{}\n\n"),
    "html": ("html", "<h2>{}</h2>\n<p>{}</p>\n\n"),
    "article": ("html", "<article><h3>{}</h3><p>{}</p></article>\n"),
    "number": ("text", "1. {}\n\n{}\n\n"),
}


@pytest.fixture(scope="module", params=["fast", "accurate"])
def either(request: pytest.FixtureRequest) -> sg.Guard:
    if request.param == "accurate":
        pytest.importorskip("onnxruntime")
    return sg.load(request.param)


@given(
    layout=st.sampled_from(sorted(LISTS)),
    bodies=st.lists(BODIES, min_size=3, max_size=4),
    other=BODIES,
    k=st.integers(0, 2),
)
@settings(max_examples=8, deadline=None)
def test_to_suppress_remove_or_add_a_section_changes_no_score_in_another(
    either: sg.Guard, layout: str, bodies: list[str], other: str, k: int
) -> None:
    format, form = LISTS[layout]
    parts = [form.format(*titled) for titled in zip(TITLES, bodies, strict=False)]

    def scores(above: str) -> list[list[float]]:
        """The scores in each section but the one that changes, which is written like this."""
        written = [*parts[:k], above, *parts[k + 1 :]]
        source = "".join(written)
        sentences = either.flag(source, format=format).sentences  # type: ignore[arg-type]
        found, start = [], 0
        for number, part in enumerate(written):
            if number != k:
                found.append([s.score for s in sentences if start <= s.start < start + len(part)])
            start += len(part)
        return found

    before = scores(parts[k])
    assert all(before)
    assert scores(f"<!-- spoilerguard off -->\n\n{parts[k]}<!-- spoilerguard on -->\n\n") == before
    assert scores("") == before
    assert scores(parts[k] + form.format("Tall Grass", other)) == before


def test_without_sections_the_whole_document_is_scored(fast: sg.Guard) -> None:
    document = read("\n\n".join([*HARMLESS, *SPOILERS]), "text")
    one, none = fast.flag_read([document, replace(document, sections=())], [None, None], 0.5)
    assert one.sentences == none.sentences


def _body_scores(guard: sg.Guard, source: str, sentence: str) -> list[float]:
    return [s.score for s in guard.flag(source, format="markdown").sentences if s.text == sentence]


@pytest.mark.parametrize("above", ["Spoilers ahead.\n\n", "# Spoilers ahead\n\n"])
def test_an_announcement_above_reaches_all_sections_below(fast: sg.Guard, above: str) -> None:
    rest = f"## A\n\n{SPOILERS[0]}\n\n" * 2
    without, with_it = (_body_scores(fast, start + rest, SPOILERS[0]) for start in ("", above))
    assert without[0] == without[1] != with_it[0] == with_it[1]


def test_an_announcement_is_read_as_context_and_reported_once(fast: sg.Guard) -> None:
    report = fast.flag(f"Spoilers ahead.\n\n## A\n\n{SPOILERS[0]}\n\n## B\n\n{SPOILERS[1]}\n", format="markdown")
    assert [s.text for s in report.sentences] == ["Spoilers ahead.", "A", SPOILERS[0], "B", SPOILERS[1]]


def test_an_announcement_in_a_section_reaches_only_that_section(fast: sg.Guard) -> None:
    last = f"## B\n\n{SPOILERS[0]}\n"
    alone, below = (_body_scores(fast, first + last, SPOILERS[0]) for first in ("", "## A\n\nSpoilers ahead.\n\n"))
    assert alone == below


def test_an_announcement_that_has_ended_reaches_nothing_below(fast: sg.Guard) -> None:
    last = f"## B\n\n{SPOILERS[0]}\n"
    over = f"Spoilers ahead. {SPOILERS[1]} End of spoilers.\n\n"
    assert _body_scores(fast, over + last, SPOILERS[0]) == _body_scores(fast, last, SPOILERS[0])


@pytest.mark.parametrize("style", ["html", "reddit", "details"])
def test_hiding_changes_no_score_and_no_section(fast: sg.Guard, style: str) -> None:
    source = "".join(f"## {title}\n\n{HARMLESS[k]} {SPOILERS[k]}\n\n" for k, title in enumerate(TITLES))
    before = fast.flag(source, format="markdown")
    after = fast.flag(before.blur(style), format="markdown")
    scores = {s.text: s.score for s in before.sentences}
    assert all(scores[s.text] == s.score for s in after.sentences if s.text in scores)
