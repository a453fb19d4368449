import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkRow } from "../checkRow";
import { canonicalDialect, detectDialect } from "../formats/detect";
import type { JsonObject } from "../formats/format";
import { formatById, formats } from "../formats/registry";
import { convertRow } from "./convertRow";

const canonical = (id: string) => canonicalDialect(formatById(id));

/** The row's own dialect to a format's own names. */
function convert(row: JsonObject, to: string) {
  const from = detectDialect([row]);
  if (from === null) throw new Error("the row has no format");
  return convertRow(row, from, canonical(to));
}

/** The value, where nothing is lost. */
function whole(row: JsonObject, to: string): JsonObject {
  const conversion = convert(row, to);
  expect(conversion).toMatchObject({ lost: [] });
  return conversion.value as JsonObject;
}

const text = fc
  .string({ unit: "grapheme", minLength: 1 })
  .filter((value) => value.trim() !== "" && value.isWellFormed());
const maybe = { requiredKeys: ["instruction", "output"] as ["instruction", "output"] };
const alpaca = fc.record({ instruction: text, output: text, system: text, id: fc.integer() }, maybe);
const completion = fc.record({ prompt: text, completion: text });
const call = fc.record({ name: text, arguments: fc.dictionary(text, fc.jsonValue(), { noNullPrototype: true }) });
const turn = fc.oneof(
  fc.tuple(text, text).map(([question, answer]) => [
    { from: "human", value: question },
    { from: "gpt", value: answer },
  ]),
  fc.tuple(text, call, text, text).map(([question, called, result, answer]) => [
    { from: "human", value: question },
    { from: "function_call", value: JSON.stringify(called) },
    { from: "observation", value: result },
    { from: "gpt", value: answer },
  ]),
);
const shareGpt = fc
  .record({ system: fc.option(text), turns: fc.array(turn, { minLength: 1, maxLength: 4 }), tools: fc.option(text) })
  .map(({ system, turns, tools }) => ({
    conversations: [...(system === null ? [] : [{ from: "system", value: system }]), ...turns.flat()],
    ...(tools === null ? {} : { tools }),
  }));

describe("there and back", () => {
  it.each([
    ["alpaca", "chat", alpaca],
    ["alpaca", "sharegpt", alpaca],
    ["prompt-completion", "chat", completion],
    ["prompt-completion", "alpaca", completion],
    ["prompt-completion", "fim", completion],
    ["text", "prompt-completion", fc.record({ text })],
    ["sharegpt", "chat", shareGpt],
  ] as [string, string, fc.Arbitrary<JsonObject>][])("%s → %s → %s is the same row", (from, over, rows) => {
    fc.assert(
      fc.property(rows, (row) => {
        const there = convertRow(row, canonical(from), canonical(over));
        expect(there).toMatchObject({ lost: [] });
        const back = convertRow(there.value, canonical(over), canonical(from));
        expect(back).toMatchObject({ value: row });
        expect(Object.keys(back.value ?? {}).sort()).toEqual(Object.keys(row).sort());
      }),
    );
  });

  it("keeps a row as it is in its own format", () => {
    fc.assert(
      fc.property(fc.oneof(alpaca, shareGpt), (row) => {
        const dialect = detectDialect([row])!;
        expect(convertRow(row, dialect, dialect)).toEqual({ value: row, lost: [] });
      }),
    );
  });

  it("makes rows in which the format's own checks find nothing", () => {
    const targets = ["alpaca", "prompt-completion", "chat", "sharegpt", "text", "fim"];
    fc.assert(
      fc.property(fc.oneof(alpaca, completion, shareGpt), fc.constantFrom(...targets), (row, to) => {
        const dialect = detectDialect([row])!;
        fc.pre(checkRow(row, dialect).length === 0);
        const { value } = convertRow(row, dialect, canonical(to));
        if (value !== null) expect(checkRow(value, canonical(to))).toEqual([]);
      }),
    );
  });
});

