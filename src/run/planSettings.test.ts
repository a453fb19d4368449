import { describe, expect, it } from "vitest";
import { changedSettings, markEvery, runSettings, sameSettings, settingsOf, standardSettings } from "./planSettings";
import { presetIds, presetSettings } from "./presets";
import { defaultSettings, findSpecProblems } from "./runSpec";
import { newRun } from "./testing/testRun";

const size = { threads: 0, sequences: null };

describe("the form's settings", () => {
  it("are the product's defaults where they are left alone", () => {
    expect(runSettings(standardSettings(), size)).toEqual(defaultSettings());
  });

  it("are a run's own when they come from one", () => {
    const run = { ...defaultSettings(), memoryBudget: 2 ** 31, device: "cpu" as const };
    expect(runSettings(settingsOf(run), size)).toEqual(run);
    const { heldOut } = newRun().dataset;
    expect([undefined, true, false].map((packing) => settingsOf(run, { heldOut, packing }).packing)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("evaluate a short run ten times, and at least every five steps", () => {
    const short = { ...standardSettings(), sequencesPerStep: 1 };
    expect(markEvery(short, 300)).toBe(30);
    expect(markEvery(short, 1)).toBe(5);
    expect(markEvery({ ...short, length: "steps", steps: 60 }, null)).toBe(6);
    expect(markEvery(short, 700)).toBe(50);
    expect(markEvery(short, null)).toBeNull();
    expect(runSettings({ ...short, evalEvery: 7 }, { threads: 0, sequences: 1 }).training.evalEvery).toBe(7);
  });

  it("evaluate a long run twenty times", () => {
    const long = { ...standardSettings(), sequencesPerStep: 1 };
    expect(markEvery(long, 1000)).toBe(50);
    expect(markEvery(long, 10_000)).toBe(500);
    expect(runSettings(long, { threads: 0, sequences: 10_000 }).training).toMatchObject({
      evalEvery: 500,
      checkpointEvery: 500,
    });
  });

  it("are the same where only what does not count differs", () => {
    const standard = standardSettings();
    expect(sameSettings({ ...standard, steps: 7, patience: 9 }, standard)).toBe(true);
    expect(sameSettings({ ...standard, targets: [...standard.targets].reverse() }, standard)).toBe(true);
    expect(changedSettings({ ...standard, rank: 8, length: "steps" }, standard)).toEqual(["rank", "length"]);
  });
});

describe("presets", () => {
  const situations = [
    { sequenceLength: 1024, gpu: true },
    { sequenceLength: 128, gpu: false },
  ];

  it.each(presetIds)("%s asks for a run that the engine takes", (id) => {
    for (const situation of situations) {
      const settings = presetSettings(id, situation);
      const run = newRun(runSettings(settings, size));
      const model = { ...run.model, quantization: settings.quantization };
      const spec = { version: 1, id: "a", createdAt: "2026-11-22T18:12:03.000Z", ...run, model };
      expect(findSpecProblems(spec)).toEqual([]);
    }
  });

  it("go from a quick look to a thorough run", () => {
    const [situation] = situations;
    expect(presetSettings("quick", situation!)).toMatchObject({ length: "steps", steps: 60 });
    expect(presetSettings("standard", situation!)).toEqual({ ...standardSettings(), sequenceLength: 1024 });
    expect(presetSettings("thorough", situation!)).toMatchObject({ epochs: 3, rank: 32, earlyStopping: true });
  });

  it("spare memory with what the device can do, and never lengthen sequences", () => {
    const least = situations.map((situation) => presetSettings("least-memory", situation));
    expect(least.map(({ quantization }) => quantization)).toEqual(["nf4", "none"]);
    expect(least.map(({ sequenceLength }) => sequenceLength)).toEqual([512, 128]);
    expect(least[0]).toMatchObject({ rank: 8, recompute: "block", microBatch: 1 });
  });
});
