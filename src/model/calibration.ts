import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type * as Ort from "onnxruntime-node";
import type { LlamaConfig } from "./config";
import { ModelError } from "./error";
import { writeInto } from "./exportFolder";
import { feedsOf } from "./onnx/graphFeeds";
import type { ErrorFeedback } from "./onnx/inputMoments";
import { errorFeedback } from "./onnx/inputMoments";
import type { WeightSpec } from "./onnx/llamaGraph";
import { encodeModel, type Model } from "./onnx/messages";
import { MEASURED, type Measured, MOMENTS_FILE, momentsOutput, momentWindows, withMoments } from "./onnx/momentsGraph";

/** Of one run: memory for the activations. */
const CHUNK = 512;

export interface CalibrationOptions {
  threads: number;
  onProgress?(fraction: number): void;
  signal?: AbortSignal;
}

/** What the inputs of each matrix look like on text of the kind that the model is for. */
export class InputStatistics {
  private last: { key: string; feedback: ErrorFeedback } | null = null;

  constructor(
    private readonly windows: ReturnType<typeof momentWindows>,
    private readonly sums: ReadonlyMap<string, Float32Array>,
  ) {}

  /** Null for what is not rounded to 4 bits: embedding and head. Gate and up share theirs. */
  feedbackFor({ source }: WeightSpec): ErrorFeedback | null {
    if (!("layer" in source)) return null;
    const kind = source.kind === "up" ? "gate" : source.kind;
    if (!isMeasured(kind)) return null;
    const key = momentsOutput(source.layer, kind);
    if (this.last?.key !== key) {
      const sums = this.sums.get(key)!;
      this.last = { key, feedback: errorFeedback({ window: this.windows[kind].window, sums }) };
    }
    return this.last.feedback;
  }
}

function isMeasured(kind: string): kind is Measured {
  return (MEASURED as readonly string[]).includes(kind);
}

/**
 * Runs `sequences` through `model`, whose data file lies in `folder`, and sums up its inputs' second moments.
 * They are laid end to end and cut every 512 tokens: what a matrix reads hardly depends on where a document begins.
 */
export async function measureInputs(
  folder: string,
  model: Model,
  config: LlamaConfig,
  blockSize: number,
  sequences: readonly (readonly number[])[],
  options: CalibrationOptions,
): Promise<InputStatistics> {
  const windows = momentWindows(config, blockSize);
  const path = join(folder, MOMENTS_FILE);
  await writeInto(folder, MOMENTS_FILE, encodeModel(withMoments(model, config, windows)));
  const ort = await import("onnxruntime-node");
  const sums = new Map<string, Float32Array>();
  let session: Ort.InferenceSession | null = null;
  try {
    session = await ort.InferenceSession.create(path, {
      executionProviders: ["cpu"],
      intraOpNumThreads: options.threads,
      logSeverityLevel: 3,
    });
    const pieces = inPieces(sequences.flat());
    const names = MEASURED.flatMap((kind) =>
      Array.from({ length: config.layers }, (_, layer) => momentsOutput(layer, kind)),
    );
    for (const [i, ids] of pieces.entries()) {
      options.signal?.throwIfAborted();
      const result = await session.run(firstFeeds(ort, config, ids), names);
      for (const name of names) addTo(sums, name, result[name]!.data as Float32Array);
      options.onProgress?.((i + 1) / pieces.length);
      await turn();
    }
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ModelError(`${path} could not be run: ${(error as Error).message}`, { cause: error });
  } finally {
    await session?.release();
    await rm(path, { force: true });
  }
  return new InputStatistics(windows, sums);
}

function inPieces(ids: readonly number[]): (readonly number[])[] {
  return Array.from({ length: Math.ceil(ids.length / CHUNK) }, (_, i) => ids.slice(i * CHUNK, (i + 1) * CHUNK));
}

function addTo(sums: Map<string, Float32Array>, name: string, values: Float32Array): void {
  const sum = sums.get(name);
  if (sum === undefined) sums.set(name, values.slice());
  else for (let i = 0; i < sum.length; ++i) sum[i]! += values[i]!;
}

/** One sequence from its beginning; of its logits, which nobody reads, as few as may be. */
function firstFeeds(ort: typeof Ort, config: LlamaConfig, ids: readonly number[]): Record<string, Ort.Tensor> {
  const { Tensor } = ort;
  const feeds = feedsOf(ort, {
    ids: BigInt64Array.from(ids, BigInt),
    batch: 1,
    sequence: ids.length,
    past: 0,
    capacity: 0,
    wanted: [0],
  });
  const empty = new Tensor("float32", new Float32Array(0), [1, config.kvHeads, 0, config.headDim]);
  for (let layer = 0; layer < config.layers; ++layer) {
    feeds[`past_key_values.${layer}.key`] = empty;
    feeds[`past_key_values.${layer}.value`] = empty;
  }
  return feeds;
}
