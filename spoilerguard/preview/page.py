"""A draft as one self-contained page: as its readers will see it, beside the findings.

The page fetches nothing, which a content security policy enforces; the only script is ours. At every position of
the slider, the copied text is what `blur` returns: the page contains what `hide` writes for every set of sentences
that a position flags, in every style, cut into chunks that are stored once.
"""

from __future__ import annotations

from base64 import b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
import json
import re
import shlex
from typing import TYPE_CHECKING, Any
import zlib

from spoilerguard.errors import LeakError
from spoilerguard.files.bundled import asset_text
from spoilerguard.files.pages import render as render_page
from spoilerguard.hiding import accessible_html
from spoilerguard.hiding.blurring import written
from spoilerguard.hiding.styles import DEFAULTS, STYLES, Style
from spoilerguard.model.scoring import KINDS
from spoilerguard.preview.rendering import render
from spoilerguard.printing import harmless, plain
from spoilerguard.spans import Document, Flag

if TYPE_CHECKING:
    from spoilerguard.guard import Guard
    from spoilerguard.report import Report

__all__ = ["FLOOR", "preview"]

FLOOR = 0.05  # sentences with a lower probability are not in the page
MOST = 400  # sentences in the page at most, apart from those that are flagged initially
WORK = 400_000  # characters to write in each style at most: sets of sentences times the length of the draft
SENSITIVITIES = ("high", "medium", "low")


def preview(
    guard: Guard,
    text: str,
    *,
    name: str = "draft",
    command: Sequence[str] = (),
    sensitivity: str = "medium",
    threshold: float | None = None,
    **options: Any,
) -> str:
    """The page for a draft.

    The slider starts at the given threshold and has a stop at each percent (in long drafts at every
    second, fifth or tenth) and at each sensitivity.

    Args:
        guard: The model.
        text: The draft.
        name: The heading of the page.
        command: The arguments of `spoilerguard blur` that hide the same: the draft's path and options;
            `name` by default.
        sensitivity: `low`, `medium` or `high`; where the slider starts.
        threshold: A probability, which overrides `sensitivity`.
        **options: Further options of `Guard.flag`.

    Returns:
        The page.

    Raises:
        InputError: An option is out of range.
    """
    limit = guard.threshold(sensitivity, threshold)
    report = guard.flag(text, threshold=min(FLOOR, limit), **options)
    named = {point: guard.threshold(point) for point in SENSITIVITIES}
    shown = _worth_showing(report.flags, limit)
    ranked = sorted(shown, key=lambda flag: -flag.score)
    stops = _stops([-flag.score for flag in ranked], limit, named, len(text))
    counts = sorted({count for _, count in stops})
    rank = {flag: number for number, flag in enumerate(ranked)}
    html, words = render(report.document, [(flag.start, flag.end, rank[flag]) for flag in shown])
    data = {
        "stops": [[_percent(at, named), count, _option(at, named)] for at, count in stops],
        "named": {point: _stop_at(stops, at) for point, at in named.items() if at >= stops[0][0]},
        "at": _stop_at(stops, limit),
        "sentences": len(report.sentences),
        "counts": counts,
        "command": shlex.join(["spoilerguard", "blur", *(command or [name])]),
    }
    return render_page(
        "preview.html",
        title=harmless(name),
        format=report.document.format,
        data=data,
        copies=_packed(_copies(report.document, ranked, counts)),
        draft=html,
        ticks=_ticks([flag.score for flag in ranked], [at for at, _ in stops]),
        findings=[_finding(flag, rank[flag], words.get(rank[flag], flag.text)) for flag in shown],
        facts=_facts(report),
        kinds=sorted({reason.kind for flag in report.flags for reason in flag.reasons}),
        styles=[style for style in STYLES.values() if report.document.format in style.formats],
        default_style=DEFAULTS[report.document.format],
        script=asset_text("preview", "preview.js"),
        style=asset_text("palette.css")
        + accessible_html.asset("spoilerguard.css")
        + asset_text("preview", "preview.css"),
        digest=_digest,
        KINDS=KINDS,
    )


def _worth_showing(flags: Sequence[Flag], limit: float) -> list[Flag]:
    """The likeliest few hundred flags and all above the threshold, in order."""
    scores = sorted((flag.score for flag in flags), reverse=True)
    least = min(scores[MOST], limit) if len(scores) > MOST else 0.0
    return [flag for flag in flags if flag.score >= least]


