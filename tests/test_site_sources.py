"""What the sources of sites really contain, kind by kind, and what check and blur make of it."""

from __future__ import annotations

import os
from pathlib import Path
import re
import subprocess
import sys

from commands import PACKAGE_AT, Cli
from offline import ROOT
import pytest
from texts import HARMLESS, SPOILERS
from waiting import WAIT
import yaml

import spoilerguard as sg
from spoilerguard.settings.layers import Value, find
from spoilerguard.spans import Format
from spoilerguard.text.reading import FEEDS, OTHER_MARKUP, SUFFIXES

A, B = SPOILERS[0], SPOILERS[1]
FINE, MORE = HARMLESS[1], HARMLESS[2]

# --- front matter: neither checked nor touched ----------------------------------------------------

FRONT_MATTER: list[tuple[Format, str]] = [
    ("markdown", f'{{\n  "title": "The Mill",\n  "description": "{A} {B}"\n}}\n'),
    ("html", f'{{\n"title": "The Mill", "description": "{A}",\n"tags": {{"a": [1, 2]}}\n}}\n'),
    ("markdown", f'\ufeff{{\r\n"description": "{A}"\r\n}}\r\n'),
    ("markdown", f'+++\n\ntitle = "The Mill"\ndescription = "{A}"\n+++\n'),
    ("html", f"+++\n# a comment\n\n[extra]\nsummary = '''\n{A}\n'''\n+++\n"),
    ("markdown", f'+++\r\n\r\n"a b" = "{A}"\r\n+++\r\n'),
    ("markdown", f'---\n\ntitle: "The Mill"\ndescription: "{A}"\n---\n'),
    ("markdown", f"---\n\n\n# a comment\n\n'og description': {A}\n...\n"),
    ("markdown", f"---\r\n\r\nsummary: >\r\n  {A}\r\n---\r\n"),
    ("html", f'---\ntitle: "The Mill"\ndescription: "{A}"\n---\n'),
    ("html", f"\n---\ndescription: |\n  {A}\n  {B}\n---\n"),
    ("mdx", f"---\ntitle: The Mill\ndescription: {A}\n---\n"),
]


@pytest.mark.parametrize(("format", "matter"), FRONT_MATTER)
def test_front_matter_is_neither_checked_nor_touched(format: Format, matter: str, fast: sg.Guard) -> None:
    body = f"<p>{FINE} {SPOILERS[2]}</p>" if format == "html" else f"{FINE} {SPOILERS[2]}\n"
    report = fast.flag(matter + "\n" + body, format=format)
    assert [flag.text for flag in report] == [SPOILERS[2]]
    assert report.blur().startswith(matter)


# --- template tags: code --------------------------------------------------------------------------

TAGS = [
    f'{{{{< figure src="boat.jpg" caption="A boat at dusk. {A}" >}}}}',
    f'{{{{< quote author="X"\n  text=`{A} {B}` >}}}}',
    f'{{{{% figure title="{A}" %}}}}',
    f'{{{{< youtube id="x" title="{A}" />}}}}',
    f'{{% include figure.html src="boat.jpg" caption="A boat. {A}" %}}',
    f'{{%- render "card", text: "{A}" -%}}',
    f'{{% assign end = "{A}" %}}{{{{ "{B}" | upcase }}}}',
    f'{{% image "a.png",\n  "{A}" %}}',
    f'[gallery ids="1,2" caption="{A}"]',
]
PAIRS = [
    ("{{% notice warning %}}", "{{% /notice %}}"),
    ('{{< tab "One" >}}', "{{< /tab >}}"),
    ("{% capture end %}", "{% endcapture %}"),
    ('[box style="a"]', "[/box]"),
    ("::: tip", ":::"),
    ("::: {.callout-note}", ":::"),
]


@pytest.mark.parametrize("tag", TAGS)
def test_the_arguments_of_template_tags_are_code(tag: str, fast: sg.Guard) -> None:
    report = fast.flag(f"{FINE}\n\n{tag}\n\n{SPOILERS[2]}\n", format="markdown")
    assert [flag.text for flag in report] == [SPOILERS[2]]
    assert tag in report.blur()


