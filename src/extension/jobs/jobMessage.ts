import * as v from "valibot";
import type { JobMessage } from "../../protocol/job";

const schema = v.variant("type", [
  v.object({
    type: v.literal("progress"),
    stage: v.string(),
    fraction: v.nullable(v.number()),
    detail: v.exactOptional(v.string()),
  }),
  v.object({
    type: v.literal("problem"),
    file: v.string(),
    row: v.number(),
    check: v.string(),
    message: v.string(),
    column: v.exactOptional(v.number()),
    endColumn: v.exactOptional(v.number()),
    severity: v.exactOptional(v.picklist(["error", "warning", "information"])),
  }),
  v.object({ type: v.literal("partial"), value: v.unknown() }),
  v.object({ type: v.literal("result"), value: v.unknown() }),
  v.object({ type: v.literal("error"), message: v.string() }),
]);

/** One line of a job's stdout, or undefined where it is not a message. */
export function parseJobMessage(line: string): JobMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const parsed = v.safeParse(schema, value);
  return parsed.success ? (parsed.output as JobMessage) : undefined;
}
