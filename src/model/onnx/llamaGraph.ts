import type { LlamaConfig } from "../config";
import { type Attribute, ElementType, type ExternalTensor, type Graph, type Model, type Node } from "./messages";
import { type BlockFormat, bytesOfRow } from "./quantise";

/**
 * The Llama family as an ONNX graph for onnxruntime's CPU provider, with its fused contrib operators. Activations are
 * float32; the matrices are float32 or in blocks of 4 or 8 bits, whose products onnxruntime computes with activations
 * rounded to 8 bits a block (accuracy_level 4).
 *
 * Inputs (b: batch, s: new tokens, P: capacity of the past buffers, n > 0: positions whose logits are wanted):
 *   input_ids            int64 [b, s]
 *   past_len             int64 [1]      positions before the first new token
 *   past_and_new         int64 [2]      P, s
 *   mask                 float32 [s, P + s]  0 where a new token sees a row of the past buffers or another new token, else −∞
 *   logit_idx            int64 [n]      indices into the b·s new positions
 *   past_key_values.L.key|value  float32 [b, kvHeads, P, headDim]; rows from `past` on are masked
 * Outputs:
 *   logits               float32 [n, vocabulary]
 *   new_kv               float32 [2·layers·b, kvHeads, s, headDim]: key 0, value 0, key 1, …
 *
 * Only the new rows leave the graph and are written into the past buffers outside. So nothing of the past is ever copied,
 * and going back is a smaller `past_len` over the same buffers.
 */
export interface WeightSpec {
  name: string;
  shape: number[];
  /** Null: float32. */
  format: BlockFormat | null;
  source:
    | { kind: "embedding" | "head" | "cos" | "sin" | "finalNorm" }
    | { kind: "inputNorm" | "attentionNorm" | "qkv" | "o" | "gate" | "up" | "down"; layer: number };
}

/** How the matrices are stored; null: as float32. */
export interface GraphFormat {
  linear: BlockFormat | null;
  /** Embedding and head: where they are tied, they are the same values. */
  embedding: BlockFormat | null;
  /**
   * A coarser copy of the head that is read for each token in its place: only the logits of the SCREENED tokens that it
   * finds the likeliest are computed with the head itself, in float32 (Chen et al. 2019, Learning to Screen for Fast Softmax
   * Inference on Large Vocabulary Neural Networks). Null: there is none.
   */
  screen: BlockFormat | null;
}

export const FLOAT32: GraphFormat = { linear: null, embedding: null, screen: null };

/** Tokens of a position whose logits are those of the head itself, where a coarser copy of it is read. */
export const SCREENED = 64;

export const DATA_FILE = "model.onnx.data";
export const MODEL_FILE = "model.onnx";
const CONTRIB = "com.microsoft";
/** [b, s, heads, headDim] to [b, heads, s, headDim] and back. */
const SWAP_HEADS: Attribute = { ints: [0, 2, 1, 3] };

/** The weights in the order of the data file. q, k and v lie in one matrix, one below the other. */
export function weightSpecs(config: LlamaConfig, positions: number, format = FLOAT32): WeightSpec[] {
  const { hiddenSize: h, intermediateSize: f, headDim, queryHeads, kvHeads, vocabularySize } = config;
  const specs: WeightSpec[] = [
    { name: "embedding", shape: [vocabularySize, h], format: format.embedding, source: { kind: "embedding" } },
    { name: "cos", shape: [positions, headDim / 2], format: null, source: { kind: "cos" } },
    { name: "sin", shape: [positions, headDim / 2], format: null, source: { kind: "sin" } },
  ];
  for (let layer = 0; layer < config.layers; ++layer) {
    const add = (kind: Extract<WeightSpec["source"], { layer: number }>["kind"], shape: number[]) =>
      specs.push({
        name: `layers.${layer}.${kind}`,
        shape,
        format: shape.length === 2 ? format.linear : null,
        source: { kind, layer },
      });
    add("inputNorm", [h]);
    add("qkv", [(queryHeads + 2 * kvHeads) * headDim, h]);
    add("o", [h, queryHeads * headDim]);
    add("attentionNorm", [h]);
    add("gate", [f, h]);
    add("up", [f, h]);
    add("down", [h, f]);
  }
  specs.push({ name: "finalNorm", shape: [h], format: null, source: { kind: "finalNorm" } });
  // A tied head is the embedding itself: stored once.
  if (!config.tiedEmbedding) {
    specs.push({ name: "head", shape: [vocabularySize, h], format: format.embedding, source: { kind: "head" } });
  }
  if (format.screen !== null) {
    const source = { kind: config.tiedEmbedding ? "embedding" : "head" } as const;
    specs.push({ name: "screen", shape: [vocabularySize, h], format: format.screen, source });
  }
  return specs;
}

