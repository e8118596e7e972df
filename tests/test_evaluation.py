"""Figures against scikit-learn and against cases worked out by hand; leaks refused; the report stands alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import unescape
from html.parser import HTMLParser
from itertools import combinations, islice
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, precision_recall_fscore_support, roc_auc_score

import spoilerguard as sg
from spoilerguard.datasets import documents_of, load_labelled, split_of, to_frame
from spoilerguard.errors import InputError
from spoilerguard.evaluation import SPLITS, Evaluation, evaluate, measure, metrics
from spoilerguard.evaluation.baselines import BASELINES
from spoilerguard.evaluation.plots import _precision_recall, _roc, _scores
from spoilerguard.evaluation.words import in_words, percent
from spoilerguard.model.scoring import KINDS
from spoilerguard.training.pipeline import Recipe


@pytest.fixture(scope="module")
def frame(root: Path) -> pd.DataFrame:
    """The documents that `trained` was made of, and some hundred more."""
    return to_frame(islice(load_labelled(root / "data" / "reviews.jsonl"), 250))


@pytest.fixture(scope="module")
def found(trained: sg.Guard, frame: pd.DataFrame) -> Evaluation:
    return evaluate(trained, frame, baselines=["majority", "keywords"], bootstrap=50, errors=3)


def random_case(seed: int, n: int = 400) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < 0.3).astype(int)
    probability = np.clip(rng.normal(0.3 + 0.3 * truth, 0.2), 0, 1).round(2)  # rounded: many ties
    return truth, probability, rng.integers(0, 20, n)


def doc(sentences: Sequence[tuple[str, int, str | None]], work: str, name: str) -> list[dict[str, Any]]:
    return [
        {"source": "mine", "document": name, "work": work, "kind": "comment", "medium": "film", "index": k,
         "count": len(sentences), "text": text, "label": label, "tag": tag, "weight": 1.0, "paragraph": k == 0}
        for k, (text, label, tag) in enumerate(sentences)
    ]  # fmt: skip


# --- metrics -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_scikit_learn(seed: int) -> None:
    truth, probability, works = random_case(seed)
    measured = metrics.figures_of(truth, probability, works, {"medium": 0.5}, repeats=0)
    at = measured["points"]["medium"]
    precision, recall, f1, _ = precision_recall_fscore_support(truth, probability >= 0.5, average="binary")
    expected = {
        "auc": roc_auc_score(truth, probability),
        "average_precision": average_precision_score(truth, probability),
        "brier": brier_score_loss(truth, probability),
    }
    assert {name: measured[name]["value"] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert [at[name]["value"] for name in ("precision", "recall", "f1")] == pytest.approx(
        [precision, recall, f1], abs=1e-6
    )
    assert at["false_alarm_rate"]["value"] == pytest.approx((probability[truth == 0] >= 0.5).mean(), abs=1e-6)
    assert measured["auc"]["interval"] is None


def test_figures_worked_out_by_hand() -> None:
    truth, probability = np.array([1, 0, 1, 0, 0]), np.array([0.95, 0.85, 0.55, 0.25, 0.15])
    measured = metrics.figures_of(truth, probability, np.arange(5), {"low": 0.9, "high": 0.5, "none": 0.99}, repeats=0)
    assert measured["auc"]["value"] == pytest.approx(5 / 6, abs=1e-6)
    assert measured["average_precision"]["value"] == pytest.approx((1 + 2 / 3) / 2, abs=1e-6)
    assert measured["brier"]["value"] == pytest.approx((0.05**2 + 0.85**2 + 0.45**2 + 0.25**2 + 0.15**2) / 5)
    assert measured["calibration_error"]["value"] == pytest.approx((0.05 + 0.85 + 0.45 + 0.25 + 0.15) / 5)
    low, high, none = (measured["points"][name] for name in ("low", "high", "none"))
    assert (low["precision"]["value"], low["recall"]["value"], low["false_alarm_rate"]["value"]) == (1, 0.5, 0)
    assert high["f1"]["value"] == pytest.approx(0.8)
    assert none["precision"]["value"] is None  # nothing flagged: undefined, not 0
    assert none["recall"]["value"] == 0


def test_a_drawn_sample_is_scored_as_if_its_works_were_repeated() -> None:
    truth, probability, works = random_case(1)
    drawn = metrics.draws(20, 7, seed=3)
    auc, precision = metrics.ranking(truth, probability, works, drawn)
    for k, times in enumerate(drawn.astype(int)):
        rows = np.repeat(np.arange(len(truth)), times[works])
        assert auc[k] == pytest.approx(roc_auc_score(truth[rows], probability[rows]))
        assert precision[k] == pytest.approx(average_precision_score(truth[rows], probability[rows]))


def test_large_samples_are_ranked_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, probability, works = random_case(2)
    drawn = metrics.draws(20, 30, seed=0)
    whole = metrics.ranking(truth, probability, works, drawn)
    monkeypatch.setattr(metrics, "_CELLS", 1000)
    np.testing.assert_allclose(whole, metrics.ranking(truth, probability, works, drawn))


def test_an_interval_holds_the_value_and_narrows_with_more_works() -> None:
    truth, probability, _ = random_case(0, n=4000)
    wide, narrow = (
        metrics.figures_of(truth, probability, np.arange(4000) % works, {"medium": 0.5}, repeats=400)["auc"]
        for works in (4, 400)
    )
    low, high = narrow["interval"]
    assert low < narrow["value"] < high
    assert high - low < 0.05
    assert wide["interval"] is not None


def test_figures_that_need_both_classes_are_none_where_there_is_one() -> None:
    works = np.array(["a", "b", "b"])
    measured = metrics.figures_of(np.zeros(3, int), np.array([0.1, 0.2, 0.9]), works, {"medium": 0.5})
    assert measured["auc"] == {"value": None, "interval": None}
    assert measured["average_precision"]["value"] is None
    assert measured["points"]["medium"]["recall"]["value"] is None
    assert measured["points"]["medium"]["false_alarm_rate"]["value"] == pytest.approx(1 / 3, abs=1e-6)


def test_one_work_has_no_interval() -> None:
    truth, probability, _ = random_case(0)
    assert metrics.figures_of(truth, probability, np.zeros(400), {"medium": 0.5})["auc"]["interval"] is None


def test_curves_end_where_they_must() -> None:
    truth, probability, _ = random_case(0)
    curves = metrics.curves(truth, probability)
    assert curves["roc"][0] == [0, 0]
    assert curves["roc"][-1] == [1, 1]
    assert curves["precision_recall"][-1] == [1, pytest.approx(truth.mean(), abs=1e-5)]
    assert sum(curves["histogram"]["harmless"]) + sum(curves["histogram"]["spoilers"]) == 400


# --- evaluate ------------------------------------------------------------------------------------


def test_sentences_are_scored_in_their_documents_and_alone(
    found: Evaluation, trained: sg.Guard, frame: pd.DataFrame
) -> None:
    test = frame[frame["work"].map(split_of) == "test"]
    documents = [part for _, part in test.groupby(["source", "document"], sort=False)]
    scores = trained.scorer.score_documents([part["text"].tolist() for part in documents], [None] * len(documents))
    truth = np.concatenate([part["label"] for part in documents])
    assert found.overall["auc"]["value"] == pytest.approx(roc_auc_score(truth, np.concatenate(scores)), abs=1e-6)
    alone = trained.score(test["text"].tolist())
    assert found.alone["auc"]["value"] == pytest.approx(roc_auc_score(test["label"], alone), abs=1e-6)
    assert found.data["documents"] == len(documents)


def test_it_is_deterministic(found: Evaluation, trained: sg.Guard, frame: pd.DataFrame) -> None:
    again = evaluate(trained, frame, baselines=["majority", "keywords"], bootstrap=50, errors=3)
    assert again.to_dict() == found.to_dict()
    other = evaluate(trained, frame, bootstrap=50, seed=1)
    assert other.overall["auc"]["value"] == found.overall["auc"]["value"]
    assert other.overall["auc"]["interval"] != found.overall["auc"]["interval"]


def test_parts_add_up_to_the_whole(found: Evaluation) -> None:
    for parts in found.breakdown.values():
        assert sum(part["sentences"] for part in parts.values()) == found.overall["sentences"]
        assert sum(part["spoilers"] for part in parts.values()) == found.overall["spoilers"]
    assert found.documents["harmless"] + found.documents["with_spoilers"] == found.data["documents"]
    assert sum(sum(row.values()) for row in found.kinds["confusion"].values()) == found.kinds["sentences"]
    assert set(found.kinds["confusion"]) == set(KINDS)


def test_documents_by_hand(trained: sg.Guard) -> None:
    guard = sg.Guard(trained.scorer, trained.manifest)
    rows = [
        *doc([("He dies at the end.", 1, "death"), ("Nice hat.", 0, "opinion")], "a", "one"),
        *doc([("A calm film.", 0, "opinion"), ("I liked it.", 0, "opinion")], "b", "two"),
    ]
    guard.manifest = type(guard.manifest)(
        **{**vars(guard.manifest), "thresholds": {"low": 1.0, "medium": 0.0, "high": 0.0}}
    )
    measured = evaluate(guard, pd.DataFrame(rows), split="all", bootstrap=0)
    assert measured.documents["points"]["low"]["spoilers_hit"]["value"] == 0
    assert measured.documents["points"]["medium"] == {
        "harmless_flagged": {"value": 1, "interval": None},
        "spoilers_hit": {"value": 1, "interval": None},
    }
    assert measured.tags["opinion"]["flagged"]["medium"]["value"] == 1
    assert measured.overall["points"]["medium"]["precision"]["value"] == 0.25


def test_documents_are_distinguished_where_their_names_repeat() -> None:
    rows = [
        *doc([("a", 0, None), ("b", 0, None)], "w", "x"),
        *doc([("c", 0, None)], "w", "x"),
        *doc([("d", 0, None)], "w", "y"),
    ]
    assert documents_of(pd.DataFrame(rows)) == [range(2), range(2, 3), range(3, 4)]


def test_worst_errors_come_worst_first_with_what_stands_around_them(found: Evaluation) -> None:
    alarms, misses = found.errors["false_alarms"], found.errors["misses"]
    assert 0 < len(alarms) <= 3
    assert 0 < len(misses) <= 3
    assert [row["probability"] for row in alarms] == sorted((row["probability"] for row in alarms), reverse=True)
    assert [row["probability"] for row in misses] == sorted(row["probability"] for row in misses)
    assert all(len(row["before"]) <= 2 and len(row["after"]) <= 1 and row["text"] for row in alarms + misses)


def test_a_leak_is_refused_by_the_name_of_the_work(trained: sg.Guard, frame: pd.DataFrame) -> None:
    seen = [work for work in frame["work"].unique() if split_of(work) == "train"]
    with pytest.raises(InputError, match=rf"work '{seen[0]}' .*--split test.*--allow-leak"):
        evaluate(trained, frame, split="all")
    allowed = evaluate(trained, frame, split="all", allow_leak=True, bootstrap=0)
    assert seen[0] in allowed.model["leaked_works"]
    assert "trained on" in in_words(allowed.to_dict())[0]


def test_a_work_under_another_spelling_leaks_too(trained: sg.Guard, frame: pd.DataFrame) -> None:
    seen = next(work for work in frame["work"].unique() if split_of(work) == "train")
    rows = doc([("He dies.", 1, None), ("Nice.", 0, None)], seen.replace("-", " ").upper(), "x")
    with pytest.raises(InputError, match="is among the works"):
        evaluate(trained, pd.DataFrame(rows), split="all")


def test_rows_without_works_are_works_of_their_own(trained: sg.Guard) -> None:
    plain = pd.DataFrame({"text": ["He dies.", "Nice hat.", "She is the killer."], "label": [1, 0, 1]})
    assert evaluate(trained, plain, split="all", bootstrap=5).data["works"] == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "dev"}, "unknown split 'dev': choose from test, validation, train, all"),
        ({"baselines": ["lstm"]}, "no baseline 'lstm': there are majority, keywords, tfidf, textcat"),
        ({"bootstrap": -1}, "must not be negative"),
        ({"split": "all", "baselines": True, "allow_leak": True}, "works that are not measured on"),
    ],
)
def test_an_option_out_of_range_is_named(
    trained: sg.Guard, frame: pd.DataFrame, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(trained, frame, **change)


def test_data_that_cannot_be_evaluated(trained: sg.Guard, frame: pd.DataFrame) -> None:
    harmless = frame[frame["label"] == 0]
    with pytest.raises(
        InputError, match=r"all \d+ sentences to evaluate are harmless sentences: evaluation needs both"
    ):
        evaluate(trained, harmless)
    train_only = frame[frame["work"].map(split_of) == "train"]
    with pytest.raises(InputError, match=r"none of the \d+ works of the data is in the test split: .*--split all"):
        evaluate(trained, train_only)
    with pytest.raises(InputError, match="nothing to evaluate"):
        evaluate(trained, frame.iloc[:0])
    with pytest.raises(InputError, match="no column 'label'; there are: source"):
        evaluate(trained, frame.drop(columns="label"))
    with pytest.raises(InputError, match="labels must be 0 or 1"):
        evaluate(trained, frame.assign(label=2))


def test_paths_give_what_their_frame_gives(trained: sg.Guard, tmp_path: Path, root: Path) -> None:
    few = tmp_path / "few.jsonl"
    with open(root / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        few.write_text("".join(islice(lines, 150)), encoding="utf-8")
    by_path = evaluate(trained, few, bootstrap=0)
    assert by_path.data["paths"] == [str(few)]
    assert by_path.overall == evaluate(trained, to_frame(load_labelled(few)), bootstrap=0).overall


# --- baselines and learning curve ----------------------------------------------------------------


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_learns_and_scores(name: str) -> None:
    texts = ["He dies in the end and the killer is revealed.", "A lovely, calm film with good music."] * 40
    labels = np.array([1, 0] * 40)
    score = BASELINES[name].learn(texts, labels, 0)
    probability = score(["The killer dies in the end.", "Lovely calm music."])
    assert probability.shape == (2,)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert name == "majority" or probability[0] > probability[1]
    np.testing.assert_array_equal(
        probability, BASELINES[name].learn(texts, labels, 0)(["The killer dies in the end.", "Lovely calm music."])
    )


def test_baselines_are_scored_on_the_same_sentences(found: Evaluation) -> None:
    assert list(found.baselines) == ["majority", "keywords"]
    for row in found.baselines.values():
        assert row["sentences"] == found.overall["sentences"]
        assert row["spoilers"] == found.overall["spoilers"]
    assert found.baselines["majority"]["auc"]["value"] == 0.5
    assert found.baselines["majority"]["points"]["medium"]["recall"]["value"] == 0


def test_a_learning_curve_grows_by_works(
    trained: sg.Guard, quick: Recipe, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "CURVE", (0.3, 1.0))
    steps: list[str] = []
    frame = frame[frame["work"].map(split_of).isin(["train", "validation"]).cumsum() < 500].reset_index(drop=True)
    curve = evaluate(
        trained,
        frame,
        learning_curve=True,
        recipe=quick,
        bootstrap=0,
        progress=lambda step, share: steps.append(step),
    ).learning_curve
    assert [row["share"] for row in curve] == [0.3, 1.0]
    works = [row["training_works"] for row in curve]
    assert works == sorted(set(works))
    assert works[-1] == sum(split_of(work) == "train" for work in frame["work"].unique())
    assert "learning curve: 100% of the works" in steps


# --- what is written -----------------------------------------------------------------------------


class Outside(HTMLParser):
    """Collects what a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "iframe", "object", "embed", "img", "base"):
            self.found.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "srcset", "action") or (
                name == "xlink:href" and not (value or "").startswith("#")
            ):
                self.found.append(f"{name}={value}")
            if name.startswith("on"):
                self.found.append(name)


