/** Messages and job results of the run page's rows, checked. */
import * as v from "valibot";
import type { RowLossReport, StepRowsReport } from "../../protocol/rowsView";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const positive = v.pipe(count, v.minValue(1));

export const fromRows = [
  v.object({ type: v.literal("showStepRows"), step: v.pipe(positive, v.maxValue(10_000_000)) }),
  v.object({ type: v.literal("openRunRow"), list: v.picklist(["step", "worst"]), source: count, row: positive }),
  v.object({ type: v.literal("copyRowLosses") }),
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

/** The result of the job `runs rows`. */
export function parseStepRows(value: unknown): StepRowsReport {
  return v.parse(stepRows, value);
}

/** The result of the job `runs losses`. */
export function parseRowLosses(value: unknown): RowLossReport {
  return v.parse(rowLosses, value);
}
