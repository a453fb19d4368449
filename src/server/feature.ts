/** What a feature of the server is. To add one: a file in features/ and its line in server.ts. */

import type { Connection, ServerCapabilities, TextDocuments } from "vscode-languageserver";
import type { Severities } from "../dataset/checks/severities";
import type { DialectChoice } from "../dataset/formats/detect";
import type { ServerSettings } from "../protocol/server";
import type { Analyses } from "./analyses";
import type { JsonlDocument } from "./jsonlDocument";
import type { LengthCheck } from "./lengthCheck";

export interface ServerContext {
  /** The folder of the checks' pages as a URI that ends in a slash; null: unknown. */
  checkPages: string | null;
  connection: Connection;
  documents: TextDocuments<JsonlDocument>;
  analyses: Analyses;
  settings(): ServerSettings;
  severities(): Severities;
  /** What the settings say of how a file's rows are written. */
  dialectChoice(uri: string): DialectChoice;
  /** The check of the current settings; null where rows are not to be measured. */
  lengthCheck(): LengthCheck | null;
}

export interface Feature {
  /** Announced to the client beside the other features'. */
  capabilities?: ServerCapabilities;
  register(context: ServerContext): void;
}
