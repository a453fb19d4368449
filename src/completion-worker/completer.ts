import { basename } from "node:path";
import { loadTokenizer, type Tokenizer } from "../dataset/tokenizer";
import { contractPath, readContract } from "../model/contract";
import { ModelError } from "../model/error";
import { readExport } from "../model/exportFolder";
import { type GenerateOptions, type Generation, type LoadOptions, OnnxLlama } from "../model/session";
import type { Contract, ExportRecord } from "../protocol/run";
import type { CodeQuestion, PromptSection, ProviderChoice, WorkerRequest, WorkerResponse } from "../protocol/worker";
import { answerPlace, shapeAnswer } from "./instructionAnswer";
import { type CodeStop, type Cut, judge, surroundings, trimPartialCharacter } from "./postprocess";
import { codePrompt, instructPrompt } from "./prompt";
import { type PlacedModel, type ProviderRuntime, placeModel } from "./providerChoice";
import { TokenTexts, WordHealing } from "./wordHealing";

/**
 * What a code base says often need not be computed token by token. With float32 weights the tokens are those of plain
 * generation, in 0.64 of its time with tiny-python, and in 0.79 at the costs of Llama-3.2-1B (`bench/completion-drafts.ts`).
 */
const DRAFT = 6;
/** Where tokens are drawn, those less likely than this share of the likeliest are left out. */
const MIN_P = 0.1;
/** A whole chunk of a prompt, so that its time says something. */
const WARM_UP_TOKENS = 32;

export type Completion = Omit<Extract<WorkerResponse, { type: "completion" }>, "type" | "id">;
export type CodeRequest = CodeQuestion;
export type InstructRequest = Omit<Extract<WorkerRequest, { type: "instruct" }>, "type" | "id">;

export interface CompleterOptions {
  /** 0: onnxruntime decides. */
  threads: number;
  provider?: ProviderChoice;
  /** What all KV caches together may take. */
  cacheBytes?: number;
  /** What the whole process should take at most, in bytes; absent or 0: no limit. */
  memoryLimit?: number;
  /** Above 0: tokens are drawn from the likely ones; else the likeliest is taken. */
  temperature?: number;
}

/** An exported model that completes code and answers instructions, as its contract allows. One request at a time. */
export class Completer {
  #lastPrompt: PromptSection[] | null = null;

  private constructor(
    /** The base model's name. */
    readonly name: string,
    readonly contract: Contract,
    private readonly tokenizer: Tokenizer,
    private readonly placed: PlacedModel<OnnxLlama>,
    private readonly endTokens: ReadonlySet<number>,
    private readonly tokenTexts: TokenTexts,
    private readonly decoding: Pick<GenerateOptions, "draft" | "sampling">,
  ) {}

  /** Refuses an export that is damaged or did not pass the parity gate. */
  static async load(exportDir: string, options: CompleterOptions): Promise<Completer> {
    const record = await readExport(exportDir);
    checkMemory(record, options.memoryLimit ?? 0);
    const contract = readContract(contractPath(exportDir));
    const tokenizer = await loadTokenizer(exportDir);
    const { threads, cacheBytes, provider = "cpu" } = options;
    const runtime = await onnxRuntime(exportDir, { threads, cacheBytes, maxPositions: contract.contextLength });
    const placed = await placeModel(exportDir, provider, runtime);
    const { model } = placed;
    if (model.shape.vocabularySize < contract.vocabularySize) {
      await model.release();
      throw new ModelError(`${exportDir} holds a model with another vocabulary than its contract's; export it again.`);
    }
    // The first run pays for onnxruntime's own preparations, and the first chunk says how fast the model is.
    await model.lastLogits(new Array<number>(WARM_UP_TOKENS).fill(contract.beginToken?.id ?? 0));
    model.reset();
    const texts = await TokenTexts.of(tokenizer);
    // Where activations are rounded, several tokens in one run come out otherwise than one alone, as far as other tokens.
    const draft = record.precision === "fp32" && placed.provider === "cpu" ? DRAFT : 0;
    const { temperature = 0 } = options;
    const sampling = temperature > 0 ? { temperature, minP: MIN_P, random: Math.random } : undefined;
    const decoding = { draft, sampling };
    return new Completer(basename(record.model), contract, tokenizer, placed, endTokens(contract), texts, decoding);
  }

  /** Where it computes: cpu, cuda, … */
  get provider(): string {
    return this.placed.provider;
  }

  /** Providers that were tried and not taken, each with the reason. */
  get notTaken(): PlacedModel<OnnxLlama>["notTaken"] {
    return this.placed.notTaken;
  }

  /** The last prompt for code, section by section; null where there was none. */
  get lastPrompt(): PromptSection[] | null {
    return this.#lastPrompt;
  }

  /** Bytes of all KV caches. */
  get cacheBytes(): number {
    return this.model.cacheBytes;
  }

  /** From now on all KV caches together keep to `bytes`, the last used one excepted. */
  limitCaches(bytes: number): void {
    this.model.limitCaches(bytes);
  }

  /** The document is closed: its KV cache goes. */
  forget(document: string): void {
    this.model.forget(document);
  }

  private get model(): OnnxLlama {
    return this.placed.model;
  }

