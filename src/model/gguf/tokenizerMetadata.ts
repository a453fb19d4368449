import { join } from "node:path";
import { isControlToken } from "../../dataset/specialTokens";
import type { LlamaConfig } from "../config";
import { ModelError } from "../error";
import { type JsonFields, readJsonObject } from "../jsonFile";
import type { GgufValue } from "./metadata";

/** llama_token_type. */
const KIND = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const;

/** Split patterns by the names under which llama.cpp has them (llama-vocab.cpp, `tokenizer.ggml.pre`). */
const LLAMA3_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/**
 * The metadata under which llama.cpp rebuilds a byte-level BPE tokenizer. Throws a ModelError for any other kind of
 * tokenizer and for a split pattern that llama.cpp does not know by name: it would cut texts elsewhere, silently.
 */
export function tokenizerMetadata(modelDir: string, config: LlamaConfig): [string, GgufValue][] {
  const tokenizer = readJsonObject(join(modelDir, "tokenizer.json"));
  const model = tokenizer.object("model");
  if (model.string("type", "BPE") !== "BPE") model.fail("type", '"BPE" (no other tokenizer can be written as GGUF)');
  const pre = splitName(tokenizer);
  const texts = Array.from({ length: config.vocabularySize }, (_, id) => `[PAD${id}]`);
  const kinds: number[] = Array.from(texts, () => KIND.unused);
  const put = (id: unknown, text: string, kind: number) => {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= texts.length) {
      tokenizer.fail("model.vocab", `ids below vocab_size (${texts.length})`);
    }
    texts[id as number] = text;
    kinds[id as number] = kind;
  };
  for (const [text, id] of Object.entries(model.object("vocab").values)) put(id, text, KIND.normal);
  for (const { id, content, special } of addedTokens(tokenizer)) {
    put(id, content, isControlToken({ id, content, special }) ? KIND.control : KIND.userDefined);
  }
  const entries: [string, GgufValue][] = [
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "string", value: pre }],
    ["tokenizer.ggml.tokens", { type: "strings", value: texts }],
    ["tokenizer.ggml.token_type", { type: "int32s", value: kinds }],
    ["tokenizer.ggml.merges", { type: "strings", value: merges(model) }],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: config.beginToken !== null }],
  ];
  if (config.beginToken !== null) {
    entries.push(["tokenizer.ggml.bos_token_id", { type: "uint32", value: config.beginToken }]);
  }
  const end = config.endTokens[0];
  if (end !== undefined) entries.push(["tokenizer.ggml.eos_token_id", { type: "uint32", value: end }]);
  return entries;
}

function addedTokens(tokenizer: JsonFields): { id: number; content: string; special: boolean }[] {
  const list = tokenizer.raw("added_tokens") ?? [];
  if (!Array.isArray(list)) return tokenizer.fail("added_tokens", "a list");
  return list.map((entry, i) => {
    if (typeof entry !== "object" || entry === null) tokenizer.fail("added_tokens", "a list of objects");
    const fields = tokenizer.within(entry as Record<string, unknown>, `added_tokens[${i}]`);
    return {
      id: fields.integer("id", { min: 0, max: 1 << 24 }),
      content: fields.string("content"),
      special: fields.boolean("special", false),
    };
  });
}

/** Pairs, or in older files two texts with a space between them; neither text holds a space itself. */
function merges(model: JsonFields): string[] {
  const list = model.raw("merges");
  if (!Array.isArray(list)) return model.fail("merges", "a list");
  return list.map((merge: unknown) => {
    if (typeof merge === "string") return merge;
    if (Array.isArray(merge) && merge.length === 2) return `${merge[0]} ${merge[1]}`;
    return model.fail("merges", "a list of pairs of texts");
  });
}

function splitName(tokenizer: JsonFields): string {
  const splitter = tokenizer.object("pre_tokenizer");
  const steps =
    splitter.string("type") === "Sequence"
      ? (splitter.raw("pretokenizers") as { type?: unknown; use_regex?: unknown; pattern?: { Regex?: unknown } }[])
      : [splitter.values as { type?: unknown; use_regex?: unknown; pattern?: { Regex?: unknown } }];
  if (!Array.isArray(steps)) return splitter.fail("pretokenizers", "a list");
  const [first, second] = steps;
  if (steps.length === 2 && second?.type === "ByteLevel" && first?.pattern?.Regex === LLAMA3_PATTERN)
    return "llama-bpe";
  if (steps.length === 1 && first?.type === "ByteLevel" && first.use_regex !== false) return "gpt-2";
  throw new ModelError(`${tokenizer.file}: llama.cpp has no name for this pre_tokenizer, so no GGUF can be written.`);
}
