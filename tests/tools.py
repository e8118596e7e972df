"""The programs of others that build sites. `make tools` installs them; a test skips by name where one is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
from typing import Any

from offline import ROOT
import pytest
from waiting import WAIT

TOOLS = ROOT / "cache" / "tools"
NPM, PYTHON = TOOLS / "npm", TOOLS / "python"


def program(name: str) -> str:
    """The path of a program of Debian's."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: make tools")
    return found


def package(name: str) -> Path:
    """The folder of a package of npm's."""
    program("node")
    folder = NPM / "node_modules" / name
    if not folder.is_dir():
        pytest.skip(f"the npm package {name} is not installed: make tools")
    return folder


def module(name: str) -> list[str]:
    """The command that runs a package of PyPI's."""
    if not (PYTHON / name).is_dir():
        pytest.skip(f"the package {name} of PyPI is not installed: make tools")
    return [sys.executable, "-m", name]


def run(*words: str, folder: Path, **variables: str) -> str:
    """What a command prints that must not fail."""
    surroundings = os.environ | {"LANG": "C.UTF-8", "PYTHONPATH": str(PYTHON)} | variables
    ran = subprocess.run(words, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=WAIT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def compiled(sources: list[str]) -> list[dict[str, Any]]:
    """What @mdx-js/mdx makes of each source: its `text` and `html`, or the `error`."""
    package("@mdx-js/mdx")
    script = ROOT / "tests" / "data" / "mdx" / "compile.mjs"
    words = ["node", str(script), str(NPM)]
    ran = subprocess.run(words, input=json.dumps(sources), capture_output=True, text=True, timeout=WAIT)
    assert ran.returncode == 0, ran.stderr
    results: list[dict[str, Any]] = json.loads(ran.stdout)
    return results
