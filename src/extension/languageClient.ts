/** The language client: a chunk of its own (dist/language-client.js), loaded when a data set is opened. */

import { join } from "node:path";
import * as vscode from "vscode";
import {
  CodeLensRequest,
  LanguageClient,
  type LanguageClientOptions,
  type ServerOptions,
  TransportKind,
} from "vscode-languageclient/node";
import type { DatasetChanged } from "../protocol/server";
import type { LanguageServerHooks } from "./languageServer";

const SECTION = "tunesmith";

export interface LanguageServerClient extends vscode.Disposable {
  request<T>(method: string, params: unknown): Promise<T>;
}

export interface LanguageClientHooks extends LanguageServerHooks {
  onDataset(changed: DatasetChanged): void;
}

/** Resolves once the server runs. Works in untrusted workspaces: it runs nothing from them. */
export async function startLanguageClient(
  context: vscode.ExtensionContext,
  hooks: LanguageClientHooks,
): Promise<LanguageServerClient> {
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
    // The hover's colours are HTML; its links are to files, no commands.
    markdown: { isTrusted: false, supportHtml: true },
    middleware: {
      provideCodeLenses: async (document, token, next) => {
        const lenses = await next(document, token);
        return lenses ? hooks.adaptLenses(lenses) : lenses;
      },
      provideHover: async (document, position, token, next) =>
        hooks.adaptHover(document, position, (await next(document, position, token)) ?? undefined),
    },
  };
  const client = new LanguageClient(SECTION, "Tunesmith data sets", server, options);
  client.onNotification("tunesmith/datasetChanged", (changed: DatasetChanged) => hooks.onDataset(changed));
  const lenses = hooks.onDidChangeLenses(() => refreshLenses(client));
  await client.start();
  return {
    request: (method, params) => client.sendRequest(method, params),
    dispose: () => {
      lenses.dispose();
      void client.dispose();
    },
  };
}

function refreshLenses(client: LanguageClient): void {
  const feature = client.getFeature(CodeLensRequest.method);
  for (const document of vscode.workspace.textDocuments) {
    if (document.languageId === "jsonl") feature.getProvider(document)?.onDidChangeCodeLensEmitter.fire();
  }
}
