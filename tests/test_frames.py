"""Frames of every kind: what `flag_frame` adds, what it refuses, and the clusters that run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
import re
import shutil
import sys
import textwrap
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from texts import HARMLESS, REVIEW, SPOILERS

import spoilerguard as sg
from spoilerguard import frames
from spoilerguard.errors import InputError

KINDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}
ADDED = ["spoiler_score", "spoiler", "flags"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def column(frame: Any, name: str) -> list[Any]:
    """A column as Python's values, whatever the frame is."""
    series = frame[name]
    return list(series.to_pylist() if isinstance(frame, pa.Table) else series.to_list())


def types(frame: Any) -> list[Any]:
    """The types of what was added."""
    schema = frame.schema if not isinstance(frame, pd.DataFrame) else frame.dtypes
    return [schema.field(name).type if isinstance(frame, pa.Table) else schema[name] for name in ADDED]


def expected(reports: list[sg.Report]) -> dict[str, list[Any]]:
    """What `flag_frame` adds for these reports."""
    return {
        "spoiler_score": [max((s.score for s in report.sentences), default=0.0) for report in reports],
        "spoiler": [report.has_spoilers for report in reports],
        "flags": [[flag.to_dict() for flag in report] for report in reports],
    }


@every_kind
@pytest.mark.parametrize("jobs", [1, 2])
def test_the_same_kind_comes_back_with_three_more_columns(small: sg.Guard, kind: str, jobs: int) -> None:
    data = {"id": [1, 2, 3, 4], "body": [REVIEW, "Fine.", "", None]}
    frame = KINDS[kind](data)
    out = small.flag_frame(frame, threshold=0.0, jobs=jobs)
    assert type(out) is type(frame)
    reports = [small.flag(text or "", threshold=0.0) for text in data["body"]]
    assert {name: column(out, name) for name in ADDED} == expected(reports)
    assert column(out, "id") == data["id"]
    names = frame.column_names if kind == "pyarrow" else list(frame.columns)
    assert names == ["id", "body"]  # the frame itself is as it was


@every_kind
def test_the_type_of_what_is_added_does_not_depend_on_what_is_in_it(small: sg.Guard, kind: str) -> None:
    full, none, empty = (
        small.flag_frame(KINDS[kind](data), threshold=threshold)
        for data, threshold in [
            ({"body": [REVIEW]}, 0.0),
            ({"body": [REVIEW]}, 1.0),
            ({"body": pd.Series([], dtype="str") if kind == "pandas" else pa.array([], pa.string())}, 0.0),
        ]
    )
    assert types(full) == types(none) == types(empty)
    assert "struct" in str(types(full)[2]).lower()
    assert len(empty) == 0


def test_a_pandas_frame_keeps_its_index_and_its_other_columns(small: sg.Guard) -> None:
    frame = pd.DataFrame({"id": [1, 2, 3], "body": [REVIEW, "Fine.", ""]}, index=["x", "x", "z"])
    before = frame.copy()
    out = small.flag_frame(frame, threshold=0.0)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(out[["id", "body"]], frame)


def test_without_pyarrow_the_flags_of_pandas_are_lists(small: sg.Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"body": pd.Series([REVIEW, ""], dtype=object)})
    typed = small.flag_frame(frame, threshold=0.0)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    untyped = small.flag_frame(frame, threshold=0.0)
    assert untyped["flags"].dtype == object
    assert untyped["flags"].tolist() == typed["flags"].tolist()


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_a_missing_text_counts_as_empty(small: sg.Guard, missing: Any) -> None:
    out = small.flag_frame(pd.DataFrame({"body": pd.Series(["He dies.", missing], dtype=object)}), threshold=0.0)
    assert out["spoiler"].tolist() == [True, False]
    assert out["spoiler_score"].iloc[1] == 0


@every_kind
def test_columns_name_text_and_work_of_each_row(small: sg.Guard, kind: str) -> None:
    frame = KINDS[kind]({"review": [REVIEW, REVIEW], "film": ["The Long Rain", None]})
    out = small.flag_frame(frame, text="review", work="film", threshold=0.0)
    reports = [small.flag(REVIEW, work=title, threshold=0.0) for title in ("The Long Rain", None)]
    assert column(out, "flags") == expected(reports)["flags"]


