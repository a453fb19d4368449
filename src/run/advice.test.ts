import { describe, expect, it } from "vitest";
import { adviceFor, LONG_SECONDS } from "./advice";
import { standardSettings } from "./planSettings";

const settings = { ...standardSettings(), sequenceLength: 1024 };
const none = { rows: 100, skippedByReason: {} };
const hour = 3600;

describe("adviceFor", () => {
  it("says nothing of an ordinary run", () => {
    expect(adviceFor(settings, { seconds: LONG_SECONDS, steps: 100 }, none, null)).toEqual([]);
    expect(adviceFor(settings, { seconds: 10, steps: 100 }, { rows: 9, skippedByReason: { json: 4 } }, null)).toEqual(
      [],
    );
  });

  it("offers a single pass where that fits into a night", () => {
    const thorough = { ...settings, epochs: 3 };
    expect(adviceFor(thorough, { seconds: 12 * hour, steps: 900 }, none, null)).toEqual([
      { kind: "long", seconds: 12 * hour, changes: [{ field: "training.epochs", value: 1 }] },
    ]);
  });

  it("offers fewer steps where a single pass would still be long", () => {
    const [advice] = adviceFor({ ...settings, epochs: 2 }, { seconds: 64 * hour, steps: 9_999 }, none, null);
    expect(advice?.changes).toEqual([{ field: "training.steps", value: 1_200 }]);
    const [slow] = adviceFor(settings, { seconds: 64 * hour, steps: 4 }, none, null);
    expect(slow?.changes).toEqual([]);
  });

  it("offers longer sequences where rows do not fit, as far as the model goes", () => {
    const rows = { rows: 100, skippedByReason: { "over-length": 20, "answer-cut": 5, json: 3 } };
    const plan = { seconds: 60, steps: 10 };
    const longer = (value: number) => [{ field: "sequenceLength", value }];
    expect(adviceFor(settings, plan, rows, null)).toEqual([
      { kind: "over-length", rows: 25, of: 100, changes: longer(2048) },
    ]);
    expect(adviceFor(settings, plan, rows, 1500)[0]?.changes).toEqual(longer(1500));
    expect(adviceFor(settings, plan, rows, 1024)[0]?.changes).toEqual([]);
  });
});
