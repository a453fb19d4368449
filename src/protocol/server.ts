/** Extension ↔ language server, beyond the LSP. Types only. */

/** Settings the server reads (section `tunesmith`). */
export interface ServerSettings {
  /** Rows above this many tokens are reported; 0: not checked. */
  sequenceLength: number;
  /** A folder with tokenizer.json, or null: rows are not measured. */
  tokenizerPath: string | null;
  /** Check → severity, where it is not the check's own. */
  checks: Record<string, string>;
  /** Glob → what is known of the data sets that it fits; the last that fits a file counts. */
  dataSets: Record<string, DataSetSettings>;
}

export interface DataSetSettings {
  /** A format's id; absent: found from the rows. */
  format?: string;
  /** Part of the format → dotted path of the field that holds it. */
  fields?: Record<string, string>;
  /** The file of held-out rows, relative to the data set's folder; none of its rows may be trained on. */
  heldOut?: string;
}

/** Custom request `tunesmith/datasetSummary`; the answer is null for a document that is not open. */
export interface DatasetSummaryParams {
  uri: string;
}
export interface DatasetSummary {
  format: string | null;
  rows: number;
  /** Findings by severity. */
  problems: { error: number; warning: number; information: number };
  /** Of all rows that could be read, counted with the tokenizer; null: not counted, or not yet. */
  tokens: number | null;
}

/** Notification `tunesmith/datasetChanged`: the analysis of an open document reached a new state. */
export interface DatasetChanged {
  uri: string;
  summary: DatasetSummary;
}

/** Custom request `tunesmith/rowToText`: a row as text that a person can edit. The answer is a RowTextReply. */
export interface RowToTextParams {
  /** The row as it stands in the file. */
  row: string;
}
/** Custom request `tunesmith/textToRow`: that text as one line again. The answer is a RowTextReply. */
export interface TextToRowParams {
  text: string;
  /** The row as it stood before: its spaces are kept to; "" where there was none. */
  before: string;
}
export type RowTextReply = { ok: true; text: string } | { ok: false; message: string };

/** Custom request `tunesmith/formats`: every format that a file can be said to have. The answer is a list of them. */
export interface FormatChoice {
  id: string;
  name: string;
  example: string;
}
