import { describe, expect, it } from "vitest";
import type { ExportPrecision, PrecisionFigures } from "../protocol/run";
import { choosePrecision, describeFigures } from "./choosePrecision";

function figures(precision: ExportPrecision, lossRise: number | null, milliseconds: number): PrecisionFigures {
  const heldOutLoss = lossRise === null ? null : 2 * (1 + lossRise);
  return { precision, bytes: 1_500_000, heldOutLoss, lossRise, milliseconds };
}

describe("the chosen precision", () => {
  it.each<[string, PrecisionFigures[], ExportPrecision]>([
    ["is the fastest", [figures("fp32", 0, 300), figures("int8", 0.001, 200), figures("int4", 0.015, 100)], "int4"],
    [
      "is not one that costs more than 2 %",
      [figures("fp32", 0, 300), figures("int8", 0.001, 200), figures("int4", 0.021, 100)],
      "int8",
    ],
    ["stays float32 where that is about as fast", [figures("fp32", 0, 105), figures("int8", 0, 100)], "fp32"],
    ["is never 4 bits unmeasured", [figures("int8", null, 200), figures("int4", null, 100)], "int8"],
    ["is the highest where all cost too much", [figures("int8", 0.03, 200), figures("int4", 0.2, 100)], "int8"],
    ["is not one whose loss is not a number", [figures("int8", 0, 200), figures("int4", Number.NaN, 100)], "int8"],
  ])("%s", (_, measured, expected) => {
    expect(choosePrecision(measured)).toBe(expected);
  });
});

describe("the report of the precisions", () => {
  it("has a line for each, and a warning where 4 bits cost too much", () => {
    expect(describeFigures([figures("fp32", 0, 90), figures("int4", 0.034, 30.4)])).toEqual([
      "fp32: held-out loss 2.0000 (+0.00 %), 2 MB, 90 ms a completion",
      "int4: held-out loss 2.0680 (+3.40 %), 2 MB, 30 ms a completion",
      "int4 raises the held-out loss by 3.4 %: what the tuning has taught may be lost in 4 bits.",
    ]);
    expect(describeFigures([figures("int4", null, 30)])).toEqual(["int4: no held-out rows, 2 MB, 30 ms a completion"]);
  });
});
