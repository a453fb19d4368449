import { expect, it } from "vitest";
import { parseJobMessage } from "./jobMessage";

it("takes the messages of the protocol", () => {
  for (const message of [
    { type: "progress", stage: "Counting", fraction: null },
    { type: "progress", stage: "Counting", fraction: 0.5, detail: "rows" },
    { type: "problem", file: "/a.jsonl", row: 3, check: "json-syntax", message: "No." },
    {
      type: "problem",
      file: "/a.jsonl",
      row: 3,
      check: "json-syntax",
      message: "No.",
      column: 4,
      endColumn: 6,
      severity: "error",
    },
    { type: "partial", value: ["a"] },
    { type: "result", value: { rows: 1 } },
    { type: "error", message: "The disk is full." },
  ]) {
    expect(parseJobMessage(JSON.stringify(message))).toEqual(message);
  }
});

it.each([
  "",
  "Loading",
  "{",
  "null",
  "[]",
  '{"type":"progress"}',
  '{"type":"problem","row":"3"}',
  '{"type":"problem","file":"a","row":3,"check":"x","message":"No.","severity":"off"}',
  '{"type":"exit"}',
])("takes nothing else: %s", (line) => {
  expect(parseJobMessage(line)).toBeUndefined();
});
