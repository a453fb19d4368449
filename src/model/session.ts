import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type * as Ort from "onnxruntime-node";
import { ModelError } from "./error";
import { MODEL_FILE } from "./onnx/llamaGraph";

/** `run` cannot be interrupted, so that a prompt is computed in pieces and cancelling acts between two of them. */
export const PREFILL_CHUNK = 64;
/** The KV buffers grow in these steps: every run reads the whole of them, so that they are kept near the need. */
const CAPACITY_STEP = 128;

export interface LoadOptions {
  /** 0: onnxruntime decides. */
  threads: number;
  /** The longest sequence that the model's position tables hold. */
  maxPositions: number;
}

export interface GenerateOptions {
  maxTokens: number;
  signal?: AbortSignal;
  /** Picks a token other than the most likely one; null leaves it at that. */
  choose?(logits: Float32Array): number | null;
  /** Called with each token; true ends the generation after it. May be asynchronous. */
  onToken?(id: number): boolean | Promise<boolean>;
}

export interface Generation {
  tokens: number[];
  /** Of the prompt, taken from the KV cache. */
  reusedTokens: number;
  /** From the call to the first token. */
  firstTokenMs: number;
  totalMs: number;
}

interface KvBuffers {
  capacity: number;
  /** [kvHeads, capacity, headDim] each: key 0, value 0, key 1, … as in `new_kv`. */
  arrays: Float32Array[];
  feeds: Record<string, Ort.Tensor>;
}

/**
 * An exported model with one sequence's KV cache. A new prompt keeps what it has in common with the last one: going back
 * is a smaller length over the same buffers. Calls must not overlap.
 */
export class OnnxLlama {
  /** What the KV buffers hold. */
  private cached: number[] = [];
  private kv: KvBuffers;

  private constructor(
    private readonly ort: typeof Ort,
    private readonly session: Ort.InferenceSession,
    readonly shape: { layers: number; kvHeads: number; headDim: number; vocabularySize: number; maxPositions: number },
  ) {
    this.kv = this.allocate(CAPACITY_STEP);
  }

  /** onnxruntime is loaded here and not before. */
  static async load(exportDir: string, options: LoadOptions): Promise<OnnxLlama> {
    const ort = await import("onnxruntime-node");
    const path = join(exportDir, MODEL_FILE);
    let session: Ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(path, {
        executionProviders: ["cpu"],
        intraOpNumThreads: options.threads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
        // Idle threads sleep: the editor needs the cores more than the next token does.
        extra: { session: { intra_op: { allow_spinning: "0" } } },
      });
    } catch (error) {
      throw new ModelError(`${path} could not be loaded: ${oneLine(error)}; export the model again.`, { cause: error });
    }
    return new OnnxLlama(ort, session, { ...shapeOf(path, session), maxPositions: options.maxPositions });
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  /** Forgets the cached sequence. */
  reset(): void {
    this.cached = [];
  }

  /** Greedy continuation of `prompt`. */
  async generate(prompt: readonly number[], options: GenerateOptions): Promise<Generation> {
    const start = performance.now();
    this.checkLength(prompt.length + options.maxTokens);
    if (options.maxTokens < 1) return { tokens: [], reusedTokens: 0, firstTokenMs: 0, totalMs: 0 };
    const prefilled = await this.prefill(prompt, prompt.length + options.maxTokens, options.signal);
    let logits = prefilled.logits;
    const tokens: number[] = [];
    let firstTokenMs = 0;
    for (;;) {
      const token = options.choose?.(logits) ?? argmax(logits);
      if (tokens.length === 0) firstTokenMs = performance.now() - start;
      tokens.push(token);
      const stop = await options.onToken?.(token);
      if (stop || tokens.length >= options.maxTokens) break;
      await turn();
      options.signal?.throwIfAborted();
      logits = await this.append([token], [0]);
    }
    return { tokens, reusedTokens: prefilled.reused, firstTokenMs, totalMs: performance.now() - start };
  }

