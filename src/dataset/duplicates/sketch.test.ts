import { describe, expect, it } from "vitest";
import type { TextPart } from "../checks/textPart";
import { compare, MOST_CHARACTERS, sketchOf } from "./sketch";
import { jaccard, mutated, row, seeded, words } from "./testTexts";

function similarity(a: TextPart[], b: TextPart[]): number {
  return compare(sketchOf(a)!, sketchOf(b)!)!.similarity;
}

describe("a sketch", () => {
  it("estimates the exact similarity without bias, to a standard error of 0.05", () => {
    const random = seeded(1);
    let error = 0;
    let squared = 0;
    const pairs = 400;
    for (let pair = 0; pair < pairs; pair++) {
      const prompt = words(10 + random() * 60, random);
      const answer = words(10 + random() * 300, random);
      const share = random() * 0.2;
      const a = row(prompt.join(" "), answer.join(" "));
      const b = row(mutated(prompt, share, random).join(" "), mutated(answer, share, random).join(" "));
      const difference = similarity(a, b) - jaccard(a, b);
      error += difference / pairs;
      squared += difference ** 2 / pairs;
    }
    expect(Math.abs(error)).toBeLessThan(0.01);
    expect(Math.sqrt(squared)).toBeLessThan(0.05);
  });

  it("is the same where only white space and letter case differ", () => {
    const a = row("Write a function that adds two numbers.", "def add(a, b):\n    return a + b");
    const b = row("write a function that  ADDS two numbers.", "def add(a, b): return a+b");
    expect(sketchOf(b)).toEqual(sketchOf(a));
  });

  it("tells operators apart", () => {
    const a = row("Write a function that adds two numbers.", "def add(a, b):\n    return a + b");
    const b = row("Write a function that adds two numbers.", "def add(a, b):\n    return a - b");
    expect(similarity(a, b)).toBeLessThan(1);
  });

  it("leaves the system text out", () => {
    const with_ = row("Name the largest planet there is.", "Jupiter is the largest planet.", { system: "Be kind." });
    expect(sketchOf(with_)).toEqual(
      sketchOf(row("Name the largest planet there is.", "Jupiter is the largest planet.")),
    );
  });

  it("counts each character of a script without spaces", () => {
    expect(sketchOf(row("写一个函数", "把两个数相加并返回"))).not.toBeNull();
    expect(sketchOf(row("写", "数"))).toBeNull();
  });

  it("reads no further than its limit, however long the row", () => {
    const long = "word ".repeat(MOST_CHARACTERS / 4);
    expect(sketchOf(row("Repeat it and then say something else.", long))).toEqual(
      sketchOf(row("Repeat it and then say something else.", `${long} else`)),
    );
  });

  it("is told apart early below a threshold, with the same result above it", () => {
    const random = seeded(2);
    for (let pair = 0; pair < 200; pair++) {
      const base = words(60, random);
      const a = sketchOf(row("Do it.", base.join(" ")))!;
      const b = sketchOf(row("Do it.", mutated(base, random() * 0.15, random).join(" ")))!;
      const whole = compare(a, b)!;
      expect(compare(a, b, 0, 0.8)).toEqual(whole.similarity >= 0.8 ? whole : null);
    }
  });

  it("corrects for bins that agree by accident, which empty ones cannot", () => {
    const full = new Int32Array(32).fill(0x01020304);
    const halfEmpty = full.map((bins, at) => (at < 16 ? bins : 0));
    const halfOther = full.map((bins, at) => (at < 16 ? bins : 0x05060708));
    expect(compare(full, halfEmpty)?.similarity).toBe(0.5);
    expect(compare(full, halfOther)?.similarity).toBeCloseTo(0.5 - 0.5 / 126, 10);
  });

  it("tells how much of the answers agrees", () => {
    const random = seeded(3);
    const passage = words(300, random).join(" ");
    const [first, second] = [words(60, random).join(" "), words(60, random).join(" ")];
    const a = sketchOf(row(passage, first))!;
    expect(compare(a, sketchOf(row(passage, second))!)!.answers).toBeLessThan(0.1);
    expect(compare(a, sketchOf(row(words(300, random).join(" "), first))!)!.answers).toBeGreaterThan(0.5);
    expect(compare(a, a)).toEqual({ similarity: 1, answers: 1 });
  });
});
