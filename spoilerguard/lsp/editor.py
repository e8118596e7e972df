"""What an editor is told of a draft: diagnostics, why, and edits that hide or ignore.

`check` makes a `Checked`, the state of one draft at one moment, and all else here is a function of that;
`languageserver` says it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lsprotocol import types
from pygls.uris import to_fs_path

from spoilerguard.drafts.io import MOST_BYTES, read_draft
from spoilerguard.drafts.patterns import Patterns
from spoilerguard.errors import InputError
from spoilerguard.guard import Guard, load
from spoilerguard.hiding.block_edits import Edit
from spoilerguard.hiding.blurring import edits_to_hide
from spoilerguard.hiding.ignoring import edits_to_ignore
from spoilerguard.hiding.styles import STYLES
from spoilerguard.lsp.positions import Place, Positions
from spoilerguard.model.scoring import KINDS
from spoilerguard.printing import plain
from spoilerguard.report import Report
from spoilerguard.settings import layers
from spoilerguard.spans import Flag, Work
from spoilerguard.text.reading import format_of

__all__ = [
    "HIDE_ALL",
    "NAME",
    "OPTIONS",
    "Checked",
    "Moment",
    "actions",
    "check",
    "diagnostics",
    "edits_of",
    "format_for",
    "hover",
]

NAME = "spoilerguard"
OPTIONS: Mapping[str, tuple[type, ...]] = {"model": (str,), "sensitivity": (str,), "threshold": (int, float)}
_LANGUAGES = {
    **dict.fromkeys(("markdown", "gfm", "mdx", "pandoc", "quarto", "rmd", "vimwiki"), "markdown"),
    **dict.fromkeys(("html", "mhtml", "xhtml"), "html"),
}
_PLAIN = ("plaintext", "text", "")
HIDE_ALL = f"{types.CodeActionKind.Source.value}.hideSpoilers"  # no fixAll: saving must not hide unasked
_USUAL = {
    "text": ("reddit", "discord", "bbcode", "redact"),
    "markdown": ("html", "details", "reddit", "discord"),
    "html": ("html", "details", "bbcode", "redact"),
}  # by format: what comes first among the styles


class Moment(NamedTuple):
    """One state of one document: of its text, and of the settings it is checked with."""

    uri: str
    edition: int  # no other moment has it
    version: int | None  # as the editor counts, and not always does


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a document."""

    moment: Moment
    guard: Guard
    report: Report
    positions: Positions
    style: str  # to be offered first

    def range(self, start: int, end: int) -> types.Range:
        """A range of offsets in the protocol's terms."""
        return types.Range(_position(self.positions.place(start)), _position(self.positions.place(end)))

    def flags_at(self, range: types.Range) -> list[Flag]:
        """The flags that this range touches, be it empty."""
        start, end = (self.positions.offset(at.line, at.character) for at in (range.start, range.end))
        return [flag for flag in self.report if flag.start <= end and start <= flag.end]


def _position(place: Place) -> types.Position:
    return types.Position(place.line, place.character)


# --- checking -----------------------------------------------------------------------------------


def format_for(language: str, uri: str) -> str | None:
    """The format of a document by its language identifier, or else by its name; None for what is no draft."""
    by_name = format_of(urlsplit(uri).path)
    known = by_name if by_name != "auto" else "text" if language in _PLAIN else None
    return _LANGUAGES.get(language, known)


