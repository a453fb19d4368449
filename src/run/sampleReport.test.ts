import { writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { SampleEvent } from "../protocol/engine";
import { reportSamples } from "./sampleReport";
import { addSample, samplesFile } from "./samples";
import { temporaryFolder } from "./testing/testRun";

const letters = {
  vocabularySize: 26,
  decode: async (ids: readonly number[]) => ids.map((id) => String.fromCharCode(97 + id)).join(""),
};
const event = (prompt: string, step: number, ids: number[], base = false): SampleEvent => ({
  type: "sample",
  time: 0,
  attempt: 1,
  step,
  prompt,
  base,
  ids,
  ended: true,
});

it("gives each pinned prompt its answers by step, with the base model's beside them", async () => {
  const directory = temporaryFolder();
  const { id } = await addSample(directory, { instruction: "Do.", text: "<Do.>", ids: [1], maxTokens: 8 });
  const { samples, problem } = await reportSamples(
    directory,
    [event(id, 20, [1]), event(id, 0, [2], true), event(id, 10, [0]), event("removed", 10, [4])],
    letters,
  );
  expect(problem).toBeNull();
  expect(samples).toEqual([
    {
      id,
      instruction: "Do.",
      text: "<Do.>",
      maxTokens: 8,
      base: { step: 0, text: "c", tokens: 1, ended: true },
      answers: [
        { step: 10, text: "a", tokens: 1, ended: true },
        { step: 20, text: "b", tokens: 1, ended: true },
      ],
    },
  ]);
});

it("takes the last of two answers of a step, and leaves out tokens that there are not", async () => {
  const directory = temporaryFolder();
  const { id } = await addSample(directory, { instruction: "Do.", text: "", ids: [1], maxTokens: 8 });
  const { samples } = await reportSamples(directory, [event(id, 10, [0]), event(id, 10, [1, 999_999])], letters);
  expect(samples[0]!.answers.map(({ text }) => text)).toEqual(["b"]);
});

it("says what is wrong with a damaged file instead of its samples", async () => {
  const directory = temporaryFolder();
  writeFileSync(samplesFile(directory), "[]");
  const { samples, problem } = await reportSamples(directory, [], letters);
  expect(samples).toEqual([]);
  expect(problem).toContain("samples.json is damaged");
});
