import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as v from "valibot";
import type { EngineMeasuring, EnginePlan, EngineRefusal } from "../protocol/engine";
import { RUN_VERSION, type RunSpec } from "../protocol/run";
import type { DataSummary } from "../protocol/webview";
import { settingChanges } from "./fixes";
import type { NewRun } from "./runDirectory";
import { RunError } from "./runError";
import { parseRunSpec, ranges } from "./runSpec";
import { PINNED_SAMPLES, SAMPLE_TOKENS } from "./samples";

export interface ForecastRequest {
  engine: string;
  run: NewRun;
  /** Of one pass over the data, which need not be prepared. */
  trainTokens: number;
  evalTokens: number;
  /** How many sequences the training rows make; absent, or counted with other settings than the run's: as few as could
      hold their tokens. */
  packed?: DataSummary["packed"];
  /** Of the document that a token lies in, on the average; absent: as long as a sequence. */
  documentTokens?: number;
  /** Of the training tokens, those in the loss; absent: all. */
  trainTargets?: number;
  /** Prompts that each evaluation answers, and where an answer ends at the latest; absent: none. */
  answers?: { prompts: number; tokens: number };
  /** With answers: see DataSummary; absent: as of a document of the average length. */
  rowTokens?: DataSummary["rowTokens"];
  /** Where earlier runs are looked for whose speed is known; null: there are none. */
  runsFolder: string | null;
  /** Given: two steps are computed to measure them, which takes up to half a minute. */
  onMeasuring?: (progress: EngineMeasuring) => void;
  signal?: AbortSignal;
}

type OfData = "trainTokens" | "evalTokens" | "trainTargets" | "documentTokens" | "packed" | "rowTokens";

/** What a forecast asks of the data, by what they were counted to be. */
export function forecastData(counted: Pick<DataSummary, OfData>): Pick<ForecastRequest, OfData | "answers"> {
  const { trainTokens, evalTokens, trainTargets, documentTokens, packed, rowTokens } = counted;
  return {
    trainTokens,
    evalTokens,
    trainTargets,
    documentTokens,
    packed,
    rowTokens,
    ...(evalTokens > 0 ? { answers: { prompts: PINNED_SAMPLES, tokens: SAMPLE_TOKENS } } : {}),
  };
}

/** Why a run could not be started, with the changes of its settings that would each mend it. */
export class ForecastRefused extends RunError {
  override name = "ForecastRefused";

  constructor(
    message: string,
    readonly fixes: EngineRefusal["error"]["fixes"],
    /** Where it is memory that is missing: bytes of the smallest plan, and those that it may take. */
    readonly memory: { least: number; usable: number } | null,
  ) {
    super(message);
  }
}

const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
const planSchema = v.object({
  device: v.string(),
  deviceName: v.string(),
  why: v.string(),
  memoryTotal: amount,
  memoryFree: amount,
  usableBytes: amount,
  recompute: v.picklist(["none", "gate-up", "block"]),
  microBatch: amount,
  forecastBytes: amount,
  weightBytes: amount,
  adapterBytes: amount,
  savedBytes: amount,
  workingBytes: amount,
  headBytes: amount,
  scratchBytes: amount,
  parameters: amount,
  trainableParameters: amount,
  maxPositions: amount,
  steps: amount,
  tokens: amount,
  tokensPerSecond: amount,
  measured: v.boolean(),
  seconds: amount,
  startSeconds: amount,
  trainingSeconds: amount,
  evaluationSeconds: amount,
  answerSeconds: amount,
  checkpointSeconds: amount,
  calibrated: v.exactOptional(v.literal(true)),
  measuredBytes: v.exactOptional(amount),
});
const measuringSchema = v.object({
  stage: v.picklist(["loading", "steps", "evaluation", "checkpoint"]),
  fraction: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
});
const refusalSchema = v.object({
  error: v.object({
    code: v.string(),
    message: v.string(),
    leastBytes: v.exactOptional(amount),
    usableBytes: v.exactOptional(amount),
    fixes: v.array(v.object({ changes: settingChanges, bytes: amount })),
  }),
});

/**
 * What the run would take where it were started now. Throws ForecastRefused where it could not be, RunError where the
 * engine says something else or nothing.
 */
