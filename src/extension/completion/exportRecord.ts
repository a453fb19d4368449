import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { type ExportPrecision, type ExportRecord, GRAPH_VERSION } from "../../protocol/run";

const precisions = v.picklist(["fp32", "int8", "int4"]);
const figures = v.object({
  precision: precisions,
  bytes: v.number(),
  lossRise: v.nullable(v.number()),
  milliseconds: v.number(),
});
const schema = v.looseObject({
  // An export of another version is made again.
  graph: v.literal(GRAPH_VERSION),
  model: v.string(),
  precision: v.optional(precisions),
  measured: v.optional(v.array(figures)),
  parity: v.nullable(
    v.looseObject({ passed: v.boolean(), reasons: v.array(v.string()), warnings: v.optional(v.array(v.string())) }),
  ),
});

/** Whether the run's model was exported and agrees with the engine. */
export async function hasPassedExport(exportDir: string): Promise<boolean> {
  return (await readRecord(exportDir))?.parity?.passed === true;
}

/** How the export's weights are stored; fp32 where its record does not say. */
export async function exportPrecision(exportDir: string): Promise<ExportPrecision> {
  return (await readRecord(exportDir))?.precision ?? "fp32";
}

/** For the log: what each precision was measured at, the one that was taken, and what its rounding has cost. */
export async function describeExport(exportDir: string): Promise<string[]> {
  const record = await readRecord(exportDir);
  if (record === null) return [];
  const lines = (record.measured ?? []).map(({ precision, bytes, lossRise, milliseconds }) => {
    const loss =
      lossRise === null ? "loss not measured" : `held-out loss ${(100 * lossRise).toFixed(2)} % above fp32's`;
    return `${precision}: ${loss}, ${Math.round(bytes / 1e6)} MB, ${milliseconds.toFixed(0)} ms a completion`;
  });
  return [...lines, `exported as ${record.precision}`, ...(record.parity?.warnings ?? [])];
}

/** Null: not exported, or not whole. */
async function readRecord(exportDir: string): Promise<ExportRecord | null> {
  try {
    const value: unknown = JSON.parse(await readFile(join(exportDir, "export.json"), "utf8"));
    return v.parse(schema, value) as unknown as ExportRecord;
  } catch {
    return null;
  }
}