/** A tensor of the data file, before its place is known. */
export type StoredTensor = Omit<ExternalTensor, "offset">;

/** What of a weight lies in the data file, in this order. */
export function storedTensors({ name, shape, format }: WeightSpec): StoredTensor[] {
  const [rows, columns] = shape as [number, number];
  if (format === null) {
    const bytes = 4 * shape.reduce((product, size) => product * size, 1);
    return [{ name, type: ElementType.float32, shape, bytes }];
  }
  const { values, blocks, zeros } = bytesOfRow(columns, format);
  return [
    { name: `${name}.values`, type: ElementType.uint8, shape: [rows, values], bytes: rows * values },
    { name: `${name}.scales`, type: ElementType.float32, shape: [rows, blocks], bytes: 4 * rows * blocks },
    { name: `${name}.zeros`, type: ElementType.uint8, shape: [rows, zeros], bytes: rows * zeros },
  ];
}

export function llamaModel(
  config: LlamaConfig,
  weights: ExternalTensor[],
  metadata: Record<string, string>,
  format = FLOAT32,
): Model {
  return {
    graph: new LlamaGraph(config, format).build(weights),
    irVersion: 10,
    opsets: [
      { domain: "", version: 21 },
      { domain: CONTRIB, version: 1 },
    ],
    producer: "tunesmith",
    metadata,
    dataFile: DATA_FILE,
  };
}

class LlamaGraph {
  private readonly nodes: Node[] = [];
  private readonly newRows: string[] = [];

  constructor(
    private readonly config: LlamaConfig,
    private readonly format: GraphFormat,
  ) {}

  build(weights: ExternalTensor[]): Graph {
    const { config } = this;
    const group = Array.from({ length: config.queryHeads / config.kvHeads }, () => "mask");
    this.add("Concat", group, "group_mask", { axis: { int: 0 } });
    const embedded = this.embed();
    let residual = embedded;
    let normed = this.add("SimplifiedLayerNormalization", [embedded, "layers.0.inputNorm"], "layers.0.normed", {
      axis: { int: -1 },
      epsilon: { float: config.rmsNormEpsilon },
      stash_type: { int: 1 },
    });
    for (let layer = 0; layer < config.layers; ++layer) {
      const attended = this.attention(layer, normed);
      const middle = this.skipNorm(attended, residual, `layers.${layer}.attentionNorm`, `layers.${layer}.middle`);
      const fed = this.feedForward(layer, middle.normed);
      const last = layer + 1 === config.layers;
      const weight = last ? "finalNorm" : `layers.${layer + 1}.inputNorm`;
      ({ normed, residual } = this.skipNorm(fed, middle.residual, weight, `layers.${layer}.end`));
    }
    this.head(normed);
    this.node("Concat", this.newRows, ["new_kv"], { axis: { int: 0 } });
    return {
      name: "llama",
      nodes: this.nodes,
      inputs: this.inputs(),
      outputs: [
        { name: "logits", type: ElementType.float32, shape: ["positions", config.vocabularySize] },
        { name: "new_kv", type: ElementType.float32, shape: ["new_rows", config.kvHeads, "sequence", config.headDim] },
      ],
      external: this.forProducts(weights),
      inline: [
        ...this.attentionSizes(),
        { name: "flat_shape", shape: [2], int64: [-1n, BigInt(config.hiddenSize)] },
        ...(this.format.screen === null ? [] : this.screenSizes()),
      ],
    };
  }

