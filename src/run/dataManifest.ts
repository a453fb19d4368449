import { join } from "node:path";
import * as v from "valibot";
import { readBoundedJson } from "./boundedFile";
import { runPaths } from "./runDirectory";
import { RunError } from "./runError";

/** A thousand skipped rows a source, each with a sentence, are far less. */
const MAX_BYTES = 1 << 25;

const schema = v.object({
  template: v.string(),
  sources: v.array(v.object({ path: v.string(), sha256: v.string(), bytes: v.number(), format: v.string() })),
});

export type ManifestSummary = v.InferOutput<typeof schema>;
export type ManifestSource = ManifestSummary["sources"][number];

/** What data/manifest.json says of where the rows came from. Throws one sentence where the run has no data yet. */
export async function readManifest(directory: string): Promise<ManifestSummary> {
  const file = join(runPaths(directory).data, "manifest.json");
  const parsed = v.safeParse(schema, await readBoundedJson(file, MAX_BYTES));
  if (parsed.success) return parsed.output;
  throw new RunError(`${file} is damaged: ${v.getDotPath(parsed.issues[0]) ?? "its content"} is not as expected.`);
}
