"""The same flags, scores and frames by every route: `data/` and hostile text."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
import json
from pathlib import Path
import pickle
from typing import Any

from commands import Cli
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import spacy
from test_frames import column

import spoilerguard as sg
import spoilerguard.spacy

HOSTILE = [
    *("", " \n\t", "\ufeff", "\u202eshe dies\u202c in the end.", "e\u0301 He dies. İ ß", "👩‍👩‍👧‍👦 dies! 🇸🇪 lives."),
    "<p>In the end he <b>dies.</b></p><script>she dies</script><!-- spoilerguard off --><p>She shoots him.</p>",
    "# The end\n\n>!He dies.!< In the end she kills her husband.\n\n```\nHe dies.\n```\n> She is his mother.\n",
    "He dies.She lives.In the end the killer is her father,who dies.",
    "in the end she kills him and then he turns out to be alive and she is his mother and they all die " * 3,
    "&lt;b&gt; &amp; &#128; In the end she shoots him. || [spoiler]x[/spoiler] <details>",
    "Der Film erzählt eine Geschichte, die jeder kennt, und am Ende stirbt er, was niemand erwartet hat. " * 4,
    "שלום. He dies. 日本語。彼は死ぬ。 In the final scene the butler kills his own son.",
    "She dies. " * 200,
]


@pytest.fixture(scope="module")
def texts(root: Path) -> list[str]:
    """Some of `data/`, and what breaks programs."""
    with open(root / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        documents = [json.loads(line)["sentences"] for line in islice(lines, 0, 2000, 100)]
    return [" ".join(s["text"] for s in sentences) for sentences in documents] + HOSTILE


@pytest.fixture(scope="module")
def flags(fast: sg.Guard, texts: list[str]) -> list[list[dict[str, Any]]]:
    """What `flag` says to each text alone."""
    found = [[flag.to_dict() for flag in fast.flag(text, suppressions=False)] for text in texts]
    assert sum(map(len, found)) > 20
    return found


FRAMES: dict[str, Callable[[dict[str, list[str]]], Any]] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("jobs", [1, 2])
def test_frames(fast: sg.Guard, texts: list[str], flags: Any, kind: str, jobs: int) -> None:
    out = fast.flag_frame(FRAMES[kind]({"body": texts}), jobs=jobs, suppressions=False)
    assert column(out, "flags") == flags
    assert column(out, "body") == texts


def test_many(fast: sg.Guard, texts: list[str], flags: Any) -> None:
    again = pickle.loads(pickle.dumps(fast))
    assert [[f.to_dict() for f in r] for r in again.flag_many(texts, suppressions=False, batch_size=7)] == flags


@pytest.mark.parametrize("processes", [1, 2])
def test_spacy(texts: list[str], flags: Any, processes: int) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("spoilerguard", config={"suppressions": False})
    for doc, expected in zip(nlp.pipe(texts, n_process=processes, batch_size=10), flags, strict=True):
        spans = list(doc.spans["spoilers"])
        assert [span.label_ for span in spans] == [flag["reasons"][0]["kind"] for flag in expected]
        for span, flag in zip(spans, expected, strict=True):
            exact = doc.char_span(flag["start"], flag["end"], alignment_mode="expand")
            assert (span.start, span.end) == (exact.start, exact.end)
            assert round(span._.spoiler_score, 4) == flag["score"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:dask.*")  # of pandas, to Dask
def test_dask(fast: sg.Guard, texts: list[str], flags: Any) -> None:
    frames = pytest.importorskip("dask.dataframe")
    frame = frames.from_pandas(pd.DataFrame({"body": texts}), npartitions=3)
    out = frame.map_partitions(fast.flag_frame, suppressions=False).compute(scheduler="synchronous")
    assert out["flags"].tolist() == flags


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_scan(cli: Cli, fast: sg.Guard, texts: list[str], tmp_path: Path, format: Any) -> None:
    """An archive has one format for all its texts."""
    rows = [json.dumps({"id": str(number), "text": text}) for number, text in enumerate(texts)]
    (tmp_path / "in.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    ran = cli("scan", tmp_path / "in.jsonl", "-o", tmp_path / "out.jsonl", "--input-format", format)
    assert ran.status == 0
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    for row, text in zip(out, texts, strict=True):
        flags = [flag.to_dict() for flag in fast.flag(text, format=format, suppressions=False)]
        assert row["flags"] == [{k: v for k, v in flag.items() if k not in ("line", "column")} for flag in flags]
