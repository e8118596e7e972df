"""Make a model from labelled reviews.

`pipeline` has `train`: read it first. `steps` has the steps, `config` the recipes. The transformer needs the
extra `train`: `network` is its architecture, `finetune` trains it (with the parameters in `finetune_config`),
`export` writes it as ONNX, `ensemble` combines it with the linear model. `senter` trains the small sentence
model. Importing this package loads none of them; its names are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spoilerguard.training.pipeline import RECIPES, train

__all__ = ["RECIPES", "train"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from spoilerguard.training import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module 'spoilerguard.training' has no attribute {name!r}")
