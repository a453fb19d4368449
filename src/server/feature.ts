/** What a feature of the server is. To add one: a file in features/ and its line in server.ts. */

import type { Connection, ServerCapabilities, TextDocuments } from "vscode-languageserver";
import type { Analyses } from "./analyses";
import type { JsonlDocument } from "./jsonlDocument";
import type { LengthCheck } from "./lengthCheck";

export interface ServerContext {
  connection: Connection;
  documents: TextDocuments<JsonlDocument>;
  analyses: Analyses;
  /** The check of the current settings; null where rows are not to be measured. */
  lengthCheck(): LengthCheck | null;
  /** Called after `lengthCheck` has changed. */
  onDidChangeSettings(listener: () => void): void;
}

export interface Feature {
  /** Announced to the client beside the other features'. */
  capabilities?: ServerCapabilities;
  register(context: ServerContext): void;
}
