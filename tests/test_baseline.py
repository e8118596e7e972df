"""The baseline: known findings are not reported again."""

from __future__ import annotations

from collections.abc import Sequence
import json
import os
from pathlib import Path
import tempfile

from hypothesis import given
from hypothesis import strategies as st
import pytest

import spoilerguard as sg
from spoilerguard.drafts.baseline import fingerprint, read_baseline, write_baseline
from spoilerguard.errors import InputError
from spoilerguard.report import Report
from spoilerguard.text.reading import read


def report(*sentences: str, between: str = " ") -> Report:
    """A report in which each of these sentences is flagged."""
    source = between.join(sentences)
    document = read(source)
    flags, start = [], 0
    for text in sentences:
        flags.append(sg.Flag(start, start + len(text), *document.position(start), text, 0.9))
        start += len(text) + len(between)
    return Report(document, (), tuple(flags), 0.5)


def texts(flags: Sequence[sg.Flag]) -> list[str]:
    return [flag.text for flag in flags]


# --- what is written is known -------------------------------------------------------------------

sentences = st.lists(st.lists(st.sampled_from("who killed Tom in the end we learn".split()), min_size=1), min_size=1)


@given(sentences.map(lambda words: [f"{' '.join(w).capitalize()}." for w in words]), st.data())
def test_what_is_written_is_known_and_one_changed_sentence_is_new(drafted: list[str], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, draft = os.path.join(folder, "known.json"), os.path.join(folder, "a.md")
        assert write_baseline(path, [(draft, report(*drafted))]) == len(drafted)
        baseline = read_baseline(path)
        again = baseline.split(draft, report(*data.draw(st.permutations(drafted)), between="\n\n"))
        assert (again.new, len(again.known), again.unused) == ((), len(drafted), 0)
        changed = data.draw(st.integers(0, len(drafted) - 1))
        drafted[changed] = "Nobody has said this before."
        split = baseline.split(draft, report(*drafted))
        assert (texts(split.new), len(split.known), split.unused) == ([drafted[changed]], len(drafted) - 1, 1)


@pytest.mark.parametrize(
    "other", ["The dog dies.", "the  dog\ndies!", "*The dog* dies…", "The dog\r\n> dies.", "“THE DOG DIES”"]
)
def test_marks_white_space_and_case_do_not_count(other: str) -> None:
    assert fingerprint(other) == fingerprint("The dog dies.")


def test_words_and_their_bounds_do() -> None:
    different = ["The dog dies.", "The dogs die.", "The dog.", "Thedog dies.", "Le chien dies.", "💀", "🔫", ""]
    assert len({fingerprint(text) for text in different}) == len(different)
    assert fingerprint("Zoe\u0301") == fingerprint("Zo\xe9") != fingerprint("Zoe")


def test_a_hash_is_the_same_everywhere() -> None:
    """Baselines are kept for years: another hash would make all that is known new."""
    assert fingerprint("The dog dies.") == "125c5010f1a8d0a1"


def test_a_sentence_repeated_more_often_than_known_is_new_once(tmp_path: Path) -> None:
    path = str(tmp_path / "known.json")
    write_baseline(path, [("a.md", report("He dies.", "He dies."))])
    split = read_baseline(path).split("a.md", report("He dies.", "He dies.", "He dies."))
    assert [flag.column for flag in split.known] == [1, 10]
    assert [flag.column for flag in split.new] == [19]


def test_what_is_known_of_one_draft_is_new_in_another(tmp_path: Path) -> None:
    path = str(tmp_path / "known.json")
    write_baseline(path, [("a.md", report("He dies."))])
    assert texts(read_baseline(path).split("b.md", report("He dies.")).new) == ["He dies."]


# --- the file -----------------------------------------------------------------------------------


def test_the_file_is_as_documented_and_gives_nothing_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = [("posts/b.md", report("Tom dies.", "Ann dies.", "Tom dies.")), ("./a.md", report("Tom dies."))]
    write_baseline("known.json", [*found, ("clean.md", report())])
    text = Path("known.json").read_text(encoding="utf-8")
    tom, ann = fingerprint("Tom dies."), fingerprint("Ann dies.")
    both = dict(sorted({tom: 2, ann: 1}.items()))
    document = {"version": 1, "files": {"a.md": {tom: 1}, "posts/b.md": both}}
    assert text == json.dumps(document, indent=2) + "\n"
    write_baseline("known.json", reversed(found))
    assert Path("known.json").read_text(encoding="utf-8") == text


def test_paths_are_seen_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site" / "posts").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "site" / "posts")
    write_baseline("../known.json", [("a.md", report("He dies."))])
    monkeypatch.chdir(tmp_path)
    for path in ("site/posts/a.md", str(tmp_path / "site" / "posts" / "a.md")):
        assert read_baseline("site/known.json").split(path, report("He dies.")).new == ()


def test_other_drafts_stay_known_as_long_as_they_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.md", "b.md", "c.md"):
        Path(name).touch()
    write_baseline("known.json", [(name, report("He dies.")) for name in ("a.md", "b.md", "c.md")])
    Path("c.md").unlink()
    write_baseline("known.json", [("a.md", report("She dies."))])
    assert read_baseline("known.json").files == {
        "a.md": {fingerprint("She dies."): 1},
        "b.md": {fingerprint("He dies."): 1},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a baseline"),
        ("[" * 100_000, "not a baseline"),
        ("[]", "not a baseline"),
        ('{"version": 1}', "not a baseline"),
        ('{"version": 2, "files": {}}', "of version 2; this spoilerguard reads version 1"),
        ('{"version": 1, "files": {"a.md": []}}', "not a baseline"),
        ('{"version": 1, "files": {"a.md": {"He dies.": 1}}}', "not a baseline"),
        ('{"version": 1, "files": {"a.md": {"0123456789abcdef": 0}}}', "not a baseline"),
        ('{"version": 1, "files": {"a.md": {"0123456789abcdef": true}}}', "not a baseline"),
    ],
)
def test_what_is_no_baseline_is_neither_read_nor_written_over(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "draft.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"draft\.md: .*{message}"):
        read_baseline(str(path))
    with pytest.raises(InputError, match=message):
        write_baseline(str(path), [])
    assert path.read_text(encoding="utf-8") == text


def test_a_baseline_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"known\.json: no such file; create it with --write-baseline "):
        read_baseline(str(tmp_path / "known.json"))


def test_a_baseline_that_cannot_be_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "known.json"
    write_baseline(str(path), [("a.md", report("He dies."))])
    before = path.read_bytes()

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(InputError, match=r"known\.json: cannot be written \(No space left on device\)"):
        write_baseline(str(path), [("a.md", report("She dies."))])
    assert (path.read_bytes(), os.listdir(tmp_path)) == (before, ["known.json"])
