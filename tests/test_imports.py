"""How the package hangs together: a light front door, floors without circles, a pinned public face."""

from __future__ import annotations

import ast
from collections.abc import Iterator
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest
from texts import REVIEW
from waiting import WAIT

import spoilerguard as sg

PACKAGE = Path(sg.__file__).parent

DEEP = {
    "training.network",
    "training.export",
    "training.finetune",
    "training.word_network",
    "training.word_training",
}  # loaded once the extra is found
SERVED = {
    "lsp.actions",
    "lsp.decisions",
    "lsp.editor",
    "lsp.protocol",
    "lsp.server",
}  # loaded by the command lsp, once the extra is found
FOR_LIBRARIES = {"sklearn": {"sklearn"}, "spacy": {"spacy"}}  # each is imported only by those who have the library
FOLDERS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
DOORS = {"__init__", "__main__"} | {f"{folder}.__init__" for folder in FOLDERS}
HEAVY = set(
    "spacy sklearn scipy pandas narwhals torch onnxruntime joblib matplotlib pyarrow dask distributed jinja2".split()
)

FILES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
MODULES = sorted(FILES.keys() - DOORS)


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


def test_the_root_holds_the_main_path_only() -> None:
    roots = {name for name in FILES if "." not in name}
    assert roots == {
        "__init__",
        "__main__",
        "api",
        "errors",
        "flagging",
        "frames",
        "guard",
        "report",
        "sklearn",
        "spacy",
        "spans",
    }


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_import_that_points_up_breaks_the_contract(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "spoilerguard", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE.parent / "pyproject.toml", tmp_path)
    kept = lint_imports(tmp_path)
    assert kept.returncode == 0, kept.stdout
    with (tmp_path / "spoilerguard" / "text" / "ranges.py").open("a", encoding="utf-8") as file:
        file.write("\nfrom spoilerguard.guard import load\n")
    broken = lint_imports(tmp_path)
    assert broken.returncode == 1
    assert "spoilerguard.text.ranges -> spoilerguard.guard" in broken.stdout


@pytest.mark.parametrize("module", sorted(FILES.keys() - {"__main__"}))
def test_optional_and_heavy_libraries_are_imported_where_they_are_needed(module: str) -> None:
    roots = {full.split(".")[0] for full in imports(module, in_functions=False)}
    allowed = {"spoilerguard", "numpy"} | ({"typer"} if module.startswith("cli") else set())
    allowed |= {"torch", "onnx"} if module in DEEP else {"pygls", "lsprotocol"} if module in SERVED else set()
    allowed |= FOR_LIBRARIES.get(module, set())
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
        timeout=WAIT,
    )
    return {name.split(".")[0] for name in json.loads(ran.stderr.splitlines()[-1])}


def test_importing_the_package_loads_no_library() -> None:
    loaded = loaded_by("import spoilerguard")
    assert "spoilerguard" in loaded
    assert loaded & (HEAVY | {"numpy", "typer", "pyromark"}) == set()


@pytest.mark.parametrize("folder", ["archives", "datasets", "evaluation", "scan", "training"])
def test_importing_a_folder_loads_no_library(folder: str) -> None:
    loaded = loaded_by(f"import spoilerguard.{folder}")
    assert loaded & (HEAVY | {"numpy", "typer", "pyromark"}) == set()


@pytest.mark.parametrize("name", ["draft.txt", "draft.md", "draft.html"])
def test_checking_a_draft_loads_no_heavy_library(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(REVIEW, encoding="utf-8")
    loaded = loaded_by("from spoilerguard.cli import app; app()", "check", str(tmp_path / name), "--format", "json")
    assert {"spoilerguard", "numpy"} <= loaded
    assert loaded & (HEAVY | {"pathspec", "tomllib"}) == set()  # the last two where there is something to read


@pytest.mark.parametrize("name", ["draft.txt", "draft.md", "draft.html"])
def test_blurring_a_draft_loads_no_heavy_library(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(REVIEW, encoding="utf-8")
    command = ("blur", str(tmp_path / name), "-o", str(tmp_path / f"out.{name}"))
    loaded = loaded_by("from spoilerguard.cli import app; app()", *command)
    assert (tmp_path / f"out.{name}").exists()
    assert loaded & HEAVY == set()


def test_the_component_that_every_pipeline_of_spacy_imports_is_light() -> None:
    assert loaded_by("import spoilerguard.spacy") - loaded_by("import spacy") == {"spoilerguard"}


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
        "Tuning",
        "Work",
        "blur",
        "blur_html",
        "evaluate",
        "flag",
        "load",
        "train",
        "tune",
    ]
    assert all(hasattr(sg, name) for name in sg.__all__)
    assert set(dir(sg)) == {*sg.__all__, "__version__"}
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        _ = sg.nope


def test_functions_keep_their_names_once_their_modules_are_loaded() -> None:
    """A submodule becomes an attribute of its package: none may bear the name of a public function."""
    import spoilerguard.evaluation.measure
    import spoilerguard.training.pipeline

    assert sg.evaluate is spoilerguard.evaluation.evaluate is spoilerguard.evaluation.measure.evaluate
    assert sg.Evaluation is spoilerguard.evaluation.Evaluation
    assert sg.train is spoilerguard.training.pipeline.train
    folders = {"datasets": spoilerguard.datasets, "evaluation": spoilerguard.evaluation}
    for name, module in {"": sg, **folders}.items():
        inside = {file.rpartition(".")[2] for file in MODULES if file.rpartition(".")[0] == name}
        assert inside & set(module.__all__) == set()


def test_no_group_of_a_pattern_is_possessive() -> None:
    """Python before 3.11.5 (Debian 12) matches `(?:a|b)*+` wrongly (CPython issue 106052), `(?>(?:a|b)*)` rightly."""
    possessive = re.compile(r"\)(?:[*+?]|\{\d*,?\d*\})\+")
    found = [
        f"{path.name}:{number}"
        for path in sorted((Path(sg.__file__).parent).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if possessive.search(line)
    ]
    assert found == []
