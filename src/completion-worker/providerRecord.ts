import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { writeAtomically } from "../disk/atomicWrite";

/** Beside the export: what was found out about where its model computes fastest. */
const FILE = "provider.json";
const MAX_BYTES = 1 << 20;

const schema = v.object({
  version: v.literal(1),
  /** Another release of onnxruntime is another measurement. */
  onnxruntime: v.string(),
  /** Providers that onnxruntime listed, but for the CPU. */
  listed: v.array(v.string()),
  /** The fastest; null: not measured yet. */
  provider: v.nullable(v.string()),
  /** Milliseconds of the measurement, by provider. */
  milliseconds: v.record(v.string(), v.number()),
  /** Providers that were tried and not taken, each with the reason. */
  notTaken: v.array(v.object({ provider: v.string(), reason: v.string() })),
  /** The provider that is being tried: where the process ended meanwhile, it is not tried again. */
  trying: v.nullable(v.string()),
});

export type ProviderRecord = v.InferOutput<typeof schema>;

/** Null where there is none or it is not one. */
export async function readProviderRecord(exportDir: string): Promise<ProviderRecord | null> {
  const path = join(exportDir, FILE);
  try {
    const found = await stat(path);
    if (!found.isFile() || found.size > MAX_BYTES) return null;
    const parsed = v.safeParse(schema, JSON.parse(await readFile(path, "utf8")));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}

/** Where the folder cannot be written the measurement is made again next time. */
export async function writeProviderRecord(exportDir: string, record: ProviderRecord): Promise<void> {
  await writeAtomically(join(exportDir, FILE), `${JSON.stringify(record, null, 2)}\n`).catch(() => {});
}
