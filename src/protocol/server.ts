/** Extension ↔ language server, beyond the LSP. Types only. */

/** Settings the server reads (section `tunesmith`). */
export interface ServerSettings {
  /** Rows above this many tokens are reported; 0: not checked. */
  sequenceLength: number;
  /** A folder with tokenizer.json, or null: rows are not measured. */
  tokenizerPath: string | null;
}

/** Custom request `tunesmith/datasetSummary`; the answer is null for a document that is not open. */
export interface DatasetSummaryParams {
  uri: string;
}
export interface DatasetSummary {
  format: string | null;
  rows: number;
  problems: number;
}
