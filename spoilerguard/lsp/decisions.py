"""Decisions from an editor: a command that keeps, for the project, what the author decided about a sentence.

The command carries hashes rather than offsets, since the editor runs it after the edit of its action.
"""

from __future__ import annotations

from typing import Any

from lsprotocol import types
from pygls.uris import to_fs_path

from spoilerguard.drafts.decisions import Decided, Decision, Key, keys_of, record, store_for
from spoilerguard.errors import InputError
from spoilerguard.lsp.editor import Checked
from spoilerguard.settings import layers
from spoilerguard.spans import Flag

__all__ = ["DECIDE", "command_for", "decide"]

DECIDE = "spoilerguard.decide"


def command_for(checked: Checked, flag: Flag, decision: Decision) -> types.Command | None:
    """The command that keeps a decision about a sentence; None for a document that is no file.

    Args:
        checked: The result of checking the draft.
        flag: The sentence.
        decision: What to do with it.
    """
    report = checked.report
    key = keys_of(report.document, [(s.start, s.end) for s in report.sentences]).get(flag.start)
    if key is None or not to_fs_path(checked.moment.uri):
        return None
    text = " ".join(report.document.prose[flag.start : flag.end].split())
    arguments = [checked.moment.uri, decision, key.sentence, key.before, key.after, text]
    return types.Command("Keep the decision", DECIDE, arguments=arguments)


def decide(*arguments: Any) -> str:
    """Run the command: keep a decision.

    Args:
        *arguments: Those of the command.

    Returns:
        The file that holds it.

    Raises:
        InputError: The file cannot be read or written, or this is no decision.
    """
    match arguments:
        case (str(uri), "hide" | "show" as decision, str(sentence), str(before), str(after), str(text)):
            path = to_fs_path(uri)
        case _:
            path = None
    if not path:
        raise InputError("this is not a decision of this server")
    project = layers.find(path)
    kept = text if project.options("decide", path).get("keep_text") else ""
    store = store_for(path, project.folder)
    record(store, [Decided(Key(sentence, before, after), decision, path, kept)])
    return store
