/** Puts the server together on a connection. */

import { type Connection, TextDocumentSyncKind, TextDocuments } from "vscode-languageserver";
import { loadTokenizer } from "../dataset/tokenizer";
import { Analyses } from "./analyses";
import type { Feature, ServerContext } from "./feature";
import { datasetSummary } from "./features/datasetSummary";
import { diagnostics } from "./features/diagnostics";
import { jsonlDocuments } from "./jsonlDocument";
import { type LengthCheck, type LoadTokenizer, lengthCheckFor } from "./lengthCheck";
import { DEFAULT_SETTINGS, readSettings } from "./settings";

const FEATURES: readonly Feature[] = [diagnostics, datasetSummary];

export function startServer(connection: Connection, load: LoadTokenizer = loadTokenizer): void {
  const documents = new TextDocuments(jsonlDocuments);
  const analyses = new Analyses((error) => {
    connection.console.error(
      `The analysis of a data set failed: ${error instanceof Error ? error.stack : String(error)}`,
    );
  });
  const settings = new CurrentSettings(load);
  const context: ServerContext = {
    connection,
    documents,
    analyses,
    lengthCheck: () => settings.lengthCheck,
    onDidChangeSettings: (listener) => settings.listeners.push(listener),
  };

  connection.onInitialize(({ initializationOptions }) => {
    settings.set(initializationOptions);
    const capabilities = FEATURES.map((feature) => feature.capabilities ?? {});
    return { capabilities: Object.assign({ textDocumentSync: TextDocumentSyncKind.Incremental }, ...capabilities) };
  });
  connection.onDidChangeConfiguration((change) =>
    settings.set((change.settings as { tunesmith?: unknown })?.tunesmith),
  );
  documents.onDidChangeContent(({ document }) => analyses.update(document));
  documents.onDidClose(({ document }) => analyses.close(document.uri));
  for (const feature of FEATURES) feature.register(context);
  documents.listen(connection);
  connection.listen();
}

class CurrentSettings {
  lengthCheck: LengthCheck | null = null;
  readonly listeners: (() => void)[] = [];
  private current = DEFAULT_SETTINGS;

  constructor(private readonly load: LoadTokenizer) {}

  set(sent: unknown): void {
    const next = readSettings(sent);
    const { sequenceLength, tokenizerPath } = this.current;
    if (next.sequenceLength === sequenceLength && next.tokenizerPath === tokenizerPath) return;
    this.current = next;
    this.lengthCheck = lengthCheckFor(next, this.load);
    for (const listener of this.listeners) listener();
  }
}
