import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parameterCount } from "./parameterCount";

/** Tensor sizes as the model's own files list them. */
function weightsIn(folder: string): number {
  const index = JSON.parse(readFileSync(join(folder, "model.safetensors.index.json"), "utf8"));
  const files = new Set<string>(Object.values(index.weight_map));
  let total = 0;
  for (const file of files) {
    const bytes = readFileSync(join(folder, file));
    const header = JSON.parse(bytes.toString("utf8", 8, 8 + Number(bytes.readBigUInt64LE(0))));
    for (const [name, tensor] of Object.entries<{ shape: number[] }>(header)) {
      if (name !== "__metadata__") total += tensor.shape.reduce((product, size) => product * size, 1);
    }
  }
  return total;
}

it("counts what the bundled model holds", () => {
  const folder = join(__dirname, "..", "..", "..", "models", "tiny-python");
  expect(existsSync(folder)).toBe(true);
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  expect(parameterCount(config)).toBe(weightsIn(folder));
});

it("counts Llama 3.2 1B", () => {
  const config = {
    hidden_size: 2048,
    intermediate_size: 8192,
    num_hidden_layers: 16,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 64,
    vocab_size: 128_256,
    tie_word_embeddings: true,
  };
  expect(parameterCount(config)).toBe(1_235_814_400);
});

it.each([null, "x", {}, { hidden_size: -1 }, { hidden_size: "2048" }])("says nothing of %o", (config) => {
  expect(parameterCount(config)).toBeNull();
});
