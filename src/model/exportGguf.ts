import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncFolder } from "../disk/atomicWrite";
import { PeftAdapter } from "./adapter";
import { readLlamaConfig } from "./config";
import { ModelError, systemError } from "./error";
import { tokenizerMetadata } from "./gguf/tokenizerMetadata";
import { type GgufPrecision, writeGguf } from "./gguf/writeGguf";
import { readJsonObject } from "./jsonFile";
import { TensorFiles } from "./safetensors";
import { MergedWeights } from "./weights";

export interface GgufExportOptions {
  precision: GgufPrecision;
  onProgress?(fraction: number): void;
  signal?: AbortSignal;
}

/** Merges a run's adapter, or takes a base model as it is, and writes one GGUF file; `target` appears when it is whole. */
export async function exportGguf(
  source: { runDir: string } | { modelDir: string },
  target: string,
  options: GgufExportOptions,
): Promise<{ path: string; bytes: number; sha256: string }> {
  const { modelDir, adapterDir } = "runDir" in source ? ofRun(source.runDir) : { ...source, adapterDir: null };
  const config = readLlamaConfig(modelDir);
  const tokenizer = tokenizerMetadata(modelDir, config);
  const partial = join(dirname(target), `.${basename(target)}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
  const base = await TensorFiles.openModel(modelDir);
  let adapter: PeftAdapter | null = null;
  try {
    adapter = adapterDir ? await PeftAdapter.open(adapterDir, config) : null;
    const name = basename("runDir" in source ? source.runDir : modelDir);
    const weights = new MergedWeights(base, config, adapter);
    const { bytes, sha256 } = await writeGguf(partial, config, weights, { ...options, name, tokenizer });
    await rename(partial, target).catch((error: unknown) => {
      throw systemError(target, "replaced", error);
    });
    await syncFolder(dirname(target));
    return { path: target, bytes, sha256 };
  } finally {
    await rm(partial, { force: true });
    await adapter?.close();
    await base.close();
  }
}

function ofRun(runDir: string): { modelDir: string; adapterDir: string } {
  const modelDir = readJsonObject(join(runDir, "run.json")).object("model").string("path");
  const adapterDir = join(runDir, "adapter");
  if (!existsSync(adapterDir)) {
    throw new ModelError(`${runDir} has no adapter yet: let the run finish or stop it, then export.`);
  }
  return { modelDir, adapterDir };
}
