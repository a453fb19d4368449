import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readEngineState } from "../run/engineLock";
import { createRun, listRunDirectories } from "../run/runDirectory";
import { readSnapshot } from "../run/runMonitor";
import { tinyPython, writeRows } from "../run/testing/engine";
import { behave, fakeEngine, newRun, temporaryFolder, until } from "../run/testing/testRun";
import { runCli } from "./cli";

function start(cwd: string, ...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  const listeners = new Map<string, () => void>();
  const code = runCli(argv, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    cwd: () => cwd,
    on: (event, listener) => listeners.set(event, listener),
    off: (event) => listeners.delete(event),
  });
  return { code, written, interrupt: () => listeners.get("SIGINT")?.() };
}

/** A run on real rows; the stand-in for the engine takes `steps` steps of 20 ms. */
async function newRunOf(steps: number): Promise<{ folder: string; directory: string }> {
  const folder = temporaryFolder();
  const path = writeRows(join(folder, "rows.jsonl"), 20);
  const run = newRun({ model: { path: tinyPython, quantization: "none" }, dataset: { ...newRun().dataset, path } });
  const { directory } = await createRun(join(folder, ".tunesmith", "runs"), run);
  behave(directory, { steps, stepMs: 20 });
  return { folder, directory };
}

describe("tunesmith train", () => {
  it("makes a run of a data set, prepares it and follows it to its end", async () => {
    const folder = temporaryFolder();
    const data = writeRows(join(folder, "My rows.jsonl"), 20);
    const args = [
      "train",
      "--data",
      data,
      "--model",
      tinyPython,
      "--engine",
      fakeEngine,
      "--rank",
      "8",
      "--steps",
      "3",
    ];
    const { code, written } = start(folder, ...args);
    expect(await code).toBe(0);
    const [directory] = await listRunDirectories(join(folder, ".tunesmith", "runs"));
    expect(directory).toMatch(/-my-rows$/);
    expect(written.stdout).toContain(`${directory}: finished, held-out loss 3.000 → 2.000`);
    expect(written.stderr).toContain("Training 100 %");
  });

  it("stops with a checkpoint on Ctrl-C, and resume goes on", async () => {
    const { folder, directory } = await newRunOf(10_000);
    const { code, written, interrupt } = start(folder, "train", "--run", directory, "--engine", fakeEngine);
    await until(async () => (await readSnapshot(directory)).step >= 2);
    interrupt();
    expect(await code).toBe(130);
    const stopped = await readSnapshot(directory);
    expect(stopped.state).toBe("stopped");
    expect(stopped.checkpointStep).toBe(stopped.step);
    expect(written.stdout).toContain(`tunesmith resume ${directory} goes on from there.`);

    behave(directory, { steps: stopped.step + 3 });
    const resumed = start(folder, "resume", directory, "--engine", fakeEngine, "--progress", "json");
    expect(await resumed.code).toBe(0);
    const last = JSON.parse(resumed.written.stdout.trim().split("\n").at(-1)!);
    expect(last).toMatchObject({ type: "result", value: { directory, state: "finished", step: stopped.step + 3 } });
  });

  it("leaves the engine running with --detach; runs shows it and control stops it", async () => {
    const { folder, directory } = await newRunOf(10_000);
    expect(await start(folder, "train", "--run", directory, "--engine", fakeEngine, "--detach").code).toBe(0);
    expect((await readEngineState(directory)).alive).toBe(true);
    const listed = start(folder, "runs");
    expect(await listed.code).toBe(0);
    expect(listed.written.stdout).toMatch(/-try +running +step [\d,]+ \/ 10,000/);
    const twice = start(folder, "resume", directory, "--engine", fakeEngine);
    expect(await twice.code).toBe(1);
    expect(twice.written.stderr).toContain("is already going.");
    const stopped = start(folder, "control", directory, "stop");
    expect(await stopped.code).toBe(0);
    expect(stopped.written.stdout).toMatch(/^stopped: step/);
  });

  it("says which run in another folder computes on the same device, and goes on", async () => {
    const other = await newRunOf(10_000);
    const first = start(other.folder, "train", "--run", other.directory, "--engine", fakeEngine, "--detach");
    expect(await first.code).toBe(0);
    expect(first.written.stdout).not.toContain("computes on the same device");
    const { folder, directory } = await newRunOf(2);
    const second = start(folder, "train", "--run", directory, "--engine", fakeEngine);
    expect(await second.code).toBe(0);
    expect(second.written.stdout).toContain(`Try in ${other.folder} computes on the same device`);
    expect(await start(folder, "control", other.directory, "stop").code).toBe(0);
  });

  it("passes on how a run failed", async () => {
    const { folder, directory } = await newRunOf(5);
    behave(directory, { steps: 5, diesAtStep: 2 });
    const { code, written } = start(folder, "train", "--run", directory, "--engine", fakeEngine);
    expect(await code).toBe(1);
    expect(written.stderr).toContain("The engine ended unexpectedly at step 2; the checkpoint of step 2 is kept.");
  });

  it.each([
    [["train"], "--data is missing."],
    [["train", "--data", "a.jsonl"], "--model is missing."],
    [["train", "--run", "a", "--rank", "8"], "--rank is for a new run"],
    [["train", "--data", "a", "--model", "b", "--steps", "3", "--epochs", "1"], "Give --steps or --epochs, not both."],
    [["train", "--data", "a", "--model", "b", "--rank", "0"], "--rank must be a whole number from 1 to 1024"],
    [["train", "--data", "a", "--model", "b", "--targets", "q_proj,head"], 'there is no "head"'],
    [["train", "--data", "a", "--model", "b", "--held-out", "2"], "--held-out must be a share from 0.001 to 0.9"],
    [["train", "--data", "a", "--model", "b", "--schedule", "cubic"], "--schedule must be constant, linear, cosine"],
    [["control", "a", "dance"], 'not "dance"'],
    [["control", "a", "learning-rate"], "The learning rate must be a number from 1e-8 to 1."],
    [["control", "a", "learning-rate", "fast"], 'not "fast"'],
    [["control", "a", "learning-rate", "1e-9"], 'not "1e-9"'],
    [["control", "a", "pause", "1"], '"pause" takes no value'],
    [["runs", "--format", "xml"], 'not "xml"'],
  ])("takes %j for wrong arguments", async (argv, says) => {
    const engine = argv[0] === "train" ? ["--engine", fakeEngine] : [];
    const { code, written } = start(temporaryFolder(), ...argv, ...engine);
    expect(await code).toBe(2);
    expect(written.stderr).toContain(says);
  });

  it.each([
    [["train", "--run", "absent", "--engine", fakeEngine], "absent is not a run directory: it has no run.json."],
    [["resume", "absent", "--engine", fakeEngine], "absent is not a run directory"],
    [["resume", "absent", "--engine", "/absent/engine"], "The training engine /absent/engine does not exist"],
    [["control", "absent", "pause"], "The run absent is not going on"],
    [["runs", "absent"], "absent is not a folder."],
  ])("fails with a sentence: %j", async (argv, says) => {
    const { code, written } = start(temporaryFolder(), ...argv);
    expect(await code).toBe(1);
    expect(written.stderr).toContain(says);
    expect(written.stderr.trim().split("\n")).toHaveLength(1);
  });
});
