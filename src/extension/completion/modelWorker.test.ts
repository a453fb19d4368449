import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CodeQuestion } from "../../protocol/worker";
import { ModelWorker, type ModelWorkerState, type WorkerLimits } from "./modelWorker";

/** A process that speaks the worker's protocol and does what the prefix of a question tells it to. */
const SCRIPT = `
let loads;
process.on("message", (request) => {
  const { type, id } = request;
  if (type === "load") {
    loads = request;
    if (request.exportDir === "dies") process.exit(3);
    if (request.exportDir === "refuses") return process.send({ type: "failed", id, message: "The export is damaged." });
    process.send({ type: "loaded", id, model: "m", memoryBytes: 50e6, milliseconds: 1, provider: "cuda",
      notTaken: [{ provider: "webgpu", reason: "slower" }] });
  } else if (type === "complete") {
    if (request.prefix === "die") process.kill(process.pid, "SIGKILL");
    if (request.prefix === "wait") return;
    const memoryBytes = request.prefix === "grow" ? 90e6 : 50e6;
    process.send({ type: "completion", id, text: JSON.stringify({ pid: process.pid, loads }), mode: "prefix",
      promptTokens: 1, reusedTokens: 0, generatedTokens: 1, firstTokenMs: 1, totalMs: 2, stop: "line", memoryBytes,
      provider: request.prefix === "lose the GPU" ? "cpu" : "cuda" });
  } else if (type === "cancel") process.send({ type: "cancelled", id });
  else if (type === "showPrompt")
    process.send({ type: "prompt", id, sections: [{ kind: "prefix", label: "Code", text: "x", tokens: 1 }] });
  else if (type === "forget") process.send({ type: "forgotten", id });
});
process.on("disconnect", () => process.exit(0));
`;

let folder: string;
let now = 0;
const limits: WorkerLimits = { threads: 1, provider: "cpu", memoryLimit: 0, unloadAfter: 0, temperature: 0 };
const workers: ModelWorker[] = [];
const said: string[] = [];
const say = (text: string) => {
  said.push(text);
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tunesmith-model-worker-"));
  writeFileSync(join(folder, "worker.cjs"), SCRIPT);
});
afterEach(() => {
  for (const worker of workers.splice(0)) worker.dispose();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newWorker(changes: Partial<WorkerLimits> = {}, exportDir = "export"): ModelWorker {
  const worker = new ModelWorker({
    name: "tuned",
    module: join(folder, "worker.cjs"),
    exportDir,
    limits: () => ({ ...limits, ...changes }),
    log: { info: say, warn: say },
    now: () => now,
  });
  workers.push(worker);
  return worker;
}

function question(prefix: string): CodeQuestion {
  const where = { document: "file:///a.py", prefix, suffix: "", multiline: false };
  return { ...where, maxTokens: 8, context: [], contextTokens: 0, instruction: null, ahead: false };
}

const never = new AbortController().signal;

/** What the process says of itself. */
async function ask(worker: ModelWorker, prefix = "x"): Promise<{ pid: number; loads: Record<string, unknown> } | null> {
  const completion = await worker.complete(question(prefix), never);
  return completion === null ? null : JSON.parse(completion.text);
}

function until(worker: ModelWorker, kind: ModelWorkerState["kind"]): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (worker.state.kind !== kind) return;
      subscription.dispose();
      resolve();
    };
    const subscription = worker.onDidChange(look);
    look();
  });
}

