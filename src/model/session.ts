import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type * as Ort from "onnxruntime-node";
import { DraftedSequence, DraftLength } from "./draftedSequence";
import { ModelError, RunFailed } from "./error";
import type { KvBuffers, KvCache, KvShape } from "./kvCache";
import { KvCachePool } from "./kvCachePool";
import { feedsOf, type NewTokens } from "./onnx/graphFeeds";
import { MODEL_FILE } from "./onnx/llamaGraph";
import { PrefillPace } from "./prefillPace";
import { type PickerOptions, TokenPicker } from "./tokenPicker";

/** Tokens of one run where a whole sequence is scanned. */
const SCAN_CHUNK = 64;
/** What all KV caches may take where nothing else is said. */
const CACHE_BYTES = 256 << 20;
export interface LoadOptions {
  /** 0: onnxruntime decides. */
  threads: number;
  /** The longest sequence that the model's position tables hold. */
  maxPositions: number;
  /** onnxruntime's name of the execution provider; the CPU's takes what another one cannot. */
  provider?: string;
  /** What all KV caches together may take. */
  cacheBytes?: number;
}

export interface GenerateOptions extends PickerOptions {
  maxTokens: number;
  signal?: AbortSignal;
  /** Whose KV cache it is; prompts of one document have much in common. */
  document?: string;
  /** Tokens at most that are guessed from the sequence so far and verified in one run; 0: none. */
  draft?: number;
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
  /** Tokens that were guessed, and those of them that held. */
  drafted: number;
  accepted: number;
}

export interface ModelShape extends KvShape {
  vocabularySize: number;
  maxPositions: number;
}

/** An exported model with KV caches, one a document. Calls must not overlap. */
export class OnnxLlama {
  private readonly caches: KvCachePool;
  private readonly pace = new PrefillPace();
  private readonly draftLength = new DraftLength();

  private constructor(
    private readonly ort: typeof Ort,
    private readonly session: Ort.InferenceSession,
    readonly shape: ModelShape,
    cacheBytes: number,
  ) {
    this.caches = new KvCachePool(shape, cacheBytes, (capacity) => this.createBuffers(capacity));
  }

  /** onnxruntime is loaded here and not before. */
  static async load(exportDir: string, options: LoadOptions): Promise<OnnxLlama> {
    const ort = await import("onnxruntime-node");
    const path = join(exportDir, MODEL_FILE);
    const { provider = "cpu", threads, maxPositions, cacheBytes = CACHE_BYTES } = options;
    let session: Ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(path, {
        executionProviders: provider === "cpu" ? ["cpu"] : [provider, "cpu"],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
        // Between the hundreds of small products of a token threads wait busily, as waking them takes longer than many of
        // these; between two runs they sleep, and the editor has the cores.
        extra: { session: { intra_op: { allow_spinning: "1" }, force_spinning_stop: "1" } },
      });
    } catch (error) {
      throw new ModelError(`${path} could not be loaded: ${oneLine(error)}; export the model again.`, { cause: error });
    }
    return new OnnxLlama(ort, session, { ...shapeOf(path, session), maxPositions }, cacheBytes);
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  /** Forgets all cached sequences. */
  reset(): void {
    this.caches.clear();
  }

  /** Forgets what is cached of one document. */
  forget(document: string): void {
    this.caches.forget(document);
  }

  /** Bytes of all KV caches. */
  get cacheBytes(): number {
    return this.caches.bytes;
  }

  /** From now on all KV caches together keep to `bytes`, the last used one excepted. */
  limitCaches(bytes: number): void {
    this.caches.limit(bytes);
  }

  /** Continuation of `prompt`. */
  async generate(prompt: readonly number[], options: GenerateOptions): Promise<Generation> {
    const start = performance.now();
    const { maxTokens, signal, document = "", draft = 0 } = options;
    this.checkLength(prompt.length + maxTokens);
    if (maxTokens < 1) return { tokens: [], reusedTokens: 0, firstTokenMs: 0, totalMs: 0, drafted: 0, accepted: 0 };
    const prefilled = await this.prefill(document, prompt, prompt.length + maxTokens, signal);
    const run = (cache: KvCache, ids: readonly number[]) => this.append(cache, ids, [...ids.keys()]);
    const sequence = new DraftedSequence(prefilled.cache, prompt, run, this.shape.vocabularySize, this.draftLength);
    const picker = new TokenPicker(options);
    const tokens: number[] = [];
    let logits = prefilled.logits;
    let firstTokenMs = 0;
    for (;;) {
      const token = picker.pick(logits);
      if (tokens.length === 0) firstTokenMs = performance.now() - start;
      tokens.push(token);
      const stop = await options.onToken?.(token);
      if (stop || tokens.length >= maxTokens) break;
      await turn();
      signal?.throwIfAborted();
      const most = picker.isFree ? Math.min(draft, maxTokens - tokens.length - 1) : 0;
      logits = await sequence.follow(token, most, (row) => picker.isSure(row));
    }
    const { drafted, accepted } = sequence;
    const totalMs = performance.now() - start;
    return { tokens, reusedTokens: prefilled.reused, firstTokenMs, totalMs, drafted, accepted };
  }

