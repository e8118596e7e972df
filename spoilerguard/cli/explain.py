"""The commands `explain` and `models`: how sentences come to their scores, and which models are bundled.

Arguments and printing; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spoilerguard.cli.common import (
    AnyLanguageOption,
    BlurbOption,
    DecisionsOption,
    InputFormatOption,
    ModelOption,
    QuotationsOption,
    SensitivityOption,
    SynopsisOption,
    ThresholdOption,
    TitleOption,
    WorksOption,
    check_input_format,
    counted,
    errors_explained,
    fail,
    format_for,
    output,
    say,
)
from spoilerguard.cli.configured import typed

if TYPE_CHECKING:
    from spoilerguard.drafts.explaining import Explained

__all__ = ["register"]

_EXPLAIN = """\b
Examples:
  spoilerguard explain "He did it himself."
  spoilerguard explain draft.md:5
A line of a draft is explained in its place, with the score that check gives it: first the sentence
alone, then with its neighbours, in its section, and knowing the work."""


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog=_EXPLAIN)(explain)
    app.command(epilog="Example:  spoilerguard models")(models)


def explain(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(metavar="SENTENCE|DRAFT:LINE|-", help="A sentence, a line of a draft, or - for standard input."),
    ],
    model: ModelOption = "fast",
    sensitivity: SensitivityOption = "medium",
    threshold: ThresholdOption = None,
    input_format: InputFormatOption = None,
    title: TitleOption = "",
    blurb: BlurbOption = None,
    synopsis: SynopsisOption = None,
    works: WorksOption = None,
    quotations: QuotationsOption = True,
    any_language: AnyLanguageOption = False,
    decisions: DecisionsOption = True,
) -> None:
    """Show how a sentence comes to its score, and which words contribute."""
    with errors_explained():
        from spoilerguard.drafts.about import about
        from spoilerguard.drafts.decisions import decisions_by_path, obey
        from spoilerguard.drafts.explaining import explained, place_of
        from spoilerguard.drafts.io import read_draft, read_standard_input
        from spoilerguard.guard import load

        check_input_format(input_format)
        guard = load(model)
        place = place_of(what)
        if place is None:
            name, line, format = "-", None, format_for("text", "-")
            source = read_standard_input("-") if what == "-" else what
            if not source.strip():
                fail("nothing to explain: the sentence is empty")
        else:
            (name, line), source = place, read_draft(place[0])
            format = format_for(input_format, name)
        known = about(
            source, name, title=title, blurb=blurb, synopsis=synopsis, works=works, sensitivity=sensitivity,
            threshold=threshold, typed=typed(ctx),
        )  # fmt: skip
        limit = guard.threshold(known.sensitivity, known.threshold)
        report = guard.flag(
            source,
            format=format,
            threshold=limit,
            work=known.work,
            quotations=quotations,
            any_language=any_language,
            suppressions=place is not None,
        )
        report, _, decided = obey(report, guard, decisions_by_path()(name) if decisions and place else None)
        found = list(explained(guard, report, known.work, line))
    if not report.checked:
        fail(f"{name}: {report.notices[0].message}")
    if not found and place is None:
        fail("nothing to explain: there is no sentence in it")
    if not found and line is not None and line > (lines := len(source.splitlines())):
        fail(f"{what}: the draft has {counted(lines, 'line')}")
    if not found:
        fail(f"{what}: no sentence is checked on this line; it may be blank, code, hidden or suppressed")
    at = "at this threshold" if known.threshold is not None else f"at {known.sensitivity} sensitivity"
    with output():
        for one in found:
            mine = ", as you decided" if one.sentence.start in decided else ""
            for row in _lines(one, f"{at} (from {limit:.0%}){mine}", limit, name if place or len(found) > 1 else ""):
                say(row)


def _lines(one: Explained, at: str, limit: float, name: str) -> Iterator[str]:
    from spoilerguard.model.scoring import KIND_NAMES, UNNAMED
    from spoilerguard.printing import harmless, plain

    close = f"{one.sentence.score:.0%}" == f"{limit:.0%}" and one.sentence.score != limit
    score = f"{one.sentence.score:.2%}" if close else f"{one.sentence.score:.0%}"
    where = f"{harmless(name)}:{one.line}:{one.column}  " if name else ""
    yield f"{where}{score}  {'a spoiler' if one.flagged else 'not a spoiler'} {at}"
    if name:
        yield f"  “{plain(one.sentence.text)}”"
    kinds = [KIND_NAMES.get(reason.kind, reason.kind) for reason in one.reasons if reason.kind != UNNAMED]
    alike = f"looks most like {', '.join(kinds)}; the" if kinds else "the"
    yield f"{alike} words that contribute most: “{plain(one.reasons[0].text)}”"
    if len(one.steps) > 1:
        width = max(len(step.read_with) for step in one.steps)
        before = None
        for step in one.steps:
            percent = round(100 * step.score)
            change = "" if before is None else f"  ({percent - before:+}%)"
            yield f"  {step.read_with:<{width}}  {percent:3}%{change}"
            before = percent
    for word, weight in one.words:
        yield f"  {weight:+.2f}  {plain(word)}"


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
