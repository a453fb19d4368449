import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as v from "valibot";
import { DatasetError } from "../dataset/problem";
import { loadTokenizer, type Tokenizer } from "../dataset/tokenizer";
import { describeError } from "../disk/describeError";
import { contractPath, readContract } from "../model/contract";
import { type EngineModel, engineEvaluation } from "../model/engine";
import { readDocuments } from "../model/heldOut";
import {
  EVALUATION_VERSION,
  type EvaluatedAnswer,
  type EvaluationReport,
  type EvaluationSettings,
  type TestRuns,
} from "../protocol/evaluation";
import type { RunSpec } from "../protocol/run";
import { gpuHolder, gpuTakenBy } from "../run/machineRuns";
import { readPlainFile } from "../run/plainFile";
import { readRunSpec, runPaths } from "../run/runDirectory";
import { RunError } from "../run/runError";
import { RunMonitor } from "../run/runMonitor";
import { answerInstructions } from "./answers";
import { drawInstructions, type HeldOutInstruction, heldOutInstructions } from "./heldOutInstructions";
import { judgeAnswers } from "./judge";
import { figuresOf } from "./metrics/figures";
import { type HeldOutLosses, PartialEvaluation, removePartialEvaluation } from "./partialEvaluation";
import { EvaluationMark } from "./report/evaluationMark";
import { adapterSha256, readAnswers, readReport, writeEvaluation } from "./report/reportFiles";
import { readRows } from "./tests/readRows";
import { runRowTests, type TestedAnswer } from "./tests/runTests";

export interface EvaluateOptions {
  /** Path of tunesmith-engine. */
  engine: string;
  /** 0: the engine decides. */
  threads: number;
  rows: number;
  maxTokens: number;
  /** Runs tests that rows carry, where they can be enclosed. */
  runCode: boolean;
  /** Absent: where the run was trained. */
  device?: "cpu" | "cuda" | undefined;
  signal?: AbortSignal;
  onProgress?(stage: string, fraction: number | null, detail?: string): void;
  /** One sentence: why it does not compute where one would expect it. */
  onNote?(note: string): void;
}

const MAX_MANIFEST_BYTES = 16 << 20;
/** Of data/manifest.json, where the rows came from. */
const manifestSchema = v.object({
  sources: v.array(v.object({ path: v.pipe(v.string(), v.startsWith("/")), sha256: v.string() })),
});
type Source = v.InferOutput<typeof manifestSchema>["sources"][number];

/**
 * Compares the base model with the run's adapter on its held-out rows and writes `evaluation/`. Nothing of an earlier
 * report is touched before the last answer was judged; what has been computed by then is kept for the next evaluation of
 * the same. Throws one sentence, also where another process evaluates the run.
 */
export async function evaluateRun(directory: string, options: EvaluateOptions): Promise<EvaluationReport> {
  options.signal?.throwIfAborted();
  // Nothing is written into what is no run.
  const spec = await readRunSpec(directory);
  const mark = await EvaluationMark.take(directory);
  try {
    return await evaluate(directory, spec, {
      ...options,
      onProgress(stage, fraction, detail) {
        mark.tell({ stage, fraction, detail: detail ?? null });
        options.onProgress?.(stage, fraction, detail);
      },
      onNote(note) {
        mark.tell({ note });
        options.onNote?.(note);
      },
    });
  } finally {
    await mark.release({ ended: options.signal?.aborted !== true });
  }
}

async function evaluate(directory: string, spec: RunSpec, options: EvaluateOptions): Promise<EvaluationReport> {
  const began = Date.now();
  const { signal } = options;
  const run = await openRun(directory, spec, options);
  const measured = (options.runCode ? await earlierEvaluation(run) : null) ?? (await measure(run, options));
  const { answers } = measured;
  const tests = await testAll(run, answers, options);
  signal?.throwIfAborted();
  const report: EvaluationReport = {
    version: EVALUATION_VERSION,
    createdAt: new Date().toISOString(),
    settings: run.settings,
    adapter: run.adapter,
    instructions: { heldOut: run.heldOut, answered: answers.length },
    heldOut: measured.heldOut,
    base: figuresOf(
      answers.map(({ base }) => base),
      measured.loss.base,
    ),
    tuned: figuresOf(
      answers.map(({ tuned }) => tuned),
      measured.loss.tuned,
    ),
    tests,
    seconds: (Date.now() - began) / 1000,
  };
  if ((await adapterSha256(directory)) !== run.adapter.sha256) {
    throw new RunError(`${runPaths(directory).adapter} was changed while it was evaluated; evaluate the run again.`);
  }
  await writeEvaluation(directory, run.name, report, answers);
  await removePartialEvaluation(directory);
  return report;
}

