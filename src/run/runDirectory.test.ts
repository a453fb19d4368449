import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { removeLeftovers } from "./leftovers";
import { identify, ownIdentity, parseStat } from "./processIdentity";
import { createRun, deleteRun, listRunDirectories, readRunSpec, runPaths, runsFolderOf, slug } from "./runDirectory";
import { readStartState } from "./startMark";
import { newRun, temporaryFolder, temporaryRun } from "./testing/testRun";

describe("createRun", () => {
  it("writes run.json, a .gitignore of * and nothing else", async () => {
    const workspace = temporaryFolder();
    const { directory, spec } = await createRun(runsFolderOf(workspace), newRun({ name: "Größere Läufe: 2" }));
    expect(basename(directory)).toMatch(/^\d{8}-\d{6}-gro-ere-la-ufe-2$|^\d{8}-\d{6}-[a-z0-9-]+$/);
    expect(await readRunSpec(directory)).toEqual(spec);
    expect(readdirSync(join(workspace, ".tunesmith")).sort()).toEqual([".gitignore", "runs"]);
    expect(readFileSync(join(workspace, ".tunesmith", ".gitignore"), "utf8")).toBe("*\n");
    expect(readdirSync(directory).sort()).toEqual(["run.json", "start.json"]);
    expect(await readStartState(directory, 0)).toEqual({ kind: "under-way", here: true });
  });

  it("gives runs of one second different ids", async () => {
    const folder = runsFolderOf(temporaryFolder());
    const runs = await Promise.all(Array.from({ length: 8 }, () => createRun(folder, newRun())));
    expect(new Set(runs.map((run) => run.spec.id)).size).toBe(8);
    for (const { directory, spec } of runs) expect(basename(directory)).toBe(spec.id);
    expect(await listRunDirectories(folder)).toHaveLength(8);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("keeps a .gitignore that is there and ignores a moved folder by itself", async () => {
    const folder = join(temporaryFolder(), "runs");
    mkdirSync(folder);
    writeFileSync(join(folder, ".gitignore"), "mine\n");
    await createRun(folder, newRun());
    expect(readFileSync(join(folder, ".gitignore"), "utf8")).toBe("mine\n");
    expect(existsSync(join(dirname(folder), ".gitignore"))).toBe(false);
  });

  it("creates nothing from a wrong field", async () => {
    const folder = runsFolderOf(temporaryFolder());
    await expect(createRun(folder, newRun({ sequenceLength: 3 }))).rejects.toThrow("sequenceLength must be");
    expect(await listRunDirectories(folder)).toEqual([]);
  });

  it("names the folder that cannot be written", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    await expect(createRun(join(file, "runs"), newRun())).rejects.toThrow(/file\/runs: .+\.$/);
  });
});

describe("readRunSpec", () => {
  it.each([
    [undefined, "is not a run directory: it has no run.json."],
    ["{", "run.json is not valid JSON."],
    ["[]", "run.json: version is missing."],
    ['{"version":1}', "run.json: id is missing."],
  ])("says what is wrong with %j", async (content, says) => {
    const folder = temporaryFolder();
    if (content !== undefined) writeFileSync(join(folder, "run.json"), content);
    await expect(readRunSpec(folder)).rejects.toThrow(says);
  });
});

describe("listRunDirectories", () => {
  it("lists the newest first and passes over what is no run", async () => {
    const folder = temporaryFolder();
    for (const name of ["20260101-000000-a", "20270101-000000-b", "other", ".new-1"]) mkdirSync(join(folder, name));
    for (const name of ["20260101-000000-a", "20270101-000000-b", ".new-1"]) {
      writeFileSync(join(folder, name, "run.json"), "{}");
    }
    writeFileSync(join(folder, "file"), "");
    expect((await listRunDirectories(folder)).map((directory) => basename(directory))).toEqual([
      "20270101-000000-b",
      "20260101-000000-a",
    ]);
    expect(await listRunDirectories(join(folder, "absent"))).toEqual([]);
  });
});

describe("deleteRun", () => {
  it("removes the run", async () => {
    const { directory } = await temporaryRun();
    await deleteRun(directory);
    expect(readdirSync(dirname(directory))).toEqual([]);
  });

  it("leaves a run alone whose engine lives", async () => {
    const { directory } = await temporaryRun();
    const lock = { ...(await ownIdentity()), attempt: 1, heartbeat: Date.now() };
    writeFileSync(runPaths(directory).lock, JSON.stringify(lock));
    await expect(deleteRun(directory)).rejects.toThrow("still going");
    expect(existsSync(directory)).toBe(true);
  });
});

describe("removeLeftovers", () => {
  const LATER = 2 * 3_600_000;

  it("removes what a kill has left, once nobody can be at work on it any more", async () => {
    const folder = temporaryFolder();
    for (const name of [".new-0123456789ab", ".deleted-0123456789ab"]) {
      mkdirSync(join(folder, name, "checkpoints"), { recursive: true });
      writeFileSync(join(folder, name, "checkpoints", "weights"), "");
    }
    expect(await removeLeftovers(folder)).toEqual([]);
    expect((await removeLeftovers(folder, Date.now() + LATER)).sort()).toEqual([
      ".deleted-0123456789ab",
      ".new-0123456789ab",
    ]);
    expect(readdirSync(folder)).toEqual([]);
    expect(await removeLeftovers(join(folder, "absent"))).toEqual([]);
  });

  it("leaves runs, what is not its own, engines and what links lead to", async () => {
    const folder = temporaryFolder();
    const elsewhere = temporaryFolder();
    writeFileSync(join(elsewhere, "precious"), "");
    symlinkSync(elsewhere, join(folder, ".deleted-aaaaaaaaaaaa"));
    for (const name of ["20260101-000000-a", ".new-mine", ".deleted-bbbbbbbbbbbb", ".deleted-cccccccccccc"]) {
      mkdirSync(join(folder, name));
    }
    symlinkSync(elsewhere, join(folder, ".deleted-bbbbbbbbbbbb", "checkpoints"));
    const lock = { ...(await ownIdentity()), attempt: 1, heartbeat: Date.now() };
    writeFileSync(runPaths(join(folder, ".deleted-cccccccccccc")).lock, JSON.stringify(lock));
    expect(await removeLeftovers(folder, Date.now() + LATER)).toEqual([".deleted-bbbbbbbbbbbb"]);
    expect(readdirSync(folder).sort()).toEqual([
      ".deleted-aaaaaaaaaaaa",
      ".deleted-cccccccccccc",
      ".new-mine",
      "20260101-000000-a",
    ]);
    expect(readdirSync(elsewhere)).toEqual(["precious"]);
  });
});

describe("identify", () => {
  it("knows itself", async () => {
    expect(await identify(await ownIdentity())).toBe("alive");
  });

  it("takes a reused pid for another process", async () => {
    const own = await ownIdentity();
    expect(await identify({ ...own, startTicks: own.startTicks + 1 })).toBe("gone");
    expect(await identify({ ...own, pid: 2 ** 22 + 1 })).toBe("gone");
  });

  it("cannot tell about another machine", async () => {
    const foreign = { ...(await ownIdentity()), host: `not-${hostname()}` };
    expect(await identify({ ...foreign, bootId: "another" })).toBe("elsewhere");
    const { bootId: _, ...old } = foreign;
    expect(await identify(old)).toBe("elsewhere");
  });

  it("knows a process after the machine was renamed, and cannot see into a container on its kernel", async () => {
    const renamed = { ...(await ownIdentity()), host: `not-${hostname()}` };
    expect(await identify(renamed)).toBe("alive");
    expect(await identify({ ...renamed, pid: 2 ** 22 + 1 })).toBe("elsewhere");
  });

  it("reads a name with spaces and parentheses", () => {
    const rest = Array.from({ length: 40 }, (_, index) => index + 4).join(" ");
    expect(parseStat(`12 (a) b) S) R ${rest}`)).toEqual({ state: "R", startTicks: 22 });
    expect(parseStat("")).toBeUndefined();
  });
});

it("makes short names of anything", () => {
  expect(slug("Fine-tune on stdlib!")).toBe("fine-tune-on-stdlib");
  expect(slug("火")).toBe("run");
  expect(slug("x".repeat(300))).toHaveLength(40);
});
