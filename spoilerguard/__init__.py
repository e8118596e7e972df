"""Find the sentences in reviews and comments that give the plot away.

    import spoilerguard as sg
    for flag in sg.flag(text):
        print(flag.line, flag.column, flag.score, flag.text)

Importing this package loads no model and none of its libraries: names are fetched when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import DataError, InputError, MissingExtra, ModelError, SpoilerguardError
from spoilerguard.spans import Document, Flag, Hidden, Reason, Report, Sentence, Work

if TYPE_CHECKING:
    from spoilerguard.evaluation import Evaluation, evaluate
    from spoilerguard.guard import Guard, flag, load
    from spoilerguard.training import train

__version__ = "0.1.0"

_LAZY = {
    "Evaluation": "evaluation",
    "Guard": "guard",
    "evaluate": "evaluation",
    "flag": "guard",
    "load": "guard",
    "train": "training",
}

__all__ = [
    "DataError", "Document", "Evaluation", "Flag", "Guard", "Hidden", "InputError", "MissingExtra", "ModelError",
    "Reason", "Report", "Sentence", "SpoilerguardError", "Work", "evaluate", "flag", "load", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"spoilerguard.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'spoilerguard' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
