import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTokenizer, type Tokenizer } from "../dataset/tokenizer";
import type { EngineEvent } from "../protocol/engine";
import {
  type Contract,
  type ExportPrecision,
  type ExportRecord,
  GRAPH_VERSION,
  type ParityReport,
  type PrecisionFigures,
  RUN_VERSION,
} from "../protocol/run";
import { PeftAdapter } from "./adapter";
import { type LlamaConfig, readLlamaConfig } from "./config";
import { baseContract, contractPath, readContract } from "./contract";
import { type EngineModel, engineEvaluation, engineReference } from "./engine";
import { ModelError } from "./error";
import { type CandidateOptions, writeFastestPrecision, writePrecision } from "./exportCandidates";
import { copyInto, replaceFolder, sha256OfFile, writeInto, writeRecord } from "./exportFolder";
import { readDocuments, type TokenDocument, writeDocuments } from "./heldOut";
import { heldOutLoss } from "./heldOutLoss";
import { readJsonObject } from "./jsonFile";
import type { WrittenFile } from "./onnx/writeModel";
import { checkParity, PARITY_LIMITS } from "./parity";
import { parityPrompts } from "./parityPrompts";
import { TensorFiles } from "./safetensors";
import { OnnxLlama } from "./session";
import { MergedWeights } from "./weights";

export type ExportStage =
  | "Writing the model"
  | "Calibrating"
  | "Measuring precisions"
  | "Asking the engine"
  | "Comparing with the engine"
  | "Held-out loss";

export interface ExportOptions {
  /** Path of tunesmith-engine. */
  engine: string;
  /** auto: the fastest of all that costs next to nothing of the held-out loss, by measurement. Left out: fp32. */
  precision?: ExportPrecision | "auto";
  /** Of the engine and of onnxruntime; 0: each decides. */
  threads?: number;
  onProgress?(stage: ExportStage, fraction: number | null): void;
  signal?: AbortSignal;
}

/** What the tokenizer is read from; only tokenizer.json and config.json must be there. */
const TOKENIZER_FILES = ["tokenizer.json", "config.json", "generation_config.json", "tokenizer_config.json"];

/** What to export, and what it is compared with. */
interface Source {
  modelDir: string;
  adapterDir: string | null;
  contract: Contract;
  /** The folder with eval.tokens and eval.documents; null: none. */
  dataDir: string | null;
  /** As the training engine reported it at the end; null: not known. */
  engineHeldOutLoss: number | null;
}

/**
 * Merges a run's adapter, exports the model to RUN/export and compares it with the engine. The folder appears only when
 * the comparison has been made; a model that failed it is kept with its report and refused when it is loaded.
 */
export async function exportRun(runDir: string, options: ExportOptions): Promise<ExportRecord> {
  const modelDir = readJsonObject(join(runDir, "run.json")).object("model").string("path");
  const adapterDir = join(runDir, "adapter");
  if (!existsSync(adapterDir)) {
    throw new ModelError(`${runDir} has no adapter yet: let the run finish or stop it, then export.`);
  }
  const dataDir = join(runDir, "data");
  return exportModel(
    join(runDir, "export"),
    {
      modelDir,
      adapterDir,
      contract: readContract(contractPath(runDir)),
      dataDir: existsSync(join(dataDir, "eval.documents")) ? dataDir : null,
      engineHeldOutLoss: reportedLoss(join(runDir, "events.jsonl")),
    },
    options,
  );
}

/** Exports a base model as it is. Without an engine nothing is compared, and the record says so. */
export async function exportBase(
  modelDir: string,
  target: string,
  options: Omit<ExportOptions, "engine"> & { engine: string | null },
): Promise<ExportRecord> {
  const contract = await baseContract(modelDir);
  return exportModel(target, { modelDir, adapterDir: null, contract, dataDir: null, engineHeldOutLoss: null }, options);
}

async function exportModel(
  target: string,
  source: Source,
  options: Omit<ExportOptions, "engine"> & { engine: string | null },
): Promise<ExportRecord> {
  const config = readLlamaConfig(source.modelDir);
  checkContract(source, config);
  const tokenizer = await loadTokenizer(source.modelDir);
  const { engine } = options;
  return replaceFolder(target, async (folder) => {
    const { files, precision, measured } = await writeFiles(folder, source, config, options);
    const record: ExportRecord = {
      version: RUN_VERSION,
      graph: GRAPH_VERSION,
      model: source.modelDir,
      precision,
      ...(measured ? { measured } : {}),
      adapterSha256: source.adapterDir ? await sha256OfFile(join(source.adapterDir, "adapter_model.safetensors")) : "",
      parity: engine === null ? null : await gate(folder, source, tokenizer, { ...options, precision, engine }),
      files,
    };
    options.signal?.throwIfAborted();
    await writeRecord(folder, record);
    return record;
  });
}

function checkContract({ contract, modelDir }: Source, config: LlamaConfig): void {
  if (contract.vocabularySize > config.vocabularySize) {
    throw new ModelError(
      `The contract is for a vocabulary of ${contract.vocabularySize}, but ${modelDir} has ${config.vocabularySize}: they belong to different models.`,
    );
  }
  if (contract.contextLength > config.maxPositions) {
    throw new ModelError(
      `The contract has a context of ${contract.contextLength} tokens, but ${modelDir} takes ${config.maxPositions} at most.`,
    );
  }
}

