"""MDX: what is prose in it, and that hiding leaves a text that the real compiler accepts and that hides."""

from __future__ import annotations

from contextlib import suppress
import random
import re

from building import compiled
from hypothesis import given
from hypothesis import strategies as st
import pytest
from texts import HARMLESS, SPOILERS
from timing import assert_linear

import spoilerguard as sg
from spoilerguard.errors import LeakError
from spoilerguard.hiding.block_edits import applied
from spoilerguard.hiding.ignoring import edits_to_ignore
from spoilerguard.hiding.styles import STYLES
from spoilerguard.text.reading import format_of, guess_format, read, suppressions

LINE, OTHER = SPOILERS[0], SPOILERS[1]
FINE = HARMLESS[1]
NOT_PROSE = [
    'import {Card} from "../card"\n\n{}',
    'export const blurb = "' + LINE + '"\n\n{}',
    'import a from "a"\nexport const b = `' + LINE + "`\n\n{}",
    "export const meta = {\n  text: '" + LINE + "',\n\n  list: [1, 2]\n}\n\n{}",
    "export default function Layout(props) {\n\n  return <p>it's gone</p>\n}\n\n{}",
    "# T\n\n{}\n\n{/* " + LINE + " */}",
    "{}\n\n{[1, 2].map((n) => <li key={n}>" + LINE + "</li>)}",
    '{}\n\n<Figure src="a.png" caption="' + LINE + '" />',
    "{}\n\n<Figure\n  caption={`" + LINE + "`}\n  style={{color: '}'}}\n/>",
    '{}\n\n<Card title="a > b" action={() => "' + LINE + '"}>\n\n</Card>',
    "{}\n\n```jsx\n<Card>{" + LINE + "}</Card>\n```",
    "{}\n\n`{" + LINE + "}`",
    "---\ntitle: T\nabout: " + LINE + "\n---\n\n{}",
]
PROSE = [
    "<Card>\n\n    {}\n\n</Card>",
    "<Card>\n  {}\n</Card>",
    "<Tabs>\n  <TabItem value='a'>\n\n    {}\n\n  </TabItem>\n</Tabs>",
    "    {}",
    "- one\n\n  <Note>\n\n  {}\n\n  </Note>",
    "<Card>{}</Card>",
    "> {}",
    "<div className='wide'>{}</div>",
    "{props.a} {}",
    "<>\n\n{}\n\n</>",
    ":::note[T]\n\n{}\n\n:::",
    "| a | b |\n|---|---|\n| {} | <b>x</b> |",
]
HIDDEN = [
    "<details>\n<summary>The end</summary>\n\n{}\n\n</details>",
    "<Spoiler>{}</Spoiler>",
    '<Spoiler title={"x"}>\n\n    {}\n\n</Spoiler>',
    '<span className="spoiler">{}</span>',
    "<div style={{color: 'red'}} className={'spoiler'}>\n\n{}\n\n</div>",
    "||{}||",
    ":::spoiler T\n{}\n:::",
]


def _words(source: str) -> str:
    return " ".join(read(source, "mdx").prose.split())


def test_the_format_is_known_by_the_name_and_never_guessed() -> None:
    assert format_of("posts/a.mdx") == "mdx"
    assert guess_format('import a from "a"\n\n# A\n\n<Card>\n\n*b*\n\n</Card>\n') != "mdx"


@pytest.mark.parametrize("source", NOT_PROSE)
def test_code_is_not_prose(source: str) -> None:
    assert FINE in _words(source.replace("{}", FINE))
    assert LINE not in _words(source.replace("{}", FINE))


@pytest.mark.parametrize("source", PROSE)
def test_text_in_components_is_prose(source: str, fast: sg.Guard) -> None:
    report = fast.flag(f"{FINE}\n\n{source.replace('{}', LINE)}\n\n{FINE}\n", format="mdx")
    assert [flag.text for flag in report] == [LINE]


@pytest.mark.parametrize("source", HIDDEN)
def test_what_its_author_hid_is_hidden(source: str) -> None:
    document = read(f"{FINE}\n\n{source.replace('{}', LINE)}\n\n{FINE}\n", "mdx")
    assert LINE not in " ".join(document.prose.split())
    assert document.hidden


@pytest.mark.parametrize("source", ["a < b and c > d.", "3 <4 {no", "I \\{do\\} not", "<http://a.example>", "x <!-- y"])
def test_what_is_no_code_does_no_harm(source: str) -> None:
    assert read(f"{source}\n\n{FINE}\n", "mdx").prose.rstrip().endswith(FINE)


@pytest.mark.parametrize("comment", ["{/* spoilerguard: ignore-next */}", "{/* spoilerguard off */}"])
def test_comments_suppress(comment: str, fast: sg.Guard) -> None:
    assert not fast.flag(f"{FINE}\n\n{comment}\n\n{LINE}\n", format="mdx")


