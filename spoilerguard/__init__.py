"""Find the sentences in reviews and comments that give the plot away.

    import spoilerguard as sg
    for flag in sg.flag(text):
        print(flag.line, flag.column, flag.score, flag.text)

Importing this package loads no model and no other library: each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import DataError, InputError, LeakError, MissingExtra, ModelError, SpoilerguardError
from spoilerguard.spans import Document, Flag, Hidden, Notice, Reason, Sentence, Work

if TYPE_CHECKING:
    from spoilerguard.api import blur, blur_html, flag
    from spoilerguard.evaluation import Evaluation, Tuning, evaluate, tune
    from spoilerguard.guard import Guard, load
    from spoilerguard.report import Report
    from spoilerguard.training.pipeline import train

__version__ = "0.2.0"

_LAZY = {
    "Evaluation": "evaluation",
    "Guard": "guard",
    "Report": "report",
    "Tuning": "evaluation",
    "blur": "api",
    "blur_html": "api",
    "evaluate": "evaluation",
    "flag": "api",
    "load": "guard",
    "train": "training",
    "tune": "evaluation",
}

__all__ = [
    "DataError", "Document", "Evaluation", "Flag", "Guard", "Hidden", "InputError", "LeakError", "MissingExtra",
    "ModelError", "Notice", "Reason", "Report", "Sentence", "SpoilerguardError", "Tuning", "Work", "blur",
    "blur_html", "evaluate", "flag", "load", "train", "tune",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"spoilerguard.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'spoilerguard' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
