/** Messages and job results of the run page's rows, checked. */
import * as v from "valibot";
import type { RowLossFiles, RowLossReport, StepRowsReport } from "../../protocol/rowsView";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const positive = v.pipe(count, v.minValue(1));

export const fromRows = [
  v.object({ type: v.literal("showStepRows"), step: v.pipe(positive, v.maxValue(10_000_000)) }),
  v.object({ type: v.literal("openRunRow"), list: v.picklist(["step", "worst"]), source: count, row: positive }),
  v.object({ type: v.literal("copyRowLosses") }),
  v.object({ type: v.literal("openRowLossFile"), file: count }),
  v.object({ type: v.literal("saveRowLosses") }),
] as const;

const source = v.object({ path: v.string(), state: v.picklist(["unchanged", "changed", "missing"]) });
const row = v.object({
  source: count,
  row: positive,
  tokens: count,
  targets: count,
  loss: v.nullable(v.number()),
  step: v.nullable(count),
  preview: v.string(),
});

const stepRows = v.object({ step: positive, sources: v.array(source), total: count, rows: v.array(row) });

const rowLosses = v.object({
  pass: positive,
  met: count,
  median: v.number(),
  sources: v.array(source),
  worst: v.array(row),
  marked: v.array(v.array(v.object({ row: positive, loss: v.number() }))),
});

const rowLossFiles = v.object({
  pass: positive,
  readMs: v.number(),
  files: v.array(
    v.object({
      dataset: v.string(),
      file: v.string(),
      problem: v.nullable(v.string()),
      bytes: count,
      writtenMs: v.number(),
    }),
  ),
});

/** The result of the job `runs rows`. */
export function parseStepRows(value: unknown): StepRowsReport {
  return v.parse(stepRows, value);
}

/** The result of the job `runs losses`. */
export function parseRowLosses(value: unknown): RowLossReport {
  return v.parse(rowLosses, value);
}

/** The result of the job `runs losses --beside`. */
export function parseRowLossFiles(value: unknown): RowLossFiles {
  return v.parse(rowLossFiles, value);
}
