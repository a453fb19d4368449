import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as v from "valibot";
import { writeAtomically } from "../disk/atomicWrite";
import type { EvaluationSettings } from "../protocol/evaluation";
import { readPlainFile } from "../run/plainFile";
import { withFile } from "../run/runError";
import type { AnsweredPair } from "./answers";
import type { HeldOutInstruction } from "./heldOutInstructions";
import { evaluationPaths } from "./report/reportFiles";

const VERSION = 1;
const MAX_BYTES = 256 << 20;

/** What an evaluation is of: what was computed for one counts for no other. */
export interface EvaluationKey {
  adapter: string;
  settings: EvaluationSettings;
}

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const finite = v.pipe(v.number(), v.finite());
const headSchema = v.object({
  version: v.literal(VERSION),
  adapter: v.string(),
  settings: v.object({ rows: whole, maxTokens: whole, seed: whole }),
});
const lossesSchema = v.object({ base: finite, tuned: finite, targets: whole, documents: whole });
const lineSchema = v.object({ losses: lossesSchema });
const idsSchema = v.object({ ids: v.array(whole), ended: v.boolean() });
const answerSchema = v.object({ index: whole, source: whole, row: whole, base: idsSchema, tuned: idsSchema });
type AnswerLine = v.InferOutput<typeof answerSchema>;

/** Over all held-out rows, as the engine computes them. */
export type HeldOutLosses = v.InferOutput<typeof lossesSchema>;

/**
 * What an evaluation that has not ended yet has computed so far: `evaluation/partial.jsonl`, a line for what it is of, one
 * for the losses, one an instruction. Only lines are added, so whatever ends the process costs the last one at most.
 */
export class PartialEvaluation {
  readonly answers: ReadonlyMap<number, AnsweredPair>;
  #written: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: string,
    private readonly handle: FileHandle,
    private readonly instructions: readonly HeldOutInstruction[],
    readonly losses: HeldOutLosses | null,
    answers: readonly AnswerLine[],
  ) {
    this.answers = new Map(answers.map(({ index, base, tuned }) => [index, { base, tuned }]));
  }

  /** With what an interrupted evaluation of the same has left. Throws one sentence where the file cannot be written. */
  static async open(
    runDirectory: string,
    key: EvaluationKey,
    instructions: readonly HeldOutInstruction[],
    vocabularySize: number,
  ): Promise<PartialEvaluation> {
    const file = fileOf(runDirectory);
    const { losses, answers } = await readKept(file, key);
    const fit = answers.filter((answer) => isOf(answer, instructions, vocabularySize));
    const head = { version: VERSION, ...key };
    try {
      await mkdir(evaluationPaths(runDirectory).folder, { recursive: true });
      // Anew without what is of no use, such as half a line at the end.
      await writeAtomically(file, [head, ...(losses === null ? [] : [{ losses }]), ...fit].map(line).join(""));
      const { O_WRONLY, O_APPEND, O_NOFOLLOW = 0 } = constants;
      const handle = await open(file, O_WRONLY | O_APPEND | O_NOFOLLOW);
      return new PartialEvaluation(file, handle, instructions, losses, fit);
    } catch (error) {
      throw withFile(error, file);
    }
  }

  keepLosses(losses: HeldOutLosses): void {
    this.#append({ losses });
  }

  keepAnswer(index: number, { base, tuned }: AnsweredPair): void {
    const { source, row } = this.instructions[index]!;
    this.#append({ index, source, row, base, tuned });
  }

  #append(value: object): void {
    this.#written = this.#written.then(() => this.handle.appendFile(line(value)));
    // What fails here is thrown by close().
    this.#written.catch(() => {});
  }

  /** Throws one sentence where something could not be written. */
  async close(): Promise<void> {
    try {
      await this.#written;
    } catch (error) {
      throw withFile(error, this.file);
    } finally {
      await this.handle.close();
    }
  }
}

/** The evaluation has ended: its report holds all of it. */
export async function removePartialEvaluation(runDirectory: string): Promise<void> {
  await rm(fileOf(runDirectory), { force: true });
}

const fileOf = (runDirectory: string) => join(evaluationPaths(runDirectory).folder, "partial.jsonl");
const line = (value: object) => `${JSON.stringify(value)}\n`;

/** The whole lines of an evaluation of the same; none where the file is absent, damaged or of another one. */
async function readKept(
  file: string,
  { adapter, settings }: EvaluationKey,
): Promise<{ losses: HeldOutLosses | null; answers: AnswerLine[] }> {
  const content = await readPlainFile(file, MAX_BYTES).catch(() => "");
  const [first, ...rest] = content.split("\n").slice(0, -1).map(parse);
  const head = v.safeParse(headSchema, first);
  const nothing = { losses: null, answers: [] };
  if (!head.success || !isDeepStrictEqual([head.output.adapter, head.output.settings], [adapter, settings])) {
    return nothing;
  }
  let losses: HeldOutLosses | null = null;
  const answers = new Map<number, AnswerLine>();
  for (const value of rest) {
    const told = v.safeParse(lineSchema, value);
    if (told.success) losses = told.output.losses;
    const answer = v.safeParse(answerSchema, value);
    if (answer.success) answers.set(answer.output.index, answer.output);
  }
  return { losses, answers: [...answers.values()] };
}

function isOf(
  { index, source, row, base, tuned }: AnswerLine,
  instructions: readonly HeldOutInstruction[],
  vocabularySize: number,
): boolean {
  const asked = instructions[index];
  const known = [...base.ids, ...tuned.ids].every((id) => id < vocabularySize);
  return asked !== undefined && asked.source === source && asked.row === row && known;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
