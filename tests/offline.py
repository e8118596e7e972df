"""Our program where other programs find it: on a path; or installed by pip, as users do, but without a network."""

from __future__ import annotations

import os
from pathlib import Path
import shlex
import shutil
import sys
import sysconfig

ROOT = Path(__file__).parent.parent
PARTS = ("spoilerguard", "models", "pyproject.toml", "README.md", "LICENSE")


def command(folder: Path) -> Path:
    """`folder`, to stand on PATH, with a `spoilerguard` in it that runs these sources."""
    folder.mkdir(exist_ok=True)
    script = folder / "spoilerguard"
    python = shlex.quote(sys.executable)
    script.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {python} -m spoilerguard "$@"\n', "utf-8")
    script.chmod(0o755)
    return folder


def checkout(folder: Path, *more: str) -> Path:
    """A copy of what a wheel is built from, and of `more`, in `folder`."""
    for part in (*PARTS, *more):
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Variables with which pip builds and installs a checkout alone; other libraries are linked to in `folder`.

    Not ours, nor pip: an installation found on the path would count as installed already.
    """
    folder.mkdir(parents=True)
    for library in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not library.name.lower().startswith(("spoilerguard", "_spoilerguard", "__editable__", "pip", "_virtualenv")):
            (folder / library.name).symlink_to(library)
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    return outside | {
        "PYTHONPATH": str(folder),
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's own reading of this variable: 0 switches the isolation off
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
