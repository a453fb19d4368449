import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readLlamaConfig } from "../config";
import { TensorFiles } from "../safetensors";
import { randomModel, TINY_PYTHON, temporaryFolder } from "../testModel";
import { MergedWeights } from "../weights";
import { tokenizerMetadata } from "./tokenizerMetadata";
import { type GgufPrecision, writeGguf } from "./writeGguf";

interface ReadGguf {
  metadata: Map<string, unknown>;
  tensors: Map<string, { shape: number[]; type: number; bytes: Buffer }>;
}

/** A reader by the format's description, which shares nothing with the writer. */
function readGguf(path: string): ReadGguf {
  const file = readFileSync(path);
  let at = 0;
  const skip = (count: number) => {
    at += count;
    return at - count;
  };
  const u32 = () => file.readUInt32LE(skip(4));
  const u64 = () => Number(file.readBigUInt64LE(skip(8)));
  const text = () => {
    const length = u64();
    const start = skip(length);
    return file.toString("utf8", start, start + length);
  };
  const value = (type: number): unknown => {
    if (type === 4) return u32();
    if (type === 5) return file.readInt32LE(skip(4));
    if (type === 6) return file.readFloatLE(skip(4));
    if (type === 7) return file[skip(1)] === 1;
    if (type === 8) return text();
    expect(type).toBe(9);
    const [element, count] = [u32(), u64()];
    return Array.from({ length: count }, () => value(element));
  };
  expect(file.toString("latin1", 0, 4)).toBe("GGUF");
  at = 4;
  expect(u32()).toBe(3);
  const [tensorCount, entries] = [u64(), u64()];
  const metadata = new Map(Array.from({ length: entries }, () => [text(), value(u32())] as const));
  const infos = Array.from({ length: tensorCount }, () => ({
    name: text(),
    shape: Array.from({ length: u32() }, u64),
    type: u32(),
    offset: u64(),
  }));
  const start = Math.ceil(at / 32) * 32;
  expect(file.length % 32).toBe(0);
  const tensors = new Map(
    infos.map(({ name, shape, type, offset }, i) => {
      expect(offset % 32).toBe(0);
      const end = infos[i + 1]?.offset ?? file.length - start;
      return [name, { shape, type, bytes: file.subarray(start + offset, start + end) }] as const;
    }),
  );
  return { metadata, tensors };
}

async function write(folder: string, precision: GgufPrecision, signal?: AbortSignal): Promise<string> {
  const config = readLlamaConfig(folder);
  const base = await TensorFiles.openModel(folder);
  const path = join(temporaryFolder("gguf"), "model.gguf");
  try {
    const tokenizer: [] = [];
    const written = await writeGguf(path, config, new MergedWeights(base, config, null), {
      precision,
      name: "random",
      tokenizer,
      ...(signal ? { signal } : {}),
    });
    expect(written.bytes).toBe(readFileSync(path).length);
    return path;
  } finally {
    await base.close();
  }
}

