"""A language server that checks drafts in the editor while they are written. Read `Server` first.

The editor sends the whole text at every change (full sync: for 200 kB it costs 15 ms more than sending the edit,
and there are no edits to apply). A moment after the last change the draft is checked in a thread, and its
diagnostics are published (`_publish`), or returned to editors that ask for them. Results for a text that has
changed since are dropped. LSP 3.17, by pygls. Editors start `spoilerguard lsp`:

    Neovim   vim.lsp.config("spoilerguard", {cmd = {"spoilerguard", "lsp"}, filetypes = {"markdown", "html", "text"}})
             vim.lsp.enable("spoilerguard")
    Helix    [language-server.spoilerguard] with command = "spoilerguard" and args = ["lsp"], and its name among
             the language-servers of a [[language]], in languages.toml
    Emacs    (add-to-list 'eglot-server-programs '((markdown-mode html-mode text-mode) "spoilerguard" "lsp"))
    Sublime  LSP, clients: {"spoilerguard": {"enabled": true, "command": ["spoilerguard", "lsp"],
             "selector": "text.html.markdown | text.html.basic | text.plain"}}
    VS Code  any extension that starts a language server of your choice, with the command `spoilerguard lsp`
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
import logging
import os
import sys
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

import spoilerguard
from spoilerguard.drafts.decisions import FILE as DECISIONS
from spoilerguard.errors import SpoilerguardError
from spoilerguard.lsp.actions import HIDE_ALL, actions, edits_of
from spoilerguard.lsp.decisions import DECIDE, decide
from spoilerguard.lsp.editor import NAME, OPTIONS, Checked, Moment, check, diagnostics, format_for, hover
from spoilerguard.lsp.protocol import Protocol
from spoilerguard.settings.layers import FILES

__all__ = ["Server", "serve"]

PAUSE = 0.2  # seconds without a change, then the draft is checked
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Draft:
    """A document that is open in the editor."""

    moment: Moment
    format: str
    text: str
    checked: Checked | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    publishing: asyncio.Task[None] | None = None


class Server(LanguageServer):
    """The open drafts and the settings. All methods run in the event loop; only `check` runs in a thread."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(
            NAME,
            spoilerguard.__version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Full,
            protocol_cls=Protocol,
        )
        self.given = [given, {}, {}]  # from the command line, from `initialize`, from the editor; later ones win
        self.drafts: dict[str, Draft] = {}
        self.editions = count()
        self.checker = ThreadPoolExecutor(2, "check")  # a long draft does not hold up a short one
        self.shown: set[str] = set()  # messages
        self.fetching: asyncio.Task[None] | None = None  # settings
        self.stopping = False

    # --- what the editor can do

    def can(self, path: str) -> Any:
        """A capability of the editor by its path in ClientCapabilities; None if the editor lacks it."""
        found: Any = self.client_capabilities
        for name in path.split("."):
            found = getattr(found, name, None)
        return found

    @property
    def pulls(self) -> bool:
        """Whether the editor asks for diagnostics. If so, none are published: it would show them twice."""
        return self.can("text_document.diagnostic") is not None

    @property
    def encoding(self) -> str:
        return types.PositionEncodingKind(self.workspace.position_encoding or "utf-16").value

    # --- documents

    def opened(self, document: types.TextDocumentItem) -> None:
        self.closed(document.uri)
        format = format_for(document.language_id, document.uri)
        if format is not None:
            moment = Moment(document.uri, next(self.editions), document.version)
            self.drafts[document.uri] = draft = Draft(moment, format, document.text)
            self.publish(draft, after=0)

    def changed(self, document: types.VersionedTextDocumentIdentifier, text: str) -> None:
        draft = self.drafts.get(document.uri)
        if draft is not None:
            draft.text = text
            draft.moment = Moment(document.uri, next(self.editions), document.version)
            self.publish(draft, after=PAUSE)

    def closed(self, uri: str) -> None:
        draft = self.drafts.pop(uri, None)
        if draft is not None and not self.pulls:
            if draft.publishing:
                draft.publishing.cancel()
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    # --- checking

    def publish(self, draft: Draft, *, after: float) -> None:
        """Check the draft in so many seconds and publish its diagnostics, unless it changes before that is done."""
        if not self.pulls:
            if draft.publishing:
                draft.publishing.cancel()
            draft.publishing = asyncio.get_running_loop().create_task(self._publish(draft, after))

    async def _publish(self, draft: Draft, after: float) -> None:
        await asyncio.sleep(after)
        checked = await self.checked(draft)
        found = diagnostics(checked) if checked else []
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(draft.moment.uri, found, draft.moment.version)
        )

    async def checked(self, draft: Draft) -> Checked | None:
        """The result for the text that is current when this returns; None, after a message, if it cannot be checked."""
        async with draft.lock:
            while draft.checked is None or draft.checked.moment != draft.moment:
                moment = draft.moment
                run = partial(check, moment, draft.text, draft.format, self.encoding, tuple(self.given))
                try:
                    draft.checked = await asyncio.get_running_loop().run_in_executor(self.checker, run)
                except SpoilerguardError as error:
                    draft.checked = None
                    if draft.moment == moment:
                        self.show(str(error))
                if draft.checked is None and draft.moment == moment:
                    return None
            return draft.checked

    async def now(self, document: types.TextDocumentIdentifier) -> Checked | None:
        """The current result for a document that the editor names; None if it is not a draft."""
        draft = self.drafts.get(document.uri)
        return await self.checked(draft) if draft else None

    def show(self, message: str) -> None:
        """Show a message, but only once until the settings change."""
        log.warning("%s", message)
        if message not in self.shown:
            self.shown.add(message)
            self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"spoilerguard: {message}"))

    # --- settings

    def fetch_settings(self) -> None:
        """Ask the editor for its settings, if it has any."""
        if self.can("workspace.configuration"):
            self.fetching = asyncio.get_running_loop().create_task(self._fetch_settings())

    async def _fetch_settings(self) -> None:
        item = types.ConfigurationItem(section=NAME)
        try:
            settings = await self.workspace_configuration_async(types.ConfigurationParams([item]))
        except JsonRpcException as error:
            log.warning("the editor did not send its settings: %s", error)
        else:
            self.configured(2, settings[0] if settings else None)

    def configured(self, place: int, settings: Any) -> None:
        """Take over settings of the editor: those from `initialize` (1) or the current ones (2)."""
        known = {name: settings[name] for name in OPTIONS if name in settings} if isinstance(settings, dict) else {}
        settings = {name: value for name, value in known.items() if value not in (None, "")}
        if settings != self.given[place]:  # an editor may send the same settings again
            self.given[place] = settings
            self.recheck()

    def recheck(self) -> None:
        """Check all drafts again, because the settings or the decisions have changed."""
        self.shown.clear()
        for draft in self.drafts.values():
            draft.moment = draft.moment._replace(edition=next(self.editions))
            self.publish(draft, after=0)
        if self.pulls and self.drafts and self.can("workspace.diagnostics.refresh_support"):
            self.workspace_diagnostic_refresh(None)


