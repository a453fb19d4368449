import { truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { calibrationSequences } from "./calibrationData";
import { temporaryFolder, writeDocuments } from "./testModel";

const ids = Array.from({ length: 64 }, (_, i) => i);

function prepared(count: number): string {
  const data = temporaryFolder("documents");
  const documents = Array.from({ length: count }, (_, at) => ({ ids: [at % 50, ...ids], targets: [1] }));
  writeDocuments(data, "train", documents);
  return data;
}

describe("calibration data", () => {
  it("are spread over the training split", async () => {
    const sequences = await calibrationSequences(prepared(1200), 100);
    const tokens = sequences.flat().length;
    expect(tokens).toBeGreaterThan(24_000);
    expect(tokens).toBeLessThan(25_500);
    expect(sequences[0]).toEqual([0, ...ids]);
    expect(sequences.at(-1)![0]).toBeGreaterThan(40);
  });

  it("are all there is of a small split", async () => {
    expect((await calibrationSequences(prepared(3), 100)).map(([first]) => first)).toEqual([0, 1, 2]);
    expect(await calibrationSequences(prepared(0), 100)).toEqual([]);
  });

  it("are refused where the files are damaged", async () => {
    const data = prepared(3);
    await expect(calibrationSequences(data, 40)).rejects.toThrow("holds a token beyond the vocabulary of 40");
    truncateSync(join(data, "train.tokens"), 100);
    await expect(calibrationSequences(data, 100)).rejects.toThrow(/train\.tokens is truncated/);
    await expect(calibrationSequences(join(data, "none"), 100)).rejects.toThrow(/train\.documents could not be read/);
  });
});
