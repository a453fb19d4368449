import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../run/testing/testRun";
import { describeDemo } from "./demoText";
import { type BudgetInput, rowsThatFit } from "./rowBudget";
import { findStandardLibrary } from "./standardLibrary";

describe("rowsThatFit", () => {
  const input: BudgetInput = {
    seconds: 340,
    tokensPerSecond: 2000,
    tokensPerRow: 220,
    heldOutTokens: 50_000,
    tokensPerStep: 4096,
    evalEvery: 50,
    rows: 4000,
  };

  it("fills the time and no more", () => {
    const rows = rowsThatFit(input);
    expect(rows).toBeGreaterThan(1000);
    expect(rows).toBeLessThan(4000);
    const evaluation = input.heldOutTokens / (input.tokensPerSecond * 2.5);
    const steps = (rows * input.tokensPerRow) / input.tokensPerStep;
    const training = (rows * input.tokensPerRow) / input.tokensPerSecond;
    const total = training + evaluation * (3 + steps / input.evalEvery) + 20;
    expect(total).toBeLessThan(input.seconds * 0.9);
    expect(total).toBeGreaterThan(input.seconds * 0.8);
  });

  it("takes all there are where the machine is fast", () => {
    expect(rowsThatFit({ ...input, tokensPerSecond: 100_000 })).toBe(4000);
  });

  it("takes a fair number where the machine is slow, or all of a small file", () => {
    expect(rowsThatFit({ ...input, tokensPerSecond: 50 })).toBe(1000);
    expect(rowsThatFit({ ...input, tokensPerSecond: 50, rows: 12 })).toBe(12);
    expect(rowsThatFit({ ...input, seconds: -5 })).toBe(1000);
  });

  it("allows for runs without evaluation in between", () => {
    expect(rowsThatFit({ ...input, evalEvery: 0 })).toBeGreaterThan(rowsThatFit(input));
  });
});

describe("findStandardLibrary", () => {
  it("takes the newest that is whole", async () => {
    const parent = temporaryFolder();
    for (const name of ["python3", "python3.9", "python3.11", "python3.12", "python2.7"]) mkdirSync(join(parent, name));
    for (const name of ["python3", "python3.9", "python3.11", "python2.7"])
      writeFileSync(join(parent, name, "argparse.py"), "");
    expect(await findStandardLibrary([join(parent, "absent"), parent])).toBe(join(parent, "python3.11"));
  });

  it("says what to install", async () => {
    await expect(findStandardLibrary([temporaryFolder()])).rejects.toThrow("install the package libpython3-stdlib");
  });
});

it("sums the demo up", () => {
  const result = {
    rows: 1234,
    heldoutRows: 240,
    trainTokens: 300_000,
    steps: 74,
    seconds: 200,
    tokensPerSecond: 1500,
    heldoutLossBefore: 2,
    heldoutLossAfter: 1.7,
    onnxHeldoutLoss: 1.7,
    parityMaxAbsDiff: 0.00002,
    completionFirstTokenMs: 12.3,
    completion: "return 1",
  };
  const text = describeDemo(result, "def one():\n    ", "/runs/a");
  expect(text).toContain("1,234 rows, 300,000 tokens in 74 steps: 200 s, 1,500 tokens/s");
  expect(text).toContain("loss 2.0000 → 1.7000 (−15.0 %)");
  expect(text).toContain("    def one():\n        ▸return 1");
});
