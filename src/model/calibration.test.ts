import { describe, expect, it } from "vitest";
import { measureInputs } from "./calibration";
import { readLlamaConfig } from "./config";
import { errorFeedback } from "./onnx/inputMoments";
import { weightSpecs } from "./onnx/llamaGraph";
import { momentWindows } from "./onnx/momentsGraph";
import { storedModel, writeLlamaModel } from "./onnx/writeModel";
import { TensorFiles } from "./safetensors";
import { randomModel, temporaryFolder } from "./testModel";
import { MergedWeights } from "./weights";

const CHANGES = { hidden_size: 64, intermediate_size: 96, head_dim: 16, tie_word_embeddings: true };

describe("the inputs of the matrices", () => {
  it("are those of the model: the first layer's are the normed embeddings", async () => {
    const { folder, tensors } = randomModel(CHANGES, 4);
    const config = readLlamaConfig(folder);
    const base = await TensorFiles.openModel(folder);
    const target = temporaryFolder("calibration");
    const options = { positions: 64, metadata: {} };
    await writeLlamaModel(target, config, new MergedWeights(base, config, null), options);
    await base.close();
    const sequences = [
      [1, 2, 3, 4],
      [7, 7, 9],
    ];
    const model = storedModel(config, options);
    const statistics = await measureInputs(target, model, config, 32, sequences, { threads: 1 });
    const specs = weightSpecs(config, 64);
    const feedback = (name: string) => statistics.feedbackFor(specs.find((spec) => spec.name === name)!);
    const embedding = tensors["model.embed_tokens.weight"]!.values;
    const norm = tensors["model.layers.0.input_layernorm.weight"]!.values;
    const sums = new Float32Array(64 * 64);
    for (const id of sequences.flat()) {
      const row = embedding.subarray(64 * id, 64 * (id + 1));
      const mean = row.reduce((sum, value) => sum + value * value, 0) / 64;
      const normed = row.map((value, i) => (value / Math.sqrt(mean + 1e-5)) * norm[i]!);
      for (let i = 0; i < 64; ++i) for (let j = 0; j < 64; ++j) sums[64 * i + j]! += normed[i]! * normed[j]!;
    }
    const found = feedback("layers.0.qkv")!;
    expect(found.window).toBe(64);
    errorFeedback({ window: 64, sums }).weights.forEach((weight, i) => {
      expect(found.weights[i]).toBeCloseTo(weight, 3);
    });
    expect(feedback("layers.1.up")).toBe(feedback("layers.1.gate"));
    expect(feedback("layers.1.down")!.order).toHaveLength(96);
    expect(feedback("embedding")).toBeNull();
  });

  it("are measured in windows that divide their columns and keep memory bounded", () => {
    const { folder } = randomModel(CHANGES, 4);
    const config = {
      ...readLlamaConfig(folder),
      hiddenSize: 4096,
      intermediateSize: 14336,
      queryHeads: 32,
      headDim: 128,
    };
    const windows = momentWindows({ ...config, layers: 32 }, 128);
    for (const { columns, window } of Object.values(windows)) {
      expect(columns % window).toBe(0);
      expect(window % 128).toBe(0);
    }
    const values = Object.values(windows).reduce((sum, { columns, window }) => sum + 32 * columns * window, 0);
    expect(values).toBeLessThanOrEqual(1 << 28);
    expect(momentWindows({ ...config, layers: 1 }, 128).down.window).toBe(512);
  });
});