  /** Logits of the prompt's last position. */
  async lastLogits(prompt: readonly number[], signal?: AbortSignal): Promise<Float32Array> {
    this.checkLength(prompt.length);
    return (await this.prefill("", prompt, prompt.length, signal)).logits;
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
    const wanted = positions.map(([row, column]) => row * length + column);
    const tokens = { ids, batch: sequences.length, sequence: length, past: 0, capacity: 0, wanted };
    const result = await this.run(tokens, this.noPast(sequences.length));
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
    this.forget("");
    const cache = this.caches.take("", ids, ids.length);
    const { vocabularySize } = this.shape;
    cache.truncate(0);
    for (let at = 0; at < ids.length; at += SCAN_CHUNK) {
      signal?.throwIfAborted();
      const wanted = positions.filter((position) => position >= at && position < at + SCAN_CHUNK);
      const logits = await this.append(
        cache,
        ids.slice(at, at + SCAN_CHUNK),
        wanted.map((position) => position - at),
      );
      wanted.forEach((position, i) => {
        visit(position, logits.subarray(i * vocabularySize, (i + 1) * vocabularySize));
      });
      await turn();
    }
  }

  /** Brings the document's cache to `prompt` and gives the logits of its last position. */
  private async prefill(
    document: string,
    prompt: readonly number[],
    need: number,
    signal: AbortSignal | undefined,
  ): Promise<{ cache: KvCache; logits: Float32Array; reused: number }> {
    if (prompt.length === 0) throw new ModelError("A prompt needs at least one token.");
    signal?.throwIfAborted();
    const cache = this.caches.take(document, prompt, need);
    const reused = cache.tokens.length;
    let logits: Float32Array | undefined;
    for (let at = reused; at < prompt.length; at = cache.tokens.length) {
      signal?.throwIfAborted();
      const chunk = prompt.slice(at, at + this.pace.chunk);
      const last = at + chunk.length === prompt.length;
      const start = performance.now();
      logits = await this.append(cache, chunk, last ? [chunk.length - 1] : []);
      this.pace.took(chunk.length, performance.now() - start);
      await turn();
    }
    signal?.throwIfAborted();
    return { cache, logits: logits!, reused };
  }

  /** Runs `ids` after the cached sequence, adds them to it, and gives the logits of `wanted`. */
  private async append(cache: KvCache, ids: readonly number[], wanted: readonly number[]): Promise<Float32Array> {
    const past = cache.tokens.length;
    // What is masked is computed all the same: an empty cache is left out.
    const { feeds, capacity } = past === 0 ? { feeds: this.noPast(1), capacity: 0 } : cache.buffers;
    const tokens = { ids: BigInt64Array.from(ids, BigInt), batch: 1, sequence: ids.length, past, capacity, wanted };
    const result = await this.run(tokens, feeds);
    const logits = result.logits!.data as Float32Array;
    if (!Number.isFinite(logits[0])) {
      // A masked row counts nothing times its value, and nothing times infinity is no number: such rows must not stay.
      this.caches.clear();
      throw new RunFailed("The model computed something that is not a finite number.");
    }
    cache.append(ids, result.new_kv!.data as Float32Array);
    return logits;
  }

  private async run(
    tokens: NewTokens,
    pastFeeds: Record<string, Ort.Tensor>,
  ): Promise<Ort.InferenceSession.OnnxValueMapType & Record<string, Ort.Tensor>> {
    try {
      return (await this.session.run({ ...pastFeeds, ...feedsOf(this.ort, tokens) })) as Record<string, Ort.Tensor>;
    } catch (error) {
      throw new RunFailed(`The model could not be run: ${oneLine(error)}.`, { cause: error });
    }
  }

  private noPast(batch: number): Record<string, Ort.Tensor> {
    const { kvHeads, headDim, layers } = this.shape;
    const empty = new this.ort.Tensor("float32", new Float32Array(0), [batch, kvHeads, 0, headDim]);
    return Object.fromEntries(pastNames(layers).map((name) => [name, empty]));
  }

  private checkLength(length: number): void {
    if (length > this.shape.maxPositions) {
      throw new ModelError(
        `${length} tokens do not fit: the model's context is ${this.shape.maxPositions} tokens long.`,
      );
    }
  }

  private createBuffers(capacity: number): KvBuffers {
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
function shapeOf(path: string, session: Ort.InferenceSession): Omit<ModelShape, "maxPositions"> {
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

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ").replace(/[.\s]+$/, "");
}