@pytest.mark.parametrize("style", ["html", "details", "lemmy", "redact"])
@pytest.mark.parametrize(("opens", "closes"), PAIRS)
def test_what_is_hidden_crosses_no_template_tag(opens: str, closes: str, style: str, fast: sg.Guard) -> None:
    report = fast.flag(f"{FINE}\n\n{opens}\n{A}\n{closes}\n\n{B}\n", format="markdown")
    assert [flag.text for flag in report] == [A, B]
    try:
        hidden = report.blur(style)
    except sg.errors.LeakError:
        assert style != "html"
        return
    before, _, rest = hidden.partition(opens)
    assert FINE in before
    assert closes in rest
    inside, outside = rest[: rest.rindex(closes)], rest[rest.rindex(closes) :]
    for part in (inside, outside):
        assert part.count("<span") == part.count("</span>")
        assert part.count("<details") == part.count("</details")


# --- admonitions, alerts, bullets: prose ----------------------------------------------------------

ADMONITIONS = [
    '!!! note "On the ending"\n\n    {}\n',
    '??? info "More"\n\n    The music is good. {}\n',
    '=== "Tab"\n\n    {}\n\n=== "Other"\n\n    Fine.\n',
    "!!! danger inline end\n    {}\n",
    '???+ tip "T"\n\n    - one\n    - {}\n',
    "!!! note\n\n    !!! warning\n\n        {}\n",
    '!!! note "A title"\n    {}\n',
    '??? info "A title"\n\n\t{}\n',
    "!!! note\n\t!!! tip\n\n\t\t{}\n",
]
ALERTS = [
    "> [!WARNING]\n> {}\n",
    "> [!note]- A title\n> {}\n",
    "> [!TIP]+\n>\n> {}\n",
    "- item\n\n  > [!CAUTION]\n  > {}\n",
    ">[!IMPORTANT]\n>{}\n",
]
BULLETS = ["➡️ ", "• ", "✅", "🔥 ", "– ", "◦ ", "👉🏽 ", "1️⃣ "]


@pytest.mark.parametrize("source", [*ADMONITIONS, *ALERTS])
def test_their_text_is_checked_and_their_marks_stay(source: str, fast: sg.Guard) -> None:
    report = fast.flag(f"{FINE}\n\n{source.format(A)}\n{MORE}\n", format="markdown")
    assert [flag.text for flag in report] == [A]
    hidden = report.blur("redact")
    mark = source.partition("{}")[0].rstrip("> \n-")
    assert mark in hidden
    assert A not in hidden
    assert FINE in hidden
    assert MORE in hidden


@pytest.mark.parametrize("style", ["html", "discord", "redact"])
def test_a_term_and_its_definitions_are_apart(style: str, fast: sg.Guard) -> None:
    report = fast.flag(f"The Mill\n: {A}\n\nRain\n:   {FINE}\n:   {B}\n", format="markdown")
    assert [sentence.text for sentence in report.sentences] == ["The Mill", A, "Rain", FINE, B]
    hidden = report.blur(style)
    assert hidden.startswith("The Mill\n:")
    assert f"Rain\n:   {FINE}\n:   " in hidden


@pytest.mark.parametrize("bullet", BULLETS)
def test_a_list_is_read_alike_whatever_its_bullets(bullet: str, fast: sg.Guard) -> None:
    lines = ["The cast is great.", "Anna dies in the fire.", "Nice music.", A]
    flags = [
        [flag.text.removeprefix(mark).strip() for flag in fast.flag(post, format="text", threshold=0.3)]
        for mark in ("- ", bullet)
        for post in ["".join(f"{mark}{line}\n" for line in lines)]
    ]
    assert flags[0] == flags[1] == ["Anna dies in the fire.", A]


# --- what authors have hidden ---------------------------------------------------------------------