  /** Logits of the prompt's last position. */
  async lastLogits(prompt: readonly number[], signal?: AbortSignal): Promise<Float32Array> {
    this.checkLength(prompt.length);
    return (await this.prefill(prompt, prompt.length, signal)).logits;
  }

  /**
   * Teacher forcing over several sequences at once, without the cache: logits [positions.length, vocabulary] of the given
   * (sequence, position) pairs. Shorter sequences are padded at the end, where nothing before can see it.
   */
  async logitsOf(
    sequences: readonly (readonly number[])[],
    positions: readonly [number, number][],
  ): Promise<Float32Array> {
    const length = Math.max(...sequences.map((ids) => ids.length));
    this.checkLength(length);
    const ids = new BigInt64Array(sequences.length * length);
    sequences.forEach((sequence, row) => {
      sequence.forEach((id, column) => {
        ids[row * length + column] = BigInt(id);
      });
    });
    const { kvHeads, headDim, layers } = this.shape;
    const empty = new this.ort.Tensor("float32", new Float32Array(0), [sequences.length, kvHeads, 0, headDim]);
    const past: Record<string, Ort.Tensor> = {};
    for (const name of pastNames(layers)) past[name] = empty;
    const flat = positions.map(([row, column]) => row * length + column);
    const result = await this.run(ids, [sequences.length, length], 0, flat, past);
    return result.logits!.data as Float32Array;
  }

