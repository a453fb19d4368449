/** Which of the sampled rows are listed. */
import type { DatasetReport, RowFilter, SampleRow } from "../../src/protocol/datasetView";

export const NO_FILTER: RowFilter = { check: null, language: null, task: null, length: null, heldOut: null, text: "" };

export function filterRows(rows: readonly SampleRow[], filter: RowFilter): SampleRow[] {
  const text = filter.text.trim().toLowerCase();
  return rows.filter((row) => matches(row, filter) && (text === "" || holds(row, text)));
}

export function isFiltered(filter: RowFilter): boolean {
  return filter.text.trim() !== "" || Object.entries(filter).some(([name, value]) => name !== "text" && value !== null);
}

/** A filter that was kept, without what the report no longer has. */
export function fittingFilter(
  kept: RowFilter | undefined,
  { problems, languages, tasks }: Pick<DatasetReport, "problems" | "languages" | "tasks">,
): RowFilter {
  const filter = { ...NO_FILTER, ...kept };
  return {
    ...filter,
    check: problems.some(({ check }) => check === filter.check) ? filter.check : null,
    language: languages.some(({ name }) => name === filter.language) ? filter.language : null,
    task: tasks.some(({ name }) => name === filter.task) ? filter.task : null,
  };
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
