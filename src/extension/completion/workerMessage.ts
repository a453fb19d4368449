import * as v from "valibot";
import type { WorkerResponse } from "../../protocol/worker";

const id = v.number();
const schema = v.variant("type", [
  v.object({
    type: v.literal("loaded"),
    id,
    model: v.string(),
    memoryBytes: v.number(),
    milliseconds: v.number(),
    provider: v.string(),
    notTaken: v.array(v.object({ provider: v.string(), reason: v.string() })),
  }),
  v.looseObject({
    type: v.literal("completion"),
    id,
    text: v.string(),
    mode: v.picklist(["fim", "prefix", "instruct"]),
    firstTokenMs: v.number(),
    totalMs: v.number(),
    generatedTokens: v.number(),
    memoryBytes: v.number(),
    provider: v.string(),
  }),
  v.object({ type: v.literal("forgotten"), id }),
  v.object({
    type: v.literal("prompt"),
    id,
    sections: v.nullable(
      v.array(
        v.object({
          kind: v.picklist(["control", "context", "instruction", "prefix", "suffix"]),
          label: v.string(),
          text: v.string(),
          tokens: v.number(),
          room: v.optional(v.number()),
        }),
      ),
    ),
  }),
  v.object({ type: v.literal("cancelled"), id }),
  v.object({ type: v.literal("unloaded"), id }),
  v.object({ type: v.literal("failed"), id, message: v.string() }),
]);

/** A message of the worker, or undefined where it is none. */
export function parseWorkerResponse(value: unknown): WorkerResponse | undefined {
  const parsed = v.safeParse(schema, value);
  return parsed.success ? (parsed.output as WorkerResponse) : undefined;
}
