// As much of VS Code's interface as vscode-languageclient uses on one open document; the rest is there, and does nothing.
"use strict";

/** Something that can be called, made, extended and asked for anything. */
function anything() {
  const target = function () {};
  return new Proxy(target, {
    get: (of, name) => {
      if (name === "then") return undefined;
      if (name === Symbol.iterator) return Array.prototype[Symbol.iterator].bind([]);
      if (name === Symbol.toPrimitive) return () => 0;
      if (name === "prototype" || typeof name === "symbol") return of[name];
      return (of[name] ??= anything());
    },
    apply: () => ({ dispose() {} }),
    construct: (of, args, made) => Reflect.construct(function () {}, [], made),
  });
}

function fake(known) {
  return new Proxy(known, { get: (of, name) => (name in of ? of[name] : name === "then" ? undefined : (of[name] = anything())) });
}

const silent = { dispose() {} };

class EventEmitter {
  listeners = new Set();
  event = (listener, self) => {
    const run = self ? listener.bind(self) : listener;
    this.listeners.add(run);
    return { dispose: () => this.listeners.delete(run) };
  };
  fire(value) {
    for (const listener of [...this.listeners]) listener(value);
  }
  dispose() {}
}

class Uri {
  constructor(text) {
    this.text = text;
    [this.scheme, this.path] = [text.split(":")[0], text.slice(text.indexOf(":") + 1).replace(/^\/\//, "")];
    this.fsPath = this.path;
  }
  static parse = (text) => new Uri(text);
  static file = (path) => new Uri(`file://${path}`);
  toString = () => this.text;
  with = () => this;
}

class Position {
  constructor(line, character) {
    Object.assign(this, { line, character });
  }
}

class Range {
  constructor(a, b, c, d) {
    [this.start, this.end] = d === undefined ? [a, b] : [new Position(a, b), new Position(c, d)];
  }
}

class Diagnostic {
  constructor(range, message, severity) {
    Object.assign(this, { range, message, severity });
  }
}

class CodeAction {
  constructor(title, kind) {
    Object.assign(this, { title, kind });
  }
}

class Kind {
  constructor(value) {
    this.value = value;
  }
  append = (part) => new Kind(this.value ? `${this.value}.${part}` : part);
}

class WorkspaceEdit {
  edits = [];
  replace(uri, range, newText) {
    this.edits.push({ range, newText });
  }
}

class TabInputText {
  constructor(uri) {
    this.uri = uri;
  }
}

class TextEdit {
  constructor(range, newText) {
    Object.assign(this, { range, newText });
  }
}

/** @param {{uri: string, language: string, text: string, settings: object}} draft the one open document */
function editor({ uri, language, text, settings }) {
  const document = {
    uri: new Uri(uri),
    languageId: language,
    version: 1,
    isClosed: false,
    getText: () => text,
  };
  const seen = new EventEmitter();
  const state = { document, diagnostics: [], seen: seen.event, messages: [], commands: {}, actions: undefined, changed: new EventEmitter() };
  const shown = (message) => {
    state.messages.push(message);
    seen.fire();
    return Promise.resolve();
  };
  const configuration = (section) => ({
    get: (name) => (section ? settings[section]?.[name] : settings[name]),
    has: () => true,
    inspect: () => undefined,
  });
  const collection = () => ({
    set: (of, found) => {
      state.diagnostics = found;
      seen.fire();
    },
    delete() {},
    clear() {},
    has: () => false,
    dispose() {},
  });
  const api = fake({
    version: "1.90.0",
    EventEmitter, Uri, Position, Range, Diagnostic, CodeAction, WorkspaceEdit, TextEdit, TabInputText,
    Disposable: class { static from = () => silent; dispose() {} },
    CancellationTokenSource: class { token = { isCancellationRequested: false, onCancellationRequested: () => silent }; cancel() {} dispose() {} },
    CancellationError: class extends Error {},
    CodeActionKind: { Empty: new Kind(""), QuickFix: new Kind("quickfix"), Refactor: new Kind("refactor"), RefactorExtract: new Kind("refactor.extract"), RefactorInline: new Kind("refactor.inline"), RefactorRewrite: new Kind("refactor.rewrite"), Source: new Kind("source"), SourceOrganizeImports: new Kind("source.organizeImports") },
    DiagnosticSeverity: { Error: 0, Warning: 1, Information: 2, Hint: 3 },
    env: { language: "en", appName: "test" },
    l10n: { t: (message) => message },
    workspace: fake({
      textDocuments: [document],
      notebookDocuments: [],
      workspaceFolders: undefined,
      getConfiguration: configuration,
      getWorkspaceFolder: () => undefined,
      onDidChangeConfiguration: state.changed.event,
      createFileSystemWatcher: () => ({ onDidCreate: () => silent, onDidChange: () => silent, onDidDelete: () => silent, dispose() {} }),
    }),
    languages: fake({
      match: (selector, of) => ([selector].flat().some((filter) => filter.language === of.languageId && filter.scheme === of.uri.scheme) ? 10 : 0),
      createDiagnosticCollection: collection,
      registerCodeActionsProvider: (selector, provider) => {
        state.actions = provider;
        seen.fire();
        return silent;
      },
    }),
    window: fake({
      activeTextEditor: { document },
      visibleTextEditors: [{ document }],
      tabGroups: { all: [{ tabs: [{ input: new TabInputText(document.uri) }] }], onDidChangeTabs: () => silent },
      createOutputChannel: () => ({ append() {}, appendLine() {}, show() {}, dispose() {} }),
      showErrorMessage: shown,
      showWarningMessage: shown,
    }),
    commands: fake({
      registerCommand: (name, run) => {
        state.commands[name] = run;
        return silent;
      },
      executeCommand: () => Promise.resolve(),
    }),
  });
  return { api, state };
}

module.exports = { editor };