HIDDEN: list[tuple[Format, str]] = [
    ("markdown", '[details="The ending"]\n{}\n[/details]'),
    ("markdown", "[details=Ende]\n\n- {}\n\n[/details]"),
    ("text", '[details="a"]{}[/details]'),
    ("html", '[su_spoiler title="End" style="fancy"]\n<p>{}</p>\n[/su_spoiler]'),
    ("html", "<p>[su_spoiler]{}[/su_spoiler]</p>"),
    ("markdown", '[su_spoiler title="The end" open="no"]{}[/su_spoiler]'),
    ("markdown", "{{% spoiler The ending %}}\n\n{}\n\n{{% endspoiler %}}"),
    ("markdown", "{{% details Ending %}}{}{{% enddetails %}}"),
    ("html", "{{% spoiler %}}<p>{}</p>{{% endspoiler %}}"),
    ("text", "[ISPOILER]{}[/ISPOILER]"),
    ("markdown", "So [ispoiler]{}[/ispoiler] it is."),
    ("markdown", "||{}\n\nAnd more.||"),
    ("text", "||{}\n\nAnd more.||"),
    ("markdown", "So: ||{}\n\nAnd more.||"),
    ("text", "||Once.\n\n{}|| So it is."),
    ("markdown", "{{%- spoiler 'The end' -%}}\n\n{}\n\n{{%- endspoiler -%}}"),
    ("markdown", '[su_spoiler title="End"\n  style="fancy"]\n{}\n[/su_spoiler]'),
    ("markdown", "::: details The end\n\n{}\n\n:::"),
    ("markdown", ">!{}\n\nAnd more.!<"),
    ("text", "&gt;!Once.\n\n{}!&lt;"),
    ("markdown", "::: spoiler The end\n\n- one\n- {}\n\n:::"),
    ("markdown", ":::: warning\n\n::: spoiler The end\n{}\n:::\n\n::::"),
    ("markdown", "::: warning\nAn aside.\n:::\n\n::: spoiler The end\n{}\n:::"),
]


@pytest.mark.parametrize(("format", "source"), HIDDEN)
def test_what_its_author_has_hidden_stays_as_it_is(format: Format, source: str, fast: sg.Guard) -> None:
    whole = f"{FINE}\n\n{source.format(A)}\n\n{MORE}\n"
    report = fast.flag(whole, format=format)
    assert not report
    assert report.notices == ()
    assert report.blur("bbcode") == whole
    assert A in "".join(whole[span.start : span.end] for span in report.hidden)


@pytest.mark.parametrize("fence", ["::: warning", ":::tip Title", "::: {.note}"])
def test_the_fences_of_containers_are_marks_beside_those_of_spoilers_too(fence: str, fast: sg.Guard) -> None:
    source = f"{fence}\n{A}\n:::\n\n::: spoiler End\n{B}\n:::\n"
    report = fast.flag(source, format="markdown")
    assert [sentence.text for sentence in report.sentences] == [A]
    assert report.blur("bbcode") == source.replace(A, f"[spoiler]{A}[/spoiler]")


RUN_ON = [
    "so i watched the quarry last night and honestly the first hour is slow but then it turns out the baker was the "
    "killer the whole time and he drowns his own brother and i was screaming at the tv my sister too she never saw it",
    "just finished it and wow in the end anna dies in the fire and her father did it i cried so much but the music is "
    "lovely and id watch it again",
    "ok so the twist is that she was dead all along and the doctor killed her i did not see that coming at all the "
    "acting is superb",
    "tom betrays the crew and is killed by his own son in the last episode no idea why people like this the pacing is "
    "slow though the prose is fine",
]


@pytest.mark.parametrize("style", ["discourse", "discord", "redact"])
@pytest.mark.parametrize("source", RUN_ON)
def test_hiding_twice_changes_nothing(source: str, style: str, fast: sg.Guard) -> None:
    once = fast.flag(source, format="text").blur(style)
    assert once != source
    assert fast.flag(once, format="text").blur(style) == once