  async complete(request: CodeRequest, signal?: AbortSignal): Promise<Completion> {
    const start = performance.now();
    const maxTokens = checkMaxTokens(request.maxTokens);
    const prompt = await codePrompt(this.contract, this.tokenizer, request, maxTokens);
    this.#lastPrompt = prompt.sections;
    const { word } = prompt;
    const healing = new WordHealing(this.tokenTexts, word);
    const shape = prompt.mode === "instruct" ? answerShape(request) : continuationShape(request, word);
    let stop: CodeStop | null = null;
    const choose = (logits: Float32Array) => healing.choose(logits);
    // Answers have their template in common, and nothing with the document's code, whose cache stays.
    const document = prompt.mode === "instruct" ? "" : request.document;
    const limits = { maxTokens, signal, document, choose };
    const generation = await this.generate(prompt.ids, limits, start, (text, ended) => {
      const cut = shape(text, ended);
      stop = cut.stop;
      return { text: cut.text, done: cut.stop !== null };
    });
    return { ...generation, mode: prompt.mode, stop: stop ?? "length" };
  }

  async instruct(request: InstructRequest, signal?: AbortSignal): Promise<Completion> {
    const start = performance.now();
    const maxTokens = checkMaxTokens(request.maxTokens);
    const ids = await instructPrompt(this.contract, this.tokenizer, request, maxTokens);
    let stop: "end-token" | "length" = "length";
    const generation = await this.generate(ids, { maxTokens, signal }, start, (text, ended) => {
      if (ended) stop = ended;
      return { text: trimPartialCharacter(text), done: false };
    });
    return { ...generation, mode: "instruct", stop };
  }

  release(): Promise<void> {
    return this.model.release();
  }

  /** Generates until `shape` is content, an end token comes or the limits are reached; the text is `shape`'s last. */
  private async generate(
    ids: number[],
    limits: Pick<GenerateOptions, "maxTokens" | "signal" | "document" | "choose">,
    start: number,
    shape: (text: string, ended: "end-token" | "length" | null) => { text: string; done: boolean },
  ): Promise<Omit<Completion, "mode" | "stop">> {
    const beforeModel = performance.now() - start;
    const tokens: number[] = [];
    let ended: "end-token" | "length" = "length";
    let shaped = { text: "", done: false };
    const generation: Generation = await this.model.generate(ids, {
      ...limits,
      ...this.decoding,
      onToken: async (id) => {
        if (this.endTokens.has(id)) {
          ended = "end-token";
          return true;
        }
        tokens.push(id);
        shaped = shape(await this.tokenizer.decode(tokens), null);
        return shaped.done;
      },
    });
    if (!shaped.done) shaped = shape(await this.tokenizer.decode(tokens), ended);
    return {
      text: shaped.text,
      promptTokens: ids.length,
      reusedTokens: generation.reusedTokens,
      generatedTokens: generation.tokens.length,
      firstTokenMs: beforeModel + generation.firstTokenMs,
      totalMs: performance.now() - start,
      memoryBytes: process.memoryUsage.rss(),
      provider: this.provider,
    };
  }
}

/** A model that cannot fit is not loaded at all: that alone could bring the machine to a halt. */
function checkMemory({ files }: ExportRecord, memoryLimit: number): void {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (memoryLimit === 0 || bytes <= memoryLimit) return;
  const [needed, limit] = [bytes, memoryLimit].map((size) => Math.round(size / 1e6));
  throw new ModelError(
    `The model's files alone take ${needed} MB, but tunesmith.completion.memoryLimit is ${limit} MB; raise it, or export the model at a smaller precision.`,
  );
}

async function onnxRuntime(exportDir: string, options: LoadOptions): Promise<ProviderRuntime<OnnxLlama>> {
  const { env, listSupportedBackends } = await import("onnxruntime-node");
  return {
    version: env.versions.node ?? env.versions.common,
    listed: listSupportedBackends().map(({ name }) => name),
    load: (provider) => OnnxLlama.load(exportDir, { ...options, provider }),
    now: () => performance.now(),
  };
}

type Shape = (text: string, ended: "end-token" | "length" | null) => Cut;

/** What follows the cursor: the begun word written again, then what is new. */
function continuationShape({ prefix, suffix, multiline }: CodeRequest, word: string): Shape {
  const around = surroundings(prefix, suffix, multiline);
  return (text, ended) => {
    if (!ended && text.length < word.length) return { text: "", stop: null };
    return judge(text.startsWith(word) ? text.slice(word.length) : "", around, ended);
  };
}

/** The answer to what was asked for above the cursor. */
function answerShape({ prefix, suffix, instruction }: CodeRequest): Shape {
  const place = answerPlace(prefix, suffix, instruction ?? "");
  return (text, ended) => shapeAnswer(trimPartialCharacter(text), place, ended);
}

/** The contract's, and the control tokens of fill-in-the-middle: behind the middle a model may begin another file. */
function endTokens({ endTokens, beginToken, modes }: Contract): Set<number> {
  const ids = new Set(endTokens.map(({ id }) => id));
  if (beginToken) ids.add(beginToken.id);
  for (const id of Object.values(modes.fim ?? {})) ids.add(id);
  return ids;
}

function checkMaxTokens(maxTokens: number): number {
  if (!Number.isInteger(maxTokens) || maxTokens < 1) {
    throw new ModelError(`The number of new tokens must be a whole number above 0, not ${maxTokens}.`);
  }
  return maxTokens;
}
