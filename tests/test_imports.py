"""How the package hangs together: a light front door, floors without circles, a pinned public face."""

from __future__ import annotations

import ast
from collections.abc import Iterator
import json
import os
from pathlib import Path
import subprocess
import sys

import pytest
from texts import REVIEW

import spoilerguard as sg

PACKAGE = Path(sg.__file__).parent

# A module imports from lower floors only, in functions too. `__init__` and `__main__` are the doors.
FLOORS = (
    ("errors", "spans"),
    (
        *("baselines", "cleaning", "features", "htmlscan", "labelled", "markup", "metrics", "ranges", "records"),
        *("reportplots", "reporttext", "senter"),
    ),
    ("context", "furniture", "sentences", "works"),
    ("matching", "reading", "scoring"),
    ("datasets", "drafts", "printing", "reportpage", "store"),
    ("guard",),
    ("breakdown", "teacher", "training"),
    ("evaluation",),
    ("cli_learning",),
    ("cli",),
)
DOORS = {"__init__", "__main__"}
HEAVY = {"spacy", "sklearn", "scipy", "pandas", "torch", "onnxruntime", "joblib", "matplotlib", "pyarrow", "dask"}


def imports(module: str, *, in_functions: bool) -> Iterator[str]:
    """The names of the modules that a module of ours imports, in full; not those for type checkers."""
    waiting: list[ast.AST] = [ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif in_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)


MODULES = sorted({path.stem for path in PACKAGE.glob("*.py")} - DOORS)


def test_every_module_has_a_floor() -> None:
    assert sorted(name for floor in FLOORS for name in floor) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_to_lower_floors(module: str) -> None:
    level = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    ours = {full.split(".")[1] for full in imports(module, in_functions=True) if full.startswith("spoilerguard.")}
    assert {name for name in ours & level.keys() if level[name] >= level[module]} == set()


@pytest.mark.parametrize("module", [*MODULES, "__init__"])
def test_optional_and_heavy_libraries_are_imported_where_they_are_needed(module: str) -> None:
    roots = {full.split(".")[0] for full in imports(module, in_functions=False)}
    allowed = {"spoilerguard", "numpy"} | ({"typer"} if module.startswith("cli") else set())
    assert roots - sys.stdlib_module_names - allowed == set()


def test_only_the_command_line_knows_typer() -> None:
    knowing = {m for m in MODULES if any(full.split(".")[0] == "typer" for full in imports(m, in_functions=True))}
    assert "cli" in knowing
    assert all(module.startswith("cli") for module in knowing)


def loaded_by(code: str, *arguments: str) -> set[str]:
    """The libraries that are loaded once a fresh interpreter has run this."""
    code = (
        f"import atexit, json, sys; atexit.register(lambda: print(json.dumps([*sys.modules]), file=sys.stderr)); {code}"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    return {name.split(".")[0] for name in json.loads(ran.stderr)}


def test_importing_the_package_loads_no_library() -> None:
    loaded = loaded_by("import spoilerguard")
    assert "spoilerguard" in loaded
    assert loaded & (HEAVY | {"numpy", "typer", "pyromark"}) == set()


@pytest.mark.parametrize("name", ["draft.txt", "draft.md", "draft.html"])
def test_checking_a_draft_loads_no_heavy_library(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(REVIEW, encoding="utf-8")
    loaded = loaded_by("from spoilerguard.cli import app; app()", "check", str(tmp_path / name), "--format", "json")
    assert {"spoilerguard", "numpy"} <= loaded
    assert loaded & HEAVY == set()


def test_the_public_face() -> None:
    assert sg.__all__ == [
        "DataError",
        "Document",
        "Flag",
        "Guard",
        "Hidden",
        "InputError",
        "MissingExtra",
        "ModelError",
        "Reason",
        "Report",
        "Sentence",
        "SpoilerguardError",
        "Work",
        "flag",
        "load",
    ]
    assert all(hasattr(sg, name) for name in sg.__all__)
    assert set(dir(sg)) == {*sg.__all__, "__version__"}
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        _ = sg.nope