async function writeFiles(
  folder: string,
  source: Source,
  config: LlamaConfig,
  options: Omit<ExportOptions, "engine"> & { engine: string | null },
): Promise<{ files: WrittenFile[]; precision: ExportPrecision; measured?: PrecisionFigures[] }> {
  const base = await TensorFiles.openModel(source.modelDir);
  let adapter: PeftAdapter | null = null;
  try {
    adapter = source.adapterDir ? await PeftAdapter.open(source.adapterDir, config) : null;
    const written = await writeModel(folder, source, config, new MergedWeights(base, config, adapter), options);
    return { ...written, files: [...written.files, ...(await copyBeside(folder, source))] };
  } finally {
    await adapter?.close();
    await base.close();
  }
}

async function writeModel(
  folder: string,
  source: Source,
  config: LlamaConfig,
  weights: MergedWeights,
  options: Omit<ExportOptions, "engine"> & { engine: string | null },
) {
  const { contract, dataDir } = source;
  const { precision = "fp32", onProgress, signal } = options;
  const candidates: CandidateOptions = {
    config,
    weights,
    positions: contract.contextLength,
    metadata: { base: contract.baseModel },
    dataDir,
    threads: options.threads ?? 0,
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  };
  if (precision !== "auto") return { files: await writePrecision(folder, precision, candidates), precision };
  const documents = dataDir ? readDocuments(dataDir, "eval", contract.vocabularySize) : [];
  const referenceLoss = (compared: readonly TokenDocument[]) => engineLoss(source, compared, options);
  const { files, chosen, measured } = await writeFastestPrecision(folder, documents, referenceLoss, candidates);
  return { files, precision: chosen, measured };
}

/** The engine's loss of some documents; null without an engine. */
async function engineLoss(
  { modelDir, adapterDir }: Source,
  documents: readonly TokenDocument[],
  { engine, threads = 0, signal }: Omit<ExportOptions, "engine"> & { engine: string | null },
): Promise<number | null> {
  if (engine === null) return null;
  const folder = await mkdtemp(join(tmpdir(), "tunesmith-compared-"));
  try {
    await writeDocuments(folder, "eval", documents);
    const model = { engine, modelDir, adapterDir, threads, ...(signal ? { signal } : {}) };
    return (await engineEvaluation(model, folder, "eval")).loss;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copyBeside(folder: string, source: Source): Promise<WrittenFile[]> {
  const files: WrittenFile[] = [];
  for (const name of TOKENIZER_FILES) {
    const path = join(source.modelDir, name);
    if (name === "tokenizer.json" || existsSync(path)) files.push(await copyInto(folder, path));
  }
  files.push(await writeInto(folder, "contract.json", `${JSON.stringify(source.contract, null, 2)}\n`));
  return files;
}

/** The comparison of what lies in `folder` with the engine. */
async function gate(
  folder: string,
  source: Source,
  tokenizer: Tokenizer,
  options: ExportOptions & { precision: ExportPrecision },
): Promise<ParityReport> {
  const { onProgress, signal } = options;
  const { contract, modelDir, adapterDir, dataDir } = source;
  const documents = dataDir ? readDocuments(dataDir, "eval", contract.vocabularySize) : [];
  const prompts = await parityPrompts(documents, contract, tokenizer);
  const threads = options.threads ?? 0;
  const engineModel: EngineModel = {
    engine: options.engine,
    modelDir,
    adapterDir,
    threads,
    ...(signal ? { signal } : {}),
  };
  onProgress?.("Asking the engine", null);
  const reference = await engineReference(engineModel, prompts, PARITY_LIMITS.greedyTokens);
  const engineHeldOutLoss =
    documents.length === 0
      ? null
      : (source.engineHeldOutLoss ?? (await engineEvaluation(engineModel, dataDir!, "eval")).loss);
  const model = await OnnxLlama.load(folder, { threads, maxPositions: contract.contextLength });
  try {
    const watch = (stage: ExportStage) => ({
      onProgress: (fraction: number) => onProgress?.(stage, fraction),
      ...(signal ? { signal } : {}),
    });
    const onnxHeldOutLoss =
      documents.length === 0 ? null : (await heldOutLoss(model, documents, watch("Held-out loss"))).loss;
    const losses = { engineHeldOutLoss, onnxHeldOutLoss };
    return await checkParity({
      model,
      reference,
      precision: options.precision,
      ...losses,
      ...watch("Comparing with the engine"),
    });
  } finally {
    await model.release();
  }
}

/** The loss after training, where the last thing that happened to the run is that it ended well. */
export function reportedLoss(eventsPath: string): number | null {
  if (!existsSync(eventsPath)) return null;
  const last = readFileSync(eventsPath, "utf8").trimEnd().split("\n").at(-1) ?? "";
  try {
    const event = JSON.parse(last) as EngineEvent;
    return event.type === "done" && Number.isFinite(event.evalLossAfter) ? event.evalLossAfter : null;
  } catch {
    // A torn line: the engine was killed while it wrote; it is asked instead.
    return null;
  }
}
