"""scan from the command line, in this process: its options, what it says, and what it refuses before it begins."""

from __future__ import annotations

from collections.abc import Sequence
import csv
import json
import os
from pathlib import Path
import sqlite3

from commands import invoke
from comments import archive_of, records_of
import pytest
from texts import CLEAN, REVIEW, SPOILERS
from typer.testing import CliRunner

from spoilerguard.cli import app, progress
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
        source, "-o", tmp_path / "out.jsonl", *columns, "--works", works, "--keep", "when", "--keep", "2",
        "--only-flagged", "--report", report, "--sensitivity", "low", "--delimiter", ";", "--encoding", "utf-8",
        "--from", "csv",
    )  # fmt: skip
    (record,) = records_of(tmp_path / "out.jsonl")
    assert (record["id"], record["opinion"], record["when"]) == ("7", REVIEW, "2020-01-02")
    assert errors.splitlines()[-1] == f"written: {report}"
    page = report.read_text(encoding="utf-8")
    for wanted in ("reviews.csv", "Saltmarsh", "Low Tide", "2020-01"):
        assert wanted in page
    assert scan(source, "-o", tmp_path / "quiet.jsonl", *columns, "--quiet") == ""


def test_what_is_not_in_english_is_counted(tmp_path: Path) -> None:
    source, output, report = tmp_path / "comments.jsonl", tmp_path / "out.jsonl", tmp_path / "report.html"
    german = (
        "Das ist ein langer Kommentar, der mit dem Film nichts zu tun hat, aber am Ende stirbt darin doch der Held."
    )
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in (german, REVIEW, CLEAN)), encoding="utf-8")
    told = scan(source, "-o", output, "--report", report)
    assert "3 records, 1 with a spoiler, 1 not in English and not checked; " in told
    assert "not in English" in report.read_text(encoding="utf-8")
    assert "not checked" not in scan(source, "-o", tmp_path / "any.jsonl", "--any-language")


def test_works_that_no_column_names_are_told_of(tmp_path: Path) -> None:
    source, works = tmp_path / "reviews.csv", tmp_path / "works.jsonl"
    source.write_text(f'post,text\nlow-tide,"{CLEAN}"\n', encoding="utf-8")
    works.write_text('{"work": "low-tide", "blurb": "A banker is found dead."}\n', encoding="utf-8")
    told = f"{works} is not used: no column names the works; name it with --work-column"
    assert told in scan(source, "-o", tmp_path / "out.jsonl", "--works", works)
    assert told not in scan(source, "-o", tmp_path / "more.jsonl", "--works", works, "--work-column", "post")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "xls"], "unknown --from 'xls': choose from parquet, wordpress"),
        (["--blur", "fog"], "unknown --blur 'fog': choose from html"),
        (["--engine", "spark"], "unknown --engine 'spark': choose from local, dask"),
        (["--scheduler", "tcp://127.0.0.1:1"], "--scheduler needs --engine dask"),
        (["--resume", "--force"], "--resume continues and --force starts again: give one of them"),
        (["--threshold", "7"], "--threshold must be a probability from 0 to 1"),
        (["--model", "slow"], "no model named 'slow': there are accurate, fast"),
        (["--works", "none.jsonl"], "none.jsonl:1: cannot be read"),
        (["--report", "none/report.html"], "none/report.html: its folder does not exist; create it first"),
        (["--text-column", "words"], "words"),
        (["--keep", "textt"], "no column 'textt'; did you mean 'text'? There are: id, text, work, time"),
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
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    lines = progress._Lines()
    for records in (1_100, 9_000, 11_000, 12_000, 31_000):
        lines.show(Progress(records, 1_000, records / 100_000))
    assert capsys.readouterr().err.splitlines() == [
        "11,000 records, 167/s, 11%, 8 min 59 s left",
        "31,000 records, 248/s, 31%, 4 min 39 s left",
    ]


def test_of_a_source_without_a_size_no_time_is_promised(capsys: pytest.CaptureFixture[str]) -> None:
    lines = progress._Lines(every=0.0)
    lines.show(Progress(5, 0, None))
    errors = capsys.readouterr().err
    assert errors.startswith("5 records, ")
    assert "left" not in errors


# --- standard input and output, and what is complete already --------------------------------------

STANDARD = {
    "JSON Lines": (f'{{"id": 1, "text": "{CLEAN}"}}\n{{"id": 2, "text": "Nice."}}\n', "JSON Lines (UTF-8): text from"),
    "CSV": (f'id;text\n1;"{CLEAN}"\n2;Nice.\n', "CSV (UTF-8, semicolon): text from 'text'"),
    "an array": (f'[{{"id": 1, "text": "{CLEAN}"}},\n {{"id": 2, "text": "Nice."}}]', "JSON (UTF-8): text from"),
}


@pytest.mark.parametrize("kind", STANDARD)
def test_standard_input_is_scanned_to_standard_output(kind: str) -> None:
    data, described = STANDARD[kind]
    ran = invoke("scan", "-", "-o", "-", input=data)
    assert ran.exit_code == 0, ran.stderr
    assert [json.loads(line)["id"] for line in ran.stdout.splitlines()] == ["1", "2"]
    assert ran.stderr.startswith(f"standard input: {described}")
    assert ran.stderr.splitlines()[-1].startswith("standard output: 2 records, ")


