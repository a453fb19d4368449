import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { DataManifest, RunSpec } from "../../protocol/run";
import type { RunDetails } from "../../protocol/webview";
import { runPaths } from "../../run/runDirectory";

const split = v.object({ rows: v.number(), tokens: v.number() });
const manifestSchema = v.object({
  sources: v.array(v.object({ skipped: v.number(), sha256: v.string() })),
  train: split,
  eval: split,
});

export async function readDetails(directory: string, spec: RunSpec): Promise<RunDetails> {
  return {
    dataset: spec.dataset.path,
    model: spec.model.path,
    rank: spec.lora.rank,
    alpha: spec.lora.alpha,
    learningRate: spec.optimizer.learningRate,
    data: await readData(directory),
  };
}

async function readData(directory: string): Promise<RunDetails["data"]> {
  const manifest = await readManifest(directory);
  if (manifest === null) return null;
  return {
    trainRows: manifest.train.rows,
    evalRows: manifest.eval.rows,
    skipped: manifest.sources.reduce((sum, source) => sum + source.skipped, 0),
    tokens: manifest.train.tokens,
  };
}

/** SHA-256 of the files that the run's rows came from; null until they have been prepared. */
export async function readContents(directory: string): Promise<string | null> {
  const manifest = await readManifest(directory);
  return manifest === null ? null : manifest.sources.map(({ sha256 }) => sha256).join(", ");
}

/** Null where it is not there yet, or damaged: the views leave its figures out. */
async function readManifest(directory: string): Promise<v.InferOutput<typeof manifestSchema> | null> {
  try {
    const text = await readFile(join(runPaths(directory).data, "manifest.json"), "utf8");
    return v.parse(manifestSchema, JSON.parse(text) as DataManifest);
  } catch {
    return null;
  }
}

/** The manifest is the last file of data/ that preparation writes. */
export async function isPrepared(directory: string): Promise<boolean> {
  const { data, contract } = runPaths(directory);
  const found = await Promise.all([join(data, "manifest.json"), contract].map(isFile));
  return found.every(Boolean);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isFile(),
    () => false,
  );
}
