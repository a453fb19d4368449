import { describe, expect, it } from "vitest";
import type { TokenDocument } from "../model/heldOut";
import type { Contract } from "../protocol/run";
import { drawInstructions, heldOutInstructions, withoutEnd } from "./heldOutInstructions";

const END = 9;
const contract: Contract = {
  version: 1,
  baseModel: "tiny",
  contextLength: 12,
  vocabularySize: 100,
  beginToken: { id: 1, text: "<s>" },
  endTokens: [{ id: END, text: "</s>" }],
  modes: {},
};
const document = (ids: number[], targets: number[], row = 1): TokenDocument => ({
  ids,
  targets,
  source: 0,
  row,
  kind: "instruct",
});

describe("held-out instructions", () => {
  it("are what stands before the answer, and the answer without its end", () => {
    expect(heldOutInstructions([document([1, 20, 21, 30, 31, END], [3, 4, 5], 7)], contract, 100)).toEqual([
      { source: 0, row: 7, prompt: [1, 20, 21], expected: [30, 31], maxTokens: 9 },
    ]);
  });

  it("are the last question of a conversation, with all that went before", () => {
    const [only] = heldOutInstructions([document([1, 20, 30, END, 21, 31, END], [2, 3, 5, 6])], contract, 4);
    expect(only).toMatchObject({ prompt: [1, 20, 30, END, 21], expected: [31], maxTokens: 4 });
  });

  it("are not plain texts, empty answers or prompts that fill the context", () => {
    const text = document([1, 20, 21], [1, 2]);
    const empty = document([1, 20, 21, END], [3]);
    const unlearned = document([1, 20, 21], []);
    const full = document([1, 2, 3, 4, 5, 6, 7, 8, 2, 3, 4, 5, 30], [12]);
    expect(heldOutInstructions([text, empty, unlearned, full], contract, 5)).toEqual([]);
  });
});

describe("drawing", () => {
  const all = Array.from({ length: 40 }, (_, index) => ({
    source: 0,
    row: index + 1,
    prompt: [1, 2],
    expected: [3],
    maxTokens: 1,
  }));

  it("takes the same rows for the same seed, whatever their order, and others for another", () => {
    const rows = (seed: number, from = all) => drawInstructions(from, 10, seed).map(({ row }) => row);
    expect(rows(1)).toEqual(rows(1, [...all].reverse()));
    expect(rows(1)).not.toEqual(rows(2));
    expect(rows(1)).toEqual([...rows(1)].sort((a, b) => a - b));
    expect(new Set(rows(1)).size).toBe(10);
  });

  it("takes all where there are fewer", () => {
    expect(drawInstructions(all.slice(0, 3), 10, 0)).toHaveLength(3);
  });
});

describe("the end of an answer", () => {
  it("is cut off, with what follows it", () => {
    expect(withoutEnd([3, 4, END, 5], new Set([END]))).toEqual({ ids: [3, 4], ended: true });
    expect(withoutEnd([3, 4], new Set([END]))).toEqual({ ids: [3, 4], ended: false });
  });
});
