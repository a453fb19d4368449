import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { prepareRun } from "../dataset/prepare";
import { loadTokenizer } from "../dataset/tokenizer";
import { listRun } from "../run/machineRuns";
import { ownIdentity } from "../run/processIdentity";
import { createRun, readRunSpec } from "../run/runDirectory";
import { defaultSettings } from "../run/runSpec";
import { tinyPython } from "../run/testing/engine";
import { type EvaluateOptions, evaluateRun } from "./evaluateRun";
import {
  askForEvaluation,
  type EvaluationProgress,
  evaluationIsAskedFor,
  evaluationUnderWay,
} from "./report/evaluationMark";
import { readAnswers, readReport } from "./report/reportFiles";

const folder = mkdtempSync(join(tmpdir(), "tunesmith-evaluate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Stands for the engine: both models answer as `answers.json` says, the tuned one by the prompt; the base
 * model never ends.
 */
function writeEngine(): string {
  const engine = join(folder, "engine.mjs");
  writeFileSync(
    engine,
    `#!/usr/bin/env node
import { appendFileSync, readFileSync } from "node:fs";
const [command, ...args] = process.argv.slice(2);
const option = (name) => args[args.indexOf(name) + 1];
const say = (value) => console.log(JSON.stringify(value));
appendFileSync(${JSON.stringify(join(folder, "calls"))}, command + (args.includes("--device") ? " on the GPU" : "") + "\\n");
const { tuned, base, waitsAfter } = JSON.parse(readFileSync(${JSON.stringify(join(folder, "answers.json"))}));
if (command === "evaluate") {
  say({ loss: args.includes("--adapter") ? 1.5 : 3, targets: 100, documents: 10 });
} else {
  const prompts = readFileSync(option("--prompts"), "utf8").trim().split("\\n").map((line) => JSON.parse(line));
  appendFileSync(${JSON.stringify(join(folder, "calls"))}, prompts.length + " prompts\\n");
  for (const [prompt, { ids }] of prompts.entries()) {
    for (const isBase of [true, false]) {
      for (const id of isBase ? base : tuned[ids.reduce((sum, id) => sum + id) % tuned.length]) say({ type: "token", prompt, base: isBase, id });
      say({ type: "end", prompt, base: isBase, ended: !isBase, seconds: 0.01 });
    }
    if (prompt + 1 === waitsAfter) await new Promise(() => setInterval(() => {}, 1000));
  }
}
`,
  );
  chmodSync(engine, 0o755);
  return engine;
}

const rows = Array.from({ length: 40 }, (_, index) => ({
  instruction: `Return ${index}.`,
  input: "",
  output: `def number_${index}():\n    return ${index}`,
  tests: `assert number_${index}() == ${index}`,
}));

describe("evaluating a run", () => {
  let directory: string;
  let options: EvaluateOptions;
  let answered: { tuned: number[][]; base: number[] };
  /** After so many prompts the engine waits until it is ended; absent: it does not. */
  const answer = (waitsAfter?: number) =>
    writeFileSync(join(folder, "answers.json"), JSON.stringify({ ...answered, waitsAfter }));

  beforeAll(async () => {
    const path = join(folder, "rows.jsonl");
    writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const run = await createRun(join(folder, "runs"), {
      name: "Try",
      model: { path: tinyPython, quantization: "none" },
      dataset: {
        path,
        format: "auto",
        template: "auto",
        heldOut: { kind: "fraction", fraction: 0.3, by: "row" },
        maxTrainRows: null,
        maxEvalRows: null,
      },
      ...defaultSettings(),
      sequenceLength: 256,
    });
    directory = run.directory;
    await prepareRun(await readRunSpec(directory), directory);
    const tokenizer = await loadTokenizer(tinyPython);
    const [good, bad] = await tokenizer.encode(["def f():\n    return 1", "Sure, here is the function"]);
    answered = { tuned: [good!, bad!], base: bad! };
    options = { engine: writeEngine(), threads: 0, rows: 6, maxTokens: 32, runCode: false };
  });
  beforeEach(() => {
    rmSync(join(directory, "evaluation"), { recursive: true, force: true });
    rmSync(join(folder, "calls"), { force: true });
    answer();
    mkdirSync(join(directory, "adapter"), { recursive: true });
    writeFileSync(join(directory, "adapter", "adapter_model.safetensors"), "weights");
  });

  it("writes report and answers, with the figures of both models", async () => {
    const stages = new Set<string>();
    const report = await evaluateRun(directory, { ...options, onProgress: (stage) => stages.add(stage) });
    expect(report).toMatchObject({
      settings: { rows: 6, maxTokens: 32 },
      instructions: { answered: 6 },
      base: { loss: 3, ended: { count: 0, of: 6 }, parses: { count: 0, of: 6 }, exact: { count: 0, of: 6 } },
      tuned: { loss: 1.5, ended: { count: 6, of: 6 }, parses: { count: 3, of: 6 }, passed: null },
      tests: { state: "not-asked", rows: 6 },
    });
    expect(report.instructions.heldOut).toBeGreaterThan(6);
    expect(await readReport(directory)).toEqual(report);
    const answers = await readAnswers(directory);
    expect(answers).toHaveLength(6);
    for (const { row, expected, prompt } of answers) {
      expect(expected.trim()).toBe(rows[row - 1]!.output);
      expect(prompt).toContain(rows[row - 1]!.instruction);
      expect(prompt).not.toContain(rows[row - 1]!.output);
    }
    expect([...stages]).toEqual([
      "Reading the run",
      "Held-out loss",
      "Answering held-out instructions",
      "Running tests",
    ]);
  });

  it("draws the same rows each time", async () => {
    await evaluateRun(directory, options);
    const first = (await readAnswers(directory)).map(({ row }) => row);
    await evaluateRun(directory, options);
    expect((await readAnswers(directory)).map(({ row }) => row)).toEqual(first);
  });

  const calls = () => {
    const made = readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
    rmSync(join(folder, "calls"));
    return made;
  };
  const partial = () => join(directory, "evaluation", "partial.jsonl");
  const readPartial = () => readFileSync(partial(), "utf8");
  /** Ends it when so many instructions are answered. */
  const interrupted = async (count: number) => {
    const abort = new AbortController();
    answer(count);
    const evaluation = evaluateRun(directory, {
      ...options,
      signal: abort.signal,
      onProgress: (stage, _fraction, detail) => {
        if (stage.startsWith("Answering") && detail?.startsWith(`${count} `)) abort.abort(new Error("cancelled"));
      },
    });
    await expect(evaluation).rejects.toThrow("cancelled");
    answer();
  };

  it("goes on with what was answered when it was interrupted, and comes to the same", async () => {
    const whole = await evaluateRun(directory, options);
    const answers = await readAnswers(directory);
    rmSync(join(directory, "evaluation"), { recursive: true });
    calls();
    await interrupted(4);
    expect(existsSync(join(directory, "evaluation", "report.json"))).toBe(false);
    expect(readPartial().trim().split("\n")).toHaveLength(1 + 1 + 4);
    expect(calls()).toEqual(["evaluate", "evaluate", "generate", "6 prompts"]);
    // What a power cut leaves: half a line.
    appendFileSync(partial(), '{"index":4,"source":0');
    const report = await evaluateRun(directory, options);
    expect(calls()).toEqual(["generate", "2 prompts"]);
    expect(await readAnswers(directory)).toEqual(answers);
    expect({ ...report, createdAt: "", seconds: 0 }).toEqual({ ...whole, createdAt: "", seconds: 0 });
    expect(readdirSync(join(directory, "evaluation")).sort()).toEqual(["answers.jsonl", "report.json", "report.md"]);
  });

  it("computes nothing again but what is missing, and all of it for another adapter or other settings", async () => {
    await interrupted(6);
    calls();
    await evaluateRun(directory, options);
    expect(existsSync(join(folder, "calls"))).toBe(false);
    await interrupted(2);
    calls();
    await evaluateRun(directory, { ...options, maxTokens: 31 });
    expect(calls()).toEqual(["evaluate", "evaluate", "generate", "6 prompts"]);
    await interrupted(2);
    calls();
    writeFileSync(join(directory, "adapter", "adapter_model.safetensors"), "other weights");
    await evaluateRun(directory, options);
    expect(calls()).toEqual(["evaluate", "evaluate", "generate", "6 prompts"]);
  });

  it.each([
    ["no head", (text: string) => text.split("\n").slice(1).join("\n"), 6],
    ["answers to other rows", (text: string) => text.replaceAll('"row":', '"row":9'), 6],
    ["places that there are not", (text: string) => text.replaceAll('"index":', '"index":9'), 6],
    ["tokens that there are not", (text: string) => text.replaceAll('"ids":[', '"ids":[9007199254740991,'), 6],
    ["no numbers", (text: string) => text.replaceAll('"ids":[', '"ids":["x",'), 6],
    ["rubbish among the lines", (text: string) => text.replace('{"index":1', '\0{"index":1'), 4],
  ])("takes nothing from a file with %s", async (_name, change, prompts) => {
    const before = await evaluateRun(directory, options);
    await interrupted(3);
    calls();
    writeFileSync(partial(), change(readPartial()));
    const after = await evaluateRun(directory, options);
    expect(calls().at(-1)).toBe(`${prompts} prompts`);
    expect(after.tuned).toEqual(before.tuned);
  });

  it("is done by one process at a time, which tells others how far it is", async () => {
    const seen: (EvaluationProgress | null)[] = [];
    let second: Promise<unknown> | undefined;
    await askForEvaluation(directory);
    const first = evaluateRun(directory, {
      ...options,
      onProgress: (stage) => {
        if (stage !== "Held-out loss") return;
        second ??= evaluateRun(directory, options).catch((error: Error) => error.message);
        void evaluationUnderWay(directory).then((progress) => seen.push(progress));
      },
    });
    await first;
    expect(await second).toContain("is being evaluated already");
    expect(seen[0]).toMatchObject({ note: null });
    expect(await evaluationUnderWay(directory)).toBeNull();
    expect(await evaluationIsAskedFor(directory)).toBe(false);
  });

  it("is still asked for where it was interrupted, not where it has failed", async () => {
    await askForEvaluation(directory);
    await interrupted(1);
    expect(await evaluationIsAskedFor(directory)).toBe(true);
    expect(await evaluationUnderWay(directory)).toBeNull();
    await expect(evaluateRun(directory, { ...options, engine: "/absent/engine" })).rejects.toThrow();
    expect(await evaluationIsAskedFor(directory)).toBe(false);
  });

  it("leaves the GPU to a run that computes there, and says so", async () => {
    const started = { time: 1, attempt: 1, type: "start", engine: "x", pid: 1, device: "cuda:0", threads: 1 };
    const events = `${JSON.stringify({ ...started, resumedFrom: 0, totalSteps: 9 })}\n`;
    writeFileSync(join(directory, "events.jsonl"), events);
    const other = join(folder, "runs", "other");
    cpSync(directory, other, { recursive: true });
    const lock = { ...(await ownIdentity()), attempt: 1, heartbeat: Date.now() };
    writeFileSync(join(other, "engine.lock"), JSON.stringify(lock));
    await listRun(other);
    const notes: string[] = [];
    const onNote = (note: string) => notes.push(note);
    await evaluateRun(directory, { ...options, onNote });
    expect(notes).toEqual(["The GPU is taken by the run Try: the processor answers, more slowly."]);
    expect(calls()).toEqual(["evaluate", "evaluate", "generate", "6 prompts"]);
    rmSync(join(other, "engine.lock"));
    await evaluateRun(directory, { ...options, onNote });
    expect(notes).toHaveLength(1);
    expect(calls()[0]).toBe("evaluate on the GPU");
    rmSync(join(directory, "events.jsonl"));
  });

  it("writes nothing where there is no run", async () => {
    const absent = join(folder, "absent");
    await expect(evaluateRun(absent, options)).rejects.toThrow("is not a run directory");
    await expect(askForEvaluation(absent)).rejects.toThrow("asked.json");
    expect(existsSync(absent)).toBe(false);
  });

  it("needs an adapter", async () => {
    rmSync(join(directory, "adapter"), { recursive: true });
    await expect(evaluateRun(directory, options)).rejects.toThrow("has no adapter yet");
  });

  it("does not run tests of rows that have moved since", async () => {
    const path = join(folder, "rows.jsonl");
    const before = readFileSync(path, "utf8");
    writeFileSync(path, `\n${before}`);
    const { tests } = await evaluateRun(directory, { ...options, runCode: true });
    expect(tests).toMatchObject({ state: "refused", reason: expect.stringContaining("has changed since") });
    writeFileSync(path, before);
  });

  it("runs the tests of answers that are there without asking the models again", async () => {
    const few = { ...options, rows: 2 };
    const first = await evaluateRun(directory, few);
    const stages = new Set<string>();
    const onProgress = (stage: string) => stages.add(stage);
    const second = await evaluateRun(directory, { ...few, runCode: true, onProgress });
    expect([...stages]).toEqual(["Reading the run", "Running tests"]);
    expect({ ...second.tuned, passed: null }).toEqual(first.tuned);
    expect(second.tests.state).toMatch(/run|refused/);
    // Other settings, another adapter: asked again.
    stages.clear();
    await evaluateRun(directory, { ...few, maxTokens: 31, runCode: true, onProgress });
    expect(stages).toContain("Held-out loss");
    await evaluateRun(directory, few);
    stages.clear();
    writeFileSync(join(directory, "adapter", "adapter_model.safetensors"), "other weights");
    await evaluateRun(directory, { ...few, runCode: true, onProgress });
    expect(stages).toContain("Held-out loss");
  }, 60_000);

  it("says what the engine says where that fails", async () => {
    const engine = join(folder, "broken.sh");
    writeFileSync(engine, '#!/bin/sh\necho "The model is damaged." >&2\nexit 1\n');
    chmodSync(engine, 0o755);
    await expect(evaluateRun(directory, { ...options, engine })).rejects.toThrow("The model is damaged.");
  });
});
