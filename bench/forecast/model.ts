/** Base models of any size for a benchmark: random weights, and the tokenizer of models/tiny-python. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const TINY = resolve("models/tiny-python");

export interface Sizes {
  hidden: number;
  intermediate: number;
  layers: number;
  heads: number;
  kvHeads: number;
  /** What tiny-python's tokenizer does not have is never met in a row; absent: its own. */
  vocabulary?: number;
}

/** Weights in bfloat16. */
export function writeModel(folder: string, { hidden, intermediate, layers, heads, kvHeads, vocabulary }: Sizes): void {
  mkdirSync(folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(TINY, "config.json"), "utf8"));
  const words: number = vocabulary ?? config.vocab_size;
  const headDim = hidden / heads;
  Object.assign(config, {
    vocab_size: words,
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
  });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  copyFileSync(join(TINY, "generation_config.json"), join(folder, "generation_config.json"));
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizerOf(words)));
  const tensors: [string, number[]][] = [
    ["model.embed_tokens.weight", [words, hidden]],
    ["model.norm.weight", [hidden]],
  ];
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}`;
    tensors.push(
      [`${prefix}.input_layernorm.weight`, [hidden]],
      [`${prefix}.post_attention_layernorm.weight`, [hidden]],
      [`${prefix}.self_attn.q_proj.weight`, [hidden, hidden]],
      [`${prefix}.self_attn.k_proj.weight`, [kvHeads * headDim, hidden]],
      [`${prefix}.self_attn.v_proj.weight`, [kvHeads * headDim, hidden]],
      [`${prefix}.self_attn.o_proj.weight`, [hidden, hidden]],
      [`${prefix}.mlp.gate_proj.weight`, [intermediate, hidden]],
      [`${prefix}.mlp.up_proj.weight`, [intermediate, hidden]],
      [`${prefix}.mlp.down_proj.weight`, [hidden, intermediate]],
    );
  }
  writeFileSync(join(folder, "model.safetensors"), safetensorsOf(tensors));
}

/** Tiny-python's tokenizer with tokens that no text leads to, up to a vocabulary of this size. */
function tokenizerOf(words: number): unknown {
  const tokenizer = JSON.parse(readFileSync(join(TINY, "tokenizer.json"), "utf8"));
  const own: number = JSON.parse(readFileSync(join(TINY, "config.json"), "utf8")).vocab_size;
  const like = tokenizer.added_tokens.at(-1);
  for (let id = own; id < words; id++) tokenizer.added_tokens.push({ ...like, id, content: `<|unused-${id}|>` });
  return tokenizer;
}

function safetensorsOf(tensors: readonly [string, number[]][]): Buffer {
  const header: Record<string, object> = {};
  const parts: Buffer[] = [];
  let offset = 0;
  let seed = 1;
  for (const [name, shape] of tensors) {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      values[i] = shape.length === 1 ? 1 : (seed / 2 ** 32 - 0.5) * 0.08;
    }
    const bits = new Uint32Array(values.buffer);
    const bfloat16 = Uint16Array.from(bits, (value) => value >>> 16);
    header[name] = { dtype: "BF16", shape, data_offsets: [offset, offset + count * 2] };
    offset += count * 2;
    parts.push(Buffer.from(bfloat16.buffer));
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...parts]);
}
