import * as vscode from "vscode";
import { describeError } from "../disk/describeError";

/** Starts the language server with the first data set that is opened; its client is a chunk of its own until then. */
export function startLanguageServerWhenNeeded(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
): vscode.Disposable {
  let started = false;
  const subscriptions: vscode.Disposable[] = [];
  const look = (document: vscode.TextDocument) => {
    if (started || document.languageId !== "jsonl") return;
    started = true;
    const client = require("./language-client.js") as typeof import("./languageClient");
    client.startLanguageClient(context).then(
      (disposable) => subscriptions.push(disposable),
      (error: unknown) => log.error(`The language server could not be started: ${describeError(error)}`),
    );
  };
  subscriptions.push(vscode.workspace.onDidOpenTextDocument(look));
  // Not during activation: what is open already is looked at right after it.
  setImmediate(() => vscode.workspace.textDocuments.forEach(look));
  return new vscode.Disposable(() => {
    for (const subscription of subscriptions) subscription.dispose();
  });
}
