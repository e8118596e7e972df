"""Make a model from labelled reviews.

`pipeline` has `train` and is the file to read first. `steps` are its parts, `config` says how each recipe
trains. The transformer needs the extra `train`: `network` is its architecture, `finetune` its training
(`finetune_config` its parameters), `export` writes it as ONNX, `ensemble` combines it with the linear model.
`senter` makes the small sentence model.
Importing this package loads none of them: names are fetched when first used.
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
