"""What tests need besides Python: Debian's packages and those of npm. `make tools` installs what is missing.

A test asks for one by its name and is skipped by that name where it is missing; in CI (`CI=true`) it fails. To add a
program, add a row to `PROGRAMS`; to add a package of npm, add it to `node/package.json` and run
`npm install --package-lock-only` there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
from typing import NoReturn

# A program to the Debian packages that bring it.
PROGRAMS = {
    "chromium": ("chromium", "fonts-dejavu-core"),
    "emacs": ("emacs-nox", "elpa-eglot"),
    "hugo": ("hugo",),
    "jekyll": ("jekyll",),
    "node": ("nodejs", "npm"),
    "nvim": ("neovim",),
    "php": ("php-cli",),
    "tesseract": ("tesseract-ocr",),
}
LISTED = Path(__file__).parent / "node"
NODE = Path(__file__).parent.parent / "cache" / "node"
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}


# --- for tests ----------------------------------------------------------------------------------


def program(name: str) -> str:
    """Where a program of `PROGRAMS` is; skips the test if it is not installed."""
    assert name in PROGRAMS, f"add {name} to PROGRAMS"
    return shutil.which(name) or _without(name)


def script(name: str) -> Path:
    """The folder of a package of `node/package.json`; skips the test if it is not installed."""
    assert name in _listed(), f"add {name} to node/package.json"
    folder = NODE / "node_modules" / name
    return folder if _installed() else _without(name)


def _without(name: str) -> NoReturn:
    import pytest  # not needed to install

    message = f"{name} is not installed: run `make tools`"
    if IN_CI:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def _listed() -> dict[str, str]:
    listed = json.loads((LISTED / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert isinstance(listed, dict)
    return listed


def _installed() -> bool:
    """Whether what npm has installed is what the lock file says now."""
    mark = NODE / "installed.json"
    return mark.is_file() and mark.read_bytes() == (LISTED / "package-lock.json").read_bytes()


# --- installing ---------------------------------------------------------------------------------


def main() -> int:
    """Install what is missing, and say what. Exit status: 0, or 1 if something is missing still and this is CI."""
    wanted = {name: packages for name, packages in PROGRAMS.items() if shutil.which(name) is None}
    faults = [] if not wanted else _by_apt([package for packages in wanted.values() for package in packages])
    faults += [f"not installed: {name}" for name in wanted if shutil.which(name) is None]
    if not _installed():
        faults += _by_npm()
    for fault in faults:
        print(f"tools: {fault}", flush=True)
    if faults and not IN_CI:
        print("tools: the tests that need these are skipped, by name", flush=True)
    return int(bool(faults) and IN_CI)


def _by_apt(packages: list[str]) -> list[str]:
    """Install Debian packages; returns what went wrong."""
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"] if IN_CI else None
    if shutil.which("apt-get") is None or root is None:
        return [f"as root, run: {' '.join(command)}"]
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    return _run([*root, *quiet, "apt-get", "update"]) or _run([*root, *quiet, *command])


def _by_npm() -> list[str]:
    """Install the locked packages into `NODE`; returns what went wrong."""
    if shutil.which("npm") is None:
        return [f"npm is missing, and with it {', '.join(_listed())}"]
    NODE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LISTED / name, NODE / name)
    faults = _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(NODE)])
    if not faults:
        shutil.copy(NODE / "package-lock.json", NODE / "installed.json")
    return faults


def _run(command: list[str]) -> list[str]:
    """Run a command, saying so; returns what went wrong."""
    print(f"tools: {' '.join(command)}", flush=True)
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return [f"{command[0]}: {error.strerror}"]
    return [f"{' '.join(command)}: {(ran.stderr or ran.stdout).strip()[-500:]}"] if ran.returncode else []


if __name__ == "__main__":
    sys.exit(main())
