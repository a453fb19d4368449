import * as v from "valibot";
import type { Services } from "../context";
import { runJob } from "../jobs/runJob";
import type { StartOptions } from "./preparations";
import type { TrackedRun } from "./runRegistry";

const checkSchema = v.object({
  changes: v.array(v.object({ kind: v.string(), message: v.string() })),
  preparedHolds: v.boolean(),
});
export type RunCheck = v.InferOutput<typeof checkSchema>;

/** What has changed since the run was made; a job, since files may have to be read whole. */
export async function checkRun(
  services: Services,
  run: TrackedRun,
  { signal, onProgress }: StartOptions,
): Promise<RunCheck> {
  const value = await runJob({
    extensionPath: services.extension.extensionPath,
    args: ["runs", "check", run.directory],
    signal,
    onProgress,
  });
  return v.parse(checkSchema, value);
}
