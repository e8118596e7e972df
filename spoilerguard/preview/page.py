"""A draft as one self-contained page: as readers will see it, beside what was found.

Nothing is fetched, and a content security policy sees to it; the one script is ours. Whatever the
threshold is moved to, what is copied is what `blur` gives: the page holds what `hide` wrote for every
set of sentences that a threshold of the slider flags, in every style, cut into chunks of which each
is kept once.
"""

from __future__ import annotations

from base64 import b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from html import escape
import json
import re
import shlex
from string import Template
from typing import TYPE_CHECKING, Any
import zlib

from spoilerguard.errors import LeakError
from spoilerguard.files.bundled import asset_text
from spoilerguard.hiding import accessible_html
from spoilerguard.hiding.blurring import hide
from spoilerguard.hiding.styles import DEFAULTS, STYLES, Style
from spoilerguard.model.scoring import KINDS
from spoilerguard.preview.rendering import render
from spoilerguard.printing import harmless, plain
from spoilerguard.spans import Document, Flag

if TYPE_CHECKING:
    from spoilerguard.guard import Guard
    from spoilerguard.report import Report

__all__ = ["FLOOR", "preview"]

FLOOR = 0.05  # what is less likely a spoiler is not in the page
MOST = 400  # sentences in the page, but for those that are flagged to begin with
WORK = 400_000  # characters written in each style: sets of sentences times the length of the draft
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
    """The page for a draft; `name` is its heading, the options are those of `Guard.flag`.

    `command` is what follows `spoilerguard blur` to hide the same: the draft's path and options.

    The slider starts at the threshold given and has a stop at each percent (in long drafts at every
    second, fifth or tenth) and at each sensitivity. Raises InputError for an option out of range.
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
    copies = _copies(report.document, ranked, counts)
    ticks = _ticks([flag.score for flag in ranked], [at for at, _ in stops])
    return _page(name, report, data, copies, html, ticks, [_finding(flag, rank[flag], words) for flag in shown])


def _worth_showing(flags: Sequence[Flag], limit: float) -> list[Flag]:
    """In order, the likeliest few hundred, and all that are flagged."""
    scores = sorted((flag.score for flag in flags), reverse=True)
    least = min(scores[MOST], limit) if len(scores) > MOST else 0.0
    return [flag for flag in flags if flag.score >= least]


def _stops(ranked: Sequence[float], limit: float, named: Mapping[str, float], length: int) -> list[tuple[float, int]]:
    """The thresholds that the slider may stand at, each with how many sentences it flags.

    `ranked` are the scores, negative, in order. The fewer stops, the longer the draft.
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
    """What to tell the command line to get this threshold."""
    return next((f"--sensitivity {name}" for name, value in named.items() if value == at), f"--threshold {at!r}")


def _ticks(scores: Sequence[float], stops: Sequence[float]) -> str:
    """A stroke for each sentence where the slider stands when it is about to be hidden."""
    last = max(len(stops) - 1, 1)
    places = sorted({round(1000 * max(bisect_right(stops, score) - 1, 0) / last) for score in scores})
    return "".join(f"M{at} 0v1" for at in places)


# --- what is copied -----------------------------------------------------------------------------

# Where texts are cut: chunks that two texts share are the same wherever they begin to be the same.
_CHUNK = re.compile(r"[^\n.!?<>]{0,200}+[\n.!?<>]?", re.S)


def _copies(document: Document, ranked: Sequence[Flag], counts: Sequence[int]) -> dict[str, Any]:
    """For each style and count of flagged sentences, the chunks of the text; or in words why there is none."""
    chunks: dict[str, int] = {}
    styles = [style for style in STYLES.values() if document.format in style.formats]
    written: dict[Style, list[list[int] | str]] = {}
    shared: dict[str, list[list[int] | str]] = {}
    for style in styles:
        same = replace(style, name="", about="", reads="", formats=())
        if same not in written or any(isinstance(row, str) for row in written[same]):  # errors name the style
            texts = (_hidden(document, ranked[:count], style) for count in counts)
            written[same] = [
                str(text)
                if isinstance(text, LeakError)
                else [chunks.setdefault(chunk, len(chunks)) for chunk in _CHUNK.findall(text) if chunk]
                for text in texts
            ]
        shared[style.name] = written[same]
    return {"chunks": list(chunks), "styles": shared}


