import { describe, expect, it } from "vitest";
import { lookUpDraft } from "./promptLookup";

describe("lookUpDraft", () => {
  it.each([
    ["nothing before", [], 4, []],
    ["what is new", [1, 2, 3, 4, 5], 4, []],
    ["one token alone, which says too little", [1, 9, 2, 3, 1], 4, []],
    ["what followed", [1, 2, 3, 4, 5, 1, 2], 2, [3, 4]],
    ["all there is", [1, 2, 3, 1, 2], 9, [3, 1, 2]],
    ["the latest of like occurrences", [1, 2, 3, 1, 2, 4, 1, 2], 1, [4]],
    ["the longer of two", [7, 8, 1, 2, 3, 1, 2, 4, 7, 8, 1, 2], 1, [3]],
    ["a run of the same token", [5, 5, 5, 5], 3, [5]],
    ["nothing asked for", [1, 2, 3, 1, 2], 0, []],
  ])("%s", (_, sequence, most, draft) => {
    expect(lookUpDraft(sequence, most)).toEqual(draft);
  });
});
