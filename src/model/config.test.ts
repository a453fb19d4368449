import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readLlamaConfig } from "./config";
import { configJson, TINY_PYTHON, temporaryFolder } from "./testModel";

function read(changes: Record<string, unknown>) {
  return readText(configJson(changes));
}
function readText(text: string) {
  const folder = temporaryFolder("config");
  writeFileSync(join(folder, "config.json"), text);
  return readLlamaConfig(folder);
}

const LLAMA3 = { factor: 32, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };

describe("config.json", () => {
  it("reads tiny-python's", () => {
    expect(readLlamaConfig(TINY_PYTHON)).toMatchObject({
      hiddenSize: 384,
      layers: 8,
      queryHeads: 6,
      kvHeads: 2,
      headDim: 64,
      tiedEmbedding: true,
      beginToken: 8160,
      endTokens: [8161],
      rope: { theta: 500000, scaling: { kind: "llama3", factor: 4, originalMaxPositions: 1024 } },
    });
  });

  it("reads both spellings of RoPE alike", () => {
    const old = read({ rope_theta: 500000, rope_scaling: { rope_type: "llama3", ...LLAMA3 } });
    const oldest = read({ rope_theta: 500000, rope_scaling: { type: "llama3", ...LLAMA3 } });
    const parameters = { rope_type: "llama3", rope_theta: 500000, ...LLAMA3 };
    const recent = read({ rope_theta: undefined, rope_parameters: parameters });
    expect(recent).toEqual(old);
    expect(oldest).toEqual(old);
    expect(read({ rope_scaling: { type: "linear", factor: 2 } }).rope.scaling).toEqual({ kind: "linear", factor: 2 });
    expect(read({ rope_scaling: null }).rope).toEqual({ theta: 10000, scaling: { kind: "none" } });
  });

  it("derives what older files leave out", () => {
    expect(read({ head_dim: undefined }).headDim).toBe(8);
    expect(read({ num_key_value_heads: undefined }).kvHeads).toBe(4);
    expect(read({ eos_token_id: [1, 2] }).endTokens).toEqual([1, 2]);
    expect(read({ bos_token_id: null }).beginToken).toBeNull();
  });

  const REQUIRED = [
    "model_type",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "vocab_size",
    "max_position_embeddings",
    "rms_norm_eps",
  ];
  it.each(REQUIRED)("names the file and the missing field %s", (field) => {
    expect(() => read({ [field]: undefined })).toThrow(new RegExp(`config\\.json: ${field} must be .* missing`));
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ["another family", { model_type: "gpt2" }, /model_type is "gpt2"/],
    ["biases", { attention_bias: true }, /attention_bias must be false/],
    ["another activation", { hidden_act: "gelu" }, /hidden_act must be "silu"/],
    ["quantized weights", { quantization_config: { bits: 4 } }, /quantization_config/],
    ["a string for a number", { hidden_size: "32" }, /hidden_size must be a whole number .* not "32"/],
    ["a fraction", { num_hidden_layers: 1.5 }, /num_hidden_layers/],
    ["a huge size", { vocab_size: 1e300 }, /vocab_size/],
    ["heads that do not divide", { num_key_value_heads: 3 }, /num_key_value_heads must be a divisor/],
    ["a negative epsilon", { rms_norm_eps: -1 }, /rms_norm_eps must be a number above 0/],
    ["an end token out of range", { eos_token_id: 50 }, /eos_token_id must be a token id below vocab_size/],
    ["an unknown RoPE", { rope_scaling: { rope_type: "yarn", factor: 2 } }, /rope_scaling\.rope_type must be/],
    ["llama3 without a factor", { rope_scaling: { rope_type: "llama3" } }, /rope_scaling\.factor must be/],
    ["RoPE that is no object", { rope_parameters: [1] }, /rope_parameters must be an object/],
  ])("refuses %s", (_, changes, message) => {
    expect(() => read(changes)).toThrow(message);
  });

  it.each([
    ["", /not valid JSON/],
    ['{"model_type":', /not valid JSON/],
    ["[]", /must hold a JSON object/],
  ])("refuses the file %j", (text, message) => {
    expect(() => readText(text)).toThrow(message);
  });

  it("says which file does not exist", () => {
    expect(() => readLlamaConfig("/no/such/model")).toThrow(
      "/no/such/model/config.json could not be read: there is no such file or folder.",
    );
  });
});
