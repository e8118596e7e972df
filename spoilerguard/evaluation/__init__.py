"""Measure a model on labelled works that it has not seen, and report figures, a table and a page.

`measure` has `evaluate`: read it first. It uses `metrics` for the figures, `breakdown` for parts of the data and
`baselines` for comparison; `words`, `plots` and `page` present the result.
Importing this package loads none of them; its names are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spoilerguard.evaluation.measure import SPLITS, Evaluation, evaluate

__all__ = ["SPLITS", "Evaluation", "evaluate"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from spoilerguard.evaluation import measure

        return getattr(measure, name)
    raise AttributeError(f"module 'spoilerguard.evaluation' has no attribute {name!r}")
