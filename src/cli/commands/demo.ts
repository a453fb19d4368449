import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { codeAlone } from "../../completion-worker/question";
import { scanFile } from "../../dataset/scan/scanFile";
import { summarize } from "../../dataset/summarize";
import { loadTokenizer } from "../../dataset/tokenizer";
import { exportRun } from "../../model/export";
import { parityFailure } from "../../model/parity";
import { deleteRun, listRunDirectories, type NewRun, runPaths } from "../../run/runDirectory";
import { RunError } from "../../run/runError";
import { defaultHeldOut, defaultSettings } from "../../run/runSpec";
import { type Command, type CommandContext, stringOption } from "../command";
import { measureSpeed } from "../demo/calibrate";
import { makeDataset } from "../demo/demoData";
import { type DemoResult, describeDemo } from "../demo/demoText";
import { rowsThatFit } from "../demo/rowBudget";
import { findStandardLibrary } from "../demo/standardLibrary";
import { installRoot } from "../installRoot";
import { createPreparedRun, engineFor, followRun, startRun } from "../runFlow";
import { grouped } from "../runText";

/** For everything, from reading the data to the completion. */
const TOTAL_SECONDS = 360;
const HELD_OUT_ROWS = 240;
const SHOWN_PROBLEMS = 10;
const PREFIX = `def count_words(text):
    """Return a dictionary that maps each word of the text to the number of times it occurs."""
    `;

export const command: Command = {
  name: ["demo"],
  summary: "the whole way once: a data set, a tuned model, its loss before and after, a completion",
  options: {
    data: {
      type: "string",
      value: "FILE",
      description: "a data set (.jsonl); default: made of Python's standard library",
    },
    model: { type: "string", value: "DIR", description: "the base model; default: the bundled tiny-python" },
    engine: { type: "string", value: "FILE", description: "the training engine, where it is not Tunesmith's own" },
  },
  async run(outer) {
    const context = withFewProblems(outer);
    const started = performance.now();
    const folder = join(context.cwd, ".tunesmith", "demo");
    const engine = await engineFor(stringOption(context, "engine"));
    const data = await dataFor(folder, context);
    const run = await newRun(data, context);
    const runsFolder = join(folder, "runs");
    await removeOldRuns(runsFolder);
    const secondsLeft = () => TOTAL_SECONDS - (performance.now() - started) / 1000;
    const sized = await sizedToFit(run, runsFolder, engine, secondsLeft, context);
    const { result, directory } = await tuneAndComplete(sized, runsFolder, engine, context);
    context.print(describeDemo(result, PREFIX, directory));
    context.result(result, JSON.stringify(result));
    return 0;
  },
};

/** A file with thousands of broken rows must not bury the result. */
function withFewProblems(context: CommandContext): CommandContext {
  let shown = 0;
  return {
    ...context,
    problem: ({ file, row, check, message }) => {
      if (shown++ < SHOWN_PROBLEMS) context.problem({ file, row, check, message });
      if (shown === SHOWN_PROBLEMS) context.print(`tunesmith validate ${file} lists the rest.`);
    },
  };
}

/** The user's file, or one made of the standard library; each row that cannot be used is named. */
async function dataFor(folder: string, context: CommandContext): Promise<string> {
  const given = stringOption(context, "data");
  const file = given === undefined ? join(folder, "python-stdlib.jsonl") : resolve(context.cwd, given);
  if (given === undefined) {
    const library = await findStandardLibrary();
    await mkdir(folder, { recursive: true });
    const rows = await makeDataset(library, file, context);
    context.print(`Data set     ${grouped(rows)} functions of ${library} as instruction rows: ${file}`);
  }
  const { format, rows, usable, totals, findings } = await scanFile(file, {
    scope: "structure",
    signal: context.signal,
  });
  for (const { line, check, message } of findings) context.problem({ file, row: line, check, message });
  const problems = totals.error + totals.warning + totals.information;
  context.print(
    `Validated    ${format ?? "unknown format"}: ${grouped(rows)} rows, ${grouped(usable)} usable, ${grouped(problems)} problems`,
  );
  return file;
}

