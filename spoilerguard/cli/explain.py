"""The commands `explain` and `models`: how one sentence scores, and which models are bundled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spoilerguard.cli.common import (
    ModelOption,
    SensitivityOption,
    ThresholdOption,
    errors_explained,
    fail,
    output,
    say,
)

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog='Example:  spoilerguard explain "He did it himself."')(explain)
    app.command(epilog="Example:  spoilerguard models")(models)


def explain(
    sentence: Annotated[str, typer.Argument(help="One sentence, or - for standard input.")],
    model: ModelOption = "fast",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
) -> None:
    """Show how a sentence scores on its own, and which words contribute."""
    with errors_explained():
        from spoilerguard.drafts.io import read_standard_input
        from spoilerguard.guard import load

        guard = load(model)
        limit = guard.threshold(sensitivity, threshold)
        text = read_standard_input("-") if sentence == "-" else sentence
    if not text.strip():
        fail("nothing to explain: the sentence is empty")
    from spoilerguard.model.scoring import KINDS
    from spoilerguard.printing import plain

    score = float(guard.score([text])[0])
    at = f"at {sensitivity} sensitivity" if threshold is None else "at this threshold"
    with output():
        say(f"{score:.0%}  {'a spoiler' if score >= limit else 'not a spoiler'} {at} (from {limit:.0%})")
        for reason in guard.scorer.reasons([text])[0]:
            kind, words = KINDS.get(reason.kind, reason.kind), plain(reason.text)
            say(f"looks most like {kind}; the words that contribute most: “{words}”")
        for word, weight in guard.scorer.word_weights(text):
            say(f"  {weight:+.2f}  {plain(word)}")


def models() -> None:
    """List the bundled models with their versions, sizes, thresholds and folders."""
    from spoilerguard.guard import SENSITIVITIES
    from spoilerguard.model.manifest import read_manifest
    from spoilerguard.model.store import bundled_models

    with errors_explained(), output():
        for name, folder in bundled_models().items():
            manifest = read_manifest(folder)
            points = ", ".join(f"{k} {manifest.thresholds[k]:.2f}" for k in SENSITIVITIES)
            size = sum(p.stat().st_size for p in Path(folder).iterdir()) / 2**20
            say(f"{name}  {manifest.version}  {manifest.architecture}  {size:.1f} MB  thresholds: {points}")
            say(f"    {folder}")
