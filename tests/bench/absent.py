"""Imported first, it makes this process one of an environment of ours: without PyTorch and its like.

Where they are installed spaCy loads them, which no user of ours has asked for: rivals and we are
measured without. (`sys.modules[name] = None` would do for spaCy, but SciPy looks there and believes it.)
"""

from __future__ import annotations

from importlib.abc import MetaPathFinder
import sys

NAMES = frozenset({"torch", "tensorflow", "cupy", "mxnet"})


class _Absent(MetaPathFinder):
    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname in NAMES:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


sys.meta_path.insert(0, _Absent())
