"""A threshold for one's own texts: what it gives, how sure it is, when it is refused, and where it is written."""

from __future__ import annotations

import json
from pathlib import Path
import tomllib
from typing import Any

from commands import invoke
import numpy as np
import pandas as pd
import pytest

import spoilerguard as sg
from spoilerguard.datasets import load_labelled, splits_of, to_frame
from spoilerguard.errors import InputError
from spoilerguard.evaluation.tuning import _chosen, tune, wanted
from spoilerguard.settings.writing import write_setting


class Oracle:
    """Scores a sentence as the number at its end says."""

    def read(self, documents: Any, works: Any) -> list[Any]:
        from spoilerguard.model.scoring import Reading

        return [
            Reading(np.array([float(s.split()[-1]) for s in document]), np.empty((len(document), 0)))
            for document in documents
        ]


def frame(n: int = 400, works: int = 20, seed: int = 0) -> pd.DataFrame:
    """Sentences whose score says, with some noise, whether they are spoilers."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.3).astype(int)
    score = np.clip(rng.normal(0.35 + 0.35 * label, 0.15), 0, 1).round(4)
    texts = [f"sentence {k} {p}" for k, p in enumerate(score)]
    return pd.DataFrame({"text": texts, "label": label, "work": [f"w{k % works}" for k in range(n)]})


@pytest.fixture
def oracle(trained: sg.Guard) -> sg.Guard:
    return sg.Guard(Oracle(), trained.manifest)  # type: ignore[arg-type]


def scores(data: pd.DataFrame) -> np.ndarray:
    return np.array([float(text.split()[-1]) for text in data["text"]])


# --- what is chosen ------------------------------------------------------------------------------


@pytest.mark.parametrize("least", [0.5, 0.9, 1.0])
def test_the_highest_threshold_with_this_recall(oracle: sg.Guard, least: float) -> None:
    data = frame()
    found = tune(oracle, data, want=f"recall={least}", bootstrap=50)
    spoilers = scores(data)[data["label"] == 1]
    assert (spoilers >= found.threshold).mean() >= least
    higher = spoilers[spoilers > found.threshold + 1e-4].min(initial=2)
    assert (spoilers >= higher).mean() < least
    assert found.figures["recall"]["value"] == pytest.approx((spoilers >= found.threshold).mean(), abs=1e-6)


def test_the_lowest_threshold_with_this_precision(oracle: sg.Guard) -> None:
    data = frame()
    found = tune(oracle, data, want="precision=0.9", bootstrap=50)
    p, y = scores(data), data["label"].to_numpy()
    assert y[p >= found.threshold].mean() >= 0.9
    lower = [at for at in np.unique(p) if at < found.threshold - 1e-4 and y[p >= at].mean() >= 0.9]
    assert lower == []


def test_the_best_f1(oracle: sg.Guard) -> None:
    data = frame()
    found = tune(oracle, data, bootstrap=50)
    p, y = scores(data), data["label"].to_numpy()
    best = max(2 * (y[p >= at]).sum() / ((p >= at).sum() + y.sum()) for at in np.unique(p))
    assert found.figures["f1"]["value"] == pytest.approx(best, abs=1e-6)


def test_every_sample_is_chosen_as_the_data_are() -> None:
    data = frame(200)
    p, y, codes = scores(data), data["label"].to_numpy(), np.arange(200) % 20
    drawn = np.vstack([np.ones(20), np.random.default_rng(1).multinomial(20, np.full(20, 0.05), size=5)])
    for want in ("recall=0.6", "precision=0.8", "f1"):
        whole = _chosen(wanted(want), y, p, codes, drawn)
        for row, weights in zip(whole, drawn, strict=True):
            again = np.repeat(np.arange(200), weights[codes].astype(int))
            one = _chosen(wanted(want), y[again], p[again], np.zeros(len(again), int), np.ones((1, 1)))
            assert row == one[0]


def test_the_interval_holds_the_threshold_and_is_the_same_again(oracle: sg.Guard) -> None:
    data = frame()
    found = tune(oracle, data, want="recall=0.6", bootstrap=200)
    assert found.interval is not None
    low, high = found.interval
    assert low <= found.threshold <= high
    assert low < high
    assert found == tune(oracle, data, want="recall=0.6", bootstrap=200)
    assert found.data["grouped_by"] == "works"
    assert json.loads(json.dumps(found.to_dict()))["want"] == "recall 0.6"
    assert [found.sensitivities[name]["threshold"] for name in ("low", "medium", "high")] == [
        oracle.manifest.thresholds[name] for name in ("low", "medium", "high")
    ]


def test_texts_on_few_works_are_grouped_by_document(oracle: sg.Guard) -> None:
    data = frame().assign(work="one", document=[str(k // 20) for k in range(400)])
    assert tune(oracle, data, bootstrap=20).data["grouped_by"] == "documents"


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (frame(60), "60 of at least 100 sentences"),
        (frame().assign(label=[1] * 7 + [0] * 393), "7 of at least 20 spoilers"),
        (frame(works=2).assign(document="one"), "1 of at least 5 documents"),
        (frame().assign(label=1), "every sentence is labelled a spoiler"),
        (frame().assign(weight=0.1), "0 of at least 100 sentences.*labels of whole documents do not count"),
    ],
    ids=["sentences", "spoilers", "documents", "one class", "weak"],
)
def test_too_few_labels_are_said_not_guessed(oracle: sg.Guard, data: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tune(oracle, data)


def test_works_that_the_model_was_trained_on_are_left_out(trained: sg.Guard, few: Path) -> None:
    data = to_frame(load_labelled(few))
    with pytest.raises(InputError, match=r"too few labels .*\d+ works were left out, because the model was trained"):
        tune(trained, data[splits_of(data) == "train"].reset_index(drop=True))


def test_what_cannot_be_reached_is_said_with_what_can(oracle: sg.Guard) -> None:
    data = (
        frame().assign(label=np.arange(400) % 4 == 0).astype({"label": int})
    )  # labels that have nothing to do with it
    with pytest.raises(InputError, match=r"no threshold gives precision 0.99 on these labels; the highest is 0\.\d\d"):
        tune(oracle, data, want="precision=0.99")


@pytest.mark.parametrize("want", ["", "recall", "recall=", "recall=0", "recall=1.2", "speed=1", "f2", "precision=-1"])
def test_an_unknown_want(want: str) -> None:
    with pytest.raises(InputError, match=r"give recall=0.6|must be above 0|unknown --want"):
        wanted(want)


def test_a_want_in_percent() -> None:
    assert wanted("recall=60%") == wanted(" Recall = 0.6 ") == ("recall", 0.6)


# --- the command and the settings ----------------------------------------------------------------


@pytest.fixture
def labels(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Labelled reviews, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    lines = (root / "data" / "natural.jsonl").read_text(encoding="utf-8").splitlines()[:150]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "labels.jsonl"


def test_tune_prints_what_each_sensitivity_gives_and_writes(labels: Path, small_folder: Path) -> None:
    settings = labels.parent / ".spoilerguard.toml"
    settings.write_text('# ours\nsensitivity = "high"  # many\n\n[blur]\nsensitivity = "low"\n', encoding="utf-8")
    ran = invoke("tune", labels, "--model", small_folder, "--want", "recall=0.6", "--write", "--bootstrap", "50")
    assert ran.exit_code == 0, ran.stderr
    rows = ran.stdout.splitlines()
    assert [row.split("  ")[0] for row in rows[1:]] == ["", "low", "medium", "high", "recall 0.6"]
    written = tomllib.loads(settings.read_text(encoding="utf-8"))
    assert 0 <= written["threshold"] <= 1
    assert settings.read_text(encoding="utf-8").startswith('# ours\nsensitivity = "high"  # many\n')
    assert f".spoilerguard.toml:3: threshold = {written['threshold']}" in ran.stderr
    assert ".spoilerguard.toml:6: wins over it" in ran.stderr


def test_tune_says_what_to_give(labels: Path, small_folder: Path) -> None:
    ran = invoke("tune", labels, "--model", small_folder, "--bootstrap", "20")
    assert ran.exit_code == 0
    assert "give --threshold 0." in ran.stderr
    assert not (labels.parent / ".spoilerguard.toml").exists()
    assert invoke("tune", labels, "--want", "speed").stderr.startswith("spoilerguard: unknown --want (want) 'speed'")


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        (".spoilerguard.toml", "", 1),
        (".spoilerguard.toml", '# a\n\ntitle = "Up" # b\n[[overrides]]\npaths = ["x"]\n', 4),
        (".spoilerguard.toml", '[tool.spoilerguard]\ntitle = "Up"\n', 3),
        ("pyproject.toml", '[project]\nname = "x"\n\n[tool.spoilerguard]\nthreshold = 0.1 # old\n[tool.x]\na = 1\n', 5),
    ],
    ids=["empty", "overrides", "pasted", "project"],
)
def test_a_written_setting_holds_and_nothing_else_changes(
    name: str, text: str, line: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spoilerguard.settings.layers import find

    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text, encoding="utf-8")
    written = write_setting("threshold", 0.25)
    assert written.origin == f"{name}:{line}"
    assert find().options("check")["threshold"] == 0.25
    after = (tmp_path / name).read_text(encoding="utf-8")
    assert [row for row in text.splitlines() if "threshold" not in row] == [
        row for row in after.splitlines() if "threshold" not in row
    ]
    assert write_setting("threshold", 0.5).before == 0.25


def test_a_setting_is_written_where_there_is_no_file(tmp_path: Path) -> None:
    written = write_setting("threshold", 0.25, str(tmp_path))
    assert (tmp_path / ".spoilerguard.toml").read_text(encoding="utf-8") == "threshold = 0.25\n"
    assert written.before is None
