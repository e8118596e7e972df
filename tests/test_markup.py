"""Behaviour of the table of spoiler syntaxes. All sample text is invented."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from spoilerguard.spans import Notice
from spoilerguard.text.markup import SYNTAXES, find_hidden, strip_hidden

# For every row of SYNTAXES: texts and what is hidden in them, without marks; and texts in which it hides nothing.
HIDES: dict[str, list[tuple[str, list[str]]]] = {
    "xenforo": [("a [ISPOILER]x[/ISPOILER] b", ["x"]), ("[ispoiler]x[/ispoiler]", ["x"])],
    "discourse-details": [
        ('[details="The ending"]\nx\n[/details]', ["\nx\n"]),
        ("[details=A]x\n\ny[/details]", ["x\n\ny"]),
        ("[details]a [details=B]b[/details] c[/details]", ["a [details=B]b[/details] c"]),
    ],
    "shortcodes-ultimate": [
        ('[su_spoiler title="End" style="fancy"]x[/su_spoiler]', ["x"]),
        ("[su_spoiler]<p>x</p>[/su_spoiler]", ["<p>x</p>"]),
    ],
    "liquid": [
        ("{% spoiler The ending %}x{% endspoiler %}", ["x"]),
        ("{%- spoiler -%}\n\nx\n\n{%- endspoiler -%}", ["\n\nx\n\n"]),
        ("{% details Ending %}x{% enddetails %}", ["x"]),
    ],
    "discord-paragraphs": [
        ("||a\n\nb||", ["a\n\nb"]),
        ("So.\n||a b\n\nc | d\n\ne||  \nSo.", ["a b\n\nc | d\n\ne"]),
        ("||a\r\n\r\nb||\r\n\r\nc", ["a\r\n\r\nb"]),
        ("||a\n\nb|| c", ["a\n\nb"]),
        ("So ||a\n\nb||", ["a\n\nb"]),
    ],
    "reddit-paragraphs": [
        (">!one paragraph\n\nthe next!<", ["one paragraph\n\nthe next"]),
        (">!one\r\n \r\nnext!<\r\nSo.", ["one\r\n \r\nnext"]),
        ("So.\n\n&gt;!a\n\nb\n\nc!&lt;\n\nSo.", ["a\n\nb\n\nc"]),
    ],
    "reddit": [
        ("So >!Tarn dies!< then.", ["Tarn dies"]),
        (">!Tarn dies!<", ["Tarn dies"]),
        (">! spaced !< and >!tight!<", [" spaced ", "tight"]),
        (">!one line\nand the next!<", ["one line\nand the next"]),
        ("&gt;!from a dump!&lt; ok", ["from a dump"]),
        (">!first >!second!< rest", ["first >!second"]),
        ("(>!She is the killer!!<)", ["She is the killer!"]),
        (">!<b>!<", ["<b>"]),
    ],
    "reddit-title": [
        ('[Ending](#s "Tarn dies")', ["Tarn dies"]),
        ('a [](/s "x y") b', ["x y"]),
        ('[S](/spoiler "x")', ["x"]),
    ],
    "reddit-link": [("[Tarn dies](/s) there", ["Tarn dies"]), ("[x](#s) [y](/spoiler)", ["x", "y"])],
    "discord": [("so ||he dies|| ok", ["he dies"]), ("||a|| b ||c||", ["a", "c"]), ("||a\nb||", ["a\nb"])],
    "bbcode": [
        ("[spoiler]x[/spoiler]", ["x"]),
        ("[SPOILER=The end]x\n\ny[/SPOILER]", ["x\n\ny"]),
        ("[spoiler mode='inline']x[/spoiler]", ["x"]),
        ("[spoiler]a [spoiler]b[/spoiler] c[/spoiler]", ["a [spoiler]b[/spoiler] c"]),
        ("[spoiler] open [spoiler]b[/spoiler]", ["b"]),
    ],
    "goodreads": [("<spoiler>x</spoiler>", ["x"]), ("a <Spoiler>x\n\ny</spoiler>", ["x\n\ny"])],
    "goodreads-export": [("(view spoiler)[x [y] z (hide spoiler)]", ["x [y] z "])],
    "lemmy": [
        ("::: spoiler Title\nx\n\ny\n:::\n", ["\nx\n\ny\n"]),
        ("::: spoiler A\r\nx\r\n:::\r\n", ["\r\nx\r\n"]),
        ("::::spoiler A\nx\n::::", ["\nx\n"]),
    ],
    "hugo": [
        ("{{< spoiler >}}x{{< /spoiler >}}", ["x"]),
        ('{{% details summary="S" %}}x\n\ny{{% /details %}}', ["x\n\ny"]),
    ],
    "anilist": [("~!x!~", ["x"]), ("~!~~x~~!~", ["~~x~~"]), ("~!x\n\ny!~", ["x\n\ny"])],
    "mediawiki": [
        ("{{Spoiler|x}}", ["x"]),
        ("{{Spoiler|1=a=b}}", ["a=b"]),
        ("{{spoiler|a {{link|b}} c}} d", ["a {{link|b}} c"]),
    ],
    "tvtropes": [("[[spoiler:x]]", ["x"]), ("[[spoiler:a [[Link]] b]] c", ["a [[Link]] b"])],
    "stackexchange": [(">! one\n>! two\n\nout", ["one\ntwo"]), (">! one", ["one"])],
    "rot13": [("So [rot13: Gnea [qvrf](k).] then.", [])],
    "redact": [("So █████ ██ then ███.", [])],
    "placeholder": [("So [spoiler hidden] then.", [])],
}
SHOWS: dict[str, list[str]] = {
    "discord-paragraphs": ["So ||a\n\nb|| c", "|| a\n\nb||", "||a\n\nb", "so||a\n\nb||"],
    "reddit-paragraphs": [">!a\n\nb!< c", ">!a\n\nb", ">! a\n\nb!", ">!a\n\n>!b"],
    "xenforo": ["[ispoiler]x", "x[/ispoiler]", "[ispoilers]x[/ispoilers]"],
    "discourse-details": ['[details="A"]x', "x[/details]", "[detailed]x[/detailed]"],
    "shortcodes-ultimate": ["[su_spoiler]x", "[su_note]x[/su_note]"],
    "liquid": ["{% spoiler %}x", "{% note %}x{% endnote %}", "{% spoilers %}x{% endspoilers %}"],
    "reddit": [
        ">!never closed",
        "closed only!<",
        r"\>!escaped!<",
        "So >!one paragraph\n\nthe next!<",
        ">!one\n\nnext!< so",
        "<b>!Wow!</b>",
    ],
    "reddit-title": ['[Ending](#s "open', '[Ending](#story "x")', '[a](http://x.y "t")'],
    "reddit-link": ["[see below](#spoilers)", "[section](#spoiler)", "[a](/story)", "[](/s)"],
    "discord": ["a || b", "||||", r"\||x\||", "a ||b\n\nc||", "|||x|||"],
    "bbcode": ["[spoiler] open", "x[/spoiler]", "[spoilerfree]x[/spoilerfree]", "[b]x[/b]"],
    "goodreads": ["<spoiler>x", "x</spoiler>", "<spoilers-ahead>x</spoilers-ahead>"],
    "goodreads-export": ["(view spoiler)[x", "(view spoiler) x (hide spoiler)"],
    "lemmy": ["::: spoiler Title\nx\n", "::: note\nx\n:::", "a ::: spoiler b\nx\n:::"],
    "hugo": ["{{< spoiler >}}x", "{{< figure >}}x{{< /figure >}}"],
    "anilist": ["~!x", "x!~", "~~x~~!"],
    "mediawiki": ["{{Spoiler|x", "{{link|x}}", "{{spoilerfree|x}}"],
    "tvtropes": ["[[spoiler:x", "[[spoiler]]", "[[spoiler:x\n\ny]]"],
    "stackexchange": ["> quoted", ">!tight", "a >! b"],
    "rot13": ["[rot13: Gnea", "rot13 (Gnea)"],
    "redact": ["no bars", "░▒▓"],
    "placeholder": ["[spoiler]", "spoiler hidden"],
}

# Texts with broken markup, and where it is; and texts that look like it and are right, or could be it.
BROKEN: dict[str, list[tuple[str, str]]] = {
    "xenforo": [("[ispoiler]x", "[ispoiler]"), ("x[/ispoiler]", "[/ispoiler]")],
    "discourse-details": [("x[/details]", "[/details]")],
    "shortcodes-ultimate": [("[su_spoiler]x", "[su_spoiler]"), ("x[/su_spoiler]", "[/su_spoiler]")],
    "liquid": [("{% spoiler A %}x", "{% spoiler A %}"), ("x{% endspoiler %}", "{% endspoiler %}")],
    "reddit": [
        ("So >!Tarn dies. And then", ">!"),
        ("A >!b!< and >!c\n\nd!<", ">!"),
        ("so &gt;!Tarn dies.", "&gt;!"),
    ],
    "discord": [("so ||he dies. And then", "||"), ("||a|| b ||c\n\nd", "||")],
    "bbcode": [
        ("[spoiler]Tarn dies.", "[spoiler]"),
        ("[spoiler=End]Tarn[spoiler]dies[/spoiler]", "[spoiler=End]"),
        ("Tarn dies.[/spoiler] So", "[/spoiler]"),
    ],
    "goodreads": [("a <spoiler>b", "<spoiler>"), ("a</spoiler> b", "</spoiler>")],
    "goodreads-export": [("(view spoiler)[x", "(view spoiler)["), ("x (hide spoiler)] y", "(hide spoiler)]")],
    "lemmy": [("::: spoiler Title\nx\n", "::: spoiler Title")],
    "hugo": [('{{< details summary="S" >}}x', '{{< details summary="S" >}}'), ("{{% spoiler %}}x", "{{% spoiler %}}")],
    "anilist": [("So ~!Tarn dies.", "~!")],
    "mediawiki": [("{{Spoiler|x", "{{Spoiler|"), ("{{spoiler|a {{b}} c", "{{spoiler|")],
    "tvtropes": [("[[spoiler:x", "[[spoiler:"), ("[[spoiler:x\n\ny]]", "[[spoiler:")],
    "stackexchange": [(">! Tarn dies.\n> And Nel", "A")],
}
UNBROKEN: dict[str, list[str]] = {
    "discord-paragraphs": ["||a\n\nb||", "a ||\n\nb"],
    "reddit-paragraphs": [">!a\n\nb!<", ">!a\n\nb"],
    "xenforo": ["[ispoilers]"],
    "discourse-details": ["See [details] there.", "[details=A]x"],
    "shortcodes-ultimate": ["[su_note]"],
    "liquid": ["{% note %}"],
    "reddit": [">!quoted", "x\n>!a block spoiler", "- >!another", "a>!b", "if x >!= y", "x >! y", "closed only!<"],
    "reddit-title": ['[Ending](#s "open'],
    "reddit-link": ["[Tarn dies](/s"],
    "discord": ["a || b", "p || q || r", "||", "if (a) ||= b", "x||", "a\n|| b"],
    "bbcode": ["the [spoiler] tag", "[Spoilers]Why it works", "[SPOILER] my review", "[spoiler hidden]"],
    "goodreads": ["<spoilers-ahead>"],
    "goodreads-export": ["(view spoiler) x"],
    "lemmy": ["::: note", "a\n:::\n"],
    "hugo": ['{{< spoiler text="x" >}}', "{{< details />}}", "{{< figure >}}"],
    "anilist": ["Wow~!", "~! x", "~!~"],
    "mediawiki": ["{{Spoiler", "{{a|b"],
    "tvtropes": ["[[spoiler]]", "[[a"],
    "stackexchange": [">! a\n>! b\n\n> c", ">! a\n>\n"],
    "rot13": ["[rot13: x"],
    "redact": ["██"],
    "placeholder": ["[spoiler hidden"],
}


@pytest.mark.parametrize("name", [syntax.name for syntax in SYNTAXES])
def test_every_row_has_passing_and_failing_examples(name: str) -> None:
    assert HIDES[name]
    assert SHOWS[name]


def test_no_example_is_of_a_row_that_is_gone() -> None:
    assert HIDES.keys() == SHOWS.keys() == UNBROKEN.keys() == {syntax.name for syntax in SYNTAXES}
    assert BROKEN.keys() == {syntax.name for syntax in SYNTAXES if syntax.lone != r"(?!)" or syntax.stray}


@pytest.mark.parametrize(("name", "text", "inner"), [(n, *case) for n, cases in HIDES.items() for case in cases])
def test_hides(name: str, text: str, inner: list[str]) -> None:
    found = [h.style for h in find_hidden(text)]
    assert found
    assert set(found) == {name}
    bare, ranges = strip_hidden(text)
    assert [bare[start:end] for start, end in ranges] == inner


@pytest.mark.parametrize(("name", "text"), [(n, text) for n, texts in SHOWS.items() for text in texts])
def test_shows(name: str, text: str) -> None:
    assert [h for h in find_hidden(text) if h.style == name] == []


@pytest.mark.parametrize(("text", "mark"), [case for cases in BROKEN.values() for case in cases])
def test_a_mark_without_its_other_half_is_reported(text: str, mark: str) -> None:
    notices: list[Notice] = []
    find_hidden(text, notices=notices)
    assert [text[notice.start : notice.end] for notice in notices] == [mark]


@pytest.mark.parametrize(
    "text",
    [
        t
        for row in (UNBROKEN, {n: [t for t, _ in cases] for n, cases in HIDES.items()})
        for ts in row.values()
        for t in ts
    ],
)
def test_what_may_be_right_is_not_called_broken(text: str) -> None:
    notices: list[Notice] = []
    hidden = find_hidden(text, notices=notices)
    assert [s for s in notices if not any(h.start <= s.start < h.end for h in hidden)] == []


@pytest.mark.parametrize("text", ["a █████ b", "a [rot13: Gnea] b", "a [spoiler hidden] b"])
def test_what_is_hidden_beyond_reading_is_no_label(text: str) -> None:
    assert strip_hidden(text) == (text, [])


def test_the_whole_markup_is_hidden() -> None:
    text = "a >!b!< c [spoiler=d]e[/spoiler] f"
    assert [text[h.start : h.end] for h in find_hidden(text)] == [">!b!<", "[spoiler=d]e[/spoiler]"]


def test_of_syntaxes_within_each_other_the_outer_counts() -> None:
    text = "[spoiler]a >!b!< ||c||[/spoiler] ||d||"
    assert [(h.style, text[h.start : h.end]) for h in find_hidden(text)] == [
        ("bbcode", "[spoiler]a >!b!< ||c||[/spoiler]"),
        ("discord", "||d||"),
    ]


def test_inline_spoilers_do_not_cross_boundaries() -> None:
    assert find_hidden("- >!a\n- b!<", boundaries=[0, 6]) == []
    assert find_hidden("||a||b||c||", boundaries=[5]) == find_hidden("||a||b||c||")
    assert len(find_hidden("[spoiler]a\n- b[/spoiler]", boundaries=[11])) == 1


def test_stripping_leaves_the_text_around() -> None:
    assert strip_hidden("a >!b!< c") == ("a b c", [(2, 3)])
    assert strip_hidden("none") == ("none", [])


@given(
    st.lists(
        st.sampled_from(
            [
                ">!",
                "!<",
                "||",
                "[spoiler]",
                "[/spoiler]",
                "~!",
                "!~",
                ":::",
                "\n",
                "\n\n",
                "a ",
                "{{",
                "}}",
                "[[spoiler:",
                "]]",
                "[a](/s)",
                "é",
            ]
        )
    )
)
def test_ranges_are_ordered_disjoint_and_survive_stripping(parts: list[str]) -> None:
    text = "".join(parts)
    ends = [0] + [x for h in find_hidden(text) for x in h[:2]] + [len(text)]
    assert ends == sorted(ends)
    bare, ranges = strip_hidden(text)
    assert len(ranges) == len(find_hidden(text))
    flat = [0] + [x for r in ranges for x in r] + [len(bare)]
    assert flat == sorted(flat)
