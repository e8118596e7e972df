"""Files and strangers: nothing is destroyed, nothing is read twice or lost, and no checkout switches anything on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
import csv
import gc
import gzip
import json
import os
from pathlib import Path
import random
import signal
import sqlite3
import subprocess
import sys
from typing import Any

from commands import Cli, invoke
import pytest
from texts import CLEAN, REVIEW, SPOILERS

import spoilerguard as sg
from spoilerguard.archives import Cursor, open_archive
from spoilerguard.cli import scan as cli_scan
from spoilerguard.errors import InputError, ModelError
from spoilerguard.files import parquet as parquet_files
from spoilerguard.files.places import check_places
from spoilerguard.model.graph import check_graph
from spoilerguard.scan import folder
from spoilerguard.scan.run import plan_of, scan

ROOT = Path(__file__).parent.parent


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a draft, an archive, works and a folder of archives."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.md").write_text(REVIEW, encoding="utf-8")
    (tmp_path / "blurb.txt").write_text(CLEAN, encoding="utf-8")
    (tmp_path / "works.jsonl").write_text('{"work": "x", "title": "X"}\n', encoding="utf-8")
    for name in ("parts", "public"):
        (tmp_path / name).mkdir()
    (tmp_path / "public" / "index.html").write_text(f"<p>{CLEAN}</p>", encoding="utf-8")
    for name in ("src.csv", "parts/a.csv", "parts/b.csv"):
        (tmp_path / name).write_text(f'id,body\n1,"{CLEAN}"\n', encoding="utf-8")
    (tmp_path / "link.csv").symlink_to("src.csv")
    os.link(tmp_path / "src.csv", tmp_path / "hard.csv")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- an output is never an input, nor another output ------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "scan src.csv -o o.jsonl --report src.csv",
        "scan src.csv -o src.csv --force",
        "scan src.csv -o hard.csv --force",
        "scan src.csv -o link.csv --force",
        "scan link.csv -o src.csv --force",
        "scan src.csv -o o.jsonl --report works.jsonl --works works.jsonl",
        "scan src.csv -o o.jsonl --report o.jsonl",
        "scan src.csv -o o.jsonl --report o.jsonl.part/state.json",
        "scan src.csv -o o.jsonl --report .o.jsonl.done",
        "scan parts -o . --force",
        "scan parts -o parts/b.csv --force",
        "scan parts/a.csv -o parts --partition 5 --force",
        "check d.md -o d.md",
        "check . -o d.md",
        "check d.md --write-baseline d.md",
        "check d.md -o known.json --write-baseline known.json",
        "check d.md -o blurb.txt --blurb blurb.txt",
        "check --site public -o public/index.html",
        "preview d.md -o d.md",
        "preview d.md -o blurb.txt --blurb blurb.txt",
        "blur d.md -o d.md",
        "blur d.md -o blurb.txt --blurb blurb.txt",
        "blur d.md -o works.jsonl --from-json works.jsonl",
        "convert src.csv -o src.csv",
        "convert src.csv -o hard.csv",
        "convert parts -o parts/b.csv",
        "evaluate fast src.csv --report src.csv",
        "evaluate fast src.csv --report r --json r",
        "train src.csv -o src.csv",
    ],
)
def test_what_is_read_or_written_once_is_not_replaced(here: Path, command: str) -> None:
    before = contents(here)
    ran = invoke(*command.split())
    assert ran.exit_code == 2, ran.output
    assert contents(here) == before


def test_the_settings_and_the_database_are_read_too(here: Path) -> None:
    (here / ".spoilerguard.toml").write_text('sensitivity = "high"\n', encoding="utf-8")
    with sqlite3.connect(here / "c.db") as database:
        database.execute("create table c (id integer, body text)")
    database.close()
    before = contents(here)
    query = ["--query", "select * from c order by id"]
    for command in (
        ["check", "d.md", "-o", ".spoilerguard.toml"],
        *(
            ["scan", "--sql", f"sqlite:///{url}", *query, "-o", "o.jsonl", "--report", report]
            for url in ("c.db", "file:c.db?mode=ro&uri=true", f"file://{here}/%63.db?uri=true")
            for report in ("c.db", "c.db-wal")
        ),
    ):
        assert invoke(*command).exit_code == 2
    assert contents(here) == before


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        ({"--report": "src.csv"}, {}),
        ({"--report": "link.csv"}, {}),
        ({"--report": "./parts/../src.csv"}, {}),
        ({"--report": "new", "--json": "parts/../new"}, {}),
        ({"--report": "none/new"}, {}),
        ({"--report": "parts"}, {}),
        ({"--report": "out/page.html"}, {"--output": "out"}),
        ({}, {"--output": "."}),
    ],
)
def test_places_are_compared_however_they_are_written(
    here: Path, files: dict[str, str], folders: dict[str, str]
) -> None:
    (here / "out").mkdir()
    with pytest.raises(InputError, match=r"give another name|create it first|name a file"):
        check_places(["src.csv", None, "-"], files, folders)


def test_other_places_are_let_through(here: Path) -> None:
    check_places(["src.csv", "parts/a.csv"], {"--report": "parts/new.html", "--json": None}, {"--output": "out"})


# --- what is not ours is not replaced ---------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "scan src.csv -o o.jsonl --report pipe",
        "scan src.csv -o pipe.jsonl --force",
        "check d.md -o pipe",
        "check d.md --write-baseline pipe",
        "blur d.md -o pipe",
        "preview d.md -o pipe",
        "convert src.csv -o pipe",
        "evaluate fast src.csv --report pipe",
        "evaluate fast src.csv --json pipe",
        "train src.csv -o pipe",
    ],
)
def test_a_pipe_is_not_replaced(here: Path, command: str) -> None:
    for name in ("pipe", "pipe.jsonl"):
        os.mkfifo(here / name)
    assert invoke(*command.split()).exit_code == 2
    assert (here / "pipe").is_fifo()
    assert (here / "pipe.jsonl").is_fifo()


def test_a_foreign_folder_is_not_adopted(here: Path) -> None:
    part = here / "o.jsonl.part"
    part.mkdir()
    (part / "thesis.txt").write_text("mine", encoding="utf-8")
    ran = invoke("scan", "src.csv", "-o", "o.jsonl", "--force")
    assert ran.exit_code == 2
    assert "o.jsonl.part: not the folder of a scan: it contains 'thesis.txt'" in ran.stderr
    assert (part / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_the_note_beside_an_output_is_not_written_over_something_else(here: Path) -> None:
    (here / ".o.jsonl.done").write_text("mine", encoding="utf-8")
    ran = invoke("scan", "src.csv", "-o", "o.jsonl", "--force")
    assert ran.exit_code == 2
    assert ".o.jsonl.done: not written by a scan" in ran.stderr
    assert (here / ".o.jsonl.done").read_text(encoding="utf-8") == "mine"


def test_what_somebody_puts_into_the_folder_of_a_scan_stays(here: Path) -> None:
    archive, output = open_archive("src.csv"), here / "o.jsonl"

    def meanwhile(summary: Any) -> None:
        (folder.part_of(output) / "thesis.txt").write_text("mine", encoding="utf-8")

    assert scan(archive, output, plan_of(archive, output), finishing=meanwhile) is not None
    assert os.listdir(folder.part_of(output)) == ["thesis.txt"]


def test_a_folder_of_other_parts_is_not_an_output(here: Path) -> None:
    (here / "out.jsonl").mkdir()
    (here / "out.jsonl" / "part-time.csv").write_text("mine", encoding="utf-8")
    ran = invoke("scan", "src.csv", "-o", "out.jsonl", "--partition", "5", "--force")
    assert ran.exit_code == 2
    assert (here / "out.jsonl" / "part-time.csv").read_text(encoding="utf-8") == "mine"


def test_a_model_does_not_replace_the_manifest_of_something_else(
    here: Path, monkeypatch: pytest.MonkeyPatch, trained: sg.Guard
) -> None:
    site = here / "site"
    site.mkdir()
    (site / "manifest.json").write_text('{"name": "My site", "icons": []}', encoding="utf-8")
    monkeypatch.setattr("spoilerguard.training.train", lambda *a, **k: pytest.fail("training began"))
    ran = invoke("train", "src.csv", "-o", "site")
    assert "site: exists and is not a model" in ran.stderr
    with pytest.raises(ModelError, match="exists and is not a model"):
        trained.save(site)
    assert os.listdir(site) == ["manifest.json"]


def test_a_model_that_cannot_be_written_is_reported_before_training(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spoilerguard.training.train", lambda *a, **k: pytest.fail("training began"))
    assert "src.csv is not a folder" in invoke("train", "parts/a.csv", "-o", "src.csv/model").stderr


def test_the_mode_of_what_is_replaced_survives(here: Path, trained: sg.Guard) -> None:
    for name in ("o.jsonl", "r.html", "p.html"):
        (here / name).write_text("old", encoding="utf-8")
        (here / name).chmod(0o600)
    assert invoke("scan", "src.csv", "-o", "o.jsonl", "--report", "r.html", "--force").exit_code == 0
    assert invoke("preview", "d.md", "-o", "p.html").exit_code == 0
    assert [(here / name).stat().st_mode & 0o777 for name in ("o.jsonl", "r.html", "p.html")] == [0o600] * 3
    assert invoke("scan", "src.csv", "-o", "out.jsonl", "--partition", "5").exit_code == 0
    trained.save(here / "m")
    for name in ("out.jsonl", "m"):
        (here / name).chmod(0o700)
    assert invoke("scan", "src.csv", "-o", "out.jsonl", "--partition", "5", "--force").exit_code == 0
    trained.save(here / "m")
    assert [(here / name).stat().st_mode & 0o777 for name in ("out.jsonl", "m")] == [0o700] * 2


# --- databases: every row exactly once, or a refusal ------------------------------------------------

COUNT = 400
QUERY = "select id, body from comments order by id"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with sqlite3.connect(tmp_path / "c.db") as connection:
        connection.execute("create table comments (id integer, body text)")
        rows = [(10 * number, f"{CLEAN} {CLEAN} {CLEAN} Number {number}.") for number in range(COUNT)]
        connection.executemany("insert into comments values (?, ?)", rows)
    yield connection
    connection.close()


def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str = QUERY) -> Callable[..., Any]:
    """A scan that was stopped after its first shard; returns what goes on with it."""
    monkeypatch.setattr("spoilerguard.scan.shards.MOST_POSTS", 50)
    output = tmp_path / "o.jsonl"

    def run(*, resume: bool = False, stop: Callable[[], bool] = lambda: False) -> Any:
        archive = open_archive(f"sqlite:///{tmp_path}/c.db", query=query)
        return scan(archive, output, plan_of(archive, output), resume=resume, stop=stop)

    assert run(stop=lambda: True) is None
    return lambda: run(resume=True)


def test_an_interrupted_query_goes_on(
    tmp_path: Path, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert begun(tmp_path, monkeypatch)().records == COUNT
    lines = (tmp_path / "o.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [str(10 * number) for number in range(COUNT)]


@pytest.mark.parametrize("change", ["delete from comments where id > 3000", "insert into comments values (9999, 'x')"])
def test_rows_that_were_not_read_yet_may_change(
    tmp_path: Path, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    go_on = begun(tmp_path, monkeypatch)
    with database:
        database.execute(change)
    now = [str(number) for (number,) in database.execute("select id from comments order by id")]
    go_on()
    lines = (tmp_path / "o.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == now


@pytest.mark.parametrize(
    "change",
    [
        "delete from comments where id < 20",
        "delete from comments where id = 490",
        "delete from comments",
        "insert into comments values (5, 'new')",
        "insert into comments values (-5, 'new')",
        "update comments set id = 9999 where id = 30",
        "update comments set id = 4000 - id",
        "delete from comments where id = 10; insert into comments values (15, 'new')",
    ],
)
def test_rows_that_were_read_may_not(
    tmp_path: Path, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    go_on = begun(tmp_path, monkeypatch)
    database.executescript(change)
    with pytest.raises(InputError, match=r"rows were inserted, removed or moved, .*; start again with --force"):
        go_on()
    assert not (tmp_path / "o.jsonl").exists()


def test_the_text_of_a_row_that_was_read_may_change(
    tmp_path: Path, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = begun(tmp_path, monkeypatch)
    with database:
        database.execute("update comments set body = 'Corrected.' where id = 20")
    assert go_on().records == COUNT


def test_rows_that_only_their_text_tells_apart_are_not_taken_for_one_another(
    tmp_path: Path, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database:
        database.execute("update comments set id = 7")
    go_on = begun(tmp_path, monkeypatch, QUERY + ", rowid")
    with database:  # the 50th row, which was read, and the 51st, which was not, change places
        rows = dict(database.execute("select rowid, body from comments where rowid in (50, 51)"))
        database.executemany("update comments set body = ? where rowid = ?", [(rows[50], 51), (rows[51], 50)])
    with pytest.raises(InputError, match="rows were inserted, removed or moved"):
        go_on()


def test_rows_that_only_their_text_tells_apart_go_on(
    tmp_path: Path, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database:
        database.execute("update comments set id = 7")
    assert begun(tmp_path, monkeypatch, QUERY + ", rowid")().records == COUNT


CHANGES = (
    "delete from comments where body = 'Row ' || :k || '.'",
    "insert into comments values (:k, 'New.', '2026')",
    "update comments set id = 12 - id where body = 'Row ' || :k || '.'",
    "update comments set time = '2026' where body = 'Row ' || :k || '.'",
    "update comments set body = 'Row ' || (:k - 1) || '.' where body = 'Row ' || :k || '.'",
)


@pytest.mark.parametrize(
    "order",
    [
        "id",
        "id desc",
        "time, id desc",
        "time desc, id",
        "coalesce(time, 'x'), body desc",
        "time is null, time, id, rowid",
    ],
)
def test_whatever_changed_every_row_is_there_once_or_it_is_refused(
    tmp_path: Path, database: sqlite3.Connection, order: str
) -> None:
    draw, went_on = random.Random(order), 0
    query = f"select id, body, time from comments order by {order}"
    with database:
        database.execute("alter table comments add column time")
    archive = open_archive(f"sqlite:///{tmp_path}/c.db", query=query)
    for _ in range(15):
        with database:  # names and times that many rows share, or lack
            database.execute("delete from comments")
            names, times = [(None, k // 3, k) for k in range(12)], [(None, "2026", str(k)) for k in range(12)]
            rows = [(draw.choice(names[k]), f"Row {k}.", draw.choice(times[k])) for k in range(12)]
            database.executemany("insert into comments values (?, ?, ?)", rows)
        read = [*archive.posts()][: draw.randint(1, 11)]
        with database:
            database.execute(draw.choice(CHANGES), {"k": draw.randint(0, 11)})
        with suppress(InputError):
            rest = [post for post, _ in archive.posts(Cursor(*read[-1][1]))]
            whole, now = [*(post for post, _ in read), *rest], [post for post, _ in archive.posts()]
            assert [(post.id, post.time) for post in whole] == [(post.id, post.time) for post in now]
            assert sorted(post.text for post in rest) == sorted(post.text for post in now[len(read) :])
            went_on += 1
    assert went_on


KILLED = """
import os, sys
from pathlib import Path
from spoilerguard.archives import open_archive
from spoilerguard.scan import run, shards
from spoilerguard.scan.folder import PartialOutput
from spoilerguard.scan.run import plan_of, scan
shards.MOST_POSTS, run._SECONDS_AT_RISK = 50, 0
counted = [0]
saved = PartialOutput.commit
def save(self):
    saved(self)
    counted[0] += 1
    if counted[0] == 3:
        os.kill(os.getpid(), 9)