  private inputs(): Graph["inputs"] {
    const { layers, kvHeads, headDim } = this.config;
    const inputs: Graph["inputs"] = [
      { name: "input_ids", type: ElementType.int64, shape: ["batch", "sequence"] },
      { name: "past_len", type: ElementType.int64, shape: [1] },
      { name: "past_and_new", type: ElementType.int64, shape: [2] },
      { name: "mask", type: ElementType.float32, shape: ["sequence", "columns"] },
      { name: "logit_idx", type: ElementType.int64, shape: ["positions"] },
    ];
    for (let layer = 0; layer < layers; ++layer) {
      for (const part of ["key", "value"]) {
        inputs.push({
          name: `past_key_values.${layer}.${part}`,
          type: ElementType.float32,
          shape: ["batch", kvHeads, "capacity", headDim],
        });
      }
    }
    return inputs;
  }

  /**
   * softmax(q·kᵀ/√d + mask)·v over the past buffers and the new rows, each in its place. onnxruntime's own
   * GroupQueryAttention writes past and new rows into a new tensor first: at 512 positions of Llama-3.2-1B's shape that is
   * three times the memory traffic. The query heads that share a key head are rows of one product.
   */
  private attention(layer: number, normed: string): string {
    const { queryHeads, kvHeads, headDim, hiddenSize } = this.config;
    const prefix = `layers.${layer}`;
    const past = (part: "key" | "value") => `past_key_values.${layer}.${part}`;
    const qkv = this.linear(normed, `${prefix}.qkv`, [(queryHeads + 2 * kvHeads) * headDim, hiddenSize]);
    const { query, key, value } = this.heads(qkv, prefix);
    this.newRows.push(key, value);
    const scale = { transB: { int: 1 }, alpha: { float: 1 / Math.sqrt(headDim) } } as const;
    const scores = [past("key"), key].map((keys, part) =>
      this.add("FusedMatMul", [query, keys], `${prefix}.scores.${part}`, scale, CONTRIB),
    );
    const joined = this.add("Concat", scores, `${prefix}.scores`, { axis: { int: 3 } });
    const masked = this.add("Add", [joined, "group_mask"], `${prefix}.masked`);
    const weights = this.add("Softmax", [masked], `${prefix}.weights`, { axis: { int: 3 } });
    const parts = [`${prefix}.weights.0`, `${prefix}.weights.1`];
    this.node("Split", [weights, "past_and_new"], parts, { axis: { int: 3 } });
    const sums = [past("value"), value].map((values, part) =>
      this.add("MatMul", [parts[part]!, values], `${prefix}.sums.${part}`),
    );
    const attended = this.add("Add", sums, `${prefix}.sums`);
    const byHead = this.add("Reshape", [attended, "query_shape"], `${prefix}.attended.heads`);
    const byToken = this.add("Transpose", [byHead], `${prefix}.attended.tokens`, { perm: SWAP_HEADS });
    const flat = this.add("Reshape", [byToken, "token_shape"], `${prefix}.attended`);
    return this.linear(flat, `${prefix}.o`, [hiddenSize, queryHeads * headDim]);
  }

