import type { RowProblem } from "../problem";

/** A problem that shows only where a row is set beside others. Rows are numbered as the caller numbers them. */
export interface FileFinding {
  row: number;
  problem: RowProblem;
  /** The row that the message names: the target of go-to-duplicate. Where a held-out file leaks, a row of that file. */
  other?: number;
}
