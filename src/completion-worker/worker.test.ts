import { type ChildProcess, fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { exportBase } from "../model/export";
import { TINY_PYTHON, temporaryFolder } from "../model/testModel";
import type { WorkerRequest, WorkerResponse } from "../protocol/worker";

/** The worker as the extension starts it: a bundle in a child process, spoken to over IPC. */
const BUNDLE = resolve(__dirname, "../../.cache/worker-test/completion-worker.js");
const CODE = "def read_lines(path):\n    with open(path) as file:\n        ";

const ON_CPU = { provider: "cpu", cacheBytes: 64 << 20, memoryLimit: 0 } as const;

let exportDir: string;
let worker: ChildProcess;
let responses: WorkerResponse[];
let waiting: (() => void)[];

beforeAll(async () => {
  await build({
    entryPoints: [join(__dirname, "main.ts")],
    outfile: BUNDLE,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    external: ["onnxruntime-node", "tokenizers"],
    logLevel: "silent",
  });
  exportDir = join(temporaryFolder("worker"), "export");
  await exportBase(TINY_PYTHON, exportDir, { engine: null });
});

function start(execArgv: string[] = []): void {
  responses = [];
  waiting = [];
  worker = fork(BUNDLE, [], { execArgv, stdio: ["ignore", "inherit", "inherit", "ipc"] });
  worker.on("message", (response: WorkerResponse) => {
    responses.push(response);
    for (const wake of waiting.splice(0)) wake();
  });
}

const send = (request: WorkerRequest) => worker.send(request);

async function answer(id: number): Promise<WorkerResponse> {
  for (;;) {
    const found = responses.find((response) => response.id === id);
    if (found) return found;
    await new Promise<void>((wake) => waiting.push(wake));
  }
}

const complete = (id: number, prefix = CODE, maxTokens = 24, changes: Partial<WorkerRequest> = {}) =>
  send({
    ...{ type: "complete", id, document: "file:///a.py", prefix, suffix: "\n", multiline: true, maxTokens },
    ...{ context: [], contextTokens: 0, instruction: null, ahead: false, ...changes },
  } as WorkerRequest);

async function load(): Promise<void> {
  start();
  send({ type: "load", id: 1, exportDir, threads: 1, ...ON_CPU });
  expect(await answer(1)).toMatchObject({ type: "loaded", id: 1, model: "tiny-python" });
}

async function end(): Promise<number | null> {
  if (worker.exitCode !== null) return worker.exitCode;
  const exited = new Promise<number | null>((resolve) => worker.once("exit", resolve));
  if (worker.connected) worker.disconnect();
  return exited;
}
afterEach(() => end());
afterAll(() => end());

describe("the completion worker", () => {
  it("loads, completes with what it knows from the prompt before, and unloads", async () => {
    await load();
    complete(2);
    const first = await answer(2);
    expect(first).toMatchObject({ type: "completion", mode: "fim", reusedTokens: 0 });
    if (first.type !== "completion") return;
    expect(first.text).toMatch(/\w/);
    expect(first.generatedTokens).toBeGreaterThan(0);
    expect(first.totalMs).toBeGreaterThanOrEqual(first.firstTokenMs);
    complete(3, `${CODE}for`);
    const second = await answer(3);
    expect(second).toMatchObject({ type: "completion" });
    if (second.type === "completion") {
      expect(second.reusedTokens).toBeGreaterThan(first.promptTokens - 8);
      expect(second.reusedTokens).toBeLessThan(second.promptTokens);
    }
    send({ type: "unload", id: 4 });
    expect(await answer(4)).toEqual({ type: "unloaded", id: 4 });
    complete(5);
    expect(await answer(5)).toMatchObject({ type: "failed", message: expect.stringContaining("No model is loaded") });
  });

  it("gives the same text with a reused cache as with a fresh one", async () => {
    await load();
    complete(2, `${CODE}lines = `);
    complete(3, CODE.slice(0, 30));
    complete(4, `${CODE}lines = `);
    const reused = await answer(4);
    send({ type: "load", id: 5, exportDir, threads: 1, ...ON_CPU });
    complete(6, `${CODE}lines = `);
    const fresh = await answer(6);
    expect(fresh).toMatchObject({ type: "completion", reusedTokens: 0 });
    if (reused.type === "completion" && fresh.type === "completion") expect(reused.text).toBe(fresh.text);
    else throw new Error(JSON.stringify([reused, fresh]));
  });

  it("cancels the running request and goes on with the next", async () => {
    await load();
    complete(2, CODE, 2000);
    send({ type: "cancel", id: 2 });
    expect(await answer(2)).toEqual({ type: "cancelled", id: 2 });
    complete(3);
    expect(await answer(3)).toMatchObject({ type: "completion", id: 3 });
    // Of what is over or was never there, nothing comes.
    send({ type: "cancel", id: 3 });
    send({ type: "cancel", id: 77 });
    complete(4);
    await answer(4);
    expect(responses.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  });

  it("lets the newest request win and answers each exactly once", async () => {
    await load();
    for (let id = 2; id <= 9; ++id) complete(id, CODE.slice(0, CODE.length - 10 + id), 200);
    expect(await answer(9)).toMatchObject({ type: "completion" });
    const cancelled = responses.filter(({ type }) => type === "cancelled").map(({ id }) => id);
    expect(cancelled).toEqual([2, 3, 4, 5, 6, 7, 8]);
    expect(responses.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("keeps a cache for each document until it is closed", async () => {
    await load();
    const other = "import os\n\n\nclass Reader:\n    def __init__(self, path):\n        ";
    complete(2);
    await answer(2);
    complete(3, other, 24, { document: "file:///b.py" } as Partial<WorkerRequest>);
    expect(await answer(3)).toMatchObject({ type: "completion" });
    complete(4);
    const kept = await answer(4);
    if (kept.type !== "completion") throw new Error(JSON.stringify(kept));
    expect(kept.reusedTokens).toBe(kept.promptTokens - 1);
    expect(kept.memoryBytes).toBeGreaterThan(1e6);
    send({ type: "forget", id: 5, document: "file:///a.py" });
    expect(await answer(5)).toEqual({ type: "forgotten", id: 5 });
    complete(6);
    const forgotten = await answer(6);
    if (forgotten.type !== "completion") throw new Error(JSON.stringify(forgotten));
    expect(forgotten.reusedTokens).toBeLessThan(5);
    expect(forgotten.text).toBe(kept.text);
  });

  it("shows the prompt that it computes, token by token", async () => {
    start();
    send({ type: "showPrompt", id: 1 });
    expect(await answer(1)).toEqual({ type: "prompt", id: 1, sections: null });
    await end();
    await load();
    send({ type: "showPrompt", id: 2 });
    expect(await answer(2)).toEqual({ type: "prompt", id: 2, sections: null });
    complete(3);
    const completion = await answer(3);
    send({ type: "showPrompt", id: 4 });
    const shown = await answer(4);
    if (shown.type !== "prompt" || completion.type !== "completion" || shown.sections === null) {
      throw new Error(JSON.stringify([completion, shown]));
    }
    expect(shown.sections.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(completion.promptTokens);
    expect(shown.sections.find(({ kind }) => kind === "prefix")?.text).toContain("def read_lines(path):");
  });

  it("gives up what was asked for ahead for anything else, and only for that", async () => {
    await load();
    const ahead = { ahead: true } as Partial<WorkerRequest>;
    complete(2, CODE, 200, ahead);
    complete(3, `${CODE}x`, 200, ahead);
    complete(4, CODE, 24);
    complete(5, `${CODE}y`, 24, ahead);
    send({ type: "forget", id: 6, document: "file:///other.py" });
    await answer(6);
    expect(responses.slice(1).map(({ id, type }) => [id, type])).toEqual([
      [2, "cancelled"],
      [3, "cancelled"],
      [4, "completion"],
      [5, "completion"],
      [6, "forgotten"],
    ]);
  });

  it("computes on the CPU where the provider that was asked for is not there, and says why", async () => {
    start();
    send({ type: "load", id: 1, exportDir, threads: 1, ...ON_CPU, provider: "dml" });
    expect(await answer(1)).toMatchObject({
      type: "loaded",
      provider: "cpu",
      notTaken: [{ provider: "dml", reason: expect.stringMatching(/^\w/) }],
    });
    complete(2);
    expect(await answer(2)).toMatchObject({ type: "completion" });
  });

  it("does not begin to load what cannot fit", async () => {
    start();
    send({ type: "load", id: 1, exportDir, threads: 1, ...ON_CPU, memoryLimit: 10e6 });
    expect(await answer(1)).toMatchObject({
      type: "failed",
      message: expect.stringMatching(/^The model's files alone/),
    });
    send({ type: "load", id: 2, exportDir, threads: 1, ...ON_CPU, memoryLimit: 2e9 });
    expect(await answer(2)).toMatchObject({ type: "loaded" });
  });

  it("says in a sentence why a request cannot be met, and lives on", async () => {
    await load();
    send({ type: "instruct", id: 2, instruction: "Add", input: "", maxTokens: 8 });
    expect(await answer(2)).toEqual({
      type: "failed",
      id: 2,
      message: "This model was not trained to answer instructions; it completes code only.",
    });
    complete(3, CODE, 0);
    expect(await answer(3)).toMatchObject({ type: "failed", message: expect.stringContaining("above 0, not 0") });
    complete(4, CODE, 100_000);
    expect(await answer(4)).toMatchObject({ type: "failed", message: expect.stringContaining("no room for a prompt") });
    send({ type: "sing", id: 5 } as unknown as WorkerRequest);
    expect(await answer(5)).toMatchObject({ type: "failed", message: expect.stringContaining("type sing") });
    const empty = temporaryFolder("empty");
    writeFileSync(join(empty, "export.json"), "{}");
    send({ type: "load", id: 6, exportDir: empty, threads: 1, ...ON_CPU });
    expect(await answer(6)).toMatchObject({
      type: "failed",
      message: expect.stringContaining("export.json: version must be 1"),
    });
    send({ type: "load", id: 7, exportDir, threads: 1, ...ON_CPU });
    complete(8);
    expect(await answer(8)).toMatchObject({ type: "completion" });
  });

  it("loads nothing heavy before a model is asked for, and ends with its parent", async () => {
    const probe = join(temporaryFolder("probe"), "probe.cjs");
    writeFileSync(
      probe,
      `const loaded = () => Object.keys(require.cache).filter((file) => /onnxruntime|tokenizers/.test(file)).length;
       process.on("message", ({ type }) => { if (type === "probe") process.send({ id: 0, loaded: loaded() }); });`,
    );
    start(["--require", probe]);
    send({ type: "unload", id: 1 });
    await answer(1);
    send({ type: "probe", id: 99 } as unknown as WorkerRequest);
    expect(await answer(0)).toEqual({ id: 0, loaded: 0 });
    send({ type: "load", id: 2, exportDir, threads: 1, ...ON_CPU });
    await answer(2);
    responses = responses.filter(({ id }) => id !== 0);
    send({ type: "probe", id: 100 } as unknown as WorkerRequest);
    expect((await answer(0)) as unknown as { loaded: number }).toMatchObject({ loaded: expect.any(Number) });
    expect((responses.find(({ id }) => id === 0) as unknown as { loaded: number }).loaded).toBeGreaterThan(1);
    expect(await end()).toBe(0);
  });
});
