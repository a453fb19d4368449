/** Which of the sampled rows are listed. */
import type { SampleRow } from "../../src/protocol/datasetView";

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

export const NO_FILTER: RowFilter = { check: null, language: null, task: null, length: null, heldOut: null, text: "" };

export function filterRows(rows: readonly SampleRow[], filter: RowFilter): SampleRow[] {
  const text = filter.text.trim().toLowerCase();
  return rows.filter((row) => matches(row, filter) && (text === "" || holds(row, text)));
}

export function isFiltered(filter: RowFilter): boolean {
  return filter.text.trim() !== "" || Object.entries(filter).some(([name, value]) => name !== "text" && value !== null);
}

function matches(row: SampleRow, { check, language, task, length, heldOut }: RowFilter): boolean {
  if (check !== null && !row.problems.some((problem) => problem.check === check)) return false;
  if (language !== null && row.language !== language) return false;
  if (task !== null && row.task !== task) return false;
  if (heldOut !== null && row.heldOut !== heldOut) return false;
  return length === null || (row.length !== null && length.from <= row.length && row.length < length.to);
}

function holds(row: SampleRow, text: string): boolean {
  return row.title.toLowerCase().includes(text) || String(row.row) === text.replace(/[,.\s]/g, "");
}
