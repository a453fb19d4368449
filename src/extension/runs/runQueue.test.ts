/** Two windows on one folder, with a stand-in for the engine: each run is launched once, one after the other. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { stopRun } from "../../run/control";
import { readEngineState } from "../../run/engineLock";
import { launchEngine } from "../../run/launch";
import { machineStateFolder } from "../../run/machineRuns";
import { readQueue } from "../../run/queue";
import { createRun, listRunDirectories, runPaths } from "../../run/runDirectory";
import { RunMonitor } from "../../run/runMonitor";
import { clearStartMark, readStartState } from "../../run/startMark";
import { behave, fakeEngine, newRun, temporaryFolder, until } from "../../run/testing/testRun";
import { RunQueue } from "./runQueue";
import { type RunRegistry, TrackedRun } from "./runRegistry";

vi.mock("vscode", async () => {
  const { FakeEmitter } = await import("./testing/fakeVscode");
  const l10n = { t: (text: string, ...parts: unknown[]) => text.replace(/\{(\d)\}/g, (_, at) => String(parts[at])) };
  return { EventEmitter: FakeEmitter, l10n };
});

type Listener<T> = (value: T) => void;

/** As much of the registry as the queue uses, over real run directories. */
class Window {
  readonly loaded = true;
  readonly launched: string[] = [];
  readonly queue: RunQueue;
  readonly #runs = new Map<string, { run: TrackedRun; monitor: RunMonitor }>();
  readonly #changed: Listener<void>[] = [];
  readonly #updated: Listener<{ update: { head: object }; before: string }>[] = [];
  readonly onDidChange = (listener: Listener<void>) => this.#listen(this.#changed, listener);
  readonly onDidUpdate = (listener: Listener<{ update: { head: object }; before: string }>) =>
    this.#listen(this.#updated, listener);

  constructor(private readonly folder: string) {
    const log = { info: () => {}, warn: (text: string) => this.problems.push(text) };
    this.queue = new RunQueue(this as unknown as RunRegistry, log as never, async (run) => {
      this.launched.push(run.id);
      await launchEngine(run.directory, fakeEngine).catch(() => {});
      await this.refresh(run);
    });
  }

  readonly problems: string[] = [];

  get folders(): string[] {
    return [this.folder];
  }