# --- what the editor sends -----------------------------------------------------------------------


def _initialize(ls: Server, params: types.InitializeParams) -> None:
    options = params.initialization_options
    ls.configured(1, options.get(NAME, options) if isinstance(options, dict) else {})


def _initialized(ls: Server, params: types.InitializedParams) -> None:
    """Ask for the settings, and for notifications when they change."""
    watched = [types.FileSystemWatcher(f"**/{name.replace(os.sep, '/')}") for name in (*FILES, DECISIONS)]
    files = types.DidChangeWatchedFilesRegistrationOptions(watched)
    wanted = (
        (types.WORKSPACE_DID_CHANGE_CONFIGURATION, "did_change_configuration", {"section": NAME}),
        (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, "did_change_watched_files", files),
    )
    can = [row for row in wanted if ls.can(f"workspace.{row[1]}.dynamic_registration")]
    if can:  # an editor may still refuse
        registrations = [types.Registration(method, method, options) for method, _, options in can]
        ls.client_register_capability(types.RegistrationParams(registrations))
    ls.fetch_settings()


def _opened(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    ls.opened(params.text_document)


def _changed(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    if any(isinstance(change, types.TextDocumentContentChangePartial) for change in params.content_changes):
        ls.closed(params.text_document.uri)
        ls.show("the editor sent a part of a text where the server asks for the whole; update its LSP client")
    elif params.content_changes:
        ls.changed(params.text_document, params.content_changes[-1].text)


def _closed(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    ls.closed(params.text_document.uri)


def _settings_changed(ls: Server, params: types.DidChangeConfigurationParams) -> None:
    if ls.can("workspace.configuration"):
        ls.fetch_settings()
    elif isinstance(params.settings, dict):
        ls.configured(2, params.settings.get(NAME))


def _files_changed(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
    ls.recheck()


async def _diagnostics(
    ls: Server, params: types.DocumentDiagnosticParams
) -> types.RelatedFullDocumentDiagnosticReport | types.RelatedUnchangedDocumentDiagnosticReport:
    checked = await ls.now(params.text_document)
    if checked is None:
        return types.RelatedFullDocumentDiagnosticReport([])
    edition = str(checked.moment.edition)
    if params.previous_result_id == edition:
        return types.RelatedUnchangedDocumentDiagnosticReport(edition)
    return types.RelatedFullDocumentDiagnosticReport(diagnostics(checked), result_id=edition)


async def _hover(ls: Server, params: types.HoverParams) -> types.Hover | None:
    checked = await ls.now(params.text_document)
    kinds = ls.can("text_document.hover.content_format") or ()
    return hover(checked, params.position, markdown=types.MarkupKind.Markdown in kinds) if checked else None


async def _code_action(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    """The actions; without their edits if the editor can ask for these when the user chooses one."""
    checked = await ls.now(params.text_document)
    if checked is None:
        return []
    found = list(actions(checked, params.range, params.context.only))
    if "edit" in (ls.can("text_document.code_action.resolve_support.properties") or ()):
        return found
    return [action for action in found if action.data is None or await _with_edit(ls, checked, action) is None]


async def _resolve(ls: Server, action: types.CodeAction) -> types.CodeAction:
    data = action.data if isinstance(action.data, dict) else {}
    checked = await ls.now(types.TextDocumentIdentifier(str(data.get("uri"))))
    if checked and (reason := await _with_edit(ls, checked, action)):
        ls.shown.discard(reason)
        ls.show(reason)
    return action


async def _with_edit(ls: Server, checked: Checked, action: types.CodeAction) -> str | None:
    """Add its edit to an action; returns why there is none if it cannot be made."""
    try:
        edits = await asyncio.to_thread(edits_of, checked, action.data)
    except SpoilerguardError as error:
        return str(error)
    if ls.can("workspace.workspace_edit.document_changes"):
        document = types.OptionalVersionedTextDocumentIdentifier(checked.moment.uri, checked.moment.version)
        action.edit = types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, edits)])
    else:
        action.edit = types.WorkspaceEdit(changes={checked.moment.uri: edits})
    return None


def _decide(ls: Server, *arguments: Any) -> None:
    """Keep a decision, and check again, since it holds for every draft of the project."""
    try:
        decide(*arguments)
    except SpoilerguardError as error:
        ls.shown.discard(str(error))
        ls.show(str(error))
    else:
        ls.recheck()


def _shutdown(ls: Server, params: None) -> None:
    ls.stopping = True


_ACTIONS = types.CodeActionOptions(
    [types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite, HIDE_ALL], resolve_provider=True
)


def serve(given: Mapping[str, Any]) -> int:
    """Serve an editor on standard input and output until it exits.

    What other code prints goes to standard error, so that it cannot garble the protocol.

    Args:
        given: Settings from the command line, by names of `OPTIONS`; the editor's settings win over them.

    Returns:
        The exit status: 0 if the editor asked for the shutdown, 1 if it just went away.
    """
    protocol = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server = Server(given)
    for name, run, options in (
        (types.INITIALIZE, _initialize, None),
        (types.INITIALIZED, _initialized, None),
        (types.TEXT_DOCUMENT_DID_OPEN, _opened, None),
        (types.TEXT_DOCUMENT_DID_CHANGE, _changed, None),
        (types.TEXT_DOCUMENT_DID_CLOSE, _closed, None),
        (types.WORKSPACE_DID_CHANGE_CONFIGURATION, _settings_changed, None),
        (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, _files_changed, None),
        (types.TEXT_DOCUMENT_DIAGNOSTIC, _diagnostics, types.DiagnosticOptions(False, False, NAME)),
        (types.TEXT_DOCUMENT_HOVER, _hover, None),
        (types.TEXT_DOCUMENT_CODE_ACTION, _code_action, _ACTIONS),
        (types.CODE_ACTION_RESOLVE, _resolve, None),
        (types.SHUTDOWN, _shutdown, None),
    ):
        server.feature(name, options)(run)
    server.command(DECIDE)(_decide)
    server.start_io(sys.stdin.buffer, protocol)
    server.checker.shutdown(wait=False, cancel_futures=True)
    return 0 if server.stopping else 1
