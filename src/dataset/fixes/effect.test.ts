import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { detectDialect } from "../formats/detect";
import type { Dialect, JsonObject } from "../formats/format";
import { valueAt } from "../formats/layout";
import { applyEdits } from "./edits";
import { Row } from "./fix";
import { fixLine, rowFindings } from "./fixLine";
import { proposed, proposeFixes } from "./registry";

const alpaca = detectDialect([{ instruction: "a", output: "b" }])!;
const chat = detectDialect([
  {
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", content: "a" },
    ],
  },
])!;

/** What texts are put together from: faults, and what stands between them. */
const fragment = fc.constantFrom(
  "plain words, ",
  "x = 1\n",
  "é😀 ",
  '"quoted" \\ ',
  "\u200b",
  "\u202e",
  "\u200d",
  "שלום\u200f",
  "\u0000",
  "\ufffd",
  "donâ€™t Ã©",
  "<|im_end|>",
  "<s>",
  "[INST]",
  "### Response:\n",
  "Human: a\n",
  "Assistant: b\n",
  "AKIAQ3EGRYT6JKLM5NWZ ",
  "password = 'tR7#kk9!Lq'\n",
  "m.brandt@posteo.de ",
  "+49 30 90182736 ",
  "```python\n",
  "```\n",
  "Sure! Here is it: ",
  "I hope this helps. ",
  "\ud83d",
);
const text = fc.array(fragment, { maxLength: 6 }).map((pieces) => pieces.join(""));
const role = fc.constantFrom("user", "assistant", "system", "Human", "bot", "tool");
const message = fc.record({ role, content: text });
const rowOf = fc.oneof(
  fc.record({ instruction: text, output: text }).map((row): [JsonObject, Dialect] => [row, alpaca]),
  fc.record({ instruction: text, ouput: text, id: fc.integer() }).map((row): [JsonObject, Dialect] => [row, alpaca]),
  fc.record({ messages: fc.array(message, { maxLength: 5 }) }).map((row): [JsonObject, Dialect] => [row, chat]),
  fc.record({ messages: fc.array(message, { maxLength: 5 }) }).map((row): [JsonObject, Dialect] => [row, alpaca]),
);

describe("every fix of every finding", () => {
  it("makes it go away, brings no error, and leaves all other texts of the row as they are", () => {
    fc.assert(
      fc.property(rowOf, fc.boolean(), ([row, dialect], escaped) => {
        const line = written(row, escaped);
        const before = rowFindings(line, dialect);
        for (const finding of before) {
          const due = before.filter(({ check }) => check === finding.check);
          for (const { change, fix } of proposeFixes(line, dialect, finding)) {
            if (change === "drop") continue;
            const once = JSON.parse(applyEdits(line, change));
            expect([fix.id, textsKept(row, once, finding.check), once]).toEqual([fix.id, true, once]);
            const [after] = fixLine(fix, finding.check, line, dialect, due)!;
            const left = rowFindings(after!, dialect).filter(({ check }) => check === finding.check);
            // What it cannot mend it leaves: the next fix may.
            const mendable = left.filter((other) => proposed(fix, new Row(after!, dialect), other) !== null);
            expect([fix.id, after, mendable]).toEqual([fix.id, after, []]);
            expect(after).not.toBe(line);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("changes nothing when it is applied to a whole row again", () => {
    fc.assert(
      fc.property(rowOf, fc.boolean(), ([row, dialect], escaped) => {
        const line = written(row, escaped);
        const findings = rowFindings(line, dialect);
        for (const finding of findings) {
          for (const { fix } of proposeFixes(line, dialect, finding)) {
            const due = findings.filter(({ check }) => check === finding.check);
            const once = fixLine(fix, finding.check, line, dialect, due);
            if (once?.length !== 1) continue;
            const left = rowFindings(once[0]!, dialect).filter(({ check }) => check === finding.check);
            expect([fix.id, fixLine(fix, finding.check, once[0]!, dialect, left)]).toEqual([fix.id, null]);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

function written(row: JsonObject, escaped: boolean): string {
  const line = JSON.stringify(row);
  if (!escaped) return line;
  return line.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Fixes of texts change one text of the row alone. */
function textsKept(before: JsonObject, after: JsonObject, check: string): boolean {
  const structural = [
    "role-order",
    "last-turn-not-assistant",
    "unknown-role",
    "missing-field",
    "unknown-field",
    "other-format",
  ];
  if (structural.includes(check)) return true;
  const paths = (row: JsonObject) =>
    Array.isArray(row.messages)
      ? row.messages.flatMap((_, index) => [
          ["messages", index, "role"],
          ["messages", index, "content"],
        ])
      : Object.keys(row).map((key) => [key]);
  if (JSON.stringify(paths(before)) !== JSON.stringify(paths(after))) return false;
  return paths(before).filter((path) => valueAt(before, path) !== valueAt(after, path)).length === 1;
}