  /** query [b, kvHeads, group·s, headDim], key and value [b, kvHeads, s, headDim]; query and key are rotated. */
  private heads(qkv: string, prefix: string): { query: string; key: string; value: string } {
    const byToken = this.add("Reshape", [qkv, "heads_shape"], `${prefix}.qkv.tokens`);
    const byHead = this.add("Transpose", [byToken], `${prefix}.qkv.heads`, { perm: SWAP_HEADS });
    const [unrotated, value] = [`${prefix}.qk`, `${prefix}.value`];
    this.node("Split", [byHead, "rotated_and_value"], [unrotated, value], { axis: { int: 1 } });
    const rotated = this.add(
      "RotaryEmbedding",
      [unrotated, "past_len", "cos", "sin"],
      `${prefix}.rotated`,
      {},
      CONTRIB,
    );
    const [query, key] = [`${prefix}.query`, `${prefix}.key`];
    this.node("Split", [rotated, "query_and_key"], [query, key], { axis: { int: 1 } });
    return { query: this.add("Reshape", [query, "group_shape"], `${prefix}.query.groups`), key, value };
  }

  private attentionSizes(): Graph["inline"] {
    const { queryHeads, kvHeads, headDim } = this.config;
    const list = (name: string, sizes: number[]) => ({ name, shape: [sizes.length], int64: sizes.map(BigInt) });
    return [
      list("heads_shape", [0, 0, queryHeads + 2 * kvHeads, headDim]),
      list("rotated_and_value", [queryHeads + kvHeads, kvHeads]),
      list("query_and_key", [queryHeads, kvHeads]),
      list("group_shape", [0, kvHeads, -1, headDim]),
      list("query_shape", [0, queryHeads, -1, headDim]),
      list("token_shape", [0, 0, queryHeads * headDim]),
    ];
  }

  /** down(silu(gate x) ⊙ up x); QuickGelu with alpha 1 is silu. */
  private feedForward(layer: number, normed: string): string {
    const prefix = `layers.${layer}`;
    const { hiddenSize: h, intermediateSize: f } = this.config;
    const gate = this.linear(normed, `${prefix}.gate`, [f, h]);
    const activated = this.add("QuickGelu", [gate], `${prefix}.activated`, { alpha: { float: 1 } }, CONTRIB);
    const up = this.linear(normed, `${prefix}.up`, [f, h]);
    const product = this.add("Mul", [activated, up], `${prefix}.product`);
    return this.linear(product, `${prefix}.down`, [h, f]);
  }

  /** Only the wanted positions go through the head: the logits of a whole prompt would be far larger than the model. */
  private head(normed: string): void {
    const flat = this.add("Reshape", [normed, "flat_shape"], "flat");
    const wanted = this.add("Gather", [flat, "logit_idx"], "wanted", { axis: { int: 0 } });
    const { tiedEmbedding, vocabularySize, hiddenSize } = this.config;
    const weight = tiedEmbedding ? "embedding" : "head";
    const { embedding, screen } = this.format;
    if (screen === null) this.product(wanted, weight, [vocabularySize, hiddenSize], embedding, "logits");
    else this.screenedHead(wanted, weight, screen);
  }

  /** The logits of the coarse head, with those of the likeliest tokens put right. */
  private screenedHead(wanted: string, weight: string, screen: BlockFormat): void {
    const { vocabularySize, hiddenSize } = this.config;
    const coarse = this.product(wanted, "screen", [vocabularySize, hiddenSize], screen, "coarse");
    this.node("TopK", [coarse, "screened"], ["coarse.largest", "likeliest"], { sorted: { int: 0 } });
    const rows = this.rows(weight, "likeliest", "head.rows");
    const column = this.add("Unsqueeze", [wanted, "last_axis"], "wanted.column");
    const exact = this.add("Squeeze", [this.add("MatMul", [rows, column], "exact.column"), "last_axis"], "exact");
    this.add("ScatterElements", [coarse, "likeliest", exact], "logits", { axis: { int: 1 } });
  }

  private screenSizes(): Graph["inline"] {
    const count = Math.min(SCREENED, this.config.vocabularySize);
    return [
      { name: "screened", shape: [1], int64: [BigInt(count)] },
      { name: "last_axis", shape: [1], int64: [2n] },
    ];
  }

