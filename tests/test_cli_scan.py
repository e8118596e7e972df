"""scan from the command line, in this process: its options, what it says, and what it refuses before it begins."""

from __future__ import annotations

from collections.abc import Sequence
import csv
import os
from pathlib import Path
import sqlite3

from commands import invoke
from comments import archive_of, records_of
import pytest
from texts import CLEAN, REVIEW
from typer.testing import CliRunner

from spoilerguard.cli import app
from spoilerguard.cli import scan as cli_scan
from spoilerguard.scan.run import Progress


def scan(*arguments: str | Path, status: int = 0) -> str:
    """Standard error of a scan that ends with this status."""
    result = invoke("scan", *arguments)
    assert result.exit_code == status, result.stderr
    assert result.stdout == ""
    return result.stderr


def test_every_option_that_changes_the_output(tmp_path: Path) -> None:
    source = tmp_path / "reviews.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["nr", "opinion", "about", "when"])
        writer.writerows([[7, REVIEW, "Saltmarsh", "2020-01-02"], [8, CLEAN, "Low Tide", "2020-02-02"]])
    columns = ["--text-column", "opinion", "--id-column", "nr", "--work-column", "about", "--time-column", "when"]
    works, report = tmp_path / "works.jsonl", tmp_path / "report.html"
    works.write_text(
        '{"work": "Low Tide", "title": "Low Tide", "blurb": "A banker is found dead."}\n', encoding="utf-8"
    )
    errors = scan(
        source, "-o", tmp_path / "out.jsonl", *columns, "--only-flagged", "--works", works, "--report", report,
        "--sensitivity", "low", "--delimiter", ";", "--encoding", "utf-8", "--from", "csv",
    )  # fmt: skip
    assert [record["id"] for record in records_of(tmp_path / "out.jsonl")] == ["7"]
    assert errors.splitlines()[-1] == f"written: {report}"
    page = report.read_text(encoding="utf-8")
    for wanted in ("reviews.csv", "Saltmarsh", "Low Tide", "2020-01"):
        assert wanted in page
    assert scan(source, "-o", tmp_path / "quiet.jsonl", *columns, "--quiet") == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--engine", "spark"], "unknown --engine 'spark': choose from local, dask"),
        (["--scheduler", "tcp://127.0.0.1:1"], "--scheduler needs --engine dask"),
        (["--resume", "--force"], "--resume continues and --force starts again: give one of them"),
        (["--threshold", "7"], "threshold must be a probability from 0 to 1, not 7.0"),
        (["--model", "slow"], "no model named 'slow': there are accurate, fast"),
        (["--works", "none.jsonl"], "none.jsonl:1: cannot be read"),
        (["--report", "none/report.html"], "none/report.html: its folder does not exist; create it first"),
        (["--text-column", "words"], "words"),
    ],
)
def test_an_impossible_scan_is_reported_before_it_begins(tmp_path: Path, arguments: Sequence[str], says: str) -> None:
    source = archive_of(tmp_path / "comments.jsonl", 5)
    errors = scan(source, "-o", tmp_path / "out.jsonl", *arguments, status=2)
    assert says in errors.splitlines()[-1]
    assert os.listdir(tmp_path) == ["comments.jsonl"]


def test_a_database_is_scanned(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "blog.db") as database:
        database.execute("create table comments (id integer, body text)")
        database.executemany("insert into comments values (?, ?)", [(1, REVIEW), (2, CLEAN)])
    database.close()
    address, query = f"sqlite:///{tmp_path}/blog.db", "select id, body from comments order by id"
    runner, out = CliRunner(), tmp_path / "out.jsonl"
    result = runner.invoke(app, ["scan", "--sql", address, "--query", query, "-o", str(out)])
    assert result.exit_code == 0
    assert [(r["id"], r["spoiler"]) for r in records_of(out)] == [("1", True), ("2", False)]
    assert "ORDER BY" not in result.stderr
    assert result.stderr.startswith("database: ")
    assert address not in result.stderr, "an address may hold a password"
    unordered = query.removesuffix(" order by id")
    result = runner.invoke(app, ["scan", "--sql", address, "--query", unordered, "-o", str(out), "--force"])
    assert "a query without ORDER BY cannot be resumed" in result.stderr
    for neither_or_both in ([], [str(out), "--sql", address]):
        result = runner.invoke(app, ["scan", *neither_or_both, "--query", query, "-o", str(tmp_path / "x.jsonl")])
        assert result.exit_code == 2
        assert "give the archive as SOURCE, or a database as --sql URL" in result.stderr


def test_the_archive_is_never_the_output(tmp_path: Path) -> None:
    source = archive_of(tmp_path / "comments.jsonl", 5)
    said = scan(source, "-o", source, "--force", status=2)
    assert said == (f"spoilerguard: {source}: --output would replace this file, which is read; give another name\n")
    assert len(records_of(source)) == 5


def test_a_log_gets_a_line_a_minute(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 0.0, 1.0, 59.0, 60.0, 90.0, 121.0])
    monkeypatch.setattr(cli_scan.time, "monotonic", lambda: next(clock))
    lines = cli_scan._Lines()
    for records in (1_100, 9_000, 11_000, 12_000, 31_000):
        lines.show(Progress(records, 1_000, records / 100_000))
    assert capsys.readouterr().err.splitlines() == [
        "11,000 records, 167/s, 11%, 8 min 59 s left",
        "31,000 records, 248/s, 31%, 4 min 39 s left",
    ]


def test_of_a_source_without_a_size_no_time_is_promised(capsys: pytest.CaptureFixture[str]) -> None:
    lines = cli_scan._Lines(every=0.0)
    lines.show(Progress(5, 0, None))
    errors = capsys.readouterr().err
    assert errors.startswith("5 records, ")
    assert "left" not in errors
