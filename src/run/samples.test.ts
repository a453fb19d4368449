import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { addSample, MAX_SAMPLES, readSamples, removeSample, samplesFile } from "./samples";
import { temporaryFolder } from "./testing/testRun";

const prompt = (instruction: string, ids: number[]) => ({ instruction, text: `<${instruction}>`, ids, maxTokens: 8 });

describe("pinned prompts", () => {
  let directory: string;
  beforeEach(() => {
    directory = temporaryFolder();
  });

  it("are none where there is no file", async () => {
    expect(await readSamples(directory)).toEqual([]);
  });

  it("are added, each with an id of its own, and removed", async () => {
    const first = await addSample(directory, prompt("a", [1, 2]));
    const second = await addSample(directory, prompt("b", [1, 3]));
    expect(second.id).not.toBe(first.id);
    expect(second.id).toMatch(/^[a-z0-9-]+$/);
    expect((await readSamples(directory)).map(({ instruction }) => instruction)).toEqual(["a", "b"]);
    await removeSample(directory, first.id);
    expect(await readSamples(directory)).toEqual([second]);
    await removeSample(directory, "unknown");
    expect(await readSamples(directory)).toEqual([second]);
  });

  it("are pinned once for the same tokens: their answers stay", async () => {
    const first = await addSample(directory, prompt("a", [1, 2]));
    expect(await addSample(directory, prompt("a again", [1, 2]))).toEqual(first);
    expect(await readSamples(directory)).toHaveLength(1);
  });

  it("are at most as many as the engine answers", async () => {
    for (let index = 0; index < MAX_SAMPLES; index++) await addSample(directory, prompt(`${index}`, [index]));
    await expect(addSample(directory, prompt("more", [99]))).rejects.toThrow("at most 32 pinned prompts");
    expect(await readSamples(directory)).toHaveLength(MAX_SAMPLES);
  });

  it("together are no more than the engine reads", async () => {
    const long = { ...prompt("long", [1]), text: "x".repeat(1 << 20) };
    await expect(addSample(directory, long)).rejects.toThrow("longer than 1 MiB");
    expect(await readSamples(directory)).toEqual([]);
  });

  it.each([
    ["no JSON", "{"],
    ["another version", '{"version":2,"prompts":[]}'],
    [
      "an id that is a path",
      '{"version":1,"prompts":[{"id":"../x","instruction":"","text":"","ids":[],"maxTokens":1}]}',
    ],
    [
      "ids that are no tokens",
      '{"version":1,"prompts":[{"id":"x","instruction":"","text":"","ids":[-1],"maxTokens":1}]}',
    ],
  ])("are said to be damaged, and left as they are: %s", async (_name, text) => {
    writeFileSync(samplesFile(directory), text);
    await expect(addSample(directory, prompt("a", [1]))).rejects.toThrow("samples.json");
    expect(readFileSync(samplesFile(directory), "utf8")).toBe(text);
  });

  it("are not read through a link, nor from a folder", async () => {
    const elsewhere = join(temporaryFolder(), "samples.json");
    writeFileSync(elsewhere, '{"version":1,"prompts":[]}');
    symlinkSync(elsewhere, samplesFile(directory));
    await expect(readSamples(directory)).rejects.toThrow("samples.json");
    rmSync(samplesFile(directory));
    mkdirSync(samplesFile(directory));
    await expect(readSamples(directory)).rejects.toThrow("is not a plain file");
  });
});