describe("ModelWorker", () => {
  it("starts with the first request and says what it is doing", async () => {
    const worker = newWorker();
    const states: string[] = [];
    worker.onDidChange(() => states.push(worker.state.kind));
    expect(worker.state).toEqual({ kind: "unloaded", idle: false });
    expect(await worker.showPrompt()).toBeNull();
    const first = await ask(worker);
    expect(first?.loads).toMatchObject({ exportDir: "export", threads: 1, provider: "cpu", memoryLimit: 0 });
    expect(worker.state).toMatchObject({
      kind: "ready",
      lastMs: 2,
      mode: "prefix",
      provider: "cuda",
      memoryBytes: 50e6,
    });
    expect((await ask(worker))?.pid).toBe(first?.pid);
    expect(states).toEqual(["loading", "ready", "ready", "ready"]);
    expect(await worker.showPrompt()).toEqual([{ kind: "prefix", label: "Code", text: "x", tokens: 1 }]);
    worker.forget("file:///a.py");
  });

  it("shows where it computes, and says what was not taken", async () => {
    const worker = newWorker();
    await ask(worker);
    expect(worker.state).toMatchObject({ provider: "cuda", notTaken: [{ provider: "webgpu", reason: "slower" }] });
    expect(said).toContain("tuned: not on webgpu: slower");
    await ask(worker, "lose the GPU");
    expect(worker.state).toMatchObject({ provider: "cpu" });
    expect(said).toContain("tuned: computes on cpu now");
  });

  it("has nothing to say to a request that is cancelled", async () => {
    const worker = newWorker();
    await worker.ensureLoaded();
    const abort = new AbortController();
    const waiting = worker.complete(question("wait"), abort.signal);
    setImmediate(() => abort.abort());
    expect(await waiting).toBeNull();
    expect(await worker.complete(question("x"), abort.signal)).toBeNull();
    expect(await ask(worker)).not.toBeNull();
  });

  it("ends the process when idle and starts another with the next request", async () => {
    const worker = newWorker({ unloadAfter: 30 });
    const first = await ask(worker);
    await until(worker, "unloaded");
    expect(worker.state).toEqual({ kind: "unloaded", idle: true });
    const second = await ask(worker);
    expect(second?.pid).not.toBe(first?.pid);
  });

  it("starts again by itself after a crash, once within ten minutes", async () => {
    const worker = newWorker();
    const first = await ask(worker);
    expect(await ask(worker, "die")).toBeNull();
    await until(worker, "ready");
    const second = await ask(worker);
    expect(second?.pid).not.toBe(first?.pid);
    now += 11 * 60_000;
    expect(await ask(worker, "die")).toBeNull();
    await until(worker, "ready");
    now += 9 * 60_000;
    expect(await ask(worker, "die")).toBeNull();
    await until(worker, "failed");
    expect(worker.state).toEqual({ kind: "failed", failure: { kind: "ended", how: "signal SIGKILL" } });
    expect(await ask(worker)).toBeNull();
    worker.forgive();
    expect(await ask(worker)).not.toBeNull();
  });

  it("gives up a process that ends while it loads", async () => {
    const worker = newWorker({}, "dies");
    await worker.ensureLoaded();
    await until(worker, "failed");
    expect(worker.state).toEqual({ kind: "failed", failure: { kind: "ended", how: "exit code 3" } });
  });

  it("says why a model is refused", async () => {
    const worker = newWorker({}, "refuses");
    expect(await ask(worker)).toBeNull();
    expect(worker.state).toEqual({ kind: "failed", failure: { kind: "refused", message: "The export is damaged." } });
  });

  it("does not keep a model that needs more memory than it may have", async () => {
    const worker = newWorker({ memoryLimit: 40e6 });
    expect(await ask(worker)).toBeNull();
    expect(worker.state).toEqual({ kind: "failed", failure: { kind: "memory", needed: 50e6, limit: 40e6 } });
  });

  it("gives the caches time to shrink before it says that the model does not fit", async () => {
    const worker = newWorker({ memoryLimit: 60e6 });
    for (let i = 0; i < 5; ++i) await ask(worker, "grow");
    expect(worker.state.kind).toBe("ready");
    await ask(worker);
    for (let i = 0; i < 5; ++i) await ask(worker, "grow");
    expect(worker.state.kind).toBe("ready");
    await ask(worker, "grow");
    expect(worker.state).toEqual({ kind: "failed", failure: { kind: "memory", needed: 90e6, limit: 60e6 } });
  });

  it("is one of several", async () => {
    const [a, b] = [newWorker({}, "a"), newWorker({}, "b")];
    const [first, second] = await Promise.all([ask(a), ask(b)]);
    expect([first?.loads.exportDir, second?.loads.exportDir]).toEqual(["a", "b"]);
    a.unload();
    expect(a.state).toEqual({ kind: "unloaded", idle: false });
    expect((await ask(b))?.pid).toBe(second?.pid);
  });
});
