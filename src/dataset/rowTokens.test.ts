import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { readRow } from "./checkRow";
import { type EncodedSample, encodeSamples, TARGET_BIT } from "./encode";
import { canonicalDialect, detectDialect } from "./formats/detect";
import type { JsonObject } from "./formats/format";
import { formatById } from "./formats/registry";
import { cutPoint, renderRow, renderRows, renderWithoutTokens, tokenProblems } from "./rowTokens";
import { chooseTemplate } from "./templates/registry";
import { loadTokenizer, type Tokenizer } from "./tokenizer";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer("models/tiny-python");
});

const alpaca = canonicalDialect(formatById("alpaca"));
const chat = canonicalDialect(formatById("chat"));
const completion = canonicalDialect(formatById("prompt-completion"));
const answerRow = (output: string) => ({ instruction: "Count", input: "", output });

async function problems(row: JsonObject, limit: number, dialect = alpaca) {
  const rendered = await renderRow(row, dialect, tokenizer);
  return tokenProblems(rendered, dialect.format.texts(row, dialect.layout), limit, tokenizer);
}

describe("a rendered row", () => {
  it("has the tokens and the targets that preparation writes", async () => {
    const conversations = [
      [
        { role: "system", content: " Be brief. " },
        { role: "user", content: "q" },
        { role: "assistant", content: "a", weight: 0 },
        { role: "user", content: "q2" },
        { role: "assistant", content: "print(1)\n" },
      ],
    ];
    const cases: [JsonObject, typeof alpaca][] = [
      [{ instruction: "Count", input: "x", output: "1 + 1 😀" }, alpaca],
      [{ prompt: "", completion: "all of it" }, completion],
      ...conversations.map((messages): [JsonObject, typeof alpaca] => [{ messages }, chat]),
    ];
    for (const [row, dialect] of cases) {
      const rendered = await renderRow(row, dialect, tokenizer);
      const sample = readRow(row, dialect);
      const template = chooseTemplate("auto", sample.shape, tokenizer.special);
      const [encoded] = await encodeSamples([template.render(sample, tokenizer.special)], tokenizer);
      const { tokens, targets } = encoded as EncodedSample;
      expect(rendered.segments.flatMap((segment) => [...segment.tokens])).toEqual(
        Array.from(tokens, (word) => (word & ~TARGET_BIT) >>> 0),
      );
      expect([rendered.total, rendered.response, rendered.prompt]).toEqual([
        tokens.length,
        targets,
        tokens.length - targets,
      ]);
    }
  });

  it("has them row by row when many are rendered at once", async () => {
    const rows = readFileSync("test/fixtures/dataset/alpaca.golden.json", "utf8");
    const golden = JSON.parse(rows).rows as { row: JsonObject; ids: number[] }[];
    const rendered = await renderRows(
      golden.map(({ row }) => row),
      alpaca,
      tokenizer,
    );
    expect(rendered.map(({ segments }) => segments.flatMap(({ tokens }) => [...tokens]))).toEqual(
      golden.map(({ ids }) => ids),
    );
  });

  it("is shown without a tokenizer too", () => {
    const segments = renderWithoutTokens({ instruction: "Add", output: "a + b" }, alpaca);
    expect(segments.map(({ text, learned, control }) => [text.slice(-12), learned, control])).toEqual([
      ["# Response:\n", false, false],
      ["a + b", true, false],
      ["<end>", true, true],
    ]);
  });
});

describe("the cut point", () => {
  it("lies where the tokens that fit end, and never within a character", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }), fc.nat(80), async (text, more) => {
        const rendered = await renderRow({ prompt: "p", completion: text }, completion, tokenizer);
        const limit = rendered.prompt + more;
        const cut = await cutPoint(rendered, limit, tokenizer);
        if (limit >= rendered.total) {
          expect(cut).toBeNull();
          return;
        }
        const { segment, offset } = cut!;
        const before = rendered.segments.slice(0, segment).reduce((sum, { tokens }) => sum + tokens.length, 0);
        expect(before).toBeLessThanOrEqual(limit);
        expect(before + rendered.segments[segment]!.tokens.length).toBeGreaterThan(limit);
        expect(rendered.segments[segment]!.text.slice(0, offset).isWellFormed()).toBe(
          text.isWellFormed() || offset === 0,
        );
      }),
      { numRuns: 200 },
    );
  });
});

describe("problems of a row's tokens", () => {
  it("are none where the row fits", async () => {
    expect(await problems(answerRow("1 + 1"), 1024)).toEqual([]);
  });

  it("say where a row would be cut, and mark what would be lost", async () => {
    const output = Array.from({ length: 40 }, (_, n) => `value_${n} = ${n}\n`).join("");
    const [problem, ...others] = await problems(answerRow(output), 128);
    expect(others).toEqual([]);
    expect(problem!.check).toBe("over-length");
    expect(problem!.path).toEqual(["output"]);
    const { start, end } = problem!.range!;
    expect(end).toBe(output.length);
    const lines = output.slice(0, start).split("\n").length - 1;
    expect(lines).toBeGreaterThan(3);
    expect(problem!.message).toContain(`it would be cut in "output" after line ${lines}; `);
    expect(problem!.message).toMatch(/^The row has \d+ tokens, more than the sequence length of 128: /);
    // What is kept has as many tokens as are left for the answer.
    const kept = await renderRow(answerRow(output.slice(0, start)), alpaca, tokenizer);
    expect(Math.abs(kept.total - 1 - 128)).toBeLessThanOrEqual(2);
  });

  it("find the answer of a conversation in which the cut lies, trimmed or not", async () => {
    const row = {
      messages: [
        { role: "user", content: "q" },
        { role: "assistant", content: "short" },
        { role: "user", content: "q2" },
        { role: "assistant", content: `  ${"word ".repeat(80)}` },
      ],
    };
    const { total } = await renderRow(row, chat, tokenizer);
    const [problem] = await problems(row, total - 40, chat);
    expect(problem!.path).toEqual(["messages", 3, "content"]);
    expect(problem!.range!.start).toBeGreaterThan(100);
    expect(row.messages[3]!.content.slice(problem!.range!.start).trim().split(" ").length).toBeGreaterThan(20);
    // Only the end token does not fit.
    const [atEnd] = await problems(row, total - 1, chat);
    expect(atEnd!.path).toEqual(["messages", 3, "content"]);
  });

  it("mark the head where the cut lies in a prompt after the first answer", async () => {
    const row = {
      messages: [
        { role: "user", content: "q" },
        { role: "assistant", content: "a" },
        { role: "user", content: "word ".repeat(80) },
        { role: "assistant", content: "b" },
      ],
    };
    const [problem] = await problems(row, 60, chat);
    expect([problem!.check, problem!.path, problem!.range]).toEqual(["over-length", [], undefined]);
  });

  it("are answer-cut where the prompt alone fills the sequence", async () => {
    const [problem] = await problems({ instruction: "word ".repeat(200), input: "", output: "x" }, 128);
    expect(problem!.check).toBe("answer-cut");
    expect(problem!.message).toContain("and a sequence holds 128");
  });

  it("are all-masked where nothing but the end is learned", async () => {
    const dialect = detectDialect([{ prompt: "p", completion: "" }])!;
    const rendered = await renderRow({ prompt: "p", completion: "" }, dialect, tokenizer);
    expect((await tokenProblems(rendered, [], 128, tokenizer)).map(({ check }) => check)).toEqual(["all-masked"]);
  });
});
