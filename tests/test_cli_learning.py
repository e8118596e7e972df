"""train, evaluate and convert from the command line: what they print and write, and every error with status 2."""

from __future__ import annotations

from itertools import islice
import json
from pathlib import Path

from commands import invoke
import pytest

import spoilerguard as sg
from spoilerguard.datasets import load_labelled
from spoilerguard.model.manifest import read_manifest
from spoilerguard.training.pipeline import RECIPES, Recipe


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command line."""
    result = invoke(*arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def quickly(quick: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "plain", quick)


@pytest.fixture
def broken(few: Path, tmp_path: Path) -> Path:
    lines = few.read_text(encoding="utf-8").splitlines()[:20]
    lines[16] = lines[16][:40]
    path = tmp_path / "broken.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


# --- train ---------------------------------------------------------------------------------------


def test_train_twice_gives_the_same_bytes(few: Path, tmp_path: Path) -> None:
    for name, jobs in (("one", "1"), ("two", "2")):
        status, out, err = run("train", few, "-o", tmp_path / name, "--name", "mine", "--seed", "3", "--jobs", jobs)
        assert status == 0, err
    assert (tmp_path / "one" / "weights.npz").read_bytes() == (tmp_path / "two" / "weights.npz").read_bytes()
    assert (tmp_path / "one" / "manifest.json").read_bytes() == (tmp_path / "two" / "manifest.json").read_bytes()
    manifest = read_manifest(tmp_path / "two")
    lines = out.splitlines()
    assert lines[0] == f"{tmp_path / 'two'}: mine {manifest.version}"
    assert f"thresholds: low {manifest.thresholds['low']:.2f}, medium" in out
    assert lines[5:] == [f"target not reached: {what}" for what in manifest.training["unreached"]]
    assert "learning from context\n" in err
    assert sg.load(tmp_path / "two").score(["He dies at the end."])[0] > 0


def test_train_on_a_table_with_columns_of_other_names(few: Path, tmp_path: Path) -> None:
    rows = [
        f'"{sentence.text.replace(chr(34), chr(39)).strip()}",{sentence.label},{document.work}'
        for document in islice(load_labelled(few), 40)
        for sentence in document.sentences
    ]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["words,hidden,film", *rows]), encoding="utf-8")
    columns = ("--text-column", "words", "--label-column", "hidden", "--work-column", "film")
    status, out, err = run("train", table, "-o", tmp_path / "model", *columns, "--quiet")
    assert (status, err) == (0, "")
    assert "table (" in out
    status, out, err = run("train", table, "-o", tmp_path / "model", "--label-column", "spoils")
    assert status == 2
    assert f"spoilerguard: {table}:2: no" in err.splitlines()[-1]


def test_train_refuses_what_it_cannot_learn_from(few: Path, broken: Path, tmp_path: Path) -> None:
    empty, one_class, no_column = tmp_path / "empty.csv", tmp_path / "one.csv", tmp_path / "no.csv"
    empty.write_text("", encoding="utf-8")
    one_class.write_text("text,label\n" + "".join(f"A fine film {k},0\n" for k in range(60)), encoding="utf-8")
    no_column.write_text("text,stars\nA fine film,5\n", encoding="utf-8")
    cases = {
        empty: f"{empty}:1: the file is empty",
        one_class: "sentences are harmless sentences: training needs both labels",
        no_column: f"{no_column}:2: no labels recognised; expected a label column",
        broken: f"{broken}:17: not valid JSON",
        tmp_path / "absent.csv": "No such file",
    }
    for path, message in cases.items():
        status, out, err = run("train", path, "-o", tmp_path / "model")
        assert (status, out) == (2, ""), path
        assert message in err.splitlines()[-1]
        assert "Traceback" not in err
    assert not (tmp_path / "model").exists()


def test_train_refuses_its_options_before_it_trains(few: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "novel.txt").write_text("mine", encoding="utf-8")
    status, _, err = run("train", few, "-o", tmp_path / "taken")
    assert (status, err) == (2, f"spoilerguard: {tmp_path / 'taken'}: exists and is not a model; give another name\n")
    (tmp_path / "taken" / "manifest.json").write_text("{}", encoding="utf-8")  # a model beside a file that is not one
    assert run("train", few, "-o", tmp_path / "taken")[::2] == (status, err)
    status, _, err = run("train", few, "-o", tmp_path / "model", "--recipe", "slow")
    assert status == 2
    assert "unknown --recipe 'slow': choose from plain, accurate, fast" in err
    status, _, err = run("train", few, "-o", tmp_path / "model", "--validation", few)
    assert status == 2
    assert "is in both training and validation data" in err
    assert run("train", few, "-o", tmp_path / "model", "--jobs", "0")[0] == 2


# --- evaluate ------------------------------------------------------------------------------------


def test_evaluate_prints_a_table_and_writes_report_and_twin(small_folder: Path, few: Path, tmp_path: Path) -> None:
    report, twin = tmp_path / "report.html", tmp_path / "twin.json"
    arguments = ("evaluate", small_folder, few, "--bootstrap", "20", "--report", report, "--json", twin)
    status, out, err = run(*arguments, "--errors", "1")
    assert status == 0, err
    figures = json.loads(twin.read_text(encoding="utf-8"))
    assert out.startswith(f"small {sg.load(small_folder).version}: {figures['data']['sentences']:,} sentences")
    assert f"AUC                 {figures['overall']['auc']['value']:.3f}" in out
    assert f"written: {report}" in err
    assert figures["command"] == (
        f"spoilerguard evaluate {small_folder} {few} --split test --bootstrap 20 --errors 1 --seed 0"
    )
    assert figures["model"]["digest"] == read_manifest(small_folder).digests["weights.npz"]
    assert figures["command"] in report.read_text(encoding="utf-8")
    assert len(figures["errors"]["misses"]) == 1


def test_evaluate_refuses_a_leak_and_names_the_work(small_folder: Path, few: Path) -> None:
    status, out, err = run("evaluate", small_folder, few, "--split", "train", "--quiet")
    assert (status, out) == (2, "")
    assert err.startswith("spoilerguard: work '")
    assert "--allow-leak" in err
    status, out, err = run("evaluate", small_folder, few, "--split", "train", "--allow-leak", "--bootstrap", "0")
    assert status == 0
    assert "LEAK: the model was trained on" in out


def test_evaluate_refuses_unusable_data(small_folder: Path, few: Path, broken: Path, tmp_path: Path) -> None:
    one_class = tmp_path / "one.csv"
    one_class.write_text("text,label,work\nA fine film,0,x\nA fine hat,0,y\n", encoding="utf-8")
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        ((small_folder, one_class, "--split", "all"), "all 2 sentences to evaluate are harmless sentences"),
        ((small_folder, broken), f"{broken}:17: not valid JSON"),
        ((small_folder, few, "--split", "dev"), "unknown --split 'dev'"),
        ((small_folder, few, "--json", tmp_path / "absent" / "x.json"), "its folder does not exist"),
        (("slow", few), "no model named 'slow'"),
        ((small_folder, one_class, "--label-column", "stars"), f"{one_class}:2: no column 'stars'"),
    ]
    for arguments, message in cases:
        status, out, err = run("evaluate", *arguments)
        assert (status, out) == (2, ""), arguments
        assert message in err.splitlines()[-1]


# --- convert -------------------------------------------------------------------------------------


def test_convert_writes_what_it_reads(root: Path, tmp_path: Path) -> None:
    for name, source in {"goodreads": "good.json.gz", "imdb": "good.json", "spans": "good.jsonl"}.items():
        path, out = root / "tests" / "data" / "labelled" / name / source, tmp_path / f"{name}.jsonl"
        status, stdout, err = run("convert", path, "-o", out)
        assert (status, stdout) == (0, "")
        documents = list(load_labelled(path))
        assert err.startswith(f"{path}: JSON Lines (UTF-8")
        assert f"format {name}" in err
        assert err.endswith(f"\n{out}: {len(documents)} document{'s' * (len(documents) != 1)}\n")
        again = list(load_labelled(out))
        assert [d.sentences for d in again] == [d.sentences for d in documents]
        assert [d.work for d in again] == [d.work for d in documents]


def test_convert_by_named_columns_and_level(tmp_path: Path) -> None:
    table, out = tmp_path / "t.csv", tmp_path / "out.jsonl"
    table.write_text("body,spoils,film\nA hat. He dies in the end.,yes,Hats\n", encoding="utf-8")
    columns = ("--text-column", "body", "--label-column", "spoils", "--work-column", "film")
    assert run("convert", table, "-o", out, *columns, "--level", "document", "--from", "table")[0] == 0
    (document,) = load_labelled(out)
    assert document.work == "Hats"
    assert [sentence.weight for sentence in document.sentences] == [0.1, 0.1]


def test_convert_refuses(broken: Path, tmp_path: Path) -> None:
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        ((broken, "-o", tmp_path / "out.jsonl"), f"{broken}:17: not valid JSON"),
        ((broken, "-o", broken), "--output would replace this file, which is read; give another name"),
        (
            (broken, "-o", tmp_path / "out.jsonl", "--from", "xml"),
            "unknown --from 'xml': choose from spoilerguard, ",
        ),
        ((broken, "-o", tmp_path / "out.jsonl", "--level", "word"), "unknown --level 'word'"),
        ((broken, "-o", tmp_path / "absent" / "x.jsonl"), "its folder does not exist"),
    ]
    for arguments, message in cases:
        status, out, err = run("convert", *arguments)
        assert (status, out) == (2, ""), arguments
        assert message in err.splitlines()[-1]
    assert not (tmp_path / "out.jsonl").exists()
