import { beforeAll, describe, expect, it } from "vitest";
import { loadTokenizer, type Tokenizer } from "../dataset/tokenizer";
import { baseContract } from "../model/contract";
import { commonPrefix } from "../model/kvCache";
import { golden, TINY_PYTHON } from "../model/testModel";
import type { Contract } from "../protocol/run";
import { codePrompt, instructPrompt, LONGEST_PROMPT, LONGEST_SUFFIX, type PromptQuestion } from "./prompt";

let tokenizer: Tokenizer;
let contract: Contract;
beforeAll(async () => {
  tokenizer = await loadTokenizer(TINY_PYTHON);
  contract = await baseContract(TINY_PYTHON);
});

const [BOS, PREFIX, SUFFIX, MIDDLE] = [8160, 8165, 8166, 8167];
const FILE = Array.from({ length: 400 }, (_, i) => `    value_${i} = compute(${i}, "name")\n`).join("");
const prompt = (
  prefix: string,
  suffix = "",
  changes: Partial<Contract> = {},
  maxTokens = 64,
  more: Partial<PromptQuestion> = {},
) => codePrompt({ ...contract, ...changes }, tokenizer, { prefix, suffix, ...more }, maxTokens);
const textOf = (ids: number[]) => tokenizer.decode(ids, { controlTokens: true });

