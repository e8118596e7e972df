"""Which tests `make check` leaves out: those that start processes or a browser, train, import PyTorch, or trace.

What a test uses decides: the names in its code, in that of its fixtures, and in that of the helpers of the tests
that these call. So nothing is marked by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

HERE = str(Path(__file__).parent)
# Libraries, and our modules that lead to them; a name of one of these in the code of a test makes it slow.
SLOW = frozenset(
    "subprocess multiprocessing Popen playwright torch distributed train jobs nbclient settrace tracemalloc".split()
)
SLOW |= {"SpoilerClassifier", "check_estimator"}  # they train
SLOW |= {"local_cluster", "s3_server"}  # they start processes and servers
SLOW |= {"spoilerguard.training.network", "spoilerguard.training.word_network", "sync_playwright", "pre_commit"}


def is_slow(item: pytest.Item) -> bool:
    """Whether a test is left out by `make check`."""
    if not isinstance(item, pytest.Function):
        return True
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    return uses_slow(item.function) or any(uses_slow(made.func) for definitions in fixtures for made in definitions)


@cache
def uses_slow(function: Any) -> bool:
    """Whether a function, or helpers of the tests that it names, name something slow."""
    functions, seen = [function], set[int]()
    while functions:
        function = functions.pop()
        if hasattr(function, "hypothesis"):
            function = function.hypothesis.inner_test
        function = getattr(function, "__wrapped__", function)
        if id(function) in seen or not isinstance(function, FunctionType):
            continue
        seen.add(id(function))
        for name in _names(function.__code__):
            value = function.__globals__.get(name)
            if name in SLOW or (isinstance(value, ModuleType) and value.__name__ in SLOW):
                return True
            if isinstance(value, ModuleType) and str(getattr(value, "__file__", "")).startswith(HERE):
                functions += [
                    inner for inner in vars(value).values() if getattr(inner, "__module__", "") == value.__name__
                ]
            elif isinstance(value, type) and _is_helper(value):
                functions += [inner for inner in vars(value).values() if isinstance(inner, FunctionType)]
            elif _is_helper(value):
                functions.append(value)
    return False


def _is_helper(value: Any) -> bool:
    """Whether this is defined in the tests."""
    code = getattr(getattr(value, "__wrapped__", value), "__code__", None)
    if isinstance(value, type):
        method = next((inner for inner in vars(value).values() if isinstance(inner, FunctionType)), None)
        code = method and method.__code__
    return code is not None and code.co_filename.startswith(HERE)


def _names(code: CodeType) -> Iterator[str]:
    """The global names, attributes, imports and named arguments of a function and of those within it."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
        elif isinstance(inner, tuple):
            yield from (name for name in inner if isinstance(name, str))
