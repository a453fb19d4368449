import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CheckId } from "../checks/table";
import { canonicalDialect, detectDialect } from "../formats/detect";
import type { Dialect, JsonObject } from "../formats/format";
import { formatById } from "../formats/registry";
import { applyEdits } from "./edits";
import { fixLine, fixSafely, rowFindings } from "./fixLine";
import { fixById, proposeFixes, rowFixes } from "./registry";

const dialectOf = (row: JsonObject): Dialect => detectDialect([row])!;
const alpaca = dialectOf({ instruction: "a", input: "", output: "b" });
const chat = dialectOf({
  messages: [
    { role: "user", content: "q" },
    { role: "assistant", content: "a" },
  ],
});
const shareGpt = dialectOf({
  conversations: [
    { from: "human", value: "q" },
    { from: "gpt", value: "a" },
  ],
});
const pairs = dialectOf({ prompt: "a", completion: "b" });
const plain = canonicalDialect(formatById("text"));

/** [id of the fix, check, dialect, line, line after the fix; null: dropped] */
type Case = [string, CheckId, Dialect, string, string | null];

const U = '{"role": "user", "content": "q"}';
const A = '{"role": "assistant", "content": "a"}';

const cases: Case[] = [
  [
    "repair-json",
    "json-syntax",
    alpaca,
    '{"instruction" : "a",  "output":"b",}',
    '{"instruction" : "a",  "output":"b"}',
  ],
  ["repair-json", "json-syntax", alpaca, '{"instruction": "a", "output": "b"},', '{"instruction": "a", "output": "b"}'],
  [
    "repair-json",
    "json-syntax",
    alpaca,
    "{'instruction': 'say \"hi\"', 'output': 'it\\'s', 'x': None}",
    '{"instruction": "say \\"hi\\"", "output": "it\'s", "x": null}',
  ],
  [
    "repair-json",
    "json-syntax",
    alpaca,
    '{"instruction": "a\tb", "output": "\u0001"}',
    '{"instruction": "a\\tb", "output": "\\u0001"}',
  ],
  ["repair-json", "json-syntax", alpaca, '{instruction: "a", output: "b"}', '{"instruction": "a", "output": "b"}'],
  [
    "repair-json",
    "json-syntax",
    alpaca,
    '{"instruction": "a", "output": "\\d"}',
    '{"instruction": "a", "output": "\\\\d"}',
  ],
  [
    "repair-json",
    "json-syntax",
    alpaca,
    '{"instruction": "a", "output": "b", "score": NaN}',
    '{"instruction": "a", "output": "b", "score": null}',
  ],
  [
    "repair-json",
    "json-syntax",
    alpaca,
    '{"instruction": "a", "output": "b"} // note',
    '{"instruction": "a", "output": "b"} ',
  ],
  [
    "repair-json",
    "json-syntax",
    alpaca,
    '{"instruction": "a", "output": "b"}{"instruction": "c", "output": "d"}',
    '{"instruction": "a", "output": "b"}\n{"instruction": "c", "output": "d"}',
  ],
  [
    "repair-json",
    "json-syntax",
    alpaca,
    '{"instruction": "a", "output": "b"} , {"instruction": "c", "output": "d"}',
    '{"instruction": "a", "output": "b"} \n{"instruction": "c", "output": "d"}',
  ],
  ["guess-json", "json-syntax", alpaca, '{"instruction": "a", "output": "b"', '{"instruction": "a", "output": "b"}'],
  ["guess-json", "json-syntax", alpaca, '{"instruction": "a", "output": "b}', '{"instruction": "a", "output": "b"}'],
  ["guess-json", "json-syntax", alpaca, '{"instruction": "a" "output": "b"}', '{"instruction": "a", "output": "b"}'],
  [
    "guess-json",
    "json-syntax",
    alpaca,
    '{"instruction": "say "hi" now", "output": "b"}',
    '{"instruction": "say \\"hi\\" now", "output": "b"}',
  ],
  [
    "rename-key",
    "missing-field",
    alpaca,
    '{ "instruction":"a", "input":"", "ouput" : "\\u00e9"}',
    '{ "instruction":"a", "input":"", "output" : "\\u00e9"}',
  ],
  ["rename-key", "missing-field", alpaca, '{"instruction":"a", "response": "b"}', '{"instruction":"a", "output": "b"}'],
  [
    "rename-key",
    "missing-field",
    chat,
    `{"messages": [{"from": "user", "value": "q"}, ${A}]}`,
    `{"messages": [${U}, ${A}]}`,
  ],
  [
    "rename-key",
    "unknown-field",
    alpaca,
    '{"instruction":"a", "inptu": "i", "output": "b"}',
    '{"instruction":"a", "input": "i", "output": "b"}',
  ],
  [
    "remove-field",
    "unknown-field",
    alpaca,
    '{"instruction":"a", "id": [1, {"a": 2}], "output": "b"}',
    '{"instruction":"a", "output": "b"}',
  ],
  [
    "remove-field",
    "unknown-field",
    alpaca,
    '{"id": 1, "instruction":"a", "output": "b"}',
    '{"instruction":"a", "output": "b"}',
  ],
  [
    "convert-row",
    "other-format",
    alpaca,
    `{"messages": [${U}, ${A}], "id": 7}`,
    '{"instruction":"q","output":"a","id":7}',
  ],
  [
    "convert-row",
    "other-format",
    chat,
    '{"instruction": "a", "input": "b", "output": "c"}',
    '{"messages":[{"role":"user","content":"a\\n\\nb"},{"role":"assistant","content":"c"}]}',
  ],
  [
    "convert-row",
    "other-format",
    shareGpt,
    '{"prompt": "a", "completion": "c"}',
    '{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"c"}]}',
  ],
  ["convert-row", "other-format", pairs, '{"instruction": "a", "output": "c"}', '{"prompt":"a","completion":"c"}'],
  ["make-object", "not-an-object", plain, '"h\\u00e9"', '{"text": "h\\u00e9"}'],
  ["make-object", "not-an-object", chat, `[${U},${A}]`, `{"messages": [${U},${A}]}`],
  [
    "split-array",
    "not-an-object",
    alpaca,
    '[ {"instruction":"a","output":"b"}, {"instruction":"c","output":"d"} ]',
    '{"instruction":"a","output":"b"}\n{"instruction":"c","output":"d"}',
  ],
  [
    "make-messages",
    "wrong-type",
    chat,
    `{"messages": ${JSON.stringify(`[${U}, ${A}]`)}}`,
    `{"messages": [${U}, ${A}]}`,
  ],
  [
    "make-text",
    "wrong-type",
    alpaca,
    '{"instruction": "2+2", "output": 4.0}',
    '{"instruction": "2+2", "output": "4.0"}',
  ],
  [
    "remove-repeated-key",
    "duplicate-key",
    alpaca,
    '{"instruction": "a", "output": "x", "instruction": "c", "output": "d"}',
    '{"instruction": "c", "output": "d"}',
  ],
  [
    "rename-role",
    "unknown-role",
    chat,
    `{"messages": [{"role": "Human", "content": "q"}, ${A}]}`,
    `{"messages": [${U}, ${A}]}`,
  ],
  [
    "rename-role",
    "unknown-role",
    shareGpt,
    '{"conversations": [{"from": "human", "value": "q"}, {"from": "bot", "value": "a"}]}',
    '{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}',
  ],
  [
    "order-turns",
    "role-order",
    chat,
    `{"messages": [${U}, {"role":"system","content":"s"},  ${A}]}`,
    `{"messages": [{"role":"system","content":"s"}, ${U},  ${A}]}`,
  ],
  [
    "order-turns",
    "role-order",
    chat,
    `{"messages": [${U}, {"role": "user", "content": "\\u00e9"}, ${A}]}`,
    `{"messages": [{"role": "user", "content": "q\\n\\n\\u00e9"}, ${A}]}`,
  ],
  [
    "order-turns",
    "role-order",
    chat,
    `{"messages": [${U}, {"role":"system","content":"s"}, ${U}, ${U}, ${A}]}`,
    `{"messages": [{"role":"system","content":"s"}, {"role": "user", "content": "q\\n\\nq\\n\\nq"}, ${A}]}`,
  ],
  [
    "remove-last-turn",
    "last-turn-not-assistant",
    chat,
    `{"messages": [${U}, ${A}, ${U}]}`,
    `{"messages": [${U}, ${A}]}`,
  ],
  [
    "learn-last-answer",
    "all-masked",
    chat,
    `{"messages": [${U}, {"role": "assistant", "weight": 0, "content": "a"}]}`,
    `{"messages": [${U}, {"role": "assistant", "weight": 1, "content": "a"}]}`,
  ],
  [
    "remove-lone-surrogates",
    "lone-surrogate",
    alpaca,
    '{"instruction": "\\ud83d\\ude00\\ud83d", "output": "b"}',
    '{"instruction": "\\ud83d\\ude00", "output": "b"}',
  ],
  [
    "remove-control-characters",
    "control-character",
    alpaca,
    '{"instruction": "\\u0000a\\tb\\u0007", "output": "b"}',
    '{"instruction": "a\\tb", "output": "b"}',
  ],
  [
    "remove-invisible-characters",
    "invisible-character",
    alpaca,
    '{"instruction": "a\\u200b\u200bb\\u00e9\ufeff", "output": "b"}',
    '{"instruction": "ab\\u00e9", "output": "b"}',
  ],
  [
    "remove-replacement-characters",
    "replacement-character",
    alpaca,
    '{"instruction": "caf\ufffd", "output": "b"}',
    '{"instruction": "caf", "output": "b"}',
  ],
  [
    "mend-mojibake",
    "mojibake",
    alpaca,
    '{"instruction": "a \\n donâ€™t cafÃ©", "output": "b"}',
    '{"instruction": "a \\n don’t café", "output": "b"}',
  ],
  [
    "remove-special-tokens",
    "special-token",
    alpaca,
    '{"instruction": "a", "output": "b\\n<|im_end|>"}',
    '{"instruction": "a", "output": "b\\n"}',
  ],
  [
    "remove-begin-tokens",
    "double-bos",
    alpaca,
    '{"instruction": "<|begin_of_text|>a", "output": "b"}',
    '{"instruction": "a", "output": "b"}',
  ],
  [
    "remove-template-markers",
    "template-marker",
    alpaca,
    '{"instruction": "a\\n### Response:", "output": "b"}',
    '{"instruction": "a\\n", "output": "b"}',
  ],
  [
    "redact-secrets",
    "secret",
    alpaca,
    '{"instruction": "k", "output": "use AKIAQ3EGRYT6JKLM5NWZ here"}',
    '{"instruction": "k", "output": "use [REDACTED] here"}',
  ],
  [
    "redact-personal-data",
    "personal-data",
    alpaca,
    '{"instruction": "k", "output": "write to m.brandt@posteo.de now"}',
    '{"instruction": "k", "output": "write to <email> now"}',
  ],
  [
    "close-fence",
    "unbalanced-fence",
    alpaca,
    '{"instruction": "k", "output": "```python\\nx = 1"}',
    '{"instruction": "k", "output": "```python\\nx = 1\\n```"}',
  ],
  [
    "remove-fence",
    "unbalanced-fence",
    alpaca,
    '{"instruction": "k", "output": "x = 1\\n```"}',
    '{"instruction": "k", "output": "x = 1"}',
  ],
  [
    "remove-boilerplate",
    "boilerplate",
    alpaca,
    '{"instruction": "k", "output": "Sure! Here is the code:\\nx = \\u0031"}',
    '{"instruction": "k", "output": "x = \\u0031"}',
  ],
  [
    "remove-boilerplate",
    "boilerplate",
    alpaca,
    '{"instruction": "k", "output": "x = 1\\n\\nI hope this helps you out!"}',
    '{"instruction": "k", "output": "x = 1"}',
  ],
  ["remove-empty", "empty-answer", alpaca, '{"instruction": "k", "output": " "}', null],
  ["remove-row", "refusal", alpaca, '{"instruction": "k", "output": "I\'m sorry, but I cannot help with that."}', null],
  ["remove-row", "unknown-format", alpaca, '{"x": 1}', null],
];