  private embed(): string {
    return this.rows("embedding", "input_ids", "embedded");
  }

  /** Rows of the embedding or the head, in float32. */
  private rows(weight: string, indices: string, out: string): string {
    const format = this.format.embedding;
    if (format === null) return this.add("Gather", [weight, indices], out, { axis: { int: 0 } });
    return this.add(
      "GatherBlockQuantized",
      [`${weight}.values`, indices, `${weight}.scales`, `${weight}.zeros`],
      out,
      {
        gather_axis: { int: 0 },
        quantize_axis: { int: 1 },
        block_size: { int: format.blockSize },
        bits: { int: format.bits },
      },
      CONTRIB,
    );
  }

  /**
   * MatMulNBits wants its values with an axis for the blocks and the rest flat; gathering wants rows. A tied embedding that
   * is the head as well is therefore named twice, at the same place of the data file.
   */
  private forProducts(weights: ExternalTensor[]): ExternalTensor[] {
    return weights.flatMap((tensor) => {
      const match = /^(.*)\.(values|scales|zeros)$/.exec(tensor.name);
      if (match === null) return [tensor];
      const [, weight, part] = match as unknown as [string, string, string];
      const { screen } = this.format;
      const isGathered = weight === "embedding" || (weight === "head" && screen !== null);
      const isMultiplied = !isGathered || (this.config.tiedEmbedding && screen === null);
      if (!isMultiplied) return [tensor];
      const format = this.formatOf(weight)!;
      const [rows, bytes] = tensor.shape as [number, number];
      const blockBytes = (format.blockSize * format.bits) / 8;
      const shape = part === "values" ? [rows, bytes / blockBytes, blockBytes] : [rows * bytes];
      const product = { ...tensor, name: `${weight}.product.${part}`, shape };
      return isGathered ? [tensor, product] : [product];
    });
  }

  private formatOf(weight: string): BlockFormat | null {
    if (weight === "screen") return this.format.screen;
    return weight === "embedding" || weight === "head" ? this.format.embedding : this.format.linear;
  }

  /** norm(x + skip) and x + skip in one pass. */
  private skipNorm(x: string, skip: string, weight: string, name: string): { normed: string; residual: string } {
    const outputs = { normed: `${name}.normed`, residual: `${name}.residual` };
    this.node(
      "SkipSimplifiedLayerNormalization",
      [x, skip, weight],
      [outputs.normed, "", "", outputs.residual],
      { epsilon: { float: this.config.rmsNormEpsilon } },
      CONTRIB,
    );
    return outputs;
  }

  /** x·Wᵀ, with W as Hugging Face stores it. */
  private linear(x: string, weight: string, shape: [number, number]): string {
    return this.product(x, weight, shape, this.format.linear, `${weight}.out`);
  }

  private product(
    x: string,
    weight: string,
    [outputs, inputs]: [number, number],
    format: BlockFormat | null,
    out: string,
  ): string {
    if (format === null) return this.add("FusedMatMul", [x, weight], out, { transB: { int: 1 } }, CONTRIB);
    const parts = ["values", "scales", "zeros"].map((part) => `${weight}.product.${part}`);
    const attributes = {
      K: { int: inputs },
      N: { int: outputs },
      bits: { int: format.bits },
      block_size: { int: format.blockSize },
      accuracy_level: { int: 4 },
    };
    return this.add("MatMulNBits", [x, ...parts], out, attributes, CONTRIB);
  }

  private add(
    op: string,
    inputs: string[],
    output: string,
    attributes: Record<string, Attribute> = {},
    domain = "",
  ): string {
    this.node(op, inputs, [output], attributes, domain);
    return output;
  }

  private node(
    op: string,
    inputs: string[],
    outputs: string[],
    attributes: Record<string, Attribute>,
    domain = "",
  ): void {
    this.nodes.push({ op, domain, name: `${op}/${outputs[0]}`, inputs, outputs, attributes });
  }
}