def _hidden(document: Document, flags: Sequence[Flag], style: Style) -> str | LeakError:
    try:
        return hide(document, [(flag.start, flag.end) for flag in flags], style.name)
    except LeakError as error:
        return error


# --- the page -----------------------------------------------------------------------------------


def _page(
    name: str,
    report: Report,
    data: dict[str, Any],
    copies: dict[str, Any],
    draft: str,
    ticks: str,
    findings: Sequence[str],
) -> str:
    title, format = escape(harmless(name)), report.document.format
    script = asset_text("preview", "preview.js")
    style = asset_text("palette.css") + accessible_html.asset("spoilerguard.css") + asset_text("preview", "preview.css")
    policy = f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; base-uri 'none'"
    packed = b64encode(zlib.compress(json.dumps(copies, separators=(",", ":")).encode("ascii"), 9)).decode("ascii")
    points = "".join(f'<button type="button" data-stop="{at}">{label}</button>' for label, at in data["named"].items())
    kinds = sorted({reason.kind for flag in report.flags for reason in flag.reasons})
    choices = "".join(f'<option value="{escape(k)}">{escape(KINDS.get(k, k))}</option>' for k in kinds)
    styles = "".join(
        f'<option value="{row.name}" data-about="{escape(row.about)}"{" selected" * (row.name == DEFAULTS[format])}>'
        f"{row.name}</option>"
        for row in STYLES.values()
        if format in row.formats
    )
    return Template(asset_text("preview", "preview.html")).substitute(
        at=data["at"],
        copies=packed,
        data=_json(data),
        draft=draft,
        facts=_facts(report),
        findings="".join(findings),
        format=format,
        kinds=choices,
        last=len(data["stops"]) - 1,
        points=points,
        policy=policy,
        script=script,
        style=style,
        styles=styles,
        ticks=ticks,
        title=title,
    )


def _finding(flag: Flag, number: int, words: Mapping[int, str]) -> str:
    """An entry of the list: score, reason, place and the sentence, linked to where it stands."""
    kind = flag.reasons[0].kind if flag.reasons else ""
    text = " ".join(words.get(number, escape(flag.text, quote=False)).split())
    share = round(100 * flag.score)
    about = ""
    for reason in flag.reasons:
        telling = escape(plain(reason.text), quote=False)
        if telling in text:
            text = text.replace(telling, f"<mark>{telling}</mark>", 1)
        else:
            about = f" <span>“{telling}”</span>"
    return (
        f'<li data-n="{number}" data-kind="{escape(kind)}"><a href="#s-{number}">'
        f'<span class="score">{share}%</span> <span class="kind">{escape(KINDS.get(kind, kind))}</span>{about} '
        f'<span class="line">line {flag.line}</span>'
        '<svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{share}" height="1"/></svg>'
        f'<span class="quote">{text}</span></a></li>\n'
    )


def _facts(report: Report) -> str:
    hidden, sentences = len(report.hidden), len(report.sentences)
    facts = [f"{sentences:,} sentence{'s' * (sentences != 1)}"]
    if hidden:
        facts.append(f"{hidden:,} passage{'s' * (hidden != 1)} already hidden by the author")
    if not report.checked:
        facts.append(report.notices[0].message)
    facts += [f"sentences below {FLOOR:.0%} are not listed", "model " + " ".join(report.model.values())]
    return escape(" · ".join(facts))


def _digest(text: str) -> str:
    """As a content security policy names what may run or style (CSP Level 3, 2.3.1)."""
    return "sha256-" + b64encode(sha256(text.encode("utf-8")).digest()).decode("ascii")


def _json(data: Any) -> str:
    """JSON that ends no script: ASCII, without `<`."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
