"""A draft as one self-contained page: as its readers will see it, beside the findings.

The page fetches nothing, which a content security policy enforces; the only script is ours. At every position of
the slider, the copied text is what `blur` returns: the page contains what `hide` writes for every set of sentences
that a position flags, in every style, cut into chunks that are stored once.

Each sentence can be hidden or shown by hand. What is decided is saved as a report of `check`, version 2, from which
`blur --from-json` writes the draft: it reads again what it writes, as no page can.
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

from spoilerguard.drafts.decisions import keys_of
from spoilerguard.errors import LeakError
from spoilerguard.files.bundled import asset_text
from spoilerguard.files.pages import render as render_page
from spoilerguard.hiding import accessible_html
from spoilerguard.hiding.blurring import written
from spoilerguard.hiding.styles import DEFAULTS, STYLES, Style
from spoilerguard.model.scoring import KIND_NAMES
from spoilerguard.preview.rendering import render
from spoilerguard.printing import Outcome, harmless, plain, results
from spoilerguard.spans import Document, Flag

if TYPE_CHECKING:
    from spoilerguard.drafts.decisions import Decisions
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
    path: str = "",
    command: Sequence[str] = (),
    decisions: Decisions | None = None,
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
        path: The path of the draft, by which saved decisions name it; `name` by default.
        command: The arguments of `spoilerguard blur` that hide the same: the draft's path and options;
            `name` by default.
        decisions: The decisions of the project, with which the page starts.
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
    every = [*ranked, *_others(report, shown)]  # by number
    rank = {flag.start: number for number, flag in enumerate(every)}
    html, words = render(report.document, sorted((flag.start, flag.end, rank[flag.start]) for flag in every))
    data = {
        "stops": [[_percent(at, named), count, _option(at, named)] for at, count in stops],
        "thresholds": [at for at, _ in stops],
        "named": {point: _stop_at(stops, at) for point, at in named.items() if at >= stops[0][0]},
        "at": _stop_at(stops, limit),
        "sentences": len(report.sentences),
        "counts": counts,
        "command": shlex.join(["spoilerguard", "blur", *(command or [name])]),
        "decided": shlex.join(["spoilerguard", "blur", *(command or [name])[:1], "--from-json", "decisions.json"]),
        "entries": [flag.to_dict() for flag in every],
        "listed": len(ranked),
        "decisions": _decided(report, rank, decisions),
        "report": _report_of(report, path or name),
    }
    return render_page(
        "preview.html",
        title=harmless(name),
        format=report.document.format,
        data=data,
        copies=_packed(_copies(report.document, ranked, counts)),
        draft=html,
        ticks=_ticks([flag.score for flag in ranked], [at for at, _ in stops]),
        findings=[_finding(flag, n, words.get(n, flag.text)) for flag in shown for n in (rank[flag.start],)],
        facts=_facts(report),
        kinds=sorted({reason.kind for flag in report.flags for reason in flag.reasons}),
        styles=[style for style in STYLES.values() if report.document.format in style.formats],
        default_style=DEFAULTS[report.document.format],
        script="(() => {\n" + asset_text("preview", "draft.js") + asset_text("preview", "preview.js") + "})();\n",
        style=asset_text("palette.css")
        + accessible_html.asset("spoilerguard.css")
        + asset_text("preview", "preview.css"),
        digest=_digest,
        KINDS=KIND_NAMES,
    )


def _worth_showing(flags: Sequence[Flag], limit: float) -> list[Flag]:
    """The likeliest few hundred flags and all above the threshold, in order."""
    scores = sorted((flag.score for flag in flags), reverse=True)
    least = min(scores[MOST], limit) if len(scores) > MOST else 0.0
    return [flag for flag in flags if flag.score >= least]


def _others(report: Report, shown: Sequence[Flag]) -> list[Flag]:
    """The sentences that are not listed; they can be hidden all the same."""
    listed = {flag.start for flag in shown}
    position = report.document.position
    rest = [s for s in report.sentences if s.start not in listed]
    return [Flag(s.start, s.end, *position(s.start), s.text, s.score) for s in sorted(rest, key=lambda s: -s.score)]


def _decided(report: Report, rank: Mapping[int, int], decisions: Decisions | None) -> dict[int, str]:
    """The decisions of the project about these sentences, by number."""
    if decisions is None:
        return {}
    keys = keys_of(report.document, [(s.start, s.end) for s in report.sentences])
    found = {rank[start]: decisions.find(key) for start, key in keys.items()}
    return {number: decision for number, decision in found.items() if decision}


def _report_of(report: Report, path: str) -> dict[str, Any]:
    """The report to save, to which the page adds the threshold, flags and near misses."""
    bare = replace(report, flags=())  # what repeats hidden text depends on what will be hidden
    return results([Outcome(path, bare)], 0.0, report.model)


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
    for words in dict.fromkeys(reason.text for reason in flag.reasons):
        if not (phrase := _folded(plain(words))):
            continue
        found = ((k, _folded(part).find(phrase)) for k, (part, marked) in enumerate(parts) if not marked)
        k, at = next(((k, at) for k, at in found if at >= 0), (-1, -1))
        if k < 0:
            missing = plain(words)
        else:
            part, end = parts[k][0], at + len(phrase)
            parts[k : k + 1] = [(part[:at], False), (part[at:end], True), (part[end:], False)]
    return {
        "number": number,
        "kind": flag.reasons[0].kind if flag.reasons else "",
        "percent": round(100 * flag.score),
        "line": flag.line,
        "parts": parts,
        "phrase": missing,
    }


# Models read quotation marks and dashes as plain ones; a letter stands for a letter, so that places are the same.
_PLAIN = str.maketrans("‘’‚‛′“”„‟″«»–—−\u00a0", '\'\'\'\'\'"""""""--- ')


def _folded(text: str) -> str:
    """Text in which a phrase is found whatever its quotation marks and case."""
    lower = text.translate(_PLAIN).lower()
    return lower if len(lower) == len(text) else text.translate(_PLAIN)


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
