"""What an editor shows about a draft: diagnostics and explanations.

`check` makes a `Checked`, the result for one draft at one moment, and everything else is a function of that.
`actions` has the code actions, and `server` speaks the protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import re
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from lsprotocol import types
from pygls.uris import to_fs_path

from spoilerguard.drafts.about import OPTIONS as ABOUT
from spoilerguard.drafts.about import about
from spoilerguard.drafts.decisions import decisions_by_path, obey
from spoilerguard.drafts.io import MOST_BYTES
from spoilerguard.drafts.patterns import Patterns
from spoilerguard.errors import InputError
from spoilerguard.guard import Guard, load
from spoilerguard.lsp.positions import Place, Positions
from spoilerguard.model.scoring import KINDS, UNNAMED
from spoilerguard.printing import plain
from spoilerguard.report import Report
from spoilerguard.settings import layers
from spoilerguard.spans import Flag, FormatName, Sensitivity
from spoilerguard.text.reading import format_of

__all__ = ["NAME", "OPTIONS", "Checked", "Moment", "check", "diagnostic", "diagnostics", "format_for", "hover"]

NAME = "spoilerguard"
OPTIONS: Mapping[str, tuple[type, ...]] = {"model": (str,), "sensitivity": (str,), "threshold": (int, float)}
_PASSED_ON = ("quotations", "any_language")  # to `Guard.flag`, as they are
_LANGUAGES = {
    **dict.fromkeys(("markdown", "gfm", "pandoc", "quarto", "rmd", "vimwiki"), "markdown"),
    **dict.fromkeys(("html", "mhtml", "xhtml"), "html"),
    "mdx": "mdx",
}
_PLAIN = ("plaintext", "text", "")


class Moment(NamedTuple):
    """One state of one document: its text and the settings that it is checked with.

    Attributes:
        uri: The document.
        edition: A number that no other moment has.
        version: The editor's version of the text, if it counts versions.
    """

    uri: str
    edition: int
    version: int | None


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of checking a document.

    Attributes:
        moment: The state of the document.
        guard: The model.
        report: The report.
        positions: Converts the offsets of the report.
        style: The blur style of the project's settings, which is offered first; empty if there is none.
        near: Sentences that were almost flagged, and flags that the author has decided to show.
        decides: Whether the project keeps decisions.
    """

    moment: Moment
    guard: Guard
    report: Report
    positions: Positions
    style: str
    near: Sequence[Flag] = ()
    decides: bool = False

    def range(self, start: int, end: int) -> types.Range:
        """A range of offsets as a range of the protocol."""
        return types.Range(_position(self.positions.place(start)), _position(self.positions.place(end)))

    def flags_at(self, range: types.Range) -> list[Flag]:
        """The flags that a range of the protocol touches; the range may be empty."""
        return self._at(range, self.report)

    def near_at(self, range: types.Range) -> list[Flag]:
        """The sentences of `near` that a range of the protocol touches; the range may be empty."""
        return self._at(range, self.near)

    def _at(self, range: types.Range, flags: Iterable[Flag]) -> list[Flag]:
        start, end = (self.positions.offset(at.line, at.character) for at in (range.start, range.end))
        return [flag for flag in flags if flag.start <= end and start <= flag.end]


def _position(place: Place) -> types.Position:
    return types.Position(place.line, place.character)


# --- checking -----------------------------------------------------------------------------------


def format_for(language: str, uri: str) -> str | None:
    """The format of a document.

    Args:
        language: Its language identifier in the editor.
        uri: Its URI, whose suffix counts if the language does not decide.

    Returns:
        The format; None if the document is not a draft.
    """
    by_name = format_of(urlsplit(uri).path)
    known = by_name if by_name != "auto" else "text" if language in _PLAIN else None
    return by_name if by_name == "mdx" else _LANGUAGES.get(language, known)  # which editors may call markdown


