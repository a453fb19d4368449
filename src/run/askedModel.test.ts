import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { askedModel } from "./askedModel";
import { listRun, workFolderOf } from "./machineRuns";
import { ownIdentity } from "./processIdentity";
import { runPaths } from "./runDirectory";
import { temporaryRun } from "./testing/testRun";

describe("which model of a run answers", () => {
  let directory: string;
  beforeEach(async () => {
    ({ directory } = await temporaryRun());
  });

  const tell = (...events: object[]) => {
    const lines = events.map((event) => `${JSON.stringify({ time: 1, attempt: 1, ...event })}\n`);
    appendFileSync(runPaths(directory).events, lines.join(""));
  };
  const started = (device: string) => ({
    type: "start",
    engine: "x",
    pid: 1,
    device,
    threads: 1,
    resumedFrom: 0,
    totalSteps: 9,
  });
  const done = { type: "done", reason: "finished", step: 9, totalSteps: 9, tokens: 1, seconds: 1 };
  const losses = { evalLossBefore: null, evalLossAfter: null };
  const adapterIn = (folder: string) => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "adapter_model.safetensors"), "");
    return folder;
  };
  const checkpoint = (step: number) => {
    tell({ type: "checkpoint", step, path: `checkpoints/step-${step}` });
    return adapterIn(join(runPaths(directory).checkpoints, `step-${step}`));
  };
  const runs = async () => {
    const lock = { ...(await ownIdentity()), host: hostname(), attempt: 1, heartbeat: Date.now() };
    writeFileSync(runPaths(directory).lock, JSON.stringify(lock));
  };

  it("is the base model before the first checkpoint", async () => {
    tell(started("cpu"));
    expect(await askedModel(directory)).toMatchObject({ adapterDir: null, step: null, device: "cpu" });
    expect((await askedModel(directory)).note).toContain("no checkpoint yet");
  });

  it("is the newest checkpoint while the run goes on, on the processor where that has the GPU", async () => {
    tell(started("cuda:0"));
    checkpoint(3);
    const newest = checkpoint(6);
    await runs();
    const asked = await askedModel(directory);
    expect(asked).toMatchObject({ adapterDir: newest, step: 6, device: "cpu" });
    expect(asked.note).toContain("The GPU is taken by the run");
  });

  it("is the adapter after the run, of the step that it is of, where the run was computed", async () => {
    tell(started("cuda:0"));
    checkpoint(3);
    tell({ ...done, ...losses, adapterStep: 6 });
    const adapter = adapterIn(runPaths(directory).adapter);
    expect(await askedModel(directory)).toMatchObject({ adapterDir: adapter, step: 6, device: "cuda", note: "" });
  });

  it("answers on the processor while another run has the GPU, and says which", async () => {
    tell(started("cuda:0"));
    await runs();
    await listRun(directory);
    const ended = await temporaryRun();
    const start = { time: 1, attempt: 1, ...started("cuda:0") };
    appendFileSync(runPaths(ended.directory).events, `${JSON.stringify(start)}\n`);
    const asked = await askedModel(ended.directory);
    expect(asked.device).toBe("cpu");
    expect(asked.note).toContain(`The GPU is taken by the run Try in ${workFolderOf(directory)}`);
    rmSync(runPaths(directory).lock);
    expect(await askedModel(ended.directory)).toMatchObject({ device: "cuda" });
  });

  it("is the checkpoint that was asked for, where it is kept", async () => {
    tell(started("cpu"));
    const third = checkpoint(3);
    checkpoint(6);
    expect(await askedModel(directory, 3)).toMatchObject({ adapterDir: third, step: 3 });
    await expect(askedModel(directory, 4)).rejects.toThrow("keeps no checkpoint of step 4");
  });
});
