import { describe, expect, it } from "vitest";
import { adviceFor, LONG_SECONDS } from "./advice";
import { standardSettings } from "./planSettings";

const settings = { ...standardSettings(), sequenceLength: 1024 };
const maxPositions = 4096;
const none = { rows: 100, skippedByReason: {} };
const hour = 3600;

describe("adviceFor", () => {
  it("says nothing of an ordinary run", () => {
    expect(adviceFor(settings, { seconds: LONG_SECONDS, steps: 100, maxPositions }, none)).toEqual([]);
    expect(
      adviceFor(settings, { seconds: 10, steps: 100, maxPositions }, { rows: 9, skippedByReason: { json: 4 } }),
    ).toEqual([]);
  });

  it("offers a single pass where that fits into a night", () => {
    const thorough = { ...settings, epochs: 3 };
    expect(adviceFor(thorough, { seconds: 12 * hour, steps: 900, maxPositions }, none)).toEqual([
      { kind: "long", seconds: 12 * hour, changes: [{ field: "training.epochs", value: 1 }] },
    ]);
  });

  it("offers fewer steps where a single pass would still be long", () => {
    const [advice] = adviceFor({ ...settings, epochs: 2 }, { seconds: 64 * hour, steps: 9_999, maxPositions }, none);
    expect(advice?.changes).toEqual([{ field: "training.steps", value: 1_200 }]);
    const [slow] = adviceFor(settings, { seconds: 64 * hour, steps: 4, maxPositions }, none);
    expect(slow?.changes).toEqual([]);
  });

  it("offers longer sequences where rows do not fit, as far as the model goes", () => {
    const rows = { rows: 100, skippedByReason: { "over-length": 20, "answer-cut": 5, json: 3 } };
    const plan = (longest: number) => ({ seconds: 60, steps: 10, maxPositions: longest });
    const longer = (value: number) => [{ field: "sequenceLength", value }];
    expect(adviceFor(settings, plan(4096), rows)).toEqual([
      { kind: "over-length", rows: 25, of: 100, changes: longer(2048) },
    ]);
    expect(adviceFor(settings, plan(1500), rows)[0]?.changes).toEqual(longer(1500));
    expect(adviceFor(settings, plan(1024), rows)[0]?.changes).toEqual([]);
  });
});