describe("convertRow", () => {
  const question = { role: "user", content: "q" };
  const answer = { role: "assistant", content: "a" };

  it("keeps fields that the format does not know, and those of messages", () => {
    expect(whole({ instruction: "q", response: "a", id: 7 }, "chat")).toEqual({ messages: [question, answer], id: 7 });
    expect(whole({ messages: [question, { ...answer, weight: 0 }], tools: [{ name: "f" }] }, "sharegpt")).toEqual({
      conversations: [
        { from: "human", value: "q" },
        { from: "gpt", value: "a", weight: 0 },
      ],
      tools: [{ name: "f" }],
    });
  });

  it("puts the parts where the other file has them", () => {
    const to = detectDialect([{ question: "x", answer: { text: "y" } }], {
      format: "alpaca",
      mapping: { answer: "answer.text" },
    })!;
    expect(convertRow({ messages: [question, answer] }, canonical("chat"), to)).toEqual({
      value: { question: "q", answer: { text: "a" } },
      lost: [],
    });
  });

  it.each<[string, JsonObject, string, JsonObject, string[]]>([
    [
      "an input",
      { instruction: "i", input: "x", output: "a" },
      "chat",
      { messages: [{ role: "user", content: "i\n\nx" }, answer] },
      ["what is the instruction and what its input"],
    ],
    [
      "a system text",
      { messages: [{ role: "system", content: "s" }, question, answer] },
      "prompt-completion",
      { prompt: "s\n\nq", completion: "a" },
      ["what is the system text and what the prompt"],
    ],
    [
      "a prompt",
      { prompt: "p ", completion: "c" },
      "text",
      { text: "p c" },
      ["what is the prompt and what the answer"],
    ],
    [
      "a field whose name is taken",
      { messages: [question, answer], output: 1 },
      "alpaca",
      { instruction: "q", output: "a" },
      ['the field "output"'],
    ],
    [
      "a suffix",
      { prefix: "a", suffix: "c", middle: "b" },
      "prompt-completion",
      { prompt: "a", completion: "b" },
      ["what stands after the gap"],
    ],
    [
      "the ids of tool calls",
      {
        messages: [
          question,
          {
            role: "assistant",
            content: null,
            tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: '{"x":1}' } }],
          },
          { role: "tool", tool_call_id: "1", content: "r" },
          answer,
        ],
      },
      "sharegpt",
      {
        conversations: [
          { from: "human", value: "q" },
          { from: "function_call", value: '{"name":"f","arguments":{"x":1}}' },
          { from: "observation", value: "r", tool_call_id: "1" },
          { from: "gpt", value: "a" },
        ],
      },
      ["the ids of tool calls"],
    ],
    [
      "the rejected of two messages",
      {
        conversations: [{ from: "human", value: "q" }],
        chosen: { from: "gpt", value: "a" },
        rejected: { from: "gpt", value: "b" },
      },
      "chat",
      { messages: [question, answer] },
      ["the rejected answer"],
    ],
    [
      "the rejected of two conversations",
      { prompt: "q", chosen: [question, answer], rejected: [question, question] },
      "alpaca",
      { instruction: "q", output: "a" },
      ["the rejected answer"],
    ],
    [
      "the rejected of two texts",
      { prompt: "q", chosen: "a", rejected: "b" },
      "alpaca",
      { instruction: "q", output: "a" },
      ["the rejected answer"],
    ],
  ])("says that it loses %s", (_, row, to, value, lost) => {
    expect(convert(row, to)).toEqual({ value, lost });
  });

  it.each<[string, JsonObject, string, string]>([
    [
      "a second turn",
      { messages: [question, answer, question, answer] },
      "alpaca",
      "(2 answers): only messages can hold that.",
    ],
    [
      "tool calls",
      { messages: [question, { role: "assistant", tool_calls: [{ function: { name: "f" } }] }] },
      "alpaca",
      "The conversation calls tools",
    ],
    ["a plain text as an instruction", { text: "x" }, "alpaca", "The row is a plain text: it has no instruction."],
    ["an empty prompt as an instruction", { prompt: "", completion: "c" }, "chat", "The row has no prompt"],
    [
      "an instruction as a gap",
      { instruction: "i", output: "o" },
      "fim",
      "nothing in it says what stands around a gap.",
    ],
    [
      "a row that is not of its format",
      { instruction: "i", output: 5 },
      "chat",
      '"output" is a number: it must be a text in quotes.',
    ],
    ["an unknown role", { messages: [{ role: "narrator", content: "x" }] }, "sharegpt", '"narrator"'],
    [
      "pairs without a chosen answer",
      { prompt: "q", chosen: [], rejected: "b" },
      "chat",
      "The row has no chosen answer.",
    ],
    [
      "preference pairs as a target",
      { instruction: "i", output: "o" },
      "preference",
      "Rows cannot be converted to the format preference.",
    ],
  ])("refuses %s", (_, row, to, message) => {
    expect(convert(row, to)).toEqual({ value: null, refused: expect.stringContaining(message) });
  });

  it("carries an empty answer over, for the other format to show", () => {
    expect(whole({ instruction: "q", output: "" }, "prompt-completion")).toEqual({ prompt: "q", completion: "" });
  });

  it("never throws, whatever the row holds", () => {
    const keys =
      "messages conversations role from content value tool_calls function_call function name chosen rejected prompt tools system text".split(
        " ",
      );
    const words = fc.constantFrom<unknown>(
      "user",
      "assistant",
      "gpt",
      "human",
      "function_call",
      "{}",
      '{"name":1}',
      "",
      null,
      1,
    );
    const { any } = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        words,
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie("any"), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    const rows = fc.dictionary(fc.constantFrom(...keys), any, { maxKeys: 4, noNullPrototype: true });
    const ids = fc.constantFrom(...formats.map(({ id }) => id));
    fc.assert(
      fc.property(rows, ids, ids, (row, from, to) => {
        const conversion = convertRow(row, canonical(from), canonical(to));
        if (conversion.value === null) expect(conversion.refused).toMatch(/\.$/);
      }),
      { numRuns: 2000 },
    );
  });

  it("sets no prototype", () => {
    const row = JSON.parse('{"instruction": "q", "output": "a", "__proto__": {"x": 1}}');
    const { value } = convert(row, "chat");
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});

