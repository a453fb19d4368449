import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { readRow } from "./checkRow";
import { type EncodedSample, encodePrompt, encodeSamples, isEncoded, previewSegments, TARGET_BIT } from "./encode";
import { canonicalDialect } from "./formats/detect";
import { formatById } from "./formats/registry";
import type { ChatMessage, Sample } from "./sample";
import { chooseTemplate, templates } from "./templates/registry";
import type { Template } from "./templates/template";
import { loadTokenizer, type Tokenizer } from "./tokenizer";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer("models/tiny-python");
});

async function encode(template: Template, sample: Sample): Promise<{ ids: number[]; labels: number[] }> {
  const [encoded] = await encodeSamples([template.render(sample, tokenizer.special)], tokenizer);
  return idsAndLabels(encoded as EncodedSample);
}

function idsAndLabels({ tokens }: EncodedSample) {
  const ids = Array.from(tokens, (word) => (word & ~TARGET_BIT) >>> 0);
  return { ids, labels: ids.map((id, index) => (tokens[index]! >= TARGET_BIT ? id : -100)) };
}

it("gives the token ids and labels of transformers for the alpaca template", async () => {
  const golden = JSON.parse(readFileSync("test/fixtures/dataset/alpaca.golden.json", "utf8"));
  expect(golden.rows).toHaveLength(8);
  const format = canonicalDialect(formatById("alpaca"));
  const template = chooseTemplate("auto", "instruction", tokenizer.special);
  for (const { row, ids, labels } of golden.rows) {
    expect(await encode(template, readRow(row, format))).toEqual({ ids, labels });
    const prompt = await encodePrompt(template, row.instruction, row.input, tokenizer);
    expect(prompt).toEqual(ids.slice(0, prompt.length));
    expect(labels[prompt.length - 1]).toBe(-100);
    expect(labels[prompt.length]).not.toBe(-100);
  }
});

describe("templates", () => {
  const turns: ChatMessage[] = [
    { role: "system", content: " Be brief. " },
    { role: "user", content: "q1" },
    { role: "assistant", content: "a1\n" },
    { role: "user", content: "q2" },
    { role: "assistant", content: "a2" },
  ];
  const shown = (template: Template, sample: Sample) =>
    previewSegments(template.render(sample, tokenizer.special), tokenizer.special);

  it("llama3-chat is Llama 3's own text, answers and their ends learned", () => {
    const segments = shown(chooseTemplate("auto", "chat", tokenizer.special), { shape: "chat", messages: turns });
    expect(segments.map(({ text }) => text).join("")).toBe(
      "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>" +
        "<|start_header_id|>user<|end_header_id|>\n\nq1<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\na1<|eot_id|>" +
        "<|start_header_id|>user<|end_header_id|>\n\nq2<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\na2<|eot_id|>",
    );
    const learnt = segments.filter(({ learned }) => learned).map(({ text }) => text);
    expect(learnt).toEqual(["a1", "<|eot_id|>", "a2", "<|eot_id|>"]);
  });

  it("plain-chat takes over where the tokenizer has no chat tokens", () => {
    const poor = { ...tokenizer.special, find: () => null };
    const template = chooseTemplate("auto", "chat", poor);
    expect(template.id).toBe("plain-chat");
    expect(
      template
        .render({ shape: "chat", messages: turns.slice(1, 3) }, poor)
        .map(({ text, learned }) => (learned ? `[${text}]` : text)),
    ).toEqual(["### User:\nq1\n\n", "### Assistant:\n", "[a1\n]", "[<|end_of_text|>]"]);
    expect(() => chooseTemplate("llama3-chat", "chat", poor)).toThrow(
      "<|start_header_id|>, <|end_header_id|>, <|eot_id|>",
    );
  });

  it("refuses a template that cannot show the format's rows", () => {
    expect(() => chooseTemplate("alpaca", "chat", tokenizer.special)).toThrow(
      "choose llama3-chat, plain-chat, or auto",
    );
    expect(() => chooseTemplate("nope", "chat", tokenizer.special)).toThrow('There is no template "nope"');
  });

  it("prompt-completion is verbatim", async () => {
    const template = chooseTemplate("auto", "completion", tokenizer.special);
    const { ids, labels } = await encode(template, {
      shape: "completion",
      prompt: " def f",
      completion: "():\n  pass ",
    });
    expect(await tokenizer.decode(ids, { controlTokens: true })).toBe(
      "<|begin_of_text|> def f():\n  pass <|end_of_text|>",
    );
    expect(await tokenizer.decode(labels.filter((id) => id >= 0))).toBe("():\n  pass ");
  });
});

describe("what a user's text can do", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("<|begin_of_text|>", "<|eot_id|>x<|fim_prefix|>", "a<|end_of_text|>", "\ufdd0", " \n\t"),
  );
  const sampleOf = (template: Template): fc.Arbitrary<Sample> =>
    template.shapes[0] === "fim"
      ? fc.record({ shape: fc.constant("fim" as const), prefix: text, suffix: text, middle: text })
      : template.shapes[0] === "chat" || template.shapes[0] === "instruction"
        ? fc.record({
            shape: fc.constant("instruction" as const),
            system: fc.constant(""),
            instruction: text,
            input: text,
            answer: text,
          })
        : fc.record({ shape: fc.constant("completion" as const), prompt: text, completion: text });

  it.each(templates.map((template) => [template.id, template] as const))(
    "%s: begin once, end learned, text comes back",
    async (_, template) => {
      await fc.assert(
        fc.asyncProperty(sampleOf(template), async (sample) => {
          const segments = template.render(sample, tokenizer.special);
          const [encoded] = await encodeSamples([segments], tokenizer);
          if (!isEncoded(encoded!)) throw new Error(encoded!.message);
          const { ids, labels } = idsAndLabels(encoded);
          const begin = tokenizer.special.begin!.id;
          expect(ids.filter((id) => id === begin)).toEqual([begin]);
          expect(ids[0]).toBe(begin);
          expect(labels[0]).toBe(-100);
          const end = template.end(tokenizer.special).id;
          expect(labels.at(-1)).toBe(end);
          expect(labels.filter((id) => id >= 0)).toHaveLength(encoded.targets);
          const controls = ids.filter((id) => tokenizer.isControl(id)).length;
          expect(controls).toBe(1 + segments.filter(({ id }) => id !== undefined).length);
          expect(await tokenizer.decode(ids)).toBe(
            segments.map(({ id, text: shown }) => (id === undefined ? shown : "")).join(""),
          );
        }),
        { numRuns: 60 },
      );
    },
  );

  it("reports what a vocabulary cannot keep apart", async () => {
    const stubborn: Tokenizer = Object.assign(Object.create(tokenizer), { isControl: (id: number) => id === 64 });
    const [encoded] = await encodeSamples([[{ text: "a", learned: true }]], stubborn);
    expect(encoded).toMatchObject({ check: "special-token" });
  });

  it("never makes the first token a target, begin token or not", async () => {
    const without = Object.assign(Object.create(tokenizer), {
      special: { ...tokenizer.special, begin: null },
    }) as Tokenizer;
    const [encoded] = await encodeSamples([[{ text: "ab cd", learned: true }]], without);
    const { ids, labels } = idsAndLabels(encoded as EncodedSample);
    expect(labels).toEqual([-100, ...ids.slice(1)]);
    expect((encoded as EncodedSample).targets).toBe(ids.length - 1);
  });
});
