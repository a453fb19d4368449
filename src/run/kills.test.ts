/** Engine and host are killed at random moments: the state is true at once, and the result is that of an undisturbed run. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { prepareRun } from "../dataset/prepare";
import { readEngineState } from "./engineLock";
import { launchEngine } from "./launch";
import { checkProvenance, newestCheckpoint } from "./provenance";
import { createRun, readRunSpec, runPaths } from "./runDirectory";
import { readSnapshot } from "./runMonitor";
import { canResume } from "./runState";
import { clearStartMark } from "./startMark";
import { realEngine, repository, tinyPython, writeRows } from "./testing/engine";
import { newRun, temporaryFolder, until } from "./testing/testRun";

const ENGINE_KILLS = 30;
const HOST_KILLS = 2;
/** What a person may have to wait for the truth after reopening. */
const TRUE_WITHIN_MS = 5000;

let engine: string;
let cli: string;
/** A run that nobody disturbed, and its adapter. */
let undisturbed: string;
let wanted: Buffer;
let seed = 12345;

/** The same moments in every test run: what fails once can be looked at again. */
function random(): number {
  seed = (seed * 1103515245 + 12345) % 2 ** 31;
  return seed / 2 ** 31;
}

async function newDirectory(prepared: boolean): Promise<string> {
  const folder = temporaryFolder();
  const run = newRun({ model: { path: tinyPython, quantization: "none" }, sequenceLength: 64 });
  const { directory, spec } = await createRun(join(folder, "runs"), {
    ...run,
    dataset: { ...run.dataset, path: writeRows(join(folder, "rows.jsonl"), 60) },
    lora: { ...run.lora, rank: 4 },
    training: {
      ...run.training,
      steps: 16,
      epochs: null,
      sequencesPerStep: 2,
      microBatch: 1,
      evalEvery: 6,
      checkpointEvery: 4,
    },
    device: "cpu",
    threads: 1,
  });
  // This process lives on: it is the host to come that starts the run.
  await clearStartMark(directory);
  if (prepared) await prepareRun(spec, directory);
  return directory;
}

const stateOf = async (directory: string) => (await readSnapshot(directory)).state;
const adapterOf = (directory: string) => readFileSync(join(runPaths(directory).adapter, "adapter_model.safetensors"));

async function killEngine(directory: string): Promise<boolean> {
  const { alive, lock } = await readEngineState(directory);
  if (!alive) return false;
  try {
    process.kill(lock.pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}

/** Every step once, in order: what an attempt took back is not counted twice. */
async function expectWhole(directory: string): Promise<void> {
  const { curve, state } = await readSnapshot(directory);
  expect(state).toBe("finished");
  expect(curve.loss.map(({ step }) => step)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
  expect(adapterOf(directory).equals(wanted)).toBe(true);
}

beforeAll(async () => {
  engine = await realEngine();
  cli = join(repository, "build", "test", "kills-cli.js");
  await build({
    entryPoints: [join(repository, "src/cli/main.ts")],
    outfile: cli,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    external: ["onnxruntime-node", "tokenizers"],
    logLevel: "silent",
  });
  undisturbed = await newDirectory(true);
  await launchEngine(undisturbed, engine);
  await until(async () => (await stateOf(undisturbed)) === "finished");
  wanted = adapterOf(undisturbed);
}, 120_000);

it("has digests and settings of its checkpoints that we compute alike", async () => {
  const spec = await readRunSpec(undisturbed);
  expect(await newestCheckpoint(undisturbed)).toMatchObject({ step: 16 });
  expect((await checkProvenance(undisturbed, spec)).changes).toEqual([]);
});

describe("SIGKILL at random moments", () => {
  it(`of the engine, ${ENGINE_KILLS} times`, { timeout: 300_000 }, async () => {
    let directory = await newDirectory(true);
    for (let kills = 0; kills < ENGINE_KILLS; ) {
      await launchEngine(directory, engine);
      await delay(random() * 500);
      if (await killEngine(directory)) {
        kills++;
        const killed = Date.now();
        await until(async () => !(await readEngineState(directory)).alive);
        const { state, cause } = await readSnapshot(directory);
        // It may have said its last word before it was killed.
        expect(["failed", "finished"]).toContain(state);
        if (state === "failed") expect(cause).toMatch(/ended unexpectedly at step \d+; .*checkpoint/);
        expect(Date.now() - killed).toBeLessThan(TRUE_WITHIN_MS);
      }
      if ((await stateOf(directory)) !== "finished") continue;
      await expectWhole(directory);
      directory = await newDirectory(true);
    }
    if (canResume(await stateOf(directory))) await launchEngine(directory, engine);
    await until(async () => (await stateOf(directory)) === "finished");
    await expectWhole(directory);
  });

  it(`of the host between rows and engine, and of both, ${HOST_KILLS} times`, { timeout: 300_000 }, async () => {
    for (let kills = 0; kills < HOST_KILLS; kills++) {
      const directory = await newDirectory(false);
      const host = startHost(directory);
      const ended = new Promise((resolve) => host.once("exit", resolve));
      await delay(random() * 2500);
      if (kills % 2 === 1) await killEngine(directory);
      host.kill("SIGKILL");
      await ended;
      for (let state = await trueState(directory); state !== "finished"; state = await trueState(directory)) {
        if (canResume(state)) await goOn(directory);
        else await delay(50);
      }
      await expectWhole(directory);
    }
  });
});

function startHost(directory: string): ChildProcess {
  const args = [cli, "train", "--run", directory, "--detach", "--engine", engine];
  return spawn(process.execPath, args, {
    stdio: "ignore",
    env: { ...process.env, NODE_PATH: join(repository, "node_modules") },
  });
}

/** Never "preparing" for nobody: either an engine is at work, or the run can be started again. */
async function trueState(directory: string) {
  const deadline = Date.now() + TRUE_WITHIN_MS;
  for (;;) {
    const state = await stateOf(directory);
    if (state === "finished" || canResume(state) || (await readEngineState(directory)).alive) return state;
    if (Date.now() > deadline) throw new Error(`The run is still called ${state}.`);
    await delay(20);
  }
}

/** An engine that the killed host had started a moment before may only now have come up: then the start is refused. */
async function goOn(directory: string): Promise<void> {
  const host = startHost(directory);
  const code = await new Promise((resolve) => host.once("exit", resolve));
  if (code === 0 || (await readEngineState(directory)).alive) return;
  expect(await stateOf(directory)).toBe("finished");
}
