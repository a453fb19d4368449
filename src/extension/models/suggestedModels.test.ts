import { expect, it } from "vitest";
import { parameterCount } from "./parameterCount";
import { memoryToTune, rankForDevice, suggestedModels } from "./suggestedModels";

const cpu = (gigabytes: number) => ({ kind: "cpu" as const, name: "CPU", memoryBytes: gigabytes * 1e9 });
const gpu = (gigabytes: number) => ({ kind: "cuda" as const, name: "GPU", memoryBytes: gigabytes * 1e9 });
const names = (models: readonly { name: string }[]) => models.map(({ name }) => name);

it("ranks by what fits", () => {
  expect(names(rankForDevice(cpu(4)).fits)).toEqual(["SmolLM2 135M", "SmolLM2 360M"]);
  expect(names(rankForDevice(gpu(8)).fits).slice(0, 2)).toEqual(["SmolLM2 1.7B", "Llama 3.2 1B"]);
  expect(rankForDevice(gpu(80)).tooLarge).toEqual([]);
  const nothing = rankForDevice(cpu(1));
  expect(nothing.fits).toEqual([]);
  expect(nothing.tooLarge).toEqual(suggestedModels);
});

it("counts at least the weights as the device holds them", () => {
  for (const model of suggestedModels) {
    expect(memoryToTune(model, "cpu")).toBeGreaterThan(4 * model.parameters);
    expect(memoryToTune(model, "cuda")).toBeGreaterThan(2 * model.parameters);
  }
});

it("lists parameters as the models' configs give them, smallest first", () => {
  const llama = (hidden: number, inner: number, layers: number, heads: number, kv: number, vocabulary: number) =>
    parameterCount({
      hidden_size: hidden,
      intermediate_size: inner,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: kv,
      vocab_size: vocabulary,
      tie_word_embeddings: vocabulary !== 32_000,
    });
  expect(suggestedModels.map(({ parameters }) => parameters)).toEqual([
    llama(576, 1536, 30, 9, 3, 49_152),
    llama(960, 2560, 32, 15, 5, 49_152),
    llama(2048, 5632, 22, 32, 4, 32_000),
    llama(2048, 8192, 16, 32, 8, 128_256),
    llama(2048, 8192, 24, 32, 32, 49_152),
    llama(3072, 8192, 28, 24, 8, 128_256),
  ]);
});