def test_standard_output_has_the_bytes_of_a_file(tmp_path: Path) -> None:
    source = archive_of(tmp_path / "comments.jsonl", 20)
    scan(source, "-o", tmp_path / "out.jsonl", "--blur", "redact")
    ran = invoke("scan", source, "-o", "/dev/stdout", "--blur", "redact", "-q")
    assert (ran.stdout_bytes, ran.stderr) == ((tmp_path / "out.jsonl").read_bytes(), "")


def test_a_scan_of_standard_input_that_was_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spoilerguard.scan.shards.MOST_POSTS", 8)
    data, output = archive_of(tmp_path / "comments.jsonl", 40).read_bytes(), tmp_path / "out.jsonl"
    monkeypatch.setattr("spoilerguard.cli.stopping.Stop.__call__", lambda self: True)
    ran = invoke("scan", "-", "-o", output, "-q", input=data)
    assert (ran.exit_code, ran.stderr) == (
        130, f"spoilerguard: interrupted; what was done is in {output}.part: continue with --resume\n"
    )  # fmt: skip
    monkeypatch.undo()
    other = invoke("scan", "-", "-o", output, "--resume", input=data[:-1])
    assert other.exit_code == 2
    assert "started with another source or other options" in other.stderr
    assert invoke("scan", "-", "-o", output, "--resume", input=data).exit_code == 0
    assert len(records_of(output)) == 40


def test_a_stream_that_stops_says_what_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spoilerguard.cli.stopping.Stop.__call__", lambda self: True)
    ran = invoke("scan", "-", "-o", "-", "-q", input=STANDARD["CSV"][0])
    assert (ran.exit_code, ran.stderr) == (130, "spoilerguard: interrupted; what was done is on standard output\n")


@pytest.mark.parametrize(
    ("data", "arguments", "says"),
    [
        ("", [], "standard input: the file is empty"),
        ("Nice, but long.\nWell.\n", [], "standard input: format not recognised; name the format: "),
        ("a,b\n1,2\n", ["--from", "csv", "--text-column", "c"], "standard input: no column 'c'; there are: a, b"),
        ("id,text\n1,a\n", ["--resume"], "--resume cannot continue what went to standard output; name a file with -o"),
        ("id,text\n1,a\n", ["--partition", "5"], "--partition makes a folder of files; name it with -o"),
    ],
)
def test_what_cannot_be_done_with_streams(data: str, arguments: list[str], says: str) -> None:
    ran = invoke("scan", "-", "-o", "-", *arguments, input=data)
    assert ran.exit_code == 2
    assert ran.stdout == ""
    assert f"spoilerguard: {says}" in ran.stderr.splitlines()[-1]


def test_a_scan_that_is_complete_stays_as_it_is(tmp_path: Path) -> None:
    source, output = archive_of(tmp_path / "comments.jsonl", 12), tmp_path / "out.jsonl"
    first = scan(source, "-o", output, "--report", tmp_path / "one.html").splitlines()
    before = output.stat()
    again = scan(source, "-o", output, "--resume", "--report", tmp_path / "two.html").splitlines()
    assert output.stat() == before
    assert again[1] == f"{output}: complete already; nothing was scanned again"
    assert again[2].partition(" (")[0] == first[1].partition(" (")[0]
    assert (tmp_path / "two.html").read_bytes() == (tmp_path / "one.html").read_bytes()
    refused = scan(source, "-o", output, "--resume", "--sensitivity", "low", status=2)
    assert f"{output}: complete, but of another source or other options (threshold: " in refused


# --- status 3 --------------------------------------------------------------------------------------


def test_records_that_cannot_be_hidden_are_errors(tmp_path: Path) -> None:
    source = tmp_path / "c.csv"
    source.write_text(f'id,text\n1,Nice.\n2,"| a |\n|---|\n| {" ".join(SPOILERS)} |"\n', encoding="utf-8")
    arguments = ["--blur", "lemmy", "--input-format", "markdown"]
    lines = scan(source, "-o", tmp_path / "o.jsonl", *arguments, status=3).splitlines()
    assert lines[-1].startswith("spoilerguard: 1 of 2 records has an error; the first is record 2: cannot be blurred: ")
    assert [record["error"] is None for record in records_of(tmp_path / "o.jsonl")] == [True, False]
    assert scan(source, "-o", tmp_path / "o.jsonl", *arguments, "--resume", status=3).splitlines()[-1] == lines[-1]


def test_the_last_line_says_that_more_was_not_read(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('[{"id": 1, "text": "Nice."}, {"id": 2, "te', encoding="utf-8")
    last = scan(tmp_path / "c.json", "-o", tmp_path / "o.jsonl", "-q", status=3)
    assert last == (
        "spoilerguard: 1 of 2 records has an error, and the rest of a file was not read; the first is record 2: "
        "the JSON is cut off or damaged here; fetch the file again\n"
    )
