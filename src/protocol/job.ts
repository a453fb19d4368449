/**
 * Progress of a long job of the CLI run with `--progress json`: one JobMessage a line on stdout.
 * The extension runs preparation, evaluation and export this way, so that its host never computes.
 */
export type JobMessage =
  | { type: "progress"; stage: string; fraction: number | null; detail?: string }
  | { type: "problem"; file: string; row: number; reason: string; message: string }
  | { type: "result"; value: unknown }
  | { type: "error"; message: string };
