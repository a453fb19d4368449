import { describe, expect, it } from "vitest";
import { ownParts } from "./ownParts";

describe("what prompts do not share", () => {
  it("is the instruction without the template's words", () => {
    const prompt = (instruction: string) => `### Instruction:\n${instruction}\n\n### Response:\n`;
    expect(ownParts([prompt("Write f."), prompt("Write a function.")])).toEqual(["Write f.", "Write a function."]);
  });

  it("is the whole text where there is one, or all are the same", () => {
    expect(ownParts(["one text"])).toEqual(["one text"]);
    expect(ownParts(["same", "same"])).toEqual(["same", "same"]);
    expect(ownParts([])).toEqual([]);
  });

  it("never overlaps", () => {
    expect(ownParts(["aa", "aaa", "aaaa"])).toEqual(["aa", "aaa", "aaaa"]);
  });
});
