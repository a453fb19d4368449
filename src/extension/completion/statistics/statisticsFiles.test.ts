import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StatisticsEvent } from "./events";
import { StatisticsFiles } from "./statisticsFiles";

const NOVEMBER = Date.UTC(2026, 10, 23);
const MONTH_MS = 31 * 24 * 3600 * 1000;
const kept = (id: string, at = NOVEMBER): StatisticsEvent => ({ type: "kept", at, id, similarity: 0.5 });

describe("StatisticsFiles", () => {
  let parent: string;
  let folder: string;
  let problems: unknown[];
  const open = (fileBytes?: number) => new StatisticsFiles(folder, (error) => problems.push(error), fileBytes);

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "tunesmith-statistics-"));
    folder = join(parent, "made", "when-needed");
    problems = [];
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it("gives back what was appended, in its order", async () => {
    const files = open();
    for (const id of ["a", "b", "c"]) files.append(kept(id));
    expect(await files.read()).toEqual({ events: ["a", "b", "c"].map((id) => kept(id)), leftOut: 0 });
    expect(await open().read()).toEqual(await files.read());
  });

  it("is empty where nothing was ever written", async () => {
    expect(await open().read()).toEqual({ events: [], leftOut: 0 });
    expect(problems).toEqual([]);
  });

  it("keeps every line of two windows that write at the same time, over the ends of files", async () => {
    const windows = [open(2000), open(2000)];
    for (let index = 0; index < 100; index++) {
      for (const [window, files] of windows.entries()) files.append(kept(`${window}-${index}`));
    }
    await windows[0]!.read();
    const { events, leftOut } = await windows[1]!.read();
    expect(leftOut).toBe(0);
    expect(new Set(events.map((event) => event.id)).size).toBe(200);
    expect(readdirSync(folder).length).toBeGreaterThan(2);
  });

  it("begins a file a month and keeps the newest twelve", async () => {
    const files = open();
    for (let month = 0; month < 15; month++) files.append(kept(`m${month}`, NOVEMBER + month * MONTH_MS));
    const { events } = await files.read();
    // The oldest goes with the next line that is written.
    expect(readdirSync(folder).length).toBeLessThanOrEqual(13);
    expect(events.at(-1)).toEqual(kept("m14", NOVEMBER + 14 * MONTH_MS));
    expect(events.some((event) => event.id === "m0")).toBe(false);
  });

  it("leaves out lines that are torn, foreign or out of range, and files that are links or too large", async () => {
    const files = open(1000);
    files.append(kept("good"));
    await files.read();
    const [name] = readdirSync(folder);
    const bad = [
      '{"type":"kept","at":1,"id":"x","simi',
      "null",
      '{"type":"kept","at":1,"id":"x","similarity":2}',
      '{"type":"kept","at":1e300,"id":"x","similarity":1}',
      '{"type":"kept","at":1,"id":"<img>","similarity":1}',
      '{"type":"told","at":1,"id":"x"}',
    ];
    appendFileSync(join(folder, name!), `${bad.join("\n")}\n`);
    const secret = join(parent, "secret");
    writeFileSync(secret, JSON.stringify(kept("elsewhere")));
    symlinkSync(secret, join(folder, "2026-12.001.jsonl"));
    writeFileSync(join(folder, "2027-01.001.jsonl"), "x".repeat(3000));
    mkdirSync(join(folder, "2027-02.001.jsonl"));
    expect(await files.read()).toEqual({ events: [kept("good")], leftOut: bad.length + 3 });
    expect(problems).toHaveLength(3);
  });

  it("does not write through a link", async () => {
    mkdirSync(folder, { recursive: true });
    const target = join(parent, "target");
    writeFileSync(target, "untouched");
    symlinkSync(target, join(folder, "2026-11.001.jsonl"));
    const files = open();
    files.append(kept("a"));
    await files.read();
    expect(readFileSync(target, "utf8")).toBe("untouched");
    expect(problems.length).toBeGreaterThan(0);
  });

  it("clears its own files alone", async () => {
    const files = open();
    files.append(kept("a"));
    await files.read();
    writeFileSync(join(folder, "notes.txt"), "mine");
    await files.clear();
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
    expect((await files.read()).events).toEqual([]);
  });
});