def check(moment: Moment, text: str, format: str, encoding: str, given: Iterable[Mapping[str, Any]]) -> Checked | None:
    """Check a draft as `check` would; None where the settings of its project leave it out.

    `given` are values of `OPTIONS`, of which the last count, and before those the project's. Raises
    SpoilerguardError for settings that cannot be, and InputError for a draft that is too long.
    """
    path = to_fs_path(moment.uri)
    if len(text) > MOST_BYTES:
        raise InputError(f"{path or moment.uri}: longer than a draft may be ({MOST_BYTES // 2**20} million characters)")
    project = layers.find(path)
    values = project.values_for("check", path)
    if path and "exclude" in values:
        patterns, origin = values["exclude"]
        if Patterns(project.folder, patterns, origin).decide(path):
            return None
    options = layers.as_options(values)
    for layer in given:
        options = layers.over(options, _fitting(layer))
    guard = load(options.get("model", "fast"))
    report = guard.flag(
        text,
        format=_format(format, options.get("input_format")),
        work=_work(options),
        **{name: options[name] for name in _PASSED_ON if name in options},
    )
    style = project.options("blur", path).get("style", "")
    return Checked(moment, guard, report, Positions(text, encoding), style)


_PASSED_ON = ("sensitivity", "threshold", "quotations", "any_language")