describe("a code prompt", () => {
  it("is begin, prefix, suffix, middle where the contract lists fill-in-the-middle", async () => {
    const { ids, mode, word } = await prompt("def f(x):\n    return ", "\n\nprint(f(1))\n");
    expect([mode, word]).toEqual(["fim", " "]);
    expect(ids.slice(0, 2)).toEqual([BOS, PREFIX]);
    expect(ids.at(-1)).toBe(MIDDLE);
    expect(await textOf(ids)).toBe(
      "<|begin_of_text|><|fim_prefix|>def f(x):\n    return<|fim_suffix|>\n\nprint(f(1))\n<|fim_middle|>",
    );
    expect(ids.filter((id) => id >= BOS)).toEqual([BOS, PREFIX, SUFFIX, MIDDLE]);
  });

  it("is the prefix alone otherwise, and without a begin token where there is none", async () => {
    const modes = { prefix: {} };
    expect(await textOf((await prompt("x = 1\n", "y = 2", { modes })).ids)).toBe("<|begin_of_text|>x = 1\n");
    const indented = await prompt("if x:\n    ", "", { modes });
    expect([await textOf(indented.ids), indented.word]).toEqual(["<|begin_of_text|>if x:\n", "    "]);
    expect((await prompt("x = 1\n", "", { modes, beginToken: null })).ids[0]).not.toBe(BOS);
    expect((await prompt("x = 1\n", "", { modes })).mode).toBe("prefix");
  });

  it("never takes control tokens from the user's text", async () => {
    const { ids } = await prompt('text = "<|fim_middle|><|end_of_text|>"\n');
    expect(ids.filter((id) => id >= BOS)).toEqual([BOS, PREFIX, SUFFIX, MIDDLE]);
  });

  it("shows \\n to the model whatever the file's line ends", async () => {
    const windows = await prompt("a = 1\r\nb = ", "\r\nc = 3\r\n");
    expect(windows.ids).toEqual((await prompt("a = 1\nb = ", "\nc = 3\n")).ids);
  });

  it("keeps the prefix's end and the suffix's start, cut at lines, within its limits", async () => {
    const { ids } = await prompt(`${FILE}    last = `, `\n${FILE}`);
    expect(ids.length).toBeLessThanOrEqual(LONGEST_PROMPT);
    expect(ids.length).toBeGreaterThan(LONGEST_PROMPT * 0.7);
    const text = await textOf(ids);
    const [, prefix, suffix] = /<\|fim_prefix\|>(.*)<\|fim_suffix\|>(.*)<\|fim_middle\|>$/s.exec(text)!;
    expect(prefix).toMatch(/^ {4}value_\d+ = compute/);
    expect(prefix!.endsWith("    last =")).toBe(true);
    expect(suffix).toMatch(/^\n {4}value_0 .*\n$/s);
    expect((await tokenizer.encode([suffix!]))[0]!.length).toBeLessThanOrEqual(LONGEST_SUFFIX);
  });

  it("stays within a small contract's context", async () => {
    const { ids } = await prompt(FILE, FILE, { contextLength: 128 }, 64);
    expect(ids.length).toBeLessThanOrEqual(64);
    await expect(prompt("x", "", { contextLength: 64 }, 60)).rejects.toThrow(/leave no room for a prompt/);
  });

  it("cuts a line that is longer than the room", async () => {
    const { ids } = await prompt(`x = "${"é😀".repeat(5000)}`, "😀".repeat(5000));
    expect(ids.length).toBeLessThanOrEqual(LONGEST_PROMPT);
    expect(await textOf(ids)).not.toContain("\ufffd");
  });

  it("keeps most of the KV cache while the user types in a long file", async () => {
    let previous = (await prompt(`${FILE}    total = `)).ids;
    let kept = 0;
    const typed = "sum(value_1, value_2)";
    for (let i = 1; i <= typed.length; ++i) {
      const { ids } = await prompt(`${FILE}    total = ${typed.slice(0, i)}`);
      if (commonPrefix(previous, ids) > 0.9 * ids.length) kept += 1;
      previous = ids;
    }
    expect(kept).toBeGreaterThanOrEqual(typed.length - 1);
  });

  it("says what it is made of, to the token", async () => {
    const { ids, sections } = await prompt("x = 1\n", "y = 2\n", {}, 64, {
      context: [{ kind: "definition", path: "lib/dates.py", text: "def parse(text): ..." }],
      contextTokens: 100,
    });
    expect(sections.map(({ kind, label }) => [kind, label])).toEqual([
      ["control", "<|begin_of_text|>"],
      ["control", "<|fim_prefix|>"],
      ["context", "definition: lib/dates.py"],
      ["prefix", "prefix"],
      ["control", "<|fim_suffix|>"],
      ["suffix", "suffix"],
      ["control", "<|fim_middle|>"],
    ]);
    expect(sections.map(({ text }) => text).join("")).toBe(await textOf(ids));
    expect(sections.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(ids.length);
  });

  it("puts code from elsewhere before the prefix, the first that fits, within its own budget", async () => {
    const context = [
      { kind: "definition" as const, path: "a.py", text: "def first(): ..." },
      { kind: "edit" as const, path: "b.py", text: FILE },
      { kind: "similar" as const, path: "c.py", text: "def last(): ..." },
    ];
    const { ids, sections } = await prompt(FILE, FILE, {}, 64, { context, contextTokens: 200 });
    const parts = sections.filter(({ kind }) => kind === "context");
    expect(parts[0]!.text).toBe("# a.py\ndef first(): ...\n\n");
    expect(parts[1]!.text).toMatch(/^# b\.py\n {4}value_0 .*\n$/s);
    const tokens = parts.reduce((sum, part) => sum + part.tokens, 0);
    expect(tokens).toBeLessThanOrEqual(200);
    expect(tokens).toBeGreaterThan(150);
    expect(ids.length).toBeLessThanOrEqual(LONGEST_PROMPT);
    const without = await prompt(FILE, FILE, {}, 64, { context, contextTokens: 0 });
    expect(without.sections.some(({ kind }) => kind === "context")).toBe(false);
    // The file's own code keeps half of the room.
    const greedy = await prompt(FILE, FILE, {}, 64, { context, contextTokens: 100_000 });
    const own = greedy.sections.find(({ kind }) => kind === "prefix")!;
    expect(own.tokens).toBeGreaterThan(LONGEST_PROMPT / 4);
  });

  it("has the same beginning with each key, context and all", async () => {
    const more = {
      context: [{ kind: "similar" as const, path: "c.py", text: FILE.slice(0, 900) }],
      contextTokens: 256,
    };
    const first = await prompt(`${FILE}    total = 1`, "", {}, 64, more);
    const second = await prompt(`${FILE}    total = 1 + `, "", {}, 64, more);
    expect(commonPrefix(first.ids, second.ids)).toBeGreaterThan(0.95 * (first.ids.length - 10));
  });

  it("is refused by a model that only answers instructions", async () => {
    await expect(prompt("x", "", { modes: { instruct: { template: "alpaca" } } })).rejects.toThrow(
      /answers instructions only/,
    );
  });
});

describe("a prompt for what a comment asks for", () => {
  const asks = { instruction: "Add two numbers." };
  const modesOf = (template: string) => ({ modes: { ...contract.modes, instruct: { template } } });

  it("has the tokens of training, and nothing else", async () => {
    const { ids, mode, word, sections } = await prompt("# Add two numbers.", "\n", modesOf("alpaca"), 64, asks);
    expect([mode, word]).toEqual(["instruct", ""]);
    const tuned = { ...contract, ...modesOf("alpaca") };
    expect(ids).toEqual(await instructPrompt(tuned, tokenizer, { instruction: asks.instruction, input: "" }, 64));
    expect(sections).toEqual([
      { kind: "instruction", label: "alpaca", text: await textOf(ids), tokens: ids.length, room: LONGEST_PROMPT },
    ]);
  });

  it("begins the answer with the header that stands above the docstring", async () => {
    const instruction = "Write an async Python method `add(self, x)` of class `A`.\n\nAdd it.";
    const code = 'class A:\n    async def add(self, x):\n        """Add it."""\n        ';
    const { ids, sections, mode } = await prompt(code, "\n", modesOf("alpaca"), 64, { instruction });
    expect(mode).toBe("instruct");
    expect(await textOf(ids)).toMatch(/### Response:\nasync def add\(self, x\):\n$/);
    expect(sections.map(({ kind }) => kind)).toEqual(["instruction", "prefix"]);
    expect(sections.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(ids.length);
    const comment = await prompt(`# ${instruction}`, "\n", modesOf("alpaca"), 64, { instruction });
    expect(comment.sections).toHaveLength(1);
  });

  it("goes on with the code where the model has no template for it, or no room", async () => {
    expect((await prompt("# Add.", "", {}, 64, asks)).mode).toBe("fim");
    expect((await prompt("# Add.", "", modesOf("fim"), 64, asks)).mode).toBe("fim");
    expect((await prompt("# Add.", "", modesOf("prompt-completion"), 64, asks)).mode).toBe("fim");
    const long = { instruction: "Add two numbers. ".repeat(1000) };
    expect((await prompt("# Add.", "", modesOf("alpaca"), 64, long)).mode).toBe("fim");
    expect((await prompt("# Add.", "", modesOf("alpaca"), 64, { instruction: null })).mode).toBe("fim");
  });
});

describe("an instruction's prompt", () => {
  const tuned = () => ({ ...contract, modes: { instruct: { template: "alpaca" } } });

  it("has the tokens of training", async () => {
    const { ids, labels, prompt } = golden("peft-r8").sequences[0]! as {
      ids: number[];
      labels: number[];
      prompt: string;
    };
    const [, instruction, input] = /### Instruction:\n(.*)\n\n### Input:\n(.*)\n\n### Response:\n$/s.exec(prompt)!;
    const request = { instruction: instruction!, input: input! };
    const expected = ids.slice(
      0,
      labels.findIndex((label) => label !== -100),
    );
    expect(await instructPrompt(tuned(), tokenizer, request, 64)).toEqual(expected);
  });

  it("is refused where the contract has no such mode, or no room", async () => {
    const request = { instruction: "Add two numbers. ".repeat(50), input: "" };
    await expect(instructPrompt(contract, tokenizer, request, 64)).rejects.toThrow(/completes code only/);
    await expect(instructPrompt({ ...tuned(), contextLength: 100 }, tokenizer, request, 64)).rejects.toThrow(
      /has \d+ tokens, but the model's context has room for 36; shorten it/,
    );
    const unknown = { ...contract, modes: { instruct: { template: "none" } } };
    await expect(instructPrompt(unknown, tokenizer, request, 64)).rejects.toThrow(/There is no template "none"/);
  });
});
