/** Over real run directories: what is known of every run, what is read of those that are looked at, and what is watched. */
import { EventEmitter as Emitter } from "node:events";
import { appendFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ownIdentity } from "../../run/processIdentity";
import { createRun, deleteRun, runPaths, runsFolderOf } from "../../run/runDirectory";
import { RunMonitor } from "../../run/runMonitor";
import { clearStartMark } from "../../run/startMark";
import { newRun, temporaryFolder, until } from "../../run/testing/testRun";
import { RunRegistry, type TrackedRun } from "./runRegistry";

const workspace = vi.hoisted(() => ({ folder: "" }));

vi.mock("vscode", () => ({
  EventEmitter: class {
    readonly #emitter = new Emitter();
    readonly event = (listener: (value: unknown) => void) => {
      this.#emitter.on("fired", listener);
      return { dispose: () => this.#emitter.off("fired", listener) };
    };
    fire(value: unknown): void {
      this.#emitter.emit("fired", value);
    }
    dispose(): void {
      this.#emitter.removeAllListeners();
    }
  },
  workspace: {
    get workspaceFolders() {
      return [{ uri: { scheme: "file", fsPath: workspace.folder } }];
    },
    getConfiguration: () => ({ get: (_name: string, otherwise: unknown) => otherwise }),
    onDidChangeWorkspaceFolders: () => ({ dispose: () => {} }),
    onDidChangeConfiguration: () => ({ dispose: () => {} }),
  },
}));

const STEPS = 1200;
const event = (fields: object) => `${JSON.stringify({ type: "", time: 1_795_000_000_000, attempt: 1, ...fields })}\n`;
const start = { type: "start", engine: "x", pid: 1, device: "cpu", threads: 1, resumedFrom: 0, totalSteps: STEPS };
const step = (number: number) =>
  event({ type: "step", step: number, loss: 1, learningRate: 1, gradientNorm: 1, tokens: 1, targets: 1, seconds: 1 });
const stopped = event({
  type: "done",
  reason: "stopped",
  step: STEPS,
  totalSteps: STEPS,
  evalLossBefore: 2,
  evalLossAfter: 1,
  tokens: 1,
  seconds: 1,
});

let registry: RunRegistry;
/** Directories that are watched. */
const watched = new Set<string>();

beforeEach(() => {
  workspace.folder = temporaryFolder();
  watched.clear();
  const { watch, rest } = RunMonitor.prototype;
  vi.spyOn(RunMonitor.prototype, "watch").mockImplementation(function (this: RunMonitor) {
    watched.add(this.directory);
    return watch.call(this);
  });
  vi.spyOn(RunMonitor.prototype, "rest").mockImplementation(function (this: RunMonitor) {
    watched.delete(this.directory);
    return rest.call(this);
  });
  registry = new RunRegistry({ warn: () => {}, error: () => {} } as never);
});
afterEach(() => {
  registry.dispose();
  vi.restoreAllMocks();
});

/** Their ids are their places: "01" is the oldest. */
async function addRun(id: string, end = stopped): Promise<string> {
  const { directory } = await createRun(runsFolderOf(workspace.folder), newRun({ name: id }));
  const steps = Array.from({ length: STEPS }, (_, index) => step(index + 1)).join("");
  await clearStartMark(directory);
  writeFileSync(runPaths(directory).events, event(start) + steps + end);
  const named = join(runsFolderOf(workspace.folder), id);
  renameSync(directory, named);
  return named;
}

const addRuns = async (count: number) => {
  for (let index = 1; index <= count; index++) await addRun(String(index).padStart(2, "0"));
};

/** As if the engine were this process. */
async function setWorking(directory: string, attempt = 1): Promise<void> {
  const { pid, startTicks, host } = await ownIdentity();
  writeFileSync(runPaths(directory).lock, JSON.stringify({ pid, startTicks, host, attempt, heartbeat: Date.now() }));
}

const run = (id: string) => registry.find(id)!;
const stepsOf = ({ whole }: TrackedRun) => whole?.series.loss.length;

/** Looks at it and away again. */
async function lookAt(id: string): Promise<void> {
  expect(await registry.whole(run(id))).toBeDefined();
}

describe("the list of runs", () => {
  it("is told while it is being read, and is whole in the end", async () => {
    await addRuns(9);
    const lengths: number[] = [];
    registry.onDidChange(() => lengths.push(registry.runs.length));
    expect(await registry.first(() => registry.runs[0])).toBeDefined();
    expect(registry.loaded).toBe(false);
    await registry.load();
    expect(lengths[0]).toBeLessThan(9);
    expect(lengths.at(-1)).toBe(9);
    expect(registry.runs.map(({ id }) => id)).toEqual(["09", "08", "07", "06", "05", "04", "03", "02", "01"]);
    expect(registry.runs.every((each) => each.head().evalLoss === 1 && each.head().step === STEPS)).toBe(true);
  });

  it("is looked through to its end for what is not there", async () => {
    await addRuns(2);
    expect(await registry.first(() => registry.find("none"))).toBeUndefined();
    expect(registry.loaded).toBe(true);
  });
});

describe("a run's steps", () => {
  it("are read of those that are active or looked at, and kept of the three that were last", async () => {
    await addRuns(5);
    const working = await addRun("06", "");
    await setWorking(working);
    await registry.load();
    await until(() => stepsOf(run("06")) === STEPS);
    for (const id of ["01", "02", "03", "04", "05"]) expect(stepsOf(run(id))).toBeUndefined();

    const viewing = registry.view(run("01"));
    await until(() => stepsOf(run("01")) === STEPS);
    for (const id of ["02", "03", "04", "05"]) await lookAt(id);
    await until(() => stepsOf(run("02")) === undefined);
    expect(["01", "03", "04", "05", "06"].map((id) => stepsOf(run(id)))).toEqual(Array(5).fill(STEPS));

    // An end is what a person looks at next.
    appendFileSync(runPaths(working).events, stopped);
    writeFileSync(runPaths(working).lock, "");
    await registry.refresh(run("06"));
    await until(() => stepsOf(run("03")) === undefined);
    expect(stepsOf(run("06"))).toBe(STEPS);
    viewing.dispose();
    viewing.dispose();
    await until(() => stepsOf(run("04")) === undefined);
    expect(["01", "05", "06"].map((id) => stepsOf(run(id)))).toEqual(Array(3).fill(STEPS));
  });

  it("are not there of a run that has gone", async () => {
    await addRuns(1);
    await registry.load();
    const gone = run("01");
    await deleteRun(gone.directory);
    await registry.rescan();
    expect(await registry.whole(gone)).toBeUndefined();
    registry.view(gone).dispose();
  });
});

describe("what is watched", () => {
  const ids = () => [...watched].map((directory) => directory.slice(-2)).sort();

  it("is the newest twenty of what has ended, whatever is asked of the others", async () => {
    await addRuns(23);
    await registry.load();
    const newest = Array.from({ length: 20 }, (_, index) => String(index + 4).padStart(2, "0"));
    expect(ids()).toEqual(newest);
    await Promise.all(registry.runs.map((each) => registry.refresh(each)));
    await lookAt("02");
    expect(ids()).toEqual(newest);
  });

  it("is a run that somebody looks at, which may go on elsewhere", async () => {
    await addRuns(22);
    await registry.load();
    expect(ids()).not.toContain("01");
    const viewing = registry.view(run("01"));
    expect(ids()).toContain("01");
    const { directory } = run("01");
    appendFileSync(runPaths(directory).events, event({ ...start, attempt: 2, resumedFrom: STEPS }));
    await setWorking(directory, 2);
    await until(() => run("01").head().state === "running");
    viewing.dispose();
    // It is active now.
    expect(ids()).toContain("01");
    writeFileSync(runPaths(directory).lock, "");
    await registry.refresh(run("01"));
    await until(() => !ids().includes("01"));
    expect(run("01").head().state).toBe("failed");
  });
});