  get runs(): TrackedRun[] {
    return [...this.#runs.values()].map(({ run }) => run);
  }

  at(directory: string): TrackedRun | undefined {
    return this.#runs.get(directory)?.run;
  }

  named(name: string): TrackedRun {
    return this.runs.find((run) => run.name === name)!;
  }

  async refresh(run: TrackedRun): Promise<void> {
    await this.#runs.get(run.directory)?.monitor.refresh();
  }

  async load(): Promise<void> {
    for (const directory of await listRunDirectories(this.folder)) {
      const monitor = await RunMonitor.open(directory);
      let before: string = monitor.head().state;
      this.#runs.set(directory, { run: new TrackedRun(monitor), monitor });
      await monitor.follow((update) => {
        const was = before;
        before = update.head.state;
        for (const listener of this.#updated) listener({ update, before: was });
      });
    }
    for (const listener of this.#changed) listener();
  }

  #listen<T>(listeners: Listener<T>[], listener: Listener<T>) {
    listeners.push(listener);
    return { dispose: () => listeners.splice(listeners.indexOf(listener), 1) };
  }

  async close(): Promise<void> {
    this.queue.dispose();
    for (const { monitor } of this.#runs.values()) await monitor.close();
  }
}

const windows: Window[] = [];
afterEach(async () => {
  for (const window of windows.splice(0)) await window.close();
});

async function openWindows(folder: string, count: number): Promise<Window[]> {
  const opened = Array.from({ length: count }, () => new Window(folder));
  windows.push(...opened);
  for (const window of opened) await window.load();
  return opened;
}

async function addRun(folder: string, name: string, behaviour: object): Promise<void> {
  const { directory } = await createRun(folder, newRun({ name }));
  await clearStartMark(directory);
  behave(directory, behaviour);
}

const start = async (window: Window, name: string) => {
  const run = window.named(name);
  const waits = await window.queue.add(run);
  if (!waits) {
    await launchEngine(run.directory, fakeEngine);
    await window.refresh(run);
  }
  return waits;
};

const spans = (window: Window) =>
  window.runs.map((run) => {
    const lines = readFileSync(runPaths(run.directory).events, "utf8").trim().split("\n");
    const times = lines.map((line) => JSON.parse(line) as { time: number; type: string });
    return {
      from: times[0]!.time,
      to: times.at(-1)!.time,
      starts: times.filter(({ type }) => type === "start").length,
    };
  });

describe("the queue over two windows", () => {
  it("launches each run once, one after the other; a failed one holds up nobody", async () => {
    const folder = join(temporaryFolder(), ".tunesmith", "runs");
    await addRun(folder, "a", { steps: 100_000, stepMs: 20 });
    await addRun(folder, "b", { steps: 5, stepMs: 20, diesAtStep: 2 });
    await addRun(folder, "c", { steps: 5, stepMs: 20 });
    await addRun(folder, "d", { steps: 5, stepMs: 20 });
    const [one, two] = (await openWindows(folder, 2)) as [Window, Window];
    expect(await start(one, "a")).toBe(false);
    expect(await start(two, "b")).toBe(true);
    expect(await start(one, "c")).toBe(true);
    expect(await start(two, "d")).toBe(true);
    expect(one.queue.placeOf(one.named("c"))).toEqual({ place: 2, of: 2, waitsFor: { name: "a", folder: null } });
    expect(one.queue.placeOf(one.named("a"))).toBeUndefined();
    await stopRun(one.named("a").directory);
    await until(() => one.runs.every((run) => run.ended) && two.runs.every((run) => run.ended));
    expect(one.runs.map((run) => [run.name, run.head().state]).sort()).toEqual([
      ["a", "stopped"],
      ["b", "failed"],
      ["c", "finished"],
      ["d", "finished"],
    ]);
    const launched = [...one.launched, ...two.launched].sort();
    expect(launched).toEqual(["b", "c", "d"].map((name) => one.named(name).id).sort());
    const inOrder = spans(one).sort((x, y) => x.from - y.from);
    for (const [index, span] of inOrder.entries()) {
      expect(span.starts).toBe(1);
      if (index > 0) expect(span.from).toBeGreaterThanOrEqual(inOrder[index - 1]!.to);
    }
    expect(await readQueue(folder)).toEqual([]);
    expect([...one.problems, ...two.problems]).toEqual([]);
  });

  it("is told to the other window, changed there, and survives both", async () => {
    const folder = join(temporaryFolder(), ".tunesmith", "runs");
    await addRun(folder, "a", { steps: 100_000, stepMs: 20 });
    for (const name of ["b", "c"]) await addRun(folder, name, { steps: 2, stepMs: 10 });
    const [one, two] = (await openWindows(folder, 2)) as [Window, Window];
    await start(one, "a");
    await start(one, "b");
    await start(one, "c");
    await until(() => two.queue.placeOf(two.named("c"))?.place === 2);
    expect(two.queue.ahead(folder, "auto").map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(two.queue.ahead(join(folder, "elsewhere"), "auto").map(({ name }) => name)).toEqual(["a"]);
    expect(two.queue.waitsFor(folder, "auto")).toEqual({ name: "a", folder: null });
    await two.queue.move(two.named("c"), -1);
    await until(() => one.queue.placeOf(one.named("c"))?.place === 1);
    await one.queue.remove(one.named("b"));
    await until(() => two.queue.placeOf(two.named("b")) === undefined);
    expect(two.named("b").head().state).toBe("queued");
    await one.close();
    await two.close();
    const [three] = (await openWindows(folder, 1)) as [Window];
    await until(() => three.queue.placeOf(three.named("c"))?.waitsFor?.name === "a");
    const { lock } = await readEngineState(three.named("a").directory);
    process.kill(lock!.pid, "SIGKILL");
    await until(() => three.named("c").head().state === "finished");
    expect(three.named("a").head().state).toBe("failed");
    expect(three.launched).toEqual([three.named("c").id]);
  });

  it("refuses a run that goes on already, and leaves no mark on it", async () => {
    const folder = join(temporaryFolder(), ".tunesmith", "runs");
    await addRun(folder, "a", { steps: 100_000, stepMs: 20 });
    const [one, two] = (await openWindows(folder, 2)) as [Window, Window];
    await start(one, "a");
    await until(() => two.named("a").head().state === "running");
    for (const { queue, named } of [one, two].map((window) => ({ queue: window.queue, named: window.named("a") }))) {
      await expect(queue.add(named)).rejects.toThrow("already going");
      expect(await readStartState(named.directory, 1)).toEqual({ kind: "none" });
    }
    await two.refresh(two.named("a"));
    expect(two.named("a").head().state).toBe("running");
    await stopRun(one.named("a").directory);
  });

  it("leaves a run to the window that is at its start", async () => {
    const folder = join(temporaryFolder(), ".tunesmith", "runs");
    await addRun(folder, "a", { steps: 2, stepMs: 10 });
    const [one] = (await openWindows(folder, 1)) as [Window];
    const { directory } = one.named("a");
    // The parent of this process stands for another window.
    const stat = readFileSync(`/proc/${process.ppid}/stat`, "utf8");
    const startTicks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[22 - 3]);
    const mark = { pid: process.ppid, startTicks, host: hostname(), afterAttempt: 0, error: null };
    writeFileSync(join(directory, "start.json"), JSON.stringify(mark));
    await expect(one.queue.add(one.named("a"))).rejects.toThrow("Another window or program prepares a");
    expect(JSON.parse(readFileSync(join(directory, "start.json"), "utf8"))).toEqual(mark);
  });

  it("counts what computes in another folder, and starts one of those that wait for it at a time", async () => {
    const names = ["a", "b", "c"] as const;
    const folders = names.map(() => join(temporaryFolder(), ".tunesmith", "runs"));
    await addRun(folders[0]!, "a", { steps: 100_000, stepMs: 20 });
    await addRun(folders[1]!, "b", { steps: 10, stepMs: 20 });
    await addRun(folders[2]!, "c", { steps: 10, stepMs: 20 });
    const opened: Window[] = [];
    for (const folder of folders) opened.push(...(await openWindows(folder, 1)));
    const [one, two, three] = opened as [Window, Window, Window];
    expect(await start(one, "a")).toBe(false);
    expect(await start(two, "b")).toBe(true);
    expect(await start(three, "c")).toBe(true);
    const folder = dirname(dirname(folders[0]!));
    expect(two.queue.placeOf(two.named("b"))).toEqual({ place: 1, of: 1, waitsFor: { name: "a", folder } });
    await stopRun(one.named("a").directory);
    await until(() => two.named("b").ended && three.named("c").ended);
    expect([two.launched, three.launched]).toEqual([[two.named("b").id], [three.named("c").id]]);
    const [first, second] = [...spans(two), ...spans(three)].sort((x, y) => x.from - y.from);
    expect(second!.from).toBeGreaterThanOrEqual(first!.to);
    expect(opened.flatMap(({ problems }) => problems)).toEqual([]);
  });

  it("starts a run whatever other folders do where the machine's list cannot be written", async () => {
    const folder = join(temporaryFolder(), ".tunesmith", "runs");
    await addRun(folder, "a", { steps: 2, stepMs: 10 });
    rmSync(machineStateFolder(), { recursive: true, force: true });
    writeFileSync(machineStateFolder(), "");
    const [one] = (await openWindows(folder, 1)) as [Window];
    expect(await start(one, "a")).toBe(false);
    await until(() => one.named("a").ended);
    expect(one.problems).toEqual([expect.stringContaining("what other folders start is not waited for")]);
    rmSync(machineStateFolder());
  });
});
