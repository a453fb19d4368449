/** Puts the server together on a connection. */

import { type Connection, TextDocumentSyncKind, TextDocuments } from "vscode-languageserver";
import { RowInspector } from "../dataset/checks/inspectRow";
import { loadTokenizer } from "../dataset/tokenizer";
import { Analyses } from "./analyses";
import { CurrentSettings } from "./currentSettings";
import type { Feature, ServerContext } from "./feature";
import { codeActions } from "./features/codeActions";
import { codeLens } from "./features/codeLens";
import { completion } from "./features/completion";
import { datasetSummary } from "./features/datasetSummary";
import { definition } from "./features/definition";
import { diagnostics } from "./features/diagnostics";
import { documentSymbols } from "./features/documentSymbols";
import { folding } from "./features/folding";
import { hover } from "./features/hover";
import { rowPreview } from "./features/rowPreview";
import { rowViewText } from "./features/rowViewText";
import { semanticTokens } from "./features/semanticTokens";
import { compareRows } from "./fileStage";
import { HeldOutFiles } from "./heldOutFiles";
import { jsonlDocuments } from "./jsonlDocument";
import type { LoadTokenizer } from "./lengthCheck";
import { LengthStage } from "./lengthStage";
import { dataSetSettings } from "./settings";

const FEATURES: readonly Feature[] = [
  diagnostics,
  datasetSummary,
  codeActions,
  rowPreview,
  hover,
  codeLens,
  documentSymbols,
  folding,
  completion,
  definition,
  semanticTokens,
  rowViewText,
];

export interface ServerOptions {
  load?: LoadTokenizer;
  checkPages?: string;
}

export function startServer(connection: Connection, { load = loadTokenizer, checkPages }: ServerOptions = {}): void {
  const documents = new TextDocuments(jsonlDocuments);
  const settings = new CurrentSettings(load);
  const heldOut = new HeldOutFiles();
  const lengths = new LengthStage(connection, settings);
  const analyses = new Analyses({
    choice: ({ uri }) => settings.dialectChoice(uri),
    inspector: loadInspector(connection),
    compare: async (analysis, _state, signal) => {
      const { uri } = analysis.document;
      const index = await heldOut.index(uri, dataSetSettings(settings.current, uri).heldOut);
      return compareRows(analysis, index, signal);
    },
    measure: (analysis, state, signal) => lengths.run(analysis, state, signal),
    reportFailure: (error) => {
      connection.console.error(`The analysis of a data set failed: ${describe(error)}`);
    },
  });
  const context: ServerContext = {
    checkPages: checkPages ?? null,
    connection,
    documents,
    analyses,
    settings: () => settings.current,
    severities: () => settings.severities,
    dialectChoice: (uri) => settings.dialectChoice(uri),
    lengthCheck: () => settings.lengthCheck,
  };

  connection.onInitialize(({ initializationOptions }) => {
    settings.set(initializationOptions);
    const capabilities = FEATURES.map((feature) => feature.capabilities ?? {});
    return { capabilities: Object.assign({ textDocumentSync: TextDocumentSyncKind.Incremental }, ...capabilities) };
  });
  connection.onDidChangeConfiguration((change) => {
    if (!settings.set((change.settings as { tunesmith?: unknown })?.tunesmith)) return;
    for (const document of documents.all()) analyses.refresh(document);
  });
  documents.onDidChangeContent(({ document }) => analyses.update(document));
  documents.onDidClose(({ document }) => analyses.close(document.uri));
  for (const feature of FEATURES) feature.register(context);
  documents.listen(connection);
  connection.listen();
}

/** Without the parser rows are checked all the same, their Python is not. */
function loadInspector(connection: Connection): () => Promise<RowInspector> {
  let loaded: Promise<RowInspector> | null = null;
  return () => {
    loaded ??= RowInspector.load().catch((error: unknown) => {
      connection.console.error(`Python in answers is not checked: ${describe(error)}`);
      return new RowInspector();
    });
    return loaded;
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
