import { join } from "node:path";
import { ModelError } from "./error";
import { type JsonFields, readJsonObject } from "./jsonFile";

/** RoPE frequency scaling. llama3: Meta's Llama 3.1 scheme (transformers `rope_type: "llama3"`). */
export type RopeScaling =
  | { kind: "none" }
  | { kind: "linear"; factor: number }
  | {
      kind: "llama3";
      factor: number;
      lowFrequencyFactor: number;
      highFrequencyFactor: number;
      originalMaxPositions: number;
    };

/** The Llama family as its config.json describes it. */
export interface LlamaConfig {
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  queryHeads: number;
  kvHeads: number;
  headDim: number;
  vocabularySize: number;
  maxPositions: number;
  rmsNormEpsilon: number;
  tiedEmbedding: boolean;
  rope: { theta: number; scaling: RopeScaling };
  beginToken: number | null;
  endTokens: number[];
}

const SIZE = { min: 1, max: 1 << 24 };

/** Reads DIRECTORY/config.json. Throws a ModelError naming the file and the field for anything missing or not supported. */
export function readLlamaConfig(directory: string): LlamaConfig {
  const fields = readJsonObject(join(directory, "config.json"));
  refuseUnsupported(fields);
  const hiddenSize = fields.integer("hidden_size", SIZE);
  const queryHeads = fields.integer("num_attention_heads", { min: 1, max: 4096 });
  const kvHeads = fields.integer("num_key_value_heads", { min: 1, max: 4096 }, queryHeads);
  if (queryHeads % kvHeads !== 0) {
    fields.fail("num_key_value_heads", `a divisor of num_attention_heads (${queryHeads})`);
  }
  if (!fields.has("head_dim") && hiddenSize % queryHeads !== 0) {
    fields.fail("num_attention_heads", `a divisor of hidden_size (${hiddenSize}) where head_dim is not given`);
  }
  const headDim = fields.integer("head_dim", { min: 2, max: 4096 }, hiddenSize / queryHeads);
  if (headDim % 2 !== 0) fields.fail("head_dim", "even");
  const vocabularySize = fields.integer("vocab_size", SIZE);
  return {
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size", SIZE),
    layers: fields.integer("num_hidden_layers", { min: 1, max: 1024 }),
    queryHeads,
    kvHeads,
    headDim,
    vocabularySize,
    maxPositions: fields.integer("max_position_embeddings", SIZE),
    rmsNormEpsilon: fields.positive("rms_norm_eps"),
    tiedEmbedding: fields.boolean("tie_word_embeddings", false),
    rope: readRope(fields),
    beginToken: tokenIds(fields, "bos_token_id", vocabularySize)[0] ?? null,
    endTokens: tokenIds(fields, "eos_token_id", vocabularySize),
  };
}

function refuseUnsupported(fields: JsonFields): void {
  const type = fields.string("model_type");
  if (type !== "llama") {
    throw new ModelError(`${fields.file}: model_type is "${type}"; only the Llama family ("llama") is supported.`);
  }
  const activation = fields.string("hidden_act", "silu");
  if (activation !== "silu") fields.fail("hidden_act", '"silu" (no other activation is supported)');
  for (const bias of ["attention_bias", "mlp_bias"]) {
    if (fields.boolean(bias, false)) fields.fail(bias, "false (biases are not supported)");
  }
  if (fields.has("quantization_config")) {
    throw new ModelError(`${fields.file}: quantization_config is set; use the unquantized model (BF16, F16 or F32).`);
  }
}

/** `rope_parameters` (transformers 5) or `rope_theta` + `rope_scaling` (4). */
function readRope(fields: JsonFields): LlamaConfig["rope"] {
  if (fields.has("rope_parameters")) {
    const rope = fields.object("rope_parameters");
    return {
      theta: rope.positive("rope_theta", fields.positive("rope_theta", 10_000)),
      scaling: readScaling(rope, fields),
    };
  }
  const theta = fields.positive("rope_theta", 10_000);
  return {
    theta,
    scaling: fields.has("rope_scaling") ? readScaling(fields.object("rope_scaling"), fields) : { kind: "none" },
  };
}

function readScaling(rope: JsonFields, config: JsonFields): RopeScaling {
  // The oldest files say `type` for `rope_type`.
  const key = rope.has("rope_type") ? "rope_type" : "type";
  const kind = rope.string(key, "default");
  switch (kind) {
    case "default":
      return { kind: "none" };
    case "linear":
      return { kind: "linear", factor: rope.positive("factor") };
    case "llama3": {
      const scaling = {
        kind,
        factor: rope.positive("factor"),
        lowFrequencyFactor: rope.positive("low_freq_factor"),
        highFrequencyFactor: rope.positive("high_freq_factor"),
        originalMaxPositions: rope.has("original_max_position_embeddings")
          ? rope.integer("original_max_position_embeddings", SIZE)
          : config.integer("original_max_position_embeddings", SIZE),
      } as const;
      if (scaling.highFrequencyFactor <= scaling.lowFrequencyFactor) {
        rope.fail("high_freq_factor", `above low_freq_factor (${scaling.lowFrequencyFactor})`);
      }
      return scaling;
    }
    default:
      return rope.fail(key, '"default", "linear" or "llama3" (no other RoPE scaling is supported)');
  }
}

/** A token id or a list of them; absent: none. */
function tokenIds(fields: JsonFields, name: string, vocabularySize: number): number[] {
  const value = fields.raw(name);
  if (value === undefined) return [];
  const ids = Array.isArray(value) ? value : [value];
  for (const id of ids) {
    if (!Number.isInteger(id) || id < 0 || id >= vocabularySize) {
      fields.fail(name, `a token id below vocab_size (${vocabularySize}) or a list of them`);
    }
  }
  return ids as number[];
}
