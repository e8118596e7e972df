"""The functions of the package: a bundled model, or one of your own, on one text."""

from __future__ import annotations

import os

from spoilerguard.guard import load
from spoilerguard.report import Report
from spoilerguard.spans import FormatName, Sensitivity, WorkLike

__all__ = ["blur", "blur_html", "flag"]


def flag(
    text: str,
    *,
    format: FormatName = "auto",
    sensitivity: Sensitivity = "medium",
    threshold: float | None = None,
    work: WorkLike = None,
    quotations: bool = True,
    any_language: bool = False,
    suppressions: bool = True,
    model: str | os.PathLike[str] = "fast",
) -> Report:
    """Find the sentences of a text that give the plot away.

    Args:
        text: The text.
        format: What the text is written in; by default, guessed from the text.
        sensitivity: `"low"` for few false alarms, `"high"` for few misses.
        threshold: The probability, from 0 to 1, from which a sentence is flagged. It overrides `sensitivity`.
        work: The work that the text is about: a `Work`, a dictionary of its fields, or a title.
        quotations: Whether block quotations are checked too.
        any_language: Whether a text that is not in English is checked too.
        suppressions: Whether comments such as `<!-- spoilerguard off -->` are obeyed; not for text of strangers.
        model: The name of a bundled model, or the folder of a model.

    Returns:
        The report: iterating it yields the flags.

    Raises:
        InputError: An argument is invalid.
        ModelError: There is no such model, or it is damaged.
        MissingExtra: The model needs a library that is not installed.
    """
    return load(model).flag(
        text,
        format=format,
        sensitivity=sensitivity,
        threshold=threshold,
        work=work,
        quotations=quotations,
        any_language=any_language,
        suppressions=suppressions,
    )


def blur(
    text: str,
    *,
    format: FormatName = "auto",
    style: str | None = None,
    sensitivity: Sensitivity = "medium",
    threshold: float | None = None,
    work: WorkLike = None,
    quotations: bool = True,
    any_language: bool = False,
    suppressions: bool = True,
    model: str | os.PathLike[str] = "fast",
) -> str:
    """Hide the sentences of a text that give the plot away.

    Args:
        text: The text.
        format: What the text is written in; by default, guessed from the text.
        style: How to hide: a name in `spoilerguard.hiding.styles.STYLES`. By default `"html"` in HTML and
            Markdown, and `"redact"` in plain text, which can hide nothing.
        sensitivity: `"low"` for few false alarms, `"high"` for few misses.
        threshold: The probability, from 0 to 1, from which a sentence is hidden. It overrides `sensitivity`.
        work: The work that the text is about: a `Work`, a dictionary of its fields, or a title.
        quotations: Whether block quotations are checked too.
        any_language: Whether a text that is not in English is checked too.
        suppressions: Whether comments such as `<!-- spoilerguard off -->` are obeyed; not for text of strangers.
        model: The name of a bundled model, or the folder of a model.

    Returns:
        The text with its flagged sentences hidden and everything else unchanged.

    Raises:
        InputError: An argument is invalid, or the style does not exist in this format.
        LeakError: The style cannot hide a sentence where it stands.
        ModelError: There is no such model, or it is damaged.
        MissingExtra: The model needs a library that is not installed.
    """
    return flag(
        text,
        format=format,
        sensitivity=sensitivity,
        threshold=threshold,
        work=work,
        quotations=quotations,
        any_language=any_language,
        suppressions=suppressions,
        model=model,
    ).blur(style)


def blur_html(
    html: str,
    *,
    style: str | None = None,
    sensitivity: Sensitivity = "medium",
    threshold: float | None = None,
    work: WorkLike = None,
    quotations: bool = True,
    any_language: bool = False,
    suppressions: bool = False,
    model: str | os.PathLike[str] = "fast",
) -> str:
    """Hide the sentences of an HTML page or fragment that give the plot away, as in a render hook.

    Args:
        html: The page or fragment.
        style: How to hide: a name in `spoilerguard.hiding.styles.STYLES`; by default `"html"`.
        sensitivity: `"low"` for few false alarms, `"high"` for few misses.
        threshold: The probability, from 0 to 1, from which a sentence is hidden. It overrides `sensitivity`.
        work: The work that the text is about: a `Work`, a dictionary of its fields, or a title.
        quotations: Whether block quotations are checked too.
        any_language: Whether a text that is not in English is checked too.
        suppressions: Whether comments such as `<!-- spoilerguard off -->` are obeyed; not for text of strangers.
        model: The name of a bundled model, or the folder of a model.

    Returns:
        The HTML with its flagged sentences hidden and everything else unchanged.

    Raises:
        InputError: An argument is invalid, or the style does not exist in HTML.
        LeakError: The style cannot hide a sentence where it stands.
        ModelError: There is no such model, or it is damaged.
        MissingExtra: The model needs a library that is not installed.
    """
    return blur(
        html,
        format="html",
        style=style,
        sensitivity=sensitivity,
        threshold=threshold,
        work=work,
        quotations=quotations,
        any_language=any_language,
        suppressions=suppressions,
        model=model,
    )