/** What the engine has computed, without any test. */
interface Measured {
  loss: { base: number; tuned: number };
  heldOut: EvaluationReport["heldOut"];
  answers: EvaluatedAnswer[];
}

/** Goes on with what an evaluation of the same that was interrupted has computed. */
async function measure(run: OpenedRun, options: EvaluateOptions): Promise<Measured> {
  const key = { adapter: run.adapter.sha256, settings: run.settings };
  const partial = await PartialEvaluation.open(run.directory, key, run.instructions, run.vocabularySize);
  try {
    const losses = partial.losses ?? (await measureLosses(run, options));
    if (partial.losses === null) partial.keepLosses(losses);
    const answers = await answerAll(run, partial, options);
    const { base, tuned, targets, documents } = losses;
    return { loss: { base, tuned }, heldOut: { targets, documents }, answers };
  } finally {
    await partial.close();
  }
}

async function measureLosses(run: OpenedRun, { onProgress }: EvaluateOptions): Promise<HeldOutLosses> {
  onProgress?.("Held-out loss", 0);
  const base = await engineEvaluation({ ...run.model, adapterDir: null }, run.dataDir, "eval");
  onProgress?.("Held-out loss", 0.5);
  const { loss, targets, documents } = await engineEvaluation(run.model, run.dataDir, "eval");
  return { base: base.loss, tuned: loss, targets, documents };
}

/**
 * The answers of the same adapter to the same instructions, where only their tests have not been run yet: the models
 * would answer the same again. Null: there are none.
 */
async function earlierEvaluation({
  directory,
  adapter,
  settings,
  instructions,
  sources,
}: OpenedRun): Promise<Measured | null> {
  const report = await readReport(directory).catch(() => null);
  if (report === null || (report.tests.state !== "not-asked" && report.tests.state !== "refused")) return null;
  const same = isDeepStrictEqual([report.adapter.sha256, report.settings], [adapter.sha256, settings]);
  const answers = same ? await readAnswers(directory) : [];
  const complete =
    answers.length === instructions.length &&
    answers.every(({ file, row }, index) => {
      const { source, row: asked } = instructions[index]!;
      return row === asked && file === sources[source]?.path;
    });
  if (!complete) return null;
  return { loss: { base: report.base.loss, tuned: report.tuned.loss }, heldOut: report.heldOut, answers };
}

interface OpenedRun {
  directory: string;
  name: string;
  dataDir: string;
  model: EngineModel;
  tokenizer: Tokenizer;
  endTokens: ReadonlySet<number>;
  vocabularySize: number;
  sources: Source[];
  settings: EvaluationSettings;
  adapter: EvaluationReport["adapter"];
  /** All that there are. */
  heldOut: number;
  /** Those that were drawn. */
  instructions: HeldOutInstruction[];
}

async function openRun(directory: string, spec: RunSpec, options: EvaluateOptions): Promise<OpenedRun> {
  options.onProgress?.("Reading the run", null);
  const { data: dataDir, adapter: adapterDir } = runPaths(directory);
  const sha256 = await adapterSha256(directory);
  if (sha256 === null) {
    throw new RunError(`${directory} has no adapter yet: let the run finish, or stop it, and evaluate it then.`);
  }
  if (!existsSync(join(dataDir, "manifest.json"))) {
    throw new RunError(`${directory} has no prepared data; there is nothing to evaluate on.`);
  }
  const contract = readContract(contractPath(directory));
  const documents = readDocuments(dataDir, "eval", contract.vocabularySize);
  if (documents.length === 0) throw new RunError(`${directory} holds no rows out; there is nothing to evaluate on.`);
  const { rows, maxTokens, threads, engine, signal } = options;
  const settings = { rows, maxTokens, seed: spec.training.seed };
  const monitor = await RunMonitor.open(directory);
  const { start, end } = monitor.history;
  const all = heldOutInstructions(documents, contract, maxTokens);
  const done = end?.type === "done" ? end : undefined;
  const trainedOnGpu = start?.device.startsWith("cuda") === true;
  const device = options.device ?? (trainedOnGpu ? await freeDevice(directory, options) : "cpu");
  return {
    directory,
    name: monitor.name,
    dataDir,
    model: {
      engine,
      modelDir: spec.model.path,
      adapterDir,
      threads,
      device,
      ...(signal ? { signal } : {}),
    },
    tokenizer: await loadTokenizer(spec.model.path),
    endTokens: new Set(contract.endTokens.map(({ id }) => id)),
    vocabularySize: contract.vocabularySize,
    sources: await readSources(dataDir),
    settings,
    adapter: { sha256, step: done?.adapterStep ?? done?.step ?? null, early: done?.early ?? false },
    heldOut: all.length,
    instructions: drawInstructions(all, rows, settings.seed),
  };
}

