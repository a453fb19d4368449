import type { LlamaConfig } from "./config";
import { ropeFrequencies } from "./onnx/rope";
import type { FakeTensor } from "./testModel";

/** The Llama forward pass in float64, written for reading: the oracle of the graph's tests. Logits of every position. */
export function plainLlama(
  config: LlamaConfig,
  tensors: Record<string, FakeTensor>,
  ids: readonly number[],
): number[][] {
  const { hiddenSize, headDim, queryHeads, kvHeads } = config;
  const weight = (name: string) => tensors[`${name}.weight`]!.values;
  const linear = (x: number[], name: string) => product(weight(name), x);
  const norm = (x: number[], name: string) => {
    const scale = 1 / Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / hiddenSize + config.rmsNormEpsilon);
    return x.map((v, i) => v * scale * weight(name)[i]!);
  };
  const frequencies = ropeFrequencies(config);
  const rotate = (head: number[], position: number) =>
    head.map((v, i) => {
      const half = headDim / 2;
      const angle = position * frequencies[i % half]!;
      const partner = i < half ? -head[i + half]! : head[i - half]!;
      return v * Math.cos(angle) + partner * Math.sin(angle);
    });
  const heads = (x: number[], count: number) =>
    Array.from({ length: count }, (_, head) => x.slice(head * headDim, (head + 1) * headDim));

  let states = ids.map((id) => [...weight("model.embed_tokens").subarray(id * hiddenSize, (id + 1) * hiddenSize)]);
  for (let layer = 0; layer < config.layers; ++layer) {
    const prefix = `model.layers.${layer}`;
    const normed = states.map((x) => norm(x, `${prefix}.input_layernorm`));
    const project = (name: string, count: number) =>
      normed.map((x) => heads(linear(x, `${prefix}.self_attn.${name}`), count));
    const queries = project("q_proj", queryHeads).map((all, at) => all.map((head) => rotate(head, at)));
    const keys = project("k_proj", kvHeads).map((all, at) => all.map((head) => rotate(head, at)));
    const values = project("v_proj", kvHeads);
    states = states.map((x, at) => {
      const attended = queries[at]!.flatMap((query, head) => {
        const shared = Math.floor(head / (queryHeads / kvHeads));
        const weights = softmax(keys.slice(0, at + 1).map((key) => dot(query, key[shared]!) / Math.sqrt(headDim)));
        return query.map((_, i) => weights.reduce((sum, w, t) => sum + w * values[t]![shared]![i]!, 0));
      });
      return add(x, linear(attended, `${prefix}.self_attn.o_proj`));
    });
    states = states.map((x) => {
      const input = norm(x, `${prefix}.post_attention_layernorm`);
      const up = linear(input, `${prefix}.mlp.up_proj`);
      const gated = linear(input, `${prefix}.mlp.gate_proj`).map((v, i) => (v / (1 + Math.exp(-v))) * up[i]!);
      return add(x, linear(gated, `${prefix}.mlp.down_proj`));
    });
  }
  const head = config.tiedEmbedding ? "model.embed_tokens" : "lm_head";
  return states.map((x) => linear(norm(x, "model.norm"), head));
}

function product(matrix: Float32Array, x: number[]): number[] {
  const rows = matrix.length / x.length;
  return Array.from({ length: rows }, (_, row) => x.reduce((sum, v, i) => sum + matrix[row * x.length + i]! * v, 0));
}

function softmax(scores: number[]): number[] {
  const largest = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}

function dot(a: number[], b: number[]): number {
  return a.reduce((sum, v, i) => sum + v * b[i]!, 0);
}

function add(a: number[], b: number[]): number[] {
  return a.map((v, i) => v + b[i]!);
}