# --- files and settings ---------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", OTHER_MARKUP)
def test_markup_that_is_not_read_is_refused_unless_it_is_called_text(suffix: str, cli: Cli, tmp_path: Path) -> None:
    draft = tmp_path / f"a{suffix}"
    draft.write_text(f"{A}\n", encoding="utf-8")
    for command in ("check", "blur", "preview"):
        ran = cli(command, str(draft))
        assert ran.status == 2
        assert f"{draft}: {OTHER_MARKUP[suffix]} is not read; convert it to Markdown or HTML first" in ran.err
    assert cli("check", str(draft), "--input-format", "text").status == 1
    assert cli("check", str(tmp_path)).status == 2


@pytest.mark.parametrize("suffix", sorted(FEEDS))
def test_a_feed_is_no_draft(suffix: str, cli: Cli, tmp_path: Path) -> None:
    draft = tmp_path / f"a{suffix}"
    draft.write_text(f"<feed><entry><content type='html'>&lt;p>{A}&lt;/p></content></entry></feed>", encoding="utf-8")
    for command in ("check", "blur"):
        ran = cli(command, str(draft))
        assert ran.status == 2
        assert f"{draft}: a feed or an export is no draft; read it with spoilerguard scan" in ran.err
    assert cli("check", str(draft), "--input-format", "text", "--threshold", "0.001").status == 1, "it is read"


def test_the_hook_takes_the_files_that_a_folder_is_searched_for() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    names = [f"posts/a{suffix}" for suffix in (*SUFFIXES, *OTHER_MARKUP, ".py", ".MD", "")]
    taken = [name for name in names if re.search(hook["files"], name)]
    assert taken == [f"posts/a{suffix}" for suffix in (*SUFFIXES, ".MD")]


@pytest.mark.parametrize("output", ["-", "/dev/stdout"])
def test_an_output_may_be_called_standard(
    output: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.md").write_text(f"{A}\n", encoding="utf-8")
    assert A in cli("check", "a.md", "-o", output).out
    assert "sg1" in cli("blur", "a.md", "-o", output).out
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]


@pytest.mark.parametrize(
    ("comment", "says"),
    [
        ("spoilerguard of", "this comment suppresses nothing"),
        ("spoilergard off", "this comment suppresses nothing"),
        ("spoiler-guard off", "this comment suppresses nothing"),
        ("spoilerguard: ignore-line", "this comment suppresses nothing"),
        ("Spoiler guard off", "this comment suppresses nothing"),
        ("spoilerguard off", "nothing below this is checked"),
    ],
)
@pytest.mark.parametrize("format", ["text", "markdown", "html", "mdx"])
def test_a_comment_that_does_not_do_what_it_seems_to_is_told(
    comment: str, says: str, format: Format, fast: sg.Guard
) -> None:
    written = f"{{/* {comment} */}}" if format == "mdx" else f"<!-- {comment} -->"
    report = fast.flag(f"{FINE}\n\n{written}\n\n{MORE}\n", format=format)
    (notice,) = report.notices
    assert notice.message.startswith(says)
    assert report.document.source[notice.start : notice.end] == written
    assert not fast.flag(f"{written}\n{MORE}", format=format, suppressions=False).notices


def test_the_table_of_pyproject_may_be_pasted_into_our_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".spoilerguard.toml").write_text('[tool.spoilerguard]\ntitle = "The Mill"\n', encoding="utf-8")
    assert find().values == {"title": Value("The Mill", ".spoilerguard.toml:2")}


def test_a_closed_standard_output_is_an_error_and_not_a_finding(tmp_path: Path) -> None:
    draft = tmp_path / "a.md"
    draft.write_text(f"{FINE}\n", encoding="utf-8")
    words = ["sh", "-c", 'exec "$0" -m spoilerguard check "$1" >&-', sys.executable, str(draft)]
    ran = subprocess.run(
        words, env=os.environ | {"PYTHONPATH": PACKAGE_AT}, capture_output=True, text=True, timeout=WAIT
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "spoilerguard: standard output is closed; give it a place, such as >/dev/null\n"
