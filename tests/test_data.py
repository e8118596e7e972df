"""Our own corpus: what is in `data/` is in order, and `data/validate.py` finds each kind of fault."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

import pytest

from spoilerguard.datasets import load_labelled, read_works, split_of
from spoilerguard.datasets.real import read_labels, work_of
from spoilerguard.errors import DataError
from spoilerguard.model.scoring import KINDS

DATA = Path(__file__).parents[1] / "data"

_spec = spec_from_file_location("validate", DATA / "validate.py")
assert _spec is not None
assert _spec.loader is not None
validate = module_from_spec(_spec)
_spec.loader.exec_module(validate)

Works = list[dict[str, Any]]
Documents = list[dict[str, Any]]
Change = Callable[[Works, Documents], object]

LONG = "The ferry leaves at nine and nobody on board has a ticket for the way back"
NEARLY = "The ferry leaves at nine and nobody on board has a ticket for the way home"


def work(name: str, title: str) -> dict[str, Any]:
    head = {"work": name, "title": title, "medium": "film", "genre": "drama", "invented": True}
    return head | {"split": split_of(name), "blurb": "A ferry.", "synopsis": "It sinks."}


def document(name: str, of: str, *sentences: tuple[str, int, str]) -> dict[str, Any]:
    rows = [dict(zip(("text", "label", "tag"), sentence, strict=True)) for sentence in sentences]
    return {"id": name, "work": of, "kind": "comment", "sentences": rows}


def corpus() -> tuple[Works, Documents]:
    """Two works in different splits, and two documents, without a fault."""
    works = [work("piano-tuner", "The Piano Tuner"), work("les-diaboliques", "Les Diaboliques (1955)")]
    assert works[0]["split"] != works[1]["split"]
    documents = [
        document("a-1", "piano-tuner", ("Loved it.", 0, "opinion"), ("\n\nIt goes down with all hands.", 1, "ending")),
        document("a-2", "les-diaboliques", ("Loved it.", 0, "opinion"), (LONG + ".", 0, "premise")),
    ]
    return works, documents


def save(folder: Path, works: Works, documents: Documents) -> None:
    for name, rows in (("works", works), ("reviews", documents)):
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def faults(folder: Path) -> list[str]:
    return [str(fault) for fault in validate.check(folder)[1]]


# --- the corpus --------------------------------------------------------------------------------


def test_the_corpus_has_no_faults_and_the_data_card_shows_its_counts(capsys: pytest.CaptureFixture[str]) -> None:
    status = validate.main([])
    printed = capsys.readouterr().out
    assert status == 0, printed
    card = (DATA / "README.md").read_text(encoding="utf-8")
    assert printed in card, "run `python data/validate.py` and put what it prints into data/README.md"


def test_the_corpus_is_of_the_size_that_was_promised() -> None:
    documents = list(load_labelled(DATA / "reviews.jsonl"))
    assert sum(len(document.sentences) for document in documents) >= 10_000
    assert len(read_works(DATA / "works.jsonl")) >= 300
    assert all(document.medium for document in documents)


def test_every_sentence_has_one_line_and_keeps_its_characters() -> None:
    for name in ("works.jsonl", "reviews.jsonl"):
        for line in (DATA / name).read_text(encoding="utf-8").removesuffix("\n").split("\n"):
            assert json.dumps(json.loads(line), ensure_ascii=False) == line


# --- faults ------------------------------------------------------------------------------------


def test_a_small_corpus_is_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path, *corpus())
    assert validate.main([str(tmp_path)]) == 0
    assert "|  | all | 2 | 2 | 1 (50.0%) | 4 | 1 (25.0%) |" in capsys.readouterr().out


def sentence(documents: Documents, **fields: Any) -> None:
    documents[1]["sentences"][1].update(fields)


def again(documents: Documents, text: str, of: str = "piano-tuner") -> None:
    documents.append(document("a-3", of, ("Well.", 0, "opinion"), (text, 0, "premise")))


def twins(works: Works) -> None:
    works[0]["title"] = "Les Diaboliques"


FAULTS: dict[str, tuple[Change, str]] = {
    "a field of a work": (lambda w, d: w[1].pop("genre"), "works.jsonl:2: has the fields work, title, medium, inv"),
    "a field of a document": (lambda w, d: d[1].update(stars=4), "reviews.jsonl:2: has the fields id, work, kind, s"),
    "a field of a sentence": (lambda w, d: sentence(d, weight=1), "reviews.jsonl:2: sentence 2 has the fields text, l"),
    "no object as a sentence": (lambda w, d: d[1]["sentences"].append("x"), "sentence 3 has the fields 'x'"),
    "no sentences": (lambda w, d: d[1].update(sentences=[]), "reviews.jsonl:2: has no sentences"),
    "no blurb": (lambda w, d: w[1].update(blurb=" "), "works.jsonl:2: blurb is empty"),
    "no synopsis": (lambda w, d: w[0].update(synopsis=""), "works.jsonl:1: synopsis is empty"),
    "no slug": (lambda w, d: w[0].update(work="Piano Tuner"), "works.jsonl:1: work 'Piano Tuner' is no slug"),
    "a medium": (lambda w, d: w[0].update(medium="radio"), "works.jsonl:1: medium is 'radio'; expected one of film"),
    "a kind": (lambda w, d: d[0].update(kind="tweet"), "reviews.jsonl:1: kind is 'tweet'; expected one of review"),
    "invented": (lambda w, d: w[0].update(invented="no"), "works.jsonl:1: invented is 'no'; expected true or false"),
    "an empty id": (lambda w, d: d[0].update(id=""), "reviews.jsonl:1: id is empty"),
    "an empty sentence": (lambda w, d: sentence(d, text="\n\n"), "reviews.jsonl:2: sentence 2 has no text"),
    "a line break": (lambda w, d: sentence(d, text="One\ntwo."), "sentence 2 holds a line break, a tab or white"),
    "a space at the end": (lambda w, d: sentence(d, text="One. "), "sentence 2 holds a line break, a tab or white"),
    "a label": (lambda w, d: sentence(d, label=2), "reviews.jsonl:2: sentence 2 has label 2; expected 0 or 1"),
    "a label that is no number": (lambda w, d: sentence(d, label=True), "sentence 2 has label True; expected 0 or 1"),
    "a tag of the other label": (lambda w, d: sentence(d, label=1), "tag 'premise', which is none of label 1; expec"),
    "an unknown tag": (lambda w, d: sentence(d, tag="gossip"), "tag 'gossip', which is none of label 0; expected"),
    "no tag": (lambda w, d: sentence(d, tag=None), "tag None, which is none of label 0; expected one of opinion"),
    "an id twice": (lambda w, d: d[1].update(id="a-1"), "reviews.jsonl:2: id 'a-1' stands in reviews.jsonl:1 too"),
    "a work twice": (lambda w, d: w.append(w[0]), "works.jsonl:3: work 'piano-tuner' stands in works.jsonl:1 too"),
    "an unknown work": (lambda w, d: d[1].update(work="jaws"), "reviews.jsonl:2: work 'jaws' is not in works.jsonl"),
    "a work without documents": (
        lambda w, d: w.append(work("moon", "Moon")),
        "works.jsonl:3: work 'moon' has no document in reviews.jsonl",
    ),
    "a split of its own": (
        lambda w, d: w[1].update(split="validation"),
        "works.jsonl:2: split of 'les-diaboliques' is 'validation'; expected 'test', as works.split_of says",
    ),
    "a work in two splits": (
        lambda w, d: twins(w),
        "works.jsonl:2: 'les-diaboliques' (test) and 'piano-tuner' (train) are both 'les diaboliques'",
    ),
    "a sentence twice": (
        lambda w, d: again(d, f"“{LONG.upper()}!”"),
        "reviews.jsonl:3: sentence 2 stands in reviews.jsonl:2, sentence 2, too: 'the ferry leaves at nine",
    ),
    "a sentence nearly twice": (
        lambda w, d: again(d, f"{NEARLY}."),
        "reviews.jsonl:3: sentence 2 shares 86% of its 4-word runs with reviews.jsonl:2, sentence 2: 'the ferry",
    ),
    "a document nearly twice": (
        lambda w, d: d.append(
            document("a-3", "piano-tuner", (f"Loved it, {LONG[:48]}", 0, "opinion"), (LONG[49:], 0, "premise"))
        ),
        "reviews.jsonl:3: the document shares 100% of its 4-word runs with reviews.jsonl:2",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_kind_of_fault_is_found(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    works, documents = corpus()
    change, message = FAULTS[name]
    change(works, documents)
    save(tmp_path, works, documents)
    assert validate.main([str(tmp_path)]) == 1
    assert message in capsys.readouterr().out


def test_a_short_sentence_may_stand_twice_and_a_similar_one_beside_it(tmp_path: Path) -> None:
    works, documents = corpus()
    again(documents, "A ferry leaves the port at ten and most people on board have a ticket")
    save(tmp_path, works, documents)
    assert faults(tmp_path) == []


def test_lines_that_cannot_be_read_are_named_and_the_others_are_checked_all_the_same(tmp_path: Path) -> None:
    save(tmp_path, *corpus())
    path = tmp_path / "reviews.jsonl"
    path.write_bytes(b"{broken\n[]\n\xff\n" + path.read_bytes().replace(b"ending", b"gossip"))
    found = faults(tmp_path)
    assert [line.partition(": ")[0] for line in found] == [
        *(f"reviews.jsonl:{line}" for line in (1, 2, 3, 4)),
        "works.jsonl:1",  # its only document is not in order
    ]
    assert "not JSON: " in found[0]
    assert "not a JSON object" in found[1]
    assert "not JSON: " in found[2]
    assert "tag 'gossip'" in found[3]


def test_missing_and_empty_files(tmp_path: Path) -> None:
    (tmp_path / "reviews.jsonl").touch()
    assert faults(tmp_path) == [
        "reviews.jsonl:1: the file is empty",
        "works.jsonl:1: cannot be read: No such file or directory",
    ]


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert validate.main(["--help"]) == 0
    assert validate.main(["one", "two"]) == 2
    assert "python data/validate.py" in capsys.readouterr().out


@pytest.mark.parametrize("size", [5, 9, 40])
def test_every_pair_over_the_threshold_is_found(size: int) -> None:
    """Against all pairs: texts that are one another with a word changed, and texts apart."""
    texts = [tuple(f"w{(start * 7 + i) % 23 if i != start else 'x'}" for i in range(size)) for start in range(size)]
    texts += [(*text[1:], "end") for text in texts]

    def runs(text: tuple[str, ...]) -> set[tuple[str, ...]]:
        return {text[i : i + 4] for i in range(len(text) - 3)}

    expected = {
        (here, there)
        for here in range(len(texts))
        for there in range(here)
        if len(runs(texts[here]) & runs(texts[there])) / len(runs(texts[here]) | runs(texts[there])) >= validate.NEAR
    }
    assert {pair[:2] for pair in validate.near(texts)} == expected
    assert expected or size < 40


def test_the_script_runs_by_itself(tmp_path: Path) -> None:
    save(tmp_path, *corpus())
    done = subprocess.run([sys.executable, DATA / "validate.py", tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_natural_voices_are_labelled_documents(root: Path) -> None:
    documents = list(load_labelled(root / "data" / "natural.jsonl"))
    assert len({document.id for document in documents}) == len(documents)
    sentences = [sentence for document in documents for sentence in document.sentences]
    assert len(sentences) > 8000
    named = {tag for sentence in sentences for tag in sentence.tags}
    assert named <= set(KINDS)
    assert not any(sentence.tags for sentence in sentences if not sentence.label)
    assert not any(s.label for d in documents if d.kind in ("off-topic", "harmless-comment") for s in d.sentences)


def test_labels_of_real_text_hold_no_text(root: Path) -> None:
    lines = (root / "data" / "real-labels.jsonl").read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line) for line in lines]
    assert len({(d["file"], d["id"]) for d in documents}) == len(documents)
    for document in documents:
        assert set(document) == {"file", "id", "kind", "length", "sentences"}
        end = 0
        for start, stop, label, tags, doubt in document["sentences"]:
            assert end <= start < stop <= document["length"]
            assert label in (0, 1)
            assert doubt in (0, 1)
            assert set(tags) <= set(KINDS)
            assert bool(tags) == bool(label)
            end = stop


def test_labels_and_text_are_put_together_again(tmp_path: Path) -> None:
    text = "Fine film.\n\nIn the end   he dies. <br />Go."
    (tmp_path / "reviews.jsonl").write_text(
        json.dumps({"id": "a", "work": "Show S02E03", "text": text}) + "\n", encoding="utf-8"
    )
    label = {"file": "reviews.jsonl", "id": "a", "kind": "film", "length": len(text)}
    label["sentences"] = [[0, 10, 0, [], 0], [12, 34, 1, ["death", "ending"], 1], [40, 43, 0, [], 0]]
    labels = tmp_path / "labels.jsonl"
    labels.write_text(json.dumps(label) + "\n", encoding="utf-8")
    (document,) = read_labels(labels, tmp_path)
    assert document.work == "Show"
    assert [s.text for s in document.sentences] == ["Fine film.", "\n\nIn the end he dies.", "Go."]
    assert document.sentences[1].tags == ("death", "ending")
    assert [s.doubt for s in document.sentences] == [False, True, False]
    labels.write_text(json.dumps(label | {"length": 3}) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"labels\.jsonl:1: the text 'a' of reviews\.jsonl is missing or another one"):
        list(read_labels(labels, tmp_path))


@pytest.mark.parametrize(
    ("id", "work", "expected"),
    [
        ("more-blog-list-ann_notes-0a1b2c3d", "Any", "blog:ann_notes"),
        ("more2-blog-ann_notes-0a1b2c3d", "Any", "blog:ann_notes"),
        ("t-1", "Show S04E10 (user review)", "Show"),
        ("t-2", "tt0012345", "tt0012345"),
    ],
)
def test_a_blog_or_a_series_is_on_one_side_of_the_split(id: str, work: str, expected: str) -> None:
    assert work_of(id, work) == expected
