import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { PeftAdapter } from "./adapter";
import { readLlamaConfig } from "./config";
import {
  configJson,
  type FakeTensor,
  goldenFolder,
  randomValues,
  safetensorsBytes,
  TINY_PYTHON,
  temporaryFolder,
} from "./testModel";
import { addLowRank } from "./weights";

const opened: PeftAdapter[] = [];
afterEach(async () => {
  for (const adapter of opened.splice(0)) await adapter.close();
});

const SETTINGS = { peft_type: "LORA", r: 2, lora_alpha: 6, target_modules: ["q_proj"] };

function smallConfig() {
  const folder = temporaryFolder("config");
  writeFileSync(join(folder, "config.json"), configJson());
  return readLlamaConfig(folder);
}

function tensors(shapeOfA = [2, 32]): Record<string, FakeTensor> {
  const next = randomValues(1);
  const of = (shape: number[]) => ({ shape, values: Float32Array.from({ length: shape[0]! * shape[1]! }, next) });
  const result: Record<string, FakeTensor> = {};
  for (const layer of [0, 1]) {
    const name = `base_model.model.model.layers.${layer}.self_attn.q_proj`;
    result[`${name}.lora_A.weight`] = of(shapeOfA);
    result[`${name}.lora_B.weight`] = of([64, 2]);
  }
  return result;
}

async function open(settings: Record<string, unknown>, contents = tensors()) {
  const folder = temporaryFolder("adapter");
  writeFileSync(join(folder, "adapter_config.json"), JSON.stringify({ ...SETTINGS, ...settings }));
  writeFileSync(join(folder, "adapter_model.safetensors"), safetensorsBytes(contents));
  const adapter = await PeftAdapter.open(folder, smallConfig());
  opened.push(adapter);
  return adapter;
}

describe("PEFT adapters", () => {
  it("reads PEFT's own", async () => {
    const adapter = await PeftAdapter.open(
      join(goldenFolder("peft-r8"), "adapter_final"),
      readLlamaConfig(TINY_PYTHON),
    );
    expect([adapter.rank, adapter.scale]).toEqual([8, 2]);
    const pair = await adapter.pair(7, "down_proj");
    expect([pair!.a.length, pair!.b.length]).toEqual([8 * 1024, 384 * 8]);
    await adapter.close();
  });

  it("scales by alpha / r, and by alpha / √r with use_rslora", async () => {
    expect((await open({})).scale).toBe(3);
    expect((await open({ use_rslora: true })).scale).toBeCloseTo(6 / Math.sqrt(2), 12);
  });

  it("has no pair for what is not tuned", async () => {
    const adapter = await open({});
    expect(await adapter.pair(0, "v_proj")).toBeNull();
    expect((await adapter.pair(1, "q_proj"))!.a).toHaveLength(64);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ["DoRA", { use_dora: true }, /use_dora must be unset/],
    ["ranks per layer", { rank_pattern: { "layers.0": 4 } }, /rank_pattern must be unset/],
    ["saved modules", { modules_to_save: ["lm_head"] }, /modules_to_save must be unset/],
    ["another method", { peft_type: "IA3" }, /peft_type must be "LORA"/],
    ["an unknown target", { target_modules: ["lm_head"] }, /target_modules must be a list of some of/],
    ["no targets", { target_modules: [] }, /target_modules/],
    ["a rank of 0", { r: 0 }, /r must be a whole number/],
    ["another rank than the tensors'", { r: 3 }, /has the shape \[2, 32\], but \[3, 32\] was expected/],
    ["a target without tensors", { target_modules: ["q_proj", "v_proj"] }, /does not hold the tensor .*v_proj/],
    ["tensors without a target", { target_modules: ["v_proj"] }, /does not hold the tensor .*v_proj/],
  ])("refuses %s", async (_, settings, message) => {
    await expect(open(settings)).rejects.toThrow(message);
  });

  it("refuses a tensor that has no place", async () => {
    const extra = { shape: [1], values: new Float32Array(1) };
    await expect(open({}, { ...tensors(), extra })).rejects.toThrow(
      /holds extra, which the base model has no place for/,
    );
  });
});

describe("addLowRank", () => {
  it("adds scale · B · A, block by block", () => {
    const next = randomValues(5);
    const [rows, columns, rank, scale] = [5, 7, 3, 0.75];
    const fill = (count: number) => Float32Array.from({ length: count }, next);
    const [weights, a, b] = [fill(rows * columns), fill(rank * columns), fill(rows * rank)];
    const merged = Float32Array.from(weights);
    addLowRank(merged.subarray(0, 2 * columns), columns, { a, b }, 0, rank, scale);
    addLowRank(merged.subarray(2 * columns), columns, { a, b }, 2, rank, scale);
    for (let row = 0; row < rows; ++row) {
      for (let column = 0; column < columns; ++column) {
        let sum = 0;
        for (let r = 0; r < rank; ++r) sum += b[row * rank + r]! * a[r * columns + column]!;
        expect(merged[row * columns + column]).toBeCloseTo(weights[row * columns + column]! + scale * sum, 6);
      }
    }
  });
});
