/**
 * Progress of a long job of the CLI run with `--progress json`: one JobMessage a line on stdout.
 * The extension runs preparation, evaluation and export this way, so that its host never computes.
 */
export type JobMessage =
  | { type: "progress"; stage: string; fraction: number | null; detail?: string }
  | JobProblem
  /** A piece of the result, ahead of it. */
  | { type: "partial"; value: unknown }
  | { type: "result"; value: unknown }
  | { type: "error"; message: string };

/** A row that was left out, or that a check found something in. Rows and columns are 1-based. */
export interface JobProblem {
  type: "problem";
  file: string;
  row: number;
  check: string;
  message: string;
  /** In UTF-16 code units; absent where the whole row is meant. */
  column?: number;
  endColumn?: number;
  severity?: "error" | "warning" | "information";
}
