import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { standardSettings } from "./planSettings";
import {
  deleteSettings,
  formatSettings,
  isSettingsName,
  listSettings,
  parseSettings,
  readSettingsFile,
  saveSettings,
  settingsFolderOf,
} from "./savedSettings";
import { temporaryFolder } from "./testing/testRun";

const settings = { ...standardSettings(), rank: 4, memoryLimit: 2, evalEvery: 7 };
const folder = () => settingsFolderOf(temporaryFolder());
const file = (changes: object, more: object = {}) =>
  JSON.stringify({ kind: "tunesmith-settings", version: 1, name: "A", settings: { ...settings, ...changes }, ...more });

describe("saved settings", () => {
  it("come back as they were, by name", async () => {
    const kept = folder();
    await saveSettings(kept, "Small b", settings);
    await saveSettings(kept, "A", standardSettings());
    await saveSettings(kept, "A", { ...settings, rank: 2 });
    const list = await listSettings(kept);
    expect(list).toEqual({
      saved: [
        { name: "A", settings: { ...settings, rank: 2 } },
        { name: "Small b", settings },
      ],
      problems: [],
    });
    expect(readdirSync(kept)).toEqual(["A.json", "Small b.json"]);
    await saveSettings(kept, "A 2", settings);
    expect((await listSettings(kept)).saved.map(({ name }) => name)).toEqual(["A", "A 2", "Small b"]);
    await deleteSettings(kept, "A");
    expect((await listSettings(kept)).saved.map(({ name }) => name)).toEqual(["A 2", "Small b"]);
  });

  it("hold nothing of this machine", async () => {
    const form = { ...settings, modelPath: "/home/me/model", heldOutPath: "/home/me/held.jsonl", name: "mine" };
    expect(formatSettings("A", form)).not.toMatch(/home|mine/);
  });

  it("leave out what is wrong where it does not count", () => {
    const text = formatSettings("A", { ...settings, steps: Number.NaN, patience: 0 });
    expect(parseSettings(text, "a.json").settings).toEqual(settings);
  });

  it("are none where there is no folder", async () => {
    expect(await listSettings(folder())).toEqual({ saved: [], problems: [] });
  });

  it("are read from a file that is passed on, with defaults for what it leaves out", async () => {
    const path = join(temporaryFolder(), "passed on.json");
    writeFileSync(path, JSON.stringify({ kind: "tunesmith-settings", version: 1, name: "A", settings: { rank: 4 } }));
    expect(await readSettingsFile(path)).toEqual({ name: "A", settings: { ...standardSettings(), rank: 4 } });
  });

  it.each([
    ["is not a settings file: it is not valid JSON.", "{"],
    ["it is not a settings file; choose one that Export… has written.", "3"],
    ["it is not a settings file; choose one that Export… has written.", "{}"],
    ["it is not a settings file; choose one that Export… has written.", '{"kind":"tunesmith-run"}'],
    ["version must be 1: a newer Tunesmith may have written the file, not 2.", file({}, { version: 2 })],
    ["name must be letters, digits", file({}, { name: "../../x" })],
    ["enginePath is not a field of settings.", file({}, { enginePath: "/bin/sh" })],
    ["settings.rank must be a whole number from 1 to 1,024, not 0.", file({ rank: 0 })],
    ['settings.rank must be a whole number from 1 to 1,024, not "16".', file({ rank: "16" })],
    ["settings.targets.0 must name projections among q_proj", file({ targets: ["lm_head"] })],
    ["settings.packing must be true or false, not 1.", file({ packing: 1 })],
    ['settings.evalEvery must be a whole number from 0 to 10,000,000, or "auto"', file({ evalEvery: "never" })],
    ["settings.modelPath is not a field of settings.", file({ modelPath: "/x" })],
    ['settings.schedule must be one of "constant", "linear", "cosine", not "xxx', file({ schedule: "x".repeat(500) })],
  ])("that are wrong are one sentence: %s", (says, text) => {
    let message = "";
    try {
      parseSettings(text, "/w/a.json");
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain("/w/a.json");
    expect(message).toContain(says);
    expect(message.length).toBeLessThan(220);
    expect(message.split("\n")).toHaveLength(1);
  });

  it("that cannot be read leave the others, and are told", async () => {
    const kept = folder();
    await saveSettings(kept, "A", settings);
    writeFileSync(join(kept, "broken.json"), "{");
    writeFileSync(join(kept, "huge.json"), " ".repeat(100_000));
    symlinkSync("/etc/hostname", join(kept, "link.json"));
    const { saved, problems } = await listSettings(kept);
    expect(saved.map(({ name }) => name)).toEqual(["A"]);
    expect(problems).toHaveLength(3);
  });

  it("do not leave the workspace through a link", async () => {
    const outside = temporaryFolder();
    const kept = folder();
    mkdirSync(dirname(kept), { recursive: true });
    symlinkSync(outside, kept);
    await expect(saveSettings(kept, "A", settings)).rejects.toThrow(/is not a plain folder/);
    await expect(deleteSettings(kept, "A")).rejects.toThrow(/is not a plain folder/);
    writeFileSync(join(outside, "B.json"), file({}));
    expect((await listSettings(kept)).saved).toEqual([]);
    expect(readdirSync(outside)).toEqual(["B.json"]);
    expect(readFileSync(join(outside, "B.json"), "utf8")).toBe(file({}));
  });
});

it.each([
  ["Standard 2", true],
  ["über.v2_x-y", true],
  ["a", true],
  ["", false],
  [" a", false],
  ["a ", false],
  ["a.", false],
  [".a", false],
  ["a/b", false],
  ["..", false],
  ["nul", false],
  ["x".repeat(61), false],
  ["x".repeat(60), true],
])("the name %j: %s", (name, good) => {
  expect(isSettingsName(name)).toBe(good);
});
