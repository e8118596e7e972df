"""Every command's `--help` has examples, and each example does what it says, in a folder with the files it names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
import csv
import io
from itertools import chain
import json
import os
from pathlib import Path
import re
import shlex
import shutil
import sqlite3
import subprocess
from typing import Any

import click
from commands import invoke
import pytest
from texts import HARMLESS, SPOILERS
import typer
from typer.testing import CliRunner
import zstandard

from spoilerguard import training
from spoilerguard.cli import app
from spoilerguard.training.pipeline import Recipe

ROOT = Path(__file__).parent.parent
DRAFT = f"# A review\n\n{HARMLESS[1]}\n\n{SPOILERS[0]}\n"
PAGE = f"<p>{HARMLESS[1]}</p>\n<p>{SPOILERS[0]}</p>\n"

# Examples that are not run here: how they begin, and where instead.
NOT_HERE = {
    "spoilerguard scan comments.jsonl.zst -o scanned.parquet --jobs 8 --resume": "test_scan_processes.py: kills a scan",
    "spoilerguard scan 's3:": "test_parts.py: scans a bucket of a server here",
    "spoilerguard tune": "test_tuning.py: it wants more labels than there are here",
    "spoilerguard serve": "test_serve_processes.py: a server runs until it is stopped",
    "spoilerguard lsp": "test_languageserver.py: so does this one",
}


# --- what the help shows ------------------------------------------------------------------------


def commands(command: Any, name: str = "spoilerguard") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with the words that call it; groups hold others."""
    if isinstance(command, click.Group) or hasattr(command, "commands"):
        for word, inner in command.commands.items():
            yield from commands(inner, f"{name} {word}")
    else:
        yield name, command


COMMANDS = dict(commands(typer.main.get_command(app)))


def examples(name: str) -> list[str]:
    """The lines of a command's help that are to be typed: ours, perhaps fed through a pipe."""
    lines = (COMMANDS[name].epilog or "").replace("Example:  ", "Example:\n  ").splitlines()
    return [line.strip() for line in lines if re.match(r"  (?:cat \S+ \| )?spoilerguard ", line)]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_of_the_command(name: str) -> None:
    result = CliRunner().invoke(app, [*name.split()[1:], "--help"])
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert any(f"{name} " in f"{example} " for example in examples(name))
    shown = " ".join(result.stdout.split())
    assert [example for example in examples(name) if " ".join(example.split()) not in shown] == []


def test_what_is_not_run_here_is_there() -> None:
    every = [example for name in COMMANDS for example in examples(name)]
    known = [start for start in NOT_HERE if " ".join(start.split()[:2]) in COMMANDS]
    assert [start for start in known if not any(example.startswith(start) for example in every)] == []


# --- what it names ------------------------------------------------------------------------------


def of_other_works(known: str) -> tuple[str, str]:
    """Documents of works that are not in `known`: of six, and of six others."""
    works: dict[str, list[str]] = {}
    for line in (ROOT / "data" / "reviews.jsonl").read_text(encoding="utf-8").splitlines(keepends=True):
        works.setdefault(json.loads(line)["work"], []).append(line)
    others = [lines for work, lines in works.items() if f'"{work}"' not in known]
    return "".join(chain(*others[:6])), "".join(chain(*others[6:12]))


def table(documents: str, *columns: str, delimiter: str = ",") -> str:
    """Labelled documents as CSV, a row a sentence: number, text, label, work."""
    written = io.StringIO()
    rows = csv.writer(written, delimiter=delimiter)
    rows.writerow(columns)
    for document in map(json.loads, documents.splitlines()):
        for sentence in document["sentences"]:
            rows.writerow([document["id"], sentence["text"].strip(), sentence["label"], document["work"]])
    return written.getvalue()


