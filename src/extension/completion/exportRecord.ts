import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { ExportRecord } from "../../protocol/run";

const schema = v.looseObject({
  model: v.string(),
  parity: v.nullable(v.looseObject({ passed: v.boolean(), reasons: v.array(v.string()) })),
});

/** Whether the run's model was exported and agrees with the engine. */
export async function hasPassedExport(exportDir: string): Promise<boolean> {
  try {
    const value: unknown = JSON.parse(await readFile(join(exportDir, "export.json"), "utf8"));
    const record = v.parse(schema, value) as unknown as ExportRecord;
    return record.parity?.passed === true;
  } catch {
    // Not exported, or not whole: it is exported again.
    return false;
  }
}
