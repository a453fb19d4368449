import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { prepareRun } from "../dataset/prepare";
import { loadTokenizer } from "../dataset/tokenizer";
import { createRun, readRunSpec } from "../run/runDirectory";
import { defaultSettings } from "../run/runSpec";
import { tinyPython } from "../run/testing/engine";
import { type EvaluateOptions, evaluateRun } from "./evaluateRun";
import { readAnswers, readReport } from "./report/reportFiles";

const folder = mkdtempSync(join(tmpdir(), "tunesmith-evaluate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Stands for the engine: the base model answers "def" and never ends, the tuned one as `tuned.json` says, by the number
 * of the prompt.
 */
function writeEngine(tuned: readonly (readonly number[])[], base: readonly number[]): string {
  const engine = join(folder, "engine.mjs");
  writeFileSync(join(folder, "answers.json"), JSON.stringify({ tuned, base }));
  writeFileSync(
    engine,
    `#!/usr/bin/env node
import { readFileSync } from "node:fs";
const [command, ...args] = process.argv.slice(2);
const option = (name) => args[args.indexOf(name) + 1];
const say = (value) => console.log(JSON.stringify(value));
const { tuned, base } = JSON.parse(readFileSync(${JSON.stringify(join(folder, "answers.json"))}));
if (command === "evaluate") {
  say({ loss: args.includes("--adapter") ? 1.5 : 3, targets: 100, documents: 10 });
} else {
  const prompts = readFileSync(option("--prompts"), "utf8").trim().split("\\n").map((line) => JSON.parse(line));
  for (const [prompt, { ids }] of prompts.entries()) {
    for (const isBase of [true, false]) {
      for (const id of isBase ? base : tuned[prompt % tuned.length]) say({ type: "token", prompt, base: isBase, id });
      say({ type: "end", prompt, base: isBase, ended: !isBase, seconds: 0.01 });
    }
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
    const engine = writeEngine([good!, bad!], bad!);
    options = { engine, threads: 0, rows: 6, maxTokens: 32, runCode: false };
  });
  beforeEach(() => {
    rmSync(join(directory, "evaluation"), { recursive: true, force: true });
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

  it("needs an adapter, and leaves nothing where it is cancelled", async () => {
    const abort = new AbortController();
    const cancelled = evaluateRun(directory, {
      ...options,
      signal: abort.signal,
      onProgress: (stage) => {
        if (stage.startsWith("Answering")) abort.abort(new Error("cancelled"));
      },
    });
    await expect(cancelled).rejects.toThrow();
    expect(existsSync(join(directory, "evaluation"))).toBe(false);
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