def _fitting(options: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in options.items():
        if not isinstance(value, OPTIONS[name]) or isinstance(value, bool):
            wanted = "a string" if OPTIONS[name] == (str,) else "a number"
            raise InputError(f"the editor's setting spoilerguard.{name} must be {wanted}, not {value!r}")
    return options


def _format(told: str, chosen: str | None) -> str:
    return told if chosen in (None, "auto") else chosen


def _work(options: Mapping[str, Any]) -> Work | None:
    title, blurb, synopsis = (options.get(name) or "" for name in ("title", "blurb", "synopsis"))
    if not (title or blurb or synopsis):
        return None
    return Work(title, blurb and read_draft(blurb), synopsis and read_draft(synopsis))


# --- what is wrong ------------------------------------------------------------------------------


def diagnostics(checked: Checked) -> list[types.Diagnostic]:
    """One for each flag, without its words: a list of problems must not spoil; and for broken spoiler marks."""
    found = [_diagnostic(checked, flag) for flag in checked.report]
    return found + [
        types.Diagnostic(
            checked.range(notice.start, notice.end), notice.message, types.DiagnosticSeverity.Warning, "broken-mark",
            source=NAME,
        )
        for notice in checked.report.notices
    ]  # fmt: skip


def _diagnostic(checked: Checked, flag: Flag) -> types.Diagnostic:
    return types.Diagnostic(
        checked.range(flag.start, flag.end),
        f"May give the plot away: {_kinds(flag)} ({flag.score:.0%})",
        types.DiagnosticSeverity.Warning,
        flag.reasons[0].kind if flag.reasons else "spoiler",
        source=NAME,
    )


def _kinds(flag: Flag) -> str:
    return ", ".join(KINDS.get(reason.kind, reason.kind) for reason in flag.reasons) or "a spoiler"


# --- why ----------------------------------------------------------------------------------------


def hover(checked: Checked, at: types.Position, *, markdown: bool) -> types.Hover | None:
    """Why the sentence here is flagged: score, kind, and the words that weigh most."""
    flags = checked.flags_at(types.Range(at, at))
    if not flags:
        return None
    flag = flags[0]
    escaped = _escaped if markdown else str
    strong = "**" if markdown else ""
    phrases = ", ".join(f"“{escaped(plain(reason.text))}”" for reason in flag.reasons)
    weights = sorted(dict(checked.guard.scorer.word_weights(flag.text)).items(), key=lambda item: -item[1])
    words = ", ".join(f"{escaped(plain(word))} +{weight:.1f}" for word, weight in weights[:5] if weight >= 0.05)
    told = [
        f"{strong}May give the plot away{strong}: {_kinds(flag)}, {flag.score:.0%} "
        f"(flagged from {checked.report.threshold:.0%})",
        f"Most telling: {phrases}" if phrases else "",
        f"Words that weigh: {words}" if words else "",
    ]
    kind = types.MarkupKind.Markdown if markdown else types.MarkupKind.PlainText
    content = types.MarkupContent(kind, "\n\n".join(filter(None, told)))
    return types.Hover(content, checked.range(flag.start, flag.end))


def _escaped(text: str) -> str:
    """Words as Markdown: with a backslash, no ASCII punctuation is a mark (CommonMark 0.31, 2.4)."""
    return _PUNCTUATION.sub(r"\\\g<0>", text)


_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


# --- what to do about it ------------------------------------------------------------------------


def actions(checked: Checked, range: types.Range, only: Sequence[str] | None) -> Iterator[types.CodeAction]:
    """What can be done here, its edits yet to be found: `edits_of` finds them by the action's `data`."""
    format = checked.report.document.format
    usual = _usual(checked)
    styles = [*usual, *(name for name, row in STYLES.items() if format in row.formats and name not in usual)]
    flags = checked.flags_at(range)
    if flags and _asked(types.CodeActionKind.QuickFix.value, only):
        flag = flags[0]
        for style in styles:
            yield _action(checked, f"Hide as {style}", types.CodeActionKind.QuickFix, style, flag)
        if format != "text":
            yield _action(checked, "Ignore this sentence", types.CodeActionKind.QuickFix, None, flag)
    count = len(checked.report)
    for style in styles if only else usual:
        if count > (0 if only else 1) and _asked(kind := f"{HIDE_ALL}.{style}", only):
            many = f"all {count} spoilers" if count > 1 else "the one spoiler"
            yield _action(checked, f"Hide {many} as {style}", kind, style)


def _usual(checked: Checked) -> list[str]:
    """The styles that come first: that of the settings, and what suits the format."""
    format = checked.report.document.format
    chosen = [checked.style] if checked.style and format in STYLES[checked.style].formats else []
    return [*chosen, *(name for name in _USUAL[format] if name not in chosen)]


def _asked(kind: str, only: Iterable[str] | None) -> bool:
    """Whether a kind is among those asked for, which name all kinds that begin as they do."""
    return not only or any(f"{kind}.".startswith(f"{asked}.") for asked in only)


def _action(
    checked: Checked, title: str, kind: str | types.CodeActionKind, style: str | None, flag: Flag | None = None
) -> types.CodeAction:
    return types.CodeAction(
        title,
        kind,
        diagnostics=[_diagnostic(checked, flag)] if flag else None,
        is_preferred=style == _usual(checked)[0] if flag else None,
        data={
            "uri": checked.moment.uri,
            "edition": checked.moment.edition,
            "style": style,
            "start": flag and flag.start,
        },
    )


def edits_of(checked: Checked, data: Any) -> list[types.TextEdit]:
    """The edits of an action, in order. Raises InputError where they cannot be, LeakError as `hide` does."""
    match data:
        case {"edition": int(edition)} if edition != checked.moment.edition:
            raise InputError("the text has changed since; ask for the code actions again")
        case {"edition": int(), "style": str(style), "start": None}:
            flags = checked.report.flags
            return _text_edits(
                checked, edits_to_hide(checked.report.document, [(f.start, f.end) for f in flags], style)
            )
        case {"edition": int(), "style": style, "start": int(start)}:
            for flag in checked.report:
                if flag.start == start:
                    at = (flag.start, flag.end)
                    document = checked.report.document
                    edits = edits_to_ignore(document, at) if style is None else edits_to_hide(document, [at], style)
                    if not edits:
                        raise InputError("nothing can be written here that would do so")
                    return _text_edits(checked, edits)
    raise InputError("no code action of this server")


def _text_edits(checked: Checked, edits: Iterable[Edit]) -> list[types.TextEdit]:
    source = checked.report.document.source
    return [types.TextEdit(checked.range(*at), new) for *at, new in (_whole_line_ends(source, edit) for edit in edits)]


def _whole_line_ends(source: str, edit: Edit) -> Edit:
    """An edit that neither begins nor ends between CR and LF, where the protocol has no place."""
    start, end, new = edit
    if source[start - 1 : start + 1] == "\r\n":
        start, new = start - 1, f"\r{new}"
    if source[end - 1 : end + 1] == "\r\n":
        end, new = end + 1, f"{new}\n"
    return Edit(start, end, new)