  /** Teacher forcing over one sequence of any length, a chunk at a time: `visit` gets the logits of each wanted position. */
  async scan(
    ids: readonly number[],
    positions: readonly number[],
    visit: (position: number, logits: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    this.checkLength(ids.length);
    this.reset();
    this.reserve(ids.length);
    const { vocabularySize } = this.shape;
    for (let at = 0; at < ids.length; at += PREFILL_CHUNK) {
      signal?.throwIfAborted();
      const wanted = positions.filter((position) => position >= at && position < at + PREFILL_CHUNK);
      const logits = await this.append(
        ids.slice(at, at + PREFILL_CHUNK),
        wanted.map((position) => position - at),
      );
      wanted.forEach((position, i) => {
        visit(position, logits.subarray(i * vocabularySize, (i + 1) * vocabularySize));
      });
      await turn();
    }
  }

  /** Brings the cache to `prompt` and gives the logits of its last position. */
  private async prefill(
    prompt: readonly number[],
    need: number,
    signal: AbortSignal | undefined,
  ): Promise<{ logits: Float32Array; reused: number }> {
    if (prompt.length === 0) throw new ModelError("A prompt needs at least one token.");
    // The last token is always computed: its logits are wanted.
    const reused = Math.min(commonPrefix(this.cached, prompt), prompt.length - 1);
    this.cached.length = reused;
    this.reserve(need);
    let logits: Float32Array | undefined;
    for (let at = reused; at < prompt.length; at += PREFILL_CHUNK) {
      signal?.throwIfAborted();
      const chunk = prompt.slice(at, at + PREFILL_CHUNK);
      const last = at + chunk.length === prompt.length;
      logits = await this.append(chunk, last ? [chunk.length - 1] : []);
      await turn();
    }
    signal?.throwIfAborted();
    return { logits: logits!, reused };
  }

  /** Runs `ids` after the cached sequence, adds them to it, and gives the logits of `wanted`. */
  private async append(ids: readonly number[], wanted: readonly number[]): Promise<Float32Array> {
    const past = this.cached.length;
    const result = await this.run(BigInt64Array.from(ids, BigInt), [1, ids.length], past, wanted, this.kv.feeds);
    const rows = result.new_kv!.data as Float32Array;
    const { kvHeads, headDim } = this.shape;
    const block = ids.length * headDim;
    this.kv.arrays.forEach((array, i) => {
      for (let head = 0; head < kvHeads; ++head) {
        const from = (i * kvHeads + head) * block;
        array.set(rows.subarray(from, from + block), (head * this.kv.capacity + past) * headDim);
      }
    });
    this.cached.push(...ids);
    return result.logits!.data as Float32Array;
  }

  private async run(
    ids: BigInt64Array,
    dims: [number, number],
    past: number,
    wanted: readonly number[],
    pastFeeds: Record<string, Ort.Tensor>,
  ): Promise<Ort.InferenceSession.OnnxValueMapType & Record<string, Ort.Tensor>> {
    const { Tensor } = this.ort;
    const total = past + dims[1];
    const feeds = {
      ...pastFeeds,
      input_ids: new Tensor("int64", ids, dims),
      seqlens_k: new Tensor("int32", new Int32Array(dims[0]).fill(total - 1), [dims[0]]),
      total_seq_len: new Tensor("int32", Int32Array.of(total), []),
      past_len: new Tensor("int64", BigInt64Array.of(BigInt(past)), [1]),
      total_len: new Tensor("int64", BigInt64Array.of(BigInt(total)), [1]),
      logit_idx: new Tensor("int64", BigInt64Array.from(wanted, BigInt), [wanted.length]),
    };
    try {
      return (await this.session.run(feeds)) as Record<string, Ort.Tensor>;
    } catch (error) {
      throw new ModelError(`The model could not be run: ${oneLine(error)}.`, { cause: error });
    }
  }

  private checkLength(length: number): void {
    if (length > this.shape.maxPositions) {
      throw new ModelError(
        `${length} tokens do not fit: the model's context is ${this.shape.maxPositions} tokens long.`,
      );
    }
  }

  /** Makes room for `length` positions, keeping what is cached; shrinks buffers that are far too large. */
  private reserve(length: number): void {
    const capacity = Math.ceil(length / CAPACITY_STEP) * CAPACITY_STEP;
    if (this.kv.capacity >= capacity && this.kv.capacity <= 2 * capacity) return;
    const { kvHeads, headDim } = this.shape;
    const larger = this.allocate(capacity);
    const rows = this.cached.length * headDim;
    this.kv.arrays.forEach((array, i) => {
      for (let head = 0; head < kvHeads; ++head) {
        const from = head * this.kv.capacity * headDim;
        larger.arrays[i]!.set(array.subarray(from, from + rows), head * capacity * headDim);
      }
    });
    this.kv = larger;
  }

  private allocate(capacity: number): KvBuffers {
    const { layers, kvHeads, headDim } = this.shape;
    const arrays: Float32Array[] = [];
    const feeds: Record<string, Ort.Tensor> = {};
    for (const name of pastNames(layers)) {
      const array = new Float32Array(kvHeads * capacity * headDim);
      arrays.push(array);
      feeds[name] = new this.ort.Tensor("float32", array, [1, kvHeads, capacity, headDim]);
    }
    return { capacity, arrays, feeds };
  }
}

function pastNames(layers: number): string[] {
  return Array.from({ length: layers }, (_, layer) => [
    `past_key_values.${layer}.key`,
    `past_key_values.${layer}.value`,
  ]).flat();
}

/** The sizes as the model file declares them. */
function shapeOf(path: string, session: Ort.InferenceSession): Omit<OnnxLlama["shape"], "maxPositions"> {
  const dimensions = (list: readonly Ort.InferenceSession.ValueMetadata[], name: string) => {
    const value = list.find((candidate) => candidate.name === name);
    return value?.isTensor ? value.shape : [];
  };
  const layers = session.inputNames.filter((name) => /^past_key_values\.\d+\.key$/.test(name)).length;
  const [, kvHeads, , headDim] = dimensions(session.inputMetadata, "past_key_values.0.key");
  const [, vocabularySize] = dimensions(session.outputMetadata, "logits");
  if (typeof kvHeads !== "number" || typeof headDim !== "number" || typeof vocabularySize !== "number") {
    throw new ModelError(`${path} is not a model that Tunesmith exported; export the model again.`);
  }
  return { layers, kvHeads, headDim, vocabularySize };
}

export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; ++i) if (values[i]! > values[best]!) best = i;
  return best;
}

export function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a[i] === b[i]) ++i;
  return i;
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ").replace(/[.\s]+$/, "");
}