def test_a_sentence_is_ignored_by_comments_that_mdx_accepts() -> None:
    source = f"<Card>\n\n  {FINE} {LINE} {FINE}\n\n</Card>\n"
    document, start = read(source, "mdx"), source.index(LINE)
    ignored = applied(source, edits_to_ignore(document, (start, start + len(LINE))))
    assert f"{{/* spoilerguard off */}}{LINE}{{/* spoilerguard on */}}" in ignored
    assert len(suppressions(ignored, "mdx")) == 1


@given(
    st.lists(
        st.sampled_from("{ } < > / ` \\ \" ' a = \n \n\n import export <A> </A> {/* */} *".split(" ")), max_size=40
    )
)
def test_any_text_is_read(parts: list[str]) -> None:
    source = "".join(parts)
    document = read(source, "mdx")
    assert len(document.prose) == len(source)
    shown = [(a, b) for a, b in zip(document.prose, source, strict=True) if not a.isspace()]
    assert all(a == b for a, b in shown)


@pytest.mark.parametrize(
    "piece", ["{", "}", "<a {", '<a b="', "`", "export a {\n\n", "<A>\n\n  ", "{`${", "{/*", "```\n{", "``` `"]
)
def test_broken_code_takes_linear_time(piece: str) -> None:
    assert_linear(lambda text: read(text, "mdx"), piece, 4_000)


# --- hiding, and the real compiler ----------------------------------------------------------------

POSTS = [
    *(source.replace("{}", f"{FINE} {LINE}") for source in PROSE),
    *(f"{source.replace('{}', FINE)}\n\n{LINE}\n\n{OTHER}\n" for source in NOT_PROSE if source[0] not in "i-"),
    f"# T\n\n<Card>\n\n  {LINE}\n\n  {OTHER}\n\n</Card>\n\n{FINE}\n",
    f"## {LINE}\n\n*{LINE}*\n\n[{OTHER}](https://a.example)\n",
    f"1. {FINE}\n2. {LINE}\n   <b>{OTHER}</b>\n",
]  # fmt: skip


@pytest.mark.parametrize("style", [name for name, style in STYLES.items() if "mdx" in style.formats])
def test_a_hidden_text_compiles_and_hides(style: str, fast: sg.Guard) -> None:
    written = []
    for source in POSTS:
        report = fast.flag(source, format="mdx", threshold=0.3)
        assert report, source
        with suppress(LeakError):  # a block cannot stand there, or the code repeats what is to be hidden
            written.append((source, report.blur(style)))
    assert len(written) > len(POSTS) // 2
    for (source, hidden), result in zip(written, compiled([hidden for _, hidden in written]), strict=True):
        assert "error" not in result, (source, hidden, result["error"])
        shown = fast.flag(result["html"], format="html", threshold=0.3)
        assert not [flag.text for flag in shown if flag.text in (LINE, OTHER)], (hidden, result["html"])
        assert not fast.flag(hidden, format="mdx", threshold=0.3), hidden


def test_prose_is_what_the_compiler_takes_for_text() -> None:
    draw = random.Random(16)
    lines = [
        "One *two* three.",
        "- four\n- five",
        "1. six",
        "> seven {x} eight",
        "# Nine",
        "`ten` eleven",
        "twelve <b>a</b> b",
    ]
    blocks = ["<Card>", "<Box a={{b: 1}}>", "<>"]
    sources = []
    for _ in range(300):
        out: list[str] = []
        indent, opened = "", []
        for _ in range(draw.randint(2, 9)):
            choice = draw.random()
            if choice < 0.3:
                tag = draw.choice(blocks)
                out.append(indent + tag)
                opened.append((indent, "</" + re.match(r"<(\w*)", tag)[1] + ">"))  # type: ignore[index]
                indent += draw.choice(["", "  ", "    "])
            elif choice < 0.45 and opened:
                indent, tag = opened.pop()
                out.append(indent + tag)
            elif choice < 0.6:
                out.append(
                    indent + draw.choice(["{1 + 1}", "{/* no */}", "<Figure a={`}`} />", "export const z1 = '{'"])
                )
            else:
                out.append("\n".join(indent + line for line in draw.choice(lines).split("\n")))
            out.append("" if draw.random() < 0.8 else indent.rstrip())
        out += [indent + tag for indent, tag in reversed(opened)]
        sources.append("\n".join(out) + "\n")
    results = compiled(sources)
    compared = 0
    for source, result in zip(sources, results, strict=True):
        if "text" not in result:  # not MDX
            continue
        compared += 1
        assert re.findall(r"\w+", read(source, "mdx").prose) == re.findall(r"\w+", " ".join(result["text"])), source
    assert compared > 50
