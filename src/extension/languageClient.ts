/** The language client: a chunk of its own (dist/language-client.js), loaded when a data set is opened. */

import { join } from "node:path";
import * as vscode from "vscode";
import {
  LanguageClient,
  type LanguageClientOptions,
  type ServerOptions,
  TransportKind,
} from "vscode-languageclient/node";

const SECTION = "tunesmith";

/** Resolves once the server runs. Works in untrusted workspaces: it runs nothing from them. */
export async function startLanguageClient(context: vscode.ExtensionContext): Promise<vscode.Disposable> {
  const module = context.asAbsolutePath(join("dist", "server.js"));
  const server: ServerOptions = {
    run: { module, transport: TransportKind.ipc },
    debug: { module, transport: TransportKind.ipc, options: { execArgv: ["--nolazy", "--inspect=6019"] } },
  };
  const options: LanguageClientOptions = {
    documentSelector: [
      { scheme: "file", language: "jsonl" },
      { scheme: "untitled", language: "jsonl" },
    ],
    initializationOptions: vscode.workspace.getConfiguration(SECTION),
    synchronize: { configurationSection: SECTION },
    diagnosticCollectionName: SECTION,
  };
  const client = new LanguageClient(SECTION, "Tunesmith data sets", server, options);
  await client.start();
  return new vscode.Disposable(() => void client.dispose());
}
