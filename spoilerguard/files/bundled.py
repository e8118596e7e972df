"""The files that come with the package: the models, and the texts in `assets/`."""

from __future__ import annotations

from pathlib import Path

__all__ = ["PACKAGE", "asset_text", "models_folder"]

PACKAGE = Path(__file__).resolve().parents[1]


def models_folder() -> Path:
    """The folder of the bundled models: inside an installed package, beside it in a checkout.

    Returns:
        The folder; it may not exist where an installation is damaged.
    """
    installed = PACKAGE / "models"
    return installed if installed.is_dir() else PACKAGE.parent / "models"


def asset_text(*path: str) -> str:
    """The text of a file in `assets/`, named by the parts of its path."""
    return PACKAGE.joinpath("assets", *path).read_text(encoding="utf-8")