const shared = join(__dirname, "../../../../shared/data");

describe.skipIf(!existsSync(shared))("real data sets", () => {
  it("turns every row of tool calls into chat and back", () => {
    const rows: JsonObject[] = JSON.parse(readFileSync(join(shared, "chat/glaive_toolcall_en_demo.json"), "utf8"));
    const dialect = detectDialect(rows)!;
    for (const row of rows) {
      const chat = convertRow(row, dialect, canonical("chat"));
      expect(chat).toMatchObject({ lost: [] });
      expect(checkRow(chat.value, canonical("chat"))).toEqual(checkRow(row, dialect));
      const back = convertRow(chat.value, canonical("chat"), dialect).value as typeof row;
      expect(withParsedCalls(back)).toEqual(withParsedCalls(row));
    }
  });

  it("keeps the chosen answers of preference pairs", () => {
    const rows: JsonObject[] = JSON.parse(readFileSync(join(shared, "preference/dpo_en_demo.json"), "utf8"));
    const dialect = detectDialect(rows)!;
    for (const row of rows) {
      const { value } = convertRow(row, dialect, canonical("chat"));
      expect(value).toMatchObject({ messages: expect.anything() });
      expect((value!.messages as { content: string }[]).at(-1)!.content).toBe((row.chosen as { value: string }).value);
    }
  });
});

/** A call's JSON may be spaced in any way. */
function withParsedCalls(row: JsonObject): unknown {
  const messages = row.conversations as { from: string; value: string }[];
  return messages.map(({ from, value }) => (from === "function_call" ? JSON.parse(value) : value));
}
