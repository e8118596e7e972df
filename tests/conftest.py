"""What the tests share: one small real model a session, the bundled one, the material beside the checkout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
import io
from itertools import islice
import os
from pathlib import Path
import sys

# One thread for linear algebra, before NumPy is loaded: on a busy machine several wait for each other,
# and training takes five times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from commands import Cli, Ran
import hypothesis
import pytest
import slow
import timing

import spoilerguard as sg
from spoilerguard.cli import app
from spoilerguard.training.pipeline import RECIPES, Recipe, train

ROOT = Path(__file__).parent.parent

# No test may fail because the machine is busy.
hypothesis.settings.register_profile("no clock", deadline=None)
hypothesis.settings.register_profile("few", deadline=None, max_examples=10)  # for `make check`
hypothesis.settings.load_profile("no clock")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--clock", action="store_true", help="measure growth in seconds, and run the tests marked `clock`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only a clock can measure, unless it is asked for; mark what `make check` leaves out."""
    timing.by_clock = config.getoption("--clock")
    if not timing.by_clock:
        clocked = {item for item in items if item.get_closest_marker("clock")}
        items[:] = [item for item in items if item not in clocked]
        config.hook.pytest_deselected(items=list(clocked))
    for item in items:
        if slow.is_slow(item):
            item.add_marker("slow")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print last how many tests were skipped, and why."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.getreports("skipped") if reporter else []
    why = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reports)
    for reason, count in sorted(why.items()):
        reporter.write_line(f"{count} skipped: {reason}")
    if reporter:
        reporter.write_line(f"{len(reports)} skipped in all")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Material that is not part of the project: a checkout without it skips what needs it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.fixture(scope="session")
def fast() -> sg.Guard:
    """The bundled model."""
    return sg.load("fast")


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents of some twenty works."""
    path = tmp_path_factory.mktemp("data") / "few.jsonl"
    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        path.write_text("".join(islice(lines, 80)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def quick() -> Recipe:
    """Two folds, and so stiff that it is fitted at once: for where it does not matter how good a model is."""
    return replace(RECIPES["plain"], folds=2, C=1e-4, networks=1)


@pytest.fixture(scope="session")
def trained(few: Path, quick: Recipe) -> sg.Guard:
    """A model of these few documents, as `train` returns it: seconds to make, and its scores do not matter."""
    return train(few, name="small", recipe=quick)


@pytest.fixture(scope="session")
def small_folder(trained: sg.Guard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "small"
    trained.save(folder)
    return folder


@pytest.fixture(scope="session")
def small(small_folder: Path) -> Iterator[sg.Guard]:
    """The same model, loaded from its folder."""
    yield sg.load(small_folder)
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)  # the worker processes that `jobs=2` has left for reuse


@pytest.fixture
def cli(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command in this process."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str | Path, stdin: bytes | str = b"") -> Ran:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        with pytest.raises(SystemExit) as caught:
            app([str(argument) for argument in arguments], prog_name="spoilerguard")
        out, err = capfdbinary.readouterr()
        assert isinstance(caught.value.code, int)
        return Ran(caught.value.code, out.decode("utf-8", "surrogateescape"), err.decode())

    return run
