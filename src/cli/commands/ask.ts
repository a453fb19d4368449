import { resolve } from "node:path";
import { readModelLimits } from "../../dataset/contract";
import { templateById } from "../../dataset/templates/registry";
import { engineGeneration } from "../../model/engineGeneration";
import type { EngineGeneration } from "../../protocol/engine";
import type { AskPart, AskResult, TriedAnswer } from "../../protocol/samplesView";
import { AnswerText, type TextChange } from "../../run/answerText";
import { type AskedModel, askedModel } from "../../run/askedModel";
import { PromptRenderer } from "../../run/prompts";
import { type Command, type CommandContext, numberOption, requiredOption, stringOption, UsageError } from "../command";
import { engineFor } from "../runFlow";

export const command: Command = {
  name: ["ask"],
  summary: "answer an instruction with a run's tuned model and its base model, token by token",
  positionals: { usage: "RUN", min: 0, max: 1 },
  options: {
    instruction: { type: "string", value: "TEXT", description: "what is to be done" },
    input: { type: "string", value: "TEXT", description: "goes with the instruction" },
    model: { type: "string", value: "DIR", description: "a base model's folder, in place of a run" },
    adapter: { type: "string", value: "DIR", description: "with --model: a folder with an adapter in PEFT's format" },
    template: { type: "string", value: "ID", description: "with --model: how instructions are put; default alpaca" },
    step: { type: "string", value: "N", description: "the checkpoint of this step; default: the newest adapter" },
    base: { type: "boolean", description: "the base model answers too, and first" },
    "max-tokens": { type: "string", value: "N", description: "an answer ends here at the latest; default 256" },
    threads: { type: "string", value: "N", description: "0: as many as there are cores" },
    engine: { type: "string", value: "FILE", description: "the training engine, where it is not Tunesmith's own" },
  },
  async run(context) {
    const instruction = requiredOption(context, "instruction");
    const input = stringOption(context, "input") ?? "";
    const maxTokens = numberOption(context, "max-tokens", { min: 1, max: 4096, whole: true }) ?? 256;
    const threads = numberOption(context, "threads", { min: 0, max: 1024, whole: true });
    const engine = await engineFor(stringOption(context, "engine"));
    context.progress("Loading the model", null);
    const { renderer, modelDir, asked } = await openModel(context);
    const prompt = await renderer.instruction(instruction, input, maxTokens);
    const { adapterDir, device, note, step } = asked;
    const base = context.values.base === true;
    const answering = adapterDir === null ? [true] : base ? [true, false] : [false];
    hand(context, { type: "asked", prompt: prompt.text, step, note, answers: answering });
    if (note !== "") context.print(note);
    const telling = new AnswerTelling(context, renderer, answering);
    await engineGeneration(
      { engine, modelDir, adapterDir, device, threads: threads ?? asked.threads, signal: context.signal },
      [{ ids: prompt.ids, maxTokens }],
      { base: base && adapterDir !== null, onGeneration: (piece) => telling.add(piece) },
    );
    const result: AskResult = {
      instruction: prompt.instruction,
      prompt: prompt.text,
      step,
      note,
      answers: await telling.finish(),
    };
    context.result(result, "");
    return 0;
  },
};

type Asked = Pick<AskedModel, "adapterDir" | "step" | "device" | "note"> & { threads: number };

