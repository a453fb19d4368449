import { rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readLlamaConfig } from "../config";
import { plainLlama } from "../plainLlama";
import { TensorFiles } from "../safetensors";
import { OnnxLlama } from "../session";
import { loadModel, randomModel, randomValues, TINY_PYTHON, temporaryFolder } from "../testModel";
import { MergedWeights } from "../weights";
import { FLOAT32, llamaModel, storedTensors, weightSpecs } from "./llamaGraph";
import { type WriteOptions, writeLlamaModel } from "./writeModel";

const config = readLlamaConfig(TINY_PYTHON);
const SHAPES: [string, Record<string, unknown>][] = [
  ["grouped heads, untied head", {}],
  ["a tied head", { tie_word_embeddings: true }],
  ["as many key heads as query heads", { num_key_value_heads: 4 }],
  ["one key head, larger heads", { num_key_value_heads: 1, head_dim: 32 }],
  ["linear RoPE scaling", { rope_scaling: { rope_type: "linear", factor: 3 } }],
  [
    "llama3 RoPE scaling",
    {
      rope_theta: 100,
      rope_scaling: {
        rope_type: "llama3",
        factor: 4,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 64,
      },
    },
  ],
  ["a larger epsilon", { rms_norm_eps: 0.1 }],
];

describe("the graph", () => {
  const block = { bits: 4, blockSize: 128 } as const;
  const embedding = { bits: 8, blockSize: 128 } as const;
  it.each([
    ["float32", FLOAT32],
    ["4 bits", { linear: block, embedding, screen: null }],
    ["4 bits, a coarse head beside the embedding", { linear: block, embedding, screen: block }],
  ])("uses every weight, and nothing that is not there: %s", (_, format) => {
    const tensors = weightSpecs(config, 128, format)
      .flatMap(storedTensors)
      .map((tensor) => ({ ...tensor, offset: 0 }));
    const { graph } = llamaModel(config, tensors, {}, format);
    const known = new Set([...graph.inputs, ...graph.external, ...graph.inline].map(({ name }) => name));
    const used = new Set<string>();
    for (const node of graph.nodes) {
      for (const input of node.inputs.filter(Boolean)) {
        expect(known, `${node.name} reads ${input}`).toContain(input);
        used.add(input);
      }
      for (const output of node.outputs.filter(Boolean)) {
        expect(known, `${output} is written twice`).not.toContain(output);
        known.add(output);
      }
    }
    for (const { name } of [...graph.inputs, ...graph.external, ...graph.inline]) expect(used).toContain(name);
    for (const { name } of graph.outputs) expect(known).toContain(name);
  });

  it("stores a tied embedding once", () => {
    const names = (tiedEmbedding: boolean) => weightSpecs({ ...config, tiedEmbedding }, 1).map(({ name }) => name);
    expect(names(true)).not.toContain("head");
    expect(names(false)).toContain("head");
  });

  it.each(SHAPES)("computes what a plain implementation does: %s", async (_, changes) => {
    const { folder, tensors } = randomModel(changes, 7);
    const model = await loadModel(folder);
    const next = randomValues(3);
    const ids = Array.from({ length: 90 }, () => Math.floor((next() + 1) * 25));
    const expected = plainLlama(readLlamaConfig(folder), tensors, ids);
    const actual = await model.logitsOf(
      [ids],
      ids.map((_id, at): [number, number] => [0, at]),
    );
    let worst = 0;
    expected.flat().forEach((value, i) => {
      worst = Math.max(worst, Math.abs(value - actual[i]!));
    });
    expect(worst).toBeLessThan(5e-5);
    // Not by both being flat.
    expect(Math.max(...expected.flat())).toBeGreaterThan(1);
  });
});

async function write(modelDir: string, options: Partial<WriteOptions> = {}) {
  const folder = temporaryFolder("write");
  const base = await TensorFiles.openModel(modelDir);
  try {
    const config = readLlamaConfig(modelDir);
    const settings = { positions: 256, metadata: {}, ...options };
    return { folder, files: await writeLlamaModel(folder, config, new MergedWeights(base, config, null), settings) };
  } finally {
    await base.close();
  }
}