@pytest.fixture(scope="module")
def page(found: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    found.to_html(path)
    return path.read_text(encoding="utf-8")


def test_the_report_fetches_nothing_and_runs_nothing(page: str) -> None:
    outside = Outside()
    outside.feed(page)
    assert outside.found == []
    assert "http:" not in page
    assert "https:" not in page
    assert "url(" not in page.replace("url(#", "")
    assert "@import" not in page


def test_the_report_holds_its_sections_and_figures(page: str, found: Evaluation) -> None:
    for name in (
        "summary",
        "operating-points",
        "curves",
        "baselines",
        "part-by-part",
        "by-tag",
        "kinds-named",
        "worst-errors",
    ):
        assert f'<section id="{name}">' in page
    assert f"{found.overall['auc']['value']:.3f}" in page
    assert found.command in unescape(page)
    assert found.data["digest"] in page
    assert page.count("<svg") == 4
    assert page.count('<details class="error">') == len(found.errors["false_alarms"]) + len(found.errors["misses"])


def test_text_in_the_report_is_escaped(trained: sg.Guard, tmp_path: Path) -> None:
    rows = doc([("<script>alert(1)</script> he dies", 1, "<b>"), ("&amp; nice \x00", 0, "opinion")], "<i>work</i>", "x")
    measured = evaluate(trained, pd.DataFrame(rows), split="all", bootstrap=0)
    measured.to_html(tmp_path / "r.html")
    measured.to_json(tmp_path / "r.json")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    for tag in ("<script>", "<b>dea", "<i>work"):
        assert tag not in text
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["version"] == 1


def test_the_json_twin_is_the_dictionary(found: Evaluation, tmp_path: Path) -> None:
    found.to_json(tmp_path / "twin.json")
    assert json.loads((tmp_path / "twin.json").read_text(encoding="utf-8")) == found.to_dict()
    assert [path.name for path in tmp_path.iterdir()] == ["twin.json"]


def test_a_report_that_cannot_be_written_leaves_what_was_there(found: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    for write in (found.to_json, found.to_html):
        with pytest.raises(InputError, match="cannot be written"):
            write(tmp_path / "absent" / "x")
        with pytest.raises(InputError, match="taken"):
            write(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_in_words_and_in_a_table(found: Evaluation) -> None:
    words = " ".join(in_words(found.to_dict()))
    assert f"{found.data['sentences']:,} sentences" in words
    assert "none of which it was trained on" in words
    table = str(found)
    assert max(map(len, table.splitlines())) <= 100
    assert f"{found.overall['auc']['value']:.3f}" in table
    assert [percent({"value": value}) for value in (None, 0.0, 0.004, 0.07, 1.0)] == ["–", "0%", "0.4%", "7%", "100%"]


def test_every_split_can_be_asked_for(trained: sg.Guard, frame: pd.DataFrame) -> None:
    sizes = {
        split: evaluate(trained, frame, split=split, bootstrap=0, allow_leak=True).data["sentences"] for split in SPLITS
    }
    assert sizes["test"] + sizes["validation"] + sizes["train"] == sizes["all"] == len(frame)


@pytest.mark.parametrize("draw", [_precision_recall, _roc, _scores])
@pytest.mark.parametrize("close", [0.0, 0.004, 0.03, 0.1])
@pytest.mark.parametrize("corner", [0.02, 0.5, 0.9])
def test_no_name_in_a_plot_is_printed_over_another(draw: Callable[..., None], close: float, corner: float) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    points = {
        name: {
            "threshold": corner + k * close,
            "recall": {"value": max(corner - k * close / 3, 0)},
            "precision": {"value": min(1 - corner + k * close, 1)},
            "false_alarm_rate": {"value": max(corner - k * close, 0) / 9},
        }
        for k, name in enumerate(("high", "medium", "low"))
    }
    line = [[0, 0], [1, 1]]
    histogram = {"edges": [0.0, 0.5, 1.0], "harmless": [9, 1], "spoilers": [1, 9]}
    evaluation = {
        "overall": {"points": points, "spoilers": 1, "sentences": 4},
        "curves": {"precision_recall": line, "roc": line, "histogram": histogram},
    }
    figure = Figure(figsize=(3.6, 3.1), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    draw(axes, evaluation)
    canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 3
    for one, other in combinations(boxes, 2):
        assert not one.expanded(0.9, 0.6).overlaps(other.expanded(0.9, 0.6))
