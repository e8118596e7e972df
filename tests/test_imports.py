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

# A module imports from lower floors only, in functions too. `__init__` and `__main__` are the doors:
# who imports from the door of a folder stands above all of it.
FLOORS = (
    ("errors", "spans", "whole"),
    # To check a draft.
    ("ranges",),
    ("features", "htmlscan", "markup", "patterns", "positions", "runons", "streams", "hiding.veil"),
    ("context", "furniture", "markdown", "sentences", "windows"),
    ("manifest", "reading", "scoring"),
    ("hiding.outline", "transformer"),
    ("hiding.pieces",),
    ("hiding.fences",),
    ("hiding.styles",),
    ("hiding.blurring",),
    ("hiding.ignoring", "hiding.rendering", "report"),
    ("changes", "drafts", "pages", "printing.outcomes", "store"),
    ("baseline", "guard", "hiding.edited", "printing.lines", "printing.records", "printing.text", "walking"),
    ("printing.sarif", "suppressions"),
    ("printing.table",),
    ("checking", "hiding.previewing", "keys"),
    ("settings",),
    ("editor",),
    ("languageserver",),
    # To read archives.
    ("archives.posts",),
    ("archives.columns", "archives.parts"),
    ("archives.columnar", "archives.database", "archives.delimited", "archives.elements", "archives.jsonlines"),
    ("archives.archive", "archives.exports"),
    ("archives.table",),
    ("archives.opening",),
    # To learn and to measure.
    ("datasets.cleaning", "datasets.labelled", "datasets.records", "senter"),
    ("datasets.matching", "datasets.works"),
    ("datasets.loaders",),
    ("neural.plan",),
    ("recipes",),
    ("fitting",),
    ("neural.network",),
    ("neural.export", "neural.finetune", "neural.joined"),
    ("training",),
    ("evaluation.baselines", "evaluation.metrics", "evaluation.plots", "evaluation.words"),
    ("evaluation.breakdown", "evaluation.page"),
    ("evaluation.measure",),
    # Long scans.
    ("jobs.outputs", "jobs.plan", "jobs.tally"),
    ("jobs.page", "jobs.shards"),
    ("jobs.engines", "jobs.folder"),
    ("jobs.run",),
    # To serve.
    ("serving.problems",),
    ("serving.bodies", "serving.pool", "serving.schema", "serving.server"),
    ("serving.service",),
    ("cli.common",),
    ("cli.configured",),
    (
        *("cli.assets", "cli.blur", "cli.check", "cli.config", "cli.explain"),
        *("cli.learn", "cli.lsp", "cli.preview", "cli.scan", "cli.serve"),
    ),
    ("cli.app",),
)
DEEP = {"neural.network", "neural.export", "neural.finetune"}  # only training gets there, once the extra is found
SERVED = {"editor", "languageserver"}  # only the command lsp gets there, once the extra is found
FOLDERS = ("archives", "cli", "datasets", "evaluation", "hiding", "jobs", "neural", "printing", "serving")
DOORS = {"__init__", "__main__"} | {f"{folder}.__init__" for folder in FOLDERS}
HEAVY = set("spacy sklearn scipy pandas torch onnxruntime joblib matplotlib pyarrow dask distributed".split())

FILES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
MODULES = sorted(FILES.keys() - DOORS)
LEVEL = {name: number for number, floor in enumerate(FLOORS) for name in floor}


