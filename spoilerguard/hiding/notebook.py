"""A text with its spoilers hidden, for notebooks: HTML without a script, and safe where its style is removed.

A spoiler is a `<details>`: viewers that clean what a notebook shows (GitHub, untrusted notebooks) keep that element
and drop style sheets, so text that was only blurred by one would be in the clear there. It is the label that is
blurred, a row of strokes that contains nothing of the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from spoilerguard.files.values import without_surrogates

__all__ = ["revealable"]

_LONGEST = 20_000  # characters of a text that are shown: a notebook stores what it shows
_BLURRED = "▒▒▒▒▒▒"
_CLICK = "cursor:pointer;display:inline;list-style:none"


def revealable(source: str, spoilers: Sequence[tuple[int, int, str]], head: Iterable[str]) -> str:
    """A text as HTML in which each spoiler is shown when it is clicked, or chosen by keyboard.

    Args:
        source: The text; its markup is shown, not obeyed.
        spoilers: Ranges of it, in any order, each with what is said instead of it. Ranges that overlap are one.
        head: Lines to say above it.

    Returns:
        One `<div>`.
    """
    parts: list[str] = []
    position = 0
    for start, end, label in _merged(spoilers):
        parts.append(_plain(source[position : min(start, _LONGEST)]))
        position = max(position, min(start, _LONGEST))
        if start >= _LONGEST:
            break
        parts.append(_details(source[start:end], label))
        position = end
    if position < _LONGEST:
        parts.append(_plain(source[position:_LONGEST]))
        position = _LONGEST
    if len(source) > position:
        parts.append(f"<em> … {len(source) - position:,} more characters</em>")
    lines = "".join(f"<div><small>{_plain(line)}</small></div>" for line in head)
    # These classes keep MathJax from taking what stands between two dollar signs for a formula.
    return (
        f'<div class="tex2jax_ignore mathjax_ignore">{lines}<div style="white-space:pre-wrap;max-width:50em">'
        f"{''.join(parts)}</div></div>"
    )


def _merged(spoilers: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    merged: list[tuple[int, int, str]] = []
    for start, end, label in sorted(spoilers):
        if merged and start < merged[-1][1]:
            first, before, name = merged[-1]
            merged[-1] = (first, max(before, end), name)
        else:
            merged.append((start, end, label))
    return merged


def _details(text: str, label: str) -> str:
    return (
        f'<details style="display:inline"><summary style="{_CLICK}"><span style="filter:blur(2px)">{_BLURRED}</span>'
        f" <small>{_plain(label)}</small></summary><mark>{_plain(text)}</mark></details>"
    )


def _plain(text: str) -> str:
    return escape(without_surrogates(text))
