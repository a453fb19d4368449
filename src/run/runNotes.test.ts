import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RunMonitor } from "./runMonitor";
import { changeRunNotes, noNotes, notesFile, readRunNotes, tidyName, tidyTags } from "./runNotes";
import { temporaryFolder, temporaryRun, until } from "./testing/testRun";

const stored = (directory: string) => JSON.parse(readFileSync(notesFile(directory), "utf8"));

describe("names and tags", () => {
  it("are one line without signs that turn or hide text", () => {
    expect(tidyName("  a\n\u202eb\u0000\tc  ")).toBe("a b c");
    expect(tidyName(" \u2066 ")).toBeNull();
    expect(tidyTags(" #best, Best,,  lr \n sweep , ##")).toEqual(["best", "lr sweep"]);
  });

  it("stay as they are when tidied again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
        const tags = tidyTags(text);
        expect(tidyTags(tags)).toEqual(tags);
        const name = tidyName(text);
        if (name !== null) expect(tidyName(name)).toBe(name);
      }),
    );
  });

  it("are bounded", () => {
    expect(tidyName("x".repeat(10_000))).toHaveLength(200);
    const tags = tidyTags(Array.from({ length: 1000 }, (_, index) => `${index}${"x".repeat(1000)}`));
    expect(tags).toHaveLength(50);
    expect(Math.max(...tags.map((tag) => tag.length))).toBe(50);
  });
});

describe("the notes of a run", () => {
  it("are none until there are some", async () => {
    const { directory } = await temporaryRun();
    expect(await readRunNotes(directory)).toEqual(noNotes);
  });

  it("change one by one, and leave run.json and foreign fields as they are", async () => {
    const { directory } = await temporaryRun();
    const spec = readFileSync(join(directory, "run.json"), "utf8");
    writeFileSync(notesFile(directory), JSON.stringify({ version: 2, colour: "red", tags: ["old"] }));
    await Promise.all([
      changeRunNotes(directory, { name: "Better name" }),
      changeRunNotes(directory, { notes: "First line\nsecond" }),
      changeRunNotes(directory, { tags: ["a", "b"] }),
    ]);
    expect(stored(directory)).toEqual({
      version: 2,
      colour: "red",
      name: "Better name",
      notes: "First line\nsecond",
      tags: ["a", "b"],
    });
    expect(await readRunNotes(directory)).toEqual({
      name: "Better name",
      notes: "First line\nsecond",
      tags: ["a", "b"],
    });
    expect(readFileSync(join(directory, "run.json"), "utf8")).toBe(spec);
    expect(readdirSync(directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("take an empty name for none", async () => {
    const { directory } = await temporaryRun();
    await changeRunNotes(directory, { name: "x" });
    expect((await changeRunNotes(directory, { name: " " })).name).toBeNull();
  });

  it.each([["{"], ["[]"], ["null"], ['"x"']])("that are %s are shown as none and never overwritten", async (text) => {
    const { directory } = await temporaryRun();
    writeFileSync(notesFile(directory), text);
    expect(await readRunNotes(directory)).toEqual(noNotes);
    await expect(changeRunNotes(directory, { name: "x" })).rejects.toThrow(/notes\.json .*mend or delete it\.$/);
    expect(readFileSync(notesFile(directory), "utf8")).toBe(text);
  });

  it("keep what is right of a file whose fields are of other types", async () => {
    const { directory } = await temporaryRun();
    writeFileSync(notesFile(directory), JSON.stringify({ name: 7, notes: ["x"], tags: ["<b>", "<b>"] }));
    expect(await readRunNotes(directory)).toEqual({ name: null, notes: "", tags: ["<b>"] });
  });

  it("follow no link, read no folder and nothing that is huge", async () => {
    const { directory } = await temporaryRun();
    const outside = join(temporaryFolder(), "outside.json");
    writeFileSync(outside, JSON.stringify({ name: "outside" }));
    symlinkSync(outside, notesFile(directory));
    expect(await readRunNotes(directory)).toEqual(noNotes);
    await expect(changeRunNotes(directory, { name: "x" })).rejects.toThrow(/is a link/);
    expect(readFileSync(outside, "utf8")).toBe(JSON.stringify({ name: "outside" }));

    const other = (await temporaryRun()).directory;
    mkdirSync(notesFile(other));
    expect(await readRunNotes(other)).toEqual(noNotes);

    const third = (await temporaryRun()).directory;
    writeFileSync(notesFile(third), JSON.stringify({ name: "x", notes: "y".repeat(1 << 20) }));
    expect(await readRunNotes(third)).toEqual(noNotes);
    await expect(changeRunNotes(third, { name: "x" })).rejects.toThrow(/too large/);
  });

  it("refuse a text that would be cut", async () => {
    const { directory } = await temporaryRun();
    await expect(changeRunNotes(directory, { notes: "x".repeat(100_001) })).rejects.toThrow(/100,000 characters/);
  });

  it("reach whoever follows the run", async () => {
    const { directory, spec } = await temporaryRun();
    const monitor = await RunMonitor.open(directory);
    expect(monitor.name).toBe(spec.name);
    const told: string[] = [];
    await monitor.follow(({ head }) => told.push(`${head.name} ${monitor.notes.tags}`));
    await changeRunNotes(directory, { name: "Renamed", tags: ["x"] });
    await monitor.refresh();
    await until(() => told.includes("Renamed x"));
    await changeRunNotes(directory, { tags: ["x", "y"] });
    await monitor.refresh();
    await until(() => told.includes("Renamed x,y"));
    await monitor.close();
  });
});