def test_half_of_a_character_becomes_one_that_can_be_written(small: sg.Guard) -> None:
    """pandas keeps what JSON could spell; the typed column is UTF-8, and offsets stay right."""
    source = "A \ud83d. She dies."
    (flags,) = small.flag_frame(pd.DataFrame({"body": pd.Series([source], dtype=object)}), threshold=0.0)["flags"]
    for flag in flags:
        assert flag["text"] == source[flag["start"] : flag["end"]].replace("\ud83d", "\ufffd")


# --- what is refused -------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("options", [{"text": "bdy"}, {"work": "bdy"}])
def test_a_frame_refuses_unknown_columns(small: sg.Guard, kind: str, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="no column 'bdy': there are body"):
        small.flag_frame(KINDS[kind]({"body": ["One."]}), **options)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (["One."], "takes a frame of pandas, polars or pyarrow, not builtins.list"),
        (pd.Series(["One."], name="body"), "takes a frame of pandas, polars or pyarrow, not pandas.Series"),
        (pl.LazyFrame({"body": ["One."]}), "not a lazy polars.LazyFrame: collect it first, or run flag_frame on its"),
        (pl.DataFrame({"body": [["One."]]}), r"column 'body' holds List\(String\), not text"),
        (pa.table({"body": [b"One."]}), "column 'body' holds Binary, not text"),
        (pd.DataFrame({"body": ["One.", ["Two."]]}), "column 'body' holds a list in row 2, not a text"),
        (pd.DataFrame([["One.", "Two."]], columns=["body", "body"]), "cannot use this frame: .*body"),
    ],
)
def test_what_holds_no_texts_is_refused(small: sg.Guard, frame: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        small.flag_frame(frame)


@pytest.mark.parametrize("jobs", [0, 1.5, "2"])
def test_a_number_of_processes_is_a_count(small: sg.Guard, jobs: Any) -> None:
    with pytest.raises(InputError, match="jobs must be a whole number from 1"):
        small.flag_frame(pd.DataFrame({"body": []}), jobs=jobs)


# --- clusters: the code of the documentation ---------------------------------------------------

TEXTS = [" ".join((*HARMLESS, *SPOILERS)[start : start + 3]) for start in range(9)]


def documented(word: str) -> str:
    """The code in the documentation of `frames` that imports this."""
    blocks = re.findall(r"\n\n((?: {4}.*\n|\n)+)", str(frames.__doc__))
    (found,) = [block for block in blocks if word in block]
    return textwrap.dedent(found)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the comments in two files, in which the code runs."""
    (tmp_path / "comments").mkdir()
    for part in (0, 1):
        rows = {"id": list(range(part * 5, part * 5 + len(TEXTS[part * 5 :][:5]))), "body": TEXTS[part * 5 :][:5]}
        parquet.write_table(pa.table(rows), tmp_path / "comments" / f"part-{part}.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_flagged(guard: sg.Guard, folder: Path) -> None:
    table = parquet.read_table(folder).sort_by("id")
    assert column(table, "body") == TEXTS
    assert {name: column(table, name) for name in ADDED} == expected(list(guard.flag_many(TEXTS)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning:dask.*")  # of pandas, to Dask
def test_dask_runs_it_on_the_parts_of_a_frame(fast: sg.Guard, place: Path) -> None:
    pytest.importorskip("dask.dataframe")
    import dask

    with dask.config.set(scheduler="synchronous"):
        exec(documented("dask"), {"guard": fast})
    assert_flagged(fast, place / "flagged")


@pytest.mark.filterwarnings("default")  # of Spark and what it leaves open, not ours
def test_spark_runs_it_on_batches(fast: sg.Guard, place: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is no java here")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)  # its workers, which find spoilerguard where we do
    monkeypatch.setenv("PYTHONPATH", str(root))
    sql = pytest.importorskip("pyspark.sql", reason="PySpark is not installed: pip install --group spark")
    session = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = session.config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
    try:
        exec(documented("SPARK_COLUMNS"), {"guard": fast, "spark": spark})
    finally:
        spark.stop()
    assert_flagged(fast, place / "flagged")
