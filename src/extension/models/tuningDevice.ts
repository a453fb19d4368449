import { execFile } from "node:child_process";
import { totalmem } from "node:os";
import { promisify } from "node:util";
import * as v from "valibot";
import { findEngine } from "../../run/engineBinary";
import { readSettings } from "../settings";
import type { TuningDevice } from "./suggestedModels";

const TIMEOUT_MS = 10_000;

const devicesSchema = v.object({
  used: v.string(),
  devices: v.array(
    v.object({
      kind: v.picklist(["cuda", "cpu"]),
      index: v.optional(v.number()),
      name: v.string(),
      memoryTotal: v.number(),
    }),
  ),
});

/** Where a run started now would compute; the processor where the engine cannot say. */
export async function tuningDevice(extensionPath: string): Promise<TuningDevice> {
  try {
    const engine = await findEngine({ root: extensionPath, configured: readSettings().enginePath });
    const { stdout } = await promisify(execFile)(engine, ["devices", "--json"], { timeout: TIMEOUT_MS });
    const { used, devices } = v.parse(devicesSchema, JSON.parse(stdout));
    const found = devices.find(({ kind, index }) => used === (kind === "cuda" ? `cuda:${index}` : "cpu"));
    if (found !== undefined) return { kind: found.kind, name: found.name, memoryBytes: found.memoryTotal };
  } catch {
    // A model can be fetched without an engine; whoever starts a run is told what is wrong with it.
  }
  return { kind: "cpu", name: "CPU", memoryBytes: totalmem() };
}
