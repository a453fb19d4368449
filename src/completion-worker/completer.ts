import { basename } from "node:path";
import { loadTokenizer, type Tokenizer } from "../dataset/tokenizer";
import { contractPath, readContract } from "../model/contract";
import { ModelError } from "../model/error";
import { readExport } from "../model/exportFolder";
import { type Generation, OnnxLlama } from "../model/session";
import type { Contract } from "../protocol/run";
import type { CodeQuestion, WorkerRequest, WorkerResponse } from "../protocol/worker";
import { answerPlace, shapeAnswer } from "./instructionAnswer";
import { type CodeStop, type Cut, judge, surroundings, trimPartialCharacter } from "./postprocess";
import { codePrompt, instructPrompt } from "./prompt";
import { TokenTexts, WordHealing } from "./wordHealing";

export type Completion = Omit<Extract<WorkerResponse, { type: "completion" }>, "type" | "id">;
export type CodeRequest = CodeQuestion;
export type InstructRequest = Omit<Extract<WorkerRequest, { type: "instruct" }>, "type" | "id">;

/** An exported model that completes code and answers instructions, as its contract allows. One request at a time. */
export class Completer {
  private constructor(
    /** The base model's name. */
    readonly name: string,
    readonly contract: Contract,
    private readonly tokenizer: Tokenizer,
    private readonly model: OnnxLlama,
    private readonly endTokens: ReadonlySet<number>,
    private readonly tokenTexts: TokenTexts,
  ) {}

  /** Refuses an export that is damaged or did not pass the parity gate. */
  static async load(exportDir: string, options: { threads: number }): Promise<Completer> {
    const record = await readExport(exportDir);
    const contract = readContract(contractPath(exportDir));
    const tokenizer = await loadTokenizer(exportDir);
    const model = await OnnxLlama.load(exportDir, { threads: options.threads, maxPositions: contract.contextLength });
    if (model.shape.vocabularySize < contract.vocabularySize) {
      await model.release();
      throw new ModelError(`${exportDir} holds a model with another vocabulary than its contract's; export it again.`);
    }
    // The first run pays for onnxruntime's own preparations; better now than at the first key.
    await model.generate([contract.beginToken?.id ?? 0], { maxTokens: 1 });
    model.reset();
    const texts = await TokenTexts.of(tokenizer);
    return new Completer(basename(record.model), contract, tokenizer, model, endTokens(contract), texts);
  }

  async complete(request: CodeRequest, signal?: AbortSignal): Promise<Completion> {
    const start = performance.now();
    const maxTokens = checkMaxTokens(request.maxTokens);
    const prompt = await codePrompt(this.contract, this.tokenizer, request, maxTokens);
    const { word } = prompt;
    const healing = new WordHealing(this.tokenTexts, word);
    const shape = prompt.mode === "instruct" ? answerShape(request) : continuationShape(request, word);
    let stop: CodeStop | null = null;
    const limits = { maxTokens, signal, choose: (logits: Float32Array) => healing.choose(logits) };
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
    limits: { maxTokens: number; signal: AbortSignal | undefined; choose?(logits: Float32Array): number | null },
    start: number,
    shape: (text: string, ended: "end-token" | "length" | null) => { text: string; done: boolean },
  ): Promise<Omit<Completion, "mode" | "stop">> {
    const beforeModel = performance.now() - start;
    const tokens: number[] = [];
    let ended: "end-token" | "length" = "length";
    let shaped = { text: "", done: false };
    const generation: Generation = await this.model.generate(ids, {
      ...limits,
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
    };
  }
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
