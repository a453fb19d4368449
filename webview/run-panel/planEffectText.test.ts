import { beforeAll, expect, it } from "vitest";
import { effectText } from "./planEffectText";

beforeAll(() => {
  // The page's language and texts.
  Object.assign(globalThis, { document: { documentElement: { lang: "en" }, getElementById: () => null } });
});

it.each([
  [120 * 2 ** 20, 40, "Memory +120 MB, time +40 s against Standard"],
  [-2 * 2 ** 30, -3600, "Memory −2 GB, time −1 h 0 min against Standard"],
  [2 ** 25, 0.1, "Memory +32 MB, the same time as Standard"],
  [100, -90, "Time −2 min, the same memory as Standard"],
  [0, 0, "Memory and time as with Standard"],
])("says what %d bytes and %d seconds are", (bytes, seconds, text) => {
  expect(effectText({ kind: "difference", bytes, seconds }, "rank", "Standard")).toBe(text);
});

it("says that a run fits because of the value", () => {
  expect(effectText({ kind: "needed" }, "rank", "Standard")).toBe(
    "With the value of Standard the run would not fit into memory",
  );
  expect(effectText({ kind: "needed" }, "modelPath", "Standard")).toBe(
    "With the default model the run would not fit into memory",
  );
});

it("compares what no preset says with what a plan begins with", () => {
  expect(effectText({ kind: "difference", bytes: 0, seconds: 40 }, "completionPercent", "Standard")).toBe(
    "Time +40 s, the same memory as no samples for completion",
  );
});
