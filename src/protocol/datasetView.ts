/** The data set view: what the job `dataset statistics` finds, and the messages between extension and page. Types only. */

export interface LengthBin {
  /** Lengths from `from` up to, but not including, `to`. */
  from: number;
  to: number;
  rows: number;
}

/** In tokens or characters; zeros where no row was counted. */
export interface LengthSpread {
  rows: number;
  total: number;
  mean: number;
  min: number;
  max: number;
  p5: number;
  p25: number;
  p50: number;
  p75: number;
  p95: number;
  p99: number;
  /** Without the empty bins at both ends; each bin is about a quarter wider than the one before. */
  histogram: LengthBin[];
}

export type ReportSeverity = "error" | "warning" | "information";

export interface ReportedProblem {
  check: string;
  title: string;
  severity: ReportSeverity;
  /** In the whole file. */
  problems: number;
  rows: number;
}

export interface NamedCount {
  name: string;
  rows: number;
}

/** A row that can be looked at without a scan: it is read by its place in the file. */
export interface SampleRow {
  /** 1-based line. */
  row: number;
  /** The line is the one after `skip` others from this byte. */
  offset: number;
  skip: number;
  /** The beginning of the instruction, or of the line where it has none. */
  title: string;
  /** In the report's unit; null where the row cannot be read. */
  length: number | null;
  language: string | null;
  task: string | null;
  /** Null where the split is not known or the row is not used. */
  heldOut: boolean | null;
  problems: { check: string; message: string }[];
}

/** What the job `dataset statistics` results in. Lists are sorted by rows, most first. */
export interface DatasetReport {
  path: string;
  /** Of the file when it was read: its size, and its last change in milliseconds since 1970. */
  bytes: number;
  modified: number;
  /** Null: the rows fit no format. */
  format: string | null;
  rows: number;
  /** Rows that a run would use. */
  usable: number;
  /** What was checked: of very large files the structure alone, unless all was asked for. */
  checks: "all" | "structure";
  /** Tokens; null where lengths are in characters. */
  sequenceLength: number | null;
  /** Rows with more tokens than a sequence holds; null without a tokenizer. */
  beyond: number | null;
  unit: "tokens" | "characters";
  length: LengthSpread;
  /** In characters. */
  promptLength: LengthSpread;
  answerLength: LengthSpread;
  problems: ReportedProblem[];
  languages: NamedCount[];
  /** The most frequent ones; `moreTasks` others are not listed. */
  tasks: NamedCount[];
  moreTasks: number;
  /** Rows, as a run would split them; null where it was not counted. */
  split: { train: number; heldOut: number } | null;
  /** The file that holds the held-out rows; null: they are a share of this one. */
  heldOutFile: string | null;
  /** Rows; null where they were not compared, as in files of which the structure alone was checked. */
  duplicates: { exact: number; near: number | null; conflicting: number | null; leaked: number };
  /** Rows beyond those that are compared with each other for near duplicates. */
  notCompared: number;
  /** Spread evenly over the file, and the first rows of each kind of problem; in the file's order. */
  sample: SampleRow[];
}

/** Some tokens and the text they stand for: more than one token only where a character is made of several. */
export interface TokenPiece {
  text: string;
  ids: number[];
}

export interface PreviewSegment {
  text: string;
  /** Part of the loss. */
  learned: boolean;
  /** A control token, which stands in no text of the row. */
  control: boolean;
  /** Together they are the text; null without a tokenizer, or where the tokens could not be told apart. */
  pieces: TokenPiece[] | null;
}

/** A row as the model sees it. */
export interface RowPreview {
  segments: PreviewSegment[];
  /** Null without a tokenizer. */
  tokens: { total: number; prompt: number; response: number } | null;
  /** Characters at the row's end that are not in `segments`; 0 where it is shown whole. */
  leftOut: number;
}

/** Custom request `tunesmith/rowPreview`: a line of a file on the disk, by its place (see SampleRow). */
export interface RowPreviewParams {
  uri: string;
  offset: number;
  skip: number;
}

export type RowPreviewResult =
  | { state: "ready"; preview: RowPreview }
  /** `source`: the line itself, as far as it is shown. */
  | { state: "unreadable"; message: string; source: string };

export type ToDatasetView =
  | { type: "loading"; dataset: string; stage: string; fraction: number | null }
  | { type: "report"; report: DatasetReport }
  /** An earlier report stays in sight. */
  | { type: "failed"; dataset: string; message: string }
  | { type: "cancelled"; dataset: string }
  /** The file on the disk is no longer the one that was read. */
  | { type: "changed" }
  | { type: "row"; row: number; result: RowPreviewResult }
  | { type: "rowFailed"; row: number; message: string };

export type FromDatasetView =
  | { type: "ready" }
  | { type: "refresh" }
  | { type: "cancel" }
  | { type: "fineTune" }
  | { type: "validate" }
  | { type: "showRow"; row: number }
  | { type: "openRow"; row: number }
  | { type: "openCheck"; check: string }
  | { type: "openDataset" }
  | { type: "setTokenizer" };

export interface RowFilter {
  check: string | null;
  language: string | null;
  task: string | null;
  /** Lengths from `from` up to, but not including, `to`. */
  length: { from: number; to: number } | null;
  heldOut: boolean | null;
  /** Stands in the title, in any case, or is the row's number. */
  text: string;
}

/** What the page keeps while it is out of sight and over a reload of the window. */
export interface DatasetViewState {
  dataset: string;
  filter?: RowFilter;
  /** The row that was looked at. */
  row?: number;
}
