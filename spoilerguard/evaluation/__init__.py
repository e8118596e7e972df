"""How good a model is: measured on labelled works it has not seen, and told as figures, table and page.

`measure` has `evaluate` and is the file to read first. It judges by `metrics`, splits up by `breakdown`
and compares with `baselines`; `words`, `plots` and `page` tell the result.
Importing this package loads none of them: names are fetched when first used.
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
