import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ExportPrecision, PrecisionFigures } from "../protocol/run";
import { type InputStatistics, measureInputs } from "./calibration";
import { calibrationSequences } from "./calibrationData";
import { choosePrecision } from "./choosePrecision";
import type { LlamaConfig } from "./config";
import { ModelError } from "./error";
import type { TokenDocument } from "./heldOut";
import { comparedDocuments, measureExport } from "./measurePrecision";
import { canBeRounded, formatFor } from "./onnx/precision";
import { storedModel, type WriteOptions, type WrittenFile, writeLlamaModel } from "./onnx/writeModel";
import type { WeightSource } from "./weights";

/** A float32 candidate above this is not made: on a processor it is never the fastest of such a size. */
const FLOAT32_UP_TO_BYTES = 1 << 30;

export interface CandidateOptions {
  config: LlamaConfig;
  weights: WeightSource;
  positions: number;
  metadata: Record<string, string>;
  /** The run's prepared rows; null: there are none. */
  dataDir: string | null;
  threads: number;
  onProgress?(stage: "Writing the model" | "Calibrating" | "Measuring precisions", fraction: number | null): void;
  signal?: AbortSignal;
}

/** Writes the model in one precision into `folder`; 4 bits by what the inputs look like on the training rows, where there are. */
export async function writePrecision(
  folder: string,
  precision: ExportPrecision,
  options: CandidateOptions,
): Promise<WrittenFile[]> {
  if (precision !== "int4" || !hasTrainingRows(options)) return write(folder, precision, options);
  const calibration = join(folder, ".int8");
  await mkdir(calibration);
  try {
    await write(calibration, "int8", options);
    const statistics = await calibrate(calibration, options);
    return await write(folder, "int4", options, statistics);
  } finally {
    await rm(calibration, { recursive: true, force: true });
  }
}

/**
 * Writes the model in each precision that comes into question, measures held-out loss and speed, and leaves the chosen one
 * in `folder`. `referenceLoss` is asked for the float32 loss of the documents where no float32 model was made.
 */
export async function writeFastestPrecision(
  folder: string,
  documents: readonly TokenDocument[],
  referenceLoss: (documents: readonly TokenDocument[]) => Promise<number | null>,
  options: CandidateOptions,
): Promise<{ files: WrittenFile[]; chosen: ExportPrecision; measured: PrecisionFigures[] }> {
  const compared = comparedDocuments(documents);
  const written = new Map<ExportPrecision, WrittenFile[]>();
  const found: (Omit<PrecisionFigures, "lossRise"> & { heldOutLoss: number | null })[] = [];
  let statistics: InputStatistics | undefined;
  for (const precision of precisionsFor(options.config)) {
    const candidate = join(folder, `.${precision}`);
    await mkdir(candidate);
    const files = await write(candidate, precision, options, precision === "int4" ? statistics : undefined);
    written.set(precision, files);
    if (precision === "int8" && hasTrainingRows(options)) statistics = await calibrate(candidate, options);
    const figures = await measureExport(candidate, {
      threads: options.threads,
      maxPositions: options.positions,
      documents: compared,
      onProgress: (fraction) => options.onProgress?.("Measuring precisions", fraction),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    found.push({ precision, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), ...figures });
  }
  const exact = found.find(({ precision }) => precision === "fp32")?.heldOutLoss ?? null;
  const reference = exact ?? (compared.length > 0 ? await referenceLoss(compared) : null);
  const measured = found.map((figures) => ({
    ...figures,
    lossRise: figures.heldOutLoss === null || reference === null ? null : figures.heldOutLoss / reference - 1,
  }));
  const chosen = choosePrecision(measured);
  for (const name of await readdir(join(folder, `.${chosen}`))) {
    await rename(join(folder, `.${chosen}`, name), join(folder, name));
  }
  for (const precision of written.keys()) await rm(join(folder, `.${precision}`), { recursive: true, force: true });
  return { files: written.get(chosen)!, chosen, measured };
}

/** int8 before int4, which is calibrated with it. */
function precisionsFor(config: LlamaConfig): ExportPrecision[] {
  const rounded: ExportPrecision[] = canBeRounded(config) ? ["int8", "int4"] : [];
  const exact = rounded.length === 0 || float32Bytes(config) <= FLOAT32_UP_TO_BYTES;
  return exact ? ["fp32", ...rounded] : rounded;
}

function float32Bytes(config: LlamaConfig): number {
  const { hiddenSize: h, intermediateSize: f, headDim, queryHeads, kvHeads, layers, vocabularySize } = config;
  const layer = h * headDim * (2 * queryHeads + 2 * kvHeads) + 3 * h * f;
  return 4 * (layers * layer + (config.tiedEmbedding ? 1 : 2) * vocabularySize * h);
}

function hasTrainingRows({ dataDir }: CandidateOptions): boolean {
  return dataDir !== null && existsSync(join(dataDir, "train.documents"));
}

/** Undefined: there is nothing to calibrate with. `folder` holds the model in 8 bits. */
async function calibrate(folder: string, options: CandidateOptions): Promise<InputStatistics | undefined> {
  const { config, dataDir, threads, signal, onProgress } = options;
  const format = formatFor("int8", config);
  const blockSize = format.linear?.blockSize;
  if (blockSize === undefined) throw new ModelError("Only a model in blocks can be calibrated.");
  const sequences = await calibrationSequences(dataDir!, config.vocabularySize);
  if (sequences.length === 0) return undefined;
  return measureInputs(folder, storedModel(config, { ...options, format }), config, blockSize, sequences, {
    threads,
    onProgress: (fraction) => onProgress?.("Calibrating", fraction),
    ...(signal ? { signal } : {}),
  });
}

function write(
  folder: string,
  precision: ExportPrecision,
  options: CandidateOptions,
  statistics?: InputStatistics,
): Promise<WrittenFile[]> {
  const { config, weights, positions, metadata, signal, onProgress } = options;
  const settings: WriteOptions = {
    positions,
    metadata,
    format: formatFor(precision, config),
    onProgress: (fraction) => onProgress?.("Writing the model", fraction),
    ...(statistics ? { statistics } : {}),
    ...(signal ? { signal } : {}),
  };
  return writeLlamaModel(folder, config, weights, settings);
}
