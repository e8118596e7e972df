"""The same input, model and options give the same bytes: on every run, with any `--jobs`, batch size and order,
whatever the hash seed, the locale, the time zone and the number of threads."""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path
import random
import subprocess
import sys

from comments import comments
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from texts import HARMLESS, REVIEW, SPOILERS
from waiting import WAIT

import spoilerguard as sg

PACKAGE = Path(sg.__file__).parent.parent

# What machines differ in. The second has the ASCII of the POSIX locale, and no UTF-8 mode to help it; the third a
# language whose small "I" is another, where it is installed.
PLACES: dict[str, dict[str, str]] = {
    "here": {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC", "OMP_NUM_THREADS": "1"},
    "posix": {"PYTHONHASHSEED": "2", "LC_ALL": "C", "TZ": "Asia/Kathmandu", "OMP_NUM_THREADS": "2"},
    "türkiye": {"PYTHONHASHSEED": "3", "LC_ALL": "tr_TR.UTF-8", "TZ": "Europe/Istanbul", "OMP_NUM_THREADS": "4"},
}
PLACES["posix"] |= {"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "OPENBLAS_NUM_THREADS": "2", "COLUMNS": "40"}
PLACES["türkiye"] |= {"OPENBLAS_NUM_THREADS": "4", "LANGUAGE": "tr", "TERM": "dumb"}
JOBS = {"here": "1", "posix": "2", "türkiye": "1"}

CLI = "from spoilerguard.cli import app; app()"
QUICKLY = (  # as in conftest: not good, but soon
    "from dataclasses import replace; from spoilerguard.training.pipeline import RECIPES; "
    "RECIPES['plain'] = replace(RECIPES['plain'], folds=2, C=1e-4, networks=1); " + CLI
)
MANY = """
import json, sys
import spoilerguard as sg
jobs = int(sys.argv[1])
texts = json.load(open("texts.json", encoding="utf-8"))
guard = sg.load("fast")
reports = list(guard.flag_many(texts, jobs=jobs, batch_size=3 * jobs + 4, sensitivity="high"))
scores = guard.score([sentence.text for report in reports for sentence in report.sentences])
print(json.dumps([[report.to_dict() for report in reports], scores.tolist()]))
if jobs > 1:
    from joblib.externals.loky import get_reusable_executor
    get_reusable_executor().shutdown(wait=True)
"""


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory, few: Path, small_folder: Path) -> Path:
    """A folder with drafts, an archive and labelled data."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "drafts").mkdir()
    (folder / "drafts" / "review.md").write_text(f"# I liked İt\n\n{REVIEW}", encoding="utf-8")
    (folder / "drafts" / "cok.txt").write_text(
        "SHE DIES IN ISTANBUL. ILLUSIONS! “Ça va?” 👩‍👩‍👧 he said\n" * 3, encoding="utf-8"
    )
    (folder / "drafts" / "page.html").write_text(
        f"<p class=a id=b>{SPOILERS[0]}</p><p>{HARMLESS[1]}</p>", encoding="utf-8"
    )
    with (folder / "comments.jsonl").open("w", encoding="utf-8") as file:
        for number, comment in enumerate(comments(2_600)):
            file.write(json.dumps(comment | {"time": 1_600_000_000 + 86_000 * number}) + "\n")
    (folder / "texts.json").write_text(json.dumps([REVIEW, *SPOILERS, *HARMLESS, "", "I. İ. ı."] * 2), encoding="utf-8")
    (folder / "few.jsonl").symlink_to(few)
    (folder / "small").symlink_to(small_folder)
    return folder


Ran = Callable[..., bytes]
Row = Callable[[Ran, str], bytes]  # given what runs a command line there, and the jobs: the bytes that came out


def scanned(suffix: str, *options: str) -> Row:
    def row(run: Ran, jobs: str) -> bytes:
        out, report = f"out{suffix}", "report.html"
        command = ("scan", "comments.jsonl", "-o", out, "--report", report, "--jobs", jobs, "-q", *options)
        return run(*command, reads=[out, report])

    return row


ROWS: dict[str, Row] = {
    "check": lambda run, jobs: run("check", "drafts", "--format", "json", "--exit-zero", "--sensitivity", "high"),
    "check, for people": lambda run, jobs: run("check", "drafts", "--exit-zero"),
    "check, accurate": lambda run, jobs: run(
        *("check", "drafts", "--format", "json", "--exit-zero", "--threshold", "0", "--model", "accurate")
    ),
    "explain": lambda run, jobs: run("explain", "In the end SHE DIES IN ISTANBUL."),
    "blur": lambda run, jobs: run("blur", "drafts/review.md"),
    "blur, of a page": lambda run, jobs: run("blur", "drafts/page.html"),
    "preview": lambda run, jobs: run("preview", "drafts/review.md", "-o", "page.html", reads=["page.html"]),
    "scan to JSON Lines": scanned(".jsonl"),
    "scan to CSV, blurred": scanned(".csv", "--blur", "reddit"),
    "scan to Parquet": scanned(".parquet", "--only-flagged"),
    "scan to gzip": scanned(".jsonl.gz"),
    "flag_many and score": lambda run, jobs: run(jobs, code=MANY),
    "train": lambda run, jobs: run(
        *("train", "few.jsonl", "-o", "model", "--name", "Ilk", "--jobs", jobs, "--quiet"),
        code=QUICKLY,
        reads=["model/weights.npz", "model/manifest.json", "model/CARD.md"],
    ),
    "evaluate": lambda run, jobs: run(
        *("evaluate", "small", "few.jsonl", "--bootstrap", "20", "--report", "report.html", "--json", "twin.json"),
        reads=["report.html", "twin.json"],
    ),
    "convert": lambda run, jobs: run("convert", "few.jsonl", "-o", "out.jsonl", reads=["out.jsonl"]),
}
NEEDS = {"check, accurate": "onnxruntime", "scan to Parquet": "pyarrow", "evaluate": "matplotlib"}
SLOW = {"train", "evaluate", *(name for name in ROWS if name.startswith("scan"))}


def runner(folder: Path, environment: dict[str, str]) -> Ran:
    """What runs a command line in a folder and an environment: its standard output, or the files it wrote."""

    def run(*arguments: str, code: str = CLI, reads: list[str] | None = None) -> bytes:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "OMP_", "OPENBLAS_"))}
        ran = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=inherited | {"PYTHONPATH": str(PACKAGE)} | environment,
            cwd=folder,
            capture_output=True,
            check=False,
            timeout=WAIT,
        )
        assert ran.returncode == 0, ran.stderr.decode()
        return b"".join((folder / path).read_bytes() for path in reads) if reads else ran.stdout

    return run


@pytest.mark.parametrize("name", ROWS)
def test_the_same_bytes_everywhere(name: str, material: Path, tmp_path: Path) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    results: dict[str, bytes] = {}
    for place in [place for place in PLACES if not (name in SLOW and place == "türkiye")]:
        folder = tmp_path / place
        folder.mkdir()
        for item in material.iterdir():
            (folder / item.name).symlink_to(item)
        results[place] = ROWS[name](runner(folder, PLACES[place]), JOBS[place])
    assert len(results["here"]) > 50
    assert {place for place, result in results.items() if result != results["here"]} == set()


# --- batches and order -------------------------------------------------------------------------

TEXTS = [REVIEW, *SPOILERS, *HARMLESS, "", "She dies " * 300, " ".join(SPOILERS), "a", "👩‍👩‍👧", "He did it. " * 40]
SENTENCES = [*SPOILERS, *HARMLESS, "", "a", "She dies " * 300]


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(range(len(TEXTS))), batch_size=st.integers(1, 20))
def test_a_report_depends_on_its_text_alone(fast: sg.Guard, order: list[int], batch_size: int) -> None:
    reports = list(fast.flag_many([TEXTS[k] for k in order], batch_size=batch_size))
    assert dict(zip(order, reports, strict=True)) == {k: fast.flag(text) for k, text in enumerate(TEXTS)}


@settings(max_examples=30, deadline=None)
@given(chosen=st.lists(st.integers(0, len(SENTENCES) - 1), min_size=1, max_size=40))
def test_a_score_depends_on_its_sentence_alone(fast: sg.Guard, chosen: list[int]) -> None:
    scores = fast.score([SENTENCES[k] for k in chosen]).tolist()
    assert scores == [fast.score([SENTENCES[k]])[0] for k in chosen]


def test_in_parts_of_any_size(fast: sg.Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The linear scorer works in parts, that memory stays small: where it cuts does not show."""
    texts = [*TEXTS, *random.Random(3).choices(TEXTS, k=30)]
    whole = list(fast.flag_many(texts))
    for part in (1, 100, 5_000):
        monkeypatch.setattr("spoilerguard.model.scoring.PART", part)
        assert list(fast.flag_many(texts)) == whole


def test_a_frame_in_any_order(fast: sg.Guard) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"body": TEXTS * 20})
    mixed = frame.sample(frac=1, random_state=4)
    pandas.testing.assert_frame_equal(fast.flag_frame(mixed).sort_index(), fast.flag_frame(frame))