describe("fixes of a row", () => {
  it.each(cases.map((entry) => [entry[0], entry[3], entry] as const))("%s: %s", (_id, _line, entry) => {
    const [id, check, dialect, line, after] = entry;
    const findings = rowFindings(line, dialect).filter((finding) => finding.check === check);
    expect(findings, "the fault must be found").not.toEqual([]);
    expect(proposeFixes(line, dialect, findings[0]!).map(({ fix }) => fix.id)).toContain(id);
    const fixed = fixLine(fixById(id)!, check, line, dialect, findings);
    expect(fixed?.join("\n") ?? "unchanged").toBe(after ?? "");
    for (const row of fixed ?? []) {
      const left = rowFindings(row, dialect);
      expect(left.filter((finding) => finding.check === check)).toEqual([]);
      // Applied again it changes nothing.
      expect(fixLine(fixById(id)!, check, row, dialect, [])).toBeNull();
    }
  });

  it("are all tried here, but for those that other rows or Python call for", () => {
    const tried = new Set(cases.map(([id]) => id));
    const elsewhere = ["unfence", "remove-duplicate", "remove-one-of-two", "tabs-to-spaces"];
    expect(
      rowFixes
        .map(({ id }) => id)
        .filter((id) => !tried.has(id))
        .sort(),
    ).toEqual(elsewhere.sort());
  });

  it("takes the code out of a fence, and nothing else", () => {
    const unfence = fixById("unfence")!;
    const row = (output: string) => JSON.stringify({ instruction: "a", output });
    const at = (line: string) => ({
      check: "python-syntax" as const,
      message: "",
      offset: line.lastIndexOf('"'),
      length: 1,
    });
    const fixed = (output: string) => fixLine(unfence, null, row(output), alpaca, [at(row(output))])?.[0];
    expect(fixed("```python\nx = 1\n```\n")).toBe(row("x = 1"));
    expect(fixed("```python\nx = 1\n```\nThat is it.")).toBeUndefined();
    expect(fixed("```js\nx = 1\n```")).toBeUndefined();
    expect(fixed("```python\nx\n```\n```python\ny\n```")).toBeUndefined();
  });

  it("indents with spaces", () => {
    const line = JSON.stringify({ instruction: "a", output: "if x:\n\ty\n  \tz\t!" });
    const at = { check: "mixed-indentation" as const, message: "", offset: line.length - 3, length: 1 };
    const [proposal] = proposeFixes(line, alpaca, at);
    expect(JSON.parse(applyEdits(line, proposal!.change as never)).output).toBe("if x:\n    y\n    z\t!");
  });

  it("never leave a line that is not JSON, whatever the line", () => {
    const piece = fc.constantFrom(
      ..."{}[]\",:'\\ntu\t #/`",
      '"a"',
      '{"instruction": ',
      "True",
      "\u200b",
      "\ud83d",
      " ",
      "1",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const line = pieces.join("");
        for (const finding of rowFindings(line, alpaca)) {
          for (const { change } of proposeFixes(line, alpaca, finding)) {
            if (change === "drop") continue;
            for (const row of applyEdits(line, change).split("\n")) JSON.parse(row);
            let end = 0;
            for (const edit of change) {
              expect(edit.offset).toBeGreaterThanOrEqual(end);
              end = edit.offset + edit.length;
            }
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("mending unseen", () => {
  const planted = ["\\u200b", "\\u0000", "\u2060", "\\ufeff", "\u0085"];

  it("restores texts into which characters were planted, escapes and spacing as they were", () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9 .é😀]{1,12}$/u).filter((text) => text.trim() !== "");
    fc.assert(
      fc.property(
        word,
        word,
        fc.constantFrom(...planted),
        fc.constantFrom(...planted),
        (left, right, first, second) => {
          const make = (a: string, b: string) =>
            `{ "instruction":"${a}${left}\\u00e9\\n${b}${right}x",  "output" : "${right} \\" ${left}"}`;
          const clean = make("", "");
          if (rowFindings(clean, alpaca).length > 0) return;
          expect(fixSafely(make(first, second), alpaca)).toEqual([clean]);
          expect(fixSafely(clean, alpaca)).toBeNull();
        },
      ),
    );
  });

  it("mends one fault after the other", () => {
    const line = "{'instruction': 'a\u200b', 'ouput': 'donâ€™t', 'instruction': 'b',}";
    expect(fixSafely(line, alpaca)).toEqual(['{"output": "don’t", "instruction": "b"}']);
  });

  it("drops no row and guesses nothing", () => {
    expect(fixSafely('{"instruction": "a", "output": ""}', alpaca)).toBeNull();
    expect(fixSafely('{"instruction": "a", "output": "b"', alpaca)).toBeNull();
    expect(fixSafely("not JSON at all", alpaca)).toBeNull();
  });

  it.each([
    ["nested brackets", "[".repeat(100_000)],
    ["nested objects", '{"a":'.repeat(100_000)],
    ["quotes", '"'.repeat(200_000)],
    ["quotes apart", '" '.repeat(200_000)],
    ["backslashes", `{"a": "${"\\".repeat(200_001)}`],
    ["commas", `[${",".repeat(200_000)}`],
    ["many rows", "{}".repeat(50_000)],
    ["blanks", `{"a"${" ".repeat(300_000)}"b"}`],
    ["many invisible characters", JSON.stringify({ instruction: "a", output: `b${"\u200bx".repeat(50_000)}` })],
    ["much mojibake", JSON.stringify({ instruction: "a", output: "Ã©x".repeat(50_000) })],
  ])("comes to an end with %s", (_, line) => {
    for (const row of fixSafely(line, alpaca) ?? []) JSON.parse(row);
  });
});
