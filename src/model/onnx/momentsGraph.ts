import type { LlamaConfig } from "../config";
import type { InlineTensor, Model, Node } from "./messages";
import { ElementType } from "./messages";

/** The matrices of a layer by the inputs that they read: gate and up read the same. */
export const MEASURED = ["qkv", "o", "gate", "down"] as const;
export type Measured = (typeof MEASURED)[number];

export const MOMENTS_FILE = "moments.onnx";

/** Wider windows round better and take more memory: moments of all matrices together, in values. */
const MOST_VALUES = 1 << 28;
const WIDEST = 512;

/** Columns of each measured matrix, and the window of its moments. */
export function momentWindows(
  config: LlamaConfig,
  blockSize: number,
): Record<Measured, { columns: number; window: number }> {
  const { hiddenSize, intermediateSize, queryHeads, headDim, layers } = config;
  const columns: Record<Measured, number> = {
    qkv: hiddenSize,
    o: queryHeads * headDim,
    gate: hiddenSize,
    down: intermediateSize,
  };
  const all = layers * MEASURED.reduce((sum, kind) => sum + columns[kind], 0);
  const widest = Math.max(blockSize, Math.min(WIDEST, Math.floor(MOST_VALUES / all)));
  const of = (count: number) => ({ columns: count, window: largestDivisor(count, blockSize, widest) });
  return { qkv: of(columns.qkv), o: of(columns.o), gate: of(columns.gate), down: of(columns.down) };
}

/** The largest divisor of `count` up to `limit` that is a multiple of `unit`. */
function largestDivisor(count: number, unit: number, limit: number): number {
  for (let size = Math.floor(limit / unit) * unit; size > unit; size -= unit) if (count % size === 0) return size;
  return unit;
}

export function momentsOutput(layer: number, kind: Measured): string {
  return `moments.${layer}.${kind}`;
}

/**
 * The same model with outputs more: `moments.L.KIND`, float32 [columns / window, window, window], Σ x·xᵀ of the inputs of
 * the matrix over the run's positions. It reads the data file of the model that it was made from.
 */
export function withMoments(model: Model, config: LlamaConfig, windows: ReturnType<typeof momentWindows>): Model {
  const { graph } = model;
  const readBy = new Map(graph.nodes.map((node) => [node.outputs[0], node.inputs[0]!]));
  const nodes: Node[] = [];
  const outputs: Model["graph"]["outputs"] = [];
  const shapes: InlineTensor[] = [];
  for (const kind of MEASURED) {
    const { columns, window } = windows[kind];
    shapes.push({ name: `windows.${kind}`, shape: [3], int64: [-1n, BigInt(columns / window), BigInt(window)] });
    for (let layer = 0; layer < config.layers; ++layer) {
      const name = momentsOutput(layer, kind);
      const inputs = readBy.get(`layers.${layer}.${kind}.out`);
      if (inputs === undefined) throw new Error(`The graph has no product layers.${layer}.${kind}.`);
      const step = (op: string, from: string[], to: string, attributes: Node["attributes"] = {}, domain = "") =>
        nodes.push({ op, domain, name: to, inputs: from, outputs: [to], attributes });
      step("Reshape", [inputs, `windows.${kind}`], `${name}.rows`);
      step("Transpose", [`${name}.rows`], `${name}.windows`, { perm: { ints: [1, 0, 2] } });
      const transA = { transA: { int: 1 } };
      step("FusedMatMul", [`${name}.windows`, `${name}.windows`], name, transA, "com.microsoft");
      outputs.push({ name, type: ElementType.float32, shape: [columns / window, window, window] });
    }
  }
  return {
    ...model,
    graph: {
      ...graph,
      nodes: [...graph.nodes, ...nodes],
      outputs: [...graph.outputs, ...outputs],
      inline: [...graph.inline, ...shapes],
    },
  };
}
