// Starts `spoilerguard lsp` for drafts; the language server does the rest.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

const LANGUAGES = ["markdown", "html", "plaintext"];
let client;

/** The program and its arguments, as the settings name them. */
function serverOptions(configuration) {
  const [command, ...args] = configuration.get("command");
  return { command, args };
}

function clientOptions() {
  return {
    documentSelector: LANGUAGES.flatMap((language) =>
      ["file", "untitled"].map((scheme) => ({ scheme, language })),
    ),
  };
}

async function start() {
  const options = serverOptions(vscode.workspace.getConfiguration("spoilerguard"));
  client = new LanguageClient("spoilerguard", "spoilerguard", options, clientOptions());
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const command = [options.command, ...options.args].join(" ");
    vscode.window.showErrorMessage(
      `spoilerguard: "${command}" does not start (${error.message}). Install it with ` +
        `pip install 'spoilerguard[lsp]', or set spoilerguard.command to where it is.`,
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function restart() {
  await stop();
  await start();
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("spoilerguard.restart", restart),
    vscode.workspace.onDidChangeConfiguration((event) =>
      event.affectsConfiguration("spoilerguard.command") ? restart() : undefined,
    ),
  );
  await start();
}

module.exports = { activate, deactivate: stop, serverOptions, clientOptions };
