"""The notebooks are committed without outputs, and run from top to bottom."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
import shutil

import pytest
from waiting import WAIT

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.filterwarnings("default")  # of the notebook machinery, not ours
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a part of `data/`: a notebook looks for that folder upward from where it runs."""
    monkeypatch.setenv("PYTHONPATH", str(path.parent.parent))
    data = path.parent.parent / "data"
    (tmp_path / "data").mkdir()
    shutil.copy(data / "works.jsonl", tmp_path / "data")
    with open(data / "reviews.jsonl", encoding="utf-8") as lines:
        (tmp_path / "data" / "reviews.jsonl").write_text("".join(islice(lines, 300)), encoding="utf-8")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=WAIT, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [
        output.get("data", {}).get("text/html", "") for cell in notebook.cells for output in cell.get("outputs", [])
    ]
    assert any("<details" in html or "on a rainy Tuesday" in html for html in shown)  # a report
    assert any("<table" in html and ">score<" in html for html in shown)  # and its sentences


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS] == ["01-train.ipynb", "02-errors.ipynb"]
