import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { gpuHolder, gpuTakenBy, listRun, MachineRuns, machineStateFolder, workFolderOf } from "./machineRuns";
import { ownIdentity } from "./processIdentity";
import { runPaths } from "./runDirectory";
import { clearStartMark, markQueued } from "./startMark";
import { temporaryRun } from "./testing/testRun";

const list = () => join(machineStateFolder(), "runs.json");
const read = () => new MachineRuns().read();

beforeEach(() => rmSync(machineStateFolder(), { recursive: true, force: true }));

/** A run with an engine at work: this process. */
async function running(device: string, host = hostname()): Promise<string> {
  const { directory } = await temporaryRun();
  await clearStartMark(directory);
  const head = { time: 1, attempt: 1 };
  const start = { ...head, type: "start", engine: "x", pid: 1, device, threads: 1, resumedFrom: 0, totalSteps: 9 };
  appendFileSync(runPaths(directory).events, `${JSON.stringify(start)}\n`);
  const lock = { ...(await ownIdentity()), host, attempt: 1, heartbeat: Date.now() };
  writeFileSync(runPaths(directory).lock, JSON.stringify(lock));
  await listRun(directory);
  return directory;
}

const end = (directory: string) => rmSync(runPaths(directory).lock);

describe("the runs of a machine", () => {
  it("are those whose engine is at work, by where it computes", async () => {
    const gpu = await running("cuda:0");
    const cpu = await running("cpu");
    const known = new MachineRuns();
    expect(await known.read()).toEqual([
      { id: cpu, name: "Try", claim: "cpu" },
      { id: gpu, name: "Try", claim: "gpu" },
    ]);
    end(gpu);
    expect((await known.read()).map(({ id }) => id)).toEqual([cpu]);
    // What is over goes from the list with the next that is listed.
    const next = await running("cpu");
    expect(JSON.parse(readFileSync(list(), "utf8")).runs).toEqual([next, cpu]);
  });

  it("hold a device from their start on, not while they wait", async () => {
    const { directory } = await temporaryRun();
    await listRun(directory);
    expect(await read()).toEqual([{ id: directory, name: "Try", claim: "any" }]);
    await markQueued(directory, 0);
    expect(await read()).toEqual([]);
  });

  it("are not those of another machine with the same home", async () => {
    await running("cuda:0", "elsewhere");
    expect(await read()).toEqual([]);
  });

  it("are the same by whatever path they were started", async () => {
    const directory = await running("cuda:0");
    const link = join(dirname(directory), "link");
    symlinkSync(directory, link);
    await listRun(link);
    expect((await read()).map(({ id }) => id)).toEqual([directory]);
  });

  it("are told with the folder that a person knows, and never in a run's own way", async () => {
    const directory = await running("cuda:0");
    const other = await temporaryRun();
    const holder = await gpuHolder(other.directory);
    expect(holder?.id).toBe(directory);
    expect(await gpuHolder(directory)).toBeUndefined();
    const folder = dirname(dirname(dirname(directory)));
    expect(workFolderOf(directory)).toBe(folder);
    expect(workFolderOf("/runs/one")).toBe("/runs");
    expect(gpuTakenBy(holder!, other.directory)).toContain(`by the run Try in ${folder}:`);
    expect(gpuTakenBy(holder!, join(dirname(directory), "sibling"))).toContain("by the run Try:");
  });

  it.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["another shape", '{"runs":{"0":"/a"}}'],
    ["no paths", '{"runs":[1,null,"../a",{"path":"/a"},"/dev/null","/absent/run"]}'],
  ])("are none where the list holds %s, and it is mended", async (_name, content) => {
    mkdirSync(machineStateFolder(), { recursive: true });
    writeFileSync(list(), content);
    expect(await read()).toEqual([]);
    const directory = await running("cpu");
    expect((await read()).map(({ id }) => id)).toEqual([directory]);
  });

  it("are not listed through a link", async () => {
    const directory = await running("cpu");
    const elsewhere = join(dirname(directory), "list.json");
    writeFileSync(elsewhere, readFileSync(list()));
    rmSync(list());
    symlinkSync(elsewhere, list());
    expect(await read()).toEqual([]);
  });
});
