import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readRunSpec } from "../../run/runDirectory";

/**
 * Below this, float32 is as fast as fewer bits, and measuring takes longer than it can ever save: of 16 M parameters
 * (31 MB) a completion takes as long in float32 as in 4 bits.
 */
const MEASURED_FROM_BYTES = 100e6;

/** How a run's model is exported for completion: by measurement, or a small one as it was trained. */
export async function precisionFor(runDirectory: string): Promise<"auto" | "fp32"> {
  const { model } = await readRunSpec(runDirectory);
  let bytes = 0;
  for (const name of await readdir(model.path)) {
    if (name.endsWith(".safetensors")) bytes += (await stat(join(model.path, name))).size;
  }
  return bytes >= MEASURED_FROM_BYTES ? "auto" : "fp32";
}