def check(moment: Moment, text: str, format: str, encoding: str, given: Iterable[Mapping[str, Any]]) -> Checked | None:
    """Check a draft as `spoilerguard check` does.

    Args:
        moment: The state of the document.
        text: Its text.
        format: Its format.
        encoding: The unit of columns that client and server agreed on, a key of `ENCODINGS`.
        given: Values of `OPTIONS`; later ones win over earlier ones, and all over the project's settings.

    Returns:
        The result; None if the project's settings exclude the draft.

    Raises:
        SpoilerguardError: A setting is invalid, or the project's decisions cannot be read.
        InputError: The draft is too long.
    """
    path = to_fs_path(moment.uri)
    if len(text) > MOST_BYTES:
        raise InputError(f"{path or moment.uri}: longer than a draft may be ({MOST_BYTES // 2**20} million characters)")
    project = layers.find(path)
    values = project.values_for("check", path)
    if path and "exclude" in values:
        patterns, origin = values["exclude"]
        if Patterns(project.folder, patterns, origin).matches(path):
            return None
    chosen = [_fitting(layer) for layer in given]
    told = {name for layer in chosen for name in layer}
    layers.check_consent(values, told)
    options = layers.as_options(values)
    for layer in chosen:
        options = layers.over(options, layer)
    guard = load(options.get("model", "fast"))
    known = about(text, path or moment.uri, **{k: options[k] for k in ABOUT if k in options}, typed=told)
    report = guard.flag(
        text,
        format=_format(format, options.get("input_format")),
        work=known.work,
        sensitivity=cast(Sensitivity, known.sensitivity),
        threshold=known.threshold,
        **{name: options[name] for name in _PASSED_ON if name in options},
    )
    style = project.options("blur", path).get("style", "")
    decisions = decisions_by_path()(path) if path else None
    report, near, _ = obey(report, guard, decisions)
    return Checked(moment, guard, report, Positions(text, encoding), style, near, decisions is not None)


def _fitting(options: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in options.items():
        if not isinstance(value, OPTIONS[name]) or isinstance(value, bool):
            wanted = "a string" if OPTIONS[name] == (str,) else "a number"
            raise InputError(f"the editor's setting spoilerguard.{name} must be {wanted}, not {value!r}")
    return options


def _format(own: str, chosen: str | None) -> FormatName:
    return cast(FormatName, own if chosen in (None, "auto") else chosen)


# --- diagnostics --------------------------------------------------------------------------------


def diagnostics(checked: Checked) -> list[types.Diagnostic]:
    """The diagnostics of a draft.

    Args:
        checked: The result of checking it.

    Returns:
        One for each flag, without its text, since a list of problems must not contain spoilers; and one
        for each broken spoiler mark.
    """
    found = [diagnostic(checked, flag) for flag in checked.report]
    return found + [
        types.Diagnostic(
            checked.range(notice.start, notice.end), notice.message, types.DiagnosticSeverity.Warning, "broken-mark",
            source=NAME,
        )
        for notice in checked.report.notices
    ]  # fmt: skip


def diagnostic(checked: Checked, flag: Flag) -> types.Diagnostic:
    """The diagnostic of one flag.

    Args:
        checked: The result of checking the draft.
        flag: One of its flags.

    Returns:
        The diagnostic, without the text of the flag.
    """
    return types.Diagnostic(
        checked.range(flag.start, flag.end),
        f"May give the plot away{f': {kinds}' if (kinds := _kinds(flag)) else ''} ({flag.score:.0%})",
        types.DiagnosticSeverity.Warning,
        flag.reasons[0].kind if flag.reasons else "spoiler",
        source=NAME,
    )


def _kinds(flag: Flag) -> str:
    """The kinds of a flag; nothing where none is named."""
    return ", ".join(KINDS.get(reason.kind, reason.kind) for reason in flag.reasons if reason.kind != UNNAMED)


# --- explanations -------------------------------------------------------------------------------


def hover(checked: Checked, at: types.Position, *, markdown: bool) -> types.Hover | None:
    """Explain why a sentence is flagged: its score, its kind, and the words that weigh most.

    Args:
        checked: The result of checking the draft.
        at: A position in the sentence.
        markdown: Whether the editor renders Markdown.

    Returns:
        The explanation; None if no flagged sentence is here.
    """
    flags = checked.flags_at(types.Range(at, at))
    if not flags:
        return None
    flag = flags[0]
    escaped = _escaped if markdown else str
    strong = "**" if markdown else ""
    phrases = ", ".join(f"“{escaped(plain(text))}”" for text in dict.fromkeys(reason.text for reason in flag.reasons))
    kinds = _kinds(flag)
    weights = sorted(dict(checked.guard.scorer.word_weights(flag.text)).items(), key=lambda item: -item[1])
    words = ", ".join(f"{escaped(plain(word))} +{weight:.1f}" for word, weight in weights[:5] if weight >= 0.05)
    lines = [
        f"{strong}May give the plot away{strong}: {f'{kinds}, ' if kinds else ''}{flag.score:.0%} "
        f"(flagged from {checked.report.threshold:.0%})",
        f"Most telling: {phrases}" if phrases else "",
        f"Words that weigh: {words}" if words else "",
    ]
    kind = types.MarkupKind.Markdown if markdown else types.MarkupKind.PlainText
    content = types.MarkupContent(kind, "\n\n".join(filter(None, lines)))
    return types.Hover(content, checked.range(flag.start, flag.end))


def _escaped(text: str) -> str:
    """Text as Markdown: a backslash makes any ASCII punctuation literal (CommonMark 0.31, 2.4)."""
    return _PUNCTUATION.sub(r"\\\g<0>", text)


_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
