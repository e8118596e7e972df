"""The command line, as the tests run it: in this process, which is quick, or in one of its own."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import subprocess
import sys
from typing import Any, NamedTuple

from typer.testing import CliRunner, Result
from waiting import WAIT

import spoilerguard as sg
from spoilerguard.cli import app

PACKAGE_AT = str(Path(sg.__file__).parents[1])


class Ran(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def raw(self) -> bytes:
        return self.out.encode("utf-8", "surrogateescape")

    @property
    def lines(self) -> list[int]:
        """Of `--format line`: which lines of files are named."""
        return [int(line.split(":")[1]) for line in self.out.splitlines()]


Cli = Callable[..., Ran]  # the arguments, and `stdin`


def process(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """The command as a user's shell runs it."""
    command = [sys.executable, "-m", "spoilerguard", *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": os.environ} | options
    options["env"] = options["env"] | {"PYTHONPATH": PACKAGE_AT}
    return subprocess.run(command, check=False, timeout=WAIT, **options)


def invoke(*arguments: str | Path, **options: Any) -> Result:
    """The command in this process where no fixture is at hand; what it does not handle is raised."""
    result = CliRunner().invoke(app, list(map(str, arguments)), **options)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
