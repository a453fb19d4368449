import { join } from "node:path";
import * as v from "valibot";
import { encodeSamples, isEncoded, previewSegments } from "../dataset/encode";
import type { Sample } from "../dataset/sample";
import { templateById } from "../dataset/templates/registry";
import type { Segment, Template } from "../dataset/templates/template";
import { loadTokenizer, type Tokenizer } from "../dataset/tokenizer";
import type { SamplePrompt } from "../protocol/run";
import { readBoundedJson } from "./boundedFile";
import { readRunSpec, runPaths } from "./runDirectory";
import { RunError } from "./runError";

const MAX_CONTRACT_BYTES = 1 << 20;
const contractSchema = v.object({
  contextLength: v.number(),
  modes: v.object({ instruct: v.optional(v.object({ template: v.string() })) }),
});

export type RenderedPrompt = Pick<SamplePrompt, "instruction" | "text" | "ids">;

/** A run's way from an instruction to tokens: the very ones that its rows have in training. */
export class PromptRenderer {
  private constructor(
    readonly tokenizer: Tokenizer,
    /** Tokens that prompt and answer have together at most. */
    readonly contextLength: number,
    private readonly template: Template,
  ) {}

  /** Throws one sentence where the run has not been prepared, or its base model is gone. */
  static async ofRun(directory: string): Promise<PromptRenderer> {
    const { model } = await readRunSpec(directory);
    const { contract } = runPaths(directory);
    const parsed = v.safeParse(contractSchema, await readBoundedJson(contract, MAX_CONTRACT_BYTES));
    const template = parsed.success ? parsed.output.modes.instruct?.template : undefined;
    if (!parsed.success || template === undefined) {
      throw new RunError(`${contract} does not say how the model takes instructions; prepare the run again.`);
    }
    return new PromptRenderer(await loadTokenizer(model.path), parsed.output.contextLength, templateById(template));
  }

  /** Of a base model that was not tuned: the template that its tokenizer is made for. */
  static async ofModel(folder: string, contextLength: number, template: Template): Promise<PromptRenderer> {
    return new PromptRenderer(await loadTokenizer(folder), contextLength, template);
  }

  /** Throws one sentence where the prompt leaves no room for an answer of `room` tokens. */
  async instruction(instruction: string, input: string, room: number): Promise<RenderedPrompt> {
    const segments = this.template.prompt(instruction, input, this.tokenizer.special);
    const rendered = await this.render(input === "" ? instruction : `${instruction}\n\n${input}`, segments);
    this.requireRoom(rendered, room);
    return rendered;
  }

  /** What stands before the first answer of a row; null where nothing of it is an answer, or it leaves no room. */
  async ofRow(sample: Sample, room: number): Promise<RenderedPrompt | null> {
    const segments = this.template.render(sample, this.tokenizer.special);
    const answer = segments.findIndex(({ learned }) => learned);
    const instruction = instructionOf(sample);
    if (answer <= 0 || instruction === null) return null;
    const rendered = await this.render(instruction, segments.slice(0, answer));
    return rendered.ids.length + room <= this.contextLength ? rendered : null;
  }

  private async render(instruction: string, segments: readonly Segment[]): Promise<RenderedPrompt> {
    const { tokenizer } = this;
    const [encoded] = await encodeSamples([segments], tokenizer);
    if (encoded === undefined || !isEncoded(encoded)) {
      throw new RunError(encoded?.message ?? "The prompt could not be tokenized.");
    }
    const text = previewSegments(segments, tokenizer.special)
      .map((segment) => segment.text)
      .join("");
    return { instruction, text, ids: Array.from(encoded.tokens) };
  }

  private requireRoom({ ids }: RenderedPrompt, room: number): void {
    if (ids.length + room <= this.contextLength) return;
    const figure = (value: number) => value.toLocaleString("en");
    throw new RunError(
      `The prompt has ${figure(ids.length)} tokens, and prompt and answer together may have ${figure(this.contextLength)}: shorten the instruction, or ask for fewer tokens.`,
    );
  }
}

/** What a person would take for the row's question. */
function instructionOf(sample: Sample): string | null {
  switch (sample.shape) {
    case "instruction":
      return sample.input === "" ? sample.instruction : `${sample.instruction}\n\n${sample.input}`;
    case "completion":
      return sample.prompt;
    case "chat": {
      const answer = sample.messages.findIndex(({ role, unlearned }) => role === "assistant" && !unlearned);
      return sample.messages.slice(0, answer).findLast(({ role }) => role === "user")?.content ?? null;
    }
    case "fim":
      return null;
  }
}

export function checkpointFolder(directory: string, step: number): string {
  return join(runPaths(directory).checkpoints, `step-${step}`);
}
