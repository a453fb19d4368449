/** The run page's rows: those of a step's batch, and those that cost most in a pass. Types only. */

/** A row of a run's data. */
export interface CostlyRow {
  /** Index into the report's sources. */
  source: number;
  /** 1-based line. */
  row: number;
  tokens: number;
  /** Tokens in the loss. */
  targets: number;
  /** Mean over its targets in the last pass that met it, nats; null: none has been recorded. */
  loss: number | null;
  /** The step that met it in that pass; null: not known. */
  step: number | null;
  /** How the row begins; empty where it cannot be read. */
  preview: string;
}

/** Whether a file is still the one that the run's rows came from. */
export type SourceState = "unchanged" | "changed" | "missing";

export interface RowSourceFile {
  path: string;
  state: SourceState;
}

/** The result of the job `runs rows`. */
export interface StepRowsReport {
  step: number;
  sources: RowSourceFile[];
  /** All of the batch. */
  total: number;
  /** The ones with the highest loss first, then those without one; at most 500. */
  rows: CostlyRow[];
}

/** The result of the job `runs losses`. */
export interface RowLossReport {
  /** 1-based. */
  pass: number;
  /** Rows that the pass has met. */
  met: number;
  /** Over those, nats. */
  median: number;
  sources: RowSourceFile[];
  /** Of all sources, the highest loss first; at most 50. */
  worst: CostlyRow[];
  /** Source by source, the highest 5 % of the rows that were met, at most 200, without preview. */
  marked: { row: number; loss: number }[][];
}

/** A table of row losses beside a data set. */
export interface RowLossFile {
  dataset: string;
  file: string;
  /** One sentence why it was not written; null: it was. */
  problem: string | null;
  /** As it was written. */
  bytes: number;
  writtenMs: number;
}

/** The result of the job `runs losses --beside`, which `row-losses.json` in the run directory keeps. */
export interface RowLossFiles {
  /** 1-based. */
  pass: number;
  /** When the engine had written the pass, in milliseconds since 1970. */
  readMs: number;
  files: RowLossFile[];
}

export type ToRows =
  | { type: "stepRows"; state: "none" }
  | { type: "stepRows"; state: "loading"; step: number }
  | { type: "stepRows"; state: "ready"; report: StepRowsReport }
  | { type: "stepRows"; state: "error"; step: number; message: string }
  | { type: "rowLosses"; state: "none" }
  | { type: "rowLosses"; state: "loading" }
  | { type: "rowLosses"; state: "ready"; report: RowLossReport }
  | { type: "rowLosses"; state: "error"; message: string }
  /** The tables of row losses that lie beside the data sets; `pass`: which they are of. */
  | { type: "rowLossFiles"; pass: number; files: string[] };

export type FromRows =
  | { type: "showStepRows"; step: number }
  /** A row that one of the lists has shown. */
  | { type: "openRunRow"; list: "step" | "worst"; source: number; row: number }
  | { type: "copyRowLosses" }
  /** Index into the files that were told. */
  | { type: "openRowLossFile"; file: number }
  | { type: "saveRowLosses" };
