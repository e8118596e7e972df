"""HTML pages from Jinja2 templates in `assets/templates/`: self-contained, light and dark, phone first.

Every template has autoescape on, so text from outside cannot become markup; what is HTML already is passed through
the filter `safe`. `report.html` is the frame of a report, `macros.html` has its parts, `pages.css` their style.
Jinja2 is imported only when a page is made.
"""

from __future__ import annotations

from functools import lru_cache
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from spoilerguard.errors import InputError
from spoilerguard.files.atomic import atomic_write
from spoilerguard.files.bundled import PACKAGE, asset_text

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Cell", "render", "write"]


class Cell(NamedTuple):
    """A cell of a table: a figure with small print below it, or with a bar beside it.

    Attributes:
        text: The figure.
        small: The small print; not shown beside a bar.
        share: The length of the bar, from 0 to 1; None for no bar.
        colour: `spoiler` or `harmless`.
        interval: The ends of a line across the bar, from 0 to 1.
        strong: Whether the figure stands out; without small print and bar.
    """

    text: str
    small: str = ""
    share: float | None = None
    colour: str = "spoiler"
    interval: tuple[float, float] | None = None
    strong: bool = False

    @property
    def width(self) -> float:
        """The length of the bar in percent."""
        return _percent(self.share or 0)

    @property
    def line(self) -> tuple[float, float]:
        """Where the line across the bar starts, and its length; both in percent."""
        low, high = map(_percent, self.interval or (0, 0))
        return low, round(high - low, 1)


def _percent(share: float) -> float:
    return round(100.0 * min(max(share, 0), 1), 1)


def render(template: str, **values: Any) -> str:
    """Fill in a template.

    Args:
        template: The name of a file in `assets/templates/`.
        **values: What the template names. Strings are escaped.

    Returns:
        The page.
    """
    return _environment().get_template(template).render(values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(PACKAGE / "assets" / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["asset"] = asset_text
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment


def write(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file completely or not at all: a file that is there stays until the new one is complete.

    Args:
        path: The file to write or to replace.
        text: Its content. Lone surrogates, which UTF-8 cannot carry, are written as backslash escapes.

    Raises:
        InputError: The file cannot be written.
    """
    try:
        with atomic_write(path) as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InputError(f"{os.fspath(path)}: cannot be written: {error.strerror}; check the path") from None