export async function forecastRun(request: ForecastRequest): Promise<EnginePlan> {
  const { engine, run, signal } = request;
  // The engine reads run.json; the run itself is not made before it is started.
  const directory = await mkdtemp(join(tmpdir(), "tunesmith-forecast-"));
  try {
    const sequenceLength = longestSequence(request);
    const createdAt = new Date().toISOString();
    const spec: RunSpec = { version: RUN_VERSION, id: "forecast", createdAt, ...run, sequenceLength };
    parseRunSpec(spec, "The run");
    await writeFile(join(directory, "run.json"), JSON.stringify(spec));
    const answer = await ask(engine, argumentsOf(request, directory), request);
    signal?.throwIfAborted();
    return planOf(answer, engine);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Undefined where the rows were counted with other settings than the run's. */
function packedAs({ packed, run }: ForecastRequest): DataSummary["packed"] | undefined {
  if (packed?.sequenceLength !== run.sequenceLength) return undefined;
  return packed.packing === (run.dataset.packing ?? true) ? packed : undefined;
}

/** Of the longest sequence: without packing, that of the longest row, which takes less memory than the longest allowed. */
function longestSequence(request: ForecastRequest): number {
  const packed = packedAs(request);
  if (packed === undefined || packed.packing) return request.run.sequenceLength;
  return Math.max(ranges.sequenceLength.min, packed.longest);
}

function argumentsOf(request: ForecastRequest, directory: string): string[] {
  const args = ["plan", "--run", directory, "--runs", request.runsFolder ?? directory];
  args.push("--tokens", whole(request.trainTokens, 1), "--eval-tokens", whole(request.evalTokens, 0));
  const packed = packedAs(request);
  if (packed !== undefined) args.push("--sequences", whole(packed.train, 1));
  if (request.documentTokens !== undefined) args.push("--document-tokens", whole(request.documentTokens, 1));
  if (request.trainTargets !== undefined) args.push("--targets", whole(request.trainTargets, 0));
  if (request.answers !== undefined) {
    args.push("--answers", whole(request.answers.prompts, 0), "--answer-tokens", whole(request.answers.tokens, 1));
    const { rowTokens } = request;
    if (rowTokens !== undefined) {
      args.push("--row-prompt", whole(rowTokens.prompt, 0), "--row-answer", whole(rowTokens.answer, 0));
    }
  }
  if (request.onMeasuring !== undefined) args.push("--measure");
  return [...args, "--json"];
}

function whole(value: number, least: number): string {
  return String(Math.max(least, Math.round(value)));
}

interface Answer {
  /** Of standard output; a line of progress is none. */
  last: unknown;
  stderr: string;
  /** What kept the engine from being started; null: it was. */
  failure: Error | null;
  code: number | null;
}

/** How much of standard error is kept: the engine's last words are one sentence. */
const MOST_STDERR = 64 * 1024;

function ask(engine: string, args: string[], { signal, onMeasuring }: ForecastRequest): Promise<Answer> {
  return new Promise((resolve) => {
    const answer: Answer = { last: undefined, stderr: "", failure: null, code: null };
    const child = spawn(engine, args, {
      stdio: ["ignore", "pipe", "pipe"],
      ...(signal === undefined ? {} : { signal }),
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      const value = parseLine(line);
      const measuring = v.safeParse(measuringSchema, value);
      if (measuring.success) onMeasuring?.(measuring.output);
      else answer.last = value;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      answer.stderr = (answer.stderr + text).slice(-MOST_STDERR);
    });
    child.on("error", (failure) => {
      answer.failure = failure;
      // Where it was never started there is no "close".
      if (child.pid === undefined) resolve(answer);
    });
    child.on("close", (code) => resolve({ ...answer, code }));
  });
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The engine's plan; throws its refusal, its last words, or what kept it from speaking. */
function planOf({ last, stderr, failure, code }: Answer, engine: string): EnginePlan {
  const plan = v.safeParse(planSchema, last);
  if (code === 0 && plan.success) return plan.output;
  const refusal = v.safeParse(refusalSchema, last);
  if (refusal.success) {
    const { message, fixes, leastBytes: least, usableBytes: usable } = refusal.output.error;
    const memory = least === undefined || usable === undefined ? null : { least, usable };
    throw new ForecastRefused(message, fixes, memory);
  }
  const said = stderr.split("\n").find((line) => line.startsWith("tunesmith-engine: "));
  if (said !== undefined) throw new RunError(said.replace("tunesmith-engine: ", "").trim());
  throw new RunError(`${engine} gave no forecast: ${failure?.message ?? `it ended with code ${code}`}`);
}
