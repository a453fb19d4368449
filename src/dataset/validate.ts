import type { FormatId } from "../protocol/run";
import { formatById } from "./formats/registry";
import { LineReader } from "./lines";
import { problemColumn } from "./locate";
import type { RowProblem } from "./problem";
import { detectFileFormat, type ReadOptions, requireFile } from "./readDataset";
import { lineProblems, opensArray, parseLine } from "./rows";

export interface Validation {
  path: string;
  format: FormatId | null;
  rows: number;
  usable: number;
  problems: number;
  byReason: Record<string, number>;
  /** The file is a JSON array over many lines. */
  isArray: boolean;
}

export interface FoundProblem extends RowProblem {
  /** 1-based. */
  row: number;
  column: number;
}

/** Every problem of every row, without a tokenizer: what can be said of a file alone. */
export async function validateFile(
  path: string,
  formatId: FormatId | "auto",
  found: (problem: FoundProblem) => void,
  { signal, progress }: ReadOptions = {},
): Promise<Validation> {
  const size = await requireFile(path);
  const format = formatId === "auto" ? await detectFileFormat(path, signal) : formatById(formatId);
  const result: Validation = {
    path,
    format: format?.id ?? null,
    rows: 0,
    usable: 0,
    problems: 0,
    byReason: {},
    isArray: false,
  };
  const reader = new LineReader(path);
  for await (const lines of reader.batches(signal)) {
    for (const line of lines) {
      const parsed = parseLine(line);
      if (parsed === null) continue;
      if (result.rows === 0) result.isArray = opensArray(parsed, line.text);
      result.rows++;
      const problems = lineProblems(parsed, format);
      if (problems.length === 0) result.usable++;
      for (const problem of problems) {
        result.problems++;
        result.byReason[problem.reason] = (result.byReason[problem.reason] ?? 0) + 1;
        found({ ...problem, row: line.number, column: problemColumn(line.text, problem) });
      }
    }
    progress?.("Checking rows", size === 0 ? 1 : Math.min(1, reader.bytes / size), path);
  }
  return result;
}
