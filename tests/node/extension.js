// The extension for VS Code in a Node process, against a real server. Arguments: a JSON object; prints a JSON object.
"use strict";

const Module = require("node:module");
const { editor } = require("./vscode.js");

const { extension, wanted, ...draft } = JSON.parse(process.argv[2]);
const { api, state } = editor(draft);
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? api : load(name, ...rest));

/** When the editor has seen something that fulfils the condition. */
function until(fulfilled) {
  return new Promise((resolve) => {
    const look = () => fulfilled() && resolve();
    state.seen(look);
    look();
  });
}

async function main() {
  const { activate, deactivate } = require(extension);
  await activate({ subscriptions: [] });
  // The settings may reach the server after it has checked the draft once; `wanted` is how many findings they give.
  const settled = () => (wanted == null ? state.diagnostics.length : state.diagnostics.length === wanted);
  await until(() => state.messages.length || (settled() && state.actions));
  const result = { messages: state.messages, commands: Object.keys(state.commands), diagnostics: state.diagnostics, edits: [] };
  if (state.diagnostics.length) {
    const token = new api.CancellationTokenSource().token;
    const { range } = state.diagnostics[0];
    const found = await state.actions.provideCodeActions(state.document, range, { diagnostics: [] }, token);
    result.titles = found.map((action) => action.title);
    const resolved = await state.actions.resolveCodeAction(found[0], token);
    result.edits = resolved.edit.edits;
  }
  await deactivate();
  process.stdout.write(JSON.stringify(result));
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
