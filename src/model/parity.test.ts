import { beforeAll, describe, expect, it } from "vitest";
import type { EngineReference } from "../protocol/engine";
import { checkParity, parityFailure } from "./parity";
import type { OnnxLlama } from "./session";
import { golden, loadModel, TINY_PYTHON } from "./testModel";

let model: OnnxLlama;
let agreed: EngineReference;
beforeAll(async () => {
  model = await loadModel(TINY_PYTHON);
  agreed = { prompts: [] };
  for (const { ids } of golden("peft-r8").sequences.slice(0, 2)) {
    const prompt = ids.slice(0, 30);
    const lastLogits = [...(await model.lastLogits(prompt))];
    const { tokens } = await model.generate(prompt, { maxTokens: 8 });
    agreed.prompts.push({ ids: prompt, lastLogits, greedy: tokens });
  }
});

/** The gate's verdict on a reference that differs from the model in one thing. */
async function verdict(
  change: (reference: EngineReference) => void,
  losses: [number | null, number | null] = [1.5, 1.5],
) {
  const reference = structuredClone(agreed);
  change(reference);
  return checkParity({ model, reference, engineHeldOutLoss: losses[0], onnxHeldOutLoss: losses[1] });
}

describe("the parity gate", () => {
  it("passes a model that agrees", async () => {
    const report = await verdict(() => {}, [1.5, 1.5009]);
    expect(report).toMatchObject({
      passed: true,
      reasons: [],
      prompts: 2,
      greedyTokensCompared: 16,
      greedyTokensEqual: true,
    });
    expect(report.maxAbsLogitDifference).toBeLessThan(3e-5);
    expect((await verdict(() => {}, [null, null])).passed).toBe(true);
  });

  it.each<[string, (reference: EngineReference) => void, [number | null, number | null], RegExp]>([
    [
      "one logit is off",
      (r) => (r.prompts[1]!.lastLogits[77]! += 0.0011),
      [1, 1],
      /difference between logits is 1\.1\de-3/,
    ],
    [
      "a logit is missing",
      (r) => r.prompts[0]!.lastLogits.pop(),
      [1, 1],
      /difference between logits is not a finite number/,
    ],
    ["a logit is NaN", (r) => (r.prompts[0]!.lastLogits[0] = Number.NaN), [1, 1], /not a finite number/],
    [
      "one greedy token differs",
      (r) => (r.prompts[1]!.greedy[5] = 1),
      [1, 1],
      /On prompt 2 greedy token 6 of 8 is \d+ instead of the engine's 1/,
    ],
    [
      "the held-out loss is off",
      () => {},
      [1.5, 1.5011],
      /held-out loss is 1\.501100 instead of the engine's 1\.500000/,
    ],
    ["the held-out loss is NaN", () => {}, [1.5, Number.NaN], /held-out loss is NaN/],
    ["one side knows no loss", () => {}, [null, 1.5], /known on one side only/],
    ["nothing was compared", (r) => r.prompts.splice(0), [1, 1], /No prompt was compared/],
  ])("fails where %s", async (_, change, losses, reason) => {
    const report = await verdict(change, losses);
    expect(report.passed).toBe(false);
    expect(report.reasons.join(" ")).toMatch(reason);
    expect(JSON.parse(JSON.stringify(report)).maxAbsLogitDifference).toEqual(expect.any(Number));
  });

  it("says why in one sentence", async () => {
    const report = await verdict((r) => {
      r.prompts[0]!.lastLogits[0]! += 1;
      r.prompts[0]!.greedy[0] = 1;
    });
    expect(parityFailure(report)).toMatch(
      /^The exported model does not agree with the training engine and is not offered: the largest difference between logits is 1\.00e\+0, more than the allowed 1\.00e-3 \(and 1 more difference\)\.$/,
    );
  });
});
