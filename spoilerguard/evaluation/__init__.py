"""Measure a model on labelled works that it has not seen, and report figures, a table and a page.

`measure` has `evaluate`: read it first. It uses `metrics` for the figures, `breakdown` for parts of the data and
`baselines` for comparison; `words`, `plots` and `page` present the result. `tuning` has `tune`.
Importing this package loads none of them; its names are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spoilerguard.evaluation.measure import SPLITS, Evaluation, evaluate
    from spoilerguard.evaluation.tuning import Tuning, tune

_HOMES = {"SPLITS": "measure", "Evaluation": "measure", "evaluate": "measure", "Tuning": "tuning", "tune": "tuning"}

__all__ = ["SPLITS", "Evaluation", "Tuning", "evaluate", "tune"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"spoilerguard.evaluation.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'spoilerguard.evaluation' has no attribute {name!r}")