def _stops(ranked: Sequence[float], limit: float, named: Mapping[str, float], length: int) -> list[tuple[float, int]]:
    """The thresholds of the slider, each with the number of sentences that it flags.

    `ranked` are the negative scores in order. The longer the draft, the fewer the stops.
    """

    def flagged(at: float) -> int:
        return len(ranked) - bisect_left([-score for score in reversed(ranked)], at)

    lowest = min(FLOOR, limit)
    for step in (1, 2, 5, 10):
        every = {percent / 100 for percent in range(0, 100, step)} | {FLOOR, limit, *named.values()}
        stops = [(at, flagged(at)) for at in sorted(every) if at >= lowest]
        if len({count for _, count in stops}) * length <= WORK:
            break
    return stops


def _stop_at(stops: Sequence[tuple[float, int]], at: float) -> int:
    return [threshold for threshold, _ in stops].index(at)


def _percent(at: float, named: Mapping[str, float]) -> str:
    return f"{at:.0%}" if at in named.values() else f"{100 * at:.4g}%"


def _option(at: float, named: Mapping[str, float]) -> str:
    """The command-line option for this threshold."""
    return next((f"--sensitivity {name}" for name, value in named.items() if value == at), f"--threshold {at!r}")


def _ticks(scores: Sequence[float], stops: Sequence[float]) -> str:
    """An SVG path with a stroke for each sentence at the highest stop that flags it."""
    last = max(len(stops) - 1, 1)
    places = sorted({round(1000 * max(bisect_right(stops, score) - 1, 0) / last) for score in scores})
    return "".join(f"M{at} 0v1" for at in places)


# --- the texts to copy --------------------------------------------------------------------------

# Chunks end at fixed characters, so that two texts that differ in one place share the rest of their chunks.
_CHUNK = re.compile(r"[^\n.!?<>]{0,200}+[\n.!?<>]?", re.S)


def _copies(document: Document, ranked: Sequence[Flag], counts: Sequence[int]) -> dict[str, Any]:
    """For each style and number of flagged sentences, the chunks of the text, or the message why there is none."""
    chunks: dict[str, int] = {}
    texts: dict[Style, list[str | LeakError]] = {}  # by the columns that decide what is written
    copies: dict[str, list[list[int] | str]] = {}
    for style in (style for style in STYLES.values() if document.format in style.formats):
        same = replace(style, name="", about="", reads="", formats=())
        if same not in texts or any(isinstance(text, LeakError) for text in texts[same]):  # messages name the style
            texts[same] = [_hidden(document, ranked[:count], style) for count in counts]
        copies[style.name] = [
            str(text)
            if isinstance(text, LeakError)
            else [chunks.setdefault(chunk, len(chunks)) for chunk in _CHUNK.findall(text) if chunk]
            for text in texts[same]
        ]
    return {"chunks": list(chunks), "styles": copies}


def _packed(copies: dict[str, Any]) -> str:
    """JSON, compressed, as base64."""
    return b64encode(zlib.compress(json.dumps(copies, separators=(",", ":")).encode("ascii"), 9)).decode("ascii")


def _hidden(document: Document, flags: Sequence[Flag], style: Style) -> str | LeakError:
    try:
        return written(document, [(flag.start, flag.end) for flag in flags], style)
    except LeakError as error:
        return error


# --- the page -----------------------------------------------------------------------------------


def _finding(flag: Flag, number: int, text: str) -> dict[str, Any]:
    """An entry of the list: score, reason, line and the sentence, with the phrases marked that weigh most."""
    parts, missing = [(" ".join(text.split()), False)], ""
    for reason in flag.reasons:
        if not (phrase := plain(reason.text)):
            continue
        at = next((k for k, (part, marked) in enumerate(parts) if not marked and phrase in part), None)
        if at is None:
            missing = phrase
        else:
            before, _, after = parts[at][0].partition(phrase)
            parts[at : at + 1] = [(before, False), (phrase, True), (after, False)]
    return {
        "number": number,
        "kind": flag.reasons[0].kind if flag.reasons else "",
        "percent": round(100 * flag.score),
        "line": flag.line,
        "parts": parts,
        "phrase": missing,
    }


def _facts(report: Report) -> str:
    hidden, sentences = len(report.hidden), len(report.sentences)
    facts = [f"{sentences:,} sentence{'s' * (sentences != 1)}"]
    if hidden:
        facts.append(f"{hidden:,} passage{'s' * (hidden != 1)} already hidden by the author")
    if not report.checked:
        facts.append(report.notices[0].message)
    facts += [f"sentences below {FLOOR:.0%} are not listed", "model " + " ".join(report.model.values())]
    return " · ".join(facts)


def _digest(text: str) -> str:
    """The source expression that allows a script or style in a content security policy (CSP Level 3, 2.3.1)."""
    return "sha256-" + b64encode(sha256(text.encode("utf-8")).digest()).decode("ascii")
