import { existsSync } from "node:fs";
import { join } from "node:path";
import type { LoraTarget } from "../protocol/run";
import type { LlamaConfig } from "./config";
import { ModelError } from "./error";
import { readJsonObject } from "./jsonFile";
import { TensorFiles } from "./safetensors";

/** Each LoRA target: the module that holds it and its [outputs, inputs]. */
export const PROJECTIONS: Record<LoraTarget, { module: "self_attn" | "mlp"; shape(c: LlamaConfig): [number, number] }> =
  {
    q_proj: { module: "self_attn", shape: (c) => [c.queryHeads * c.headDim, c.hiddenSize] },
    k_proj: { module: "self_attn", shape: (c) => [c.kvHeads * c.headDim, c.hiddenSize] },
    v_proj: { module: "self_attn", shape: (c) => [c.kvHeads * c.headDim, c.hiddenSize] },
    o_proj: { module: "self_attn", shape: (c) => [c.hiddenSize, c.queryHeads * c.headDim] },
    gate_proj: { module: "mlp", shape: (c) => [c.intermediateSize, c.hiddenSize] },
    up_proj: { module: "mlp", shape: (c) => [c.intermediateSize, c.hiddenSize] },
    down_proj: { module: "mlp", shape: (c) => [c.hiddenSize, c.intermediateSize] },
  };
const TARGETS = Object.keys(PROJECTIONS) as LoraTarget[];

/** Fields of PEFT's adapter_config.json that change what the adapter computes and are not supported: must be absent, null, false or empty. */
const MUST_BE_UNSET = [
  "rank_pattern",
  "alpha_pattern",
  "layer_replication",
  "layers_to_transform",
  "layers_pattern",
  "modules_to_save",
  "fan_in_fan_out",
  "lora_bias",
  "use_dora",
  "use_qalora",
  "use_bdlora",
  "exclude_modules",
  "target_parameters",
  "trainable_token_indices",
] as const;

export interface LoraPair {
  /** [rank, inputs] */
  a: Float32Array;
  /** [outputs, rank] */
  b: Float32Array;
}

/** A LoRA adapter in PEFT's format, its tensors checked against the base model's shapes. */
export class PeftAdapter {
  private constructor(
    private readonly files: TensorFiles,
    private readonly targets: ReadonlySet<LoraTarget>,
    readonly rank: number,
    /** The product B·A is multiplied by it: alpha / r, or alpha / √r with use_rslora. */
    readonly scale: number,
  ) {}

  static async open(directory: string, config: LlamaConfig): Promise<PeftAdapter> {
    const settings = readSettings(directory);
    const weights = join(directory, "adapter_model.safetensors");
    if (!existsSync(weights)) throw new ModelError(`${weights} is missing; only adapters in .safetensors are read.`);
    const adapter = new PeftAdapter(
      await TensorFiles.openFile(weights),
      settings.targets,
      settings.rank,
      settings.scale,
    );
    try {
      adapter.checkTensors(config, weights);
    } catch (error) {
      await adapter.close();
      throw error;
    }
    return adapter;
  }

  private checkTensors(config: LlamaConfig, file: string): void {
    const expected = new Set<string>();
    for (let layer = 0; layer < config.layers; ++layer) {
      for (const target of this.targets) {
        const [outputs, inputs] = PROJECTIONS[target].shape(config);
        const [a, b] = tensorNames(layer, target);
        this.files.info(a, [this.rank, inputs]);
        this.files.info(b, [outputs, this.rank]);
        expected.add(a).add(b);
      }
    }
    for (const name of this.files.names()) {
      if (!expected.has(name)) throw new ModelError(`${file} holds ${name}, which the base model has no place for.`);
    }
  }

  /** The pair of a projection, or null where the adapter leaves it as it is. */
  async pair(layer: number, target: LoraTarget): Promise<LoraPair | null> {
    if (!this.targets.has(target)) return null;
    const [a, b] = tensorNames(layer, target);
    return { a: await this.files.read(a), b: await this.files.read(b) };
  }

  close(): Promise<void> {
    return this.files.close();
  }
}

function tensorNames(layer: number, target: LoraTarget): [string, string] {
  const module = `base_model.model.model.layers.${layer}.${PROJECTIONS[target].module}.${target}`;
  return [`${module}.lora_A.weight`, `${module}.lora_B.weight`];
}

function readSettings(directory: string): { rank: number; scale: number; targets: Set<LoraTarget> } {
  const fields = readJsonObject(join(directory, "adapter_config.json"));
  if (fields.string("peft_type", "LORA") !== "LORA") fields.fail("peft_type", '"LORA"');
  if (fields.string("bias", "none") !== "none") fields.fail("bias", '"none"');
  for (const name of MUST_BE_UNSET) {
    const value = fields.raw(name);
    const empty =
      value === undefined || value === false || (typeof value === "object" && Object.keys(value!).length === 0);
    if (!empty) fields.fail(name, "unset (it is not supported)");
  }
  const rank = fields.integer("r", { min: 1, max: 65536 });
  const alpha = fields.positive("lora_alpha");
  const named = fields.raw("target_modules");
  const list = typeof named === "string" ? [named] : named;
  if (!Array.isArray(list) || list.length === 0)
    fields.fail("target_modules", `a list of some of ${TARGETS.join(", ")}`);
  const targets = new Set<LoraTarget>();
  for (const target of list as unknown[]) {
    if (!TARGETS.includes(target as LoraTarget))
      fields.fail("target_modules", `a list of some of ${TARGETS.join(", ")}`);
    targets.add(target as LoraTarget);
  }
  return { rank, targets, scale: fields.boolean("use_rslora", false) ? alpha / Math.sqrt(rank) : alpha / rank };
}
