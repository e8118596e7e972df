"""The parts of our pages: self-contained HTML without scripts or requests, light and dark, made for phones first.

Each function takes and returns HTML; the caller escapes text from outside. The style is in `pages.css`.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
import os

from spoilerguard.errors import InputError
from spoilerguard.files.atomic import whole_file
from spoilerguard.files.bundled import asset_text

__all__ = ["bar", "document", "facts", "section", "table", "tiles", "write"]


def document(title: str, sections: Iterable[str]) -> str:
    """A complete page; `title` is plain text, and empty sections are left out."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<style>\n{_style()}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(filter(None, sections))
        + "\n</main>\n</body>\n</html>\n"
    )


def _style() -> str:
    return asset_text("palette.css") + asset_text("pages.css")


def section(title: str, *body: str, note: str = "") -> str:
    """A section with a heading, an optional note under it, and its content."""
    name = title.lower().replace(" ", "-")
    about = f'<p class="note">{note}</p>\n' if note else ""
    return f'<section id="{name}">\n<h2>{title}</h2>\n{about}' + "\n".join(body) + "\n</section>"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], *, kind: str = "") -> str:
    """A table that scrolls in its own box; the first cell of each row is its header."""
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    body = "\n".join(
        "<tr>"
        + "".join(f'<th scope="row">{c}</th>' if k == 0 else f"<td>{c}</td>" for k, c in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table class="{kind}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def bar(text: str, share: float, *, colour: str = "spoiler", interval: tuple[float, float] | None = None) -> str:
    """A figure and a bar of that share of the width, with an interval drawn over it; shares are from 0 to 1."""
    line = ""
    if interval:
        low, high = map(_at, interval)
        line = f'<i style="left:{low}%;width:{round(high - low, 1)}%"></i>'
    return (
        f'<span class="bar {colour}"><span>{text}</span><span class="track">'
        f'<b style="width:{_at(share)}%"></b>{line}</span></span>'
    )


def _at(share: float) -> float:
    return round(100 * min(max(share, 0), 1), 1)


def tiles(figures: Iterable[tuple[str, str, str]]) -> str:
    """The key figures of a page: a name, a figure, and small text under it for each."""
    shown = "".join(f"<div><dt>{t}</dt><dd>{v}<small>{i}</small></dd></div>" for t, v, i in figures)
    return f'<dl class="tiles">{shown}</dl>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """A list of terms and their descriptions."""
    return (
        '<dl class="facts">' + "".join(f"<div><dt>{term}</dt><dd>{what}</dd></div>" for term, what in pairs) + "</dl>"
    )


def write(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file atomically.

    Args:
        path: The file.
        text: Its content.

    Raises:
        InputError: It cannot be written.
    """
    try:
        with whole_file(path) as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InputError(f"{os.fspath(path)}: cannot be written: {error.strerror}; check the path") from None