/** The GPU, unless a run computes there. */
async function freeDevice(directory: string, { onNote }: EvaluateOptions): Promise<"cpu" | "cuda"> {
  const holder = await gpuHolder();
  if (holder === undefined) return "cuda";
  onNote?.(gpuTakenBy(holder, directory));
  return "cpu";
}

async function readSources(dataDir: string): Promise<Source[]> {
  const file = join(dataDir, "manifest.json");
  try {
    return v.parse(manifestSchema, JSON.parse(await readPlainFile(file, MAX_MANIFEST_BYTES))).sources;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof v.ValiError) {
      throw new RunError(`${file} is damaged; prepare the data again.`);
    }
    throw error;
  }
}

async function answerAll(
  run: OpenedRun,
  partial: PartialEvaluation,
  { signal, onProgress }: EvaluateOptions,
): Promise<EvaluatedAnswer[]> {
  const { instructions, tokenizer, model, endTokens, sources } = run;
  if (instructions.length === 0) return [];
  const count = instructions.length;
  const tell = (answered: number) =>
    onProgress?.("Answering held-out instructions", answered / count, `${Math.floor(answered)} of ${count}`);
  const pairs = await answerInstructions(instructions, {
    model,
    tokenizer,
    endTokens,
    known: partial.answers,
    onAnswered: (index, pair) => partial.keepAnswer(index, pair),
    onProgress: tell,
  });
  const expected = await Promise.all(instructions.map((one) => tokenizer.decode(one.expected)));
  const judged = await judgeAnswers(expected, pairs, signal);
  return Promise.all(
    judged.map(async (answer, index) => {
      const { source, row, prompt } = instructions[index]!;
      const text = await tokenizer.decode(prompt, { controlTokens: true });
      return { file: sources[source]?.path ?? "", row, prompt: text, ...answer };
    }),
  );
}

async function testAll(
  { instructions, sources, directory }: OpenedRun,
  answers: readonly EvaluatedAnswer[],
  { runCode, signal, onProgress }: EvaluateOptions,
): Promise<TestRuns> {
  onProgress?.("Running tests", 0);
  const tested: TestedAnswer[] = [];
  for (const [index, source] of sources.entries()) {
    const rows = new Set(instructions.filter((one) => one.source === index).map(({ row }) => row));
    if (rows.size === 0) continue;
    const values = await rowsOf(source, rows, signal);
    // Without the data set as it was nobody knows which tests belong to which row.
    if (typeof values === "string") {
      if (!runCode) return { state: "none" };
      return { state: "refused", rows: rows.size, reason: values };
    }
    for (const [at, one] of instructions.entries()) {
      if (one.source !== index) continue;
      const answer = answers[at]!;
      tested.push({ answer, rowValue: values.get(one.row), request: answer.prompt });
    }
  }
  const hidden = [directory, ...new Set(sources.map(({ path }) => dirname(path)))];
  return runRowTests(tested, {
    hidden: runCode ? hidden : null,
    signal,
    onProgress: (fraction) => onProgress?.("Running tests", fraction),
  });
}

/** The sentence that says why, where they cannot be read. */
async function rowsOf(
  source: Source,
  rows: ReadonlySet<number>,
  signal?: AbortSignal,
): Promise<Map<number, unknown> | string> {
  try {
    return await readRows(source, rows, signal);
  } catch (error) {
    signal?.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof DatasetError || code !== undefined) return describeError(error);
    throw error;
  }
}
