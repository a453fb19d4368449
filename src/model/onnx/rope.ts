import type { LlamaConfig } from "../config";

/** The rotation's angle per position of each pair of dimensions, in float64. */
export function ropeFrequencies(config: LlamaConfig): Float64Array {
  const { theta, scaling } = config.rope;
  const frequencies = new Float64Array(config.headDim / 2);
  for (let i = 0; i < frequencies.length; ++i) {
    const frequency = theta ** (-(2 * i) / config.headDim);
    frequencies[i] = scaling.kind === "none" ? frequency : scaled(frequency, scaling);
  }
  return frequencies;
}

/**
 * linear: every wave longer by `factor`. llama3: waves longer than the original context by `factor`, those much shorter
 * stay, and between the two the frequency is interpolated.
 */
function scaled(frequency: number, scaling: Exclude<LlamaConfig["rope"]["scaling"], { kind: "none" }>): number {
  if (scaling.kind === "linear") return frequency / scaling.factor;
  const waveLength = (2 * Math.PI) / frequency;
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions } = scaling;
  if (waveLength < originalMaxPositions / high) return frequency;
  if (waveLength > originalMaxPositions / low) return frequency / factor;
  const smooth = (originalMaxPositions / waveLength - low) / (high - low);
  return (1 - smooth) * (frequency / factor) + smooth * frequency;
}

/** [positions, headDim / 2] of cos or sin, in blocks of rows. */
export function* ropeTable(
  config: LlamaConfig,
  positions: number,
  wave: (angle: number) => number,
): Generator<Float32Array> {
  const frequencies = ropeFrequencies(config);
  const columns = frequencies.length;
  const atOnce = 1024;
  for (let first = 0; first < positions; first += atOnce) {
    const rows = Math.min(atOnce, positions - first);
    const block = new Float32Array(rows * columns);
    for (let row = 0; row < rows; ++row) {
      for (let i = 0; i < columns; ++i) block[row * columns + i] = wave((first + row) * frequencies[i]!);
    }
    yield block;
  }
}
