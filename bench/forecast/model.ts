/** Base models of any size for a benchmark: random weights, and the tokenizer of models/tiny-python. */
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
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
  writeSafetensors(join(folder, "model.safetensors"), tensors);
}

/** Tiny-python's tokenizer with tokens that no text leads to, up to a vocabulary of this size. */
function tokenizerOf(words: number): unknown {
  const tokenizer = JSON.parse(readFileSync(join(TINY, "tokenizer.json"), "utf8"));
  const own: number = JSON.parse(readFileSync(join(TINY, "config.json"), "utf8")).vocab_size;
  const like = tokenizer.added_tokens.at(-1);
  for (let id = own; id < words; id++) tokenizer.added_tokens.push({ ...like, id, content: `<|unused-${id}|>` });
  return tokenizer;
}

function writeSafetensors(path: string, tensors: readonly [string, number[]][]): void {
  const header: Record<string, object> = {};
  let offset = 0;
  for (const [name, shape] of tensors) {
    const bytes = sizeOf(shape) * 2;
    header[name] = { dtype: "BF16", shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(path, "w");
  writeSync(file, Buffer.concat([length, text]));
  const values = randomValues();
  // A tensor at a time: together they may be more than a buffer can hold.
  for (const [, shape] of tensors) writeSync(file, Buffer.from(values(shape).buffer));
  closeSync(file);
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** In bfloat16: small ones for matrices, 1 for norms. The same ones every time. */
function randomValues(): (shape: readonly number[]) => Uint16Array {
  let seed = 1;
  const one = new Float32Array(1);
  const bits = new Uint32Array(one.buffer);
  return (shape) => {
    const values = new Uint16Array(sizeOf(shape));
    for (let i = 0; i < values.length; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      one[0] = shape.length === 1 ? 1 : (seed / 2 ** 32 - 0.5) * 0.08;
      values[i] = bits[0]! >>> 16;
    }
    return values;
  };
}
