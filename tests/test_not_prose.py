"""What is not prose in the sources of a site: it is not read, and hiding leaves it as it is."""

from __future__ import annotations

import pytest
from texts import SPOILERS
from timing import assert_linear

import spoilerguard as sg
from spoilerguard.text.frontmatter import front_matter
from spoilerguard.text.not_prose import template_tags
from spoilerguard.text.reading import read

LINE = SPOILERS[1]
FRONT_MATTER = [
    f'{{\n  "title": "The Mill",\n  "description": "{LINE}"\n}}\n',
    f'+++\n\ntitle = "The Mill"\ndescription = "{LINE}"\n+++\n',
    f'---\n\ntitle: "The Mill"\ndescription: "{LINE}"\n---\n',
    f"---\n# a comment\n'og title': The Mill\nabout: {LINE}\n---\n",
    f'\n\n---\n"title": The Mill\nabout: {LINE}\n...\n',
    f'+++\n[extra]\n"about" = "{LINE}"\n+++\n',
    f';;;\n"title": "The Mill",\n"about": "{LINE}"\n;;;\n',
    f"#+TITLE: The Mill\n#+DESCRIPTION: {LINE}\n",
    f"Title: The Mill\nDate: 2020-12-03\nSummary: {LINE}\n",
    f"Title: The Mill\nSummary: {LINE}\n    {LINE}\n",
    f"---\nog:title: The Mill\nog.about: {LINE}\n---\n",
    f"---\n{{title: The Mill, about: '{LINE}'}}\n---\n",
    f"title: The Mill\ntags:\n  - film\nabout: {LINE}\n---\n",  # Hexo's
    f"------\ntitle: The Mill\nabout: {LINE}\n------\n",
    f'"title": "The Mill",\n"about": "{LINE}"\n;;;\n',
    f'---json\n{{"title": "The Mill", "about": "{LINE}"}}\n---\n',  # Eleventy's
    f"---js\nconst about = '{LINE}'\n---\n",
    f'---toml\nabout = "{LINE}"\n---\n',
    f'{{"title": "The Mill", "about": "{LINE}"}}\n',
    f'{{ "about": "{LINE}", "a": {{\n"b": 1\n}}\n}}\n',
    f"#+title: The Mill\n#+tags[]: a b\n#+about: {LINE}\n",
    "---\n---\n",
]
NO_FRONT_MATTER = [
    f"---\n\nNote: it is slow. {LINE}\n\nLovely.\n\n---\n",
    f"Verdict: slow\n\n---\n\n{LINE}\n",
    f"Summary: {LINE}\n---\nLovely.\n",
    f"Ann: It is slow.\nBen: {LINE}\n\n---\n",
    f'{{"It is slow," he said. {LINE}}}\n',
]
TAGS = [
    '{{{{< figure src="a.jpg" caption="{}" >}}}}',
    "{{{{<figure caption=`{}`>}}}}",
    '{{{{% include\n  caption="{}" %}}}}',
    '{{% include figure.html caption="{}" %}}',
    "{{{{ '{}' | markdownify }}}}",
    "{{% comment %}}\n{}\n{{% endcomment %}}",
    "{{{{< highlight go >}}}}\n{}\n{{{{< /highlight >}}}}",
    '[caption id="a" text="{}"]',
    "{{/* {} */}}",
    'export const blurb = "{}"',
    "{{# {} #}}",
    "{{{{ card({{text: '{}'}}) }}}}",
    '{{: .wide title="{}"}}',  # kramdown's
    "{{::comment}}\n{}\n{{:/comment}}",
]
FORMATS = ("markdown", "html")


def _words(source: str, format: str) -> str:
    return " ".join(read(source, format).prose.split())


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("matter", FRONT_MATTER)
def test_front_matter_is_not_prose(matter: str, format: str) -> None:
    assert _words(f"{matter}\nLovely prose.\n", format) == "Lovely prose."


@pytest.mark.parametrize("source", NO_FRONT_MATTER)
def test_a_rule_at_the_start_is_no_front_matter(source: str) -> None:
    assert LINE in _words(source, "markdown")


@pytest.mark.parametrize("piece", ["---\n", "a: ", "---\na: b\n", "title: x\n", '"a": 1,\n', '{"a": ', "#+a:\n"])
def test_front_matter_without_an_end_takes_linear_time(piece: str) -> None:
    assert_linear(lambda text: front_matter("---\n" * (piece == "a: ") + text, 0), piece, 20_000)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("tag", TAGS)
def test_template_tags_are_not_prose(tag: str, format: str) -> None:
    assert _words(f"Fine film.\n\n{tag.format(LINE)}\n\nMore.\n", format) == "Fine film. More."


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("{{% notice warning %}}", "{{% /notice %}}"),
        ("{{< box >}}", "{{< /box >}}"),
        ("{% note %}", "{% endnote %}"),
        ('[box color="red"]', "[/box]"),
        (":::note[A title]\n", ":::"),
        ("::: {.callout-note}\n", ":::"),
        ("> [!WARNING]\n>", ""),
        ("> [!note]-\n>", ""),
    ],
)
def test_the_text_in_a_pair_of_tags_is_prose_and_the_tags_stay(fast: sg.Guard, opens: str, closes: str) -> None:
    source = f"Fine film.\n\n{opens} {LINE}\n{closes}\n\nMore.\n"
    report = fast.flag(source, format="markdown")
    assert [flag.text for flag in report] == [LINE]
    hidden = report.blur("redact")
    assert opens in hidden
    assert closes in hidden
    assert LINE not in hidden


@pytest.mark.parametrize(
    "source", ["A [link](x) and [one][two].\n", "A { brace } and 100 % sure.\n", "[sic] He left.\n", "## End {#end}\n"]
)
def test_other_brackets_are_prose(source: str) -> None:
    assert template_tags(source, 0) == []


def test_the_attributes_of_a_link_are_not_prose() -> None:
    assert _words(f'Fine [film](x){{ .wide title="{LINE}" }}.\n', "markdown") == "Fine film ."


def test_comments_of_mdx_suppress() -> None:
    assert _words(f"Fine.\n\n{{/* spoilerguard: ignore-next */}}\n\n{LINE}\n\nMore.\n", "markdown") == "Fine. More."


@pytest.mark.parametrize(
    "piece", ["{{< ", '{{< "', "{% raw ", "{% raw %}{% end", "{/* ", '[a b="', "[a b=c ", "{{ a ", "{# "]
)
def test_tags_without_an_end_take_linear_time(piece: str) -> None:
    assert sum(end - start for start, end in template_tags(piece * 20_000, 0)) <= 9 * 20_000


@pytest.mark.parametrize("mark", ["!!! note", "??? info", "???+ tip", "===", "!!! danger inline end"])
def test_the_text_of_an_admonition_is_prose_and_its_mark_stays(fast: sg.Guard, mark: str) -> None:
    source = f'Fine film.\n\n{mark} "On it"\n\n    {LINE}\n\n    Lovely.\n\nThe end.\n'
    assert _words(source, "markdown") == f'Fine film. "On it" {LINE} Lovely. The end.'
    hidden = fast.flag(source, format="markdown").blur("redact")
    assert f'{mark} "On it"' in hidden
    assert LINE not in hidden
    assert "    Lovely." in hidden


def test_admonitions_may_be_nested() -> None:
    source = f'!!! note\n    One.\n\n    ??? tip "T"\n\n        {LINE}\n'
    assert _words(source, "markdown") == f'One. "T" {LINE}'