async function newRun(data: string, context: CommandContext): Promise<NewRun> {
  const model = stringOption(context, "model");
  return {
    name: "demo",
    model: {
      path: model === undefined ? join(installRoot(), "models", "tiny-python") : resolve(context.cwd, model),
      quantization: "none",
    },
    dataset: {
      path: data,
      format: "auto",
      template: "auto",
      heldOut: defaultHeldOut,
      maxTrainRows: null,
      maxEvalRows: HELD_OUT_ROWS,
    },
    ...defaultSettings(),
  };
}

async function removeOldRuns(runsFolder: string): Promise<void> {
  for (const directory of await listRunDirectories(runsFolder)) {
    // A demo that is still going keeps its run.
    await deleteRun(directory).catch(() => {});
  }
}

/** The run on as many rows as the time allows. */
async function sizedToFit(
  run: NewRun,
  runsFolder: string,
  engine: string,
  secondsLeft: () => number,
  context: CommandContext,
): Promise<NewRun> {
  context.progress("Measuring the engine's speed", null);
  const tokensPerSecond = await measureSpeed(runsFolder, run, engine, context);
  const { sequenceLength, training } = run;
  const tokenizer = await loadTokenizer(run.model.path);
  const request = { ...run.dataset, sequenceLength, seed: training.seed };
  const whole = await summarize(request, tokenizer, { signal: context.signal });
  const tokensPerRow = whole.tokens / (whole.trainRows + whole.evalRows);
  const rows = rowsThatFit({
    seconds: secondsLeft(),
    tokensPerSecond,
    tokensPerRow,
    heldOutTokens: whole.evalRows * tokensPerRow,
    tokensPerStep: sequenceLength * training.sequencesPerStep,
    evalEvery: training.evalEvery,
    rows: whole.trainRows,
  });
  const share = rows < whole.trainRows ? `${grouped(rows)} of ${grouped(whole.trainRows)}` : `all ${grouped(rows)}`;
  context.print(`Measured     ${grouped(tokensPerSecond)} tokens/s: ${share} training rows fit into the time`);
  return { ...run, dataset: { ...run.dataset, maxTrainRows: rows } };
}

async function tuneAndComplete(run: NewRun, runsFolder: string, engine: string, context: CommandContext) {
  const { directory, manifest } = await createPreparedRun(runsFolder, run, context);
  await startRun(directory, engine, context);
  const head = await followRun(directory, context);
  const { evalLossBefore, evalLoss, tokensPerSecond } = head;
  if (evalLossBefore === null || evalLoss === null || tokensPerSecond === null) {
    throw new RunError(`${directory}: the engine reported no held-out loss.`);
  }
  const { parity } = await exportRun(directory, {
    engine,
    signal: context.signal,
    onProgress: (stage, fraction) => context.progress(stage, fraction),
  });
  if (parity === null) throw new RunError(`${directory}: the export was not compared with the engine.`);
  if (!parity.passed) throw new RunError(parityFailure(parity));
  if (parity.onnxHeldOutLoss === null) throw new RunError(`${directory}: no held-out loss was computed through ONNX.`);
  const completion = await complete(runPaths(directory).exported, context.signal);
  const result: DemoResult = {
    rows: manifest.train.rows,
    heldoutRows: manifest.eval.rows,
    trainTokens: manifest.train.tokens,
    steps: head.step,
    seconds: manifest.train.tokens / tokensPerSecond,
    tokensPerSecond,
    heldoutLossBefore: evalLossBefore,
    heldoutLossAfter: evalLoss,
    onnxHeldoutLoss: parity.onnxHeldOutLoss,
    parityMaxAbsDiff: parity.maxAbsLogitDifference,
    completionFirstTokenMs: completion.firstTokenMs,
    completion: completion.text,
  };
  return { result, directory };
}

async function complete(exportDir: string, signal: AbortSignal) {
  const { Completer } = await import("../../completion-worker/completer");
  const completer = await Completer.load(exportDir, { threads: 0 });
  try {
    return await completer.complete(codeAlone({ prefix: PREFIX, suffix: "", multiline: true, maxTokens: 96 }), signal);
  } finally {
    await completer.release();
  }
}