def imports(module: str, *, in_functions: bool) -> Iterator[str]:
    """The names of the modules that a module of ours imports, in full; not those for type checkers."""
    waiting: list[ast.AST] = [ast.parse(FILES[module].read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif in_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)


def ours(module: str, *, in_functions: bool = True) -> set[str]:
    """The modules of ours that one imports; a name from the door of a folder stands for the folder."""
    found = set()
    for full in imports(module, in_functions=in_functions):
        package, *parts = full.split(".")
        if package == "spoilerguard" and parts:
            dotted = ".".join(parts[:2])
            found.add(dotted if dotted in FILES else parts[0])
    return found


def level(name: str) -> int:
    """The floor of a module; of a folder, its uppermost."""
    return max((at for module, at in LEVEL.items() if module == name or module.startswith(f"{name}.")), default=-1)


def test_every_module_has_a_floor() -> None:
    assert sorted(name for floor in FLOORS for name in floor) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_to_lower_floors(module: str) -> None:
    assert {name for name in ours(module) if level(name) >= level(module)} == set()


@pytest.mark.parametrize("folder", ["archives", "datasets", "evaluation", "jobs"])
def test_the_door_of_a_folder_leads_into_that_folder_only(folder: str) -> None:
    inside = ours(f"{folder}.__init__")
    assert inside - {folder} == {name for name in inside if name.startswith(f"{folder}.")}


@pytest.mark.parametrize("module", sorted(FILES.keys() - {"__main__"}))
def test_optional_and_heavy_libraries_are_imported_where_they_are_needed(module: str) -> None:
    roots = {full.split(".")[0] for full in imports(module, in_functions=False)}
    allowed = {"spoilerguard", "numpy"} | ({"typer"} if module.startswith("cli") else set())
    allowed |= {"torch", "onnx"} if module in DEEP else {"pygls", "lsprotocol"} if module in SERVED else set()
    assert roots - sys.stdlib_module_names - allowed == set()


def test_only_the_command_line_knows_typer() -> None:
    knowing = {m for m in MODULES if any(full.split(".")[0] == "typer" for full in imports(m, in_functions=True))}
    assert "cli.app" in knowing
    assert all(module.startswith("cli.") for module in knowing)


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


@pytest.mark.parametrize("folder", ["archives", "datasets", "evaluation", "jobs"])
def test_importing_a_folder_loads_no_library(folder: str) -> None:
    loaded = loaded_by(f"import spoilerguard.{folder}")
    assert loaded & (HEAVY | {"numpy", "typer", "pyromark"}) == set()


@pytest.mark.parametrize("name", ["draft.txt", "draft.md", "draft.html"])
def test_checking_a_draft_loads_no_heavy_library(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(REVIEW, encoding="utf-8")
    loaded = loaded_by("from spoilerguard.cli import app; app()", "check", str(tmp_path / name), "--format", "json")
    assert {"spoilerguard", "numpy"} <= loaded
    assert loaded & (HEAVY | {"pathspec", "tomllib"}) == set()  # the last two where there is something to read


def test_the_public_face() -> None:
    assert sg.__all__ == [
        "DataError",
        "Document",
        "Evaluation",
        "Flag",
        "Guard",
        "Hidden",
        "InputError",
        "LeakError",
        "MissingExtra",
        "ModelError",
        "Notice",
        "Reason",
        "Report",
        "Sentence",
        "SpoilerguardError",
        "Work",
        "blur",
        "blur_html",
        "evaluate",
        "flag",
        "load",
        "train",
    ]
    assert all(hasattr(sg, name) for name in sg.__all__)
    assert set(dir(sg)) == {*sg.__all__, "__version__"}
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        _ = sg.nope


def test_functions_keep_their_names_once_their_modules_are_loaded() -> None:
    """A submodule becomes an attribute of its package: none may bear the name of a public function."""
    import spoilerguard.evaluation.measure
    import spoilerguard.training

    assert sg.evaluate is spoilerguard.evaluation.evaluate is spoilerguard.evaluation.measure.evaluate
    assert sg.Evaluation is spoilerguard.evaluation.Evaluation
    assert sg.train is spoilerguard.training.train
    folders = {"datasets": spoilerguard.datasets, "evaluation": spoilerguard.evaluation}
    for name, module in {"": sg, **folders}.items():
        inside = {file.rpartition(".")[2] for file in MODULES if file.rpartition(".")[0] == name}
        assert inside & set(module.__all__) == set()