describe("a coarse head beside the embedding", () => {
  const embedding = { bits: 8, blockSize: 64 } as const;
  const screens = [null, { bits: 4, blockSize: 64 }] as const;

  async function withScreen(screen: (typeof screens)[number], tied: boolean): Promise<OnnxLlama> {
    const { folder } = randomModel({ tie_word_embeddings: tied, vocab_size: 1000, hidden_size: 64 }, 11);
    const { folder: written } = await write(folder, { format: { linear: null, embedding, screen } });
    return OnnxLlama.load(written, { threads: 1, maxPositions: 256 });
  }

  it.each([[true], [false]])(
    "finds the tokens whose logits count, and computes those as well: tied %s",
    async (tied) => {
      const next = randomValues(5);
      const ids = Array.from({ length: 70 }, () => Math.floor((next() + 1) * 25));
      const last = async (screen: (typeof screens)[number]) => {
        const model = await withScreen(screen, tied);
        // Over several runs, of which the first ones ask for no logits.
        const logits = await model.lastLogits(ids);
        const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!);
        return { logits, order };
      };
      const [whole, screened] = [await last(null), await last(screens[1])];
      const range = Math.max(...whole.logits) - Math.min(...whole.logits);
      expect(range).toBeGreaterThan(1);
      for (const token of whole.order.slice(0, 5)) {
        expect(Math.abs(screened.logits[token]! - whole.logits[token]!)).toBeLessThan(0.005 * range);
      }
      expect(screened.order.slice(0, 3)).toEqual(whole.order.slice(0, 3));
      // Far down the coarse head's own logits stand: else the test would compare the same graph.
      const differ = whole.order.slice(-500).filter((id) => Math.abs(screened.logits[id]! - whole.logits[id]!) > 1e-4);
      expect(differ.length).toBeGreaterThan(400);
    },
  );
});

describe("writing the model", () => {
  it("reports its progress up to the end", async () => {
    const fractions: number[] = [];
    await write(TINY_PYTHON, { onProgress: (fraction) => fractions.push(fraction) });
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  });

  it("stops between two blocks when cancelled", async () => {
    const abort = new AbortController();
    const writing = write(TINY_PYTHON, { signal: abort.signal, onProgress: () => abort.abort() });
    await expect(writing).rejects.toThrow(/abort/i);
  });

  it("refuses weights that are not finite", async () => {
    const { folder, tensors } = randomModel({}, 1);
    tensors["model.norm.weight"]!.values[3] = Number.NaN;
    const { safetensorsBytes } = await import("../testModel");
    writeFileSync(join(folder, "model.safetensors"), safetensorsBytes(tensors));
    await expect(write(folder)).rejects.toThrow(
      "The merged weight finalNorm holds a value that is not a finite number",
    );
  });

  it("refuses a model that lacks a tensor", async () => {
    const { folder, tensors } = randomModel({}, 1);
    delete tensors["model.layers.1.mlp.up_proj.weight"];
    const { safetensorsBytes } = await import("../testModel");
    writeFileSync(join(folder, "model.safetensors"), safetensorsBytes(tensors));
    await expect(write(folder)).rejects.toThrow(/does not hold the tensor model\.layers\.1\.mlp\.up_proj\.weight/);
  });

  it("cannot be loaded with its data cut off or gone", async () => {
    const { folder, files } = await write(TINY_PYTHON);
    const data = join(folder, "model.onnx.data");
    expect(files.map(({ path, bytes }) => [path, bytes])).toContainEqual(["model.onnx.data", statSync(data).size]);
    truncateSync(data, 1000);
    const load = () => OnnxLlama.load(folder, { threads: 1, maxPositions: 256 });
    await expect(load()).rejects.toThrow(/model\.onnx could not be loaded: .*; export the model again\.$/);
    rmSync(data);
    await expect(load()).rejects.toThrow(/model\.onnx could not be loaded/);
    writeFileSync(join(folder, "model.onnx"), "not a model");
    await expect(load()).rejects.toThrow(/model\.onnx could not be loaded/);
  });
});
