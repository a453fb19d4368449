/** Models, data and settings whose forecasts are held to their runs. */
import type { NewRun } from "../../src/run/runDirectory";
import type { defaultSettings } from "../../src/run/runSpec";
import type { Sizes } from "./model";

export interface Row {
  instruction: string;
  input: string;
  output: string;
}

export interface Shape {
  name: string;
  /** Null: models/tiny-python. */
  sizes: Sizes | null;
  rows: (all: readonly Row[]) => Row[];
  settings: (defaults: ReturnType<typeof defaultSettings>) => Partial<NewRun>;
}

const joined = (all: readonly Row[], count: number): Row[] =>
  Array.from({ length: Math.floor(all.length / count) }, (_, index) => {
    const part = all.slice(index * count, (index + 1) * count);
    return { ...part[0]!, output: part.map(({ output }) => output).join("\n\n") };
  });

/** Those that forecasts have been held to from the beginning. */
export const shapes: readonly Shape[] = [
  {
    name: "defaults",
    sizes: null,
    rows: (all) => all.slice(0, 300),
    settings: () => ({}),
  },
  {
    name: "short-rows-block",
    sizes: null,
    rows: (all) => all.filter(({ output }) => output.length < 200).slice(0, 300),
    settings: ({ training }) => ({
      sequenceLength: 128,
      training: { ...training, sequencesPerStep: 8, recompute: "block", evalEvery: 0, checkpointEvery: 0 },
    }),
  },
  {
    name: "wide-shallow",
    sizes: { hidden: 768, intermediate: 2048, layers: 3, heads: 12, kvHeads: 4 },
    rows: (all) => all.slice(0, 300),
    settings: ({ training, lora }) => ({
      sequenceLength: 256,
      lora: { ...lora, rank: 8, alpha: 16 },
      training: { ...training, recompute: "none" },
    }),
  },
  {
    name: "deep-long-rows",
    sizes: { hidden: 256, intermediate: 704, layers: 14, heads: 8, kvHeads: 4 },
    rows: (all) => joined(all, 8),
    settings: ({ training }) => ({
      sequenceLength: 2048,
      training: { ...training, sequencesPerStep: 2, recompute: "gate-up" },
    }),
  },
  {
    name: "many-evaluations",
    sizes: null,
    rows: (all) => all.slice(0, 400),
    settings: ({ training, lora }) => ({
      sequenceLength: 512,
      lora: { ...lora, rank: 64, alpha: 128 },
      training: { ...training, sequencesPerStep: 2, evalEvery: 10, checkpointEvery: 5 },
    }),
  },
];

/** Others, by which nothing of the forecast was found. */
export const others: readonly Shape[] = [
  {
    name: "narrow-deep",
    sizes: { hidden: 192, intermediate: 512, layers: 9, heads: 6, kvHeads: 2 },
    rows: (all) => all.slice(0, 600),
    settings: ({ training }) => ({ sequenceLength: 384, training: { ...training, evalEvery: 20, checkpointEvery: 0 } }),
  },
  {
    name: "large-vocabulary",
    sizes: { hidden: 320, intermediate: 864, layers: 4, heads: 5, kvHeads: 5, vocabulary: 32768 },
    rows: (all) => all.slice(300, 500),
    settings: ({ training }) => ({ sequenceLength: 512, training: { ...training, sequencesPerStep: 4 } }),
  },
  {
    name: "wide-often",
    sizes: { hidden: 1024, intermediate: 2816, layers: 4, heads: 16, kvHeads: 4 },
    rows: (all) => all.slice(100, 400),
    settings: ({ training }) => ({
      sequenceLength: 320,
      training: { ...training, sequencesPerStep: 4, recompute: "block", evalEvery: 5, checkpointEvery: 0 },
    }),
  },
  {
    name: "long-rows",
    sizes: null,
    rows: (all) => joined(all, 4),
    settings: ({ training }) => ({
      sequenceLength: 1024,
      training: { ...training, sequencesPerStep: 4, microBatch: 1, evalEvery: 50 },
    }),
  },
  {
    name: "tight-sequences",
    sizes: null,
    rows: (all) => all.slice(200, 900),
    settings: ({ training }) => ({
      sequenceLength: 192,
      training: { ...training, sequencesPerStep: 16, evalEvery: 0 },
    }),
  },
  {
    name: "two-layers-of-1536",
    sizes: { hidden: 1536, intermediate: 4096, layers: 2, heads: 12, kvHeads: 4 },
    rows: (all) => all.slice(0, 250),
    settings: ({ training, lora }) => ({
      sequenceLength: 256,
      lora: { ...lora, rank: 4, alpha: 8 },
      training: { ...training, sequencesPerStep: 4, evalEvery: 0, checkpointEvery: 10 },
    }),
  },
];
