"""Behaviour of `paragraphs` and `split`.  All sample text is invented."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path
import subprocess
import sys
import textwrap

from hypothesis import example, given, settings
from hypothesis import strategies as st
import pytest
from timing import assert_linear

from spoilerguard.errors import ModelError
from spoilerguard.text import runons
from spoilerguard.text.sentences import by_rules, paragraphs, split

ROOT = Path(__file__).resolve().parents[1]
EWT_DEV = Path(__file__).resolve().parents[2] / "shared" / "datasets" / "ewt_dev.jsonl"


def sents(text: str) -> list[str]:
    return [text[a:b] for a, b in split(text, paragraphs(text))]


def blocks(text: str) -> list[str]:
    return [text[a:b] for a, b in paragraphs(text)]


# --- sentences: the bar marks every boundary --------------------------------------------------

SPLITS = [  # "|" stands for a space, "||" for nothing
    "The butler did it.|Nobody guessed.",
    "Wow!|What a twist!|Did you see it coming?|I did not.",
    "He dies.|she leaves.|the end.",
    "So he was dead all along?!|I gasped.",
    "I waited...|Then she jumped.",
    "wait... what",
    "I was, well… not amused.|She was.",
    "Mr. Vane and Dr. Holt meet Mrs. Ode in St. Clare.|They fight.",
    "He moved to the U.S. in May.|She stayed.",
    "She grew up in the U.S.|She hated it.",
    "Some heroes, e.g. Tarn, survive.|Most do not, i.e. they burn.",
    "In Vol. 2 the king falls.|Ch. 9 is worse.",
    "I read No. 4 twice.|No.|Not again.",
    "It is by J. K. Marlow.|Read it.",
    "It scores 3.5 of 5.|Fair enough.",
    "See example.com for more.|It is long.",
    "Read www.example.com/a?b=C.d and weep.|I did.",
    "See https://example.com/x.html?q=1.|It spoils all.",
    '"I killed him," she said.|"You did?" he asked.|She nodded.',
    '"I killed him."|Tears fell.',
    "“He is my father!”|The room froze.",
    "'Run!' he yelled.|They ran.",
    "(He never left the island.)|The rest is a dream.",
    "The twin (really?) and her cat survive.|Good.",
    "He burns the map [again].|She weeps.",
    "She drowns 😭😭|Nobody told me!",
    "She drowns! 😭|nobody told me",
    "i cried 😭 so hard",
    "Loved it :)|Will read more.",
    "He lives. :)|She does not.",
    "It was over.||She had lost.",
    "what a book!||she lost",
    "The ghost dies!!!|lol",
    "no caps here.|he dies.|then she dies too!|why?|nobody knows",
    "1. The king dies.|2. The queen flees.",
    "吸血鬼死了。||她走了！||真的吗？||是的。",
    "彼は死んだ。||終わり。",
    "He dies . . . and returns.",
    "They list food, tools, etc. and leave.|Nothing works, etc.|Harry dies.",
    "The killer is Max.|Nobody knew.",
    "That is who I am.|Nobody cares.",
    "than you and I.|Overall it is fine.",
    "He wrote it in .NET.|It crashed.",
    "His sister\nkills him.|Then she\nflees.",
    # reference marks
    "He drowns.[1]|She flees.[2][3]|I wept.[citation needed]|The end.",
    "He drowns.1|She flees.2,3|I wept.12|The end.",
    "He drowns.[1, 2]|She flees.[3–5]|I wept.[note 4]|The end.[b]",
    "He drowns.¹|She flees.²³|I wept.†|The end.",
    "He drowns.^[1]|She flees.^2|The end.",
    "He drowns.(1)|She flees.(2)|The end.",
    "He drowns![1]|She flees?[2]|Yes.",
    "“He drowns.”[1]|She flees.",
    "He drowns.[1]||She flees.",
    "He gives it 3.5 (of 5) in version 1.2.|Fine.",
    # emoji
    "He drowns😭😭||She flees😱|I wept.",
    "😱 He drowns.|😱 She flees.",
    "I ❤️ Paris.|We ❤ Rome too.",
    "I❤NY so much.|He drowns.",
    "The pace 👍 but he drowns 👎 in the end.",
    # what belongs to the words after it
    "...and then he drowns.|…Nobody saw it.",
    "Act I. He meets her.|Part 2. He drowns.|It ends in Act II.|Nobody claps.",
    # recaps and dialogue
    "S01E02: He drowns|S01E03: She flees|S01E04 - The end",
    "Episode 1: He drowns.|Episode 2: She flees.",
    "ANNA: I drowned him.|BO: You did?|ANNA: Yes.",
    "— I drowned him.|— You did?|— Yes.",
    "Posted by Ann on 2020-01-02 10:30|He drowns.|On 3/4/20 5:06 PM|She flees.",
    "He drowns at 8:30 PM.|She flees at 6 a.m. (a day later) and returns.",
    "By Mill Inc. (the studio).|It ends badly.",
    "No way!!1|He drowns!!!1!|Wow.",
    "It was on Yahoo! and everywhere.|Wow!|and then he drowns.",
    "excellent!|answered all that I had asked.",
]


@pytest.mark.parametrize("marked", SPLITS)
def test_boundaries(marked: str) -> None:
    text = marked.replace("||", "").replace("|", " ")
    expected = [part for part in marked.split("|") if part]
    assert [text[a:b] for a, b in split(text, [(0, len(text))])] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He said &quot;No.&quot; She left.", ["He said &quot;No.&quot;", "She left."]),
        ("&ldquo;Dead!&rdquo; The end.", ["&ldquo;Dead!&rdquo;", "The end."]),
        ("&ldquo;Dead!&rdquo; he said.", ["&ldquo;Dead!&rdquo; he said."]),
        ("She waits&hellip; and dies.", ["She waits&hellip; and dies."]),
        ("She waits&hellip; Then she dies.", ["She waits&hellip;", "Then she dies."]),
        ("I don&#39;t care. He dies.", ["I don&#39;t care.", "He dies."]),
        ("Tom &amp; Ann. Both die.", ["Tom &amp; Ann.", "Both die."]),
        ("He dies.&nbsp;She lives.", ["He dies.&nbsp;", "She lives."]),
        ("Odd &#1; &bogus; &#xFFFFFF; one. Two.", ["Odd &#1; &bogus; &#xFFFFFF; one.", "Two."]),
    ],
)
def test_entities_count_as_the_characters_they_mean(text: str, expected: list[str]) -> None:
    assert sents(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He    dies    .    She    lives.", ["He    dies    .", "She    lives."]),
        ("“He dies.    ” Then he wakes.", ["“He dies.    ”", "Then he wakes."]),
        ("(He dies.   ) Then he wakes.", ["(He dies.   )", "Then he wakes."]),
        ('He dies. "Then he wakes."', ["He dies.", '"Then he wakes."']),
    ],
)
def test_runs_of_spaces_left_by_masked_markup(text: str, expected: list[str]) -> None:
    assert sents(text) == expected


def test_a_sentence_never_leaves_its_block() -> None:
    text = "no stop here and none there"
    assert split(text, [(0, 12), (13, 27)]) == [(0, 12), (13, 27)]


def test_blocks_need_not_be_trimmed() -> None:
    assert split("  He dies.  ", [(0, 12), (0, 0), (10, 12)]) == [(2, 10)]


# --- paragraphs -------------------------------------------------------------------------------

PROSE = (
    "The lighthouse keeper never left the island and the letters that the young widow had been "
    "reading to Captain Ames since the storm were written by his own brother who wanted her to "
    "sell the house before the war came. Nobody in the village had known and only the old priest "
    "suspected what the brothers did on the night of the fire."
)


@pytest.mark.parametrize("width", [60, 66, 72, 80, 100])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_wrapped_prose_is_one_block(width: int, lower: bool, newline: str) -> None:
    prose = PROSE.lower() if lower else PROSE
    text = newline.join(textwrap.wrap(prose, width))
    assert len(paragraphs(text)) == 1
    assert len(sents(text)) == 2
    twice = text + newline * 2 + text
    assert len(paragraphs(twice)) == 2


def test_wrapped_paragraphs_without_a_blank_line() -> None:
    text = "\n".join("\n".join(textwrap.wrap(PROSE, width)) for width in (72, 72, 72))
    assert len(sents(text)) == 6


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n", "\n \t\n", "\u2029", "\n\x0c\n", "\x0b\x0b"])
def test_what_ends_a_paragraph(end: str) -> None:
    text = f"it ends here{end}and begins there"
    assert blocks(text) == ["it ends here", "and begins there"]


@pytest.mark.parametrize(
    "text",
    [
        "Great book\nBad ending\nthe dog dies",
        "omg she dies\nlol no way\nyes she does in the last chapter",
        "- the butler dies\n- the maid flees\n- the cook did it",
        "1. The butler dies\n2. The maid flees\n3. The cook did it",
        "* one thing that happens in the middle of this long book is that she dies\n* another",
        "Title: The Long Night\nAuthor: N. Ode\nRating: 4",
        "— Who killed him?\n— I did\n— Why",
        "> he dies at the end of the very long book that you told me to read\n> sure he does",
        "My verdict\u2028two stars\u2028never again",
        "A line that is far too long to have been wrapped by anybody because it goes on and on and "
        "on until everybody has fallen asleep\nand then one more",
    ],
)
def test_lines_that_are_blocks_of_their_own(text: str) -> None:
    assert blocks(text) == text.splitlines()


def test_nothing_in_nothing_out() -> None:
    for text in ("", " ", "\n\n \r\n\x0c\u2028"):
        assert paragraphs(text) == []
    assert split("", []) == []


# --- run-on text ------------------------------------------------------------------------------

RUN_ON = (
    "i read this book in one day because my sister told me to and i really liked the first half of it "
    "the second half was not so good i think the writer got tired of the story in the end the captain "
    "dies and his daughter finds the map i was so sad when that happened i would not read it again "
    "but you should read it if you like the sea"
)
ORDINARY = [
    "",
    "he dies",
    "the butler did it and nobody in the house had any idea of it",  # short, no terminator
    "It was a long evening. " * 40,
    "no caps here. he dies. then she dies too! why? nobody knows. " * 20,
    # Long, but its writer had it under control.
    "When the storm came, which was in the night, the keeper, his wife, the priest and the two girls from "
    "the village were in the tower, and nobody, not even the dog, heard the boat, the men or the shot.",
    "&quot;" * 200,
    "吸血鬼死了" * 200,
]


def test_a_long_comment_without_punctuation_is_cut() -> None:
    assert len(by_rules(RUN_ON, [(0, len(RUN_ON))])) == 1
    cut = sents(RUN_ON)
    assert len(cut) >= 4
    assert " ".join(cut) == RUN_ON
    assert max(len(part.split()) for part in cut) < 35
    assert {"the second half was not so good", "i was so sad when that happened"} <= set(cut)


def test_capitals_show_where_run_on_text_ends() -> None:
    sentences = ["The captain dies on the second day", "His daughter finds the map under the old bed", "She sells it"]
    assert sents(" ".join(sentences * 2)) == sentences * 2


def test_a_full_stop_at_the_end_does_not_hide_run_on_text() -> None:
    text = (
        "My friend gave me this book and I read all of it on the train to work It was about a lighthouse "
        "and the people in the village who never talk to each other In the end the keeper burns it down."
    )
    assert len(sents(text)) == 3


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_left_to_the_rules(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runons, "boundaries", None)  # not to be called
    assert split(text, paragraphs(text)) == by_rules(text, paragraphs(text))


@pytest.mark.parametrize("end", [".", "!", "...", ".)", '."', ".&quot;", ". :)", ". :D", "! 😭😭", "?!?!"])
def test_what_counts_as_a_full_stop(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runons, "boundaries", None)
    assert len(sents("one or two words, " * 20 + "and" + end)) == 1


def test_ordinary_text_never_imports_spacy() -> None:
    code = (
        "import sys; from spoilerguard.text.sentences import paragraphs, split;"
        "[split(t, paragraphs(t)) for t in eval(sys.argv[1])]; before = 'spacy' in sys.modules;"
        "split(sys.argv[2], paragraphs(sys.argv[2])); sys.exit(before or 'spacy' not in sys.modules)"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, repr(ORDINARY), RUN_ON]
    assert subprocess.run(command, check=False, cwd=ROOT).returncode == 0


def test_entities_and_lone_surrogates_in_run_on_text() -> None:
    text = RUN_ON.replace(" the ", " &ldquo;the\ud800 ").replace(" and ", "&nbsp;and\x00 ")
    assert " ".join(sents(text)) == text
    assert len(sents(text)) > 1


def test_run_on_text_gives_the_same_whatever_is_around_it() -> None:
    alone = runons.boundaries([RUN_ON])[0]
    others = [RUN_ON[k:] for k in range(0, 200, 7)]
    assert runons.boundaries([*others, RUN_ON, *others])[len(others)] == alone
    assert runons.boundaries(others) == [runons.boundaries([other])[0] for other in others]
    text = f"It is good.\n\n{RUN_ON}\n\nIt is bad."
    assert sents(text) == ["It is good.", *sents(RUN_ON), "It is bad."]


def test_windows_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{RUN_ON} " * 20
    whole = runons.boundaries([text])
    for window in (7, 100):
        monkeypatch.setattr(runons, "_WINDOW", window)
        assert runons.boundaries([text]) == whole


def test_a_missing_or_damaged_senter_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runons, "models_folder", lambda: tmp_path / "models")
    runons._loaded.cache_clear()
    with pytest.raises(ModelError, match="missing"):
        sents(RUN_ON)
    folder = tmp_path / "models" / "senter"
    folder.mkdir(parents=True)
    (folder / "model").write_bytes(b"no model")
    with pytest.raises(ModelError, match="not a senter"):
        sents(RUN_ON)
    assert sents("It is good. It is bad.") == ["It is good.", "It is bad."]


def test_the_senter_holds_neither_pickles_nor_text() -> None:
    folder = ROOT / "models" / "senter"
    assert {path.name for path in folder.iterdir()} == {"README.md", "cfg", "model"}
    data = (folder / "model").read_bytes()
    assert len(data) < 2_000_000
    assert b"pickle" not in data
    assert b" the " not in data  # words in a row


# --- properties -------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["He dies", "she", "Mr", "U.S", ".", "...", "…", "!", "?!", '"', "'", "”", ")", "(", " ", "  ",
     "\n", "\r\n", "\u2028", "\u2029", "\x0b", "\x0c", "\x85", "\xa0", "&quot;", "&hellip;", "&#1;",
     "&nbsp;", "&", ";", "😭", "\u200d", ":)", "。", "」", "1", "A", "www.a.b", "http://x", "-", ","]
)  # fmt: skip
RUNS = st.lists(st.sampled_from([*RUN_ON.split(), "\n", "&nbsp;", "\x1c", "(x)", "\ud800", ","]), max_size=90)
TEXTS = st.text() | st.lists(PIECES, max_size=40).map("".join) | RUNS.map(" ".join)


@settings(max_examples=200)
@given(TEXTS)
@example("&#1;")
@example("a.\x1cB")
def test_ranges_are_ordered_trimmed_and_complete(text: str) -> None:
    outer = paragraphs(text)
    inner = split(text, outer)
    for ranges in (outer, inner):
        end = 0
        for a, b in ranges:
            assert end <= a < b <= len(text)
            assert text[a:b] == text[a:b].strip()
            end = b
        # Disjoint ranges hold every character but white space exactly once.
        inside = "".join(text[a:b] for a, b in ranges)
        assert "".join(inside.split()) == "".join(text.split())
    for a, b in inner:
        assert any(first <= a and b <= last for first, last in outer)


@settings(max_examples=100)
@given(TEXTS, st.data())
def test_any_blocks_are_respected(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    outer = list(pairwise(cuts))
    inner = split(text, outer)
    assert all(any(a <= x and y <= b for a, b in outer) for x, y in inner)
    covered = "".join("".join(text[a:b] for a, b in outer).split())
    assert "".join("".join(text[a:b] for a, b in inner).split()) == covered


# --- cost -------------------------------------------------------------------------------------


def test_importing_needs_neither_spacy_nor_numpy() -> None:
    code = (
        "import sys, importlib.util as u;"
        "s = u.spec_from_file_location('s', sys.argv[1]); m = u.module_from_spec(s);"
        "s.loader.exec_module(m); sys.exit(bool({'spacy', 'numpy'} & set(sys.modules)))"
    )
    path = ROOT / "spoilerguard" / "text" / "sentences.py"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 0


@pytest.mark.parametrize(
    "unit",
    ["a", ".", "\n", " ", ". ", "a.", "!a", "a\n", ".\n", '."', "😭", " :)", "&", "&lt;", "http://",
     "? ", "Mr. ", "1. ", "' ", "word " * 15 + "\n", "run on ", "x" * 999 + " "],
)  # fmt: skip
def test_time_is_linear_on_hostile_text(unit: str) -> None:
    assert_linear(lambda text: split(text, paragraphs(text)), unit, 100_000)


# --- quality ----------------------------------------------------------------------------------


@pytest.mark.skipif(not EWT_DEV.exists(), reason=f"no gold sentences: {EWT_DEV} is absent")
def test_boundary_f1_on_ewt() -> None:
    spec = importlib.util.spec_from_file_location("bench_sentences", ROOT / "tests" / "bench" / "sentences.py")
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    docs = bench.read(EWT_DEV)
    near = [doc for doc in docs if doc["genre"] in bench.NEAR]
    for part, floor in ((near, 0.987), (docs, 0.947)):
        cased = bench.f1(part, bench.ours)
        assert cased >= floor
        assert bench.f1(part, bench.ours, lower=True) >= cased - 0.02
        for kind, least in (("final", 0.82), ("final lower", 0.71), ("all lower", 0.69)):
            bare = bench.bare(part, kind)
            assert bench.f1(bare, bench.ours) >= least
            assert bench.f1(bare, bench.rules) < 0.57
