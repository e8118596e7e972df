"""Code actions: edits that hide a sentence or all spoilers in a style, or make the tool ignore a sentence.

"Not a spoiler" keeps a decision for the project, outside of the draft. Where a project keeps decisions, hiding one
sentence is one, too. A sentence that was almost flagged can be hidden as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lsprotocol import types

from spoilerguard.errors import InputError
from spoilerguard.hiding.block_edits import Edit
from spoilerguard.hiding.blurring import edits_to_hide
from spoilerguard.hiding.ignoring import edits_to_ignore
from spoilerguard.hiding.styles import STYLES
from spoilerguard.lsp.decisions import command_for
from spoilerguard.lsp.editor import Checked, diagnostic
from spoilerguard.spans import Flag

__all__ = ["HIDE_ALL", "actions", "edits_of"]

HIDE_ALL = f"{types.CodeActionKind.Source.value}.hideSpoilers"  # not fixAll: saving must not hide anything unasked
_REJECT = "Not a spoiler"
_USUAL = {
    "text": ("reddit", "discord", "bbcode", "redact"),
    "markdown": ("html", "details", "reddit", "discord"),
    "mdx": ("html", "details", "redact"),
    "html": ("html", "details", "bbcode", "redact"),
}  # by format: the styles to offer first


def actions(checked: Checked, range: types.Range, only: Sequence[str] | None) -> Iterator[types.CodeAction]:
    """The code actions for a range, still without edits.

    Args:
        checked: The result of checking the draft.
        range: The range.
        only: The kinds that the editor asks for; all if empty or None.

    Yields:
        The actions. `edits_of` makes the edits of one from its `data`.
    """
    format = checked.report.document.format
    usual = _usual(checked)
    styles = [*usual, *(name for name, row in STYLES.items() if format in row.formats and name not in usual)]
    flags = checked.flags_at(range)
    if flags and _asked(types.CodeActionKind.QuickFix.value, only):
        flag = flags[0]
        for style in styles:
            yield _action(checked, f"Hide as {style}", types.CodeActionKind.QuickFix, style, flag)
        if command := command_for(checked, flag, "show"):
            found = diagnostic(checked, flag)
            yield types.CodeAction(_REJECT, types.CodeActionKind.QuickFix, diagnostics=[found], command=command)
        if format != "text":
            yield _action(checked, "Ignore this sentence", types.CodeActionKind.QuickFix, None, flag)
    near = [] if flags else checked.near_at(range)
    for style in usual if near and _asked(types.CodeActionKind.RefactorRewrite.value, only) else ():
        yield _action(checked, f"Hide as {style}", types.CodeActionKind.RefactorRewrite, style, near[0])
    count = len(checked.report)
    for style in styles if only else usual:
        if count > (0 if only else 1) and _asked(kind := f"{HIDE_ALL}.{style}", only):
            many = f"all {count} spoilers" if count > 1 else "the one spoiler"
            yield _action(checked, f"Hide {many} as {style}", kind, style)


def _usual(checked: Checked) -> list[str]:
    """The styles to offer first: that of the settings, then the usual ones of the format."""
    format = checked.report.document.format
    chosen = [checked.style] if checked.style and format in STYLES[checked.style].formats else []
    return [*chosen, *(name for name in _USUAL[format] if name not in chosen)]


def _asked(kind: str, only: Iterable[str] | None) -> bool:
    """Whether the editor asks for this kind; a kind includes all that begin with it."""
    return not only or any(f"{kind}.".startswith(f"{asked}.") for asked in only)


def _action(
    checked: Checked, title: str, kind: str | types.CodeActionKind, style: str | None, flag: Flag | None = None
) -> types.CodeAction:
    fixes = flag is not None and kind == types.CodeActionKind.QuickFix
    return types.CodeAction(
        title,
        kind,
        diagnostics=[diagnostic(checked, flag)] if flag and fixes else None,
        is_preferred=style == _usual(checked)[0] if fixes else None,
        command=command_for(checked, flag, "hide") if flag and style and checked.decides else None,
        data={
            "uri": checked.moment.uri,
            "edition": checked.moment.edition,
            "style": style,
            "start": flag and flag.start,
        },
    )


def edits_of(checked: Checked, data: Any) -> list[types.TextEdit]:
    """The edits of a code action.

    Args:
        checked: The result of checking the draft.
        data: The `data` of the action.

    Returns:
        The edits, in order.

    Raises:
        InputError: The text has changed, or nothing can be written here.
        LeakError: The style cannot hide the sentence.
    """
    match data:
        case {"edition": int(edition)} if edition != checked.moment.edition:
            raise InputError("the text has changed since; ask for the code actions again")
        case {"edition": int(), "style": str(style), "start": None}:
            flags = checked.report.flags
            return _text_edits(
                checked, edits_to_hide(checked.report.document, [(f.start, f.end) for f in flags], style)
            )
        case {"edition": int(), "style": style, "start": int(start)}:
            for flag in (*checked.report, *checked.near):
                if flag.start == start:
                    at = (flag.start, flag.end)
                    document = checked.report.document
                    edits = edits_to_ignore(document, at) if style is None else edits_to_hide(document, [at], style)
                    if not edits:
                        raise InputError("this cannot be done here without changing what readers see")
                    return _text_edits(checked, edits)
    raise InputError("this is not a code action of this server")


def _text_edits(checked: Checked, edits: Iterable[Edit]) -> list[types.TextEdit]:
    source = checked.report.document.source
    return [types.TextEdit(checked.range(*at), new) for *at, new in (_whole_line_ends(source, edit) for edit in edits)]


def _whole_line_ends(source: str, edit: Edit) -> Edit:
    """The edit extended so that it neither begins nor ends between CR and LF, where the protocol has no position."""
    start, end, new = edit
    if source[start - 1 : start + 1] == "\r\n":
        start, new = start - 1, f"\r{new}"
    if source[end - 1 : end + 1] == "\r\n":
        end, new = end + 1, f"{new}\n"
    return Edit(start, end, new)
