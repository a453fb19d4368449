import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withFolderLock } from "./folderLock";
import { ownIdentity } from "./processIdentity";
import { changeQueue, claimOf, inTheWay, moveInQueue, queueFile, readQueue, readyToStart } from "./queue";
import { runsFolderOf } from "./runDirectory";
import { temporaryFolder } from "./testing/testRun";

const newFolder = () => runsFolderOf(temporaryFolder());

describe("the queue on disk", () => {
  it("keeps its order, beside the runs", async () => {
    const folder = newFolder();
    expect(await readQueue(folder)).toEqual([]);
    await changeQueue(folder, () => ["a", "b"]);
    await changeQueue(folder, (ids) => [...ids, "c"]);
    expect(await readQueue(folder)).toEqual(["a", "b", "c"]);
    expect(queueFile(folder)).toBe(join(dirname(folder), "queue.json"));
    expect(readdirSync(dirname(folder))).toEqual(["queue.json"]);
  });

  it("loses nothing where many change it at once", async () => {
    const folder = newFolder();
    const names = Array.from({ length: 12 }, (_, index) => `run-${index}`);
    await Promise.all(names.map((name) => changeQueue(folder, (ids) => [...ids, name])));
    expect((await readQueue(folder)).sort()).toEqual([...names].sort());
  });

  it("takes only ids from a file that anyone may have written", async () => {
    const folder = newFolder();
    mkdirSync(dirname(folder), { recursive: true });
    for (const damaged of ["", "{", "null", "[]", '{"runs":7}', '{"runs":[7,null]}']) {
      writeFileSync(queueFile(folder), damaged);
      expect(await readQueue(folder)).toEqual([]);
    }
    writeFileSync(queueFile(folder), JSON.stringify({ runs: ["a", "../../etc", "a", ".hidden", "b/c", "d"] }));
    expect(await readQueue(folder)).toEqual(["a", "d"]);
  });

  it("does not follow a link", async () => {
    const folder = newFolder();
    mkdirSync(dirname(folder), { recursive: true });
    const elsewhere = join(temporaryFolder(), "elsewhere.json");
    writeFileSync(elsewhere, '{"runs":["a"]}');
    symlinkSync(elsewhere, queueFile(folder));
    expect(await readQueue(folder)).toEqual([]);
    await changeQueue(folder, () => ["b"]);
    expect(readFileSync(elsewhere, "utf8")).toBe('{"runs":["a"]}');
  });
});

describe("the lock of the queue", () => {
  it("is taken over from a process that is gone, and from before a reboot", async () => {
    const lock = join(temporaryFolder(), "queue.lock");
    const own = await ownIdentity();
    const dead = { pid: 2 ** 22 + 1, startTicks: 1, host: hostname() };
    for (const holder of [dead, { ...own, startTicks: own.startTicks + 1 }, { ...own, bootId: "another" }, "{"]) {
      writeFileSync(lock, typeof holder === "string" ? holder : JSON.stringify(holder));
      expect(await withFolderLock(lock, async () => "mine")).toBe("mine");
      expect(readdirSync(dirname(lock))).toEqual([]);
    }
  });

  it("is waited for while its holder lives, and dies with it", async () => {
    const lock = join(temporaryFolder(), "queue.lock");
    const holder = spawn("sleep", ["60"]);
    const { parseStat } = await import("./processIdentity");
    const { startTicks } = parseStat(readFileSync(`/proc/${holder.pid}/stat`, "utf8"))!;
    writeFileSync(lock, JSON.stringify({ pid: holder.pid, startTicks, host: hostname() }));
    let entered = false;
    const waiting = withFolderLock(lock, async () => {
      entered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(entered).toBe(false);
    holder.kill("SIGKILL");
    await waiting;
    expect(entered).toBe(true);
    expect(existsSync(lock)).toBe(false);
  });
});

describe("whose turn it is", () => {
  const run = (id: string, claim: "cpu" | "gpu" | "any") => ({ id, claim });

  it("starts what has its device to itself, and lets none overtake", () => {
    expect(readyToStart([run("a", "gpu"), run("b", "gpu")], [])).toEqual(["a"]);
    expect(readyToStart([run("a", "gpu"), run("b", "cpu")], [run("x", "gpu")])).toEqual(["b"]);
    expect(readyToStart([run("a", "any"), run("b", "cpu")], [run("x", "gpu")])).toEqual([]);
    expect(readyToStart([run("a", "cpu")], [run("x", "any")])).toEqual([]);
    expect(inTheWay(run("a", "gpu"), [run("a", "gpu"), run("x", "gpu")])?.id).toBe("x");
  });

  it("goes by where the engine computes once it has said so", () => {
    expect(claimOf({ device: "auto" }, null)).toBe("any");
    expect(claimOf({ device: "auto" }, "cuda:0")).toBe("gpu");
    expect(claimOf({ device: "cuda" }, null)).toBe("gpu");
    expect(claimOf({ device: "cuda" }, "cpu")).toBe("cpu");
  });

  it("moves a run without losing one", () => {
    expect(moveInQueue(["a", "b", "c"], "c", -1)).toEqual(["a", "c", "b"]);
    expect(moveInQueue(["a", "b", "c"], "a", 9)).toEqual(["b", "c", "a"]);
    expect(moveInQueue(["a"], "x", 1)).toEqual(["a"]);
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 1 }), fc.nat(), fc.integer(), (ids, at, by) => {
        const moved = moveInQueue(ids, ids[at % ids.length]!, by);
        expect([...moved].sort()).toEqual([...ids].sort());
      }),
    );
  });
});