PartialOutput.commit = save
archive, output = open_archive(sys.argv[1], query=sys.argv[2]), Path(sys.argv[3])
scan(archive, output, plan_of(archive, output))
"""


@pytest.mark.parametrize(
    ("change", "survives"),
    [
        ("insert into comments values (9999, 'x')", True),
        ("delete from comments where id < 20", False),
        ("insert into comments values (5, 'x')", False),
        ("update comments set id = 4000 - id", False),
    ],
)
def test_after_a_kill_every_row_is_there_once_or_it_is_refused(
    tmp_path: Path, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, change: str, survives: bool
) -> None:
    output, url = tmp_path / "o.jsonl", f"sqlite:///{tmp_path}/c.db"
    killed = subprocess.run([sys.executable, "-c", KILLED, url, QUERY, str(output)], env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    with database:
        database.execute(change)
    archive = open_archive(url, query=QUERY)
    if not survives:
        with pytest.raises(InputError, match="start again with --force"):
            scan(archive, output, plan_of(archive, output), resume=True)
        assert not output.exists()
        return
    scan(archive, output, plan_of(archive, output), resume=True)
    now = [str(number) for (number,) in database.execute("select id from comments order by id")]
    assert [record["id"] for record in records(output)] == now


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        (QUERY, True),
        ("select id, body from comments where body <> ':x' order by id desc limit 9", True),
        ("select id, body from comments union select 1, 'a' order by 1", True),
        ("select id, 'order by' as body from comments", False),
        ("select * from (select id, body from comments) order by id", True),
        ("select id, body from comments order by (select 1), id nulls last", True),
        ("select id, body from comments -- order by id", False),
        ("select id, body from comments where id in (select id from comments order by id limit 9)", False),
        ("select 1 as id, (select body from comments order by id) as body", False),
        ("select id, body from comments /* order by id */", False),
        ("select * from (select id, body from comments order by id)", False),
        ("with c as (select * from comments order by id) select id, body from c", False),
        ("select row_number() over (order by id) as id, body from comments", False),
    ],
)
def test_only_the_order_of_the_outermost_statement_counts(
    tmp_path: Path, database: sqlite3.Connection, query: str, ordered: bool
) -> None:
    archive = open_archive(f"sqlite:///{tmp_path}/c.db", query=query)
    assert archive.resumable is ordered
    if not ordered:
        with pytest.raises(InputError, match="add ORDER BY"):
            archive.posts(Cursor(1, 0, 1))


# --- ids, columns, formulas -------------------------------------------------------------------------


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_missing_id_is_null(here: Path) -> None:
    lines = [{"id": 1, "body": CLEAN}, {"body": SPOILERS[0]}, {"id": "", "body": CLEAN}, {"id": 0, "body": CLEAN}]
    (here / "c.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + "{\n", encoding="utf-8")
    assert invoke("scan", "c.jsonl", "-o", "o.jsonl", "--report", "r.html").exit_code == 3
    assert [record["id"] for record in records(here / "o.jsonl")] == ["1", None, None, "0", None]
    assert invoke("scan", "c.jsonl", "-o", "o.csv").exit_code == 3
    with open("o.csv", encoding="utf-8", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["1", "", "", "0", ""]


def test_an_archive_without_ids_is_numbered(here: Path) -> None:
    (here / "c.csv").write_text('body\n"One text."\n"Another one."\n', encoding="utf-8")
    assert invoke("scan", "c.csv", "-o", "o.jsonl").exit_code == 0
    assert [record["id"] for record in records(here / "o.jsonl")] == ["0", "1"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_two_columns_of_one_name_are_an_error_where_they_are_used(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"c.{suffix}"
    if suffix == "csv":
        path.write_text("id,body,body\n1,a,b\n", encoding="utf-8")
    else:
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        columns = [arrow.array([1]), arrow.array(["a"]), arrow.array(["b"])]
        parquet.write_table(arrow.Table.from_arrays(columns, names=["id", "body", "body"]), path)
    with pytest.raises(InputError, match="2 columns are named 'body'; give each its own name"):
        open_archive(path)
    assert [post.text for post, _ in open_archive(path, text_column="id").posts()] == ["1"]


def test_a_csv_starts_no_formula(here: Path) -> None:
    ids = ["=1+1", "+1", "-1", "@x", "\tx", "'x", "1"]
    rows = [{"id": name, "body": f"=HYPERLINK(1) {CLEAN}"} for name in ids]
    (here / "c.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    found = {}
    for name, options in (("o.csv", []), ("raw.csv", ["--csv-formulas"])):
        assert invoke("scan", "c.jsonl", "-o", name, "--blur", "redact", *options).exit_code == 0
        with open(name, encoding="utf-8", newline="") as file:
            found[name] = list(csv.DictReader(file))
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for row in found["o.csv"] for cell in row.values())
    assert [row["id"] for row in found["o.csv"]] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'x", "1"]
    assert [row["id"] for row in found["raw.csv"]] == ids
    assert all(row["blurred"].startswith("=HYPERLINK") for row in found["raw.csv"])


# --- small files that become large ------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False, "column_encoding": {"body": "DELTA_BYTE_ARRAY"}}])
def test_a_text_that_is_stored_once_is_not_held_for_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path, size, count = tmp_path / "c.parquet", 1_000_000, 256
    table = arrow.table({"body": arrow.array(["a" * size] * count)})
    parquet.write_table(
        table, path, compression="zstd", dictionary_pagesize_limit=1 << 26, store_schema=False, **options
    )
    assert path.stat().st_size < 20_000
    held, values = [0], parquet_files._values

    def counting(column: Any) -> list[Any]:
        held.append(column.nbytes)
        return values(column)

    monkeypatch.setattr(parquet_files, "_values", counting)
    assert sum(len(post.text) for post, _ in open_archive(path).posts()) == size * count
    assert size < max(held) <= 1 << 26


def test_a_page_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "c.parquet"
    table = arrow.table({"id": [1, 2, 3], "body": ["a" * (40 << 20), "b" * (40 << 20), CLEAN]})
    parquet.write_table(table, path, compression="zstd", use_dictionary=False, data_page_size=1 << 30)
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"a page of 8\d,\d{3},\d{3} bytes is stored in [\d,]+, which no text needs"):
        list(open_archive(path, longest_record=1 << 30).posts())


def test_a_footer_at_odds_with_itself_ends_no_process(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "c.parquet"
    parquet.write_table(arrow.table({"body": ["He dies.", CLEAN], "id": ["1", "2"]}), path)
    optional, required = (b"\x15\x0c\x25" + value + b"\x18\x04body" for value in (b"\x02", b"\x00"))
    content = path.read_bytes()
    assert content.count(optional) == 1, "the schema says once of the column that it may be null"
    path.write_bytes(content.replace(optional, required))
    posts = [post for post, _ in open_archive(path).posts()]
    assert len(posts) == 2
    assert all("this part of the Parquet file is damaged" in (post.error or "") for post in posts)


def test_nothing_is_left_of_an_archive_that_was_read(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "c.parquet"
    parquet.write_table(arrow.table({"body": ["He dies.", CLEAN] * 4}), path, row_group_size=2)

    def held() -> int:
        gc.collect()
        return sum(type(one).__name__ == "ParquetFile" for one in gc.get_objects())

    before = held()
    for _ in range(5):
        assert len(list(open_archive(path).posts())) == 8
    assert held() == before


def test_many_pages_that_become_large_are_not_held_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path, size, count = tmp_path / "c.parquet", 8 << 20, 24
    table = arrow.table({"body": arrow.array(["a" * size] * count)})
    parquet.write_table(table, path, compression="zstd", use_dictionary=False, data_page_size=1, write_batch_size=1)
    assert path.stat().st_size < 100_000
    held, values = [0], parquet_files._values

    def counting(column: Any) -> list[Any]:
        held.append(column.nbytes)
        return values(column)

    monkeypatch.setattr(parquet_files, "_values", counting)
    read = sum(len(post.text) for post, _ in open_archive(path, longest_record=1 << 30).posts())
    assert read == size * count
    assert max(held) <= 1 << 26


def test_ordinary_pages_are_read_many_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "c.parquet"
    bodies = [f"{CLEAN} {number}" for number in range(20_000)]
    parquet.write_table(arrow.table({"body": bodies}), path, use_dictionary=False)
    sizes, values = [], parquet_files._values
    monkeypatch.setattr(parquet_files, "_values", lambda column: sizes.append(len(column)) or values(column))
    assert [post.text for post, _ in open_archive(path).posts()] == bodies
    assert max(sizes) == 1024


def test_a_signal_stops_the_reading_of_emptiness(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    member = gzip.compress(b"\n" * (1 << 22))
    (here / "c.csv.gz").write_bytes(gzip.compress(b"id,body\n1,a\n") + member * 200)
    read, after = gzip.GzipFile.read1, [0]

    def counting(file: gzip.GzipFile, size: int = -1) -> bytes:
        after[0] += 1
        if after[0] == 20:
            os.kill(os.getpid(), signal.SIGTERM)
        return read(file, size)

    monkeypatch.setattr(gzip.GzipFile, "read1", counting)
    ran = invoke("scan", "c.csv.gz", "-o", "o.jsonl")
    assert ran.exit_code == cli_scan.INTERRUPTED
    assert after[0] < 25, "read on after the signal"
    assert not (here / "o.jsonl").exists()


# --- a checkout is a stranger's ---------------------------------------------------------------------


def test_a_model_in_the_settings_needs_the_command_line(here: Path, cli: Cli, small_folder: Path) -> None:
    (here / "m").symlink_to(small_folder)
    (here / ".spoilerguard.toml").write_text('\nmodel = "./m"\n', encoding="utf-8")
    for command in ("check", "blur", "preview"):
        ran = cli(command, "d.md")
        assert (ran.status, ran.out) == (2, "")
        assert ".spoilerguard.toml:2: model is not taken from a settings file without your consent" in ran.err
        assert f"give --model {here}/m" in ran.err
    assert cli("check", "d.md", "--model", "m").status in (0, 1)
    (here / ".spoilerguard.toml").write_text('model = "fast"\n', encoding="utf-8")
    assert cli("check", "d.md").status == 1
    (here / "sub" / "mine").mkdir(parents=True)
    (here / ".spoilerguard.toml").write_text('model = "mine"\n', encoding="utf-8")
    os.chdir(here / "sub")
    (here / "sub" / "d.md").write_text(REVIEW, encoding="utf-8")
    assert "give --model mine" in cli("check", "d.md").err


def test_only_the_command_line_puts_sentences_into_logs(here: Path, cli: Cli) -> None:
    (here / "pyproject.toml").write_text("[tool.spoilerguard.check]\nshow-text = true\n", encoding="utf-8")
    ran = cli("check", "d.md", "--format", "github")
    assert (ran.status, ran.out) == (2, "")
    assert (
        "pyproject.toml:2: show-text is not taken from a settings file without your consent; give --show-text"
        in ran.err
    )
    ran = cli("check", "d.md", "--format", "github", "--show-text")
    assert ran.status == 1
    assert SPOILERS[0] in ran.out


def test_an_editor_does_not_load_a_model_of_the_checkout(here: Path, small_folder: Path) -> None:
    from spoilerguard.lsp.editor import Moment, check

    (here / "m").symlink_to(small_folder)
    (here / ".spoilerguard.toml").write_text('model = "./m"\n', encoding="utf-8")
    moment = Moment((here / "d.md").as_uri(), 1, 1)
    with pytest.raises(InputError, match="give --model"):
        check(moment, REVIEW, "markdown", "utf-16", [{}])
    checked = check(moment, REVIEW, "markdown", "utf-16", [{"model": "fast"}])
    assert checked is not None
    assert checked.guard.name == "fast"


@pytest.mark.parametrize("name", ["--write-baseline=known.md", "--output=x.md", "--exit-zero", "-q", "-qo.md"])
def test_the_name_of_a_file_is_no_option(here: Path, cli: Cli, name: str) -> None:
    (here / name).write_text(REVIEW, encoding="utf-8")
    before = contents(here)
    ran = cli("check", "--format", "line", name)
    assert (ran.status, ran.out) == (2, "")
    assert f"{name}: an option, and also a file; give the file as ./{name}, or after --" in ran.err
    ran = cli("check", "--format", "line", "--", name)
    assert ran.status == 1
    assert ran.lines
    assert contents(here) == before


@pytest.mark.parametrize("name", ["link.sarif", "folder/new.sarif", "../new.sarif"])
def test_the_action_writes_through_no_link_of_the_checkout(tmp_path: Path, name: str) -> None:
    checkout, outside = tmp_path / "checkout", tmp_path / "outside"
    checkout.mkdir()
    outside.mkdir()
    (outside / "x").write_text("mine", encoding="utf-8")
    (checkout / "link.sarif").symlink_to(outside / "x")
    (checkout / "folder").symlink_to(outside)
    variables = {"INPUT_FORMAT": "sarif", "INPUT_SARIF_FILE": name, "INPUT_PATHS": ".", "INPUT_ONLY_CHANGED": "false"}
    script = str(ROOT / ".github" / "actions" / "check" / "check.py")
    ran = subprocess.run([sys.executable, script], cwd=checkout, env=os.environ | variables, stdout=subprocess.PIPE)
    assert ran.returncode == 2
    assert b"which is a link or leads out of the checkout" in ran.stdout
    assert contents(outside) == {str(outside / "x"): b"mine"}
    assert sorted(os.listdir(tmp_path)) == ["checkout", "outside"]


def test_options_that_are_no_files_are_options(here: Path, cli: Cli) -> None:
    assert cli("check", "-q", "--exit-zero", "d.md").status == 0


# --- networks ---------------------------------------------------------------------------------------

INPUTS = {"ids": (1, 512), "segments": (1, 512), "pool": (512, 512)}


def network(nodes: list[Any], constants: dict[str, Any] | None = None, **more: Any) -> bytes:
    onnx, numpy = pytest.importorskip("onnx"), pytest.importorskip("numpy")
    from onnx import TensorProto, helper, numpy_helper

    arrays = {name: numpy.asarray(value) for name, value in (constants or {}).items()}
    kinds = {"f": "float32", "i": "int64"}
    held = [numpy_helper.from_array(value.astype(kinds[value.dtype.kind]), name) for name, value in arrays.items()]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in INPUTS.items()]
    graph = helper.make_graph(nodes, "g", infos, [], held)
    model = helper.make_model(graph, **more)
    return bytes(onnx.ModelProto.SerializeToString(model))


def node(kind: str, inputs: list[str], out: str = "out", **attributes: Any) -> Any:
    pytest.importorskip("onnx")
    from onnx import helper

    return helper.make_node(kind, inputs, [out], **attributes)


def test_our_own_network_passes() -> None:
    check_graph((ROOT / "models" / "accurate" / "network.onnx").read_bytes(), INPUTS)


def test_a_network_as_it_is_exported_passes() -> None:
    pytest.importorskip("torch")
    import torch

    from spoilerguard.training.export import graph_of
    from spoilerguard.training.network import Network

    torch.manual_seed(0)
    check_graph(graph_of(Network(3, 2).state_dict()).SerializeToString(), INPUTS)


@pytest.mark.parametrize(
    ("nodes", "constants", "message"),
    [
        ([("Loop", ["ids", "", "pool"], {})], {}, "operator 'Loop' is none that our networks have"),
        ([("ConstantOfShape", ["ids"], {})], {}, "operator 'ConstantOfShape' is none"),
        ([("Expand", ["pool", "ids"], {})], {}, "operator 'Expand' is none"),
        ([("Reshape", ["pool", "ids"], {})], {}, "depends on a shape that is not a constant"),
        ([("Reshape", ["pool", "to"], {})], {"to": [1 << 40, 1]}, "none of ours is empty or that large"),
        ([("Add", ["tall", "wide"], {})], {"tall": [[1.0]] * 9999, "wide": [[1.0] * 9999]}, "that large"),
        ([("MatMul", ["tall", "wide"], {})], {"tall": [[1.0]] * 9999, "wide": [[1.0] * 9999]}, "that large"),
        ([("Gather", ["tall", "ids"], {"axis": 1})], {"tall": [[1.0]]}, "has attributes that those"),
        ([("Cast", ["pool"], {"to": 8})], {}, "has attributes that those"),
        ([("Add", ["pool", "nothing"], {})], {}, "reads 'nothing' before it exists"),
        ([("Add", [], {})], {"ids": [1]}, "'ids' is defined twice"),
        ([("Gather", ["pool"], {})], {}, "lacks an input"),
    ],
)
def test_a_hostile_network_is_refused(nodes: list[Any], constants: dict[str, Any], message: str) -> None:
    made = [node(kind, inputs, **attributes) for kind, inputs, attributes in nodes]
    with pytest.raises(ValueError, match=message):
        check_graph(network(made, constants), INPUTS)


def test_work_is_bounded_too() -> None:
    square = [[1.0] * 2048] * 2048
    nodes = [node("MatMul", ["a" if k == 0 else f"x{k}", "a"], f"x{k + 1}") for k in range(40)]
    with pytest.raises(ValueError, match="more work than any network of ours"):
        check_graph(network(nodes, {"a": square}), INPUTS)


def test_functions_and_other_files_are_refused() -> None:
    pytest.importorskip("onnx")
    from onnx import helper

    function = helper.make_function("x", "f", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], [])
    with pytest.raises(ValueError, match="field 25 of a message is none that our networks have"):
        check_graph(network([], functions=[function]), INPUTS)
    for data in (b"\xff", b"\x3a\xff\xff\xff\xff\x0f", b"\x3a\x02\x3a"):
        with pytest.raises(ValueError, match="not a protocol buffer, or cut off"):
            check_graph(data, INPUTS)
    with pytest.raises(ValueError, match="occurs twice"):
        check_graph(2 * network([]), INPUTS)


# --- editors ----------------------------------------------------------------------------------------


def test_malformed_parameters_get_an_answer_and_a_strange_uri_breaks_nothing(here: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "spoilerguard", "lsp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ,
    ) as server:
        assert server.stdin is not None
        strange = {"uri": "file://[x", "languageId": "markdown", "version": 1, "text": REVIEW}
        messages = [
            {"id": 1, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}},
            {"method": "initialized", "params": {}},
            {"id": 2, "method": "textDocument/hover", "params": {"textDocument": 5}},
            {"id": 3, "method": "textDocument/codeAction", "params": [1]},
            {"method": "textDocument/didOpen", "params": {"textDocument": strange}},
            {"method": "textDocument/didClose", "params": {"textDocument": {"uri": "file://[x"}}},
            {"id": 4, "method": "shutdown"},
            {"method": "exit"},
        ]
        for message in messages:
            body = json.dumps({"jsonrpc": "2.0", **message}).encode()
            server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        out, _ = server.communicate()
    assert server.returncode == 0
    assert out.count(b'"code": -32602') == 2
    assert all(b'"id": %d' % number in out for number in (1, 2, 3, 4))
    assert b"window/showMessage" not in out
