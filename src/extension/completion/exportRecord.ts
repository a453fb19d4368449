import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { ExportPrecision, ExportRecord } from "../../protocol/run";

const schema = v.looseObject({
  model: v.string(),
  precision: v.optional(v.picklist(["fp32", "int8", "int4"])),
  parity: v.nullable(v.looseObject({ passed: v.boolean(), reasons: v.array(v.string()) })),
});

/** Whether the run's model was exported and agrees with the engine. */
export async function hasPassedExport(exportDir: string): Promise<boolean> {
  return (await readRecord(exportDir))?.parity?.passed === true;
}

/** How the export's weights are stored; fp32 where its record does not say. */
export async function exportPrecision(exportDir: string): Promise<ExportPrecision> {
  return (await readRecord(exportDir))?.precision ?? "fp32";
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