async function openModel(
  context: CommandContext,
): Promise<{ renderer: PromptRenderer; modelDir: string; asked: Asked }> {
  const [run] = context.positionals;
  const model = stringOption(context, "model");
  if ((run === undefined) === (model === undefined)) throw new UsageError("Give a run, or --model.");
  const step = numberOption(context, "step", { min: 1, max: 1e7, whole: true });
  const adapter = stringOption(context, "adapter");
  const template = stringOption(context, "template");
  if (run !== undefined) {
    if (adapter !== undefined || template !== undefined)
      throw new UsageError("--adapter and --template go with --model.");
    const directory = resolve(context.cwd, run);
    const asked = await askedModel(directory, step);
    const { model, threads } = asked.spec;
    return { renderer: await PromptRenderer.ofRun(directory), modelDir: model.path, asked: { ...asked, threads } };
  }
  if (step !== undefined) throw new UsageError("--step goes with a run.");
  const modelDir = resolve(context.cwd, model!);
  const { contextLength } = await readModelLimits(modelDir);
  const renderer = await PromptRenderer.ofModel(modelDir, contextLength, templateById(template ?? "alpaca"));
  const adapterDir = adapter === undefined ? null : resolve(context.cwd, adapter);
  return { renderer, modelDir, asked: { adapterDir, step: null, device: "cpu", note: "", threads: 0 } };
}

function hand(context: CommandContext, part: AskPart, text = ""): void {
  context.partial(part, text);
}

/** Decodes the answers in the tokens' order, while the engine goes on; tokens that came meanwhile are decoded at once. */
class AnswerTelling {
  readonly #answers = new Map<boolean, { text: AnswerText; told: TriedAnswer }>();
  #queue: EngineGeneration[] = [];
  #working: Promise<void> | undefined;

  constructor(
    private readonly context: CommandContext,
    private readonly renderer: PromptRenderer,
    private readonly answering: readonly boolean[],
  ) {}

  add(piece: EngineGeneration): void {
    this.#queue.push(piece);
    this.#working ??= this.#work();
    // What fails here is thrown by finish().
    this.#working.catch(() => {});
  }

  async finish(): Promise<TriedAnswer[]> {
    await this.#working;
    return this.answering.map((base) => this.#answerOf(base).told);
  }

  async #work(): Promise<void> {
    // The first tokens of a turn come together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const pieces = this.#queue.splice(0);
      while (pieces.length > 0) {
        const { base } = pieces[0]!;
        let count = pieces.findIndex((piece) => piece.base !== base || piece.type === "end");
        if (count < 0) count = pieces.length;
        const ids = pieces.splice(0, count).flatMap((piece) => (piece.type === "token" ? [piece.id] : []));
        if (ids.length > 0) await this.#grow(base, ids);
        const [next] = pieces;
        if (next?.type === "end" && next.base === base) {
          pieces.shift();
          await this.#end(next);
        }
      }
    }
    this.#working = undefined;
  }

  async #grow(base: boolean, ids: readonly number[]): Promise<void> {
    const { text } = this.#answerOf(base);
    this.#tell(base, text, await text.add(ids));
  }

  async #end({ base, ended, seconds }: Extract<EngineGeneration, { type: "end" }>): Promise<void> {
    const { text, told } = this.#answerOf(base);
    this.#tell(base, text, await text.finish());
    Object.assign(told, { text: text.text, tokens: text.tokens, ended, seconds });
    const speed = seconds > 0 ? ` · ${(text.tokens / seconds).toFixed(1)} tokens/s` : "";
    const how = ended ? "ended by itself" : "cut at the limit";
    hand(this.context, { type: "end", base, tokens: text.tokens, ended, seconds }, `\n(${how}${speed})\n`);
  }

  #tell(base: boolean, { tokens }: AnswerText, change: TextChange | null): void {
    if (change === null) return;
    hand(this.context, { type: "piece", piece: { base, tokens, ...change } }, change.text);
  }

  #answerOf(base: boolean): { text: AnswerText; told: TriedAnswer } {
    const known = this.#answers.get(base);
    if (known !== undefined) return known;
    // A heading only where there are two to tell apart.
    if (this.answering.length > 1) this.context.print(base ? "Base model:" : "Tuned model:");
    const made = {
      text: new AnswerText(this.renderer.tokenizer),
      told: { base, text: "", tokens: 0, ended: null, seconds: null },
    };
    this.#answers.set(base, made);
    return made;
  }
}