describe("a GGUF file", () => {
  it("has the shape, the rotation and every tensor, q and k in llama.cpp's order of rows", async () => {
    const scaling = {
      rope_type: "llama3",
      factor: 4,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
    };
    const { folder, tensors } = randomModel({ rope_theta: 100, rope_scaling: scaling }, 3);
    const { metadata, tensors: read } = readGguf(await write(folder, "F32"));
    expect(metadata.get("general.architecture")).toBe("llama");
    expect(metadata.get("llama.attention.head_count_kv")).toBe(2);
    expect(metadata.get("llama.rope.freq_base")).toBe(100);
    expect(metadata.get("llama.attention.layer_norm_rms_epsilon")).toBeCloseTo(1e-5, 10);
    // 9 a layer, embedding, frequencies, last norm, head.
    expect(read.size).toBe(2 * 9 + 4);
    const floats = (name: string) => {
      const { bytes, shape, type } = read.get(name)!;
      expect(type).toBe(0);
      const count = shape.reduce((product, size) => product * size, 1);
      return Array.from({ length: count }, (_, i) => bytes.readFloatLE(4 * i));
    };
    expect(floats("blk.1.ffn_down.weight")).toEqual([...tensors["model.layers.1.mlp.down_proj.weight"]!.values]);
    expect(read.get("blk.1.ffn_down.weight")!.shape).toEqual([48, 32]);
    const k = tensors["model.layers.0.self_attn.k_proj.weight"]!.values;
    const row = (i: number) => [...k.subarray(32 * i, 32 * (i + 1))];
    // Of the second head (rows 16 … 31): 0, 8, 1, 9, …
    const permuted = Array.from({ length: 16 }, (_, i) => row(16 + (i >> 1) + 8 * (i & 1))).flat();
    expect(floats("blk.0.attn_k.weight").slice(16 * 32)).toEqual(permuted);
    const factors = floats("rope_freqs.weight");
    expect(factors[0]).toBe(1);
    expect(factors.at(-1)).toBeCloseTo(4, 5);
  });

  it("keeps a tied head in more bits than the rest", async () => {
    const { folder } = randomModel({ tie_word_embeddings: true, intermediate_size: 64, head_dim: 32 }, 3);
    const { tensors } = readGguf(await write(folder, "Q4_0"));
    expect(tensors.has("output.weight")).toBe(false);
    expect(tensors.get("token_embd.weight")!.type).toBe(8);
    expect(tensors.get("blk.0.attn_q.weight")!.type).toBe(2);
    expect(tensors.get("blk.0.attn_norm.weight")!.type).toBe(0);
  });

  it("is refused where the rows do not divide into blocks, and stops when cancelled", async () => {
    const { folder } = randomModel({}, 3);
    await expect(write(folder, "Q8_0")).rejects.toThrow(
      "blk.0.ffn_down.weight has rows of 48 values; Q8_0 needs a multiple of 32.",
    );
    await expect(write(folder, "F16", AbortSignal.abort())).rejects.toThrow(/abort/i);
  });
});

describe("the tokenizer's metadata", () => {
  it("names the split, and has every token with its kind", () => {
    const entries = new Map(tokenizerMetadata(TINY_PYTHON, readLlamaConfig(TINY_PYTHON)));
    expect(entries.get("tokenizer.ggml.pre")?.value).toBe("llama-bpe");
    const texts = entries.get("tokenizer.ggml.tokens")!.value as string[];
    const kinds = entries.get("tokenizer.ggml.token_type")!.value as number[];
    expect(texts).toHaveLength(8192);
    expect([texts[8160], kinds[8160], kinds[100]]).toEqual(["<|begin_of_text|>", 3, 1]);
    expect((entries.get("tokenizer.ggml.merges")!.value as string[])[0]).toBe("Ġ Ġ");
  });

  it("is refused for a split that llama.cpp would do otherwise", () => {
    const folder = temporaryFolder("split");
    const tokenizer = {
      pre_tokenizer: { type: "Whitespace" },
      model: { type: "BPE", vocab: { a: 0 }, merges: [] },
    };
    const config = readLlamaConfig(TINY_PYTHON);
    const refuse = (value: object, message: RegExp) => {
      writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(value));
      expect(() => tokenizerMetadata(folder, config)).toThrow(message);
    };
    refuse(tokenizer, /llama\.cpp has no name for this pre_tokenizer/);
    refuse({ ...tokenizer, model: { type: "Unigram" } }, /model\.type must be "BPE"/);
    const bytes = { pre_tokenizer: { type: "ByteLevel", use_regex: true } };
    refuse({ ...bytes, model: { ...tokenizer.model, vocab: { a: 9000 } } }, /ids below vocab_size/);
    refuse({ ...bytes, model: { ...tokenizer.model, merges: [["a"]] } }, /merges must be a list of pairs/);
  });
});
