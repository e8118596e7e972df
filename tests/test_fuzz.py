"""What is fuzzed (`make fuzz`, an hour) runs here over its seeds alone, so that no target rots."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

import pytest

sys.path.insert(0, str(Path(__file__).parent / "fuzz"))

from targets import TARGETS

from spoilerguard.archives import FAMILIES

RUN = Path(__file__).parent / "fuzz" / "run.py"


@pytest.mark.parametrize("name", TARGETS)
def test_no_seed_breaks_anything(name: str) -> None:
    if name in ("archive-parquet", "packed", "archive-any", "archive-sql"):
        for library in ("pyarrow", "zstandard", "sqlalchemy"):
            pytest.importorskip(library)
    seeds = list(TARGETS[name].seeds())
    assert seeds
    for seed in seeds[: 40 if name == "flag" else None]:
        TARGETS[name].run(seed)
        TARGETS[name].run(seed[: len(seed) // 2])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("hide-html", b"><)/w>\x02\xf7<w6></"),
        ("hide-mdx", b"\xed\xf8{{ww\xc4_a `_`_r>/"),
        ("http", b'=POST!\n\n\xaa\n\n\n\n\nTP/1.1\r\nHost:\t\n{"text"Tn/json\r\n\r\n'),  # more after a 400
    ],
)
def test_what_was_found_is_mended(name: str, data: bytes) -> None:
    TARGETS[name].run(data)


def test_every_archive_is_fuzzed() -> None:
    assert {f"archive-{family.name}" for family in FAMILIES} <= TARGETS.keys()


def test_a_fault_is_kept_and_reported(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    (tmp_path / "targets.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Target:\n    run: object\n    seeds: object\n"
        "def run(data):\n    assert b'bad' not in data\n"
        "TARGETS = {'broken': Target(run, lambda: iter([b'bad']))}\n"
        "def words_of_the_formats():\n    return [b'bad']\n",
        encoding="utf-8",
    )
    ran = subprocess.run(
        [sys.executable, str(RUN), "--minutes", "0.05"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"FUZZ_TABLE": str(tmp_path), "FUZZ_CACHE": str(tmp_path / "cache")},
    )
    assert ran.returncode == 1, ran.stderr
    assert "x AssertionError" in ran.stdout
    (kept,) = (tmp_path / "cache" / "faults").glob("broken-*.bin")
    assert b"bad" in kept.read_bytes()