def exported(documents: str) -> str:
    """Our own JSON Lines as doccano exports them, a sentence a line."""
    rows = [
        {"id": f"{document['id']}-{k}", "text": sentence["text"], "work": document["work"], "label": [name]}
        for document in map(json.loads, documents.splitlines())
        for k, sentence in enumerate(document["sentences"])
        for name in ("SPOILER" if sentence["label"] else "OK",)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def decisions(draft: str) -> str:
    """What the preview of draft.md saves if one decides that its spoiler is none, and that the rest is one."""
    found = []
    for text, decision in ((HARMLESS[1], "hide"), (SPOILERS[0], "show")):
        start = draft.index(text)
        found.append({"start": start, "end": start + len(text), "text": text, "decision": decision})
    file = {"path": "draft.md", "format": "markdown", "flags": found, "near_misses": [], "notices": []}
    return json.dumps({"version": 2, "model": {"name": "fast", "version": "1"}, "threshold": 0.5, "files": [file]})


@pytest.fixture
def desk(
    tmp_path: Path, small_folder: Path, few: Path, quick: Recipe, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder with every file that the examples name; what they train is small."""
    known = few.read_text(encoding="utf-8")
    new, newer = of_other_works(known)
    texts = {
        "draft.md": DRAFT,
        **dict.fromkeys(("draft.html", "page.html"), PAGE),
        "public/index.html": PAGE,
        "decisions.json": decisions(DRAFT),
        "posts/first.md": f"{DRAFT}\nAnd >!{SPOILERS[1]}!<\n",
        "comment.txt": f"{SPOILERS[0]}\n",
        "cover.txt": "A novel about an orchard.\n",
        "data/reviews.jsonl": known,
        **dict.fromkeys(("ours.jsonl", "labels.jsonl"), new),
        "doccano.jsonl": exported(new),
        "held-out.jsonl": newer,
        "comments.csv": table(known, "id", "text", "hidden", "film"),
        "other.csv": table(new, "id", "text", "spoiler", "film"),
        "reviews.tsv": table(new, "id", "body", "spoils", "film", delimiter="\t"),
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copytree(small_folder, tmp_path / "my-model")
    shutil.copy(ROOT / "tests" / "archives" / "wordpress" / "good.xml", tmp_path / "export.xml")
    goodreads = ROOT / "tests" / "data" / "labelled" / "goodreads" / "good.json.gz"
    shutil.copy(goodreads, tmp_path / "goodreads_reviews_spoiler.json.gz")
    comments = "".join(json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate((*SPOILERS, *HARMLESS)))
    (tmp_path / "comments.jsonl.zst").write_bytes(zstandard.compress(comments.encode()))
    with closing(sqlite3.connect(tmp_path / "blog.db")) as database:
        database.execute("create table comments (id integer, body text)")
        database.executemany("insert into comments values (?, ?)", enumerate((*SPOILERS, *HARMLESS)))
        database.commit()
    who = {f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for words in ("init --quiet", "add posts", "commit --quiet -m posts", "update-ref refs/remotes/origin/main HEAD"):
        subprocess.run(["git", *words.split()], cwd=tmp_path, env=os.environ | who, check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(training.RECIPES, "plain", quick)
    yield tmp_path
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def runs(example: str) -> int:
    """The exit status of an example, typed into a shell that knows `cat FILE |` and `> FILE`.

    In one process, which gives the same as several (test_scan_parts.py) sooner.
    """
    line, _, target = re.sub(r"--jobs \d+", "--jobs 1", example).partition(" > ")
    source, _, ours = line.rpartition(" | ")
    fed = Path(shlex.split(source)[1]).read_bytes() if source else None
    result = invoke(*shlex.split(ours)[1:], input=fed)
    assert result.exit_code in (0, 1), result.stderr
    if target:
        Path(target).write_bytes(result.stdout_bytes)
    return result.exit_code


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_run_one_after_the_other(desk: Path, name: str) -> None:
    here = [example for example in examples(name) if not any(example.startswith(start) for start in NOT_HERE)]
    for example in here:
        status = runs(example)
        assert status == 0 or (name == "spoilerguard check" or " check " in example), example
