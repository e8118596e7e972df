"""Builds sites with the programs that `tools` knows, and compiles MDX."""

from __future__ import annotations

import json
import os
from pathlib import Path
import subprocess
from typing import Any

from offline import ROOT
from tools import NODE, program, script
from waiting import WAIT

__all__ = ["compiled", "run"]


def run(*words: str, folder: Path) -> str:
    """What a command prints that must not fail."""
    surroundings = os.environ | {"LANG": "C.UTF-8"}
    ran = subprocess.run(words, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=WAIT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def compiled(sources: list[str]) -> list[dict[str, Any]]:
    """What @mdx-js/mdx makes of each source: its `text` and `html`, or the `error`."""
    script("@mdx-js/mdx")
    words = [program("node"), str(ROOT / "tests" / "data" / "mdx" / "compile.mjs"), str(NODE)]
    ran = subprocess.run(words, input=json.dumps(sources), capture_output=True, text=True, timeout=WAIT)
    assert ran.returncode == 0, ran.stderr
    results: list[dict[str, Any]] = json.loads(ran.stdout)
    return results
