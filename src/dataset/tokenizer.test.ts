import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeSamples } from "./encode";
import { loadTokenizer } from "./tokenizer";

const model = "models/tiny-python";
const json = JSON.parse(readFileSync(join(model, "tokenizer.json"), "utf8"));
const config = JSON.parse(readFileSync(join(model, "config.json"), "utf8"));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tokenizer-"));
  mkdirSync(folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(files: Record<string, unknown>): string {
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

it("reads begin, end and FIM tokens of the bundled model", async () => {
  const { special, vocabularySize, sha256 } = await loadTokenizer(model);
  expect(vocabularySize).toBe(8192);
  expect(special.begin).toEqual({ id: 8160, text: "<|begin_of_text|>" });
  expect(special.endTokens).toEqual([{ id: 8161, text: "<|end_of_text|>" }]);
  expect(special.fim).toMatchObject({ prefix: { id: 8165 }, suffix: { id: 8166 }, middle: { id: 8167 } });
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
});

it("reads control tokens in a text as plain text, and keeps the ids of other added tokens", async () => {
  const added = [...json.added_tokens, { ...json.added_tokens[3], id: 8192, content: "→→", special: false }];
  const tokenizer = await loadTokenizer(
    write({ "tokenizer.json": { ...json, added_tokens: added }, "config.json": { ...config, vocab_size: 8193 } }),
  );
  const [ids, arrows] = await tokenizer.encode(["<|eot_id|>", "x→→"]);
  expect(ids!.every((id) => id < 8160)).toBe(true);
  expect(await tokenizer.decode(ids!)).toBe("<|eot_id|>");
  expect(arrows).toContain(8192);
});

it("decodes control tokens only when asked to", async () => {
  const tokenizer = await loadTokenizer(model);
  const [ids] = await tokenizer.encode(["né"]);
  expect(await tokenizer.decode([8160, ...ids!, 8161])).toBe("né");
  expect(await tokenizer.decode([8160, ...ids!, 8161], { controlTokens: true })).toBe(
    "<|begin_of_text|>né<|end_of_text|>",
  );
});

describe("begin and end tokens", () => {
  it("has no begin token where the model's own tokenizer puts none", async () => {
    const bare = { ...json, post_processor: { type: "ByteLevel" } };
    expect((await loadTokenizer(write({ "tokenizer.json": bare, "config.json": config }))).special.begin).toBeNull();
    const off = write({ "tokenizer.json": json, "tokenizer_config.json": { add_bos_token: false } });
    expect((await loadTokenizer(off)).special.begin).toBeNull();
  });
  it("finds the begin token inside a sequence of processors, or by name, or by id", async () => {
    const nested = {
      ...json,
      post_processor: { type: "Sequence", processors: [{ type: "ByteLevel" }, json.post_processor] },
    };
    expect((await loadTokenizer(write({ "tokenizer.json": nested, "config.json": config }))).special.begin?.id).toBe(
      8160,
    );
    const none = { ...json, post_processor: null };
    expect((await loadTokenizer(write({ "tokenizer.json": none, "config.json": config }))).special.begin?.id).toBe(
      8160,
    );
    const named = { bos_token: { content: "<|eot_id|>" } };
    const byName = await loadTokenizer(write({ "tokenizer.json": none, "tokenizer_config.json": named }));
    expect(byName.special.begin?.id).toBe(8162);
  });
  it("puts the tokenizer's own end token first and keeps the others", async () => {
    write({
      "tokenizer.json": json,
      "config.json": config,
      "generation_config.json": { eos_token_id: [8161, 8162] },
      "tokenizer_config.json": { eos_token: "<|eot_id|>" },
    });
    expect((await loadTokenizer(folder)).special.endTokens.map(({ id }) => id)).toEqual([8162, 8161]);
  });
});

describe("refuses", () => {
  const refused: [string, Record<string, unknown>, RegExp][] = [
    ["a folder without one", { "config.json": config }, /has no tokenizer\.json/],
    ["a truncated one", { "tokenizer.json": JSON.stringify(json).slice(0, 5000) }, /tokenizer\.json is not valid JSON/],
    ["another file's content", { "tokenizer.json": config }, /no "model\.vocab"/],
    [
      "an unknown model type",
      {
        "tokenizer.json": { ...json, model: { type: "X", vocab: {} }, added_tokens: [] },
        "config.json": { eos_token_id: [] },
      },
      /names no end token/,
    ],
    [
      "a larger vocabulary",
      { "tokenizer.json": json, "config.json": { ...config, vocab_size: 8000 } },
      /tokenizer\.json has 8,192 tokens, but "vocab_size" in .*config\.json is 8000/,
    ],
    [
      "a much smaller one",
      { "tokenizer.json": json, "config.json": { ...config, vocab_size: 32000 } },
      /belong to different models/,
    ],
    [
      "a vocabulary size that is no number",
      { "tokenizer.json": json, "config.json": { ...config, vocab_size: "8192" } },
      /belong to different models/,
    ],
    [
      "a model without end token",
      { "tokenizer.json": json, "config.json": { vocab_size: 8192 } },
      /names no end token/,
    ],
    [
      "an end token it does not have",
      { "tokenizer.json": json, "config.json": { ...config, eos_token_id: 9000 } },
      /names 9000 as "eos_token_id"/,
    ],
    [
      "a damaged model",
      { "tokenizer.json": { ...json, model: { ...json.model, merges: [["nope", "x"]] } }, "config.json": config },
      /cannot be read as a tokenizer/,
    ],
    ["a damaged config", { "tokenizer.json": json, "config.json": "{" }, /config\.json is not valid JSON/],
  ];
  it.each(refused)("%s", async (_, files, message) => {
    await expect(loadTokenizer(write(files))).rejects.toThrow(message);
  });
  it("but not a padded vocabulary", async () => {
    copyFileSync(join(model, "tokenizer.json"), join(folder, "tokenizer.json"));
    const padded = await loadTokenizer(write({ "config.json": { ...config, vocab_size: 8320 } }));
    expect(padded.vocabularySize).toBe(8192);
  });
});

describe("control tokens that the model's own vocabulary holds", () => {
  it("keep their ids and stay out of texts", async () => {
    const vocab = { ...json.model.vocab };
    for (const { content, id } of json.added_tokens) vocab[content] = id;
    const files = { "tokenizer.json": { ...json, model: { ...json.model, vocab } }, "config.json": config };
    const tokenizer = await loadTokenizer(write(files));
    const texts = ["<|eot_id|> and <|end_of_text|>", "def f():\n    return 1\n"];
    expect(await tokenizer.encode(texts)).toEqual(await (await loadTokenizer(model)).encode(texts));
    expect(tokenizer.special.begin?.id).toBe(8160);
    expect(tokenizer.isControl(8162)).toBe(true);
  });

  it("are told apart from text where it cannot be kept apart from them", async () => {
    const words = {
      added_tokens: [{ id: 1, content: "</s>", special: true }],
      pre_tokenizer: { type: "WhitespaceSplit" },
      model: { type: "WordLevel", vocab: { "<unk>": 0, "</s>": 1, a: 2 }, unk_token: "<unk>" },
    };
    const tokenizer = await loadTokenizer(write({ "tokenizer.json": words, "config.json": { eos_token_id: 1 } }));
    expect(await tokenizer.encode(["a </s> b"])).toEqual([[2, 1, 0]]);
    const [encoded] = await encodeSamples([[{ text: "a </s> b", learned: true }]], tokenizer);
    expect(encoded).toMatchObject({ check: "special-token", message: expect.stringContaining('"</s>"') });
  });
});
